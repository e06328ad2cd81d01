"""Relations as files.

| suffix | content |
|---|---|
| .csv .tsv .parquet .jsonl | the table, COLUMNS |
| .edges | a list of edges for Gephi and others: ids of source and target, weight, names; separated by tabs |
| .graphml | the network with all columns, for Cytoscape and Gephi |
| .svg .html | the drawing (`svg`) and the page (`page`) |
"""

from typing import IO, Any

import pyarrow as pa

from cbpner.base.html import clean_xml
from cbpner.base.store import Store
from cbpner.biology.relations import evidence
from cbpner.biology.relations.known import KnownInteractions
from cbpner.biology.relations.occurrences import KIND_NAMES
from cbpner.biology.relations.pairs import Relations
from cbpner.biology.tables import TABLE_SUFFIXES, write_arrow

DRAWINGS = (".svg", ".html")
SUFFIXES = (*TABLE_SUFFIXES, ".edges", ".graphml", *DRAWINGS)
EVIDENCE_SUFFIXES = (".parquet", ".jsonl")
BATCH_ROWS = 1 << 12
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


def build_relation_table(store: Store, relations: Relations, known: KnownInteractions | None = None) -> pa.Table:
    """The relations as a table of SCHEMA, with names, first patents, and `state` if interactions are known."""
    entities = {entity: about for entity, *about in store.run("SELECT entity, id, name, kind FROM entities")}
    a, b = ([entities[entity] for entity in relations.rows[side].tolist()] for side in "ab")
    columns: dict[str, Any] = {name: column for name, column in relations.rows.items() if name in COLUMNS}
    for side, own in (("a", a), ("b", b)):
        columns |= {f"{side}_id": [id for id, *_ in own], side: [name for _, name, _ in own]}
        columns[f"{side}_kind"] = [KIND_NAMES[kind] for *_, kind in own]
    columns["state"] = [
        None if known is None or second[2] else known.classify(first[0], second[0])
        for first, second in zip(a, b, strict=True)
    ]
    columns["first_patent"], columns["first_year"] = zip(*store.run(evidence.FIRST), strict=True)
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
    for row in (row for batch in table.to_batches(BATCH_ROWS) for row in batch.to_pylist()):
        for side in "ab":
            about = {name: row[f"{name}_{side}"] for name in ("patents", "units")}
            about |= {"label": clean_xml(row[side]), "kind": row[f"{side}_kind"]}
            graph.add_node(clean_xml(row[f"{side}_id"]), **about)
        about = {name: row[name] for name in EDGE_ATTRIBUTES} | {"weight": row["patents"], "score": row["weight"]}
        given = {name: value for name, value in about.items() if value is not None}
        graph.add_edge(clean_xml(row["a_id"]), clean_xml(row["b_id"]), **given)
    nx.write_graphml(graph, file, named_key_ids=True)
