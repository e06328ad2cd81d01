"""The Trainer behind every run: examples, batches, loss, optimizer, evaluation on dev, progress."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader
from transformers import (
    EarlyStoppingCallback,
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.trainer_utils import IntervalStrategy

from cbpner.base.errors import InputError
from cbpner.base.files import is_main_process
from cbpner.decoding.decode import decode_documents
from cbpner.decoding.probabilities import grammar_chain
from cbpner.decoding.windows import add_special_tokens, cut_windows, score_sentences
from cbpner.models.crf_tagger import count_features
from cbpner.models.devices import autocast
from cbpner.models.loss import IGNORED, mean_loss
from cbpner.runs import folder as runs
from cbpner.scoring.metrics import score
from cbpner.text.bio import Sentence, list_mentions
from cbpner.text.labels import LabelSet, repair_tags
from cbpner.text.segments import cut_sentence
from cbpner.text.splits import group_sentences, join_sentences, split_patents
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.batching import TokenBudgetSampler, pad
from cbpner.training.config import Job
from cbpner.training.features import FeatureStore, store_features
from cbpner.training.optimization import make_optimizer, perturb_embeddings
from cbpner.training.progress import CHOSEN_BY, Progress, TensorBoardLog
from cbpner.training.recipes import Recipe

EVALUATION_TOKENS = 2048  # padded tokens of a forward pass without gradient
PLATEAU = {"mode": "max", "factor": 0.5, "patience": 3}  # flair's defaults: half the rate after so many epochs


def encode_sentences(
    sentences: list[Sentence],
    table: CharacterTable,
    labels: LabelSet,
    max_length: int,
    repair: bool = False,
    context: int = 0,
):
    """One {`index`, `ids`, `labels`} for each piece of a sentence, with [CLS] and [SEP], which are IGNORED.

    Args:
        repair: Turn an `I-` without its `B-` into a `B-`.
        context: See `cbpner.decoding.decision.Decision`.
    """
    numbers, examples = labels.tag_to_id, []
    for group in group_sentences(sentences, context - 2):
        for piece in cut_sentence(join_sentences(group), max_length - 2):
            tags = [numbers[tag] for tag in (repair_tags(piece.tags) if repair else piece.tags)]
            ids, targets = add_special_tokens(table, table.encode(piece.chars)), np.array([IGNORED, *tags, IGNORED])
            examples.append({"index": len(examples), "ids": ids, "labels": targets})
    return examples


@dataclass(frozen=True)
class TaggingCollator:
    """Examples to a batch of `input_ids`, `attention_mask` and `labels`, each (batch, tokens).

    Attributes:
        mask_share: Share of the characters that become [MASK].
        width: Pad to so many tokens at least.
        hide_features: Instead of [MASK] set `hidden` (batch, tokens) bool, with which the model zeroes the features.
        store: Of the examples; adds `features` (batch, tokens, width).
    """

    table: CharacterTable
    mask_share: float = 0.0
    width: int = 0
    hide_features: bool = False
    store: FeatureStore | None = None

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


class TaggerTrainer(Trainer):
    """transformers' Trainer with batches by token count, a learning rate for the head, and evaluation by mentions."""

    model: Any  # never None here

    def __init__(
        self,
        *args,
        job: Job,
        predictor: Any,
        dev: list[Sentence] | None,
        dev_store: FeatureStore | None = None,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self.job, self.predictor, self.dev, self.dev_store = job, predictor, dev, dev_store
        self.model_accepts_loss_kwargs = self.compute_loss_func is None  # then the model divides by num_items_in_batch

    def get_train_dataloader(self):
        recipe, lengths = self.job.recipe, [len(example["ids"]) for example in self.train_dataset]
        if recipe.batch_size:
            return super().get_train_dataloader()
        sampler = TokenBudgetSampler(lengths, recipe.batch_tokens, self.args.seed)
        loader = DataLoader(
            self.train_dataset, batch_sampler=sampler, collate_fn=self.data_collator, pin_memory=not self.args.use_cpu
        )
        return self.accelerator.prepare(loader)

    def create_optimizer(self, model: Any = None):
        decayed = {name for name in self.get_decay_parameter_names(self.model) if not name.startswith("crf.")}
        self.optimizer = make_optimizer(self.model, self.job.recipe, decayed)
        return self.optimizer

    def compute_loss(self, model: torch.nn.Module, inputs: Any, *args, **kwargs):
        if self.compute_loss_func is None:
            inputs = inputs | list_biases(self.job.recipe)
        return super().compute_loss(model, inputs, *args, **kwargs)

    def training_step(self, model: torch.nn.Module, inputs: Any, num_items_in_batch: Any = None):
        loss = super().training_step(model, inputs, num_items_in_batch=num_items_in_batch)
        if self.job.recipe.adversarial:
            with perturb_embeddings(self.accelerator.unwrap_model(model), self.job.recipe.adversarial):
                super().training_step(model, inputs, num_items_in_batch=num_items_in_batch)  # its gradients are added
        return loss

    def _get_num_items_in_batch(self, batch_samples, device):
        """The divisor of the loss of one step, over all accumulated batches and processes."""
        if self.job.recipe.loss_over == "characters":
            return super()._get_num_items_in_batch(batch_samples, device)
        count = torch.tensor(sum(len(batch["labels"]) for batch in batch_samples), device=device)
        return self.accelerator.gather(count).sum()

    def evaluate(self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"):
        assert self.dev is not None
        found = score([sentence.tags for sentence in self.dev], self.predict_tags(self.dev))
        metrics = {f"{metric_key_prefix}_{level}_f1": found[level]["overall"]["f1"] for level in found}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def predict_tags(self, sentences: list[Sentence]):
        """The tags of each sentence, for dev from its stored features."""
        return self.predictor(self.model, sentences, store=self.dev_store if sentences is self.dev else None)


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
    return TrainingArguments(
        str(job.output / runs.CHECKPOINTS), num_train_epochs=recipe.epochs, learning_rate=recipe.lr, seed=job.seed,
        per_device_train_batch_size=recipe.batch_size or 1, lr_scheduler_type=recipe.schedule,
        lr_scheduler_kwargs=PLATEAU if plateau else None,
        gradient_accumulation_steps=recipe.accumulation, warmup_steps=recipe.warmup, max_grad_norm=recipe.max_grad_norm,
        bf16=precision == "bf16",
        use_cpu=device.type == "cpu", save_strategy=IntervalStrategy.EPOCH,
        save_total_limit=2 if by_dev else 1,
        eval_strategy=IntervalStrategy.EPOCH if has_dev else IntervalStrategy.NO, load_best_model_at_end=by_dev,
        metric_for_best_model=CHOSEN_BY if by_dev or plateau else None,
        greater_is_better=True if by_dev or plateau else None,
        logging_steps=10, report_to=[], disable_tqdm=True, remove_unused_columns=False,
        label_names=["labels"], dataloader_pin_memory=device.type == "cuda",
    )  # fmt: skip


def build_trainer(
    job: Job,
    data: dict[str, list[Sentence]],
    labels: LabelSet,
    model: PreTrainedModel,
    table: CharacterTable,
    precision: str,
    device: torch.device,
):
    recipe, dev = job.recipe, data.get("dev")
    if recipe.schedule == "reduce_lr_on_plateau" and not dev:
        raise InputError("the schedule reduce_lr_on_plateau follows the dev F1: expected a dev file, found none")
    by_dev, context = choose_selection(recipe, dev)["rule"] == "best dev epoch", partial(autocast, precision, device)
    max_length, repair = recipe.decision.max_length, recipe.head != "linear"
    examples = encode_sentences(data["train"], table, labels, max_length, repair, recipe.decision.context)
    arguments = build_arguments(job, precision, device, by_dev, bool(dev))
    start, store, dev_store = time.perf_counter(), None, None
    has_features = getattr(model, "has_features", False)
    if has_features and recipe.cache_mb:
        model.to(arguments.device)
        store, dev_store = store_parts(job, model, examples, dev or [], table, context, precision)
    label, spent = f"{job.method} {job.split or ''}".strip(), time.perf_counter() - start
    callbacks: list[TrainerCallback] = [Progress(job.output, label, spent)]
    if is_main_process():
        callbacks.append(TensorBoardLog(job.output / runs.TENSORBOARD))
    if by_dev and recipe.patience:
        callbacks.append(EarlyStoppingCallback(recipe.patience))
    width = max_length if recipe.padding == "max_length" else 0
    trainer = TaggerTrainer(
        model, arguments, TaggingCollator(table, recipe.mask_share, width, has_features, store), examples, dev,
        compute_loss_func=partial(mean_loss, **list_biases(recipe)) if recipe.head == "linear" else None,
        callbacks=callbacks, job=job, dev=dev, dev_store=dev_store,
        predictor=partial(predict_sentences, table=table, labels=labels, recipe=recipe, context=context),
    )  # fmt: skip
    trainer.remove_callback(PrinterCallback)
    return trainer


def list_biases(recipe: Recipe):
    return {"outside_bias": recipe.outside_bias, "start_bias": recipe.start_bias}


def store_parts(
    job: Job,
    model: PreTrainedModel,
    examples: Sequence[dict[str, Any]],
    dev: list[Sentence],
    table: CharacterTable,
    context: Any,
    precision: str,
):
    """The frozen part's features of the training examples and of dev (or None), within the recipe's memory."""
    decision, memory = job.recipe.decision, job.recipe.cache_mb
    store_rows = partial(
        store_features, model, table=table, context=context, batch_tokens=max(EVALUATION_TOKENS, decision.max_length),
        width=count_features(model.config), dtype=torch.bfloat16 if precision == "bf16" else torch.float32,
        folder=job.output,
    )  # fmt: skip
    store = store_rows([example["ids"] for example in examples], memory_mb=memory)
    rows = cut_windows(table, map("".join, group_texts(dev, decision.context)), decision.max_length)[1]
    left = memory + (-store.memory.nbytes >> 20)  # rounded down
    return store, store_rows(rows, memory_mb=left) if rows else None


def group_texts(sentences: list[Sentence], context: int):
    """The texts of sentences that are read together; context: see `cbpner.decoding.decision.Decision`."""
    return [[sentence.chars for sentence in group] for group in group_sentences(sentences, context - 2)]


def predict_sentences(
    model: PreTrainedModel,
    sentences: list[Sentence],
    *,
    table: CharacterTable,
    labels: LabelSet,
    recipe: Recipe,
    context: Any,
    store: FeatureStore | None = None,
):
    """The tags of each sentence by `model`, under the recipe's decision; context, store: see `make_score`."""
    is_fixed, decision = recipe.padding == "max_length", recipe.decision
    scores = score_sentences(
        group_texts(sentences, decision.context), table, make_score(model, table, context, store),
        batch_tokens=recipe.batch_size * decision.max_length if is_fixed else EVALUATION_TOKENS,
        max_length=decision.max_length, width=decision.max_length if is_fixed else 0,
    )  # fmt: skip
    documents = [[sentence.chars for sentence in patent] for patent in split_patents(sentences)]
    crf = getattr(model, "crf", None)
    return decode_documents(documents, scores, labels, grammar_chain(labels) if crf is None else crf.chain(), decision)


def make_score(model: PreTrainedModel, table: CharacterTable, context: Any, store: FeatureStore | None = None):
    """The `score` function of a model for `cbpner.decoding.windows.score_sentences`: log-probabilities.

    Args:
        context: Makes the autocast context of a forward pass.
        store: Features of the windows, used in place of the model's frozen part.
    """
    model.eval()

    @torch.no_grad()
    def score_batch(ids: np.ndarray, rows: Sequence[int]) -> np.ndarray:
        tokens = torch.from_numpy(ids)
        inputs = {"input_ids": tokens, "attention_mask": tokens.ne(table.pad).long()}
        inputs |= {} if store is None else {"features": store.gather(rows, ids.shape[1])}
        with context():
            logits = model(**{name: value.to(model.device) for name, value in inputs.items()}).logits
        return logits.float().log_softmax(dim=-1).cpu().numpy()

    return score_batch
