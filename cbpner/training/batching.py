"""Sequences to batches: filled by token count from sequences of similar length, padded to the longest of the batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader

from cbpner.text.batches import fill_batches, pad_rows

POOL_BATCHES = 128  # how many batches' worth of sequences are sorted by length together


class TokenBudgetSampler(BatchSampler):
    """Random batches of similar length within a budget of padded tokens, determined by seed and epoch.

    Each epoch shuffles the sequences, sorts pools of them by length, fills batches and shuffles those. Schedulers and
    resumed runs need the same number of batches in every epoch: pools that give more are doubled, which fills batches
    better (a single pool always gives the same number); where they give fewer the largest batches are halved.
    """

    def __init__(self, lengths: Sequence[int] | np.ndarray, budget: int, seed: int = 0):
        self.lengths, self.budget, self.seed, self.epoch = np.asarray(lengths), budget, seed, 0
        self.batch_size = None  # type: ignore[assignment]  # tells accelerate that batches differ in size
        self.drop_last = False
        order = np.random.default_rng((seed, 0)).permutation(len(self.lengths))
        self.count = max(len(self._fill(order, tokens)) for tokens in (budget * POOL_BATCHES, self.lengths.sum() + 1))

    def set_epoch(self, epoch: int):
        self.epoch = epoch

    def _fill(self, order, pool_tokens):
        """Batches from `order`, cut into pools of about `pool_tokens` tokens that are sorted by length."""
        pool = np.cumsum(self.lengths[order]) // pool_tokens
        return fill_batches(self.lengths, order[np.lexsort((self.lengths[order], pool))], self.budget)

    def __iter__(self):
        random, pool_tokens = np.random.default_rng((self.seed, self.epoch)), self.budget * POOL_BATCHES
        order = random.permutation(len(self.lengths))
        while len(batches := self._fill(order, pool_tokens)) > self.count:
            pool_tokens *= 2
        yield from fit_count([batches[number] for number in random.permutation(len(batches))], self.count, self.lengths)

    def __len__(self):
        return self.count


class GroupedSampler(TokenBudgetSampler):
    """Random batches of `size` sequences of similar length, determined by seed and epoch."""

    def _fill(self, order, pool_tokens):
        pool = np.arange(len(order)) // (self.budget * POOL_BATCHES)
        return cut_batches(order[np.lexsort((self.lengths[order], pool))].tolist(), self.budget)


class SizedSampler(GroupedSampler):
    """Random batches of `size` sequences of any length, determined by seed and epoch."""

    def __iter__(self):
        order = np.random.default_rng((self.seed, self.epoch)).permutation(len(self.lengths))
        return iter(cut_batches(order.tolist(), self.budget))


def cut_batches(order: list[int], size: int) -> list[list[int]]:
    return [order[start : start + size] for start in range(0, len(order), size)]


def fit_count(batches: list[list[int]], count: int, lengths: np.ndarray) -> list[list[int]]:
    """`count` batches: the largest of fewer ones are halved."""
    while len(batches) < count:
        largest = max((b for b in batches if len(b) > 1), key=lambda batch: len(batch) * max(lengths[batch]))
        place, middle = batches.index(largest), len(largest) // 2
        batches[place : place + 1] = [largest[:middle], largest[middle:]]
    return batches


class SharedSampler(BatchSampler):
    """The part of each batch that is this process's: every so-many-th sequence, or -1 where there is none."""

    def __init__(self, batch_sampler: BatchSampler, rank: int, processes: int):
        self.batch_sampler, self.rank, self.processes = batch_sampler, rank, processes  # the Trainer sets its epoch

    def __iter__(self):
        return (batch[self.rank :: self.processes] or [-1] for batch in self.batch_sampler)

    def __len__(self):
        return len(self.batch_sampler)


def load_batches(trainer: Any, sampler: BatchSampler, examples: Any) -> DataLoader:
    """A Trainer's examples, at -1 one without a target, in batches that processes share: a step is that of one."""
    args = trainer.args
    options = {"num_workers": args.dataloader_num_workers, "pin_memory": args.dataloader_pin_memory}
    if args.world_size > 1:
        sampler = SharedSampler(sampler, args.process_index, args.world_size)
    loader = DataLoader(examples, batch_sampler=sampler, collate_fn=trainer.data_collator, **options)
    return loader if args.world_size > 1 else trainer.accelerator.prepare(loader)


def pad(rows: Sequence[Sequence[int] | np.ndarray], value: int, width: int = 0):
    """`cbpner.text.batches.pad_rows` as a tensor."""
    return torch.from_numpy(pad_rows(rows, value, width))
