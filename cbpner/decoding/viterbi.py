"""The best tag sequences under the grammar's moves, or a CRF's."""

from collections.abc import Sequence

import numpy as np

from cbpner.text.batches import sorted_batches

FORBIDDEN = -1e4  # the score of a move that the grammar forbids: finite, so that gradients are; exp() of it is 0


def viterbi(scores: Sequence[np.ndarray], moves: np.ndarray, end: np.ndarray, cells: int = 1 << 17) -> list[np.ndarray]:
    """The best tag numbers of each sequence, int64, in batches of some `cells` padded characters.

    scores: (characters, labels) float32 of each sequence, of any length. moves, end: as in a `Chain`.
    """
    moves, end = moves.astype(np.float32), end.astype(np.float32)
    paths = [np.empty(0, dtype=np.int64)] * len(scores)
    numbers = [number for number, row in enumerate(scores) if len(row)]
    for batch in sorted_batches([len(scores[number]) for number in numbers], cells):
        chosen = [numbers[place] for place in batch]
        lengths = np.array([len(scores[index]) for index in chosen])
        bests = np.zeros((lengths.max(), len(end), len(chosen)), dtype=np.float32)  # few labels, many sequences
        for number, index in enumerate(chosen):
            bests[: lengths[number], :, number] = scores[index]
        _add_best_moves(bests, moves)
        path = _trace_back(bests, lengths, moves[:-1], end)
        for number, index in enumerate(chosen):
            paths[index] = path[: lengths[number], number]
    return paths


def cut_path(path: np.ndarray) -> list[tuple[int, int, int]]:
    """[(start, end, number of its `B-`), ...] of tag numbers, by the lenient rule of `tags_to_spans`."""
    types, breaks = (path + 1) // 2, path == 0
    before = np.concatenate(([0], types[:-1]))
    starts = ~breaks & ((path % 2 == 1) | (types != before))
    borders = np.append(np.flatnonzero(starts | breaks), len(path))
    firsts = np.flatnonzero(starts)
    ends = borders[np.searchsorted(borders, firsts, side="right")]
    return list(zip(firsts.tolist(), ends.tolist(), (2 * types[firsts] - 1).tolist(), strict=True))


def _add_best_moves(bests: np.ndarray, moves: np.ndarray) -> None:
    """Turn scores (time, labels, sequences), in place, into the best sums up to each position and tag."""
    inner, candidates = moves[:-1, :, None], np.empty((*moves[:-1].shape, bests.shape[2]), dtype=np.float32)
    bests[0] += moves[-1][:, None]
    for number in range(1, len(bests)):
        np.add(bests[number - 1][:, None], inner, out=candidates)
        bests[number] += candidates.max(axis=0)
        if number % 32 == 1:
            bests[number] -= bests[number].max(axis=0)  # no sum grows: float32 is as exact at the end of a long text


def _trace_back(bests: np.ndarray, lengths: np.ndarray, moves: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(time, sequences) tags; behind a sequence's end its last tag repeats."""
    path = np.empty((len(bests), len(lengths)), dtype=np.int64)
    last = bests[np.maximum(lengths - 1, 0), :, np.arange(len(lengths))]  # (sequences, labels)
    path[-1] = (last + end).argmax(axis=1)
    for time in range(len(bests) - 1, 0, -1):
        before = (bests[time - 1] + moves[:, path[time]]).argmax(axis=0)
        path[time - 1] = np.where(time < lengths, before, path[time])
    return path
