"""Where patents wait while a corpus is made of them: a DuckDB database and a file of texts, both on disk.

What is known about a patent is a row of a table. Its text is not: DuckDB works on vectors of 2,048 rows, and so many
whole texts are 120 MB where patents have 20,000 characters, and more than the memory where they are long. Texts pass by
DuckDB in Arrow batches of bounded size; those that are wanted later lie one behind the other in a file.
"""

import hashlib
import os
import re
from functools import cache
from typing import NamedTuple

import duckdb
import numpy as np

BATCH_CHARACTERS = 1_000_000  # some 3 MB of Chinese in UTF-8
ROWS_AT_ONCE = 8192
OTHER, SPACE, HAN, SYLLABLE, LETTER = range(5)
SYLLABLES = ((0x1100, 0x11FF), (0x3040, 0x30FF), (0x3130, 0x318F), (0x31F0, 0x31FF), (0xAC00, 0xD7A3), (0xFF66, 0xFF9D))
HAN_RANGES = ((0x3007, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF))
LAST_LETTER = 0x323AF
SURROGATES = re.compile("[\ud800-\udfff]")


class Measures(NamedTuple):
    """What a text's code points tell.

    characters: their number, white space too. han_share: see `measure_text`. solid: the code points without white
    space, (characters,) of uint32. fingerprint: the SHA-256 of those, the same for texts that differ in white space
    alone.
    """

    characters: int
    han_share: float
    solid: np.ndarray
    fingerprint: bytes


class Store:
    """A DuckDB connection and the file of texts in `folder`. memory_mb: what DuckDB may hold before it spills there."""

    def __init__(self, folder, memory_mb=1024, threads=None):
        config = {
            "memory_limit": f"{memory_mb}MiB",
            "temp_directory": str(folder / "spilled"),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            **({"threads": threads} if threads else {}),
        }
        self.connection = duckdb.connect(folder / "patents.duckdb", config=config)
        try:
            self.texts = open(folder / "texts.bin", "w+b")  # noqa: SIM115 (closed by __exit__)
        except BaseException:
            self.connection.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.texts.close()
        finally:
            self.connection.close()

    def run(self, sql, parameters=()):
        """All rows of a statement's result, as tuples."""
        return self.connection.execute(sql, list(parameters)).fetchall()

    def stream(self, sql, parameters=()):
        """Yield the rows of a statement's result; until the last is read, nothing else may run."""
        self.connection.execute(sql, list(parameters))
        try:
            while rows := self.connection.fetchmany(ROWS_AT_ONCE):
                yield from rows
        finally:
            self.connection.abort()

    def run_on(self, batch, sql, parameters=()):
        """As `run`; `batch` in the statement is this Arrow table."""
        self.connection.register("batch", batch)
        rows = self.run(sql, parameters)
        self.connection.unregister("batch")  # behind an error this would raise another
        return rows

    def add_text(self, *pieces):
        """Append pieces of UTF-8 to the file of texts; where they begin there."""
        start = self.texts.seek(0, os.SEEK_END)
        self.texts.writelines(pieces)
        return start

    def read_text(self, start, size):
        self.texts.seek(start)
        return self.texts.read(size).decode("utf-8")


def batch_documents(documents, limit=BATCH_CHARACTERS):
    """Lists of (document, text) in order, each of at most 8,192 and `limit` characters, or of one that is longer."""
    batch, size = [], 0
    for document in documents:
        text = replace_surrogates(document.text)
        if batch and (size + len(text) > limit or len(batch) == ROWS_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append((document, text))
        size += len(text)
    if batch:
        yield batch


def replace_surrogates(text):
    """The text with U+FFFD for lone surrogates, such as a JSON escape leaves, which no encoding can hold."""
    return text if text.isascii() else SURROGATES.sub("\ufffd", text)


def measure_text(text):
    """The Measures of a text.

    The share of Han characters is that among words: a Han character, kana or Hangul syllable is one, and so is a run of
    other letters, so that a long sequence listing or many gene names make no Chinese text foreign. 0 without words.
    """
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)  # (characters,)
    classes = load_classes()[codes]
    letters = classes == LETTER
    runs = np.count_nonzero(letters[1:] > letters[:-1]) + int(letters[:1].any())
    han = np.count_nonzero(classes == HAN)
    words = han + np.count_nonzero(classes == SYLLABLE) + runs
    solid = codes[classes != SPACE]
    return Measures(len(codes), han / words if words else 0.0, solid, hashlib.sha256(solid).digest())


@cache
def load_classes():
    """The class of every code point, (1114112,) of uint8."""
    classes = np.zeros(0x110000, dtype=np.uint8)
    for code in range(LAST_LETTER + 1):
        character = chr(code)
        if character.isalpha():
            classes[code] = LETTER
        elif character.isspace():
            classes[code] = SPACE
    for value, ranges in ((SYLLABLE, SYLLABLES), (HAN, HAN_RANGES)):
        for first, last in ranges:
            classes[first : last + 1] = value
    return classes
