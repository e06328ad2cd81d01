"""How weights move: learning rates by part of the model, adversarial steps, averages of weights."""

from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import PreTrainedModel

from cbpner.training.recipes import Recipe

KINDS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}


def make_optimizer(model: PreTrainedModel, recipe: Recipe, decayed: set[str]):
    """The recipe's optimizer over what learns, in groups of one rate and one decay. decayed: names of parameters."""
    groups = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            key = find_rate(model, name, recipe), recipe.weight_decay if name in decayed else 0.0
            groups.setdefault(key, []).append(parameter)
    options = [{"params": group, "lr": rate, "weight_decay": decay} for (rate, decay), group in groups.items()]
    return KINDS[recipe.optimizer](options, fused=True)


def find_rate(model: PreTrainedModel, name: str, recipe: Recipe):
    """The peak learning rate of a parameter."""
    part = name.split(".")[0]
    if part == "crf":
        return recipe.crf_lr
    if part != model.base_model_prefix:
        return recipe.head_lr
    return recipe.lr


@contextmanager
def perturb_embeddings(model: PreTrainedModel, size: float):
    """Within, the token embeddings are moved along their gradient, by so much in norm: a step that learns to resist it.

    The fast gradient method on embeddings (Miyato, Dai and Goodfellow, ICLR 2017), here on the whole table at a time,
    as is usual for BERT.
    """
    weight: Any = model.get_input_embeddings().weight
    norm = weight.grad.norm()
    shift = weight.grad * (size / norm) if torch.isfinite(norm) and norm > 0 else torch.zeros_like(weight)
    before = weight.data.clone()
    weight.data.add_(shift)
    try:
        yield
    finally:
        weight.data.copy_(before)


def average_weights(paths: Sequence[Path]):
    """{name: the mean, float32} of files of weights with the same names and shapes."""
    states = [load_file(path) for path in paths]
    return {name: torch.stack([state[name].float() for state in states]).mean(dim=0) for name in states[0]}


def set_weights(model: PreTrainedModel, state: dict[str, torch.Tensor]):
    """Give the model the weights of a state from a file, which holds tied ones once."""
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and not set(missing) & {name for name, _ in model.named_parameters()}
