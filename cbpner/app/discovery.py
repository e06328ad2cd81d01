"""Find the taggers and the runs on this machine that the page offers."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cbpner.base.errors import InputError
from cbpner.prediction.model_folder import (
    DEFAULT_MODEL,
    FILES,
    list_weights,
    locate_model,
    read_model_config,
    read_model_labels,
)
from cbpner.runs import folder as runs

DEPTH = 4  # levels of folders that are searched
EVALUATION = Path("evaluation", "evaluation.json")


def find_models(named: Iterable[str | Path] = (), folders: Iterable[str | Path] = ()) -> dict[str, Path]:
    """Find the taggers that torch can load, each under its path as it was given.

    Args:
        named: Taggers that must be there; they come first, and the shipped one next.
        folders: Folders of models and of runs to search.

    Raises:
        InputError: A named tagger is missing.
    """
    named = [str(name) for name in named]
    found = {name: locate_model(name) for name in named}
    for folder in folders:
        for place in _list_model_places(Path(folder)):
            model = place / runs.MODEL if (place / runs.METRICS).is_file() else place
            if _is_tagger(model) and model not in found.values():
                found[relative_to_project(place)] = model
    return dict(sorted(found.items(), key=lambda item: (item[0] not in named, item[0] != DEFAULT_MODEL)))


def _list_model_places(folder: Path, depth: int = DEPTH) -> Iterator[Path]:
    """The folders below a folder, sorted; runs and models are not entered."""
    if depth == 0 or not folder.is_dir():
        return
    for place in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        yield place
        if not (place / runs.METRICS).is_file() and not (place / "config.json").is_file():
            yield from _list_model_places(place, depth - 1)


def _is_tagger(folder: Path) -> bool:
    if not all((folder / name).is_file() for name in FILES) or not list_weights(folder, "torch"):
        return False
    try:
        read_model_labels(read_model_config(folder), folder)
    except InputError:  # an encoder, or a model of some other tool
        return False
    return True


def relative_to_project(place: str | Path) -> str:
    """A path relative to the project, if it is in it."""
    resolved = Path(place).resolve()
    return str(resolved.relative_to(runs.PROJECT) if resolved.is_relative_to(runs.PROJECT) else place)


def find_run_folders(folders: Iterable[str | Path]) -> list[str]:
    """Find the folders that `cbpner report` takes: each has the finished runs of all splits of one method.

    Folders with an evaluation of everything in them come first.
    """
    found = set()
    for folder in map(Path, folders):
        for path in folder.glob("**/" + runs.METRICS) if folder.is_dir() else ():
            if (path.parent / runs.CONFIG).is_file() and len(path.relative_to(folder).parts) <= DEPTH + 1:
                found.add(str(path.parent.parent if path.parent.parent != folder else path.parent))
    return [str(folder) for folder in folders if Path(folder, EVALUATION).is_file()] + sorted(found)


def choose_run(folders: Sequence[str]) -> str:
    """The one to offer first: the runs of one method, since a report of a whole folder takes a minute."""
    return next((path for path in folders if not Path(path, EVALUATION).is_file()), folders[0])
