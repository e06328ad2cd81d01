"""The Trainer behind every run: examples, batches, loss, optimizer, evaluation on dev, progress."""

import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from transformers import EarlyStoppingCallback, PreTrainedModel, TrainerCallback
from transformers.trainer_utils import IntervalStrategy

from cbpner.base.errors import InputError
from cbpner.decoding.windows import add_special_tokens
from cbpner.models.loss import IGNORED, mean_loss
from cbpner.scoring.metrics import score
from cbpner.text.bio import Sentence, list_mentions
from cbpner.text.labels import LabelSet, repair_tags
from cbpner.text.segments import cut_sentence
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.base_trainer import HalvingTrainer, make_arguments, share_decision
from cbpner.training.batching import SizedSampler, TokenBudgetSampler, load_batches, pad
from cbpner.training.config import Job
from cbpner.training.predictor import FeatureStore, Predictor
from cbpner.training.progress import CHOSEN_BY, Progress
from cbpner.training.recipes import LEAST_RATE, Recipe

OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
PLATEAU = {"mode": "max", "factor": 0.5, "patience": 3}  # flair's defaults: half the rate after so many epochs


def encode_sentences(sentences: list[Sentence], table: CharacterTable, labels: LabelSet, recipe: Recipe):
    """One {`index`, `ids`, `labels`} for each piece of a sentence, with [CLS] and [SEP], which are IGNORED.

    For a CRF under the grammar an `I-` without its `B-` becomes a `B-`.
    """
    numbers, examples = labels.tag_to_id, []
    as_is = recipe.head == "linear" or recipe.original_head
    for sentence in sentences:
        for piece in cut_sentence(sentence, recipe.decision.max_length - 2):
            tags = [numbers[tag] for tag in (piece.tags if as_is else repair_tags(piece.tags))]
            ids, targets = add_special_tokens(table, table.encode(piece.chars)), np.array([IGNORED, *tags, IGNORED])
            examples.append({"index": len(examples), "ids": ids, "labels": targets})
    return examples


@dataclass(frozen=True)
class TaggingCollator:
    """Examples to a batch of `input_ids`, `attention_mask` and `labels`, each (batch, tokens)."""

    table: CharacterTable
    mask_share: float = 0.0  # of the characters, which become [MASK]
    width: int = 0  # tokens to pad to, at least
    hide_features: bool = False  # instead of [MASK] set `hidden` (batch, tokens), by which the model zeroes features
    store: FeatureStore | None = None  # of the examples; adds `features` (batch, tokens, width)

    def __call__(self, examples):
        ids = pad([example["ids"] for example in examples], self.table.pad, self.width)
        labels = pad([example["labels"] for example in examples], IGNORED, self.width)
        batch = {"input_ids": ids, "attention_mask": ids.ne(self.table.pad).long(), "labels": labels}
        if self.mask_share:
            hidden = labels.ne(IGNORED) & (torch.rand(ids.shape) < self.mask_share)
            if self.hide_features:
                batch["hidden"] = hidden
            else:
                batch["input_ids"] = ids.masked_fill(hidden, self.table.mask)
        if self.store is not None:
            batch["features"] = self.store.gather([example["index"] for example in examples], ids.shape[1])
        return batch


class TaggerTrainer(HalvingTrainer):
    """transformers' Trainer with batches by token count, a learning rate for the head, and evaluation by mentions."""

    model: Any  # never None here

    def __init__(self, *args, recipe: Recipe, predictor: Predictor, dev_store: FeatureStore | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.recipe, self.predictor, self.dev_store = recipe, predictor, dev_store
        self.model_accepts_loss_kwargs = self.compute_loss_func is None  # then the model divides by num_items_in_batch

    def get_train_dataloader(self):
        lengths = [max(self.data_collator.width, len(example["ids"])) for example in self.train_dataset]
        kind = SizedSampler if self.recipe.batch_size else TokenBudgetSampler
        sampler = kind(lengths, self.recipe.batch_size or self.recipe.batch_tokens, self.args.seed)
        first = self.train_dataset[0]
        blank = first | {"labels": np.full_like(first["labels"], IGNORED)}
        return load_batches(self, sampler, [*self.train_dataset, blank])

    def create_optimizer(self, model: Any = None):
        decayed = {name for name in self.get_decay_parameter_names(self.model) if not name.startswith("crf.")}
        self.optimizer = make_optimizer(self.model, self.recipe, decayed)
        return self.optimizer

    def compute_loss(self, model: torch.nn.Module, inputs: Any, *args, **kwargs):
        if self.compute_loss_func is None:
            inputs = inputs | list_biases(self.recipe)
        return super().compute_loss(model, inputs, *args, **kwargs)

    def get_batch_samples(self, *args, **kwargs):
        """The batches of one step, and the divisor of its loss, over all of them and all processes."""
        batches, count = super().get_batch_samples(*args, **kwargs)
        if self.recipe.loss_over == "sentences":
            real = torch.stack([batch["labels"][:, 1].ne(IGNORED).sum() for batch in batches]).sum()
            count = self.accelerator.gather(real.to(self.args.device)).sum()
        return batches, count

    def evaluate(self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"):
        dev: Any = self.eval_dataset
        metrics: Any = None
        if self.is_world_process_zero():
            found = score([sentence.tags for sentence in dev], self.predict_tags(dev))
            metrics = {f"{metric_key_prefix}_{level}_f1": found[level]["overall"]["f1"] for level in found}
        metrics = share_decision(metrics, self.args.device)
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _evaluate(self, *args, **kwargs):
        metrics = super()._evaluate(*args, **kwargs)  # the schedule halves the rate here
        highest = max(group["lr"] for group in self.optimizer.param_groups)  # type: ignore[union-attr]
        if self.recipe.schedule == "reduce_lr_on_plateau" and highest < LEAST_RATE:
            self.control.should_training_stop = True
        return metrics

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        if self.recipe.schedule == "reduce_lr_on_plateau" and metrics[CHOSEN_BY] == self.state.best_metric:
            self.state.best_metric -= 1e-9  # as flair, which keeps the last of equally good epochs
        return super()._determine_best_metric(metrics, trial)

    def predict_tags(self, sentences: list[Sentence]):
        """The tags of each sentence, for dev from its stored features."""
        return self.predictor.predict(sentences, self.dev_store if sentences is self.eval_dataset else None)


def choose_selection(recipe: Recipe, dev: list[Sentence] | None):
    """{`rule`, `dev_mentions`, `reason`}: which epoch is kept."""
    rule, mentions = "last epoch", len(list_mentions(dev or []))
    if recipe.selection == "last":
        reason = "the recipe keeps the last epoch"
    elif mentions < max(1, recipe.min_dev_mentions):
        reason = f"dev has {mentions} mentions, fewer than {recipe.min_dev_mentions}: too few to choose by"
    else:
        rule, reason = "best dev epoch", f"strict entity F1 on {mentions} dev mentions"
    return {"rule": rule, "dev_mentions": mentions, "reason": reason}


def build_arguments(job: Job, precision: str, device: torch.device, by_dev: bool, has_dev: bool):
    recipe, plateau = job.recipe, job.recipe.schedule == "reduce_lr_on_plateau"
    return make_arguments(
        job.output, precision, device, num_train_epochs=recipe.epochs, learning_rate=recipe.lr, seed=job.seed,
        lr_scheduler_type="constant_with_warmup" if recipe.schedule == "constant" else recipe.schedule,
        lr_scheduler_kwargs=PLATEAU if plateau else None, gradient_accumulation_steps=recipe.accumulation,
        warmup_steps=recipe.warmup, max_grad_norm=recipe.max_grad_norm, full_determinism=recipe.deterministic,
        save_strategy=IntervalStrategy.EPOCH, save_total_limit=2 if by_dev else 1,
        eval_strategy=IntervalStrategy.EPOCH if has_dev else IntervalStrategy.NO, load_best_model_at_end=by_dev,
        metric_for_best_model=CHOSEN_BY if by_dev or plateau else None,
        greater_is_better=True if by_dev or plateau else None, logging_steps=10,
    )  # fmt: skip


def build_trainer(job: Job, data: dict[str, list[Sentence]], predictor: Predictor, device: torch.device):
    recipe, dev = job.recipe, data.get("dev")
    if recipe.schedule == "reduce_lr_on_plateau" and not dev:
        raise InputError("the schedule reduce_lr_on_plateau follows the dev F1: expected a dev file, found none")
    by_dev = choose_selection(recipe, dev)["rule"] == "best dev epoch"
    examples = encode_sentences(data["train"], predictor.table, predictor.labels, recipe)
    arguments = build_arguments(job, predictor.precision, device, by_dev, bool(dev))
    start, store, dev_store = time.perf_counter(), None, None
    has_features = getattr(predictor.model, "has_features", False)
    if has_features and recipe.cache_mb:
        predictor.model.to(arguments.device)
        store = predictor.store_features([example["ids"] for example in examples], job.output)
        dev_store = predictor.store_windows(dev, job.output) if dev else None
        if device.type == "cuda" and store:  # batches are there already, and other processes cannot make them
            arguments.dataloader_pin_memory, arguments.dataloader_num_workers = False, 0
    label, spent = f"{job.method} {job.split or ''}".strip(), time.perf_counter() - start
    callbacks: list[TrainerCallback] = [Progress(job.output, label, spent)]
    if by_dev and recipe.patience:
        callbacks.append(EarlyStoppingCallback(recipe.patience))
    width = recipe.decision.max_length if recipe.padding == "max_length" else 0
    return TaggerTrainer(
        predictor.model, arguments, TaggingCollator(predictor.table, recipe.mask_share, width, has_features, store),
        examples, dev, compute_loss_func=partial(mean_loss, **list_biases(recipe)) if recipe.head == "linear" else None,
        callbacks=callbacks, recipe=recipe, predictor=predictor, dev_store=dev_store,
    )  # fmt: skip


def list_biases(recipe: Recipe):
    return {"outside_bias": recipe.outside_bias, "start_bias": recipe.start_bias}


def make_optimizer(model: PreTrainedModel, recipe: Recipe, decayed: set[str]):
    """The recipe's optimizer over the trainable parameters, those named in `decayed` with weight decay."""
    rates = {"crf": recipe.crf_lr, model.base_model_prefix: recipe.lr}
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            rate = rates.get(name.split(".")[0], recipe.head_lr)
            groups.setdefault((rate, recipe.weight_decay if name in decayed else 0.0), []).append(parameter)
    options = [{"params": group, "lr": rate, "weight_decay": decay} for (rate, decay), group in groups.items()]
    return OPTIMIZERS[recipe.optimizer](options, fused=True)
