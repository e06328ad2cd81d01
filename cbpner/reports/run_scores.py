"""The scores of run folders as one frame, and their summary by system.

A system is the runs that share method, recipe, encoder, data set and all other settings, as config.json has them
(`cbpner.reports.systems`).
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from cbpner.base.errors import InputError
from cbpner.base.files import natural_key, read_json
from cbpner.reports.systems import BLOCK, RunRecord, block_key, distinguish_settings
from cbpner.reports.tables import UNDEFINED, average_sets
from cbpner.runs.folder import CONFIG, METRICS, find_deeper, find_runs
from cbpner.scoring.metrics import COUNTS, LEVELS, MEASURES, divide_counts

PARTS = ("test", "dev")
SYSTEM = [*BLOCK, "settings"]
OVERALL = "all types"  # the name of a type holds no space
GOLD_DATA = "cbp_gold"
LEVEL_NAMES = {"token": "token", "entity_lenient": "lenient", "entity_strict": "strict"}
MEASURE_NAMES = {"precision": "P", "recall": "R", "f1": "F1"}


class LoadedRuns(NamedTuple):
    """Runs by what they have. deeper: a note on finished runs below the depth that is searched, or nothing."""

    scored: list[RunRecord]
    unscored: list[RunRecord]
    unfinished: list[RunRecord]
    deeper: list[str]

    def list_notes(self, part: str) -> list[str]:
        """A line for each run that is left out."""
        lines = [f"{run.folder}: unfinished (no {METRICS}), left out" for run in self.unfinished]
        return lines + [f"{run.folder}: has no {part} scores, left out" for run in self.unscored] + self.deeper


def load_runs(paths: Sequence[str | Path], part: str = "test") -> LoadedRuns:
    """The runs in `paths`: run folders, folders of runs, or folders of those.

    Raises:
        InputError: where a file is malformed or lacks a key, or no run has scores on `part`.
    """
    found = find_runs(paths)
    runs = [_load_finished(folder) for folder in found.finished]
    unfinished = [_load_unfinished(folder) for folder in found.unfinished]
    scored = [run for run in runs if run.metrics[part] is not None]
    loaded = LoadedRuns(scored, [run for run in runs if run.metrics[part] is None], unfinished, _note_deeper(paths))
    if not scored:
        raise InputError(_explain_no_scores(paths, loaded, part))
    return loaded


def collect_scores(paths: Sequence[str | Path]) -> pd.DataFrame:
    """The scores of the runs in `paths` that have been tested; see `frame_scores`."""
    return frame_scores(load_runs(paths).scored)


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
    """{run: its row's name} in the order of the splits; the seed is named where a split has several runs.

    Args:
        runs: (run, split, seed) of each.
    """
    ordered = sorted(runs, key=lambda row: tuple(natural_key(row[place]) for place in (1, 2, 0)))
    splits = [split for _, split, _ in ordered]
    return {
        run: f"{split} (seed {seed})" if splits.count(split) > 1 else split for run, split, seed in ordered
    }


def list_left_out(runs: Sequence[RunRecord], title: str) -> list[str]:
    """A Markdown section that names the runs, in a list; an empty list without runs."""
    lines = [f"- {run.folder} ({_describe_left_out(run)})" for run in runs]
    return ["\n".join([f"{title}:", *lines])] if runs else []


def warn_mixed(runs: Sequence[RunRecord], ignored: Sequence[str] = ()) -> list[str]:
    """A line where numbers or switches differ between the runs, so that their mean mixes settings.

    Args:
        runs: those of a block.
        ignored: flags that may differ besides split and seed.
    """
    flags = [run.config.get("flags") or {} for run in runs]
    differing = []
    for name in sorted({name for each in flags for name in each} - {"split", "seed", *ignored}):
        values = list(dict.fromkeys(each.get(name) for each in flags if isinstance(each.get(name), int | float)))
        if len(values) > 1:
            differing.append(f"{name} ({', '.join(map(str, values))})")
    return [f"Mixed: the runs of this block differ in {', '.join(differing)}."] if differing else []


def _load_finished(folder: Path) -> RunRecord:
    config, metrics, path = _load_config(folder), read_json(folder / METRICS), folder / METRICS
    for key in ("dev", "test", "best_epoch", "epochs", "selection"):
        _expect(key in metrics, path, f"the key {key!r}")
    for key in ("method", "recipe", "split"):
        agrees = key not in metrics or metrics[key] == config[key]
        _expect(agrees, path, f"{key} {config[key]!r} as in {CONFIG} (found {metrics.get(key)!r})")
    for part in PARTS:
        if metrics[part] is not None:
            _check_scores(path, part, metrics[part])
    for key in ("rule", "dev_mentions", "reason"):
        selection = metrics["selection"]
        _expect(isinstance(selection, dict) and key in selection, path, f"the key {key!r} in selection")
    return RunRecord(_show_path(folder), config, metrics)


def _load_unfinished(folder: Path) -> RunRecord:
    try:
        return RunRecord(_show_path(folder), _load_config(folder), {})
    except InputError:
        return RunRecord(_show_path(folder), {}, {})


def _load_config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    config = read_json(path)
    for key in ("method", "recipe", "split", "seed", "encoder", "data"):
        _expect(key in config, path, f"the key {key!r}")
    _expect(isinstance(config["data"], dict) and "name" in config["data"], path, "the key 'name' in data")
    return config


def _check_scores(path: Path, part: str, scores: Any) -> None:
    for level in LEVELS:
        found: Any = scores.get(level) if isinstance(scores, dict) else None
        is_whole = isinstance(found, dict) and isinstance(found.get("types"), dict) and "overall" in found
        _expect(is_whole, path, f"overall and types in {part}.{level}")
        for name, values in (("overall", found["overall"]), *found["types"].items()):
            numbers = [values.get(key) for key in (*MEASURES, *COUNTS)] if isinstance(values, dict) else [None]
            are_numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in numbers)
            _expect(are_numbers, path, f"numbers for {', '.join((*MEASURES, *COUNTS))} in {part}.{level}, {name}")


def _expect(condition: bool, path: Path, expected: str) -> None:
    if not condition:
        raise InputError(f"{path}: expected {expected}; make the run again or leave its folder out")


def _show_path(folder: Path) -> str:
    """`folder` relative to the working folder where it lies inside, so that no written table names a home folder."""
    try:
        return folder.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return folder.as_posix()


def _note_deeper(paths: Sequence[str | Path]) -> list[str]:
    """A line on finished runs that lie deeper in `paths` than is searched, in a list; none where there are none."""
    if not (deeper := find_deeper(paths)):
        return []
    total, folders = sum(deeper.values()), ", ".join(map(_show_path, deeper))
    return [f"Left out: {total} finished run(s) that lie deeper than is searched; to include them name {folders}"]


def _explain_no_scores(paths: Sequence[str | Path], loaded: LoadedRuns, part: str) -> str:
    searched = ", ".join(map(str, paths))
    if loaded.unscored:
        other = next(name for name in PARTS if name != part)
        return f"{searched}: found {len(loaded.unscored)} finished run(s), none with {part} scores; try --part {other}"
    unfinished = ", ".join(run.folder for run in loaded.unfinished)
    how = "name one of those below" if loaded.deeper else "train one with: cbpner train"
    message = (
        f"{searched}: expected a finished run (a folder with {METRICS}), a folder of runs, or a folder of such "
        f"folders; found {f'only unfinished ones ({unfinished})' if unfinished else 'none'}; {how}"
    )
    return "\n".join([message, *loaded.deeper])


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
                measures = divide_counts(**counts)
                yield {**head, "part": part, "set": test_set, "level": level, "type": label, **measures, **counts}


def _deviate_seeds(rows: pd.DataFrame) -> pd.Series:
    """The standard deviation of the seeds' means over the sets, of each of MEASURES."""
    cells = rows.groupby(["seed", "set"])[list(MEASURES)].mean()
    sets = {frozenset(own.index.get_level_values("set")) for _, own in cells.groupby("seed")}
    return cells.groupby("seed").mean().std() if len(sets) == 1 else pd.Series(math.nan, MEASURES)


def _describe_left_out(run: RunRecord) -> str:
    if not run.config:
        return f"{CONFIG} cannot be read"
    return f"{run.config['method']}, recipe {run.config['recipe']}, split {run.config['split']}"
