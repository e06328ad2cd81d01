"""Relations: pairs with their counts, those expected under the null model, p and q."""

import numpy as np

from cbpner.base.store import Store
from cbpner.biology.relations import statistics
from cbpner.biology.relations.counts import Counts, count_pairs
from cbpner.biology.relations.null_model import expect_families
from cbpner.biology.relations.occurrences import CountSettings


def find_relations(store: Store, settings: CountSettings) -> Counts:
    """Count the pairs of the store's occurrences; their statistics are columns of `pairs`, the smallest p first."""
    counts = count_pairs(store, settings)
    both, shared = expect_families(store, counts, settings.unit)
    pairs, entities = counts.pairs, counts.entities
    a, b = (np.searchsorted(entities["entity"], pairs[name]) for name in "ab")
    units_a, units_b, patents_a, patents_b = (entities[name][side] for name in ("units", "patents") for side in (a, b))
    least = np.maximum(both, 1e-9)
    if settings.unit == "patent":
        p = statistics.compute_p(pairs["patents"], patents_a, patents_b, patents_a * patents_b / least)
    else:
        p = statistics.compute_thinned_p(pairs["patents"], patents_a, patents_b, least, shared)
    rows = pairs | {
        "units_a": units_a, "units_b": units_b, "patents_a": patents_a, "patents_b": patents_b,
        "expected_units": statistics.expect_units(units_a, units_b, counts.units),
        "npmi": statistics.compute_npmi(pairs["units"], units_a, units_b, counts.units),
        "expected_patents": shared, "p": p, "q": statistics.adjust_p(p, sum(counts.tested.values())),
    }  # fmt: skip
    order = np.lexsort((rows["b"], rows["a"], -rows["npmi"], rows["p"]))
    return counts._replace(pairs={name: column[order] for name, column in rows.items()})
