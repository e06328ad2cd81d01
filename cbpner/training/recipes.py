"""Recipes: named tables of hyper-parameters, each of which has a flag.

`paper`: bert-base-chinese and the hyper-parameters that the original's code used (Hu and Verberne, COLING 2020). `cbp`:
ours, for the shipped encoders, tuned on patents outside the test sets. `cbp_patent`: decodes over whole patents.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from typing import Any

from cbpner.base.errors import InputError
from cbpner.decoding.decision import DECODERS, Decision
from cbpner.models.names import ADAPTED_ENCODER, HEADS, PRECISIONS, SHIPPED_ENCODER
from cbpner.text.tokenizer import CASINGS

SPLIT = "{split}"  # in an encoder's name: each split has its own
DECISION_FLAGS = {  # of the fields of a Decision: help
    "decoder": "viterbi: the best legal tags; greedy: each character's best; spans: all spans likely enough",
    "min_span_probability": "keep spans with at least this probability, 0.5 to below 1 (decoder spans)",
    "vote_share": "tag a surface throughout a patent where this share of its occurrences is tagged; 0: no vote",
    "context": "read neighbouring sentences of a patent together, up to so many tokens; 0: each alone",
    "max_length": "tokens that are read together at most, with [CLS] and [SEP]",
}


def option(
    help: str,
    default: Any = MISSING,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] | None = None,
) -> Any:
    """A recipe's field with the metadata from which checks and flags are made."""
    return field(default=default, metadata={"help": help, "low": low, "high": high, "choices": choices})


@dataclass(frozen=True)
class Recipe:
    """One set of hyper-parameters; each field's help text describes it."""

    encoder: str = option(f"encoder: {SHIPPED_ENCODER}, a hub name or a folder; {SPLIT} stands for the split's name")
    casing: str = option("lower; keep (letters A-Z are added where missing); paper (cased, none added)",
                         choices=CASINGS)  # fmt: skip
    epochs: int = option("passes over the training data", low=1)
    batch_size: int = option("sentences a batch; 0: as many as fit into batch_tokens", low=0)
    batch_tokens: int = option("padded tokens a batch, where batch_size is 0", low=0)
    lr: float = option("peak learning rate of the encoder", low=0)
    head_lr: float = option("peak learning rate of the head", low=0)
    crf_lr: float = option("peak learning rate of the CRF's transitions", 0.0, low=0)
    optimizer: str = option("optimizer", "adamw", choices=("adamw", "adam", "sgd"))
    weight_decay: float = option("weight decay", 0.0, low=0)
    schedule: str = option("course of the learning rate after the warmup", "linear",
                           choices=("linear", "constant", "reduce_lr_on_plateau"))  # fmt: skip
    warmup: float = option("share of the steps in which the learning rate rises", 0.0, low=0, high=1)
    max_grad_norm: float = option("clip gradients to this norm; 0: never", 0.0, low=0)
    accumulation: int = option("batches a step", 1, low=1)
    dropout: float | None = option("dropout of the encoder; by default as in its configuration", None, low=0, high=1)
    mask_share: float = option("share of the characters hidden in training", 0.0, low=0, high=1)
    adversarial: float = option("norm of an adversarial shift of the embeddings (FGM); 0: none", 0.0, low=0)
    outside_bias: float = option("added to the score of O in the loss, see cbpner.models.loss", 0.0)
    start_bias: float = option("taken from the score of every B- in the loss", 0.0)
    loss_over: str = option("unit over which the loss is averaged", "characters", choices=("characters", "sentences"))
    head: str = option("linear, or a CRF over a linear layer or over a BiLSTM of the last four layers", "linear",
                       choices=HEADS)  # fmt: skip
    lstm_size: int = option("units a direction of the BiLSTM", 128, low=1)
    trainable_layers: int | None = option("train the encoder's last N layers alone; 0: none; by default all of it",
                                          None, low=0)  # fmt: skip
    head_seed: int | None = option("seed of the head's first weights; by default the run's", None)
    selection: str = option("epoch to keep: best on dev, or last", "best", choices=("best", "last"))
    min_dev_mentions: int = option("keep the last epoch where dev has fewer mentions", 100, low=0)
    patience: int = option("epochs without a better dev score before training stops; 0: never", 0, low=0)
    padding: str = option("pad batches to the longest sentence or to max_length", "longest",
                          choices=("longest", "max_length"))  # fmt: skip
    precision: str = option("number format; auto: bf16 where that is faster", "auto", choices=PRECISIONS)
    cache_mb: int = option("MiB of memory for the output of frozen layers, beyond it a file; 0: compute it in every "
                           "epoch", 4096, low=0)  # fmt: skip
    decision: Decision = field(default_factory=Decision)


CBP = Recipe(
    encoder=SHIPPED_ENCODER, casing="keep", epochs=2, batch_size=0, batch_tokens=2048, lr=2e-4, head_lr=1e-3,
    weight_decay=0.01, warmup=0.1, max_grad_norm=1.0, dropout=0.0, mask_share=0.1, outside_bias=2.0, patience=2,
)  # fmt: skip
PAPER = Recipe(
    encoder="bert-base-chinese", casing="lower", epochs=40, batch_size=8, batch_tokens=0, lr=5e-5, head_lr=5e-5,
    optimizer="adam", schedule="constant", precision="fp32", selection="last", decision=Decision("greedy"),
)  # fmt: skip

DESCRIBED: dict[str, Any] = {"head": "crf", "trainable_layers": 4}  # partBERT_CRF as the original's README describes it
CODED: dict[str, Any] = {"head": "bilstm-crf", "trainable_layers": 0}  # and as its code ran
# with flair's defaults: clip at 5, half the rate after 3 epochs without a better dev score, word dropout 0.05
FLAIR = replace(
    PAPER, batch_size=4, lr=0.1, head_lr=0.1, crf_lr=0.1, optimizer="sgd", schedule="reduce_lr_on_plateau",
    max_grad_norm=5.0, selection="best", min_dev_mentions=1, loss_over="sentences", decision=Decision(),
)  # fmt: skip
CBP_CRF = replace(CBP, crf_lr=1e-2, outside_bias=0.5, start_bias=1.0)
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
        "": PAPER,
        "BERT_LM_mixed": replace(
            PAPER, casing="paper", optimizer="adamw", schedule="linear", max_grad_norm=1.0, padding="max_length"
        ),
        "partBERT_CRF_described": replace(FLAIR, **DESCRIBED),
        "partBERT_CRF_coded": replace(FLAIR, **CODED, mask_share=0.05),
    },
}


def get_recipe(name: str, method: str, **overrides: Any) -> Recipe:
    """The recipe's table for a method, with the overrides that are not None (see `override_recipe`)."""
    if name not in RECIPES:
        raise InputError(f"found the recipe {name!r}; expected one of {', '.join(RECIPES)}")
    return override_recipe(RECIPES[name].get(method, RECIPES[name][""]), **overrides)


def override_recipe(recipe: Recipe, **overrides: Any) -> Recipe:
    """The recipe with the overrides that are not None: its own fields and those of its decision; checked."""
    decision = {name: overrides.pop(name, None) for name in DECISION_FLAGS}
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
    options = [(each.name, each.metadata) for each in fields(recipe) if each.metadata]
    check_choices(recipe, {name: given["choices"] for name, given in options if given["choices"]})
    check_limits(recipe, {name: (given["low"], given["high"]) for name, given in options if given["low"] is not None})
    if recipe.adversarial and recipe.trainable_layers is not None:
        raise InputError("found adversarial with embeddings that do not learn; expected an encoder of which all learns")
    if not recipe.batch_size and recipe.batch_tokens < recipe.decision.max_length:
        raise InputError(
            f"found batch_tokens {recipe.batch_tokens} and max_length {recipe.decision.max_length}; expected at least "
            "max_length, or a batch_size of 1 or more"
        )


def check_choices(recipe: Any, choices: Mapping[str, Sequence[str]]) -> None:
    """Raise InputError for a field with a value that is not among its choices: {field: values}."""
    for name, values in choices.items():
        if getattr(recipe, name) not in values:
            raise InputError(f"found {name} {getattr(recipe, name)!r}; expected one of {', '.join(values)}")


def check_limits(recipe: Any, limits: Mapping[str, tuple[float, float | None]]) -> None:
    """Raise InputError for a field outside its limits: {field: (low, high or None)}; None as a value passes."""
    for name, (low, high) in limits.items():
        value = getattr(recipe, name)
        if value is not None and (value < low or (high is not None and value > high)):
            raise InputError(f"found {name} {value}; expected {low} {f'to {high}' if high else 'or more'}")


def add_recipe_flags(
    parser: Any,
    aliases: Mapping[str, Sequence[str]] | None = None,
    table: type = Recipe,
    choices: Mapping[str, Sequence[str]] | None = None,
    only: Collection[str] | None = None,
) -> None:
    """Add one flag for each field of `table` (`--head-lr`, also `--head_lr`) to an argparse parser.

    Args:
        aliases: More names of a field's flag.
        choices: Of fields that do not state theirs.
        only: Names of the fields; None: all.
    """
    group = parser.add_argument_group("recipe", "hyper-parameters; without a flag as the recipe says")
    types: dict[Any, Any] = {float | None: float, int | None: int}
    for each in list_options(table):
        if only is None or each.name in only:
            names = [f"--{each.name.replace('_', '-')}", f"--{each.name}", *(aliases or {}).get(each.name, ())]
            allowed = each.metadata.get("choices") or {"decoder": DECODERS, **(choices or {})}.get(each.name)
            more: dict[str, Any] = {"type": types.get(each.type, each.type), "choices": allowed}
            if each.type is bool:
                more = {"action": "store_true"}
            help_text = each.metadata.get("help") or DECISION_FLAGS.get(each.name)
            group.add_argument(*dict.fromkeys(names), default=None, help=help_text, **more)


def list_options(table: type) -> list[Field]:
    """The fields of a recipe's dataclass that have flags, with those of its decision."""
    own = [each for each in fields(table) if each.name != "decision"]
    is_nested = len(own) < len(fields(table))
    return own + [each for each in fields(Decision) if is_nested and each.name in DECISION_FLAGS]


def read_recipe_flags(args: Any, table: type = Recipe) -> dict[str, Any]:
    given = {each.name: getattr(args, each.name, None) for each in list_options(table)}
    return {name: value for name, value in given.items() if value is not None}
