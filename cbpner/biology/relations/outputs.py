"""Relations as files.

| suffix | content |
|---|---|
| .csv .tsv .xlsx .parquet .jsonl | the table, COLUMNS |
| .edges | a list of edges for Gephi and others: ids of source and target, weight, names; separated by tabs |
| .graphml | the network with all columns, for Cytoscape and Gephi |
| .svg .html | the drawing (`svg`) and the page (`page`) |
"""

from typing import IO, Any

import pyarrow as pa

from cbpner.base.html import clean_xml
from cbpner.base.store import Store
from cbpner.biology.relations import evidence
from cbpner.biology.relations.counts import Columns
from cbpner.biology.relations.known import KnownInteractions
from cbpner.biology.relations.occurrences import KIND_NAMES, SQL
from cbpner.biology.tables import TABLE_SUFFIXES, write_arrow

DRAWINGS = (".svg", ".html")
SUFFIXES = (*TABLE_SUFFIXES, ".edges", ".graphml", *DRAWINGS)
EVIDENCE_SUFFIXES = (".parquet", ".jsonl")
SCHEMA = pa.schema(
    {
        "a_id": pa.string(), "a": pa.string(), "a_kind": pa.string(), "b_id": pa.string(), "b": pa.string(),
        "b_kind": pa.string(), "units": pa.int64(), "patents": pa.int64(), "weight": pa.float64(),
        "units_a": pa.int64(), "units_b": pa.int64(), "patents_a": pa.int64(), "patents_b": pa.int64(),
        "expected_units": pa.float64(), "npmi": pa.float64(), "expected_patents": pa.float64(), "p": pa.float64(),
        "q": pa.float64(), "state": pa.string(), "first_patent": pa.string(), "first_year": pa.int32(),
    }
)  # fmt: skip
COLUMNS = tuple(SCHEMA.names)
EDGE_ATTRIBUTES = COLUMNS[COLUMNS.index("units") : COLUMNS.index("weight")] + COLUMNS[COLUMNS.index("expected_units") :]


def build_relation_table(store: Store, rows: Columns, known: KnownInteractions | None = None) -> pa.Table:
    """The rows of relations as a table of SCHEMA, with names, first patents, and `state` if interactions are known."""
    entities = {entity: about for entity, *about in store.run("SELECT entity, id, name, kind FROM entities")}
    columns: dict[str, Any] = dict(rows)
    for side in "ab":
        ids, names, kinds = zip(*(entities[entity] for entity in rows[side].tolist()), strict=True)
        columns |= {f"{side}_id": ids, side: names, f"{side}_kind": [KIND_NAMES[kind] for kind in kinds]}
    columns["state"] = [
        None if known is None or kind != "gene" else known.classify(a, b)
        for a, b, kind in zip(*(columns[name] for name in ("a_id", "b_id", "b_kind")), strict=True)
    ]
    columns["first_patent"], columns["first_year"] = zip(*store.run(SQL["first"]), strict=True)
    return pa.table([pa.array(columns[name], SCHEMA.field(name).type) for name in COLUMNS], schema=SCHEMA)


def write_edges(table: pa.Table, file: IO[bytes]) -> None:
    """Write source and target (ids, since two genes may share a name), weight (patents) and more, separated by tabs."""
    columns = {
        "source": "a_id", "target": "b_id", "weight": "patents", "source_name": "a", "target_name": "b",
        "npmi": "npmi", "q": "q", "state": "state",
    }  # fmt: skip
    edges = table.select(list(columns.values())).rename_columns(list(columns))
    write_arrow(edges.to_reader(), file, ".tsv")


def write_graphml(table: pa.Table, file: IO[bytes]) -> None:
    """Write the network with the columns of the relations and the label, kind and counts of each node."""
    import networkx as nx

    graph = nx.Graph()
    for row in (row for batch in table.to_batches(evidence.BATCH_ROWS) for row in batch.to_pylist()):
        for side in "ab":
            about = {name: row[f"{name}_{side}"] for name in ("patents", "units")}
            about |= {"label": clean_xml(row[side]), "kind": row[f"{side}_kind"]}
            graph.add_node(clean_xml(row[f"{side}_id"]), **about)
        about = {name: row[name] for name in EDGE_ATTRIBUTES} | {"weight": row["patents"], "score": row["weight"]}
        given = {name: value for name, value in about.items() if value is not None}
        graph.add_edge(clean_xml(row["a_id"]), clean_xml(row["b_id"]), **given)
    nx.write_graphml(graph, file, named_key_ids=True)
