"""What a run of `cbpner relations` is told to do, and what it finds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from cbpner.biology.genes.mentions import Bibliography
from cbpner.biology.relations.counts import CountSettings
from cbpner.biology.relations.known import KnownInteractions
from cbpner.biology.relations.occurrences import MentionFilter
from cbpner.biology.relations.pairs import Relations


class RelationSettings(NamedTuple):
    """What to do.

    Attributes:
        inputs, source: Files with predictions, and their format (None: guessed).
        outputs, evidence: Paths to write.
        level: The largest q that is written.
        most: Rows of evidence of a relation.
        drawn: Relations in drawings.
        title: Of the page.
        compare: Edges of another table, {ids: patents}.
        sources: {what: files}, for the page.
    """

    inputs: Sequence[str | Path]
    source: str | None
    outputs: Sequence[Path]
    counting: CountSettings
    filter: MentionFilter
    evidence: Path | None = None
    bibliography: Bibliography | None = None
    level: float = 1.0
    most: int = 5
    drawn: int = 4000
    title: str | None = None
    known: KnownInteractions | None = None
    compare: dict[frozenset[str], int] | None = None
    memory_mb: int = 1024
    threads: int | None = None
    seed: int = 0
    sources: Mapping[str, Sequence[str | Path]] | None = None


class RelationResult(NamedTuple):
    """What was found.

    Attributes:
        table: As `outputs.SCHEMA`.
        places: Rows of evidence that there are.
        precision: As `known.measure_precision`.
        left_out: {reason: count} of what does not take part.
    """

    relations: Relations
    table: pa.Table
    places: int
    precision: list[dict[str, float]]
    left_out: dict[str, int]
