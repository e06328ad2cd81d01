"""Evidence of relations: the patents, sentences and offsets of each pair, and the patent that had it first.

A row of evidence is one sentence with both entities (unit sentence), two sentences less than N apart (window), or the
surest mention of each in a patent. All members of a family are searched, counted or not, since the first patent may be
any of them. Crowded units are no evidence.
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from cbpner.base.store import Store

BATCH_ROWS = 1 << 12
SENTENCE = pa.struct({"document": pa.string(), "start": pa.int32(), "end": pa.int32(), "text": pa.string()})
MENTION = pa.struct([*SENTENCE, pa.field("score", pa.float64())])
SCHEMA = pa.schema(
    {
        "relation": pa.int32(), "a_id": pa.string(), "b_id": pa.string(), "patent": pa.string(),
        "year": pa.int32(), "a": MENTION, "b": MENTION, "sentences": pa.list_(SENTENCE),
    }
)  # fmt: skip

COOCCURRENCES = """
CREATE OR REPLACE TABLE cooccurrences AS
SELECT
    f.*, x.patent, x.year, x.weight * y.weight AS weight, x.mention AS first, y.mention AS second,
    abs(x.mention.sentence - y.mention.sentence) AS distance
FROM (
    SELECT DISTINCT p.relation, p.a, p.b, x.spot AS x, y.spot AS y
    FROM batch p JOIN units x ON x.entity = p.a JOIN units y ON y.entity = p.b AND y.unit = x.unit
) f JOIN spots x ON x.rowid = f.x JOIN spots y ON y.rowid = f.y
"""
# the earliest patent of each relation; of one year the lower number
FIRST = """
SELECT arg_min(patent, (coalesce(year, 9999), patent)) AS first_patent, min(year) AS first_year
FROM cooccurrences GROUP BY relation ORDER BY relation
"""
KEPT = """
CREATE OR REPLACE TABLE kept AS
WITH ordered AS (
    SELECT *, row_number() OVER (
        PARTITION BY relation, patent ORDER BY distance, weight DESC, first.document, first.start, second.start
    ) AS turn
    FROM cooccurrences WHERE relation < ?
)
SELECT *, row_number() OVER (ORDER BY relation, turn, weight DESC, patent) AS number FROM ordered
QUALIFY row_number() OVER (PARTITION BY relation ORDER BY turn, weight DESC, patent) <= ?
"""
ROWS = """
WITH places AS (
    SELECT s.document AS number, s.sentence, d.id AS document, s.start, s."end", s.place, s.size
    FROM sentences s JOIN documents d USING (document)
)
SELECT
    k.relation, e.id AS a_id, f.id AS b_id, k.patent, k.year,
    {'document': s.document, 'start': k.first.start, 'end': k.first."end", 'text': k.first.text, 'score': k.first.score}
        AS a,
    {'document': t.document, 'start': k.second.start, 'end': k.second."end", 'text': k.second.text,
     'score': k.second.score} AS b,
    CASE WHEN s = t THEN [s] WHEN s < t THEN [s, t] ELSE [t, s] END AS sentences
FROM kept k JOIN entities e ON e.entity = k.a JOIN entities f ON f.entity = k.b
    JOIN places s ON s.number = k.first.document AND s.sentence = k.first.sentence
    JOIN places t ON t.number = k.second.document AND t.sentence = k.second.sentence
ORDER BY k.number
"""


def read_evidence(store: Store, most: int, relations: int) -> Iterator[list[dict[str, Any]]]:
    """Yield rows of SCHEMA, some at a time: at most `most` for each of the first `relations`."""
    store.run(KEPT, [relations, most])
    for batch in store.connection.sql(ROWS).to_arrow_reader(BATCH_ROWS):
        rows = batch.to_pylist()
        for sentence in (sentence for row in rows for sentence in row["sentences"]):
            sentence["text"] = store.read_text(sentence["place"], sentence["size"])
        yield rows
