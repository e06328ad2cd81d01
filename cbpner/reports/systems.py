"""Which runs are one system: those of the same settings, whatever their folders, splits and seeds."""

import json
import os
from dataclasses import MISSING, fields
from pathlib import Path

BLOCK = ["method", "recipe", "encoder", "data"]
RESOURCES = ("precision", "no_cache", "cache_mb", "patents")  # flags that make no other system; BLOCK has the last


def block_key(config):
    """The values of BLOCK as text, in that order."""
    patents = config.get("flags", {}).get("patents")
    data = f"{config['data']['name']}, {patents} patents" if patents else str(config["data"]["name"])
    return str(config["method"]), str(config["recipe"]), name_encoder(config), data


def name_encoder(config):
    """The run's encoder; a folder told by a relative path is named as seen from the project's folder."""
    encoder = str(config["encoder"])
    if not encoder.startswith(".") or config.get("folder") is None:
        return encoder
    return Path(os.path.normpath(Path(config["folder"], encoder))).as_posix()


def name_systems(runs) -> list[str]:
    """The name of each run's system: its method, and what else tells the systems apart.

    Two runs are of one system where BLOCK and all flags agree, but for RESOURCES; a flag that an older version did not
    have yet counts with its default.
    """
    blocks = [block_key(run.config) for run in runs]
    shown = [place for place in range(1, len(BLOCK)) if len({block[place] for block in blocks}) > 1]
    names = [", ".join([block[0], *(f"{BLOCK[place]} {block[place]}" for place in shown)]) for block in blocks]
    return [", ".join(filter(None, pair)) for pair in zip(names, list_settings(runs), strict=True)]


def list_settings(runs) -> list[str]:
    """For each run the flags that tell its system from others of its block: `casing keep, lr 0.1`, or nothing."""
    blocks, settings = [block_key(run.config) for run in runs], [""] * len(runs)
    for block in dict.fromkeys(blocks):
        members = [place for place, other in enumerate(blocks) if other == block]
        flags = fill_flags([runs[place].config for place in members])
        told = [name for name in flags[0] if name not in BLOCK]
        differing = [name for name in told if len({json.dumps(own[name]) for own in flags}) > 1]
        for place, own in zip(members, flags, strict=True):
            settings[place] = ", ".join(f"{name} {own[name]}" for name in differing)
    return settings


def shorten_names(runs, names):
    """The names of the runs' systems without what the systems of one method share: recipe, encoder or data."""
    blocks, short = [block_key(run.config) for run in runs], []
    for block, name in zip(blocks, names, strict=True):
        for place in range(1, len(BLOCK)):
            if all(other[place] == block[place] for other in blocks if other[0] == block[0]):
                name = name.replace(f", {BLOCK[place]} {block[place]}", "", 1)
        short.append(name)
    return short if len(set(short)) == len(set(names)) else names


def fill_flags(configs):
    """The flags of each config.json but for RESOURCES, with defaults where an older version had no such flag."""
    flags = [config.get("flags", {}) for config in configs]
    names = sorted({name for own in flags for name in own} - set(RESOURCES))
    if all(name in own for own in flags for name in names):
        return [{name: own[name] for name in names} for own in flags]
    from cbpner.training.recipes import Recipe  # imports torch, which a look at finished runs does not need

    defaults = {field.name: field.default for field in fields(Recipe) if field.default is not MISSING}
    return [{name: own.get(name, defaults.get(name)) for name in names} for own in flags]
