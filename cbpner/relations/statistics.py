"""Statistics of pairs, each a function of counts. Arrays in, arrays out."""

import numpy as np
from scipy.stats import hypergeom


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
    """
    places = np.maximum(places, np.maximum(first, second))
    return np.clip(hypergeom.sf(np.asarray(shared) - 1, places, first, second), 0.0, 1.0)


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
