"""Batches filled by token count from sequences of similar length, and rows padded to one length."""

from collections.abc import Iterable, Sequence

import numpy as np


def fill_batches(lengths: Sequence[int] | np.ndarray, order: Iterable[int], budget: int) -> list[list[int]]:
    """Cut `order` (indices) into consecutive batches whose padded size, count x longest, stays within `budget` tokens.

    A sequence longer than the budget makes a batch of its own.
    """
    batches: list[list[int]] = []
    longest = 0
    for index in order:
        longest = max(longest, lengths[index])
        if not batches or longest * (len(batches[-1]) + 1) > budget:
            batches.append([])
            longest = lengths[index]
        batches[-1].append(int(index))
    return batches


def sorted_batches(lengths: Sequence[int] | np.ndarray, budget: int) -> list[list[int]]:
    """Batches for evaluation: all sequences, longest first, so that memory peaks at the start."""
    return fill_batches(lengths, np.argsort(-np.asarray(lengths), kind="stable"), budget)


def pad_rows(rows: Sequence[Sequence[int] | np.ndarray], value: int, width: int = 0) -> np.ndarray:
    """(rows, longest) int64 array of integer sequences, padded with `value`; at least `width` wide."""
    padded = np.full((len(rows), max(width, *map(len, rows))), value, dtype=np.int64)
    for line, row in zip(padded, rows, strict=True):
        line[: len(row)] = row
    return padded
