"""The scores of run folders as one frame, and their summary by system (`cbpner.reports.systems`)."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from cbpner.base.errors import InputError
from cbpner.base.files import natural_key, read_json
from cbpner.reports.systems import BLOCK, RunRecord, block_key, distinguish_settings
from cbpner.reports.tables import UNDEFINED, average_sets
from cbpner.runs.folder import CONFIG, METRICS, RERUN, find_runs
from cbpner.scoring.metrics import COUNTS, LEVELS, MEASURES, divide_counts

PARTS = ("test", "dev")
SYSTEM = [*BLOCK, "settings"]
OVERALL = "all types"  # the name of a type holds no space
GOLD_DATA = "cbp_gold"
LEVEL_NAMES = {"token": "token", "entity_lenient": "lenient", "entity_strict": "strict"}
MEASURE_NAMES = {"precision": "P", "recall": "R", "f1": "F1"}
F1_NAMES = [f"{name} F1" for name in LEVEL_NAMES.values()]
LEVEL_NOTE = """\
Token: single characters. Lenient: whole entities, boundaries and type; an `I-` without its `B-` begins one (seqeval's
default). Strict: the same, but an `I-` without its `B-` belongs to none (seqeval's strict mode, IOB2)."""
MEAN_NOTE = """\
Mean and ± std go over the splits; where several seeds ran on a split, their mean is the split's figure. std is the
sample standard deviation (ddof = 1). `-`: undefined, since nothing was predicted or there is no gold, and left out of
means (metrics.json has seqeval's 0 there)."""


class LoadedRuns(NamedTuple):
    """Runs that have scores, and a line for each one that is left out."""

    scored: list[RunRecord]
    notes: list[str]


def load_runs(paths: Sequence[str | Path], part: str = "test") -> LoadedRuns:
    """The runs in `paths`: run folders, folders of runs, or folders of those; InputError where none is scored."""
    folders = find_runs(paths)
    runs = [_load_finished(folder) for folder in folders.finished]
    scored = [run for run in runs if run.metrics[part] is not None]
    notes = [f"{_show_path(folder)}: unfinished (no {METRICS}), left out" for folder in folders.unfinished]
    notes += [f"{run.folder}: has no {part} scores (see --part), left out" for run in runs if run.metrics[part] is None]
    counted = {path.resolve() for path in folders.finished}
    others = [path for path in find_runs(paths, 9).finished if path.resolve() not in counted]
    if places := dict.fromkeys(path if path.name.endswith(RERUN) else path.parent for path in others):
        found = f"{len(others)} finished run(s) that are repetitions or lie deeper than is searched"
        notes.append(f"Left out: {found}; to include them name {', '.join(map(_show_path, places))}")
    if not scored:
        expected = f"a run with {part} scores (cbpner train), a folder of runs, or a folder of such folders"
        raise InputError("\n".join([f"{', '.join(map(str, paths))}: found none; expected {expected}", *notes]))
    return LoadedRuns(scored, notes)


def frame_scores(runs: Sequence[RunRecord]) -> pd.DataFrame:
    """A frame with one row a run, part (dev, test), level (LEVELS) and type (OVERALL: the micro average).

    Columns: run, SYSTEM, split (text), seed, part, set (identifies the part's texts: the split, and the file's checksum
    where it is known), level, type, then MEASURES (NaN where undefined) and COUNTS.
    """
    rows = [row for run, own in zip(runs, distinguish_settings(runs), strict=True) for row in _list_rows(run, own)]
    columns = ["run", *SYSTEM, "split", "seed", "part", "set", "level", "type", *MEASURES, *COUNTS]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(MEASURES, float))


def summarise_scores(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a system, part, level and type: `runs`, `sets`, and of each measure `_mean`, `_std` and `_seeds`.

    Mean and standard deviation go over the sets (`average_sets`). `seeds` is the standard deviation of the seeds' means
    over the sets, NaN where the seeds do not have the same sets. Undefined scores are left out, and so are a type's
    runs without a gold mention of it, since its recall is undefined.
    """
    keys = [*SYSTEM, "part", "level", "type"]
    counted = frame[(frame["type"] == OVERALL) | (frame["gold"] > 0)]
    seeds = counted.groupby(keys, sort=False)[[*MEASURES, "seed", "set"]].apply(_deviate_seeds)
    seeds = seeds.rename(columns={name: f"{name}_seeds" for name in MEASURES})
    return average_sets(counted, keys, "set", MEASURES).join(seeds).reset_index()


def show_split(config: dict[str, Any]) -> str:
    return UNDEFINED if config["split"] is None else str(config["split"])


def name_rows(runs: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """{run: its row's name} of (run, split, seed), by split; the seed is named where a split has several runs."""
    ordered = sorted(runs, key=lambda row: tuple(natural_key(row[place]) for place in (1, 2, 0)))
    splits = [split for _, split, _ in ordered]
    return {run: f"{split} (seed {seed})" if splits.count(split) > 1 else split for run, split, seed in ordered}


def _load_finished(folder: Path) -> RunRecord:
    config, metrics, path = read_json(folder / CONFIG), read_json(folder / METRICS), folder / METRICS
    for keys in ("method", "recipe", "split", "seed", "encoder", "data name"):
        _find(folder / CONFIG, config, *keys.split())
    selection = ("selection rule", "selection dev_mentions", "selection reason")
    for keys in ("dev", "test", "best_epoch", "epochs", *selection):
        _find(path, metrics, *keys.split())
    for key in ("method", "recipe", "split"):
        if metrics.get(key, config[key]) != config[key]:
            raise InputError(f"{path}: found {metrics[key]!r} as {key}; expected {config[key]!r} as in {CONFIG}")
    for part, level in product((part for part in PARTS if metrics[part] is not None), LEVELS):
        types = _find(path, metrics, part, level, "types", kind=dict)
        for place, name in product([["overall"], *(["types", label] for label in types)], (*MEASURES, *COUNTS)):
            _find(path, metrics, part, level, *place, name, kind=int | float)
    return RunRecord(_show_path(folder), config, metrics)


def _find(path: Path, content: Any, *keys: str, kind: Any = object) -> Any:
    """The value below nested keys of a run's file; InputError where there is none, or none of the kind."""
    for place, key in enumerate(keys, 1):
        is_there = isinstance(content, dict) and key in content
        content = content[key] if is_there else None
        if not is_there or (place == len(keys) and not isinstance(content, kind)):
            expected = f"a value for {' > '.join(keys[:place])}"
            raise InputError(f"{path}: expected {expected}; make the run again or leave its folder out")
    return content


def _show_path(folder: Path) -> str:
    """`folder` relative to the working folder where it lies inside, so that no written table names a home folder."""
    place = folder.resolve()
    return (place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else folder).as_posix()


def _list_rows(run: RunRecord, settings: str) -> Iterator[dict[str, Any]]:
    """The rows of one run."""
    system = dict(zip(SYSTEM, (*block_key(run.config), settings), strict=True))
    split = show_split(run.config)
    head = {"run": run.folder, **system, "split": split, "seed": str(run.config["seed"])}
    for part in reversed(PARTS):
        recorded = (run.config["data"].get("files") or {}).get(part) or {}
        test_set = f"{split} {recorded.get('sha256', '')}"
        for level in LEVELS if run.metrics[part] is not None else ():
            scores = run.metrics[part][level]
            for label, values in {OVERALL: scores["overall"], **scores["types"]}.items():
                counts = {name: values[name] for name in COUNTS}
                exact = divide_counts(**counts)
                measures = {name: None if exact[name] is None else values[name] for name in MEASURES}
                yield {**head, "part": part, "set": test_set, "level": level, "type": label, **measures, **counts}


def _deviate_seeds(rows: pd.DataFrame) -> pd.Series:
    """The standard deviation of the seeds' means over the sets, of each of MEASURES."""
    cells = rows.groupby(["seed", "set"])[list(MEASURES)].mean()
    sets = {frozenset(own.index.get_level_values("set")) for _, own in cells.groupby("seed")}
    return cells.groupby("seed").mean().std() if len(sets) == 1 else pd.Series(math.nan, MEASURES)
