"""Column files as documents: BIO, IOB1, BIOES, and the BMES that YEDDA exports.

A file is a document, and every character of its text a line of the file, but for the line feed, which is a blank line:
so a blank line between sentences is one line break, two are two, an empty file is an empty text, and nothing is lost.
(Files that end in a blank line, as most do, are texts that end in a line break.) Files do not mark documents:
`Choices.split_at` starts one at each line that starts with it, and `Choices.join` writes several into one file.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from cbpner.base.errors import Fault, FaultyFile, UnexpectedValue
from cbpner.formats.document import Choices, Document, Limits, Span, cut_span, fit_spans
from cbpner.text.bio import find_orphans, parse_lines, read_lines
from cbpner.text.characters import BOM
from cbpner.text.labels import OUTSIDE, split_tag, tags_to_spans


class Scheme(NamedTuple):
    """How a scheme writes the character of a span that begins it, is within it, ends it, is all of it.

    same: what a beginning is where no span of its label ends right before; others: further prefixes that are read.
    """

    begin: str
    inside: str
    end: str
    single: str
    same: str
    others: dict[str, str]


SCHEMES = {
    "bio": Scheme("B", "I", "I", "B", "B", {}),
    "iob1": Scheme("B", "I", "I", "B", "I", {}),
    "bioes": Scheme("B", "I", "E", "S", "B", {"L": "E", "U": "S", "M": "I"}),
    "bmes": Scheme("B", "M", "E", "S", "B", {"I": "M"}),
}


def has_ends(scheme: str) -> bool:
    return SCHEMES[scheme].end != SCHEMES[scheme].inside


@cache
def split_prefix(tag: str, scheme: str) -> tuple[str, str]:
    """(place, label) of a tag: B, I, E, S or O whatever the scheme calls it. UnexpectedValue for others."""
    rules = SCHEMES[scheme]
    if tag == OUTSIDE:
        return OUTSIDE, ""
    places = {rules.begin: "B", rules.inside: "I"} | ({rules.end: "E", rules.single: "S"} if has_ends(scheme) else {})
    try:
        return places[rules.others.get(tag[:1], tag[:1])], split_tag(f"B{tag[1:]}")[1]
    except (KeyError, ValueError):
        expected = f"O, {', '.join(f'{prefix}-<type>' for prefix in places)} (--from names another scheme)"
        raise UnexpectedValue(f"the unknown tag {tag!r}", expected) from None


def decode_tags(tags: Sequence[str], scheme: str) -> tuple[list[tuple[int, int, str]], list[int]]:
    """(spans, positions where the scheme is broken) of one sentence's tags.

    BIO and IOB1 are read as conlleval reads them. So are schemes that mark ends: a span continues while its label does,
    to its end or to a beginning; there a span that has no beginning, or no end, is a breach.
    """
    if not has_ends(scheme):
        found = [(span.start, span.end, span.label) for span in tags_to_spans(tags)]
        return found, find_orphans(tags) if scheme == "bio" else []
    spans: list[tuple[int, int, str]] = []
    breaches: set[int] = set()
    start, before = None, ""
    for position, tag in enumerate((*tags, OUTSIDE)):
        place, label = split_prefix(tag, scheme)
        if start is not None and (place not in "IE" or label != before):  # no end
            spans.append((start, position, before))
            breaches.add(position - 1)
            start = None
        if place != OUTSIDE and start is None:
            start, before = position, label
            if place in "IE":  # no beginning
                breaches.add(position)
        if place in "ES" and start is not None:
            spans.append((start, position + 1, label))
            start = None
    return spans, sorted(breaches)


def encode_tags(spans: Iterable[Span], length: int, scheme: str) -> list[str]:
    """The tags of `length` characters; the spans do not overlap."""
    rules, tags = SCHEMES[scheme], [OUTSIDE] * length
    for start, end, label, *_ in spans:
        prefixes = [rules.begin, *[rules.inside] * (end - start - 2), *[rules.end] * (end - start > 1)]
        if end - start == 1 and has_ends(scheme):
            prefixes = [rules.single]
        tags[start:end] = [f"{prefix}-{label}" for prefix in prefixes]
    if rules.same != rules.begin:  # IOB1: B- only right behind a span of the same label
        for place, (before, tag) in enumerate(pairwise((OUTSIDE, *tags))):
            if tag.startswith("B-") and before[2:] != tag[2:]:
                tags[place] = f"{rules.same}-{tag[2:]}"
    return tags


def read_column_documents(path: Path, id: str, choices: Choices, scheme: str = "bio") -> list[Document]:
    """The document of a column file, or with `choices.split_at` its documents. FaultyFile with every fault."""
    lines, faults = read_lines(path)
    is_blank = all(line is not None and not line.strip(" \t\r") for line in lines)
    sentences, more = ([], []) if is_blank else parse_lines(lines, path, check=lambda tag, _: split_prefix(tag, scheme))
    if faults or more:
        raise FaultyFile(sorted([*faults, *more], key=lambda fault: fault.line))
    parts, spans, breaches = [], [], []
    line, length = 1, 0
    for sentence in sentences:  # has a line for each character, all other lines are line breaks
        parts += ["\n" * (sentence.line - line), sentence.chars]
        length += sentence.line - line
        found, wrong = decode_tags(sentence.tags, scheme)
        spans += [Span(length + start, length + end, label, sentence.chars[start:end]) for start, end, label in found]
        breaches += [(sentence.line + position, sentence.tags[position]) for position in wrong]
        line, length = sentence.line + len(sentence.chars), length + len(sentence.chars)
    if breaches and choices.orphans == "error":
        what = "a span without its beginning or its end" if has_ends(scheme) else "an I- without its B-"
        ways = "--orphans repair reads it as conlleval does" + ("; --from iob1 is for such files" * (scheme == "bio"))
        expected = f"tags that follow {scheme.upper()} ({ways})"
        raise FaultyFile([Fault(str(path), line, f"{tag}, {what}", expected) for line, tag in breaches])
    choices.note(f"tags repaired that broke {scheme.upper()}", len(breaches))
    breaks = "\n" * (len(lines) - (lines[-1] == "") + 1 - line)
    document = Document(id, "".join([*parts, breaks]), spans)
    return split_document(document, choices.split_at) if choices.split_at else [document]


def split_document(document: Document, opening: str) -> list[Document]:
    """The documents of a text in which each line that starts with `opening`, and the very first one, starts one."""
    starts = [0, *(match.start() for match in re.finditer(f"(?<=\n){re.escape(opening)}", document.text))]
    spans, digits = sorted(document.spans), len(str(len(starts)))
    parts = []
    for number, (start, end) in enumerate(pairwise([*starts, len(document.text)]), 1):
        text = document.text[start:end]
        inside = [cut_span(text, s - start, e - start, label) for s, e, label, *_ in spans if start <= s < end]
        parts.append(Document(f"{document.id}-{number:0{digits}}", text, inside))
    return parts


def find_column_misfit(text: str, span: Span) -> str | None:
    """Why a column file cannot hold the span, or None."""
    if "\n" in text[span.start : span.end]:
        return "it crosses a line break"
    if any(char.isspace() for char in span.label):
        return "its label has white space"
    return None


def cut_lines(text: str, span: Span) -> list[Span]:
    """The parts of a span on each line that it touches."""
    lines = re.compile(r"[^\n]+").finditer(text, span.start, span.end)
    return [cut_span(text, *line.span(), span.label, span.score) for line in lines]


def render_columns(document: Document, choices: Choices, scheme: str = "bio", name: str | None = None) -> tuple[str]:
    """(the document's column file,)."""
    limits = Limits(name or scheme.upper(), find_misfit=find_column_misfit, cut=cut_lines)
    spans = fit_spans(document, limits, choices)
    tags = encode_tags(spans, len(document.text), scheme)
    lines = ["\n" if char == "\n" else f"{char} {tag}\n" for char, tag in zip(document.text, tags, strict=True)]
    return (BOM * document.text.startswith(BOM) + "".join(lines),)
