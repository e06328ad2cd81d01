"""Cutting long sentences: once for training, in overlapping windows for prediction."""

import re
from collections.abc import Collection, Sequence
from itertools import pairwise

import numpy as np

from cbpner.text.bio import Sentence
from cbpner.text.labels import tags_to_spans

SENTENCE_ENDS = frozenset("。！？；…!?;\n")
SENTENCE_BREAK = re.compile(f"[{''.join(sorted(SENTENCE_ENDS))}]+")
CLAUSE_ENDS = frozenset("，、：,:)）]】》」』”")


def cut_sentence(sentence: Sentence, max_chars: int) -> list[Sentence]:
    """Pieces of at most `max_chars` characters; put together they are the sentence again, tags included.

    No cut goes through a mention (lenient span). Only a mention that is itself longer than `max_chars` is cut, at
    exactly `max_chars`; its second piece then begins with an `I-`.
    """
    inside = {spot for start, end, _ in tags_to_spans(sentence.tags) for spot in range(start + 1, end)}
    return [
        Sentence(sentence.chars[start:end], sentence.tags[start:end], sentence.line + start if sentence.line else 0)
        for start, end in cut_text(sentence.chars, max_chars, inside)
    ]


def cut_text(text: str, max_chars: int, forbidden: Collection[int] = ()) -> list[tuple[int, int]]:
    """(start, end) of pieces of at most `max_chars` characters that cover the text in order, none empty.

    None is cut at a position in `forbidden` as long as another is in reach.
    """
    if max_chars < 1:
        raise ValueError(f"expected max_chars of at least 1, got {max_chars}")
    cuts = [0]
    while len(text) - cuts[-1] > max_chars:
        cuts.append(choose_cut(text, cuts[-1], cuts[-1] + max_chars, forbidden))
    return list(pairwise([*cuts, len(text)])) if text else []


def choose_cut(text: str, start: int, limit: int, forbidden: Collection[int]) -> int:
    """The last cut in (start, limit] behind a sentence's end, else behind a clause's or white space, else anywhere."""
    allowed = [cut for cut in range(limit, start, -1) if cut not in forbidden]
    ends = (cut for cut in allowed if text[cut - 1] in SENTENCE_ENDS)
    clauses = (cut for cut in allowed if text[cut - 1] in CLAUSE_ENDS or text[cut - 1].isspace())
    return next(ends, None) or next(clauses, None) or (allowed[0] if allowed else limit)


def overlapping_windows(length: int, size: int, overlap: int) -> list[tuple[int, int]]:
    """(start, end) of windows of `size` that cover `length` positions, neighbours sharing at least `overlap`.

    A text that fits is one window; the last window is moved back so that it is full.
    """
    if length < 0 or not 0 <= overlap < size:
        raise ValueError(f"expected length >= 0 and 0 <= overlap < size, got {length=}, {size=}, {overlap=}")
    if length <= size:
        return [(0, length)] if length else []
    return [(start, start + size) for start in (*range(0, length - size, size - overlap), length - size)]


def join_windows(windows: Sequence[tuple[int, int]], values: Sequence[np.ndarray]) -> np.ndarray:
    """(length, ...) values of a text: each from the window in which it lies farthest from an edge not the text's own.

    values: (length of `windows[w]`, ...) for each window. Neighbours meet in the middle of what they share; the first
    window wins a tie.
    """
    middles = [(before[1] + after[0] + 1) // 2 for before, after in pairwise(windows)]
    pieces = zip(windows, values, pairwise([0, *middles, windows[-1][1]]), strict=True)
    return np.concatenate([chunk[first - start : last - start] for (start, _), chunk, (first, last) in pieces])
