"""Recipes of masked-LM fine-tuning: named tables of hyper-parameters, each with a flag.

`paper` is the original's: blocks of 512 tokens cut through one long stream, eight a batch. `cbp` is ours: blocks within
documents, as adapting the shipped encoder went (`models/build_cbp_mini.py`), with a lower rate for an encoder that has
been adapted already.
"""

from dataclasses import dataclass, replace

from cbpner.base.errors import InputError
from cbpner.masked_lm.blocks import PACKINGS
from cbpner.masked_lm.masking import MASK_SHARE
from cbpner.masked_lm.word_starts import SEGMENTERS
from cbpner.text.tokenizer import CASINGS
from cbpner.training.recipes import PRECISIONS, SHIPPED_ENCODER, check_choices, check_limits


@dataclass(frozen=True)
class LMRecipe:
    """One set of hyper-parameters.

    encoder: `cbp_mini`, a hub name or a folder. casing: see `cbpner.text.tokenizer.make_tokenizer`; `paper` is cased,
    without capitals added. epochs: may be a fraction. max_steps: stop there (0: behind the last epoch).
    schedule_epochs: the epochs for which the learning rate's schedule is made (0: as many as there are). block_size:
    tokens, with [CLS] and [SEP]. packing: blocks within `documents`, or cut through one `stream`. batch_size: blocks;
    0: as many as fit into batch_tokens padded tokens. accumulation: batches a step. lr: peak rate, which falls to 0 on
    a line. warmup: share of the schedule's steps, or, from 1 on, steps. dropout: in training; `None`: as the encoder's
    configuration says. mask_share: share of the characters that are targets. whole_word: targets are whole words.
    segmenter: where Chinese words come from, see `cbpner.masked_lm.word_starts`.
    """

    encoder: str
    casing: str
    block_size: int
    packing: str
    batch_size: int
    batch_tokens: int
    lr: float
    epochs: float = 1.0
    max_steps: int = 0
    schedule_epochs: float = 0.0
    accumulation: int = 1
    weight_decay: float = 0.0
    warmup: float = 0.0
    max_grad_norm: float = 1.0
    dropout: float | None = None
    mask_share: float = MASK_SHARE
    whole_word: bool = False
    segmenter: str = "rjieba"
    precision: str = "auto"


CHOICES = {"casing": CASINGS, "packing": tuple(PACKINGS), "segmenter": SEGMENTERS, "precision": PRECISIONS}
RECIPES = {
    "cbp": LMRecipe(
        encoder=SHIPPED_ENCODER, casing="keep", block_size=256, packing="documents", batch_size=0, batch_tokens=4096,
        lr=2e-4, weight_decay=0.01, warmup=0.1, dropout=0.0,
    ),
    "paper": LMRecipe(
        encoder="bert-base-chinese", casing="paper", block_size=512, packing="stream", batch_size=8, batch_tokens=0,
        lr=5e-5, precision="fp32",
    ),
}  # fmt: skip


def get_lm_recipe(name, **overrides):
    """The recipe's table with the overrides that are not None; InputError for a wrong name or value."""
    if name not in RECIPES:
        raise InputError(f"found the recipe {name!r}; expected one of {', '.join(RECIPES)}")
    return change_recipe(RECIPES[name], **overrides)


def change_recipe(recipe, **overrides):
    """The recipe with the overrides that are not None; one of batch_size and batch_tokens puts the other out of use."""
    given = {key: value for key, value in overrides.items() if value is not None}
    if "batch_tokens" in given:
        given.setdefault("batch_size", 0)
    recipe = replace(recipe, **given)
    if not recipe.max_steps and not recipe.schedule_epochs:
        recipe = replace(recipe, schedule_epochs=recipe.epochs)
    check_lm_recipe(recipe)
    return recipe


def check_lm_recipe(recipe):
    """InputError for a value that training cannot work with."""
    check_choices(recipe, CHOICES)
    limits = {
        "block_size": (8, None), "batch_size": (0, None), "batch_tokens": (0, None), "lr": (0, None),
        "max_steps": (0, None), "accumulation": (1, None), "weight_decay": (0, None), "warmup": (0, None),
        "max_grad_norm": (0, None), "dropout": (0, 1), "mask_share": (0, 1),
    }  # fmt: skip
    check_limits(recipe, limits)
    if not recipe.batch_size and recipe.batch_tokens < recipe.block_size:
        raise InputError(
            f"found batch_tokens {recipe.batch_tokens} and block_size {recipe.block_size}; expected a batch to hold at "
            "least one block, or a batch_size of 1 or more"
        )
    for name, expected in (("epochs", "more than 0"), ("mask_share", "more than 0")):
        if getattr(recipe, name) <= 0:
            raise InputError(f"found {name} {getattr(recipe, name)}; expected {expected}")
    if recipe.schedule_epochs and recipe.schedule_epochs < recipe.epochs and not recipe.max_steps:
        raise InputError(
            f"found schedule_epochs {recipe.schedule_epochs:g} and epochs {recipe.epochs:g}; expected a schedule for "
            "all epochs: behind its end the learning rate is 0"
        )
