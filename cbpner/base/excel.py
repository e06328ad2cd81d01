"""Tables for Excel: .xlsx, in which text stays text, and CSV in which it finds the encoding and no formula."""

import codecs
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import IO, Any

from cbpner.base.errors import InputError
from cbpner.base.html import clean_xml
from cbpner.base.tables import write_csv

ENCODINGS = ("utf-8", "utf-8-sig")  # of CSV and TSV; the second is for Excel
SIGNS = {"csv": ",", "tsv": "\t"}
FORMULA = tuple("=+-@＝＋－＠\t\r\n")  # how text begins that Excel may compute
MOST_ROWS, MOST_CHARACTERS = 1 << 20, 32_767  # of a sheet and of a cell


def is_for_excel(kind: str, encoding: str) -> bool:
    return kind == "xlsx" or (kind in SIGNS and encoding == "utf-8-sig")


def check_excel() -> None:
    """InputError where the library is missing that writes .xlsx."""
    try:
        import openpyxl  # noqa: F401
    except ImportError:
        how = "`pip install 'cbpner[xlsx]'` adds it, in a clone's environment too; .csv needs none"
        raise InputError(f"found no openpyxl, which writes .xlsx; {how}") from None


@contextmanager
def open_excel(file: IO[bytes], kind: str, header: Sequence[str]) -> Iterator[Callable[..., object]]:
    """Yield a function that writes rows to an open file of the kind xlsx, csv or tsv.

    In .xlsx text has the type and the format of text; in the others an apostrophe before what Excel may compute. The
    function raises InputError for rows that .xlsx cannot hold, and then writes none of them.
    """
    if kind == "xlsx":
        check_excel()
        from openpyxl import Workbook

        book = Workbook(write_only=True)
        with closing(book.create_sheet()) as sheet:
            write = partial(_append_rows, sheet, iter(range(MOST_ROWS)))
            write([header])
            yield write
        book.save(file)
    else:
        text: Any = codecs.getwriter("utf-8-sig")(file, "backslashreplace")
        write_csv(text, [header], SIGNS[kind])
        yield lambda rows: write_csv(text, (list(map(_guard, row)) for row in rows), SIGNS[kind])


def _guard(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _append_rows(sheet: Any, room: Iterator[int], rows: Iterable[Sequence[Any]]) -> None:
    made = [[_make_cell(sheet, value) for value in row] for row in rows]
    if sum(1 for _ in zip(made, room, strict=False)) < len(made):
        raise InputError(f"found more than the {MOST_ROWS:,} rows of .xlsx; expected fewer, or .csv")
    for cells in made:
        sheet.append(cells)


def _make_cell(sheet: Any, value: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell

    if not isinstance(value, str):
        return None if isinstance(value, float) and not math.isfinite(value) else value
    if len(value) > MOST_CHARACTERS:
        raise InputError(f"found a cell of {len(value):,} characters; .xlsx holds {MOST_CHARACTERS:,}: expected .csv")
    cell = WriteOnlyCell(sheet, clean_xml(value))
    cell.data_type, cell.number_format = "s", "@"
    return cell
