"""Text for language modelling, tokenized once into a memory-mapped file.

```
CACHE/<name>-<key>.tokens   the tokens of all documents, one after the other, then the documents' lengths (int64)
CACHE/<name>-<key>.json     what it was made from, what is in it, and its checksum; written last
```

A token is its `id` (uint16, or int32 for a large vocabulary) and, where words are asked for, `begins` (bool): whether a
word begins there. The key is the hash of the files' contents, of the tokenizer's id for every code point, and of the
settings. The contents are always read, and the mapped file is checked against its own checksum whenever it is opened: a
cache is never stale, and a broken one is rebuilt.

Blank lines and the ends of files separate documents; with `line_by_line` each line is a document. Every character is
one token, except line breaks, which are left out. Memory does not grow with the text.
"""

import hashlib
import json
import os
import re
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm.auto import tqdm

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_open, file_checksum, natural_key, write_json
from cbpner.masked_lm.word_starts import Segmenter, load_segmenter, mark_words
from cbpner.runs.lifecycle import explain_write_error
from cbpner.text.tokenizer import CharacterTable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FORMAT = 2  # increased whenever the same text and settings would give another file
LINE_CHARACTERS = 1 << 20  # read at a time; a longer line comes in pieces
CACHE_FOLDER = ".cbpner_cache"  # beside the corpus, unless another folder is named
UNDECODABLE = re.compile("[\udc80-\udcff]")  # bytes that are not UTF-8, as `surrogateescape` reads them


class TextSource(NamedTuple):
    """Text files, in their order, and how they are read."""

    files: tuple[Path, ...]
    line_by_line: bool = False  # each line is a document
    segmenter: str = ""  # see `cbpner.masked_lm.word_starts`; "" for tokens without words


class TokenizedCorpus:
    """A tokenized corpus, mapped from its file; in memory are `lengths` (documents,), the tokens of each, and `info`,
    the content of its .json file.
    """

    def __init__(self, path: Path, info: dict[str, Any]):
        kind = np.dtype([(name, code) for name, code in info["token"]])
        self.info = info
        self.tokens = np.asarray(np.memmap(path, kind, "r", shape=(info["characters"],)))
        self.lengths = np.fromfile(path, np.int64, offset=self.tokens.nbytes)
        self._starts = np.cumsum(self.lengths) - self.lengths

    def read(self, document: int, start: int, stop: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Return (ids, begins) of the tokens `start` to `stop` of one document; `begins` is None without words."""
        first = self._starts[document]
        return self.read_stream(first + start, first + stop)

    def read_stream(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Return (ids, begins) of the tokens `start` to `stop` of all documents, one after the other."""
        tokens = self.tokens[start:stop]
        return tokens["id"], tokens["begins"] if "begins" in self.tokens.dtype.fields else None


def list_text_files(path: str | Path, part: str = "train") -> tuple[Path, ...]:
    """List the text files of `path`: itself, or a folder's *.txt in natural order.

    In a folder with a `train.txt` or a `test.txt` only the file named after `part` is read, so that held-out text is
    never trained on.
    """
    path = Path(path)
    if path.is_file():
        return (path,)
    if not path.is_dir():
        raise InputError(f"{path}: no such file or folder; expected text, or .txt files as `cbpner patents` makes them")
    files = [file for file in path.iterdir() if file.name.lower().endswith(".txt") and not file.name.startswith(".")]
    files.sort(key=lambda file: natural_key(file.name))
    if {"train.txt", "test.txt"} & {file.name.lower() for file in files}:
        files = [file for file in files if file.name.lower() == f"{part}.txt"]
        if not files:
            raise InputError(f"{path}: found a corpus without {part}.txt; expected it, or name the file itself")
    if not files:
        raise InputError(f"{path}: found a folder without .txt files; expected some")
    return tuple(files)


def open_corpus(
    text: TextSource, table: CharacterTable, folder: Path | None = None, rebuild: bool = False
) -> TokenizedCorpus:
    """Open the tokenized text from the cache, or tokenize it into the cache (default: CACHE_FOLDER beside it) first."""
    cut, segmenter = load_segmenter(text.segmenter) if text.segmenter else (None, "")
    folder = folder or text.files[0].parent / CACHE_FOLDER
    special = [table.pad, table.unk, table.cls, table.sep, table.mask]
    settings = {  # everything that the tokens depend on
        "format": FORMAT,
        "files": [file_checksum(path) for path in text.files],
        "tokenizer": hashlib.sha256(table.ids.tobytes() + bytes(str(special), "ascii")).hexdigest(),
        "line_by_line": text.line_by_line,
        "words": segmenter,
    }
    key = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:32]
    path = folder / f"{text.files[0].stem}-{key}.tokens"
    corpus = None if rebuild else find_corpus(path, settings)
    if corpus is not None:
        return corpus
    try:
        with _lock_folder(folder):
            corpus = None if rebuild else find_corpus(path, settings)  # another process may have made it
            return corpus or write_corpus(path, text, table, cut, settings)
    except OSError as error:
        reason = explain_write_error(error)
        if reason is None:
            raise
        raise InputError(f"{folder}: cannot write there ({reason}); --cache_dir names another folder") from error


def find_corpus(path: Path, settings: dict[str, Any]) -> TokenizedCorpus | None:
    """Open the corpus at `path`; None where it is missing, damaged or made with other settings."""
    try:
        info = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if info["settings"] != settings or info["sha256"] != file_checksum(path):
            return None
    except (FileNotFoundError, NotADirectoryError, InputError, ValueError, TypeError, KeyError):
        return None
    return TokenizedCorpus(path, info)


def write_corpus(
    path: Path, text: TextSource, table: CharacterTable, cut: Segmenter | None, settings: dict[str, Any]
) -> TokenizedCorpus:
    """Tokenize the files into `path`, write its .json file last, and open it."""
    is_small = table.ids.max() <= np.iinfo(np.uint16).max
    kind = np.dtype([("id", "<u2" if is_small else "<i4")] + [("begins", "?")] * bool(text.segmenter))
    lengths, unknown = array("q"), 0
    with atomic_open(path, "wb") as file:
        for line, begins_document in iterate_lines(text):
            ids, tokens = table.encode(line), np.empty(len(line), kind)
            tokens["id"] = ids
            if text.segmenter:
                tokens["begins"] = mark_words(line, cut)
            file.write(tokens.tobytes())
            if begins_document:
                lengths.append(0)
            lengths[-1] += len(ids)
            unknown += int((ids == table.unk).sum())
        file.write(lengths.tobytes())
        if not lengths:
            raise InputError(f"{', '.join(map(str, text.files))}: found no text; expected documents")
        for name, checksum in zip(text.files, settings["files"], strict=True):
            if file_checksum(name) != checksum:
                raise InputError(f"{name}: the file was changed while it was read; run this again when it is complete")
    info = {
        "settings": settings,
        "names": [name.name for name in text.files],
        "token": kind.descr,
        "documents": len(lengths),
        "characters": sum(lengths),
        "unknown": unknown,
        "sha256": file_checksum(path),
    }
    write_json(path.with_suffix(".json"), info)
    return TokenizedCorpus(path, info)


def iterate_lines(text: TextSource) -> Iterator[tuple[str, bool]]:
    """Yield each line that is not blank, without its end, and whether it begins a document; long lines in pieces."""
    size = sum(path.stat().st_size for path in text.files)
    with tqdm(total=size, desc="tokenizing", unit="B", unit_scale=True, delay=2, dynamic_ncols=True) as bar:
        for path in text.files:
            number, begins_document, begins_line, done = 1, True, True, bar.n
            with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="\n") as file:
                while line := file.readline(LINE_CHARACTERS):
                    is_end = line.endswith("\n") or len(line) < LINE_CHARACTERS
                    line = line.rstrip("\r\n") if is_end else line
                    if UNDECODABLE.search(line):
                        raise InputError(f"{path}:{number}: found bytes that are not UTF-8; expected UTF-8")
                    is_blank = begins_line and is_end and not line.strip()
                    if line and not is_blank:
                        yield line, begins_document
                        begins_document = False
                    begins_document |= is_blank or (is_end and text.line_by_line)
                    begins_line, number = is_end, number + is_end
                    bar.update(done + os.lseek(file.fileno(), 0, os.SEEK_CUR) - bar.n)


@contextmanager
def _lock_folder(folder: Path) -> Iterator[None]:
    """Make and lock the folder: without locks two processes each write a file of their own, of the same content."""
    folder.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
