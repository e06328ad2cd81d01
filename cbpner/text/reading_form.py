"""The form of a text in which a tagger reads it, with the way back to the text itself.

Text that was copied out of a PDF or a web page has names broken over a line (`卵巢\\n癌`), spaces between characters
(`卵 巢 癌`), hyphenation (`inter-\\nleukin`), look-alikes of letters and characters (`⾁瘤`, `𝛼`) and markup
(`<sub>2</sub>`, `&alpha;`). A reading form is the text without these; what is found in it is located in the text
as it is, of which no character is changed or lost.
"""

import html
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cbpner.text.characters import CHINESE, HAN, LINE_SPACE

# auto: repairs what the text shows signs of; pdf: joins all open lines and all Chinese; plain: none
LAYOUTS = ("auto", "pdf", "plain")
S = f"[{LINE_SPACE}]"
RADICALS = "\u2e80-\u2fdf"
SIMPLIFIED = "⺠⻁⻄⻅⻆⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻨⻩⻬⻮⻰"  # radicals that NFKC leaves as they are
CHARACTERS = dict(zip(SIMPLIFIED, "民虎西见角贝车长门青韦页风飞食马骨鬼鱼鸟麦黄齐齿龙", strict=True))
LOOKALIKES = re.compile(
    f"[µ\u2100-\u211f\u2124-\u214f{RADICALS}\uf900-\ufaff\ufb00-\ufb06０-９Ａ-Ｚａ-ｚ\U0001d400-\U0001d7ff\U0002f800-\U0002fa1f]"
)
MARKUP = re.compile(r"</?(?:sub|sup|i|b|u|em|strong|small|span|font)(?:\s[^<>]{0,200})?/?>", re.IGNORECASE)
ENTITY = re.compile("&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
IN_CHINESE = f"[{CHINESE}{RADICALS}]"
INNER_SPACE = re.compile(f"(?<={IN_CHINESE}){S}(?={IN_CHINESE})")
ADJACENT = re.compile(f"[{HAN}{RADICALS}](?=[{HAN}{RADICALS}])")
SPACED = re.compile(f"[{HAN}{RADICALS}](?={S}[{HAN}{RADICALS}])")
SPACED_SHARE, LEAST_SPACED = 0.1, 3  # of the neighbours in a text that a space divides, from where on it is spaced out

MIN_WIDTH, FULL = 40, 0.9  # columns of a page's line; the share of them that a line must take to be full
MIN_BREAKS, BREAK_SHARE = 5, 0.6
PARAGRAPH_NUMBER = rf"[\[［【〔]{S}{{0,2}}\d{{4,5}}{S}{{0,2}}[\]］】〕]"
LIST_NUMBER = rf"\d{{1,3}}{S}{{0,2}}[.．、](?!{S}*\d)"
OPEN_END = re.compile(rf"[{HAN}{RADICALS}，、,A-Za-z0-9%％℃°)）/\-]\Z")
NEW_LINE = re.compile(
    rf"(?:\Z|{S}|{PARAGRAPH_NUMBER}|{LIST_NUMBER}|[\[【]|[(（]\d{{1,3}}[)）]|[①-⑳]|<\d{{3}}>|[图表]{S}?\d|实施例{S}?\d)"
)
FIRST_WORD = re.compile("[A-Za-z0-9-]*")
ENDED = re.compile(r"[。！？；：.!?;:】）)”\"]\Z")
WIDE = re.compile(IN_CHINESE)
UNBROKEN = re.compile("[A-Z0-9][A-Z0-9]|-.")  # both sides of a break inside a name: VE|GF, IL-|6


class Edit(NamedTuple):
    """A stretch of a text and what is read in its place."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class ReadingForm:
    """A text as it is read. starts, ends: (len(text),) int, the stretch of the original behind each character."""

    text: str
    starts: np.ndarray
    ends: np.ndarray

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """(start, end) in the original of a stretch of the reading form that is not empty."""
        return int(self.starts[start]), int(self.ends[end - 1])


def make_reading_form(text: str, layout: str = "auto") -> ReadingForm | None:
    """The reading form of a text; None where it is the text itself.

    Args:
        layout: `auto` drops line breaks where lines have a page's width and spaces where a good part of the Chinese
            is spaced out; `pdf` drops each line break that ends no sentence and every lone space between Chinese
            characters; `plain` gives None. Look-alikes and markup are read as what they stand for unless `plain`.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"expected layout to be one of {', '.join(LAYOUTS)}, got {layout!r}")
    if layout == "plain":
        return None
    is_pdf = layout == "pdf"
    edits = [*find_lookalikes(text), *find_markup(text), *find_spaces(text, is_pdf), *find_line_joins(text, is_pdf)]
    return apply_edits(text, edits) if edits else None


def apply_edits(text: str, edits: Sequence[Edit]) -> ReadingForm:
    """The reading form that edits make; of two that overlap the first is made."""
    pieces: list[str] = []
    starts: list[np.ndarray] = []
    ends: list[np.ndarray] = []
    done = 0
    for edit in [*sorted(edits), Edit(len(text), len(text), "")]:
        if edit.start >= done:
            kept = np.arange(done, edit.start)
            pieces += [text[done : edit.start], edit.text]
            starts += [kept, np.full(len(edit.text), edit.start)]
            ends += [kept + 1, np.full(len(edit.text), edit.end)]
            done = edit.end
    return ReadingForm("".join(pieces), np.concatenate(starts), np.concatenate(ends))


def find_lookalikes(text: str) -> Iterator[Edit]:
    """Yield an edit for each letter, digit or Chinese character in a compatibility form, such as `Ａ`, `𝛼`, `⾁`."""
    for match in LOOKALIKES.finditer(text):
        if (plain := read_lookalike(match)) != match[0]:
            yield Edit(*match.span(), plain)


def read_lookalike(match: re.Match[str]) -> str:
    """What a match of LOOKALIKES is read as."""
    plain = CHARACTERS.get(match[0]) or unicodedata.normalize("NFKC", match[0])
    return plain if plain.isalnum() else match[0]


def find_markup(text: str) -> Iterator[Edit]:
    """Yield an edit for each tag of inline HTML, and for each character reference."""
    if "<" in text:
        yield from (Edit(*match.span(), "") for match in MARKUP.finditer(text))
    if "&" in text:
        for match in ENTITY.finditer(text):
            if (plain := html.unescape(match[0])) != match[0]:
                yield Edit(*match.span(), plain)


def find_spaces(text: str, always: bool = False) -> Iterator[Edit]:
    """Yield an edit for each lone space inside Chinese, `always` or where a text is spaced out."""
    spaced = len(SPACED.findall(text))
    is_spaced = spaced >= LEAST_SPACED and spaced >= SPACED_SHARE * (spaced + len(ADJACENT.findall(text)))
    if spaced and (always or is_spaced):
        yield from (Edit(*match.span(), "") for match in INNER_SPACE.finditer(text))


def find_line_joins(text: str, always: bool = False) -> list[Edit]:
    """An edit for each line break inside a sentence: `always`, or where a text was broken at a page's width."""
    lines = text.split("\n")
    bare = [line.rstrip() for line in lines]
    widths = [len(line.encode("gb18030", "replace")) for line in bare]  # columns: two for a Chinese character
    margin = min((len(line) - len(line.lstrip()) for line in bare if line), default=0)  # of all lines
    is_open = [
        OPEN_END.search(line[-1:]) is not None and not NEW_LINE.match(below, margin + below.startswith("\f"))
        for line, below in zip(bare[:-1], lines[1:], strict=True)
    ]
    width = 0 if always else find_page_width(bare, widths, is_open)
    if width is None:
        return []
    edits, start = [], 0
    for place, is_inside in enumerate(is_open):
        below, end = lines[place + 1], start + len(lines[place]) + 1
        indent = margin + below.startswith("\f")  # a page break of pdftotext
        word = len(FIRST_WORD.findall(below[indent:])[0])  # for which the line may have had no room
        if is_inside and widths[place] + word >= FULL * width:
            edits.append(join_words(text, start + len(bare[place]), end + indent))
        start = end
    return edits


def find_page_width(bare: Sequence[str], widths: Sequence[int], is_open: Sequence[bool]) -> int | None:
    """The width of a page, where most lines that do not end a sentence have it or a little less; else None.

    Lines that would not fit on such a page count as well.
    """
    breaks = sorted(
        width for width, is_inside in zip(widths, is_open, strict=False) if is_inside and width >= MIN_WIDTH
    )
    near = [(end - bisect_left(breaks, FULL * width) + 1, width) for end, width in enumerate(breaks)]
    most, page = max(near, default=(0, 0))
    others = (
        width * FULL > page or (width >= MIN_WIDTH / 2 and not ENDED.search(line[-1:]))
        for line, width in zip(bare, widths, strict=True)
    )
    return page if most >= max(MIN_BREAKS, BREAK_SHARE * sum(others)) else None


def join_words(text: str, start: int, end: int) -> Edit:
    """What is read for the line break at start..end: nothing inside Chinese or a name, else a space.

    The hyphen of a word in small letters that was divided there is dropped as well.
    """
    last, first = text[start - 1 : start], text[end : end + 1]
    if last == "-" and text[start - 2 : start - 1].islower() and first.islower():
        return Edit(start - 1, end, "")
    is_whole = WIDE.match(last) or WIDE.match(first) or UNBROKEN.fullmatch(last + first)
    return Edit(start, end, "" if is_whole else " ")
