"""The summary of a run: the lines that the command prints, the settings on the page, why there is nothing to write."""

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cbpner.base.errors import InputError
from cbpner.biology.relations.counts import Counts
from cbpner.biology.relations.known import STATES, KnownInteractions
from cbpner.biology.relations.network import LEVEL
from cbpner.biology.relations.occurrences import CountSettings
from cbpner.biology.relations.settings import RelationResult, RelationSettings


def summarize_result(settings: RelationSettings, result: RelationResult, written: int | None) -> Iterator[str]:
    """Yield the lines of the summary. written: rows of evidence, or None."""
    counts, table, known = result.counts, result.table, settings.known
    called = int((table["q"].to_numpy() <= LEVEL).sum())
    names = ", ".join(map(str, settings.outputs))
    yield f"{names}: {table.num_rows:,} relations, {called:,} of them with q of at most {LEVEL}"
    yield (
        f"  {sum(counts.tested.values()):,} pairs tested, of {len(counts.entities['entity']):,} entities in "
        f"{settings.counting.min_support} or more of {counts.families:,} patent families; {counts.units:,} "
        f"{name_unit(settings.counting, 's')} with an entity"
    )
    if known is not None:
        yield from summarize_known(known, result)
    if written is not None:
        most = f"at most {settings.most} of a relation: --most"
        yield f"{settings.evidence}: {written:,} of {result.places:,} places ({most})"
    if counts.families == 1:
        yield "note: there is one patent family only, and p and q compare families: they are meaningless"
    if counts.crowded:
        yield f"note: {counts.crowded:,} units with more than {settings.counting.crowd:,} entities are left out"
    yield from (f"note: {count:,} {reason}" for reason, count in result.left_out.items())


def summarize_known(known: KnownInteractions, result: RelationResult) -> Iterator[str]:
    """Yield the states of the relations, their precision, and what could not be looked up."""
    for name, level in ((f"q of at most {LEVEL}", LEVEL), ("all", 1.0)):
        states = result.table.filter(result.table["q"].to_numpy() <= level)["state"].to_pylist()
        yield f"  {name}: " + ", ".join(f"{states.count(state):,} {state}" for state in STATES)
    yield f"  {known.pairs:,} known interactions of {len(known.partners):,} genes"
    for row in result.precision:
        drawn = ["-" if math.isnan(row[name]) else f"{row[name]:.3f}" for name in ("random", "path_random")]
        shares = f"{row['precision']:.3f} known, {row['path_share']:.3f} path"
        yield f"  first {row['k']:,}: {shares}; random with the same degrees {drawn[0]} known, {drawn[1]} path"
    if any(math.isnan(row["random"]) for row in result.precision):
        yield "note: -: too few ends of relations can be swapped for random networks"
    for missing, what in ((known.unresolved, "names"), (known.unlisted, "ids")):
        if missing:
            examples = ", ".join(list(missing)[:5])
            yield f"note: {missing.total():,} known pairs with {what} that the gene list lacks, such as {examples}"


def name_unit(settings: CountSettings, plural: str = "") -> str:
    """The unit in words."""
    return f"window{plural} of {settings.size} sentences" if settings.unit == "window" else f"{settings.unit}{plural}"


def list_page_settings(settings: RelationSettings) -> list[tuple[str, str]]:
    """(name, value) of the settings that the page lists."""
    counting = settings.counting
    rows = [
        ("unit", name_unit(counting)), ("pairs", counting.pairs),
        ("least support", f"{counting.min_support} patent families"),
        ("most entities in a unit", f"{counting.crowd:,}"),
        ("antibodies, primers and other agents", "count as their gene" if counting.agents else "do not count"),
        ("least score of a mention", f"{counting.min_score:g}"), ("largest q", f"{settings.level:g}"),
    ]  # fmt: skip
    files = ((what, ", ".join(Path(path).name for path in paths)) for what, paths in (settings.sources or {}).items())
    return rows + [(what, names) for what, names in files if names]


def check_not_empty(counts: Counts, settings: RelationSettings, left_out: Counter[str]) -> None:
    """Raise InputError if there is no relation to write, with what there is instead."""
    support, q = settings.counting.min_support, counts.pairs["q"]
    if not counts.families:
        crowded = {f"units with more than {settings.counting.crowd:,} entities: --crowd": counts.crowded}
        reasons = "; ".join(f"{count:,} {reason}" for reason, count in [*left_out.items(), *crowded.items()] if count)
        raise InputError(
            f"found no gene or disease that takes part ({reasons or 'no mention at all'}); expected mentions with ids: "
            "nothing was written. `cbpner entities` lists what each mention refers to"
        )
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
