"""The Trainer behind masked-LM fine-tuning: batches, schedule, perplexity on held-out text, checkpoints, progress."""

import math
from functools import partial

import torch
from torch.utils.data import DataLoader
from tqdm.auto import tqdm
from transformers import BertForMaskedLM, PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from cbpner.base.errors import InputError
from cbpner.masked_lm.blocks import PACKINGS
from cbpner.masked_lm.masking import HELD_OUT, MaskingCollator, TargetsOnly, sum_losses
from cbpner.models.devices import autocast
from cbpner.runs import folder as runs
from cbpner.text.batches import sorted_batches
from cbpner.training.batching import GroupedSampler, TokenBudgetSampler
from cbpner.training.trainer import EVALUATION_TOKENS, Progress


class MaskedLMTrainer(Trainer):
    """transformers' Trainer over blocks and a batch sampler; the model is a `TargetsOnly`, what it saves is inside."""

    def __init__(self, *args, sampler, **kwargs):
        super().__init__(*args, **kwargs)
        self.sampler = sampler

    def get_train_dataloader(self):
        loader = DataLoader(
            self.train_dataset, batch_sampler=self.sampler, collate_fn=self.data_collator,
            pin_memory=not self.args.use_cpu,
        )  # fmt: skip
        return self.accelerator.prepare(loader)

    def _save(self, output_dir=None, state_dict=None):
        if self.args.should_save:
            self.model.model.save_pretrained(output_dir)

    def _load_from_checkpoint(self, resume_from_checkpoint, model=None):
        saved = BertForMaskedLM.from_pretrained(resume_from_checkpoint)
        self.model.model.load_state_dict(saved.state_dict())


class FineTuner(MaskedLMTrainer):
    """A MaskedLMTrainer with the recipe's schedule, and perplexity on `held_out` blocks, which may be None."""

    def __init__(self, *args, recipe, held_out, context, **kwargs):
        super().__init__(*args, **kwargs)
        self.recipe, self.held_out, self.context = recipe, held_out, context

    def create_scheduler(self, num_training_steps, optimizer=None):
        if self.recipe.schedule_epochs:
            num_training_steps = math.ceil(self.recipe.schedule_epochs * count_steps(self.sampler, self.args))
        return super().create_scheduler(num_training_steps, optimizer)

    def evaluate(self, eval_dataset=None, ignore_keys=None, metric_key_prefix="eval"):
        """{`perplexity`: exp of the mean loss over the held-out targets, the same every time; `targets`: how many}."""
        share = slice(self.args.process_index, None, self.args.world_size)
        batches = mask_batches(self.held_out, len(self.data_collator.may), self.args.device, share)
        sums = torch.tensor(sum_losses(self.model.model, batches, self.context), dtype=torch.float64)
        metrics = describe_loss(*self.accelerator.reduce(sums.to(self.args.device), "sum").tolist())
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def mask_batches(blocks, vocabulary_size, device, share=slice(None)):
    """Yield masked batches of all held-out blocks on the device, or of a share of the batches.

    Single characters are masked, always the same, so that perplexities over the same blocks can be compared, whatever
    the seed and the masks of training were.
    """
    collator = MaskingCollator(blocks.table, vocabulary_size, **HELD_OUT)
    for numbers in sorted_batches(blocks.lengths, EVALUATION_TOKENS)[share]:
        batch = collator([blocks[number] for number in numbers])
        yield {name: tensor.to(device) for name, tensor in batch.items()}


def describe_loss(total, targets):
    """{`perplexity`, `targets`} of a loss summed over so many targets; InputError where there are none."""
    if not targets:
        raise InputError("found no masked character in the held-out text; expected more text")
    return {"perplexity": math.exp(total / targets), "targets": int(targets)}


def count_steps(sampler, args):
    """Optimizer steps of an epoch, as transformers counts them."""
    return math.ceil(math.ceil(len(sampler) / args.world_size) / args.gradient_accumulation_steps)


class Rhythm(TrainerCallback):
    """When there is a log record, a perplexity, a checkpoint: always behind a step, in this order.

    Each as often as the job says; all three behind every epoch and the last step, and a record before every checkpoint,
    so that no mean loss spans one and a resumed run logs what an unbroken one does. Begins each epoch, too.
    """

    def __init__(self, job, trainer):
        self.job, self.trainer = job, trainer

    def on_epoch_begin(self, args, state, control, **kwargs):
        for part in (self.trainer.sampler, self.trainer.data_collator):
            part.set_epoch(int(state.epoch))

    def on_step_end(self, args, state, control, **kwargs):
        def is_due(every):
            return bool(every) and state.global_step % every == 0

        ends = state.epoch == int(state.epoch) or state.global_step >= state.max_steps
        control.should_save = ends or is_due(self.job.save_steps)
        control.should_evaluate = self.trainer.held_out is not None and (ends or is_due(self.job.eval_steps))
        control.should_log = control.should_save or control.should_evaluate or is_due(self.job.logging_steps)


class LMProgress(Progress):
    """A progress bar in characters, with the current loss and perplexity, and every record as a line of the log."""

    log_name = runs.LM_LOG
    shows = {"loss": "loss", "perplexity": "perplexity"}

    def __init__(self, folder, label, characters):
        super().__init__(folder, label)
        self.characters = characters  # of an epoch

    def open_bar(self, args, state, train_dataloader, **kwargs):
        epochs = state.max_steps / math.ceil(len(train_dataloader) / args.gradient_accumulation_steps)
        return tqdm(
            total=round(epochs * self.characters), initial=self.count(state), desc=self.label, unit=" characters",
            unit_scale=True, mininterval=1.0, dynamic_ncols=True,
        )  # fmt: skip

    def count(self, state):
        return round(state.epoch * self.characters)


def build_arguments(job, precision, device):
    """The recipe in the terms of transformers' TrainingArguments; `Rhythm` does what their strategies would do."""
    recipe = job.recipe
    return TrainingArguments(
        str(job.output / runs.CHECKPOINTS), num_train_epochs=recipe.epochs, max_steps=recipe.max_steps or -1,
        learning_rate=recipe.lr, lr_scheduler_type="linear", warmup_steps=recipe.warmup, optim="adamw_torch_fused",
        weight_decay=recipe.weight_decay, max_grad_norm=recipe.max_grad_norm, seed=job.seed,
        per_device_train_batch_size=recipe.batch_size or 1, gradient_accumulation_steps=recipe.accumulation,
        bf16=precision == "bf16", use_cpu=device.type == "cpu", save_strategy="no", eval_strategy="no",
        logging_strategy="no", save_total_limit=job.save_total_limit, report_to=[], disable_tqdm=True,
        remove_unused_columns=False, label_names=["labels"],
    )  # fmt: skip


def cut_corpus(corpus, table, recipe, part):
    """The corpus' blocks by the recipe's packing; InputError where there is none."""
    blocks = PACKINGS[recipe.packing](corpus, table, recipe.block_size)
    if not len(blocks):
        raise InputError(
            f"found {corpus.tokens} characters of text ({part}); expected a block of {recipe.block_size} tokens at "
            "least: give a smaller --block_size, or more text"
        )
    return blocks


def build_lm_trainer(job, corpora, model, table, vocabulary_size, precision, device):
    """corpora: {`train`, and perhaps `held_out`: `cbpner.masked_lm.cache.Corpus`}. InputError for less than a block."""
    recipe = job.recipe
    blocks = {part: cut_corpus(corpus, table, recipe, part) for part, corpus in corpora.items()}
    lengths = blocks["train"].lengths
    sampler = (
        GroupedSampler(lengths, recipe.batch_size, job.seed)
        if recipe.batch_size
        else TokenBudgetSampler(lengths, recipe.batch_tokens, job.seed)
    )
    trainer = FineTuner(
        TargetsOnly(model), build_arguments(job, precision, device),
        MaskingCollator(table, vocabulary_size, job.seed, recipe.mask_share), blocks["train"], sampler=sampler,
        recipe=recipe, held_out=blocks.get("held_out"), context=partial(autocast, precision, device),
        callbacks=[LMProgress(job.output, job.output.resolve().name, blocks["train"].characters)],
    )  # fmt: skip
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Rhythm(job, trainer))
    return trainer
