"""Evidence of relations: the patents, sentences and offsets of each pair, and the patent that had it first.

A row of evidence is one sentence with both entities (unit sentence), two sentences less than N apart (window), or the
surest mention of each in a patent. All members of a family are searched, counted or not, since the first patent may be
any of them. Crowded units are no evidence.
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from cbpner.base.store import Store
from cbpner.biology.relations.occurrences import SQL

BATCH_ROWS = 1 << 12
SENTENCE = pa.struct({"document": pa.string(), "start": pa.int32(), "end": pa.int32(), "text": pa.string()})
MENTION = pa.struct([*SENTENCE, pa.field("score", pa.float64())])
SCHEMA = pa.schema(
    {
        "relation": pa.int32(), "a_id": pa.string(), "b_id": pa.string(), "patent": pa.string(),
        "year": pa.int32(), "a": MENTION, "b": MENTION, "sentences": pa.list_(SENTENCE),
    }
)  # fmt: skip


def read_evidence(store: Store, most: int, relations: int) -> Iterator[list[dict[str, Any]]]:
    """Yield rows of SCHEMA, some at a time: at most `most` for each of the first `relations`."""
    store.run(SQL["kept"], [relations, most])
    for batch in store.connection.sql(SQL["rows"]).to_arrow_reader(BATCH_ROWS):
        rows = batch.to_pylist()
        for sentence in (sentence for row in rows for sentence in row["sentences"]):
            sentence["text"] = store.read_text(sentence["place"], sentence["size"])
        yield rows
