"""JSON lines of documents and spans: this project's own format, and prediction's output.

A line is `{"id", "text", "spans": [{"start", "end", "label", "text", "score", "source"}], "date", "meta"}`; offsets
count code points, `score`, `source`, `date` and `meta` are there where known. On reading `id` and a span's `text` may
be missing (what is there is checked), and other fields are metadata.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from cbpner.base.errors import UnexpectedValue
from cbpner.formats.document import Choices, Document, Limits, Span, fit_spans
from cbpner.formats.fields import check_label, check_offset, dump_row, make_document, take_id, take_list, take_text
from cbpner.formats.offsets import Ruler
from cbpner.formats.rows import describe_value, parse_rows, read_rows


def read_spans(path: Path, id: str, choices: Choices) -> Iterator[Document]:
    """Yield the documents of a file. FaultyFile at the end, with every fault."""
    yield from parse_rows(read_rows(path), lambda row: read_row(row.values, f"{id}-{row.number}", choices))


def read_row(row: Mapping[str, Any], id: str, choices: Choices) -> Document:
    name, text = take_text(row, [choices.text_field or "text"])
    if "spans" not in row:
        raise UnexpectedValue("no field 'spans'", "a list of spans, empty where there are none")
    spans = [read_span(span, text) for span in take_list(row, "spans")]
    extras = {field: value for field, value in row.items() if field not in ("id", name, "spans")}
    return make_document(take_id(row, id), text, spans, extras)


def read_span(row: Any, text: str) -> Span:
    if not isinstance(row, dict):
        raise UnexpectedValue(f"{describe_value(row)} as a span", 'such as {"start": 0, "end": 2, "label": "gene"}')
    start, end = check_offset(row.get("start"), "start"), check_offset(row.get("end"), "end")
    label, score = check_label(row.get("label")), row.get("score")
    if score is not None and (isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1):
        raise UnexpectedValue(f"{describe_value(score)} as a score", "a number from 0 to 1")
    cut, claim = text[max(start, 0) : max(end, 0)], row.get("text")
    if claim is not None and claim != cut:
        place = Ruler(text, "utf16").cut(start, end)
        hint = " (they count UTF-16 code units)" if place and text[slice(*place)] == claim else ""
        found = f"{describe_value(claim)} for {start}..{end}, which is {describe_value(cut)}{hint}"
        raise UnexpectedValue(found, "offsets that count code points, the end not included")
    source = row.get("source")
    return Span(start, end, label, cut, score, source if isinstance(source, str) else None)


def write_spans(file: IO[str], documents: Iterable[Document], choices: Choices) -> None:
    """Write the documents, a line each, to an open text file."""
    for document in documents:
        file.write(dump_row(build_row(document, choices)) + "\n")


def build_row(document: Document, choices: Choices) -> dict[str, Any]:
    """The row of a document, as a line of the file holds it."""
    rows = []
    for span in fit_spans(document, Limits("jsonl", overlaps=True, extras=("scores", "sources", "meta")), choices):
        row = {"start": span.start, "end": span.end, "label": span.label, "text": document.text[span.start : span.end]}
        more = {"score": span.score, "source": span.source}
        rows.append(row | {name: value for name, value in more.items() if value is not None})
    return {"id": document.id, "text": document.text, "spans": rows} | document.extras
