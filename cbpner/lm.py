"""Masked language modelling on characters: documents to blocks, dynamic masking, the sparse loss, perplexity."""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import Dataset

from cbpner.batching import IGNORED, pad

MASK_SHARE = 0.15  # Devlin et al. 2019, section 3.1: 15% of the tokens are targets; of these
REPLACED_BY_MASK = 0.8  # 80% become [MASK],
REPLACED_BY_RANDOM = 0.1  # 10% a random token, and 10% stay.
HELD_OUT = {"seed": 0, "epoch": 1 << 31}  # of masks for evaluation, in every run; no training gets to that epoch


class Block(NamedTuple):
    """A stretch of text with its special tokens.

    ids: (tokens,). words: (tokens,) bool, whether a word begins there, or None where each token is one. index: the
    block's place in the corpus, from which its masks follow.
    """

    ids: np.ndarray
    words: np.ndarray | None
    index: int


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
    """`cut_blocks` over a `cbpner.corpus_cache.Corpus`, without loading it: a Block is read when it is asked for.

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


class MaskingCollator:
    """Blocks to a masked batch: `input_ids`, `attention_mask`, `labels` (the original id at targets, else -100).

    Each word is a target with probability `share`, whatever its length, so that this share of the characters is, in
    expectation; where a block has no words, each token is one. (Devlin's whole-word update, which Cui et al. 2019,
    arXiv:1906.08101, take over for Chinese words, draws words until 15% of a text are full and skips those that no
    longer fit, so that long words are drawn less.) Of the targets' characters 80% become [MASK] and 10% a random token,
    each by its own draw, as there. Special tokens and characters outside the vocabulary are never targets, nor what a
    target is replaced by; a word with such a character is no target either.

    A Block's masks follow from seed, epoch (`set_epoch`) and its index alone: whatever batch, process or resumed run it
    comes up in. Plain arrays of ids are masked by the seed and their order, or, without a seed, by torch's generator.
    """

    def __init__(self, table, vocabulary_size, seed=None, share=MASK_SHARE, epoch=0):
        self.table, self.seed, self.share, self.epoch = table, seed, share, epoch
        special = [table.pad, table.unk, table.cls, table.sep, table.mask]
        size = max(vocabulary_size, int(table.ids.max()) + 1, *(number + 1 for number in special))  # it may have gaps
        self.may = np.ones(size, dtype=bool)  # what may be a target, and replace one
        self.may[special] = False
        self.replacements = np.flatnonzero(self.may)

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __call__(self, blocks):
        common = None
        if not isinstance(blocks[0], Block):
            common = np.random.default_rng(torch.randint(2**63 - 1, ()).item() if self.seed is None else self.seed)
            blocks = [Block(ids, None, index) for index, ids in enumerate(blocks)]
        rows = [
            self.mask(block, common or np.random.default_rng((self.seed, self.epoch, block.index))) for block in blocks
        ]
        ids = pad([block.ids for block in blocks], self.table.pad)  # (batch, tokens)
        return {
            "input_ids": pad([row[0] for row in rows], self.table.pad),
            "attention_mask": ids.ne(self.table.pad).long(),
            "labels": pad([row[1] for row in rows], IGNORED),
        }

    def mask(self, block, random):
        """(input ids, labels) of one block, each (tokens,)."""
        ids, size = block.ids, len(block.ids)
        word = np.arange(size) if block.words is None else np.cumsum(block.words) - 1  # the word of each token
        spoilt = np.bincount(word[~self.may[ids]], minlength=size) > 0
        target = ((random.random(size) < self.share) & ~spoilt)[word]
        dice, replacement = random.random(size), self.replacements[random.integers(len(self.replacements), size=size)]
        inputs = np.where(target & (dice < REPLACED_BY_MASK), self.table.mask, ids)
        by_random = target & (dice >= REPLACED_BY_MASK) & (dice < REPLACED_BY_MASK + REPLACED_BY_RANDOM)
        return np.where(by_random, replacement, inputs), np.where(target, ids, IGNORED)


class TargetsOnly(nn.Module):
    """A `BertForMaskedLM` whose vocabulary layer runs at the targets alone: a seventh of the work, the same loss."""

    accepts_loss_kwargs = True  # transformers' Trainer hands `num_items_in_batch` only to models that say so

    def __init__(self, model):
        super().__init__()
        self.model, self.config = model, model.config

    def forward(self, input_ids, attention_mask, labels, num_items_in_batch=None):
        """The loss summed over the targets and divided by `num_items_in_batch` (default: the targets here).

        Without any target it is 0: a short batch may have none, and 0 / 0 would spoil every weight.
        """
        hidden = self.model.base_model(input_ids, attention_mask=attention_mask).last_hidden_state  # (b, tokens, width)
        target = labels.ne(IGNORED)
        scores = self.model.cls(hidden[target])  # (targets, vocabulary)
        loss = cross_entropy(scores.float(), labels[target], reduction="sum")
        items = target.sum() if num_items_in_batch is None else torch.as_tensor(num_items_in_batch, device=loss.device)
        return {"loss": loss / items.clamp(min=1)}


@torch.no_grad()
def sum_losses(model, batches, autocast):
    """(cross-entropy summed over all targets, number of targets) of a `BertForMaskedLM` over masked batches."""
    sparse, total, targets = TargetsOnly(model).eval(), 0.0, 0
    for batch in batches:
        with autocast():
            loss = sparse(**batch, num_items_in_batch=1)["loss"]
        total += loss.item()
        targets += int(batch["labels"].ne(IGNORED).sum())
    return total, targets


def measure_perplexity(model, batches, autocast):
    """exp of the mean cross-entropy per target over masked batches (`MaskingCollator` with a seed).

    ValueError where the batches have no target at all.
    """
    total, targets = sum_losses(model, batches, autocast)
    if not targets:
        raise ValueError("expected at least one masked character, got none: the text is too short for a perplexity")
    return math.exp(total / targets)
