"""Scores: hand-counted cases, and equality with seqeval on random tags."""

import warnings

import pytest
import seqeval.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.scheme import IOB2

from cbpner.scoring.metrics import COUNTS, LEVELS, score, score_by_seqeval
from cbpner.text.labels import DEFAULT

SENTENCES = st.lists(
    st.lists(st.tuples(st.sampled_from(DEFAULT.tags), st.sampled_from(DEFAULT.tags)), min_size=1, max_size=12),
    min_size=1,
    max_size=6,
)


def count(scores, level, label=None):
    values = scores[level]["overall"] if label is None else scores[level]["types"][label]
    return tuple(values[key] for key in COUNTS)


def words(*sentences):
    return [sentence.split() for sentence in sentences]


@pytest.mark.parametrize(("gold", "predicted", "token", "lenient", "strict"), [
    # all right
    ("B-gene I-gene O B-disease", "B-gene I-gene O B-disease", (3, 3, 3), (2, 2, 2), (2, 2, 2)),
    # an orphan I- in the gold, found as it stands, and found with a B-
    ("I-gene I-gene O", "I-gene I-gene O", (2, 2, 2), (1, 1, 1), (0, 0, 0)),
    ("I-gene I-gene O", "B-gene I-gene O", (1, 2, 2), (1, 1, 1), (0, 1, 0)),
    # an orphan I- in the prediction alone
    ("B-gene I-gene O", "O I-gene O", (1, 1, 2), (0, 1, 1), (0, 0, 1)),
    # adjacent spans of one type are two, and one span over both is neither
    ("B-gene I-gene B-gene I-gene", "B-gene I-gene B-gene I-gene", (4, 4, 4), (2, 2, 2), (2, 2, 2)),
    ("B-gene I-gene B-gene I-gene", "B-gene I-gene I-gene I-gene", (3, 4, 4), (0, 1, 2), (0, 1, 2)),
    # the type changes inside: lenient sees two entities, strict the first character alone
    ("B-gene I-gene I-gene", "B-gene I-protein I-protein", (1, 3, 3), (0, 2, 1), (0, 1, 1)),
    ("B-gene O O", "B-gene I-protein I-protein", (1, 3, 1), (1, 2, 1), (1, 1, 1)),
    # right borders, wrong type
    ("B-gene I-gene", "B-protein I-protein", (0, 2, 2), (0, 1, 1), (0, 1, 1)),
    # a border one character off
    ("O B-gene I-gene", "B-gene I-gene I-gene", (1, 3, 2), (0, 1, 1), (0, 1, 1)),
    # the same place in another sentence
    ("B-gene O / O O", "O O / B-gene O", (0, 1, 1), (0, 1, 1), (0, 1, 1)),
])  # fmt: skip
def test_hand_counted(gold, predicted, token, lenient, strict):
    scores = score(words(*gold.split("/")), words(*predicted.split("/")))
    assert [count(scores, level) for level in LEVELS] == [token, lenient, strict]


def test_measures_and_types():
    # gene: 1 of 2 predicted, 1 of 1 gold; disease: 0 of 0 predicted, 0 of 2 gold
    scores = score(words("B-gene O O", "B-disease O B-disease"), words("B-gene O B-gene", "O O O"))
    for level in LEVELS:
        assert list(scores[level]["types"]) == ["disease", "gene"]
        assert count(scores, level, "gene") == (1, 2, 1)
        assert count(scores, level, "disease") == (0, 0, 2)
        overall = scores[level]["overall"]
        assert (overall["precision"], overall["recall"]) == (1 / 2, 1 / 3)
        assert overall["f1"] == pytest.approx(0.4)
        assert scores[level]["types"]["disease"]["f1"] == 0.0


@pytest.mark.parametrize(("gold", "predicted"), [("O O", "O O"), ("B-gene O", "O O"), ("O O", "B-gene O")])
def test_nothing_to_find_or_found_is_zero(gold, predicted):
    for values in score(words(gold), words(predicted)).values():
        overall = values["overall"]
        assert (overall["precision"], overall["recall"], overall["f1"], overall["correct"]) == (0.0, 0.0, 0.0, 0)


def test_tags_that_do_not_fit_are_refused():
    for gold, predicted, found in (
        (("O", "O O O"), ("O", "O O"), "sentence 2"),
        (("O", "O"), ("O",), "2 predicted sentences"),
        (("O",), ("X-gene",), "X-gene"),
    ):
        with pytest.raises(ValueError, match=found):
            score(words(*gold), words(*predicted))
    assert count(score([], []), "token") == (0, 0, 0)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(SENTENCES)
def test_our_counts_give_seqeval_s_measures(pairs):
    gold = [[tag for tag, _ in sentence] for sentence in pairs]
    predicted = [[tag for _, tag in sentence] for sentence in pairs]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours, theirs = score(gold, predicted), score_by_seqeval(gold, predicted)
    assert theirs["token"] == ours["token"]
    for level, mode in (("entity_lenient", {}), ("entity_strict", {"mode": "strict", "scheme": IOB2})):
        f1 = seqeval.metrics.f1_score(gold, predicted, zero_division=0, **mode)
        assert theirs[level]["overall"]["f1"] == f1
        assert ours[level]["overall"] == pytest.approx(theirs[level]["overall"])
        for label, values in ours[level]["types"].items():
            assert values == pytest.approx(theirs[level]["types"][label])
