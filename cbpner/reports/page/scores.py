"""Sections of scores: by method, split, type and kind of mention; the methods against each other."""

import math
from collections.abc import Sequence
from itertools import product

from cbpner.reports import charts
from cbpner.reports.charts import NEUTRAL, Dots
from cbpner.reports.intervals import SEED_NOTE, tabulate_comparisons
from cbpner.reports.page.inputs import MAIN, ReportData, sum_counts
from cbpner.reports.run_scores import LEVEL_NAMES, MEASURE_NAMES, OVERALL, show_split
from cbpner.reports.spans import POOLED
from cbpner.reports.tables import Cell, Chart, Figure, Fold, Part, Section, Table, format_cell
from cbpner.scoring.metrics import COUNTS, LEVELS, MEASURES

GROUP_NAMES = {
    "seen": "Seen and unseen mentions", "length": "Length in characters", "script": "Script of the mention",
}  # fmt: skip
F1_NAMES = [f"{LEVEL_NAMES[level]} F1" for level in LEVELS]


def show_scores(data: ReportData) -> Section:
    """The table of means with intervals."""
    header = ["method", "recipe", "encoder", "splits", "runs", *F1_NAMES, f"pooled {LEVEL_NAMES[MAIN]} F1"]
    rows: list[list[Cell]] = [
        [name, str(runs[0].config["recipe"]), str(runs[0].config["encoder"]), " ".join(data.list_splits(name)),
         len(runs), *(data.find_figure(name, "mean", level=level) for level in LEVELS), data.find_figure(name, POOLED)]
        for name, runs in data.systems.items()
    ]  # fmt: skip
    note = (
        "Mean over the splits ± sample standard deviation, a split with several seeds counting with their mean; "
        "pooled: one F1 over all mentions of all runs; -: undefined, and left out of means."
    )
    seeds = [data.find_figure(name, "seeds").std for name in data.names]
    if not all(map(math.isnan, seeds)):
        header.append(f"± seeds, {LEVEL_NAMES[MAIN]}")
        rows = [[*row, Figure(std)] for row, std in zip(rows, seeds, strict=True)]
        note += " ± seeds: the standard deviation of the seeds' means over the splits."
    if data.evaluation:
        r = data.evaluation.resampling
        note += f" In brackets 95% bootstrap intervals over {r.resamples:,} samples of the {r.unit}s, seed {r.seed}."
    levels = (
        "Token: single characters. Lenient: whole entities, boundaries and type; an I- without its B- begins one. "
        "Strict: the same, but an I- without its B- belongs to none."
    )
    table = Table("scores", "F1 of each method", header, rows, 4, note)
    return Section("scores", "Scores", "Scores", [levels, table])


def show_splits(data: ReportData) -> Section | None:
    """Every run's F1; None where each system has one."""
    if all(len(runs) < 2 for runs in data.systems.values()):
        return None
    dots, rows = [], []
    for number, (name, runs) in enumerate(data.systems.items()):
        points = []
        for run in runs:
            split, seed = show_split(run.config), str(run.config["seed"])
            cells = [data.find_figure(name, "run", run.folder, level) for level in LEVELS]
            gold = run.metrics[data.part][MAIN]["overall"]["gold"]
            rows.append([name, split, seed, gold, *cells])
            strict = cells[LEVELS.index(MAIN)]
            if not math.isnan(strict.value):
                points.append((strict.value, split, f"{name}, split {split}, seed {seed}: {format_cell(strict)}"))
        dots.append(Dots(name, number, points, *data.find_figure(name, "mean")[:3]))
    caption = "Strict F1. A circle is a run, with its split's name; the line is the mean over the splits"
    caption += ", the band its 95% interval." if data.evaluation else "."
    chart = Chart(charts.draw_dots([(None, dots)], "Strict F1 of every run by method"), caption)
    table = Table("splits", "F1 of every run", ["method", "split", "seed", "gold mentions", *F1_NAMES], rows, 3)
    return Section("splits", "Every split", "Splits", [chart, Fold("The figures", [table])])


def show_types(data: ReportData) -> Section:
    """Scores by type and level, pooled over the runs."""
    rows: list[list[Cell]] = []
    for name, level, label in product(data.names, LEVELS, (OVERALL, *data.types)):
        own = data.scores[(data.scores["system"] == name) & (data.scores["level"] == level)]
        counts, measures = sum_counts(own[own["type"] == label])
        f1 = data.find_figure(name, POOLED, level=level, label=label)  # with its interval
        rows.append([name, LEVEL_NAMES[level], label, *counts, *measures[:2], f1])
    groups = []
    for label in data.types:
        figures = [data.find_figure(name, POOLED, label=label) for name in data.names]
        groups.append((label, [Dots("", number, (), *figure[:3]) for number, figure in enumerate(figures)]))
    header = ["method", "level", "type", *COUNTS, *MEASURE_NAMES.values()]
    table = Table("types", "Scores by level and type, pooled over the runs", header, rows, 3)
    chart = _draw_groups(data, groups, "Strict F1 by type", "Strict F1 by type, pooled over all runs.")
    return Section("types", "By type", "Types", [chart, Fold("The figures", [table])])


def show_groups(data: ReportData) -> Section | None:
    """Seen against unseen mentions, lengths and scripts."""
    if data.evaluation is None:
        return None
    frame, rows = data.evaluation.frames["scores"], []
    parts: list[Part] = []
    frame = frame[(frame["statistic"] == POOLED) & (frame["level"] == MAIN)]
    for group, title in GROUP_NAMES.items():
        groups = []
        for value, found in frame[frame["group"] == group].groupby("value", sort=False):
            if not found["gold"].max():
                continue
            own = found.set_index("system").to_dict("index")
            dots = [Dots("", number, (), own[name]["f1"]) for number, name in enumerate(data.names)]
            groups.append((f"{value} ({found['gold'].max():,})", dots))
            rows += [
                [title, value, name, *(row[c] for c in COUNTS), *(Figure(row[m]) for m in MEASURES)]
                for name, row in own.items()
            ]
        if groups:
            caption = f"{title}: strict F1, pooled. In brackets: gold mentions, over all runs of a method."
            parts.append(_draw_groups(data, groups, f"Strict F1, {title.lower()}", caption))
    if not parts:
        return None
    lead = (
        "A mention is seen where the text that the model learnt from has the same surface as a mention of the same "
        "type. Each span, gold or predicted, is in the group of its own text and type, so that the counts add up."
    )
    header = ["group", "value", "method", *COUNTS, *MEASURE_NAMES.values()]
    table = Table("groups", "Strict scores by group, pooled over the runs", header, rows, 3)
    parts = [lead, *parts, Fold("The figures", [table])]
    return Section("groups", "Seen and unseen, short and long", "Seen, unseen", parts)


def show_comparisons(data: ReportData) -> Section | None:
    """The methods against each other."""
    if data.evaluation is None or data.evaluation.frames["comparisons"].empty:
        return None
    found, best = data.evaluation.frames["comparisons"], data.find_best()
    pairs = found[found["level"] == MAIN].to_dict("records")
    chosen = [row for row in pairs if len(pairs) <= 3 or best in (row["first"], row["second"])] or pairs
    dots = [
        Dots(f"{row['first']} − {row['second']}", NEUTRAL, (), row["difference"], row["low"], row["high"])
        for row in chosen
    ]
    bounds = [0.0, *(value for row in dots for value in row[3:] if not math.isnan(value))]
    caption = "Difference of pooled strict F1, first minus second, with its 95% interval."
    if len(chosen) < len(pairs):
        caption += f" {best} against the others; the table has all pairs."
    svg = charts.draw_dots([(None, dots)], "Differences of strict F1", (min(bounds), max(bounds)), "difference of F1")
    r = data.evaluation.resampling
    note = (
        f"p: paired approximate randomization over {r.unit}s, two-sided, {r.resamples:,} random swaps. Holm: corrected "
        "for the number of pairs. Ahead: on how many sets. Several seeds on one set count as one, their average. "
        f"{SEED_NOTE}."
    )
    tables = tabulate_comparisons(found)
    main = tables.pop(MAIN)._replace(note=note)
    parts: list[Part] = [data.evaluation.texts, Chart(svg, caption), main]
    parts += [Fold(table.title, [table]) for table in tables.values()]
    return Section("comparisons", "Method against method", "Comparisons", parts)


def _draw_groups(data: ReportData, groups: Sequence[tuple[str, Sequence[Dots]]], label: str, caption: str) -> Chart:
    glyphs = [charts.GLYPHS[charts.series_look(number)["marker"]] for number in range(len(data.names))]
    legend = [(f"s{n % 7}", glyph, name) for n, (glyph, name) in enumerate(zip(glyphs, data.names, strict=True))]
    return Chart(charts.draw_dots(groups, label), caption, legend if len(legend) > 1 else ())
