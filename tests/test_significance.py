"""Bootstrap, randomization test and Holm's correction: exact cases, planted differences, coverage on planted data."""

from itertools import product

import numpy as np
import pytest

from cbpner.scoring.significance import compare_counts, correct_holm, f1_of, find_interval, resample_counts


def draw_pair(rng, units, first, second):
    """Two systems over the same gold, each right with its own probability."""
    mentions = rng.poisson(2.0, units)
    pair = [rng.binomial(mentions, right) for right in (first, second)]
    return [np.stack([correct, correct + rng.poisson(0.8, units), mentions], axis=1) for correct in pair]


def test_f1_by_hand():
    assert f1_of([[1, 2, 3], [0, 1, 0]]) == pytest.approx([0.4, 0.0])
    assert np.isnan(f1_of([0, 0, 0]))


def test_samples_are_drawn_with_replacement_and_repeatable():
    counts = np.eye(6, dtype=int)[:, None, :] * np.array([1, 10])[:, None]  # (6, 2, 6): which unit was drawn how often
    sums = resample_counts(counts, 50, seed=3)
    assert sums.shape == (50, 2, 6)
    assert (sums[:, 0].sum(axis=1) == 6).all() and (sums[:, 1] == 10 * sums[:, 0]).all()
    assert (sums[:, 0] > 1).any() and (sums[:, 0] == 0).any()
    assert (sums == resample_counts(counts, 50, seed=3)).all()
    assert (sums != resample_counts(counts, 50, seed=4)).any()
    # every unit equally often: 6 of 6 draws in 4,000 samples
    assert resample_counts(counts, 4000)[:, 0].mean(axis=0) == pytest.approx(1.0, abs=0.06)


def test_shapes_of_samples():
    assert resample_counts(np.zeros((4, 2, 0, 3), dtype=int), 5).shape == (5, 2, 0, 3)
    sums = resample_counts(np.ones((30_000, 1), dtype=int), 150)  # in pieces
    assert (sums == 30_000).all() and sums.shape == (150, 1)
    with pytest.raises(ValueError):
        resample_counts(np.zeros((0, 3)))


def test_intervals_by_hand():
    low, high = find_interval(np.arange(101.0))
    assert (low, high) == pytest.approx((2.5, 97.5))
    low, high = find_interval(np.array([[0.0, np.nan], [1.0, np.nan], [np.nan, np.nan]]))
    assert (low[0], high[0]) == pytest.approx((0.025, 0.975)) and np.isnan([low[1], high[1]]).all()


def test_intervals_hold_the_planted_score():
    """True F1: 2 * 0.6 * 2 / (0.6 * 2 + 0.8 + 2) = 0.6. About 95 of 100 intervals must hold it."""
    rng = np.random.default_rng(0)
    held = 0
    for number in range(200):
        low, high = find_interval(f1_of(resample_counts(draw_pair(rng, 150, 0.6, 0.6)[0], 400, number)))
        held += low <= 0.6 <= high
        assert 0.04 < high - low < 0.2
    assert 180 <= held <= 198


def test_the_p_value_is_exact_where_all_swaps_can_be_taken():
    rng = np.random.default_rng(5)
    first, second = draw_pair(rng, 8, 0.4, 0.8)
    observed = abs(f1_of(first.sum(axis=0)) - f1_of(second.sum(axis=0)))
    hits = 0
    for swaps in product((False, True), repeat=8):
        mask = np.array(swaps)[:, None]
        one, other = np.where(mask, second, first), np.where(mask, first, second)
        hits += abs(f1_of(one.sum(axis=0)) - f1_of(other.sum(axis=0))) >= observed - 1e-12
    assert compare_counts(first, second) == pytest.approx(hits / 256)
    # random swaps, where all would be too many, are near it
    assert compare_counts(first, second, resamples=200, seed=1) == pytest.approx(hits / 256, abs=0.1)


def test_a_planted_difference_is_found_and_a_planted_equality_is_not():
    rng = np.random.default_rng(1)
    better = draw_pair(rng, 400, 0.7, 0.5)
    assert compare_counts(*better) < 0.001
    assert compare_counts(*better[::-1]) < 0.001
    equal = draw_pair(rng, 400, 0.6, 0.6)
    assert compare_counts(*equal) > 0.05


def test_equal_systems_are_called_different_as_rarely_as_the_level_says():
    rng = np.random.default_rng(2)
    p_values = np.array([compare_counts(*draw_pair(rng, 60, 0.6, 0.6), resamples=200, seed=n) for n in range(200)])
    assert (p_values < 0.05).sum() <= 20 and 0.4 < p_values.mean() < 0.6


def test_p_values_need_a_score():
    nothing, some = np.zeros((4, 3)), np.tile([0, 1, 0], (4, 1))
    assert np.isnan(compare_counts(nothing, nothing)) and np.isnan(compare_counts(some, nothing))
    with pytest.raises(ValueError, match="one shape"):
        compare_counts(np.zeros((4, 3)), np.zeros((5, 3)))


def test_holm_by_hand():
    # sorted 0.01, 0.02, 0.04 times 3, 2, 1; never below the one before
    assert correct_holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert correct_holm([0.01, 0.03, 0.035]) == pytest.approx([0.03, 0.06, 0.06])
    assert correct_holm([0.6, 0.7]) == pytest.approx([1.0, 1.0])
    found = correct_holm([0.01, np.nan, 0.2])
    assert found[[0, 2]] == pytest.approx([0.02, 0.2]) and np.isnan(found[1])
    assert not len(correct_holm([]))
