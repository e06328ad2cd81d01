"""The one training path: column files and a recipe in, a run folder out."""

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer, set_seed

from cbpner.base.files import atomic_files, atomic_folder, explain_write_errors, read_json
from cbpner.base.memory import measure_peak
from cbpner.decoding.decision import KEY
from cbpner.models.attention import pick_attention
from cbpner.models.devices import pick_device, pick_precision
from cbpner.models.encoders import load_tagger
from cbpner.models.loss import PAD_CLASS
from cbpner.runs import folder as runs
from cbpner.runs.checkpoints import find_checkpoint
from cbpner.runs.lifecycle import Run, run_once
from cbpner.scoring.metrics import MEASURES, score_by_seqeval
from cbpner.text.bio import Sentence
from cbpner.text.splits import PARTS
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.base_trainer import share_decision
from cbpner.training.config import TAGGER_RUN, Job, describe_job, read_data
from cbpner.training.predictor import Predictor
from cbpner.training.progress import CHOSEN_BY, run_trainer
from cbpner.training.recipes import Recipe
from cbpner.training.trainer import build_trainer, choose_selection

Metrics = dict[str, Any]


def train(job: Job) -> Metrics | None:
    """Train, evaluate and write the run folder; a finished run is left as it is, a broken-off one is resumed.

    Gives the run's metrics; under `torchrun` None in every process but the first.
    """
    return run_once(
        job.output, TAGGER_RUN, lambda run: _make_run(job, run), job.overwrite,
        lambda: describe_job(job, *read_data(job), None, job.recipe.precision),
    )  # fmt: skip


def _make_run(job: Job, run: Run) -> Metrics | None:
    data, labels = read_data(job)
    device = pick_device()
    precision = share_decision(pick_precision(job.precision or job.recipe.precision, device), device)
    set_seed(job.seed if job.recipe.head_seed is None else job.recipe.head_seed)  # the Trainer takes the run's own
    model, tokenizer = load_tagger(replace(job.recipe, encoder=job.encoder), labels, pick_attention(device))
    table = CharacterTable(tokenizer)
    run.start(describe_job(job, data, labels, table, precision))
    trainer = build_trainer(job, data, Predictor(model, table, labels, job.recipe, precision), device)
    trainer.accelerator.wait_for_everyone()  # the main process has claimed the folder
    if checkpoint := find_checkpoint(run.checkpoints):
        trainer.args.restore_callback_states_from_checkpoint = True  # the epochs without a better dev score
        state = read_json(checkpoint / "trainer_state.json")
        if state["stateful_callbacks"]["TrainerControl"]["args"]["should_training_stop"]:
            trainer.args.num_train_epochs = round(state["epoch"])
    run_trainer(trainer, checkpoint)
    if not trainer.is_world_process_zero():
        return None
    start = time.perf_counter()
    scores = write_predictions(run.folder, data, trainer.predict_tags)
    seconds = {"train": trainer.state.log_history[-1]["seconds"], "evaluate": time.perf_counter() - start}
    if job.save_model:
        write_model(run.folder, trainer.model, tokenizer, job.recipe)
    return run.finish(collect_metrics(job, trainer, scores, seconds))


def write_predictions(
    folder: Path, data: dict[str, list[Sentence]], predict: Callable[[list[Sentence]], list[list[str]]]
) -> dict[str, Any]:
    """Predict dev and test into the run's folder; the scores of each part, None where it is missing."""
    scores: dict[str, Any] = {"dev": None, "test": None}
    for part in PARTS[1:]:
        if part in data:
            tags = predict(data[part])
            runs.write_tags(runs.tags_path(folder, part), tags)
            scores[part] = score_by_seqeval([sentence.tags for sentence in data[part]], tags)
    return scores


def evaluate_tagger(job: Job, model: PreTrainedModel, table: CharacterTable) -> Metrics:
    """Score a trained model on the job's dev and test, and write what the original wrote into the job's folder.

    `eval_results.txt` (dev) and `test_results.txt` hold the scores: precision, recall and f1 of the original (entities,
    lenient), then those of each level and type. `eval_predictions.txt` and `test_predictions.txt` hold a line for each
    character, with its gold and its predicted tag, and a blank line behind each sentence.
    """
    data, labels = read_data(job)
    precision = pick_precision(job.precision or job.recipe.precision, model.device)
    predictor, scores = Predictor(model, table, labels, job.recipe, precision), Metrics(dev=None, test=None)
    with explain_write_errors(job.output), atomic_files() as open_output:
        job.output.mkdir(parents=True, exist_ok=True)
        for part, sentences in data.items():
            tags, name = predictor.predict(sentences), job.output / {"dev": "eval"}.get(part, part)
            scores[part] = found = score_by_seqeval([sentence.tags for sentence in sentences], tags)
            lines = [f"{key} = {found['entity_lenient']['overall'][key]}\n" for key in MEASURES]
            for level, own in found.items():
                for label, counted in {"overall": own["overall"], **own["types"]}.items():
                    lines += [f"{level}_{label}_{key} = {value}\n" for key, value in counted.items()]
            open_output(f"{name}_results.txt").write("".join(lines))
            rows = [map("{} {} {}\n".format, *each[:2], own) for each, own in zip(sentences, tags, strict=True)]
            open_output(f"{name}_predictions.txt").write("".join("".join(row) + "\n" for row in rows))
    return scores


def write_model(folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, recipe: Recipe) -> None:
    """Save the run's model, with the recipe's decision in its config.json, without what only training needs."""
    setattr(model.config, KEY, asdict(recipe.decision))
    with atomic_folder(folder / runs.MODEL) as target:
        weights = {name: value for name, value in model.state_dict().items() if not name.startswith(PAD_CLASS)}
        model.save_pretrained(target, state_dict=weights)
        tokenizer.save_pretrained(target)


def collect_metrics(job: Job, trainer: Trainer, scores: Metrics, seconds: dict[str, float]) -> Metrics:
    """The content of metrics.json."""
    state, selection = trainer.state, choose_selection(job.recipe, trainer.eval_dataset)  # type: ignore[arg-type]
    history = [record for record in state.log_history if "loss" in record or CHOSEN_BY in record]
    steps = {record["step"]: round(record["epoch"]) for record in history if CHOSEN_BY in record}
    best = steps.get(state.best_global_step or 0) if selection["rule"] == "best dev epoch" else None
    return {
        "method": job.method, "recipe": job.recipe_name, "split": job.split, **scores, "best_epoch": best,
        "epochs": round(state.epoch), "selection": selection,
        "seconds": {name: round(value, 1) for name, value in seconds.items()}, **measure_memory(),
        "history": [{key: float(value) for key, value in record.items()} for record in history],
    }  # fmt: skip


def measure_memory() -> dict[str, float]:
    """`peak_memory_mb` of this process and, on a GPU, `peak_gpu_memory_mb` of torch; both MiB."""
    peaks: dict[str, float] = {"peak_memory_mb": measure_peak()}
    if torch.cuda.is_available():
        peaks["peak_gpu_memory_mb"] = round(torch.cuda.max_memory_allocated() / 2**20)
    return peaks
