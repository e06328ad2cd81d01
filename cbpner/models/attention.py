"""Attention for training on a CPU, all of it in the number format of its inputs.

transformers' `eager` takes the softmax of the scores in float32, which under autocast to bfloat16 is most of its time.
torch's `sdpa` has a slower backward pass on a CPU.
"""

import torch
from torch import nn
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface

NAME = "cbpner"


def attend(
    module: nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
    attention_mask: torch.Tensor | None, scaling: float | None = None, dropout: float = 0.0, **others,
):  # fmt: skip
    """Outputs (batch, tokens, heads, width) and weights (batch, heads, tokens, tokens).

    query, key, value: (batch, heads, tokens, width). attention_mask: from `mask_padding`, or None.
    """
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    with torch.autocast(query.device.type, enabled=False):
        scores = (query * scaling) @ key.transpose(2, 3)
        if attention_mask is not None:
            scores += attention_mask.to(scores.dtype)
        weights = F.dropout(scores.softmax(dim=-1), dropout, module.training)
        return (weights @ value).transpose(1, 2).contiguous(), weights


def mask_padding(attention_mask: torch.Tensor | None = None, dtype: torch.dtype = torch.float32, **others):
    """(batch, 1, 1, tokens) to add to scores, minus infinity at padding; None where nothing is padded."""
    if attention_mask is None or attention_mask.all():
        return None
    zeros = torch.zeros(attention_mask.shape, dtype=dtype, device=attention_mask.device)
    return zeros.masked_fill_(~attention_mask.bool(), float("-inf"))[:, None, None, :]


def pick_attention(device: torch.device):
    """For `from_pretrained`: ours on the CPU, torch's own elsewhere."""
    return NAME if device.type == "cpu" else "sdpa"


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, mask_padding)
