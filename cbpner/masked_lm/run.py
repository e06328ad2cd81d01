"""Masked-LM fine-tuning: text and a recipe in, a model's folder out. `cbpner.runs.folder` lists the folder's files."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import BertForMaskedLM, PreTrainedTokenizerBase, set_seed

from cbpner.base.files import atomic_folder, is_main_process, write_json
from cbpner.masked_lm.cache import TextSource, open_corpus
from cbpner.masked_lm.folder import (
    LMJob,
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
from cbpner.masked_lm.masking import describe_loss, sum_losses
from cbpner.masked_lm.recipes import LMRecipe
from cbpner.masked_lm.trainer import FineTuner, build_lm_trainer, mask_for_evaluation, pack_blocks
from cbpner.models.attention import pick_attention
from cbpner.models.devices import autocast, pick_device, pick_precision
from cbpner.models.encoders import load_masked_lm
from cbpner.runs import folder as runs
from cbpner.runs.lifecycle import explain_write_errors, find_checkpoint, lock_run
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.progress import close_bars
from cbpner.training.run import measure_memory


def fine_tune(job: LMJob) -> dict[str, Any] | None:
    """Fine-tune, measure and write the model's folder. A finished run is left as it is, an interrupted one resumes.

    Returns:
        The content of lm_metrics.json; None in the other processes of several.

    Raises:
        InputError: for wrong text, an encoder that cannot be loaded, a folder with a run of other settings, one in use
            by another process, and one that cannot be written to.
    """
    if is_finished(job.output) and not job.overwrite:
        check_finished(job)
        print(f"{job.output}: finished already; --overwrite_output_dir runs it again")
        return read_metrics(job.output)
    with explain_write_errors(job.output), lock_run(job.output):
        return _train(job)


def measure_model(recipe: LMRecipe, text: TextSource, cache: Path | None = None) -> dict[str, float]:
    """Return {`perplexity`, `targets`} of the recipe's encoder on a text; only the text's cache is written."""
    device = pick_device()
    context = partial(autocast, pick_precision(recipe.precision, device), device)
    model, tokenizer = load_masked_lm(recipe, pick_attention(device))
    table = CharacterTable(tokenizer)
    blocks = pack_blocks(open_corpus(text, table, cache), table, recipe, "held_out")
    return describe_loss(*sum_losses(model.to(device), mask_for_evaluation(blocks, len(tokenizer), device), context))


def _train(job: LMJob) -> dict[str, Any] | None:
    """`fine_tune` for a folder that is locked."""
    device = pick_device()
    precision = _choose_precision(job, device)
    set_seed(job.seed)
    model, tokenizer = load_masked_lm(job.recipe, pick_attention(device), job.continues)
    table = CharacterTable(tokenizer)
    texts = {"train": job.train, "held_out": job.held_out}
    corpora = {part: open_corpus(text, table, job.cache, job.rebuild_cache) for part, text in texts.items() if text}
    start = find_last_checkpoint(job.continues) if job.continues else None
    if is_main_process():
        config = describe_run(job, corpora, hash_weights(model), precision, start)
        check_continuation(job, config)
        for change in claim_model_folder(job, config):
            print(f"{job.output}: resumed in another environment, which may change the last digits: {change}")
    trainer = build_lm_trainer(job, corpora, model, table, len(tokenizer), precision, device)
    trainer.accelerator.wait_for_everyone()  # until the main process has claimed the folder
    checkpoint = find_checkpoint(job.output / runs.CHECKPOINTS) or start
    trainer.args.eval_on_start = checkpoint is None and trainer.held_out is not None
    try:
        trainer.train(resume_from_checkpoint=checkpoint)
    finally:
        close_bars(trainer)
    return finish_run(job, trainer, tokenizer) if trainer.is_world_process_zero() else None


def _choose_precision(job: LMJob, device: torch.device) -> str:
    """Return `bf16` or `fp32`; a resumed or continued run keeps its precision on the same kind of device."""
    for folder in (job.output, job.continues):
        if job.recipe.precision == "auto" and folder and not job.overwrite and (folder / runs.LM_CONFIG).is_file():
            before = read_config(folder).get("environment", {})
            if before.get("device") == device.type and "precision" in before:
                return before["precision"]
    return pick_precision(job.recipe.precision, device)


def finish_run(job: LMJob, trainer: FineTuner, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """Save the model, and write lm_metrics.json last."""
    save_model(trainer.model.model, tokenizer, job.output)
    metrics = collect_metrics(job, trainer)
    write_json(job.output / runs.LM_METRICS, metrics)
    return metrics


def save_model(model: BertForMaskedLM, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Put the model's files beside the run's: each whole, and last config.json, without which nothing loads."""
    new = folder / ".model.part"
    with atomic_folder(new) as unnamed:
        model.save_pretrained(unnamed)
        tokenizer.save_pretrained(unnamed)
    for path in sorted(new.iterdir(), key=lambda path: path.name == "config.json"):
        os.replace(path, folder / path.name)
    new.rmdir()


def collect_metrics(job: LMJob, trainer: FineTuner) -> dict[str, Any]:
    """Collect the content of lm_metrics.json.

    perplexity is None without held-out text; its `targets` are the held-out characters that are predicted. characters:
    of the training text; characters_read: over all epochs. seconds: with perplexity and checkpoints.
    """
    state, characters = trainer.state, trainer.train_dataset.characters
    seconds, perplexity = state.log_history[-1]["seconds"], None
    if records := [record for record in state.log_history if "perplexity" in record]:
        perplexity = {
            "before": records[0]["perplexity"],
            "during": [{key: record[key] for key in ("step", "epoch", "perplexity")} for record in records[1:]],
            "after": records[-1]["perplexity"],
            "targets": int(records[0]["targets"]),
        }
    return {
        "name": job.output.resolve().name,
        "recipe": job.recipe_name,
        "perplexity": perplexity,
        "epochs": state.epoch,
        "steps": state.global_step,
        "characters": characters,
        "characters_read": round(state.epoch * characters),
        "seconds": round(seconds, 1),
        "characters_per_second": round(state.epoch * characters / max(seconds, 1e-9)),
        **measure_memory(),
        "history": [{key: float(value) for key, value in record.items()} for record in state.log_history],
    }
