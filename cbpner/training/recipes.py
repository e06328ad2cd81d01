"""Recipes: named tables of hyper-parameters, each of which has a flag.

`paper`: bert-base-chinese and the hyper-parameters that the original's code used (Hu and Verberne, COLING 2020). `cbp`:
ours, for the shipped encoders, tuned on patents outside the test sets. `cbp_patent`: decodes over whole patents.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any

from cbpner.base.errors import InputError
from cbpner.base.settings import check_options, option
from cbpner.decoding.decision import Decision
from cbpner.models.names import ADAPTED_ENCODER, HEADS, PRECISIONS, SHIPPED_ENCODER
from cbpner.text.tokenizer import CASING_HELP, CASINGS

LEAST_RATE = 1e-4  # below it reduce_lr_on_plateau ends the training (flair's min_learning_rate)
SPLIT = "{split}"  # in an encoder's name: each split has its own


@dataclass(frozen=True)
class Recipe:
    """One set of hyper-parameters; each field's help text describes it."""

    encoder: str = option(f"encoder: {SHIPPED_ENCODER}, a hub name or a folder; {SPLIT} stands for the split's name")
    casing: str = option(CASING_HELP, choices=CASINGS)
    epochs: int = option("passes over the training data", limits="[1, inf)")
    batch_size: int = option("sentences a batch of all processes; 0: what fits batch_tokens", limits="[0, inf)")
    batch_tokens: int = option("padded tokens a batch of all processes, where batch_size is 0", limits="[0, inf)")
    lr: float = option("peak learning rate of the encoder", limits="[0, inf)")
    head_lr: float = option("peak learning rate of the head", limits="[0, inf)")
    crf_lr: float = option("peak learning rate of the CRF's transitions", 0.0, limits="[0, inf)")
    optimizer: str = option("optimizer", "adamw", choices=("adamw", "adam", "sgd"))
    weight_decay: float = option("weight decay", 0.0, limits="[0, inf)")
    schedule: str = option("course of the learning rate after the warmup", "linear",
                           choices=("linear", "constant", "reduce_lr_on_plateau"))  # fmt: skip
    warmup: float = option("share of the steps in which the learning rate rises, or, from 1 on, steps", 0.0, "[0, inf)")
    max_grad_norm: float = option("clip gradients to this norm; 0: never", 0.0, limits="[0, inf)")
    accumulation: int = option("batches a step", 1, limits="[1, inf)")
    dropout: float | None = option("dropout of the encoder; by default as in its configuration", None, limits="[0, 1]")
    mask_share: float = option("share of the characters hidden in training", 0.0, limits="[0, 1]")
    outside_bias: float = option("added to the score of O in the loss, see cbpner.models.loss", 0.0, "(-inf, inf)")
    start_bias: float = option("taken from the score of every B- in the loss", 0.0, "(-inf, inf)")
    loss_over: str = option("unit over which the loss is averaged", "characters", choices=("characters", "sentences"))
    head: str = option("linear, or a CRF over a linear layer or over a BiLSTM of the last four layers", "linear",
                       choices=HEADS)  # fmt: skip
    original_head: bool = option("build the head as the original's code did, see docs/methods.md", False)
    lstm_size: int = option("units a direction of the BiLSTM", 128, limits="[1, inf)")
    trainable_layers: int | None = option("train the encoder's last N layers alone; 0: none; by default all of it",
                                          None, limits="[0, inf)")  # fmt: skip
    head_seed: int | None = option("seed of the head's first weights; by default the run's", None, "[0, inf)")
    selection: str = option("epoch to keep: best on dev, or last", "best", choices=("best", "last"))
    min_dev_mentions: int = option("keep the last epoch where dev has fewer mentions", 100, limits="[0, inf)")
    patience: int = option("epochs without a better dev score before training stops; 0: never", 0, limits="[0, inf)")
    padding: str = option("pad batches to the longest sentence or to max_length", "longest",
                          choices=("longest", "max_length"))  # fmt: skip
    precision: str = option("number format; auto: bf16 or fp16 where that is faster", "auto", choices=PRECISIONS)
    deterministic: bool = option("on a GPU use torch's deterministic algorithms alone, which are slower", False)
    cache_mb: int = option("MiB of memory for the output of frozen layers, beyond it a file; 0: compute it in every "
                           "epoch", 4096, limits="[0, inf)")  # fmt: skip
    decision: Decision = field(default_factory=Decision)


CBP = Recipe(
    encoder=SHIPPED_ENCODER, casing="keep", epochs=2, batch_size=0, batch_tokens=2048, lr=2e-4, head_lr=1e-3,
    weight_decay=0.01, warmup=0.1, max_grad_norm=1.0, dropout=0.0, mask_share=0.1, outside_bias=2.0, patience=2,
    crf_lr=1e-2,
)  # fmt: skip
PAPER = Recipe(  # what is common to the methods; docs/methods.md has each setting with the original's file
    encoder="bert-base-chinese", casing="paper", epochs=40, batch_size=8, batch_tokens=0, lr=5e-5, head_lr=5e-5,
    optimizer="adam", schedule="constant", precision="fp32", selection="last", decision=Decision("greedy"),
)  # fmt: skip

DESCRIBED: dict[str, Any] = {"head": "crf", "trainable_layers": 4}  # partBERT_CRF as the original's README describes it
CODED: dict[str, Any] = {"head": "bilstm-crf", "trainable_layers": 0}  # and as its code ran, on flair 0.4.3
FLAIR = replace(
    PAPER, batch_size=4, lr=0.1, head_lr=0.1, crf_lr=0.1, optimizer="sgd", schedule="reduce_lr_on_plateau",
    max_grad_norm=5.0, selection="best", min_dev_mentions=1, loss_over="sentences", decision=Decision(),
)  # fmt: skip
CBP_CRF = replace(CBP, outside_bias=0.5, start_bias=1.0)
PATENT = Decision("spans", min_span_probability=0.5, vote_share=0.1)  # over whole patents, not sentence by sentence

CBP_METHODS = {  # method: table; "" stands for every other method
    "": CBP,
    "BERT_LM_mixed": replace(CBP, encoder=ADAPTED_ENCODER, head_seed=0),
    "partBERT_CRF_described": replace(CBP_CRF, **DESCRIBED),
    "partBERT_CRF_coded": replace(CBP_CRF, **CODED, epochs=6, head_lr=2e-3, outside_bias=0.3),
}
RECIPES: dict[str, dict[str, Recipe]] = {
    "cbp": CBP_METHODS,
    "cbp_patent": {method: replace(table, decision=PATENT) for method, table in CBP_METHODS.items()},
    "paper": {
        "": replace(PAPER, casing="uncased", original_head=True),
        "BERT_LM_mixed": replace(PAPER, optimizer="adamw", schedule="linear", max_grad_norm=1.0, padding="max_length"),
        "partBERT_CRF_described": replace(FLAIR, **DESCRIBED),
        "partBERT_CRF_coded": replace(FLAIR, **CODED, original_head=True),
    },
}


def get_recipe(name: str, method: str, **overrides: Any) -> Recipe:
    """The recipe's table for a method, with the overrides that are not None (see `override_recipe`)."""
    if name not in RECIPES:
        raise InputError(f"found the recipe {name!r}; expected one of {', '.join(RECIPES)}")
    return override_recipe(RECIPES[name].get(method, RECIPES[name][""]), **overrides)


def override_recipe(recipe: Recipe, **overrides: Any) -> Recipe:
    """The recipe with the overrides that are not None: its own fields and those of its decision; checked."""
    decision = {each.name: overrides.pop(each.name, None) for each in fields(Decision)}
    given: dict[str, Any] = {name: value for name, value in overrides.items() if value is not None}
    recipe = replace(recipe, **{"decision": recipe.decision.override(**decision)} | given)
    check_recipe(recipe)
    return recipe


def name_encoder(encoder: str, split: str | None) -> str:
    """A recipe's encoder for one split."""
    if SPLIT in encoder and split is None:
        raise InputError(f"found the encoder {encoder} and no split; expected --split N with {SPLIT}")
    return encoder.replace(SPLIT, str(split))


def check_recipe(recipe: Recipe) -> None:
    """Raise InputError for an invalid value."""
    check_options(recipe)
    if recipe.original_head and recipe.head == "crf":
        raise InputError("found original_head with the head crf, which no code of the original built; expected "
                         "--no-original-head")  # fmt: skip
    if recipe.schedule == "reduce_lr_on_plateau" and recipe.warmup:
        raise InputError("found reduce_lr_on_plateau, which has no warmup; expected --warmup 0")
    if recipe.schedule == "reduce_lr_on_plateau" and max(recipe.lr, recipe.head_lr, recipe.crf_lr) < LEAST_RATE:
        raise InputError(
            f"found reduce_lr_on_plateau, which ends below {LEAST_RATE:g}, and lower rates; expected higher"
        )
    check_batches(recipe, "max_length", recipe.decision.max_length)


def check_batches(recipe: Any, name: str, longest: int) -> None:
    """Raise InputError where batches are filled by tokens and one sequence of `longest` tokens would not fit."""
    if not recipe.batch_size and recipe.batch_tokens < longest:
        found = f"found batch_tokens {recipe.batch_tokens} and {name} {longest}"
        raise InputError(f"{found}; expected at least {name}, or a batch_size of 1 or more")


def add_recipe_flags(
    parser: Any, aliases: Mapping[str, Sequence[str]] | None = None, table: type = Recipe,
    only: Collection[str] | None = None,
) -> None:  # fmt: skip
    """Add one flag for each field of `table`, such as `--head-lr`, to an argparse parser.

    aliases: more names of a field's flag. only: names of the fields; None: all.
    """
    group = parser.add_argument_group("recipe", "hyper-parameters; without a flag as the recipe says")
    types: dict[Any, Any] = {float | None: float, int | None: int}
    for each in list_options(table):
        if only is None or each.name in only:
            names = [f"--{each.name.replace('_', '-')}", *(aliases or {}).get(each.name, ())]
            more: dict[str, Any] = {"type": types.get(each.type, each.type), "choices": each.metadata["choices"]}
            if each.type is bool:
                more, off = {"action": "store_true"}, names[0].replace("--", "--no-", 1)
                group.add_argument(off, dest=each.name, default=None, action="store_false", help=f"not {names[0]}")
            elif not more["choices"]:
                more["metavar"] = {int: "N", float: "X"}.get(more["type"], "NAME")
            group.add_argument(*names, default=None, help=each.metadata["help"], **more)


def list_options(table: type) -> list[Field]:
    """The fields of a recipe's dataclass that have flags, with those of its decision."""
    own = [each for each in fields(table) if each.metadata]
    return own + [each for each in fields(Decision) if table is Recipe and each.name != "temperature"]


def read_recipe_flags(args: Any, table: type = Recipe) -> dict[str, Any]:
    given = {each.name: getattr(args, each.name, None) for each in list_options(table)}
    return {name: value for name, value in given.items() if value is not None}
