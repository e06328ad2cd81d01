"""Tagged documents for a person to correct, those first of which the tagger is least sure.

The uncertainty of a document is the mean over its characters of the entropy of the character's tag, in nats, under the
constrained model: the token entropy of Settles and Craven (EMNLP 2008, "An analysis of active learning strategies for
sequence labeling tasks"). It is a mean, since a person's work grows with the text; their total token entropy puts long
documents first. The probability of the best sequence is useless here: it is near 0 for every whole patent.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_open, name_beside
from cbpner.base.tables import write_csv
from cbpner.formats.document import Choices, Document
from cbpner.formats.registry import Format, name_file, write_documents
from cbpner.prediction.inputs import Item, Rejected
from cbpner.prediction.job import ERRORS, Reporter, attach_spans, write_errors
from cbpner.prediction.tagger import Tagger

BESIDE = (".order.csv", f".{ERRORS}")  # files beside OUT
Ranked = tuple[float, int, Document]  # uncertainty in nats a character, characters that the tagger read


def preannotate(
    tagger: Tagger, items: Iterable[Item], output: Path, format: Format, choices: Choices, *, is_file: bool,
    first: int | None = None, keep_names: bool = False, overwrite: bool = False,
) -> int:  # fmt: skip
    """Write the documents to `output`, least certain first, and OUTPUT.order.csv, which lists them; the exit code.

    Formats with metadata hold `rank` and `uncertainty`; the names of files begin with the rank, unless keep_names.
    is_file: whether `output` is one file. first: so many documents are written; None: all.
    """
    reporter = Reporter()
    with reporter.bar:
        ranked = rank_documents(tagger, items if is_file else check_names(items), reporter)
    if not ranked:
        raise InputError(f"found no document to tag, and {reporter.failed} error(s); expected at least one document")
    documents, rows = [], list[tuple[Any, ...]]([("rank", "document", "uncertainty", "characters", "spans")])
    width = len(str(len(ranked[:first])))
    for rank, (uncertainty, characters, document) in enumerate(ranked, 1):
        rows.append((rank, document.id, f"{uncertainty:.6f}", characters, len(document.spans)))
        if format.write:
            document = replace(document, meta=document.meta | {"rank": rank, "uncertainty": uncertainty})
        elif not (is_file or keep_names):
            document = replace(document, id=f"{rank:0{width}}-{document.id}")
        documents.append(document)
    order, errors = (name_beside(output, suffix) for suffix in BESIDE)
    with atomic_open(order) as file:
        write_csv(file, rows)
        file.flush()
        write_documents(documents[:first], output, format.name, choices, overwrite)
    write_errors(errors, reporter.errors)
    counts = f"{len(documents[:first]):,} of {len(ranked):,} documents"
    print(f"{output}: {format.name}, {counts}, their order in {order.name}")
    return reporter.finish(output, errors)


def rank_documents(tagger: Tagger, items: Iterable[Item], reporter: Reporter) -> list[Ranked]:
    """The documents among the items, least certain first; those that cannot be tagged are reported."""
    documents, ranked = list(reporter.take_documents(items)), []
    reporter.bar.total = sum(len(document.text) for document in documents)
    measured = tagger.tag_measured([document.text for document in documents], reporter.advance)
    for document, (spans, entropy, characters) in zip(documents, measured, strict=True):
        tagged = attach_spans(document, spans)
        ranked.append((round(entropy / characters, 6) if characters else 0.0, characters, tagged))
        reporter.add(tagged)
    return sorted(ranked, key=lambda each: -each[0])


def check_names(items: Iterable[Item]) -> Iterator[Item]:
    """The items, with a Rejected in the place of each document whose id cannot name a file."""
    for item in items:
        if isinstance(item, Document):
            try:
                name_file(item.id, longest=236)  # and a rank in front
            except InputError as error:
                item = Rejected(item.id, str(error))
        yield item
