"""Masked language modelling on characters: documents to blocks, dynamic masking, the sparse loss, perplexity."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from cbpner.batching import IGNORED, pad

MASK_SHARE = 0.15  # Devlin et al. 2019, section 3.1: 15% of the tokens are targets; of these
REPLACED_BY_MASK = 0.8  # 80% become [MASK],
REPLACED_BY_RANDOM = 0.1  # 10% a random token, and 10% stay.


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


class MaskingCollator:
    """Blocks to a masked batch: `input_ids`, `attention_mask`, `labels` (the original id at targets, else -100).

    Special tokens and characters outside the vocabulary are never targets, nor what a target is replaced
    by. With a `seed` the masks of a batch depend on that seed and the batch alone (for evaluation); without, on torch's
    global generator.
    """

    def __init__(self, table, vocabulary_size, seed=None):
        self.table, self.seed = table, seed
        self.never = torch.tensor([table.pad, table.unk, table.cls, table.sep, table.mask])
        every = torch.arange(vocabulary_size)
        self.replacements = every[~torch.isin(every, self.never)]

    def __call__(self, blocks):
        generator = None if self.seed is None else torch.Generator().manual_seed(self.seed)
        ids = pad(blocks, self.table.pad)  # (batch, tokens)
        mask = ids.ne(self.table.pad)
        eligible = ~torch.isin(ids, self.never)
        target = eligible & (torch.rand(ids.shape, generator=generator) < MASK_SHARE)
        labels = ids.masked_fill(~target, IGNORED)
        dice = torch.rand(ids.shape, generator=generator)
        random = self.replacements[torch.randint(len(self.replacements), ids.shape, generator=generator)]
        ids = ids.masked_fill(target & (dice < REPLACED_BY_MASK), self.table.mask)
        by_random = target & (dice >= REPLACED_BY_MASK) & (dice < REPLACED_BY_MASK + REPLACED_BY_RANDOM)
        return {"input_ids": torch.where(by_random, random, ids), "attention_mask": mask.long(), "labels": labels}


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
def measure_perplexity(model, batches, autocast):
    """exp of the mean cross-entropy per target over masked batches (`MaskingCollator` with a seed).

    ValueError where the batches have no target at all.
    """
    sparse, total, targets = TargetsOnly(model).eval(), 0.0, 0
    for batch in batches:
        with autocast():
            loss = sparse(**batch, num_items_in_batch=1)["loss"]
        total += loss.item()
        targets += int(batch["labels"].ne(IGNORED).sum())
    if not targets:
        raise ValueError("expected at least one masked character, got none: the text is too short for a perplexity")
    return math.exp(total / targets)
