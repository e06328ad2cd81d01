"""`cbpner preannotate`: how uncertain a document is, in what order documents stand, what the formats hold of it."""

import csv
import json

import numpy as np
import pytest
from conftest import DEMO_TEXT
from patent_data import write_lines
from test_predict import make_tagger, table  # noqa: F401

from cbpner.cli import main
from cbpner.commands import preannotate as command
from cbpner.formats.document import Document
from cbpner.formats.registry import read_documents
from cbpner.prediction.inputs import Rejected
from cbpner.prediction.job import Reporter
from cbpner.prediction.preannotate import rank_documents

LINES = [line for line in DEMO_TEXT.read_text(encoding="utf-8").split("\n") if line][:12]


def test_measured_texts_have_the_spans_and_the_entropy_of_their_sentences(table):  # noqa: F811
    tagger = make_tagger(table, batch_tokens=128)
    texts = [LINES[0], "", f"{LINES[0]}\n\n{LINES[1]}", LINES[1]]
    first, empty, both, second = tagger.tag_measured(texts)
    assert [found.spans for found in (first, empty, both, second)] == list(tagger.tag_many(texts))
    assert empty == ([], 0.0, 0) and both.characters == len(LINES[0]) + len(LINES[1])
    assert both.entropy == pytest.approx(first.entropy + second.entropy) and first.entropy > 0


def test_the_least_certain_document_is_first_whatever_its_length(table):  # noqa: F811
    tagger = make_tagger(table)
    tagger.backend.scores[:] = np.log([0.97, *[0.005] * 6])
    tagger.backend.scores[table.ids[ord("基")]] = np.log([0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    texts = {"sure": "甲" * 300, "half": "甲基" * 100, "all": "基", "none": "", "again": "基基", "sure, too": "甲甲"}
    items = [*(Document(id, text) for id, text in texts.items()), Rejected("x.txt", "found bytes")]
    with (reporter := Reporter()).bar:
        ranked = rank_documents(tagger, items, reporter)
    assert [document.id for *_, document in ranked] == ["again", "all", "half", "sure", "sure, too", "none"]
    assert ranked[-1][0] == 0.0 and reporter.failed == 1 and reporter.counts["documents"] == 6
    alone = np.array([0.4, 0.1, 0.1, 0.1]) / 0.7  # a single character: no I- is legal
    assert ranked[1][0] == pytest.approx(-(alone * np.log(alone)).sum(), abs=1e-6)


# ---- the command ----


@pytest.fixture
def inputs(tmp_path, table, monkeypatch):  # noqa: F811
    """A file of four documents, the last of them broken; the command's tagger is one of scores by character."""
    monkeypatch.setattr(command, "open_tagger", lambda args: make_tagger(table, min_score=args.min_score))
    rows = [{"id": f"d{n}", "text": "\n".join(LINES[3 * n : 3 * n + 3]), "source": "甲"} for n in (2, 1, 0)]
    return write_lines(tmp_path / "in.jsonl", [*rows, '{"id": "d3"}'])


def preannotate(*words):
    return main(["preannotate", *map(str, words)])


def read_order(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_one_file_holds_the_documents_in_order_with_rank_and_scores(inputs, tmp_path, capsys):
    out = tmp_path / "out.jsonl"
    assert preannotate(inputs, "-o", out) == 1
    order = read_order(tmp_path / "out.jsonl.order.csv")
    documents = list(read_documents([out]))
    assert [row["rank"] for row in order] == ["1", "2", "3"]
    assert [row["document"] for row in order] == [document.id for document in documents] != ["d2", "d1", "d0"]
    values = [float(row["uncertainty"]) for row in order]
    assert values == sorted(values, reverse=True) and values[0] > values[-1] > 0
    for row, document in zip(order, documents, strict=True):
        rank = {"rank": int(row["rank"]), "uncertainty": float(row["uncertainty"])}
        assert document.meta == {"source": "甲"} | rank
        assert len(document.spans) == int(row["spans"]) > 0 and all(0 < span.score <= 1 for span in document.spans)
        assert int(row["characters"]) == sum(map(len, document.text.split("\n")))
    errors = (tmp_path / "out.jsonl.errors.jsonl").read_text(encoding="utf-8")
    assert json.loads(errors)["source"].endswith("in.jsonl:4")
    captured = capsys.readouterr()
    assert "3 of 3 documents, their order in out.jsonl.order.csv" in captured.out and "1 errors" in captured.err


def test_files_for_each_document_begin_with_the_rank(inputs, tmp_path, capsys):
    assert preannotate(inputs, "-o", tmp_path / "brat", "--to", "brat") == 1
    assert "note: " in capsys.readouterr().out
    order = [row["document"] for row in read_order(tmp_path / "brat.order.csv")]
    names = sorted(path.name for path in (tmp_path / "brat").glob("*.ann"))
    assert names == [f"{rank}-{id}.ann" for rank, id in enumerate(order, 1)]
    assert preannotate(inputs, "-o", tmp_path / "names", "--to", "brat", "--keep-names", "--first", 2) == 1
    assert sorted(path.stem for path in (tmp_path / "names").glob("*.ann")) == sorted(order[:2])
    assert len(read_order(tmp_path / "names.order.csv")) == 3
    kept = {document.id: document.spans for document in read_documents([tmp_path / "names"])}
    ranked = {document.id.partition("-")[2]: document.spans for document in read_documents([tmp_path / "brat"])}
    assert all(ranked[id] == spans for id, spans in kept.items())


def test_what_cannot_be_written_is_named_before_anything_is_tagged(inputs, tmp_path, refuse, monkeypatch):
    monkeypatch.setattr(command, "open_tagger", None)
    (tmp_path / "there.jsonl").write_text("甲", encoding="utf-8")
    (tmp_path / "new.jsonl.order.csv").write_text("甲", encoding="utf-8")
    for words, message in [
        (("-o", tmp_path / "there.jsonl"), "there.jsonl"),
        (("-o", tmp_path / "new.jsonl"), "new.jsonl.order.csv"),
        (("-o", tmp_path / "new.txt"), "--to"),
        (("-o", tmp_path / "other.jsonl", "--first", 0), "--first: found 0"),
        (("-o", tmp_path, "--to", "brat"), "to be read"),
    ]:
        assert message in refuse("preannotate", inputs, *words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "new.jsonl.order.csv", "there.jsonl"]


def test_no_document_at_all_is_an_error(inputs, tmp_path):
    inputs.write_text("{}\n", encoding="utf-8")
    assert preannotate(inputs, "-o", tmp_path / "out.jsonl") == 2
    assert not (tmp_path / "out.jsonl").exists()
