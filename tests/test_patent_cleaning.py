"""The cleaning rules: on text as it occurs, on text that they must not touch, together, and on hostile text."""

import re
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbpner.base.errors import InputError
from cbpner.corpora.cleaning import DEFAULT_RULES, RULES, clean_text, load_converter, sort_rules

DNA = "gatcacaggt ctatcaccct attaaccact cacgggagct ctccatgcat ttggtatttt"  # 60 nucleotides
PEPTIDE = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQ"

PARAGRAPH = (
    "乳腺癌是女性最常见的恶性肿瘤之一，近年来其发病率在全球范围内逐年上升，并且呈现年轻化的趋势，早期发现对于改善"
    "患者预后具有十分重要的意义，而血清中BRCA1蛋白的含量与breast cancer的发生密切相关，因此需要一种灵敏度更高的"
    "检测方法来满足临床上对于早期筛查的需要，本发明提供的试剂盒能够解决上述问题并且操作简便、成本低廉、重复性好，"
    "适合于基层医院推广使用。"
)


def wrap(text, columns):
    """The text in lines of at most so many columns, Chinese characters two each; Latin words stay whole."""
    lines, size = [""], 0
    for word in re.findall(r"[A-Za-z0-9]+| |.", text):
        width = len(word) if word.isascii() else 2
        if size + width > columns:
            lines, size = [*lines, ""], 0
        if word != " " or size:
            lines[-1], size = lines[-1] + word, size + width
    return "\n".join(line.rstrip() for line in lines)


ROW = "Met Ala Gly Ser Thr Leu Val Ile Pro Phe Tyr Trp Cys His Lys Arg\n1               5                   10\n"
LISTING = (
    "<110> 某大学\n<120> 一种引物\n<160> 2\n<210> 1\n<211> 20\n<212> DNA\n<213> 人工序列\n<400> 1\n"
    "ctgaaggtga agagtgttcg 20\n\n<210> 2\n<211> 3\n<212> PRT\n<400> 2\nMet Ala Gly\n1\n"
)
ONE_LINE = f"<210> 1 <211> 20 <212> DNA <213> 人工序列 <220> <223> 引物 <400> 1 ctgaaggtga agagtgttcg 20 <400> 2 {DNA}"
TWO_PARAGRAPHS = "背景技术\n[0002]{0}\n发明内容\n[0003]{0}\n[0004]本发明\n"
LATIN = "\n".join(["the antibody binds to the extracellular domain of"] * 2)
CHANGED = {
    "paragraph_numbers": [
        ("[0001]本发明涉及基因。", "本发明涉及基因。"), ("【0001】 本发明\n  [0002]  其", "本发明\n其"),
        ("［００１２］本发明", "本发明"), ("[0001][0002]本发明", "本发明"), ("[ 0001 ]本发明", "本发明"),
        ("模型的预测率；[0014](6)采用", "模型的预测率；\n(6)采用"),
        ("图1为曲线。 [1014] 图2为曲线。", "图1为曲线。 \n图2为曲线。"),
        ("的表达水平[0063]将肿瘤", "的表达水平\n将肿瘤"), ("[0001]\n本发明", "\n本发明"),
    ],
    "page_headers": [("说明书 1/2页\n浓度为\n1\n说明书 2/2页\n5。\n 2 \n", "浓度为\n5。")],  # the foot of the last page
    "sequences": [
        (f"序列为{DNA}。", "序列为。"), (f"序列为{DNA.upper().replace(' ', '')}。", "序列为。"),
        (f"如下：\n        1 {DNA}\n       61 {DNA}\n其中", "如下：\n\n其中"),
        (f"如下：\n{DNA} 60\n{DNA} 120\n其中", "如下：\n\n其中"), (f"RNA为{DNA.replace('t', 'u')}", "RNA为"),
        (f"多肽{PEPTIDE}。", "多肽。"),
        (f"多肽\n{PEPTIDE[:10]} {PEPTIDE[10:20]} {PEPTIDE[20:30]} {PEPTIDE[30:50]} 50\n其中", "多肽\n\n其中"),
        ("多肽" + "Met Ala Gly Xaa " * 6 + "。", "多肽 。"), ("多肽" + "MetAlaGlySer" * 6 + "。", "多肽。"),
        (f"长度为{DNA} 60个核苷酸", "长度为 60个核苷酸"), (f"如下\n{ROW}{ROW}其中", "如下\n\n其中"),
        (f"序列如下：\n{LISTING}本发明\n", "序列如下：\n本发明\n"), (f"序列表：{ONE_LINE}\n本发明", "序列表：本发明"),
    ],
    "tables": [
        ("结果见表1。\n组别\t例数\t阳性率\nHER2\t35\t0.571\n对照\t40\t12.5%\n其中", "结果见表1。\n其中"),
        ("前\n35.2±4.1\n<0.001\n12(34.5%)\n后", "前\n后"), ("前\n1.0  2.0  3.0\n4.0  5.0  6.0\n7.0  8.0  9.0", "前"),
        ("质量 1.134 10.88 1479.00 0.004 3.053 9 12 -0.5 的物质", "质量  的物质"),
        ("A\t10 ng/mL\nB\t20 ng/mL\nC\t30 ng/mL", ""),
    ],
    "line_breaks": [
        (TWO_PARAGRAPHS.format(wrap(PARAGRAPH, 44)), TWO_PARAGRAPHS.format(PARAGRAPH)),
        (f"{wrap(PARAGRAPH, 44)}\n{LATIN}", f"{PARAGRAPH}\n{LATIN}".replace("of\nthe", "of the")),
    ],
    "claim_numbers": [
        ("1. 一种试剂盒", "一种试剂盒"),
        ("1.一种试剂盒，包括引物。\n2.根据权利要求1所述", "一种试剂盒，包括引物。\n根据权利要求1所述"),
        ("1、一种\n２．如权利要求1", "一种\n如权利要求1"), ("[权利要求1]一种", "一种"),
        ("【权利要求 12】 一种", "一种"), ("权利要求1：一种", "一种"), ("  10． 一种", "一种"),
    ],
    "spaces": [
        ("乳 腺 癌", "乳腺癌"), ("乳\u3000腺\u00a0 癌", "乳腺癌"),
        ("检测 BRCA1 ，其中 （ 如 TP53 ）", "检测 BRCA1，其中（如 TP53）"),
        ("\u3000\u3000本发明  \n\n \n其中\t\n", "本发明\n其中"), ("the  BRCA1\u00a0gene", "the BRCA1 gene"),
        ("实施例 一 ：", "实施例一："),
    ],
    "controls": [("\ufeff乳\u200b腺癌\r\n基\u00ad因\r蛋\x00白\f疾病\u2028。\t", "乳腺癌\n基因\n蛋白\n疾病\n。\t")],
}  # fmt: skip
KEPT = {
    "paragraph_numbers": [
        "CD8[+]细胞与[1]所述", "见文献[12,13]及[2015]的报道", "miR-21-5p", "0001本发明", "(0001)本发明",
        "自[1998]年以来", "公式[A0001]", "[00]", "[123]",
    ],
    "page_headers": [
        "说明书附图1为曲线", "如说明书所述", "根据权利要求书", "参见CN 105611940 A的说明书", "第3页所述",
        "共15页的报告", "CN 105611940 A公开了一种方法", "序列表的说明", "3/15", "1/3", "7", "摘要", "AF123456",
        "NM 001126112", "IL 123456 A", "浓度为\n5",
    ],
    "sequences": [
        "引物ATGCATGC和ATGCATGCATGCATGCATGCATGC用于扩增", "siRNA为GCAUUCGAUUCGAUUCGAUdTdT",
        "5'-CTGAAGGTGAAGAGTGTTCG-3'，反向引物为5'-GGTAACCTTAGCATCGATCG-3'",
        "表位SIINFEKL与KVAELVHFL结合", "Ala-Gly-Ser-Thr三肽",
        "多肽\nMet Ala Gly Ser Met Ala Gly Ser\n1               5\n" * 3,
        "the cat can act at a tag and a gene can tag a cat at a", "BRCA1、TP53、CD8A、GATA3、miR-21-5p与ACTB",
        "A T细胞与C-C趋化因子", "SEQ ID NO: 12所示的序列", "P<0.05，且<100 ng/mL>的样本", "MATERIALS AND METHODS",
        "EGFR HER2 KRAS NRAS BRAF MET ALK RET KIT TP53 PTEN", "<p>与<210", "<100>晶面\n<111>晶面",
    ],
    "tables": [
        "p53\np21\np16\nCD8\nIL-6", "BRCA1\tBRCA2\nTP53\tPTEN\nEGFR\tKRAS", "2015\n2016",
        "在2015、2016、2017年，浓度为0.5、1.0和2.0", "在 2015 2016 2017 2018 2019 年", "技术领域\n背景技术\n发明内容",
        "乳  腺  癌\n肝  癌  症\n肺  腺  癌", "本发明\t1\n的\t2", "浓度为0.5\n浓度为1.0\n浓度为2.0",
        "质量为1.134 10.88 1479.00 0.004 3.053 9 12 -0.5 的物质",
    ],
    "line_breaks": [
        "技术领域\n本发明涉及一种用于检测乳腺癌的试剂盒及其应用。\n背景技术\n乳腺癌是常见的恶性肿瘤。",
        "\n".join(f"[{number:04}]{PARAGRAPH}" for number in range(9)),
        "\n".join(f"{number}、{PARAGRAPH[:40]}" for number in range(1, 12)),
        "\n".join(f"({number}){PARAGRAPH[:40]}" for number in range(1, 12)),
        "\n".join([PARAGRAPH[:40] + "；"] * 12),
        "\n".join(["引物F1：5'-CTGAAGGTGAAGAGTGTTCG-3'，引物R1：5'-GGTAACCTTAGCATCGATCG-3'"] * 12),
        "\n".join(f"图{number}为{PARAGRAPH[:40]}" for number in range(1, 12)),
        "\n\n".join([PARAGRAPH[:40]] * 12),
        "BRCA1\nBRCA2\nTP53\nPTEN\nEGFR\nKRAS\nNRAS",
        wrap(PARAGRAPH[:60], 44),  # three lines are no evidence
    ],
    "claim_numbers": [
        "根据权利要求1所述的方法，其中1. 所述", "权利要求1所述的方法", "1.5 mL离心管", "1. 5倍", "0.05", "2019.年",
        "2019年", "5-FU", "(1)取样", "3'端", "18S rRNA", "包括：1、取样；2、检测", "1，2-二氯",
        "1、2-二氯乙烷", "21号染色体", "1.1、一种",
    ],
    "spaces": [
        "BRCA1 基因", "基因 BRCA1", "breast cancer 1", "组别\t例数", "实施例 1 试剂盒", "said “gene” is", "5 mL",
        "乳腺癌\n肝癌",
    ],
    "controls": ["乳腺癌 α-\t𠀀\n👍🏽 ①"],
}  # fmt: skip


def apply(name, text):
    """Apply one rule; its hits must be positive exactly where it changed something."""
    cleaned, hits = RULES[name].apply(text)
    assert (hits > 0) is (cleaned != text)
    return cleaned


@pytest.mark.parametrize(("rule", "text", "expected"), [(rule, *row) for rule, rows in CHANGED.items() for row in rows])
def test_a_rule_changes(rule, text, expected):
    assert apply(rule, text) == expected


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in KEPT.items() for text in texts])
def test_a_rule_keeps(rule, text):
    assert apply(rule, text) == text


@pytest.mark.parametrize("line", [
    "CN 105611940 A", "CN105611940A", "CN 105611940 A    说　明　书    3/15 页", "CN 105611940 A 12",
    "CN 101027556 B\t权 利 要 求 书\t1/2页", "说明书 3/15 页", "说  明  书", "权利要求书", "权利要求书 1/2",
    "说明书附图", "1/3页", "第 3 页 共 15 页", "第3页/共15页", "第 3 页", "共 15 页 第 3 页",
    "\u3000说明书 ３／１５ 页 ",
])  # fmt: skip
def test_page_headers(line):
    assert apply("page_headers", line) == ""
    assert apply("page_headers", f"表达水平与\n{line}\n乳腺癌有关。\n") == "表达水平与\n乳腺癌有关。\n"
    assert apply("page_headers", f"表达水平与\n 7 \n{line}\n乳腺癌有关。") == "表达水平与\n乳腺癌有关。"


def test_traditional_characters(monkeypatch):
    """Off by default, and an error that says so where OpenCC is missing."""
    pytest.importorskip("opencc")
    assert apply("traditional", "本發明涉及乳腺癌的基因與蛋白質") == "本发明涉及乳腺癌的基因与蛋白质"
    assert clean_text("檢測", rules=["traditional"]) == ("检测", {"traditional": 0}, {"traditional": 2})
    monkeypatch.setitem(sys.modules, "opencc", None)
    load_converter.cache_clear()
    assert "traditional" not in DEFAULT_RULES and clean_text("檢測")[0] == "檢測"
    with pytest.raises(InputError, match="OpenCC"):
        clean_text("檢測", rules=["traditional"])


def test_rules_are_chosen_by_name_in_whatever_order():
    text = "[0001]1. 乳 腺 癌"
    assert clean_text(text, rules=[]) == (text, {}, {})
    assert clean_text(text, rules=["paragraph_numbers"])[0] == "1. 乳 腺 癌"
    assert clean_text(text, ["spaces", "paragraph_numbers"]) == clean_text(text, ["paragraph_numbers", "spaces"])
    assert clean_text(text, rules=["claim_numbers"])[0] == text
    assert sort_rules(["spaces", "tables"]) == ["tables", "spaces"]
    with pytest.raises(InputError, match="number, space"):
        clean_text("x", rules=["spaces", "space", "number"])


def test_what_was_removed_is_counted_by_rule():
    cleaned, removed, hits = clean_text("CN 105611940 A\n[0001]1. 乳 腺 癌。\n[0002]2. 肝癌。")
    assert cleaned == "乳腺癌。\n肝癌。"
    assert removed == {"page_headers": 15, "paragraph_numbers": 12, "claim_numbers": 6, "spaces": 2}
    assert hits == {"page_headers": 1, "paragraph_numbers": 2, "claim_numbers": 2, "spaces": 2}


@pytest.mark.parametrize(("text", "cleaned"), [
    ("1. [0001] 2、一种", "一种"), ("[0001]\n[0002] 第 3 页\n一种", "一种"), ("", ""), (" \n[0001]\n", ""),
])  # fmt: skip
def test_what_a_later_rule_uncovers_is_removed_too(text, cleaned):
    assert clean_text(text).text == cleaned


FRAGMENTS = [
    "[0001]", "[0012]", "[1234]", "【0003】", " ", "  ", "\u3000", "\n", "\n\n", "\t", "1.", "2、", "[权利要求1]",
    "一种", "乳 腺 癌", "BRCA1 ", "基因", "。", "，", "；", "CN 105611940 A", "说明书", "3/15页", "第 3 页", "4",
    "<210> 1", "<400>", DNA, "ACGT", "Ala Gly " * 12, PEPTIDE, "1.5", "0.001", "12%",
    "±", "\r\n", "\f", "(1)", "-", PARAGRAPH[:22], "A",
]  # fmt: skip


@settings(max_examples=100)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=24).map("".join) | st.text(max_size=40))
@pytest.mark.slow
def test_cleaning_is_idempotent(text):
    cleaned, removed, _ = clean_text(text)
    assert sum(removed.values()) == len(text) - len(cleaned)
    assert clean_text(cleaned) == (cleaned, {}, {})


HOSTILE = [
    " ", "\u3000", "[0001] 1. ", "acgt ", "ACGT 1 ", "Ala" + " " * 119, "MKTAYIAK ", "<210> ", "<", "1 ", "  a", "[",
    "CN 123456 ", "第 1 页 ", "说 ", "权利要求1", "乳  ", "-\n", "1±", "(1",
]  # fmt: skip


@pytest.mark.slow
def test_hostile_lines_take_linear_time():
    """A pattern that backtracks would take hours for these lines, 5 MB in all."""
    started = time.process_time()
    clean_text("".join(unit * (50_000 // len(unit)) for unit in HOSTILE))  # one line but for the last of 1 MB
    for unit in HOSTILE:
        clean_text("x" + unit * (200_000 // len(unit)) + "!")
    assert time.process_time() - started < 60
