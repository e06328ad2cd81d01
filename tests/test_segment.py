"""Cutting long sentences and joining windows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbpner.text.bio import Sentence
from cbpner.text.labels import DEFAULT, tags_to_spans
from cbpner.text.segments import cut_sentence, cut_text, join_windows, overlapping_windows

TAGGED = st.lists(
    st.tuples(st.sampled_from("基因。，a. "), st.sampled_from(DEFAULT.tags)), min_size=1, max_size=60
).map(lambda rows: Sentence("".join(c for c, _ in rows), tuple(t for _, t in rows), 7))


@given(TAGGED, st.integers(1, 12))
def test_pieces_lose_nothing_and_keep_mentions_whole(sentence, size):
    pieces = cut_sentence(sentence, size)
    assert "".join(piece.chars for piece in pieces) == sentence.chars
    assert sum((piece.tags for piece in pieces), ()) == sentence.tags
    assert all(0 < len(piece.chars) <= size for piece in pieces)
    cuts = {piece.line - sentence.line for piece in pieces[1:]}
    for start, end, _ in tags_to_spans(sentence.tags):
        if end - start <= size:
            assert not cuts & set(range(start + 1, end))


@pytest.mark.parametrize(("text", "pieces"), [
    ("基因。蛋白，疾病基因", ["基因。", "蛋白，疾病基因"]), ("基因。蛋白。疾病基因", ["基因。蛋白。", "疾病基因"]),
    ("基因，蛋白质疾病基因", ["基因，", "蛋白质疾病基因"]),
    ("gene in the cell", ["gene ", "in the ", "cell"]), ("基因蛋白质疾病基因基因", ["基因蛋白质疾病", "基因基因"]),
    ("基因", ["基因"]),
])  # fmt: skip
def test_cuts_prefer_punctuation(text, pieces):
    assert [piece.chars for piece in cut_sentence(Sentence(text, ("O",) * len(text)), 7)] == pieces
    assert [text[start:end] for start, end in cut_text(text, 7)] == pieces


def test_only_a_mention_longer_than_the_window_is_cut():
    sentence = Sentence("的基因基因基的", ("O", "B-gene", *["I-gene"] * 4, "O"), 10)
    pieces = cut_sentence(sentence, 3)
    assert [piece.chars for piece in pieces] == ["的", "基因基", "因基的"]
    assert pieces[2].tags == ("I-gene", "I-gene", "O") and [piece.line for piece in pieces] == [10, 11, 14]


@given(st.integers(0, 200), st.integers(1, 30), st.data())
def test_windows_cover_overlap_and_join_again(length, size, data):
    overlap = data.draw(st.integers(0, size - 1))
    windows = overlapping_windows(length, size, overlap)
    assert all(end - start == min(size, length) for start, end in windows)
    assert all(left[1] - right[0] >= overlap for left, right in zip(windows, windows[1:], strict=False))
    text = np.arange(length)
    assert not length or (join_windows(windows, [text[start:end] for start, end in windows]) == text).all()


def choose_slowly(windows, position, length):
    """The window to take a position from, straight from the definition."""

    def room(window):
        start, end = window
        left = position - start if start > 0 else float("inf")
        right = end - 1 - position if end < length else float("inf")
        return min(left, right)

    return max((w for w in windows if w[0] <= position < w[1]), key=room)


@given(st.integers(1, 100), st.integers(2, 20), st.data())
def test_each_position_comes_from_the_window_with_most_room(length, size, data):
    windows = overlapping_windows(length, size, data.draw(st.integers(0, size - 1)))
    values = [np.full((window[1] - window[0], 2), window) for window in windows]
    joined = [tuple(window) for window in join_windows(windows, values).tolist()]
    assert joined == [choose_slowly(windows, spot, length) for spot in range(length)]


def test_sizes_that_make_no_sense_are_refused():
    with pytest.raises(ValueError):
        cut_text("基因", 0)
    for arguments in ((5, 3, 3), (5, 0, 0), (-1, 3, 1), (5, 3, -1)):
        with pytest.raises(ValueError):
            overlapping_windows(*arguments)
