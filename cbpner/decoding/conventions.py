"""What writers of patents keep to, and a tagger that reads sentence by sentence has no way to know.

- A mention neither begins nor ends with punctuation or a conjunction, and does not take in what is said of it (`KstR`
  in `KstR活性`): in twelve gold patents 活性, 水平, 表达, 含量, 浓度, 检测, 患者 and 突变 follow 251 mentions and end
  two; of 6,413 mentions none ends with 引物, 阳性, 敲除, 和, 与, 及, 或, 的 or 等. It takes in the 抗 of its antibody
  (180 of 180).
- Its last word tells a gene from a protein (`...基因`, `...抗体`); for bacteria the spelling does: gene `cxgD`, protein
  `CxgD` (Demerec et al., Genetics 54, 1966). A document gets no type here that it has not.
- An abbreviation is what its long form is. It is read where it is introduced, as in `食管腺癌（EAC）`, in the manner of
  Schwartz and Hearst (PSB 2003), but without their alignment of letters: Chinese and Latin have none in common. One of
  something else (`甲基叔丁基醚（MTBE）`) is no mention.
- What a document calls a compound, a plasmid, a strain or cells is none of these, wherever it stands: `Sp-4` in
  `化合物Sp-4`, `PC-3` in `PC-3细胞`. others.tsv has names of that kind which patents on medicine are full of.
- The members of an enumeration are what its head says, as in `基因选自NCAM1、OMG和PFN2`, if a third of them are
  mentions.
"""

import functools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from importlib import resources
from statistics import fmean

Told = tuple[str, float]  # a label and a score

IS_EDGE = re.compile(r"[^\w+±′″*#%°℃]").match
IS_PREFIX = re.compile(r"[(（][^()（）]*[)）].*\w").match  # as in `(R,S)-SAM`
STRAY = re.compile(r"[^()（）]*(?=[)）])")  # up to a closing bracket alone, as in `EGFR）基因`
BRACKETS = dict(zip(")）]】}", "(（[【{", strict=True))
BEFORE_MENTIONS = re.compile("(?:所述|[和及或的])+")
SAID = "活性|水平|表达|含量|浓度|检测|患者|突变?|引物对?|探针|试剂盒|[和与及或的等]"
AFTER_MENTIONS = re.compile(rf"(?:{SAID})+\Z")
AFTER_GENES = re.compile(  # and proteins: `HER2阳性` as a disease is none called HER2
    rf"(?:{SAID}|[阴阳]性|敲除|通路|(?<=[A-Za-z0-9])(?:缺陷型?|缺失|扩增|重排|磷酸化|甲基化|多态性?|[高低过])"
    r"| +(?:p\.)?[ACDEFGHIKLMNPQRSTVWY][1-9][0-9]{0,3}[ACDEFGHIKLMNPQRSTVWY])+\Z"  # the variant in `BRAF V600E突变`
)
IS_GENERAL = re.compile(  # words that say something of mentions and are none
    "(?:携带|编码|磷酸化|突变型|[阴阳]性|野生型|异常|重组|人源化|小鼠|儿童|成人|老年|早期|晚期|急性|慢性|良性|恶性|转移性?|复发|死亡|"
    "抗[癌炎]|抗肿瘤|癌前|心血管|间充质|[甲乙丙]型|限制性|抗性|血浆|脑脊液|载体)+"
).fullmatch
CUT_WORDS = ("基因", "蛋白", "受体", "抗体", "抗剂")
TYPES = {
    "gene": re.compile("(?:.*基因|[a-z]{3}[A-Z][0-9]?)"),
    "protein": re.compile("(?:.*(?:蛋白质?|多肽|抗体|受体|酶|抗原)|[A-Z][a-z]{2}[A-Z][0-9]?)"),
}
SHORT = "[A-Za-z0-9α-ω][A-Za-z0-9α-ω-]{1,9}"
LONG = "[A-Za-z][A-Za-z0-9 ,，'-]{0,80}[,，;；:：]"  # in English, before the abbreviation
INTRODUCED = re.compile(
    rf"[（(](?:{LONG})? *(?:(?:以下)?(?:简称|缩写)为?)?[“\"]?(?P<short>{SHORT})[”\"]?[)）]"
    rf"|[,，]?(?:以下)?简称为?[“\"]?(?P<other>{SHORT})"
)
IS_ABBREVIATION = re.compile(r"(?![ACGTU]{5})(?:[^A-Z]*[A-Z]){2}").match  # two capitals, not a stretch of a sequence
MAY_BE = re.compile(  # the end of a mention, or of something that is not Chinese
    "(?:基因|蛋白质|抗体|受体|抗原|配体|同源[物盒]|抑制[物剂]|激活[物剂]|转运体|伴侣|家族|成员|损伤|衰竭|障碍|增生|感染|"
    "硬化|食管|[肽链酶素白酸子域病症癌瘤炎征区框]|(?<![一-鿿]))$"
)
MEASURED = "的?(?:水平|表达|含量|浓度|[阴阳]性|抗体|抗原|抑制剂|蛋白|基因|mRNA)"  # said of genes and proteins
MEMBER = "(?<![A-Za-z0-9α-ω])[A-Za-zα-ω][A-Za-z0-9α-ω-]{1,11}(?![A-Za-z0-9α-ω])"
CONJUNCTION = "(?:和/或|和|或|及|以及|与)"
SEPARATOR = f" ?(?:[、，,/;；] ?{CONJUNCTION}?|{CONJUNCTION}) ?"
LISTED = re.compile(
    "(基因|蛋白质?|抗原|受体|抗体|细胞因子)[^。；;，,、\n]{0,6}(?:选自|包括|包含|为|是|:|：)[^。；;，,、\n]{0,6}?"
    rf"(?P<members>{MEMBER}(?:{SEPARATOR}{MEMBER}){{2,}})"
)

IS_LATIN = re.compile(r"(?!CD[0-9])[A-Za-z][A-Za-z0-9/().+-]*").fullmatch  # CD4细胞 are named after what they have
CALLED = re.compile("(?:化合物|结晶|晶[型体]|溶剂|菌株|细胞[系株])[(（]?$")
CARRIED = re.compile("(?:质粒|载体)[(（]?$")  # often named after its gene
USED = re.compile("[(（]?[0-9.]+ ?(?:m?mol|当量)|晶[体型形]")
WITH_KIND = re.compile(r"(?:(?:[(（][+-][)）])?(?:载体|质粒|细胞[株系]?|菌株|培养基))?").match
CELLS = re.compile("细胞(?![因内外膜核质周凋毒表角色])")  # not 细胞因子, 细胞凋亡


def trim_span(text: str, start: int, end: int, label: str) -> tuple[int, int]:
    """A span without what does not belong to a mention of its type, with what does; empty where nothing is left."""
    start, end = trim_edges(text, start, end)
    stray = STRAY.match(text, start, end)
    end = stray.end() if stray else end
    before = BEFORE_MENTIONS.match(text, start, end)
    start = before.end() if before else start
    after = (AFTER_GENES if label in TYPES else AFTER_MENTIONS).search(text, start, end)
    start, end = trim_edges(text, start, after.start() if after else end)
    end += text[end - 1 : end + 1] in CUT_WORDS
    start -= text[start - 1 : start] == "抗" and text.endswith(("抗体", "单抗"), start, end)
    return start, start if IS_GENERAL(text, start, end) else end


def trim_edges(text: str, start: int, end: int) -> tuple[int, int]:
    """A span without punctuation and space at its edges; a bracket stays if what it belongs to is inside."""
    while start < end and IS_EDGE(text[start]) and not IS_PREFIX(text, start, end):
        start += 1
    while start < end and IS_EDGE(text[end - 1]) and BRACKETS.get(text[end - 1], "\0") not in text[start:end]:
        end -= 1
    return start, end


def find_type(surface: str, label: str) -> str:
    """The type that a surface's last word or spelling gives; `label` where they give none, and for diseases."""
    return next((name for name, form in TYPES.items() if label in TYPES and form.fullmatch(surface)), label)


def find_abbreviations(text: str, ends: Mapping[int, Told]) -> dict[str, Told | None]:
    """{abbreviation: label and mean score of what it mostly stands for where it is introduced; None: for no mention}

    Behind a disease may stand its marker, as in `肝癌（AFP）`; one that the text speaks of as such stays what it is.
    ends: label and score of the span that ends at a place.
    """
    found: dict[str, list[Told | None]] = defaultdict(list)
    other = dict[str, bool]()
    for match in INTRODUCED.finditer(text):
        if IS_ABBREVIATION(short := match["short"] or match["other"]):
            first, place = max(0, match.start() - 8), match.start()
            said = AFTER_MENTIONS.search(text, first, place)
            found[short].append(entry := ends.get(place) or (said and ends.get(said.start())))
            other[short] = other.get(short, True) and not entry and not MAY_BE.search(text, first, place)
    chosen: dict[str, Told | None] = {
        short: None for short in found if other[short] and find_type(short, "gene") != find_type(short, "protein")
    }
    for short, entries in found.items():
        labels = Counter(entry[0] for entry in entries if entry)
        for label, count in labels.most_common(1):
            is_marker = re.search(rf"(?<![A-Za-z0-9]){re.escape(short)}(?:{SEPARATOR}{MEMBER})* ?{MEASURED}", text)
            if 2 * count >= len(entries) and (label in TYPES or not is_marker):
                chosen[short] = label, fmean(entry[1] for entry in entries if entry and entry[0] == label)
    return chosen


@functools.cache
def read_others() -> dict[str, str]:
    """{name of what is no mention: its kind} of others.tsv."""
    lines = resources.files(__package__).joinpath("others.tsv").read_text(encoding="utf-8").splitlines()
    return dict([line.split("\t") for line in lines if not line.startswith("#")][1:])


def find_known(text: str, names: Iterable[tuple[int, int]]) -> set[int]:
    """The places of names of `read_others`, with a word behind them that says of what kind they are."""
    return {
        place for start, end in names for kind in [WITH_KIND(text, end)] if kind for place in range(start, kind.end())
    }


def find_others(text: str, places: Iterable[tuple[int, int]], known: set[int]) -> set[str]:
    """The surfaces at `places`, all their occurrences, that are something else than a mention.

    These are surfaces of which the text says so at two occurrences and one in twenty at least, or at half of them if
    质粒 before and 细胞 behind them and lying within a known name count too. known: all places of `find_known`.
    """
    counts, called, used = Counter[str](), Counter[str](), Counter[str]()
    for start, end in places:
        name = text[start:end]
        is_called = CALLED.search(text, max(0, start - 4), start) or USED.match(text, end)
        counts[name] += 1
        called[name] += bool(is_called and IS_LATIN(name))
        is_used = is_called or CARRIED.search(text, max(0, start - 3), start) or CELLS.match(text, end)
        used[name] += bool(is_used and IS_LATIN(name)) or {start, end - 1} <= known
    return {name for name, count in counts.items() if 20 * called[name] >= max(40, count) or 2 * used[name] >= count}


def find_listed(text: str, spans: Mapping[tuple[int, int], Told]) -> dict[str, Told]:
    """{member of an enumeration: (type that its head says, mean score of its members in `spans`)}"""
    chosen: dict[str, Told] = {}
    for match in LISTED.finditer(text):
        first = match.start("members")
        places = [member.span() for member in re.finditer(MEMBER, match["members"])]
        found = [spans[first + start, first + end] for start, end in places if (first + start, first + end) in spans]
        if 3 * len(found) >= len(places) and all(label in TYPES for label, _ in found):
            label, score = "gene" if match[1] == "基因" else "protein", fmean(score for _, score in found)
            names = set(re.findall(MEMBER, match["members"])) - read_others().keys()
            chosen |= {name: (find_type(name, label), score) for name in names}
    return chosen
