"""In how many patent families two entities would share a unit if they had nothing to do with one another.

Sentences of one patent are no independent draws: a patent on HER2 says HER2 in every other sentence. What is exchanged
under the null are therefore patent families. It keeps

- in how many families each entity is, and how many entities each family has. Entity a is in family f with probability
  x_a y_f / (1 + x_a y_f), x and y being such that all these numbers are met on average: the maximum-entropy model of a
  two-mode network with given degrees (Saracco et al. 2017, New Journal of Physics 19, 053022);
- how often an entity recurs within a family, against the others there (its burst, b_a);
- how many pairs of a family share a unit: two entities in family f do so with probability 1 - exp(-b_a b_b t_f), and
  t_f is such that the pairs that do are as many as were counted. Where patents are the units all do.

Families that may have both: the sum over f of both being there; expected families: the sum of both being there and
sharing a unit. p is the tail of a hypergeometric number of families that have both, for n_a and n_b families among
n_a n_b / (families that may have both) places, of which each shares a unit with one chance, expected / may have both.
Where patents are the units all share one, and p is the hypergeometric tail; where all have equally many entities too
the places are the families, and p is Fisher's exact test. A family counts once, however often it says the same.

p is an approximation. It holds where the odds of a gene in a patent are those of the gene times those of the patent,
and where what makes patents long does so for all genes alike. Where it does not, as where genes have a length of patent
from which on they stand in all of them, p of common pairs is too small (`benchmarks/relations_null.py` measures it).
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from cbpner.biology.relations.counts import fetch
from cbpner.biology.relations.occurrences import GENE

CLASSES = (24, 12)  # of families: by how many entities they have, and within these by how these share units
ROUNDS, CLOSE = 2000, 1e-9
CHUNK = 1 << 14  # pairs at once
FAMILY_CHUNK = 512
STEP = 0.25  # between levels of bursts, natural logarithm
HALVINGS, LOWEST, HIGHEST = 40, -16.0, 10.0  # of the interval in which ln t_f lies

SIZES = "SELECT family, count(DISTINCT entity) AS size FROM incidences WHERE kind = ? GROUP BY family"
SHARING = "SELECT family, count(*) AS pairs FROM pair_families WHERE kind = ? GROUP BY family"
BURSTS = """
WITH means AS (SELECT family, kind, count(*) / count(DISTINCT entity) AS mean FROM incidences GROUP BY family, kind),
own AS (SELECT family, kind, entity, count(*) AS units FROM incidences GROUP BY ALL)
SELECT entity, sum(units) / sum(mean) AS burst FROM own JOIN means USING (family, kind) GROUP BY entity ORDER BY entity
"""
LEVELS = """
SELECT i.family, l.level, count(DISTINCT i.entity) AS entities FROM incidences i JOIN batch l USING (entity)
WHERE i.kind = ? GROUP BY ALL
"""


class Side(NamedTuple):
    """The entities of one kind. places: where they stand among `Counts.entities`. degrees: families of each. sizes:
    entities of each family. chances: x and y of the model, for each entity and each family.
    """

    places: np.ndarray
    degrees: np.ndarray
    sizes: np.ndarray
    chances: tuple


class Expected(NamedTuple):
    """Of each pair, (pairs,). both: families that may have both entities. shared: those in which they share a unit;
    None where patents are the units, and these are the same.
    """

    both: np.ndarray
    shared: np.ndarray | None

    @property
    def counted(self):
        """What the families that have a pair are to be compared with."""
        return self.both if self.shared is None else self.shared


def expect_families(store, counts, unit) -> Expected:
    """The expected families of each of the pairs of `counts`. unit: of `counts.UNITS`."""
    families = store.run("SELECT count(DISTINCT family) FROM documents")[0][0]
    bursts = None if unit == "patent" else fetch(store, BURSTS)["burst"]
    both, shared = (np.zeros(len(counts.pairs["a"])) for _ in range(2))
    for kind in counts.tested:
        chosen = counts.pairs["kind"] == kind
        if chosen.any():
            sides = [describe_side(store, counts, each, families) for each in (GENE, kind)]
            rates = None if bursts is None else fit_rates(store, counts, kind, bursts, families)
            both[chosen], shared[chosen] = sum_families(counts, sides, rates, bursts, chosen)
    return Expected(both, None if bursts is None else shared)


def describe_side(store, counts, kind, families):
    places = np.flatnonzero(counts.entities["kind"] == kind)
    degrees = counts.entities["patents"][places]
    sizes = spread(fetch(store, SIZES, [kind]), "size", families)
    return Side(places, degrees, sizes, fit_degrees(degrees, sizes))


def spread(columns, name, families):
    """A column by family, 0 for families without a row."""
    values = np.zeros(families)
    values[columns["family"]] = columns[name]
    return values


def fit_degrees(rows, columns):
    """x of each row and y of each column such that sum_f x_a y_f / (1 + x_a y_f) is the row's degree, and so on.

    Equal degrees have equal values: the fixed point is sought over different degrees alone.
    """
    (n, of_row, row_counts), (g, of_column, column_counts) = (
        np.unique(np.asarray(side, float), return_inverse=True, return_counts=True) for side in (rows, columns)
    )
    x, y = (side / np.sqrt(max(np.sum(rows), 1.0)) for side in (n, g))
    for _ in range(ROUNDS):
        new_x = n / (y / (1 + np.outer(x, y)) @ column_counts)
        new_y = g / ((new_x[:, None] / (1 + np.outer(new_x, y))).T @ row_counts)
        moved = max(np.abs(new_x - x).max() / new_x.max(), np.abs(new_y - y).max() / max(new_y.max(), 1e-300))
        x, y = new_x, new_y
        if moved < CLOSE:
            break
    return x[of_row], y[of_column]


def fit_rates(store, counts, kind, bursts, families):
    """t_f of each family, (families,): such that as many of its pairs are expected to share a unit as do."""
    levels = np.round(np.log(bursts) / STEP).astype(int)
    names, level_of = np.unique(levels, return_inverse=True)
    table = pa.table({"entity": counts.entities["entity"], "level": level_of.astype(np.int32)})
    first = count_levels(store, table, GENE, families, len(names))
    second = count_levels(store, table, kind, families, len(names)) if kind != GENE else None
    wanted = spread(fetch(store, SHARING, [kind]), "pairs", families)
    products = np.exp(STEP * np.add.outer(names, names))  # (levels, levels)
    return np.concatenate([
        solve_rates(wanted[part], first[part], None if second is None else second[part], products)
        for part in (slice(start, start + FAMILY_CHUNK) for start in range(0, families, FAMILY_CHUNK))
    ])  # fmt: skip


def count_levels(store, table, kind, families, levels):
    """How many entities of each level of burst a family has, (families, levels)."""
    store.connection.register("batch", table)
    rows = fetch(store, LEVELS, [kind])
    store.connection.unregister("batch")
    counted = np.zeros((families, levels))
    counted[rows["family"], rows["level"]] = rows["entities"]
    return counted


def solve_rates(wanted, first, second, products):
    """t of some families by halving. second: None where pairs are of the same entities, each counted once."""
    pairs = np.einsum("fi,fj->fij", first, first if second is None else second)
    if second is None:
        places = np.arange(pairs.shape[1])
        pairs[:, places, places] -= first
        pairs /= 2
    low, high = np.full(len(wanted), LOWEST), np.full(len(wanted), HIGHEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        found = (pairs * -np.expm1(-np.exp(middle)[:, None, None] * products)).sum((1, 2))
        low, high = np.where(found < wanted, middle, low), np.where(found < wanted, high, middle)
    return np.where(wanted > 0, np.exp(high), 0.0)


def sum_families(counts, sides, rates, bursts, chosen):
    """sum_f P(a in f) P(b in f) of the chosen pairs, and sum_f P(a in f) P(b in f) P(they share a unit); over classes
    of families that are alike.
    """
    weights, members = class_families([side.chances[1] for side in sides], rates)
    chances = [np.zeros((len(counts.entities["entity"]), len(weights))) for _ in sides]
    for own, side in zip(chances, sides, strict=True):
        y = members(side.chances[1])
        odds = np.outer(side.chances[0], y)
        own[side.places] = odds / (1 + odds)  # (entities, classes)
    order = counts.entities["entity"]
    first, second = (np.searchsorted(order, counts.pairs[name][chosen]) for name in "ab")
    mean_rates = None if rates is None else members(rates)
    met, shared = (np.zeros(len(first)) for _ in range(2))
    for part in (slice(start, start + CHUNK) for start in range(0, len(first), CHUNK)):
        a, b = first[part], second[part]
        both = chances[0][a] * chances[1][b]
        met[part] = both @ weights
        if rates is not None:
            both *= -np.expm1(-np.outer(bursts[a] * bursts[b], mean_rates))
        shared[part] = both @ weights
    return met, shared


def class_families(sizes, rates):
    """(number of families in each class, function from a value of each family to the mean of each class).

    Each family is its own class where there are few. sizes: what ranks them, one or two arrays.
    """
    families = len(sizes[0])
    if families <= CLASSES[0] * CLASSES[1]:
        return np.ones(families), lambda values: values
    rank = np.prod([np.maximum(size, 1e-12) for size in sizes], axis=0)
    labels = cut_evenly(rank, CLASSES[0]) * CLASSES[1]
    if rates is not None:
        for label in np.unique(labels):
            own = labels == label
            labels[own] += cut_evenly(rates[own], CLASSES[1])
    names, of_family, weights = np.unique(labels, return_inverse=True, return_counts=True)
    return weights, lambda values: np.bincount(of_family, values, len(names)) / weights


def cut_evenly(values, classes):
    """The class of each value, of so many of about equal size; equal values are in one."""
    ranks = np.searchsorted(np.sort(values), values)
    return ranks * classes // len(values)
