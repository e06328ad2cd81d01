"""One tagger out of runs that differ in their seed: the mean of their weights, evaluated like a run.

  cbpner ensemble runs/seed_0 runs/seed_1 runs/seed_2 -o runs/averaged
  cbpner ensemble runs/seed_0 runs/seed_1 runs/seed_2 -o runs/ensemble --average probabilities
  cbpner ensemble runs/seed_0 --min-span-probability 0.5 --vote-share 0.1 -o runs/other_decoding

Runs are grouped by split, and each split's mean is the run OUT/SPLIT (OUT itself where runs have no split). One run
alone is decoded anew, with other flags. The mean of probabilities is an ensemble: one model to predict with, as large
and as slow as its members together. How to decode: as the first run did, or as --recipe says, or as flags say.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cbpner.base.errors import InputError
from cbpner.commands.options import add_data_dir
from cbpner.commands.rerun import read_run_config, rebuild_job
from cbpner.commands.train import report
from cbpner.runs import folder as runs
from cbpner.training.recipes import RECIPES, add_recipe_flags, get_recipe, override_recipe, read_recipe_flags

if TYPE_CHECKING:
    from cbpner.training.config import Job

DECODING = ("decoder", "min_span_probability", "vote_share")  # what the weights do not depend on


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run_folders", nargs="+", metavar="RUNS", help="run folders, or folders of such")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="folder of the new runs")
    method = "the new runs' name in tables (default: METHOD_averaged or METHOD_ensemble)"
    parser.add_argument("--method", metavar="NAME", help=method)
    averages = ("weights", "probabilities")
    parser.add_argument("--average", choices=averages, default="weights", help="what to average")
    parser.add_argument("--recipe", choices=RECIPES, help="decode as this table of hyper-parameters says")
    add_data_dir(parser)
    parser.add_argument("--overwrite", action="store_true", help="delete what a run left in OUT")
    parser.add_argument("--no-model", action="store_true", help="keep predictions and scores, not the weights")
    add_recipe_flags(parser, only=DECODING)


def run(args: Namespace) -> None:
    found = runs.find_runs(args.run_folders)
    if not found.finished:
        raise InputError(f"{', '.join(args.run_folders)}: found no finished run; expected one or more for each split")
    if found.unfinished:
        raise InputError(f"{found.unfinished[0]}: found an unfinished run; resume it, or name the others")
    for folder in found.finished:
        read_run_config(folder)
    from cbpner.training.ensembles import group_members, make_ensemble

    for split, members in group_members(found.finished).items():
        output = Path(args.output, split) if split else Path(args.output)
        job = make_ensemble_job(args, members, output)
        print(f"{output}: the mean of {', '.join(map(str, members))}")
        report(make_ensemble(job, members, args.average))


def make_ensemble_job(args: Namespace, members: Sequence[Path], output: Path) -> "Job":
    """The first member's job, to be decoded as the arguments say."""
    job = rebuild_job(members[0], runs.read_config(members[0]), output, args.data_dir)
    kind = "averaged" if args.average == "weights" else "ensemble"
    method = args.method or (f"{job.method}_{kind}" if len(members) > 1 else job.method)
    decision = job.recipe.decision
    if args.recipe:
        table = get_recipe(args.recipe, job.method).decision
        decision = replace(decision, **{name: getattr(table, name) for name in DECODING})
    recipe = override_recipe(replace(job.recipe, decision=decision), **read_recipe_flags(args))
    return replace(
        job, method=method, recipe=recipe, recipe_name=args.recipe or job.recipe_name, overwrite=args.overwrite,
        save_model=not args.no_model,
    )  # fmt: skip
