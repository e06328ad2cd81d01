"""Raw text to sentences as taggers were trained on: lines, long ones cut behind sentence ends.

The gold data's sentences are the paragraphs of its patents, without white space around them, several full stops in one;
those of over 500 characters were cut. So a line is a sentence here, too, and is cut at full stops where it is too long.
"""

import re
from collections.abc import Iterator

from cbpner.text.segments import choose_cut

LONGEST = 1 << 20  # characters of a sentence, which are scored in overlapping windows and decoded together
LINES = re.compile(r"[^\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")
ENDS = re.compile(r"[。！？；…!?;]+[”’」』）)】\]]*")


def find_sentences(text: str, limit: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each sentence, in order; what lies between them is white space.

    A line of at most `limit` characters is one. A longer one is cut behind sentence ends, each piece as long as fits;
    a stretch without any stays whole, up to LONGEST characters.
    """
    for line in LINES.finditer(text):
        start, end = strip_span(text, *line.span())
        while start < end:
            cut = find_end(text, start, start + limit, end) if end - start > limit else end
            first, last = strip_span(text, start, cut)
            if first < last:
                yield first, last
            start = cut


def find_end(text: str, start: int, stop: int, end: int) -> int:
    """Where the piece that begins at `start` ends: behind the last sentence end up to `stop`, else behind the next."""
    if ends := [match.end() for match in ENDS.finditer(text, start, stop)]:
        return ends[-1]
    farthest = min(start + LONGEST, end)
    if match := ENDS.search(text, stop, farthest):
        return match.end()
    return end if farthest == end else start + choose_cut(text[start:farthest], 0, LONGEST, ())


def strip_span(text: str, start: int, end: int) -> tuple[int, int]:
    """(start, end) without the white space at both ends."""
    start = end - len(text[start:end].lstrip())
    return start, start + len(text[start:end].rstrip())
