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
from cbpner.biology.relations.occurrences import DISEASE, GENE, PAIRS, SQL, CountSettings

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
    store.run(SQL["spots"].format(place=place))
    store.run(SQL["all_units"].format(size=settings.size if settings.unit == "window" else 1))
    store.run(SQL["crowded"], [settings.crowd])
    store.run("CREATE OR REPLACE TABLE units AS FROM all_units ANTI JOIN crowded USING (unit)")
    store.run("DROP TABLE all_units")
    store.run(SQL["margins"], [settings.min_support])
    store.run(SQL["incidences"])
    store.run(SQL["pair_families"].format(kinds=PAIRS[settings.pairs]))
    units, families = store.run("SELECT count(DISTINCT unit), count(DISTINCT family) FROM units WHERE is_counted")[0]
    crowded = store.run("SELECT count(*) FROM crowded WHERE is_counted")[0][0]
    entities = fetch_columns(store, "FROM margins ORDER BY entity")
    genes, diseases = (int((entities["kind"] == kind).sum()) for kind in (GENE, DISEASE))
    tested = {GENE: genes * (genes - 1) // 2, DISEASE: genes * diseases}
    pairs = fetch_columns(store, SQL["pairs_seen"], [settings.min_support])
    return Counts(units, families, crowded, entities, pairs, {kind: tested[kind] for kind in PAIRS[settings.pairs]})


def fetch_columns(store: Store, sql: str, parameters: Sequence[Any] = ()) -> Columns:
    """The result of a statement as {column: array}."""
    columns = store.connection.execute(sql, list(parameters)).fetchnumpy()
    return {name: np.asarray(column) for name, column in columns.items()}
