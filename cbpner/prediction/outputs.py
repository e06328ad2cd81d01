"""Tagged documents to files: JSON lines, BIO, CSV, .xlsx, Parquet, brat, HTML; or for people, marked text or lines.

A writer takes documents one after another; what it has been given appears whole, under its name, when its block ends.
"""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from cbpner.base.errors import InputError
from cbpner.base.excel import is_for_excel, open_excel
from cbpner.base.files import atomic_folder, atomic_open
from cbpner.base.html import style_types
from cbpner.base.progress import paused
from cbpner.base.tables import format_csv
from cbpner.formats.document import Choices, Document, Span
from cbpner.formats.fields import dump_row
from cbpner.formats.registry import FORMATS, join_renderer, write_own_files
from cbpner.formats.spans import build_row
from cbpner.prediction.html_page import Identify, know_nothing, open_page_writer
from cbpner.text.sentences import find_sentences

COLUMNS = ("id", "start", "end", "label", "text", "score", "source")  # of tables: a span a row
PARQUET_ROWS = 1 << 16  # that are held back and written together
Write = Callable[[Document], object]
SUFFIXES = {  # what a file's name says
    "jsonl": (".jsonl",), "bio": (".bio",), "csv": (".csv",), "xlsx": (".xlsx",), "parquet": (".parquet",),
    "html": (".html", ".htm"),
}  # fmt: skip
FOR_PEOPLE = ("marked", "lines")
OUTPUTS = (*SUFFIXES, "brat", *FOR_PEOPLE)
COLOURS = {"t0": 102, "t1": 106, "t2": 103, "t3": 105, "t4": 47, "t5": 104, "t6": 101}  # of a terminal; see style_types
FILES_EACH = ("brat", "bio")  # each document in files of its own, in a folder; bio also all in one file


def find_output_kind(path: str | Path) -> str:
    """The format that a file's name stands for; InputError where it is not clear."""
    name = Path(path).name.lower()
    found = next((kind for kind, suffixes in SUFFIXES.items() if name.endswith(suffixes)), None)
    if found is None:
        endings, suffix = ", ".join(suffixes[0] for suffixes in SUFFIXES.values()), Path(name).suffix
        found = f"cannot write {suffix}" if suffix else "the name does not say what to write"
        raise InputError(f"{path}: {found}; use {endings}, a folder (OUT/), or --to")
    return found


@contextmanager
def open_writer(
    kind: str, path: Path, labels: Sequence[str], has_folder: bool = False, has_source: bool = False,
    encoding: str = "", identify: Identify = know_nothing,
) -> Iterator[Write]:  # fmt: skip
    """Yield a function that writes a document to `path`; InputError from it for a document that cannot be written.

    Such a document leaves no trace.

    Args:
        labels: the types of the spans.
        has_folder: whether `path` is a folder for the kinds of FILES_EACH; for `brat` it always is.
        has_source: whether tables have the last of COLUMNS.
        encoding: of CSV, see `cbpner.base.excel`.
        identify: what a page's entities are linked to.
    """
    if kind == "brat" or (has_folder and kind in FILES_EACH):
        with atomic_folder(path) as folder, cut_spans() as choices:
            yield partial(write_own_files, folder, FORMATS[kind], choices, set())
    elif kind == "parquet":
        with atomic_open(path, "wb") as file, _open_parquet(file, has_source) as write:
            yield write
    elif is_for_excel(kind, encoding):
        columns = COLUMNS if has_source else COLUMNS[:-1]
        with atomic_open(path, "wb") as file, open_excel(file, kind, columns) as write_rows:
            yield lambda document: write_rows((document.id, *span)[: len(columns)] for span in document.spans)
    else:
        with atomic_open(path) as file, open_text(kind, file, labels, has_source, identify) as write:
            yield write


@contextmanager
def open_text(
    kind: str, file: IO[str], labels: Sequence[str], has_source: bool = False, identify: Identify = know_nothing
) -> Iterator[Write]:
    """As `open_writer`, into an open text file."""
    width = len(COLUMNS) if has_source else len(COLUMNS) - 1
    if kind == "html":
        with open_page_writer(file, labels, "Genes, proteins and diseases", identify) as write:
            yield write
        return
    file.write(format_csv([COLUMNS[:width]]) if kind == "csv" else "")
    # a terminal that shows colours, and the user wants them (https://no-color.org)
    has_colours = file.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")
    with cut_spans() as choices:
        renderers: dict[str, Callable[[Document], str]] = {
            "jsonl": lambda document: dump_row(build_row(document, Choices())) + "\n",
            "csv": lambda document: format_csv([(document.id, *span)[:width] for span in document.spans]),
            "lines": _render_lines,
            "marked": partial(_render_marked, classes=style_types(labels) if has_colours else {}),
            "bio": join_renderer(FORMATS["bio"], choices),
        }
        yield lambda document: file.write(renderers[kind](document))


@contextmanager
def cut_spans() -> Iterator[Choices]:
    """Yield the choice to cut spans that a format cannot hold; what was cut and joined is printed after the block."""
    yield (choices := Choices(unfit="cut"))
    with paused():
        for name, count in choices.notes.items():
            if " without their " not in name:  # scores, dates
                print(f"note: {count:,} {name}", file=sys.stderr)


def _render_lines(document: Document) -> str:
    """`id:line:column  label  text  score` of each span, lines and columns counted from 1, and its source if known."""
    lines, number, newline = [], 1, -1
    for place, label, text, score, source in ((span.start, *span[2:]) for span in document.spans):
        number += document.text.count("\n", newline + 1, place)
        newline = document.text.rfind("\n", 0, place)
        cells = [f"{document.id}:{number}:{place - newline}", label, text or "", f"{score:.2f}", source]
        lines.append("\t".join(escape_controls(cell) for cell in cells if cell is not None) + "\n")
    return "".join(lines)


def _render_marked(document: Document, classes: dict[str, str]) -> str:
    """`id:line` and a sentence for each that has mentions: these in brackets, with type and score (or source)."""
    text, spans, lines, place, number = document.text, deque(document.spans), [], 0, 1
    for start, end in find_sentences(text, 500):
        start, parts = max(start, place), []  # a span may reach into the next line
        number, place = number + text.count("\n", place, start), start
        while spans and spans[0].start < end:
            span = spans.popleft()
            parts += [escape_controls(text[place : span.start]), _mark(span, classes)]
            place = span.end
        end = max(end, place)
        if parts:
            parts.append(escape_controls(text[place:end]))
            lines.append(f"{escape_controls(document.id)}:{number}  {''.join(parts)}\n")
        number, place = number + text.count("\n", start, end), end
    return "".join(lines)


def _mark(span: Span, classes: dict[str, str]) -> str:
    surface, about = escape_controls(span.text or ""), f"{span.label} {span.source or f'{span.score:.2f}'}"
    colour = COLOURS[classes[span.label]] if classes else None
    return f"[\x1b[30;{colour}m{surface}\x1b[0m \x1b[2m{about}\x1b[0m]" if colour else f"[{surface} {about}]"


def escape_controls(text: str) -> str:
    """Text that is safe on a terminal: control characters are escaped."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


@contextmanager
def _open_parquet(file: IO[bytes], has_source: bool) -> Iterator[Write]:
    """A span a row, in row groups."""
    import pyarrow
    from pyarrow import parquet

    text, number = pyarrow.string(), pyarrow.int64()
    kinds = (text, number, number, text, text, pyarrow.float64(), *[text] * has_source)
    schema, rows = pyarrow.schema(list(zip(COLUMNS, kinds, strict=False))), []
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:

        def flush(least: int = 0) -> None:
            if len(rows) >= least:
                writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
                rows.clear()

        def write(document: Document) -> None:
            rows.extend({"id": document.id, **span._asdict()} for span in document.spans)
            flush(PARQUET_ROWS)

        yield write
        flush()
