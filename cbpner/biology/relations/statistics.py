"""Statistics of pairs, each a function of counts: arrays in, arrays out, (pairs,)."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, betaln

TINY = 1e-17  # share of a sum that a term may be ignored at
FAR = 10  # standard deviations below the mean, from where a sum may begin
BIG = 1e200  # above it a sum is scaled down before it overflows


def expect_units(units_a: ArrayLike, units_b: ArrayLike, total: int) -> np.ndarray:
    """The units that two entities share if each is spread over the units at random: n_a n_b / N."""
    return np.asarray(units_a, float) * units_b / total


def compute_npmi(shared: ArrayLike, units_a: ArrayLike, units_b: ArrayLike, total: int) -> np.ndarray:
    """Normalized pointwise mutual information, -1 to 1: ln(p_ab / (p_a p_b)) / -ln p_ab (Bouma 2009).

    1: only together, or both in every unit; 0: independent; -1: never together.
    """
    together = np.asarray(shared, float) / total
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log(together / expect_units(units_a, units_b, total) * total) / -np.log(together)
    return np.where(together == 0, -1.0, np.where(together >= 1, 1.0, value))


def compute_p(shared: ArrayLike, first: ArrayLike, second: ArrayLike, places: ArrayLike) -> np.ndarray:
    """P(at least `shared`) if `first` and `second` of the places are drawn at random: one-sided Fisher's exact test.

    `places` need not be whole; at least as many as are drawn are taken. scipy's hypergeometric tail takes time in
    proportion to them, and for rare genes they are thousands of millions.
    """
    k, n, m = (np.atleast_1d(np.asarray(each, float)) for each in (shared, first, second))
    population = np.maximum(np.asarray(places, float), np.maximum(n, m))
    is_sure = k <= np.maximum(n + m - population, 0)
    start = log_binomial(n, k) + log_binomial(population - n, m - k) - log_binomial(population, m)  # ln P(shared)
    share, more = np.ones(len(k)), np.where(is_sure, np.inf, 0.0)  # each place where they meet counts
    total = sum_thinned(k, (k, n, m, population, share), more)
    return np.where(is_sure, 1.0, np.clip(np.exp(start + total), np.finfo(float).tiny, 1.0))


def compute_thinned_p(
    shared: ArrayLike, first: ArrayLike, second: ArrayLike, both: ArrayLike, expected: ArrayLike
) -> np.ndarray:
    """P(at least `shared`) of a thinned hypergeometric distribution.

    `first` and `second` of some places are drawn at random and meet in `both` of them on average; each place where they
    meet counts with one probability, `expected` of them on average. This is the sum over o of P(o meetings) P(at least
    `shared` of o count). Its variance is about E (1 - E / n), that of the hypergeometric with mean E only
    E (1 - E / n)^2.
    """
    given = (np.atleast_1d(np.asarray(each, float)) for each in (shared, first, second, both, expected))
    k, n, m, both, expected = np.broadcast_arrays(*given)
    is_sure, k = k <= 0, np.maximum(k, 1.0)
    places = np.maximum(np.floor(n * m / both * (1 + 1e-9)), np.maximum(n, m))  # whole: P adds up to 1
    share = np.clip(expected * places / (n * m), np.finfo(float).tiny, 1.0)
    spread = np.sqrt(n * m / places * (1 - n / places) * (1 - m / places)) + 1
    low = np.maximum.reduce([k, n + m - places, np.floor(n * m / places - FAR * spread)])
    low = np.minimum(low, np.maximum(np.minimum(n, m), k))
    start = log_binomial(n, low) + log_binomial(places - n, m - low) - log_binomial(places, m)  # ln P(`low` meetings)
    with np.errstate(divide="ignore", over="ignore"):  # underflow: p is the least number there is
        reached = np.where(low == k, k * np.log(share), np.log(betainc(k, low - k + 1, share)))
        more = log_binomial(low, k - 1) + k * np.log(share) + (low - k + 1) * np.log1p(-share)
        more = np.exp(more - np.where(np.isfinite(reached), reached, -np.inf))
    total = sum_thinned(low, (k, n, m, places, share), more)
    return np.where(is_sure, 1.0, np.clip(np.exp(start + reached + total), np.finfo(float).tiny, 1.0))


def sum_thinned(meetings: np.ndarray, given: tuple[np.ndarray, ...], more: np.ndarray) -> np.ndarray:
    """ln of the sum over o >= `meetings` of P(o) P(at least k of o count), as a multiple of its first term.

    `given` is (k, n, m, places, share); `more` is what P(at least k count) gains by one more meeting, likewise.
    """
    meetings, more = meetings.copy(), more.copy()
    term, reached, total, taken = (np.ones(len(meetings)) for _ in range(4))
    active, lost = np.flatnonzero(np.isfinite(more)), np.zeros(len(meetings))
    while len(active):
        k, n, m, places, share = (each[active] for each in given)
        o = meetings[active]
        term[active] *= step_up(o, n, m, places)
        reached[active] += more[active]
        more[active] *= (o + 1) / (o + 2 - k) * (1 - share)
        meetings[active] = o + 1
        taken[active] = term[active] * reached[active]
        total[active] += taken[active]
        over = active[total[active] > BIG]
        if len(over):
            lost[over] += np.log(BIG)
            term[over], total[over], taken[over] = term[over] / BIG, total[over] / BIG, taken[over] / BIG
        active = active[taken[active] > TINY * total[active]]  # the terms rise to a maximum and fall after it
    return np.log(total) + lost


def step_up(k: np.ndarray, n: np.ndarray, m: np.ndarray, places: np.ndarray) -> np.ndarray:
    """P(exactly k + 1) / P(exactly k)."""
    return (n - k) * (m - k) / ((k + 1) * np.maximum(places - n - m + k + 1, 1e-9))


def log_binomial(n: np.ndarray, k: np.ndarray) -> np.ndarray:
    """ln C(n, k), also of numbers that are not whole."""
    return -np.log1p(n) - betaln(n - k + 1, k + 1)


def adjust_p(p_values: ArrayLike, tested: int | None = None) -> np.ndarray:
    """Benjamini-Hochberg q of p-values. tested: the number of tests, the others having a p of 1."""
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * (tested or len(p)) / np.arange(1, len(p) + 1)
    return np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)[np.argsort(order)]
