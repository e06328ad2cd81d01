"""Recipes: named tables of hyper-parameters. Everything that a recipe sets, a flag can set too.

`paper` is the original's: bert-base-chinese and the hyper-parameters that its code really used (Hu and Verberne, COLING
2020, and its public repository). `cbp` is ours, for the shipped encoders, tuned on patents that no test set has;
`cbp_patent` is the same with tags that are decided over a whole patent, `cbp_fgm` that with adversarial training (FGM)
where all of the encoder learns, which takes twice the time.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

from cbpner.base.errors import InputError
from cbpner.decoding.decision import Decision
from cbpner.models.names import ADAPTED_ENCODER, HEADS, PRECISIONS, SHIPPED_ENCODER
from cbpner.text.tokenizer import CASINGS

SPLIT = "{split}"  # in an encoder's name: each split has its own
OPTIMIZERS = ("adamw", "adam", "sgd")
SCHEDULES = ("linear", "constant", "reduce_lr_on_plateau")
PADDINGS = ("longest", "max_length")
SELECTIONS = ("best", "last")
DECODERS = ("viterbi", "greedy")
LOSS_UNITS = ("characters", "sentences")


@dataclass(frozen=True)
class Recipe:
    """One set of hyper-parameters. `None` for `dropout`: as the encoder's configuration says.

    encoder: `cbp_mini`, a hub name or a folder; `{split}` in it stands for the split's name. casing, paper_lowers: see
    `cbpner.text.tokenizer.make_tokenizer`.
    batch_size: sentences a batch; 0: as many as fit into batch_tokens padded tokens. accumulation: batches a step.
    group_by_length: batches of batch_size sentences of similar length, not of any.
    lr, head_lr: peak learning rates. warmup: share of the steps. mask_share: share of the characters hidden behind
    [MASK] in training; on frozen layers under a CRF, characters of whose output there nothing is passed on.
    outside_bias, start_bias: see `cbpner.models.loss.shift_scores`. max_length: tokens, with [CLS] and [SEP].
    selection: `best` keeps the best epoch on dev where dev has at least min_dev_mentions mentions, else (and for
    `last`) the last epoch. patience: epochs without a better dev score before training stops (0: never).

    head: what turns the encoder's output into scores of labels. `linear`; `crf`: linear, then a CRF; `bilstm-crf`: the
    last four layers side by side, a BiLSTM of lstm_size units a direction, linear, CRF. freeze_encoder: the encoder
    learns nothing. trainable_layers: only the encoder's last so many layers learn (0: all, and the embeddings).
    crf_lr: peak learning rate of the CRF's transitions. loss_over: the loss is a mean over `characters` or over
    `sentences`. no_cache: run the frozen layers anew in every epoch. cache_mb: MiB of memory for what they make of the
    training and the dev text; beyond it, a file. context: consecutive sentences of a patent are read together, as many
    as fit into so many tokens (0: each alone). rename_share: the share of training sentences whose mentions are made of
    other Latin letters and digits each time, so that names are told by shape and context. layer_decay, adversarial (the
    norm of a shift of the embeddings; 0: none): see `cbpner.training.optimization`.
    span_threshold: a span is tagged where it is so likely (0.5 to below 1), in the place of the decoder's choice (0).
    agreement: where at least this share of a surface's places in a patent is tagged, all are, and else none (0: each
    place for itself; see `cbpner.decoding.document_vote`). head_seed: the head's first weights are drawn with it, None:
    with the run's own seed; runs that share it and not the seed have a good mean (`cbpner.training.ensembles`).
    """

    encoder: str
    casing: str
    paper_lowers: bool
    epochs: int
    batch_size: int
    batch_tokens: int
    lr: float
    head_lr: float
    optimizer: str = "adamw"
    weight_decay: float = 0.0
    schedule: str = "linear"
    warmup: float = 0.0
    max_grad_norm: float = 0.0
    dropout: float | None = None
    mask_share: float = 0.0
    outside_bias: float = 0.0
    start_bias: float = 0.0
    accumulation: int = 1
    padding: str = "longest"
    group_by_length: bool = False
    max_length: int = 512
    precision: str = "auto"
    selection: str = "best"
    min_dev_mentions: int = 100
    patience: int = 0
    decoder: str = "viterbi"
    freeze_encoder: bool = False
    head: str = "linear"
    trainable_layers: int = 0
    lstm_size: int = 128
    crf_lr: float = 0.0
    loss_over: str = "characters"
    no_cache: bool = False
    cache_mb: int = 4096
    context: int = 0
    rename_share: float = 0.0
    layer_decay: float = 1.0
    adversarial: float = 0.0
    span_threshold: float = 0.0
    agreement: float = 0.0
    head_seed: int | None = None

    @property
    def learns_embeddings(self):
        """Whether all of the encoder learns, which adversarial training needs."""
        return not (self.freeze_encoder or self.trainable_layers)

    @property
    def decision(self) -> Decision:
        """How the scores of a model under this recipe become tags."""
        return Decision(
            decoder="spans" if self.span_threshold else self.decoder,
            min_span_probability=self.span_threshold or Decision.min_span_probability,
            vote_share=self.agreement,
            context=self.context,
            max_length=self.max_length,
        )


# what the weights do not depend on
DECODING = ("decoder", "span_threshold", "agreement")

OPTIONAL = {float | None: float, int | None: int}  # the type of a flag's value

CHOICES = {
    "casing": CASINGS, "optimizer": OPTIMIZERS, "schedule": SCHEDULES, "padding": PADDINGS, "precision": PRECISIONS,
    "selection": SELECTIONS, "decoder": DECODERS, "head": HEADS, "loss_over": LOSS_UNITS,
}  # fmt: skip

CBP = Recipe(
    encoder=SHIPPED_ENCODER, casing="keep", paper_lowers=True, epochs=2, batch_size=0, batch_tokens=2048, lr=2e-4,
    head_lr=1e-3, weight_decay=0.01, warmup=0.1, max_grad_norm=1.0, dropout=0.0, mask_share=0.1, outside_bias=2.0,
    patience=2,
)  # fmt: skip
PAPER = Recipe(
    encoder="bert-base-chinese", casing="paper", paper_lowers=True, epochs=40, batch_size=8, batch_tokens=0, lr=5e-5,
    head_lr=5e-5, optimizer="adam", schedule="constant", precision="fp32", selection="last", decoder="greedy",
)  # fmt: skip

DESCRIBED: dict[str, Any] = {"head": "crf", "trainable_layers": 4}  # partBERT_CRF as the original's README describes it
CODED: dict[str, Any] = {"head": "bilstm-crf", "freeze_encoder": True}  # and as its code ran
# flair's defaults stood behind the original's flags: clip at 5, half the rate after 3 epochs without a better dev
# score, word dropout 0.05
FLAIR = replace(
    PAPER, batch_size=4, lr=0.1, head_lr=0.1, crf_lr=0.1, optimizer="sgd", schedule="reduce_lr_on_plateau",
    max_grad_norm=5.0, selection="best", min_dev_mentions=1, decoder="viterbi", loss_over="sentences",
)  # fmt: skip
CBP_CRF = replace(CBP, crf_lr=1e-2, outside_bias=0.5, start_bias=1.0)

# decisions over whole patents, not sentence by sentence
PATENT: dict[str, Any] = {"span_threshold": 0.5, "agreement": 0.1}

CBP_METHODS = {  # method: table; "" stands for every other method
    "": CBP,
    "BERT_LM_mixed": replace(CBP, encoder=ADAPTED_ENCODER, paper_lowers=False, head_seed=0),
    "partBERT_CRF_described": replace(CBP_CRF, **DESCRIBED),
    "partBERT_CRF_coded": replace(CBP_CRF, **CODED, epochs=6, head_lr=2e-3, outside_bias=0.3),
}
CBP_PATENT: dict[str, Any] = {method: replace(table, **PATENT) for method, table in CBP_METHODS.items()}

RECIPES = {
    "cbp": CBP_METHODS,
    "cbp_patent": CBP_PATENT,
    "cbp_fgm": {
        method: replace(table, adversarial=1.0) if table.learns_embeddings else table
        for method, table in CBP_PATENT.items()
    },
    "paper": {
        "": PAPER,
        "BERT_LM_mixed": replace(
            PAPER, paper_lowers=False, optimizer="adamw", schedule="linear", max_grad_norm=1.0, padding="max_length"
        ),
        "partBERT_CRF_described": replace(FLAIR, **DESCRIBED),
        "partBERT_CRF_coded": replace(FLAIR, **CODED, mask_share=0.05),
    },
}


def get_recipe(name, method, **overrides):
    """The recipe's table for a method, with the overrides that are not None; InputError for a wrong name or value."""
    if name not in RECIPES:
        raise InputError(f"found the recipe {name!r}; expected one of {', '.join(RECIPES)}")
    table = RECIPES[name].get(method, RECIPES[name][""])
    recipe = replace(table, **{key: value for key, value in overrides.items() if value is not None})
    check_recipe(recipe)
    return recipe


def name_encoder(encoder, split):
    """A recipe's encoder for one split (None where a run has none)."""
    if SPLIT in encoder and split is None:
        raise InputError(f"found the encoder {encoder} and no split; expected --split N with {SPLIT}")
    return encoder.replace(SPLIT, str(split))


def check_recipe(recipe):
    """InputError for a value that training cannot work with."""
    check_choices(recipe, CHOICES)
    limits = {
        "epochs": (1, None), "accumulation": (1, None), "batch_size": (0, None), "batch_tokens": (0, None),
        "lr": (0, None), "head_lr": (0, None),
        "weight_decay": (0, None), "warmup": (0, 1), "max_grad_norm": (0, None), "dropout": (0, 1),
        "mask_share": (0, 1), "max_length": (8, None),
        "trainable_layers": (0, None), "lstm_size": (1, None), "crf_lr": (0, None), "cache_mb": (0, None),
        "context": (0, recipe.max_length), "rename_share": (0, 1), "agreement": (0, 1),
        "layer_decay": (0, 1),
        "adversarial": (0, None),
        "min_dev_mentions": (0, None), "patience": (0, None),
    }  # fmt: skip
    check_limits(recipe, limits)
    if recipe.span_threshold and not 0.5 <= recipe.span_threshold < 1:
        raise InputError(f"found span_threshold {recipe.span_threshold}; expected 0, or at least 0.5 and below 1")
    if recipe.adversarial and not recipe.learns_embeddings:
        raise InputError("found adversarial with embeddings that do not learn; expected an encoder of which all learns")
    if not recipe.batch_size and recipe.batch_tokens < recipe.max_length:
        raise InputError(
            f"found batch_tokens {recipe.batch_tokens} and max_length {recipe.max_length}; expected a batch to hold at "
            "least one longest sentence, or a batch_size of 1 or more"
        )


def check_choices(recipe, choices):
    """InputError for a field with a value that is not among its choices: {field: values}."""
    for name, values in choices.items():
        if getattr(recipe, name) not in values:
            raise InputError(f"found {name} {getattr(recipe, name)!r}; expected one of {', '.join(values)}")


def check_limits(recipe, limits):
    """InputError for a field outside its limits: {field: (low, high or None)}; None as a value is left alone."""
    for name, (low, high) in limits.items():
        value = getattr(recipe, name)
        if value is not None and (value < low or (high is not None and value > high)):
            raise InputError(f"found {name} {value}; expected {low} {f'to {high}' if high else 'or more'}")


def add_recipe_flags(parser, aliases=None, table=Recipe, choices=CHOICES, only=None):
    """One flag for each field (`--head-lr`, also `--head_lr`); none given: the recipe's own value.

    aliases: {field: more names of its flag}. table, choices: the recipe's dataclass and its fields' choices. only: the
    names of the fields, or None for all.
    """
    told = "everything that a recipe sets" if only is None else "of what a recipe sets, what can change here"
    group = parser.add_argument_group("recipe", f"{told}; without a flag, as the recipe says")
    for field in (field for field in fields(table) if only is None or field.name in only):
        names = [f"--{field.name.replace('_', '-')}", f"--{field.name}", *(aliases or {}).get(field.name, ())]
        names = list(dict.fromkeys(names))
        if field.type is bool:
            group.add_argument(*names, action="store_true", default=None)
        else:
            kind = OPTIONAL.get(field.type, field.type)
            group.add_argument(*names, type=kind, choices=choices.get(field.name), default=None)


def read_recipe_flags(args, table=Recipe):
    """{field: value} of the flags that were given."""
    given = {field.name: getattr(args, field.name, None) for field in fields(table)}
    return {name: value for name, value in given.items() if value is not None}
