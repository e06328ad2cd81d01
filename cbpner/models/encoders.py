"""Pretrained encoders: the shipped one, a folder, or a name on the hub."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import is_offline_mode
from torch import nn
from transformers import AutoConfig, AutoModelForMaskedLM, AutoModelForTokenClassification, AutoTokenizer
from transformers.utils import logging

from cbpner.base.errors import InputError, reading_model
from cbpner.models.crf_tagger import BertCrfConfig, BertCrfForTokenClassification, copy_settings
from cbpner.models.ensemble import BertEnsembleConfig
from cbpner.models.foreign import adapt_model
from cbpner.models.loss import OriginalLinear
from cbpner.models.names import SHIPPED_ENCODER, SHIPPED_ENCODERS
from cbpner.models.tokenizers import extend_embeddings, make_tokenizer
from cbpner.runs.folder import HOW_TO_SHIP, LM_CONFIG, locate_shipped
from cbpner.text.labels import LabelSet

FINE_TUNED = {"partHG_1epoch": ("HG", 1), "partBC_30epochs": ("BC", 30)}  # folder: (corpus, epochs), as in the paper


def locate_encoder(name: str):
    """A shipped encoder's folder for its name, else the name as it is; InputError for a path without a model."""
    is_shipped = name in SHIPPED_ENCODERS and not Path(name).is_dir()
    path = locate_shipped(f"models/{name}") if is_shipped else Path(name)
    if (path / "config.json").is_file():
        return str(path) if is_shipped else name if (own := adapt_model(path)) == path else str(own)
    problem = ""
    if is_shipped:
        problem = f"this shipped encoder is not here; {HOW_TO_SHIP}"
    elif (path / LM_CONFIG).is_file():
        problem = f"found a fine-tuning that broke off; the command in its {LM_CONFIG} resumes it and leaves a model"
    elif path.name in FINE_TUNED:
        corpus, epochs = FINE_TUNED[path.name]
        problem = f"this model is still to be made, by CORPUS=../../data/corpora/{corpus} EPOCHS={epochs} bash "
        problem += "BERT_LM_mixed/lmft_example/run_lmft.sh, from a corpus that data/patents/README.md says how to build"
    elif path.is_dir():
        problem = "found a folder without config.json; expected an encoder in the Hugging Face layout"
    elif path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        problem = f"no such folder; expected an encoder, or use the shipped one: {SHIPPED_ENCODER}"
    if problem:
        raise InputError(f"{name}: {problem}")
    return name


def load_parts(name: str, load: Any):
    """`load(source, local_files_only=...)` from a folder or the local cache, else from the hub, else InputError."""
    source = locate_encoder(name)
    is_here, shipped = Path(source).is_dir(), f"RECIPE=cbp, or --encoder {SHIPPED_ENCODER}"
    elsewhere = f"one here, on the hub or in its local cache; the encoder that ships with the project: {shipped}"
    with reading_model(name, "one in the Hugging Face layout" if is_here else elsewhere):
        try:
            return load(source, local_files_only=True)
        except OSError:
            if is_here or is_offline_mode():
                raise
            print(f"{name}: not here, asking the hub ...", file=sys.stderr)
            return load(source, local_files_only=False)


def load_weights(name: str, kind: Any, new: tuple[str, ...] = (), **options: Any):
    """(the model in float32, the names of weights that are `new`, which its file lacks and whose values are random).

    kind: a class of transformers. new: beginnings of names; such weights of another size are drawn anew too. InputError
    where the file lacks other weights, has more layers than config.json says, or values that are no numbers.
    """
    own = {"dtype": "float32", "output_loading_info": True, "ignore_mismatched_sizes": True}
    load = partial(kind.from_pretrained, **own, **options)
    model, info = load_parts(name, load)
    faults = {
        "no weights": [key for key in info["missing_keys"] if not key.startswith(new)],
        "other sizes of": [key for key, *_ in info["mismatched_keys"] if not key.startswith(new)],
        "too many weights": [key for key in info["unexpected_keys"] if ".layer." in key or key.startswith("crf.")],
        "NaN in": [key for key, value in model.named_parameters() if not value.isfinite().all()],
    }
    for what, keys in faults.items():
        if keys:
            found = f"{what} {', '.join(sorted(keys)[:5])} ({len(keys)} in all)"
            raise InputError(f"{name}: found {found}; expected those of a {model.config.model_type}, as in config.json")
    return model, [key for key in info["missing_keys"] if key.startswith(new)]


def load_tagger(recipe: Any, labels: LabelSet, attention: str):
    """The recipe's encoder with a new head (random: seed torch before) for `labels`, and its character tokenizer."""
    name, frozen = recipe.encoder, -1  # layers that do not learn; -1: all learn, and the embeddings
    kind: Any = AutoModelForTokenClassification
    tokenizer, sources, config = _load_basis(name, recipe.casing, "max_length", recipe.decision.max_length)
    config.id2label, config.label2id = labels.id_to_tag, labels.tag_to_id
    if recipe.dropout is not None:
        config.hidden_dropout_prob = config.attention_probs_dropout_prob = recipe.dropout
    if recipe.original_head:
        config.classifier_dropout = 0.0
    if recipe.trainable_layers is not None:
        frozen = config.num_hidden_layers - recipe.trainable_layers
        if frozen < 0:
            found = f"found trainable_layers {recipe.trainable_layers}"
            raise InputError(f"{name}: {found}; expected at most its {config.num_hidden_layers}")
    if recipe.head != "linear":
        if config.model_type not in ("bert", BertCrfConfig.model_type):
            raise InputError(f"{name}: found an encoder of type {config.model_type}; a CRF head expects a bert")
        own = {key: getattr(recipe, key) for key in ("head", "lstm_size", "original_head")}
        config = BertCrfConfig(**copy_settings(config), **own, frozen_layers=frozen)
        kind = BertCrfForTokenClassification
    elif config.model_type in (BertCrfConfig.model_type, BertEnsembleConfig.model_type):
        raise InputError(f"{name}: found a tagger of type {config.model_type}; a linear head expects an encoder")
    new = ("classifier.", "crf.", "lstm.", "projection.")
    model, _ = load_weights(name, kind, new, config=config, attn_implementation=attention)
    extend_embeddings(model, len(tokenizer), sources)
    if recipe.original_head and recipe.head == "linear":
        model.classifier = OriginalLinear(model.classifier.in_features, len(labels.tags))
    elif recipe.original_head:
        model.reset_head()
    base: Any = model.base_model
    if frozen >= 0:
        for module in (base.embeddings, *base.encoder.layer[:frozen]):
            module.requires_grad_(False)
            for dropout in (each for each in module.modules() if isinstance(each, nn.Dropout)):
                dropout.p = 0.0  # as the original and flair run what does not learn
    if recipe.trainable_layers == 0:
        base.requires_grad_(False)
    return model, tokenizer


def load_masked_lm(recipe: Any, attention: str, name: str | Path | None = None):
    """A masked LM from the recipe's encoder (or from `name`), with the recipe's dropout, and its character tokenizer.

    Its configuration keeps the encoder's own dropout, with which it is saved. Seed torch before: a head that the
    encoder lacks is random, which a line on stderr says. InputError for an encoder that is no BERT.
    """
    name = str(name or recipe.encoder)
    tokenizer, sources, config = _load_basis(name, recipe.casing, "block_size", recipe.block_size, is_tagger=False)
    if config.model_type != "bert":
        raise InputError(f"{name}: found a model of type {config.model_type}; masked-LM fine-tuning expects a bert")
    model, new = load_weights(name, AutoModelForMaskedLM, ("cls.",), config=config, attn_implementation=attention)
    if drawn := [key for key in new if "decoder" not in key]:
        print(f"{name}: without a masked-LM head ({len(drawn)} weights); it begins at random", file=sys.stderr)
    extend_embeddings(model, len(tokenizer), sources)
    if recipe.dropout is not None:
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = recipe.dropout
    return model, tokenizer


def _load_basis(name: str, casing: str, field: str, length: int, is_tagger: bool = True):
    """An encoder's character tokenizer, see `make_tokenizer`, and its configuration, which must have the length."""
    silence_libraries()
    tokenizer, sources = make_tokenizer(load_parts(name, AutoTokenizer.from_pretrained), name, casing, is_tagger)
    config = load_parts(name, AutoConfig.from_pretrained)
    if length > config.max_position_embeddings:
        raise InputError(f"{name}: found {field} {length}; expected at most {config.max_position_embeddings}")
    return tokenizer, sources, config


def silence_libraries():
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    huggingface_hub.logging.set_verbosity_error()
