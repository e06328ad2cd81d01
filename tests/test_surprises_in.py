"""Input that surprises: encodings, names, ids, separators, folders. Refused or named, never lost or garbled."""

import json
import os

import pyarrow as pa
import pytest
from pyarrow import parquet
from test_predict_command import put, read_all, read_rows, table, tagger  # noqa: F401

from cbpner.base.errors import FaultyFile, InputError, UnexpectedValue
from cbpner.biology.genes.mentions import identify_publication
from cbpner.biology.genes.predictions import read_bibliography
from cbpner.cli import main
from cbpner.corpora.document import find_numbers, normalize_number
from cbpner.corpora.plain import decode_text, parse_plain_text
from cbpner.corpora.records import read_export
from cbpner.corpora.sources import list_source_files
from cbpner.formats.document import Document
from cbpner.formats.registry import guess_format, name_file, read_documents, write_documents
from cbpner.formats.rows import Fault, read_cells
from cbpner.formats.rows import read_rows as read_any_rows
from cbpner.prediction.inputs import Rejected
from cbpner.text.bio import read_bio
from cbpner.text.splits import PARTS, read_split_info, write_split_info

CHINESE = "本发明涉及一种用于治疗乳腺癌的药物组合物，其中所述基因的表达水平高。"
TRADITIONAL = "本發明係關於一種用於治療乳癌之醫藥組成物，其中所述基因的表達。"
JAPANESE = "本発明は、乳癌の治療に用いる医薬組成物に関する。ヒト遺伝子の発現を測定する方法である。"
KOREAN = "본 발명은 유방암의 치료에 사용되는 의약 조성물에 관한 것이다. 인간 유전자의 발현을 측정하는 방법으로서,"
WRAPPED = {
    "txt": "{}", "jsonl": '{{"text": "{}"}}\n', "json": '[{{"text": "{}"}}]', "csv": "text\n{}\n", "bio": "{}",
    "tsv": "text\tid\n{}\t1\n",
}  # fmt: skip


# ---- encodings ----


@pytest.mark.parametrize("kind", WRAPPED)
@pytest.mark.parametrize("encoding", ["gb18030", "big5", "utf-16-le", "utf-16-be", "hz", "utf-7", "utf-16", "utf-32"])
def test_text_in_another_encoding_is_one_fault_that_names_it(tmp_path, kind, encoding):
    text = TRADITIONAL if encoding == "big5" else CHINESE
    text = "".join(f"{char} O\n" for char in text) if kind == "bio" else text
    (bad,) = read_all([put(tmp_path, f"d.{kind}", WRAPPED[kind].format(text).encode(encoding))])
    assert bad.source == str(tmp_path / f"d.{kind}") and f"iconv -f {encoding} " in bad.reason


def test_a_header_in_another_encoding_is_named(tmp_path):
    (fault,) = read_any_rows(put(tmp_path, "d.csv", f"公开号,摘要\n1,{CHINESE}\n".encode("gbk")), required=["text"])
    assert fault.line == 0 and "GB18030" in fault.found
    for read in (lambda path: list(read_cells(path)), guess_format):  # lexicons; what `convert` reads
        with pytest.raises(InputError, match="GB18030"):
            read(put(tmp_path, "d.jsonl", f"公开号,摘要\n1,{CHINESE}\n".encode("gbk")))
    (fault,) = read_any_rows(put(tmp_path, "few.csv", "公开号,日期\nCN0,2019-01-01\nCN1,\n".encode("gbk")))
    assert fault.line == 0 and "UTF-8" in fault.reason  # too few characters to guess by


@pytest.mark.parametrize(
    "text", ["", "a\0b", "\0" * 6, "Na+/K+-ATPase and CD4+CD25+- cells", "~{x~}", "C++-", "β", "龘" * 9, "基因\0" * 9]
)
def test_unusual_text_in_utf8_is_text(tmp_path, text):
    assert read_all([put(tmp_path, "d.txt", text)]) == [Document("d", text)]


def test_ascii_in_utf16_without_a_mark_is_refused(tmp_path):
    for encoding in ("utf-16-le", "utf-16-be"):
        (bad,) = read_all([put(tmp_path, "d.txt", "A method of BRCA1.".encode(encoding))])
        assert f"iconv -f {encoding} " in bad.reason


def test_patents_are_decoded_only_into_what_is_chinese():
    for encoding in ("gb18030", "utf-8", "utf-8-sig", "utf-16", "utf-16-le"):
        assert decode_text(CHINESE.encode(encoding)) == CHINESE
    assert decode_text(TRADITIONAL.encode("big5")) == TRADITIONAL
    for text, encoding in ((JAPANESE, "shift_jis"), (JAPANESE, "euc_jp"), (KOREAN, "euc_kr"), ("naïve °", "latin-1")):
        with pytest.raises(UnexpectedValue):
            decode_text(text.encode(encoding))
    assert decode_text(JAPANESE.encode("shift_jis"), "shift_jis") == JAPANESE  # a page that says so


# ---- what is in a folder ----


def test_what_a_folder_has_and_is_not_read_is_named(tmp_path, tagger, monkeypatch, capsys):  # noqa: F811
    folder, outside = tmp_path / "in", put(tmp_path, "out/x.txt", "甲").parent
    names = ["a.txt", "b.pdf", "c.txt.gz", "d.DOCX", "picture.png", "a.ann", "shut/y.txt", ".hidden.pdf"]
    for name in names:
        put(folder, name, "甲")
    (folder / "e.txt").symlink_to("nowhere.txt")
    os.mkfifo(folder / "f.jsonl")
    (folder / "link").symlink_to(outside)
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    bad = {"b.pdf", "c.txt.gz", "d.DOCX", "e.txt", "f.jsonl", "link", "shut"}
    found = read_all([folder])
    assert [item.id for item in found if isinstance(item, Document)] == ["a"]
    places = {str(folder / name) for name in bad}
    assert {item.source for item in found if isinstance(item, Rejected)} == places
    told = capsys.readouterr().err
    assert "2 file(s)" in told and "picture.png" in told and "a.ann" in told
    found = read_all([folder], kind="txt")  # what else there is was not asked for
    assert {item.source for item in found[1:]} == {str(folder / name) for name in ("e.txt", "link", "shut")}
    assert main(["predict", str(folder), "-o", f"{tmp_path}/tagged/"]) == 1
    assert {row["source"] for row in read_rows(tmp_path / "tagged" / "errors.jsonl")} == places
    with pytest.raises(InputError, match="e.txt|link|shut"):
        list(read_documents([folder], "brat"))
    files, faults = list_source_files(folder)  # of `patents`
    assert [file.name for file in files] == ["a.txt", "c.txt.gz"]
    assert len(faults) == 8 and {f"{folder}/{name}" for name in bad - {"c.txt.gz"}} < {fault.path for fault in faults}
    with pytest.raises(InputError, match="among 1"):
        read_all([put(tmp_path, "no/a.pdf", "甲").parent])


# ---- ids and names ----


def test_ids_are_distinct_or_their_number_is_told(tmp_path, capsys):
    put(tmp_path, "a.jsonl", '{"id": "a-2", "text": "甲"}\n{"text": "乙"}\n{"id": "", "text": "丙"}\n')
    put(tmp_path, "a-3.txt", "丁")
    parquet.write_table(pa.table({"id": [1.0, 2.0, None], "text": list("戊己庚")}), tmp_path / "p.parquet")
    assert [item.id for item in read_all([tmp_path])] == ["a-3", "a-2", "a-2-2", "a-3-2", "1", "2", "p-3"]
    assert capsys.readouterr().err == ""
    path = put(tmp_path, "b.csv", "id,text\nx,甲\nx,乙\nx,丙\n")
    assert [item.id for item in read_all([path])] == ["x", "x", "x"]
    told = capsys.readouterr().err
    assert "b.csv" in told and "'x'" in told and " 2 " in told


def test_names_of_files_are_read_and_written_as_they_are(tmp_path):
    put(tmp_path, "p%41.txt", "甲")
    put(tmp_path, "a%2Fb.txt", "甲")
    assert [item.id for item in read_all([tmp_path])] == ["a/b", "p%41"]
    ids = ["p%41", "肺" * 82, "a\nb"]
    write_documents([Document(id, "甲") for id in ids], tmp_path / "brat", "brat")
    assert sorted(each.id for each in read_documents([tmp_path / "brat"])) == sorted(ids)
    with pytest.raises(InputError):
        name_file("肺" * 83)
    info = {part: [f"{part}\n1.bio", f"{part}\r2.bio"] for part in PARTS}
    write_split_info(tmp_path / "info", info)
    assert {part: len(names) for part, names in read_split_info(tmp_path / "info").items()} == dict.fromkeys(PARTS, 2)


def test_patent_numbers_may_be_full_width(tmp_path):
    assert normalize_number("ＣＮ １０５６１１９４０ Ａ") == "CN105611940A"
    assert find_numbers("见ＣＮ１０５６１１９４０Ａ。") == ["CN105611940A"]
    assert parse_plain_text("甲", "２０１６-０５-２５－ＣＮ１０５６１１９４０Ａ").number == "CN105611940A"
    path = put(tmp_path, "d.jsonl", '{"id": 7.0, "text": "甲"}\n{"id": 7.5, "text": "甲"}\n')
    first, second = read_export(path, {})
    assert first.number == "7" and isinstance(second, Fault)


@pytest.mark.parametrize(("data", "id", "year"), [
    ("number,date\nCN105611940,2015-01-02\n", "CN105611940A", 2015),
    ("number,date\nCN105611940A,2015-01-02\n", "CN105611940", 2015),
    ("number,date\nCN105611940B,2018-01-02\nCN105611940A,2015-01-02\n", "CN105611940A", 2015),
    ("number,year\nCN105611940A,2018.0\n", "CN105611940A", 2018),
    ("number,date\nCN105611940A,20180525.0\n", "CN105611940A", 2018),
    ("number,date\nCN105611940A,2018-05\n", "CN105611940A", 2018),
    ("number,date\nＣＮ１０５６１１９４０Ａ,２０１８年\n".replace("２０１８", "2018"), "CN105611940A", 2018),
    ("number,year\nCN1,2018\n", "CN105611940A", None),
])  # fmt: skip
def test_patents_of_a_table_are_found_by_their_numbers(tmp_path, data, id, year):
    bibliography = read_bibliography(put(tmp_path, "P.CSV", data))
    assert identify_publication(Document(id, ""), bibliography).year == year


def test_a_year_that_a_table_lacks_is_a_note(tmp_path, capsys):
    spans = [{"start": 0, "end": 4, "label": "gene"}]
    put(tmp_path, "d.jsonl", json.dumps({"id": "CN105611940A", "text": "HER2", "spans": spans}))
    parquet.write_table(pa.table({"number": ["CN7", "CN8"], "year": [2018.0, float("nan")]}), tmp_path / "p.parquet")
    words = ["-o", str(tmp_path / "o.csv"), "--patents", str(tmp_path / "p.parquet")]
    assert main(["entities", str(tmp_path / "d.jsonl"), *words]) == 0
    assert "note: 1 documents without a year" in capsys.readouterr().out


# ---- rows and columns ----


@pytest.mark.parametrize(("name", "data", "places", "found"), [
    ("a.csv", "id,text,text\n1,甲,乙\n", [0], "'text' twice"),
    ("a.csv", "id,text,,\n1,甲,,\n", [None], ""),
    ("a.csv", "id;text\n1;甲\n", [0], "id;text"), ("a.csv", "id\ttext\n1\t甲\n", [0], "one field"),
    ("a.tsv", "id,text\n1,甲\n", [0], "one field"),
    ("a.csv", 'text,id\n甲,1\n"乙,2\n丙,3\n丁,4\n', [None, 2], "lines 3 to 5"),
    ("a.tsv", 'text\tid\n"甲\t1\n乙\t2\n"丙"\t3\n丁\t4\n', [1, None], "lines 2 to 4"),
    ("a.jsonl", '{"text": "甲", "id": 1, "id": 2}\n{"text": "乙"}\n', [1, None], "'id' twice"),
    ("a.json", '[{"text": "甲", "text": "乙"}]', [0], "'text' twice"),
    ("a.jsonl", '{"text": "甲"}\r{"text": "乙"}\r', [1], "JSON"),
])  # fmt: skip
def test_rows_that_would_be_lost_are_faults(tmp_path, name, data, places, found):
    rows = list(read_any_rows(put(tmp_path, name, data)))
    assert [row.line if isinstance(row, Fault) else None for row in rows] == places
    assert all(found in str(row) for row in rows if isinstance(row, Fault))
    assert [item.text for item in read_all([put(tmp_path, "b.csv", "note,text,note\n1,甲,2\n")])] == ["甲"]  # not read


@pytest.mark.parametrize("tags", ["B_gene I_gene", "S-gene O", "B-gene E-gene", "x y", "B- I"])
def test_tags_do_not_matter_to_prediction_and_training_names_what_reads_them(tmp_path, tags):
    lines = [f"{char} {tag}\n" for char, tag in zip("基因", tags.split(), strict=True)]
    path = put(tmp_path, "d.bio", "".join(lines))
    assert read_all([path]) == [Document("d", "基因")]
    with pytest.raises(FaultyFile) as caught:
        read_bio(path)
    is_known = tags[1] in "-_" and len(tags) > 5
    assert ("cbpner convert" in caught.value.faults[0].expected) == is_known
    if is_known:
        (document,) = read_documents([path])
        assert [span[2:4] for span in document.spans] == [("gene", "基" if tags[0] == "S" else "基因")]


def test_lone_carriage_returns_are_line_ends_of_another_kind(tmp_path):
    with pytest.raises(FaultyFile) as caught:
        read_bio(put(tmp_path, "d.bio", "基 B-gene\r因 I-gene\r"))
    (fault,) = caught.value.faults
    assert fault.line == 1 and "carriage return" in fault.found
