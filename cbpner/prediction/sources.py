"""What to read: files of known kinds, of files, folders, URIs and standard input, each with the id of its documents."""

import os
import shutil
import sys
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
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

    uri, version: of a file elsewhere (see `cbpner.prediction.remote`), whose path is that of its copy once there is
    one.
    """

    path: Path | None
    name: str
    id: str
    kind: str
    uri: str | None = None
    version: str | None = None


@contextmanager
def open_sources(paths, kind=None):
    """Yield the sources of files, folders, URIs and `-`; InputError for what is not there or of no known kind.

    kind: of KINDS, for files whose names do not say it. Standard input is copied into a file that goes with the block.
    Sources of one id are told apart, see `tell_apart`.
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
        yield tell_apart(sources)


def tell_apart(sources) -> list[Source]:
    """The sources, with longer ids for those of one id, by the folders that they are in or else by their suffixes.

    `a` of x/a.txt and `a` of y/a.txt become `x/a` and `y/a`; `a` of a.txt and of a.bio, `a.txt` and `a.bio`.
    InputError for a file that is named twice.
    """
    groups, places = defaultdict(list), set()
    for source in sources:
        groups[source.id].append(source)
        if (place := find_place(source)) in places:
            raise InputError(f"found {source.name} twice among the inputs; expected each file once")
        places.add(place)
    ids, taken = {}, set(groups)
    for id, group in groups.items():
        new = lengthen_ids(id, group, taken) if len(group) > 1 else [id]
        taken.update(new)
        ids |= zip(map(find_place, group), new, strict=True)
    return [source._replace(id=ids[find_place(source)]) for source in sources]


def find_place(source):
    """The parts of a file's whole path, or URI; what stands behind its `?` is the first of them."""
    if source.name == STDIN:
        return (STDIN,)
    path, _, query = (source.uri or decode_name(os.path.abspath(source.path))).partition("?" if source.uri else "\0")
    return (query, *path.split("/"))


def lengthen_ids(id, sources, taken) -> list[str]:
    """An id for each of the sources of one id, of which no two are equal and none is another's, of `taken`."""
    parts = [split_place(source) for source in sources]
    for has_suffix in (False, True):
        for depth in range(1 - has_suffix, max(len(folders) for folders, _ in parts) + 1):
            tails = [(*folders[max(0, len(folders) - depth) :], id) for folders, _ in parts]
            ids = ["/".join(tail) + suffix * has_suffix for tail, (_, suffix) in zip(tails, parts, strict=True)]
            if len(set(ids)) == len(ids) and taken.isdisjoint({*ids} - {id}):
                return ids
    names = " and ".join(source.name for source in sources[:2])
    raise InputError(f"found {names}, whose documents would both be called {id!r}; expected other names")


def split_place(source):
    """(folders above what the id is made of, suffix) of a file."""
    place = find_place(source)
    name = PurePosixPath(place[-1])
    for length in range(1, len(place)):
        if unquote("/".join((*place[len(place) - length : -1], name.stem))) == source.id:
            return place[1:-length], name.suffix
    return (), ""


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
