"""Evidence of relations: the patents, sentences and offsets of each pair, and the patent that had it first.

A row of evidence is one sentence with both entities (unit sentence), two sentences less than N apart (window), or the
surest mention of each in a patent. All members of a family are searched, counted or not, since the first patent may be
any of them. Crowded units are no evidence: two sentences are if some window with both is not crowded.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from cbpner.base.store import ROWS_AT_ONCE, Store
from cbpner.biology.relations.counts import Columns, CountSettings

SENTENCE = pa.struct({"document": pa.string(), "start": pa.int32(), "end": pa.int32(), "text": pa.string()})
MENTION = pa.struct(
    {"document": pa.string(), "start": pa.int32(), "end": pa.int32(), "text": pa.string(), "score": pa.float64()}
)
SCHEMA = pa.schema(
    {
        "relation": pa.int32(), "a_id": pa.string(), "b_id": pa.string(), "patent": pa.string(),
        "year": pa.int32(), "a": MENTION, "b": MENTION, "sentences": pa.list_(SENTENCE),
    }
)  # fmt: skip

SPOTS = """
CREATE OR REPLACE TABLE spots AS
SELECT
    {place}, m.entity, any_value(d.year) AS year, max(coalesce(m.score, 1)) AS weight,
    arg_min(
        {{'document': m.document, 'sentence': m.sentence, 'start': m.start, 'end': m."end", 'text': m.surface,
          'score': m.score}},
        (-coalesce(m.score, 1), m.document, m.start)
    ) AS mention
FROM mentions m JOIN documents d USING (document) GROUP BY {place}, m.entity
"""
PLACES = {
    "sentence": ("d.patent, m.document, m.sentence", "y.document = x.document AND y.sentence = x.sentence"),
    "window": (
        "d.patent, m.document, m.sentence",
        "y.document = x.document AND y.sentence BETWEEN x.sentence - {reach} AND x.sentence + {reach}",
    ),
    "patent": ("d.patent", "y.patent = x.patent"),
}
COOCCURRENCES = """
CREATE OR REPLACE TABLE cooccurrences AS
SELECT
    p.relation, x.patent, x.year, x.weight * y.weight AS weight, x.mention AS a, y.mention AS b,
    abs(x.mention.sentence - y.mention.sentence) AS distance
FROM batch p JOIN spots x ON x.entity = p.a JOIN spots y ON y.entity = p.b AND {condition}
"""
CROWDS = {
    "sentence": """
    SELECT document, sentence + shift AS place FROM mentions, (SELECT unnest(range({size})) AS shift)
    GROUP BY ALL HAVING count(DISTINCT entity) > {crowd}
    """,
    "patent": """
    SELECT d.patent FROM mentions m JOIN documents d USING (document)
    GROUP BY ALL HAVING count(DISTINCT m.entity) > {crowd}
    """,
}
UNCROWD = {  # two sentences at a distance d share size - d windows; without a window of theirs they are deleted
    "sentence": """
    DELETE FROM cooccurrences WHERE rowid IN (
        SELECT t.rowid FROM cooccurrences t JOIN crowds c ON c.document = t.a.document AND c.place
            BETWEEN greatest(t.a.sentence, t.b.sentence) AND least(t.a.sentence, t.b.sentence) + {size} - 1
        GROUP BY t.rowid, t.distance HAVING count(*) = {size} - t.distance
    )
    """,
    "patent": "DELETE FROM cooccurrences WHERE patent IN (FROM crowds)",
}
# the earliest patent of each relation; of one year the lower number
FIRST = """
SELECT arg_min(patent, (coalesce(year, 9999), patent)) AS first_patent, min(year) AS first_year
FROM cooccurrences GROUP BY relation ORDER BY relation
"""
KEPT = """
WITH ordered AS (
    SELECT *, row_number() OVER (
        PARTITION BY relation, patent ORDER BY distance, weight DESC, a.document, a.start, b.start
    ) AS turn
    FROM cooccurrences
)
SELECT relation, patent, year, a, b FROM ordered
QUALIFY row_number() OVER (PARTITION BY relation ORDER BY turn, weight DESC, patent) <= ?
ORDER BY relation, turn, weight DESC, patent
"""
LOOKED_UP = """
SELECT k.*, c.id AS a_document, d.id AS b_document,
    [k.a.document, s.start, s."end", s.place, s.size] AS first,
    [k.b.document, t.start, t."end", t.place, t.size] AS second
FROM (SELECT *, rowid AS number FROM kept) k
    JOIN documents c ON c.document = k.a.document JOIN documents d ON d.document = k.b.document
    JOIN sentences s ON s.document = k.a.document AND s.sentence = k.a.sentence
    JOIN sentences t ON t.document = k.b.document AND t.sentence = k.b.sentence
WHERE relation < {relations} ORDER BY number
"""


def locate_pairs(store: Store, rows: Columns, settings: CountSettings) -> None:
    """Make the table `cooccurrences` of the relations `rows`, which are numbered from 0, without crowded units."""
    place, condition = PLACES[settings.unit]
    store.run(SPOTS.format(place=place))
    batch = pa.table({"relation": pa.array(range(len(rows["a"])), pa.int32()), "a": rows["a"], "b": rows["b"]})
    store.run_on(batch, COOCCURRENCES.format(condition=condition.format(reach=settings.size - 1)))
    store.run("DROP TABLE spots")
    kind = "patent" if settings.unit == "patent" else "sentence"
    size = settings.size if settings.unit == "window" else 1
    store.run(f"CREATE OR REPLACE TEMP TABLE crowds AS {CROWDS[kind].format(size=size, crowd=settings.crowd)}")
    if store.run("SELECT count(*) FROM crowds")[0][0]:
        store.run(UNCROWD[kind].format(size=size))


def read_evidence(
    store: Store, ids: Sequence[tuple[str, str]], most: int, relations: int | None = None
) -> Iterator[dict[str, Any]]:
    """Yield rows of SCHEMA, at most `most` for each (a_id, b_id) of `ids` or of the first `relations` of them."""
    store.run(f"CREATE OR REPLACE TABLE kept AS {KEPT}", [most])
    sql = LOOKED_UP.format(relations=len(ids) if relations is None else int(relations))
    for batch in store.connection.sql(sql).to_arrow_reader(ROWS_AT_ONCE):
        for row in batch.to_pylist():
            names = {row[side]["document"]: row[f"{side}_document"] for side in "ab"}
            sentences = [
                {"document": names[document], "start": start, "end": end, "text": store.read_text(place, size)}
                for document, start, end, place, size in sorted({tuple(row["first"]), tuple(row["second"])})
            ]
            found = {name: row[name] for name in ("relation", "patent", "year")} | {"sentences": sentences}
            for side, id in zip("ab", ids[row["relation"]], strict=True):
                mention = {field.name: row[side].get(field.name) for field in MENTION}
                found |= {f"{side}_id": id, side: mention | {"document": row[f"{side}_document"]}}
            yield found
