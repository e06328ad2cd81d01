"""Peak memory: a process's own, and not that of the one that started it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cbpner.base.memory import measure_peak, read_peak

ROOT = Path(__file__).resolve().parent.parent
LARGE = 300  # MiB
needs_proc = pytest.mark.skipif(read_peak() is None, reason="no /proc/self/status")
PARENT = """
import json, subprocess, sys
from benchmarks import timing
from cbpner.base import memory

class Side:
    def start(self, sentences):
        pass

    def work(self):
        return 1.0

if __name__ == "__main__":
    kept = b"1" * (LARGE * 2**20)
    code = "from cbpner.base.memory import measure_peak; import time; time.sleep(0.3); print(measure_peak())"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    _, waited = timing.wait_measured(process)
    side = timing.time_systems([timing.Task("side", Side, [])], 1, lambda line: None)["side"]
    found = {"own": int(process.stdout.read()), "waited": waited, "side": side["peak_mb"]}
    print(json.dumps(found | {"parent": memory.measure_peak()}))
"""


def test_a_peak_stays_when_the_memory_is_gone():
    kept = b"1" * (LARGE * 2**20)
    high = measure_peak()
    del kept
    assert high >= LARGE and measure_peak() >= high - 16  # the kernel counts pages in batches


@pytest.mark.slow
@needs_proc
def test_a_large_parent_does_not_make_a_child_large(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT.replace("LARGE", str(LARGE)), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    found = json.loads(done.stdout or "{}")
    assert done.returncode == 0, done.stderr
    assert found["parent"] >= LARGE and max(found["own"], found["waited"], found["side"]) < LARGE / 2, found
