"""How far a score would move with another draw of the texts, and whether two systems differ by more than chance.

Everything starts from counts: a row a unit (a sentence or a patent), correct, predicted and gold spans in the last
axis. F1 is computed from sums of them, never averaged over units.

* `resample_counts`: the bootstrap (Efron and Tibshirani, 1993): as many units as there are, drawn with replacement.
* `compare_counts`: paired approximate randomization (Noreen, 1989; Yeh, COLING 2000): were the systems the same, it
  would not matter which of them said what on a unit.
* `correct_holm`: Holm's step-down correction for several comparisons (1979).
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

RESAMPLES = 10_000
CHUNK = 2**21  # drawn places at a time: some 60 MB
TOLERANCE = 1e-12  # two ways to add up the same F1 differ by less


def resample_counts(counts: ArrayLike, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """The summed counts, float64 (resamples, ...), of bootstrap samples of units; counts: (units, ...), whole numbers.

    The same seed and number of units draw the same samples, so that what is resampled in two calls is paired.
    """
    table = np.asarray(counts)
    units, columns = len(table), math.prod(table.shape[1:])
    if not units or resamples < 1:
        raise ValueError(f"expected at least one unit and one resample, got {units} and {resamples}")
    flat = table.reshape(units, columns).astype(np.float32)  # sums below 2**24 are exact
    rng, sums = np.random.default_rng(seed), np.empty((resamples, columns))
    size = max(1, CHUNK // units)
    for start in range(0, resamples, size):
        drawn = rng.integers(units, size=(min(size, resamples - start), units))  # (chunk, units)
        cells = drawn + units * np.arange(len(drawn))[:, None]
        weights = np.bincount(cells.ravel(), minlength=cells.size).reshape(cells.shape)
        sums[start : start + len(drawn)] = weights.astype(np.float32) @ flat
    return sums.reshape(resamples, *table.shape[1:])


def f1_of(counts: ArrayLike) -> np.ndarray:
    """F1 of counts (..., 3); NaN where nothing is predicted and there is no gold."""
    table = np.asarray(counts, dtype=float)
    total = table[..., 1] + table[..., 2]
    f1: np.ndarray = np.divide(2 * table[..., 0], total, out=np.full(total.shape, np.nan), where=total > 0)
    return f1


def find_interval(values: ArrayLike, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """(low, high): the percentile interval over the first axis of values (resamples, ...); NaN is left out."""
    table = np.asarray(values, dtype=float)
    empty = np.isnan(table).all(axis=0)
    low, high = np.nanquantile(np.where(empty, 0.0, table), [(1 - level) / 2, (1 + level) / 2], axis=0)
    return np.where(empty, np.nan, low), np.where(empty, np.nan, high)


def compare_counts(first: ArrayLike, second: ArrayLike, resamples: int = RESAMPLES, seed: int = 0) -> float:
    """The p-value, two-sided, of the difference in F1 of two systems over the same units.

    first, second: (units, 3). On each unit the two systems' counts are swapped or not; p is how often that makes a
    difference at least as large as the one found, (1 + hits) / (1 + resamples). Where all ways to swap are no more
    than `resamples`, each is taken once, and p is exact. NaN where either F1 is undefined or there is no gold.
    """
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if one.shape != other.shape or one.shape[1:] != (3,):
        raise ValueError(f"expected counts of one shape (units, 3), got {one.shape} and {other.shape}")
    sums = one.sum(axis=0), other.sum(axis=0)
    observed = abs(f1_of(sums[0]) - f1_of(sums[1]))
    if np.isnan(observed) or not sums[0][2]:
        return float("nan")
    moves = other - one
    moves = moves[moves.any(axis=1)]  # (units where they differ, 3)
    hits = total = 0
    for swaps in _draw_swaps(len(moves), resamples, seed):
        shift = swaps @ moves  # (chunk, 3)
        hits += int((abs(f1_of(sums[0] + shift) - f1_of(sums[1] - shift)) >= observed - TOLERANCE).sum())
        total += len(swaps)
    return hits / total if _is_enumerable(len(moves), resamples) else (hits + 1) / (total + 1)


def correct_holm(p_values: ArrayLike) -> np.ndarray:
    """Holm's corrected p-values, in the order given; NaN stays, and counts as no comparison."""
    values = np.asarray(p_values, dtype=float)
    corrected = np.full(values.shape, np.nan)
    order = np.argsort(values, kind="stable")[: np.count_nonzero(~np.isnan(values))]  # NaN is last
    corrected[order] = np.maximum.accumulate(np.minimum(1.0, values[order] * np.arange(len(order), 0, -1)))
    return corrected


def _is_enumerable(units: int, resamples: int) -> bool:
    return units < 63 and 2**units <= resamples


def _draw_swaps(units: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield arrays (chunk, units) of 0 and 1: all ways to swap where they are few, else random ones."""
    if _is_enumerable(units, resamples):
        yield (np.arange(2**units)[:, None] >> np.arange(units) & 1).astype(float)
        return
    rng, size = np.random.default_rng(seed), max(1, CHUNK // units)
    for start in range(0, resamples, size):
        count = min(size, resamples - start)
        packed = rng.integers(256, size=(count, -(-units // 8)), dtype=np.uint8)
        yield np.unpackbits(packed, axis=1)[:, :units].astype(float)
