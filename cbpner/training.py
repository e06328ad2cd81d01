"""The one training path: column files and a recipe in, a run folder out."""

import resource
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from transformers import set_seed

from cbpner import runs
from cbpner.bio import BioError, count_orphans, find_labels, list_mentions, read_bio
from cbpner.devices import is_main_process, pick_attention, pick_device, pick_precision
from cbpner.errors import InputError
from cbpner.gold import git_blob_id, read_blob_ids
from cbpner.labels import LabelSet
from cbpner.metrics import score
from cbpner.models.encoders import load_tagger
from cbpner.recipes import Recipe
from cbpner.splits import PARTS, draw_patents, split_patents
from cbpner.tokenizer import CharacterTable, unknown_share
from cbpner.trainer import CHOSEN_BY, build_trainer, choose_selection


@dataclass(frozen=True)
class Job:
    """Everything that one run depends on.

    files: {`train`, and perhaps `dev` and `test`: column file}. output: the run's folder. split: its name in tables, or
    None. labels: a label file, or None for the labels of the training file. patents: train on so many of the training
    file's patents, drawn by `seed`, or None for all.
    """

    method: str
    recipe_name: str
    recipe: Recipe
    files: dict
    output: Path
    seed: int = 0
    split: str | None = None
    labels: Path | None = None
    orphans: str = "keep"
    patents: int | None = None
    overwrite: bool = False
    save_model: bool = True


def train_tagger(job):
    """Train, evaluate and write the run folder; its metrics. A finished run is left as it is, a broken-off one goes on.

    InputError for wrong data, an encoder that cannot be had, or a run folder of other settings.
    """
    if job.overwrite and is_main_process():
        remove_run(job.output)
    if runs.is_finished(job.output):
        print(f"{job.output}: finished already; --overwrite runs it again")
        return runs.read_metrics(job.output)
    data, labels = read_data(job)
    set_seed(job.seed)
    device = pick_device()
    model, tokenizer = load_tagger(job.recipe, labels, pick_attention(device))
    table = CharacterTable(tokenizer)
    precision = pick_precision(job.recipe.precision, device)
    if is_main_process():
        claim_folder(job, describe_job(job, data, labels, table, precision))
    trainer = build_trainer(job, data, labels, model, table, precision, device)
    start = time.perf_counter()
    trainer.train(resume_from_checkpoint=find_checkpoint(job.output / runs.CHECKPOINTS))
    seconds = {"train": time.perf_counter() - start}
    return finish_run(job, trainer, tokenizer, data, seconds)


def read_data(job):
    """({part: sentences}, label set); every part must use the training file's labels, or those of `job.labels`."""
    labels = LabelSet.from_file(job.labels) if job.labels else None
    data, faults = {}, []
    for part, path in job.files.items():
        try:
            data[part] = read_bio(path, labels, job.orphans)
        except BioError as error:
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
        "flags": asdict(job.recipe)
        | {"orphans": job.orphans, "labels": str(job.labels) if job.labels else None, "patents": job.patents},
        "data": {
            "name": name_data(job.files),
            "labels": list(labels.types),
            "files": {part: describe_part(job.files[part], data[part], table) for part in data},
        },
        "environment": runs.describe_environment()
        | {"device": pick_device().type, "precision": precision, "threads": torch.get_num_threads()},
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }


def describe_part(path, sentences, table):
    return {
        "path": str(path),
        "sha256": runs.file_checksum(path),
        "patents": len(split_patents(sentences)),
        "sentences": len(sentences),
        "characters": sum(len(sentence.chars) for sentence in sentences),
        "mentions": len(list_mentions(sentences)),
        "orphans": count_orphans(sentences),
        "unknown_characters": round(unknown_share(table, (sentence.chars for sentence in sentences)), 6),
    }


def claim_folder(job, config):
    """Write config.json, or check that a broken-off run there has the same settings."""
    if (job.output / runs.CONFIG).is_file():
        before = runs.read_config(job.output)
        for key in ("method", "recipe", "split", "seed", "flags", "data"):
            if before.get(key) != config[key]:
                raise InputError(
                    f"{job.output}: found a broken-off run with another {key} "
                    f"({list_differences(before.get(key), config[key])}); take another folder, or --overwrite"
                )
    elif job.output.exists() and any(job.output.iterdir()):
        raise InputError(f"{job.output}: found a folder with other things in it; expected a new or empty one")
    runs.write_config(job.output, config)


def list_differences(before, now):
    if not isinstance(before, dict) or not isinstance(now, dict):
        return f"{before!r}, now {now!r}"
    return ", ".join(f"{key}: {before.get(key)!r}, now {now[key]!r}" for key in now if before.get(key) != now[key])


def remove_run(folder):
    """Delete a run folder's own files; InputError where the folder holds something that no run writes."""
    if not folder.exists():
        return
    own = {runs.CONFIG, runs.METRICS, runs.LOG, runs.MODEL, runs.PREDICTIONS, runs.CHECKPOINTS, runs.TENSORBOARD}
    foreign = sorted(path.name for path in folder.iterdir() if path.name not in own and not path.name.endswith(".part"))
    if foreign:
        raise InputError(
            f"{folder}: found {', '.join(foreign[:5])} beside the run; --overwrite deletes run folders alone"
        )
    shutil.rmtree(folder)


def find_checkpoint(folder):
    """The newest whole checkpoint (its state is written last), or None; half-written ones are removed."""
    whole = []
    for path in Path(folder).glob("checkpoint-*"):
        if (path / "trainer_state.json").is_file():
            whole.append(path)
        elif is_main_process():
            shutil.rmtree(path)
    return str(max(whole, key=lambda path: int(path.name.split("-")[1]))) if whole else None


def finish_run(job, trainer, tokenizer, data, seconds):
    """Predict, save the model, write metrics.json last, and remove the checkpoints."""
    if not trainer.is_world_process_zero():
        return None
    start = time.perf_counter()
    scores = {"dev": None, "test": None}
    for part in PARTS[1:]:
        if part in data:
            tags = trainer.predict_tags(trainer.model, data[part])
            runs.write_tags(runs.tags_path(job.output, part), tags)
            scores[part] = score([sentence.tags for sentence in data[part]], tags)
    seconds["evaluate"] = time.perf_counter() - start
    if job.save_model:
        trainer.model.save_pretrained(job.output / runs.MODEL)
        tokenizer.save_pretrained(job.output / runs.MODEL)
    metrics = collect_metrics(job, trainer.state, choose_selection(job.recipe, data.get("dev")), scores, seconds)
    runs.write_metrics(job.output, metrics)
    shutil.rmtree(job.output / runs.CHECKPOINTS, ignore_errors=True)
    return metrics


def collect_metrics(job, state, selection, scores, seconds):
    """The content of metrics.json; see `cbpner.runs`."""
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
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "history": [{key: float(value) for key, value in record.items()} for record in history],
    }
