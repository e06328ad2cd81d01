"""A user's own terms: which lines can be used, where names are found, what becomes of the tagger's spans."""

import pytest

from cbpner.app.service import TaggingService
from cbpner.base.errors import InputError
from cbpner.cli import main
from cbpner.formats.document import cut_span
from cbpner.formats.registry import read_documents
from cbpner.prediction.terms import read_terms

TYPES = ("gene", "protein", "disease")
TEXT = "本发明涉及HER2阳性乳腺癌，ｈｅｒ２与c-Myc(N-)、c.Myc、HER22。"


@pytest.mark.parametrize("text, terms, names", [
    (TEXT, {"Her2": "gene", "C-MYC（n-）": "gene", "c.myc": "gene"}, ["HER2", "ｈｅｒ２", "c-Myc(N-)", "c.Myc"]),
    ("①EGFR、EGFRα、pEGFR、EGFR⁺的EGFR-1", {"egfr": "gene"}, ["EGFR", "EGFR", "EGFR"]),
    ("白介素6受体与白介素6", {"白介素6": "gene", "白介素6受体": "gene"}, ["白介素6受体", "白介素6"]),
    ("甲乙丙丁", {"甲乙": "gene", "乙丙丁": "gene"}, ["乙丙丁"]), ("甲乙丙丁", {"甲乙": "gene", "甲乙丙": None}, []),
    ("İ ΣΣς TNF-Α", {"σςσ": "gene", "tnf-α": "gene"}, ["ΣΣς", "TNF-Α"]), ("", {"甲乙": "gene"}, []),
])  # fmt: skip
def test_the_longest_names_are_found_in_any_case_and_width(text, terms, names):
    assert [span.text for span in read_terms(terms, TYPES).apply(text, [])] == names


@pytest.mark.parametrize(
    "kind, before, after",  # spans of 非小细胞肺癌患者; a term's is marked
    [("disease", "0 6 disease", "0 6 disease"), ("gene", "0 6 disease", "4 6 gene*"), ("gene", "4 6 gene", "4 6 gene*"),
     ("disease", "0 5 disease, 6 8 gene", "4 6 disease*, 6 8 gene"), ("disease", "4 5 gene, 5 6 gene", "4 6 disease*"),
     (None, "4 6 gene, 6 8 gene", "6 8 gene"), (None, "0 6 disease", "0 6 disease"), (None, "5 8 gene", "5 8 gene")],
)  # fmt: skip
def test_a_term_wins_unless_a_longer_span_of_its_type_contains_it(kind, before, after):
    words = [span.split() for span in before.split(", ")]
    spans = [cut_span("非小细胞肺癌患者", int(start), int(end), label, 0.5) for start, end, label in words]
    found = read_terms({"肺癌": kind}, TYPES).apply("非小细胞肺癌患者", spans)
    assert ", ".join(f"{s.start} {s.end} {s.label}" + "*" * (s.source == "terms") for s in found) == after


@pytest.mark.parametrize("data, faults", [
    (b"name\ttype\nHER2\n\tgene\na,b\tgene\tx\ncaf\xe9\tgene\nT\tgene\nTP53\tgene\ntp53\tgene\nTp53\tnone",
     [":1: found the type 'type'; ", ":2:", ":3:", ":4:", ":5:", ":6: .*'T'", ":9: .*gene in line 7"]),
    ("基因\t蛋白".encode("gb18030") * 9, [": found .*iconv"]), (b"# a\n\n", [": found no term; expected a name"])
])  # fmt: skip
def test_every_line_that_cannot_be_used_is_named(tmp_path, data, faults):
    (tmp_path / "t.tsv").write_bytes(data)
    with pytest.raises(InputError, match="\n.*t.tsv" + ".*\n.*t.tsv".join(faults)) as caught:
        read_terms(tmp_path / "t.tsv", TYPES)
    assert str(caught.value).count("\n") == len(faults)


def test_the_command_and_the_app_say_what_came_from_the_terms(tmp_path, tiny_tagger):
    """Also in names over the lines of a page, and whatever `--min-score` is."""
    (tmp_path / "d.txt").write_bytes((text := TEXT + "卵巢\n肉瘤").encode())
    lines = "\ufeff# 我的\r\n\r\nHER2\tgene\r\nc-Myc(N-)\tgene \t\r\n乳腺\tnone\r\n卵巢⾁瘤\tdisease"
    (terms := tmp_path / "t.tsv").write_bytes(lines.encode())
    for out in (tmp_path / "o.jsonl", tmp_path / "o.csv"):
        words = (tmp_path / "d.txt", "-o", out, "--terms", terms, "--model", tiny_tagger)
        assert main(["predict", *map(str, words), "--layout", "pdf", "--min-score", "1"]) == 0
    (document,) = read_documents([tmp_path / "o.jsonl"])
    assert [span.text for span in document.spans] == (names := ["HER2", "ｈｅｒ２", "c-Myc(N-)", "卵巢\n肉瘤"])
    assert {span[4:] for span in document.spans} == {(1.0, "terms")}
    assert (tmp_path / "o.csv").read_text(encoding="utf-8").count(",1.0,terms\n") == len(names)
    (spans,) = TaggingService({"a": tiny_tagger}, terms=str(terms)).tag_many([text])
    assert [span.text for span in spans if span.source] == names[:3] and not all(span.source for span in spans)
