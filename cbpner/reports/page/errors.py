"""Sections of errors, and the browser of sentences."""

from typing import Any

import pandas as pd

from cbpner.reports import charts
from cbpner.reports.evaluate import name_side
from cbpner.reports.page.inputs import ReportData
from cbpner.reports.page.parts import Browser, Chart, Fold, Part, Section
from cbpner.reports.page.sentences import list_sentences
from cbpner.reports.run_scores import OVERALL
from cbpner.reports.spans import CONSISTENCY, NO_TYPE, PAIR, POOLED, cut_context
from cbpner.reports.tables import Table
from cbpner.scoring.matching import KINDS

CONTEXT = 14  # characters on each side of a wrong span


def show_errors(data: ReportData, with_text: bool = True, shown: int = 15) -> Section | None:
    """Classes of errors, confusion of types, the most frequent wrong surfaces, consistency within a patent."""
    if data.evaluation is None:
        return None
    frames = data.evaluation.frames
    parts: list[Part] = _show_classes(frames["errors"], data.names)
    parts.append(
        f"Confusion of types: rows are gold types, columns predicted ones. {NO_TYPE}: missed in its column, spurious "
        "in its row. Shade: share of the row."
    )
    parts += [_make_matrix(frames["confusions"], name, number) for number, name in enumerate(data.names, 1)]
    if with_text and shown and "wrong_surfaces" in frames:
        for number, name in enumerate(data.names, 1):
            wrong = frames["wrong_surfaces"]
            rows = wrong[wrong["system"] == name].head(shown).to_dict("records")
            parts.append(Fold(f"The most frequent wrong spans of {name}", [_list_wrong(rows, name, number)]))
    note = (
        "Surfaces of two characters or more that are a mention in a patent and occur there twice or more: tagged alike "
        "everywhere, with two types or more, untagged somewhere; deviating: places that are not tagged as most are."
    )
    header = ["method", "side", "surfaces", "alike", "two types", "untagged", "places", "deviating"]
    rows = frames["agreement"][CONSISTENCY].to_numpy(object).tolist()
    consistency = Table("agreement", "Consistency within a patent", header, rows, 2, note)
    return Section("errors", "Errors", "Errors", [*parts, Fold(consistency.title, [consistency])])


def show_sentences(data: ReportData) -> Section | None:
    """The browser of sentences; None without the gold text."""
    if data.evaluation is None or data.recorded:
        return None
    return Section("sentences", "Sentences", "Sentences", [Browser(list_sentences(data.evaluation.systems))])


def _show_classes(errors: pd.DataFrame, names: list[str]) -> list[Part]:
    """Stacked bars of the classes of spans, and their table by type."""
    pooled = errors[errors["statistic"] == POOLED]
    counts = pooled.set_index(["system", "type", "class"])["count"].to_dict()
    bars = [(name, [int(counts[name, OVERALL, kind]) for kind in KINDS]) for name in names]
    caption = (
        "Gold and predicted spans that share a character are a pair, named for what is wrong with it; what is left is "
        "missed or spurious. Spans are read leniently."
    )
    rows = []
    for name in names:
        labels = sorted({label for system, label, _ in counts if system == name}, key=lambda own: (own == OVERALL, own))
        rows += [[name, label, *(int(counts[name, label, kind]) for kind in KINDS)] for label in labels]
    legend = [(f"k-{charts.kind_colour(kind)}", "■", kind) for kind in KINDS]
    chart = Chart(charts.draw_shares(bars, KINDS, "Classes of spans by method"), caption, legend)
    table = Table("errors", "Classes of spans by type", ["method", "mentions", *KINDS], rows, 2)
    return [chart, Fold("The figures", [table])]


def _make_matrix(confusions: pd.DataFrame, name: str, number: int) -> Table:
    counts = confusions[confusions["system"] == name].set_index(PAIR)["count"].to_dict()
    types = sorted({label for pair in counts for label in pair}, key=lambda label: (label == NO_TYPE, label))
    rows, shares = [], {}
    for place, gold in enumerate(types):
        cells = [int(counts[gold, found]) if (gold, found) in counts else None for found in types]
        total = sum(cell or 0 for cell in cells) or 1
        shares |= {(place, column): (cell or 0) / total for column, cell in enumerate(cells, 1)}
        rows.append([gold, *cells])
    return Table(f"confusion_{number}", f"Confusion of types: {name}", ["gold", *types], rows, 1, shares=shares)


def _list_wrong(wrong: list[dict[str, Any]], name: str, number: int) -> Table:
    rows, links = [], {}
    for place, row in enumerate(wrong):
        gold, predicted = (name_side(row[f"{side}_surface"], row[f"{side}_type"]) for side in ("gold", "predicted"))
        first = cut_context(row["text"], row["start"], row["end"], CONTEXT)
        rows.append([int(row["count"]), int(row["patents"]), row["class"], gold, predicted, first])
        surface = row["gold_surface"] if gold else row["predicted_surface"]
        links[place] = {"variant": name, "kind": row["class"], "search": surface}
    header = ["count", "patents", "class", "gold", "predicted", "the first, ⟦marked⟧"]
    return Table(f"wrong_{number}", f"The most frequent wrong spans of {name}", header, rows, len(header), links=links)
