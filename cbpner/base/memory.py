"""The peak memory of a process, as the kernel counts it.

`ru_maxrss` outlives fork and exec: a small process that a large one started reports the large one's peak. What
/proc/PID/status calls VmHWM begins anew with the program, so that it is read where there is one.
"""

import os
import re
import resource
import sys
import time
from pathlib import Path


def read_peak(pid="self"):
    """MiB that a running process had at most, so far; None where /proc does not say it."""
    try:
        found = re.search(r"^VmHWM:\s*(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), flags=re.MULTILINE)
    except OSError:
        return None
    return round(int(found[1]) / 1024) if found else None


def measure_peak():
    """MiB that this process had at most, so far."""
    peak = read_peak()
    return read_usage(resource.getrusage(resource.RUSAGE_SELF)) if peak is None else peak


def read_usage(usage):
    """MiB of `ru_maxrss`, which counts kibibytes, and bytes on a Mac."""
    return round(usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10))


def wait_measured(process, look=lambda: None, pause=0.02):
    """(resource usage, peak MiB) of a `subprocess.Popen`, once it has ended; its own, without what it started.

    look: called again and again until then. The peak is read as often: of what comes in the last moment before the end
    it can miss something.
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
