"""Column files as documents: BIO, IOB1, BIOES, and the BMES that YEDDA exports.

A file is a document, and every character of its text a line of the file, but for the line feed, which is a blank line:
so a blank line between sentences is one line break, two are two, an empty file is an empty text, and nothing is lost.
(Files that end in a blank line, as most do, are texts that end in a line break.) Files do not mark documents:
`Choices.split_at` starts one at each line that starts with it, and `Choices.join` writes several into one file.
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache, partial
from itertools import pairwise
from operator import ne
from pathlib import Path

from cbpner.base.errors import Fault, FaultyFile, UnexpectedValue
from cbpner.formats.document import Choices, Document, Limits, Span, cut_span, fit_spans
from cbpner.text.bio import find_orphans, parse_lines, read_lines
from cbpner.text.characters import BOM
from cbpner.text.labels import OUTSIDE, split_tag, tags_to_spans

# the prefixes of a span's first character, of one within it, of its last one, and of an only one
SCHEMES = {"bio": "BIIB", "iob1": "BIIB", "bioes": "BIES", "bmes": "BMES", "text": ""}  # text: whatever the tags
PLACES = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S"}  # in any scheme that marks ends


@cache
def split_prefix(tag: str, scheme: str) -> tuple[str, str]:
    """(place, label) of a tag: B, I, E, S or O whatever the scheme calls it. UnexpectedValue for others."""
    if tag == OUTSIDE or scheme == "text":
        return OUTSIDE, ""
    if tag[:1] in (PLACES if "E" in SCHEMES[scheme] else "BI") and tag[1:2] in ("-", "_"):
        with suppress(ValueError):
            return PLACES[tag[:1]], split_tag(f"B-{tag[2:]}")[1]
    prefixes = ", ".join(f"{prefix}-<type>" for prefix in dict.fromkeys(SCHEMES[scheme]))
    raise UnexpectedValue(f"the unknown tag {tag!r}", f"O, {prefixes} (--from names another scheme)")


def decode_tags(tags: Sequence[str], scheme: str) -> tuple[Sequence[str], list[int]]:
    """(tags in BIO, positions where the scheme is broken) of one sentence's tags.

    Where ends are marked a span continues while its label does, to its end or to a beginning; a span that has no
    beginning, or no end, is a breach.
    """
    if "E" not in SCHEMES[scheme]:
        pairs = [split_prefix(tag, scheme) for tag in tags]
        tags = [OUTSIDE if place == OUTSIDE else f"{place}-{label}" for place, label in pairs]
        return tags, find_orphans(tags) if scheme == "bio" else []
    decoded, breaches = [], set()
    before, before_label = OUTSIDE, ""
    for position, tag in enumerate((*tags, OUTSIDE)):
        place, label = split_prefix(tag, scheme)
        continues = before in "BI" and place in "IE" and label == before_label
        if before in "BI" and not continues:  # no end
            breaches.add(position - 1)
        if place in "IE" and not continues:  # no beginning
            breaches.add(position)
        decoded.append(OUTSIDE if place == OUTSIDE else f"{'I' if continues else 'B'}-{label}")
        before, before_label = place, label
    return decoded[:-1], sorted(breaches)


def encode_tags(spans: Iterable[Span], length: int, scheme: str) -> list[str]:
    """The tags of `length` characters; the spans do not overlap."""
    first, inside, last, single = tuple(SCHEMES[scheme])
    tags = [OUTSIDE] * length
    for start, end, label, *_ in sorted(spans, key=lambda span: span.start):
        places = single if end - start == 1 else first + inside * (end - start - 2) + last
        if scheme == "iob1" and (start == 0 or tags[start - 1][2:] != label):  # B- only behind a span of the label
            places = "I" + places[1:]
        tags[start:end] = [f"{place}-{label}" for place in places]
    return tags


def read_column_documents(path: Path, id: str, choices: Choices, scheme: str = "bio") -> list[Document]:
    """The document of a column file, or with `choices.split_at` its documents. FaultyFile with every fault."""
    lines, faults = read_lines(path)
    is_blank = all(line is not None and not line.strip(" \t\r") for line in lines)
    sentences, more = ([], []) if is_blank else parse_lines(lines, path, check=partial(split_prefix, scheme=scheme))
    if faults or more:
        raise FaultyFile(sorted([*faults, *more], key=lambda fault: fault.line))
    text, spans, breaches = "", [], []
    line = 1
    for sentence in sentences:  # has a line for each character, all other lines are line breaks
        text += "\n" * (sentence.line - line)
        tags, wrong = decode_tags(sentence.tags, scheme)
        for start, end, label in tags_to_spans(tags):
            spans.append(Span(len(text) + start, len(text) + end, label, sentence.chars[start:end]))
        breaches += [(sentence.line + position, sentence.tags[position]) for position in wrong]
        text += sentence.chars
        line = sentence.line + len(sentence.chars)
    if breaches and choices.orphans == "error":
        what = "a span without its beginning or its end" if "E" in SCHEMES[scheme] else "an I- without its B-"
        ways = "--orphans repair reads it as conlleval does" + ("; --from iob1 is for such files" * (scheme == "bio"))
        expected = f"tags that follow {scheme.upper()} ({ways})"
        raise FaultyFile([Fault(str(path), line, f"{tag}, {what}", expected) for line, tag in breaches])
    choices.note(f"tags repaired that broke {scheme.upper()}", len(breaches))
    document = Document(id, text + "\n" * (len(lines) - (lines[-1] == "") + 1 - line), spans)
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
    return "it crosses a line break" if "\n" in text[span.start : span.end] else None


def cut_lines(text: str, span: Span) -> list[Span]:
    """The parts of a span on each line that it touches, without the carriage returns at their ends."""
    lines = re.compile(r"[^\n]*[^\r\n]").finditer(text, span.start, span.end)
    return [cut_span(text, *line.span(), span.label, span.score) for line in lines]


def render_columns(document: Document, choices: Choices, scheme: str = "bio", name: str | None = None) -> tuple[str]:
    """(the document's column file,)."""
    limits = Limits(name or scheme.upper(), find_misfit=find_column_misfit, cut=cut_lines)
    spans = fit_spans(document, limits, choices)
    named = [span._replace(label=re.sub(r"\s", "_", span.label)) for span in spans]
    choices.note("spans with _ for white space in their labels", sum(map(ne, spans, named)))
    choices.note("documents without text, of which no line is written", not document.text.strip("\n"))
    tags = encode_tags(named, len(document.text), scheme)
    lines = ["\n" if char == "\n" else f"{char} {tag}\n" for char, tag in zip(document.text, tags, strict=True)]
    return (BOM * document.text.startswith(BOM) + "".join(lines),)
