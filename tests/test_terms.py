"""A user's own terms: which lines can be used, where names are found, what becomes of the tagger's spans."""

import csv

import pytest
from test_predict import make_tagger, table  # noqa: F401

from cbpner.base.errors import InputError
from cbpner.cli import main
from cbpner.formats.document import Span, cut_span
from cbpner.formats.registry import read_documents
from cbpner.prediction.tagger import Tagger
from cbpner.prediction.terms import read_terms

TYPES = ("gene", "protein", "disease")
TEXT = "本发明涉及HER2阳性乳腺癌，ｈｅｒ２与c-Myc(N-)、c.Myc、HER22。"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "terms.tsv"
    path.write_bytes("\ufeff# 我的基因\r\n\r\nHER2\tgene\r\nc-Myc(N-)\tprotein \t\r\n乳腺\tnone".encode())
    return path


def find(text, terms, *spans):
    """(start, end, label, source) of what the terms make of spans (start, end, label)."""
    found = read_terms(terms, TYPES).apply(text, [cut_span(text, *span, 0.5) for span in spans])
    assert all(text[span.start : span.end] == span.text for span in found)
    return [(*span[:3], span.source) for span in found]


@pytest.mark.parametrize(
    "text, terms, names",
    [(TEXT, {"Her2": "gene", "C-MYC（n-）": "gene", "c.myc": "gene"}, ["HER2", "ｈｅｒ２", "c-Myc(N-)", "c.Myc"]),
     ("①EGFR、EGFRα、pEGFR、EGFR⁺的EGFR-1", {"egfr": "gene"}, ["EGFR", "EGFR", "EGFR"]),
     ("白细胞介素6受体与白细胞介素6", {"白细胞介素6": "gene", "白细胞介素6受体": "gene", "细胞": "disease"},
      ["白细胞介素6受体", "白细胞介素6"]),
     ("甲乙丙丁", {"甲乙": "gene", "乙丙丁": "gene"}, ["乙丙丁"]), ("甲乙丙丁", {"甲乙": "gene", "甲乙丙": None}, []),
     ("İ ΣΣς TNF-Α", {"σςσ": "gene", "tnf-α": "gene"}, ["ΣΣς", "TNF-Α"]), ("", {"甲乙": "gene"}, [])],
)  # fmt: skip
def test_the_longest_names_are_found_in_any_case_and_width(text, terms, names):
    assert [text[start:end] for start, end, *_ in find(text, terms)] == names


@pytest.mark.parametrize(
    "kind, spans, found",  # of the term 肺癌 in 非小细胞肺癌患者
    [("disease", ["0 6 disease"], ["0 6 disease None"]), ("gene", ["0 6 disease"], ["4 6 gene terms"]),
     ("disease", ["4 6 disease"], ["4 6 disease terms"]), ("gene", ["4 6 disease"], ["4 6 gene terms"]),
     ("disease", ["0 5 disease", "6 8 gene"], ["4 6 disease terms", "6 8 gene None"]),
     ("disease", ["4 5 gene", "5 6 gene"], ["4 6 disease terms"]), ("none", ["5 6 gene"], []),
     ("none", ["4 6 gene", "6 8 gene"], ["6 8 gene None"]), ("none", ["0 6 disease"], ["0 6 disease None"]),
     ("none", ["5 8 gene"], ["5 8 gene None"])],
)  # fmt: skip
def test_a_term_wins_unless_a_longer_span_of_its_type_contains_it(kind, spans, found):
    before = [(int(start), int(end), label) for start, end, label in map(str.split, spans)]
    assert [" ".join(map(str, span)) for span in find("非小细胞肺癌患者", {"肺癌": kind}, *before)] == found


def test_every_line_that_cannot_be_used_is_named(tmp_path):
    lines = [b"name\ttype", b"HER2", b"\tgene", b"a,b\tgene\tx", b"caf\xe9\tgene", b"T\tgene", b"TP53\tgene"]
    path = tmp_path / "t.tsv"
    path.write_bytes(b"\n".join([*lines, b"tp53\tgene", b"Tp53\tnone"]))
    with pytest.raises(InputError) as caught:
        read_terms(path, TYPES)
    told = str(caught.value).splitlines()[1:]
    assert [line.removeprefix(f"{path}:")[0] for line in told] == list("1234569")
    assert "'type'; expected gene, protein, disease or none" in told[0] and "gene in line 7" in told[-1]


@pytest.mark.parametrize("data, message", [(None, "No such file"), ("基因\t蛋白".encode("gb18030") * 9, "iconv"),
                                           (b"# none\n", "no term")])  # fmt: skip
def test_files_that_cannot_be_read(tmp_path, data, message):
    if data is not None:
        (tmp_path / "t.tsv").write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_terms(tmp_path / "t.tsv", TYPES)


def test_terms_hold_whatever_the_scores_and_the_layout(table):  # noqa: F811
    tagger = make_tagger(table, min_score=1.0, layout="pdf")
    tagger.terms = read_terms({"卵巢癌": "disease"}, TYPES)
    assert tagger.tag("患卵巢\n癌") == [Span(1, 5, "disease", "卵巢\n癌", 1.0, "terms")]


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet", "lines"])
def test_the_command_says_what_came_from_the_terms(tmp_path, tiny_tagger, file, kind):
    (tmp_path / "d.txt").write_text(TEXT, encoding="utf-8")
    out = tmp_path / f"o.{kind}"
    words = ["predict", tmp_path / "d.txt", "-o", out, "--to", kind, "--model", tiny_tagger, "--terms", file]
    assert main([*map(str, words)]) == 0
    spans = Tagger.from_pretrained(tiny_tagger, terms=file).tag(TEXT)
    assert [span[2:] for span in spans if span.source] == [
        ("gene", "HER2", 1.0, "terms"), ("gene", "ｈｅｒ２", 1.0, "terms"), ("protein", "c-Myc(N-)", 1.0, "terms"),
    ]  # fmt: skip
    if kind == "jsonl":
        (document,) = read_documents([out])
        assert document.spans == [span._replace(score=round(span.score, 4)) for span in spans]
    elif kind == "csv":
        rows = list(csv.DictReader(out.open(encoding="utf-8")))
        assert [row["source"] for row in rows] == [span.source or "" for span in spans]
