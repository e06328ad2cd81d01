"""Sections of scores: by method, split, type, kind of mention, casing."""

import math

from cbpner.base.files import natural_key
from cbpner.reports.page import charts
from cbpner.reports.page.charts import Chart, Dots
from cbpner.reports.page.components import (
    MAIN,
    Fold,
    Section,
    Text,
    list_counts,
    list_measures,
    list_points,
    make_chart,
    mean_known,
    select_rows,
    show_split,
    sort_runs,
    take_values,
)
from cbpner.reports.page.inputs import group_casings
from cbpner.reports.page.tables import Figure, Table
from cbpner.reports.spans import POOLED
from cbpner.reports.table import LEVEL_NAMES, MEASURE_NAMES, OVERALL
from cbpner.scoring.metrics import COUNTS, LEVELS, MEASURES

GROUP_NAMES = {
    "seen": "Seen and unseen mentions", "length": "Length in characters", "script": "Script of the mention",
}  # fmt: skip


def show_scores(view) -> Section:
    """The table of means with intervals, and each system's own."""
    differing = [setting for setting in ("recipe", "encoder") if _differs_untold(view, setting)]
    f1_names = [*(f"{LEVEL_NAMES[level]} F1" for level in LEVELS), f"pooled {LEVEL_NAMES[MAIN]} F1"]
    header = ["method", *differing, "splits", "runs", *f1_names]
    rows = [
        [name, *(str(runs[0].config[setting]) for setting in differing), " ".join(view.splits[name]), len(runs),
         *(view.figures[name, "mean", None, level, OVERALL] for level in LEVELS),
         view.figures[name, POOLED, None, MAIN, OVERALL]]
        for name, runs in view.material.systems.items()
    ]  # fmt: skip
    note = (
        "Mean over the splits ± sample standard deviation, a split with several seeds counting with their mean; "
        "pooled: one F1 over all mentions of all runs; -: undefined, and in no mean."
    )
    seeds = [view.figures.get((name, "seeds", None, MAIN, OVERALL)) for name in view.names]
    if any(seeds):
        header.append(f"± seeds, {LEVEL_NAMES[MAIN]}")
        rows = [[*row, Figure(own.std) if own else None] for row, own in zip(rows, seeds, strict=True)]
        note += " ± seeds: the standard deviation of the seeds' means over the splits."
    evaluation = view.material.evaluation
    if evaluation:
        r = evaluation.resampling
        note += f" In brackets 95% bootstrap intervals over {r.resamples:,} samples of the {r.unit}s, seed {r.seed}."
    levels = (
        "Token: single characters. Lenient: whole entities, borders and type; an I- without its B- begins one. Strict: "
        "the same, but an I- without its B- belongs to none."
    )
    parts = [Text(levels), Table("scores", "F1 of each method", header, rows, 2 + len(differing), note)]
    parts.append(Fold("Precision and recall", [_table_levels(view, name) for name in view.names]))
    return Section("scores", "Scores", "Scores", parts)


def show_splits(view) -> Section | None:
    """Every split's F1 per method."""
    if all(len(runs) < 2 for runs in view.material.systems.values()):
        return None
    rows = [
        Dots(name, place, list_points(view, name), *take_values(view.figures[name, "mean", None, MAIN, OVERALL], 3))
        for place, name in enumerate(view.names)
    ]
    caption = "Strict F1. A circle is a run, with its split's name; the line is the mean over the splits"
    caption += ", the band its 95% interval." if view.material.evaluation else "."
    chart = Chart(charts.draw_dots([(None, rows)], "Strict F1 of every run by method"), caption, [])
    table_rows = []
    for name in view.names:
        for run in sort_runs(view.material.systems[name]):
            cells = [view.figures[name, "run", run.folder, level, OVERALL] for level in LEVELS]
            gold = run.metrics[view.material.part][MAIN]["overall"]["gold"]
            table_rows.append([name, show_split(run), str(run.config["seed"]), gold, *cells])
    header = ["method", "split", "seed", "gold mentions", *(f"{LEVEL_NAMES[level]} F1" for level in LEVELS)]
    table = Table("splits", "F1 of every run", header, table_rows, 3)
    return Section("splits", "Every split", "Splits", [chart, Fold("The figures", [table])])


def show_types(view) -> Section:
    """F1 by type, pooled over the runs."""
    groups = [
        (label, [Dots("", place, [], *take_values(view.figures.get((name, POOLED, None, MAIN, label)), 3))
                 for place, name in enumerate(view.names)])
        for label in view.types
    ]  # fmt: skip
    rows = []
    for name in view.names:
        for label in view.types:
            own = select_rows(view, name, MAIN, label)
            figure = view.figures.get((name, POOLED, None, MAIN, label), Figure(math.nan))
            rows.append([name, label, *list_counts(own), *list_measures(own)[:2], figure])
    header = ["method", "type", *COUNTS, "P", "R", "F1"]
    parts = [
        make_chart(view, groups, "Strict F1 by type", "Strict F1 by type, pooled over all runs."),
        Fold("The figures", [Table("types", "Strict scores by type, pooled over the runs", header, rows, 2)]),
    ]
    return Section("types", "By type", "Types", parts)


def show_groups(view) -> Section | None:
    """Seen against unseen mentions, lengths and scripts."""
    if view.material.evaluation is None:
        return None
    frame, parts, rows = view.material.evaluation.frames["scores"], [], []
    frame = frame[(frame["statistic"] == POOLED) & (frame["level"] == MAIN)]
    lookup = {(row["system"], row["group"], row["value"]): row for row in frame.to_dict("records")}
    for group, title in GROUP_NAMES.items():
        values = list(dict.fromkeys(value for _, own, value in lookup if own == group))
        found = []
        for value in values:
            own = [lookup.get((name, group, value)) for name in view.names]
            if not any(row and row["gold"] for row in own):
                continue
            gold = max(row["gold"] for row in own if row)
            dots = [Dots("", place, [], row["f1"] if row else math.nan) for place, row in enumerate(own)]
            found.append((f"{value} ({gold:,})", dots))
            rows += [[title, value, name, *(row[c] for c in COUNTS), *(Figure(row[m]) for m in MEASURES)]
                     for name, row in zip(view.names, own, strict=True) if row]  # fmt: skip
        if found:
            caption = f"{title}: strict F1, pooled. In brackets: gold mentions, over all runs of a method."
            parts.append(make_chart(view, found, f"Strict F1, {title.lower()}", caption, bool(parts)))
    if not parts:
        return None
    header = ["group", "value", "method", *COUNTS, *MEASURE_NAMES.values()]
    lead = (
        "A mention is seen where the text that the model learnt from has the same surface as a mention of the same "
        "type. Each span, gold or predicted, is in the group of its own text and type, so that the counts add up."
    )
    table = Table("groups", "Strict scores by group, pooled over the runs", header, rows, 3)
    return Section(
        "groups", "Seen and unseen, short and long", "Seen, unseen", [Text(lead), *parts, Fold("The figures", [table])]
    )


def show_casings(view) -> Section | None:
    """Systems that differ in casing alone."""
    groups = group_casings(view.material.systems)
    if not groups:
        return None
    rows, dots = [], []
    for key, found in groups.items():
        shared = set.intersection(*(set(view.splits[name]) for name in found.values()))
        title = f"{key[0]}, recipe {key[1]}, encoder {key[2]}"
        for casing, name in found.items():
            runs = [run for run in sort_runs(view.material.systems[name]) if show_split(run) in shared]
            if not runs:
                continue
            values = {level: _average_splits(select_rows(view, name, level, OVERALL), shared) for level in LEVELS}
            unknown = [_find_unknown(run, view.material.part) for run in runs]
            share = Figure(mean_known(unknown), style=".2%")
            figures = [Figure(mean_known(values[level]), std=_deviate(values[level])) for level in LEVELS]
            rows.append([title, casing, " ".join(sorted(shared, key=natural_key)), len(runs), share, *figures])
            f1 = {run.folder: view.figures[name, "run", run.folder, MAIN, OVERALL].value for run in runs}
            points = [(f1[run.folder], show_split(run), f"{casing}, split {show_split(run)}: {f1[run.folder]:.3f}")
                      for run in runs if not math.isnan(f1[run.folder])]  # fmt: skip
            dots.append((title, Dots(casing, view.names.index(name), points, figures[-1].value)))
    grouped = [(title, [row for own, row in dots if own == title]) for title in dict.fromkeys(own for own, _ in dots)]
    header = [
        "what else is the same",
        "casing",
        "splits",
        "runs",
        "unknown characters",
        *(f"{LEVEL_NAMES[level]} F1" for level in LEVELS),
    ]
    note = (
        "Only splits that every casing has. keep: upper-case letters are in the vocabulary; lower: the text is "
        "lower-cased; paper: as the original ran the method. Unknown: characters of these texts that the encoder does "
        "not know."
    )
    chart = Chart(charts.draw_dots(grouped, "Strict F1 by casing"), "Strict F1 by casing; the line is the mean.", [])
    return Section("casing", "Casing", "Casing", [chart, Table("casing", "The casing ablation", header, rows, 3, note)])


def _differs_untold(view, setting):
    """Whether the systems differ in a setting that no system's name tells."""
    values = {str(runs[0].config[setting]) for runs in view.material.systems.values()}
    return len(values) > 1 and not any(f", {setting} " in name for name in view.names)


def _table_levels(view, name):
    """P, R, F1 at each level, pooled, with intervals by run."""
    rows = []
    for level in LEVELS:
        for label in (OVERALL, *view.types):
            own = select_rows(view, name, level, label)
            rows.append([LEVEL_NAMES[level], label, *list_counts(own), *list_measures(own)[:2],
                         view.figures.get((name, POOLED, None, level, label), Figure(math.nan))])  # fmt: skip
    number = view.names.index(name) + 1
    return Table(f"levels_{number}", f"{name}: all runs pooled", ["level", "type", *COUNTS, "P", "R", "F1"], rows, 2)


def _find_unknown(run, part):
    share = ((run.config["data"].get("files") or {}).get(part) or {}).get("unknown_characters")
    return math.nan if share is None else share


def _average_splits(rows, splits):
    """F1 of each split, the mean of its runs where it is defined."""
    return list(rows[rows["split"].isin(splits)].groupby("set")["f1"].mean().dropna())


def _deviate(values):
    if len(values) < 2:
        return math.nan
    mean = mean_known(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
