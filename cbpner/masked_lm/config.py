"""What a masked-LM run depends on, the content of its lm_run.json, and what a continuation with more epochs needs."""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from transformers import BertForMaskedLM

from cbpner.base.errors import InputError
from cbpner.base.files import read_json
from cbpner.base.settings import check_options, option
from cbpner.masked_lm.corpus import TextSource
from cbpner.masked_lm.recipes import LMRecipe, override_lm_recipe
from cbpner.runs import folder as runs
from cbpner.runs.environment import describe_command
from cbpner.runs.lifecycle import RunKind, compare_settings
from cbpner.training.config import describe_machine

MODEL_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
INTERVALS = ("save_steps", "save_total_limit", "logging_steps", "eval_steps")
LENGTH_FIELDS = ("epochs", "max_steps")  # of the recipe: what an exact continuation changes
WARM_RESTART = "without --should_continue its weights get a new optimizer and a new schedule: another result"


@dataclass(frozen=True)
class LMJob:
    """Everything that one fine-tuning depends on."""

    recipe_name: str
    recipe: LMRecipe
    train: TextSource
    output: Path  # the model's folder
    held_out: TextSource | None = None  # text for the perplexity
    seed: int = option("seed", 0, "[0, inf)")
    cache: Path | None = None  # folder of the tokenized text; None: with the system's temporary files
    overwrite: bool = False
    continues: Path | None = None  # folder of a finished run that is continued exactly, to more epochs
    save_steps: int = option("between two checkpoints; 0: one after each epoch", 500, "[0, inf)")
    save_total_limit: int = option("checkpoints kept", 1, "[1, inf)")
    logging_steps: int = option("between two log records", 10, "[0, inf)")
    eval_steps: int = option("between two perplexities; 0: one after each epoch", 0, "[0, inf)")

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def texts(self) -> dict[str, TextSource]:
        return {"train": self.train} | ({"held_out": self.held_out} if self.held_out else {})


def describe_lm_job(
    job: LMJob, data: dict[str, dict[str, Any]], weights: str, precision: str, checkpoint: Path | None
) -> dict[str, Any]:
    """The content of lm_run.json. weights: their checksum at the start; checkpoint: of `job.continues`, or None."""
    start = {"name": job.recipe.encoder, "sha256": weights}
    return {
        "name": job.output.resolve().name, "recipe": job.recipe_name, "seed": job.seed, "flags": asdict(job.recipe),
        "start": read_json(job.continues / runs.LM_CONFIG)["start"] if job.continues else start,
        "continues": {"path": str(job.continues), "checkpoint": checkpoint.name} if checkpoint else None,
        "data": data, "intervals": {name: getattr(job, name) for name in INTERVALS},
        "environment": describe_machine(precision), **describe_command(),
    }  # fmt: skip


def hash_weights(model: BertForMaskedLM) -> str:
    """Return the SHA-256 of names and bytes of a model's weights, wherever they were loaded from."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def list_lm_settings(config: dict[str, Any]) -> dict[str, Any]:
    """List what the result depends on, from lm_run.json: the content of files, not their paths and names."""
    data = {part: {"line_by_line": corpus["line_by_line"],
                   "sha256": [file["sha256"] for file in corpus["files"]]}
            for part, corpus in config["data"].items()}  # fmt: skip
    flags = {name: value for name, value in config["flags"].items() if name != "encoder"}
    return {
        "recipe": config["recipe"], "seed": config["seed"],
        "flags": {"any_token": False, "deterministic": False} | flags,  # which older runs lack
        "starting model": config["start"]["sha256"], "training text": data["train"],
        "held_out text": data.get("held_out"), "number of processes": config["environment"]["processes"],
    }  # fmt: skip


LM_RUN = RunKind(
    runs.LM_CONFIG, runs.LM_METRICS, runs.LM_LOG, (*MODEL_FILES, runs.CHECKPOINTS, runs.TENSORBOARD),
    ("recipe", "seed", "flags", "start", "data", "environment"), list_lm_settings, keeps_checkpoints=True,
    overwrite_flag="--overwrite_output_dir",
)  # fmt: skip


def check_model_folder(job: LMJob) -> None:
    """Raise InputError where the output folder is the starting model's, or has a model that no such run made."""
    folder = job.output
    if folder.resolve() in (Path(job.recipe.encoder).resolve(), job.continues and job.continues.resolve()):
        raise InputError(f"{folder}: found the model to start from as the output folder; expected another one")
    if not (folder / runs.LM_CONFIG).is_file() and any((folder / name).exists() for name in MODEL_FILES):
        raise InputError(f"{folder}: found a model without {runs.LM_CONFIG}; expected a new folder, or that of a run")


def continue_recipe(folder: Path, **overrides: Any) -> tuple[str, LMRecipe, int]:
    """Return (recipe's name, recipe, seed) of a finished run, with more epochs.

    InputError where `overrides` changes other fields than LENGTH_FIELDS, or the schedule ends before the new end.
    """
    if not (folder / runs.LM_CONFIG).is_file():
        raise InputError(f"{folder}: found no {runs.LM_CONFIG}; expected a fine-tuned model to continue")
    if not LM_RUN.is_finished(folder):
        raise InputError(f"{folder}: found an interrupted run; its own command resumes it")
    config = read_json(folder / runs.LM_CONFIG)
    try:
        before = LMRecipe(**config["flags"])
    except TypeError as error:
        raise InputError(f"{folder / runs.LM_CONFIG}: found flags that make no recipe: {error}") from error
    given = {key: value for key, value in overrides.items() if value is not None and key != "encoder"}
    fixed = {key: value for key, value in given.items() if key not in LENGTH_FIELDS}
    recorded = {key: getattr(before, key) for key in fixed}
    compare_settings(f"{folder}: found a finished run", {"flags": recorded}, {"flags": fixed}, WARM_RESTART)
    epochs = given.get("epochs", before.epochs)
    if epochs > before.schedule_epochs:
        end = f"{before.schedule_epochs:g} epochs" if before.schedule_epochs else f"{before.max_steps} steps"
        expected = f"expected one that was started with --schedule_epochs {epochs:g}; {WARM_RESTART}"
        raise InputError(f"{folder}: found a run whose learning rate is 0 after {end}; {expected}")
    if not given.get("max_steps") and epochs <= (done := read_json(folder / runs.LM_METRICS)["epochs"]):
        raise InputError(f"{folder}: found a run of {done:g} epochs; expected more of them, --num_train_epochs")
    return config["recipe"], override_lm_recipe(before, **({"max_steps": 0} | given)), config["seed"]


def check_continuation(before: dict[str, Any], config: dict[str, Any], folder: Path) -> None:
    """Raise InputError where the longer run has other settings than the one in `folder`, with the config `before`."""
    was, now = list_lm_settings(before), list_lm_settings(config)
    for name in LENGTH_FIELDS:
        del was["flags"][name], now["flags"][name]
    compare_settings(f"{folder}: found a finished run", was, now, WARM_RESTART)
