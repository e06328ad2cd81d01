"""Every annotation format: round trips, bytes, what it cannot hold; offsets; files, folders, and their format."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbpner.base.errors import FaultyFile, InputError
from cbpner.formats import registry
from cbpner.formats.document import Choices, Document, Span, cut_span, find_problem
from cbpner.formats.registry import FORMATS, guess_format, read_documents, write_documents

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
            pieces = ("受体", "protein"), ("拮抗剂", "protein"), ("癌", "disease"), ("  症", "disease")
            wanted = mark(document.text, *pieces)
        assert again[document.id].text == document.text
        assert again[document.id].spans == wanted
    assert choices.notes["spans cut at line breaks"] == (2 if name in LINE_BY_LINE else 0)


CHARS = st.sampled_from("基因a1 \t\r\n\x0b\x85\u2028\u3000\ufeff😀𠮷e\u0301#[]@$*;\\\"'O-")
LABELS = st.sampled_from(["gene", "蛋白", "a-b", "B-x", "😀"])


@st.composite
def documents(draw):
    text = "".join(draw(st.lists(CHARS, max_size=14)))
    places = st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).map(sorted)
    drawn = draw(st.lists(st.tuples(places, LABELS), max_size=4))
    spans = [cut_span(text, start, end, label) for (start, end), label in drawn if start < end]
    return Document("a", text, spans)


@pytest.mark.slow
@settings(max_examples=80)
@given(documents(), st.sampled_from(JSON_FORMATS + FILE_FORMATS), st.sampled_from(["longest", "first"]))
def test_formats_hold_what_they_say_they_hold(tmp_path_factory, document, name, overlap):
    """Formats of JSON hold any span, the others all that they do not report as dropped."""
    choices = Choices(overlap=overlap, unfit="drop")
    try:
        again = go_round(tmp_path_factory.mktemp("any"), [document], name, choices)["a"]
    except InputError:
        assert name == "yedda-marked" and re.search(r"\[[@$]|\*\]", document.text)
        return
    if name in JSON_FORMATS:
        assert again == document
    assert again.text == document.text
    dropped = sum(count for note, count in choices.notes.items() if "dropped" in note)
    assert len(again.spans) == len(document.spans) - dropped
    assert all(span in document.spans for span in again.spans)


@settings(max_examples=30)
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


def test_bytes_and_format_of_a_folder_of_brat(tmp_path):
    """One span is over a line break."""
    text, out = "基因 \n\n  TP53\n", tmp_path / "out"
    document = Document("d", text, [cut_span(text, 0, 11, "gene"), cut_span(text, 7, 9, "x")])
    write_documents([document], out, "brat")
    assert (out / "d.txt").read_bytes().decode() == text
    assert (out / "d.ann").read_text() == "T1\tgene 0 2;7 11\t基因 TP53\nT2\tx 7 9\tTP\n"
    assert list(read_documents([out])) == [document]
    assert {guess_format(path).name for path in (out, out / "d.ann", out / "d.txt")} == {"brat"}
    (out / "b.jsonl").write_text('{"text": "a", "spans": []}')
    with pytest.raises(InputError, match="brat, jsonl"):
        guess_format(out)
    assert len(list(read_documents([out], "brat"))) == 1


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


@pytest.mark.parametrize("name", [*LINE_BY_LINE, "yedda-marked"])
def test_overlaps_are_an_error_or_a_choice_with_a_count(tmp_path, name):
    with pytest.raises(InputError, match=r"1\.\.4.*'n'"):
        write_documents([NESTED], tmp_path / "out", name)
    assert not list(tmp_path.iterdir())
    equal = Document("d", "基因", [Span(0, 2, "b"), Span(0, 2, "a")])
    for rule, kept in (("longest", [(1, 6, "gene")]), ("first", [(0, 3, "x")])):
        choices = Choices(overlap=rule)
        again = go_round(tmp_path, [NESTED], name, choices)["n"]
        assert [span[:3] for span in again.spans] == kept
        assert choices.notes.total() == 3
        assert [span.label for span in go_round(tmp_path, [equal], name, Choices(overlap=rule))["d"].spans] == ["b"]


def test_spans_over_line_breaks_are_an_error_cut_or_dropped(tmp_path):
    text = "x基因\n\n癌y\n"
    document = Document("d", text, [Span(1, 6, "gene"), Span(3, 5, "breaks")])
    with pytest.raises(InputError, match=r"1\.\.6.*--unfit cut"):
        write_documents([document], tmp_path / "out", "bio")
    cut, drop = Choices(unfit="cut"), Choices(unfit="drop")
    again = go_round(tmp_path, [document], "bio", cut)["d"]
    assert [span[:4] for span in again.spans] == [(1, 3, "gene", "基因"), (5, 6, "gene", "癌")]
    assert go_round(tmp_path, [document], "bioes", drop)["d"].spans == []
    assert cut.notes.total() == drop.notes.total() == 2


@pytest.mark.parametrize(("name", "span", "cures"), [
    ("brat", Span(0, 1, "a\u3000b"), False), ("brat", Span(1, 3, "x"), True),
    ("yedda-marked", Span(0, 1, "a#b"), False), ("yedda-marked", Span(2, 3, "x"), False),
])  # fmt: skip
def test_what_else_a_format_cannot_hold(tmp_path, name, span, cures):
    document = Document("d", "基\n因#", [span, Span(3, 4, "ok")])
    for unfit in ["error"] + ["cut"] * (not cures):
        with pytest.raises(InputError, match=f"{span.start}..{span.end}") as caught:
            write_documents([document], tmp_path / unfit, name, Choices(unfit=unfit))
        assert ("--unfit cut" in str(caught.value)) == cures
    choices = Choices(unfit="drop")
    again = go_round(tmp_path, [document], name, choices)["d"]
    assert [span.label for span in again.spans] == ["ok"] and choices.notes.total() == 1


def test_white_space_in_a_label_is_an_underscore_in_columns(tmp_path):
    choices, document = Choices(), Document("d", "基因", [Span(0, 1, "cell line"), Span(1, 2, "x")])
    write_documents([document], tmp_path / "d.bio", "bio", choices)
    assert (tmp_path / "d.bio").read_text(encoding="utf-8") == "基 B-cell_line\n因 B-x\n"
    assert choices.notes == {"spans with _ for white space in their labels": 1}


@pytest.mark.parametrize(("document", "found"), [
    (Document("d", "基", [Span(0, 2, "x")]), "0..2"), (Document("d", "基", [Span(-1, 1, "x")]), "-1..1"),
    (Document("d", "基", [Span(1, 1, "x")]), "1..1"), (Document("d", "基", [Span(0, 1, "")]), "label ''"),
    (Document("d", "基", [Span(0, 1, "x", "因")]), "'因'"), (Document("d", "\ud83d"), "text"),
    (Document("\ud83d", "基"), "id"), (Document("d", "基", date=20160230), "20160230"),
])  # fmt: skip
def test_a_document_that_is_none_is_not_written(tmp_path, document, found):
    assert found in find_problem(document)
    for name in FORMATS:
        with pytest.raises(InputError, match="found|cannot"):
            write_documents([document], tmp_path / "out", name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("id", ["a/b", "..", ".a", "100%", "%2F", 'a\\b:c*?"<>|', "a\nb", "甲 乙", "x.txt", "a.ann"])
def test_an_id_names_a_file_and_is_read_back(tmp_path, id):
    name = registry.name_file(id)
    assert not re.search(r'[/\\:*?"<>|\n]', name) and not name.startswith(".")
    for format in FORMATS.values():
        assert registry.name_document(f"{name}{format.suffixes[0]}", format) == id
    assert list(go_round(tmp_path, [Document(id, "基")], "brat")) == [id]
    for ids in ([""], ["基" * 83], [id, id]):  # no name, too long, twice
        documents = [Document(id, "基") for id in ids]
        with pytest.raises(InputError, match="the id"):
            write_documents(documents, tmp_path / "out", "bio")
        assert not (tmp_path / "out").exists()
        write_documents(documents, tmp_path / "out.jsonl", "jsonl", overwrite=True)
        found = [each.id for each in read_documents([tmp_path / "out.jsonl"])]
        assert found == [id or "out-1" for id in ids]


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
    texts = {"a": "\ufeff基", "b": "", "c": "\ufeff癌\n", "d": "因"}
    documents = [Document(id, text, [Span(1, 2, "x")] if "\ufeff" in text else []) for id, text in texts.items()]
    path = tmp_path / "all.bio"
    with pytest.raises(InputError, match="--join"):
        write_documents(documents, path, "bio")
    choices = Choices(join=True)
    write_documents(documents, path, "bio", choices)
    assert path.read_bytes().decode() == "\ufeff\ufeff O\n基 B-x\n\n\ufeff O\n癌 B-x\n\n因 O\n"
    assert list(choices.notes.values()) == [4, 1]
    assert next(read_documents([path])).text == "\ufeff基\n\ufeff癌\n因"
    crossing = [documents[0], Document("late", "a\nb", [Span(0, 3, "x")])]
    with pytest.raises(InputError, match="'late'"):
        write_documents(crossing, path, "bio", Choices(join=True), overwrite=True)


def test_a_line_that_begins_so_begins_a_document(tmp_path):
    path = tmp_path / "all.bio"
    text = "x基\nAbstract甲\n乙\nAbstract丙"
    write_documents([Document("all", text, mark(text, ("基", "a"), ("乙", "b"), ("丙", "c")))], path, "bio")
    documents = list(read_documents([path], choices=Choices(split_at="Abstract")))
    expected = [("x基\n", ("基", "a")), ("Abstract甲\n乙\n", ("乙", "b")), ("Abstract丙", ("丙", "c"))]
    assert documents == [Document(f"all-{n}", part, mark(part, each)) for n, (part, each) in enumerate(expected, 1)]
    write_documents(documents, tmp_path / "again.bio", "bio", Choices(join=True))
    assert (tmp_path / "again.bio").read_bytes() == path.read_bytes()
    write_documents([Document("t", "A\n" * 12)], tmp_path / "twelve.bio", "bio")
    ids = [document.id for document in read_documents([tmp_path / "twelve.bio"], choices=Choices(split_at="A"))]
    assert ids == sorted(ids) and ids[0] == "twelve-01" and len(ids) == 12


@pytest.mark.parametrize(("name", "content", "known"), [
    ("a.jsonl", '{"text": "a", "spans": []}', "jsonl"),
    ("a.jsonl", '\ufeff\n{"id": 1, "text": "a", "entities": [], "relations": []}', "doccano"),
    ("a.jsonl", '{"text": "a", "label": []}', "doccano-label"),
    ("a.json", '[{"data": "a", "labels": [[0, 1, "x"]]}]', "doccano-old"),
    ("a.json", '[{"id": 1, "data": {"text": "a"}, "annotations": []}]', "labelstudio"),
    ("a.JSON", '[{"data": {"text": "a"}}]', "labelstudio"), ("a.bio", "a O\nb B-x\n", "bio"),
    ("a.bio", "a B-x\nb I-x\nc B-x\nd I-x\ne S-x\n", "bio"), ("a.bio", "a S-x\nb O\n", "bioes"),
    ("a.bio", "a B-x\nb E-x\n", "bioes"), ("a.txt.ann", "a", "yedda-marked"), ("a.ann", "[@a#x*]", "yedda-marked"),
    ("a.anns", "a O", "yedda"), ("a.iob", "a O", "iob1"),
])  # fmt: skip
def test_the_format_of_a_file(tmp_path, name, content, known):
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert guess_format(tmp_path / name).name == known


@pytest.mark.parametrize(("name", "content"), [
    ("a.json", "[]"), ("a.jsonl", "{"), ("a.jsonl", '{"text": "a"}'), ("a.txt", "a"), ("a.ann", "a"),
    ("a.ann", "T1\tgene 0 1\ta\n"), ("a", ""), ("a.csv", "a,b"),
])  # fmt: skip
def test_a_file_of_no_known_format(tmp_path, name, content):
    for place, format in ((name, None), ("", None), ("", "bio")):  # nothing is there
        with pytest.raises(InputError, match="found no|no such file"):
            list(read_documents([tmp_path / place], format))
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(InputError, match="found no"):
        list(read_documents([tmp_path / "empty.jsonl"], "jsonl"))
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=rf"{name}:(1: found broken JSON| .*--from jsonl, bio)"):
        list(read_documents([tmp_path / name]))
    if name not in ("a.jsonl", "a"):
        with pytest.raises(InputError, match="--to jsonl, bio"):
            registry.guess_output(name)


def test_what_is_there_already_is_kept(tmp_path):
    document, file, folder = Document("d", "基"), tmp_path / "a.jsonl", tmp_path / "out"
    file.write_text("old")
    folder.mkdir()
    write_documents([document], folder, "bio")  # an empty folder is nothing
    for path, name in ((file, "jsonl"), (folder, "bio")):
        with pytest.raises(InputError, match="--overwrite"):
            write_documents([document], path, name)
        write_documents([document], path, name, overwrite=True)
    (folder / "thesis.doc").write_text("mine")
    for path, name, found in ((file, "bio", "a file"), (folder, "jsonl", "a folder"), (folder, "bio", "thesis.doc")):
        with pytest.raises(InputError, match=found):
            write_documents([document], path, name, overwrite=True)
    assert (folder / "thesis.doc").read_text() == "mine"
    (tmp_path / "in.jsonl").write_text('{"text": "a", "spans": []}\n{"text": 1, "spans": []}\n')
    for name, out in (("jsonl", "new.jsonl"), ("bio", "new")):  # nothing is written where the input has a fault
        with pytest.raises(FaultyFile, match="in.jsonl:2: .*'text'"):
            write_documents(read_documents([tmp_path / "in.jsonl"]), tmp_path / out, name)
        assert not (tmp_path / out).exists()


FIELDS = "text data spans label entities annotations result value start end".split()
JSON_BITS = st.recursive(
    st.sampled_from([None, True, -1, 0, 1, 2.5, "", "基😀", "gene", "\ud83d"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=12,
)
PIECES = st.sampled_from("T1\tgene 0 1\t|基|😀|\n|\r\n| B-x| I-x| E-x| O|[@|#x*]|\ufeff|\t|0 1;2 3|{|[".split("|"))
CONTENT = st.one_of(
    st.binary(max_size=40),
    st.lists(PIECES, max_size=12).map(lambda pieces: "".join(pieces).encode()),
    JSON_BITS.map(lambda value: json.dumps(value).encode()),
    st.lists(JSON_BITS, max_size=3).map(lambda values: json.dumps(values).encode()),
)


@pytest.mark.slow
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
        assert "found" in str(error)
