"""Where words begin in a text, for whole-word masking.

Chinese is written without spaces, so that its words come from a segmenter, an optional package. A run of Latin or Greek
letters and digits is one word with the hyphens and dots inside it (`BRCA1`, `HER2`, `miR-21`, `TNF-α`, `3.5`).
"""

import re
from collections.abc import Callable
from importlib import metadata

import numpy as np

from cbpner.base.errors import InputError

SEGMENTERS = ("rjieba", "none")
SIGNS = "0-9A-Za-z０-９Ａ-Ｚａ-ｚΑ-Ωα-ω"
LATIN_RUN = re.compile(f"[{SIGNS}]+(?:[-.－][{SIGNS}]+)*")
LONGEST_RUN = 24  # characters; what is longer is a sequence of bases or residues, whose characters remain single words

Segmenter = Callable[[str], list[str]]  # text to its words


def load_segmenter(name: str) -> tuple[Segmenter | None, str]:
    """Return (segmenter, its name with version); no segmenter for `none`: every Han character is a word."""
    if name not in SEGMENTERS:
        raise InputError(f"found the segmenter {name!r}; expected one of {', '.join(SEGMENTERS)}")
    if name == "none":
        return None, name
    try:
        from rjieba import cut
    except ImportError:
        how = "`pip install rjieba` adds it, and --segmenter none does without: every Han character is a word then"
        raise InputError(f"found no rjieba, which segments Chinese for whole-word masking; {how}") from None
    return cut, f"{name} {metadata.version(name)}"


def mark_words(text: str, cut: Segmenter | None = None) -> np.ndarray:
    """Return (len(text),) bool: whether a word begins at each character of a line. cut: from `load_segmenter`."""
    begins = np.ones(len(text), dtype=bool)
    if cut is not None and text:
        words = cut(text)
        if sum(map(len, words)) != len(text):
            raise ValueError(f"expected words that make up the text of {len(text)} characters, got {words!r}")
        begins[:] = False
        begins[np.cumsum([0, *map(len, words[:-1])])] = True
    for run in LATIN_RUN.finditer(text):
        start, stop = run.span()
        begins[start:stop] = stop - start > LONGEST_RUN
        begins[start] = True
        begins[stop : stop + 1] = True
    return begins
