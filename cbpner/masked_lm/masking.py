"""Masked language modelling on characters: dynamic masking of blocks, the sparse loss, perplexity."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from cbpner.masked_lm.blocks import Block
from cbpner.training.batching import IGNORED, pad

MASK_SHARE = 0.15  # Devlin et al. 2019, section 3.1: 15% of the tokens are targets; of these
REPLACED_BY_MASK = 0.8  # 80% become [MASK],
REPLACED_BY_RANDOM = 0.1  # 10% a random token, and 10% stay.
HELD_OUT = {"seed": 0, "epoch": 1 << 31}  # of masks for evaluation, in every run; no training gets to that epoch


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
