"""The span and the document that every format is read into and written from, and that prediction gives.

Offsets count the code points of the document's own text, whatever a tool's files count in; the end is excluded, so
that `document.text[span.start : span.end]` is the mention. Spans may touch, nest, overlap and cross line breaks. What
a format cannot hold is an error, or handled as `Choices` say, counted and reported.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from itertools import accumulate
from typing import Any, NamedTuple

from cbpner.base.errors import InputError
from cbpner.base.settings import check_options, option
from cbpner.text.characters import is_encodable, shorten


class Span(NamedTuple):
    """A typed stretch of a document's text, `start` included and `end` excluded, in code points.

    text: what it cuts out of the document's text, or None where nobody has looked it up. score: 0 to 1, or None.
    source: `terms` where a user's own terms gave it; None for a tagger's, and where it is not known.
    """

    start: int
    end: int
    label: str
    text: str | None = None
    score: float | None = None
    source: str | None = None


@dataclass(frozen=True)
class Document:
    """A text and its spans, in any order.

    text: the original, never changed. meta: what else is known, as JSON holds it. date: an integer YYYYMMDD, or None.
    """

    id: str
    text: str
    spans: list[Span] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)
    date: int | None = None

    @property
    def extras(self) -> dict[str, Any]:
        """The fields of a row for the date and the metadata, where there are any."""
        return ({} if self.date is None else {"date": self.date}) | ({"meta": self.meta} if self.meta else {})


@dataclass
class Choices:
    """How to read what a file leaves open and to write what a format cannot hold; `notes` counts what was done."""

    overlap: str = option(
        "two overlapping spans, if OUT cannot hold both: an error, or which one is kept", "error",
        choices=("error", "longest", "first"),
    )  # fmt: skip
    unfit: str = option(
        "a span that OUT cannot hold for another reason: an error, cut at its line breaks, or dropped", "error",
        choices=("error", "cut", "drop"),
    )  # fmt: skip
    fragments: str = option(
        "a discontinuous span (brat): an error, one span over all pieces, one per piece, or dropped", "error",
        choices=("error", "cover", "split", "drop"),
    )  # fmt: skip
    orphans: str = option(
        "invalid tag sequences: an error, or read as conlleval does", "error", choices=("error", "repair")
    )
    offsets: str = option(
        "what offsets of brat, doccano (no grapheme clusters) and Label Studio count; auto: as the tool today", "auto",
        choices=("auto", "codepoints", "utf16"),
    )  # fmt: skip
    recommended: str = option("unconfirmed recommendations of YEDDA", "keep", choices=("keep", "drop"))
    text_field: str | None = option("the field with the text in JSON (default: text)", None)
    split_at: str | None = option("column files: a line that starts so starts a document", None)
    join: bool = option("several documents in one file, where it cannot part them", False)
    notes: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        check_options(self)

    def note(self, statement: str, count: int = 1) -> None:
        """Count something that was done; `statement` is in the plural."""
        if count:
            self.notes[statement] += count


@dataclass(frozen=True)
class Limits:
    """What a format holds of a document's spans.

    overlaps: two spans over one character. extras: `scores`, `sources`, `meta` (with the date). find_misfit: (text,
    span) -> why it cannot hold a span, or None. cut: (text, span) -> the spans that `--unfit cut` makes of it.
    """

    name: str
    overlaps: bool = False
    extras: tuple[str, ...] = ()
    find_misfit: Callable[[str, Span], str | None] = lambda text, span: None
    cut: Callable[[str, Span], list[Span]] = lambda text, span: [span]


def cut_span(
    text: str, start: int, end: int, label: str, score: float | None = None, source: str | None = None
) -> Span:
    """The span with the text that it cuts out."""
    return Span(start, end, label, text[start:end], score, source)


def find_problem(document: Document) -> str | None:
    """What is wrong with a document, whatever the format: text that UTF-8 cannot hold, spans outside the text, ..."""
    for name, value in (("text", document.text), ("id", document.id)):
        if not is_encodable(value):
            return f"a lone surrogate in the {name}"
    if document.date is not None and read_date(document.date) != document.date:
        return f"the date {document.date!r}"
    for span in document.spans:
        if not 0 <= span.start < span.end <= len(document.text):
            return f"the span {span.start}..{span.end} in a text of {len(document.text)} characters"
        if not span.label or not is_encodable(span.label):
            return f"the label {span.label!r} of the span {span.start}..{span.end}"
        cut = document.text[span.start : span.end]
        if span.text is not None and span.text != cut:
            return f"{shorten(span.text)} as the text of {span.start}..{span.end}, which is {shorten(cut)}"
    return None


def read_date(value: Any) -> int | None:
    """The integer YYYYMMDD of a date given so, as a number or as text; None for anything else."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if re.fullmatch("[1-9][0-9]{7}", text):
        with suppress(ValueError):  # no such day
            return int(f"{date.fromisoformat(text):%Y%m%d}")
    return None


def find_overlaps(spans: Iterable[Span]) -> list[tuple[Span, Span]]:
    """Pairs of spans that share a character: each span with the one before it, by start, that reaches farthest."""
    ordered = sorted(spans, key=lambda span: (span.start, span.end))
    farthest: Iterator[Span] = accumulate(ordered, lambda first, second: max(first, second, key=lambda span: span.end))
    return [(before, span) for before, span in zip(farthest, ordered[1:], strict=False) if span.start < before.end]


def fit_spans(document: Document, limits: Limits, choices: Choices) -> list[Span]:
    """The spans that a format can hold, in the document's order; a note, or InputError, for each that it cannot."""
    problem = find_problem(document)
    if problem:
        raise InputError(f"{limits.name}: cannot write document {shorten(document.id)}: found {problem}")
    spans = [piece for span in document.spans for piece in _fit_span(document, span, limits, choices)]
    if not limits.overlaps:
        spans = _drop_overlaps(document, spans, limits, choices)
    for extra in ("scores", "sources"):
        if extra not in limits.extras:
            count = sum(getattr(span, extra.removesuffix("s")) is not None for span in document.spans)
            choices.note(f"spans without their {extra}, which {limits.name} has no place for", count)
    if "meta" not in limits.extras:
        is_lost = bool(document.meta) or document.date is not None
        choices.note(f"documents without their metadata or date, which {limits.name} has no place for", is_lost)
    elif document.meta:
        try:
            json.dumps(document.meta, allow_nan=False)
        except ValueError:
            choices.note("documents with NaN or Infinity in their metadata, written as null")
    return spans


def _fit_span(document: Document, span: Span, limits: Limits, choices: Choices) -> list[Span]:
    """[the span], or what the rule `unfit` makes of it."""
    problem = limits.find_misfit(document.text, span)
    if not problem:
        return [span]
    if choices.unfit == "drop":
        choices.note(f"spans dropped, which {limits.name} cannot hold ({problem})")
        return []
    pieces = limits.cut(document.text, span)
    is_cure = pieces != [span] and not any(limits.find_misfit(document.text, piece) for piece in pieces)
    if choices.unfit == "error" or not is_cure:
        advice = "--unfit cut cuts it at the line breaks; " * is_cure + "--unfit drop leaves such spans out"
        raise _refuse_span(document, span, limits, problem, advice)
    choices.note("spans cut at line breaks")
    return pieces


def _drop_overlaps(document: Document, spans: list[Span], limits: Limits, choices: Choices) -> list[Span]:
    """The spans of which no two share a character."""
    overlaps = find_overlaps(spans)
    if not overlaps:
        return spans
    if choices.overlap == "error":
        first, second = overlaps[0]
        problem = f"it shares characters with the span {first.start}..{first.end} ({first.label})"
        advice = "--overlap longest or --overlap first keeps one of them"
        raise _refuse_span(document, second, limits, problem, advice)

    def rank(number: int) -> tuple[int, int]:
        start, length = spans[number].start, spans[number].end - spans[number].start
        return (-length, start) if choices.overlap == "longest" else (start, -length)

    taken, kept = bytearray(len(document.text)), set()
    for number in sorted(range(len(spans)), key=rank):
        start, end = spans[number][:2]
        if not any(taken[start:end]):
            taken[start:end] = b"\1" * (end - start)
            kept.add(number)
    choices.note(f"overlapping spans dropped (--overlap {choices.overlap})", len(spans) - len(kept))
    return [span for number, span in enumerate(spans) if number in kept]


def _refuse_span(document: Document, span: Span, limits: Limits, problem: str, advice: str) -> InputError:
    what = f"{span.start}..{span.end} ({span.label}, {shorten(document.text[span.start : span.end], 20)})"
    return InputError(
        f"{limits.name} cannot hold the span {what} of document {shorten(document.id)}: {problem}; {advice}"
    )


class Tally:
    """Counts documents as they pass."""

    def __init__(self) -> None:
        self.counts = Counter(documents=0, lines=0, characters=0, mentions=0, overlapping=0, crossing=0)
        self.types: Counter[str] = Counter()
        self.mentions: set[tuple[str, str]] = set()
        self.longest = 0

    def watch(self, documents: Iterable[Document]) -> Iterator[Document]:
        """Yield the documents, each counted."""
        for document in documents:
            self.add(document)
            yield document

    def add(self, document: Document) -> None:
        """Count a document."""
        lengths = [len(line) for line in document.text.split("\n") if line.strip("\r")]
        mentions = [(document.text[span.start : span.end], span.label) for span in document.spans]
        self.counts.update(
            documents=1, lines=len(lengths), characters=len(document.text), mentions=len(mentions),
            overlapping=len(find_overlaps(document.spans)), crossing=sum("\n" in text for text, _ in mentions),
        )  # fmt: skip
        self.longest = max(self.longest, *lengths, 0)
        self.types.update(label for _, label in mentions)
        self.mentions.update(mentions)

    def summarize(self) -> dict[str, Any]:
        """`documents`, `lines` (that are not empty), `characters`, `longest` (line), `mentions`, `types` (mentions of
        each label), `unique` (different mentions: text and label), `overlapping`, `crossing` (over line breaks).
        """
        return {**self.counts, "longest": self.longest, "types": dict(self.types), "unique": len(self.mentions)}
