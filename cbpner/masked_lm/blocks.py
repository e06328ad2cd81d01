"""Documents to blocks of tokens: within documents, or through one stream."""

import math
from typing import NamedTuple

import numpy as np
from torch.utils.data import Dataset


class Block(NamedTuple):
    """A stretch of text with its special tokens.

    ids: (tokens,). words: (tokens,) bool, whether a word begins there, or None where each token is one. index: the
    block's place in the corpus, from which its masks follow.
    """

    ids: np.ndarray
    words: np.ndarray | None
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody asks a Block for


def cut_blocks(texts, table, size):
    """Each text's ids in blocks of at most `size` tokens, special tokens included; no text is dropped, none is joined.

    The blocks of one text are of equal length but for one character. Returns a list of int32 arrays.
    """
    blocks = []
    for text in texts:
        ids = table.encode(text)
        pieces = np.array_split(ids, max(1, math.ceil(len(ids) / (size - 2))))
        blocks += [np.concatenate(([table.cls], piece, [table.sep])).astype(np.int32) for piece in pieces if len(piece)]
    return blocks


class DocumentBlocks(Dataset):
    """`cut_blocks` over a `cbpner.masked_lm.cache.Corpus`, without loading it: a Block is read when it is asked for.

    lengths: (blocks,) int64, tokens of each block. characters: of the corpus, all of them in some block.
    """

    def __init__(self, corpus, table, size):
        self.corpus, self.table, self.characters = corpus, table, corpus.tokens
        counts = -(-corpus.lengths // (size - 2))  # blocks of each document
        self.ends = np.cumsum(counts)
        parts = np.arange(counts.sum()) - np.repeat(self.ends - counts, counts)
        shortest, longer = np.divmod(corpus.lengths, counts)
        self.lengths = np.repeat(shortest, counts) + (parts < np.repeat(longer, counts)) + 2

    def __len__(self):
        return len(self.lengths)

    def __getitem__(self, index):
        document = int(np.searchsorted(self.ends, index, side="right"))
        first = int(self.ends[document - 1]) if document else 0
        part, count, length = index - first, int(self.ends[document]) - first, int(self.corpus.lengths[document])
        borders = [length // count * k + min(k, length % count) for k in (part, part + 1)]  # as numpy's array_split
        return wrap_block(self.table, *self.corpus.read(document, *borders), index)


class StreamBlocks(Dataset):
    """The corpus as one stream, cut every `size` - 2 tokens; what is left at the end is dropped, as in the original.

    Attention crosses the borders of documents. lengths: as above. characters: those in a block.
    """

    def __init__(self, corpus, table, size):
        self.corpus, self.table, self.inner = corpus, table, size - 2
        self.lengths = np.full(corpus.tokens // self.inner, size)
        self.characters = len(self.lengths) * self.inner

    def __len__(self):
        return len(self.lengths)

    def __getitem__(self, index):
        return wrap_block(self.table, *self.corpus.read_stream(index * self.inner, (index + 1) * self.inner), index)


PACKINGS = {"documents": DocumentBlocks, "stream": StreamBlocks}


def wrap_block(table, ids, words, index):
    """A Block between [CLS] and [SEP]; the part of a word that a border cuts off is a word."""
    ids = np.concatenate(([table.cls], ids, [table.sep])).astype(np.int32)
    if words is not None:
        words = np.concatenate(([True, True], words[1:], [True]))
    return Block(ids, words, index)
