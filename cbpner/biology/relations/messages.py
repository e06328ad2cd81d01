"""What a run says: the lines of the command, the settings on the page, and why there is nothing to write."""

import math
from pathlib import Path

from cbpner.base.errors import InputError
from cbpner.biology.relations.compare import compare_edges
from cbpner.biology.relations.known import STATES
from cbpner.biology.relations.scene import LEVEL

EXAMPLES = 5


def describe(plan, result, written):
    """The lines that say what was found. written: rows of evidence, or None."""
    counts, table = result.relations.counts, result.table
    called = int((result.relations.rows["q"] <= LEVEL).sum())
    names = ", ".join(map(str, plan.outputs))
    yield f"{names}: {table.num_rows:,} relations, {called:,} of them with q of at most {LEVEL}"
    yield (
        f"  {sum(counts.tested.values()):,} pairs tested, of {len(counts.entities['entity']):,} entities in "
        f"{plan.counting.min_support} or more of {counts.families:,} patent families; {counts.units:,} "
        f"{name_unit(plan.counting, 's')} with an entity"
    )
    if plan.known is not None:
        yield from describe_known(plan.known, table, result.precision)
    if written is not None:
        yield f"{plan.evidence}: {written:,} of {result.places:,} places (at most {plan.most} a relation: --most)"
    if plan.compare is not None:
        yield from describe_comparison(table, plan.compare)
    if counts.families == 1:
        yield "note: one patent family alone: p and q compare families, and of one they say nothing"
    if counts.crowded:
        yield f"note: {counts.crowded:,} units with more than {plan.counting.crowd:,} entities count for nothing"
    if plan.known is not None and plan.known.unread:
        names, count = ", ".join(list(plan.known.unread)[:EXAMPLES]), sum(plan.known.unread.values())
        yield f"note: {count:,} known pairs with names that the gene list lacks, such as {names}"
    if plan.known is not None and plan.known.strange:
        names, count = ", ".join(list(plan.known.strange)[:EXAMPLES]), sum(plan.known.strange.values())
        yield f"note: {count:,} known pairs with ids that the gene list lacks, such as {names}"
    yield from (f"note: {count:,} {statement}" for statement, count in result.left_out.items())


def name_unit(counting, plural=""):
    return f"window{plural} of {counting.size} sentences" if counting.unit == "window" else f"{counting.unit}{plural}"


def describe_known(known, table, precision):
    for name, level in ((f"q of at most {LEVEL}", LEVEL), ("all", 1.0)):
        rows = table.filter(table["q"].to_numpy() <= level)["state"].to_pylist()
        yield f"  {name}: " + ", ".join(f"{rows.count(state):,} {state}" for state in STATES)
    yield f"  {known.pairs:,} known interactions of {len(known.partners):,} genes"
    for row in precision:
        drawn = ["-" if math.isnan(row[name]) else f"{row[name]:.3f}" for name in ("random", "path_random")]
        shares = f"{row['precision']:.3f} known, {row['path_share']:.3f} path"
        yield f"  first {row['k']:,}: {shares}; random with the same degrees {drawn[0]} known, {drawn[1]} path"
    if any(math.isnan(row["random"]) for row in precision):
        yield "note: -: too few ends of relations could be swapped for networks at random"


def describe_comparison(table, reference):
    pairs = zip(*(table[name].to_pylist() for name in ("a_id", "b_id", "patents")), strict=True)
    for row in compare_edges({frozenset((a, b)): patents for a, b, patents in pairs}, reference):
        shares = ["-" if row[name] is None else f"{row[name]:.3f}" for name in ("precision", "recall")]
        counts = f"{row['found']:,} here, {row['reference']:,} in --compare"
        yield f"  edges in {row['support']} or more patents: {counts}; precision {shares[0]}, recall {shares[1]}"


def list_settings(plan):
    """(name, value) of what a page says about its making."""
    counting, selection = plan.counting, plan.selection
    settings = [
        ("unit", name_unit(counting)), ("pairs", counting.pairs),
        ("least support", f"{counting.min_support} patent families"),
        ("most entities in a unit", f"{counting.crowd:,}"),
        ("antibodies, primers and such", "count as their gene" if selection.agents else "do not count"),
        ("least score of a mention", f"{selection.min_score:g}"), ("largest q", f"{plan.level:g}"),
    ]  # fmt: skip
    files = [(name, ", ".join(Path(path).name for path in paths)) for name, paths in (plan.told or {}).items()]
    return settings + [(name, value) for name, value in files if value]


def explain_nothing(relations, plan, left_out):
    """InputError where no pair can be written, with what there was."""
    counts, support = relations.counts, plan.counting.min_support
    if not counts.families:
        crowded = {f"units with more than {plan.counting.crowd:,} entities: --crowd": counts.crowded}
        reasons = "; ".join(
            f"{count:,} {statement}" for statement, count in [*left_out.items(), *crowded.items()] if count
        )
        raise InputError(
            f"found no gene or disease that takes part ({reasons or 'no mention at all'}); expected mentions with ids: "
            "nothing was written. `cbpner entities` says what each mention stands for"
        )
    if not len(relations.rows["p"]):
        raise InputError(
            f"found {len(counts.entities['entity']):,} entities in {support} patent families or more, of "
            f"{counts.families:,} families, and no pair that shares a {plan.counting.unit} in as many; expected at "
            "least one: nothing was written. --min-support and --unit say what counts"
        )
    q = relations.rows["q"]
    if q.min() > plan.level:
        raise InputError(
            f"found no relation with q of at most {plan.level:g} among {len(q):,} pairs; the smallest q is "
            f"{q.min():.3g}: nothing was written. A larger --q lists more"
        )
