"""`cbpner convert`, and `cbpner check` and `cbpner stats` on annotations in any format, from the outside."""

import json
from pathlib import Path

import pytest
from conftest import GOLD, needs_gold

from cbpner.cli import main
from cbpner.formats.document import Document, Span
from cbpner.formats.registry import FORMATS, read_documents, write_documents
from cbpner.text.bio import read_bio

ROOT = Path(__file__).parent.parent

TEXT = "HER2阳性乳腺癌患者。\n😀雌激素受体\n"
DOCUMENTS = [
    Document("a", TEXT, [Span(0, 4, "gene", "HER2"), Span(6, 9, "disease", "乳腺癌"), Span(13, 18, "protein")]),
    Document("b", "无"),
]


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.jsonl"
    write_documents(DOCUMENTS, path, "jsonl")
    return path


def run(capsys, *arguments):
    """(exit code, standard output, standard error) of the command line."""
    code = main([str(argument) for argument in arguments])
    return code, *capsys.readouterr()


def test_round_through_every_format(tmp_path, corpus, capsys):
    first = list(read_documents([corpus]))
    path = corpus
    for number, name in enumerate(FORMATS):
        suffix = FORMATS[name].suffixes[0] if FORMATS[name].write else ""
        out = tmp_path / f"out{number}{suffix}"
        source = ["--from", "iob1"] if path.name == "out2" else []
        code, said, wrong = run(capsys, "convert", path, "-o", out, "--to", name, *source)
        assert code == 0, wrong
        assert said.startswith(
            f"{out}: {name}, 2 documents, 3 lines, 21 characters, 3 mentions (disease 1, gene 1, protein 1)"
        )
        path = out
    code, _, _ = run(capsys, "convert", path, "-o", tmp_path / "last.jsonl")
    assert code == 0 and (tmp_path / "last.jsonl").read_bytes() == corpus.read_bytes()
    assert list(read_documents([tmp_path / "last.jsonl"])) == first


def test_the_output_is_not_among_what_is_read(tmp_path, capsys):
    """A second time, with --overwrite, it would be read as well."""
    for output in ("in/out.jsonl", "in/deep/out.jsonl", "in/out/"):
        write_documents(DOCUMENTS, tmp_path / "in", "bio", overwrite=True)
        words = ["convert", tmp_path / "in", "-o", tmp_path / output, "--to", "jsonl", "--from", "bio", "--overwrite"]
        code, _, told = run(capsys, *words)
        assert code == 2 and "which is to be read; expected OUT outside of it" in told
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["a.bio", "b.bio"]


def test_the_help_names_every_format(capsys):
    with pytest.raises(SystemExit):
        main(["convert", "--help"])
    said = capsys.readouterr().out
    for format in FORMATS.values():
        assert f"\n  {format.name} " in said and format.summary in said


def test_choices_and_their_counts(tmp_path, capsys):
    path = tmp_path / "in.jsonl"
    document = Document("a", "乳腺癌\n基因", [Span(0, 3, "x"), Span(2, 3, "y"), Span(1, 5, "z", score=0.5)], {"k": 1})
    write_documents([document], path, "jsonl")
    code, _, wrong = run(capsys, "convert", path, "-o", tmp_path / "a.bio")
    assert code == 2 and wrong.startswith(
        "error: BIO cannot hold the span 1..5 (z, '腺癌\\n基') of document 'a': it crosses"
    )
    code, said, _ = run(capsys, "convert", path, "-o", tmp_path / "a.bio", "--unfit", "cut", "--overlap", "first")
    assert code == 0
    assert said.splitlines()[1:] == [
        "note: 1 spans cut at line breaks",
        "note: 2 overlapping spans dropped (--overlap first)",
        "note: 1 spans without their scores, which BIO has no place for",
        "note: 1 documents without their metadata or date, which BIO has no place for",
    ]
    assert read_bio(tmp_path / "a.bio")[1].tags == ("B-z", "O")


def test_what_is_refused(tmp_path, corpus, capsys):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.bio").write_text("基 O\n")
    for arguments, found in (
        ([corpus, "-o", tmp_path / "out"], "found no sign of the format to write"),
        ([corpus, "-o", tmp_path / "corpus.jsonl", "--overwrite"], "which is to be read"),
        ([folder, "-o", folder, "--to", "brat", "--overwrite"], "which is to be read"),
        ([folder / "a.bio", "-o", folder, "--to", "bio", "--overwrite"], "which is to be read"),
        ([tmp_path / "no.bio", "-o", tmp_path / "a.jsonl"], "no such file or folder"),
        ([folder, "-o", tmp_path / "a.jsonl", "--from", "brat"], "found no file that ends in .txt or .ann"),
        ([corpus, "-o", folder / "a.bio", "--join"], "found something there already"),
        ([corpus, "-o", tmp_path / "a.bio"], "several documents for one file"),
    ):
        before = sorted(tmp_path.rglob("*"))
        code, said, wrong = run(capsys, "convert", *arguments)
        assert code == 2 and found in wrong and said == "", wrong
        assert sorted(tmp_path.rglob("*")) == before


def test_several_inputs_of_several_formats(tmp_path, corpus, capsys):
    (tmp_path / "c.txt.ann").write_text("[@基因#gene*]")
    code, said, _ = run(capsys, "convert", corpus, tmp_path / "c.txt.ann", "-o", tmp_path / "all.jsonl")
    assert code == 0 and "3 documents" in said and "gene 2" in said


def test_check_of_other_formats(tmp_path, corpus, capsys):
    write_documents(DOCUMENTS, tmp_path / "brat", "brat")
    (tmp_path / "x.bioes").write_text("基 S-gene\n")
    code, said, _ = run(capsys, "check", corpus, tmp_path / "brat", tmp_path / "x.bioes")
    assert code == 0
    lines = said.splitlines()
    assert lines[0].endswith(
        "corpus.jsonl: jsonl, 2 documents, 3 lines, 21 characters, 3 mentions (disease 1, gene 1, protein 1)"
    )
    assert lines[1].endswith("brat: brat, " + lines[0].partition("jsonl, ")[2])
    assert lines[2].endswith("x.bioes: bioes, 1 documents, 1 lines, 1 characters, 1 mentions (gene 1)")


def test_check_names_faults_of_other_formats(tmp_path, corpus, capsys):
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "a", "spans": [{"start": 0, "end": 2, "label": "x"}]}\n' * 25)
    (tmp_path / "labels.txt").write_text("gene\nprotein\n")
    code, said, wrong = run(capsys, "check", bad, corpus, "--labels", tmp_path / "labels.txt")
    assert code == 2 and "2 of 2" in wrong
    lines = said.splitlines()
    assert len(lines) == 26 and lines[24].startswith(f"{bad}:25: found the span 0..2 in a text of 1 characters")
    assert lines[25] == f"{corpus}: found the label 'disease' at 6 of 'a'; expected one of gene, protein"
    code, _, wrong = run(capsys, "check", corpus, "-o", tmp_path / "a", "--orphans", "repair")
    assert code == 2 and "found -o with a file of jsonl" in wrong


def test_check_describes_overlaps_line_breaks_and_what_was_left_out(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("雌激素\n受体")
    (tmp_path / "a.ann").write_text("T1\tx 0 3;4 6\t雌激素 受体\nT2\ty 4 6\t受体\nA1\tNegation T1\n")
    code, said, _ = run(capsys, "check", tmp_path / "a.ann")
    assert code == 0
    assert said.splitlines() == [
        "note: 1 attributes of brat's left out",
        f"{tmp_path / 'a.ann'}: brat, 1 documents, 2 lines, 6 characters, 2 mentions (x 1, y 1), 1 overlapping, "
        "1 across line breaks",
    ]


def test_check_with_a_named_format(tmp_path, capsys):
    path = tmp_path / "a.conll"
    path.write_text("基 I-gene\n因 I-gene\n")
    assert run(capsys, "check", path)[0] == 2
    code, said, _ = run(capsys, "check", path, "--format", "iob1")
    assert code == 0 and "iob1, 1 documents" in said


def test_stats_of_annotated_text(tmp_path, corpus, capsys):
    code, said, _ = run(capsys, "stats", corpus, "--markdown")
    assert code == 0
    header, rule, row = ([cell.strip() for cell in line.split("|")[1:-1]] for line in said.splitlines())
    assert header[:6] == ["of", "documents", "lines", "characters", "longest", "mentions"] and len(rule) == 12
    assert row == ["corpus.jsonl", "2", "3", "21", "12", "3", "1", "1", "1", "3", "0", "0"]
    code, said, _ = run(capsys, "stats", corpus, "--documents")
    assert [line.split()[:4] for line in said.splitlines()[1:]] == [["a", "1", "2", "20"], ["b", "1", "1", "1"]]
    write_documents(DOCUMENTS, tmp_path / "docs", "bio")
    code, said, _ = run(capsys, "stats", tmp_path / "docs")
    assert code == 0 and said.splitlines()[1].split()[:4] == ["docs", "2", "3", "21"]


def test_stats_still_says_what_a_data_folder_lacks(tmp_path, capsys):
    code, _, wrong = run(capsys, "stats", tmp_path / "no")
    assert code == 2 and "no such folder" in wrong
    (tmp_path / "a.txt").write_text("a")
    code, _, wrong = run(capsys, "stats", tmp_path)
    assert code == 2 and "found no split" in wrong
    (tmp_path / "part" / "0").mkdir(parents=True)
    (tmp_path / "part" / "0" / "x_train.bio").write_text("基 O\n")
    for folder in (tmp_path / "part", tmp_path / "part" / "0"):
        code, _, wrong = run(capsys, "stats", folder)
        assert code == 2 and "found x_train.bio; expected *_train.bio, *_dev.bio and *_test.bio" in wrong
    code, _, wrong = run(capsys, "stats", tmp_path / "a.txt")
    assert code == 2 and "found no sign of its format" in wrong


@needs_gold
def test_gold_through_brat_and_back(tmp_path, capsys):
    """Whole patents of split 2's dev part, with nothing lost on the way."""
    path = GOLD / "2" / "cbp_gold_v2_dev.bio"
    assert run(capsys, "convert", path, "-o", tmp_path / "brat", "--to", "brat", "--split-at", "Abstract")[0] == 0
    assert run(capsys, "convert", tmp_path / "brat", "-o", tmp_path / "again.bio", "--join")[0] == 0
    assert (tmp_path / "again.bio").read_bytes() == path.read_bytes()


def test_a_row_of_the_output_is_what_prediction_will_write(corpus):
    row = json.loads(corpus.read_text(encoding="utf-8").splitlines()[0])
    assert list(row) == ["id", "text", "spans"]
    assert row["spans"][0] == {"start": 0, "end": 4, "label": "gene", "text": "HER2"}
