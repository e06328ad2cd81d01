"""Documents to blocks of tokens: within documents, or cut through all of them as one stream."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cbpner.masked_lm.cache import TokenizedCorpus
from cbpner.text.tokenizer import CharacterTable


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of text between [CLS] and [SEP]."""

    ids: np.ndarray  # (tokens,) int32
    begins: np.ndarray | None  # (tokens,) bool, whether a word begins there; None where each token is a word
    index: int  # the block's place in the corpus, from which its masks follow


class Blocks:
    """The blocks of a corpus, each read when it is asked for."""

    table: CharacterTable
    lengths: np.ndarray  # (blocks,) int64, the tokens of each block
    characters: int  # of the corpus that are in a block

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> Block:
        raise NotImplementedError


class DocumentBlocks(Blocks):
    """Each document in blocks of at most `size` tokens, whose lengths differ by one at most; nothing is dropped."""

    def __init__(self, corpus: TokenizedCorpus, table: CharacterTable, size: int):
        self.corpus, self.table, self.characters = corpus, table, len(corpus.tokens)
        counts = -(-corpus.lengths // (size - 2))  # blocks of each document
        self.ends = np.cumsum(counts)
        places = np.arange(counts.sum()) - np.repeat(self.ends - counts, counts)  # of each block in its document
        shortest, longer = np.divmod(corpus.lengths, counts)
        self.lengths = np.repeat(shortest, counts) + (places < np.repeat(longer, counts)) + 2

    def __getitem__(self, index: int) -> Block:
        document = int(np.searchsorted(self.ends, index, side="right"))
        first = int(self.ends[document - 1]) if document else 0
        count, length = int(self.ends[document]) - first, int(self.corpus.lengths[document])
        start, stop = (length // count * k + min(k, length % count) for k in (index - first, index - first + 1))
        return make_block(self.table, *self.corpus.read(document, start, stop), index)


class StreamBlocks(Blocks):
    """All documents as one stream, cut every `size` - 2 tokens; what is left at the end is dropped, as in the original.

    Attention crosses the borders of documents.
    """

    def __init__(self, corpus: TokenizedCorpus, table: CharacterTable, size: int):
        self.corpus, self.table, self.inner = corpus, table, size - 2
        self.lengths = np.full(len(corpus.tokens) // self.inner, size)
        self.characters = len(self.lengths) * self.inner

    def __getitem__(self, index: int) -> Block:
        return make_block(self.table, *self.corpus.read_stream(index * self.inner, (index + 1) * self.inner), index)


PACKINGS: dict[str, Callable[[TokenizedCorpus, CharacterTable, int], Blocks]] = {
    "documents": DocumentBlocks,
    "stream": StreamBlocks,
}


def cut_blocks(texts: Sequence[str], table: CharacterTable, size: int) -> list[Block]:
    """Cut texts in memory as `DocumentBlocks` cuts the documents of a corpus."""
    blocks: list[Block] = []
    for text in texts:
        pieces = np.array_split(table.encode(text), max(1, -(-len(text) // (size - 2))))
        blocks += [make_block(table, piece, None, len(blocks) + k) for k, piece in enumerate(pieces) if len(piece)]
    return blocks


def make_block(table: CharacterTable, ids: np.ndarray, begins: np.ndarray | None, index: int) -> Block:
    """Put ids between [CLS] and [SEP]; the part of a word that a border cuts off is a word."""
    ids = np.concatenate(([table.cls], ids, [table.sep])).astype(np.int32)
    if begins is not None:
        begins = np.concatenate(([True, True], begins[1:], [True]))
    return Block(ids, begins, index)
