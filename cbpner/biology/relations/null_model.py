"""The null model: in how many patent families two entities would share a unit if they were independent.

Sentences of one patent are no independent draws: a patent on HER2 says HER2 in every other sentence. The null model
therefore exchanges entities between patent families. It keeps

- in how many families each entity is, and how many entities each family has. Entity a is in family f with probability
  x_a y_f / (1 + x_a y_f), with x and y such that all these numbers are met on average: the maximum-entropy model of a
  bipartite network with given degrees (Saracco et al. 2017, New Journal of Physics 19, 053022);
- how often an entity recurs within a family, compared to the others there (its burst, b_a);
- how many pairs of a family share a unit: two entities in family f do so with probability 1 - exp(-b_a b_b t_f), with
  t_f such that as many pairs do as were counted. With patents as units all do.

A pair's expected families are the sum over f of P(both are in f and share a unit). p is the tail of a thinned
hypergeometric distribution: n_a and n_b families are drawn among n_a n_b / (sum over f of P(both are in f)) places, and
of the families that are drawn twice each counts with one probability, such that the mean is the expected families. With
patents as units all count, and p is the hypergeometric tail; if all families have equally many entities too, it is
Fisher's exact test over families. A family counts once, however often it mentions the pair.

p is an approximation: if what makes patents long does not do so for all genes alike, for example if each gene is in
nearly all patents above a length of its own, p of common pairs is too small (`benchmarks/relations_null.py`).
"""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from cbpner.base.store import Store
from cbpner.biology.relations.counts import Counts, fetch_columns
from cbpner.biology.relations.occurrences import GENE, SQL

CLASSES = (24, 12)  # of families: by how many entities they have, then by how often these share units
ROUNDS, CLOSE = 2000, 1e-9
CHUNK = 1 << 14  # pairs at once
FAMILY_CHUNK = 512
STEP = 0.25  # between levels of ln(burst)
Arrays = tuple[np.ndarray, np.ndarray]
BISECTIONS, LOWEST, HIGHEST = 40, -16.0, 10.0  # of the interval of ln t_f

SIZES = "SELECT family, count(DISTINCT entity) AS size FROM incidences WHERE kind = ? GROUP BY family"
SHARING = "SELECT family, count(*) AS pairs FROM pair_families WHERE kind = ? GROUP BY family"


def expect_families(store: Store, counts: Counts, unit: str) -> Arrays:
    """The expected families that have both entities of each of `counts.pairs`, and in which they also share a unit.

    With `unit` patent these are the same.
    """
    families = store.run("SELECT count(DISTINCT family) FROM documents")[0][0]
    entities = len(counts.entities["entity"])
    bursts = np.ones(entities) if unit == "patent" else fetch_columns(store, SQL["bursts"])["burst"]
    seen: set[int] = set(counts.pairs["kind"].tolist())
    sides: dict[int, Arrays] = {}
    for kind in {GENE, *seen} if seen else ():
        rows = fetch_columns(store, SIZES, [kind])
        degrees = np.where(counts.entities["kind"] == kind, counts.entities["patents"], 0)
        sides[kind] = fit_degrees(degrees, np.bincount(rows["family"], rows["size"], families))
    both, shared = (np.zeros(len(counts.pairs["a"])) for _ in range(2))
    for kind in seen:
        rates = np.full(families, np.inf) if unit == "patent" else fit_rates(store, counts, kind, bursts, families)
        chosen = counts.pairs["kind"] == kind
        both[chosen], shared[chosen] = sum_families(counts, (sides[GENE], sides[kind]), rates, bursts, chosen)
    return both, shared


def fit_degrees(rows: ArrayLike, columns: ArrayLike) -> Arrays:
    """(x of each row, y of each column) such that the sums of x_a y_f / (1 + x_a y_f) are the given degrees."""
    (n, of_row, row_counts), (g, of_column, column_counts) = (
        np.unique(np.asarray(side, float), return_inverse=True, return_counts=True) for side in (rows, columns)
    )
    x, y = (side / np.sqrt(max(np.sum(rows), 1.0)) for side in (n, g))  # of distinct degrees: equal ones share a value
    for _ in range(ROUNDS):
        new_x = n / (y / (1 + np.outer(x, y)) @ column_counts)
        new_y = g / ((new_x[:, None] / (1 + np.outer(new_x, y))).T @ row_counts)
        moved = max(np.abs(new_x - x).max() / new_x.max(), np.abs(new_y - y).max() / max(new_y.max(), 1e-300))
        x, y = new_x, new_y
        if moved < CLOSE:
            break
    return x[of_row], y[of_column]


def fit_rates(store: Store, counts: Counts, kind: int, bursts: np.ndarray, families: int) -> np.ndarray:
    """t_f of each family, (families,), such that as many of its pairs are expected to share a unit as do."""
    names, level_of = np.unique(np.round(np.log(bursts) / STEP).astype(int), return_inverse=True)
    table = pa.table({"entity": counts.entities["entity"], "level": level_of.astype(np.int32)})
    sides = []
    for each in (GENE, kind):
        family, level, entities = np.array(store.run_on(table, SQL["levels"], [each])).reshape(-1, 3).T
        sides.append(np.zeros((families, len(names))))  # the number of entities of each level in each family
        sides[-1][family, level] = entities
    rows = fetch_columns(store, SHARING, [kind])
    wanted = np.bincount(rows["family"], rows["pairs"], families)
    products = np.exp(STEP * np.add.outer(names, names))  # (levels, levels)
    return np.concatenate([
        solve_rates(wanted[part], sides[0][part], sides[1][part] if kind != GENE else None, products)
        for part in (slice(start, start + FAMILY_CHUNK) for start in range(0, families, FAMILY_CHUNK))
    ])  # fmt: skip


def solve_rates(wanted: np.ndarray, first: np.ndarray, second: np.ndarray | None, products: np.ndarray) -> np.ndarray:
    """Find t of some families, (families,), by bisection, such that `wanted` pairs share a unit.

    `first` and `second` count the entities of each side, (families, levels); `second` is None for pairs within one.
    `products` is b_a b_b of levels, (levels, levels).
    """
    pairs = np.einsum("fi,fj->fij", first, first if second is None else second)
    if second is None:
        places = np.arange(pairs.shape[1])
        pairs[:, places, places] -= first
        pairs /= 2
    low, high = np.full(len(wanted), LOWEST), np.full(len(wanted), HIGHEST)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        found = (pairs * -np.expm1(-np.exp(middle)[:, None, None] * products)).sum((1, 2))
        low, high = np.where(found < wanted, middle, low), np.where(found < wanted, high, middle)
    return np.where(wanted > 0, np.exp(high), 0.0)


def sum_families(
    counts: Counts, sides: Sequence[Arrays], rates: np.ndarray, bursts: np.ndarray, chosen: np.ndarray
) -> Arrays:
    """(sum_f P(both in f), sum_f P(both share a unit in f)) of the chosen pairs, over classes of similar families."""
    weights, average = group_families(np.maximum(sides[0][1], 1e-12) * np.maximum(sides[1][1], 1e-12), rates)
    probabilities = [odds / (1 + odds) for odds in (np.outer(x, average(y)) for x, y in sides)]  # (entities, classes)
    mean_rates = average(rates)
    first, second = (np.searchsorted(counts.entities["entity"], counts.pairs[name][chosen]) for name in "ab")
    met, shared = (np.zeros(len(first)) for _ in range(2))
    for part in (slice(start, start + CHUNK) for start in range(0, len(first), CHUNK)):
        a, b = first[part], second[part]
        both = probabilities[0][a] * probabilities[1][b]
        met[part] = both @ weights
        shared[part] = (both * -np.expm1(-np.outer(bursts[a] * bursts[b], mean_rates))) @ weights
    return met, shared


def group_families(sizes: np.ndarray, rates: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Group families by size, then by rate, unless there are few.

    Returns the number in each class, (classes,), and a function from (families,) values to class means.
    """
    if len(sizes) <= CLASSES[0] * CLASSES[1]:
        return np.ones(len(sizes)), lambda values: values
    labels = cut_evenly(sizes, CLASSES[0]) * CLASSES[1]
    for label in np.unique(labels):
        own = labels == label
        labels[own] += cut_evenly(rates[own], CLASSES[1])
    names, of_family, weights = np.unique(labels, return_inverse=True, return_counts=True)
    return weights, lambda values: np.bincount(of_family, values, len(names)) / weights


def cut_evenly(values: np.ndarray, classes: int) -> np.ndarray:
    """The class of each value, of `classes` classes of about equal size; equal values share a class."""
    return np.searchsorted(np.sort(values), values) * classes // len(values)
