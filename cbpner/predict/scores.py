"""How likely a span is: its share of all tag sequences, under the CRF or under the grammar alone.

The probability that a span of a label begins at one character and ends before another is the sum over all legal
sequences that say so, over the sum of all (the partition function). The first is the forward sum up to the span, the
one path through it, and the backward sum behind it, where the span may not go on. A linear head is the same with moves
that cost nothing: independent characters, under the condition that the sequence is legal.
"""

from typing import NamedTuple

import numpy as np

from cbpner.batching import fill_batches

BATCH_CELLS = 1 << 16  # padded characters whose sums are in memory together


class Chain(NamedTuple):
    """Scores of moves. moves: (labels + 1, labels) float, [previous][next], the sentence's start as the last row,
    FORBIDDEN for what the grammar does not allow. end: (labels,) of ending with a tag.
    """

    moves: np.ndarray
    end: np.ndarray


def score_spans(scores, spans, chain, temperature=1.0) -> list[np.ndarray]:
    """The probability of each span of each sentence, float64.

    scores: list of (characters, labels) arrays, each position up to a constant. spans: for each sentence the
    (start, end, number of the tag `B-`) of its spans, each with the tag `I-` one higher. temperature: all scores are
    divided by it.
    """
    chain = Chain(*(np.asarray(part, dtype=np.float64) / temperature for part in chain))
    found = [np.zeros(len(each)) for each in spans]
    lengths = [len(row) for row in scores]
    order = sorted((i for i in range(len(scores)) if len(spans[i])), key=lambda i: lengths[i])
    for batch in fill_batches(lengths, order, BATCH_CELLS):
        values = score_batch([scores[i] / temperature for i in batch], [spans[i] for i in batch], chain)
        cuts = np.cumsum([len(spans[i]) for i in batch])[:-1]
        for i, part in zip(batch, np.split(values, cuts), strict=True):
            found[i] = part
    return found


def score_batch(scores, spans, chain):
    """(all spans,) probabilities, sentence after sentence."""
    lengths = np.array([len(row) for row in scores])
    steps = np.zeros((lengths.max(), len(scores), chain.moves.shape[1]))  # (time, batch, labels)
    for number, row in enumerate(scores):
        steps[: len(row), number] = row
    forward, backward = sum_forward(steps, chain), sum_backward(steps, lengths, chain)
    row = np.repeat(np.arange(len(scores)), [len(each) for each in spans])
    start, end, begin = np.concatenate([np.asarray(each, dtype=np.int64).reshape(-1, 3) for each in spans]).T
    inside, is_long, n = begin + 1, end - start > 1, lengths[row]

    sums = np.concatenate((np.zeros((1, *steps.shape[1:])), steps.cumsum(axis=0)))  # of the steps before a position
    within = sums[end, row, inside] - sums[start + 1, row, inside]
    within += chain.moves[begin, inside] + np.maximum(end - start - 2, 0) * chain.moves[inside, inside]
    last, after = np.where(is_long, inside, begin), np.minimum(end, len(steps) - 1)
    ahead = chain.moves[last] + steps[after, row] + backward[after, row]  # (spans, labels)
    ahead[np.arange(len(row)), inside] = -np.inf  # here the span would go on
    behind = np.where(end == n, chain.end[last], log_sum(ahead))
    total = log_sum(forward[lengths - 1, np.arange(len(scores))] + chain.end)[row]
    chosen = forward[start, row, begin] + np.where(is_long, within, 0.0) + behind
    return np.exp(np.minimum(chosen - total, 0.0))


def sum_forward(steps, chain):
    """(time, batch, labels) log of the sum over all sequences up to a position that end there with a tag."""
    sums, factors = np.empty_like(steps), np.exp(chain.moves[:-1])
    sums[0] = chain.moves[-1] + steps[0]
    for time in range(1, len(steps)):
        sums[time] = multiply(sums[time - 1], factors) + steps[time]
    return sums


def sum_backward(steps, lengths, chain):
    """(time, batch, labels) log of the sum over all that may follow a tag at a position, to the sentence's end."""
    sums, factors = np.empty_like(steps), np.exp(chain.moves[:-1].T)
    sums[-1] = chain.end
    for time in range(len(steps) - 2, -1, -1):
        sums[time] = multiply(sums[time + 1] + steps[time + 1], factors)
        sums[time, time >= lengths - 1] = chain.end
    return sums


def multiply(sums, factors):
    """log(exp(sums) @ factors) for (batch, labels) sums; -inf where there is nothing."""
    most = sums.max(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(sums - most) @ factors) + most


def log_sum(values):
    """(rows,) logsumexp of (rows, labels)."""
    most = values.max(axis=1)
    return np.log(np.exp(values - most[:, None]).sum(axis=1)) + most
