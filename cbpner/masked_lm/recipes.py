"""Recipes of masked-LM fine-tuning: named tables of hyper-parameters; every field is also a flag.

`paper` is the original's: blocks of 512 tokens cut through one long stream, eight a batch. `cbp` is ours: blocks within
documents, as in the pre-training of the shipped encoder (`models/pretrain.sh`), with a lower rate since it is
adapted already.
"""

from dataclasses import dataclass, replace
from typing import Any

from cbpner.base.errors import InputError
from cbpner.base.settings import check_options, option
from cbpner.models.names import PRECISIONS, SHIPPED_ENCODER
from cbpner.text.tokenizer import CASING_HELP, CASINGS
from cbpner.training.recipes import check_batches

SEEDS = {"cbp": 0, "paper": 42}  # by recipe, where none is given
MASK_SHARE = 0.15  # Devlin et al. 2019, section 3.1


@dataclass(frozen=True)
class LMRecipe:
    """One set of hyper-parameters; each field's help text describes it."""

    encoder: str = option(f"model to start from: {SHIPPED_ENCODER}, a hub name or a folder")
    casing: str = option(CASING_HELP, choices=CASINGS)
    block_size: int = option("tokens of a block, with [CLS] and [SEP]", limits="[8, inf)")
    packing: str = option("blocks within documents, or cut through one stream", choices=("documents", "stream"))
    batch_size: int = option("blocks a batch of all processes; 0: what fits batch_tokens", limits="[0, inf)")
    batch_tokens: int = option("padded tokens a batch of all processes, where batch_size is 0", limits="[0, inf)")
    lr: float = option("peak learning rate, which falls linearly to 0", limits="[0, inf)")
    epochs: float = option("passes over the text, or a fraction of one", 1.0, "(0, inf)")
    max_steps: int = option("stop after so many steps; 0: after the last epoch", 0, "[0, inf)")
    schedule_epochs: float = option("epochs that the learning rate's schedule is made for; 0: epochs", 0.0, "[0, inf)")
    accumulation: int = option("batches a step", 1, "[1, inf)")
    weight_decay: float = option("weight decay", 0.0, "[0, inf)")
    warmup: float = option("share of the schedule's steps in which the rate rises, or, from 1 on, steps", 0.0,
                           "[0, inf)")  # fmt: skip
    max_grad_norm: float = option("clip gradients to this norm; 0: never", 1.0, "[0, inf)")
    dropout: float | None = option("dropout in training; by default as in the encoder's configuration", None, "[0, 1]")
    mask_share: float = option("share of the characters that are targets", MASK_SHARE, "(0, 1]")
    any_token: bool = option("[UNK] can be a target too, and every token of the vocabulary a replacement", False)
    precision: str = option("number format; auto: bf16 or fp16 where that is faster", "auto", choices=PRECISIONS)
    deterministic: bool = option("on a GPU use torch's deterministic algorithms alone, which are slower", False)


RECIPES = {
    "cbp": LMRecipe(
        encoder=SHIPPED_ENCODER, casing="keep", block_size=256, packing="documents", batch_size=0, batch_tokens=4096,
        lr=2e-4, weight_decay=0.01, warmup=0.1, dropout=0.0,
    ),
    "paper": LMRecipe(
        encoder="bert-base-chinese", casing="paper", block_size=512, packing="stream", batch_size=8, batch_tokens=0,
        lr=5e-5, epochs=30.0, any_token=True, precision="fp32",
    ),
}  # fmt: skip


def get_lm_recipe(name: str, **overrides: Any) -> LMRecipe:
    """Return the named recipe with the overrides that are not None; InputError for a wrong name or value."""
    if name not in RECIPES:
        raise InputError(f"found the recipe {name!r}; expected one of {', '.join(RECIPES)}")
    return override_lm_recipe(RECIPES[name], **overrides)


def override_lm_recipe(recipe: LMRecipe, **overrides: Any) -> LMRecipe:
    """Return the recipe with the overrides that are not None, checked; `batch_tokens` switches a batch_size off."""
    given = {key: value for key, value in overrides.items() if value is not None}
    if "batch_tokens" in given:
        given.setdefault("batch_size", 0)
    recipe = replace(recipe, **given)
    if not recipe.max_steps and not recipe.schedule_epochs:
        recipe = replace(recipe, schedule_epochs=recipe.epochs)
    check_options(recipe)
    check_batches(recipe, "block_size", recipe.block_size)
    if recipe.schedule_epochs and recipe.schedule_epochs < recipe.epochs and not recipe.max_steps:
        found = f"found schedule_epochs {recipe.schedule_epochs:g} and epochs {recipe.epochs:g}"
        raise InputError(f"{found}; expected a schedule for all epochs: after its end the learning rate is 0")
    return recipe
