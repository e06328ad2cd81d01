"""Tagged documents to files: JSON lines, BIO, CSV, Parquet, brat, HTML, or lines for people.

A writer takes documents one after another; what it has been given appears whole, under its name, when its block ends.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_folder, atomic_open
from cbpner.base.tables import format_csv
from cbpner.formats.document import Choices, Document, find_problem
from cbpner.formats.fields import dump_row
from cbpner.formats.registry import find_format, name_file
from cbpner.formats.spans import build_row
from cbpner.prediction import html_page as page
from cbpner.text.characters import BOM

COLUMNS = ("id", "start", "end", "label", "text", "score")  # of CSV and Parquet: a span a row
PARQUET_ROWS = 1 << 16  # that are held back and written together
TITLE = "Genes, proteins and diseases"
Write = Callable[[Document], None]
Text = tuple[str, Callable[[Document], str], str]  # head, what renders a document, tail
SUFFIXES = {  # what a file's name says
    "jsonl": (".jsonl",),
    "bio": (".bio",),
    "csv": (".csv",),
    "parquet": (".parquet",),
    "html": (".html", ".htm"),
}
OUTPUTS = (*SUFFIXES, "brat", "lines")
FILES_EACH = ("brat", "bio")  # each document in files of its own, in a folder; bio also all in one file


def find_output_kind(path: str | Path) -> str:
    """The format that a file's name stands for; InputError where it is not clear."""
    name = Path(path).name.lower()
    found = next((kind for kind, suffixes in SUFFIXES.items() if name.endswith(suffixes)), None)
    if found is None:
        endings = ", ".join(suffixes[0] for suffixes in SUFFIXES.values())
        raise InputError(
            f"{path}: found no sign of the format to write; expected a name that ends in {endings}, a folder (OUT/), "
            "or --to"
        )
    return found


@contextmanager
def open_writer(kind: str, path: Path, labels: Sequence[str], has_folder: bool = False) -> Iterator[Write]:
    """Yield a function that writes a document to `path`; InputError from it for a document that cannot be written.

    Such a document leaves no trace.

    Args:
        labels: the types of the spans.
        has_folder: whether `path` is a folder for the kinds of FILES_EACH; for `brat` it always is.
    """
    if kind == "brat" or (has_folder and kind in FILES_EACH):
        with atomic_folder(path) as folder:
            yield partial(_write_files, folder, kind, set())
    elif kind == "parquet":
        with atomic_open(path, "wb") as file, _open_parquet(file) as write:
            yield write
    else:
        with atomic_open(path) as file, open_text(kind, file, labels) as write:
            yield write


@contextmanager
def open_text(kind: str, file: IO[str], labels: Sequence[str]) -> Iterator[Write]:
    """As `open_writer`, into an open text file."""
    head, render, tail = TEXTS[kind](labels)
    file.write(head)

    def write(document: Document) -> None:
        check_document(document)
        file.write(render(document))

    yield write
    file.write(tail)


def check_document(document: Document) -> None:
    if problem := find_problem(document):
        raise InputError(f"cannot be written: found {problem}")


def _prepare_rows(labels: Sequence[str]) -> Text:
    return "", lambda document: dump_row(build_row(document, Choices())) + "\n", ""


def _prepare_bio(labels: Sequence[str]) -> Text:
    """Documents one after another, each on lines of its own."""
    texts: deque[str] = deque(maxlen=1)  # of the document before

    def render(document: Document) -> str:
        lines = find_format("bio").render(document, Choices())[0]
        if texts and document.text.startswith(BOM):
            lines = lines.removeprefix(BOM)  # which is for the file's own sake, where it is the first
        gap = "\n" if texts and texts[0] and not texts[0].endswith("\n") else ""
        texts.append(document.text)
        return gap + lines

    return "", render, ""


def _prepare_csv(labels: Sequence[str]) -> Text:
    return format_csv([COLUMNS]), lambda document: format_csv(_span_rows(document)), ""


def _span_rows(document: Document) -> list[tuple[Any, ...]]:
    """A tuple of COLUMNS for each span."""
    return [(document.id, *span) for span in document.spans]


def _prepare_page(labels: Sequence[str]) -> Text:
    return page.open_page(labels, TITLE), partial(page.render_document, labels=labels), page.close_page()


def _prepare_lines(labels: Sequence[str]) -> Text:
    return "", _render_lines, ""


def _render_lines(document: Document) -> str:
    """`id:line:column  label  text  score` of each span, lines and columns counted from 1."""
    lines, number, newline = [], 1, -1
    for place, label, text, score in ((span.start, *span[2:]) for span in document.spans):
        number += document.text.count("\n", newline + 1, place)
        newline = document.text.rfind("\n", 0, place)
        where = f"{document.id}:{number}:{place - newline}"
        lines.append("\t".join((escape_controls(where), label, escape_controls(text or ""), f"{score:.2f}")) + "\n")
    return "".join(lines)


def escape_controls(text: str) -> str:
    """Text that is safe on a terminal: control characters are escaped."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


TEXTS: dict[str, Callable[[Sequence[str]], Text]] = {
    "jsonl": _prepare_rows,
    "bio": _prepare_bio,
    "csv": _prepare_csv,
    "html": _prepare_page,
    "lines": _prepare_lines,
}


@contextmanager
def _open_parquet(file: IO[bytes]) -> Iterator[Write]:
    """A span a row, in row groups."""
    import pyarrow
    from pyarrow import parquet

    kinds = (pyarrow.string(), pyarrow.int64(), pyarrow.int64(), pyarrow.string(), pyarrow.string(), pyarrow.float64())
    schema, rows = pyarrow.schema(list(zip(COLUMNS, kinds, strict=True))), []
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:

        def flush() -> None:
            columns = zip(*rows, strict=True) if rows else [[]] * len(COLUMNS)
            writer.write_table(pyarrow.table([list(column) for column in columns], schema=schema))
            rows.clear()

        def write(document: Document) -> None:
            check_document(document)
            rows.extend(_span_rows(document))
            if len(rows) >= PARQUET_ROWS:
                flush()

        yield write
        flush()


def _write_files(folder: Path, kind: str, names: set[str], document: Document) -> None:
    """Write a document's own files; names: those that are taken."""
    check_document(document)
    format, name = find_format(kind), name_file(document.id)
    if name in names:
        raise InputError(f"cannot be written: found a second document with the id {document.id!r}; expected it once")
    texts = format.render(document, Choices())
    names.add(name)
    for suffix, text in zip(format.suffixes, texts, strict=True):
        (folder / f"{name}{suffix}").write_text(text, encoding="utf-8", newline="\n")
