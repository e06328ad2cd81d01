"""The label sets and the BIO grammar; spans against seqeval, lenient and strict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB2, Entities

from cbpner.base.errors import InputError
from cbpner.text import labels
from cbpner.text.labels import DEFAULT, LabelSet, TagSpan, spans_to_tags, tags_to_spans

TAG_LISTS = st.lists(st.sampled_from(DEFAULT.tags), max_size=20)


@given(TAG_LISTS)
def test_spans_are_those_of_seqeval_and_strict_ones_those_of_its_iob2(tags):
    assert tags_to_spans(tags) == [TagSpan(start, end + 1, label) for label, start, end in get_entities(tags)]
    strict = [TagSpan(entity.start, entity.end, entity.tag) for entity in Entities([tags], IOB2).entities[0]]
    assert tags_to_spans(tags, strict=True) == strict


@given(TAG_LISTS)
def test_repairing_keeps_the_lenient_spans_and_makes_strict_agree(tags):
    repaired = labels.repair_tags(tags)
    assert tags_to_spans(repaired, strict=True) == tags_to_spans(repaired) == tags_to_spans(tags)
    assert all(labels.may_follow(before, tag) for before, tag in zip([None, *repaired], repaired, strict=False))
    assert spans_to_tags(tags_to_spans(tags), len(tags)) == repaired


def test_transitions_have_a_row_for_the_start_and_forbid_orphans():
    moves = DEFAULT.transitions()
    number = DEFAULT.tag_to_id
    assert [len(row) for row in moves] == [7] * 8
    assert moves[number["B-gene"]][number["I-gene"]] and moves[number["I-gene"]][number["I-gene"]]
    assert not moves[number["B-gene"]][number["I-protein"]] and not moves[number["O"]][number["I-gene"]]
    assert moves[-1] == [True, True, False, True, False, True, False]


def test_any_label_set_is_found_in_tags():
    assert LabelSet.from_tags(["O", "I-drug", "B-adverse-event"]).types == ("adverse-event", "drug")
    assert LabelSet.from_tags(["B-protein", "I-gene", "B-disease"]) is DEFAULT
    with pytest.raises(InputError, match="every tag is O"):
        LabelSet.from_tags(["O"])


def test_label_file_of_types_or_tags_in_file_order(tmp_path):
    (path := tmp_path / "labels.txt").write_bytes(b"\xef\xbb\xbfO\r\nB-drug\r\nI-drug\r\n\r\ngene\r\n")
    assert LabelSet.from_file(path).types == ("drug", "gene")


@pytest.mark.parametrize("content", [b"", b"O\n", b"\xff\xfe"])
def test_bad_label_file_is_named(tmp_path, content):
    (path := tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(InputError, match="labels.txt"):
        LabelSet.from_file(path)
    with pytest.raises(InputError, match="missing.txt"):
        LabelSet.from_file(tmp_path / "missing.txt")


@pytest.mark.parametrize("tag", ["", "B", "B-", "X-gene", "o", "I gene", "B-a b", "O\x0b", "B-gene\u2028"])
def test_malformed_tags_are_refused(tag):
    with pytest.raises(ValueError, match="expected O"):
        labels.split_tag(tag)


@pytest.mark.parametrize("spans", [[(0, 2, "a"), (1, 3, "a")], [(2, 2, "a")], [(2, 5, "a")], [(-1, 1, "a")]])
def test_spans_that_do_not_fit_are_refused(spans):
    with pytest.raises(ValueError):
        spans_to_tags(spans, 4)
    for types in ((), ("gene", "gene"), ("a b",), ("",)):
        with pytest.raises(ValueError):
            LabelSet(types)
