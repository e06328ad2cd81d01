"""One mechanism for every kind of run: lock the folder, claim or resume it, finish it, clean up.

A process may be killed at any moment: files and folders appear by renaming from a name in `.part`, a checkpoint counts
only with all its files, and the metrics, written last, make the run finished. The same command cleans up and resumes
from the newest complete checkpoint.

A kind of run is a `RunKind` and a function of a `Run` that calls `run.start(config)`, trains from
the newest of `run.checkpoints` into them, and returns `run.finish(metrics)`. Under `torchrun` every process calls
`run_once`; the main process alone locks, writes and deletes.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cbpner.base import files
from cbpner.base.errors import InputError
from cbpner.base.files import UNFINISHED, explain_write_errors, is_main_process, read_json, remove_tree, write_json
from cbpner.runs.environment import compare_environments
from cbpner.runs.folder import CHECKPOINTS, LOCK, PREDICTIONS
from cbpner.runs.lock import lock_run

Json = dict[str, Any]


@dataclass(frozen=True)
class RunKind:
    """The files of one kind of run, and the settings that two runs are compared by."""

    config: str  # file with everything that a rerun needs
    metrics: str  # file that is written last and makes the run finished
    log: str  # file of one JSON record a line
    outputs: tuple[str, ...]  # everything else that such a run writes
    required: tuple[str, ...]  # keys without which a file called `config` is not such a run's
    find_settings: Callable[[Json], Json]  # from the content of `config` to the settings that determine the result
    keeps_checkpoints: bool = False
    overwrite_flag: str = "--overwrite"  # of the command, for messages

    @property
    def files(self) -> tuple[str, ...]:
        """All names in the order of deletion: what makes the run finished first, what makes it a run last."""
        return (self.metrics, *self.outputs, self.log, self.config)

    def is_finished(self, folder: Path) -> bool:
        return (folder / self.metrics).is_file()


@dataclass(frozen=True)
class Run:
    """A run folder that this process has locked, without a finished run or with one to overwrite."""

    folder: Path
    kind: RunKind
    overwrite: bool = False

    @property
    def checkpoints(self) -> Path:
        return self.folder / CHECKPOINTS

    def start(self, config: Json) -> None:
        """Write the config, or check that a broken-off run has the same settings; delete leftovers.

        InputError for other settings or foreign files in the folder, which is then left alone.
        """
        if not is_main_process():
            return
        if self.overwrite:
            remove_run(self.folder, self.kind)
        path = self.folder / self.kind.config
        if path.is_file():
            before = check_same_run(self.folder, self.kind, "broken-off", config)
            for change in compare_environments(before.get("environment", {}), config["environment"]):
                print(f"{self.folder}: resumed on another machine, which may change the last digits: {change}")
        elif not all(map(_is_ours, os.listdir(self.folder))):
            raise InputError(f"{self.folder}: found a folder with other things in it; expected a new or empty one")
        files.sweep(self.folder, self.folder / PREDICTIONS, self.checkpoints)
        write_json(path, config)

    def finish(self, metrics: Json) -> Json:
        """Write the metrics, then delete the checkpoints unless such runs keep them."""
        write_json(self.folder / self.kind.metrics, metrics)
        if not self.kind.keeps_checkpoints:
            with suppress(OSError):
                remove_tree(self.checkpoints)
        return metrics


def run_once(
    folder: Path, kind: RunKind, make: Callable[[Run], Json | None], overwrite: bool, describe: Callable[[], Json]
) -> Json | None:
    """Make the run in `folder` unless it is finished; resume it if it broke off. The metrics, or what `make` returns.

    InputError where the run that is there has other settings than the one that is asked for.

    Args:
        make: Does the work in the locked folder; see the module's docstring.
        overwrite: Delete the run that is there, once the new one starts.
        describe: Gives the config of the run that is asked for, to compare a finished one with; called for that alone.
    """
    if overwrite or not kind.is_finished(folder):
        with explain_write_errors(folder), lock_run(folder):
            if overwrite or not kind.is_finished(folder):  # else another process has finished it meanwhile
                return make(Run(folder, kind, overwrite))
    check_same_run(folder, kind, "finished", describe())
    checkpoints = folder / CHECKPOINTS
    if is_main_process():  # delete the leftovers of a process that was killed after it had finished
        if (folder / LOCK).exists() or (checkpoints.exists() and not kind.keeps_checkpoints):
            with suppress(InputError, OSError), lock_run(folder):
                if not kind.keeps_checkpoints:
                    remove_tree(checkpoints)
        files.sweep(folder, folder / PREDICTIONS, checkpoints)
    print(f"{folder}: finished already; {kind.overwrite_flag} runs it again")
    return read_json(folder / kind.metrics)


def remove_run(folder: Path, kind: RunKind) -> None:
    """Delete a run's files in an order that a kill leaves a broken-off run; InputError where there are other files."""
    if not folder.exists():
        return
    if foreign := sorted(name for name in os.listdir(folder) if name not in kind.files and not _is_ours(name)):
        raise InputError(
            f"{folder}: found {', '.join(foreign[:5])} beside the run; {kind.overwrite_flag} deletes run folders alone"
        )
    for name in kind.files:
        remove_tree(folder / name)
    files.sweep(folder, folder / PREDICTIONS, folder / CHECKPOINTS)


def check_same_run(folder: Path, kind: RunKind, state: str, config: Json) -> Json:
    """The config of the run in `folder`; InputError where it is no run's, or has other settings than `config`."""
    before, way = read_json(folder / kind.config), f"name another folder (scripts: OUT_DIR), or {kind.overwrite_flag}"
    if missing := [key for key in kind.required if key not in before]:
        found = f"{folder / kind.config}: found no {', '.join(missing)}, so it is not a run's"
        raise InputError(f"{found}; expected a new or empty folder")
    settings = (kind.find_settings(before), kind.find_settings(config))
    compare_settings(f"{folder}: found a {state} run", *settings, way)
    return before


def compare_settings(what: str, before: Json, now: Json, advice: str) -> None:
    """Raise InputError, `{what} that differs in {name} ({differences}); {advice}`, for the first that differs."""
    for name, value in now.items():
        if before.get(name) != value:
            raise InputError(f"{what} that differs in {name} ({list_differences(before.get(name), value)}); {advice}")


def list_differences(before: object, now: object) -> str:
    """`1, now 2`; of two dicts `key: 1, now 2` for each key that differs."""
    if not isinstance(before, dict) or not isinstance(now, dict):
        return f"{before!r}, now {now!r}"
    keys = dict.fromkeys((*before, *now))
    return ", ".join(
        f"{key}: {before.get(key)!r}, now {now.get(key)!r}" for key in keys if before.get(key) != now.get(key)
    )


def _is_ours(name: str) -> bool:
    """Whether a name in a run's folder is the lock or a leftover of a broken-off attempt."""
    return name == LOCK or (name.endswith(UNFINISHED) and name.startswith("."))
