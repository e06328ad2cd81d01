"""Sections of errors, and the browser of sentences."""

from cbpner.reports.evaluate import SHOWN
from cbpner.reports.page import charts
from cbpner.reports.page.charts import Chart
from cbpner.reports.page.components import Browser, Fold, Row, Section, Text
from cbpner.reports.page.tables import Table
from cbpner.reports.spans import NO_TYPE, POOLED
from cbpner.reports.table import OVERALL
from cbpner.scoring.matching import KINDS


def show_errors(view, with_text=True, shown=SHOWN) -> Section | None:
    """Classes of errors, confusion of types, the most frequent wrong surfaces, agreement within a patent."""
    if view.material.evaluation is None:
        return None
    frames = view.material.evaluation.frames
    pooled = frames["errors"][frames["errors"]["statistic"] == POOLED]
    counts = pooled.set_index(["system", "type", "class"])["count"].to_dict()
    bars = [(name, [int(counts[name, OVERALL, kind]) for kind in KINDS]) for name in view.names]
    caption = (
        "Gold and predicted spans that share a character are a pair, named for what is wrong with it; what is left is "
        "missed or spurious. Spans are read leniently."
    )
    legend = [("", kind) for kind in KINDS]
    rows = []
    for name in view.names:
        for label in sorted({own for system, own, _ in counts if system == name}, key=lambda t: (t == OVERALL, t)):
            rows.append([name, label, *(int(counts[name, label, kind]) for kind in KINDS)])
    parts = [
        Chart(charts.draw_shares(bars, KINDS, "Classes of spans by method"), caption, legend),
        Fold("The figures", [Table("errors", "Classes of spans by type", ["method", "mentions", *KINDS], rows, 2)]),
        Text(
            f"Which type was taken for which: rows are gold types, columns predicted ones. {NO_TYPE}: missed in its "
            "column, spurious in its row. Shade: share of the row."
        ),
        Row([_make_matrix(frames["confusions"], name, number) for number, name in enumerate(view.names, 1)]),
    ]
    if with_text and shown and "wrong_surfaces" in frames:
        for number, name in enumerate(view.names, 1):
            parts.append(Fold(f"The most frequent wrong spans of {name}", [_table_wrong(frames, name, number, shown)]))
    columns = ["surfaces", "alike", "types", "untagged", "places", "deviating"]
    agreed = [
        [row["system"], row["side"], *(int(row[c]) for c in columns)] for row in frames["agreement"].to_dict("records")
    ]
    note = (
        "Surfaces of two characters or more that are a mention in a patent and stand there twice or more: tagged alike "
        "everywhere, with two types or more, untagged somewhere; deviating: places that are not tagged as most are."
    )
    header = ["method", "side", "surfaces", "alike", "two types", "untagged", "places", "deviating"]
    parts.append(
        Fold("Agreement within a patent", [Table("agreement", "Agreement within a patent", header, agreed, 2, note)])
    )
    return Section("errors", "Errors", "Errors", parts)


def show_sentences(view, with_text=True) -> Section | None:
    """The browser of sentences."""
    from cbpner.reports.page.sentences import list_sentences

    if not with_text or view.material.evaluation is None or view.material.recorded:
        return None
    content = list_sentences(view.material.evaluation.systems)
    return Section("sentences", "Sentences", "Sentences", [Browser(content)])


def _make_matrix(confusions, name, number):
    own = confusions[confusions["system"] == name]
    counts = own.set_index(["gold_type", "predicted_type"])["count"].to_dict()
    types = sorted({label for pair in counts for label in pair}, key=lambda label: (label == NO_TYPE, label))
    rows, shares = [], {}
    for place, gold in enumerate(types):
        cells = [int(counts[gold, found]) if (gold, found) in counts else None for found in types]
        total = sum(cell or 0 for cell in cells)
        shares |= {(place, column): (cell or 0) / (total or 1) for column, cell in enumerate(cells, 1)}
        rows.append([gold, *cells])
    return Table(f"confusion_{number}", f"Confusion of types: {name}", ["gold", *types], rows, 1, shares=shares)


def _table_wrong(frames, name, number, shown):
    own = frames["wrong_surfaces"][frames["wrong_surfaces"]["system"] == name].head(shown).to_dict("records")
    rows, links = [], {}
    for place, row in enumerate(own):
        gold, predicted = (_name_side(row[f"{side}_surface"], row[f"{side}_type"]) for side in ("gold", "predicted"))
        first = _cut_context(row["text"], row["start"], row["end"])
        rows.append([int(row["count"]), int(row["patents"]), row["class"], gold, predicted, first])
        surface = row["gold_surface"] if gold else row["predicted_surface"]
        links[place] = {"variant": name, "kind": row["class"], "search": surface}
    header = ["count", "patents", "class", "gold", "predicted", "the first, ⟦marked⟧"]
    return Table(f"wrong_{number}", f"The most frequent wrong spans of {name}", header, rows, len(header), links=links)


def _cut_context(text, start, end, size=14):
    before, behind = text[max(0, start - size) : start], text[end : end + size]
    cut = ["…" if start > size else "", "…" if end + size < len(text) else ""]
    return f"{cut[0]}{before}⟦{text[start:end]}⟧{behind}{cut[1]}"


def _name_side(surface, label):
    """`surface (type)`; None for a side that a missed or spurious span has not."""
    return None if surface is None or surface != surface else f"{surface} ({label})"
