"""The whole path: documents in; relations, evidence and drawings out, all of them or none."""

import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from cbpner.base.files import UNFINISHED, atomic_open, created_folder
from cbpner.base.store import Store, explain_store_errors
from cbpner.biology.genes.mentions import EntityResolver
from cbpner.biology.genes.predictions import read_predictions
from cbpner.biology.relations import evidence, outputs, summary
from cbpner.biology.relations.known import measure_precision
from cbpner.biology.relations.network import Network, build_network
from cbpner.biology.relations.occurrences import count_uncounted, load_occurrences
from cbpner.biology.relations.page import render_network_page
from cbpner.biology.relations.pairs import find_relations
from cbpner.biology.relations.settings import RelationResult, RelationSettings
from cbpner.biology.relations.svg import render_svg
from cbpner.biology.tables import TABLE_SUFFIXES, write_arrow
from cbpner.formats.document import Choices


def write_relations(settings: RelationSettings, resolver: EntityResolver, choices: Choices) -> list[str]:
    """Find relations and write all outputs; lines that summarize them.

    Raises:
        InputError: There is no relation to write; then nothing is written.
    """
    folder = settings.outputs[0].parent
    with (
        created_folder(folder),
        tempfile.TemporaryDirectory(prefix=".relations.", suffix=UNFINISHED, dir=folder) as work,
        explain_store_errors(settings.outputs[0], settings.memory_mb),
        Store(Path(work), settings.memory_mb, settings.threads) as store,
    ):
        documents = read_predictions(settings.inputs, settings.source, choices)
        left_out = load_occurrences(store, documents, resolver, settings.bibliography, choices, settings.filter)
        result = find(store, settings, left_out)
        written = write_outputs(store, settings, result)
    return list(summary.summarize_result(settings, result, written))


def find(store: Store, settings: RelationSettings, left_out: Counter[str]) -> RelationResult:
    """The relations of what is in the store, with first patents and precision."""
    relations = find_relations(store, settings.counting)
    summary.check_not_empty(relations, settings, left_out)
    relations = relations.keep(settings.level)
    evidence.locate_pairs(store, relations.rows, settings.counting)
    table = outputs.build_relation_table(store, relations, settings.known)
    reasons = {name: count for name, count in (left_out + count_uncounted(store)).items() if count}
    precision = []
    if settings.known is not None:
        genes = table.filter(table["b_kind"].to_numpy() == "gene").select(["a_id", "b_id"]).to_pydict()
        precision = measure_precision(list(zip(*genes.values(), strict=True)), settings.known, seed=settings.seed)
    return RelationResult(relations, table, evidence.count_evidence(store), precision, reasons)


def write_outputs(store: Store, settings: RelationSettings, result: RelationResult) -> int | None:
    """Write everything; the number of rows of evidence, or None if none is asked for."""
    ids = list(zip(*(result.table[name].to_pylist() for name in ("a_id", "b_id")), strict=True))
    suffixes = {path.suffix for path in settings.outputs}
    network = None
    if suffixes.intersection(outputs.DRAWINGS):
        rows = result.table.slice(0, settings.drawn).to_pylist()
        shown = evidence.read_evidence(store, ids, settings.most, len(rows)) if ".html" in suffixes else ()
        network = build_network(
            rows, shown, settings.seed, title=settings.title or "Genes that co-occur", unit=settings.counting.unit,
            total=result.table.num_rows, known=settings.known is not None,
        )  # fmt: skip
    with ExitStack() as stack:
        for path in settings.outputs:
            write_output(stack.enter_context(atomic_open(path, "wb")), path.suffix, settings, result, network)
        if settings.evidence is None:
            return None
        file = stack.enter_context(atomic_open(settings.evidence, "wb"))
        return outputs.write_evidence(evidence.read_evidence(store, ids, settings.most), file, settings.evidence.suffix)


def write_output(
    file: IO[bytes], suffix: str, settings: RelationSettings, result: RelationResult, network: Network | None
) -> None:
    """Write one output in the format of its suffix."""
    if suffix in TABLE_SUFFIXES:
        write_arrow(result.table.to_reader(outputs.BATCH_ROWS), file, suffix)
    elif suffix == ".edges":
        outputs.write_edges(result.table, file)
    elif suffix == ".graphml":
        outputs.write_graphml(result.table, file)
    elif network is not None:
        page_settings = summary.list_page_settings(settings)
        text = render_svg(network) if suffix == ".svg" else render_network_page(network, result, page_settings)
        file.write(text.encode())
