"""How intervals and p-values are made."""

from typing import NamedTuple

UNITS = ("sentence", "patent")


class Resampling(NamedTuple):
    """How many bootstrap samples and random swaps, from which seed, of what (one of UNITS)."""

    resamples: int = 10_000
    seed: int = 0
    unit: str = UNITS[0]
