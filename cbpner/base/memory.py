"""The peak memory of a process, as the kernel counts it.

`ru_maxrss` outlives fork and exec: a small process that a large one started reports the large one's peak. VmHWM of
/proc/PID/status starts anew with the program, so that it is read where there is one.
"""

import re
import sys
from pathlib import Path
from typing import Any

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]


def read_peak(pid: int | str = "self") -> int | None:
    """The peak memory of a running process so far, in MiB; None without a /proc that has it."""
    try:
        found = re.search(r"^VmHWM:\s*(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), flags=re.MULTILINE)
    except OSError:
        return None
    return round(int(found[1]) / 1024) if found else None


def measure_peak() -> int:
    """The peak memory of this process so far, in MiB; 0 where the system does not say."""
    if (peak := read_peak()) is None and resource:
        return read_usage(resource.getrusage(resource.RUSAGE_SELF))
    return peak or 0


def read_usage(usage: Any) -> int:
    """MiB of `ru_maxrss`, which counts kibibytes, and bytes on a Mac."""
    return int(usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10) + 0.5)
