"""The summary of a run: the lines that the command prints, the settings on the page, why there is nothing to write."""

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from cbpner.base.errors import InputError
from cbpner.biology.relations.counts import CountSettings
from cbpner.biology.relations.known import STATES, KnownInteractions
from cbpner.biology.relations.network import LEVEL
from cbpner.biology.relations.pairs import Relations
from cbpner.biology.relations.settings import Edges, RelationResult, RelationSettings
from cbpner.formats.rows import read_valid_rows


def summarize_result(settings: RelationSettings, result: RelationResult, written: int | None) -> Iterator[str]:
    """Yield the lines of the summary. written: rows of evidence, or None."""
    counts, table, known = result.relations.counts, result.table, settings.known
    called = int((result.relations.rows["q"] <= LEVEL).sum())
    names = ", ".join(map(str, settings.outputs))
    yield f"{names}: {table.num_rows:,} relations, {called:,} of them with q of at most {LEVEL}"
    yield (
        f"  {sum(counts.tested.values()):,} pairs tested, of {len(counts.entities['entity']):,} entities in "
        f"{settings.counting.min_support} or more of {counts.families:,} patent families; {counts.units:,} "
        f"{name_unit(settings.counting, 's')} with an entity"
    )
    if known is not None:
        yield from summarize_known(known, table, result.precision)
    if written is not None:
        most = f"at most {settings.most} of a relation: --most"
        yield f"{settings.evidence}: {written:,} of {result.places:,} places ({most})"
    if settings.compare is not None:
        yield from summarize_comparison(table, settings.compare)
    if counts.families == 1:
        yield "note: there is one patent family only, and p and q compare families: they are meaningless"
    if counts.crowded:
        yield f"note: {counts.crowded:,} units with more than {settings.counting.crowd:,} entities are left out"
    lists = ((known.unresolved, "names"), (known.unlisted, "ids")) if known is not None else ()
    for missing, what in lists:
        if missing:
            examples = ", ".join(list(missing)[:5])
            yield f"note: {missing.total():,} known pairs with {what} that the gene list lacks, such as {examples}"
    yield from (f"note: {count:,} {reason}" for reason, count in result.left_out.items())


def name_unit(settings: CountSettings, plural: str = "") -> str:
    """The unit in words."""
    return f"window{plural} of {settings.size} sentences" if settings.unit == "window" else f"{settings.unit}{plural}"


def summarize_known(known: KnownInteractions, table: pa.Table, precision: list[dict[str, float]]) -> Iterator[str]:
    """Yield the states of the relations and their precision."""
    for name, level in ((f"q of at most {LEVEL}", LEVEL), ("all", 1.0)):
        states = table.filter(table["q"].to_numpy() <= level)["state"].to_pylist()
        yield f"  {name}: " + ", ".join(f"{states.count(state):,} {state}" for state in STATES)
    yield f"  {known.pairs:,} known interactions of {len(known.partners):,} genes"
    for row in precision:
        drawn = ["-" if math.isnan(row[name]) else f"{row[name]:.3f}" for name in ("random", "path_random")]
        shares = f"{row['precision']:.3f} known, {row['path_share']:.3f} path"
        yield f"  first {row['k']:,}: {shares}; random with the same degrees {drawn[0]} known, {drawn[1]} path"
    if any(math.isnan(row["random"]) for row in precision):
        yield "note: -: too few ends of relations can be swapped for random networks"


def summarize_comparison(table: pa.Table, reference: Edges) -> Iterator[str]:
    """Yield precision and recall of the edges against those of another table."""
    pairs = zip(*(table[name].to_pylist() for name in ("a_id", "b_id", "patents")), strict=True)
    for row in compare_edges({frozenset((a, b)): patents for a, b, patents in pairs}, reference):
        shares = ["-" if row[name] is None else f"{row[name]:.3f}" for name in ("precision", "recall")]
        counts = f"{row['found']:,} here, {row['reference']:,} in --compare"
        yield f"  edges in {row['support']} or more patents: {counts}; precision {shares[0]}, recall {shares[1]}"


def read_edges(path: str | Path) -> Edges:
    """Read the edges of a table of relations, in any of its formats."""
    edges, columns = {}, ("a_id", "b_id", "patents")
    for row in read_valid_rows(path, required=columns, columns=columns):
        a, b, patents = (row.values[name] for name in columns)
        if not str(patents).isdigit():
            raise InputError(f"{row.path}:{row.number}: found {patents!r} as patents; expected a whole number")
        edges[frozenset((a, b))] = int(patents)
    if not edges:
        raise InputError(f"{path}: found no row; expected a table of `cbpner relations`")
    return edges


def compare_edges(found: Edges, reference: Edges) -> list[dict[str, float | None]]:
    """Compare edges by their least number of patents, the support.

    right: edges found with that support that the reference has at all; precision: their share. met: edges of the
    reference with that support that were found at all; recall: their share. A share is None if there is no edge.
    """
    rows: list[dict[str, float | None]] = []
    for support in (1, 2, 3, 5, 10):
        own, others = ([edge for edge, patents in each.items() if patents >= support] for each in (found, reference))
        if own or others:
            right, met = sum(edge in reference for edge in own), sum(edge in found for edge in others)
            row = {"support": support, "found": len(own), "reference": len(others), "right": right, "met": met}
            shares = (right / len(own) if own else None, met / len(others) if others else None)
            rows.append(row | {"precision": shares[0], "recall": shares[1]})
    return rows


def list_page_settings(settings: RelationSettings) -> list[tuple[str, str]]:
    """(name, value) of the settings that the page lists."""
    counting = settings.counting
    rows = [
        ("unit", name_unit(counting)), ("pairs", counting.pairs),
        ("least support", f"{counting.min_support} patent families"),
        ("most entities in a unit", f"{counting.crowd:,}"),
        ("antibodies, primers and other agents", "count as their gene" if settings.filter.agents else "do not count"),
        ("least score of a mention", f"{settings.filter.min_score:g}"), ("largest q", f"{settings.level:g}"),
    ]  # fmt: skip
    files = ((what, ", ".join(Path(path).name for path in paths)) for what, paths in (settings.sources or {}).items())
    return rows + [(what, names) for what, names in files if names]


def check_not_empty(relations: Relations, settings: RelationSettings, left_out: Counter[str]) -> None:
    """Raise InputError if there is no relation to write, with what there is instead."""
    counts, support = relations.counts, settings.counting.min_support
    if not counts.families:
        crowded = {f"units with more than {settings.counting.crowd:,} entities: --crowd": counts.crowded}
        reasons = "; ".join(f"{count:,} {reason}" for reason, count in [*left_out.items(), *crowded.items()] if count)
        raise InputError(
            f"found no gene or disease that takes part ({reasons or 'no mention at all'}); expected mentions with ids: "
            "nothing was written. `cbpner entities` lists what each mention refers to"
        )
    q = relations.rows["q"]
    if not len(q):
        raise InputError(
            f"found {len(counts.entities['entity']):,} entities in {support} patent families or more, of "
            f"{counts.families:,} families, and no pair that shares a {settings.counting.unit} in as many; expected at "
            "least one: nothing was written. See --min-support and --unit"
        )
    if q.min() > settings.level:
        raise InputError(
            f"found no relation with q of at most {settings.level:g} among {len(q):,} pairs; the smallest q is "
            f"{q.min():.3g}: nothing was written. A larger --q lists more"
        )
