"""Tables as text: CSV and Markdown."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import IO, Any

PIPE = re.compile(r"(\\*)\|")  # with the backslashes before it, which Markdown needs twice


def write_csv(file: IO[str], rows: Iterable[Sequence[Any]], delimiter: str = ",") -> None:
    r"""Write rows as RFC 4180 quotes them, with `\n` at their ends.

    A cell with a delimiter, a quote, a line feed or a carriage return is quoted. The file must not translate line ends
    (`newline=""`, or `atomic_open`).
    """
    lines = SimpleNamespace(write=lambda line: file.write(line.removesuffix("\r\n") + "\n"))
    csv.writer(lines, delimiter=delimiter, lineterminator="\r\n").writerows(rows)  # else "\r" is not quoted


def format_csv(rows: Iterable[Sequence[Any]], delimiter: str = ",") -> str:
    """The rows as `write_csv` writes them."""
    buffer = io.StringIO(newline="")
    write_csv(buffer, rows, delimiter)
    return buffer.getvalue()


def format_markdown(header: Sequence[Any], rows: Iterable[Sequence[Any]], text_columns: int = 1) -> str:
    """A padded Markdown table without a line end; the first `text_columns` columns are flush left, the others right."""
    cells = [[PIPE.sub(r"\1\1\|", " ".join(str(cell).splitlines())) for cell in row] for row in (header, *rows)]
    widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(header))]
    rule = ["-" * width if i < text_columns else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    align = ["<" if i < text_columns else ">" for i in range(len(header))]
    form = "| " + " | ".join(f"{{:{side}{width}}}" for side, width in zip(align, widths, strict=True)) + " |"
    return "\n".join(form.format(*row) for row in (cells[0], rule, *cells[1:]))
