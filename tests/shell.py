"""Helpers for tests of scripts and processes: a stub interpreter, calls of bash, scripts as modules, ways to die.

`make_stub` makes a small real environment whose `-m pip` only notes its arguments, and which prints the arguments of
every other program instead of running it.
"""

import importlib.util
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STUB = """#!/usr/bin/env bash
case "${1:-} ${2:-}" in
  "-m pip"|"-m ensurepip")
    shift; printf '%s\\n' "$* ($PWD)" >> "$STUB_LOG"; sleep "${STUB_SLEEP:-0}"; exit "${STUB_PIP_STATUS:-0}" ;;
  "-I "*) exec "REAL" "$@" ;;
  *) printf '[%s]' "$@"; printf ' CUDA=%s\\n' "${CUDA_VISIBLE_DEVICES-unset}" ;;
esac
"""


def load_script(path):
    """Load the entry script at a path in the repository as a module."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_program(path, text):
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def make_stub(folder):
    """Make a tiny real environment in `folder`, its bin/python replaced by STUB; return that path."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python, real = folder / "bin" / "python", folder / "bin" / "python-real"
    real.symlink_to(python.resolve())
    python.unlink()
    return write_program(python, STUB.replace("REAL", str(real)))


def run_bash(*command, env, cwd=None):
    return subprocess.run(["bash", *map(str, command)], env=env, cwd=cwd, capture_output=True, text=True, timeout=900)


def read_calls(done):
    """Return each call of the stub as its list of arguments, with CUDA_VISIBLE_DEVICES last."""
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    return [[*re.findall(r"\[(.*?)\]", line), line.rpartition("CUDA=")[2]] for line in lines]


def read_flags(call):
    """Return {flag: its value, "" for a switch} of one call of an entry script, perhaps by torchrun."""
    flags, name = {}, None
    call = call[5:] if call[1] == "torch.distributed.run" else call
    for word in call[1:-1]:
        if word.startswith("--"):
            name, flags[word] = word, ""
        else:
            flags[name] = word
    return flags


def write_flags(settings):
    """The words of a command line for {flag: value}."""
    return [word for name, value in settings.items() for word in (f"--{name}", str(value))]


def run_on_two_processes(forks, program, folder):
    """Run a Python program, in `folder`, on two gloo processes, set up as torchrun does it; raises the error of one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes = [forks.Process(target=run_rank, args=(rank, port, program, folder)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(240)
        process.kill()  # one that waits for a dead one
    logs = [(folder / f"{rank}.log").read_text(encoding="utf-8") for rank in (0, 1)]
    assert [process.exitcode for process in processes] == [0, 0], logs


def run_rank(rank, port, program, folder):
    settings = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "MASTER_PORT": port}
    os.environ |= {"MASTER_ADDR": "127.0.0.1"} | {name: str(value) for name, value in settings.items()}
    os.chdir(folder)
    with open(f"{rank}.log", "w", encoding="utf-8") as log, redirect_stdout(log), redirect_stderr(log):
        try:
            exec(program, {})
        except BaseException:
            traceback.print_exc()
            raise


def assert_not_loaded(model, flags, modules):
    """`cbpner predict -` tags a text in a process of its own, without loading modules."""
    words = ["predict", "-", "--to", "jsonl", "--model", str(model), *flags]
    code = "import sys\nfrom cbpner.cli import main\n"
    code += f"sys.exit(main({words}) or sorted({modules} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], input="HER2突变".encode(), capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["text"] == "HER2突变"


def die():
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def before(call, args):
    die()


def after(call, args):
    call()
    die()


def nth(number):
    """True at the so-and-so-many-th time."""
    calls = itertools.count(1)
    return lambda args: next(calls) == number
