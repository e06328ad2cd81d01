"""`cbpner entities`: mentions, counts, years and families, formats, and what is wrong with predictions."""

import contextlib
import csv
import io
import re

import pyarrow as pa
import pytest
from patent_data import read_lines as read_jsonl
from patent_data import write_lines
from pyarrow import parquet

from cbpner.biology.genes.mentions import cut_sentences
from cbpner.biology.genes.predictions import read_bibliography
from cbpner.cli import main

NAMES = (
    "hgnc_id\tsymbol\talias_symbol\tprev_symbol\nHGNC:3430\tERBB2\tHER2\t\n"
    "HGNC:6364\tKLK3\t前列腺素乙\tPSA\nHGNC:5\tA1BG\tB7X\tPSA\n"
)


def test_sentences_are_those_of_the_text_as_it_is_read():
    page = "\n".join(["本发明涉及一种用于治疗卵巢癌的融合蛋白及其制"] * 8) + "备。\n"
    assert cut_sentences(page + "另一句") == [(0, len(page)), (len(page), len(page) + 3)]
    assert cut_sentences("TNF-&alpha;蛋白。IL-6") == [(0, 14), (14, 18)]


def make_document(id, text, *mentions, **more):
    """A document's row; mentions: (surface, label, score), each at its first place in the text."""
    spans = [
        {"start": text.index(name), "end": text.index(name) + len(name), "label": label, "score": score}
        for name, label, score in mentions
    ]
    return {"id": id, "text": text, "spans": spans, **more}


ROWS = [
    make_document(
        "2016-05-25-CN105611940A-plain", "抗HER2抗体。Her-2与乳腺癌；PCR。",
        ("抗HER2抗体", "protein", 0.5), ("Her-2", "gene", 1.0), ("乳腺癌", "disease", 0.25), ("PCR", "gene", 0.5),
    ),
    make_document("b", "HER2和PSA", ("HER2", "gene", 0.75), ("PSA", "gene", 0.5), date="20180101", family="F1"),
    make_document("c", "HER2，乳腺癌患者，B7X。", ("HER2", "protein", 0.75), ("乳腺癌患者", "disease", 0.75),
                  ("B7X", "gene", 1.0), date="2017-01-01", family="F1"),
    make_document("d", "没有。"),
]  # fmt: skip


@pytest.fixture
def lexicon(tmp_path):
    (path := tmp_path / "hgnc.tsv").write_text(NAMES, encoding="utf-8")
    return str(path)


def run(tmp_path, lexicon, *flags, rows=ROWS, out="out.jsonl"):
    predictions = str(write_lines(tmp_path / "predictions.jsonl", rows))
    return main(["entities", predictions, "--lexicon", lexicon, "-o", str(tmp_path / out), "--threads", "1", *flags])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """(folder with the table and the mentions of ROWS, what was printed); rows come in several batches."""
    folder = tmp_path_factory.mktemp("written")
    (folder / "hgnc.tsv").write_text(NAMES, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as said:
        patch.setattr("cbpner.biology.tables.ROWS_AT_ONCE", 4)
        assert run(folder, str(folder / "hgnc.tsv"), "--mentions", str(folder / "mentions.parquet")) == 0
    return folder, said.getvalue()


def test_the_table_counted_by_hand(written):
    folder, out = written
    table = {row["entity"]: row for row in read_jsonl(folder / "out.jsonl")}
    assert list(table) == ["HGNC:3430", "disease:乳腺癌", "HGNC:5", "gene:pcr", "gene:psa"]
    her2 = table["HGNC:3430"]
    about = {name: her2[name] for name in ("name", "type", "status", "mentions", "agents", "patents", "families")}
    assert list(about.values()) == ["ERBB2", "gene", "one", 3, 1, 3, 2]
    assert her2["surfaces"] == [
        {"surface": "HER2", "count": 2}, {"surface": "Her-2", "count": 1}, {"surface": "抗HER2抗体", "count": 1},
    ]  # fmt: skip
    assert her2["labels"] == [{"label": "gene", "count": 2}, {"label": "protein", "count": 2}]
    assert (her2["first_year"], her2["last_year"]) == (2016, 2018)
    assert (her2["mean_score"], her2["score"]) == (0.75, 3.0)
    assert (table["disease:乳腺癌"]["mentions"], table["disease:乳腺癌"]["name"]) == (2, "乳腺癌")
    assert table["gene:pcr"]["status"] == "lookalike"
    assert (table["gene:psa"]["status"], table["gene:psa"]["candidates"]) == ("ambiguous", ["HGNC:5", "HGNC:6364"])
    assert "5 entities, 9 mentions" in out and "1 mentions, 1 entities that only look like genes: PCR" in out


def test_candidates_that_the_texts_name_elsewhere_come_first(tmp_path, lexicon):
    others = (("KLK3", "gene", 1), ("前列腺素乙", "protein", 1), ("B7X", "gene", 1))
    two = ("HER2和KLK3基因", "gene", 0.5)  # genes in one mention
    rows = [ROWS[1], make_document("e", "KLK3，前列腺素乙，B7X", *others), make_document("f", two[0], two)]
    run(tmp_path, lexicon, rows=rows)
    table = {row["entity"]: row for row in read_jsonl(tmp_path / "out.jsonl")}
    assert table["gene:psa"]["candidates"] == ["HGNC:6364", "HGNC:5"]
    assert [table[id]["score"] for id in ("HGNC:3430", "HGNC:6364")] == [0.75 + 0.5, 2 + 0.5]


def test_every_mention_with_its_sentence(written):
    rows = parquet.read_table(written[0] / "mentions.parquet").to_pylist()
    first = [row for row in rows if row["document"].startswith("2016")]
    text = ROWS[0]["text"]
    assert [text[row["start"] : row["end"]] for row in first] == ["抗HER2抗体", "Her-2", "乳腺癌", "PCR"]
    assert [row["sentence"] for row in first] == [0, 1, 1, 2]
    sentences = [text[row["sentence_start"] : row["sentence_end"]] for row in first]
    assert sentences[1:] == ["Her-2与乳腺癌；"] * 2 + ["PCR。"]
    assert [row["is_agent"] for row in first] == [True, False, False, False]
    assert {row["year"] for row in first} == {2016} and {row["patent"] for row in first} == {"CN105611940A"}
    assert {row["family"] for row in first} == {"CN105611940"}


@pytest.mark.parametrize("flags", [(), ("--encoding", "utf-8-sig")])
def test_csv_holds_the_same(written, tmp_path, lexicon, flags):
    assert run(tmp_path, lexicon, *flags, out="out.csv") == 0
    text = (tmp_path / "out.csv").read_bytes().decode(flags[-1] if flags else "utf-8")
    header, *cells = csv.reader(text.splitlines())
    flat, rows = [dict(zip(header, row, strict=True)) for row in cells], read_jsonl(written[0] / "out.jsonl")
    assert flat[0]["surfaces"] == "HER2 (2); Her-2 (1); 抗HER2抗体 (1)"
    assert [(row["entity"], int(row["mentions"])) for row in flat] == [(row["entity"], row["mentions"]) for row in rows]


@pytest.mark.slow
def test_predictions_in_parquet(tmp_path, lexicon, refuse):
    run(tmp_path, lexicon)
    parquet.write_table(pa.Table.from_pylist([ROWS[1], ROWS[2], ROWS[0]]), tmp_path / "predictions.parquet")
    out = tmp_path / "same.jsonl"
    assert main(["entities", str(tmp_path / "predictions.parquet"), "--lexicon", lexicon, "-o", str(out)]) == 0
    assert out.read_text(encoding="utf-8") == (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    (folder := tmp_path / "in").mkdir()
    (tmp_path / "predictions.parquet").rename(folder / "P.PARQUET")
    parquet.write_table(pa.table({"a_id": ["HGNC:5"], "p": [0.5]}), folder / "relations.parquet")  # no predictions
    upper = tmp_path / "upper.jsonl"
    assert main(["entities", str(folder), "--lexicon", lexicon, "-o", str(upper)]) == 0
    assert upper.read_bytes() == out.read_bytes()
    (folder / "more.jsonl").write_text("", encoding="utf-8")
    for words, found in ((folder, "P.PARQUET and more.jsonl"), (folder / "relations.parquet", "relations.parquet: ")):
        assert found in refuse("entities", words, "-o", tmp_path / "none.csv")


def test_years_and_families_of_a_table_of_patents(tmp_path, lexicon):
    patents = tmp_path / "patents.csv"
    patents.write_text("publication_number,date,family\nCN-105611940-A,2015-01-02,F1\nb,2011,\n", encoding="utf-8")
    expected = {"CN105611940A": (2015, "F1"), "CN105611940": (2015, "F1"), "b": (2011, None)}
    assert read_bibliography(patents) == expected
    table = pa.table({"number": ["CN100000001A"], "family_id": [-1], "year": [2010], "text": ["长"]})
    parquet.write_table(table, tmp_path / "p.parquet")
    assert read_bibliography(tmp_path / "p.parquet") == dict.fromkeys(("CN100000001A", "CN100000001"), (2010, None))
    assert run(tmp_path, lexicon, "--patents", str(patents)) == 0
    her2 = read_jsonl(tmp_path / "out.jsonl")[0]
    assert (her2["first_year"], her2["last_year"], her2["families"]) == (2011, 2017, 1)
    years = {"date": "2014"}, {"date": "2019-05"}, {"year": 2018}, {"publication_date": 20170304}
    rows = [make_document(str(number), "HER2", ("HER2", "gene", 0.5), **each) for number, each in enumerate(years)]
    run(tmp_path, lexicon, rows=rows, out="years.jsonl")
    row = read_jsonl(tmp_path / "years.jsonl")[0]
    assert (row["first_year"], row["last_year"]) == (2014, 2019)


def test_patents_and_families_are_those_of_relations(tmp_path, lexicon, capsys):
    """Documents of one patent, its grant, patents without a family in BigQuery's table, two ids that come twice."""
    her2 = ("HER2", "gene", 1)
    rows = [make_document(f"CN105611940A {part}", "HER2。", her2) for part in "ab"]
    rows += [make_document("CN105611940B", "HER2。", her2), make_document("CN105611941A", "HER2。", her2, family="-1")]
    rows += [make_document("CN105611942A", "HER2。", her2, family_id=-1), rows[0], {**rows[1], "text": "HER2！"}]
    assert run(tmp_path, lexicon, rows=rows) == 0
    (row,) = read_jsonl(tmp_path / "out.jsonl")
    assert (row["mentions"], row["patents"], row["families"]) == (5, 4, 3)
    out = capsys.readouterr().out
    assert "note: 1 documents whose id was there before\n" in out
    assert "note: 1 documents whose id was there before with another text" in out


@pytest.mark.parametrize("name, data, found", [
    ("p.csv", "number,date\n甲,2010\n".encode("gb18030"), "p.csv:1: .*UTF-8"),
    ("p.csv", b"number,date\na,2010\nb,soon\n", "p.csv:2: .*'soon'"),
    ("p.csv", b"number,title\na,x\n", "p.csv:1: .*'title'.*number"),
    ("p.csv", b"number,date\n", "p.csv: .*no row"),
])  # fmt: skip
def test_bad_tables_of_patents(tmp_path, lexicon, capsys, name, data, found):
    (tmp_path / name).write_bytes(data)
    assert run(tmp_path, lexicon, "--patents", str(tmp_path / name), out="new/folder/out.csv") == 2
    assert re.search(found, capsys.readouterr().err) and not (tmp_path / "new").exists()


@pytest.mark.parametrize("rows, words", [
    ([make_document("x", "HER2抗体", ("HER2", "gene", 1), ("HER2抗体", "protein", 1))], "--overlap longest"),
    ([ROWS[3]], "no mention"),
    ([{"id": "x", "text": "甲", "spans": [{"start": 0, "end": 5, "label": "gene"}]}], "the span 0..5"),
    ([{"id": "x", "text": "甲", "spans": [{"start": 0, "end": 1, "label": "gene", "score": 7}]}], "number 7"),
])  # fmt: skip
def test_bad_predictions_leave_nothing_behind(tmp_path, lexicon, capsys, rows, words):
    assert run(tmp_path, lexicon, "--mentions", str(tmp_path / "m.csv"), rows=rows) == 2
    assert words in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"hgnc.tsv", "predictions.jsonl"}


def test_overlapping_spans_by_a_stated_rule(tmp_path, lexicon, capsys):
    rows = [make_document("x", "HER2抗体", ("HER2", "gene", 1), ("HER2抗体", "protein", 1))]
    assert run(tmp_path, lexicon, "--overlap", "longest", rows=rows) == 0
    assert [row["agents"] for row in read_jsonl(tmp_path / "out.jsonl")] == [1]
    assert "1 overlapping spans dropped" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["entities", "relations"])
def test_no_output_would_be_read_as_predictions(tmp_path, lexicon, refuse, command):
    (source := tmp_path / "tagged").mkdir()
    write_lines(source / "a.jsonl", ROWS)
    for out, overwrite in ((source / "deep" / "e.jsonl", []), (source / "a.jsonl", ["--overwrite"])):
        given = source if out.name == "e.jsonl" else out
        assert f"{out}: " in refuse(command, given, "-o", out, "--lexicon", lexicon, *overwrite)
    assert [path.name for path in source.iterdir()] == ["a.jsonl"]
