"""A run is a folder, written once, last file last; `docs/reproducibility.md` lists its files.

Splits of one method lie side by side as `RUN/0` .. `RUN/4`. What a run is stands in its files; folder names are not
parsed (but `_rerun`). A fine-tuned masked LM is a folder in the Hugging Face layout, the run's files beside the model.
"""

import gzip
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_open, file_checksum, natural_key, read_json, read_text, write_text
from cbpner.text.labels import split_tag

CONFIG = "config.json"
METRICS = "metrics.json"
LOG = "log.jsonl"
MODEL = "model"
PREDICTIONS = "predictions"
CHECKPOINTS = "checkpoints"
TENSORBOARD = "tensorboard"
LM_CONFIG = "lm_run.json"
LM_METRICS = "lm_metrics.json"
LM_LOG = "lm_log.jsonl"
LOCK = ".lock"
RERUN = "_rerun"  # behind a run's name, its repetition
SCORED = ("eval_results.txt", "eval_predictions.txt", "test_results.txt", "test_predictions.txt")
PROJECT = Path(__file__).resolve().parents[2]
MODELS_PACKAGE = "cbpner_models"  # of the wheel that models/pyproject.toml builds, laid out as the project
HOW_TO_SHIP = "the wheel cbpner-models, which `pip wheel --no-deps ./models` builds in a clone of the project, has it"


class FoundRuns(NamedTuple):
    """Run folders by state, in natural order: `2` before `10`."""

    finished: list[Path]
    unfinished: list[Path]


def tags_path(folder: Path | str, part: str) -> Path:
    """The file of a run's predicted tags of `part`, dev or test."""
    return Path(folder) / PREDICTIONS / f"{part}.tags.gz"


def is_finished(folder: Path | str) -> bool:
    return (Path(folder) / METRICS).is_file()


def read_config(folder: Path | str) -> dict[str, Any]:
    return read_json(Path(folder) / CONFIG)


def read_metrics(folder: Path | str) -> dict[str, Any]:
    return read_json(Path(folder) / METRICS)


def append_log(folder: Path | str, record: dict[str, Any], name: str = LOG) -> None:
    """Append one JSON record as a line to log.jsonl."""
    path = Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(_format_record(record))


def write_log(folder: Path | str, records: Iterable[dict[str, Any]], name: str = LOG) -> None:
    write_text(Path(folder) / name, "".join(map(_format_record, records)))


def write_tags(path: Path, tags: Sequence[Sequence[str]]) -> None:
    """Write sentences of BIO tags, one tag a line, a blank line between sentences; compressed for a name in `.gz`.

    The same tags give the same bytes. Raises ValueError for a sentence without a tag or a tag that is not BIO.
    """
    for number, sentence in enumerate(tags, start=1):
        if not len(sentence):
            raise ValueError(f"sentence {number}: expected one tag or more, got none")
        for tag in set(sentence):
            split_tag(tag)
    content = "\n".join("".join(f"{tag}\n" for tag in sentence) for sentence in tags).encode()
    with atomic_open(path, "wb") as file:
        file.write(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def read_tags(path: Path | str) -> list[list[str]]:
    """The sentences of a file that `write_tags` wrote; InputError with the line for anything else."""
    text = read_text(path)
    sentences: list[list[str]] = [[]]
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else [], start=1):
        if line:
            try:
                split_tag(line)
            except ValueError as error:
                raise InputError(f"{path}:{number}: {error}") from error
            sentences[-1].append(line)
        elif sentences[-1]:
            sentences.append([])
        else:
            raise InputError(f"{path}:{number}: found a second blank line, expected one between two sentences")
    if text and not sentences[-1]:
        raise InputError(f"{path}: found a blank line at the end, expected a tag; the file may be cut off")
    return sentences if text else []


def find_runs(paths: Iterable[Path | str], depth: int = 2) -> FoundRuns:
    """The runs in `paths`, at most `depth` levels below: a run, a folder of runs, a folder of such; each run once.

    A folder is a finished run if it has metrics.json, an unfinished one if it has only config.json. `RUN_rerun`, a
    repetition (`cbpner rerun`), counts only where `paths` has it or `depth` reaches two levels below it.
    """
    found, seen = FoundRuns([], []), set()
    for path in map(Path, paths):
        if not path.is_dir():
            raise InputError(f"{path}: found no such folder, expected a run folder or a folder of run folders")
        for folder, finished in _walk_runs(path, depth):
            if folder.resolve() not in seen:
                seen.add(folder.resolve())
                found[0 if finished else 1].append(folder)
    return found


def find_data(config: dict[str, Any], part: str, data_dir: Path | str | None = None, run: str | Path = "") -> Path:
    """The file of one part with the recorded checksum, in its recorded place or below `data_dir`; else InputError."""
    recorded = (config["data"].get("files") or {}).get(part) or {}
    if "sha256" not in recorded:
        raise InputError(f"{Path(run) / CONFIG}: found no {part} file with its checksum; make the run again")
    name, wanted = Path(recorded["path"]).name, recorded["sha256"]
    if data_dir is None:
        places = [find_origin(config) / recorded["path"]]
    elif Path(data_dir).is_dir():
        places = [Path(data_dir) / str(config.get("split") or "") / name, *sorted(Path(data_dir).rglob(name))]
    else:
        raise InputError(f"{data_dir}: no such folder; expected the one with the run's data, at any depth")
    places = [path for path in places if path.is_file()]
    for path in places:
        if file_checksum(path) == wanted:
            return shorten_path(path)
    found = f"{places[0]}: found another file than" if places else f"{data_dir or recorded['path']}: found no {name},"
    raise InputError(f"{found} the {part} data of the run (SHA-256 {wanted}); give their folder with --data-dir DIR")


def list_roots() -> list[Path]:
    """The folders below which what ships is looked for: the project's, then that of the installed wheel's."""
    spec = find_spec(MODELS_PACKAGE)
    return [PROJECT, *map(Path, (spec and spec.submodule_search_locations) or ())]


def locate_shipped(name: str) -> Path:
    """Where a shipped file or folder such as `models/cbp_mini` is; in the project where it is nowhere."""
    return next((root / name for root in list_roots() if (root / name).exists()), PROJECT / name)


def find_demo(name: str) -> str:
    """A path; one in `data/demo` that is not there stands for the shipped one."""
    is_demo = Path(name).parts[:2] == ("data", "demo") and not Path(name).exists()
    return str(found) if is_demo and (found := locate_shipped(name)).exists() else name


def find_origin(config: dict[str, Any]) -> Path:
    """The folder to which a run's recorded paths are relative; the oldest runs have only their method's."""
    return PROJECT / str(config.get("folder", config["method"]))


def shorten_path(path: Path) -> Path:
    """The path relative to the working directory, where both are in the project; else as it is."""
    places = [Path(os.path.abspath(place)) for place in (path, ".")]
    return Path(os.path.relpath(path)) if all(place.is_relative_to(PROJECT) for place in places) else path


def _format_record(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"


def _walk_runs(folder: Path, depth: int) -> Iterator[tuple[Path, bool]]:
    """Yield (run folder, whether it is finished), looking at most `depth` levels below `folder`, not inside runs."""
    try:  # a Hugging Face model has a config.json too, with a model_type
        is_run = (folder / CONFIG).is_file() and "model_type" not in read_config(folder)
    except InputError:  # torn
        is_run = True
    if is_finished(folder) or is_run:
        yield folder, is_finished(folder)
    elif depth:
        for child in sorted(folder.iterdir(), key=lambda path: natural_key(path.name)):
            if child.is_dir() and not child.name.startswith(".") and (depth > 2 or not child.name.endswith(RERUN)):
                yield from _walk_runs(child, depth - 1)
