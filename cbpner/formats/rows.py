"""Rows of JSON lines, a JSON array, CSV, TSV or Parquet: the one reader of tables in this project.

    for row in read_rows("patents.csv", required=["text"]):
        if isinstance(row, Fault):
            print(row)                    # patents.csv:3: found more values than fields; expected ...
        else:
            use(row.number, row.values)   # 4, {"id": "CN1", "text": "..."}

A row that cannot be read is a Fault in its place, and reading resumes behind it. What a value must be is the caller's
business: the checks of `cbpner.formats.fields` raise `UnexpectedValue`, which `row.blame` makes a Fault. Files are
never in memory whole, but for JSON arrays.
"""

import csv
import gzip
import io
import itertools
import json
import re
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar, cast

from cbpner.base.errors import Fault, FaultyFile, InputError, UnexpectedValue
from cbpner.text.characters import BOM, OPENING, check_encoding, describe_bytes, is_encodable

LONGEST_FIELD = 1 << 30  # characters of a CSV field
LONGEST_LINE = 64 << 20  # bytes of JSON
BROKEN_OBJECT = re.compile(rb'\s*\{(?:[^\n]*,)?[ \t\r]*\n\s*"')  # an object continued in the next line by a field
T = TypeVar("T")


class Row(NamedTuple):
    """One row of a file.

    number: from 1; the line of JSON lines, the item of an array, the row below the names of a table. values: by field.
    """

    path: str
    number: int
    values: dict[str, Any]
    is_item: bool = False

    def blame(self, error: UnexpectedValue) -> Fault:
        """The fault of this row."""
        if self.is_item:
            return Fault(self.path, 0, f"{error.found} (item {self.number})", error.expected)
        return Fault(self.path, self.number, error.found, error.expected)


def read_rows(
    path: str | Path,
    kind: str | None = None,
    *,
    name: str | None = None,
    required: Collection[str] = (),
    columns: Collection[str] | None = None,
) -> Iterator[Row | Fault]:
    """Yield the rows of a file, and a Fault in the place of each that cannot be read. OSError: it cannot be opened.

    Args:
        path: a file; one that ends in `.gz` is unpacked on reading (not Parquet).
        kind: `csv`, `tsv`, `parquet`; anything else is JSON. None: by the file's suffix.
        name: what rows and faults call the file. None: its path.
        required: fields that each row must have. A table without one is a single Fault.
        columns: of a table's fields those to read. None: all.
    """
    name, kind = name or str(path), kind or find_kind(path)
    if kind == "parquet":
        yield from _read_parquet(path, name, required, columns)
        return
    opened = gzip.open(path, "rb") if str(path).lower().endswith(".gz") else open(path, "rb")
    with cast(BinaryIO, opened) as file:
        number = 0
        if kind in ("csv", "tsv"):
            rows = _read_table(file, name, "\t" if kind == "tsv" else ",", required, columns)
        else:
            rows = _read_json(file, name, required)
        try:
            check_encoding(file.read(OPENING))
            file.seek(0)
            for row in rows:
                number = row.line if isinstance(row, Fault) else row.number
                yield row
        except UnexpectedValue as error:
            yield Fault(name, 0, error.found, error.expected)
        except (OSError, EOFError, zlib.error) as error:
            yield Fault(name, number + 1, f"a file that cannot be read on ({error})", "a whole file: get it again")


def read_valid_rows(path: str | Path, kind: str | None = None, **options: Any) -> Iterator[Row]:
    """Yield the rows of a file as `read_rows` does; InputError for the first bad one, or a file that is not there."""
    try:
        for row in read_rows(path, kind, **options):
            if isinstance(row, Fault):
                raise InputError(str(row))
            yield row
    except OSError as error:
        raise InputError(f"{path}: cannot read the file ({error.strerror or error})") from error


def find_kind(path: str | Path) -> str:
    """`csv`, `tsv`, `parquet` or `json`, by the suffix of a file's name, in either case, before `.gz`."""
    suffix = Path(str(path).lower().removesuffix(".gz")).suffix[1:]
    return suffix if suffix in ("csv", "tsv", "parquet") else "json"


def read_columns(path: str | Path) -> list[str]:
    """The names of a Parquet file's columns; InputError where it is none."""
    import pyarrow
    from pyarrow import parquet

    try:
        return list(parquet.read_schema(path).names)
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({error}); expected a whole file") from error


def read_cells(
    path: str | Path, delimiters: Sequence[str] = ("\t", ",", " "), comment: str | None = None, quoted: bool = True
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) of a table without a row of names; InputError where it cannot be read.

    Args:
        delimiters: the first of them in the table's first line separates its cells.
        comment: how lines begin that are left out; blank lines are too.
        quoted: whether quotes are read as CSV has them, else as characters. With commas they always are.
    """
    delimiter, open_file = "", gzip.open if str(path).endswith(".gz") else open
    try:
        with open_file(path, "rb") as file:
            check_encoding(file.read(OPENING))
        with open_file(path, "rt", encoding="utf-8-sig", newline="") as file:
            for number, line in enumerate(file, 1):
                line = line.rstrip("\r\n")
                if not line.strip() or (comment and line.startswith(comment)):
                    continue
                delimiter = delimiter or next((sign for sign in delimiters if sign in line), delimiters[0])
                is_quoted = quoted or delimiter == ","
                yield number, next(csv.reader([line], delimiter=delimiter, quoting=0 if is_quoted else csv.QUOTE_NONE))
    except UnexpectedValue as error:
        raise InputError(f"{path}: found {error.found}; expected {error.expected}") from None
    except (OSError, EOFError, zlib.error, csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot read the table ({error}); expected columns in UTF-8") from error


def _read_json(file: BinaryIO, name: str, required: Collection[str]) -> Iterator[Row | Fault]:
    opening = file.read(1 << 10).removeprefix(BOM.encode())
    file.seek(0)
    if opening.lstrip()[:1] == b"[":
        yield from _read_array(file.read(), name, required)
        return
    if BROKEN_OBJECT.match(opening):
        expected = "JSON lines, an object a line (`jq -c .` makes them), or one array of objects"
        yield Fault(name, 1, "an object over several lines", expected)
        return
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        try:
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                while line and not line.endswith(b"\n"):
                    line = file.readline(LONGEST_LINE)
                raise UnexpectedValue(f"a line of over {LONGEST_LINE >> 20} MiB", "an object a line")
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            if text.strip():
                row = json.loads(text, object_pairs_hook=_make_object)
                yield Row(name, number, check_fields(row, required))
        except UnexpectedValue as error:
            yield Fault(name, number, error.found, error.expected)
        except UnicodeDecodeError as error:
            yield Fault(name, number, describe_bytes(line, error.start), "text in UTF-8")
        except (ValueError, RecursionError) as error:
            ends = " that ends with LF or CR LF, not with CR alone" if b"\r" in line.strip() else ""
            yield Fault(name, number, f"broken JSON ({error})", f"an object a line{ends}")


def _read_array(data: bytes, name: str, required: Collection[str]) -> Iterator[Row | Fault]:
    try:
        rows = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_make_object)
    except UnicodeDecodeError as error:
        yield Fault(name, 0, describe_bytes(data, error.start), "text in UTF-8")
    except (ValueError, RecursionError) as error:
        yield Fault(name, getattr(error, "lineno", 0), f"broken JSON ({error})", "one array of objects")
    else:
        for number, values in enumerate(rows, 1):
            row = Row(name, number, values, is_item=True)
            try:
                check_fields(values, required)
                yield row
            except UnexpectedValue as error:
                yield row.blame(error)


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; UnexpectedValue where a field is in it twice, of which only one could be kept."""
    row = dict(pairs)
    if len(row) < len(pairs):
        _refuse_twice([name for name, _ in pairs])
    return row


def _refuse_twice(names: Sequence[str]) -> None:
    if twice := next((name for place, name in enumerate(names) if name in names[:place]), None):
        raise UnexpectedValue(f"the field {twice!r} twice", "each field once: rename one of them")


def _read_table(
    file: BinaryIO, name: str, delimiter: str, required: Collection[str], columns: Collection[str] | None
) -> Iterator[Row | Fault]:
    """Behind a broken row reading resumes at the next line, which may be the rest of it."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.DictReader(text, delimiter=delimiter, strict=True)
    try:
        _check_header(reader.fieldnames or [], required, columns, delimiter)
    except csv.Error as error:
        raise UnexpectedValue(f"a broken first row ({error})", "the names of the fields") from None
    for number in itertools.count(1):
        first = reader.reader.line_num + 1
        try:
            values: dict[Any, Any] = next(reader)
            if any(values.pop(None, ())):
                yield Fault(name, number, "more values than fields", "quotes around a value with separators in it")
                continue
            values = {field: value for field, value in values.items() if columns is None or field in columns}
            for value in filter(None, values.values()):
                value.encode("utf-8", "surrogateescape").decode("utf-8")
            yield Row(name, number, values)
        except StopIteration:
            return
        except UnicodeDecodeError as error:
            yield Fault(name, number, describe_bytes(error.object, error.start), "text in UTF-8")
        except csv.Error as error:
            found = f"a broken row, lines {first} to {reader.reader.line_num} ({error})"
            yield Fault(name, number, found, "values with their quotes closed, and doubled within")


def _read_parquet(
    path: str | Path, name: str, required: Collection[str], columns: Collection[str] | None
) -> Iterator[Row | Fault]:
    """A page of each column is in memory at a time; where a page is damaged the rows before it stay."""
    import pyarrow
    from pyarrow import parquet

    number = 0
    try:
        with parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False, page_checksum_verification=True) as file:
            names = file.schema_arrow.names
            _check_header(names, required, columns)
            wanted = [each for each in dict.fromkeys(columns if columns is not None else names) if each in names]
            for batch in file.iter_batches(16, columns=wanted, use_threads=False):
                for place in range(batch.num_rows):
                    number += 1
                    try:
                        yield Row(name, number, {each: batch.column(each)[place].as_py() for each in wanted})
                    except (ValueError, OverflowError, LookupError) as error:  # such as a date beyond Python's
                        yield Fault(name, number, f"a value that cannot be read ({error})", "text")
    except UnexpectedValue as error:
        yield Fault(name, 0, error.found, error.expected)
    except FileNotFoundError:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, LookupError) as error:
        fault = str(error).partition("\n")[0]
        line = number + 1 if number else 0
        yield Fault(name, line, f"a file that cannot be read on ({fault})", "a whole Parquet file: get it again")


def _check_header(
    names: Sequence[str], required: Collection[str], columns: Collection[str] | None, delimiter: str = ""
) -> None:
    """UnexpectedValue where a table lacks a field, has one that is read twice, or has another delimiter."""
    others = [sign for sign in ",\t;|" if sign != delimiter and sign in names[0]] if len(names) == 1 else []
    if delimiter and others:
        raise UnexpectedValue(f"one field, {names[0]!r}", f"{delimiter!r} between the fields, not {others[0]!r}")
    if not is_encodable("".join(names)):
        raise UnexpectedValue("names of fields that are not UTF-8", "text in UTF-8")
    check_fields(dict.fromkeys(names), required)
    _refuse_twice([name for name in names if name and (columns is None or name in columns)])


def check_fields(row: Any, required: Collection[str]) -> dict[str, Any]:
    """The row; UnexpectedValue where it is no object or lacks a field."""
    if not isinstance(row, dict):
        raise UnexpectedValue(describe_value(row), "an object")
    if missing := [repr(name) for name in required if name not in row]:
        raise UnexpectedValue(f"the fields {list_names(row)}", f"a field {' and '.join(missing)}")
    return row


def describe_value(value: Any) -> str:
    """A value as a message shows it: its kind, and its beginning as JSON."""
    kinds = {str: "the text", bool: "the value", int: "the number", float: "the number", list: "the list"}
    if value is None:
        return "null"
    kind = kinds.get(type(value), "the object" if isinstance(value, dict) else f"the {type(value).__name__}")
    text = json.dumps(value, ensure_ascii=False, default=str)
    text = text if is_encodable(text) else json.dumps(value, default=str)
    return f"{kind} {text[:40]}{'…' * (len(text) > 40)}"


def list_names(row: Collection[str]) -> str:
    """The names of a row's fields as a message shows them."""
    return ", ".join([*[repr(name) for name in row][:12], *["..."] * (len(row) > 12)]) or "none"


def parse_rows(rows: Iterable[Row | Fault], parse: Callable[[Row], T]) -> Iterator[T]:
    """Yield what `parse` makes of each row. FaultyFile at the end for those it cannot be made of."""
    faults = []
    for row in rows:
        if isinstance(row, Fault):
            faults.append(row)
            continue
        try:
            yield parse(row)
        except UnexpectedValue as error:
            faults.append(row.blame(error))
    if faults:
        raise FaultyFile(faults)
