"""The whole path: documents in; relations, evidence and drawings out, all of them or none."""

from collections import Counter
from collections.abc import Callable
from itertools import chain

import numpy as np
import pyarrow as pa

from cbpner.base.files import atomic_files, create_temporary, explain_write_errors
from cbpner.base.progress import track
from cbpner.base.store import Store
from cbpner.biology.genes.mentions import EntityResolver
from cbpner.biology.genes.predictions import read_predictions
from cbpner.biology.relations import evidence, outputs, statistics, summary
from cbpner.biology.relations.counts import Counts, count_pairs
from cbpner.biology.relations.known import measure_precision
from cbpner.biology.relations.network import Network, build_network
from cbpner.biology.relations.null_model import expect_families
from cbpner.biology.relations.occurrences import SQL, CountSettings, load_occurrences
from cbpner.biology.relations.page import render_network_page
from cbpner.biology.relations.page.svg import render_svg
from cbpner.biology.relations.settings import RelationResult, RelationSettings
from cbpner.biology.tables import TABLE_SUFFIXES, write_arrow
from cbpner.formats.document import Choices


def write_relations(settings: RelationSettings, resolver: EntityResolver, choices: Choices) -> list[str]:
    """Find relations and write all outputs; lines that summarize them. InputError if there is no relation."""
    with (
        explain_write_errors(settings.outputs[0]),
        create_temporary(settings.outputs[0]) as work,
        Store(work, settings.memory_mb, settings.threads) as store,
        atomic_files() as open_output,
    ):
        found = read_predictions(settings.inputs, settings.source, choices)
        documents = track("reading predictions", found, "documents")
        left_out = load_occurrences(store, documents, resolver, settings.counting, settings.bibliography, choices)
        result = build_result(store, settings, left_out)
        written = write_outputs(store, settings, result, open_output)
    return list(summary.summarize_result(settings, result, written))


def build_result(store: Store, settings: RelationSettings, left_out: Counter[str]) -> RelationResult:
    """The relations of what is in the store, with first patents and precision."""
    counts = find_relations(store, settings.counting)
    summary.check_not_empty(counts, settings, left_out)
    kept = counts.pairs["q"] <= settings.level
    rows = {name: column[kept] for name, column in counts.pairs.items()}
    numbers = pa.array(range(len(rows["a"])), pa.int32())
    store.run_on(pa.table({"relation": numbers, "a": rows["a"], "b": rows["b"]}), SQL["cooccurrences"])
    table = outputs.build_relation_table(store, rows, settings.known)
    members = store.run("SELECT count(DISTINCT patent) FROM documents WHERE NOT is_counted")[0][0]
    left_out = left_out + Counter({"patents of families of which another one is counted": members})
    precision = []
    if settings.known is not None:
        genes = table.filter(table["b_kind"].to_numpy() == "gene").select(["a_id", "b_id"]).to_pydict()
        precision = measure_precision(list(zip(*genes.values(), strict=True)), settings.known, seed=settings.seed)
    places = store.run("SELECT count(*) FROM cooccurrences")[0][0]
    return RelationResult(counts, table, places, precision, dict(left_out))


def find_relations(store: Store, settings: CountSettings) -> Counts:
    """Count the pairs of the store's occurrences; their statistics are columns of `pairs`, the smallest p first."""
    counts = count_pairs(store, settings)
    both, shared = expect_families(store, counts, settings.unit)
    pairs, entities = counts.pairs, counts.entities
    a, b = (np.searchsorted(entities["entity"], pairs[name]) for name in "ab")
    units_a, units_b, patents_a, patents_b = (entities[name][side] for name in ("units", "patents") for side in (a, b))
    least = np.maximum(both, 1e-9)
    if settings.unit == "patent":
        p = statistics.compute_p(pairs["patents"], patents_a, patents_b, patents_a * patents_b / least)
    else:
        p = statistics.compute_thinned_p(pairs["patents"], patents_a, patents_b, least, shared)
    rows = pairs | {
        "units_a": units_a, "units_b": units_b, "patents_a": patents_a, "patents_b": patents_b,
        "expected_units": statistics.expect_units(units_a, units_b, counts.units),
        "npmi": statistics.compute_npmi(pairs["units"], units_a, units_b, counts.units),
        "expected_patents": shared, "p": p, "q": statistics.adjust_p(p, sum(counts.tested.values())),
    }  # fmt: skip
    order = np.lexsort((rows["b"], rows["a"], -rows["npmi"], rows["p"]))
    return counts._replace(pairs={name: column[order] for name, column in rows.items()})


def write_outputs(store: Store, settings: RelationSettings, result: RelationResult, open_file: Callable) -> int | None:
    """Write everything; the number of rows of evidence, or None if none is asked for."""
    table, suffixes = result.table, {path.suffix for path in settings.outputs}
    network: Network = {}
    if suffixes.intersection(outputs.DRAWINGS):
        rows = table.slice(0, settings.drawn).to_pylist()
        most = settings.most if ".html" in suffixes else 0
        shown = chain.from_iterable(evidence.read_evidence(store, most, len(rows)))
        network = build_network(
            rows, shown, settings.seed, title=settings.title or "Genes that co-occur",
            unit=settings.counting.unit, total=table.num_rows, known=settings.known is not None,
        )  # fmt: skip
    for path in settings.outputs:
        file = open_file(path, "w" if path.suffix in outputs.DRAWINGS else "wb")
        if path.suffix in TABLE_SUFFIXES:
            write_arrow(table.to_reader(evidence.BATCH_ROWS), file, path.suffix, settings.encoding)
        elif path.suffix == ".edges":
            outputs.write_edges(table, file)
        elif path.suffix == ".graphml":
            outputs.write_graphml(table, file)
        elif path.suffix == ".svg":
            file.write(render_svg(network))
        else:
            file.write(render_network_page(network, result, summary.list_page_settings(settings)))
    if settings.evidence is None:
        return None
    file = open_file(settings.evidence, "wb")
    found = evidence.read_evidence(store, settings.most, table.num_rows)
    batches = (pa.RecordBatch.from_pylist(rows, evidence.SCHEMA) for rows in found)
    reader = pa.RecordBatchReader.from_batches(evidence.SCHEMA, batches)
    return write_arrow(reader, file, settings.evidence.suffix)
