"""Pairs of gold and predicted spans: cases by hand, the published table of SemEval's schemes, what always holds."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbpner.scoring.matching import KINDS, SCHEMES, pair_spans, score_partial
from cbpner.scoring.metrics import COUNTS, score
from cbpner.text.labels import TagSpan, tags_to_spans

TAGS = ("O", "B-gene", "I-gene", "B-disease", "I-disease")
PARTS = st.tuples(st.integers(0, 8), st.integers(1, 4), st.sampled_from(["gene", "disease"]))  # start, length, label
SPANS = st.lists(PARTS.map(lambda part: TagSpan(part[0], part[0] + part[1], part[2])), max_size=6)


def spans(*rows):
    return [TagSpan(*row) for row in rows]


def count_kinds(gold, predicted):
    return Counter(pair.kind for pair in pair_spans(gold, predicted))


@pytest.mark.parametrize(("gold", "predicted", "kinds"), [
    ([(0, 3, "gene")], [(0, 3, "gene")], ["correct"]),
    ([(0, 3, "gene")], [(0, 3, "disease")], ["type"]),
    ([(0, 3, "gene")], [(0, 2, "gene")], ["boundary"]),
    ([(0, 3, "gene")], [(2, 5, "disease")], ["boundary+type"]),
    ([(0, 3, "gene")], [(3, 5, "gene")], ["missed", "spurious"]),  # neighbours share nothing
    ([(0, 3, "gene")], [], ["missed"]),
    ([], [(0, 3, "gene")], ["spurious"]),
    ([], [], []),
    # two predictions inside one gold span: the longer one answers, the other is spurious
    ([(0, 6, "gene")], [(0, 2, "gene"), (3, 6, "gene")], ["boundary", "spurious"]),
    # one prediction over two gold spans: the one that shares more is answered
    ([(0, 2, "gene"), (2, 6, "gene")], [(0, 6, "gene")], ["missed", "boundary"]),
    # the right type comes before more shared characters, and the right borders before the right type
    ([(0, 6, "gene")], [(0, 1, "gene"), (1, 6, "disease")], ["boundary", "spurious"]),
    ([(0, 6, "gene")], [(0, 6, "disease"), (0, 5, "gene")], ["type", "spurious"]),
    # two types on one stretch: the right one is right, the other one too many
    ([(0, 3, "gene")], [(0, 3, "gene"), (0, 3, "disease")], ["correct", "spurious"]),
    # equal claims go from left to right
    ([(2, 4, "gene")], [(1, 3, "gene"), (3, 5, "gene")], ["boundary", "spurious"]),
])  # fmt: skip
def test_hand_made_pairs(gold, predicted, kinds):
    pairs = pair_spans(spans(*gold), spans(*predicted))
    assert Counter(pair.kind for pair in pairs) == Counter(kinds)
    assert pairs == pair_spans(spans(*gold[::-1]), spans(*predicted[::-1], *predicted))


def test_the_published_example_of_semeval_schemes():
    """The seven cases (drug names) and the table of counts that nervaluate's README took from the task."""
    gold = spans(
        (0, 1, "BRAND"), (5, 6, "DRUG"), (10, 11, "DRUG"), (15, 16, "DRUG"), (20, 21, "DRUG"), (26, 27, "GROUP")
    )  # fmt: skip
    predicted = spans(
        (2, 3, "BRAND"), (4, 6, "DRUG"), (10, 11, "BRAND"), (15, 16, "DRUG"), (20, 21, "DRUG"), (25, 27, "DRUG")
    )  # fmt: skip
    scores = score_partial(count_kinds(gold, predicted))
    published = {
        # scheme: correct, incorrect, partial, missed, spurious; precision, recall and F1 are the same here
        "type": ((3, 2, 0, 1, 1), 0.5),
        "partial": ((3, 0, 2, 1, 1), 4 / 6),
        "exact": ((3, 2, 0, 1, 1), 0.5),
        "strict": ((2, 3, 0, 1, 1), 2 / 6),
    }
    for scheme, (counts, measure) in published.items():
        found = scores[scheme]
        assert tuple(found[name] for name in ("correct", "incorrect", "partial", "missed", "spurious")) == counts
        assert (found["possible"], found["actual"]) == (6, 6)
        assert [found[name] for name in ("precision", "recall", "f1")] == pytest.approx([measure] * 3)


def test_undefined_is_none():
    names = ("precision", "recall", "f1")
    for kinds, values in (({}, [None] * 3), ({"missed": 2}, [None, 0, 0]), ({"spurious": 2}, [0, None, 0])):
        for scheme in SCHEMES:
            assert [score_partial(kinds)[scheme][name] for name in names] == values


@given(SPANS, SPANS)
def test_every_span_is_in_one_pair(gold, predicted):
    pairs = pair_spans(gold, predicted)
    assert sorted(pair.gold for pair in pairs if pair.gold) == sorted(set(gold))
    assert sorted(pair.predicted for pair in pairs if pair.predicted) == sorted(set(predicted))
    for pair in pairs:
        if pair.gold and pair.predicted:
            assert max(pair.gold.start, pair.predicted.start) < min(pair.gold.end, pair.predicted.end)
            borders, label = pair.gold[:2] == pair.predicted[:2], pair.gold.label == pair.predicted.label
            expected = {(True, True): "correct", (True, False): "type", (False, True): "boundary"}
            assert pair.kind == expected.get((borders, label), "boundary+type")
        else:
            assert pair.kind == ("missed" if pair.gold else "spurious")
    assert sum(pair.kind == "correct" for pair in pairs) == len(set(gold) & set(predicted))
    for scheme in score_partial(Counter(pair.kind for pair in pairs)).values():
        assert (scheme["possible"], scheme["actual"]) == (len(set(gold)), len(set(predicted)))


@given(st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=12))
def test_the_strict_scheme_is_whole_entities_read_leniently(tags):
    gold, predicted = ([pair[side] for pair in tags] for side in (0, 1))
    counts = count_kinds(tags_to_spans(gold), tags_to_spans(predicted))
    found, expected = score_partial(counts)["strict"], score([gold], [predicted])["entity_lenient"]["overall"]
    assert [found[name] for name in ("correct", "actual", "possible")] == [expected[name] for name in COUNTS]
    assert set(counts) <= set(KINDS)
