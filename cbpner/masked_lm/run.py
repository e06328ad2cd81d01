"""Masked-LM fine-tuning: text and a recipe in, a model's folder out. `cbpner.runs.folder` lists the folder's files."""

import os
from functools import partial
from pathlib import Path
from typing import Any

from transformers import BertForMaskedLM, PreTrainedTokenizerBase, set_seed

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_folder, read_json
from cbpner.masked_lm import config as jobs
from cbpner.masked_lm.corpus import TextSource, read_corpus
from cbpner.masked_lm.masking import describe_loss, sum_losses
from cbpner.masked_lm.recipes import LMRecipe
from cbpner.masked_lm.trainer import MaskedLMTrainer, build_lm_trainer, mask_for_evaluation, pack_blocks
from cbpner.models.attention import pick_attention
from cbpner.models.devices import autocast, pick_device, pick_precision
from cbpner.models.encoders import load_masked_lm
from cbpner.runs import folder as runs
from cbpner.runs.checkpoints import find_checkpoint
from cbpner.runs.lifecycle import Run, run_once
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.base_trainer import share_decision
from cbpner.training.progress import run_trainer
from cbpner.training.run import measure_memory


def fine_tune(job: jobs.LMJob) -> dict[str, Any] | None:
    """Fine-tune, measure and write the model's folder. A finished run is left as it is, an interrupted one resumes.

    Returns the content of lm_metrics.json; None in the other processes of several.
    """
    return run_once(job.output, jobs.LM_RUN, partial(_fine_tune_locked, job), job.overwrite, partial(_describe, job))


def measure_model(recipe: LMRecipe, text: TextSource, cache: Path | None = None) -> dict[str, float]:
    """Return {`perplexity`, `targets`} of the recipe's encoder on a text; only the text's cache is written."""
    device = pick_device()
    context = partial(autocast, pick_precision(recipe.precision, device), device)
    model, tokenizer = load_masked_lm(recipe, pick_attention(device))
    table = CharacterTable(tokenizer)
    blocks = pack_blocks(read_corpus(text, table, cache), table, recipe, "held_out")
    batches = mask_for_evaluation(blocks, len(tokenizer), device, any_token=recipe.any_token)
    return describe_loss(*sum_losses(model.to(device), batches, context))


def _describe(job: jobs.LMJob) -> dict[str, Any]:
    """The config of the job without its sizes: no text is tokenized."""
    set_seed(job.seed)  # a head that the encoder lacks is random
    model, _ = load_masked_lm(job.recipe, pick_attention(pick_device()), job.continues)
    data = {part: text.describe() for part, text in job.texts.items()}
    return jobs.describe_lm_job(job, data, jobs.hash_weights(model), job.recipe.precision, None)


def _fine_tune_locked(job: jobs.LMJob, run: Run) -> dict[str, Any] | None:
    device = pick_device()
    precision = share_decision(pick_precision(job.recipe.precision, device), device)
    set_seed(job.seed)
    model, tokenizer = load_masked_lm(job.recipe, pick_attention(device), job.continues)
    table = CharacterTable(tokenizer)
    corpora = {part: read_corpus(text, table, job.cache) for part, text in job.texts.items()}
    start = None
    if job.continues and (start := find_checkpoint(job.continues / runs.CHECKPOINTS, clean=False)) is None:
        place = job.continues / runs.CHECKPOINTS
        raise InputError(f"{place}: found no whole checkpoint to continue from; {jobs.WARM_RESTART}")
    data = {part: corpus.info for part, corpus in corpora.items()}
    config = jobs.describe_lm_job(job, data, jobs.hash_weights(model), precision, start)
    if job.continues:
        jobs.check_continuation(read_json(job.continues / runs.LM_CONFIG), config, job.continues)
    jobs.check_model_folder(job)
    run.start(config)
    trainer = build_lm_trainer(job, corpora, model, table, len(tokenizer), precision, device)
    trainer.accelerator.wait_for_everyone()  # until the main process has claimed the folder
    checkpoint = find_checkpoint(run.checkpoints) or start
    trainer.args.eval_on_start = checkpoint is None and trainer.held_out is not None
    run_trainer(trainer, checkpoint)
    if not trainer.is_world_process_zero():
        return None
    save_model(trainer.model.model, tokenizer, run.folder)
    return run.finish(describe_result(job, trainer))


def save_model(model: BertForMaskedLM, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Put the model's files beside the run's: each whole, and last config.json, without which nothing loads."""
    new = folder / ".model.part"
    with atomic_folder(new) as unnamed:
        model.save_pretrained(unnamed)
        tokenizer.save_pretrained(unnamed)
    for path in sorted(new.iterdir(), key=lambda path: path.name == "config.json"):
        os.replace(path, folder / path.name)
    new.rmdir()


def describe_result(job: jobs.LMJob, trainer: MaskedLMTrainer) -> dict[str, Any]:
    """The content of lm_metrics.json; perplexity is None without held-out text, of which it counts the `targets`."""
    state, characters = trainer.state, trainer.train_dataset.characters
    seconds, perplexity = state.log_history[-1]["seconds"], None
    if records := [record for record in state.log_history if "perplexity" in record]:
        during = [{key: record[key] for key in ("step", "epoch", "perplexity")} for record in records[1:]]
        before, after = (record["perplexity"] for record in (records[0], records[-1]))
        perplexity = {"before": before, "during": during, "after": after, "targets": int(records[0]["targets"])}
    return {
        "name": job.output.resolve().name, "recipe": job.recipe_name, "perplexity": perplexity,
        "epochs": state.epoch, "steps": state.global_step, "characters": characters,
        "characters_read": round(state.epoch * characters), "seconds": round(seconds, 1),
        "characters_per_second": round(state.epoch * characters / max(seconds, 1e-9)), **measure_memory(),
        "history": [{key: float(value) for key, value in record.items()} for record in state.log_history],
    }  # fmt: skip
