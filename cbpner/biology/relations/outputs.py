"""Relations as files: tables, evidence, GraphML, lists of edges; those that are asked for all appear whole, or none.

| suffix | what |
|---|---|
| .csv .tsv .parquet .jsonl | the table, COLUMNS |
| .edges | a list of edges for Gephi and others: ids of source and target, weight, their names, tabs between |
| .graphml | the network with all columns, for Cytoscape and Gephi |
| .svg .html | drawings: `drawing`, `page` |
"""

from pathlib import Path

import pyarrow as pa

from cbpner.base.errors import InputError
from cbpner.base.html import clean_xml
from cbpner.biology.relations.occurrences import KIND_NAMES
from cbpner.formats.fields import dump_row

TABLES = (".csv", ".tsv", ".parquet", ".jsonl")
DRAWINGS = (".svg", ".html")
SUFFIXES = (*TABLES, ".edges", ".graphml", *DRAWINGS)
EVIDENCE_SUFFIXES = (".parquet", ".jsonl")
FEW = 1 << 12  # rows at once
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
EDGE_COLUMNS = COLUMNS[COLUMNS.index("units") : COLUMNS.index("weight")] + COLUMNS[COLUMNS.index("expected_units") :]


def check_outputs(paths, evidence=None, overwrite=False) -> list[Path]:
    """The paths of relations and evidence; InputError for a suffix that says nothing, a name that is taken or twice."""
    found = []
    for path, suffixes in [(path, SUFFIXES) for path in paths] + [(evidence, EVIDENCE_SUFFIXES)] * bool(evidence):
        path = Path(path)
        if path.suffix not in suffixes:
            raise InputError(f"{path}: found the suffix {path.suffix!r}; expected one of {', '.join(suffixes)}")
        if path.is_dir() or (path.exists() and not overwrite):
            raise InputError(
                f"{path}: found something there already; expected a new name, or --overwrite to replace it"
            )
        if path.resolve() in [other.resolve() for other in found]:
            raise InputError(f"{path}: found one name for two outputs; expected two")
        found.append(path)
    return found


def build_table(store, relations, known=None) -> pa.Table:
    """The relations as a table;

    known: `cbpner.biology.relations.known.Known` or None. First patents: `evidence.list_first`.
    """
    from cbpner.biology.relations.evidence import list_first

    rows = relations.rows
    named = {
        entity: (id, name, kind) for entity, id, name, kind in store.run("SELECT entity, id, name, kind FROM entities")
    }
    first, second = ([named[entity] for entity in rows[side].tolist()] for side in "ab")
    firsts = {number: found for number, *found in list_first(store)}
    states = [None if known is None or b[2] else known.classify(a[0], b[0]) for a, b in zip(first, second, strict=True)]
    numbers = range(len(first))
    columns = {name: rows[name] for name in COLUMNS if name in rows and name not in "ab"} | {
        "a_id": [row[0] for row in first], "a": [row[1] for row in first],
        "a_kind": [KIND_NAMES[row[2]] for row in first], "b_id": [row[0] for row in second],
        "b": [row[1] for row in second], "b_kind": [KIND_NAMES[row[2]] for row in second], "state": states,
        "first_patent": [firsts[number][0] for number in numbers],
        "first_year": [firsts[number][1] for number in numbers],
    }  # fmt: skip
    return pa.table([pa.array(columns[name], SCHEMA.field(name).type) for name in COLUMNS], schema=SCHEMA)


def write_table(table, file, suffix):
    """Write a table to an open binary file."""
    from pyarrow import csv, parquet

    if suffix == ".parquet":
        parquet.write_table(table, file, compression="zstd")
    elif suffix == ".jsonl":
        for batch in table.to_batches(FEW):
            file.writelines(f"{dump_row(row)}\n".encode() for row in batch.to_pylist())
    else:
        options = csv.WriteOptions(delimiter="\t" if suffix == ".tsv" else ",", quoting_style="needed")
        csv.write_csv(table, file, options)


def write_edges(table, file):
    """source and target (ids, since two may have one name), weight (patents) and more: a line each below the names."""
    from pyarrow import csv

    edges = table.select(["a_id", "b_id", "patents", "a", "b", "npmi", "q", "state"]).rename_columns(
        ["source", "target", "weight", "source_name", "target_name", "npmi", "q", "state"]
    )
    csv.write_csv(edges, file, csv.WriteOptions(delimiter="\t", quoting_style="needed"))


def write_graphml(table, file):
    import networkx as nx

    graph = nx.Graph()
    for batch in table.to_batches(FEW):
        for row in batch.to_pylist():
            for side in "ab":
                about = {name: row[f"{name}_{side}"] for name in ("patents", "units")}
                about |= {"label": clean_xml(row[side]), "kind": row[f"{side}_kind"]}
                graph.add_node(clean_xml(row[f"{side}_id"]), **about)
            about = {name: row[name] for name in EDGE_COLUMNS} | {"weight": row["patents"], "score": row["weight"]}
            usable = {name: value for name, value in about.items() if value is not None}
            graph.add_edge(clean_xml(row["a_id"]), clean_xml(row["b_id"]), **usable)
    nx.write_graphml(graph, file, named_key_ids=True)


def write_evidence(rows, file, suffix):
    """Write rows of `evidence.SCHEMA` to an open binary file; how many there were."""
    from pyarrow import parquet

    from cbpner.biology.relations.evidence import SCHEMA

    count, waiting = 0, []
    if suffix == ".jsonl":
        for row in rows:
            file.write(f"{dump_row(row)}\n".encode())
            count += 1
        return count
    with parquet.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
        for row in rows:
            waiting.append(row)
            if len(waiting) == FEW:
                writer.write_table(pa.Table.from_pylist(waiting, SCHEMA))
                count, waiting = count + FEW, []
        writer.write_table(pa.Table.from_pylist(waiting, SCHEMA))
    return count + len(waiting)
