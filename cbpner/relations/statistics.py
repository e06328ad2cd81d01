"""Statistics of pairs, each a function of counts. Arrays in, arrays out."""

import numpy as np
from scipy.special import betaln

TINY = 1e-17  # of a sum, what no longer counts


def expect_units(units_a, units_b, total):
    """Units that two entities share if each is spread over the units at random: n_a n_b / N."""
    return np.asarray(units_a, float) * units_b / total


def measure_npmi(shared, units_a, units_b, total):
    """Normalised pointwise mutual information, -1 to 1: ln(p_ab / (p_a p_b)) / -ln p_ab (Bouma 2009).

    1: never apart; 0: as often as by chance; -1: never together. 1 too where both are in every unit.
    """
    together = np.asarray(shared, float) / total
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log(together / expect_units(units_a, units_b, total) * total) / -np.log(together)
    return np.where(together == 0, -1.0, np.where(together >= 1, 1.0, value))


def measure_p(shared, first, second, places):
    """P(at least `shared`) where `first` and `second` of so many places are drawn at random: the hypergeometric tail,
    which is the one-sided Fisher's exact test.

    places: need not be whole; never fewer than are drawn. (scipy's tail is exact too, but counts up to `places`, which
    are thousands of millions for rare genes.)
    """
    k, n, m = (np.atleast_1d(np.asarray(each, float)).copy() for each in (shared, first, second))
    places = np.maximum(np.asarray(places, float), np.maximum(n, m))
    is_sure = k <= np.maximum(n + m - places, 0)
    start = count_ways(n, k) + count_ways(places - n, m - k) - count_ways(places, m)  # ln P(exactly `shared`)
    term, total, active = np.ones(len(k)), np.ones(len(k)), ~is_sure
    while active.any():
        own = (each[active] for each in (k, n, m, places))
        with np.errstate(over="ignore"):  # far below the mode, where p is 1
            term[active] *= step_up(*own)
            total[active] += term[active]
        k[active] += 1
        active &= term > TINY * total
    return np.where(is_sure, 1.0, np.clip(np.exp(start + np.log(total)), np.finfo(float).tiny, 1.0))


def step_up(k, n, m, places):
    """P(exactly k + 1) / P(exactly k)."""
    return (n - k) * (m - k) / ((k + 1) * np.maximum(places - n - m + k + 1, 1e-9))


def count_ways(n, k):
    """ln C(n, k), also of numbers that are not whole."""
    return -np.log1p(n) - betaln(n - k + 1, k + 1)


def adjust_p(p, tested=None):
    """Benjamini-Hochberg q of p-values, in their order. tested: how many tests there were, the others' p being 1."""
    p = np.asarray(p, float)
    if not len(p):
        return p
    order = np.argsort(p, kind="stable")
    ranked = p[order] * (tested or len(p)) / np.arange(1, len(p) + 1)
    q = np.empty_like(p)
    q[order] = np.minimum(np.minimum.accumulate(ranked[::-1])[::-1], 1.0)
    return q
