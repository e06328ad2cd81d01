"""Means, pooled scores and intervals over the sets of each system, and the systems against each other."""

import textwrap
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np

from cbpner.base.files import natural_key
from cbpner.reports.join import describe_sets
from cbpner.reports.panel import UNITS, lay_out
from cbpner.reports.spans import POOLED
from cbpner.reports.table import LEVEL_NAMES, NONE, OVERALL, render_table
from cbpner.scoring.metrics import LEVELS
from cbpner.scoring.significance import (
    RESAMPLES,
    compare_counts,
    correct_holm,
    f1_of,
    find_interval,
    find_sign_test_floor,
    resample_counts,
)

LEAST_UNITS = 5  # from fewer, no interval: there is next to nothing to draw
FEW_MENTIONS = 100  # in dev
WIDTH = 120  # of a paragraph
COMPARED = ("entity_lenient", "entity_strict")
INTERVAL = ["system", "statistic", "run", "split", "seed", "level", "type", "sets", "f1", "std", "low", "high"]
COMPARISON = (
    "level", "first", "second", "sets", "first_f1", "second_f1", "difference", "low", "high", "p", "p_holm",
    "first_ahead", "second_ahead",
)  # fmt: skip

SEEDS = (
    "Neither intervals nor p-values contain the spread between training runs: another seed of the same settings may "
    "give another order"
)
LEGEND = """\
F1 [95% interval]: bootstrap percentiles over {resamples:,} samples of the {unit}s (seed {seed}); none from fewer than
{least} {unit}s. Mean and ± std (ddof = 1) go over the splits; where several seeds ran on a split, their mean is the
split's figure, and the spread of the seeds' means stands below. Pooled: one F1 over all mentions of all runs; a patent
that stands in two sets counts twice there, once for each model that read it, and is drawn as one. Only a system's own
{unit}s are drawn for its intervals."""
COMPARISON_LEGEND = """\
Pooled F1 over the sets that both have; runs of one set by several seeds count as one, their average. Difference: first
minus second, with its 95% interval from the same samples. p: paired approximate randomization over {unit}s, two-sided,
{resamples:,} random swaps (or all there are, where they are no more). Holm: p corrected for the number of pairs. Ahead:
on how many sets. Only {unit}s of the common sets are drawn and swapped."""


class Resampling(NamedTuple):
    """How intervals and p-values are made: how many samples, from which seed, of what (one of UNITS)."""

    resamples: int = RESAMPLES
    seed: int = 0
    unit: str = UNITS[0]


def frame_intervals(panel, resampling):
    """A DataFrame of F1 with intervals; columns: INTERVAL.

    statistic: `run` (one set), `mean` (of the F1 of the split's sets, a split with several seeds counting with their
    mean; std with ddof = 1), POOLED (for each type too), and `seeds` (where several seeds have the same sets: mean and
    std of the seeds' means). sets: of `mean` the splits, of `seeds` the seeds. NaN where undefined. A system's samples
    are drawn from its own units, so that no interval depends on the other systems.
    """
    import pandas as pd

    totals = panel.counts.sum(axis=3)  # (units, sets, levels, COUNTS)
    draw, rows = make_draw(panel, totals, resampling), []
    for system in panel.systems:
        places = panel.list_places(system)
        drawn = draw(places)  # (resamples, sets, levels, COUNTS)
        for number, level in enumerate(LEVELS):
            found, samples = totals[:, places, number].sum(axis=0), drawn[:, places, number]
            rows += [row | {"level": level} for row in _list_statistics(panel, system, found, samples)]
        rows += _list_types(panel, system, resampling)
    return pd.DataFrame(rows, columns=INTERVAL).astype(dict.fromkeys(INTERVAL[-4:], float))


def frame_comparisons(panel, resampling):
    """A DataFrame of COMPARISON: the systems against each other, a row a pair and level of COMPARED.

    sets: how many both have; pairs without one are not there. difference: first minus second; low, high: its 95%
    interval. p_holm: corrected for the pairs of the level. first_ahead, second_ahead: on how many sets.
    """
    import pandas as pd

    totals = panel.counts.sum(axis=3)
    draw, found = make_draw(panel, totals, resampling), []
    for level in COMPARED:
        place = LEVELS.index(level)
        pairs = combinations(panel.systems, 2)
        rows = [_compare(panel, pair, totals[:, :, place], draw, place, resampling) for pair in pairs]
        rows = [{"level": level} | row for row in rows if row]
        corrected = correct_holm([row["p"] for row in rows])
        found += [row | {"p_holm": p_holm} for row, p_holm in zip(rows, corrected, strict=True)]
    return pd.DataFrame(found, columns=list(COMPARISON))


def make_draw(panel, totals, resampling):
    """A function from places of sets to samples of all sets' totals, drawn from the units of those sets alone.

    Sets with the same units, whatever else is laid out beside them, get the same samples.
    """

    @lru_cache(maxsize=4)
    def draw(members):
        own = np.frombuffer(members, dtype=np.bool_)
        return resample_counts(totals[own], resampling.resamples, resampling.seed)

    return lambda places: draw(panel.members[:, places].any(axis=1).tobytes())


def render_sections(systems, resampling, intervals=True, comparisons=True):
    """Both reports as Markdown sections, for a table that has the rest."""
    panel, sections = lay_out(systems, resampling.unit), []
    if intervals:
        frame = frame_intervals(panel, resampling)
        sections += ["## Intervals", explain_intervals(resampling)]
        for system in systems:
            sections += [f"### {system.name}", render_intervals(frame, system)]
    if comparisons:
        sections += render_comparisons(frame_comparisons(panel, resampling), resampling)
    return [*sections, textwrap.fill(explain_texts(panel, resampling.unit), WIDTH)]


def render_intervals(intervals, system, gold=None):
    """The table of one system: a row a run, the mean, ± std, pooled; and pooled by type. gold: {run: its mentions}."""
    own = intervals[intervals["system"] == system.name]
    overall = own[own["type"] == OVERALL]
    runs = overall[overall["statistic"] == "run"]
    rows = []
    for run, name in name_sets(system).items():
        mentions = [] if gold is None else [gold[run]]
        rows.append([name, *mentions, *_format_levels(runs[runs["run"] == run])])
    titles = {"mean": "mean", POOLED: POOLED, "seeds": "mean over seeds"}
    blank = [] if gold is None else [""]
    for statistic, title in titles.items():
        found = overall[overall["statistic"] == statistic]
        if len(found) and len(system.sets) > 1:
            total = [sum(gold.values())] if gold is not None and statistic == POOLED else blank
            rows.append([title, *total, *_format_levels(found)])
            if statistic != POOLED:
                rows.append(["± std", *blank, *(format_number(std) for std in _order_levels(found)["std"])])
    for label in sorted(set(own["type"]) - {OVERALL}):
        found = own[(own["type"] == label) & (own["statistic"] == POOLED)]
        rows.append([f"{POOLED}, {label}" if len(system.sets) > 1 else label, *blank, *_format_levels(found)])
    mentions = [] if gold is None else ["gold"]
    return render_table(["split", *mentions, *(f"{LEVEL_NAMES[level]} F1" for level in LEVELS)], rows)


def render_comparisons(comparisons, resampling):
    """Markdown sections: what is compared, and a table a level."""
    if comparisons.empty:
        return ["## Comparisons", "None: it takes two systems with a set of gold sentences in common."]
    header = ["first", "second", "F1 first", "F1 second", "difference [95% interval]", "p", "Holm", "ahead"]
    sections = ["## Comparisons", COMPARISON_LEGEND.format(**resampling._asdict())]
    for level, own in comparisons.groupby("level", sort=False):
        rows = [
            [
                *(row["first"], row["second"], format_number(row["first_f1"]), format_number(row["second_f1"])),
                format_interval(row["difference"], row["low"], row["high"], "+.3f"),
                *(format_p(row["p"]), format_p(row["p_holm"])),
                f"{row['first_ahead']} : {row['second_ahead']} of {row['sets']}",
            ]
            for row in own.to_dict("records")
        ]
        sections += [f"Entity F1, {LEVEL_NAMES[level]}:", render_table(header, rows, text_columns=2)]
    return sections


def explain_intervals(resampling):
    return LEGEND.format(least=LEAST_UNITS, **resampling._asdict())


def explain_texts(panel, unit=UNITS[0]):
    """What intervals and p-values can speak of: the paragraph on how many patents and sets there are."""
    patents, sets = describe_sets(panel.systems), len(set(panel.keys))
    twice = sum(len(row["places"]) > 1 for row in patents)
    shared = f", {twice} of them in more than one" if twice else ""
    sentences = sum(row["sentences"] for row in patents)
    text = (
        f"These texts are {count_things(len(patents), 'patent')} ({count_things(sentences, 'sentence')}) in "
        f"{count_things(sets, 'set')}{shared}. Intervals and p-values say how far the figures rest on which of these "
        f"{unit}s were met. They speak of these texts, not of patents at large"
    )
    if sets > 1:
        floor = find_sign_test_floor(sets)
        text += f": a sign test over the {sets} sets, each taken as one case, cannot give a p-value below {floor:.4g}"
    if any(system.runs for system in panel.systems):
        text += f". {SEEDS}"
    return f"{text}."


def warn_few_mentions(systems):
    """One line a system whose runs have dev sets of fewer than FEW_MENTIONS mentions."""
    lines = []
    for system in systems:
        few = {}
        for joined, run in zip(system.sets, system.runs, strict=False):
            choice = run.metrics["selection"]
            if choice["dev_mentions"] < FEW_MENTIONS:
                chosen = ", the epoch was chosen by them" if choice["rule"] == "best dev epoch" else ""
                few[joined.split] = f"split {joined.split} ({choice['dev_mentions']}{chosen})"
        if few:
            named = ", ".join(few[split] for split in sorted(few, key=natural_key))
            lines.append(
                f"{system.name}: fewer than {FEW_MENTIONS} dev mentions, so that dev scores say little: {named}"
            )
    return lines


def name_sets(system):
    """{run: row name} in the order of the splits: the split, with the seed where one stands there twice."""
    sets = sorted(system.sets, key=lambda j: (natural_key(j.split), natural_key(j.seed), natural_key(j.run)))
    splits = [joined.split for joined in sets]
    return {
        joined.run: f"{joined.split} (seed {joined.seed})" if splits.count(joined.split) > 1 else joined.split
        for joined in sets
    }


def format_number(value, style=".3f"):
    """A number for a table; NONE where it is undefined."""
    return NONE if value is None or np.isnan(value) else f"{value:{style}}"


def format_interval(value, low, high, style=".3f"):
    """`0.431 [0.412, 0.450]`; without brackets where there is no interval."""
    number = format_number(value, style)
    return number if np.isnan(low) else f"{number} [{low:{style}}, {high:{style}}]"


def format_p(value):
    """A p-value with four decimals, as far down as 0.0001."""
    return NONE if np.isnan(value) else "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def count_things(count, noun):
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _list_statistics(panel, system, found, samples):
    """The rows of one system at one level, as dicts. found: (sets, COUNTS). samples: (resamples, sets, COUNTS)."""
    places = panel.list_places(system)
    f1, drawn = f1_of(found), f1_of(samples)
    for number, joined in enumerate(system.sets):
        own = {"statistic": "run", "run": joined.run, "split": joined.split, "seed": joined.seed, "sets": 1}
        interval = _bound(panel, places[number : number + 1], drawn[:, number])
        yield {"system": system.name, "type": OVERALL} | own | {"f1": f1[number]} | interval
    head = {"system": system.name, "type": OVERALL, "sets": len(places)}
    by_split = _average_by_split(panel, system, f1)
    mean = {"statistic": "mean", "sets": len(by_split), "f1": _average(by_split), "std": _deviate(by_split)}
    yield head | mean | _bound(panel, places, _average(_average_by_split(panel, system, drawn)))
    pooled = {"statistic": POOLED, "f1": f1_of(found.sum(axis=0))}
    yield head | pooled | _bound(panel, places, f1_of(samples.sum(axis=1)))
    by_seed = _average_by_seed(panel, system, f1)
    if len(by_seed) > 1:
        yield head | {"statistic": "seeds", "sets": len(by_seed), "f1": _average(by_seed), "std": _deviate(by_seed)}


def _list_types(panel, system, resampling):
    """The rows of pooled F1 by type, as dicts."""
    places = panel.list_places(system)
    own = panel.members[:, places].any(axis=1)
    counts = panel.counts[own][:, places].sum(axis=1)  # (units, levels, types, COUNTS)
    found, drawn = (
        f1_of(sums) for sums in (counts.sum(axis=0), resample_counts(counts, resampling.resamples, resampling.seed))
    )
    for number, level in enumerate(LEVELS):
        for place, label in enumerate(panel.types):
            head = {"system": system.name, "statistic": POOLED, "level": level, "type": label, "sets": len(places)}
            yield head | {"f1": found[number, place]} | _bound(panel, places, drawn[:, number, place])


def _bound(panel, places, sample):
    """{low, high} of a sample, where its sets have units enough."""
    if panel.members[:, places].any(axis=1).sum() < LEAST_UNITS:
        return {}
    low, high = find_interval(sample)
    return {"low": float(low), "high": float(high)}


def _average(values):
    """The mean over the last axis of what is defined; NaN where nothing is."""
    values = np.asarray(values, dtype=float)
    defined = ~np.isnan(values)
    count = defined.sum(axis=-1)
    total = np.where(defined, values, 0.0).sum(axis=-1)
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)[()]


def _deviate(values):
    """The sample standard deviation (ddof = 1) of what is defined; NaN for fewer than two values."""
    defined = [value for value in values if not np.isnan(value)]
    return float(np.std(defined, ddof=1)) if len(defined) > 1 else float("nan")


def _average_by_split(panel, system, values):
    """values (..., sets), averaged over the seeds of each split: (..., splits)."""
    groups = {}
    for number, (joined, place) in enumerate(zip(system.sets, panel.list_places(system), strict=True)):
        groups.setdefault((joined.split, panel.keys[place]), []).append(number)
    return np.stack([_average(values[..., numbers]) for numbers in groups.values()], axis=-1)


def _average_by_seed(panel, system, f1):
    """The mean of each seed's sets, or nothing where the seeds do not have the same sets."""
    keys, by_seed = [panel.keys[place] for place in panel.list_places(system)], {}
    for joined, key, value in zip(system.sets, keys, f1, strict=True):
        by_seed.setdefault(joined.seed, []).append((key, value))
    same = len({tuple(sorted(key for key, _ in own)) for own in by_seed.values()}) == 1
    return [_average([value for _, value in own]) for own in by_seed.values()] if same else []


def _compare(panel, pair, totals, draw, level, resampling):
    """One row of `frame_comparisons` without its level, or None.

    totals: (units, sets, COUNTS) at one level, the number `level` of LEVELS; draw: see `make_draw`.
    """
    places = [panel.list_places(system) for system in pair]
    keys = [[panel.keys[place] for place in own] for own in places]
    common = [key for key in dict.fromkeys(keys[0]) if key in keys[1]]
    if not common:
        return None
    weights = np.zeros((2, len(panel.keys)))
    for side in range(2):
        for place, key in zip(places[side], keys[side], strict=True):
            weights[side, place] = (key in common) / keys[side].count(key)
    used = [place for own in places for place in own if panel.keys[place] in common]
    counts = np.einsum("usc,ws->wuc", totals, weights)  # (2, units, COUNTS)
    samples = np.einsum("rsc,ws->wrc", draw(used)[:, :, level], weights)  # (2, resamples, COUNTS)
    first, second = f1_of(counts.sum(axis=1))
    by_set = np.array([_score_set(panel, own, key, totals) for key in common for own in places]).reshape(-1, 2)
    bounds = {"low": np.nan, "high": np.nan} | _bound(panel, used, f1_of(samples[0]) - f1_of(samples[1]))
    ahead = [int((by_set[:, side] > by_set[:, 1 - side]).sum()) for side in range(2)]
    return {
        "first": pair[0].name, "second": pair[1].name, "sets": len(common),
        "first_f1": float(first), "second_f1": float(second), "difference": float(first - second), **bounds,
        "p": compare_counts(*counts, resampling.resamples, resampling.seed),
        "first_ahead": ahead[0], "second_ahead": ahead[1],
    }  # fmt: skip


def _score_set(panel, places, key, totals):
    """F1 of one system on the test set of that key, over all of its seeds."""
    own = [place for place in places if panel.keys[place] == key]
    return f1_of(totals[:, own].sum(axis=(0, 1)))


def _order_levels(rows):
    return rows.set_index("level").loc[list(LEVELS)]


def _format_levels(rows):
    ordered = _order_levels(rows)
    return list(map(format_interval, ordered["f1"], ordered["low"], ordered["high"]))
