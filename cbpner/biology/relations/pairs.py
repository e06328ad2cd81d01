"""Relations: pairs with their counts, what chance would give, p, q, and the first patent that has them."""

from typing import NamedTuple

import numpy as np

from cbpner.biology.relations import statistics
from cbpner.biology.relations.counts import Counting, Counts, count_pairs
from cbpner.biology.relations.null_model import expect_families

LEAST = 1e-9  # expected families


class Relations(NamedTuple):
    """Counts with the statistics of its pairs, {column: array}, the smallest p first."""

    counts: Counts
    rows: dict


def find_relations(store, counting: Counting) -> Relations:
    """Count the pairs of the store's occurrences and measure them."""
    counts = count_pairs(store, counting)
    return Relations(counts, measure_pairs(counts, expect_families(store, counts, counting.unit)))


def measure_pairs(counts, expected) -> dict:
    """The pairs' columns with statistics; expected: the null's `Expected`."""
    pairs, entities = counts.pairs, counts.entities
    a, b = (np.searchsorted(entities["entity"], pairs[name]) for name in "ab")
    units_a, units_b, patents_a, patents_b = (entities[name][side] for name in ("units", "patents") for side in (a, b))
    p = measure_p(pairs["patents"], patents_a, patents_b, expected)
    rows = pairs | {
        "units_a": units_a, "units_b": units_b, "patents_a": patents_a, "patents_b": patents_b,
        "expected_units": statistics.expect_units(units_a, units_b, counts.units),
        "npmi": statistics.measure_npmi(pairs["units"], units_a, units_b, counts.units),
        "expected_patents": expected.counted, "p": p, "q": statistics.adjust_p(p, sum(counts.tested.values())),
    }  # fmt: skip
    order = np.lexsort((rows["b"], rows["a"], -rows["npmi"], rows["p"]))
    return {name: column[order] for name, column in rows.items()}


def measure_p(shared, first, second, expected):
    """p of pairs by the families that they share and those of each."""
    both = np.maximum(expected.both, LEAST)
    if expected.shared is None:
        return statistics.measure_p(shared, first, second, first * second / both)
    return statistics.measure_thinned_p(shared, first, second, both, expected.shared)


def keep_rows(relations, level) -> Relations:
    """The relations with a q of at most `level`."""
    kept = relations.rows["q"] <= level
    return relations._replace(rows={name: column[kept] for name, column in relations.rows.items()})
