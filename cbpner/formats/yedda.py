"""YEDDA, the tool that the gold data was annotated with: the marked text `.ann`, and the columns `.anns` it exports.

In `NAME.txt.ann` a span is `[@BRCA1#gene*]` within the text, one that YEDDA recommends and nobody confirmed
`[$BRCA1#gene*]`; nothing is escaped. An end belongs to the last beginning before it; what has no other half is text.
So nested marks are read as they are. They are never written: YEDDA's own export garbles them.

In `NAME.txt.anns` there is a character and its tag a line, in BMES or BIO, and a blank line behind each line of the
text, without the spaces; or a word and its tag a line, where YEDDA was told that the text is segmented. Words come
back with one space between. Here `.anns` is written in BMES and with its spaces.

Source: `YEDDA_Annotator.py` and `utils/recommend.py` of https://github.com/jiesutd/YEDDA.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from cbpner.base.errors import Fault, FaultyFile, InputError, UnexpectedValue
from cbpner.formats.columns import check_scheme, decode_tags, read_column_documents, render_columns, report_breaches
from cbpner.formats.document import Choices, Document, Limits, Span, cut_span, fit_spans
from cbpner.text.bio import ONE_CHARACTER, decode_file, read_lines
from cbpner.text.characters import BOM, shorten

MARK = re.compile(r"\[[@$]|#([^#\[\]\n]+)\*\]")
WORD = re.compile(r"([^ \t]+)[ \t]+([^ \t]+)[ \t]*")
LEAST_WORDS = 0.1  # of the lines of a text in words
NO_LABEL = re.compile(r"[#\[\]\n]|^\*|\*$")


def read_marked(path: Path, id: str, choices: Choices) -> list[Document]:
    """[the document] of a `.ann` file. FaultyFile where it is not UTF-8."""
    text, marks = parse_marks(decode_file(path).removeprefix(BOM))
    spans = [cut_span(text, start, end, label) for start, end, label, _ in marks if start < end]
    choices.note("empty marks dropped", len(marks) - len(spans))
    recommended = {(start, end, label) for start, end, label, sign in marks if sign == "$"}
    count = sum(span[:3] in recommended for span in spans)
    if choices.recommended == "drop":
        spans = [span for span in spans if span[:3] not in recommended]
    choices.note(f"marks that YEDDA recommends and nobody confirmed (--recommended {choices.recommended})", count)
    return [Document(id, text, spans)]


def parse_marks(data: str) -> tuple[str, list[tuple[int, int, str, str]]]:
    """(text, [(start, end, label, sign)] by start) of a marked text; the sign is @ or $."""
    tokens = list(MARK.finditer(data))
    opened: list[int] = []
    pairs: dict[int, int] = {}
    for number, token in enumerate(tokens):
        if token[1] is None:
            opened.append(number)
        elif opened:
            first = opened.pop()
            pairs[first], pairs[number] = number, first
    parts, marks, place, length = [], [], 0, 0
    starts: dict[int, int] = {}
    for number, token in enumerate(tokens):
        if number not in pairs:
            continue
        parts.append(data[place : token.start()])
        length += token.start() - place
        place = token.end()
        if token[1] is None:
            starts[number] = length
        else:
            sign = tokens[pairs[number]][0][1]
            marks.append((starts[pairs[number]], length, token[1], sign))
    return "".join(parts) + data[place:], sorted(marks)


def find_mark_misfit(text: str, span: Span) -> str | None:
    """Why YEDDA cannot hold the span in its text, or None."""
    if NO_LABEL.search(span.label):
        return "its label has one of #, [, ], a line break, or an * at an end"
    if text[span.end : span.end + 1] == "#":
        return "a # follows, by which YEDDA takes its end for one within another mark"
    return None


LIMITS = Limits("YEDDA", find_misfit=find_mark_misfit)


def render_marked(document: Document, choices: Choices) -> tuple[str]:
    """(the text with its marks,). InputError where the text itself holds what would be read as a mark."""
    spans = sorted(fit_spans(document, LIMITS, choices))
    parts, place = [], 0
    for start, end, label, *_ in spans:
        parts += [document.text[place:start], f"[@{document.text[start:end]}#{label}*]"]
        place = end
    marked = "".join(parts) + document.text[place:]
    text, marks = parse_marks(marked)
    if text != document.text or [mark[:3] for mark in marks] != [span[:3] for span in spans]:
        raise InputError(
            f"YEDDA cannot hold document {shorten(document.id)}: its text has [@, [$ or #...*] where YEDDA would read "
            "a mark, and it knows no escape; expected another text, or another format"
        )
    return (BOM * marked.startswith(BOM) + marked,)


def read_exported(path: Path, id: str, choices: Choices) -> list[Document]:
    """The documents of a `.anns` file, in BMES or BIO as its tags say. FaultyFile with every fault."""
    found, faults = read_lines(path)
    if faults:
        raise FaultyFile(faults)
    lines = [line or "" for line in found]
    tags = {line.rstrip("\r \t").replace("\t", " ").rpartition(" ")[2][:1] for line in lines}
    scheme = "bmes" if tags & set("MES") else "bio"
    filled = [line.removesuffix("\r") for line in lines if line.strip(" \t\r")]
    words = sum(not ONE_CHARACTER.fullmatch(line) for line in filled)
    if words <= LEAST_WORDS * len(filled):  # a few are faults
        return read_column_documents(path, id, choices, scheme)
    return [read_words(lines, path, id, choices, scheme)]


def read_words(lines: Sequence[str], path: Path, id: str, choices: Choices, scheme: str) -> Document:
    """The document of a `.anns` file with a word a line."""
    parts: list[str] = []
    spans: list[tuple[int, int, str]] = []
    breaches: list[tuple[int, str]] = []
    words: list[tuple[int, str, str]] = []
    faults, length = [], 0
    check = check_scheme(scheme)
    for number, line in enumerate([*lines[:-1], *([lines[-1]] if lines[-1] else [])], 1):
        line = line.removesuffix("\r")
        match = WORD.fullmatch(line)
        if match:
            try:
                check(match[2], None)
                words.append((number, match[1], match[2]))
            except UnexpectedValue as error:
                faults.append(Fault(str(path), number, error.found, error.expected))
        elif line.strip(" \t"):
            faults.append(Fault(str(path), number, f"the line {shorten(line)}", "a word and its tag"))
        else:
            length = join_words(words, parts, spans, breaches, length, scheme) + 1
            parts.append("\n")
            words = []
    join_words(words, parts, spans, breaches, length, scheme)
    if faults:
        raise FaultyFile(faults)
    report_breaches(breaches, path, scheme, choices)
    choices.note("files of words, joined with one space between")
    text = "".join(parts)
    return Document(id, text, [cut_span(text, *span) for span in spans])


def join_words(
    words: Sequence[tuple[int, str, str]],
    parts: list[str],
    spans: list[tuple[int, int, str]],
    breaches: list[tuple[int, str]],
    length: int,
    scheme: str,
) -> int:
    """Add one line's words, (line, word, tag) each; the length of the text with them."""
    starts = [length]
    for _, word, _ in words:
        starts.append(starts[-1] + len(word) + 1)
    found, wrong = decode_tags([tag for _, _, tag in words], scheme)
    spans += [(starts[first], starts[last] - 1, label) for first, last, label in found]
    breaches += [(words[position][0], words[position][2]) for position in wrong]
    parts.append(" ".join(word for _, word, _ in words))
    return starts[-1] - 1 if words else length


def render_exported(document: Document, choices: Choices) -> tuple[str]:
    """(the document's `.anns` file,)."""
    return render_columns(document, choices, "bmes", "YEDDA's .anns")
