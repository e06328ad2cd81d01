"""The original's linear head, the loss, and the shift of scores in it that makes up for how rare entities are."""

from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

IGNORED = -100  # the label of positions that no loss and no score counts
PAD_CLASS = "classifier.pad."  # names of weights begin so that a trained model is saved without


class OriginalLinear(nn.Linear):
    """Supervised_Original's head: torch's first weights, and in training a last class `<PAD>` that no character has."""

    def __init__(self, width: int, labels: int):
        super().__init__(width, labels)
        self.pad = nn.Linear(width, 1)

    def forward(self, input: torch.Tensor):
        scores = super().forward(input)  # (batch, tokens, labels)
        return torch.cat((scores, self.pad(input)), dim=-1) if self.training else scores


def shift_scores(scores: torch.Tensor, outside_bias: float = 0.0, start_bias: float = 0.0):
    """Scores (..., labels) with `outside_bias` added to O (class 0), and `start_bias` taken from every B- (1, 3, ...).

    Inside the loss alone, so that the trained model favours entities by as much: the logit-adjusted loss of Menon et
    al. (ICLR 2021). With a CRF, which adds up a span's characters, `outside_bias` alone would favour long spans.
    """
    offset = scores.new_zeros(scores.shape[-1])
    offset[0] = outside_bias
    offset[1:-1:2] = -start_bias
    return scores + offset


def mean_loss(outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None, **biases):
    """Cross-entropy over real characters, divided by `num_items_in_batch` (of the whole step) or their number here."""
    logits = shift_scores(outputs["logits"].float(), **biases)  # (batch, tokens, labels)
    total = cross_entropy(logits.view(-1, logits.shape[-1]), labels.view(-1), ignore_index=IGNORED, reduction="sum")
    return total / (labels.ne(IGNORED).sum() if num_items_in_batch is None else num_items_in_batch)
