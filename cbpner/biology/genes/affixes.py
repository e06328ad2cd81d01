"""Affixes of a gene's name in a Chinese mention: 基因, 的RNA转录本, 抗...抗体, 重组人, 小鼠, ...

`list_stems` strips one affix after another and records what they imply: the gene itself (also its transcript, its
protein, a form of it), or an agent, something for or against it such as an antibody, primer or siRNA.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

SPECIFIC = r"(?:的?特异性?的?|的)?"
ANTIBODY = (
    rf"{SPECIFIC}(?:人源化|嵌合|鼠源|人|全人源?|双特异性)?(?:单克隆|单株|多克隆|单链|中和|功能性|治疗性|全长)*"
    r"(?:抗体|单抗|多抗|抗血清)(?:片段|药物|偶联物|缀合物)?"
)
OLIGO = (
    rf"{SPECIFIC}(?:核酸|基因)?(?:的?序列)?(?:杂交|结合|互补)?的?(?:特异性?|正向|反向|上游|下游|荧光|扩增|检测)*的?"
    r"(?:引物|探针|引物对|适配体|适体)"
)
INTERFERING = r"(?:的|特异性)*-?(?:siRNA|shRNA|sgRNA|gRNA|ASO|反义(?:寡)?核[苷甘]酸|反义RNA|干扰RNA|小干扰RNA|miRNA)"
ACTING = (
    rf"{SPECIFIC}(?:小分子|选择性|酪氨酸激酶|激酶|信号通?路|通路)*(?:抑制剂|拮抗剂|激动剂|阻断剂|调节剂|拮抗物|疫苗|"
    r"CAR-?T(?:细胞)?|嵌合抗原受体)"
)
VECTOR = (
    r"[-\s]TKIs?|"
    r"(?:的|过|高)*(?:表达|过表达|敲除|慢病毒|腺病毒)*(?:载体|质粒|试剂盒|inhibitor|inhibitors|antibody|antibodies|"
    r"antagonist|agonist|primers?|probe)"
)
PRODUCT = (
    r"(?:的|之)?(?:核酸|编码|全长|成熟|功能性?)*(?:RNA转录本|mRNA转录本|转录本|mRNA|cDNA|ceRNA|lncRNA|RNA|DNA|多核苷酸|"
    r"基因座|位点|基因|前体蛋白|前体|-?Fc融合蛋白|融合蛋白|蛋白质|蛋白|多肽|糖蛋白|启动子|(?:第|[\s-])?[0-9]{1,2}号?外显子|外显子|(?<=[a-zA-Z0-9])酶|gene|protein|mRNAs)"
)
FORM = (
    r"(?:的)?(?:野生型|突变型|突变体|突变|变体|剪接变体|亚型|同种型|融合|片段|胞外域|胞外结构域|单体|二聚体|同源二聚体|"
    r"水平|活性|重排|易位|缺失|拷贝数|[强弱高低中双不过]?(?:表达|阳性|阴性|扩增))|"
    r"[\s-](?:positive|negative|high|low|bright|dim|mutant|mutated|mutations?|wild[\s-]type|(?:over)?expression)"
)
# not behind the symbol of an element: Na+ and Ca2+ are ions
PLUS = r"(?-i:(?<=[A-Za-z0-9]{2})(?<![A-Z][a-z])(?<![A-Z][a-z][23]))\(?[+±][+±/-]*\)?"
LEVEL = (  # CD4+, CD56bright, HER2 3+, HER2 IHC 2+, PD-L1≥50%
    rf"(?:\s?{PLUS}|(?<=[0-9])(?:bright|dim|high|low|hi|lo|pos|neg)|[\s(-]+(?:(?:IHC|FISH)[\s:]*)?[0-4]\+|"
    r"[\s(/-]+(?:IHC|FISH)|(?:\s?(?:TPS|CPS|指数))?[\s(≥≤<>=]+[0-9.]+%)\)?"
)
OTHER_SPECIES = (
    r"小鼠|大鼠|仓鼠|鼠|猪|牛|兔|山羊|绵羊|羊|犬|狗|猴|鸡|马|鱼|斑马鱼|果蝇|酵母|大肠杆菌|(?:murine|mouse|rat)\s"
)
AGAINST = (
    r"抗-?|anti[-\s]|(?-i:anti(?=[A-Z]))|针对|靶向于?|结合|特异性结合|识别|检测|扩增|抑制|敲除|敲低|沉默|与|特异性"
)
OF_HUMAN = (
    r"编码|人类|人源化?|人|重组|天然|内源性?|外源性?|野生型|突变型?|磷酸化的?|磷酸-?|活化的?|可溶性|游离|总|全长|成熟|分泌型|膜|"
    r"血清|尿|血浆|human|recombinant|phospho-?|rh(?=[A-Z])|hsa-|(?<![A-Za-z])h(?=[A-Z]{3})|(?<![A-Za-z])p-(?=[A-Z]{2})"
)
VARIANT = (  # EGFR L858R, p.Leu858Arg, c.2573T>G, 677C>T, rs9939609, 19del, exon 20 insertion, Del19, vIII, -ITD, ε4
    r"(?<=[A-Za-z0-9])[\s\-:(/]*(?:"
    r"(?:p\.\(?)?[A-Z][0-9]{1,4}(?:[A-Z*](?:/[A-Z])*|MUT|del|ins|dup|fs|_[A-Z][0-9]+(?:del|ins|dup)[A-Z]*)|"
    r"(?:p\.\(?)?[A-Z][a-z]{2}[0-9]{1,4}(?:[A-Z][a-z]{2}|\*|del|fs)|(?<=[\s(-])(?:Ser|Thr|Tyr|[STY])[0-9]{2,4}|"
    r"c\.[0-9_+-]+(?:[ACGT]>[ACGT]|del|ins|dup)[ACGT]*|[0-9]{1,5}\s?[ACGT](?:>|/|→|->)[ACGT]|rs[0-9]{3,}|ε[234]|"
    r"(?<=[A-Z0-9])v(?:III|[0-9]{1,2})|(?<=[\s-])(?:[Vv](?:III|[0-9]{1,2})|ITD|TKD|(?i:del|ins|exon|ex)[\s-]?[0-9]{1,2})|"
    r"(?i:exon|ex|第|外显子)?[\s-]?[0-9]{1,2}(?:号|th)?\s?(?i:外显子|exon)?的?\s?"
    r"(?i:del(?:etions?)?|ins(?:ertions?)?|dup|skipping|缺失|插入|跳跃))\)*"
)
OF_VARIANT = r"(?:Δ[A-Z][0-9]{1,4}|[A-Z][0-9]{2,4}[A-Z])(?:(?:突变|变异)[体型]?的?|(?=[\s-]))[\s-]*(?=[A-Za-z])"
AFFIXES = [  # in the order in which they are stripped; whether one makes an agent; a gene of another species
    (re.compile(pattern, flags), is_agent, is_foreign)
    for pattern, flags, is_agent, is_foreign in (
        *((f"(?:{suffix})$", re.IGNORECASE, True, False) for suffix in (ANTIBODY, OLIGO, INTERFERING, ACTING, VECTOR)),
        *((f"(?:{suffix})$", re.IGNORECASE, False, False) for suffix in (PRODUCT, FORM, LEVEL, r"[的/:\-]+")),
        (f"^(?:{OTHER_SPECIES})(?=抗)[ -]*", re.IGNORECASE, False, False),
        (f"^(?:{OTHER_SPECIES})(?:源的?|的)?[ -]*", re.IGNORECASE, False, True),
        (f"^(?:{AGAINST})[ -]*", re.IGNORECASE, True, False), (f"^(?:{OF_HUMAN})[ -]*", 0, False, False),
        (r"(?<=[A-Z0-9])\.[0-9]$|(?<=[0-9a-z])-[35]p$|[ (]+$", 0, False, False), (f"{VARIANT}$", 0, False, False),
        (f"^{OF_VARIANT}", 0, False, False),
    )
]  # fmt: skip


class Stem(NamedTuple):
    """A name without some of its affixes, and whether these make it an agent, or a gene of another species."""

    text: str
    is_agent: bool = False
    is_foreign: bool = False


def list_stems(text: str) -> Iterator[Stem]:
    """Yield the text itself, then with one affix fewer each time: suffixes, prefixes, then isoforms and mutations."""
    stem: Stem | None = Stem(text)
    while stem:
        yield stem
        text, is_agent, is_foreign = stem
        rests = ((pattern.sub("", text).rstrip(" "), agent, foreign) for pattern, agent, foreign in AFFIXES)
        found = next((each for each in rests if each[0] not in ("", text)), None)
        stem = Stem(found[0], is_agent or found[1], is_foreign or found[2]) if found else None
