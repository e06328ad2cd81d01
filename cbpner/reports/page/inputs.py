"""What a report is made of: finished runs, their evaluation where the gold is at hand, and what is missing.

Runs on fewer training patents (`cbpner train --patents`) are points of a curve and no systems of their own, unless
there are no others. Where the gold text is not to be found, the figures that need it come from an evaluation.json that
`cbpner evaluate` wrote for the same runs, or are left out.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from cbpner.base.errors import InputError
from cbpner.base.files import natural_key
from cbpner.reports.curve import POINT, count_patents, frame_points, mark_compared
from cbpner.reports.evaluate import NAME, Evaluation, evaluate_systems, read_evaluation
from cbpner.reports.join import join_scored
from cbpner.reports.run_scores import OVERALL, frame_scores, load_runs, show_split, summarise_scores
from cbpner.reports.spans import POOLED
from cbpner.reports.systems import BLOCK, Resampling, RunRecord, block_key, complete_flags, name_systems
from cbpner.reports.tables import Figure
from cbpner.runs.folder import find_data
from cbpner.scoring.metrics import COUNTS, divide_counts

MAIN = "entity_strict"  # the level of charts
FigureKey = tuple[str, str, str | None, str, str]


class ReportData(NamedTuple):
    """What the page shows of the test or dev part.

    figures: F1 of {(system, `run`, `mean`, `seeds` or POOLED, run or None, level, type)}, from the evaluation or,
    without intervals, from metrics.json; of `seeds`, for systems with several, only std counts.
    """

    part: str
    systems: dict[str, list[RunRecord]]  # the runs of each, by split and seed; the system with the best mean first
    scores: pd.DataFrame  # `frame_scores` of the runs for the part, with a column `system`
    figures: dict[FigureKey, Figure]
    types: list[str]
    evaluation: Evaluation | None
    recorded: Path | None  # the evaluation.json that the evaluation was read from
    missing: str | None  # why the gold text is not there
    points: pd.DataFrame | None  # the runs of the curve (`mark_compared`)
    notes: list[str]

    @property
    def names(self) -> list[str]:
        return list(self.systems)

    @property
    def short_names(self) -> dict[str, str]:
        """Each name without the words recipe, encoder and data and the folders of an encoder, where all stay unlike."""
        short = [re.sub(r"(?<=, )(?:recipe|encoder|data) (?:[^ ]*/)?", "", name) for name in self.names]
        return dict(zip(self.names, short if len(set(short)) == len(short) else self.names, strict=True))

    def list_splits(self, name: str) -> list[str]:
        return list(dict.fromkeys(show_split(run.config) for run in self.systems[name]))

    def find_figure(
        self, name: str, statistic: str, run: str | None = None, level: str = MAIN, label: str = OVERALL
    ) -> Figure:
        return self.figures.get((name, statistic, run, level, label), Figure(math.nan))

    def find_best(self) -> str:
        """The system with the highest mean strict F1 among those that have most splits."""
        return max(self.names, key=lambda name: len(self.list_splits(name)))  # of equals the first: the best


def gather_report(
    paths: Sequence[str | Path], part: str = "test", data_dir: str | Path | None = None,
    recorded: str | Path | None = None, resampling: Resampling | None = None,
) -> ReportData:  # fmt: skip
    """Gather what a report on the finished runs in `paths` shows; InputError where none has scores on `part`.

    The gold is looked for where the runs found it, or in `data_dir`; without it, the evaluation.json `recorded` is
    taken, or one that lies in a folder of `paths` or in its `evaluation/`.
    """
    loaded = load_runs(paths, part)
    judged = [run for run in loaded.scored if not _has_fewer(run)] or loaded.scored
    names = name_systems(judged)
    systems: dict[str, list[RunRecord]] = {name: [] for name in names}
    for name, run in zip(names, judged, strict=True):
        systems[name].append(run)
    for own in systems.values():
        own.sort(key=lambda run: (natural_key(show_split(run.config)), natural_key(run.config["seed"]), run.folder))
    scores = frame_scores(judged)
    scores = scores[scores["part"] == part]
    scores.insert(0, "system", scores["run"].map({run.folder: name for run, name in zip(judged, names, strict=True)}))
    missing, place = _explain_missing_data(judged, part, data_dir), None
    if missing is None:
        joint = join_scored(judged, names, loaded.notes, part, data_dir)
        evaluation: Evaluation | None = (made := evaluate_systems(joint, part, resampling))
        notes = made.notes
    else:
        found = [folder / name for folder in map(Path, paths) for name in (f"{NAME}.json", f"{NAME}/{NAME}.json")]
        places = [Path(recorded)] if recorded else [place for place in found if place.is_file()]
        read = partial(read_evaluation, systems=systems, scores=scores, part=part)
        evaluation, place, remarks = _read_first(places, read, is_chosen=recorded is not None)
        notes = [*(evaluation.notes if evaluation else []), *remarks, *loaded.notes]
    types, points = sorted(set(scores["type"]) - {OVERALL}), _frame_curve(loaded.scored, systems)
    figures, notes = _collect_figures(scores, evaluation), merge_notes(notes, list(systems))
    means = {name: figures.get((name, "mean", None, MAIN, OVERALL), Figure(math.nan)).value for name in systems}
    ordered = sorted(systems, key=lambda name: math.inf if math.isnan(means[name]) else -means[name])
    systems = {name: systems[name] for name in ordered}
    return ReportData(part, systems, scores, figures, types, evaluation, place, missing, points, notes)


def sum_counts(rows: pd.DataFrame) -> tuple[list[int], list[Figure]]:
    """(COUNTS, MEASURES) of rows of scores taken together."""
    counts = [int(rows[column].sum()) for column in COUNTS]
    return counts, [Figure(math.nan if value is None else value) for value in divide_counts(*counts).values()]


def merge_notes(notes: Sequence[str], names: Sequence[str]) -> list[str]:
    """Each note once: what is said of several systems with all their names before it."""
    owners: dict[tuple[str, bool], list[str]] = {}
    for note in notes:
        owner = next((name for name in names if note.startswith(f"{name}: ")), None)
        text = note if owner is None else note.removeprefix(f"{owner}: ")
        owners.setdefault((text, owner is not None), []).append(owner or "")
    every = f"All {len(names)} methods"
    shown = {key: every if len(own) == len(names) > 1 else "; ".join(own) for key, own in owners.items()}
    return [f"{shown[text, is_owned]}: {text}" if is_owned else text for text, is_owned in owners]


def _has_fewer(run: RunRecord) -> bool:
    return bool((run.config.get("flags") or {}).get("patents"))


def _explain_missing_data(runs: Sequence[RunRecord], part: str, data_dir: str | Path | None) -> str | None:
    try:
        for run, name in product(runs, (part, "train")):
            find_data(run.config, name, data_dir, run.folder)
    except InputError as error:
        return str(error)
    return None


def _read_first(
    places: Sequence[Path], read: Callable[[Path], Evaluation], is_chosen: bool
) -> tuple[Evaluation | None, Path | None, list[str]]:
    """(evaluation, its file, remarks) of the first file that is of these runs; is_chosen: others are an error."""
    remarks = []
    for place in places:
        try:
            return read(place), place, remarks
        except InputError as error:
            if is_chosen:
                raise
            remarks.append(str(error))
    return None, None, remarks


def _collect_figures(scores: pd.DataFrame, evaluation: Evaluation | None) -> dict[FigureKey, Figure]:
    """The figures of an evaluation, or without one those of metrics.json."""
    rows = [] if evaluation is None else evaluation.frames["intervals"].to_dict("records")
    if evaluation is None:
        overall = scores[scores["type"] == OVERALL]
        rows += overall.assign(statistic="run").to_dict("records")
        for name, own in overall.groupby("system"):
            for row in summarise_scores(own).to_dict("records"):
                head = {"system": name, "level": row["level"], "type": OVERALL}
                rows.append(head | {"statistic": "mean", "f1": row["f1_mean"], "std": row["f1_std"]})
                rows.append(head | {"statistic": "seeds", "f1": math.nan, "std": row["f1_seeds"]})
        for (name, level, label), own in scores.groupby(["system", "level", "type"]):
            head = {"system": name, "level": level, "type": label}
            rows.append(head | {"statistic": POOLED, "f1": sum_counts(own)[1][-1].value})
    figures = {}
    for row in rows:
        run = row["run"] if row["statistic"] == "run" else None
        spread = (row.get(name, math.nan) for name in ("low", "high", "std"))
        figures[row["system"], row["statistic"], run, row["level"], row["type"]] = Figure(row["f1"], *spread)
    return figures


def _frame_curve(scored: Sequence[RunRecord], systems: Mapping[str, Sequence[RunRecord]]) -> pd.DataFrame | None:
    """The points of groups that have runs on two numbers of patents or more.

    Where a group's runs on all patents are several systems, the one counts that shares most flags with the others.
    """
    counted = [run for run in scored if count_patents(run.config) is not None]
    kept = fewer = [run for run in counted if _has_fewer(run)]
    whole = [runs for runs in systems.values() if runs[0] in counted and runs[0] not in fewer]
    for group in dict.fromkeys(map(_group_curve, fewer)):
        others = [run for run in fewer if _group_curve(run) == group]
        rivals = [runs for runs in whole if _group_curve(runs[0]) == group]
        kept = [*kept, *max(rivals, key=lambda runs: _count_alike(runs[0], others), default=[])]  # noqa: B023
    if not kept:
        return None
    points = mark_compared(frame_points(kept))
    points = points[points["compared"] & (points.groupby(BLOCK)["patents"].transform("nunique") > 1)]
    return points if len(points.drop_duplicates(POINT)) > 1 else None


def _count_alike(run: RunRecord, others: Sequence[RunRecord]) -> int:
    """How many flags of the others are those of the run."""
    own, *flags = complete_flags([run.config, *(other.config for other in others)])
    return sum(own[flag] == other[flag] for other in flags for flag in own)


def _group_curve(run: RunRecord) -> tuple[str, ...]:
    return (*block_key(run.config)[:3], str(run.config["data"]["name"]))
