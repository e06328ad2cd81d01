"""Where a relation stands: for each pair the patents, sentences and offsets; and which patent had it first.

A row of evidence is one sentence with both (unit sentence), two sentences less than N apart (window), or for a patent
the surest mention of each. All members of a family are looked at, those that are not counted too, since the first
patent may be one of them. Crowded units are no evidence: two sentences are where a window with both is not crowded.
"""

from collections.abc import Iterator

import pyarrow as pa

from cbpner.base.store import ROWS_AT_ONCE

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

NAMES = tuple(field.name for field in MENTION)

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
TOGETHER = """
CREATE OR REPLACE TABLE together AS
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
CLEARED = {  # of `size` windows with a sentence, two at a distance d share size - d
    "sentence": """
    DELETE FROM together WHERE rowid IN (
        SELECT t.rowid FROM together t JOIN crowds c ON c.document = t.a.document AND c.place
            BETWEEN greatest(t.a.sentence, t.b.sentence) AND least(t.a.sentence, t.b.sentence) + {size} - 1
        GROUP BY t.rowid, t.distance HAVING count(*) = {size} - t.distance
    )
    """,
    "patent": "DELETE FROM together WHERE patent IN (FROM crowds)",
}
FIRST = """
SELECT relation, arg_min(patent, (coalesce(year, 9999), patent)) AS patent, min(year) AS year
FROM together GROUP BY relation ORDER BY relation
"""
KEPT = """
WITH ordered AS (
    SELECT *, row_number() OVER (
        PARTITION BY relation, patent ORDER BY distance, weight DESC, a.document, a.start, b.start
    ) AS turn
    FROM together
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


def find_places(store, rows, counting):
    """Make the table `together` of where the relations `rows` stand; their number is that of their row, from 0."""
    place, condition = PLACES[counting.unit]
    store.run(SPOTS.format(place=place))
    batch = pa.table({"relation": pa.array(range(len(rows["a"])), pa.int32()), "a": rows["a"], "b": rows["b"]})
    store.run_on(batch, TOGETHER.format(condition=condition.format(reach=counting.size - 1)))
    store.run("DROP TABLE spots")
    clear_crowds(store, counting)


def clear_crowds(store, counting):
    """Take the places out of `together` that are in crowded units alone, of patents that are not counted too."""
    kind = "patent" if counting.unit == "patent" else "sentence"
    size = counting.size if counting.unit == "window" else 1
    store.run(f"CREATE OR REPLACE TEMP TABLE crowds AS {CROWDS[kind].format(size=size, crowd=counting.crowd)}")
    if store.run("SELECT count(*) FROM crowds")[0][0]:
        store.run(CLEARED[kind].format(size=size))


def list_first(store):
    """(patent, year or None) of each relation, in order: the earliest, and of one year the lower number."""
    return store.run(FIRST)


def count_places(store) -> int:
    return store.run("SELECT count(*) FROM together")[0][0]


def read_evidence(store, ids, most, relations=None) -> Iterator[dict]:
    """Rows as SCHEMA says, at most so many a relation, from as many patents as there are.

    ids: (a_id, b_id) of each relation. relations: how many, from the first; None for all.
    """
    store.run(f"CREATE OR REPLACE TABLE kept AS {KEPT}", [most])
    sql = LOOKED_UP.format(relations=len(ids) if relations is None else int(relations))
    for batch in store.connection.sql(sql).to_arrow_reader(ROWS_AT_ONCE):
        for row in batch.to_pylist():
            yield take_row(store, row, *ids[row["relation"]])


def take_row(store, row, a_id, b_id):
    """A row of SCHEMA from one of LOOKED_UP; sentences in the order of the text, each once."""
    names = {row[side]["document"]: row[f"{side}_document"] for side in "ab"}
    sentences = [
        {"document": names[document], "start": start, "end": end, "text": store.read_text(place, size)}
        for document, start, end, place, size in sorted({tuple(row["first"]), tuple(row["second"])})
    ]
    mentions = {side: row[side] | {"document": row[f"{side}_document"]} for side in "ab"}
    about = {name: row[name] for name in ("relation", "patent", "year")} | {"a_id": a_id, "b_id": b_id}
    return about | {side: {name: mentions[side][name] for name in NAMES} for side in "ab"} | {"sentences": sentences}
