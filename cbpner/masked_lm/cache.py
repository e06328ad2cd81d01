"""Text for language modelling, tokenized once into a memory-mapped file.

```
CACHE/<key>.arrow   Arrow IPC, one row a document: `ids` (list of uint16, or int32 for a large vocabulary), and, where
                    words are asked for, `words` (list of bits): whether a word begins at the token
CACHE/<key>.json    what it was made from, what is in it, and its checksum; written last
```

The key is made of the files' contents in their order, of what the tokenizer makes of every code point, and of the
settings. Contents are always read, at the speed of a checksum; size and time of a file are no proof, since `cp -p`,
`rsync -t` and a change within the clock's grain keep them. The mapped file is checked too, against its own checksum,
whenever it is opened. So a cache is never stale, and a broken one is made anew.

Documents are parted by blank lines and by the ends of files; with `line_by_line` each line is one. Every character is
one token but for line breaks, which are left out. The text is read in pieces, so that memory does not grow with it: a
document of more than PIECE characters becomes several rows, cut at line breaks where there are any.
"""

import codecs
import hashlib
import json
import os
import sys
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from tqdm.auto import tqdm

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_open, file_checksum, natural_key, write_json
from cbpner.masked_lm.word_starts import load_segmenter, mark_words
from cbpner.runs.lifecycle import explain_write_error, fcntl

FORMAT = 1  # counts up whenever the same text and settings would give other rows
PIECE = 1 << 20  # characters of a row at most, and about as many of a record batch
LINE_BYTES = 1 << 20  # read at a time; a longer line comes in parts
BATCHES_AT_HAND = 64
FOLDER = ".cbpner_cache"  # beside the corpus, where no other folder is named


class Text(NamedTuple):
    """What is read and how.

    files: paths in their order. segmenter: see `cbpner.masked_lm.word_starts`, or "" for no words.
    """

    files: tuple
    line_by_line: bool = False
    segmenter: str = ""


class Rows(NamedTuple):
    """One record batch: `ids` and `words` (tokens,) of all its documents, and `offsets` (documents + 1,) into them."""

    ids: np.ndarray
    offsets: np.ndarray
    words: pa.BooleanArray | None


class Corpus:
    """A tokenized corpus. info: the content of its .json. lengths: (documents,) int64, tokens of each row.

    Nothing but `lengths` is held in memory.
    """

    def __init__(self, path, info):
        self.info, self._file = info, pa.ipc.open_file(pa.memory_map(str(path)))
        self.rows = lru_cache(BATCHES_AT_HAND)(self._read_rows)
        offsets = [self._read_rows(number).offsets for number in range(self._file.num_record_batches)]
        self.lengths = np.concatenate([np.diff(each) for each in offsets] or [np.zeros(0, int)]).astype(np.int64)
        self._documents = np.cumsum([0, *(len(each) - 1 for each in offsets)])  # rows before each record batch
        self._tokens = np.cumsum([0, *(int(each[-1]) for each in offsets)])  # tokens before each record batch

    @property
    def tokens(self):
        return int(self._tokens[-1])

    def _read_rows(self, number):
        batch = self._file.get_batch(number)
        ids = batch.column("ids")
        words = batch.column("words").values if "words" in batch.schema.names else None
        return Rows(ids.values.to_numpy(), ids.offsets.to_numpy(), words)

    def read(self, document, start, stop):
        """(ids, words) of the tokens `start` to `stop` of one row; `words` is None where none were asked for."""
        number = int(np.searchsorted(self._documents, document, side="right")) - 1
        first = int(self.rows(number).offsets[document - self._documents[number]])
        return self._slice(number, first + start, first + stop)

    def read_stream(self, start, stop):
        """(ids, words) of the tokens `start` to `stop` of all documents, one behind the other."""
        parts = []
        while start < stop:
            number = int(np.searchsorted(self._tokens, start, side="right")) - 1
            end = min(stop, int(self._tokens[number + 1]))
            parts.append(self._slice(number, start - self._tokens[number], end - self._tokens[number]))
            start = end
        ids, words = zip(*parts, strict=True)
        return np.concatenate(ids), None if words[0] is None else np.concatenate(words)

    def _slice(self, number, start, stop):
        rows = self.rows(number)
        if rows.words is None:
            return rows.ids[start:stop], None
        return rows.ids[start:stop], rows.words.slice(int(start), int(stop - start)).to_numpy(zero_copy_only=False)


def list_text_files(path, part="train"):
    """The text files of `path`: itself, or a folder's *.txt in natural order.

    In a folder with a `train.txt` or a `test.txt` the file named after `part` alone is read, so that held-out text is
    never trained on. InputError where there is none.
    """
    path = Path(path)
    if not path.is_dir():
        if not path.is_file():
            raise InputError(
                f"{path}: no such file or folder; expected text, or a folder with .txt files (`cbpner patents` makes "
                "the corpora HG and BC; data/patents/ says from what)"
            )
        return (path,)
    files = [file for file in path.iterdir() if file.name.lower().endswith(".txt") and not file.name.startswith(".")]
    files.sort(key=lambda file: natural_key(file.name))
    if {"train.txt", "test.txt"} & {file.name.lower() for file in files}:
        files = [file for file in files if file.name.lower() == f"{part}.txt"]
        if not files:
            raise InputError(f"{path}: found a corpus without {part}.txt; expected it, or name the file itself")
    if not files:
        raise InputError(f"{path}: found a folder without .txt files; expected some")
    return tuple(files)


def open_corpus(text, table, folder=None, rebuild=False):
    """The Corpus of a Text under a `CharacterTable`, from the cache where it holds one, else tokenized into it.

    folder: of the cache, default: FOLDER beside the first file. rebuild: tokenize in any case. InputError for text that
    cannot be read, is not UTF-8 or empty, for a missing segmenter, and for a cache that cannot be written.
    """
    cut, segmenter = load_segmenter(text.segmenter) if text.segmenter else (None, "")
    folder = Path(folder or Path(text.files[0]).parent / FOLDER)
    settings = describe_text(text, table, segmenter)
    key = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:32]
    path = folder / f"{Path(text.files[0]).stem}-{key}.arrow"
    try:
        corpus = None if rebuild else find_corpus(path, settings)
        if corpus is None:
            with lock_folder(folder):
                corpus = None if rebuild else find_corpus(path, settings)  # another process may have made it
                if corpus is None:
                    write_corpus(path, text, table, cut, settings)
                    corpus = find_corpus(path, settings)
        return corpus
    except OSError as error:
        reason = explain_write_error(error)
        if reason is None:
            raise
        raise InputError(
            f"{folder}: cannot write the tokenized text there ({reason}); make room, or name another folder with "
            "--cache_dir"
        ) from error


def describe_text(text, table, segmenter):
    """Everything that the rows depend on."""
    special = [table.pad, table.unk, table.cls, table.sep, table.mask]
    return {
        "format": FORMAT,
        "files": [file_checksum(path) for path in text.files],
        "tokenizer": hashlib.sha256(table.ids.tobytes() + bytes(str(special), "ascii")).hexdigest(),
        "line_by_line": text.line_by_line,
        "words": segmenter,
    }


def find_corpus(path, settings):
    """The Corpus at `path`, or None where it is not there, not whole, or of other settings."""
    try:
        info = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if info["settings"] != settings or info["sha256"] != file_checksum(path):
            return None
    except (FileNotFoundError, InputError, ValueError, TypeError, KeyError):
        return None
    return Corpus(path, info)


@contextmanager
def lock_folder(folder):
    """Make the cache's folder and hold it, so that two processes do not tokenize the same text.

    It spares work and no more: each writes under names of its own, and what appears is the same.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if fcntl is None:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{folder}: another process tokenizes there; waiting for it ...", file=sys.stderr)
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(handle)


def write_corpus(path, text, table, cut, settings):
    """Tokenize the files into `path`, and describe it beside, last. InputError where there is no text."""
    kind = np.uint16 if table.ids.max() <= np.iinfo(np.uint16).max else np.int32
    counts = {"documents": 0, "characters": 0, "unknown": 0}
    with atomic_open(path, "wb") as file, show_progress(text.files) as bar:
        rows = RowWriter(file, kind, with_words=bool(text.segmenter))
        for name, checksum in zip(text.files, settings["files"], strict=True):
            for line, begins in read_documents(name, text.line_by_line, checksum, bar):
                ids = table.encode(line)
                rows.add(ids.astype(kind), mark_words(line, cut) if text.segmenter else None, begins)
                counts["documents"] += begins
                counts["characters"] += len(ids)
                counts["unknown"] += int((ids == table.unk).sum())
        if not counts["characters"]:
            raise InputError(f"{', '.join(map(str, text.files))}: found no text; expected documents")
        rows.close()
    info = {"settings": settings, "names": [Path(name).name for name in text.files], **counts}
    write_json(path.with_suffix(".json"), info | {"sha256": file_checksum(path)})


def show_progress(files):
    return tqdm(
        total=sum(os.path.getsize(path) for path in files), desc="tokenizing", unit="B", unit_scale=True, delay=2,
        dynamic_ncols=True,
    )  # fmt: skip


class RowWriter:
    """Lines of tokens to rows, and rows to record batches of about PIECE tokens."""

    def __init__(self, file, kind, with_words):
        fields = [("ids", pa.list_(pa.from_numpy_dtype(kind)))] + [("words", pa.list_(pa.bool_()))] * with_words
        self.schema = pa.schema(fields)
        self.writer = pa.ipc.new_file(file, self.schema)
        self._begin_batch()

    def _begin_batch(self):
        self.ids, self.words, self.lengths, self.size = [], [], [], 0

    def add(self, ids, words, begins):
        """A line, which begins a document or goes on with the last one; `words` as `mark_words` gives them."""
        if begins or not self.lengths or self.lengths[-1] + len(ids) > PIECE:
            if self.size >= PIECE:
                self._write_batch()
            self.lengths.append(0)
        self.lengths[-1] += len(ids)
        self.size += len(ids)
        self.ids.append(ids)
        self.words.append(words)

    def _write_batch(self):
        offsets = np.cumsum([0, *self.lengths], dtype=np.int32)
        columns = [np.concatenate(self.ids)]
        if "words" in self.schema.names:
            columns.append(np.concatenate(self.words))
        arrays = [pa.ListArray.from_arrays(pa.array(offsets), pa.array(column)) for column in columns]
        self.writer.write_batch(pa.record_batch(arrays, schema=self.schema))
        self._begin_batch()

    def close(self):
        if self.lengths:
            self._write_batch()
        self.writer.close()


def read_documents(path, line_by_line, checksum, bar):
    """Yield (line, whether it begins a document) for every line with a character, in parts where it is very long.

    InputError where the file is not what it was when its checksum was taken.
    """
    digest, begins, in_line = hashlib.sha256(), True, False
    for line, is_end in read_lines(path, digest, bar):
        is_blank = is_end and not in_line and not line.strip()
        if line and not is_blank:
            yield line, begins
            begins = False
        if is_blank or (is_end and line_by_line):
            begins = True
        in_line = not is_end
    if digest.hexdigest() != checksum:
        raise InputError(f"{path}: the file was changed while it was read; run this again when it is at rest")


def read_lines(path, digest, bar):
    """Yield (line or part of one, without its end, whether the line ends there); feeds digest and bar.

    InputError with the line for bytes that are not UTF-8.
    """
    decoder, number = codecs.getincrementaldecoder("utf-8-sig")(), 1
    with open(path, "rb") as file:
        while True:
            piece = file.readline(LINE_BYTES)
            digest.update(piece)
            try:
                line = decoder.decode(piece, final=not piece)
            except UnicodeDecodeError:
                raise InputError(f"{path}:{number}: found bytes that are not UTF-8; expected UTF-8") from None
            if not piece:
                return
            bar.update(len(piece))
            is_end = piece.endswith(b"\n")
            yield line.rstrip("\r\n") if is_end else line, is_end
            number += is_end
