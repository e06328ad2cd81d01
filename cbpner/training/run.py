"""The one training path: column files and a recipe in, a run folder out."""

import json
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from transformers import set_seed

from cbpner.base.errors import FaultyFile, InputError
from cbpner.base.files import atomic_folder, file_checksum, is_main_process, read_json, remove_tree
from cbpner.base.memory import measure_peak
from cbpner.decoding.decision import KEY
from cbpner.models.attention import pick_attention
from cbpner.models.devices import pick_device, pick_precision
from cbpner.models.encoders import load_tagger, locate_encoder
from cbpner.runs import folder as runs
from cbpner.runs.lifecycle import (
    claim_folder,
    clean_finished,
    count_processes,
    explain_write_errors,
    find_checkpoint,
    lock_run,
)
from cbpner.scoring.metrics import score
from cbpner.text.bio import count_orphans, find_labels, list_mentions, read_bio
from cbpner.text.gold import git_blob_id, read_blob_ids
from cbpner.text.labels import LabelSet
from cbpner.text.splits import PARTS, draw_patents, split_patents
from cbpner.text.tokenizer import CharacterTable, unknown_share
from cbpner.training.optimization import average_checkpoints
from cbpner.training.recipes import ADAPTED_ENCODER, Recipe, name_encoder
from cbpner.training.trainer import CHOSEN_BY, build_trainer, choose_selection, close_bars


@dataclass(frozen=True)
class Job:
    """Everything that one run depends on.

    files: {`train`, and perhaps `dev` and `test`: column file}. output: the run's folder. split: its name in tables, or
    None. labels: a label file, a LabelSet, or None for the labels of the training file. patents: train on so many of
    the training file's patents, drawn by `seed`, or None for all. precision: what `auto` means, or None to measure.
    data_name: what the data are called in tables, or None to find out.
    """

    method: str
    recipe_name: str
    recipe: Recipe
    files: dict
    output: Path
    seed: int = 0
    split: str | None = None
    labels: Path | LabelSet | None = None
    orphans: str = "keep"
    patents: int | None = None
    overwrite: bool = False
    save_model: bool = True
    precision: str | None = None
    data_name: str | None = None

    @property
    def encoder(self):
        """The recipe's encoder, with the split's name in the place of `{split}`."""
        return name_encoder(self.recipe.encoder, self.split)


def train_tagger(job):
    """Train, evaluate and write the run folder; its metrics. A finished run is left as it is, a broken-off one goes on.

    InputError for wrong data, an encoder that cannot be had, a run folder of other settings or one that another process
    is at work on, and a folder that cannot be written to.
    """
    if runs.is_finished(job.output) and not job.overwrite:
        clean_finished(job.output)
        print(f"{job.output}: finished already; --overwrite runs it again")
        return runs.read_metrics(job.output)
    with explain_write_errors(job.output), lock_run(job.output):
        return make_run(job)


def make_run(job):
    """`train_tagger` for a folder that is locked and holds no finished run, or one to overwrite."""
    data, labels = read_data(job)
    device = pick_device()
    precision = choose_precision(job, device)
    set_seed(job.seed if job.recipe.head_seed is None else job.recipe.head_seed)  # the Trainer takes the run's own
    model, tokenizer = load_tagger(replace(job.recipe, encoder=job.encoder), labels, pick_attention(device))
    table = CharacterTable(tokenizer)
    if is_main_process():
        config = describe_job(job, data, labels, table, precision)
        for change in claim_folder(job.output, config, job.overwrite):
            print(f"{job.output}: goes on elsewhere than it began, which may change the last digits: {change}")
    trainer = build_trainer(job, data, labels, model, table, precision, device)
    run_trainer(trainer, job.output / runs.CHECKPOINTS)
    return finish_run(job, trainer, tokenizer, data)


def choose_precision(job, device):
    """`bf16` or `fp32`; a run that broke off on such a device goes on in its precision, whatever is measured now."""
    if job.recipe.precision != "auto" or job.precision:
        return pick_precision(job.precision or job.recipe.precision, device)
    if (job.output / runs.CONFIG).is_file() and not job.overwrite:
        before = runs.read_config(job.output).get("environment", {})
        if before.get("device") == device.type and "precision" in before:
            return before["precision"]
    return pick_precision("auto", device)


def run_trainer(trainer, checkpoints):
    """Train from the newest whole checkpoint, or from the start."""
    trainer.accelerator.wait_for_everyone()  # the main process has claimed the folder
    checkpoint = find_checkpoint(checkpoints)
    if checkpoint:
        trainer.args.restore_callback_states_from_checkpoint = True  # the epochs without a better dev score
        state = json.loads((Path(checkpoint) / "trainer_state.json").read_text(encoding="utf-8"))
        if state["stateful_callbacks"]["TrainerControl"]["args"]["should_training_stop"]:
            trainer.args.num_train_epochs = round(state["epoch"])
    try:
        trainer.train(resume_from_checkpoint=checkpoint)
    finally:
        close_bars(trainer)


def read_data(job):
    """({part: sentences}, label set); every part must use the training file's labels, or those of `job.labels`."""
    labels = job.labels if isinstance(job.labels, LabelSet | None) else LabelSet.from_file(job.labels)
    data, faults = {}, []
    for part, path in job.files.items():
        try:
            data[part] = read_bio(path, labels, job.orphans)
        except FaultyFile as error:
            faults.append(error)
            continue
        labels = labels or find_labels(data[part])
    if faults:
        raise InputError("\n".join(map(str, faults)))
    if job.patents is not None:
        data["train"] = draw_patents(data["train"], job.patents, job.seed)
    return data, labels


def name_data(files):
    """`cbp_gold` where the training file is one of the gold's, told by its content; else its data folder's name."""
    path = Path(files["train"])
    if git_blob_id(path.read_bytes()) in read_blob_ids().values():
        return "cbp_gold"
    folder = path.resolve().parent
    return (folder.parent if folder.name.isdigit() else folder).name


def describe_job(job, data, labels, table, precision):
    """The content of config.json: all that repeats the run."""
    return {
        "method": job.method,
        "recipe": job.recipe_name,
        "split": job.split,
        "seed": job.seed,
        "encoder": job.recipe.encoder,
        "masked_lm": describe_masked_lm(job.encoder),
        "flags": asdict(job.recipe)
        | {"orphans": job.orphans, "labels": describe_labels(job.labels), "patents": job.patents},
        "save_model": job.save_model,
        "data": {
            "name": job.data_name or name_data(job.files),
            "labels": list(labels.types),
            "files": {part: describe_part(job.files[part], data[part], table) for part in data},
        },
        "environment": describe_machine(precision),
        "folder": runs.describe_folder(),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }


def describe_masked_lm(encoder):
    """{`name`, `sha256`: of the weights} where the encoder is a masked LM that was fine-tuned here, else None."""
    folder = Path(locate_encoder(encoder))
    if encoder == ADAPTED_ENCODER:
        name = encoder
    elif (folder / runs.LM_CONFIG).is_file():
        name = read_json(folder / runs.LM_CONFIG)["name"]
    else:
        return None
    return {"name": name, "sha256": file_checksum(folder / "model.safetensors")}


def describe_machine(precision):
    """What stands in config.json as `environment`: versions and machine, and what this process makes of them."""
    return runs.describe_environment() | {
        "device": pick_device().type,
        "precision": precision,
        "threads": torch.get_num_threads(),
        "processes": count_processes(),
    }


def describe_labels(labels):
    return list(labels.types) if isinstance(labels, LabelSet) else str(labels) if labels else None


def describe_part(path, sentences, table):
    return {
        "path": str(path),
        "sha256": file_checksum(path),
        "patents": len(split_patents(sentences)),
        "sentences": len(sentences),
        "characters": sum(len(sentence.chars) for sentence in sentences),
        "mentions": len(list_mentions(sentences)),
        "orphans": count_orphans(sentences),
        "unknown_characters": round(unknown_share(table, (sentence.chars for sentence in sentences)), 6),
    }


def finish_run(job, trainer, tokenizer, data):
    """Predict, save the model, write metrics.json last, and remove the checkpoints."""
    if not trainer.is_world_process_zero():
        return None
    seconds = {"train": trainer.state.log_history[-1]["seconds"]}
    if job.recipe.average_epochs > 1:
        average_checkpoints(trainer.model, job.output / runs.CHECKPOINTS, job.recipe.average_epochs)
    start = time.perf_counter()
    scores = write_predictions(job.output, data, trainer.predict_tags)
    seconds["evaluate"] = time.perf_counter() - start
    if job.save_model:
        write_model(job.output, trainer.model, tokenizer, job.recipe)
    metrics = collect_metrics(job, trainer.state, choose_selection(job.recipe, data.get("dev")), scores, seconds)
    runs.write_metrics(job.output, metrics)
    with suppress(OSError):
        remove_tree(job.output / runs.CHECKPOINTS)
    return metrics


def write_predictions(folder, data, predict):
    """Predict dev and test, where they are, into the run's folder; {part: scores or None}."""
    scores = {"dev": None, "test": None}
    for part in PARTS[1:]:
        if part in data:
            tags = predict(data[part])
            runs.write_tags(runs.tags_path(folder, part), tags)
            scores[part] = score([sentence.tags for sentence in data[part]], tags)
    return scores


def write_model(folder, model, tokenizer, recipe):
    """Save the run's model, with how the recipe decodes in its config.json (`cbpner.decoding.decision`)."""
    setattr(model.config, KEY, asdict(recipe.decision))
    with atomic_folder(folder / runs.MODEL) as target:
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)


def collect_metrics(job, state, selection, scores, seconds):
    """The content of metrics.json; see `cbpner.runs.folder`."""
    history = [record for record in state.log_history if "loss" in record or CHOSEN_BY in record]
    steps = {record["step"]: round(record["epoch"]) for record in history if CHOSEN_BY in record}
    best = steps.get(state.best_global_step) if selection["rule"] == "best dev epoch" else None
    return {
        "method": job.method,
        "recipe": job.recipe_name,
        "split": job.split,
        **scores,
        "best_epoch": best,
        "epochs": round(state.epoch),
        "selection": selection,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        **measure_memory(),
        "history": [{key: float(value) for key, value in record.items()} for record in history],
    }


def measure_memory():
    """{`peak_memory_mb`: MiB of this process, and on a GPU `peak_gpu_memory_mb`: MiB of torch's there}."""
    peaks = {"peak_memory_mb": measure_peak()}
    if torch.cuda.is_available():
        peaks["peak_gpu_memory_mb"] = round(torch.cuda.max_memory_allocated() / 2**20)
    return peaks
