"""Tables of entities from mentions: counted in DuckDB on disk, so that any number of patents fits.

A row is a gene with its HGNC id and its names in the texts, or a group of mentions of one spelling for which no id, or
several, were found. Tables are written as CSV, TSV, .xlsx, Parquet or JSON lines, completely or not at all.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_files, create_temporary, explain_write_errors
from cbpner.base.progress import track
from cbpner.base.store import ROWS_AT_ONCE, Store, read_statements
from cbpner.biology.genes.mentions import Bibliography, EntityResolver, Mention, drop_repeated, read_mentions
from cbpner.biology.genes.predictions import read_predictions
from cbpner.biology.tables import FLAT_SUFFIXES, TableWriter, write_arrow
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
SQL = read_statements(__package__)
MENTIONS = 'SELECT * FROM mentions ORDER BY document, start, "end", entity'
FLAT_MENTIONS = "SELECT * REPLACE (array_to_string(candidates, '; ') AS candidates) FROM ({})"


class EntitySettings(NamedTuple):
    """What to do."""

    inputs: Sequence[str | Path]
    source: str | None  # the format of the inputs; None: guessed
    entities: Path  # table to write
    mentions: Path | None = None  # table to write
    bibliography: Bibliography | None = None
    memory_mb: int = 1024
    threads: int | None = None
    encoding: str = "utf-8"  # of CSV and TSV


def write_entities(settings: EntitySettings, resolver: EntityResolver, choices: Choices) -> list[str]:
    """Resolve the mentions in predictions and write the tables; lines that summarize them."""
    left_out: Counter[str] = Counter()
    found = track("reading predictions", read_predictions(settings.inputs, settings.source, choices), "documents")
    documents = drop_repeated(found, left_out)
    mentions = read_mentions(documents, resolver, settings.bibliography, choices)
    with (
        explain_write_errors(settings.entities),
        open_mentions(mentions, settings.entities.parent, settings.memory_mb, settings.threads) as store,
        atomic_files() as open_output,
    ):
        statuses = store.run(SQL["counts"])
        tables = [(settings.entities, SQL["entities"], SQL["flat"])]
        tables += [(settings.mentions, MENTIONS, FLAT_MENTIONS)] if settings.mentions else []
        for path, sql, flat in tables:
            query = flat.format(sql) if path.suffix in FLAT_SUFFIXES else sql
            rows = store.connection.sql(query).to_arrow_reader(ROWS_AT_ONCE)
            write_arrow(rows, open_output(path, "wb"), path.suffix, settings.encoding)
    mentioned, entities = (sum(row[place] for row in statuses) for place in (2, 3))
    lines = [f"{settings.entities}: {entities:,} entities, {mentioned:,} mentions"]
    for kind, state, count, different, names in statuses:
        examples = "" if state == "one" else f": {', '.join(names)}{', ...' * (different > 5)}"
        lines.append(f"  {kind}: {count:,} mentions, {different:,} entities {STATUS_NAMES[state]}{examples}")
    return lines + [f"note: {count:,} {reason}" for reason, count in left_out.items()]


@contextmanager
def open_mentions(mentions: Iterable[Mention], folder: Path, memory_mb: int, threads: int | None) -> Iterator[Store]:
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
