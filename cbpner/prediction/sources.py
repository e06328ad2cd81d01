"""What to read: files of known kinds, of files, folders, URIs and standard input, each with the id of its documents."""

import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePath, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import IO, NamedTuple

from cbpner.base.errors import InputError
from cbpner.base.files import decode_name, file_checksum
from cbpner.formats.registry import list_entries, parse_name
from cbpner.prediction.remote import is_uri, list_remote

STDIN = "-"
KINDS = {  # what a file may be: the suffixes that say so
    "txt": (".txt",), "jsonl": (".jsonl", ".ndjson", ".json"), "csv": (".csv",), "tsv": (".tsv",),
    "parquet": (".parquet",), "bio": (".bio",),
}  # fmt: skip
DOCUMENTS = tuple(  # suffixes of what may hold text, and is not read
    ".gz .bz2 .xz .zip .7z .rar .tar .pdf .doc .docx .wps .rtf .odt .xls .xlsx .html .htm .xml .caj .epub".split()
)


class Source(NamedTuple):
    """A file to read. name: what messages call it. id: of its document, or the beginning of its documents' ids.

    uri, version: of a remote file (`cbpner.prediction.remote`), which has no path. problem: why it cannot be read.
    """

    path: Path | None
    name: str
    id: str
    kind: str
    uri: str | None = None
    version: str | None = None
    problem: str = ""

    def checksum(self) -> str | None:
        """The checksum of the bytes, of a remote file its version; None where it cannot be read."""
        try:
            return None if self.problem else self.version or file_checksum(self.path or "")
        except InputError:
            return None

    def locate(self) -> str:
        """The absolute path, or the URI, its query before it; nothing for standard input."""
        if self.name == STDIN:
            return ""
        place, _, query = (self.uri or "").partition("?")
        return f"{query}/{place}" if place else os.path.abspath(self.name)


@contextmanager
def open_sources(paths: Iterable[str | Path], kind: str | None = None) -> Iterator[list[Source]]:
    """Yield the sources of files, folders, URIs and `-`; InputError for what is not there or of no known kind.

    Standard input and pipes are copied into files that are deleted after the block. Ids are unique: see
    `_make_ids_unique`.

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
                if sys.stdin is None:
                    raise InputError(f"{STDIN}: found standard input closed; expected a text on it, or a file")
                sources.append(Source(_copy(sys.stdin.buffer, stack), STDIN, "stdin", kind or "txt"))
            elif os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
                copy = _copy(stack.enter_context(open(path, "rb")), stack)
                sources += [source._replace(path=copy) for source in list_sources(path, kind)]
            else:
                sources += list_sources(path, kind)
        yield _make_ids_unique(sources)


def _copy(stream: IO[bytes], stack: ExitStack) -> Path:
    """A copy of what can be read but once, deleted when the stack closes."""
    file = stack.enter_context(NamedTemporaryFile(prefix="stdin."))
    shutil.copyfileobj(stream, file)
    file.flush()
    return Path(file.name)


def list_sources(path: str | Path, kind: str | None) -> list[Source]:
    """The sources of a file, or of all files of known kinds in a folder and the folders in it, sorted by name.

    Of a folder's other entries those that cannot be read at all, and unless `kind` is given those that may hold text
    (DOCUMENTS), are sources with a problem, which become errors; the others are named on standard error.

    Args:
        path: may be a URI.
    """
    suffixes = tuple(suffix for own in KINDS.values() for suffix in own) if kind is None else KINDS[kind]
    if is_uri(path):
        remote = list_remote(str(path))
        found = [_make_source(file, PurePosixPath(name), kind, version) for file, name, version in remote]
        is_folder = [source.uri for source in found] != [path]
    elif is_folder := os.path.isdir(path):
        entries = list_entries(path)
        found = [_make_source(file, file.relative_to(path), kind, problem=problem) for file, problem in entries]
    elif os.path.exists(path):
        found = [_make_source(Path(path), Path(Path(path).name), kind)]
    else:
        raise InputError(f"{path}: no such file or folder; expected text to tag")
    if is_folder:
        return _choose_sources(path, found, kind, suffixes)
    if not found[0].kind:
        expected = f"--from {', '.join(KINDS)} with it"
        raise InputError(f"{path}: found another ending than {', '.join(suffixes)}; expected {expected}")
    return found


def _choose_sources(path: str | Path, found: list[Source], kind: str | None, suffixes: tuple[str, ...]) -> list[Source]:
    wanted, others = [], []
    for source in found:
        name = (source.uri.partition("?")[0] if source.uri else source.name).lower()
        is_known = name.endswith(suffixes)
        if is_known and not source.problem:
            wanted.append(source)
        elif is_known or os.path.isdir(source.path or "") or (kind is None and name.endswith(DOCUMENTS)):
            problem = source.problem or f"a {PurePath(name).suffix} file"
            wanted.append(source._replace(id=f"{source.id}{PurePath(name).suffix}", problem=problem))
        else:
            others.append(source.name)
    if all(source.problem for source in wanted):
        endings = f"{' or '.join(suffixes)} among {len(found)}"
        raise InputError(f"{path}: found no file that ends in {endings}; expected one or more")
    if others:
        examples = ", ".join([*others[:3], *["..."] * (len(others) > 3)])
        print(f"{path}: left out {len(others)} file(s) of other kinds: {examples}", file=sys.stderr)
    return wanted


def _make_source(
    place: Path | str, name: PurePath, kind: str | None, version: str | None = None, problem: str = ""
) -> Source:
    """The source of a path or URI; its id is that of the name without its suffix, its kind "" where it is not known."""
    endings = {suffix: known for known, suffixes in KINDS.items() for suffix in suffixes}
    kind = kind or next((endings[ending] for ending in endings if name.name.lower().endswith(ending)), "")
    id = parse_name(name.with_suffix("").as_posix())
    if isinstance(place, str):
        return Source(None, place, id, kind, place, version)
    return Source(place, decode_name(str(place)), id, kind, problem=problem)


def _make_ids_unique(sources: Sequence[Source]) -> list[Source]:
    """The sources; those of one id get their paths below the folder that all have in common, or names if need be.

    `a` of x/a.txt and `a` of y/a.txt become `x/a` and `y/a`; `a` of a.txt and of a.bio, `a.txt` and `a.bio`.
    InputError for a file that is named twice.
    """
    located: dict[str, Source] = {}
    for source in sources:
        if located.setdefault(source.locate(), source) is not source:
            raise InputError(f"found {source.name} twice among the inputs; expected each file once")
    places = [place.split("/") for place in located]
    top = len(os.path.commonprefix([place[:-1] for place in places if any(place)]))
    names = ["/".join(place[top:]) or STDIN for place in places]
    ids = [source.id for source in sources]
    for longer in ([name.removesuffix(PurePosixPath(name).suffix) for name in names], names):
        before: list[str] = []
        while ids != before:  # a longer id may be that of another
            before, counts = ids, Counter(ids)
            ids = [new if counts[id] > 1 else id for id, new in zip(before, longer, strict=True)]
    return [source._replace(id=id) for source, id in zip(sources, ids, strict=True)]


def check_overlap(inputs: Iterable[str], output: Path) -> None:
    """InputError where the output would replace an input, or lie in an input folder."""
    target = output.resolve()
    names = (name.removeprefix("file://") for name in inputs if name != STDIN)
    for path in (Path(name) for name in names if not is_uri(name)):
        if path.resolve().is_relative_to(target) or (path.is_dir() and target.is_relative_to(path.resolve())):
            raise InputError(f"{output}: found {path} to be read; expected OUT outside of it, and it outside of OUT")
