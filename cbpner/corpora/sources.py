"""Patents from sources as users have them: saved pages, plain text, JSON lines, CSV, Parquet; files or folders."""

import gzip
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from cbpner.base.errors import Fault, InputError, UnexpectedValue
from cbpner.base.files import decode_name
from cbpner.corpora.document import PatentDocument
from cbpner.corpora.html import parse_page
from cbpner.corpora.plain import decode_text, parse_plain_text
from cbpner.corpora.records import read_export
from cbpner.formats.registry import list_entries

MAX_BYTES = 64 << 20  # of a page or a text file, unpacked
CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
HEAD = 4096  # bytes of a page in which its encoding is declared
PAGES = (".html", ".htm")
ROWS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")
EXPECTED = (
    "saved Google Patents pages (.html, .htm), plain text, a patent a file (.txt), JSON (.jsonl, .ndjson, .json) and "
    "tables (.csv, .tsv), each also with .gz, and Parquet (.parquet)"
)


def read_patents(
    paths: Sequence[str | Path] | str | Path, fields: Mapping[str, str] | None = None
) -> Iterator[PatentDocument | Fault]:
    """Yield the patents of files and folders, and a Fault for each thing that cannot be read; fields: see `records`.

    Paths are read in their order, a folder with all folders in it in the order of the sorted names. Hidden files, and
    the `NAME_files` that a browser puts beside `NAME.html`, are left out. Memory does not grow with the files.

    Raises:
        InputError: A path does not exist, a folder has no file of a known format, a file of rows lacks the fields that
            it needs, or (at the end) there was no patent in all that was read.
    """
    paths = [paths] if isinstance(paths, str | Path) else paths
    listed = [list_source_files(Path(path)) for path in paths]
    patents, faults = 0, []
    for files, others in listed:
        for found in chain(others, *(_read_file(path, fields or {}) for path in files)):
            if not isinstance(found, Fault):
                patents += 1
            elif len(faults) < 3:
                faults.append(found)
            yield found
    if not patents:
        count, examples = sum(len(files) for files, _ in listed), "".join(f"\n{fault}" for fault in faults)
        raise InputError(f"no patent in {count} file(s); expected {EXPECTED}{examples}")


def list_source_files(path: Path) -> tuple[list[Path], list[Fault]]:
    """List the files of known formats of a path, sorted, and a Fault for each other file."""
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; expected {EXPECTED}")
    files, faults = [], []
    entries = list_entries(path) if path.is_dir() else [(path, "")]
    parts_of_pages = {file.with_name(f"{file.stem}_files") for file, _ in entries if file.name.lower().endswith(PAGES)}
    for file, problem in entries:
        _, suffix, is_packed = _split_name(file)
        if parts_of_pages.intersection(file.parents):
            continue
        if problem:
            faults.append(Fault(str(file), 0, problem, "a file or folder that can be read"))
        elif suffix in (*PAGES, ".txt", *ROWS) or (suffix == ".parquet" and not is_packed):
            files.append(file)
        else:
            faults.append(Fault(str(file), 0, f"an unknown format ({file.suffix or 'no suffix'})", EXPECTED))
    if path.is_dir() and not files:
        raise InputError(f"{path}: no file of a known format among {len(faults)}; expected {EXPECTED}")
    return files, faults


def _split_name(path: Path) -> tuple[str, str, bool]:
    """(name without suffixes, suffix in lower case, whether it is packed) of a file."""
    is_packed = path.name.lower().endswith(".gz")
    name = Path(path.name[:-3] if is_packed else path.name)
    return name.stem, name.suffix.lower(), is_packed


def _read_file(path: Path, fields: Mapping[str, str]) -> Iterator[PatentDocument | Fault]:
    stem, suffix, is_packed = _split_name(path)
    stem, name = decode_name(stem), decode_name(str(path))
    try:
        if suffix in (*ROWS, ".parquet"):
            yield from read_export(path, fields)
            return
        with gzip.open(path, "rb") if is_packed else open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
        if not data.strip() or len(data) > MAX_BYTES:
            found = f"over {MAX_BYTES >> 20} MiB" if data.strip() else "an empty file"
            raise UnexpectedValue(found, "a patent a file")
        if suffix == ".txt":
            yield parse_plain_text(decode_text(data), stem, name)
        else:
            declared = CHARSET.search(data, 0, HEAD)
            encoding = declared[1].decode("ascii", "replace") if declared else None
            yield parse_page(decode_text(data, encoding), stem, name)
    except UnexpectedValue as error:
        yield Fault(name, 0, error.found, error.expected)
    except (EOFError, OSError, zlib.error) as error:
        yield Fault(name, 0, f"a file that cannot be read ({error})", "a whole file: get it again")
