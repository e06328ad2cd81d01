"""Where words begin: Latin runs and numbers without a segmenter, Chinese words with one."""

import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbpner.base.errors import InputError
from cbpner.masked_lm.word_starts import LONGEST_RUN, load_segmenter, mark_words


def split(text, cut=None):
    begins = mark_words(text, cut)
    assert len(begins) == len(text)
    borders = [*np.flatnonzero(begins).tolist(), len(text)]
    return [text[first:behind] for first, behind in pairwise(borders)]


@pytest.mark.parametrize("text, words", [
    ("BRCA1基因", ["BRCA1", "基", "因"]),
    ("抗HER2、miR-21", ["抗", "HER2", "、", "miR-21"]),
    ("TNF-α3.5mg", ["TNF-α3.5mg"]),
    ("1.一种", ["1", ".", "一", "种"]),
    ("含5%的ＥＧＦＲ", ["含", "5", "%", "的", "ＥＧＦＲ"]),
    ("p53-和-IL", ["p53", "-", "和", "-", "IL"]),
    ("", []),
])  # fmt: skip
def test_runs_of_latin_letters_and_digits_are_words(text, words):
    assert split(text) == words


def test_a_sequence_is_no_word():
    assert split("A" * LONGEST_RUN) == ["A" * LONGEST_RUN]
    assert split("序A" + "CG" * LONGEST_RUN + "列") == ["序", *("A" + "CG" * LONGEST_RUN), "列"]


def test_runs_go_before_the_segmenter():
    """Wherever the segmenter cuts through them, or joins them with what stands beside."""
    pieces = ["抗H", "ER2阳", "性"]
    assert split("抗HER2阳性", lambda text: pieces) == ["抗", "HER2", "阳", "性"]


@given(st.text(st.sampled_from("乳腺癌患者HER2-1.5 ，\t\U0001f600"), max_size=40))
def test_the_segmenter_s_words_make_up_the_text(text):
    rjieba = pytest.importorskip("rjieba")
    assert "".join(split(text, rjieba.cut)) == text


def test_chinese_words_come_from_the_segmenter():
    pytest.importorskip("rjieba")
    cut, name = load_segmenter("rjieba")
    assert name.startswith("rjieba ") and name.split()[1][0].isdigit()
    words = split("本发明涉及miR-21与乳腺癌", cut)
    assert {"涉及", "miR-21", "乳腺癌"} <= set(words) and "".join(words) == "本发明涉及miR-21与乳腺癌"


def test_a_segmenter_that_loses_characters_is_refused():
    with pytest.raises(ValueError, match="expected words that make up the text of 3 characters"):
        mark_words("乳腺癌", lambda text: ["乳腺"])


def test_a_missing_segmenter_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "rjieba", None)
    with pytest.raises(InputError, match="`pip install rjieba`.*--segmenter none"):
        load_segmenter("rjieba")
    assert load_segmenter("none") == (None, "none")
    with pytest.raises(InputError, match="found the segmenter 'jieba'; expected one of rjieba, none"):
        load_segmenter("jieba")
