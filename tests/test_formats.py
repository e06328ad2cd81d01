"""Every annotation format: round trips, bytes, what it cannot hold; offsets; files, folders, and their format."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbpner.base.errors import FaultyFile, InputError
from cbpner.formats.document import Choices, Document, Span, Tally, cut_span, find_problem, read_date
from cbpner.formats.offsets import Ruler
from cbpner.formats.registry import (
    FORMATS,
    guess_format,
    guess_output,
    name_document,
    name_file,
    read_documents,
    write_documents,
)
from cbpner.text.bio import read_bio, write_bio

JSON_FORMATS = [name for name in FORMATS if FORMATS[name].write]
FILE_FORMATS = [name for name in FORMATS if FORMATS[name].render]
HARD_TEXT = (
    "ＢＲＣＡ１与😀TP53\r\n"  # full width, an emoji before a mention, CR LF
    "𠮷基e\u0301因HER2ERBB2 \n\n"  # astral, a combining mark, touching mentions, a space and an empty line at the end
    "\u3000\t肺癌\u2028x\x85\u200b👩\u200d🔬癌\n "  # white space of all kinds, a sequence of emoji, a space last
)


def mark(text, *mentions):
    """Spans of these (surface, label), each where it stands first behind the one before."""
    spans, place = [], 0
    for surface, label in mentions:
        place = text.index(surface, place)
        spans.append(cut_span(text, place, place + len(surface), label))
        place += len(surface)
    return spans


MENTIONS = [
    ("ＢＲＣＡ１", "gene"), ("😀", "x-y_z"), ("TP53", "gene"), ("𠮷基e", "蛋白"), ("\u0301因", "gene"),
    ("HER2", "gene"), ("ERBB2", "gene"), ("\t肺癌", "disease"), ("👩\u200d🔬", "disease"), ("癌", "disease"),
]  # fmt: skip
CROSSING = "雌激素受体\n拮抗剂与癌\r\n\n  症。\n"
LINE_BY_LINE = ("bio", "iob1", "bioes", "yedda")  # formats that hold no span over a line break
CORPUS = [
    Document("CN1/甲 %.1", HARD_TEXT, mark(HARD_TEXT, *MENTIONS)),
    Document("empty", ""),
    Document("no spans", "无基因。"),
    Document("breaks", "\n\n癌\n\n\n", mark("\n\n癌\n", ("癌", "disease"))),
    Document("no break at the end", "基因\n癌", mark("基因\n癌", ("基因", "gene"), ("癌", "disease"))),
    Document("crossing", CROSSING, mark(CROSSING, ("受体\n拮抗剂", "protein"), ("癌\r\n\n  症", "disease"))),
    Document(".hidden", "\ufeff基因", mark("\ufeff基因", ("\ufeff基", "gene"), ("因", "gene"))),
]


def go_round(tmp_path, documents, name, choices=None, again=None):
    """The documents that are read again once they are written, by id."""
    out = tmp_path / f"{name}{FORMATS[name].suffixes[0] if FORMATS[name].write else ''}"
    write_documents(documents, out, name, choices, overwrite=True)
    return {document.id: document for document in read_documents([out], name, again)}


@pytest.mark.parametrize("name", FORMATS)
def test_round_trip(tmp_path, name):
    choices = Choices(unfit="cut")
    again = go_round(tmp_path, CORPUS, name, choices)
    assert set(again) == {document.id for document in CORPUS}
    for document in CORPUS:
        wanted = document.spans
        if name in LINE_BY_LINE and document.id == "crossing":
            pieces = ("受体", "protein"), ("拮抗剂", "protein"), ("癌\r", "disease"), ("  症", "disease")
            wanted = mark(document.text, *pieces)
        assert again[document.id].text == document.text
        assert again[document.id].spans == wanted
    assert choices.notes["spans cut at line breaks"] == (2 if name in LINE_BY_LINE else 0)


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written_is_known_for_its_format(tmp_path, name):
    documents = [Document("1", "基因与癌", [cut_span("基因与癌", 0, 2, "gene"), cut_span("基因与癌", 3, 4, "disease")])]
    go_round(tmp_path, documents, name)
    [out] = tmp_path.iterdir()
    known = "bio" if name == "iob1" else name.removesuffix("-predictions")
    if name != "iob1":
        assert guess_format(out).name == known
        assert list(read_documents([out])) == documents


CHARS = st.sampled_from("基因a1 \t\r\n\x0b\x85\u2028\u3000\ufeff😀𠮷e\u0301#[]@$*;\\\"'O-")
LABELS = st.sampled_from(["gene", "蛋白", "a-b", "B-x", "😀"])


@st.composite
def documents(draw):
    text = "".join(draw(st.lists(CHARS, max_size=14)))
    places = st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).map(sorted)
    drawn = draw(st.lists(st.tuples(places, LABELS), max_size=4))
    spans = [cut_span(text, start, end, label) for (start, end), label in drawn if start < end]
    return Document("a", text, spans)


@settings(max_examples=60)
@given(documents(), st.sampled_from([*JSON_FORMATS]))
def test_formats_of_json_hold_any_span(tmp_path_factory, document, name):
    assert go_round(tmp_path_factory.mktemp("any"), [document], name)["a"] == document


@settings(max_examples=80)
@given(documents(), st.sampled_from(FILE_FORMATS), st.sampled_from(["longest", "first"]))
def test_other_formats_hold_what_they_say_they_hold(tmp_path_factory, document, name, overlap):
    choices = Choices(overlap=overlap, unfit="drop")
    try:
        again = go_round(tmp_path_factory.mktemp("rest"), [document], name, choices)["a"]
    except InputError as error:
        assert name == "yedda-marked" and "no escape" in str(error) and re.search(r"\[[@$]|\*\]", document.text)
        return
    assert again.text == document.text
    dropped = sum(count for note, count in choices.notes.items() if "dropped" in note)
    assert len(again.spans) == len(document.spans) - dropped
    assert all(span in document.spans for span in again.spans)


@settings(max_examples=60)
@given(documents())
def test_brat_reads_back_each_line_that_is_written(tmp_path_factory, document):
    """As brat's server reads them: lines that end where `splitlines` ends them, texts that the offsets cut out."""
    folder = tmp_path_factory.mktemp("brat")
    choices = Choices(unfit="drop")
    write_documents([document], folder / "out", "brat", choices)
    lines = (folder / "out" / "a.ann").read_bytes().decode().splitlines()
    assert len(lines) == len(document.spans) - choices.notes.total()
    for line in lines:
        _, data, words = line.split("\t", 2)
        places = [fragment.split() for fragment in data.split(" ", 1)[1].split(";")]
        assert words == " ".join(document.text[int(start) : int(end)] for start, end in places)


@settings(max_examples=60)
@given(documents())
def test_yedda_finds_the_marks_that_are_written(tmp_path_factory, document):
    """By the expression with which YEDDA itself finds them, line by line."""
    path = tmp_path_factory.mktemp("yedda") / "a.txt.ann"
    spans = [span for span in document.spans if "\n" not in span.text and "#" not in span.text]
    document = Document(
        "a", document.text.replace("[", "(").replace("*", "+"), [span._replace(text=None) for span in spans]
    )
    choices = Choices(overlap="first", unfit="drop")
    write_documents([document], path, "yedda-marked", choices)
    marks = [mark for line in path.read_bytes().decode().split("\n") for mark in YEDDA.findall(line)]
    again = next(read_documents([path], "yedda-marked"))
    assert marks == [f"[@{span.text}#{span.label}*]" for span in again.spans]


YEDDA = re.compile(r"\[\@.*?\#.*?\*\](?!\#)")


@settings(max_examples=60)
@given(documents())
def test_doccano_counts_as_javascript_does(tmp_path_factory, document):
    path = tmp_path_factory.mktemp("doccano") / "out.jsonl"
    write_documents([document], path, "doccano-label")
    row = json.loads(path.read_text(encoding="utf-8"))
    units = row["text"].encode("utf-16-le")
    cut = [units[2 * start : 2 * end].decode("utf-16-le") for start, end, _ in row["label"]]
    assert cut == [span.text for span in document.spans]


SMALL = Document("1", "😀BRCA1\n癌", [Span(1, 6, "gene", score=0.5), Span(7, 8, "disease")], {"k": 1}, 20160525)
BYTES = {
    "jsonl": '{"id": "1", "text": "😀BRCA1\\n癌", "spans": [{"start": 1, "end": 6, "label": "gene", "text": "BRCA1", '
    '"score": 0.5}, {"start": 7, "end": 8, "label": "disease", "text": "癌"}], "date": 20160525, "meta": {"k": 1}}\n',
    "bio": "😀 O\nB B-gene\nR I-gene\nC I-gene\nA I-gene\n1 I-gene\n\n癌 B-disease\n",
    "iob1": "😀 O\nB I-gene\nR I-gene\nC I-gene\nA I-gene\n1 I-gene\n\n癌 I-disease\n",
    "bioes": "😀 O\nB B-gene\nR I-gene\nC I-gene\nA I-gene\n1 E-gene\n\n癌 S-disease\n",
    "yedda": "😀 O\nB B-gene\nR M-gene\nC M-gene\nA M-gene\n1 E-gene\n\n癌 S-disease\n",
    "yedda-marked": "😀[@BRCA1#gene*]\n[@癌#disease*]",
    "doccano": '{"id": "1", "text": "😀BRCA1\\n癌", "entities": [{"id": 1, "label": "gene", "start_offset": 2, '
    '"end_offset": 7}, {"id": 2, "label": "disease", "start_offset": 8, "end_offset": 9}], "relations": [], '
    '"date": 20160525, "meta": {"k": 1}}\n',
    "doccano-label": '{"id": "1", "text": "😀BRCA1\\n癌", "label": [[2, 7, "gene"], [8, 9, "disease"]], '
    '"date": 20160525, "meta": {"k": 1}}\n',
    "doccano-old": '{"id": "1", "text": "😀BRCA1\\n癌", "labels": [[1, 6, "gene"], [7, 8, "disease"]], '
    '"date": 20160525, "meta": {"k": 1}}\n',
    "labelstudio": '[\n{"data": {"text": "😀BRCA1\\n癌", "id": "1", "date": 20160525, "meta": {"k": 1}}, '
    '"annotations": [{"result": [{"id": "s1", "from_name": "label", "to_name": "text", "type": "labels", "value": '
    '{"start": 1, "end": 6, "text": "BRCA1", "labels": ["gene"]}}, {"id": "s2", "from_name": "label", "to_name": '
    '"text", "type": "labels", "value": {"start": 7, "end": 8, "text": "癌", "labels": ["disease"]}}]}]}\n]\n',
}


@pytest.mark.parametrize("name", BYTES)
def test_bytes(tmp_path, name):
    path = tmp_path / f"1{FORMATS[name].suffixes[0]}"
    write_documents([SMALL], path, name)
    assert path.read_bytes().decode() == BYTES[name]


def test_bytes_of_brat_with_a_span_over_a_line_break(tmp_path):
    text = "基因 \n\n  TP53\n"
    document = Document("d", text, [cut_span(text, 0, 11, "gene"), cut_span(text, 7, 9, "x")])
    write_documents([document], tmp_path / "out", "brat")
    assert (tmp_path / "out" / "d.txt").read_bytes().decode() == text
    assert (tmp_path / "out" / "d.ann").read_text() == "T1\tgene 0 2;7 11\t基因 TP53\nT2\tx 7 9\tTP\n"
    assert list(read_documents([tmp_path / "out"])) == [document]


def test_adjacent_mentions_in_the_schemes(tmp_path):
    document = Document("1", "基因癌", [Span(0, 1, "x"), Span(1, 2, "x"), Span(2, 3, "y")])
    for name, tags in (("bio", "B-x B-x B-y"), ("iob1", "I-x B-x I-y"), ("bioes", "S-x S-x S-y")):
        path = tmp_path / f"1.{name}"
        write_documents([document], path, name)
        assert [line.split()[1] for line in path.read_text().splitlines()] == tags.split()
        assert [span[:3] for span in next(read_documents([path], name)).spans] == [span[:3] for span in document.spans]


def test_a_column_file_that_bio_wrote_is_a_text_that_ends_in_a_line_break(tmp_path):
    path = tmp_path / "a.bio"
    path.write_text("基 B-gene\n因 I-gene\n\n癌 B-disease\n\n")
    [document] = read_documents([path])
    assert document == Document("a", "基因\n癌\n", mark("基因\n癌\n", ("基因", "gene"), ("癌", "disease")))
    sentences = read_bio(path)
    write_bio(tmp_path / "b.bio", sentences)
    write_documents([document], tmp_path / "c.bio", "bio")
    assert (tmp_path / "b.bio").read_bytes() == (tmp_path / "c.bio").read_bytes() == path.read_bytes()


def test_scores_metadata_and_dates_stay_or_are_counted(tmp_path):
    kept = {"jsonl": "score meta", "labelstudio-predictions": "score meta"}
    for name in FORMATS:
        choices = Choices()
        [again] = go_round(tmp_path / name, [SMALL], name, choices).values()
        has = kept.get(name, "meta" if name in JSON_FORMATS else "")
        assert (again.spans[0].score == 0.5) == ("score" in has), name
        assert (again.meta, again.date) == (({"k": 1}, 20160525) if "meta" in has else ({}, None)), name
        assert sum("scores" in note for note in choices.notes) == ("score" not in has), name
        assert sum("metadata" in note for note in choices.notes) == ("meta" not in has), name


NESTED = Document("n", "人乳腺癌基因", [Span(0, 3, "x"), Span(1, 4, "disease"), Span(2, 3, "y"), Span(1, 6, "gene")])
WITHOUT_OVERLAPS = ["bio", "iob1", "bioes", "yedda", "yedda-marked"]


@pytest.mark.parametrize("name", WITHOUT_OVERLAPS)
def test_overlaps_are_an_error_or_a_choice_with_a_count(tmp_path, name):
    with pytest.raises(InputError, match=r"the span 0..3 \(x, '人乳腺'\).*--overlap longest or --overlap first"):
        write_documents([NESTED], tmp_path / "out", name)
    assert not list(tmp_path.iterdir())
    for rule, kept, dropped in (("longest", [(1, 6, "gene")], 3), ("first", [(0, 3, "x")], 3)):
        choices = Choices(overlap=rule)
        [again] = go_round(tmp_path, [NESTED], name, choices).values()
        assert [span[:3] for span in again.spans] == kept
        assert choices.notes[f"overlapping spans dropped (--overlap {rule})"] == dropped


def test_of_equal_spans_the_one_named_first_stays(tmp_path):
    document = Document("d", "基因", [Span(0, 2, "b"), Span(0, 2, "a")])
    for rule in ("longest", "first"):
        [again] = go_round(tmp_path, [document], "bio", Choices(overlap=rule)).values()
        assert [span.label for span in again.spans] == ["b"]


def test_spans_over_line_breaks_are_an_error_cut_or_dropped(tmp_path):
    text = "x基因\n\n癌y\n"
    document = Document("d", text, [Span(1, 6, "gene"), Span(3, 5, "breaks")])
    with pytest.raises(InputError, match="it crosses a line break; --unfit cut .*; --unfit drop"):
        write_documents([document], tmp_path / "out", "bio")
    cut, drop = Choices(unfit="cut"), Choices(unfit="drop")
    [again] = go_round(tmp_path, [document], "bio", cut).values()
    assert [span[:4] for span in again.spans] == [(1, 3, "gene", "基因"), (5, 6, "gene", "癌")]
    assert cut.notes == {"spans cut at line breaks": 2}
    [again] = go_round(tmp_path, [document], "bioes", drop).values()
    assert again.spans == [] and drop.notes == {"spans dropped, which BIOES cannot hold (it crosses a line break)": 2}


@pytest.mark.parametrize(
    ("name", "span", "why", "cures"),
    [
        ("bio", Span(0, 1, "a b"), "white space", False),
        ("brat", Span(0, 1, "a\u3000b"), "white space", False),
        ("brat", Span(1, 3, "x"), "begins or ends with a line break", True),
        ("yedda-marked", Span(0, 1, "a#b"), "its label", False),
        ("yedda-marked", Span(2, 3, "x"), "a # follows", False),
    ],
)
def test_what_else_a_format_cannot_hold(tmp_path, name, span, why, cures):
    document = Document("d", "基\n因#", [span, Span(3, 4, "ok")])
    with pytest.raises(InputError, match=f"{why}.*--unfit drop") as caught:
        write_documents([document], tmp_path / "out", name)
    assert ("--unfit cut" in str(caught.value)) == cures
    choices = Choices(unfit="drop")
    [again] = go_round(tmp_path, [document], name, choices).values()
    assert [span.label for span in again.spans] == ["ok"] and choices.notes.total() == 1
    if not cures:
        with pytest.raises(InputError, match=why):
            write_documents([document], tmp_path / "cut", name, Choices(unfit="cut"))


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (Document("d", "基", [Span(0, 2, "x")]), "the span 0..2 in a text of 1"),
        (Document("d", "基", [Span(-1, 1, "x")]), "the span -1..1"),
        (Document("d", "基", [Span(1, 1, "x")]), "the span 1..1"),
        (Document("d", "基", [Span(0, 1, "")]), "the label ''"),
        (Document("d", "基", [Span(0, 1, "x", "因")]), "'因' as the text of 0..1, which is '基'"),
        (Document("d", "\ud83d"), "a lone surrogate in the text"),
        (Document("\ud83d", "基"), "a lone surrogate in the id"),
        (Document("d", "基", date=20160230), "the date 20160230"),
    ],
)
def test_a_document_that_is_none_is_not_written(tmp_path, document, found):
    assert found in find_problem(document)
    for name in FORMATS:
        with pytest.raises(InputError, match="found|cannot"):
            write_documents([document], tmp_path / "out", name)
    assert not list(tmp_path.iterdir())


def test_dates():
    assert read_date(20160525) == read_date("20160525") == 20160525
    assert [
        read_date(value) for value in (True, None, "2016-05-25", 20161301, "00000101", "２０１６０５２５", 2016)
    ] == [None] * 7


def test_rulers():
    text = "a😀\r\nb"
    assert [Ruler(text, "utf16").find_offset(place) for place in range(6)] == [0, 1, 3, 4, 5, 6]
    assert [Ruler(text, "utf16").find_place(offset) for offset in range(8)] == [0, 1, None, 2, 3, 4, 5, None]
    assert [Ruler(text, "newlines").find_offset(place) for place in range(6)] == [0, 1, 2, 3, 3, 4]
    assert Ruler(text, "newlines").cut(3, 4) == (4, 5) and Ruler(text, "newlines").cut(2, 3) == (2, 4)
    assert [Ruler("\ufeffab", "unmarked").find_place(offset) for offset in range(4)] == [1, 2, 3, None]
    for count in ("codepoints", "utf16", "newlines"):
        assert Ruler("", count).find_place(0) == 0 and Ruler("", count).find_place(1) is None
        assert Ruler("基", count).cut(1, 1) is None and Ruler("基", count).cut(-1, 1) is None


@pytest.mark.parametrize(
    "id", ["a/b", "..", ".a", "100%", "%2F", 'a\\b:c*?"<>|', "a\nb", "甲 乙", "CN1.A", "x.txt", "a.ann"]
)
def test_an_id_names_a_file_and_is_read_back(tmp_path, id):
    name = name_file(id)
    assert not re.search(r'[/\\:*?"<>|\n]', name) and not name.startswith(".")
    for format in FORMATS.values():
        assert name_document(f"{name}{format.suffixes[0]}", format) == id
    [again] = go_round(tmp_path, [Document(id, "基")], "brat").values()
    assert again.id == id


@pytest.mark.parametrize("id", ["", "基" * 67])
def test_an_id_that_names_no_file_is_refused(tmp_path, id):
    with pytest.raises(InputError, match="found the id .* expected one of 1 to 200 bytes"):
        write_documents([Document(id, "基")], tmp_path / "out", "bio")
    assert not list(tmp_path.iterdir())


def test_one_id_twice_in_a_folder_is_refused(tmp_path):
    twice = [Document("d", "基"), Document("d", "因")]
    with pytest.raises(InputError, match="a second document with the id 'd'"):
        write_documents(twice, tmp_path / "out", "bio")
    assert not list(tmp_path.iterdir())
    write_documents(twice, tmp_path / "out.jsonl", "jsonl")
    assert list(read_documents([tmp_path / "out.jsonl"])) == twice


def test_folders_are_read_with_their_folders_in_the_order_of_names(tmp_path):
    for name in ("b.bio", "sub/a.bio", ".hidden/c.bio", ".d.bio", "a.bio", "readme.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("基 O\n")
    assert [document.id for document in read_documents([tmp_path])] == ["a", "b", "sub/a"]
    documents = list(read_documents([tmp_path / "b.bio", tmp_path / "sub"]))
    assert [document.id for document in documents] == ["b", "a"]
    write_documents(read_documents([tmp_path], "bio"), tmp_path / "out", "bio")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.bio", "b.bio", "sub%2Fa.bio"]


def test_several_documents_in_one_column_file(tmp_path):
    documents = [
        Document("a", "\ufeff基", [Span(1, 2, "gene")]),
        Document("b", ""),
        Document("c", "\ufeff癌\n", [Span(1, 2, "x")]),
        Document("d", "因"),
    ]
    path = tmp_path / "all.bio"
    with pytest.raises(InputError, match="several documents for one file.*--join"):
        write_documents(documents, path, "bio")
    choices = Choices(join=True)
    write_documents(documents, path, "bio", choices)
    assert path.read_bytes().decode() == "\ufeff\ufeff O\n基 B-gene\n\n\ufeff O\n癌 B-x\n\n因 O\n"
    assert choices.notes == {"documents in one file, which does not say where each begins": 4}
    assert next(read_documents([path])).text == "".join(["\ufeff基\n", "\ufeff癌\n", "因"])
    crossing = [documents[0], Document("late", "a\nb", [Span(0, 3, "x")])]
    with pytest.raises(InputError, match="of document 'late'"):
        write_documents(crossing, path, "bio", Choices(join=True), overwrite=True)


def test_a_line_that_begins_so_begins_a_document(tmp_path):
    path = tmp_path / "all.bio"
    text = "x基\nAbstract甲\n乙\nAbstract丙"
    write_documents([Document("all", text, mark(text, ("基", "a"), ("乙", "b"), ("丙", "c")))], path, "bio")
    documents = list(read_documents([path], choices=Choices(split_at="Abstract")))
    assert [(document.id, document.text) for document in documents] == [
        ("all-1", "x基\n"),
        ("all-2", "Abstract甲\n乙\n"),
        ("all-3", "Abstract丙"),
    ]
    assert [document.spans for document in documents] == [
        mark("x基", ("基", "a")),
        mark("Abstract甲\n乙\n", ("乙", "b")),
        mark("Abstract丙", ("丙", "c")),
    ]
    write_documents(documents, tmp_path / "again.bio", "bio", Choices(join=True))
    assert (tmp_path / "again.bio").read_bytes() == path.read_bytes()
    with_twelve = tmp_path / "twelve.bio"
    write_documents([Document("t", "A\n" * 12)], with_twelve, "bio")
    ids = [document.id for document in read_documents([with_twelve], choices=Choices(split_at="A"))]
    assert ids == sorted(ids) and ids[0] == "twelve-01" and len(ids) == 12


@pytest.mark.parametrize(
    ("name", "content", "known"),
    [
        ("a.jsonl", '{"text": "a", "spans": []}', "jsonl"),
        ("a.jsonl", '\ufeff\n{"id": 1, "text": "a", "entities": [], "relations": []}', "doccano"),
        ("a.jsonl", '{"text": "a", "label": []}', "doccano-label"),
        ("a.json", '[{"data": "a", "labels": [[0, 1, "x"]]}]', "doccano-old"),
        ("a.json", '[{"id": 1, "data": {"text": "a"}, "annotations": []}]', "labelstudio"),
        ("a.JSON", '[{"data": {"text": "a"}}]', "labelstudio"),
        ("a.bio", "a O\nb B-x\n", "bio"),
        ("a.bio", "a B-x\nb I-x\nc B-x\nd I-x\ne S-x\n", "bio"),
        ("a.bio", "a S-x\nb O\n", "bioes"),
        ("a.bio", "a B-x\nb E-x\n", "bioes"),
        ("a.txt.ann", "a", "yedda-marked"),
        ("a.ann", "[@a#x*]", "yedda-marked"),
        ("a.anns", "a O", "yedda"),
        ("a.iob", "a O", "iob1"),
    ],
)
def test_the_format_of_a_file(tmp_path, name, content, known):
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert guess_format(tmp_path / name).name == known


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", "[]"),
        ("a.jsonl", "{"),
        ("a.jsonl", '{"text": "a"}'),
        ("a.txt", "a"),
        ("a.ann", "a"),
        ("a", ""),
        ("a.csv", "a,b"),
    ],
)
def test_a_file_of_no_known_format(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=f"{name}: found no sign of its format; expected its name: --from jsonl, bio"):
        list(read_documents([tmp_path / name]))


def test_brat_is_told_from_yedda_by_what_lies_beside_it(tmp_path):
    (tmp_path / "a.ann").write_text("T1\tgene 0 1\ta\n")
    with pytest.raises(InputError, match="no sign"):
        guess_format(tmp_path / "a.ann")
    (tmp_path / "a.txt").write_text("a")
    assert guess_format(tmp_path / "a.ann").name == guess_format(tmp_path / "a.txt").name == "brat"
    assert guess_format(tmp_path).name == "brat"
    (tmp_path / "b.jsonl").write_text('{"text": "a", "spans": []}')
    with pytest.raises(InputError, match="found brat, jsonl; expected files of one format"):
        guess_format(tmp_path)
    assert len(list(read_documents([tmp_path], "brat"))) == 1


def test_the_format_of_an_output():
    names = {"a.jsonl": "jsonl", "a.bio": "bio", "a.iob1": "iob1", "a.anns": "yedda", "a.txt.ann": "yedda-marked"}
    assert {name: guess_output(name).name for name in names} == names
    for name in ("a.json", "a.ann", "folder", "a.txt"):
        with pytest.raises(InputError, match="found no sign of the format to write; expected its name: --to"):
            guess_output(name)


def test_where_nothing_can_be_read(tmp_path):
    for paths, name, found in (
        ([tmp_path / "no"], None, "no such file or folder"),
        ([tmp_path], None, "no file of a known format"),
        ([tmp_path], "bio", "found no file that ends in .bio"),
        ([tmp_path / "empty.jsonl"], "jsonl", "found no document in 1 file"),
    ):
        (tmp_path / "empty.jsonl").unlink(missing_ok=True)
        if paths[0].name == "empty.jsonl":
            paths[0].write_text("\n")
        with pytest.raises(InputError, match=found):
            list(read_documents(paths, name))
    with pytest.raises(ValueError, match="expected a format of jsonl, bio"):
        list(read_documents([tmp_path / "a"], "conll")) if (tmp_path / "a").write_text("") == 0 else None


def test_what_is_there_already_is_kept(tmp_path):
    document = Document("d", "基")
    (tmp_path / "a.jsonl").write_text("old")
    (tmp_path / "out").mkdir()
    write_documents([document], tmp_path / "out", "bio")  # an empty folder is nothing
    for path, name in ((tmp_path / "a.jsonl", "jsonl"), (tmp_path / "out", "bio")):
        with pytest.raises(InputError, match="found something there already.*--overwrite"):
            write_documents([document], path, name)
        write_documents([document], path, name, overwrite=True)
    for path, name, found in (
        (tmp_path / "a.jsonl", "bio", "found a file"),
        (tmp_path / "out", "jsonl", "found a folder"),
    ):
        with pytest.raises(InputError, match=found):
            write_documents([document], path, name, overwrite=True)
    (tmp_path / "out" / "thesis.doc").write_text("mine")
    with pytest.raises(InputError, match="thesis.doc: found in the folder to replace"):
        write_documents([document], tmp_path / "out", "bio", overwrite=True)
    assert (tmp_path / "out" / "thesis.doc").read_text() == "mine"


def test_an_output_is_not_touched_where_the_input_has_a_fault(tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "a", "spans": []}\n{"text": 1, "spans": []}\n')
    for name, out in (("jsonl", "out.jsonl"), ("bio", "out")):
        with pytest.raises(FaultyFile, match="in.jsonl:2: found the number 1 in the field 'text'; expected text"):
            write_documents(read_documents([tmp_path / "in.jsonl"]), tmp_path / out, name)
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_wrong_choices_are_refused():
    with pytest.raises(ValueError, match="expected overlap to be one of error, longest, first, got 'all'"):
        Choices(overlap="all")


def test_a_tally_counts_documents_that_pass():
    tally = Tally()
    document = Document("d", "基因\n\n癌基因", [Span(0, 2, "g"), Span(5, 7, "g"), Span(4, 6, "x"), Span(1, 5, "y")])
    assert list(tally.watch([document, Document("e", "")])) == [document, Document("e", "")]
    assert tally.summarize() == {
        "documents": 2,
        "lines": 2,
        "characters": 7,
        "longest": 3,
        "mentions": 4,
        "types": {"g": 2, "x": 1, "y": 1},
        "unique": 3,
        "overlapping": 3,
        "crossing": 1,
    }


JSON_BITS = st.recursive(
    st.sampled_from([None, True, -1, 0, 1, 2.5, "", "基😀", "gene", "\ud83d"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["text", "data", "spans", "label", "entities", "annotations", "result", "value", "start", "end"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)
PIECES = st.sampled_from(
    [
        "T1\tgene 0 1\t",
        "基",
        "😀",
        "\n",
        "\r\n",
        " B-x",
        " I-x",
        " E-x",
        " O",
        "[@",
        "#x*]",
        "\ufeff",
        "\t",
        "0 1;2 3",
        "{",
        "[",
    ]
)
CONTENT = st.one_of(
    st.binary(max_size=40),
    st.lists(PIECES, max_size=12).map(lambda pieces: "".join(pieces).encode()),
    JSON_BITS.map(lambda value: json.dumps(value).encode()),
    st.lists(JSON_BITS, max_size=3).map(lambda values: json.dumps(values).encode()),
)


@settings(max_examples=200)
@given(CONTENT, CONTENT, st.sampled_from(list(FORMATS)))
def test_any_bytes_are_documents_or_an_error_for_people(tmp_path_factory, content, text, name):
    folder = tmp_path_factory.mktemp("bytes")
    path = folder / f"a{FORMATS[name].suffixes[-1]}"
    path.write_bytes(content)
    if name == "brat":
        (folder / "a.txt").write_bytes(text)
    for rules in ({}, {"fragments": "split", "orphans": "repair", "unfit": "drop", "recommended": "drop"}):
        try:
            for document in read_documents([path], name, Choices(**rules)):
                assert find_problem(document) is None
                assert all(span.text == document.text[span.start : span.end] for span in document.spans)
        except InputError as error:
            assert "found" in str(error)
    try:
        guess_format(path)
    except InputError as error:
        assert "--from" in str(error)


@pytest.mark.parametrize("name", FORMATS)
def test_suffixes_in_upper_case_are_read_and_written(tmp_path, name):
    documents = [Document("a", "基因与癌", [cut_span("基因与癌", 0, 2, "gene")])]
    go_round(tmp_path, documents, name)
    for path in [file for file in tmp_path.rglob("*") if file.is_file()]:
        path.rename(path.with_name("a" + path.name[path.name.index(".") :].upper()))
    [out] = tmp_path.iterdir()
    folder = out if out.is_dir() else tmp_path
    assert list(read_documents([folder], name)) == documents
    assert name == "iob1" or guess_format(out).name == name.removesuffix("-predictions")
    assert name == "iob1" or list(read_documents([out])) == documents
    assert guess_output("out.JSONL").name == "jsonl" and guess_output("a.TXT.ANN").name == "yedda-marked"
