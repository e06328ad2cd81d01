"""Masked-LM fine-tuning: text and a recipe in, a model's folder out. See `cbpner.runs.folder` for what stands in it."""

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from transformers import set_seed

from cbpner.base.files import atomic_folder, is_main_process, write_json
from cbpner.masked_lm.cache import Text, open_corpus
from cbpner.masked_lm.folder import (
    check_continuation,
    check_finished,
    claim_model_folder,
    describe_run,
    find_last_checkpoint,
    hash_weights,
    is_finished,
    read_config,
    read_metrics,
)
from cbpner.masked_lm.masking import sum_losses
from cbpner.masked_lm.recipes import LMRecipe
from cbpner.masked_lm.trainer import build_lm_trainer, cut_corpus, describe_loss, mask_batches
from cbpner.models.attention import pick_attention
from cbpner.models.devices import autocast, pick_device, pick_precision
from cbpner.models.encoders import load_masked_lm
from cbpner.runs import folder as runs
from cbpner.runs.lifecycle import explain_write_errors, find_checkpoint, lock_run
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.run import measure_memory
from cbpner.training.trainer import close_bars


@dataclass(frozen=True)
class LMJob:
    """Everything that one fine-tuning depends on.

    train, held_out: Text of `cbpner.masked_lm.cache`; without held_out there is no perplexity. output: the model's
    folder. cache: folder of the tokenized text, or None for one beside it; rebuild_cache: tokenize in any case.
    continues: the folder of a finished run that is gone on with exactly, to more epochs. save_steps, logging_steps,
    eval_steps: steps between two checkpoints, log records and perplexities (0: behind each epoch). save_total_limit:
    checkpoints kept.
    """

    recipe_name: str
    recipe: LMRecipe
    train: Text
    output: Path
    held_out: Text | None = None
    seed: int = 0
    cache: Path | None = None
    rebuild_cache: bool = False
    overwrite: bool = False
    continues: Path | None = None
    save_steps: int = 500
    save_total_limit: int = 1
    logging_steps: int = 10
    eval_steps: int = 0


def fine_tune(job):
    """Fine-tune, measure and write the model's folder; its metrics. A finished run is left, a broken-off one goes on.

    InputError for wrong text, an encoder that cannot be had, a folder of other settings or one that another process is
    at work on, and a folder that cannot be written to.
    """
    if is_finished(job.output) and not job.overwrite:
        check_finished(job)
        print(f"{job.output}: finished already; --overwrite_output_dir runs it again")
        return read_metrics(job.output)
    with explain_write_errors(job.output), lock_run(job.output):
        return make_run(job)


def make_run(job):
    """`fine_tune` for a folder that is locked and holds no finished run, or one to overwrite."""
    device = pick_device()
    precision = choose_precision(job, device)
    set_seed(job.seed)
    model, tokenizer = load_masked_lm(job.recipe, pick_attention(device), job.continues)
    table = CharacterTable(tokenizer)
    texts = {"train": job.train, "held_out": job.held_out}
    corpora = {part: open_corpus(text, table, job.cache, job.rebuild_cache) for part, text in texts.items() if text}
    checkpoint = find_last_checkpoint(job.continues) if job.continues else None
    if is_main_process():
        config = describe_run(job, corpora, hash_weights(model), precision, checkpoint)
        check_continuation(job, config)
        for change in claim_model_folder(job, config):
            print(f"{job.output}: goes on elsewhere than it began, which may change the last digits: {change}")
    trainer = build_lm_trainer(job, corpora, model, table, len(tokenizer), precision, device)
    run_trainer(trainer, job.output / runs.CHECKPOINTS, checkpoint)
    return finish_run(job, trainer, tokenizer) if trainer.is_world_process_zero() else None


def choose_precision(job, device):
    """`bf16` or `fp32`; a run that broke off, or is gone on with, keeps on such a device what it had."""
    for folder in (job.output, job.continues):
        if job.recipe.precision == "auto" and folder and not job.overwrite and (folder / runs.LM_CONFIG).is_file():
            before = read_config(folder).get("environment", {})
            if before.get("device") == device.type and "precision" in before:
                return before["precision"]
    return pick_precision(job.recipe.precision, device)


def run_trainer(trainer, checkpoints, continued=None):
    """Train from the newest whole checkpoint, else from `continued`, else from the start."""
    trainer.accelerator.wait_for_everyone()  # the main process has claimed the folder
    checkpoint = find_checkpoint(checkpoints) or continued
    trainer.args.eval_on_start = checkpoint is None and trainer.held_out is not None
    try:
        trainer.train(resume_from_checkpoint=checkpoint)
    finally:
        close_bars(trainer)


def measure_model(recipe, text, cache=None):
    """{`perplexity`, `targets`} of the recipe's encoder as it is on a Text; nothing is written but the text's cache."""
    device = pick_device()
    context = partial(autocast, pick_precision(recipe.precision, device), device)
    model, tokenizer = load_masked_lm(recipe, pick_attention(device))
    table = CharacterTable(tokenizer)
    blocks = cut_corpus(open_corpus(text, table, cache), table, recipe, "held_out")
    batches = mask_batches(blocks, len(tokenizer), device)
    return describe_loss(*sum_losses(model.to(device), batches, context))


def finish_run(job, trainer, tokenizer):
    """Save the model, and write lm_metrics.json last."""
    save_model(trainer.model.model, tokenizer, job.output)
    metrics = collect_metrics(job, trainer)
    write_json(job.output / runs.LM_METRICS, metrics)
    return metrics


def save_model(model, tokenizer, folder):
    """Put the model's files beside the run's: each whole, and config.json, without which nothing loads, last."""
    new = folder / ".model.part"
    with atomic_folder(new) as unnamed:
        model.save_pretrained(unnamed)
        tokenizer.save_pretrained(unnamed)
    for path in sorted(new.iterdir(), key=lambda path: path.name == "config.json"):
        os.replace(path, folder / path.name)
    new.rmdir()


def collect_metrics(job, trainer):
    """The content of lm_metrics.json.

    perplexity: {`before`, `during`: [{step, epoch, perplexity}], `after`, `targets`: the held-out characters that are
    guessed}, or None. characters: of the text that is trained on; characters_read: over all epochs. seconds: perplexity
    and checkpoints included.
    """
    state, characters = trainer.state, trainer.train_dataset.characters
    seconds = state.log_history[-1]["seconds"]
    return {
        "name": job.output.resolve().name,
        "recipe": job.recipe_name,
        "perplexity": sum_up_perplexity([record for record in state.log_history if "perplexity" in record]),
        "epochs": state.epoch,
        "steps": state.global_step,
        "characters": characters,
        "characters_read": round(state.epoch * characters),
        "seconds": round(seconds, 1),
        "characters_per_second": round(state.epoch * characters / max(seconds, 1e-9)),
        **measure_memory(),
        "history": [{key: float(value) for key, value in record.items()} for record in state.log_history],
    }


def sum_up_perplexity(records):
    """What `collect_metrics` says about records with `perplexity`, the first of them before training."""
    if not records:
        return None
    during = [{key: record[key] for key in ("step", "epoch", "perplexity")} for record in records[1:]]
    ends = {"before": records[0]["perplexity"], "during": during, "after": records[-1]["perplexity"]}
    return ends | {"targets": int(records[0]["targets"])}
