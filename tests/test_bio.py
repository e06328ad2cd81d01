"""Reading, checking and writing column files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbpner.base.errors import FaultyFile, InputError
from cbpner.text import bio
from cbpner.text.bio import Sentence, count_orphans, list_mentions, read_bio, write_bio
from cbpner.text.labels import DEFAULT, LabelSet

WHITE = " \t\r\x0b\x0c\x1c\x1d\x1e\x85\xa0\u1680\u2003\u2028\u2029\u3000\ufeff\x00"
CHARS = st.one_of(st.sampled_from(WHITE), st.characters(exclude_characters="\n", exclude_categories=["Cs"]))
SENTENCES = st.lists(
    st.lists(st.tuples(CHARS, st.sampled_from(DEFAULT.tags)), min_size=1, max_size=8), min_size=1, max_size=4
).map(lambda rows: [Sentence("".join(c for c, _ in row), tuple(t for _, t in row)) for row in rows])


def read_bytes(tmp_path, data, **options):
    (path := tmp_path / "file.bio").write_bytes(data)
    return read_bio(path, **options)


def read_faults(tmp_path, data, **options):
    with pytest.raises(FaultyFile) as caught:
        read_bytes(tmp_path, data, **options)
    return caught.value.faults


@given(SENTENCES)
@pytest.mark.slow
def test_what_is_written_is_read_again(tmp_path_factory, sentences):
    path = tmp_path_factory.mktemp("bio") / "file.bio"
    write_bio(path, sentences)
    again = read_bio(path)
    assert [(s.chars, s.tags) for s in again] == [(s.chars, s.tags) for s in sentences]
    lines = path.read_bytes().decode("utf-8").split("\n")
    for sentence in again[1:]:
        assert lines[sentence.line - 1][0] == sentence.chars[0]


def test_written_bytes(tmp_path):
    path = tmp_path / "new" / "file.bio"
    write_bio(path, [Sentence("基因", ("B-gene", "I-gene")), Sentence(" ", ("O",))])
    assert path.read_bytes() == "基 B-gene\n因 I-gene\n\n  O\n\n".encode()


@pytest.mark.parametrize("data", [
    "基 B-gene\n因 I-gene\n\n的 O\n\n", "基 B-gene\r\n因 I-gene\r\n\r\n的 O\r\n",
    "\ufeff基 B-gene\n因 I-gene\n\n的 O",
    "\ufeff\r\n基\tB-gene\r\n因\tI-gene\r\n\t\r\n的\tO", "\n  \n基 B-gene\n因  I-gene \n \t \n   \n的 \tO\n   ",
])  # fmt: skip
def test_line_ends_separators_and_blank_lines_change_no_sentence(tmp_path, data):
    sentences = read_bytes(tmp_path, data.encode())
    assert [(s.chars, s.tags) for s in sentences] == [("基因", ("B-gene", "I-gene")), ("的", ("O",))]


@pytest.mark.parametrize("char", [*WHITE.replace("\ufeff", ""), "O", "\U0001f600", "\u0301"])
def test_any_code_point_can_be_the_character(tmp_path, char):
    for separator in " \t":
        for end in ("\n", "\r\n", ""):
            assert read_bytes(tmp_path, f"{char}{separator}O{end}".encode()) == [Sentence(char, ("O",), 1)]


@pytest.mark.parametrize(("line", "found"), [
    ("基 X-gene", "'X-gene'"), ("基", "1 column"), (" O", "1 column"), ("\tO", "1 column"), ("基 n O", "3 column"),
    ("  n O", "3 code points"), ("基因 O", "'基因'"), ("e\u0301 O", "2 code points"), ("\u3000", "1 column"),
    ("基,O", "1 column"),
])  # fmt: skip
def test_a_bad_line_is_named(tmp_path, line, found):
    (fault,) = read_faults(tmp_path, f"的 O\n{line}\n的 O\n".encode())
    assert fault.line == 2 and found in fault.found
    assert str(fault).startswith(f"{tmp_path / 'file.bio'}:2: ")


def test_every_fault_of_a_file_is_reported_in_order(tmp_path):
    data = "基 I-gene\n因因 O\n的 X\n\n".encode() + b"\xff\xfe O\n" + "a b c\n人 B-gene\n类 I-disease\n".encode()
    faults = read_faults(tmp_path, data, orphans="error")
    assert [fault.line for fault in faults] == [1, 2, 3, 5, 6, 8]
    assert "I-gene" in faults[0].found and "UTF-8" in faults[3].found and "I-disease" in faults[5].found
    many = read_faults(tmp_path, b"x\n" * 50)
    assert len(many) == 50 and "30 more" in str(FaultyFile(many)) and ":21: " not in str(FaultyFile(many))
    # an unreadable line makes no orphan of its neighbour
    assert [f.line for f in read_faults(tmp_path, "基 B-gen e\n因 I-gene\n".encode(), orphans="error")] == [1]


@pytest.mark.parametrize("data", [b"", b"\n", b" \r\n\t\n", b"\xef\xbb\xbf"])
def test_a_file_without_a_sentence_is_a_fault(tmp_path, data):
    (fault,) = read_faults(tmp_path, data)
    assert fault.line == 1 and ("empty" in fault.found or "blank" in fault.found)


def test_tags_outside_the_label_set_are_faults(tmp_path):
    data = "基 B-drug\n因 O\n人 B-gene\n".encode()
    assert len(read_bytes(tmp_path, data)) == 1
    faults = read_faults(tmp_path, data, labels=DEFAULT)
    assert [(fault.line, fault.found) for fault in faults] == [(1, "the unknown tag 'B-drug'")]
    assert "B-protein" in faults[0].expected and "--labels" in faults[0].expected
    assert read_bytes(tmp_path, data, labels=LabelSet(("drug", "gene")))[0].chars == "基因人"


def test_orphans_are_an_error_kept_or_repaired(tmp_path):
    data = "基 I-gene\n因 I-gene\n的 B-disease\n人 I-protein\n\n类 O\n体 I-gene\n".encode()
    kept = read_bytes(tmp_path, data)
    assert kept[0].tags == ("I-gene", "I-gene", "B-disease", "I-protein")
    assert count_orphans(kept) == 3
    repaired = read_bytes(tmp_path, data, orphans="repair")
    assert repaired[0].tags == ("B-gene", "I-gene", "B-disease", "B-protein")
    assert repaired == bio.repair_sentences(kept) and count_orphans(repaired) == 0
    assert list_mentions(repaired) == list_mentions(kept)
    assert [fault.line for fault in read_faults(tmp_path, data, orphans="error")] == [1, 4, 7]


def test_labels_and_summary_of_sentences():
    sentences = [
        Sentence("BRCA1与癌", (*["B-gene"] + ["I-gene"] * 4, "O", "B-disease")),
        Sentence("癌", ("I-disease",)),
    ]
    assert bio.find_labels(sentences).types == ("disease", "gene")
    counts = {"sentences": 2, "characters": 8, "longest": 7, "mentions": 3, "orphans": 1}
    assert bio.summarize_sentences(sentences) == counts | {"types": {"gene": 1, "disease": 2}}


@pytest.mark.parametrize("sentence", [
    Sentence("", ()), Sentence("基因", ("O",)), Sentence("基\n因", ("O", "O", "O")), Sentence("基", ("X",)),
    Sentence("基", ("B-a b",)), Sentence("\ud800", ("O",)),
])  # fmt: skip
def test_what_the_format_cannot_hold_is_refused_and_nothing_is_written(tmp_path, sentence):
    path = tmp_path / "file.bio"
    with pytest.raises(InputError, match="sentence 2"):
        write_bio(path, [Sentence("基", ("O",)), sentence])
    assert list(tmp_path.iterdir()) == []
