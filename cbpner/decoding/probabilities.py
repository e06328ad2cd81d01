"""How likely a span is: its share of all tag sequences, under the CRF or under the grammar alone.

The probability that a span of a label begins at one character and ends before another is the sum over all legal
sequences that say so, over the sum of all (the partition function). The first is the forward sum up to the span, the
one path through it, and the backward sum behind it, where the span may not go on. A linear head is the same with moves
that cost nothing: independent characters, under the condition that the sequence is legal.

A span is (start, end, number of its tag `B-`); the tag `I-` has the number behind it, as in `LabelSet.tags`.
"""

from typing import NamedTuple

import numpy as np

from cbpner.decoding.viterbi import FORBIDDEN
from cbpner.text.batches import sorted_batches
from cbpner.text.labels import TagSpan, spans_to_tags, split_tag

BATCH_CELLS = 1 << 16  # padded characters whose sums are in memory together: some 20 MB for seven labels


class Chain(NamedTuple):
    """Scores of moves. moves: (labels + 1, labels), [previous][next], the sentence's start as the last row, FORBIDDEN
    for what the grammar does not allow. end: (labels,) of ending with a tag.
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


def make_chain(labels, crf=None) -> Chain:
    """The chain of a label set's grammar, with the moves of a `cbpner.models.crf.Crf` where there is one."""
    if crf is None:
        return Chain(np.where(labels.transitions(), 0.0, FORBIDDEN), np.zeros(len(labels.tags)))
    return Chain(*(part.detach().cpu().double().numpy() for part in (crf.moves(), crf.end)))


def score_spans(scores, spans, chain, temperature=1.0) -> list[np.ndarray]:
    """The probability of each span of each text, float64.

    scores: list of (characters, labels) arrays, each position up to a constant. spans: of each text. temperature: all
    scores are divided by it.
    """
    found, chosen = [np.zeros(0) for _ in scores], [number for number, own in enumerate(spans) if own]
    for batch, sums, chain_now in _sum_batches([scores[number] for number in chosen], chain, temperature):
        numbers = [chosen[place] for place in batch]
        values = weigh_spans(sums, [spans[number] for number in numbers], chain_now)
        for number, part in zip(numbers, values, strict=True):
            found[number] = part
    return found


def find_spans(scores, chain, threshold, temperature=1.0) -> list[list[tuple]]:
    """The spans of each text that are at least so likely, sorted; scores, temperature: as for `score_spans`."""
    found = [[] for _ in scores]
    for batch, sums, chain_now in _sum_batches(scores, chain, temperature):
        candidates = list_candidates(sums, threshold)
        for number, spans, values in zip(batch, candidates, weigh_spans(sums, candidates, chain_now), strict=True):
            found[number] = [span for span, value in zip(spans, values, strict=True) if value >= threshold]
    return found


def decode_spans(scores, labels, threshold, crf=None):
    """The tags of each text: its spans that are more likely than not, and at least as likely as `threshold`.

    Of two spans that share a character one at most is that likely, so that none has to give way.
    """
    if not 0.5 <= threshold < 1:
        raise ValueError(f"expected a threshold of at least 0.5 and below 1, got {threshold}")
    found = find_spans(scores, make_chain(labels, crf), threshold + 1e-9)  # two spans of exactly a half may overlap
    types = {number: split_tag(tag)[1] for number, tag in enumerate(labels.tags)}
    return [
        spans_to_tags([TagSpan(start, end, types[begin]) for start, end, begin in spans], len(row))
        for spans, row in zip(found, scores, strict=True)
    ]


def mark_sure(scores, spans, labels, chain, peak) -> list[list[bool]]:
    """Whether each span of each text, (start, end, type, ...), is at least as likely as `peak`, at temperature 1."""
    numbers = [[(start, end, labels.tag_to_id[f"B-{label}"]) for start, end, label, *_ in row] for row in spans]
    return [(values >= peak).tolist() for values in score_spans(scores, numbers, chain)]


def sum_entropies(scores, chain, temperature=1.0) -> np.ndarray:
    """(texts,) the sum over each text's characters of the entropy of the character's tag, in nats, float64.

    scores, temperature: as for `score_spans`. The tag's distribution is its marginal under the chain.
    """
    found = np.zeros(len(scores))
    for batch, sums, _ in _sum_batches(scores, chain, temperature):
        shares = find_marginals(sums)
        logs = np.log(np.where(shares > 0, shares, 1.0))
        inside = np.arange(len(shares))[:, None] < sums.lengths
        found[batch] = (-(shares * logs).sum(axis=2) * inside).sum(axis=0)
    return found


def find_marginals(sums):
    """(time, batch, labels) the probability of each tag at each position; without meaning behind a text's end."""
    return np.exp(np.minimum(sums.forward + sums.backward - sums.total[:, None], 0.0))


def list_candidates(sums, floor) -> list[list[tuple]]:
    """The spans of each text of a batch whose characters are all likely enough for the span to reach `floor`.

    No span is more likely than its `B-` is at its start, and each `I-` at its place.
    """
    found, share = [], find_marginals(sums)
    for number, length in enumerate(sums.lengths):
        likely, spans = share[:length, number] >= floor, []
        for begin in range(1, likely.shape[1], 2):
            for start in np.flatnonzero(likely[:, begin]):
                end = start + 1
                spans.append((int(start), int(end), begin))
                while end < length and likely[end, begin + 1]:
                    end += 1
                    spans.append((int(start), int(end), begin))
        found.append(sorted(spans))
    return found


def weigh_spans(sums, spans, chain) -> list[np.ndarray]:
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
    ahead[np.arange(len(row)), inside] = -np.inf  # here the span would go on
    behind = np.where(end == sums.lengths[row], chain.end[last], log_sum(ahead))
    chosen = sums.forward[start, row, begin] + np.where(is_long, within, 0.0) + behind
    return np.split(np.exp(np.minimum(chosen - sums.total[row], 0.0)), cuts[:-1])


def sum_forward(steps, chain):
    """(time, batch, labels) log of the sum over all sequences up to a position that end there with a tag."""
    sums, factors = np.empty_like(steps), np.exp(chain.moves[:-1])
    sums[0] = chain.moves[-1] + steps[0]
    for time in range(1, len(steps)):
        sums[time] = _multiply(sums[time - 1], factors) + steps[time]
    return sums


def sum_backward(steps, lengths, chain):
    """(time, batch, labels) log of the sum over all that may follow a tag at a position, to the text's end."""
    sums, factors = np.empty_like(steps), np.exp(chain.moves[:-1].T)
    sums[-1] = chain.end
    for time in range(len(steps) - 2, -1, -1):
        sums[time] = _multiply(sums[time + 1] + steps[time + 1], factors)
        sums[time, time >= lengths - 1] = chain.end
    return sums


def log_sum(values):
    """(rows,) logsumexp of (rows, labels)."""
    most = values.max(axis=1)
    return np.log(np.exp(values - most[:, None]).sum(axis=1)) + most


def _sum_batches(scores, chain, temperature):
    """Yield (numbers of the texts, their Sums, the chain at that temperature), without texts of no characters."""
    chain = Chain(*(np.asarray(part, dtype=np.float64) / temperature for part in chain))
    numbers = [number for number, row in enumerate(scores) if len(row)]
    for batch in sorted_batches([len(scores[number]) for number in numbers], BATCH_CELLS):
        batch = [numbers[place] for place in batch]
        lengths = np.array([len(scores[number]) for number in batch])
        steps = np.zeros((lengths.max(), len(batch), len(chain.end)))
        for place, number in enumerate(batch):
            steps[: lengths[place], place] = scores[number] / temperature
        forward, backward = sum_forward(steps, chain), sum_backward(steps, lengths, chain)
        total = log_sum(forward[lengths - 1, np.arange(len(batch))] + chain.end)
        yield batch, Sums(steps, forward, backward, total, lengths), chain


def _multiply(sums, factors):
    """log(exp(sums) @ factors) for (batch, labels) sums; -inf where there is nothing."""
    most = sums.max(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(sums - most) @ factors) + most
