"""Who stands together in a unit: sentences, windows of sentences, patents.

```
all_incidences  family, unit, entity, kind, weight    an entity in a unit; weight: its best mention's score (1 without)
crowded         unit                                  that counts for nothing
incidences      as all_incidences                     of entities with support, in other units
pair_families   a, b, kind, family, units, weight     two of these that share units in a family; kind: of b
```

Only counted patents (`occurrences`) are in them, one a family. A window is every stretch of N consecutive sentences,
also those that reach over a text's edges: two sentences at a distance d share N - d of them.
"""

from typing import NamedTuple

import numpy as np

from cbpner.base.errors import InputError
from cbpner.biology.relations.occurrences import DISEASE, GENE

UNITS = ("sentence", "window", "patent")
PAIRS = {"gene-gene": (GENE, GENE), "gene-disease": (GENE, DISEASE)}
UNIT_SQL = {
    "sentence": "(m.document::BIGINT << 24) + m.sentence",
    "window": "(m.document::BIGINT << 24) + m.sentence + w.shift",
    "patent": "f.number",
}
INCIDENCES = """
CREATE OR REPLACE TABLE all_incidences AS
WITH families AS (SELECT family, row_number() OVER (ORDER BY family) - 1 AS number FROM documents GROUP BY family)
SELECT
    f.number::INTEGER AS family, {unit} AS unit, m.entity, e.kind, max(coalesce(m.score, 1)) AS weight
FROM mentions m JOIN documents d USING (document) JOIN families f ON f.family = d.family JOIN entities e USING (entity)
    {windows}
WHERE d.is_counted GROUP BY ALL
"""
CROWDED = """
CREATE OR REPLACE TABLE crowded AS SELECT unit FROM all_incidences GROUP BY unit HAVING count(*) > ?
"""
MARGINS = """
CREATE OR REPLACE TABLE margins AS
SELECT entity, count(*) AS units, count(DISTINCT family) AS patents
FROM all_incidences ANTI JOIN crowded USING (unit) GROUP BY entity
"""
SUPPORTED = """
CREATE OR REPLACE TABLE incidences AS
SELECT i.* FROM all_incidences i ANTI JOIN crowded USING (unit) JOIN margins m USING (entity) WHERE m.patents >= ?
"""
PAIR_FAMILIES = """
CREATE OR REPLACE TABLE pair_families AS
SELECT
    a.entity AS a, b.entity AS b, a.family, b.kind AS kind, count(*)::INTEGER AS units,
    sum(a.weight * b.weight) AS weight
FROM incidences a JOIN incidences b ON a.unit = b.unit AND a.kind = 0 AND {condition}
GROUP BY ALL
"""
CONDITIONS = {
    "gene-gene": "b.kind = 0 AND a.entity < b.entity",
    "gene-disease": "b.kind = 1",
    "both": "(b.kind = 1 OR a.entity < b.entity)",
}
PAIRS_SEEN = """
SELECT a, b, any_value(kind) AS kind, sum(units)::BIGINT AS units, count(*) AS patents, sum(weight) AS weight
FROM pair_families GROUP BY a, b HAVING count(*) >= ? ORDER BY a, b
"""


class Counting(NamedTuple):
    """How to count. unit: of UNITS. size: sentences a window. pairs: `gene-gene`, `gene-disease` or `both`.
    min_support: patents that an entity, and a pair, must be in. crowd: units with more entities than this count for
    nothing (lists of hundreds of genes make a pair of any two).
    """

    unit: str = "sentence"
    size: int = 3
    pairs: str = "gene-gene"
    min_support: int = 2
    crowd: int = 500

    @property
    def kinds(self):
        """Of the entities that take part."""
        return (GENE, DISEASE) if self.pairs != "gene-gene" else (GENE,)


class Counts(NamedTuple):
    """What was counted.

    units, families: how many have an entity. crowded: units left out. entities: {column: array} of those with support:
    entity, kind, units, patents. pairs: {column: array} of pairs with support: a, b, kind (of b), units,
    patents, weight. tested: {kind of b: number of all pairs of entities with support, seen together or not}.
    """

    units: int
    families: int
    crowded: int
    entities: dict
    pairs: dict
    tested: dict


def check_counting(counting: Counting):
    """InputError for a number that makes no sense."""
    for flag, value, least in (
        ("--window", counting.size, 1), ("--min-support", counting.min_support, 1), ("--crowd", counting.crowd, 2)
    ):  # fmt: skip
        if value < least:
            raise InputError(f"found {flag} {value}; expected at least {least}")


def count_pairs(store, counting: Counting) -> Counts:
    """Count entities and pairs; the tables above stay in the store."""
    windows = f", (SELECT unnest(range({counting.size})) AS shift) w" if counting.unit == "window" else ""
    store.run(INCIDENCES.format(unit=UNIT_SQL[counting.unit], windows=windows))
    store.run(CROWDED, [counting.crowd])
    store.run(MARGINS)
    store.run(SUPPORTED, [counting.min_support])
    store.run(PAIR_FAMILIES.format(condition=CONDITIONS[counting.pairs]))
    units, families = store.run(
        "SELECT count(DISTINCT unit), count(DISTINCT family) FROM all_incidences ANTI JOIN crowded USING (unit)"
    )[0]
    entities = fetch(
        store, "SELECT m.*, e.kind FROM margins m JOIN entities e USING (entity) WHERE patents >= ? ORDER BY entity",
        [counting.min_support],
    )  # fmt: skip
    pairs = fetch(store, PAIRS_SEEN, [counting.min_support])
    crowded = store.run("SELECT count(*) FROM crowded")[0][0]
    return Counts(units, families, crowded, entities, pairs, count_tested(entities, counting.pairs))


def fetch(store, sql, parameters=()) -> dict[str, np.ndarray]:
    return {
        name: np.asarray(column)
        for name, column in store.connection.execute(sql, list(parameters)).fetchnumpy().items()
    }


def count_tested(entities, pairs):
    """{kind of b: number of possible pairs}."""
    genes, diseases = (int((entities["kind"] == kind).sum()) for kind in (GENE, DISEASE))
    tested = {GENE: genes * (genes - 1) // 2, DISEASE: genes * diseases}
    return {kind: tested[kind] for name, (_, kind) in PAIRS.items() if pairs in (name, "both")}
