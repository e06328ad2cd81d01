"""What a run of `cbpner relations` does, and what it finds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from cbpner.biology.genes.mentions import Bibliography
from cbpner.biology.relations.counts import Counts
from cbpner.biology.relations.known import KnownInteractions
from cbpner.biology.relations.occurrences import CountSettings


class RelationSettings(NamedTuple):
    """What to do."""

    inputs: Sequence[str | Path]
    source: str | None  # the format of the inputs; None: guessed
    outputs: Sequence[Path]
    counting: CountSettings
    evidence: Path | None = None
    bibliography: Bibliography | None = None
    level: float = 1.0  # the largest q that is written
    most: int = 5  # rows of evidence of a relation
    drawn: int = 4000  # relations in drawings
    title: str | None = None  # of the page
    known: KnownInteractions | None = None
    memory_mb: int = 1024
    threads: int | None = None
    seed: int = 0
    encoding: str = "utf-8"  # of CSV and TSV
    sources: Mapping[str, Sequence[str | Path]] | None = None  # {what: files}, for the page


class RelationResult(NamedTuple):
    """What was found."""

    counts: Counts
    table: pa.Table  # as `outputs.SCHEMA`
    places: int  # rows of evidence that there are
    precision: list[dict[str, float]]  # as `known.measure_precision`
    left_out: dict[str, int]  # {reason: count} of what does not take part
