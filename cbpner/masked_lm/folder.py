"""The folder of a masked-LM run: what repeats the run, what goes on with it, what an exact continuation needs.

A job is a `cbpner.masked_lm.run.LMJob`; the files are listed in `cbpner.runs.folder`.
"""

import hashlib
import sys
from dataclasses import asdict
from pathlib import Path

from cbpner.base.errors import InputError
from cbpner.base.files import is_main_process, read_json
from cbpner.masked_lm.recipes import LMRecipe, change_recipe
from cbpner.runs import folder as runs
from cbpner.runs.lifecycle import (
    Layout,
    claim_folder,
    find_checkpoint,
    list_differences,
    list_leftovers,
    lock_run,
    remove_leftovers,
)
from cbpner.training.run import describe_machine

MODEL_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
RHYTHM = ("save_steps", "save_total_limit", "logging_steps", "eval_steps")
LENGTH_FLAGS = ("epochs", "max_steps")  # what an exact continuation changes
WARM_RESTART = (
    "Without --should_continue a new optimizer and a new schedule begin from its weights: a warm restart, which gives "
    "another result"
)


def is_finished(folder):
    return (Path(folder) / runs.LM_METRICS).is_file()


def read_metrics(folder):
    return read_json(Path(folder) / runs.LM_METRICS)


def read_config(folder):
    return read_json(Path(folder) / runs.LM_CONFIG)


def describe_run(job, corpora, weights, precision, checkpoint):
    """The content of lm_run.json: all that repeats the run.

    weights: checksum of those that it starts from. checkpoint: where it goes on from, or None.
    """
    start = {"name": job.recipe.encoder, "sha256": weights}
    return {
        "name": job.output.resolve().name,
        "recipe": job.recipe_name,
        "seed": job.seed,
        "flags": asdict(job.recipe),
        "start": read_config(job.continues)["start"] if job.continues else start,
        "continues": {"path": str(job.continues), "checkpoint": Path(checkpoint).name} if job.continues else None,
        "data": {part: describe_corpus(getattr(job, part), corpus) for part, corpus in corpora.items()},
        "rhythm": {name: getattr(job, name) for name in RHYTHM},
        "environment": describe_machine(precision),
        "folder": runs.describe_folder(),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }


def describe_corpus(text, corpus):
    info = corpus.info
    pairs = zip(text.files, info["settings"]["files"], strict=True)
    return {
        "files": [{"path": str(path), "sha256": checksum} for path, checksum in pairs],
        "line_by_line": text.line_by_line,
        "words": info["settings"]["words"],
        "documents": info["documents"],
        "characters": info["characters"],
        "unknown_characters": round(info["unknown"] / info["characters"], 6),
    }


def hash_weights(model):
    """The SHA-256 over names and bytes of a model's weights, wherever they were loaded from."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def find_settings(config):
    """What the result depends on, from lm_run.json: not the paths and names of files, but what is in them."""
    data = {
        part: {"line_by_line": corpus["line_by_line"], "words": corpus["words"]}
        | {"sha256": [file["sha256"] for file in corpus["files"]]}
        for part, corpus in config["data"].items()
    }
    return {
        **describe_flags(config["recipe"], config["seed"], read_recipe(config)),
        "starting model": config["start"]["sha256"],
        "train": data["train"],
        "held_out": data.get("held_out"),
        "number of processes": config["environment"]["processes"],
    }


def describe_flags(recipe_name, seed, recipe):
    """The settings that need no look at text and weights; the starting model is told by its content elsewhere."""
    flags = {name: value for name, value in asdict(recipe).items() if name != "encoder"}
    return {"recipe": recipe_name, "seed": seed, "flags": flags}


def read_recipe(config):
    """The LMRecipe of lm_run.json; a field that came later has its default, under which it changes nothing."""
    try:
        return LMRecipe(**config["flags"])
    except TypeError as error:
        raise InputError(f"{runs.LM_CONFIG}: found flags that make no recipe: {error}") from error


LAYOUT = Layout(
    runs.LM_CONFIG, (runs.LM_METRICS, *MODEL_FILES, runs.CHECKPOINTS, runs.LM_LOG, runs.LM_CONFIG),
    ("recipe", "seed", "flags", "start", "data", "environment"), find_settings,
)  # fmt: skip


def claim_model_folder(job, config):
    """`claim_folder`; a model that was not made by such a run is not overwritten."""
    folder = job.output
    if folder.resolve() in (Path(job.recipe.encoder).resolve(), job.continues and job.continues.resolve()):
        raise InputError(f"{folder}: found the model to start from as the output folder; expected another one")
    if not (folder / runs.LM_CONFIG).is_file() and any((folder / name).exists() for name in MODEL_FILES):
        raise InputError(
            f"{folder}: found a model without {runs.LM_CONFIG}; expected a new or empty folder, or that of a run"
        )
    return claim_folder(folder, config, job.overwrite, LAYOUT)


def check_finished(job):
    """InputError where the finished run has other settings, as far as they show without reading text and weights."""
    config = read_config(job.output)
    before = describe_flags(config["recipe"], config["seed"], read_recipe(config))
    compare_settings(
        job.output, before, describe_flags(job.recipe_name, job.seed, job.recipe),
        "take another folder, or --overwrite_output_dir",
    )  # fmt: skip
    if is_main_process() and ((job.output / runs.LOCK).exists() or list_leftovers(job.output)):
        with lock_run(job.output):
            remove_leftovers(job.output)


def compare_settings(folder, before, now, advice):
    """InputError with the advice for the first setting that differs."""
    for key in now:
        if before[key] != now[key]:
            differences = list_differences(before[key], now[key])
            raise InputError(f"{folder}: found a finished run with another {key} ({differences}). {advice}")


def continue_recipe(folder, **overrides):
    """(recipe's name, LMRecipe, seed) of a finished run, with more epochs.

    InputError where it is none, has other flags than `overrides`, or a schedule that is over before the new end.
    """
    if not (folder / runs.LM_CONFIG).is_file():
        raise InputError(f"{folder}: found no {runs.LM_CONFIG}; expected a fine-tuned model to go on with")
    if not is_finished(folder):
        raise InputError(f"{folder}: found a broken-off run; its own command goes on with it")
    config = read_config(folder)
    before = read_recipe(config)
    given = {key: value for key, value in overrides.items() if value is not None and key != "encoder"}
    fixed = {key: value for key, value in given.items() if key not in LENGTH_FLAGS}
    compare_settings(folder, {"flags": {key: getattr(before, key) for key in fixed}}, {"flags": fixed}, WARM_RESTART)
    epochs = given.get("epochs", before.epochs)
    if epochs > before.schedule_epochs:
        raise InputError(
            f"{folder}: found a run whose learning rate is 0 behind "
            f"{f'{before.schedule_epochs:g} epochs' if before.schedule_epochs else f'{before.max_steps} steps'}; "
            f"expected one that was begun with --schedule_epochs {epochs:g}. {WARM_RESTART}"
        )
    return config["recipe"], change_recipe(before, **({"max_steps": 0} | given)), config["seed"]


def check_continuation(job, config):
    """InputError where the run that is gone on with has other settings than this longer one."""
    if not job.continues:
        return
    before, now = find_settings(read_config(job.continues)), find_settings(config)
    for settings in (before, now):
        for name in LENGTH_FLAGS:
            del settings["flags"][name]
    compare_settings(job.continues, before, now, WARM_RESTART)


def find_last_checkpoint(folder):
    """The newest checkpoint of a run, whose folder stays as it is; InputError where there is none."""
    checkpoint = find_checkpoint(folder / runs.CHECKPOINTS, clean=False)
    if checkpoint is None:
        raise InputError(f"{folder / runs.CHECKPOINTS}: found no whole checkpoint to go on from. {WARM_RESTART}")
    return checkpoint
