"""Tagged documents for a person to correct, those first of which the tagger is least sure.

The uncertainty of a document is the mean over its characters of the entropy of the character's tag, in nats, under the
constrained model: the token entropy of Settles and Craven (EMNLP 2008, "An analysis of active learning strategies for
sequence labeling tasks"). A mean, since a person's work grows with the text; times the characters it is their total
token entropy, which puts long documents first. The probability of the best sequence tells nothing of a whole patent: it
is next to 0 for each.
"""

import csv
from dataclasses import replace
from typing import NamedTuple

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_open
from cbpner.formats.document import Document
from cbpner.formats.registry import name_file
from cbpner.prediction.inputs import Rejected
from cbpner.prediction.job import join_found, put_spans

COLUMNS = ("rank", "document", "uncertainty", "characters", "spans")
DIGITS = 6  # of an uncertainty


class Ranked(NamedTuple):
    """A tagged document. uncertainty: nats a character; characters: that the tagger read."""

    document: Document
    uncertainty: float
    characters: int


def rank_documents(tagger, items, tally) -> list[Ranked]:
    """The documents among the items, least certain first; those that cannot be tagged are reported to the Tally."""
    ranked = []
    for document, found in join_found(tagger.tag_measured, items, tally):
        document = put_spans(document, found.spans)
        uncertainty = round(found.entropy / found.characters, DIGITS) if found.characters else 0.0
        ranked.append(Ranked(document, uncertainty, found.characters))
        tally.add(document)
    return sorted(ranked, key=lambda each: -each.uncertainty)


def check_names(items):
    """The items, with a Rejected in the place of each document whose id cannot name a file."""
    for item in items:
        try:
            if isinstance(item, Document):
                name_file(item.id)
            yield item
        except InputError as error:
            yield Rejected(item.id, str(error))


def note_ranks(ranked):
    """Yield the documents with `rank` and `uncertainty` in their metadata, for formats that hold it."""
    for rank, each in enumerate(ranked, 1):
        yield replace(each.document, meta=each.document.meta | {"rank": rank, "uncertainty": each.uncertainty})


def name_ranks(ranked):
    """Yield the documents with the rank before their ids, for formats that have a file for each, sorted by name."""
    width = len(str(len(ranked)))
    for rank, each in enumerate(ranked, 1):
        yield replace(each.document, id=f"{rank:0{width}}-{each.document.id}")


def write_order(path, ranked):
    """Write COLUMNS as CSV, a row a document."""
    with atomic_open(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for rank, (document, uncertainty, characters) in enumerate(ranked, 1):
            writer.writerow((rank, document.id, f"{uncertainty:.{DIGITS}f}", characters, len(document.spans)))
