"""Which runs are one system (same settings, whatever folder, split and seed), and how systems are compared."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

UNITS = ("sentence", "patent")
BLOCK = ["method", "recipe", "encoder", "data"]
RESOURCES = {"precision", "no_cache", "cache_mb", "patents"}  # flags that make no other system; BLOCK has the last
UNRECORDED = {  # what a flag was in runs of versions that did not have it yet, where that is not None
    "adversarial": 0.0, "agreement": 0.0, "agreement_peak": 0.0, "average_epochs": 1, "context": 0, "crf_lr": 0.0,
    "group_by_length": False, "head": "linear", "layer_decay": 1.0, "lexicon": "", "lexicon_bonus": 0.0,
    "loss_over": "characters", "lstm_size": 128, "original_head": False, "patience": 0, "rename_share": 0.0,
    "span_threshold": 0.0, "start_bias": 0.0, "trainable_layers": 0,
}  # fmt: skip


class RunRecord(NamedTuple):
    """A finished run's folder, as shown, and what its config.json and metrics.json hold."""

    folder: str
    config: dict[str, Any]
    metrics: dict[str, Any]


class Resampling(NamedTuple):
    """How many bootstrap samples and random swaps, from which seed, of what (one of UNITS)."""

    resamples: int = 10_000
    seed: int = 0
    unit: str = UNITS[0]


def block_key(config: dict[str, Any]) -> tuple[str, str, str, str]:
    """The values of BLOCK, in that order."""
    patents = config.get("flags", {}).get("patents")
    data = f"{config['data']['name']}, {patents} patents" if patents else str(config["data"]["name"])
    encoder = str(config["encoder"])
    if encoder.startswith(".") and config.get("folder") is not None:  # as seen from the project's folder
        encoder = Path(os.path.normpath(Path(config["folder"], encoder))).as_posix()
    return str(config["method"]), str(config["recipe"]), encoder, data


def name_systems(runs: Sequence[RunRecord]) -> list[str]:
    """The name of each run's system: its method, and what else distinguishes the systems of that method.

    Two runs are of one system where BLOCK and all flags are equal, but for RESOURCES.
    """
    blocks, names = [block_key(run.config) for run in runs], []
    for block, settings in zip(blocks, distinguish_settings(runs), strict=True):
        own = [other for other in blocks if other[0] == block[0]]
        differing = [place for place in range(1, len(BLOCK)) if any(other[place] != block[place] for other in own)]
        names.append(", ".join([block[0], *(f"{BLOCK[place]} {block[place]}" for place in differing), settings]))
    return [name.removesuffix(", ") for name in names]


def distinguish_settings(runs: Sequence[RunRecord]) -> list[str]:
    """For each run the flags that its system does not share with all others of its block: `casing keep, lr 0.1`."""
    blocks, settings = [block_key(run.config) for run in runs], [""] * len(runs)
    for block in dict.fromkeys(blocks):
        members = [place for place, other in enumerate(blocks) if other == block]
        flags = complete_flags([runs[place].config for place in members])
        differing = [name for name in flags[0] if len({json.dumps(own[name]) for own in flags}) > 1]
        for place, own in zip(members, flags, strict=True):
            settings[place] = ", ".join(f"{name} {own[name]}" for name in differing)
    return settings


def complete_flags(configs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The flags of each config.json but for BLOCK and RESOURCES, with the same names, nested ones flattened.

    With them, of an ensemble, what it averages and how many, and the name of the training file where runs of one split
    and seed have several.
    """
    files = [Path(config["data"].get("files", {}).get("train", {}).get("path", "")).name for config in configs]
    flags, runs = [], [(config.get("split"), config.get("seed")) for config in configs]
    has_several = len(set(zip(runs, files, strict=True))) > len(set(runs))
    for config, file in zip(configs, files, strict=True):
        recorded = config.get("flags") or {}
        nested = [value for value in recorded.values() if isinstance(value, dict)]
        nested.append({"train": file} if has_several else {})
        if members := config.get("members"):
            nested.append({"average": config.get("average") or "weights", "members": len(members)})
        flags.append({name: value for each in (recorded, *nested) for name, value in each.items()
                      if not isinstance(value, dict)})  # fmt: skip
    names = sorted({name for own in flags for name in own} - RESOURCES - set(BLOCK))
    return [{name: own.get(name, UNRECORDED.get(name)) for name in names} for own in flags]
