"""YEDDA, the tool that the gold data was annotated with: the marked text `.ann`, and the columns `.anns` it exports.

In `NAME.txt.ann` a span is `[@BRCA1#gene*]` within the text, one that YEDDA recommends and nobody confirmed
`[$BRCA1#gene*]`; nothing is escaped. An end belongs to the last beginning before it; what has no other half is text.
So nested marks are read as they are. They are never written: YEDDA's own export garbles them.

In `NAME.txt.anns` there is a character and its tag a line, in BMES or BIO, and a blank line behind each line of the
text, without the spaces. Here `.anns` is written in BMES and with its spaces.

Source: `YEDDA_Annotator.py` and `utils/recommend.py` of https://github.com/jiesutd/YEDDA.
"""

import re
from pathlib import Path

from cbpner.base.errors import InputError
from cbpner.formats.columns import read_column_documents, render_columns
from cbpner.formats.document import Choices, Document, Limits, Span, cut_span, fit_spans
from cbpner.text.bio import decode_file, read_lines
from cbpner.text.characters import BOM, shorten

MARK = re.compile(r"\[[@$]|#([^#\[\]\n]+)\*\]")


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
    opened: list[re.Match[str]] = []
    pairs = []
    for token in MARK.finditer(data):
        if token[1] is None:
            opened.append(token)
        elif opened:
            pairs.append((opened.pop(), token))
    pieces, starts, place, length = [], {}, 0, 0
    for token in sorted((token for pair in pairs for token in pair), key=lambda token: token.start()):
        pieces.append(data[place : token.start()])
        length += token.start() - place
        starts[token.start()] = length
        place = token.end()
    marks = [(starts[first.start()], starts[last.start()], last[1], first[0][1]) for first, last in pairs]
    return "".join(pieces) + data[place:], sorted(marks)


def find_mark_misfit(text: str, span: Span) -> str | None:
    """Why YEDDA cannot hold the span in its text, or None."""
    if re.search(r"[#\[\]\n]|^\*|\*$", span.label):
        return "its label has one of #, [, ], a line break, or an * at an end"
    if text[span.end : span.end + 1] == "#":
        return "a # follows, by which YEDDA takes its end for one within another mark"
    return None


def render_marked(document: Document, choices: Choices) -> tuple[str]:
    """(the text with its marks,). InputError where the text itself holds what would be read as a mark."""
    spans = sorted(fit_spans(document, Limits("YEDDA", find_misfit=find_mark_misfit), choices))
    parts, place = [], 0
    for start, end, label, *_ in spans:
        parts += [document.text[place:start], f"[@{document.text[start:end]}#{label}*]"]
        place = end
    marked = "".join(parts) + document.text[place:]
    text, marks = parse_marks(marked)
    if text != document.text or [mark[:3] for mark in marks] != [span[:3] for span in spans]:
        found = "its text has [@, [$ or #...*] where YEDDA would read a mark, and it knows no escape"
        raise InputError(f"YEDDA cannot hold document {shorten(document.id)}: {found}; expected another format")
    return (BOM * marked.startswith(BOM) + marked,)


def read_exported(path: Path, id: str, choices: Choices) -> list[Document]:
    """The documents of a `.anns` file, in BMES or BIO as its tags say. FaultyFile with every fault."""
    tags = {(line or "").rstrip("\r \t").replace("\t", " ").rpartition(" ")[2][:1] for line in read_lines(path)[0]}
    return read_column_documents(path, id, choices, "bmes" if tags & set("MES") else "bio")


def render_exported(document: Document, choices: Choices) -> tuple[str]:
    """(the document's `.anns` file,)."""
    return render_columns(document, choices, "bmes", "YEDDA's .anns")
