"""What a tool's offsets count: code points (Python) or UTF-16 code units (JavaScript), and which a file shows."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TypeVar

from cbpner.base.errors import UnexpectedValue

COUNTS = {"codepoints": "code points", "utf16": "UTF-16 code units"}
T = TypeVar("T")


class Ruler:
    """Between a text's code points and the offsets of one count of it."""

    def __init__(self, text: str, count: str = "codepoints"):
        self.text, self.count = text, count
        self.offsets: array[int] | None = None  # of each code point, and of the end
        if count == "utf16" and has_astral(text):
            self.offsets = array("q", accumulate((2 if char > "\uffff" else 1 for char in text), initial=0))

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

    def refuse(self, start: int, end: int, hint: str = "") -> UnexpectedValue:
        """The error for offsets that cut nothing out of the text."""
        found = f"the offsets {start}..{end} in a text of {self.find_offset(len(self.text))} {COUNTS[self.count]}"
        return UnexpectedValue(found, f"offsets within the text, on characters, the start before the end{hint}")


def has_astral(text: str) -> bool:
    """Whether the text has a character above U+FFFF, which UTF-16 counts as two."""
    return not text.isascii() and max(text) > "\uffff"


def choose_ruler(text: str, count: str, claims: Sequence[T], agrees: Callable[[Ruler, T], bool]) -> Ruler:
    """The ruler of a count; for `auto` UTF-16 code units where more of the claims agree with them, else code points."""
    points = Ruler(text)
    if count != "auto" or not has_astral(text):
        return points if count == "auto" else Ruler(text, count)
    units = Ruler(text, "utf16")
    return max(points, units, key=lambda ruler: sum(agrees(ruler, claim) for claim in claims))
