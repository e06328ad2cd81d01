"""Masked language modelling on characters: dynamic masking of blocks, the sparse loss, perplexity."""

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import BertForMaskedLM

from cbpner.base.errors import InputError
from cbpner.masked_lm.corpus import Block
from cbpner.masked_lm.recipes import MASK_SHARE
from cbpner.models.loss import IGNORED
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.batching import pad

REPLACED_BY_MASK = 0.8  # Devlin et al. 2019, section 3.1: of the targets 80% become [MASK],
REPLACED_BY_RANDOM = 0.1  # 10% a random token, and 10% stay
EVALUATION_MASKS = {"seed": 0, "epoch": 1 << 31}  # the same in every run; training never gets to that epoch

Batch = dict[str, torch.Tensor]


class MaskingCollator:
    """Blocks to a masked batch: `input_ids`, `attention_mask`, `labels` (the original id at targets, else -100).

    Each character is a target with probability `share`. Of the targets 80% become [MASK] and 10% a random token, each
    by its own draw. Special tokens and characters outside the vocabulary are never targets or replacements.

    A block's masks follow from seed, epoch (`set_epoch`) and its index alone, whatever batch, process or resumed run it
    is part of. any_token: as the original, where [UNK] (and a literal [MASK]) can be a target, and any token of the
    vocabulary, special ones too, a replacement. allowed: (vocabulary,) bool, whether a token may be a target.
    """

    def __init__(
        self, table: CharacterTable, vocabulary_size: int, seed: int = 0, share: float = MASK_SHARE, epoch: int = 0,
        any_token: bool = False,
    ):  # fmt: skip
        self.table, self.seed, self.share, self.epoch = table, seed, share, epoch
        special = [table.pad, table.unk, table.cls, table.sep, table.mask]
        size = max(vocabulary_size, int(table.ids.max()) + 1, *(number + 1 for number in special))  # it may have gaps
        self.any_token, self.allowed = any_token, np.ones(size, dtype=bool)
        self.allowed[[table.pad, table.cls, table.sep] if any_token else special] = False
        self.replacements = np.arange(size) if any_token else np.flatnonzero(self.allowed)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __call__(self, blocks: Sequence[Block]) -> Batch:
        ids = pad([block.ids for block in blocks], self.table.pad)  # (batch, tokens)
        inputs, labels = zip(*map(self.mask, blocks), strict=True)
        mask = ids.ne(self.table.pad).long()
        return {"input_ids": pad(inputs, self.table.pad), "attention_mask": mask, "labels": pad(labels, IGNORED)}

    def mask(self, block: Block) -> tuple[np.ndarray, np.ndarray]:
        """Return (input ids, labels) of one block, each (tokens,)."""
        random, ids, size = np.random.default_rng((self.seed, self.epoch, block.index)), block.ids, len(block.ids)
        target = (random.random(size) < self.share) & self.allowed[ids]
        draw, replacement = random.random(size), self.replacements[random.integers(len(self.replacements), size=size)]
        inputs = np.where(target & (draw < REPLACED_BY_MASK), self.table.mask, ids)
        by_random = target & (draw >= REPLACED_BY_MASK) & (draw < REPLACED_BY_MASK + REPLACED_BY_RANDOM)
        return np.where(by_random, replacement, inputs), np.where(target, ids, IGNORED)


class TargetsOnly(nn.Module):
    """A `BertForMaskedLM` whose vocabulary layer runs at the targets alone: a seventh of the work, the same loss."""

    accepts_loss_kwargs = True  # transformers' Trainer passes `num_items_in_batch` only to models that say so

    def __init__(self, model: BertForMaskedLM):
        super().__init__()
        self.model, self.config = model, model.config

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Batch:  # fmt: skip
        """Return the loss summed over the targets and divided by `num_items_in_batch` (default: the targets here).

        Without any target it is 0: a short batch may have none, and 0 / 0 would make every weight NaN.
        """
        hidden = self.model.base_model(input_ids, attention_mask=attention_mask).last_hidden_state  # (b, tokens, width)
        target = labels.ne(IGNORED)
        scores = self.model.cls(hidden[target])  # (targets, vocabulary)
        loss = cross_entropy(scores.float(), labels[target], reduction="sum")
        items = target.sum() if num_items_in_batch is None else torch.as_tensor(num_items_in_batch, device=loss.device)
        return {"loss": loss / items.clamp(min=1)}


@torch.no_grad()
def sum_losses(
    model: BertForMaskedLM, batches: Iterable[Batch], autocast: Callable[[], AbstractContextManager]
) -> tuple[float, int]:
    """Return (cross-entropy summed over all targets, number of targets) over masked batches."""
    sparse, total, targets = TargetsOnly(model).eval(), 0.0, 0
    for batch in batches:
        with autocast():
            loss = sparse(**batch, num_items_in_batch=1)["loss"]
        total += loss.item()
        targets += int(batch["labels"].ne(IGNORED).sum())
    return total, targets


def describe_loss(total: float, targets: float) -> dict[str, float]:
    """Return {`perplexity`, `targets`} of a loss summed over so many targets."""
    if not targets:
        raise InputError("found no masked character in the held-out text; expected more text")
    return {"perplexity": math.exp(min(total / targets, 700.0)), "targets": int(targets)}
