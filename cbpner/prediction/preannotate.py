"""Tagged documents for a person to correct, those first of which the tagger is least sure.

The uncertainty of a document is the mean over its characters of the entropy of the character's tag, in nats, under the
constrained model: the token entropy of Settles and Craven (EMNLP 2008, "An analysis of active learning strategies for
sequence labeling tasks"). It is a mean, since a person's work grows with the text; their total token entropy puts long
documents first. The probability of the best sequence is useless here: it is near 0 for every whole patent.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_open
from cbpner.base.tables import write_csv
from cbpner.formats.document import Document
from cbpner.formats.registry import name_file
from cbpner.prediction.inputs import Item, Rejected
from cbpner.prediction.job import Reporter, pair_documents, set_spans
from cbpner.prediction.tagger import Tagger

COLUMNS = ("rank", "document", "uncertainty", "characters", "spans")
DIGITS = 6  # of an uncertainty


class Ranked(NamedTuple):
    """A tagged document. uncertainty: nats a character; characters: that the tagger read."""

    document: Document
    uncertainty: float
    characters: int


def rank_documents(tagger: Tagger, items: Iterable[Item], reporter: Reporter) -> list[Ranked]:
    """The documents among the items, least certain first; those that cannot be tagged are reported."""
    ranked = []
    for document, found in pair_documents(tagger.tag_measured, items, reporter):
        document = set_spans(document, found.spans)
        uncertainty = round(found.entropy / found.characters, DIGITS) if found.characters else 0.0
        ranked.append(Ranked(document, uncertainty, found.characters))
        reporter.add(document)
    return sorted(ranked, key=lambda each: -each.uncertainty)


def check_names(items: Iterable[Item]) -> Iterator[Item]:
    """The items, with a Rejected in the place of each document whose id cannot name a file."""
    for item in items:
        try:
            if isinstance(item, Document):
                name_file(item.id)
            yield item
        except InputError as error:
            yield Rejected(item.id, str(error))


def add_rank_metadata(ranked: Sequence[Ranked]) -> Iterator[Document]:
    """Yield the documents with `rank` and `uncertainty` in their metadata, for formats that hold it."""
    for rank, each in enumerate(ranked, 1):
        yield replace(each.document, meta=each.document.meta | {"rank": rank, "uncertainty": each.uncertainty})


def add_rank_names(ranked: Sequence[Ranked]) -> Iterator[Document]:
    """Yield the documents with the rank before their ids, for formats that have a file for each, sorted by name."""
    width = len(str(len(ranked)))
    for rank, each in enumerate(ranked, 1):
        yield replace(each.document, id=f"{rank:0{width}}-{each.document.id}")


def write_order(path: Path, ranked: Sequence[Ranked]) -> None:
    """Write COLUMNS as CSV, a row a document."""
    rows = [
        (rank, document.id, f"{uncertainty:.{DIGITS}f}", characters, len(document.spans))
        for rank, (document, uncertainty, characters) in enumerate(ranked, 1)
    ]
    with atomic_open(path) as file:
        write_csv(file, [COLUMNS, *rows])
