"""Batches by token count: nothing lost, the budget kept, the same number each epoch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cbpner.models.loss import IGNORED
from cbpner.text.batches import fill_batches
from cbpner.training.batching import GroupedSampler, TokenBudgetSampler, pad


def padded_size(batch, lengths):
    return len(batch) * max(lengths[index] for index in batch)


def draw(sampler, epoch):
    sampler.set_epoch(epoch)
    return list(sampler)


def sentence_lengths(count, seed=0):
    """Lengths as those of patent sentences: most of them short, a few cut at 500 characters; with [CLS] and [SEP]."""
    random = np.random.default_rng(seed)
    return np.clip(random.lognormal(4.3, 1.0, count), 1, 500).astype(int) + 2


def test_batches_are_filled_in_order_and_up_to_the_budget():
    lengths = [3, 4, 2, 9, 1, 1, 1, 12, 1]
    assert fill_batches(lengths, range(9), 8) == [[0, 1], [2], [3], [4, 5, 6], [7], [8]]
    assert fill_batches(lengths, [3, 0], 18) == [[3, 0]] and fill_batches(lengths, [], 18) == []


@settings(max_examples=30)
@given(lengths=st.lists(st.one_of(st.integers(1, 12), st.integers(1, 90)), min_size=1, max_size=150),
       budget=st.integers(1, 64), seed=st.integers(0, 3))  # fmt: skip
def test_every_sequence_once_within_the_budget(lengths, budget, seed):
    sampler = TokenBudgetSampler(lengths, budget, seed)
    for epoch in range(4):
        batches = draw(sampler, epoch)
        assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
        assert all(batches) and len(batches) == len(sampler)
        assert all(len(batch) == 1 or padded_size(batch, lengths) <= budget for batch in batches)


@pytest.mark.parametrize("kind, size", [(TokenBudgetSampler, 1024), (GroupedSampler, 8)])
def test_the_seed_and_the_epoch_decide(kind, size):
    lengths = sentence_lengths(300)
    one, two = kind(lengths, size, seed=3), kind(lengths, size, seed=3)
    assert draw(one, 2) == draw(two, 2) == draw(one, 2) != draw(one, 1)
    assert draw(one, 2) != draw(kind(lengths, size, seed=4), 2)
    assert draw(one, 0) == list(kind(lengths, size, seed=3))


@pytest.mark.parametrize("count", [1, 7, 8, 700])
def test_grouped_batches_hold_every_sequence_once_at_the_given_size(count):
    lengths = sentence_lengths(count)
    batches = draw(GroupedSampler(lengths, 8, seed=3), 1)
    assert sorted(index for batch in batches for index in batch) == list(range(count))
    assert sorted(map(len, batches), reverse=True)[:-1] == [8] * (len(GroupedSampler(lengths, 8)) - 1)
    assert count < 700 or sum(padded_size(batch, lengths) for batch in batches) < 1.2 * lengths.sum()


def test_rows_are_padded_to_the_longest():
    padded = pad([np.array([1, 2, 3], dtype=np.int32), [4]], IGNORED)
    assert padded.dtype == torch.int64 and padded.tolist() == [[1, 2, 3], [4, IGNORED, IGNORED]]
    assert pad([[1]], 0, width=3).tolist() == [[1, 0, 0]] and pad([[1, 2]], 0, width=1).tolist() == [[1, 2]]
