"""Statistics of pairs, each a function of counts. Arrays in, arrays out."""

import numpy as np
from scipy.special import betainc, betaln

TINY = 1e-17  # of a sum, what no longer counts
FAR = 10  # standard deviations below the mean, where a sum may begin
BIG = 1e200  # of a sum that is made smaller before it overflows


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


def measure_thinned_p(shared, first, second, both, expected):
    """P(at least `shared`) where `first` and `second` of some places are drawn at random and meet in `both` of them on
    average, and of the places where they meet each counts by a chance, `expected` of them on average.

    A hypergeometric number of meetings, thinned: sum over o of P(o meetings) P(at least `shared` of o count). Its
    variance is about E (1 - E / n), that of the hypergeometric with the same mean E less: E (1 - E / n)^2.
    """
    given = (np.atleast_1d(np.asarray(each, float)) for each in (shared, first, second, both, expected))
    k, n, m, both, expected = np.broadcast_arrays(*given)
    is_sure, k = k <= 0, np.maximum(k, 1.0)
    places = np.maximum(np.floor(n * m / both * (1 + 1e-9)), np.maximum(n, m))  # whole: chances add up to 1
    share = np.clip(expected * places / (n * m), np.finfo(float).tiny, 1.0)
    spread = np.sqrt(n * m / places * (1 - n / places) * (1 - m / places)) + 1
    low = np.maximum.reduce([k, n + m - places, np.floor(n * m / places - FAR * spread)])
    low = np.minimum(low, np.maximum(np.minimum(n, m), k))
    start = count_ways(n, low) + count_ways(places - n, m - low) - count_ways(places, m)  # ln P(`low` meetings)
    with np.errstate(divide="ignore", over="ignore"):  # of what underflows: p is the least number there is
        reached = np.where(low == k, k * np.log(share), np.log(betainc(k, low - k + 1, share)))
        more = count_ways(low, k - 1) + k * np.log(share) + (low - k + 1) * np.log1p(-share)
        more = np.exp(more - np.where(np.isfinite(reached), reached, -np.inf))
    total = sum_thinned(low, (k, n, m, places, share), more)
    return np.where(is_sure, 1.0, np.clip(np.exp(start + reached + total), np.finfo(float).tiny, 1.0))


def sum_thinned(meetings, given, more):
    """ln of the sum over o from `meetings` of P(o) P(at least k of o count), as a multiple of its first term.

    given: k, n, m, places, share. more: what P(at least k count) gains by one meeting more, as a multiple of its first.
    The terms rise to one highest and fall behind it: the sum is over where they no longer count.
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
        active = active[taken[active] > TINY * total[active]]
    return np.log(total) + lost


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
