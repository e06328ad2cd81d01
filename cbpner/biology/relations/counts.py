"""Count co-occurrences within a unit: a sentence, a window of sentences, or a patent.

```
all_incidences  family, unit, entity, kind, weight    an entity in a unit; weight: its best mention's score (1 without)
crowded         unit                                  units that are left out
incidences      as all_incidences                     entities with support, in the other units
pair_families   a, b, kind, family, units, weight     two of these that share units in a family; kind: of b
```

Only counted patents (`occurrences`) are in them, one of each family. A window is any N consecutive sentences, also
those that reach over the edges of a text: two sentences at a distance d share N - d windows.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cbpner.base.store import Store
from cbpner.biology.relations.occurrences import DISEASE, GENE

UNITS = ("sentence", "window", "patent")
PAIRS = {"gene-gene": (GENE,), "gene-disease": (DISEASE,), "both": (GENE, DISEASE)}  # kinds of b, a being a gene
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
CROWDED = "CREATE OR REPLACE TABLE crowded AS SELECT unit FROM all_incidences GROUP BY unit HAVING count(*) > ?"
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
FROM incidences a JOIN incidences b ON a.unit = b.unit AND a.kind = 0 AND b.kind IN {kinds}
    AND (b.kind = 1 OR a.entity < b.entity)
GROUP BY ALL
"""
PAIRS_SEEN = """
SELECT a, b, any_value(kind) AS kind, sum(units)::BIGINT AS units, count(*) AS patents, sum(weight) AS weight
FROM pair_families GROUP BY a, b HAVING count(*) >= ? ORDER BY a, b
"""

Columns = dict[str, np.ndarray]  # of one length


class CountSettings(NamedTuple):
    """What counts as a co-occurrence."""

    unit: str = "sentence"  # one of UNITS
    size: int = 3  # sentences in a window
    pairs: str = "gene-gene"  # one of PAIRS
    min_support: int = 2  # patent families that an entity, and a pair, must be in
    crowd: int = 500  # units with more entities are left out: lists of hundreds of genes make a pair of any two

    @property
    def kinds(self) -> tuple[int, ...]:
        return (GENE,) if self.pairs == "gene-gene" else (GENE, DISEASE)


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
    windows = f", (SELECT unnest(range({settings.size})) AS shift) w" if settings.unit == "window" else ""
    store.run(INCIDENCES.format(unit=UNIT_SQL[settings.unit], windows=windows))
    store.run(CROWDED, [settings.crowd])
    store.run(MARGINS)
    store.run(SUPPORTED, [settings.min_support])
    store.run(PAIR_FAMILIES.format(kinds=PAIRS[settings.pairs]))
    units, families = store.run(
        "SELECT count(DISTINCT unit), count(DISTINCT family) FROM all_incidences ANTI JOIN crowded USING (unit)"
    )[0]
    support = [settings.min_support]
    entities = fetch_columns(
        store, "SELECT m.*, e.kind FROM margins m JOIN entities e USING (entity) WHERE patents >= ? ORDER BY entity",
        support,
    )  # fmt: skip
    genes, diseases = (int((entities["kind"] == kind).sum()) for kind in (GENE, DISEASE))
    tested = {GENE: genes * (genes - 1) // 2, DISEASE: genes * diseases}
    return Counts(
        units, families, store.run("SELECT count(*) FROM crowded")[0][0], entities,
        fetch_columns(store, PAIRS_SEEN, support), {kind: tested[kind] for kind in PAIRS[settings.pairs]},
    )  # fmt: skip


def fetch_columns(store: Store, sql: str, parameters: Sequence[Any] = ()) -> Columns:
    """The result of a statement as {column: array}."""
    columns = store.connection.execute(sql, list(parameters)).fetchnumpy()
    return {name: np.asarray(column) for name, column in columns.items()}
