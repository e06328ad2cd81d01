"""The whole path: documents in, relations, evidence and drawings out, all of them or none."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from cbpner.base.files import UNFINISHED, atomic_open, created_folder
from cbpner.base.store import Store
from cbpner.biology.genes.entities import explain_memory
from cbpner.biology.genes.mentions import read_predictions
from cbpner.biology.relations import evidence, outputs
from cbpner.biology.relations.counts import Counting
from cbpner.biology.relations.known import Known, measure_precision
from cbpner.biology.relations.messages import describe, explain_nothing, list_settings
from cbpner.biology.relations.occurrences import Selection, count_families, load_occurrences
from cbpner.biology.relations.pairs import Relations, find_relations, keep_rows


class Plan(NamedTuple):
    """What to do.

    inputs, source: files to read, and their format. outputs, evidence: paths. about: {patent: (year, family)}. level:
    the largest q written. most: sentences a relation. drawn: relations in drawings. title: of the page. known:
    interactions, or None. compare: edges of another table, or None. told: {what: files}, for the page.
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
    with (
        created_folder(folder),
        tempfile.TemporaryDirectory(prefix=".relations.", suffix=UNFINISHED, dir=folder) as work,
        explain_memory(plan.memory_mb),
        Store(Path(work), plan.memory_mb, plan.threads) as store,
    ):
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


def write(store, plan, result):
    """Write everything; how many rows of evidence, or None where none is asked for."""
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
        from cbpner.biology.relations.drawing import draw_network

        file.write(draw_network(scene).encode())
    else:
        from cbpner.biology.relations.page import render_page

        file.write(render_page(scene, result, list_settings(plan)).encode())


def build_scene(store, plan, result, ids):
    from cbpner.biology.relations.scene import make_scene

    rows = result.table.slice(0, plan.drawn).to_pylist()
    has_page = any(path.suffix == ".html" for path in plan.outputs)
    found = evidence.read_evidence(store, ids, plan.most, len(rows)) if has_page else ()
    return make_scene(plan, rows, found, result.table.num_rows)
