"""Span probabilities against brute force over all tag sequences."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cbpner.decoding.probabilities import Chain, decode_spans, find_spans, make_chain, score_spans
from cbpner.models.crf import Crf
from cbpner.text.labels import LabelSet, tags_to_spans

LABELS = LabelSet(("gene", "disease"))
TAGS = LABELS.tags


def weigh_sequences(scores, chain):
    """{tag sequence: probability} of one text, by enumeration."""
    weights = {}
    for sequence in itertools.product(range(len(TAGS)), repeat=len(scores)):
        moves = chain.moves[[len(TAGS), *sequence[:-1]], list(sequence)]
        weights[sequence] = np.exp(scores[range(len(scores)), sequence].sum() + moves.sum() + chain.end[sequence[-1]])
    total = sum(weights.values())
    return {sequence: weight / total for sequence, weight in weights.items()}


def list_by_force(scores, chain):
    """{(start, end, number of B-): probability} of every span of one text."""
    found = {}
    for sequence, share in weigh_sequences(scores, chain).items():
        for start, end, label in tags_to_spans([TAGS[number] for number in sequence], strict=True):
            key = start, end, TAGS.index(f"B-{label}")
            found[key] = found.get(key, 0.0) + share
    return found


def make_scores(seed, lengths, scale=1.0):
    draw = np.random.default_rng(seed)
    return [(scale * draw.normal(size=(length, len(TAGS)))).astype(np.float32) for length in lengths]


def make_crf(seed):
    torch.manual_seed(seed)
    crf = Crf(LABELS.transitions())
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter)
    return crf


@pytest.mark.parametrize("crf", [None, make_crf(0)], ids=["linear", "crf"])
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_probabilities_are_those_of_all_sequences_together(crf, temperature):
    scores, chain = make_scores(1, (1, 5, 3, 4)), make_chain(LABELS, crf)
    cooled = Chain(*(part / temperature for part in chain))
    expected = [list_by_force(row / temperature, cooled) for row in scores]
    values = score_spans(scores, [list(each) for each in expected], chain, temperature)
    for found, wanted in zip(values, expected, strict=True):
        np.testing.assert_allclose(found, list(wanted.values()), rtol=1e-6, atol=1e-12)


@settings(max_examples=25)
@given(st.integers(0, 1000), st.sampled_from([0.05, 0.2, 0.5]), st.floats(0.3, 4))
def test_every_span_that_is_likely_enough_is_found(seed, threshold, scale):
    scores, chain = make_scores(seed, (4, 0, 2, 1), scale), make_chain(LABELS, make_crf(seed) if seed % 2 else None)
    found = find_spans(scores, chain, threshold)
    for row, spans in zip(scores, found, strict=True):
        wanted = list_by_force(row, chain) if len(row) else {}
        assert spans == sorted(span for span, value in wanted.items() if value >= threshold)


def test_tags_are_those_of_the_likely_spans():
    scores = make_scores(3, (5, 1, 4), 2.0)
    tags = decode_spans(scores, LABELS, 0.5)
    for row, sentence in zip(scores, tags, strict=True):
        wanted = [span for span, value in list_by_force(row, make_chain(LABELS)).items() if value > 0.5]
        assert [(s, e, TAGS.index(f"B-{label}")) for s, e, label in tags_to_spans(sentence)] == sorted(wanted)
    assert sum(tag != "O" for sentence in tags for tag in sentence) > 0
    assert decode_spans([np.zeros((0, 5), dtype=np.float32)], LABELS, 0.5) == [[]]


@pytest.mark.parametrize("threshold", [0.49, 1.0])
def test_a_threshold_has_limits(threshold):
    with pytest.raises(ValueError, match="expected a threshold"):
        decode_spans([], LABELS, threshold)


def test_long_texts_stay_exact():
    """2,000 characters, one span of 50 in the middle: no overflow, the same as alone."""
    scores = np.full((2000, len(TAGS)), -8.0, dtype=np.float32)
    scores[:, 0] = 0.0
    scores[1000:1050, :3] = [-8.0, -8.0, 0.0]
    scores[1000, :3] = [-8.0, 0.0, -8.0]
    (value,) = score_spans([scores], [[(1000, 1050, 1)]], make_chain(LABELS))[0]
    assert find_spans([scores], make_chain(LABELS), 0.5) == [[(1000, 1050, 1)]] and 0.5 < value < 1
