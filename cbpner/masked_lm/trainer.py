"""The Trainer behind masked-LM fine-tuning: batches, schedule, perplexity on held-out text, checkpoints, progress."""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader
from transformers import BertForMaskedLM, TrainerCallback, TrainerControl, TrainerState

from cbpner.base.errors import InputError
from cbpner.masked_lm.config import LMJob
from cbpner.masked_lm.corpus import Blocks, Corpus
from cbpner.masked_lm.masking import EVALUATION_MASKS, Batch, MaskingCollator, TargetsOnly, describe_loss, sum_losses
from cbpner.masked_lm.recipes import LMRecipe
from cbpner.models.devices import autocast, count_batch_tokens
from cbpner.runs import folder as runs
from cbpner.text.batches import sorted_batches
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.base_trainer import HalvingTrainer, make_arguments
from cbpner.training.batching import GroupedSampler, TokenBudgetSampler, load_batches
from cbpner.training.progress import Progress


class MaskedLMTrainer(HalvingTrainer):
    """transformers' Trainer over blocks and a batch sampler, for a `TargetsOnly`, of which it saves the inner model.

    schedule_epochs: those that the learning rate's schedule is made for; 0: as many as are trained. held_out: blocks
    for the perplexity. context: makes the autocast context of a forward pass on them.
    """

    model: Any
    train_dataset: Any
    data_collator: Any

    def __init__(
        self, *args: Any, sampler: BatchSampler, schedule_epochs: float = 0.0, held_out: Blocks | None = None,
        context: Callable[[], AbstractContextManager] = nullcontext, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(*args, **kwargs)
        self.sampler, self.schedule_epochs, self.held_out, self.context = sampler, schedule_epochs, held_out, context

    def get_train_dataloader(self) -> DataLoader:
        return load_batches(self, self.sampler, self.train_dataset)

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> Any:
        if self.schedule_epochs:
            steps = math.ceil(len(self.sampler) / self.args.gradient_accumulation_steps)  # as transformers counts
            num_training_steps = math.ceil(self.schedule_epochs * steps)
            if self.args.max_steps > num_training_steps:
                end = f"a schedule that ends after {num_training_steps}; behind it the learning rate is 0"
                raise InputError(f"found --max_steps {self.args.max_steps} and {end}; expected no more steps than that")
        return super().create_scheduler(num_training_steps, optimizer)

    def evaluate(self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval") -> Any:
        """Return {`perplexity`: exp of the mean loss over the held-out targets, `targets`: their number}."""
        assert self.held_out is not None
        share = slice(self.args.process_index, None, self.args.world_size)
        size, any_token = len(self.data_collator.allowed), self.data_collator.any_token
        batches = mask_for_evaluation(self.held_out, size, self.args.device, share, any_token)
        sums = torch.tensor(sum_losses(self.model.model, batches, self.context), dtype=torch.float64)
        if self.args.world_size > 1:
            sums = self.accelerator.reduce(sums.to(self.args.device), "sum")
        metrics = describe_loss(*sums.tolist())
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        if self.args.should_save:
            self.model.model.save_pretrained(output_dir)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        saved = BertForMaskedLM.from_pretrained(resume_from_checkpoint)
        self.model.model.load_state_dict(saved.state_dict())


class StepIntervals(TrainerCallback):
    """Decides after each step whether a log record, a perplexity and a checkpoint are due, in this order.

    Each as often as the job says, and all three after every epoch and the last step. There is a record before every
    checkpoint, so that no mean loss spans one and a resumed run logs the same as an unbroken one. `parts`, sampler and
    collator, are told the epoch here: the libraries do not reach a sampler that is sharded or resumed.
    """

    def __init__(self, job: LMJob, has_held_out: bool, *parts: Any):
        self.job, self.has_held_out, self.parts = job, has_held_out, parts

    def on_epoch_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        for part in self.parts:
            part.set_epoch(int(state.epoch))

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        def is_due(every: int) -> bool:
            return bool(every) and state.global_step % every == 0

        ends = state.epoch == int(state.epoch) or state.global_step >= state.max_steps
        control.should_save = ends or is_due(self.job.save_steps)
        control.should_evaluate = self.has_held_out and (ends or is_due(self.job.eval_steps))
        control.should_log = control.should_save or control.should_evaluate or is_due(self.job.logging_steps)


def mask_for_evaluation(
    blocks: Blocks, vocabulary_size: int, device: torch.device, share: slice = slice(None), any_token: bool = False
) -> Iterator[Batch]:
    """Yield masked batches of all held-out blocks on the device, or of a share of the blocks.

    Single characters are masked, always the same ones, so that perplexities over the same blocks are comparable.
    """
    collator = MaskingCollator(blocks.table, vocabulary_size, **EVALUATION_MASKS, any_token=any_token)
    own, width = np.arange(len(blocks))[share], 1024 + vocabulary_size // 80  # at most, with the scores of a seventh
    for numbers in sorted_batches(blocks.lengths[own], count_batch_tokens(device, width)):
        batch = collator([blocks[own[number]] for number in numbers])
        yield {name: tensor.to(device) for name, tensor in batch.items()}


def pack_blocks(corpus: Corpus, table: CharacterTable, recipe: LMRecipe, part: str) -> Blocks:
    """Cut the corpus by the recipe's packing; InputError for less text than one block."""
    blocks = Blocks(corpus, table, recipe.block_size, recipe.packing)
    if not len(blocks):
        found, size = f"found {len(corpus.tokens)} characters of text ({part})", recipe.block_size
        raise InputError(f"{found}; expected at least one block of {size} tokens: a smaller --block_size, or more text")
    return blocks


def build_lm_trainer(
    job: LMJob, corpora: dict[str, Corpus], model: BertForMaskedLM, table: CharacterTable,
    vocabulary_size: int, precision: str, device: torch.device,
) -> MaskedLMTrainer:  # fmt: skip
    """Build the trainer of one job. corpora: `train`, and perhaps `held_out`."""
    recipe = job.recipe
    blocks = {part: pack_blocks(corpus, table, recipe, part) for part, corpus in corpora.items()}
    lengths, held_out = blocks["train"].lengths, blocks.get("held_out")
    kind, size = (GroupedSampler, recipe.batch_size) if recipe.batch_size else (TokenBudgetSampler, recipe.batch_tokens)
    sampler = kind(lengths, size, job.seed)
    collator = MaskingCollator(table, vocabulary_size, job.seed, recipe.mask_share, any_token=recipe.any_token)
    progress = Progress(job.output, job.output.resolve().name, log_name=runs.LM_LOG)
    arguments = make_arguments(  # `StepIntervals` does what their strategies would do
        job.output, precision, device, num_train_epochs=recipe.epochs, max_steps=recipe.max_steps or -1,
        learning_rate=recipe.lr, lr_scheduler_type="linear", warmup_steps=recipe.warmup, optim="adamw_torch_fused",
        weight_decay=recipe.weight_decay, max_grad_norm=recipe.max_grad_norm, seed=job.seed,
        per_device_train_batch_size=recipe.batch_size or 1, gradient_accumulation_steps=recipe.accumulation,
        save_strategy="no", eval_strategy="no", logging_strategy="no", save_total_limit=job.save_total_limit,
        full_determinism=recipe.deterministic,
    )  # fmt: skip
    return MaskedLMTrainer(
        TargetsOnly(model), arguments, collator, blocks["train"], sampler=sampler,
        schedule_epochs=recipe.schedule_epochs, held_out=held_out, context=partial(autocast, precision, device),
        callbacks=[progress, StepIntervals(job, held_out is not None, sampler, collator)],
    )  # fmt: skip
