"""The checkpoint from which a broken-off run resumes: the newest complete one."""

from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from safetensors import SafetensorError, safe_open

from cbpner.base.files import is_main_process, read_json, remove_tree
from cbpner.runs.environment import count_processes


def find_checkpoint(folder: Path, clean: bool = True) -> Path | None:
    """The newest checkpoint in `folder` that is complete, as is that of its best epoch so far; or None.

    clean: The main process deletes newer checkpoints and broken ones.
    """
    paths = {path.name.removeprefix("checkpoint-"): path for path in folder.glob("checkpoint-*")}
    by_step = {int(step): path for step, path in paths.items() if step.isdecimal()}
    states = {step: state for step, path in by_step.items() if (state := read_checkpoint(path)) is not None}
    usable = [step for step, state in states.items() if (state.get("best_global_step") or step) in states]
    newest = max(usable, default=None)
    if clean and is_main_process():
        for step, path in by_step.items():
            if step not in states or newest is None or step > newest:
                remove_tree(path)
    return None if newest is None else by_step[newest]


def read_checkpoint(path: Path) -> dict[str, Any] | None:
    """The Trainer's state in a checkpoint, or None where one of its files is missing or cut off."""
    processes = count_processes()
    random = [f"rng_state_{rank}.pth" for rank in range(processes)] if processes > 1 else ["rng_state.pth"]
    try:
        with safe_open(path / "model.safetensors", framework="np"):
            pass
        for name in ("optimizer.pt", "scheduler.pt", *random):
            with ZipFile(path / name):
                pass
        return read_json(path / "trainer_state.json")
    except (OSError, ValueError, SafetensorError, BadZipFile):
        return None
