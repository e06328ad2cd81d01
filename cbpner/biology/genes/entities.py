"""Tables of entities from mentions: counted in DuckDB on disk, so that any number of patents fits.

A row is a gene with its HGNC id and its names in the texts, or a group of mentions of one spelling for which no id, or
several, were found. Tables are written as CSV, TSV, Parquet or JSON lines, completely or not at all.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_files, create_temporary, explain_write_errors
from cbpner.base.store import ROWS_AT_ONCE, Store
from cbpner.biology.genes.mentions import Bibliography, EntityResolver, Mention, drop_repeated, read_mentions
from cbpner.biology.genes.predictions import read_predictions
from cbpner.biology.tables import TableWriter, write_arrow
from cbpner.formats.document import Choices

SCHEMA = pa.schema(
    {
        "document": pa.string(), "sentence": pa.int32(), "sentence_start": pa.int32(), "sentence_end": pa.int32(),
        "start": pa.int32(), "end": pa.int32(), "label": pa.string(), "surface": pa.string(), "score": pa.float64(),
        "kind": pa.string(), "entity": pa.string(), "name": pa.string(), "status": pa.string(), "is_agent": pa.bool_(),
        "how": pa.string(), "candidates": pa.list_(pa.string()), "year": pa.int32(), "patent": pa.string(),
        "family": pa.string(),
    }
)  # fmt: skip
STATUS_NAMES = {
    "one": "with an id", "ambiguous": "ambiguous", "family": "of families", "lookalike": "that only look like genes",
    "foreign": "of another species", "unknown": "in no list",
}  # fmt: skip
SETTLED = "status IN ('one', 'several')"

# surfaces, labels: with their counts, the most frequent first. mentions: of the entity itself; agents: of something for
# or against it. score: the sum of the mentions' scores, agents included; null without scores
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
# kind, state (`several` counts as `one`), mentions, entities, examples
COUNTS = f"""
SELECT
    kind, CASE WHEN {SETTLED} THEN 'one' ELSE status END AS state, count(*) AS mentions,
    count(DISTINCT entity) AS entities, list(DISTINCT surface ORDER BY surface)[:5] AS examples
FROM mentions GROUP BY ALL ORDER BY kind, mentions DESC, state
"""


class EntitySettings(NamedTuple):
    """What to do."""

    inputs: Sequence[str | Path]
    source: str | None  # the format of the inputs; None: guessed
    entities: Path  # table to write
    mentions: Path | None = None  # table to write
    bibliography: Bibliography | None = None
    memory_mb: int = 1024
    threads: int | None = None


def write_entities(settings: EntitySettings, resolver: EntityResolver, choices: Choices) -> list[str]:
    """Resolve the mentions in predictions and write the tables; lines that summarize them."""
    left_out: Counter[str] = Counter()
    documents = drop_repeated(read_predictions(settings.inputs, settings.source, choices), left_out)
    mentions = read_mentions(documents, resolver, settings.bibliography, choices)
    with (
        explain_write_errors(settings.entities),
        open_mentions(mentions, settings.entities.parent, settings.memory_mb, settings.threads) as store,
        atomic_files() as open_output,
    ):
        statuses = store.run(COUNTS)
        tables = [(settings.entities, ENTITIES, FLAT)]
        tables += [(settings.mentions, MENTIONS, FLAT_MENTIONS)] if settings.mentions else []
        for path, sql, flat in tables:
            query = flat.format(sql) if path.suffix in (".csv", ".tsv") else sql
            rows = store.connection.sql(query).to_arrow_reader(ROWS_AT_ONCE)
            write_arrow(rows, open_output(path, "wb"), path.suffix)
    mentioned, entities = (sum(row[place] for row in statuses) for place in (2, 3))
    lines = [f"{settings.entities}: {entities:,} entities, {mentioned:,} mentions"]
    for kind, state, count, different, names in statuses:
        examples = "" if state == "one" else f": {', '.join(names)}{', ...' * (different > 5)}"
        lines.append(f"  {kind}: {count:,} mentions, {different:,} entities {STATUS_NAMES[state]}{examples}")
    return lines + [f"note: {count:,} {reason}" for reason, count in left_out.items()]


@contextmanager
def open_mentions(
    mentions: Iterable[Mention], folder: Path, memory_mb: int = 1024, threads: int | None = None
) -> Iterator[Store]:
    """Load all mentions into the table `mentions` of a store in a temporary subfolder; InputError without any."""
    with create_temporary(folder / "mentions") as work, Store(work, memory_mb, threads) as store:
        writer, count = TableWriter(store, "mentions", SCHEMA), 0
        for count, mention in enumerate(mentions, 1):  # noqa: B007 (used after the loop)
            writer.add(*mention)
        writer.flush()
        if not count:
            raise InputError(
                "found no mention in the predictions; expected at least one span: is it the tagger's output, and did "
                "it find anything? `cbpner stats PREDICTIONS` counts"
            )
        yield store
