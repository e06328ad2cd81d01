"""Decoding against brute force over all tag sequences; windows of long texts."""

import itertools

import numpy as np
import pytest
import torch

from cbpner.decoding.viterbi import FORBIDDEN, cut_path, viterbi
from cbpner.decoding.windows import decode
from cbpner.models.crf import Crf
from cbpner.text.labels import DEFAULT, LabelSet, may_follow, tags_to_spans

TWO = LabelSet(("x", "y"))


def best_by_brute_force(scores, labels):
    def legal(path):
        return all(may_follow(before, tag) for before, tag in itertools.pairwise((None, *path)))

    paths = [path for path in itertools.product(labels.tags, repeat=len(scores)) if legal(path)]
    numbers = [[labels.tag_to_id[tag] for tag in path] for path in paths]
    totals = [sum(scores[position, number] for position, number in enumerate(row)) for row in numbers]
    return numbers[int(np.argmax(totals))]


def test_viterbi_equals_brute_force_over_sequences_of_many_lengths():
    random = np.random.default_rng(0)
    scores = [random.normal(size=(length, 5)).astype(np.float32) for length in (1, 5, 2, 4, 3, 5, 1)]
    found = viterbi(scores, np.where(TWO.transitions(), 0.0, FORBIDDEN))
    assert [path.tolist() for path in found] == [best_by_brute_force(row, TWO) for row in scores]


def test_spans_of_tag_numbers_are_those_of_tags():
    """Of all sequences of up to five tags of two types, legal or not."""
    for path in itertools.chain.from_iterable(itertools.product(range(5), repeat=length) for length in range(6)):
        found = [(start, end, TWO.tags[begin]) for start, end, begin in cut_path(np.array(path, dtype=np.int64))]
        expected = tags_to_spans([TWO.tags[number] for number in path])
        assert found == [(start, end, f"B-{label}") for start, end, label in expected], path


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_decode_keeps_the_order_whatever_the_batch(batch):
    random = np.random.default_rng(1)
    scores = [random.normal(size=(length, 7)).astype(np.float32) for length in (9, 1, 4, 30, 2)]
    assert decode(scores, DEFAULT, batch=batch) == [decode([row], DEFAULT)[0] for row in scores]


def test_greedy_takes_each_characters_best_even_where_the_grammar_forbids_it():
    scores = np.full((2, 7), -5.0, dtype=np.float32)
    scores[0, DEFAULT.tag_to_id["I-gene"]] = scores[1, DEFAULT.tag_to_id["I-disease"]] = 0.0
    assert decode([scores], DEFAULT, "greedy") == [["I-gene", "I-disease"]]
    legal = decode([scores], DEFAULT, "viterbi")[0]
    assert all(may_follow(before, tag) for before, tag in itertools.pairwise((None, *legal)))


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_with_a_crf_its_scores_count_as_in_its_own_decoding(batch):
    random, crf = np.random.default_rng(2), Crf(DEFAULT.transitions())
    for parameter in crf.parameters():
        parameter.data.copy_(torch.from_numpy(random.normal(scale=3, size=parameter.shape)))
    lengths = torch.tensor([9, 1, 40, 30, 2])
    mask = torch.arange(40) < lengths[:, None]
    emissions = torch.from_numpy(random.normal(size=(5, 40, 7)).astype(np.float32))
    scores = [row[:length].numpy() for row, length in zip(emissions.log_softmax(dim=2), lengths, strict=True)]
    expected = [[DEFAULT.tags[number] for number in path] for path in crf.decode(emissions, mask)]
    assert decode(scores, DEFAULT, batch=batch, crf=crf) == expected != decode(scores, DEFAULT)


def test_nothing_to_decode():
    assert decode([], DEFAULT) == []
