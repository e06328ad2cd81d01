"""Documents to tag, from files as users have them: text, rows, column files.

Whatever cannot be read is a `Rejected` in its place, and reading continues behind it.
"""

import codecs
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

from cbpner.base.errors import Fault, FaultyFile, UnexpectedValue
from cbpner.formats.columns import read_column_documents
from cbpner.formats.document import Choices, Document, find_problem
from cbpner.formats.fields import make_document, take_id, take_text
from cbpner.formats.rows import UTF8, Row, read_rows
from cbpner.prediction.remote import copy_remote
from cbpner.prediction.sources import Source
from cbpner.text.characters import describe_bytes

MARKS = {  # bytes with which text in another encoding begins; FF FE may begin either, so that the longer ones are first
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip


class Rejected(NamedTuple):
    """A document, or a file, that cannot be tagged. source: the file, and the line or row where there is one."""

    source: str
    reason: str


class Fields(NamedTuple):
    """Where rows have what. id: None takes the field `id` where there is one. split_at: see `Choices.split_at`."""

    text: str = "text"
    id: str | None = None
    split_at: str | None = None


Item = Document | Rejected


def read_sources(sources: Iterable[Source], fields: Fields = Fields()) -> Iterator[Item]:  # noqa: B008 (immutable)
    """The documents of files, one after another, and a Rejected in the place of each that cannot be read."""
    for source in sources:
        try:
            with copy_remote(source.uri) if source.uri else nullcontext(source.path or "") as path:
                for item in _read_source(source, Path(path), fields):
                    if isinstance(item, Document) and (problem := find_problem(item)):
                        item = Rejected(f"{source.name} ({item.id!r})", f"found {problem}")
                    yield item
        except OSError as error:
            yield Rejected(source.name, f"cannot be read ({error.strerror or error})")


def _read_source(source: Source, path: Path, fields: Fields) -> Iterator[Item]:
    with open(path, "rb") as file:
        opening = file.read(4)
    encoding = next((name for mark, name in MARKS.items() if opening.startswith(mark)), None)
    if encoding and source.kind != "parquet":
        expected = f"UTF-8 (`iconv -f {encoding} -t utf-8` makes it)"
        yield _reject(Fault(source.name, 0, f"{encoding.upper()}, by its byte order mark", expected))
    elif source.kind == "txt":  # as it is, byte order mark and line ends included
        try:
            yield Document(source.id, path.read_bytes().decode("utf-8"))
        except UnicodeDecodeError as error:
            yield _reject(Fault(source.name, 0, describe_bytes(error.object, error.start), UTF8))
    elif source.kind == "bio":  # the text alone
        try:
            yield from read_column_documents(path, source.id, Choices(orphans="repair", split_at=fields.split_at))
        except FaultyFile as error:
            yield from (_reject(fault._replace(path=source.name)) for fault in error.faults)
    else:
        is_table = source.kind != "jsonl"
        needed = [fields.text, *([fields.id] if fields.id else [])]
        for row in read_rows(
            path, source.kind, name=source.name, required=needed if is_table else (),
            columns=dict.fromkeys((fields.text, fields.id or "id")) if is_table else None,
        ):  # fmt: skip
            yield _reject(row) if isinstance(row, Fault) else _read_row(row, source, fields, is_table)


def _read_row(row: Row, source: Source, fields: Fields, is_table: bool) -> Item:
    """The document of a row. Fields of JSON lines that it does not take are metadata, but for `spans`."""
    try:
        field, text = take_text(row.values, [fields.text])
        default = f"{source.id}-{row.number}"
        id = take_id(row.values, default, fields.id) or default
        if is_table:
            return Document(id, text)
        taken = (field, fields.id or "id", "spans")
        return make_document(id, text, [], {name: value for name, value in row.values.items() if name not in taken})
    except UnexpectedValue as error:
        return Rejected(f"{source.name}:{row.number}", f"found {error.found}; expected {error.expected}")


def _reject(fault: Fault) -> Rejected:
    flags = " (--text-field, --id-field)" if fault.expected.startswith("a field ") else ""
    return Rejected(f"{fault.path}:{fault.line}" if fault.line else fault.path, fault.reason + flags)
