"""One tagger from several that differ in their seed: the mean of their weights, or of their probabilities.

The mean of weights (a model soup: Wortsman et al., ICML 2022) costs no more to run than one tagger; the mean of
probabilities (`cbpner.models.ensemble`) costs as much as all. An ensemble of one run decodes it under other flags.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

from cbpner.base.errors import InputError, reading_model
from cbpner.base.files import file_checksum
from cbpner.models.attention import pick_attention
from cbpner.models.devices import pick_device, pick_precision
from cbpner.models.encoders import load_parts, load_weights, silence_libraries
from cbpner.models.ensemble import join_models
from cbpner.runs import folder as runs
from cbpner.runs.environment import describe_command
from cbpner.runs.lifecycle import list_differences, run_once
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.config import TAGGER_RUN, Job, describe_machine, find_settings, read_data
from cbpner.training.predictor import Predictor
from cbpner.training.run import measure_memory, write_model, write_predictions
from cbpner.training.trainer import choose_selection

WEIGHTS = "model.safetensors"


def group_members(folders: Iterable[Path]) -> dict[str | None, list[Path]]:
    """Finished runs by split and ordered by seed; InputError where those of a split do not fit together."""
    members: dict[str | None, list[Any]] = {}
    for folder in folders:
        config = runs.read_config(folder)
        members.setdefault(config.get("split"), []).append((config, folder))
    for split, found in members.items():
        found.sort(key=lambda member: member[0]["seed"])
        check_members(found)
        members[split] = [folder for _, folder in found]
    return members


def check_members(members: Sequence[tuple[dict[str, Any], Path]]) -> None:
    """Raise InputError unless runs, (config, folder) by seed, differ in their seed and their decoding alone."""
    first, place = members[0]
    for config, folder in members:
        if config.get("members"):
            raise InputError(f"{folder}: found a mean of runs; expected runs that were trained")
        if config["flags"].get("patents"):
            raise InputError(f"{folder}: found a run on a part of the training patents, which its seed drew")
        if not (folder / runs.MODEL / WEIGHTS).is_file():
            raise InputError(f"{folder}: found no {runs.MODEL}/{WEIGHTS}; expected a run that kept its weights")
        if (found := strip_settings(config)) != (wanted := strip_settings(first)):
            raise InputError(f"{folder}: found other settings than in {place}: {list_differences(wanted, found)}")
    for (before, _), (config, folder) in pairwise(members):
        if before["seed"] == config["seed"]:
            raise InputError(f"{folder}: found the seed {config['seed']} a second time for its split; expected another")


def strip_settings(config: dict[str, Any]) -> dict[str, Any]:
    """What the weights of a run depend on, except its seed."""
    settings = {name: value for name, value in find_settings(config).items() if name not in ("seed", "recipe")}
    flags, data = settings.pop("flags"), settings.pop("data")
    return settings | flags | {"decision": {"max_length": flags["decision"]["max_length"]}} | data  # training reads it


def make_ensemble(job: Job, members: Sequence[Path], average: str = "weights") -> dict[str, Any] | None:
    """Average, evaluate and write the run folder `job.output`; a finished one is left as it is. Its metrics.

    job: that of the first member, with the method, recipe and folder of the new run. members: folders of finished
    runs, see `group_members`. average: `weights` or `probabilities`; InputError for the latter of taggers with a CRF.
    """
    if job.output.resolve() in [member.resolve() for member in members]:
        raise InputError(f"{job.output}: found one of the runs to average as the output folder; expected another one")
    if average == "probabilities" and job.recipe.head != "linear":
        raise InputError(f"{job.output}: found the head {job.recipe.head}; averaged probabilities expect linear heads")
    return run_once(
        job.output, TAGGER_RUN, lambda run: _make_ensemble_run(job, members, average, run), job.overwrite,
        lambda: describe_ensemble(job, members, average, job.recipe.precision),
    )  # fmt: skip


def _make_ensemble_run(job: Job, members: Sequence[Path], average: str, run):
    device = pick_device()
    precision = pick_precision(job.precision or job.recipe.precision, device)
    run.start(describe_ensemble(job, members, average, precision))
    data, labels = read_data(job)
    model, tokenizer = load_mean(members, average, pick_attention(device))
    model.to(device)
    predictor = Predictor(model, CharacterTable(tokenizer), labels, job.recipe, precision)
    start = time.perf_counter()
    scores = write_predictions(job.output, data, predictor.predict)
    spent = time.perf_counter() - start
    if job.save_model:
        write_model(job.output, model, tokenizer, job.recipe)
    own = [runs.read_metrics(folder) for folder in members]
    many = f"the mean of the {average} of {len(members)} runs" if len(members) > 1 else "the weights of one run"
    selection = choose_selection(job.recipe, data.get("dev")) | {"rule": "last epoch", "reason": many}
    return run.finish({
        "method": job.method, "recipe": job.recipe_name, "split": job.split, **scores, "best_epoch": None,
        "epochs": max(metrics["epochs"] for metrics in own), "selection": selection,
        "seconds": {"train": round(sum(m["seconds"]["train"] for m in own), 1), "evaluate": round(spent, 1)},
        **measure_memory(), "history": [],
    })  # fmt: skip


def load_mean(members: Sequence[Path], average: str, attention: str):
    """(the mean of all members, of their weights or of their probabilities; the first member's tokenizer)."""
    silence_libraries()
    folders, kind = [str(member / runs.MODEL) for member in members], AutoModelForTokenClassification
    tokenizer = load_parts(folders[0], AutoTokenizer.from_pretrained)
    models = [load_weights(folder, kind, attn_implementation=attention)[0] for folder in folders]
    with reading_model(members[0], f"one whose {average} can be averaged with the others'"):
        if average == "probabilities":
            return join_models(models), tokenizer
        states = [model.state_dict() for model in models]
        mean = {name: torch.stack([state[name].float() for state in states]).mean(dim=0) for name in states[0]}
        models[0].load_state_dict(mean)
    return models[0], tokenizer


def describe_ensemble(job: Job, members: Sequence[Path], average: str, precision: str):
    """The content of config.json: the first member's, updated."""
    config = runs.read_config(members[0])
    files = {part: file | {"path": str(job.files[part])} for part, file in config["data"]["files"].items()}
    own = [{"folder": str(folder), "seed": runs.read_config(folder)["seed"],
            "weights": file_checksum(folder / runs.MODEL / WEIGHTS)} for folder in members]  # fmt: skip
    return config | {
        "method": job.method, "recipe": job.recipe_name, "encoder": job.recipe.encoder,
        "flags": config["flags"] | asdict(job.recipe), "save_model": job.save_model, "members": own,
        **({"average": average} if average != "weights" else {}), "data": config["data"] | {"files": files},
        "environment": describe_machine(precision), **describe_command(),
    }  # fmt: skip
