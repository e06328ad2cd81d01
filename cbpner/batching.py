"""Sequences to batches: filled by token count from sequences of similar length, padded to the longest of the batch."""

import numpy as np
import torch
from torch.utils.data import BatchSampler

IGNORED = -100  # the label of positions that no loss and no score counts
POOL_BATCHES = 32  # how many batches' worth of sequences are sorted by length together


def fill_batches(lengths, order, budget):
    """Cut `order` (indices) into consecutive batches whose padded size, count x longest, stays within `budget` tokens.

    A sequence longer than the budget makes a batch of its own.
    """
    batches, batch, longest = [], [], 0
    for index in order:
        longest_now = max(longest, lengths[index])
        if batch and longest_now * (len(batch) + 1) > budget:
            batches.append(batch)
            batch, longest_now = [], lengths[index]
        batch.append(int(index))
        longest = longest_now
    return [*batches, batch] if batch else batches


def sorted_batches(lengths, budget):
    """Batches for evaluation: all sequences, longest first, so that memory peaks at the start."""
    return fill_batches(lengths, np.argsort(-np.asarray(lengths), kind="stable"), budget)


class TokenBudgetSampler(BatchSampler):
    """Random batches of similar length within a budget of padded tokens, the same for the same seed and epoch.

    Each epoch shuffles all sequences, sorts pools of `POOL_BATCHES` batches' worth by length, fills batches, and shuffles
    the batches. Every epoch has as many batches as the first one, as schedulers and resumed runs need (`fit_count`).
    """

    def __init__(self, lengths, budget, seed=0):
        self.lengths, self.budget, self.seed, self.epoch = np.asarray(lengths), budget, seed, 0
        self.batch_size, self.drop_last = 1, False  # what accelerate asks a batch sampler for
        self.count = len(self._draw(0))

    def set_epoch(self, epoch):
        self.epoch = epoch

    def _draw(self, epoch):
        random = np.random.default_rng((self.seed, epoch))
        order = random.permutation(len(self.lengths))
        ends = np.cumsum(self.lengths[order])
        pool = ends // (self.budget * POOL_BATCHES)
        order = order[np.lexsort((self.lengths[order], pool))]
        batches = fill_batches(self.lengths, order, self.budget)
        return [batches[number] for number in random.permutation(len(batches))]

    def __iter__(self):
        yield from fit_count(self._draw(self.epoch), self.count, self.lengths)

    def __len__(self):
        return self.count


def fit_count(batches, count, lengths):
    """Exactly `count` batches: the largest are halved while there are too few, the two smallest joined while too many."""
    def size(batch):
        return len(batch) * max(lengths[batch])

    while len(batches) < count:
        largest = max((b for b in batches if len(b) > 1), key=size)
        place, middle = batches.index(largest), len(largest) // 2
        batches[place : place + 1] = [largest[:middle], largest[middle:]]
    while len(batches) > count:
        first, second = sorted(batches, key=size)[:2]
        batches.remove(first)
        batches[batches.index(second)] = first + second
    return batches


def pad(rows, value, width=0):
    """(rows, longest) int64 tensor of integer sequences, filled up with `value`; at least `width` wide."""
    padded = np.full((len(rows), max(width, *map(len, rows))), value, dtype=np.int64)
    for line, row in zip(padded, rows, strict=True):
        line[: len(row)] = row
    return torch.from_numpy(padded)
