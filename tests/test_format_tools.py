"""Files as brat, YEDDA, doccano and Label Studio write them, with invented content; and their faults."""

import json

import pytest
from patent_data import put

from cbpner.base.errors import FaultyFile, InputError
from cbpner.formats.document import Choices, Document, Span
from cbpner.formats.registry import read_documents, write_documents


def read(path, name=None, **choices):
    """(documents, what was counted) of a file or a folder."""
    choices = Choices(**choices)
    return list(read_documents([path], name, choices)), dict(choices.notes)


def read_faults(path, name=None, **choices):
    with pytest.raises(FaultyFile) as caught:
        read(path, name, **choices)
    return [f"{fault.line}: {fault.found} | {fault.expected}" for fault in caught.value.faults]


def surfaces(document):
    return [(document.text[span.start : span.end], span.label) for span in document.spans]


def write_brat(folder, text, lines):
    put(folder, "d.txt", text)
    return put(folder, "d.ann", lines).parent


def test_brat_as_its_server_writes_it(tmp_path):
    text = "HER2阳性乳腺癌患者的EGFR基因。\n雌激素\n受体 与HER2。\n"
    lines = [
        "T1\tgene 0 4\tHER2", "T2\tdisease 6 9\t乳腺癌", "#1\tAnnotatorNotes T2\t不确定",
        "T3\tprotein 20 23;24 26\t雌激素 受体",  # a line break within
        "A1\tNegation T1", "R1\tInteracts Arg1:T1 Arg2:T3\t", "T4\tExpression 12 16\tEGFR",
        "E1\tExpression:T4 Theme:T1", "N1\tReference T1 HGNC:3430\tERBB2", "*\tEquiv T1 T5", "T5\tgene 28 32\tHER2\n",
    ]  # fmt: skip
    folder = write_brat(tmp_path / "brat", text, "\n".join(lines))
    [document], notes = read(folder)
    assert (document.id, document.text) == ("d", text)
    assert surfaces(document) == [
        ("HER2", "gene"), ("乳腺癌", "disease"), ("雌激素\n受体", "protein"), ("EGFR", "Expression"), ("HER2", "gene"),
    ]  # fmt: skip
    kinds = ("notes", "attributes", "relations", "events", "normalizations", "equivalences")
    assert notes == {f"{kind} of brat's left out": 1 for kind in kinds}
    assert read(folder / "d.txt")[0] == read(folder / "d.ann")[0] == [document]


def test_brat_pieces_with_text_between_are_an_error_or_a_choice(tmp_path):
    folder = write_brat(tmp_path / "brat", "乳腺和卵巢癌", "T1\tdisease 0 2;5 6\t乳腺 癌\nT2\tdisease 3 6\t卵巢癌\n")
    [fault] = read_faults(folder)
    assert fault.startswith("1: ") and "--fragments" in fault
    for rule, expected in (("cover", ["乳腺和卵巢癌"]), ("split", ["乳腺", "癌"]), ("drop", [])):
        [document], notes = read(folder, fragments=rule)
        assert [text for text, _ in surfaces(document)] == [*expected, "卵巢癌"]
        assert list(notes.values()) == [1]


@pytest.mark.parametrize(("text", "line", "surface"), [
    # cut at the break alone (issue 1042) or behind its spaces; pieces in another order;
    ("Foo\n  Bar", "0 3;4 9\tFoo   Bar", "Foo\n  Bar"), ("Foo\n  Bar", "0 3;6 9\tFoo Bar", "Foo\n  Bar"),
    ("Foo\nBar", "4 7;0 3\tBar Foo", "Foo\nBar"),
    ("Foo\nBar", "0 3;4 7\tFooBar", "Foo\nBar"),  # before 1.3: without the space
    ("基因 x", "0 3\t基因", "基因 "),  # an editor cut the white space off the line's end
    ("基因", "0 2\t", "基因"), ("基因", "0 2", "基因"), ("基因", "0 2\t基因 a comment", "基因"),
    ("基因\r\n癌", "0 2;4 5\t基因 癌", "基因\r\n癌"), ("a\tb", "0 3\ta\tb", "a\tb"),
    ("\ufeff基因", "1 3\t基因", "基因"), ("基\u2028因", "0 1;2 3\t基 因", "基\u2028因"),
])  # fmt: skip
def test_brat_lines(tmp_path, text, line, surface):
    for end in ("\n", "\r\n", ""):
        [document], notes = read(write_brat(tmp_path / "brat", text, f"T1\tx {line}{end}"), "brat")
        assert surfaces(document) == [(surface, "x")] and notes == {}


def test_brat_offsets(tmp_path):
    folder = write_brat(tmp_path / "brat", "😀😀基因😀", "T1\tx 4 8\t基因😀")
    assert surfaces(read(folder, offsets="utf16")[0][0]) == [("基因😀", "x")]
    assert "--offsets" in read_faults(folder)[0]
    folder = write_brat(tmp_path / "brat", "人类基因", "T1\tx 1 3\t基因\nT2\tx 0 2\t人类\nT3\tx 1 1\t\n")
    [wrong, empty] = read_faults(folder)
    assert wrong.startswith("1: ") and "'类基'" in wrong and empty.startswith("3: ")
    [document], notes = read(folder, offsets="codepoints", unfit="drop")
    assert surfaces(document) == [("类基", "x"), ("人类", "x")] and list(notes.values()) == [1, 1]


def test_brat_faults_name_their_lines(tmp_path):
    lines = "T1 gene 0 1 a\nT2\tgene 0 9\ta\n\nT3\tgene 1 1\t\nT4\tgene a b\ta\nnonsense\nT5\tgene 0 1\ta\n"
    folder = write_brat(tmp_path / "brat", "ab", lines.encode() + b"T6\tg\xff 0 1\ta\n" + b"T7\tx 0 " + b"9" * 5000)
    faults = read_faults(folder)
    assert [fault.partition(":")[0] for fault in faults] == ["1", "2", "4", "5", "6", "8", "9"]
    assert "'T1 gene 0 1 a'" in faults[0] and "0..9" in faults[1] and "UTF-8" in faults[5]


def test_brat_files_that_lack_the_other_one(tmp_path):
    put(tmp_path, "a.txt", "基因")
    [document], notes = read(tmp_path, "brat")
    assert document == Document("a", "基因") and sum(notes.values()) == 1
    put(tmp_path, "b.ann", "")
    with pytest.raises(InputError, match=r"b.ann: .*b.txt"):
        read(tmp_path, "brat")
    (tmp_path / "b.ann").unlink()
    put(tmp_path, "a.txt", "基因".encode("gb18030"))
    with pytest.raises(FaultyFile, match=r"a.txt: .*UTF-8"):
        read(tmp_path, "brat")


def test_yedda_marks(tmp_path):
    content = "[@HER2#gene*][@阳性#x*]的 [$乳腺癌#disease*]，#1 [@C#N端#region*] [@ 见\r\n"
    content += "[@[@雌激素受体#gene*]#protein*]*]"
    path = put(tmp_path, "甲.txt.ann", content)
    [document], notes = read(path)
    assert (document.id, document.text) == ("甲", "HER2阳性的 乳腺癌，#1 C#N端 [@ 见\r\n雌激素受体*]")
    assert surfaces(document) == [
        ("HER2", "gene"), ("阳性", "x"), ("乳腺癌", "disease"), ("C#N端", "region"), ("雌激素受体", "gene"),
        ("雌激素受体", "protein"),
    ]  # fmt: skip
    [without], again = read(path, recommended="drop")
    assert without.text == document.text and len(without.spans) == len(document.spans) - 1
    assert list(notes.values()) == list(again.values()) == [1]
    content = "\ufeff[@雌\n激素#x*][@#y*]a#b*][@乳[@腺#in*]癌#out*]"
    [document], notes = read(put(tmp_path, "a.ann", content), "yedda-marked")
    assert document.text == "雌\n激素a#b*]乳腺癌"
    assert surfaces(document) == [("雌\n激素", "x"), ("乳腺癌", "out"), ("腺", "in")]
    assert notes == {"empty marks dropped": 1}


def test_yedda_text_that_would_be_read_as_a_mark_is_refused(tmp_path):
    path = tmp_path / "a.txt.ann"
    with pytest.raises(InputError, match="'d'"):
        write_documents([Document("d", "见[@甲乙#1*]", [Span(0, 1, "x")])], path, "yedda-marked")
    for text in ("见[@甲 乙", "见a#b*]", "见[@甲#乙*\n]"):
        document = Document("a", text, [Span(0, 1, "x", "见")])
        write_documents([document], path, "yedda-marked", overwrite=True)
        assert read(path)[0] == [document]


def test_yedda_export_of_characters_and_bioes_in_its_spellings(tmp_path):
    bmes = "乳 B-disease\n腺 M-disease\n癌 E-disease\n的 O\n因 S-gene\n\n\n人 O\n\n"
    [document], notes = read(put(tmp_path, "a.txt.anns", bmes))
    assert (document.id, document.text, notes) == ("a", "乳腺癌的因\n\n人\n", {})
    assert surfaces(document) == [("乳腺癌", "disease"), ("因", "gene")]
    bio = "乳 B-disease\r\n腺 I-disease\r\n癌 B-disease\r\n\r\n"
    [document], _ = read(put(tmp_path, "b.anns", bio))
    assert (document.text, surfaces(document)) == ("乳腺癌\n", [("乳腺", "disease"), ("癌", "disease")])
    for begin, inside, end, single in ("BIES", "BILU", "BMES"):
        tags = [f"{begin}-x", f"{inside}-x", f"{end}-x", f"{single}-x", "O", f"{begin}-y", f"{end}-y"]
        content = "".join(f"{char} {tag}\n" for char, tag in zip("甲乙丙丁戊己庚", tags, strict=True))
        [document], notes = read(put(tmp_path, "a.bioes", content))
        assert surfaces(document) == [("甲乙丙", "x"), ("丁", "x"), ("己庚", "y")] and notes == {}


def test_tags_that_break_their_scheme_are_an_error_or_repaired(tmp_path):
    content = "甲 B-x\n乙 O\n丙 I-x\n丁 E-x\n\n戊 E-y\n己 B-x\n庚 I-y\n"
    path = put(tmp_path, "a.bioes", content)
    assert [fault.partition(",")[0] for fault in read_faults(path)] == "1: B-x|3: I-x|6: E-y|7: B-x|8: I-y".split("|")
    [document], notes = read(path, orphans="repair")
    assert surfaces(document) == [("甲", "x"), ("丙丁", "x"), ("戊", "y"), ("己", "x"), ("庚", "y")]
    assert list(notes.values()) == [5]
    path = put(tmp_path, "a.bio", "甲 I-x\n乙 I-x\n丙 B-x\n丁 I-y\n")
    [first, second] = read_faults(path)
    assert first.startswith("1: I-x") and "--from iob1" in first and second.startswith("4: I-y")
    [document], notes = read(path, orphans="repair")
    assert surfaces(document) == [("甲乙", "x"), ("丙", "x"), ("丁", "y")] and list(notes.values()) == [2]
    assert read(path, "iob1") == ([document], {})
    faults = read_faults(put(tmp_path, "b.bioes", "甲 S-x\n乙乙 O\n\n丙 X-x\n丁 S\n".encode() + b"\xff O\n"))
    assert [fault.partition(":")[0] for fault in faults] == ["2", "4", "5", "6"]
    assert "'X-x'" in faults[1] and "E-<type>" in faults[1]


def write_rows(path, rows, ends="\n"):
    return put(path.parent, path.name, "".join(json.dumps(row, ensure_ascii=False) + ends for row in rows))


EMOJI = "😀HER2阳性👩\u200d🔬乳腺癌"


def test_doccano_with_relations(tmp_path):
    row = {
        "id": 12, "text": EMOJI,
        "entities": [
            {"id": 31, "label": "gene", "start_offset": 2, "end_offset": 6},
            {"id": 33, "label": "disease", "start_offset": 13, "end_offset": 16},
        ],
        "relations": [{"id": 1, "from_id": 31, "to_id": 33, "type": "of"}], "Comments": [], "source": "a", "note": None,
    }  # fmt: skip
    [document], notes = read(write_rows(tmp_path / "all.jsonl", [row], "\r\n"))
    assert (document.id, document.meta) == ("12", {"source": "a", "note": None})
    assert surfaces(document) == [("HER2", "gene"), ("乳腺癌", "disease")]
    assert notes.pop("relations of doccano's left out") == 1 and list(notes.values()) == [1]
    del row["relations"], row["entities"][1]
    assert read(write_rows(tmp_path / "plain.jsonl", [row | {"text": "基因" * 9}]))[1] == {}


@pytest.mark.parametrize(("field", "spans"), [
    ("label", [[2, 6, "gene"], [13, 16, "disease"]]), ("labels", [[1, 5, "gene"], [10, 13, "disease"]]),
])  # fmt: skip
def test_doccano_with_lists(tmp_path, field, spans):
    """`label` counts UTF-16, `labels` code points; the other count on demand."""
    texts = (1, EMOJI, spans), (2, "无", []), (3, "x", None)
    rows = [{"id": id, "data": data, field: each} for id, data, each in texts]
    for path in (write_rows(tmp_path / "a.jsonl", rows[:2]), put(tmp_path, "a.json", json.dumps(rows))):
        documents, notes = read(path)
        assert surfaces(documents[0]) == [("HER2", "gene"), ("乳腺癌", "disease")] and documents[1].spans == []
        assert list(notes.values()) == [1] and ("UTF-16" in next(iter(notes))) == (field == "label")
    path = write_rows(tmp_path / "b.jsonl", [{"text": "😀基因", "label": [[1, 3, "x"]]}])
    [fault] = read_faults(path)
    assert fault.startswith("1: the offsets 1..3") and "--offsets" in fault
    assert surfaces(read(path, offsets="codepoints")[0][0]) == [("基因", "x")]


def test_numbers_that_json_does_not_have_are_null_and_counted(tmp_path):
    path = put(tmp_path, "a.jsonl", '{"id": "1", "text": "x", "spans": [], "year": NaN, "more": [-1e999, 1.5]}')
    [document], _ = read(path)
    for name in ("jsonl", "doccano", "labelstudio"):
        choices, out = Choices(), tmp_path / "out.json"
        write_documents([document, Document("2", "x", [], {"year": 2.5})], out, name, choices, overwrite=True)
        assert choices.notes["documents with NaN or Infinity in their metadata, written as null"] == 1
        assert "NaN" not in out.read_text() and "Infinity" not in out.read_text()
        again, _ = read(out, name)
        assert [each.meta for each in again] == [{"year": None, "more": [None, 1.5]}, {"year": 2.5}]


@pytest.mark.parametrize(("row", "found"), [
    ({"text": "基", "label": [[0, 2, "x"]]}, "0..2 in a text of 1 UTF-16"),
    ({"text": "基", "label": [[0, 0, "x"]]}, "0..0"), ({"text": "基", "label": ["positive"]}, "positive"),
    ({"text": "基", "label": [[0, 1]]}, "[0, 1]"), ({"text": "基", "label": [[0.5, 1, "x"]]}, "0.5"),
    ({"text": "基", "label": [[0, True, "x"]]}, "true"), ({"text": "基", "label": [[0, 1, 7]]}, "7"),
    ({"text": "基", "label": "x"}, "'label'"),
    ({"text": "基", "annotations": [{"label": 7, "start_offset": 0, "end_offset": 1}]}, "'annotations'"),
    ({"content": "基", "label": []}, "--text-field"), ({"text": None, "label": []}, "null"),
    ({"text": "\ud83d", "label": []}, "surrogate"), ({"id": [1], "text": "基", "label": []}, "[1]"),
])  # fmt: skip
def test_doccano_faults(tmp_path, row, found):
    path = put(tmp_path, "a.jsonl", json.dumps({"text": "x", "label": []}) + "\n" + json.dumps(row))
    [fault] = read_faults(path, "doccano")
    assert fault.startswith("2: ") and found in fault


def test_our_json_lines_of_others(tmp_path):
    content = '\ufeff{"text": "a\u2028😀b", "spans": [{"start": 3, "end": 4, "label": "x"}], "date": "20160525"'
    content += ', "source": null}\r\n\r\n'
    [document], _ = read(put(tmp_path, "corpus.jsonl", content))
    assert document == Document("corpus-1", "a\u2028😀b", [Span(3, 4, "x", "b")], {"source": None}, 20160525)


@pytest.mark.parametrize(("span", "found"), [
    ({"start": 2, "end": 3, "label": "x", "text": "b"}, "UTF-16"),
    ({"start": 0, "end": 1, "label": "x", "text": "b"}, "0..1"), ({"start": 0, "end": 9, "label": "x"}, "0..9"),
    ({"start": -1, "end": 1, "label": "x"}, "-1..1"), ({"start": 0, "end": 1}, "label"),
    ({"start": 0, "end": 1, "label": "x", "score": 1.5}, "1.5"), ([0, 1, "x"], '[0, 1, "x"]'),
])  # fmt: skip
def test_faults_of_our_json_lines(tmp_path, span, found):
    [fault] = read_faults(write_rows(tmp_path / "a.jsonl", [{"text": "😀b", "spans": [span]}]))
    assert fault.startswith("1: ") and found in fault


def region(start, end, text, *labels, **more):
    value = {"start": start, "end": end, "labels": list(labels)} | ({} if text is None else {"text": text})
    return {"value": value, "id": "gew3t9fgkg", "from_name": "label", "to_name": "text", "type": "labels"} | more


def task(text, *results, **more):
    annotation = {"id": 9, "completed_by": 1, "result": list(results), "was_cancelled": False, "ground_truth": False}
    return {"id": 1, "annotations": [annotation], "predictions": [], "data": {"text": text}, "meta": {}} | more


def read_tasks(tmp_path, *tasks, **choices):
    return read(put(tmp_path, "export.json", json.dumps(tasks)), "labelstudio", **choices)


def test_label_studio_as_it_exports(tmp_path):
    """Offsets and texts as in its own tests (emoji.cy.ts): code points; a line break is a backslash and an n."""
    text = "🐱 Warning:\n🐱 This is a test text"
    relation = {"from_id": "a", "to_id": "b", "type": "relation", "direction": "right"}
    choice = {"value": {"choices": ["yes"]}, "id": "c", "from_name": "c", "to_name": "text", "type": "choices"}
    results = region(2, 27, "Warning:\\n🐱 This is a test", "region"), region(23, 27, "test", "a", "b")
    exported = task(text, *results, relation, choice, data={"text": text, "source": "x"})
    [document], notes = read_tasks(tmp_path, exported)
    assert (document.id, document.meta) == ("1", {"source": "x"})
    assert surfaces(document) == [("Warning:\n🐱 This is a test", "region"), ("test", "a"), ("test", "b")]
    assert notes == {f"Label Studio's results of the kind '{kind}' left out": 1 for kind in ("relation", "choices")}


@pytest.mark.parametrize(("text", "claim", "places", "offsets"), [
    ("💩This is an annotation.", "annotation", (13, 23), "utf16"),  # issue 1347: counted UTF-16 before
    ("😀annotation", None, (1, 11), "auto"),
    ("Berlin,  Germany", "Berlin, Germany", (0, 16), "auto"),  # white space is joined
    ("基因\r\n 癌", "基因\\n\\n 癌", (0, 6), "auto"),
    (" 癌 ", "癌", (0, 3), "auto"),
])  # fmt: skip
def test_label_studio_s_texts_of_regions(tmp_path, text, claim, places, offsets):
    old = {"id": 7, "data": {"text": text}, "completions": [{"result": [region(*places, claim, "A")]}]}
    [document], notes = read_tasks(tmp_path, old, offsets=offsets)
    assert [label for _, label in surfaces(document)] == ["A"] and notes == {}
    assert document.spans[0].text.split() == (claim or "annotation").replace("\\n", "").split()
    if offsets == "utf16":
        with pytest.raises(FaultyFile, match="--offsets"):
            read_tasks(tmp_path, old)


def test_label_studio_of_several_annotations_one_is_read_and_predictions_where_there_are_none(tmp_path):
    first = {"result": [region(0, 1, "甲", "first")], "updated_at": "2024-02-01T00:00:00Z"}
    last = {"result": [region(0, 1, "甲", "last")], "updated_at": "2024-03-01T00:00:00Z"}
    cancelled = {"result": [region(0, 1, "甲", "c")], "updated_at": "2024-04-01T00:00:00Z", "was_cancelled": True}
    for annotations, label in (([last, first, cancelled], "last"), ([last, first | {"ground_truth": True}], "first")):
        [document], notes = read_tasks(tmp_path, task("甲乙", annotations=annotations))
        assert surfaces(document) == [("甲", label)] and list(notes.values()) == [1]
    predictions = [{"model_version": "m", "score": 0.3, "result": [region(0, 1, "甲", "x", score=0.25)]}]
    tasks = [task("甲", annotations=[], predictions=predictions), task("乙", annotations=[], predictions=[])]
    documents, notes = read_tasks(tmp_path, *tasks)
    assert [document.spans for document in documents] == [[Span(0, 1, "x", "甲", 0.25)], []]
    assert list(notes.values()) == [1, 1]
    documents, notes = read_tasks(tmp_path, *tasks, task("丙", region(0, 1, "丙", "y")))
    assert [surfaces(document) for document in documents] == [[], [], [("丙", "y")]]
    assert notes == {"tasks without annotations, read as documents without spans": 2}


@pytest.mark.parametrize(("results", "found"), [
    ([region(0, 2, "甲乙", "x"), region(1, 2, "甲", "x")], '"乙"'), ([region(0, 9, None, "x")], "0..9"),
    ([region(0, 0, "", "x")], "0..0"), ([region("/p[1]/text()[1]", "/p[1]/text()[1]", "甲", "x")], "HyperText"),
    ([region(0, 1, "甲", "x", type="hypertextlabels")], "HyperText"), ([region(0, 1, "甲", 5)], "5"),
    (["x"], '"x"'),
])  # fmt: skip
def test_label_studio_faults(tmp_path, results, found):
    path = put(tmp_path, "export.json", json.dumps([task("甲"), task("甲乙", *results)]))
    [fault] = read_faults(path)
    assert fault.startswith("0: ") and found in fault and "(item 2)" in fault


def test_label_studio_s_scores_unlabelled_regions_and_fields_of_text(tmp_path):
    results = [region(0, 1, "甲", "x", score=7), region(1, 2, "乙"), {"value": {"start": 0, "end": 2, "labels": ["y"]}}]
    [document], notes = read_tasks(tmp_path, task("甲乙", *results))
    assert document.spans == [Span(0, 1, "x", "甲"), Span(0, 2, "y", "甲乙")]
    assert list(notes.values()) == [1, 1]
    [document], notes = read_tasks(tmp_path, task("甲乙", region(1, 2, "甲", "x")), offsets="codepoints")
    assert surfaces(document) == [("乙", "x")] and list(notes.values()) == [1]
    with pytest.raises(FaultyFile, match="JSON-MIN"):
        read(put(tmp_path, "min.json", '[{"text": "甲", "label": [{"start": 0, "end": 1, "labels": ["x"]}]}]'))
    one, two = (task("", region(0, 1, "甲", "x"), data={"body": "甲"} | more) for more in ({"n": 1}, {"title": "乙"}))
    assert [(each.text, each.meta) for each in read_tasks(tmp_path, one)[0]] == [("甲", {"n": 1})]
    with pytest.raises(FaultyFile, match="'body', 'title' .*--text-field"):
        read_tasks(tmp_path, two)
    assert read_tasks(tmp_path, two, text_field="body")[0][0].text == "甲"
