"""Repeat a run from its config.json alone, and say whether the result is the same.

  cbpner rerun results/Supervised_Original/0 -o runs/again/0
  cbpner rerun runs/mine/0 --data-dir /elsewhere/my_data

The data must be those that the run was trained on, told by their checksums. They are looked for where the run found
them, or below --data-dir. Precision and number of threads are the recorded ones.
"""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from itertools import chain
from operator import ne
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cbpner.base.errors import InputError
from cbpner.commands.options import add_data_dir
from cbpner.decoding.decision import Decision
from cbpner.runs import folder as runs
from cbpner.runs.environment import compare_environments
from cbpner.runs.folder import find_data, find_origin, shorten_path
from cbpner.text.labels import LabelSet
from cbpner.text.splits import PARTS
from cbpner.training.recipes import Recipe, check_recipe, name_encoder

if TYPE_CHECKING:
    from cbpner.training.config import Job

NEEDED = ("method", "recipe", "seed", "flags", "data", "environment")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run_folder", metavar="RUN", help="a run's folder; its config.json is enough")
    parser.add_argument("-o", "--output", metavar="NEW", help="the new run's folder (default: RUN_rerun)")
    add_data_dir(parser)
    parser.add_argument("--overwrite", action="store_true", help="delete what a run left in NEW")


def run(args: Namespace) -> None:
    old = Path(args.run_folder)
    named = old if old.name not in ("", "..") else old.resolve()
    new = Path(args.output) if args.output else named.with_name(f"{named.name}{runs.RERUN}")
    if new.resolve() == old.resolve():
        raise InputError(f"{new}: found the run's own folder; expected another one for the new run (-o NEW)")
    config = read_run_config(old)
    if members := config.get("members"):
        found, advice = ", ".join(each["folder"] for each in members), "as its config.json says in `command`"
        raise InputError(f"{old}: found the mean of runs ({found}); rerun those, then `cbpner ensemble` {advice}")
    job = replace(rebuild_job(old, config, new, args.data_dir), overwrite=args.overwrite)
    import torch

    from cbpner.base.files import is_main_process
    from cbpner.training.config import describe_machine
    from cbpner.training.run import train

    torch.set_num_threads(config["environment"].get("threads") or torch.get_num_threads())
    if is_main_process():
        now = describe_machine(job.precision or job.recipe.precision)
        for change in compare_environments(config["environment"], now):
            print(f"may change the last digits: {change}")
    if train(job):
        print("\n".join(compare_runs(old, new)))


def read_run_config(folder: Path) -> dict[str, Any]:
    """A run's config.json; InputError for a folder without one, or one that is no run's."""
    if not (folder / runs.CONFIG).is_file():
        raise InputError(f"{folder}: found no {runs.CONFIG}; expected a run's folder, such as results/METHOD/0")
    config = runs.read_config(folder)
    if missing := [key for key in NEEDED if key not in config]:
        raise InputError(f"{folder / runs.CONFIG}: found no {', '.join(missing)}; expected the {runs.CONFIG} of a run")
    return config


def rebuild_job(old: Path, config: dict[str, Any], output: Path, data_dir: str | None = None) -> "Job":
    """The job of a run's config.json."""
    from cbpner.training.config import Job

    flags, data, environment = config["flags"], config["data"], config["environment"]
    return Job(
        method=config["method"], recipe_name=config["recipe"], output=output, seed=config["seed"],
        recipe=rebuild_recipe(old / runs.CONFIG, flags, find_origin(config), config.get("split")),
        files={part: find_data(config, part, data_dir) for part in data["files"]}, split=config.get("split"),
        labels=LabelSet(tuple(data["labels"])) if flags.get("labels") else None, orphans=flags.get("orphans", "keep"),
        patents=flags.get("patents"), save_model=config.get("save_model", True),
        precision=environment.get("precision"), data_name=data.get("name"),
    )  # fmt: skip


def rebuild_recipe(path: Path, flags: dict[str, Any], origin: Path, split: str | None = None) -> Recipe:
    """The Recipe of config.json's flags; InputError where another version made the run."""
    own = {name: value for name, value in flags.items() if name not in ("orphans", "labels", "patents")}
    try:
        recipe = Recipe(**own | {"decision": Decision(**own["decision"])})
        check_recipe(recipe)
    except (KeyError, TypeError) as error:
        advice = "take the version that made it (its git revision stands in config.json)"
        raise InputError(f"{path}: found flags that make no recipe of this version ({error}); {advice}") from error
    name = name_encoder(recipe.encoder, split)
    if not Path(name).exists() and (origin / name / "config.json").is_file():  # as seen from where the run was made
        return replace(recipe, encoder=str(shorten_path(origin / recipe.encoder)))
    return recipe


def compare_runs(old: Path, new: Path) -> list[str]:
    """One line a part: whether tags and scores are the same, and if not how many tags differ, and both strict F1."""
    before, now, lines = runs.read_metrics(old) if runs.is_finished(old) else {}, runs.read_metrics(new), []
    for part in PARTS[1:]:
        if not now[part] or not before.get(part):
            continue
        tags = "no predictions there"
        if runs.tags_path(old, part).is_file():
            were, are = [[*chain.from_iterable(runs.read_tags(runs.tags_path(run, part)))] for run in (old, new)]
            count = sum(map(ne, were, are))
            tags = f"{count} of {len(are)} tags differ" if count else "predictions identical"
            tags = tags if len(were) == len(are) else f"{len(were)} tags, now {len(are)}"
        f1 = [metrics[part]["entity_strict"]["overall"]["f1"] for metrics in (before, now)]
        same = before[part] == now[part]
        scores = f"scores identical (strict F1 {f1[1]:.4f})" if same else f"strict F1 {f1[0]:.4f}, now {f1[1]:.4f}"
        lines.append(f"{part}: {tags}; {scores}")
    return lines or [f"{old}: has no scores, so there is nothing to compare with"]
