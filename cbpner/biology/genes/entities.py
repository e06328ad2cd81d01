"""Tables of entities from mentions: counted in DuckDB on disk, so that any number of patents fits.

One row an entity: a gene with its HGNC id and everything that it is called, or a group of mentions of one spelling
where no id was found or several are possible. Written as CSV, TSV, Parquet or JSON lines, whole or not at all.
"""

import tempfile
from collections.abc import Iterable
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from cbpner.base.errors import InputError
from cbpner.base.files import UNFINISHED, atomic_open
from cbpner.base.store import ROWS_AT_ONCE, Store
from cbpner.biology.genes.mentions import Mention

SCHEMA = pa.schema(
    {
        "document": pa.string(), "sentence": pa.int32(), "sentence_start": pa.int32(), "sentence_end": pa.int32(),
        "start": pa.int32(), "end": pa.int32(), "label": pa.string(), "surface": pa.string(), "score": pa.float64(),
        "kind": pa.string(), "entity": pa.string(), "name": pa.string(), "status": pa.string(), "is_agent": pa.bool_(),
        "how": pa.string(), "candidates": pa.list_(pa.string()), "year": pa.int32(), "patent": pa.string(),
        "family": pa.string(),
    }
)  # fmt: skip
FORMATS = (".csv", ".tsv", ".parquet", ".jsonl")
SETTLED = "status IN ('one', 'several')"

# surfaces, labels: with their counts, the most frequent first. mentions: how often the entity itself is named; agents:
# how often something for or against it is. score: the sum of the mentions' scores, agents too, null without scores.
# families: patents of one family count once; an application and the patent granted on it are of one
ENTITIES = f"""
WITH counted AS (SELECT entity, surface, count(*) AS n FROM mentions GROUP BY ALL),
surfaces AS (
    SELECT entity, list({{'surface': surface, 'count': n}} ORDER BY n DESC, surface) AS surfaces
    FROM counted GROUP BY entity
),
labelled AS (SELECT entity, label, count(*) AS n FROM mentions GROUP BY ALL),
labels AS (
    SELECT entity, list({{'label': label, 'count': n}} ORDER BY n DESC, label) AS labels FROM labelled GROUP BY entity
),
support AS (SELECT entity, count(*) AS n FROM mentions WHERE {SETTLED} AND NOT is_agent GROUP BY entity),
entities AS (
    SELECT
        entity, any_value(kind) AS type, any_value(name) AS name,
        CASE WHEN bool_or({SETTLED}) THEN 'one' ELSE mode(status ORDER BY status) END AS status,
        max(candidates) AS candidates, count(*) FILTER (NOT is_agent) AS mentions, count(*) FILTER (is_agent) AS agents,
        count(DISTINCT patent) AS patents, count(DISTINCT family) AS families,
        min(year) AS first_year, max(year) AS last_year, avg(score) AS mean_score, sum(score) AS score
    FROM mentions GROUP BY entity
),
ranked AS (
    SELECT e.entity, list(c.id ORDER BY coalesce(s.n, 0) DESC, c.place) AS candidates
    FROM entities e, unnest(e.candidates) WITH ORDINALITY AS c(id, place) LEFT JOIN support s ON s.entity = c.id
    GROUP BY e.entity
)
SELECT
    e.entity, e.type, coalesce(e.name, s.surfaces[1].surface) AS name, e.status,
    coalesce(r.candidates, []) AS candidates, e.mentions, e.agents, l.labels, s.surfaces, e.patents, e.families,
    e.first_year, e.last_year, e.mean_score, e.score
FROM entities e JOIN surfaces s USING (entity) JOIN labels l USING (entity) LEFT JOIN ranked r USING (entity)
ORDER BY e.mentions + e.agents DESC, e.entity
"""
MENTIONS = 'SELECT * FROM mentions ORDER BY document, start, "end", entity'
FLAT = """
SELECT * REPLACE (
    array_to_string(candidates, '; ') AS candidates,
    array_to_string(list_transform(labels, lambda x: x.label || ' (' || x.count || ')'), '; ') AS labels,
    array_to_string(list_transform(surfaces, lambda x: x.surface || ' (' || x.count || ')'), '; ') AS surfaces
) FROM ({})
"""
FLAT_MENTIONS = "SELECT * REPLACE (array_to_string(candidates, '; ') AS candidates) FROM ({})"
COUNTS = f"""
SELECT
    kind, CASE WHEN {SETTLED} THEN 'one' ELSE status END AS state, count(*) AS mentions,
    count(DISTINCT entity) AS entities, list(DISTINCT surface ORDER BY surface)[:5] AS examples
FROM mentions GROUP BY ALL ORDER BY kind, mentions DESC, state
"""


@contextmanager
def open_mentions(mentions: Iterable[Mention], folder, memory_mb=1024, threads=None):
    """A `Store` with the table `mentions` (columns of Mention) of all mentions, in a new folder within `folder`.

    The folder is deleted in the end. InputError where there is no mention.
    """
    with tempfile.TemporaryDirectory(prefix=".mentions.", suffix=UNFINISHED, dir=folder) as work:
        with explain_memory(memory_mb), Store(Path(work), memory_mb, threads) as store:
            count = load_mentions(store, mentions)
            if not count:
                raise InputError(
                    "found no mention in the predictions; expected at least one span: is it the tagger's output, and "
                    "did it mark anything? `cbpner stats PREDICTIONS` counts"
                )
            yield store


@contextmanager
def explain_memory(memory_mb):
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise InputError(f"found too little memory for DuckDB (--memory {memory_mb}); expected more") from error


def load_mentions(store, mentions) -> int:
    """Fill the table `mentions`; how many there are."""
    store.run_on(SCHEMA.empty_table(), "CREATE TABLE mentions AS FROM batch")
    count, waiting = 0, []
    for mention in mentions:
        waiting.append(mention)
        if len(waiting) == ROWS_AT_ONCE:
            count += add_batch(store, waiting)
            waiting = []
    return count + (add_batch(store, waiting) if waiting else 0)


def add_batch(store, mentions):
    columns = [pa.array(column, type) for column, type in zip(zip(*mentions, strict=True), SCHEMA.types, strict=True)]
    store.run_on(pa.table(columns, schema=SCHEMA), "INSERT INTO mentions FROM batch")
    return len(mentions)


def count_states(store) -> list[dict]:
    """{kind, state, mentions, entities, examples} of each kind and status; `several` counts as `one`."""
    names = ("kind", "state", "mentions", "entities", "examples")
    return [dict(zip(names, row, strict=True)) for row in store.run(COUNTS)]


def check_output(path, overwrite=False) -> Path:
    """The path; InputError where its suffix is of no format, or something is there already."""
    path = Path(path)
    if path.suffix not in FORMATS:
        raise InputError(f"{path}: found the suffix {path.suffix!r}; expected one of {', '.join(FORMATS)}")
    if path.is_dir() or (path.exists() and not overwrite):
        raise InputError(f"{path}: found something there already; expected a new name, or --overwrite to replace it")
    return path


def write_tables(store, entities=None, mentions=None):
    """Write the tables to the paths that are given, each in the format of its suffix; all of them or none."""
    tables = [(entities, ENTITIES, FLAT), (mentions, MENTIONS, FLAT_MENTIONS)]
    with ExitStack() as stack:
        for path, sql, flat in tables:
            if path is not None:
                file = stack.enter_context(atomic_open(path, "wb"))
                is_flat = Path(path).suffix in (".csv", ".tsv")
                write_table(store, flat.format(sql) if is_flat else sql, file, Path(path).suffix)


def write_table(store, sql, file, suffix):
    """Write a statement's rows to an open binary file."""
    reader = store.connection.sql(sql).to_arrow_reader(ROWS_AT_ONCE)
    if suffix == ".jsonl":
        from cbpner.formats.fields import dump_row

        for batch in reader:
            file.writelines(f"{dump_row(row)}\n".encode() for row in batch.to_pylist())
        return
    from pyarrow import csv, parquet

    if suffix == ".parquet":
        make = parquet.ParquetWriter(file, reader.schema, compression="zstd")
    else:
        options = csv.WriteOptions(delimiter="\t" if suffix == ".tsv" else ",", quoting_style="needed")
        make = csv.CSVWriter(file, reader.schema, write_options=options)
    with make as writer:
        for batch in reader:
            writer.write_batch(batch)
