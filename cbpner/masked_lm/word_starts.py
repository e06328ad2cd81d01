"""Where words begin in a text, so that a masked LM can hide whole words.

Chinese is written without spaces: its words come from a segmenter, an optional package. A run of Latin or Greek letters
and digits needs none: with the hyphens and dots inside it, it is one word (`BRCA1`, `HER2`, `miR-21`, `TNF-α`, `3.5`).
"""

import re
from importlib import metadata

import numpy as np

from cbpner.base.errors import InputError

SEGMENTERS = ("rjieba", "none")
SIGNS = "0-9A-Za-z０-９Ａ-Ｚａ-ｚΑ-Ωα-ω"
RUN = re.compile(f"[{SIGNS}]+(?:[-.－][{SIGNS}]+)*")
LONGEST_RUN = 24  # characters; what is longer is a sequence of bases or residues, whose characters stay words


def load_segmenter(name):
    """(text to its words, or None; what is recorded) of `rjieba`, the Rust jieba, or of `none`: Han one by one."""
    if name not in SEGMENTERS:
        raise InputError(f"found the segmenter {name!r}; expected one of {', '.join(SEGMENTERS)}")
    if name == "none":
        return None, name
    try:
        from rjieba import cut
    except ImportError:
        raise InputError(
            "found no rjieba, which whole-word masking takes Chinese words from; `pip install rjieba` adds it, and "
            "--segmenter none does without: Latin runs and numbers are words then, and every Han character is one"
        ) from None
    return cut, f"{name} {metadata.version(name)}"


def mark_words(text, cut=None):
    """(len(text),) bool: True where a word begins. cut: `load_segmenter`'s; without it each Han character is a word."""
    begins = np.ones(len(text), dtype=bool)
    if cut is not None and text:
        words = cut(text)
        if sum(map(len, words)) != len(text):
            raise ValueError(f"expected words that make up the text of {len(text)} characters, got {words!r}")
        begins[:] = False
        begins[np.cumsum([0, *map(len, words[:-1])])] = True
    for run in RUN.finditer(text):
        first, behind = run.span()
        begins[first:behind] = behind - first > LONGEST_RUN
        begins[first] = True
        begins[behind : behind + 1] = True
    return begins
