"""Documents to tag, from files as users have them: text, rows, column files.

Whatever cannot be read is handed on as a `Bad`, in its place, and the rest goes on.
"""

import codecs
import csv
import datetime
import re
from collections.abc import Iterator
from contextlib import nullcontext
from decimal import Decimal
from itertools import count
from typing import NamedTuple
from uuid import UUID

from cbpner.base.errors import Fault, FaultyFile, UnexpectedValue
from cbpner.formats.columns import read_columns
from cbpner.formats.document import Choices, Document, find_problem
from cbpner.formats.fields import make_document, take_text
from cbpner.formats.rows import describe_value, list_names, read_rows
from cbpner.prediction.remote import copy_remote

PARQUET_ROWS = 16  # read at once
LONGEST_FIELD = 1 << 30  # characters of a CSV field
MARKS = {  # bytes with which text in another encoding begins; FF FE may begin either, so that the longer ones are first
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
ESCAPED = re.compile("[\udc80-\udcff]")  # bytes that are not UTF-8, as `surrogateescape` reads them


class Bad(NamedTuple):
    """A document, or a whole file, that cannot be tagged. source: the file, and the line or row where there is one."""

    source: str
    reason: str


class Fields(NamedTuple):
    """Where rows have what. id: None takes the field `id` where there is one. split_at: see `Choices.split_at`."""

    text: str = "text"
    id: str | None = None
    split_at: str | None = None


def read_sources(sources, fields=Fields()) -> Iterator[Document | Bad]:  # noqa: B008 (an immutable tuple)
    """The documents of files, one after another, and a Bad in the place of each that cannot be read."""
    for source in sources:
        try:
            with copy_remote(source.uri) if source.uri else nullcontext(source.path) as path:
                read = READERS[source.kind] if source.kind == "parquet" or not find_mark(path) else refuse_marked
                for item in read(source._replace(path=path), fields):
                    problem = isinstance(item, Document) and find_problem(item)
                    yield Bad(f"{source.name} ({item.id!r})", f"found {problem}") if problem else item
        except OSError as error:
            yield Bad(source.name, f"cannot be read ({error.strerror or error})")


def find_mark(path):
    """The encoding, but for UTF-8, that a file's byte order mark names, or None."""
    with open(path, "rb") as file:
        opening = file.read(4)
    return next((name for mark, name in MARKS.items() if opening.startswith(mark)), None)


def refuse_marked(source, fields):
    name = find_mark(source.path)
    yield Bad(
        source.name,
        f"found {name.upper()}, by its byte order mark; expected UTF-8 (`iconv -f {name} -t utf-8` makes it)",
    )


def read_text(source, fields):
    """The file as it is, byte order mark and line ends included."""
    try:
        yield Document(source.id, source.path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError as error:
        yield Bad(source.name, describe_bytes(error.object, error.start))


def describe_bytes(data, start):
    return (
        f"found bytes that are not UTF-8 at byte {start + 1} ({data[start : start + 4]!r}); expected UTF-8 "
        "(`iconv -f gb18030 -t utf-8` makes it of the usual Chinese encodings)"
    )


def read_json(source, fields):
    """A document a line; fields that it does not take are its metadata, `spans` alone goes."""
    for found in read_rows(source.path, "json", name=source.name):
        if isinstance(found, Fault):
            yield from take_faults([found], source)
            continue
        row, name = found.values, f"{source.name}:{found.number}"
        try:
            field, text = take_text(row, [fields.text])
            id = take_id(row, fields.id, f"{source.id}-{found.number}")
            extras = {key: value for key, value in row.items() if key not in (field, fields.id or "id", "spans")}
            yield make_document(id, text, [], extras)
        except UnexpectedValue as error:
            yield Bad(name, "found {}; expected {}".format(*error.args))


def take_faults(faults, source):
    """A Bad for each fault."""
    for fault in faults:
        place = f"{source.name}:{fault.line}" if fault.line else source.name
        yield Bad(place, f"found {fault.found}; expected {fault.expected}")


def take_id(row, name, default):
    """A row's id as text. UnexpectedValue where the field that was asked for is not there."""
    value = row.get(name or "id")
    if name is None and value in (None, ""):
        return default
    if name is not None and name not in row:
        raise UnexpectedValue(f"the fields {list_names(row)}", f"a field {name!r} with the id (--id-field)")
    id = tell_id(value)
    if id is None:
        raise UnexpectedValue(f"{describe_value(value)} as an id", "text, a whole number or a date")
    return id


def tell_id(value):
    """The value of a row's field as the text of an id, or None; a date is told as ISO 8601 has it."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return str(int(value))
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value) if isinstance(value, int | str | UUID) and not isinstance(value, bool) else None


def read_table(source, fields, delimiter=","):
    """A document a row of a file whose first row names the fields; only text and id are taken."""
    limit = csv.field_size_limit(LONGEST_FIELD)
    try:
        with open(source.path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            rows = csv.DictReader(file, delimiter=delimiter, strict=True)
            try:
                names = rows.fieldnames or []
            except csv.Error as error:
                yield Bad(source.name, f"found a broken first row ({error}); expected the names of the fields")
                return
            if has_columns(names, fields):
                yield from read_table_rows(rows, source, fields)
            else:
                yield Bad(source.name, describe_columns(names, fields))
    finally:
        csv.field_size_limit(limit)


def has_columns(names, fields):
    return fields.text in names and (fields.id is None or fields.id in names)


def describe_columns(names, fields):
    id = f" and {fields.id!r} with the id (--id-field)" if fields.id else ""
    return f"found the fields {list_names(names)}; expected {fields.text!r} with the text (--text-field){id}"


def read_table_rows(rows, source, fields):
    """The rows are counted from 1, behind the one with the names.

    Behind a broken row reading goes on with the next line, which may be the rest of it.
    """
    for number in count(1):
        name = f"{source.name}:{number}"
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield Bad(
                name, f"found a broken row ({error}); expected values with their quotes closed, and doubled within"
            )
            continue
        if row is None:
            return
        if any(row.pop(None, ())):  # beyond the fields with names
            yield Bad(name, "found more values than fields; expected quotes around a value with separators in it")
            continue
        yield read_row(row, name, f"{source.id}-{number}", fields)


def read_row(row, name, default, fields):
    """The document of a row of CSV or Parquet, {field: value}, or a Bad."""
    text = row.get(fields.text)
    if not isinstance(text, str):
        found = "no text" if text is None else f"{type(text).__name__} where the text should be"
        return Bad(name, f"found {found} in the field {fields.text!r}; expected text")
    if match := ESCAPED.search(text):
        before = text[: match.start()].encode("utf-8")
        return Bad(name, describe_bytes(text.encode("utf-8", "surrogateescape"), len(before)))
    try:
        return Document(take_id(row, fields.id, default), text)
    except UnexpectedValue as error:
        return Bad(name, "found {}; expected {}".format(*error.args))


def read_parquet(source, fields):
    """A document a row, of which some are in memory at a time; where a file is damaged the rows before that stay."""
    import pyarrow
    from pyarrow import parquet

    number = 0
    try:
        with parquet.ParquetFile(source.path, pre_buffer=False, buffer_size=1 << 20) as file:
            names = file.schema_arrow.names
            if not has_columns(names, fields):
                yield Bad(source.name, describe_columns(names, fields))
                return
            columns = [name for name in dict.fromkeys((fields.text, fields.id or "id")) if name in names]
            for batch in file.iter_batches(PARQUET_ROWS, columns=columns, use_threads=False):
                for place in range(batch.num_rows):
                    number += 1
                    name = f"{source.name}:{number}"
                    try:
                        row = {column: batch.column(column)[place].as_py() for column in columns}
                    except (ValueError, OverflowError, LookupError) as error:  # a date beyond Python's, an unknown zone
                        yield Bad(name, f"found a value that cannot be read ({error}); expected text")
                    else:
                        yield read_row(row, name, f"{source.id}-{number}", fields)
    except (pyarrow.ArrowException, OSError, ValueError, LookupError) as error:
        fault = str(error).partition("\n")[0]
        yield Bad(f"{source.name}:{number + 1}" if number else source.name, f"cannot be read on ({fault})")


def read_column_file(source, fields):
    """The text of a column file; its tags do not matter. A file with faults has no text, and a Bad for each fault."""
    try:
        yield from read_columns(source.path, source.id, Choices(orphans="repair", split_at=fields.split_at))
    except FaultyFile as error:
        yield from take_faults(error.faults, source)


READERS = {
    "txt": read_text,
    "jsonl": read_json,
    "csv": read_table,
    "tsv": lambda source, fields: read_table(source, fields, "\t"),
    "parquet": read_parquet,
    "bio": read_column_file,
}
