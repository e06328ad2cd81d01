"""MinHash of character n-grams: sketches of texts, bands to find similar pairs, their estimated similarity.

After Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, chapter 3; the MinHash is rensa's. The share of equal
values of two sketches estimates the Jaccard similarity J of their sets of n-grams, with a standard error of
sqrt(J (1 - J) / 128).
"""

import numpy as np
from rensa import RMinHash

GRAM = 5  # characters, white space not counted
VALUES = 128  # of a sketch
PIECE = 1_000_000  # n-grams hashed at a time
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def hash_grams(codes: np.ndarray) -> np.ndarray:
    """Hash each n-gram of code points: (characters,) of uint32 -> (characters - 4,) of uint64, in order."""
    hashes = np.zeros(max(0, len(codes) - GRAM + 1), dtype=np.uint64)
    for place in range(GRAM):
        hashes *= MULTIPLIER
        hashes += codes[place : place + len(hashes)]
    return mix_bits(hashes)


def mix_bits(values: np.ndarray) -> np.ndarray:
    """Spread every bit over all 64, in place: the last step of splitmix64 (Steele, Lea and Flood 2014)."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        values ^= values >> np.uint64(shift)
        values *= np.uint64(factor)
    values ^= values >> np.uint64(31)
    return values


def sketch_text(codes: np.ndarray) -> np.ndarray:
    """Compute the MinHash of a text's n-grams: (characters,) of uint32 -> (128,) of uint32.

    Long texts are hashed in pieces: the minimum of the pieces' values is the text's. The sketch of a text without an
    n-gram carries no information.
    """
    sketch = np.full(VALUES, np.iinfo(np.uint32).max, dtype=np.uint32)
    for start in range(0, len(codes) - GRAM + 1, PIECE):
        grams = hash_grams(codes[start : start + PIECE + GRAM - 1])
        rows = np.array([0, len(grams)], dtype=np.uint64)
        found = RMinHash.digest_matrix_from_flat_token_hashes(grams, rows, VALUES, 1).to_rows()[0]
        np.minimum(sketch, np.array(found, dtype=np.uint32), out=sketch)
    return sketch


def choose_band_size(threshold: float) -> int:
    """The most values a band (so the fewest false pairs) that miss fewer than 1 in 1,000 pairs at the threshold.

    Two sketches that agree with probability t in each value share one of b bands of r values with 1 - (1 - t^r)^b.
    """
    return max(r for r in range(1, VALUES + 1) if (1 - threshold**r) ** (VALUES // r) < 0.001)


def compare_sketches(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Estimate the similarity of each pair: twice (pairs, 128) -> (pairs,) between 0 and 1."""
    return (first == second).mean(axis=1)
