"""Unlabelled text labelled by a tagger and by names."""

import random
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "data"))

import build_distant

from cbpner.text.bio import Sentence, read_bio
from cbpner.text.labels import TagSpan, spans_to_tags, tags_to_spans

HEADS = {"hpo_zh.babelon.tsv": "translation_value", "hgnc_symbols_synonyms.tsv": "ensg\tentr\thgnc\tsymb\tsynonym1"}
FILES = {
    "hpo_zh.babelon.tsv": "痛风", "thuocl_medical.tsv": "肝硬化\t9\n糖尿病\t5\n疾病\t9",
    "gold.bio": "肝 O\n硬 O\n化 O\n\n" * 3,
    "hgnc_symbols_synonyms.tsv": "E\t1\tHGNC:1\tEGFR\tERBB1\nE\t2\tHGNC:2\tOTC\tKIT",
    "text.txt": "所述药物用于治疗痛风或慢性糖尿病肾病。\n\nEGFR蛋白与ERBB1的表达升高。",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Lists of names, a text, and gold text in which 肝硬化 is untagged."""
    folder = tmp_path_factory.mktemp("names")
    for name, text in FILES.items():
        (folder / name).write_text("\n".join([*filter(None, [HEADS.get(name)]), text, ""]), encoding="utf-8")
    return folder


@pytest.mark.parametrize("text, tagged, expected", [
    ("治疗痛风或2型糖尿病，病变与糖尿病变", (), ["痛风 disease", "2型糖尿病 disease"]),
    ("肝硬化与疾病", (), []),
    ("EGFR基因和抗ERBB1抗体", (), ["EGFR基因 gene", "抗ERBB1抗体 protein"]),
    ("EGFR的表达，OTC药物，人血清白蛋白", (), ["EGFR protein", "人血清白蛋白 protein"]),
    ("VEGF突变，TNF-α升高", [(0, 4, "protein", 0.9), (7, 12, "gene", 0.9)], ["VEGF gene", "TNF-α protein"]),
    ("甲乙丙EGFR蛋白", [(0, 8, "gene", 0.5)], ["EGFR蛋白 protein"]),
    ("HeLa细胞与XYZ2和XYZ3", [(0, 4, "gene", 0.9), (7, 11, "gene", 0.6), (12, 16, "gene", 0.8)], ["XYZ3 gene"]),
    ("BT-474细胞用pUC57和索拉非尼", [(0, 2, "protein", 0.9), (9, 14, "gene", 0.9), (15, 19, "disease", 0.9)], []),
])  # fmt: skip
def test_names_complete_and_correct_what_a_tagger_finds(folder, text, tagged, expected):
    labeller = build_distant.Labeller(folder, read_bio(folder / "gold.bio"))
    assert labeller.unused == {"肝硬化"}
    assert [f"{text[span.start : span.end]} {span.label}" for span in labeller.label(text, tagged)] == expected


def test_mentions_are_replaced_by_names_of_their_kind():
    names = {"symbol": ["XYZ1"], "disease": ["脚气"], "protein": ["胰岛素受体"], "gene": ["胰岛素受体"]}
    sentence = Sentence("EGFR与BRCA1基因、肿瘤坏死因子和肺癌", tuple(spans_to_tags(
        [TagSpan(0, 4, "protein"), TagSpan(5, 12, "gene"), TagSpan(13, 19, "protein"), TagSpan(20, 22, "disease")], 22
    )))  # fmt: skip
    draw, forms = random.Random(0), set()
    for _ in range(100):
        made = build_distant.replace_mentions(sentence, names, 1.0, draw)
        forms.update(f"{made.chars[span.start : span.end]} {span.label}" for span in tags_to_spans(made.tags))
    assert forms == {"XYZ1 protein", "抗XYZ1抗体 protein", "抗XYZ1单克隆抗体 protein", "XYZ1基因 gene",
                     "XYZ1-XYZ1融合基因 gene", "胰岛素受体 protein", "脚气 disease"}  # fmt: skip
    text, lines = Sentence("HeLa与肺癌", ("O",) * 7), {"cell line": ["K562"]}
    cell = build_distant.replace_mentions(text, lines, 1.0, draw, [(0, 4, "cell line")])
    assert cell == Sentence("K562与肺癌", ("O",) * 7)
    assert build_distant.replace_mentions(sentence, names, 0.0, draw) == Sentence(sentence.chars, sentence.tags)


def test_the_same_input_gives_the_same_bytes(folder, tiny_tagger, tmp_path):
    words = [folder / "text.txt", "--tagger", tiny_tagger, "--gold", folder / "gold.bio", "--names", folder, "-o"]
    for name in ("a.bio", "b.bio"):
        assert build_distant.main([*map(str, words), str(tmp_path / name)]) == 0
    assert (tmp_path / "a.bio").read_bytes() == (tmp_path / "b.bio").read_bytes() and read_bio(tmp_path / "a.bio")
