"""`cbpner predict`: every format in and out, bad documents, messages, exit codes."""

import csv
import io
import json
import re
import sys

import pytest
from patent_data import put
from patent_data import read_lines as read_rows
from pyarrow import Table, parquet
from test_predict import make_tagger, table  # noqa: F401

from cbpner.base.errors import InputError
from cbpner.cli import build_parser, main
from cbpner.commands import predict as command
from cbpner.decoding.decision import Decision
from cbpner.formats.document import Document, Span
from cbpner.formats.registry import read_documents
from cbpner.prediction.inputs import Fields, Rejected, read_sources
from cbpner.prediction.outputs import escape_controls, open_writer
from cbpner.prediction.sources import KINDS, open_sources
from cbpner.text.bio import list_mentions, read_bio

TEXT = "本发明涉及HER2阳性乳腺癌。\r\n其中BRCA1 😀基因突变。\n"
OTHER = "\ufeff一种蛋白。"


@pytest.fixture
def tagger(table, tiny_tagger, monkeypatch):  # noqa: F811
    """The tagger that the command gets, whatever the flags: one of scores by character."""
    tagger = make_tagger(table)
    tagger.folder = tiny_tagger
    monkeypatch.setattr(command, "open_tagger", lambda args, precision=None, device=None: tagger)
    return tagger


def predict(*words):
    return main(["predict", *map(str, words)])


def read_all(paths, fields=Fields(), kind=None):  # noqa: B008
    with open_sources(paths, kind) as sources:
        return list(read_sources(sources, fields))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_input_keeps_every_character(tmp_path, kind):
    rows = [{"id": "A", "text": TEXT, "date": 20200101, "spans": [], "lang": "zh"}, {"text": OTHER}]
    buffers = io.StringIO(), io.BytesIO()
    csv.writer(buffers[0]).writerows([("number", "id", "text"), (1, "A", TEXT), (2, "", OTHER)])
    parquet.write_table(Table.from_pydict({"id": ["A", None], "text": [TEXT, OTHER]}), buffers[1])
    content, ids = {  # of two documents, or one
        "txt": (TEXT, ["d"]), "jsonl": ("".join(json.dumps(row) + "\n\n" for row in rows), ["A", "d-3"]),
        "csv": (buffers[0].getvalue(), ["A", "d-2"]), "parquet": (buffers[1].getvalue(), ["A", "d-2"]),
        "tsv": (f'text\tnumber\n"{TEXT}"\t1\n{OTHER}\t2\n', ["d-1", "d-2"]),
        "bio": ("".join("\n" if char == "\n" else f"{char} O\n" for char in TEXT), ["d"]),
    }[kind]  # fmt: skip
    found = read_all([put(tmp_path, f"d.{kind}", content)])
    assert [(document.id, document.text) for document in found] == list(zip(ids, (TEXT, OTHER), strict=False))
    if kind == "jsonl":
        assert (found[0].date, found[0].meta) == (20200101, {"lang": "zh"})
    unnamed = read_all([put(tmp_path, "unnamed", content)], kind=kind)
    assert [document.text for document in unnamed] == [document.text for document in found]


def test_fields_have_names(tmp_path):
    path = put(tmp_path, "d.jsonl", '{"number": 7, "body": "甲"}\n{"number": true, "body": "乙"}\n{"body": "丙"}\n')
    first, second, third = read_all([path], Fields("body", "number"))
    assert (first.id, first.text, first.meta) == ("7", "甲", {})
    assert "true" in second.reason and "'number'" in third.reason
    path = put(tmp_path, "d.csv", "number,body,date,year\n7,甲,20200101,\n8,乙,,2019\n")
    found = [(document.id, document.date, document.meta) for document in read_all([path], Fields("body", "number"))]
    assert found == [("7", 20200101, {}), ("8", None, {"year": "2019"})]
    (bad,) = read_all([path], Fields("text", "id"))
    assert isinstance(bad, Rejected) and all(name in bad.reason for name in ("'body'", "--text-field", "--id-field"))


def test_folders_are_read_whole_and_in_order(tmp_path):
    for name in ("b.TXT", "a/c.Jsonl", "a/.hidden.txt", ".git/x.txt", "a/picture.png", "a%2Fz.txt"):
        put(tmp_path, name, '{"text": "甲"}')
    assert [document.id for document in read_all([tmp_path])] == ["a/c-1", "a/z", "b"]
    assert [document.id for document in read_all([tmp_path], kind="txt")] == ["a/z", "b"]
    path = put(tmp_path, "several/d.bio", "A O\n甲 I-gene\n\nA O\n乙 B-gene\n")
    assert [document.text for document in read_all([path], Fields(split_at="A"))] == ["A甲\n", "A乙"]
    with pytest.raises(InputError, match="found no file that ends in .csv"):
        read_all([tmp_path], kind="csv")


BROKEN = {  # name: (content, what the reason names)
    "bytes.txt": (b"HER2\xff", "at byte 5"), "bytes.jsonl": (b'{"text": "\xff"}', "UTF-8"),
    "json.jsonl": ("{text}", "JSON"), "array.json": ('[{"text": 1}]', "number 1"),
    "field.jsonl": ('{"body": "x"}', "--text-field"), "half.jsonl": (r'{"text": "\ud83d"}', "surrogate"),
    "lines.jsonl": ('{"text": "甲",\n  "id": 1\n}\n', "several lines"), "list.jsonl": ("[1]", "an object"),
    "bytes.csv": (b"text\nHER\xff2\n", "at byte 4"), "field.csv": ("a,b\n1,2\n", "'a', 'b'"),
    "empty.csv": ("", "none"), "short.csv": ("id,text\n1\n", "'text'"), "bytes.parquet": (b"PAR1 no", "read"),
    "empty.bio": ("甲 B-gene extra\n", "3 column(s)"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_is_named_and_the_rest_is_read(tmp_path, name):
    content, message = BROKEN[name]
    found = read_all([put(tmp_path, name, content), put(tmp_path, "good.txt", "甲")])
    assert [type(each) for each in found] == [Rejected, Document]
    assert found[0].source.startswith(str(tmp_path / name)) and message in found[0].reason
    with open_sources([tmp_path / "good.txt"]) as sources:
        (tmp_path / "good.txt").unlink()
        (gone,) = read_sources(sources)
    assert gone == Rejected(str(tmp_path / "good.txt"), "cannot be read (No such file or directory)")


def tell_spans(documents):
    return [(document.id, *span[:4]) for document in documents for span in document.spans]


@pytest.mark.parametrize("kind", ["bio", "brat", "csv", "csv --encoding utf-8-sig", "parquet", "xlsx"])
def test_every_format_says_the_same(tmp_path, tagger, kind):
    kind, *flags = kind.split()
    pytest.importorskip({"xlsx": "openpyxl"}.get(kind, "csv"))
    inputs = [put(tmp_path, "in/a.txt", TEXT), put(tmp_path, "in/b.txt", OTHER)]
    assert predict(*inputs, "-o", tmp_path / "out.jsonl") == 0
    wanted = tell_spans(read_documents([tmp_path / "out.jsonl"]))
    out = tmp_path / ("out" if kind == "brat" else f"out.{kind}")
    assert predict(tmp_path / "in", "-o", out, "--to", kind, *flags) == 0
    if kind == "brat":
        part = out / "part-00000"
        documents = list(read_documents([part], "brat"))
        assert [document.text for document in documents] == [TEXT, OTHER]
        assert tell_spans(documents) == wanted
    elif kind == "bio":
        sentences = read_bio(out)
        assert [surface for surface, _ in list_mentions(sentences)] == [row[4] for row in wanted]
        assert "".join(sentence.chars for sentence in sentences) == (TEXT + OTHER).replace("\n", "")
    else:
        rows = read_table(out)
        assert [(id, int(start), int(end), *rest) for id, start, end, *rest, _ in rows] == wanted
        assert all(0 <= float(row[-1]) <= 1 for row in rows)


def test_documents_in_one_column_file_stand_on_lines_of_their_own(tmp_path):
    with open_writer("bio", tmp_path / "d.pred", ["gene"]) as write:
        for text, end in ("甲", 1), ("\ufeff乙\n", 1), ("", 0), ("丙\n丁", 3):
            write(Document("d", text, [Span(0, end, "gene")] if text else []))
    content = (tmp_path / "d.pred").read_bytes().decode("utf-8")
    assert content == "甲 B-gene\n\n\ufeff B-gene\n乙 O\n\n丙 B-gene\n\n丁 B-gene\n"
    (document,) = read_documents([tmp_path / "d.pred"], "bio")
    assert document.text == "甲\n\ufeff乙\n丙\n丁"
    with open_writer("parquet", tmp_path / "d.parquet", ["gene"]) as write:
        write(Document("a", "甲"))
    assert read_table(tmp_path / "d.parquet") == []  # but it has its columns


def read_table(path):
    if path.suffix == ".parquet":
        return [tuple(row.values()) for row in parquet.read_table(path).to_pylist()]
    if path.suffix == ".xlsx":
        header, *rows = pytest.importorskip("openpyxl").load_workbook(path).active.values
    else:
        header, *rows = csv.reader(path.read_bytes().decode("utf-8-sig").splitlines())
    assert list(header) == ["id", "start", "end", "label", "text", "score"]
    return [tuple(row) for row in rows]


def test_a_page_links_genes_to_hgnc(tmp_path, tagger, monkeypatch):
    monkeypatch.setattr(tagger, "tag_many", lambda texts, watch=None: ([Span(5, 9, "gene", "HER2", 1)] for _ in texts))
    assert predict(put(tmp_path, "d.txt", TEXT), "-o", tmp_path / "d.html") == 0
    assert '"HER2":[["ERBB2","https://www.genenames.org/' in (tmp_path / "d.html").read_text(encoding="utf-8")


def test_what_a_column_file_cannot_hold_is_told(tmp_path, tagger, monkeypatch, capsys):
    spans = [Span(1, 4, "disease", "卵\n巢", 1)]
    monkeypatch.setattr(tagger, "tag_many", lambda texts, watch=None: (spans for _ in texts))
    paths = [put(tmp_path, name, "治卵\n巢癌") for name in ("a.txt", "b.txt")]
    assert predict(*paths, "-o", tmp_path / "d.bio") == 0
    told = capsys.readouterr().err
    assert "note: 2 documents in one file" in told and "note: 2 spans" in told
    assert predict(*paths, "-o", f"{tmp_path}/brat/", "--to", "brat") == 0 and "note: " not in capsys.readouterr().err


def test_people_get_lines(tmp_path, tagger, capsys):
    path = put(tmp_path, "d.txt", TEXT)
    assert predict(path, "--to", "lines") == 0
    told = capsys.readouterr()
    rows = [line.split("\t") for line in told.out.splitlines()]
    spans = tagger.tag(TEXT)
    starts = [(TEXT.count("\n", 0, span.start) + 1, span.start - TEXT.rfind("\n", 0, span.start)) for span in spans]
    assert [row[0] for row in rows] == [f"d:{line}:{column}" for line, column in starts]
    assert [tuple(row[1:]) for row in rows] == [(s.label, escape_controls(s.text), f"{s.score:.2f}") for s in spans]
    assert {line for line, _ in starts} == {1, 2} and "found: 1 documents, 32 characters" in told.err
    assert escape_controls("基因\x1b[2J\u202e\t") == "基因\\x1b[2J\\u202e\\t"  # a terminal would obey these
    assert predict(path, "--to", "marked") == 0
    first, second = capsys.readouterr().out.splitlines()
    marks = [f"[{escape_controls(span.text)} {span.label} {span.score:.2f}]" for span in spans]
    assert re.findall(r"\[.*?\]", first + second) == marks and (first[:5], second[:5]) == ("d:1  ", "d:2  ")
    plain = [re.sub(r"\[(.*?) \w+ [\d.]+\]", r"\1", line[5:]) for line in (first, second)]
    assert plain == [escape_controls(line) for line in TEXT.splitlines()]


def test_a_terminal_gets_colours_and_a_pipe_none(tmp_path, tagger, monkeypatch, capsys):
    path, looks = put(tmp_path, "d.txt", TEXT), {}
    monkeypatch.setenv("TERM", "xterm")
    for name, is_terminal, value in (("colour", True, ""), ("plain", True, "1"), ("pipe", False, "")):
        monkeypatch.setattr(sys.stdout, "isatty", lambda is_terminal=is_terminal: is_terminal, raising=False)
        monkeypatch.setenv("NO_COLOR", value)
        assert predict(path) == 0
        looks[name] = capsys.readouterr().out
    assert re.sub(r"\x1b\[[\d;]*m", "", looks["colour"]) == looks["plain"] != looks["colour"]
    assert {line.count("\t") for line in looks["pipe"].splitlines()} == {3} and "\x1b" not in looks["plain"]


def test_an_input_without_text_is_warned_of(tmp_path, tagger, capsys):
    for name in ("empty.txt", "empty.jsonl"):
        assert predict(put(tmp_path, name, ""), "--to", "csv") == 0 and "warning: " in capsys.readouterr().err


def test_a_fault_that_every_row_has_is_told_once(tmp_path, tagger, capsys):
    path = put(tmp_path, "d.jsonl", "".join(f'{{"body": "甲", "n{number}": 1}}\n' for number in range(99)))
    for words in ((), ("-o", tmp_path / "out.csv"), ("-o", f"{tmp_path}/out/", "--shard-size", 10)):
        assert predict(path, *words) == 1
        told = capsys.readouterr().err
        assert told.count("--text-field") == 1 and len(told.splitlines()) == 3 and "99 errors" in told


def test_standard_input_and_output(tmp_path, tagger, monkeypatch, capsys):
    for kind, data in (("txt", TEXT.encode()), ("jsonl", json.dumps({"id": "A", "text": TEXT}).encode())):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert predict("-", "--from", kind, "--to", "jsonl") == 0
        row = json.loads(capsys.readouterr().out)
        assert (row["id"], row["text"]) == ("stdin" if kind == "txt" else "A", TEXT)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    assert predict("-") == 1
    assert "-: found bytes that are not UTF-8" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", None)  # as after `<&-`
    assert main(["predict", "-"]) == 2 and "-: " in capsys.readouterr().err


def test_what_cannot_be_tagged_is_named_and_listed_beside_the_output(tmp_path, tagger, capsys):
    path = put(tmp_path, "d.jsonl", "{\n" * 9 + json.dumps({"id": "b", "text": TEXT}) + "\n")
    out, errors = tmp_path / "out.jsonl", tmp_path / "out.jsonl.errors.jsonl"
    assert predict(path) == 1  # no file lists them
    told = capsys.readouterr()
    assert re.findall(r"d\.jsonl:(\d+)", told.err) == list("123456789") and told.err.count("expected") == 1
    assert told.out.startswith("b:1:")
    assert predict(path, "-o", out) == 1
    assert [row["id"] for row in read_rows(out)] == ["b"]
    assert [row["source"] for row in read_rows(errors)] == [f"{path}:{line}" for line in range(1, 10)]
    told = capsys.readouterr().err
    assert "d.jsonl:6," in told and "d.jsonl:7" not in told and str(errors) in told
    assert "1 documents, 32 characters" in told and "9 errors" in told
    assert predict(put(tmp_path, "e.txt", TEXT), "-o", out, "--overwrite") == 0 and not errors.exists()


def test_a_document_that_a_format_cannot_hold_is_an_error_of_its_own(tmp_path, tagger):
    rows = [{"id": "a", "text": "甲"}, {"id": "a", "text": "乙"}, {"id": "", "text": "丙"}, {"id": "b", "text": "丁"}]
    path = put(tmp_path, "d.jsonl", "\n".join(map(json.dumps, rows)))
    assert predict(path, "-o", tmp_path / "out", "--to", "brat") == 1
    assert {file.stem for file in (tmp_path / "out" / "part-00000").glob("*.txt")} == {"a", "b", "d-3"}
    (error,) = read_rows(tmp_path / "out" / "errors.jsonl")
    assert error["source"] == "a" and "'a'" in error["reason"]


@pytest.mark.parametrize("words, message", [
    ("nowhere.txt", "nowhere.txt"), ("d.png", "--from"), ("d.txt -o out.xyz", ".jsonl"),
    ("d.txt -o d.txt --to jsonl", "d.txt"), ("in -o in/out/", "in/out"), ("in -o in/", "in to be read"),
    ("d.txt -o there.jsonl", "--overwrite"), ("d.txt --to parquet", "-o OUT"),
    ("d.txt -o o.jsonl --shard-size 2", "-o o.jsonl"), ("d.txt -o o/ --to lines", "--to lines"),
    ("d.txt -o o/ --to xlsx", "OUT.xlsx"), ("d.txt --to csv --encoding utf-8-sig", "OUT.xlsx"),
    ("d.txt -o o.bio --encoding utf-8-sig", "--encoding"), ("- -", "twice"),
    ("d.txt -o o/ --shard-size 0", "--shard-size"), ("d.txt --model ./nowhere", "./nowhere"),
    ("d.txt --model TAGGER --min-span-probability 0.3", "0.3"),
    ("d.txt --model TAGGER --min-score 3", "min_score 3"),
])  # fmt: skip
def test_mistakes_are_messages_and_write_nothing(tmp_path, tiny_tagger, monkeypatch, refuse, words, message):
    monkeypatch.chdir(tmp_path)
    for name in ("d.txt", "d.png", "in/d.txt", "there.jsonl"):
        put(tmp_path, name, "甲")
    before = sorted(tmp_path.rglob("*"))
    assert message in refuse("predict", *[tiny_tagger if word == "TAGGER" else word for word in words.split()])
    assert sorted(tmp_path.rglob("*")) == before


def test_flags_reach_the_model(tiny_tagger):
    flags = ["--decoder", "spans", "--min-span-probability", "0.6", "--vote-share", "0.3", "--batch-tokens", "300"]
    more = ["--min-score", "0.25", "--precision", "bf16", "--device", "cpu", "--backend", "torch"]
    args = build_parser("predict").parse_args(["-", "--model", str(tiny_tagger), *flags, *more])
    tagger = command.open_tagger(args)
    assert tagger.decision == Decision("spans", 0.6, 0.3, 128, 1.0) and tagger.batch_tokens == 300
    assert (tagger.min_score, tagger.backend.precision, tagger.backend.device) == (0.25, "bf16", "cpu")
    assert command.open_tagger(args, "fp32").backend.precision == "fp32"
