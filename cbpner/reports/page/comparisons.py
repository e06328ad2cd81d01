"""The section that sets method against method."""

import math

from cbpner.reports.intervals import SEEDS, count_things
from cbpner.reports.page import charts
from cbpner.reports.page.charts import NEUTRAL, Chart, Dots
from cbpner.reports.page.components import MAIN, Fold, List, Section, Text, find_best
from cbpner.reports.page.tables import Figure, Table, format_cell
from cbpner.reports.table import LEVEL_NAMES

SIGNIFICANT = 0.05
MOST_TOLD = 3  # pairs of methods; of more, only those of the best method get a sentence


def show_comparisons(view) -> Section | None:
    """Each method against each other."""
    evaluation = view.material.evaluation
    if evaluation is None or evaluation.frames["comparisons"].empty:
        return None
    found, best = evaluation.frames["comparisons"], find_best(view)
    pairs = found[found["level"] == MAIN].to_dict("records")
    told = [_turn_pair(row, best) for row in pairs if best in (row["first"], row["second"])]
    if len(pairs) <= MOST_TOLD or not told:
        told = pairs
    dots, bounds = [], [0.0]
    for row in told:
        own = (row["difference"], row["low"], row["high"])
        dots.append((None, [Dots(f"{row['first']} − {row['second']}", NEUTRAL, [], *own)]))
        bounds += [value for value in own if not math.isnan(value)]
    caption = "Difference of pooled strict F1, first minus second, with its 95% interval."
    if len(told) < len(pairs):
        caption += f" {best} against the others; all pairs stand in the table."
    limits, label = (min(bounds), max(bounds)), "Differences of strict F1"
    chart = Chart(charts.draw_dots(dots, label, limits, "difference of F1", above=True), caption, [])
    tables = [_table_pairs(found[found["level"] == level], level) for level in dict.fromkeys(found["level"])]
    r = evaluation.resampling
    note = (
        f"p: paired approximate randomization over {r.unit}s, two-sided, {r.resamples:,} random swaps. Holm: corrected "
        "for the number of pairs. Ahead: on how many sets. Several seeds on one set count as one, their average. "
        f"{SEEDS}."
    )
    named = {table.name: table for table in tables}
    shown = named.pop(f"comparisons_{LEVEL_NAMES[MAIN]}")._replace(note=note)
    others = [Fold(table.title, [table]) for table in named.values()]
    parts = [Text(evaluation.texts, "lead"), List([_judge(row, r.unit) for row in told]), chart, shown, *others]
    return Section("comparisons", "Method against method", "Comparisons", parts)


def _table_pairs(rows, level):
    name = LEVEL_NAMES[level]
    cells = [
        [row["first"], row["second"], Figure(row["first_f1"]), Figure(row["second_f1"]),
         Figure(row["difference"], row["low"], row["high"], style="+.3f"), Figure(row["p"], style="p"),
         Figure(row["p_holm"], style="p"), f"{row['first_ahead']} : {row['second_ahead']} of {row['sets']}"]
        for row in rows.to_dict("records")
    ]  # fmt: skip
    header = ["first", "second", "F1 first", "F1 second", "difference", "p", "Holm", "ahead"]
    return Table(f"comparisons_{name}", f"The methods against each other, {name} F1", header, cells, 2)


def _turn_pair(row, first):
    """The row of a comparison with `first` as its first system."""
    if row["first"] == first:
        return row
    swapped = {"first": first, "second": row["first"], "difference": -row["difference"]}
    swapped |= {"low": -row["high"], "high": -row["low"]}
    return row | swapped | {"first_ahead": row["second_ahead"], "second_ahead": row["first_ahead"]}


def _judge(row, unit):
    """One sentence on a pair of systems; unit: what was drawn."""
    if math.isnan(row["p"]):
        return f"{row['first']} and {row['second']} cannot be compared: their common texts have no mention to be found."
    if row["difference"] == 0:
        return f"{row['first']} and {row['second']} have the same pooled F1."
    ahead = row["first"] if row["difference"] >= 0 else row["second"]
    behind = row["second"] if row["difference"] >= 0 else row["first"]
    times, sets = row["first_ahead"] if row["difference"] >= 0 else row["second_ahead"], int(row["sets"])
    p = format_cell(Figure(row["p_holm"], style="p"))
    p = p if p.startswith("<") else f"= {p}"
    head = f"{ahead} is {abs(row['difference']):.3f} ahead of {behind}, on {times} of {count_things(sets, 'set')}"
    if row["p_holm"] < SIGNIFICANT:
        return f"{head}: more than chance in which of these {unit}s were met would give (p {p} after Holm)."
    return f"{head}: on these texts no more than chance may give (p {p} after Holm)."
