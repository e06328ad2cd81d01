"""Recipes of masked-LM fine-tuning: named tables of hyper-parameters; every field is also a flag.

`paper` is the original's: blocks of 512 tokens cut through one long stream, eight a batch. `cbp` is ours: blocks within
documents, as in the adaptation of the shipped encoder (`models/build_cbp_mini.py`), with a lower rate since it is
adapted already.
"""

from dataclasses import dataclass, replace
from typing import Any

from cbpner.base.errors import InputError
from cbpner.masked_lm.blocks import PACKINGS
from cbpner.masked_lm.word_starts import SEGMENTERS
from cbpner.models.names import PRECISIONS, SHIPPED_ENCODER
from cbpner.text.tokenizer import CASINGS
from cbpner.training.recipes import check_choices, check_limits

MASK_SHARE = 0.15  # Devlin et al. 2019, section 3.1


@dataclass(frozen=True)
class LMRecipe:
    """One set of hyper-parameters."""

    encoder: str  # `cbp_mini`, a hub name or a folder
    casing: str  # see `cbpner.models.tokenizers.make_tokenizer`; `paper` is cased, without capitals added
    block_size: int  # tokens, with [CLS] and [SEP]
    packing: str  # blocks within `documents`, or cut through one `stream`
    batch_size: int  # blocks; 0: as many as fit into batch_tokens
    batch_tokens: int  # padded tokens
    lr: float  # peak rate, which falls linearly to 0
    epochs: float = 1.0  # may be a fraction
    max_steps: int = 0  # stop there; 0: after the last epoch
    schedule_epochs: float = 0.0  # the epochs that the learning rate's schedule is made for; 0: `epochs`
    accumulation: int = 1  # batches a step
    weight_decay: float = 0.0
    warmup: float = 0.0  # share of the schedule's steps, or, from 1 on, steps
    max_grad_norm: float = 1.0
    dropout: float | None = None  # in training; None: as in the encoder's configuration
    mask_share: float = MASK_SHARE  # share of the characters that are targets
    whole_word: bool = False  # targets are whole words
    segmenter: str = "rjieba"  # where Chinese words come from, see `cbpner.masked_lm.word_starts`
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


def get_lm_recipe(name: str, **overrides: Any) -> LMRecipe:
    """Return the named recipe with the overrides that are not None; InputError for a wrong name or value."""
    if name not in RECIPES:
        raise InputError(f"found the recipe {name!r}; expected one of {', '.join(RECIPES)}")
    return override_lm_recipe(RECIPES[name], **overrides)


def override_lm_recipe(recipe: LMRecipe, **overrides: Any) -> LMRecipe:
    """Return the recipe with the overrides that are not None; `batch_tokens` switches a batch_size off."""
    given = {key: value for key, value in overrides.items() if value is not None}
    if "batch_tokens" in given:
        given.setdefault("batch_size", 0)
    recipe = replace(recipe, **given)
    if not recipe.max_steps and not recipe.schedule_epochs:
        recipe = replace(recipe, schedule_epochs=recipe.epochs)
    check_lm_recipe(recipe)
    return recipe


def check_lm_recipe(recipe: LMRecipe) -> None:
    """Raise InputError for a value that training cannot work with."""
    check_choices(recipe, CHOICES)
    least = dict.fromkeys(("batch_size", "batch_tokens", "lr", "max_steps", "weight_decay", "warmup"), (0, None))
    limits = {
        **least, "max_grad_norm": (0, None), "block_size": (8, None), "accumulation": (1, None), "dropout": (0, 1),
        "mask_share": (0, 1),
    }  # fmt: skip
    check_limits(recipe, limits)
    if not recipe.batch_size and recipe.batch_tokens < recipe.block_size:
        found = f"found batch_tokens {recipe.batch_tokens} and block_size {recipe.block_size}"
        raise InputError(f"{found}; expected a batch to hold a block, or a batch_size of 1 or more")
    for name in ("epochs", "mask_share"):
        if getattr(recipe, name) <= 0:
            raise InputError(f"found {name} {getattr(recipe, name)}; expected more than 0")
    if recipe.schedule_epochs and recipe.schedule_epochs < recipe.epochs and not recipe.max_steps:
        found = f"found schedule_epochs {recipe.schedule_epochs:g} and epochs {recipe.epochs:g}"
        raise InputError(f"{found}; expected a schedule for all epochs: after its end the learning rate is 0")
