"""Several taggers as one model: at each character the mean of their probabilities.

A deep ensemble (Lakshminarayanan, Pritzel and Blundell, NeurIPS 2017) of taggers that differ in their seed. Importing
this module registers it with the Auto classes of transformers.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForTokenClassification, BertConfig, BertForTokenClassification
from transformers.modeling_outputs import TokenClassifierOutput
from transformers.models.bert.modeling_bert import BertPreTrainedModel

from cbpner.models.crf_tagger import copy_settings


class BertEnsembleConfig(BertConfig):
    """BERT's configuration, of each member. members: how many."""

    model_type = "bert_ensemble"
    members: int = 1


class BertEnsembleForTokenClassification(BertPreTrainedModel):
    """Logits are the logarithm of the mean, so that a softmax gives the mean back."""

    config_class = BertEnsembleConfig

    def __init__(self, config: Any):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.members = nn.ModuleList(BertForTokenClassification(config) for _ in range(config.members))
        self.post_init()

    def forward(
        self, input_ids: torch.Tensor | None = None, attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None, **kwargs,
    ):  # fmt: skip
        """input_ids, attention_mask: (batch, tokens). Logits (batch, tokens, labels), float32: log-probabilities."""
        scores = [
            member(input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).logits.float()
            for member in self.members
        ]
        mean = torch.stack(scores).log_softmax(dim=-1).logsumexp(dim=0) - math.log(len(scores))
        return TokenClassifierOutput(logits=mean)


def join_models(models: Sequence[BertForTokenClassification]) -> BertEnsembleForTokenClassification:
    """An ensemble of `BertForTokenClassification` with the same configuration; RuntimeError where sizes differ."""
    first = models[0].config
    config = BertEnsembleConfig(**copy_settings(first), members=len(models))
    joined = AutoModelForTokenClassification.from_config(config, attn_implementation=first._attn_implementation)
    for member, model in zip(joined.members, models, strict=True):
        member.load_state_dict(model.state_dict())
    return joined.eval()


AutoConfig.register(BertEnsembleConfig.model_type, BertEnsembleConfig)
AutoModelForTokenClassification.register(BertEnsembleConfig, BertEnsembleForTokenClassification)
