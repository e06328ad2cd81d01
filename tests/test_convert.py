"""`cbpner convert`, and `cbpner check` and `cbpner stats` on annotations in any format, from the outside."""

import pytest
from conftest import GOLD, needs_gold

from cbpner.cli import main
from cbpner.formats.document import Document, Span
from cbpner.formats.registry import read_documents, write_documents
from cbpner.text.bio import read_bio

TEXT = "HER2阳性乳腺癌患者。\n😀雌激素受体\n"
DOCUMENTS = [
    Document("a", TEXT, [Span(0, 4, "gene", "HER2"), Span(6, 9, "disease", "乳腺癌"), Span(13, 18, "protein")]),
    Document("b", "无"),
]
COUNTS = "3 lines, 21 characters, 3 mentions (disease 1, gene 1, protein 1)"


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.jsonl"
    write_documents(DOCUMENTS, path, "jsonl")
    return path


def run(capsys, *arguments):
    """(exit code, standard output, standard error) of the command line."""
    code = main([str(argument) for argument in arguments])
    return code, *capsys.readouterr()


def test_round_through_three_formats(tmp_path, corpus, capsys):
    path = corpus
    for name, out in (("brat", "out"), ("yedda", "columns"), ("labelstudio", "out.json"), ("jsonl", "last.jsonl")):
        code, said, wrong = run(capsys, "convert", path, "-o", tmp_path / out, "--to", name)
        assert code == 0, wrong
        assert said.startswith(f"{tmp_path / out}: {name}, from 2 documents, {COUNTS}")
        path = tmp_path / out
    assert list(read_documents([path])) == list(read_documents([corpus]))


def test_choices_and_their_counts(tmp_path, capsys):
    path = tmp_path / "in.jsonl"
    document = Document("a", "乳腺癌\n基因", [Span(0, 3, "x"), Span(2, 3, "y"), Span(1, 5, "z", score=0.5)], {"k": 1})
    write_documents([document], path, "jsonl")
    code, _, wrong = run(capsys, "convert", path, "-o", tmp_path / "a.bio")
    assert code == 2 and "1..5" in wrong
    code, said, _ = run(capsys, "convert", path, "-o", tmp_path / "a.bio", "--unfit", "cut", "--overlap", "first")
    assert code == 0
    assert [line.split()[:2] for line in said.splitlines()[1:]] == [["note:", each] for each in "1211"]
    assert read_bio(tmp_path / "a.bio")[1].tags == ("B-z", "O")


def test_what_is_refused(tmp_path, corpus, refuse):
    (folder := tmp_path / "folder").mkdir()
    (folder / "a.bio").write_text("基 O\n")
    before = sorted(tmp_path.rglob("*"))
    for arguments, found in (
        ([corpus, "-o", tmp_path / "out"], "--to"),
        ([corpus, "-o", tmp_path / "corpus.jsonl", "--overwrite"], "to be read"),
        ([folder, "-o", folder, "--to", "brat", "--overwrite"], "to be read"),
        ([folder, "-o", folder / "deep" / "out.jsonl", "--overwrite"], "to be read"),
        ([folder / "a.bio", "-o", folder, "--to", "bio", "--overwrite"], "to be read"),
        ([tmp_path / "no.bio", "-o", tmp_path / "a.jsonl"], "no such file"),
        ([folder, "-o", tmp_path / "a.jsonl", "--from", "brat"], ".txt or .ann"),
        ([corpus, "-o", folder / "a.bio", "--join"], "--overwrite"),
        ([corpus, "-o", tmp_path / "a.bio"], "--join"),
    ):
        assert found in refuse("convert", *arguments)
        assert sorted(tmp_path.rglob("*")) == before


def test_check_of_other_formats(tmp_path, corpus, capsys):
    write_documents(DOCUMENTS, tmp_path / "brat", "brat")
    (tmp_path / "x.conll").write_text("基 I-gene\n因 I-gene\n")
    code, said, _ = run(capsys, "check", corpus, tmp_path / "brat")
    assert code == 0 and [line.partition(", ")[2] for line in said.splitlines()] == [f"2 documents, {COUNTS}"] * 2
    assert run(capsys, "check", tmp_path / "x.conll")[0] == 2
    code, said, _ = run(capsys, "check", tmp_path / "x.conll", "--format", "iob1")
    assert code == 0 and "iob1, 1 documents" in said


def test_check_names_faults_of_other_formats(tmp_path, corpus, capsys):
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "a", "spans": [{"start": 0, "end": 2, "label": "x"}]}\n' * 25)
    (tmp_path / "labels.txt").write_text("gene\nprotein\n")
    code, said, wrong = run(capsys, "check", bad, corpus, "--labels", tmp_path / "labels.txt")
    assert code == 2 and "2 of 2" in wrong
    lines = said.splitlines()
    assert len(lines) == 26 and lines[24].startswith(f"{bad}:25: ")
    assert lines[25].startswith(f"{corpus}: ") and "'disease' at 6 of 'a'" in lines[25]
    assert run(capsys, "check", corpus, "-o", tmp_path / "a", "--orphans", "repair")[0] == 2


def test_check_describes_overlaps_line_breaks_and_what_was_left_out(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("雌激素\n受体")
    (tmp_path / "a.ann").write_text("T1\tx 0 3;4 6\t雌激素 受体\nT2\ty 4 6\t受体\nA1\tNegation T1\n")
    code, said, _ = run(capsys, "check", tmp_path / "a.ann")
    [note, counts] = said.splitlines()
    assert code == 0 and note.startswith("note: 1 attributes")
    assert "2 lines, 6 characters, 2 mentions (x 1, y 1), 1 overlapping, 1 across line breaks" in counts


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


@pytest.mark.slow
@needs_gold
def test_gold_through_brat_and_back(tmp_path, capsys):
    """Whole patents of split 2's dev part, with nothing lost on the way."""
    path = GOLD / "2" / "cbp_gold_v2_dev.bio"
    assert run(capsys, "convert", path, "-o", tmp_path / "brat", "--to", "brat", "--split-at", "Abstract")[0] == 0
    assert run(capsys, "convert", tmp_path / "brat", "-o", tmp_path / "again.bio", "--join")[0] == 0
    assert (tmp_path / "again.bio").read_bytes() == path.read_bytes()
