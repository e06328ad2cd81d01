"""What a tool's offsets count, and which count a file's own evidence supports.

Python counts code points, JavaScript UTF-16 code units (a character above U+FFFF is two). A program that opened its
text with universal newlines counts CR LF as one, and one that opened it as `utf-8-sig` no byte order mark.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, chain, pairwise
from typing import TypeVar

from cbpner.text.characters import BOM

COUNTS = {
    "codepoints": "code points",
    "utf16": "UTF-16 code units",
    "newlines": "code points, CR LF being one",
    "unmarked": "code points behind the byte order mark",
}


T = TypeVar("T")


class Ruler:
    """Between a text's code points and the offsets of one count of it."""

    def __init__(self, text: str, count: str = "codepoints"):
        self.text, self.count = text, count
        offsets: Iterable[int] | None = None
        if count == "utf16" and has_astral(text):
            offsets = accumulate((2 if char > "\uffff" else 1 for char in text), initial=0)
        elif count == "newlines" and "\r\n" in text:
            widths = (0 if pair == ("\r", "\n") else 1 for pair in pairwise("\0" + text))
            offsets = accumulate(widths, initial=0)
        elif count == "unmarked" and text.startswith(BOM):
            offsets = chain([0], range(len(text)))
        self.offsets = array("q", offsets) if offsets else None  # of each code point, and of the end

    def find_place(self, offset: int) -> int | None:
        """The code point that an offset is at; None where it is outside the text or within a character."""
        if self.offsets is None:
            return offset if 0 <= offset <= len(self.text) else None
        place = bisect_right(self.offsets, offset) - 1
        return place if place >= 0 and self.offsets[place] == offset else None

    def find_offset(self, place: int) -> int:
        """The offset of a code point of the text."""
        return self.offsets[place] if self.offsets else place

    def cut(self, start: int, end: int) -> tuple[int, int] | None:
        """(start, end) in code points; None where these offsets cut nothing out of the text."""
        first, behind = self.find_place(start), self.find_place(end)
        return (first, behind) if first is not None and behind is not None and first < behind else None


def has_astral(text: str) -> bool:
    """Whether the text has a character above U+FFFF, which UTF-16 counts as two."""
    return not text.isascii() and max(text) > "\uffff"


def choose_ruler(text: str, counts: Iterable[str], claims: Sequence[T], agrees: Callable[[Ruler, T], bool]) -> Ruler:
    """The ruler of the first count with which most of the claims agree."""
    best, most = None, -1
    for count in counts:
        ruler = Ruler(text, count)
        agreeing = sum(agrees(ruler, claim) for claim in claims)
        if agreeing > most:
            best, most = ruler, agreeing
        if agreeing == len(claims):
            break
    return best or Ruler(text)
