"""Judge predictions: scores with intervals, errors, systems against each other. Prints Markdown.

  cbpner evaluate results/Supervised_Original results/partBERT_CRF_coded   runs, with your copy of their data
  cbpner evaluate runs/mine --data-dir /elsewhere/my_data -o runs/evaluation
  cbpner evaluate gold.bio predicted.bio                    two column files of one text
  cbpner evaluate gold.bio llm.jsonl gliner.jsonl --train train.bio
                                                            JSON lines of spans from any other system

OUT gets evaluation.md, evaluation.json (figures alone) and a CSV file a table. spans.csv, wrong_surfaces.csv and
evaluation.md hold text of the gold; --no-text leaves it out.

A JSON line: {"text": "...", "spans": [{"start": 0, "end": 4, "label": "gene"}]}, offsets in code points, `end` behind
the last one. `text` is one gold sentence or several, in the gold's order; or {"index": 0, ...} names a sentence.
"""

import re
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from cbpner.base.errors import InputError
from cbpner.base.progress import Progress
from cbpner.commands.options import add_resampling_flags, add_run_flags, add_text_flags, read_resampling

if TYPE_CHECKING:
    from cbpner.reports.join import JoinedSystems


def add_arguments(parser: ArgumentParser) -> None:
    paths = "run folders and folders of runs; or GOLD.bio and predictions: column files, FILE.jsonl, a run's tags"
    parser.add_argument("paths", nargs="+", metavar="PATH", help=paths)
    parser.add_argument("-o", "--output", metavar="OUT", help="folder for evaluation.md, evaluation.json and tables")
    parser.add_argument("--train", metavar="FILE", help="column file that says which mentions are seen (for files)")
    renamed = "read the label OTHER of predictions as TYPE; repeatable (for files)"
    parser.add_argument("--rename", action="append", default=[], metavar="OTHER=TYPE", help=renamed)
    add_run_flags(parser, part=None)
    add_text_flags(parser)
    add_resampling_flags(parser)


def run(args: Namespace) -> None:
    from cbpner.reports.evaluate import evaluate_systems, render_evaluation, write_evaluation

    with Progress("judging"):
        resampling, joined = read_resampling(args), join_paths(args)
        part = args.part or ("test" if joined.systems[0].runs else "given")
        evaluation = evaluate_systems(joined, part, resampling)
    if args.output:
        write_evaluation(evaluation, args.output, not args.no_text, args.top)
        print(f"written: evaluation.md, evaluation.json and tables in {args.output}", file=sys.stderr)
    print(render_evaluation(evaluation, not args.no_text, args.top), end="")


def join_paths(args: Namespace) -> "JoinedSystems":
    """Join runs with their gold where all paths are folders, else gold and predictions."""
    from cbpner.reports.join import join_files, join_runs

    folders = [path for path in args.paths if Path(path).is_dir()]
    missing = [path for path in args.paths if not Path(path).exists()]
    is_runs = len(folders) == len(args.paths)
    if not is_runs and (folders or missing or len(args.paths) < 2):
        found = f"{missing[0]}: no such file or folder" if missing else "folders and files" if folders else "one file"
        raise InputError(f"found {found}; expected run folders alone, or GOLD.bio and one or more files of predictions")
    refused = ("train", "rename") if is_runs else ("part", "data_dir")
    if flags := [f"--{name.replace('_', '-')}" for name in refused if getattr(args, name)]:
        raise InputError(f"found {' and '.join(flags)}; expected it only with {'files' if is_runs else 'runs'}")
    if is_runs:
        return join_runs(args.paths, args.part or "test", args.data_dir)
    if wrong := [pair for pair in args.rename if not re.fullmatch(r".+=[^=\s]+", pair)]:
        raise InputError(f"found --rename {wrong[0]!r}; expected OTHER=TYPE, such as GENE=gene")
    return join_files(args.paths[0], args.paths[1:], args.train, dict(pair.rsplit("=", 1) for pair in args.rename))
