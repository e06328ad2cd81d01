"""Count co-occurrences within a unit: a sentence, a window of sentences, or a patent.

```
spots           place, family, patent, year, is_counted, entity, kind, weight, mention
units           unit, spot, family, is_counted, entity, kind, weight     the units of each spot that are not crowded
incidences      unit, family, entity, kind, weight      of counted patents and entities with support
pair_families   a, b, kind, family, units, weight       two of these that share units in a family; kind: of b
```

A spot is an entity in a place, which is a sentence, or a patent as unit; `mention` is its surest one there, `weight`
its score (1 without). Only counted patents (`occurrences`), one of each family, are counted. A window is any N
consecutive sentences, also those over the edges of a text: at a distance d two sentences share N - d windows.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cbpner.base.store import Store
from cbpner.biology.relations.occurrences import DISEASE, GENE, PAIRS, CountSettings

SPOTS = """
CREATE OR REPLACE TABLE spots AS
WITH numbered AS (
    SELECT * REPLACE (dense_rank() OVER (ORDER BY family) - 1 AS family),
        dense_rank() OVER (ORDER BY family, patent) AS number
    FROM documents
)
SELECT
    {place} AS place, d.family::INTEGER AS family, d.patent, min(d.year) AS year, d.is_counted, m.entity, e.kind,
    max(coalesce(m.score, 1)) AS weight,
    arg_min(
        {{'document': m.document, 'sentence': m.sentence, 'start': m.start, 'end': m."end", 'text': m.surface,
          'score': m.score}},
        (-coalesce(m.score, 1), m.document, m.start)
    ) AS mention
FROM mentions m JOIN numbered d USING (document) JOIN entities e USING (entity) GROUP BY ALL
"""
ALL_UNITS = """
CREATE OR REPLACE TABLE all_units AS
SELECT place + shift AS unit, s.rowid AS spot, family, is_counted, entity, kind, weight
FROM spots s, (SELECT unnest(range({size})) AS shift)
"""
CROWDED = """
CREATE OR REPLACE TABLE crowded AS
SELECT unit, bool_or(is_counted) AS is_counted FROM all_units GROUP BY unit HAVING count(DISTINCT entity) > ?
"""
MARGINS = """
CREATE OR REPLACE TABLE margins AS
SELECT entity, kind, count(DISTINCT unit) AS units, count(DISTINCT family) AS patents
FROM units WHERE is_counted GROUP BY ALL HAVING patents >= ?
"""
INCIDENCES = """
CREATE OR REPLACE TABLE incidences AS
SELECT unit, family, entity, kind, max(weight) AS weight
FROM units SEMI JOIN margins USING (entity) WHERE is_counted GROUP BY ALL
"""
PAIR_FAMILIES = """
CREATE OR REPLACE TABLE pair_families AS
SELECT
    a.entity AS a, b.entity AS b, a.family, b.kind AS kind, count(*)::INTEGER AS units,
    sum(a.weight * b.weight) AS weight
FROM incidences a JOIN incidences b ON a.unit = b.unit AND a.kind = 0 AND b.kind IN {kinds}
    AND (b.kind = 1 OR a.entity < b.entity)
GROUP BY ALL
"""
PAIRS_SEEN = """
SELECT a, b, any_value(kind) AS kind, sum(units)::BIGINT AS units, count(*) AS patents, sum(weight) AS weight
FROM pair_families GROUP BY a, b HAVING count(*) >= ? ORDER BY a, b
"""

Columns = dict[str, np.ndarray]  # of one length


class Counts(NamedTuple):
    """What was counted."""

    units: int  # that have an entity
    families: int
    crowded: int  # units left out
    entities: Columns  # with support: entity, kind, units, patents
    pairs: Columns  # with support: a, b, kind (of b), units, patents, weight
    tested: dict[int, int]  # {kind of b: number of all pairs of entities with support, whether they co-occur or not}


def count_pairs(store: Store, settings: CountSettings) -> Counts:
    """Count entities and pairs; the tables above stay in the store."""
    place = "d.number" if settings.unit == "patent" else "(m.document::BIGINT << 24) + m.sentence"
    store.run(SPOTS.format(place=place))
    store.run(ALL_UNITS.format(size=settings.size if settings.unit == "window" else 1))
    store.run(CROWDED, [settings.crowd])
    store.run("CREATE OR REPLACE TABLE units AS FROM all_units ANTI JOIN crowded USING (unit)")
    store.run("DROP TABLE all_units")
    store.run(MARGINS, [settings.min_support])
    store.run(INCIDENCES)
    store.run(PAIR_FAMILIES.format(kinds=PAIRS[settings.pairs]))
    units, families = store.run("SELECT count(DISTINCT unit), count(DISTINCT family) FROM units WHERE is_counted")[0]
    crowded = store.run("SELECT count(*) FROM crowded WHERE is_counted")[0][0]
    entities = fetch_columns(store, "FROM margins ORDER BY entity")
    genes, diseases = (int((entities["kind"] == kind).sum()) for kind in (GENE, DISEASE))
    tested = {GENE: genes * (genes - 1) // 2, DISEASE: genes * diseases}
    pairs = fetch_columns(store, PAIRS_SEEN, [settings.min_support])
    return Counts(units, families, crowded, entities, pairs, {kind: tested[kind] for kind in PAIRS[settings.pairs]})


def fetch_columns(store: Store, sql: str, parameters: Sequence[Any] = ()) -> Columns:
    """The result of a statement as {column: array}."""
    columns = store.connection.execute(sql, list(parameters)).fetchnumpy()
    return {name: np.asarray(column) for name, column in columns.items()}
