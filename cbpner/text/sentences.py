"""Raw text to sentences as taggers were trained on: lines, long ones cut behind sentence ends.

The gold's sentences are the paragraphs of its patents, without white space around them, several full stops in one;
those of over 500 characters were cut. So a line is a sentence here, too, and full stops count where it is too long.
"""

import re

from cbpner.text.segments import choose_cut

LONGEST = 16_384  # characters of a sentence, which are scored in overlapping windows and decoded together
LINES = re.compile(r"[^\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")
ENDS = re.compile(r"[。！？；…!?;]+[”’」』）)】\]]*")


def find_sentences(text, limit):
    """(start, end) of each sentence, in order; what lies between them is white space.

    A line of at most `limit` characters is one. A longer one is cut behind sentence ends, each piece as long as fits;
    a stretch without any stays whole, up to LONGEST characters.
    """
    for line in LINES.finditer(text):
        for start, end in cut_line(text, *line.span(), limit):
            start, end = strip_span(text, start, end)
            if start < end:
                yield start, end


def cut_line(text, start, end, limit):
    """(start, end) of pieces that cover a line."""
    start, end = strip_span(text, start, end)
    while end - start > limit:
        cut = find_end(text, start, start + limit, end)
        yield start, cut
        start = cut
    yield start, end


def find_end(text, start, stop, end):
    """Where the piece that begins at `start` ends: behind the last sentence end up to `stop`, else behind the next."""
    cut = 0
    for match in ENDS.finditer(text, start, stop):
        cut = match.end()
    if cut:
        return cut
    farthest = min(start + LONGEST, end)
    match = ENDS.search(text, stop, farthest)
    if match:
        return match.end()
    return end if farthest == end else start + choose_cut(text[start:farthest], 0, LONGEST, ())


def strip_span(text, start, end):
    """(start, end) without the white space at both ends."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def group_sentences(sentences, size):
    """Lists of consecutive sentences, as many together as have at most `size` characters in all.

    A longer sentence stands alone, and without a positive `size` each one does: as
    `cbpner.text.splits.group_neighbours` groups the sentences of training.
    """
    group, room = [], 0
    for start, end in sentences:
        if group and end - start > room:
            yield group
            group = []
        room = (room if group else size) - (end - start)
        group.append((start, end))
    if group:
        yield group
