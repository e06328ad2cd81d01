"""The optimizer with learning rates by part of the model, and adversarial steps."""

from contextlib import contextmanager
from typing import Any

import torch
from transformers import PreTrainedModel

from cbpner.training.recipes import Recipe

OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}


def make_optimizer(model: PreTrainedModel, recipe: Recipe, decayed: set[str]):
    """The recipe's optimizer over the trainable parameters, in groups of one rate and one decay.

    decayed: Names of the parameters with weight decay.
    """
    rates = {"crf": recipe.crf_lr, model.base_model_prefix: recipe.lr}
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            rate = rates.get(name.split(".")[0], recipe.head_lr)
            groups.setdefault((rate, recipe.weight_decay if name in decayed else 0.0), []).append(parameter)
    options = [{"params": group, "lr": rate, "weight_decay": decay} for (rate, decay), group in groups.items()]
    return OPTIMIZERS[recipe.optimizer](options, fused=True)


@contextmanager
def perturb_embeddings(model: PreTrainedModel, size: float):
    """Shift the token embeddings by `size` along their gradient: FGM (Miyato, Dai and Goodfellow, ICLR 2017)."""
    weight: Any = model.get_input_embeddings().weight
    before = weight.detach().clone()
    weight.data.add_(weight.grad * (size / weight.grad.norm().clamp(min=1e-12)))
    yield
    weight.data.copy_(before)
