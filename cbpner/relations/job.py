"""The whole path: documents in, relations, evidence and drawings out, all of them or none."""

import math
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from cbpner.errors import InputError
from cbpner.files import UNFINISHED, atomic_open
from cbpner.genes.entities import explain_memory
from cbpner.genes.mentions import read_predictions
from cbpner.patents.store import Store
from cbpner.relations import evidence, outputs
from cbpner.relations.compare import compare_edges
from cbpner.relations.counts import Counting
from cbpner.relations.known import STATES, Known, measure_precision
from cbpner.relations.occurrences import Selection, count_families, load_occurrences
from cbpner.relations.relations import Relations, find_relations, keep_rows

LEVEL = 0.05  # of q, for what is told


class Plan(NamedTuple):
    """What to do. inputs, source: files to read, and their format. outputs, evidence: paths. about: {patent: (year,
    family)}. level: the largest q written. most: sentences a relation. drawn: relations in drawings. title: of the page.
    known: interactions, or None. compare: edges of another table, or None. told: {setting: value}, for the page.
    """

    inputs: list
    source: str | None
    outputs: list
    evidence: Path | None
    about: dict
    counting: Counting
    selection: Selection
    level: float = 1.0
    most: int = 5
    drawn: int = 4000
    title: str | None = None
    known: Known | None = None
    compare: dict | None = None
    memory_mb: int = 1024
    threads: int | None = None
    seed: int = 0
    told: dict | None = None


class Result(NamedTuple):
    """What was found. table: as `outputs.SCHEMA`. places: how many there are of evidence. precision: of
    `known.measure_precision`. left_out: {statement: count}.
    """

    relations: Relations
    table: Any
    places: int
    precision: list
    left_out: dict


def find_and_write(plan: Plan, kinds, choices) -> Iterator[str]:
    """Lines that say what was found. InputError where there is nothing to write; then nothing is written."""
    folder = plan.outputs[0].parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".relations.", suffix=UNFINISHED, dir=folder) as work:
        with explain_memory(plan.memory_mb), Store(Path(work), plan.memory_mb, plan.threads) as store:
            documents = read_predictions(plan.inputs, plan.source, choices)
            left_out = load_occurrences(store, documents, kinds, plan.about, choices, plan.selection)
            result = find(store, plan, left_out)
            written = write(store, plan, result)
    return describe(plan, result, written)


def find(store, plan, left_out) -> Result:
    """Relations, first patents and precision of what is in the store."""
    relations = find_relations(store, plan.counting)
    explain_nothing(relations, plan, left_out)
    relations = keep_rows(relations, plan.level)
    evidence.find_places(store, relations.rows, plan.counting)
    table = outputs.build_table(store, relations, plan.known)
    left_out = {name: count for name, count in (left_out + count_families(store)).items() if count}
    precision = []
    if plan.known is not None:
        genes = table.filter(table["b_kind"].to_numpy() == "gene").select(["a_id", "b_id"]).to_pydict()
        precision = measure_precision(list(zip(*genes.values(), strict=True)), plan.known, seed=plan.seed)
    return Result(relations, table, evidence.count_places(store), precision, left_out)


def explain_nothing(relations, plan, left_out):
    """InputError where no pair can be written, with what there was."""
    counts, support = relations.counts, plan.counting.min_support
    if not counts.families:
        reasons = "; ".join(f"{count:,} {statement}" for statement, count in left_out.items())
        raise InputError(
            f"found no gene or disease that takes part ({reasons or 'no mention at all'}); expected mentions with ids: "
            "nothing was written. `cbpner entities` says what each mention stands for"
        )
    if not len(relations.rows["p"]):
        raise InputError(
            f"found {len(counts.entities['entity']):,} entities in {support} patent families or more, of "
            f"{counts.families:,} families, and no pair that shares a {plan.counting.unit} in as many; expected at least "
            "one: nothing was written. --min-support and --unit say what counts"
        )
    if relations.rows["q"].min() > plan.level:
        raise InputError(
            f"found no relation with q of at most {plan.level:g} among {len(relations.rows['q']):,} pairs; the smallest q "
            f"is {relations.rows['q'].min():.3g}: nothing was written. A larger --q lists more"
        )


def write(store, plan, result) -> list:
    """Write everything; {path: what it holds}."""
    ids = list(zip(*(result.table[name].to_pylist() for name in ("a_id", "b_id")), strict=True))
    drawings = [path for path in plan.outputs if path.suffix in outputs.DRAWINGS]
    scene = build_scene(store, plan, result, ids) if drawings else None
    count = None
    with ExitStack() as stack:
        for path in plan.outputs:
            write_output(stack.enter_context(atomic_open(path, "wb")), path.suffix, plan, result, scene)
        if plan.evidence is not None:
            file = stack.enter_context(atomic_open(plan.evidence, "wb"))
            count = outputs.write_evidence(evidence.read_evidence(store, ids, plan.most), file, plan.evidence.suffix)
    return count


def write_output(file, suffix, plan, result, scene):
    if suffix in outputs.TABLES:
        outputs.write_table(result.table, file, suffix)
    elif suffix == ".edges":
        outputs.write_edges(result.table, file)
    elif suffix == ".graphml":
        outputs.write_graphml(result.table, file)
    elif suffix == ".svg":
        from cbpner.relations.drawing import draw_network

        file.write(draw_network(scene).encode())
    else:
        from cbpner.relations.page import render_page

        file.write(render_page(scene, result, list_settings(plan)).encode())


def list_settings(plan):
    """(name, value) of what a page says about its making."""
    counting = plan.counting
    unit = f"window of {counting.size} sentences" if counting.unit == "window" else counting.unit
    settings = [("unit", unit), ("pairs", counting.pairs), ("least support", f"{counting.min_support} patent families")]
    settings += [("most entities in a unit", f"{counting.crowd:,}")]
    settings += [("antibodies, primers and such", "count as their gene" if plan.selection.agents else "do not count")]
    settings += [("least score of a mention", f"{plan.selection.min_score:g}"), ("largest q", f"{plan.level:g}")]
    return settings + [
        (name, ", ".join(Path(path).name for path in paths)) for name, paths in (plan.told or {}).items() if paths
    ]


def build_scene(store, plan, result, ids):
    from cbpner.relations.scene import make_scene

    rows = result.table.slice(0, plan.drawn).to_pylist()
    found = evidence.read_evidence(store, ids, plan.most, len(rows)) if any(
        path.suffix == ".html" for path in plan.outputs
    ) else ()  # fmt: skip
    return make_scene(plan, rows, found, result.table.num_rows)


def describe(plan, result, written):
    """The lines that say what was found."""
    counts, table = result.relations.counts, result.table
    called = int((result.relations.rows["q"] <= LEVEL).sum())
    tested, support = sum(counts.tested.values()), plan.counting.min_support
    unit = f"windows of {plan.counting.size} sentences" if plan.counting.unit == "window" else f"{plan.counting.unit}s"
    yield f"{', '.join(map(str, plan.outputs))}: {table.num_rows:,} relations, {called:,} of them with q of at most {LEVEL}"
    yield (
        f"  {tested:,} pairs tested, of {len(counts.entities['entity']):,} entities in {support} or more of {counts.families:,} "
        f"patent families; {counts.units:,} {unit} with an entity"
    )
    if plan.known is not None:
        for name, level in ((f"q of at most {LEVEL}", LEVEL), ("all", 1.0)):
            rows = table.filter(table["q"].to_numpy() <= level)["state"].to_pylist()
            yield f"  {name}: " + ", ".join(f"{rows.count(state):,} {state}" for state in STATES)
        yield f"  {plan.known.pairs:,} known interactions of {len(plan.known.partners):,} genes"
        for row in result.precision:
            random = "-" if math.isnan(row["random"]) else f"{row['random']:.3f}"
            yield f"  first {row['k']:,}: {row['precision']:.3f} known; random with the same degrees {random}"
    if written is not None:
        yield f"{plan.evidence}: {written:,} of {result.places:,} places (at most {plan.most} a relation: --most)"
    if plan.compare is not None:
        yield from describe_comparison(table, plan.compare)
    if counts.crowded:
        yield f"note: {counts.crowded:,} units with more than {plan.counting.crowd:,} entities count for nothing (--crowd)"
    if plan.known is not None and plan.known.unread:
        names = ", ".join(list(plan.known.unread)[:5])
        yield f"note: {sum(plan.known.unread.values()):,} known pairs with names that the gene list lacks, such as {names}"
    yield from (f"note: {count:,} {statement}" for statement, count in result.left_out.items())


def describe_comparison(table, reference):
    pairs = zip(*(table[name].to_pylist() for name in ("a_id", "b_id", "patents")), strict=True)
    for row in compare_edges({frozenset((a, b)): patents for a, b, patents in pairs}, reference):
        precision, recall = ("-" if row[name] is None else f"{row[name]:.3f}" for name in ("precision", "recall"))
        yield (
            f"  edges in {row['support']} or more patents: {row['found']:,} here, {row['reference']:,} in --compare; precision "
            f"{precision}, recall {recall}"
        )
