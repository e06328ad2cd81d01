"""What to read: files of known kinds, of files, folders, URIs and standard input, each with the id of its documents."""

import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePath, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import NamedTuple
from urllib.parse import unquote

from cbpner.base.errors import InputError
from cbpner.base.files import file_checksum
from cbpner.formats.registry import list_suffixes
from cbpner.prediction.remote import is_uri, list_remote

STDIN = "-"
KINDS = {  # what a file may be: the suffixes that say so
    "txt": (".txt",), "jsonl": (".jsonl", ".ndjson", ".json"), "csv": (".csv",), "tsv": (".tsv",),
    "parquet": (".parquet",), "bio": (".bio",),
}  # fmt: skip


class Source(NamedTuple):
    """A file to read. name: what messages call it. id: of its document, or the beginning of its documents' ids.

    uri, version: of a remote file (`cbpner.prediction.remote`), which has no path.
    """

    path: Path | None
    name: str
    id: str
    kind: str
    uri: str | None = None
    version: str | None = None

    def checksum(self) -> str | None:
        """The checksum of the bytes, of a remote file its version; None where it cannot be read."""
        try:
            return self.version or file_checksum(self.path or "")
        except InputError:
            return None

    def split_path(self) -> tuple[str, ...]:
        """The parts of the absolute path, or of the URI, whose query is the first of them."""
        if self.name == STDIN:
            return (STDIN,)
        whole = self.uri or _decode_name(os.path.abspath(self.path or ""))
        path, _, query = whole.partition("?" if self.uri else "\0")
        return (query, *path.split("/"))


@contextmanager
def open_sources(paths: Iterable[str | Path], kind: str | None = None) -> Iterator[list[Source]]:
    """Yield the sources of files, folders, URIs and `-`; InputError for what is not there or of no known kind.

    Standard input is copied into a file that is deleted after the block. Ids are unique, see `_make_ids_unique`.

    Args:
        kind: of KINDS, for files whose names do not say it.
    """
    names = list(map(str, paths))
    if names.count(STDIN) > 1:
        raise InputError(f"found {STDIN} twice; expected it once: standard input can be read once")
    with ExitStack() as stack:
        sources: list[Source] = []
        for path in names:
            if path == STDIN:
                file = stack.enter_context(NamedTemporaryFile(prefix="stdin."))
                shutil.copyfileobj(sys.stdin.buffer, file)
                file.flush()
                sources.append(Source(Path(file.name), STDIN, "stdin", kind or "txt"))
            else:
                sources += list_sources(path, kind)
        yield _make_ids_unique(sources)


def list_sources(path: str | Path, kind: str | None) -> list[Source]:
    """The sources of a file, or of all files of known kinds in a folder and the folders in it, sorted by name.

    Args:
        path: may be a URI.
    """
    suffixes = tuple(suffix for own in KINDS.values() for suffix in own) if kind is None else KINDS[kind]
    found: list[tuple[Path | str, PurePath, str | None]]  # (path or URI, path from where ids begin, version)
    if is_uri(path):
        found = [(file, PurePosixPath(name), version) for file, name, version in list_remote(str(path))]
        if [file for file, *_ in found] != [path]:
            found = [each for each in found if each[1].name.lower().endswith(suffixes)]
    elif Path(path).is_dir():
        found = [(file, file.relative_to(path), None) for file in list_suffixes(suffixes, path)]
    elif Path(path).exists():
        found = [(Path(path), Path(Path(path).name), None)]
    else:
        raise InputError(f"{path}: no such file or folder; expected text to tag")
    if not found:
        raise InputError(f"{path}: found no file that ends in {' or '.join(suffixes)}; expected one or more")
    return [_make_source(*each, kind) for each in found]


def _make_source(place: Path | str, name: PurePath, version: str | None, kind: str | None) -> Source:
    """The source of a path or URI; its id is `name` without its suffix, `%2F` and its like unquoted."""
    endings = {suffix: known for known, suffixes in KINDS.items() for suffix in suffixes}
    kind = kind or next((endings[ending] for ending in endings if name.name.lower().endswith(ending)), None)
    if kind is None:
        known = ", ".join(endings)
        raise InputError(f"{place}: found another ending than {known}; expected --from {', '.join(KINDS)} with it")
    id = unquote(_decode_name(name.with_suffix("").as_posix()))
    if isinstance(place, str):
        return Source(None, place, id, kind, place, version)
    return Source(place, _decode_name(str(place)), id, kind)


def _decode_name(name: str) -> str:
    """A file's name as text that UTF-8 can hold."""
    return os.fsencode(name).decode("utf-8", "replace")


def _make_ids_unique(sources: Sequence[Source]) -> list[Source]:
    """The sources, with longer ids for those of one id: with their folders' names, or else their suffixes.

    `a` of x/a.txt and `a` of y/a.txt become `x/a` and `y/a`; `a` of a.txt and of a.bio, `a.txt` and `a.bio`.
    InputError for a file that is named twice.
    """
    groups, places, unique = defaultdict(list), set(), list(sources)
    for number, source in enumerate(sources):
        groups[source.id].append(number)
        if (place := source.split_path()) in places:
            raise InputError(f"found {source.name} twice among the inputs; expected each file once")
        places.add(place)
    taken = set(groups)
    for id, numbers in groups.items():
        if len(numbers) > 1:
            ids = _lengthen_ids(id, [sources[number] for number in numbers], taken)
            taken.update(ids)
            for number, new in zip(numbers, ids, strict=True):
                unique[number] = sources[number]._replace(id=new)
    return unique


def _lengthen_ids(id: str, sources: Sequence[Source], taken: Collection[str]) -> list[str]:
    """A different id for each of the sources of one id, none of them in `taken`."""
    parts = [_split_source(source) for source in sources]
    for has_suffix in (False, True):
        for depth in range(1 - has_suffix, max(len(folders) for folders, _ in parts) + 1):
            tails = [(*folders[max(0, len(folders) - depth) :], id) for folders, _ in parts]
            ids = ["/".join(tail) + suffix * has_suffix for tail, (_, suffix) in zip(tails, parts, strict=True)]
            if len(set(ids)) == len(ids) and not ({*ids} - {id}).intersection(taken):
                return ids
    names = " and ".join(source.name for source in sources[:2])
    raise InputError(f"found {names}, whose documents would both be called {id!r}; expected other names")


def _split_source(source: Source) -> tuple[tuple[str, ...], str]:
    """(folders above what the id is made of, suffix) of a file."""
    place = source.split_path()
    name = PurePosixPath(place[-1])
    for length in range(1, len(place)):
        if unquote("/".join((*place[len(place) - length : -1], name.stem))) == source.id:
            return place[1:-length], name.suffix
    return (), ""


def check_overlap(inputs: Iterable[str], output: Path) -> None:
    """InputError where the output would replace an input, or lie in an input folder."""
    target = output.resolve()
    names = (name.removeprefix("file://") for name in inputs if name != STDIN)
    for path in (Path(name) for name in names if not is_uri(name)):
        if path.resolve().is_relative_to(target) or (path.is_dir() and target.is_relative_to(path.resolve())):
            raise InputError(f"{output}: found {path} to be read; expected OUT outside of it, and it outside of OUT")
