"""Tagged documents to files: JSON lines, BIO, CSV, .xlsx, Parquet, brat, HTML, or lines for people.

A writer takes documents one after another; what it has been given appears whole, under its name, when its block ends.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from cbpner.base.errors import InputError
from cbpner.base.excel import is_for_excel, open_excel
from cbpner.base.files import atomic_folder, atomic_open
from cbpner.base.tables import format_csv
from cbpner.formats.document import Choices, Document
from cbpner.formats.fields import dump_row
from cbpner.formats.registry import FORMATS, join_renderer, write_own_files
from cbpner.formats.spans import build_row
from cbpner.prediction.html_page import open_page_writer

COLUMNS = ("id", "start", "end", "label", "text", "score", "source")  # of tables: a span a row
PARQUET_ROWS = 1 << 16  # that are held back and written together
Write = Callable[[Document], object]
SUFFIXES = {  # what a file's name says
    "jsonl": (".jsonl",), "bio": (".bio",), "csv": (".csv",), "xlsx": (".xlsx",), "parquet": (".parquet",),
    "html": (".html", ".htm"),
}  # fmt: skip
OUTPUTS = (*SUFFIXES, "brat", "lines")
FILES_EACH = ("brat", "bio")  # each document in files of its own, in a folder; bio also all in one file


def find_output_kind(path: str | Path) -> str:
    """The format that a file's name stands for; InputError where it is not clear."""
    name = Path(path).name.lower()
    found = next((kind for kind, suffixes in SUFFIXES.items() if name.endswith(suffixes)), None)
    if found is None:
        endings = ", ".join(suffixes[0] for suffixes in SUFFIXES.values())
        expected = f"a name that ends in {endings}, a folder (OUT/), or --to"
        raise InputError(f"{path}: found no sign of the format to write; expected {expected}")
    return found


@contextmanager
def open_writer(
    kind: str, path: Path, labels: Sequence[str], has_folder: bool = False, has_source: bool = False, encoding: str = ""
) -> Iterator[Write]:
    """Yield a function that writes a document to `path`; InputError from it for a document that cannot be written.

    Such a document leaves no trace.

    Args:
        labels: the types of the spans.
        has_folder: whether `path` is a folder for the kinds of FILES_EACH; for `brat` it always is.
        has_source: whether tables have the last of COLUMNS.
        encoding: of CSV, see `cbpner.base.excel`.
    """
    if kind == "brat" or (has_folder and kind in FILES_EACH):
        with atomic_folder(path) as folder:
            yield partial(write_own_files, folder, FORMATS[kind], Choices(), set())
    elif kind == "parquet":
        with atomic_open(path, "wb") as file, _open_parquet(file, has_source) as write:
            yield write
    elif is_for_excel(kind, encoding):
        columns = COLUMNS if has_source else COLUMNS[:-1]
        with atomic_open(path, "wb") as file, open_excel(file, kind, columns) as write_rows:
            yield lambda document: write_rows((document.id, *span)[: len(columns)] for span in document.spans)
    else:
        with atomic_open(path) as file, open_text(kind, file, labels, has_source) as write:
            yield write


@contextmanager
def open_text(kind: str, file: IO[str], labels: Sequence[str], has_source: bool = False) -> Iterator[Write]:
    """As `open_writer`, into an open text file."""
    width = len(COLUMNS) if has_source else len(COLUMNS) - 1
    if kind == "html":
        with open_page_writer(file, labels, "Genes, proteins and diseases") as write:
            yield write
        return
    file.write(format_csv([COLUMNS[:width]]) if kind == "csv" else "")
    renderers: dict[str, Callable[[Document], str]] = {
        "jsonl": lambda document: dump_row(build_row(document, Choices())) + "\n",
        "csv": lambda document: format_csv([(document.id, *span)[:width] for span in document.spans]),
        "lines": _render_lines,
        "bio": join_renderer(FORMATS["bio"], Choices()),
    }
    yield lambda document: file.write(renderers[kind](document))


def _render_lines(document: Document) -> str:
    """`id:line:column  label  text  score` of each span, lines and columns counted from 1, and its source if known."""
    lines, number, newline = [], 1, -1
    for place, label, text, score, source in ((span.start, *span[2:]) for span in document.spans):
        number += document.text.count("\n", newline + 1, place)
        newline = document.text.rfind("\n", 0, place)
        cells = [f"{document.id}:{number}:{place - newline}", label, text or "", f"{score:.2f}", source]
        lines.append("\t".join(escape_controls(cell) for cell in cells if cell is not None) + "\n")
    return "".join(lines)


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
