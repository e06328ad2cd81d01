"""Measures of a text, sketches that find near duplicates, and batches of texts of bounded size.

Near duplicates after Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, chapter 3; the MinHash is rensa's. The
share of equal values of two sketches estimates the Jaccard similarity J of their sets of n-grams, with a standard error
of sqrt(J (1 - J) / 128).
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from rensa import RMinHash

from cbpner.base.store import ROWS_AT_ONCE
from cbpner.corpora.document import PatentDocument
from cbpner.text.characters import HAN

BATCH_CHARACTERS = 1_000_000  # some 3 MB of Chinese in UTF-8
SYLLABLES = "\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff\uac00-\ud7a3\uff66-\uff9d"  # kana and Hangul
NUMERALS = "²³¹¼-¾\u2070-\u209c\u2150-\u218f\u2460-\u24ff"  # which `\w` matches
HAN_RUN, SYLLABLE_RUN = re.compile(f"[{HAN}]+"), re.compile(f"[{SYLLABLES}]+")
OTHER_WORD = re.compile(rf"[^\W\d_{HAN}{SYLLABLES}{NUMERALS}]+")
SURROGATES = re.compile("[\ud800-\udfff]")
GRAM = 5  # characters, white space not counted
VALUES = 128  # of a sketch
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


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
    han, syllables = (sum(map(len, run.findall(text))) for run in (HAN_RUN, SYLLABLE_RUN))
    words = han + syllables + len(OTHER_WORD.findall(text))
    solid = np.frombuffer("".join(text.split()).encode("utf-32-le"), dtype=np.uint32)
    return Measures(len(text), han / words if words else 0.0, solid, hashlib.sha256(solid.data).digest())


def sketch_text(codes: np.ndarray) -> np.ndarray:
    """Compute the MinHash of a text's n-grams: (characters,) of uint32, at least 5 -> (128,) of uint32."""
    hashes = np.zeros(len(codes) - GRAM + 1, dtype=np.uint64)
    for place in range(GRAM):
        hashes *= MULTIPLIER
        hashes += codes[place : place + len(hashes)]
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # splitmix64, to spread every bit
        hashes ^= hashes >> np.uint64(shift)
        hashes *= np.uint64(factor)
    hashes ^= hashes >> np.uint64(31)
    rows = np.array([0, len(hashes)], dtype=np.uint64)
    (sketch,) = RMinHash.digest_matrix_from_flat_token_hashes(hashes, rows, VALUES, 1).to_rows()
    return np.array(sketch, dtype=np.uint32)


def compare_sketches(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Estimate the similarity of each pair: twice (pairs, 128) -> (pairs,) between 0 and 1."""
    return (first == second).mean(axis=1)


def replace_lone_surrogates(text: str) -> str:
    """Replace lone surrogates, which a JSON escape can leave and UTF-8 cannot encode, by U+FFFD."""
    return text if text.isascii() else SURROGATES.sub("\ufffd", text)


def batch_patents(patents: Iterable[PatentDocument]) -> Iterator[list[tuple[PatentDocument, str]]]:
    """Yield lists of (patent, text) of at most 8,192 patents and BATCH_CHARACTERS, or of one longer patent."""
    batch, size = [], 0
    for patent in patents:
        text = replace_lone_surrogates(patent.text)
        if batch and (size + len(text) > BATCH_CHARACTERS or len(batch) == ROWS_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append((patent, text))
        size += len(text)
    if batch:
        yield batch
