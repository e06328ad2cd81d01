"""One decision a document and surface, by hand."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbpner.decoding.document_vote import agree_spans, agree_tags, find_places, index_surfaces, is_whole
from cbpner.text.labels import spans_to_tags, tags_to_spans

TEXTS = ["HER2与乳腺癌", "HER2", "HER22和PHER2", "HER2"]


def agree(spans, share, texts=TEXTS):
    """The agreed spans as (sentence, surface, type)."""
    return [
        (number, text[start:end], label)
        for number, (text, row) in enumerate(zip(texts, agree_spans(texts, spans, share), strict=True))
        for start, end, label in row
    ]


def test_what_is_mostly_tagged_is_tagged_everywhere():
    spans = [[(0, 4, "gene")], [(0, 4, "gene")], [], []]  # two of three places: inside HER22 and PHER2 is none
    everywhere = [(0, "HER2", "gene"), (1, "HER2", "gene"), (3, "HER2", "gene")]
    assert agree(spans, 0.5) == agree(spans, 2 / 3) == everywhere
    assert agree(spans, 0.7) == []


def test_the_most_frequent_type_wins_and_the_first_of_equals():
    spans = [[(0, 4, "gene")], [(0, 4, "protein")], [], [(0, 4, "protein")]]
    assert {label for _, _, label in agree(spans, 0.5)} == {"protein"}
    assert {label for _, _, label in agree([[(0, 4, "gene")], [(0, 4, "protein")], [], []], 0.5)} == {"gene"}


def test_a_place_inside_another_span_is_no_place():
    texts = ["肝癌细胞", "肝癌细胞", "肝癌", "肝癌细胞"]
    spans = [[(0, 4, "disease")], [(0, 4, "disease")], [(0, 2, "disease")], []]
    longer = [(0, "肝癌细胞", "disease"), (1, "肝癌细胞", "disease"), (2, "肝癌", "disease")]
    assert agree(spans, 0.5, texts) == [*longer, (3, "肝癌细胞", "disease")]  # the longer one first
    assert agree(spans, 0.6, texts) == [*longer[:2], (3, "肝癌细胞", "disease")]  # 1 of 2 places, 2 of 3


def test_the_place_of_a_span_that_goes_may_be_taken():
    texts = ["AB乙", "AB", "AB", "AB乙"]
    spans = [[(0, 3, "disease")], [(0, 2, "gene")], [(0, 2, "gene")], []]  # AB乙: one of two, AB: two of three
    assert agree(spans, 0.6, texts) == [(number, "AB", "gene") for number in range(4)]


def test_single_characters_stay():
    assert agree([[(0, 1, "gene")], [], []], 1, ["抗A", "抗B", "抗"]) == [(0, "抗", "gene")]


def test_a_surface_needs_one_sure_span_where_the_vote_asks():
    texts, spans = ["HER2与AR", "HER2", "AR"], [[(0, 4, "gene"), (5, 7, "gene")], [], []]
    sure = [[True, False], [], []]
    agreed = agree_spans(texts, spans, 0.1, sure)
    assert agreed == [[(0, 4, "gene")], [(0, 4, "gene")], []], "AR is sure nowhere"
    assert agree_spans(texts, spans, 0.6, sure) == [[], [], []], "HER2 in one of two places"


def test_the_longer_of_two_surfaces_has_the_place_where_the_vote_asks_for_sure_spans():
    texts = ["肝癌细胞", "肝癌细胞"]
    spans = [[(0, 4, "disease")], [(0, 2, "disease")]]
    assert agree_spans(texts, spans, 0.1) == [[(0, 4, "disease")], [(0, 2, "disease")]]
    assert agree_spans(texts, spans, 0.1, [[True], [True]]) == [[(0, 4, "disease")], [(0, 4, "disease")]]


@pytest.mark.parametrize("share", [0, -1, 1.01])
def test_a_share_has_limits(share):
    with pytest.raises(ValueError, match="expected a share"):
        agree_spans(["a"], [[]], share)


def test_places_are_whole_words():
    places = find_places("AR与PARP、AR1和-AR。AR", index_surfaces(["AR"]))
    assert places == [(0, 2), (13, 15), (16, 18)]
    assert is_whole("ARAR", 0, 4) and not is_whole("ARAR", 0, 2) and is_whole("基因AR", 2, 4)


def test_the_places_of_a_long_surface_end_with_the_text():
    assert find_places("BRCA", index_surfaces(["BRCA1", "BRCA"])) == [(0, 4)]


def test_many_surfaces_that_begin_alike_are_looked_up_by_length():
    index = index_surfaces(f"IL{number}" for number in range(5000))
    assert sum(map(len, index.lengths.values())) == 4, "a place is compared with four stretches, not 5,000 surfaces"
    assert find_places("的IL17与IL9999、IL4", index) == [(1, 5), (13, 16)]


SENTENCE = st.text("甲乙A1 ", min_size=1, max_size=12)
TAG = st.sampled_from(["O", "B-gene", "I-gene", "B-disease", "I-disease"])


@given(st.lists(SENTENCE, min_size=1, max_size=5), st.data(), st.floats(0.01, 1), st.booleans())
def test_every_surface_is_tagged_in_one_way(texts, data, share, is_sure):
    tags = [data.draw(st.lists(TAG, min_size=len(text), max_size=len(text))) for text in texts]
    sure = [[True] * len(tags_to_spans(row)) for row in tags] if is_sure else None
    agreed = agree_tags(texts, tags, share, sure)
    assert [len(row) for row in agreed] == [len(text) for text in texts]
    types = {}
    for text, row, before in zip(texts, agreed, tags, strict=True):
        assert spans_to_tags(tags_to_spans(row, strict=True), len(text)) == row
        for start, end, label in tags_to_spans(row):
            if end - start > 1:
                assert types.setdefault(text[start:end], label) == label
            else:
                assert (start, end, label) in tags_to_spans(before)
    before = Counter(text[s:e] for text, row in zip(texts, tags, strict=True) for s, e, _ in tags_to_spans(row))
    assert set(types) <= set(before)
