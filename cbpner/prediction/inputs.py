"""Documents to tag, from files as users have them: text, rows, column files.

Whatever cannot be read is a `Rejected` in its place, and reading continues behind it.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import NamedTuple

from cbpner.base.errors import Fault, FaultyFile, UnexpectedValue
from cbpner.base.progress import paused
from cbpner.formats.columns import read_column_documents
from cbpner.formats.document import Choices, Document, find_problem
from cbpner.formats.fields import DATE_FIELDS, make_document, take_id, take_text
from cbpner.formats.rows import Row, read_rows
from cbpner.prediction.remote import copy_remote
from cbpner.prediction.sources import Source
from cbpner.text.bio import decode_file


class Rejected(NamedTuple):
    """A document, or a file, that cannot be tagged. source: the file, and the line or row where there is one."""

    source: str
    reason: str


class MadeId(str):
    """An id made of a file's name, where nothing in the file gives one."""


class Fields(NamedTuple):
    """Where rows have what. id: None takes the field `id` where there is one. split_at: see `Choices.split_at`."""

    text: str = "text"
    id: str | None = None
    split_at: str | None = None


Item = Document | Rejected
COUNTED = 1 << 28  # bytes of files that are read once before, for the share that is done


def read_sources(sources: Iterable[Source], fields: Fields = Fields()) -> Iterator[Item]:  # noqa: B008 (immutable)
    """The documents of files, one after another, and a Rejected in the place of each that cannot be read.

    An id made of a file's name that was there before (`a-1` of a.jsonl, and of a-1.txt) gets a number behind it. Ids
    that rows give stay as they are; how many were there before is printed at the end.
    """
    seen: set[int] = set()  # hashes of ids
    repeated, first = 0, ""
    for source in sources:
        for item in _read_items(source, fields):
            if isinstance(item, Document):
                if hash(item.id) in seen:
                    if isinstance(item.id, MadeId):
                        id = next(id for number in count(2) if hash(id := f"{item.id}-{number}") not in seen)
                        item = replace(item, id=MadeId(id))
                    else:
                        repeated, first = repeated + 1, first or f"{source.name} ({item.id!r})"
                seen.add(hash(item.id))
            yield item
    if repeated:
        with paused():
            print(f"{first}: the first of {repeated:,} document(s) with an id that was there before", file=sys.stderr)


def count_characters(sources: Sequence[Source], fields: Fields) -> int | None:
    """Of all documents; None where files would have to be fetched, can be read but once, or have more than COUNTED."""
    paths = [source.path for source in sources if source.path and source.path.is_file()]
    if len(paths) < len(sources) or sum(path.stat().st_size for path in paths) > COUNTED:
        return None
    items = (item for source in sources for item in _read_items(source, fields))
    return sum(len(item.text) for item in items if isinstance(item, Document))


def _read_items(source: Source, fields: Fields) -> Iterator[Item]:
    if source.problem:
        yield _reject(Fault(source.name, 0, source.problem, "a file of text (.txt, .jsonl, .csv, ...), or none"))
        return
    try:
        with copy_remote(source.uri) if source.uri else nullcontext(source.path or "") as path:
            for item in _parse_file(source, Path(path), fields):
                if isinstance(item, Document) and (problem := find_problem(item)):
                    item = Rejected(f"{source.name} ({item.id!r})", f"found {problem}")
                yield item
    except OSError as error:
        yield Rejected(source.name, f"cannot be read ({error.strerror or error})")


def _parse_file(source: Source, path: Path, fields: Fields) -> Iterator[Item]:
    if source.kind in ("txt", "bio"):
        try:
            if source.kind == "txt":  # as it is, byte order mark and line ends included
                yield Document(MadeId(source.id), decode_file(path))
            else:  # the text alone
                found = read_column_documents(path, source.id, Choices(split_at=fields.split_at), "text")
                yield from (replace(document, id=MadeId(document.id)) for document in found)
        except FaultyFile as error:
            yield from (_reject(fault._replace(path=source.name)) for fault in error.faults)
    else:
        is_table = source.kind != "jsonl"
        needed = [fields.text, *([fields.id] if fields.id else [])]
        for row in read_rows(
            path, source.kind, name=source.name, required=needed if is_table else (),
            columns=dict.fromkeys((fields.text, fields.id or "id", *DATE_FIELDS)) if is_table else None,
        ):  # fmt: skip
            yield _reject(row) if isinstance(row, Fault) else _read_row(row, source, fields, is_table)


def _read_row(row: Row, source: Source, fields: Fields, is_table: bool) -> Item:
    """The document of a row. What else it has is metadata: of JSON lines all but `spans`, of tables the date."""
    try:
        field, text = take_text(row.values, [fields.text])
        id = take_id(row.values, MadeId(f"{source.id}-{row.number}"), fields.id)
        if is_table:
            dates = {name: str(row.values.get(name) or "") for name in DATE_FIELDS}
            return make_document(id, text, [], {name: day for name, day in dates.items() if day not in ("", "nan")})
        taken = (field, fields.id or "id", "spans")
        return make_document(id, text, [], {name: value for name, value in row.values.items() if name not in taken})
    except UnexpectedValue as error:
        return _reject(row.blame(error))


def _reject(fault: Fault) -> Rejected:
    is_about_names = fault.expected.startswith("a field ") and "--text-field" not in fault.expected
    flags = " (--text-field, --id-field)" if is_about_names else ""
    return Rejected(f"{fault.path}:{fault.line}" if fault.line else fault.path, fault.reason + flags)
