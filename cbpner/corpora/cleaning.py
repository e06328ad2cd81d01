"""Rules that remove from patents what a language model should not read, each on its own.

The rules are rows of RULES, in the order in which they run. A rule may uncover what an earlier one removes (a
paragraph's number after a claim's), so all run again until nothing changes: cleaning is idempotent. Every pattern is
linear in the length of the text.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache, partial
from itertools import groupby
from typing import Any, NamedTuple

from cbpner.base.errors import InputError
from cbpner.text.characters import CHINESE, LINE_SPACE, SIGNS_ALONE
from cbpner.text.reading_form import LIST_NUMBER, PARAGRAPH_NUMBER, apply_edits, find_line_joins

MAX_PASSES = 10  # real text takes two, the second to find nothing
S = f"[{LINE_SPACE}]"
BLANK = LINE_SPACE.replace("\u2000-\u200b", "".join(map(chr, range(0x2000, 0x200C))))  # for str.strip
SPACE_BUT_TAB = LINE_SPACE.replace("\t", "")


class Rule(NamedTuple):
    """What a rule removes, for `--help`; from a text to the text without that, and how often something was removed."""

    does: str
    apply: Callable[[str], tuple[str, int]]


class CleanedText(NamedTuple):
    """removed, hits: characters removed and places changed by each rule that did something."""

    text: str
    removed: Counter[str]
    hits: Counter[str]


def clean_text(text: str, rules: Iterable[str] | None = None) -> CleanedText:
    """Apply cleaning rules to a text: names of RULES in any order, or None for those that are on by default.

    Raises InputError for an unknown name, or a rule whose library is not installed.
    """
    chosen = sort_rules(DEFAULT_RULES if rules is None else rules)
    removed, hits = Counter(), Counter()
    for _ in range(MAX_PASSES):
        before = text
        for name in chosen:
            cleaned, count = RULES[name].apply(text)
            if cleaned != text:
                removed[name] += len(text) - len(cleaned)
                hits[name] += count
                text = cleaned
        if text == before:
            break
    return CleanedText(text, removed, hits)


def sort_rules(names: Iterable[str]) -> list[str]:
    """Sort names of rules in the order in which they run; raise InputError for an unknown one."""
    names = set(names)
    if unknown := sorted(names - set(RULES)):
        raise InputError(f"cleaning: no rule {', '.join(unknown)}; expected some of {', '.join(RULES)}")
    return [name for name in RULES if name in names]


# Invisible characters

LINE_ENDS = re.compile("\r\n?|[\v\f\x85\u2028\u2029]")
UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")


def remove_controls(text: str) -> tuple[str, int]:
    text, ends = LINE_ENDS.subn("\n", text)
    text, unseen = UNSEEN.subn("", text)
    return text, ends + unseen


# Page headers and footers

OFFICES = "CN|US|WO|EP|JP|KR|TW|HK|DE|GB|FR|CA|AU|RU|IN"
DOCUMENT = rf"(?:{OFFICES}){S}{{0,4}}\d{{6,13}}"
SECTIONS = ("权利要求书", "说明书摘要", "摘要附图", "说明书附图", "说明书核苷酸和氨基酸序列表", "说明书", "序列表")
SECTION = "|".join(f"{S}{{0,4}}".join(section) for section in SECTIONS)  # printed with or without spaces
PAGES = rf"\d{{1,4}}{S}{{0,4}}[/／]{S}{{0,4}}\d{{1,4}}"
PAGE = (
    rf"第?{S}{{0,4}}{PAGES}{S}{{0,4}}页|共{S}{{0,4}}\d{{1,4}}{S}{{0,4}}页{S}{{0,4}}第{S}{{0,4}}\d{{1,4}}{S}{{0,4}}页|"
    rf"第{S}{{0,4}}\d{{1,4}}{S}{{0,4}}页(?:{S}{{0,4}}[,，/／]?{S}{{0,4}}共{S}{{0,4}}\d{{1,4}}{S}{{0,4}}页)?"
)
PAGE_HEADER = re.compile(
    rf"^(?:{S}*+\d{{1,4}}{S}*+\n)?{S}*+(?:"  # the number at the foot of the page before
    rf"{DOCUMENT}{S}{{0,4}}[A-Z]\d?(?:{S}+(?:{SECTION}))?(?:{S}+(?:{PAGE}|{PAGES}|\d{{1,4}}))?|"
    rf"(?:{DOCUMENT}{S}+)?(?:{SECTION})(?:{S}*+(?:{PAGE}|{PAGES}))?|{PAGE})"
    rf"{S}*+(?:\n|\Z)",
    re.MULTILINE,
)
LAST_FOOT = re.compile(rf"\n{S}*+\d{{1,4}}\s*+\Z")  # the number at the foot of the last page


def remove_page_headers(text: str) -> tuple[str, int]:
    text, hits = PAGE_HEADER.subn("", text)
    return (LAST_FOOT.sub("", text), hits) if hits else (text, 0)


# Sequence listings

NUCLEOTIDES, RESIDUES = 50, 40  # that make a run a sequence; primers and epitopes are shorter
SHORT_NAMES = "Ala|Arg|Asn|Asp|Asx|Cys|Gln|Glu|Glx|Gly|His|Ile|Leu|Lys|Met|Phe|Pro|Sec|Ser|Thr|Trp|Tyr|Val|Xaa"
NAMED_RESIDUES = 20
NUCLEOTIDE = r"[ACGTUNacgtun]++(?![A-Za-z])"
RESIDUE_NAME = rf"(?:{SHORT_NAMES})(?![a-z])"
RESIDUE = r"[ACDEFGHIKLMNPQRSTVWY]{8,}+(?![A-Za-z])"
COUNT_BEFORE = rf"(?:^{S}*+\d{{1,6}}{S}++)?"
COUNT_AFTER = rf"(?:{S}{{1,40}}+\d{{1,6}}(?=\s|\Z))?(?:\n{S}*+\d{{1,6}}(?:{S}++\d{{1,6}})*+{S}*+$)?"
LATIN = re.compile(r"[A-Za-z\s\d-]{40,}+")  # where such runs can be at all
RUNS = tuple(  # the run, what is counted in it, how many of those it needs
    (re.compile(f"{COUNT_BEFORE}(?<![A-Za-z]){unit}(?:{gap}{unit})*+{COUNT_AFTER}", re.M), re.compile(counted), least)
    for unit, gap, counted, least in (
        (NUCLEOTIDE, r"[-\s\d]{1,24}+", "[A-Za-z]", NUCLEOTIDES),
        (RESIDUE_NAME, r"[-\s\d]{0,120}+", SHORT_NAMES, NAMED_RESIDUES),
        (RESIDUE, r"[-\s\d]{1,24}+", "[A-Z]", RESIDUES),
    )
)
TAG = r"<(?:1[1-7]0|1[45]1|21[0-3]|22[0-3]|30\d|31[0-3]|400)>"  # WIPO Standard ST.25
LISTING = re.compile(rf"(?:{TAG}[^<>\n]{{0,200}}+(?={TAG}|\n|\Z)\s*+){{2,}}+")
SEQUENCE_LINE = re.compile(rf"{S}*+(?:(?:{NUCLEOTIDE}|(?:{SHORT_NAMES})|\d++){S}*+)*+")
TAGGED_LINE = re.compile(rf"{S}*+{TAG}")


def remove_sequences(text: str) -> tuple[str, int]:
    spans = sorted(  # may overlap
        match.span()
        for place in LATIN.finditer(text)
        for run, counted, least in RUNS
        for match in run.finditer(text, place.start(), place.end() + 1)  # patterns look one character ahead
        if len(counted.findall(match[0])) >= least
    )
    pieces, done = [], 0
    for start, end in spans:
        pieces.append(text[done:start])
        done = max(done, end)
    text, hits = "".join([*pieces, text[done:]]), len(spans)
    if "<" not in text or not re.search(TAG, text):
        return text, hits
    kept, in_listing = [], False
    for line in text.split("\n"):
        in_listing = bool(TAGGED_LINE.match(line) or (in_listing and SEQUENCE_LINE.fullmatch(line)))
        hits += in_listing
        kept += [] if in_listing else [line]
    text, count = LISTING.subn("", "\n".join(kept))
    return text, hits + count


# Tables

TABLE_LINES, NUMERIC_SHARE = 3, 0.4
MAX_CELL, MAX_ROW = 20, 200
CELL_GAP = re.compile(r"[ \u3000]*\t[ \t\u3000]*|[ \u3000]{2,}")
SIGNS = r"<>≤≥=~≈±+−–\-"
NUMBER = re.compile(rf"[{SIGNS}(（]*\d[\d.,:/×x*%％()（）{SIGNS}^eE\s]*")
MEASURE = re.compile(rf"{NUMBER.pattern}[A-Za-zμµ℃°%/]{{0,6}}")
NUMBER_IN_ROW = rf"[{SIGNS}]?\d[\d.,±%％/()×{SIGNS}]*+(?!\S)"
NUMBER_ROW = re.compile(rf"(?<!\S){NUMBER_IN_ROW}(?:[ \t]++{NUMBER_IN_ROW}){{7,}}+")


def count_cells(line: str) -> tuple[int, int] | None:
    """(cells, cells that are numbers) of a table's row or of a cell on its own line; None for other lines."""
    line = line.strip()
    if not line or len(line) > MAX_ROW:
        return None
    cells = CELL_GAP.split(line)
    if len(cells) == 1:
        return (1, 1) if len(line) <= MAX_CELL and NUMBER.fullmatch(line) else None
    if any(len(cell) > MAX_CELL for cell in cells):
        return None
    return len(cells), sum(MEASURE.fullmatch(cell) is not None for cell in cells)


def remove_tables(text: str) -> tuple[str, int]:
    text, hits = NUMBER_ROW.subn("", text)
    kept: list[str] = []
    rows = [(line, count_cells(line)) for line in text.split("\n")]
    for is_row, run in groupby(rows, key=lambda row: row[1] is not None):
        lines, counts = zip(*run, strict=True)
        cells, numbers = map(sum, zip(*counts, strict=True)) if is_row else (1, 0)
        if len(lines) >= TABLE_LINES and numbers >= NUMERIC_SHARE * cells:
            hits += 1
        else:
            kept += lines
    return "\n".join(kept), hits


# Line breaks inside sentences


def join_lines(text: str) -> tuple[str, int]:
    """Join the lines of a text that was broken at a page's width where a full line ends inside a sentence."""
    edits = find_line_joins(text)
    return apply_edits(text, edits).text, len(edits)


# Numbers of paragraphs and claims

PARAGRAPH_START = re.compile(rf"^{S}*+(?:{PARAGRAPH_NUMBER}{S}*+)++", re.MULTILINE)
PARAGRAPH_INSIDE = re.compile(rf"[\[［【](\d{{4,5}})[\]］】]{S}*+")
SENTENCE_END = re.compile(rf"[。；;！？!?：:]{S}{{0,3}}\Z")
CLAIM_START = re.compile(
    rf"^{S}*+(?:(?:[\[【]{S}?权利要求{S}?\d{{1,3}}{S}?[\]】]|权利要求{S}?\d{{1,3}}(?=[.．、:：])|{LIST_NUMBER})"
    rf"[.．、:：]?{S}*+)++",
    re.MULTILINE,
)


def remove_paragraph_numbers(text: str) -> tuple[str, int]:
    """Remove them at the start of a line; inside one, where they begin with 0 or a sentence has just ended."""
    text, hits = PARAGRAPH_START.subn("", text)

    def break_line(match: re.Match[str]) -> str:
        nonlocal hits
        before = match.string[max(0, match.start() - 4) : match.start()]
        is_number = int(match[1][0]) == 0 or SENTENCE_END.search(before) is not None
        hits += is_number
        return "\n" if is_number else match[0]

    return PARAGRAPH_INSIDE.sub(break_line, text), hits


# White space

WIDE = re.compile(f"[{CHINESE}]")
SPACES = re.compile(f"[{SPACE_BUT_TAB}]+")


def remove_spaces(text: str) -> tuple[str, int]:
    """Leave no space between Chinese characters or next to a Chinese sign, one elsewhere; tabs stay inside a line."""
    hits = 0

    def collapse(match: re.Match[str]) -> str:
        nonlocal hits
        before, after = match.string[match.start() - 1 : match.start()], match.string[match.end() : match.end() + 1]
        is_free = before in SIGNS_ALONE or after in SIGNS_ALONE or (WIDE.match(before) and WIDE.match(after))
        space = "" if is_free else " "
        hits += match[0] != space
        return space

    lines = SPACES.sub(collapse, text).split("\n")
    stripped = [line.strip(BLANK) for line in lines]
    hits += sum(not new or len(new) != len(old) for new, old in zip(stripped, lines, strict=True)) if text else 0
    return "\n".join(line for line in stripped if line), hits


# Traditional characters


@cache
def load_converter() -> Any:
    try:
        from opencc import OpenCC
    except ImportError:
        raise InputError("cleaning: the rule `traditional` needs OpenCC: pip install 'cbpner[chinese]'") from None
    return OpenCC("t2s")


def simplify_characters(text: str) -> tuple[str, int]:
    """Convert traditional characters to simplified ones (OpenCC's t2s); raise InputError without OpenCC."""
    simple = load_converter().convert(text)
    return simple, sum(old != new for old, new in zip(text, simple, strict=False))


RULES = {
    "controls": Rule("invisible characters; line ends of other systems", remove_controls),
    "page_headers": Rule("page headers and footers: `CN 105611940 A`, `说明书 3/15 页`", remove_page_headers),
    "sequences": Rule("sequence listings, long runs of nucleotides or amino acids", remove_sequences),
    "tables": Rule("tables: rows of short cells, many of them numbers", remove_tables),
    "line_breaks": Rule("line breaks inside sentences, where lines have a page's width", join_lines),
    "paragraph_numbers": Rule("paragraph numbers: `[0001]`, `【0001】`", remove_paragraph_numbers),
    "claim_numbers": Rule("numbers at the start of a line: `1.`, `2、`, `[权利要求3]`", partial(CLAIM_START.subn, "")),
    "spaces": Rule("white space inside Chinese and at line ends, empty lines", remove_spaces),
    "traditional": Rule("traditional characters, made simplified (needs OpenCC)", simplify_characters),
}
DEFAULT_RULES = tuple(name for name in RULES if name != "traditional")
