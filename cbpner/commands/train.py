"""Train a tagger on column files, evaluate it, and write a run folder.

cbpner train --train train.bio --dev dev.bio --test test.bio -o runs/mine
cbpner train --data-dir data/demo --split 0 -o runs/demo/0 --epochs 1
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cbpner.base.errors import InputError
from cbpner.commands.options import add_tag_flags
from cbpner.commands.rerun import read_run_config, rebuild_recipe
from cbpner.decoding.decision import Decision
from cbpner.runs import folder as runs
from cbpner.text.splits import PARTS, find_split_files
from cbpner.training.recipes import RECIPES, add_recipe_flags, get_recipe, read_recipe_flags

if TYPE_CHECKING:
    from cbpner.training.config import Job

METHOD = "Supervised_Original"
DO_FLAGS = {"train": "do_train", "dev": "do_eval", "test": "do_predict"}  # without one of them: all parts there are
RATES = ("lr", "head_lr", "crf_lr")  # the original's methods have one rate for all weights


def add_arguments(parser: ArgumentParser, aliases: Mapping[str, Sequence[str]] | None = None) -> None:
    """The flags of every training command; `aliases` adds names to flags: {field: [name, ...]}."""
    own = {"train": [], "dev": [], "test": [], "output": [], "overwrite": []} | dict(aliases or {})
    data = parser.add_argument_group("data", "three files, or one split of a data folder")
    for part in PARTS:
        data.add_argument(f"--{part}", *own[part], dest=part, metavar="FILE", help=f"column file to {part} on")
    data.add_argument("--data-dir", metavar="DIR", help="folder with splits, such as data/cbp_gold")
    data.add_argument("--split", metavar="NAME", help="the split in --data-dir; the run's name in tables")
    data.add_argument("--long", action="store_true", help="sentences as they are, not the no_long_ files")
    data.add_argument("--patents", type=int, metavar="N", help="train on N patents of the file, drawn by --seed")
    add_tag_flags(data, "keep", "those of the training file")
    names = ("-o", "--output", *own["output"])
    parser.add_argument(*names, dest="output", required=True, metavar="RUN", help="the run's folder")
    parser.add_argument("--recipe", default="cbp", choices=RECIPES, help="table of hyper-parameters (default: cbp)")
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: 0)")
    names = ("--overwrite", *own["overwrite"])
    parser.add_argument(*names, dest="overwrite", action="store_true", help="delete what a run left in RUN")
    parser.add_argument("--no-model", action="store_true", help="keep predictions and scores, not the weights")
    add_recipe_flags(parser, aliases)


def add_original_flags(parser: ArgumentParser) -> None:
    """The original's names of files, in --data_dir or the working directory, and its choice of what is done."""
    for part in PARTS:
        parser.add_argument(f"--{part}_filename", metavar="NAME", help=f"the {part} file's name in --data_dir")
    for (part, flag), what in zip(DO_FLAGS.items(), ("train", "score", "score"), strict=True):
        parser.add_argument(f"--{flag}", action="store_true", help=f"{what} on the {part} file")


def find_files(args: Namespace) -> dict[str, Path]:
    """{part: path} of the parts that are read, from flags, from names in --data-dir, or from --data-dir and --split."""
    found = {part: Path(path) for part in PARTS if (path := getattr(args, part))}
    names = {part: name for part in PARTS if (name := getattr(args, f"{part}_filename", None))}
    if both := [part for part in names if part in found]:
        raise InputError(f"found --{both[0]} and --{both[0]}_filename; expected one of them")
    if names:
        folder = check_data_dir(args.data_dir or ".")
        found |= {part: folder / name for part, name in names.items()}
    elif found and args.data_dir:
        raise InputError(f"found --data-dir and --{next(iter(found))}; expected the folder and --split, or the files")
    elif args.data_dir:
        found = find_split_files(check_data_dir(args.data_dir) / (args.split or ""), args.long)
    asked = [part for part, flag in DO_FLAGS.items() if getattr(args, flag, False)]
    for part in asked or PARTS[:1]:
        if part not in found:
            flag = f"--{part}_filename NAME" if names else f"--{part} FILE"
            raise InputError(f"found no {part} file; expected {flag}, or --data-dir DIR and --split NAME")
    return {part: found[part] for part in asked or PARTS if part in found}


def check_data_dir(name: str) -> Path:
    """The folder; `data/demo` is the shipped one wherever one stands."""
    folder = Path(runs.find_demo(name))
    if not folder.is_dir():
        ways = {"cbp_gold": f"; `cbpner gold -o {name}` gets the gold data", "demo": f"; {runs.HOW_TO_SHIP}"}
        expected = f"expected one with splits 0, 1, ...{ways.get(folder.name, '')}"
        raise InputError(f"{name}: no such data folder; {expected}")
    return folder


def report(metrics: Mapping[str, Any] | None) -> None:
    """Print a line a part: F1 at the three levels."""
    for part in PARTS[1:]:
        if metrics and metrics[part]:
            f1 = {level: scores["overall"]["f1"] for level, scores in metrics[part].items()}
            print(f"{part} F1: " + ", ".join(f"{level.replace('_', ' ')} {value:.3f}" for level, value in f1.items()))


def run_training(args: Namespace, method: str, **overrides: Any) -> None:
    """What every training entry point does behind its parser; `overrides` are recipe values of the entry point."""
    recipe, files = get_recipe(args.recipe, method, **(overrides | read_recipe_flags(args))), find_files(args)
    from cbpner.training.config import Job
    from cbpner.training.run import train

    job = Job(
        method=method, recipe_name=args.recipe, recipe=recipe, files=files, output=Path(args.output), seed=args.seed,
        split=args.split, labels=Path(args.labels) if args.labels else None, orphans=args.orphans, patents=args.patents,
        overwrite=args.overwrite, save_model=not args.no_model,
    )  # fmt: skip
    report(train(job) if "train" in files else score_model(job, args))


def score_model(job: "Job", args: Namespace) -> dict[str, Any]:
    """Score the model in RUN as its training scored it, or without one there the model of --encoder."""
    from cbpner.prediction.tagger import Tagger
    from cbpner.prediction.torch_backend import load_by_transformers
    from cbpner.training.run import evaluate_tagger

    source = job.output if (job.output / runs.CONFIG).is_file() else Path(args.encoder or job.output)
    asked: dict[str, Any] = {each.name: getattr(args, each.name, None) for each in fields(Decision)}
    tagger = Tagger.from_pretrained(source, **asked)
    if runs.is_finished(source):
        run = read_run_config(source)
        recipe = rebuild_recipe(source / runs.CONFIG, run["flags"], runs.find_origin(run), run.get("split"))
        precision = args.precision or run["environment"].get("precision")
        job = replace(job, recipe=recipe, orphans=run["flags"].get("orphans", "keep"), precision=precision)
    job = replace(job, recipe=replace(job.recipe, decision=tagger.decision), labels=tagger.labels)
    return evaluate_tagger(job, load_by_transformers(tagger.folder), tagger.table)


def run(args: Namespace) -> None:
    run_training(args, METHOD)
