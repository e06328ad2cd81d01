"""Text for language modelling: files to one long array of tokens, and that array to blocks.

Blank lines and the ends of files separate documents; with `line_by_line` each line is a document. Every character is
one token, except line breaks, which are left out. The array lies in a file without a name, mapped into memory: memory
does not grow with the text.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm.auto import tqdm

from cbpner.base.errors import InputError
from cbpner.base.files import explain_write_errors, file_checksum, natural_key
from cbpner.text.tokenizer import CharacterTable


class TextSource(NamedTuple):
    """Text files, in their order, and how they are read."""

    files: tuple[Path, ...]
    line_by_line: bool = False  # each line is a document

    def describe(self) -> dict[str, Any]:
        """The content of the files and how they are read."""
        files = [{"path": str(path), "sha256": file_checksum(path)} for path in self.files]
        return {"files": files, "line_by_line": self.line_by_line}


@dataclass(frozen=True)
class Corpus:
    """Tokenized documents, one after the other."""

    tokens: np.ndarray  # (characters,) ids
    lengths: np.ndarray  # (documents,) tokens of each
    info: dict[str, Any]  # its files and size, as lm_run.json records them


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of text between [CLS] and [SEP]."""

    ids: np.ndarray  # (tokens,) int32
    index: int  # the block's place in the corpus, from which its masks follow


class Blocks:
    """The blocks of a corpus, each read when it is asked for; at -1 one without text.

    `documents`: each document in blocks of at most `size` tokens, whose lengths differ by one at most. `stream`: all
    documents as one text, cut every `size` - 2 tokens; what is left at the end is dropped, as in the original.
    """

    def __init__(self, corpus: Corpus, table: CharacterTable, size: int, packing: str = "documents"):
        self.corpus, self.table, inner = corpus, table, size - 2
        whole = np.array([len(corpus.tokens) // inner * inner])
        documents = corpus.lengths if packing == "documents" else whole
        counts = -(-documents // inner)  # blocks of each document
        places = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)  # of each in its document
        shortest, longer = np.divmod(documents, np.maximum(counts, 1))
        self.lengths = np.repeat(shortest, counts) + (places < np.repeat(longer, counts)) + 2  # (blocks,) tokens
        self.ends = np.cumsum(self.lengths - 2)
        self.characters = int(documents.sum())  # that are in a block

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> Block:
        start, end = (self.ends[index] - self.lengths[index] + 2, self.ends[index]) if index >= 0 else (0, 0)
        tokens = self.corpus.tokens[start:end]
        return Block(np.concatenate(([self.table.cls], tokens, [self.table.sep])).astype(np.int32), max(index, 0))


def cut_blocks(texts: Sequence[str], table: CharacterTable, size: int) -> Blocks:
    """The blocks of texts in memory, each a document."""
    tokens = np.concatenate([table.encode(text) for text in texts])
    return Blocks(Corpus(tokens, np.array([len(text) for text in texts]), {}), table, size)


def list_text_files(path: str | Path, part: str = "train") -> tuple[Path, ...]:
    """List the text files of `path`: itself, or a folder's *.txt in natural order.

    In a folder with a `train.txt` or a `test.txt` only the file named after `part` is read, so that held-out text is
    never trained on.
    """
    path = Path(path)
    if path.is_file():
        return (path,)
    if not path.is_dir():
        raise InputError(f"{path}: no such text; expected a .txt file, or a folder of them: data/patents/README.md")
    files = [file for file in path.iterdir() if file.name.lower().endswith(".txt") and not file.name.startswith(".")]
    wanted = "a .txt file"
    if {"train.txt", "test.txt"} & {file.name.lower() for file in files}:
        files, wanted = [file for file in files if file.name.lower() == f"{part}.txt"], f"{part}.txt"
    if not files:
        raise InputError(f"{path}: found a folder without {wanted}; expected it, or the name of a file")
    return tuple(sorted(files, key=lambda file: natural_key(file.name)))


def read_corpus(text: TextSource, table: CharacterTable, folder: Path | None = None) -> Corpus:
    """Tokenize the files. folder: where the file of the tokens lies; by default with the system's temporary files."""
    kind, lengths, unknown = np.min_scalar_type(table.ids.max()), list[int](), 0
    with explain_write_errors(folder or Path(tempfile.gettempdir())):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            for line, begins_document in iterate_lines(text):
                ids = table.encode(line)
                file.write(ids.astype(kind).tobytes())
                if begins_document:
                    lengths.append(0)
                lengths[-1] += len(line)
                unknown += int((ids == table.unk).sum())
            if not lengths:
                raise InputError(f"{', '.join(map(str, text.files))}: found no text; expected documents")
            file.flush()
            mapped = np.asarray(np.memmap(file, kind, "r"))
    info = text.describe() | {"documents": len(lengths), "characters": len(mapped)}
    return Corpus(mapped, np.array(lengths), info | {"unknown_characters": round(unknown / len(mapped), 6)})


def iterate_lines(text: TextSource) -> Iterator[tuple[str, bool]]:
    """Yield each line that is not blank, without its end, and whether it begins a document."""
    size = sum(path.stat().st_size for path in text.files)
    with tqdm(total=size, desc="tokenizing", unit="B", unit_scale=True, delay=2, dynamic_ncols=True) as bar:
        for path in text.files:
            begins_document = True
            with open(path, "rb") as file:
                for number, content in enumerate(file, start=1):
                    try:
                        line = content.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                    except UnicodeDecodeError:
                        raise InputError(f"{path}:{number}: found bytes that are not UTF-8; expected UTF-8") from None
                    if line.strip():
                        yield line, begins_document
                    begins_document = text.line_by_line or not line.strip()
                    bar.update(len(content))
