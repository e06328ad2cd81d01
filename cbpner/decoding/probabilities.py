"""Probabilities of spans and entropies of tags, under the moves of a CRF or of the grammar alone.

The probability of a span is the sum over all legal tag sequences that contain it, over the sum of all (the partition
function): the forward sum up to the span, the one path through it, and the backward sum behind it, where the span may
not continue. A linear head is the same with moves that cost nothing.

A span here is (start, end, number of its tag `B-`); the tag `I-` has the next number, as in `LabelSet.tags`.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from cbpner.decoding.viterbi import FORBIDDEN
from cbpner.text.batches import sorted_batches
from cbpner.text.labels import LabelSet

BATCH_CELLS = 1 << 16  # padded characters whose sums are in memory together: some 20 MB for seven labels

NumberedSpan = tuple[int, int, int]
LikelySpan = tuple[NumberedSpan, float]  # with its probability


class Chain(NamedTuple):
    """Scores of moves between tags.

    moves: (labels + 1, labels), [previous][next], the sentence's start as the last row, FORBIDDEN for what the grammar
    does not allow. end: (labels,) of ending with a tag.
    """

    moves: np.ndarray
    end: np.ndarray


class Sums(NamedTuple):
    """Log sums over tag sequences of a batch, float64.

    steps: (time, batch, labels) the scores. forward: over what leads to a tag at a position, that tag's score included;
    backward: over what may follow it. total: (batch,) over all. lengths: (batch,) characters.
    """

    steps: np.ndarray
    forward: np.ndarray
    backward: np.ndarray
    total: np.ndarray
    lengths: np.ndarray


def grammar_chain(labels: LabelSet) -> Chain:
    """The chain of a label set's grammar: 0 for a legal move."""
    return Chain(np.where(labels.transitions(), 0.0, FORBIDDEN), np.zeros(len(labels.tags)))


def score_spans(
    scores: Sequence[np.ndarray], spans: Sequence[Sequence[NumberedSpan]], chain: Chain, temperature: float = 1.0
) -> list[np.ndarray]:
    """The probability of each span of each text, float64.

    scores: (characters, labels) of each text, each position up to a constant. temperature: divides all scores.
    """
    found, chosen = [np.zeros(0) for _ in scores], [number for number, own in enumerate(spans) if own]
    for batch, sums, cooled in _sum_batches([scores[number] for number in chosen], chain, temperature):
        numbers = [chosen[place] for place in batch]
        values = _weigh_spans(sums, [spans[number] for number in numbers], cooled)
        for number, part in zip(numbers, values, strict=True):
            found[number] = part
    return found


def find_likely_spans(scores: Sequence[np.ndarray], chain: Chain, threshold: float) -> list[list[LikelySpan]]:
    """The spans of each text whose probability is at least `threshold`, sorted, with it; scores: see `score_spans`."""
    found: list[list[LikelySpan]] = [[] for _ in scores]
    for batch, sums, cooled in _sum_batches(scores, chain):
        candidates = _list_candidates(sums, threshold)
        for number, spans, values in zip(batch, candidates, _weigh_spans(sums, candidates, cooled), strict=True):
            found[number] = [(span, float(own)) for span, own in zip(spans, values, strict=True) if own >= threshold]
    return found


def sum_entropies(scores: Sequence[np.ndarray], chain: Chain, temperature: float = 1.0) -> np.ndarray:
    """(texts,) the sum over each text's characters of the entropy of the marginal distribution of the tag, in nats."""
    found = np.zeros(len(scores))
    for batch, sums, _ in _sum_batches(scores, chain, temperature):
        marginals = _find_marginals(sums)
        logs = np.log(np.where(marginals > 0, marginals, 1.0))
        inside = np.arange(len(marginals))[:, None] < sums.lengths
        found[batch] = (-(marginals * logs).sum(axis=2) * inside).sum(axis=0)
    return found


def _find_marginals(sums: Sums) -> np.ndarray:
    """(time, batch, labels) the probability of each tag at each position; without meaning behind a text's end."""
    marginals: np.ndarray = np.exp(np.minimum(sums.forward + sums.backward - sums.total[:, None], 0.0))
    return marginals


def _list_candidates(sums: Sums, floor: float) -> list[list[NumberedSpan]]:
    """The spans of each text of which every tag reaches `floor`: no span is more likely than one of its tags."""
    found, marginals = [], _find_marginals(sums)
    for number, length in enumerate(sums.lengths):
        likely, spans = marginals[:length, number] >= floor, []
        for begin in range(1, likely.shape[1], 2):
            for start in np.flatnonzero(likely[:, begin]):
                end = start + 1
                while end < length and likely[end, begin + 1]:
                    end += 1
                spans += [(int(start), stop, begin) for stop in range(int(start) + 1, int(end) + 1)]
        found.append(sorted(spans))
    return found


def _weigh_spans(sums: Sums, spans: Sequence[Sequence[NumberedSpan]], chain: Chain) -> list[np.ndarray]:
    """The probabilities of each text's spans, given the sums of a batch."""
    cuts = np.cumsum([len(each) for each in spans])
    row = np.repeat(np.arange(len(spans)), [len(each) for each in spans])
    start, end, begin = np.concatenate([np.asarray(each, dtype=np.int64).reshape(-1, 3) for each in spans]).T
    inside, is_long = begin + 1, end - start > 1

    before = np.concatenate((np.zeros((1, *sums.steps.shape[1:])), sums.steps.cumsum(axis=0)))  # sums up to a position
    within = before[end, row, inside] - before[start + 1, row, inside]
    within += chain.moves[begin, inside] + np.maximum(end - start - 2, 0) * chain.moves[inside, inside]
    last, after = np.where(is_long, inside, begin), np.minimum(end, len(sums.steps) - 1)
    ahead = chain.moves[last] + sums.steps[after, row] + sums.backward[after, row]  # (spans, labels)
    ahead[np.arange(len(row)), inside] = -np.inf  # here the span would continue
    behind = np.where(end == sums.lengths[row], chain.end[last], np.logaddexp.reduce(ahead, axis=1))
    chosen = sums.forward[start, row, begin] + np.where(is_long, within, 0.0) + behind
    return np.split(np.exp(np.minimum(chosen - sums.total[row], 0.0)), cuts[:-1])


def _sum_batches(
    scores: Sequence[np.ndarray], chain: Chain, temperature: float = 1.0
) -> Iterator[tuple[list[int], Sums, Chain]]:
    """Yield (numbers of the texts, their Sums, the chain at that temperature), without texts of no characters."""
    cooled = Chain(*(np.asarray(part, dtype=np.float64) / temperature for part in chain))
    numbers = [number for number, row in enumerate(scores) if len(row)]
    for places in sorted_batches([len(scores[number]) for number in numbers], BATCH_CELLS):
        batch = [numbers[place] for place in places]
        lengths = np.array([len(scores[number]) for number in batch])
        steps = np.zeros((lengths.max(), len(batch), len(chain.end)))
        for place, number in enumerate(batch):
            steps[: lengths[place], place] = scores[number] / temperature
        forward, backward = _sum_forward(steps, cooled), _sum_backward(steps, lengths, cooled)
        total = np.logaddexp.reduce(forward[lengths - 1, np.arange(len(batch))] + cooled.end, axis=1)
        yield batch, Sums(steps, forward, backward, total, lengths), cooled


def _sum_forward(steps: np.ndarray, chain: Chain) -> np.ndarray:
    """(time, batch, labels) log of the sum over all sequences up to a position that end there with a tag."""
    sums, factors = np.empty_like(steps), np.exp(chain.moves[:-1])
    sums[0] = chain.moves[-1] + steps[0]
    for time in range(1, len(steps)):
        sums[time] = _multiply(sums[time - 1], factors) + steps[time]
    return sums


def _sum_backward(steps: np.ndarray, lengths: np.ndarray, chain: Chain) -> np.ndarray:
    """(time, batch, labels) log of the sum over all that may follow a tag at a position, to the text's end."""
    sums, factors = np.empty_like(steps), np.exp(chain.moves[:-1].T)
    sums[-1] = chain.end
    for time in range(len(steps) - 2, -1, -1):
        sums[time] = _multiply(sums[time + 1] + steps[time + 1], factors)
        sums[time, time >= lengths - 1] = chain.end
    return sums


def _multiply(sums: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """log(exp(sums) @ factors) for (batch, labels) sums; -inf where there is nothing."""
    most = sums.max(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        product: np.ndarray = np.log(np.exp(sums - most) @ factors) + most
    return product
