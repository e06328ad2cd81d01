"""Relations: pairs with their counts, those expected under the null model, p and q."""

from typing import NamedTuple

import numpy as np

from cbpner.base.store import Store
from cbpner.biology.relations import statistics
from cbpner.biology.relations.counts import Columns, Counts, CountSettings, count_pairs
from cbpner.biology.relations.null_model import expect_families


class Relations(NamedTuple):
    """Counts, and the statistics of the pairs, the smallest p first."""

    counts: Counts
    rows: Columns

    def keep(self, level: float) -> "Relations":
        """The relations with a q of at most `level`."""
        kept = self.rows["q"] <= level
        return self._replace(rows={name: column[kept] for name, column in self.rows.items()})


def find_relations(store: Store, settings: CountSettings) -> Relations:
    """Count the pairs of the store's occurrences and compute their statistics."""
    counts = count_pairs(store, settings)
    expected = expect_families(store, counts, settings.unit)
    pairs, entities = counts.pairs, counts.entities
    a, b = (np.searchsorted(entities["entity"], pairs[name]) for name in "ab")
    units_a, units_b, patents_a, patents_b = (entities[name][side] for name in ("units", "patents") for side in (a, b))
    both = np.maximum(expected.both, 1e-9)
    if expected.shared is None:
        p = statistics.compute_p(pairs["patents"], patents_a, patents_b, patents_a * patents_b / both)
    else:
        p = statistics.compute_thinned_p(pairs["patents"], patents_a, patents_b, both, expected.shared)
    rows = pairs | {
        "units_a": units_a, "units_b": units_b, "patents_a": patents_a, "patents_b": patents_b,
        "expected_units": statistics.expect_units(units_a, units_b, counts.units),
        "npmi": statistics.compute_npmi(pairs["units"], units_a, units_b, counts.units),
        "expected_patents": expected.both if expected.shared is None else expected.shared,
        "p": p, "q": statistics.adjust_p(p, sum(counts.tested.values())),
    }  # fmt: skip
    order = np.lexsort((rows["b"], rows["a"], -rows["npmi"], rows["p"]))
    return Relations(counts, {name: column[order] for name, column in rows.items()})
