"""Versions, machine and command of a process, as a run's config.json records them. Imports no heavy library."""

import os
import platform
import re
import shlex
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import cbpner
from cbpner.runs.folder import PROJECT

PACKAGES = ("torch", "transformers", "tokenizers", "accelerate", "numpy", "seqeval")


def describe_environment() -> dict[str, Any]:
    """Versions, git revision and machine of this process: no host name, user name or path.

    `git` is {"revision", "dirty"}, or None where no checkout tracks this code.
    """
    versions: dict[str, str | None] = {"cbpner": cbpner.__version__}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    cpu, git = None, None
    with suppress(OSError):
        cpu = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), flags=re.MULTILINE)
    if _ask_git("ls-files", "--error-unmatch", "__init__.py") is not None:
        changes = _ask_git("status", "--porcelain", "--untracked-files=no")
        git = {"revision": _ask_git("rev-parse", "HEAD"), "dirty": None if changes is None else bool(changes)}
    return {
        "python": platform.python_version(),
        "packages": dict.fromkeys(PACKAGES) | versions,
        "git": git,
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "cpu": cpu[1].strip() if cpu else platform.processor() or None,
    }


def describe_command() -> dict[str, str]:
    """The command line and its working directory, relative to the project where inside."""
    here = Path.cwd()
    folder = here.relative_to(PROJECT) if here.is_relative_to(PROJECT) else here
    return {"folder": folder.as_posix(), "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])}


def compare_environments(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """One line for each difference that may change the last digits of a result: `torch: 2.12.0, now 2.13.0`.

    Both as in config.json; a key that one of them lacks is no difference.
    """
    names = ("python", "cpu", "device", "gpus", "cuda", "driver", "precision", "threads", "processes")
    old, new = (
        (each.get("packages") or {}) | {name: each[name] for name in names if name in each}
        | {f"git {name}": value for name, value in (each.get("git") or {}).items()}
        for each in (before, now)
    )  # fmt: skip
    return [f"{key}: {old[key]}, now {value}" for key, value in new.items() if old.get(key, value) != value]


def count_processes() -> int:
    """How many processes train together, as `torchrun` says."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def _ask_git(*arguments: str) -> str | None:
    """git's answer about the package's folder."""
    return ask_program("git", "--no-optional-locks", "-C", str(Path(cbpner.__file__).parent), *arguments)


def ask_program(*command: str) -> str | None:
    """What a program prints, or None where it is missing, fails or takes more than 10 seconds."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
