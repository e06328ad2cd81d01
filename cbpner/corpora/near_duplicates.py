"""MinHash of character n-grams: sketches of texts, bands to find similar pairs, their estimated similarity.

After Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, chapter 3; the MinHash is rensa's. The share of equal
values of two sketches estimates the Jaccard similarity J of their sets of n-grams, with a standard error of
sqrt(J (1 - J) / 128).
"""

import numpy as np
from rensa import RMinHash

GRAM = 5  # characters, white space not counted
VALUES = 128  # of a sketch
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


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


def choose_band_size(threshold: float) -> int:
    """The most values a band (so the fewest false pairs) that miss fewer than 1 in 1,000 pairs at the threshold.

    Two sketches that agree with probability t in each value share one of b bands of r values with 1 - (1 - t^r)^b.
    """
    return max(r for r in range(1, VALUES + 1) if (1 - threshold**r) ** (VALUES // r) < 0.001)


def compare_sketches(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Estimate the similarity of each pair: twice (pairs, 128) -> (pairs,) between 0 and 1."""
    return (first == second).mean(axis=1)
