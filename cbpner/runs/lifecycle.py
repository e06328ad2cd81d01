"""The life of a run folder: locked, claimed, gone on with, cleaned, removed.

A process may be killed at any moment. What then stands in the folder is either whole or not taken for anything: files
and the model appear by renaming; a checkpoint counts only with all its files; metrics.json comes last and makes the run
finished; whatever is not yet, or no more, whole has a name that ends in `.part`. The same command cleans up, and goes
on from the newest whole checkpoint.
"""

import errno
import json
import os
import re
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import MISSING, fields
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

from safetensors import SafetensorError, safe_open

from cbpner.base.errors import InputError
from cbpner.base.files import CANNOT_WRITE, UNFINISHED, is_main_process, read_json, remove_tree
from cbpner.runs import folder as runs
from cbpner.training.recipes import Recipe

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}  # a file system without flock
TORCH_CANNOT_WRITE = re.compile("PytorchStreamWriter|inline_container|iostream error|cannot be opened|Parent directory")


@contextmanager
def lock_run(folder):
    """Make the run's folder and hold RUN/.lock; InputError where another process holds it.

    The kernel releases the lock however the process ends, so a file that stayed behind is no obstacle. At the block's
    end the file goes, and so do the folders made here that are still empty. Under `torchrun` the main process locks.
    """
    if not is_main_process():
        yield
        return
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        file = _take_lock(folder / runs.LOCK)
        try:
            yield
        finally:
            with suppress(OSError):
                if not os.path.getsize(folder / runs.LOCK):  # ours is empty
                    os.unlink(folder / runs.LOCK)  # while it is held: nobody else can hold a file without a name
            file.close()
    finally:
        for path in made:
            with suppress(OSError):
                path.rmdir()


def _take_lock(path):
    """The open, locked file; one that lost its name between opening and locking is not taken."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "a")  # noqa: SIM115 (held for the whole run)
        try:
            _flock(file)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                    return file
        except BaseException:
            file.close()
            raise
        file.close()


def _flock(file):
    if fcntl is None:
        print(f"{file.name}: no file locks here; start no second run in this folder", file=sys.stderr)
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(
            f"{Path(file.name).parent}: found another process at work on this run (it holds {runs.LOCK}); "
            "wait until it ends, or name another folder"
        ) from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        print(f"{file.name}: no file locks here ({error.strerror}); start no second run there", file=sys.stderr)


class Layout(NamedTuple):
    """The files of one kind of run.

    config: what repeats it. own: all that it writes, in the order of deletion: what makes it finished first, config
    last. needed: keys of config. find_settings: from config to what the result depends on.
    """

    config: str
    own: tuple
    needed: tuple
    find_settings: Callable


def find_settings(config):
    """What the result of a run depends on, from its config.json; not the paths of files, but what is in them."""
    data, flags = config["data"], complete_flags(config["flags"])
    return {
        **{key: config[key] for key in ("method", "recipe", "split", "seed")},
        "flags": {key: value for key, value in flags.items() if key != "labels"},
        "data": {"name": data["name"], "labels": data["labels"]}
        | {part: file["sha256"] for part, file in data["files"].items()},
        "masked LM": (config.get("masked_lm") or {}).get("sha256"),
        "number of processes": config.get("environment", {}).get("processes", 1),
    }


def complete_flags(flags):
    """The flags with those that came later, as their defaults, which mean: as before there was such a flag."""
    later = {field.name: field.default for field in fields(Recipe) if field.default is not MISSING}
    return later | {"orphans": "keep", "labels": None, "patents": None} | flags


TAGGER = Layout(
    runs.CONFIG,
    (runs.METRICS, runs.MODEL, runs.PREDICTIONS, runs.CHECKPOINTS, runs.TENSORBOARD, runs.LOG, runs.CONFIG),
    ("method", "recipe", "split", "seed", "flags", "data"), find_settings,
)  # fmt: skip


def claim_folder(folder, config, overwrite=False, layout=TAGGER):
    """Write config.json, or check that a broken-off run there has the same settings; leftovers go.

    overwrite: delete what a run left there. Returns what differs from the machine on which a broken-off run began, one
    line each.
    """
    if overwrite:
        remove_run(folder, layout)
    changes, path = [], folder / layout.config
    if path.is_file():
        before = read_json(path)
        check_same_run(folder, before, config, layout)
        changes = runs.compare_environments(before.get("environment", {}), config["environment"])
    elif not all(map(is_ours, os.listdir(folder))):
        raise InputError(f"{folder}: found a folder with other things in it; expected a new or empty one")
    remove_leftovers(folder)
    runs.write_config(folder, config, layout.config)
    return changes


def check_same_run(folder, before, config, layout):
    """InputError where a broken-off run's config.json has settings that would give another result."""
    if missing := [key for key in layout.needed if key not in before]:
        raise InputError(
            f"{folder / layout.config}: found no {', '.join(missing)}, so it is no run's; expected a new or empty "
            "folder"
        )
    before, now = layout.find_settings(before), layout.find_settings(config)
    for key in now:
        if before[key] != now[key]:
            raise InputError(
                f"{folder}: found a broken-off run with another {key} "
                f"({list_differences(before[key], now[key])}); take another folder, or --overwrite"
            )


def list_differences(before, now):
    if not isinstance(before, dict) or not isinstance(now, dict):
        return f"{before!r}, now {now!r}"
    keys = dict.fromkeys((*before, *now))
    return ", ".join(
        f"{key}: {before.get(key)!r}, now {now.get(key)!r}" for key in keys if before.get(key) != now.get(key)
    )


def remove_run(folder, layout=TAGGER):
    """Delete a run's own files, metrics.json first and config.json last: what a kill leaves is a broken-off run.

    InputError, and nothing is deleted, where the folder holds something that no run writes.
    """
    if not folder.exists():
        return
    if foreign := sorted(name for name in os.listdir(folder) if name not in layout.own and not is_ours(name)):
        raise InputError(
            f"{folder}: found {', '.join(foreign[:5])} beside the run; --overwrite deletes run folders alone"
        )
    for name in layout.own:
        remove_tree(folder / name)
    remove_leftovers(folder)


def is_ours(name):
    """Whether a file or folder in a run's folder is the lock, or what a broken-off attempt was writing or deleting."""
    return name == runs.LOCK or (name.endswith(UNFINISHED) and name.startswith((".", "features.")))


def list_leftovers(folder):
    """What a broken-off attempt was writing or deleting."""
    places = [folder / place for place in (".", runs.PREDICTIONS, runs.CHECKPOINTS)]
    found = [path for place in places for path in place.glob(f"*{UNFINISHED}")]
    return [path for path in found if is_ours(path.name)]


def remove_leftovers(folder):
    for path in list_leftovers(folder):
        remove_tree(path)


def clean_finished(folder):
    """Delete what a process left behind that was killed after it had finished the run; no error where that fails."""
    checkpoints, lock = folder / runs.CHECKPOINTS, folder / runs.LOCK
    if is_main_process() and (checkpoints.exists() or lock.exists() or list_leftovers(folder)):
        with suppress(InputError, OSError), lock_run(folder):
            remove_tree(checkpoints)
            remove_leftovers(folder)


def count_processes():
    """How many processes train together, as `torchrun` says."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def find_checkpoint(folder, clean=True):
    """The newest whole checkpoint in `folder`, or None.

    clean: the main process deletes newer ones and broken ones. Whole: every file is there to its end, and the
    checkpoint of the best epoch so far, if one was chosen, is whole too.
    """
    paths = {path.name.removeprefix("checkpoint-"): path for path in Path(folder).glob("checkpoint-*")}
    paths = {int(step): path for step, path in paths.items() if step.isdecimal()}
    states = {step: read_checkpoint(path) for step, path in paths.items()}
    whole = {step for step, state in states.items() if state is not None}
    usable = {step for step in whole if (states[step].get("best_global_step") or step) in whole}
    newest = max(usable, default=None)
    if clean and is_main_process():
        for step in paths:
            if step not in whole or newest is None or step > newest:
                remove_tree(paths[step])
    return None if newest is None else str(paths[newest])


def read_checkpoint(path):
    """The Trainer's state in a checkpoint, or None where one of its files is missing or cut off.

    The Trainer writes the state last, but it deletes old checkpoints file by file in any order.
    """
    processes = count_processes()
    random = [f"rng_state_{rank}.pth" for rank in range(processes)] if processes > 1 else ["rng_state.pth"]
    try:
        with safe_open(path / "model.safetensors", framework="np"):
            pass
        for name in ("optimizer.pt", "scheduler.pt", *random):
            with ZipFile(path / name):
                pass
        return json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, SafetensorError, BadZipFile):
        return None


@contextmanager
def explain_write_errors(folder):
    """Turn a full disk, or a folder that cannot be written to, into an InputError; other errors pass.

    TensorBoard's writer has a thread of its own, whose errors come up here too, later; there they are not printed.
    """
    hook = threading.excepthook
    threading.excepthook = lambda args: hook(args) if explain_write_error(args.exc_value) is None else None
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = explain_write_error(error)
        if reason is None:
            raise
        raise InputError(
            f"{folder}: cannot write there ({reason}); expected room on the disk and the permission to write. "
            "Make room or name another folder; the same command goes on from the last whole checkpoint"
        ) from error
    finally:
        threading.excepthook = hook


def explain_write_error(error):
    """Why a file could not be written, in one line, or None where the error is of another kind."""
    text = str(error).strip().split("\n")[0]
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}" if error.errno in CANNOT_WRITE else None
    if isinstance(error, SafetensorError):
        return text if text.startswith("Error while serializing") else None
    if isinstance(error, RuntimeError) and TORCH_CANNOT_WRITE.search(text):
        return f"a file broke off, as on a full disk: {text}"
    return None
