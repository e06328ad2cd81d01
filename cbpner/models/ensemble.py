"""Several taggers as one: at each character the mean of their probabilities."""

import math

import torch
from torch import nn
from transformers.modeling_outputs import TokenClassifierOutput


class Ensemble(nn.Module):
    """Logits are the logarithm of the mean, so that a softmax gives the mean back. It costs what its members cost.

    models: token classifiers with the same labels and the same token ids, without a CRF, whose moves have no mean.
    """

    def __init__(self, models):
        super().__init__()
        self.models = nn.ModuleList(models)

    @property
    def device(self):
        return self.models[0].device

    def forward(self, input_ids, attention_mask):
        """Both (batch, tokens) int64; logits (batch, tokens, labels) float32, the logarithms of probabilities."""
        scores = [model(input_ids, attention_mask).logits.float().log_softmax(dim=-1) for model in self.models]
        return TokenClassifierOutput(logits=torch.stack(scores).logsumexp(dim=0) - math.log(len(scores)))
