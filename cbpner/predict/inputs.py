"""Documents to tag, from files as users have them: text, rows, column files; files, folders, URIs, standard input.

Whatever cannot be read is handed on as a `Bad`, in its place, and the rest goes on.
"""

import csv
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from itertools import count
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import NamedTuple
from urllib.parse import unquote

from cbpner.errors import InputError
from cbpner.formats.columns import read_columns
from cbpner.formats.document import Choices, Document, FormatError, find_problem
from cbpner.formats.registry import list_suffixes
from cbpner.formats.rows import BadRow, describe_value, list_names, make_document, read_rows, take_text
from cbpner.predict.remote import copy_remote, is_uri, list_remote

STDIN = "-"
KINDS = {  # what a file may be: the suffixes that say so
    "txt": (".txt",),
    "jsonl": (".jsonl", ".ndjson", ".json"),
    "csv": (".csv",),
    "tsv": (".tsv",),
    "parquet": (".parquet",),
    "bio": (".bio",),
}
EXPECTED = ", ".join(suffix for suffixes in KINDS.values() for suffix in suffixes)
PARQUET_ROWS = 16  # read at once
LONGEST_FIELD = 1 << 30  # characters of a CSV field
ESCAPED = re.compile("[\udc80-\udcff]")  # bytes that are not UTF-8, as `surrogateescape` reads them


class Source(NamedTuple):
    """A file to read. name: what messages call it. id: of its document, or the beginning of its documents' ids.

    uri, version: of a file elsewhere (see `cbpner.predict.remote`), whose path is that of its copy once there is one.
    """

    path: Path | None
    name: str
    id: str
    kind: str
    uri: str | None = None
    version: str | None = None


class Bad(NamedTuple):
    """A document, or a whole file, that cannot be tagged. source: the file, and the line or row where there is one."""

    source: str
    reason: str


class Fields(NamedTuple):
    """Where rows have what. id: None takes the field `id` where there is one. split_at: see `Choices.split_at`."""

    text: str = "text"
    id: str | None = None
    split_at: str | None = None


@contextmanager
def open_sources(paths, kind=None):
    """Yield the sources of files, folders, URIs and `-`; InputError for what is not there or of no known kind.

    kind: of KINDS, for files whose names do not say it. Standard input is copied into a file that goes with the block.
    """
    paths = list(map(str, paths))
    if paths.count(STDIN) > 1:
        raise InputError(f"found {STDIN} twice; expected it once: standard input can be read once")
    with ExitStack() as stack:
        sources = []
        for path in paths:
            if path == STDIN:
                file = stack.enter_context(NamedTemporaryFile(prefix="stdin."))
                shutil.copyfileobj(sys.stdin.buffer, file)
                file.flush()
                sources.append(Source(Path(file.name), STDIN, "stdin", kind or "txt"))
            elif is_uri(path):
                sources += list_remote_sources(path, kind)
            else:
                sources += list_sources(Path(path), kind)
        yield sources


def list_sources(path, kind) -> list[Source]:
    """The sources of a file, or of all files of known kinds in a folder and the folders in it, sorted by name."""
    if path.is_dir():
        suffixes = choose_suffixes(kind)
        files = list_suffixes(suffixes, path)
        if not files:
            raise describe_empty(path, suffixes)
        return [make_source(file, file.relative_to(path), kind or guess_kind(file)) for file in files]
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; expected text to tag")
    return [make_source(path, Path(path.name), kind or require_kind(path))]


def choose_suffixes(kind):
    return tuple(suffix for own in KINDS.values() for suffix in own) if kind is None else KINDS[kind]


def describe_empty(place, suffixes):
    return InputError(f"{place}: found no file that ends in {' or '.join(suffixes)}; expected one or more")


def require_kind(path):
    """The kind that a file's name says; InputError where it says none."""
    if kind := guess_kind(path):
        return kind
    raise InputError(f"{path}: found another ending than {EXPECTED}; expected --from {', '.join(KINDS)} with it")


def list_remote_sources(uri, kind) -> list[Source]:
    """As `list_sources`, for a URI."""
    found = [(PurePosixPath(name), file, version) for file, name, version in list_remote(uri)]
    if [file for _, file, _ in found] == [uri]:
        path, _, version = found[0]
        return [make_remote_source(uri, path, kind or require_kind(path), version)]
    suffixes = choose_suffixes(kind)
    found = [each for each in found if each[0].name.lower().endswith(suffixes)]
    if not found:
        raise describe_empty(uri, suffixes)
    return [make_remote_source(file, path, kind or guess_kind(path), version) for path, file, version in found]


def make_remote_source(uri, path, kind, version):
    return make_source(None, path, kind)._replace(name=uri, uri=uri, version=version)


def guess_kind(path):
    name = path.name.lower()
    return next((kind for kind, suffixes in KINDS.items() if name.endswith(suffixes)), None)


def make_source(path, name, kind):
    """name: the file's path from where ids begin; the id is that without its suffix, `%2F` and its like read back."""
    id = name.with_suffix("").as_posix()
    return Source(path, decode_name(str(path)), unquote(decode_name(id)), kind)


def decode_name(name):
    """A file's name as text that UTF-8 can hold."""
    return os.fsencode(name).decode("utf-8", "replace")


def read_sources(sources, fields=Fields()) -> Iterator[Document | Bad]:  # noqa: B008 (an immutable tuple)
    """The documents of files, one after another, and a Bad in the place of each that cannot be read."""
    for source in sources:
        try:
            with copy_remote(source.uri) if source.uri else nullcontext(source.path) as path:
                for item in READERS[source.kind](source._replace(path=path), fields):
                    problem = isinstance(item, Document) and find_problem(item)
                    yield Bad(f"{source.name} ({item.id!r})", f"found {problem}") if problem else item
        except OSError as error:
            yield Bad(source.name, f"cannot be read ({error.strerror or error})")


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
    faults = []
    for place, row in read_rows(source.path, faults):
        yield from take_faults(faults, source)
        name = f"{source.name}:{place.number}"
        try:
            field, text = take_text(row, [fields.text])
            id = take_id(row, fields.id, f"{source.id}-{place.number}")
            extras = {key: value for key, value in row.items() if key not in (field, fields.id or "id", "spans")}
            yield make_document(id, text, [], extras)
        except BadRow as error:
            yield Bad(name, "found {}; expected {}".format(*error.args))
    yield from take_faults(faults, source)


def take_faults(faults, source):
    """A Bad for each fault that has come up; the list is empty behind it."""
    for fault in faults:
        place = f"{source.name}:{fault.line}" if fault.line else source.name
        yield Bad(place, f"found {fault.found}; expected {fault.expected}")
    faults.clear()


def take_id(row, name, default):
    """A row's id as text. BadRow where the field that was asked for is not there."""
    value = row.get(name or "id")
    if name is None and value in (None, ""):
        return default
    if name is not None and name not in row:
        raise BadRow(f"the fields {list_names(row)}", f"a field {name!r} with the id (--id-field)")
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise BadRow(f"{describe_value(value)} as an id", "text or a whole number")
    return str(value)


def read_table(source, fields, delimiter=","):
    """A document a row of a file whose first row names the fields; only text and id are taken."""
    limit = csv.field_size_limit(LONGEST_FIELD)
    try:
        with open(source.path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            rows = csv.DictReader(file, delimiter=delimiter)
            names = read_header(rows)
            if has_columns(names, fields):
                yield from read_table_rows(rows, source, fields)
            else:
                yield Bad(source.name, describe_columns(names, fields))
    finally:
        csv.field_size_limit(limit)


def read_header(rows):
    try:
        return rows.fieldnames or []
    except csv.Error:
        return []


def has_columns(names, fields):
    return fields.text in names and (fields.id is None or fields.id in names)


def describe_columns(names, fields):
    id = f" and {fields.id!r} with the id (--id-field)" if fields.id else ""
    return f"found the fields {list_names(names)}; expected {fields.text!r} with the text (--text-field){id}"


def read_table_rows(rows, source, fields):
    """The rows are counted from 1, behind the one with the names."""
    for number in count(1):
        name = f"{source.name}:{number}"
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield Bad(name, f"found a broken row ({error}); expected comma-separated values")
            continue
        if row is None:
            return
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
    except BadRow as error:
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
                    row = {name: batch.column(name)[place].as_py() for name in columns}
                    yield read_row(row, f"{source.name}:{number}", f"{source.id}-{number}", fields)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        fault = str(error).partition("\n")[0]
        yield Bad(f"{source.name}:{number + 1}" if number else source.name, f"cannot be read on ({fault})")


def read_column_file(source, fields):
    """The text of a column file; its tags do not matter. A file with faults has no text, and a Bad for each fault."""
    try:
        yield from read_columns(source.path, source.id, Choices(orphans="repair", split_at=fields.split_at))
    except FormatError as error:
        yield from take_faults(error.faults, source)


READERS = {
    "txt": read_text,
    "jsonl": read_json,
    "csv": read_table,
    "tsv": lambda source, fields: read_table(source, fields, "\t"),
    "parquet": read_parquet,
    "bio": read_column_file,
}
