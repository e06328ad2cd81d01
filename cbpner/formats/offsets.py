"""What a tool's offsets count: code points (Python) or UTF-16 code units (JavaScript)."""

from array import array
from bisect import bisect_right
from itertools import accumulate

from cbpner.base.errors import UnexpectedValue
from cbpner.formats.document import Choices

COUNTS = {"codepoints": "code points", "utf16": "UTF-16 code units"}
TRUSTED_TEXT = "the text that the offsets cut out (--offsets codepoints or utf16 says what they count, and trusts them)"


class Ruler:
    """Between a text's code points and the offsets of one of COUNTS; `auto` stands for code points."""

    def __init__(self, text: str, count: str = "codepoints"):
        self.text, self.count = text, "codepoints" if count == "auto" else count
        self.offsets: array[int] | None = None  # of each code point, and of the end
        if count == "utf16" and max(text, default="") > "\uffff":
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

    def cut_checked(self, start: int, end: int, choices: Choices) -> tuple[int, int] | None:
        """As `cut`, but UnexpectedValue for None, unless it is an empty span that is dropped, which is counted."""
        place = self.cut(start, end)
        if place is None and (start != end or choices.unfit != "drop"):
            found = f"the offsets {start}..{end} in a text of {self.find_offset(len(self.text))} {COUNTS[self.count]}"
            expected = "offsets within the text, on characters, the start before the end"
            raise UnexpectedValue(found, f"{expected} (--offsets says what they count)")
        choices.note("empty spans dropped", place is None)
        return place
