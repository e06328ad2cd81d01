"""Means, pooled scores and intervals over the sets of each system, and the systems against each other."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from cbpner.base.files import natural_key
from cbpner.base.progress import track
from cbpner.base.tables import format_markdown
from cbpner.reports.join import System, describe_patents
from cbpner.reports.panel import Panel, count_panel
from cbpner.reports.run_scores import F1_NAMES, LEVEL_NAMES, MEAN_NOTE, OVERALL, name_rows, show_split
from cbpner.reports.spans import ENTITY_LEVELS, POOLED
from cbpner.reports.systems import Resampling, RunRecord
from cbpner.reports.tables import Figure, Table, format_cell, format_count, format_number, table_to_markdown
from cbpner.scoring import significance
from cbpner.scoring.metrics import LEVELS
from cbpner.scoring.significance import f1_of, resample_counts

LEAST_UNITS = 5  # from fewer, no interval: there is next to nothing to draw
FEW_MENTIONS = 100  # in dev
INTERVAL = ["system", "statistic", "run", "split", "seed", "level", "type", "sets", "gold", "f1", "std", "low", "high"]
COMPARISON = [
    "level", "first", "second", "sets", "first_f1", "second_f1", "difference", "low", "high", "p", "p_holm",
    "first_ahead", "second_ahead",
]  # fmt: skip

SEED_NOTE = (
    "Neither intervals nor p-values contain the spread between training runs: another seed of the same settings may "
    "give another order"
)
LEGEND = """\
F1 [95% interval]: bootstrap percentiles over {resamples:,} samples of the {unit}s (seed {seed}); none from fewer than
{least} {unit}s. {mean_note} The spread of the seeds' means is shown below. Pooled: one F1 over all mentions of all
runs; a patent that is in two sets counts twice there, once for each model that read it, and is drawn as one. Only a
system's own {unit}s are drawn for its intervals."""
COMPARISON_LEGEND = """\
Pooled F1 over the sets that both have; runs of one set by several seeds count as one, their average. Difference: first
minus second, with its 95% interval from the same samples. p: paired approximate randomization over {unit}s, two-sided,
{resamples:,} random swaps (or all there are, where they are no more). Holm: p corrected for the number of pairs. Ahead:
on how many sets. Only {unit}s of the common sets are drawn and swapped."""

Draw = Callable[[Sequence[int]], np.ndarray]


def frame_intervals(panel: Panel, resampling: Resampling) -> pd.DataFrame:
    """F1 with intervals; columns INTERVAL, NaN where undefined.

    statistic: `run` (one set), `mean` (over the splits, each the mean of its seeds), POOLED (for each type too), and
    `seeds` (where several seeds have the same sets: of their means). sets: of `mean` the splits, of `seeds` the seeds.
    """
    draw, rows = _make_draw(panel, resampling), []
    for system in track("intervals", panel.systems, "methods"):
        places = panel.places[system.name]
        counts = panel.counts[:, :, :, 0][:, places].sum(axis=0)  # (sets, levels, COUNTS)
        samples = f1_of(draw(places)[:, places])  # (resamples, sets, levels)
        members = panel.members[:, places].any(axis=1)
        own = panel.counts[members][:, places].sum(axis=1)  # (units, levels, types, COUNTS)
        pooled, drawn = own.sum(axis=0), resample_counts(own, resampling.resamples, resampling.seed)
        for number, level in enumerate(LEVELS):
            head = {"system": system.name, "level": level, "type": OVERALL}
            rows += [head | row for row in _list_statistics(panel, system, counts[:, number], samples[..., number])]
            for place, label in enumerate(panel.types):
                row = {"type": label, "statistic": POOLED, "sets": len(places), "gold": pooled[number, place, -1]}
                bounds = _find_bounds(panel, places, f1_of(drawn[:, number, place]))
                rows.append(head | row | {"f1": f1_of(pooled[number, place])} | bounds)
    return pd.DataFrame(rows, columns=INTERVAL).astype(dict.fromkeys(INTERVAL[-4:], float) | {"gold": "Int64"})


def frame_comparisons(panel: Panel, resampling: Resampling) -> pd.DataFrame:
    """The systems against each other, a row a pair with common sets and level of ENTITY_LEVELS; columns COMPARISON.

    difference: first minus second; low, high: its 95% interval. first_ahead, second_ahead: on how many sets.
    """
    draw = _make_draw(panel, resampling)
    pairs = track("comparing", list(combinations(panel.systems, 2)), "pairs")
    rows = [row for pair in pairs for row in _compare(panel, pair, draw, resampling)]
    found = pd.DataFrame(rows, columns=COMPARISON)
    for _, own in found.groupby("level"):
        found.loc[own.index, "p_holm"] = significance.correct_holm(own["p"])
    return found.sort_values("level", kind="stable", ignore_index=True)  # lenient before strict


def render_intervals(intervals: pd.DataFrame, system: System) -> str:
    """The table of one system: a row a run, the mean, ± std, pooled; and pooled by type."""
    own = intervals[intervals["system"] == system.name]
    overall, is_single, rows = own[own["type"] == OVERALL], len(system.sets) == 1, []
    names = name_rows((one.run, one.split, one.seed) for one in system.sets)
    found = [(name, overall[overall["run"] == run]) for run, name in names.items()]
    for statistic, title in {"mean": "mean", POOLED: POOLED, "seeds": "mean over seeds"}.items():
        found.append((title, overall[(overall["statistic"] == statistic) & (not is_single)]))
    for label in sorted(set(own["type"]) - {OVERALL}):
        found.append((label if is_single else f"{POOLED}, {label}", own[own["type"] == label]))
    for title, each in ((title, each.set_index("level")) for title, each in found if len(each)):
        levels, gold = each.loc[list(LEVELS)].to_dict("records"), each["gold"]["entity_lenient"]
        figures = [format_cell(Figure(level["f1"], level["low"], level["high"])) for level in levels]
        rows.append([title, "" if pd.isna(gold) else gold, *figures])
        if each["std"].notna().any():
            rows.append(["± std", "", *(format_number(level["std"]) for level in levels)])
    return format_markdown(["split", "gold", *F1_NAMES], rows)


def tabulate_comparisons(comparisons: pd.DataFrame) -> dict[str, Table]:
    """{level: the table of its pairs}."""
    header = ["first", "second", "F1 first", "F1 second", "difference", "p", "Holm", "ahead"]
    tables = {}
    for level, own in comparisons.groupby("level", sort=False):
        rows = [
            [row["first"], row["second"], Figure(row["first_f1"]), Figure(row["second_f1"]),
             Figure(row["difference"], row["low"], row["high"], style="+.3f"), Figure(row["p"], style="p"),
             Figure(row["p_holm"], style="p"), f"{row['first_ahead']} : {row['second_ahead']} of {row['sets']}"]
            for row in own.to_dict("records")
        ]  # fmt: skip
        name = LEVEL_NAMES[level]
        tables[level] = Table(f"comparisons_{name}", f"The methods against each other, {name} F1", header, rows, 2)
    return tables


def render_comparisons(comparisons: pd.DataFrame, resampling: Resampling) -> list[str]:
    """Markdown sections: what is compared, and a table a level."""
    if comparisons.empty:
        return ["## Comparisons", "None: it takes two systems with a set of gold sentences in common."]
    tables = tabulate_comparisons(comparisons).values()
    sections = [section for table in tables for section in (f"{table.title}:", table_to_markdown(table))]
    return ["## Comparisons", COMPARISON_LEGEND.format(**resampling._asdict()), *sections]


def render_sections(
    systems: Sequence[System], resampling: Resampling, intervals: bool = True, comparisons: bool = True
) -> list[str]:
    """Intervals and comparisons as Markdown sections for below the score table."""
    panel, sections = count_panel(systems, resampling.unit), []
    if intervals:
        frame = frame_intervals(panel, resampling)
        sections += ["## Intervals", explain_intervals(resampling)]
        for system in systems:
            sections += [f"### {system.name}", render_intervals(frame, system)]
    if comparisons:
        sections += render_comparisons(frame_comparisons(panel, resampling), resampling)
    return [*sections, textwrap.fill(describe_texts(panel, resampling.unit), 120)]


def explain_intervals(resampling: Resampling) -> str:
    return LEGEND.format(least=LEAST_UNITS, mean_note=MEAN_NOTE, **resampling._asdict())


def describe_texts(panel: Panel, unit: str) -> str:
    """A paragraph on how many patents and sets there are, and so on what intervals and p-values can say."""
    patents, sets = describe_patents(panel.systems), len(set(panel.keys))
    twice = sum(len(row["places"]) > 1 for row in patents)
    shared = f", {twice} of them in more than one" if twice else ""
    sentences = sum(row["sentences"] for row in patents)
    text = (
        f"These texts are {format_count(len(patents), 'patent')} ({format_count(sentences, 'sentence')}) in "
        f"{format_count(sets, 'set')}{shared}. Intervals and p-values say how far the figures depend on which of these "
        f"{unit}s were drawn. They speak of these texts, not of patents at large"
    )
    if sets > 1:
        floor = 2 * 0.5**sets  # all of them point one way
        text += f": a sign test over the {sets} sets, each taken as one case, cannot give a p-value below {floor:.4g}"
    if any(system.runs for system in panel.systems):
        text += f". {SEED_NOTE}"
    return f"{text}."


def warn_few_mentions(systems: Mapping[str, Sequence[RunRecord]]) -> list[str]:
    """A line for each system whose runs have dev sets of fewer than FEW_MENTIONS mentions."""
    lines = []
    for name, runs in systems.items():
        few = {}
        for run in runs:
            choice, split = run.metrics["selection"], show_split(run.config)
            if choice["dev_mentions"] < FEW_MENTIONS:
                chosen = ", the epoch was chosen by them" if choice["rule"] == "best dev epoch" else ""
                few[split] = f"split {split} ({choice['dev_mentions']}{chosen})"
        if few:
            named = ", ".join(few[split] for split in sorted(few, key=natural_key))
            lines.append(f"{name}: fewer than {FEW_MENTIONS} dev mentions, too few for dev scores: {named}")
    return lines


def _make_draw(panel: Panel, resampling: Resampling) -> Draw:
    """A function from places of sets to samples of all sets' counts, drawn from the units of those sets alone.

    So no interval depends on the other systems: sets with the same units always get the same samples, of the shape
    (resamples, sets, levels, COUNTS).
    """

    @lru_cache(maxsize=4)
    def draw(members: bytes) -> np.ndarray:
        own = np.frombuffer(members, dtype=np.bool_)
        return resample_counts(panel.counts[own][:, :, :, 0], resampling.resamples, resampling.seed)

    return lambda places: draw(panel.members[:, places].any(axis=1).tobytes())


def _list_statistics(panel: Panel, system: System, counts: np.ndarray, samples: np.ndarray) -> Iterator[dict[str, Any]]:
    """The rows of a system's runs, their mean and the seeds at a level; (sets, COUNTS) and (resamples, sets) of F1."""
    places, f1 = panel.places[system.name], f1_of(counts)
    for number, (own, place) in enumerate(zip(system.sets, places, strict=True)):
        row = {"statistic": "run", "run": own.run, "split": own.split, "seed": own.seed, "sets": 1}
        yield row | {"gold": counts[number, -1], "f1": f1[number]} | _find_bounds(panel, [place], samples[:, number])
    by_split = _average_by_split(panel, system, f1)
    row = {"statistic": "mean", "sets": len(by_split), "f1": _average(by_split), "std": pd.Series(by_split).std()}
    yield row | _find_bounds(panel, places, _average(_average_by_split(panel, system, samples)))
    keys = [panel.keys[place] for place in places]
    seeds = pd.DataFrame({"seed": [own.seed for own in system.sets], "key": keys, "f1": f1})
    sets = seeds.groupby("seed")["key"].agg(lambda own: tuple(sorted(own)))
    if len(sets) > 1 and sets.nunique() == 1:
        means = seeds.groupby("seed", sort=False)["f1"].mean()
        yield {"statistic": "seeds", "sets": len(sets), "f1": means.mean(), "std": means.std()}


def _find_bounds(panel: Panel, places: Sequence[int], sample: np.ndarray) -> dict[str, float]:
    """{low, high} of a sample, where its sets have units enough."""
    if panel.members[:, places].any(axis=1).sum() < LEAST_UNITS:
        return {}
    low, high = significance.find_interval(sample)
    return {"low": float(low), "high": float(high)}


def _average(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis of what is defined; NaN where nothing is."""
    return np.ma.filled(np.ma.masked_invalid(values).mean(axis=-1), np.nan)[()]


def _average_by_split(panel: Panel, system: System, values: np.ndarray) -> np.ndarray:
    """values (..., sets), averaged over the seeds of each split: (..., splits)."""
    groups: dict[tuple[str, str], list[int]] = {}
    for number, (own, place) in enumerate(zip(system.sets, panel.places[system.name], strict=True)):
        groups.setdefault((own.split, panel.keys[place]), []).append(number)
    return np.stack([_average(values[..., numbers]) for numbers in groups.values()], axis=-1)


def _compare(panel: Panel, pair: tuple[System, System], draw: Draw, resampling: Resampling) -> Iterator[dict[str, Any]]:
    """The rows of a pair, by level, without the corrected p-value; none where the two have no set in common."""
    places = [panel.places[system.name] for system in pair]
    keys = [[panel.keys[place] for place in own] for own in places]
    common = [key for key in dict.fromkeys(keys[0]) if key in keys[1]]
    weights = np.zeros((2, len(panel.keys)))  # of each set, for both systems; the seeds of one set share 1
    for side in range(2):
        for place, key in zip(places[side], keys[side], strict=True):
            weights[side, place] = (key in common) / keys[side].count(key)
    used = np.flatnonzero(weights.any(axis=0)).tolist()
    for level in ENTITY_LEVELS if common else ():
        number = LEVELS.index(level)
        totals = panel.counts[:, :, number, 0]  # (units, sets, COUNTS)
        counts = np.einsum("usc,ws->wuc", totals, weights)  # (2, units, COUNTS)
        samples = np.einsum("rsc,ws->wrc", draw(used)[:, :, number], weights)  # (2, resamples, COUNTS)
        first, second = f1_of(counts.sum(axis=1))
        by_set = np.array([  # (common sets, 2)
            [f1_of(totals[:, [place for place in own if panel.keys[place] == key]].sum(axis=(0, 1))) for own in places]
            for key in common
        ])  # fmt: skip
        ahead = np.sign(by_set[:, 0] - by_set[:, 1])
        yield {
            "level": level, "first": pair[0].name, "second": pair[1].name, "sets": len(common),
            "first_f1": float(first), "second_f1": float(second), "difference": float(first - second),
            "low": np.nan, "high": np.nan, **_find_bounds(panel, used, f1_of(samples[0]) - f1_of(samples[1])),
            "p": significance.compare_counts(counts[0], counts[1], resampling.resamples, resampling.seed),
            "first_ahead": int((ahead > 0).sum()), "second_ahead": int((ahead < 0).sum()),
        }  # fmt: skip
