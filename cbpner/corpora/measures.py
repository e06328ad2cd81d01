"""Measures of a text, and batches of texts of bounded size."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

from cbpner.base.store import ROWS_AT_ONCE
from cbpner.corpora.document import PatentDocument

BATCH_CHARACTERS = 1_000_000  # some 3 MB of Chinese in UTF-8
OTHER, SPACE, HAN, SYLLABLE, LETTER = range(5)
SYLLABLES = ((0x1100, 0x11FF), (0x3040, 0x30FF), (0x3130, 0x318F), (0x31F0, 0x31FF), (0xAC00, 0xD7A3), (0xFF66, 0xFF9D))
HAN_RANGES = ((0x3007, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF))
LAST_LETTER = 0x323AF
SURROGATES = re.compile("[\ud800-\udfff]")


class Measures(NamedTuple):
    """Measures of a text's code points: their number, and the share of Han characters among words.

    solid: the code points without white space, (characters,) of uint32. fingerprint: SHA-256 of `solid`, equal for
    texts that differ in white space only.
    """

    characters: int
    han_share: float
    solid: np.ndarray
    fingerprint: bytes


def measure_text(text: str) -> Measures:
    """Measure a text.

    For the share of Han characters, a Han character, kana or Hangul syllable is a word, and so is a run of other
    letters: a long sequence listing or many gene names do not make a Chinese text foreign. 0 without words.
    """
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)  # (characters,)
    classes = load_classes()[codes]
    letters = classes == LETTER
    runs = np.count_nonzero(letters[1:] > letters[:-1]) + int(letters[:1].any())
    han = np.count_nonzero(classes == HAN)
    words = han + np.count_nonzero(classes == SYLLABLE) + runs
    solid = codes[classes != SPACE]
    return Measures(len(codes), han / words if words else 0.0, solid, hashlib.sha256(solid).digest())


@cache
def load_classes() -> np.ndarray:
    """Compute the class of every code point, (1114112,) of uint8."""
    classes = np.zeros(0x110000, dtype=np.uint8)
    for code in range(LAST_LETTER + 1):
        classes[code] = LETTER if chr(code).isalpha() else SPACE if chr(code).isspace() else OTHER
    for value, ranges in ((SYLLABLE, SYLLABLES), (HAN, HAN_RANGES)):
        for first, last in ranges:
            classes[first : last + 1] = value
    return classes


def replace_lone_surrogates(text: str) -> str:
    """Replace lone surrogates, which a JSON escape can leave and UTF-8 cannot encode, by U+FFFD."""
    return text if text.isascii() else SURROGATES.sub("\ufffd", text)


def batch_patents(
    patents: Iterable[PatentDocument], limit: int = BATCH_CHARACTERS
) -> Iterator[list[tuple[PatentDocument, str]]]:
    """Yield lists of (patent, text) of at most 8,192 patents and `limit` characters, or of one longer patent."""
    batch, size = [], 0
    for patent in patents:
        text = replace_lone_surrogates(patent.text)
        if batch and (size + len(text) > limit or len(batch) == ROWS_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append((patent, text))
        size += len(text)
    if batch:
        yield batch
