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
from cbpner.formats.registry import list_suffixes
from cbpner.prediction.remote import is_uri, list_remote

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


class Source(NamedTuple):
    """A file to read. name: what messages call it. id: of its document, or the beginning of its documents' ids.

    uri, version: of a remote file (`cbpner.prediction.remote`), whose path is that of its local copy, if any.
    """

    path: Path | None
    name: str
    id: str
    kind: str
    uri: str | None = None
    version: str | None = None


@contextmanager
def open_sources(paths: Iterable[str | Path], kind: str | None = None) -> Iterator[list[Source]]:
    """Yield the sources of files, folders, URIs and `-`; InputError for what is not there or of no known kind.

    Standard input is copied into a file that is deleted after the block. Ids are unique, see `make_ids_unique`.

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
            elif is_uri(path):
                sources += list_remote_sources(path, kind)
            else:
                sources += list_sources(Path(path), kind)
        yield make_ids_unique(sources)


def make_ids_unique(sources: Sequence[Source]) -> list[Source]:
    """The sources, with longer ids for those of one id: with their folders' names, or else their suffixes.

    `a` of x/a.txt and `a` of y/a.txt become `x/a` and `y/a`; `a` of a.txt and of a.bio, `a.txt` and `a.bio`.
    InputError for a file that is named twice.
    """
    groups, places = defaultdict(list), set()
    for source in sources:
        groups[source.id].append(source)
        if (place := _find_place(source)) in places:
            raise InputError(f"found {source.name} twice among the inputs; expected each file once")
        places.add(place)
    ids: dict[tuple[str, ...], str] = {}
    taken = set(groups)
    for id, group in groups.items():
        new = _lengthen_ids(id, group, taken) if len(group) > 1 else [id]
        taken.update(new)
        ids |= zip(map(_find_place, group), new, strict=True)
    return [source._replace(id=ids[_find_place(source)]) for source in sources]


def _find_place(source: Source) -> tuple[str, ...]:
    """The parts of a file's absolute path, or of its URI; the URI's query is the first of them."""
    if source.name == STDIN:
        return (STDIN,)
    whole = source.uri or _decode_name(os.path.abspath(source.path or ""))
    path, _, query = whole.partition("?" if source.uri else "\0")
    return (query, *path.split("/"))


def _lengthen_ids(id: str, sources: Sequence[Source], taken: Collection[str]) -> list[str]:
    """A different id for each of the sources of one id, none of them in `taken`."""
    parts = [_split_place(source) for source in sources]
    for has_suffix in (False, True):
        for depth in range(1 - has_suffix, max(len(folders) for folders, _ in parts) + 1):
            tails = [(*folders[max(0, len(folders) - depth) :], id) for folders, _ in parts]
            ids = ["/".join(tail) + suffix * has_suffix for tail, (_, suffix) in zip(tails, parts, strict=True)]
            if len(set(ids)) == len(ids) and not ({*ids} - {id}).intersection(taken):
                return ids
    names = " and ".join(source.name for source in sources[:2])
    raise InputError(f"found {names}, whose documents would both be called {id!r}; expected other names")


def _split_place(source: Source) -> tuple[tuple[str, ...], str]:
    """(folders above what the id is made of, suffix) of a file."""
    place = _find_place(source)
    name = PurePosixPath(place[-1])
    for length in range(1, len(place)):
        if unquote("/".join((*place[len(place) - length : -1], name.stem))) == source.id:
            return place[1:-length], name.suffix
    return (), ""


def list_sources(path: Path, kind: str | None) -> list[Source]:
    """The sources of a file, or of all files of known kinds in a folder and the folders in it, sorted by name."""
    if path.is_dir():
        suffixes = _choose_suffixes(kind)
        files = list_suffixes(suffixes, path)
        if not files:
            raise _describe_empty(path, suffixes)
        return [_make_source(file, file.relative_to(path), kind or _require_kind(file)) for file in files]
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; expected text to tag")
    return [_make_source(path, Path(path.name), kind or _require_kind(path))]


def _choose_suffixes(kind: str | None) -> tuple[str, ...]:
    return tuple(suffix for own in KINDS.values() for suffix in own) if kind is None else KINDS[kind]


def _describe_empty(place: Path | str, suffixes: Iterable[str]) -> InputError:
    return InputError(f"{place}: found no file that ends in {' or '.join(suffixes)}; expected one or more")


def _require_kind(path: PurePath) -> str:
    """The kind that a file's name says; InputError where it says none."""
    name = path.name.lower()
    for kind, suffixes in KINDS.items():
        if name.endswith(suffixes):
            return kind
    raise InputError(f"{path}: found another ending than {EXPECTED}; expected --from {', '.join(KINDS)} with it")


def list_remote_sources(uri: str, kind: str | None) -> list[Source]:
    """As `list_sources`, for a URI."""
    found = [(PurePosixPath(name), file, version) for file, name, version in list_remote(uri)]
    if [file for _, file, _ in found] == [uri]:
        path, _, version = found[0]
        return [_make_source(uri, path, kind or _require_kind(path), version)]
    suffixes = _choose_suffixes(kind)
    found = [each for each in found if each[0].name.lower().endswith(suffixes)]
    if not found:
        raise _describe_empty(uri, suffixes)
    return [_make_source(file, path, kind or _require_kind(path), version) for path, file, version in found]


def _make_source(place: Path | str, name: PurePath, kind: str, version: str | None = None) -> Source:
    """A source.

    Args:
        place: the path of a file, or the URI of a remote one.
        name: the file's path from where ids begin; the id is that without its suffix, `%2F` and its like unquoted.
    """
    id = unquote(_decode_name(name.with_suffix("").as_posix()))
    if isinstance(place, str):
        return Source(None, place, id, kind, place, version)
    return Source(place, _decode_name(str(place)), id, kind)


def _decode_name(name: str) -> str:
    """A file's name as text that UTF-8 can hold."""
    return os.fsencode(name).decode("utf-8", "replace")
