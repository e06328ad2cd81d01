"""Reading patents from sources as users have them: saved pages, plain text, JSON lines, Parquet; files or folders."""

import gzip
import os
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cbpner.base.errors import InputError
from cbpner.corpora.document import PatentDocument, UnreadableError
from cbpner.corpora.html import read_page
from cbpner.corpora.plain import decode, read_plain
from cbpner.corpora.records import Fields, read_json_lines, read_parquet

MAX_BYTES = 64 << 20  # of a page or a text file, unpacked
CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
HEAD = 4096  # bytes of a page in which its encoding is declared
EXPECTED = (
    "saved Google Patents pages (.html, .htm), plain text, a patent a file (.txt), JSON lines (.jsonl, .ndjson, "
    ".json), each also with .gz behind, and Parquet (.parquet)"
)
USUAL_FIELDS = Fields()


@dataclass(frozen=True)
class BadInput:
    """Something that was skipped. source: file, and line or row where there is one. reason: found, and expected."""

    source: str
    reason: str


def read_documents(
    paths, fields: Fields = USUAL_FIELDS, bad: Callable | list | None = None
) -> Iterator[PatentDocument]:
    """The patents in files and folders, one after another, in the order of the paths and of the sorted names below.

    Folders are read with all folders in them; hidden files, and the `NAME_files` that a browser puts beside
    `NAME.html`, are left out. fields: the names of JSON's and Parquet's fields. bad: a list, or a callable, that is
    given a BadInput for each thing that cannot be read. Memory does not grow with the files. InputError: a path that
    does not exist, a folder without a file of a known format, a file of rows that lacks the fields it needs, or (at
    the end) not one patent in all that was read.
    """
    report = bad if callable(bad) else bad.append if bad is not None else lambda fault: None
    paths = [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    return read_files([list_files(path) for path in paths], fields, report)


def read_files(found, fields, report):
    """found: of each path (its files, what else it holds)."""
    documents, faults = 0, []

    def note(fault):
        if len(faults) < 3:
            faults.append(fault)
        report(fault)

    for files, others in found:
        for fault in others:
            note(fault)
        for path in files:
            for document in read_file(path, fields, note):
                documents += 1
                yield document
    if not documents:
        examples = "".join(f"\n{fault.source}: {fault.reason}" for fault in faults)
        raise InputError(f"no patent in {sum(len(files) for files, _ in found)} file(s); expected {EXPECTED}{examples}")


def list_files(path):
    """(files of known formats, a BadInput for each other suffix) of a path, sorted."""
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; expected {EXPECTED}")
    files, others, examples = [], Counter(), {}
    for file in sorted(walk(path), key=lambda file: file.parts) if path.is_dir() else [path]:
        if find_format(file):
            files.append(file)
        else:
            others[file.suffix.lower()] += 1
            examples.setdefault(file.suffix.lower(), file)
    if path.is_dir() and not files:
        raise InputError(f"{path}: no file of a known format among {others.total()}; expected {EXPECTED}")
    return files, [BadInput(str(examples[suffix]), describe_others(suffix, others[suffix])) for suffix in examples]


def describe_others(suffix, count):
    these = "" if count == 1 else f", as have {count - 1:,} other file(s)"
    return f"unknown format ({suffix or 'no suffix'}{these}); expected {EXPECTED}"


def walk(folder):
    """The files below a folder, without hidden ones and without what belongs to a saved page."""

    def fail(error):
        raise error

    for place, folders, names in os.walk(folder, onerror=fail):
        pages = {name.rpartition(".")[0] for name in names if name.lower().endswith((".html", ".htm"))}
        parts_of_pages = {f"{page}_files" for page in pages}
        folders[:] = [name for name in folders if not name.startswith(".") and name not in parts_of_pages]
        yield from (Path(place, name) for name in names if not name.startswith("."))


def split_name(path):
    """(name without suffixes, suffix in lower case, is it packed?) of a file."""
    name = path.name
    is_packed = name.lower().endswith(".gz")
    stem, dot, suffix = (name[:-3] if is_packed else name).rpartition(".")
    return (stem, f".{suffix.lower()}", is_packed) if dot else (name, "", is_packed)


def find_format(path):
    """The function that reads a file of this name, or None."""
    _, suffix, is_packed = split_name(path)
    return None if is_packed and suffix == ".parquet" else FORMATS.get(suffix)


def read_file(path, fields, report):
    """The patents of one file, each fault in it reported."""

    def note(place, reason):
        report(BadInput(f"{path}:{place}" if place else str(path), reason))

    read = find_format(path)
    if read is None:
        return
    try:
        yield from read(path, fields, note)
    except UnreadableError as error:
        note(None, str(error))
    except (EOFError, OSError, zlib.error) as error:
        note(None, f"cannot be read ({error})")


def open_file(path):
    return gzip.open(path, "rb") if split_name(path)[2] else open(path, "rb")


def read_bytes(path):
    """All bytes of a file; UnreadableError where there are none, or too many for one patent."""
    with open_file(path) as file:
        data = file.read(MAX_BYTES + 1)
    if not data.strip():
        raise UnreadableError("empty")
    if len(data) > MAX_BYTES:
        raise UnreadableError(f"over {MAX_BYTES >> 20} MiB; expected a patent a file")
    return data


def read_page_file(path, fields, note):
    data = read_bytes(path)
    declared = CHARSET.search(data, 0, HEAD)
    yield read_page(decode(data, declared and declared[1].decode("ascii", "replace")), split_name(path)[0], str(path))


def read_plain_file(path, fields, note):
    yield read_plain(decode(read_bytes(path)), split_name(path)[0], str(path))


def read_json_file(path, fields, note):
    with open_file(path) as file:
        yield from read_json_lines(file, str(path), fields, note)


def read_parquet_file(path, fields, note):
    yield from read_parquet(path, str(path), fields, note)


FORMATS = {
    ".html": read_page_file,
    ".htm": read_page_file,
    ".txt": read_plain_file,
    ".jsonl": read_json_file,
    ".ndjson": read_json_file,
    ".json": read_json_file,
    ".parquet": read_parquet_file,
}
