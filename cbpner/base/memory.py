"""The peak memory of a process, as the kernel counts it.

`ru_maxrss` outlives fork and exec: a small process that a large one started reports the large one's peak. VmHWM of
/proc/PID/status starts anew with the program, so that it is read where there is one.
"""

import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def read_peak(pid: int | str = "self") -> int | None:
    """The peak memory of a running process so far, in MiB; None without a /proc that has it."""
    try:
        found = re.search(r"^VmHWM:\s*(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), flags=re.MULTILINE)
    except OSError:
        return None
    return round(int(found[1]) / 1024) if found else None


def measure_peak() -> int:
    """The peak memory of this process so far, in MiB."""
    peak = read_peak()
    return read_usage(resource.getrusage(resource.RUSAGE_SELF)) if peak is None else peak


def read_usage(usage: resource.struct_rusage) -> int:
    """MiB of `ru_maxrss`, which counts kibibytes, and bytes on a Mac."""
    return round(usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10))


def wait_measured(
    process: "subprocess.Popen[Any]", look: Callable[[], object] = lambda: None, pause: float = 0.02
) -> tuple[resource.struct_rusage, int]:
    """(resource usage, peak MiB) of a process once it has ended, without what it started.

    `look` is called every `pause` seconds until then. The peak is read as often, so that one in the last moment can be
    missed.
    """
    peak = None
    while True:
        peak = read_peak(process.pid) or peak
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        look()
        time.sleep(pause)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage, read_usage(usage) if peak is None else peak
