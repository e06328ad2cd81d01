"""Judge predictions: scores with intervals, errors, systems against each other. Prints Markdown.

  cbpner evaluate results/Supervised_Original results/partBERT_CRF_coded   runs, with your copy of their data
  cbpner evaluate runs/mine --data-dir /elsewhere/my_data -o runs/evaluation
  cbpner evaluate gold.bio predicted.bio                    two column files of one text
  cbpner evaluate gold.bio llm.jsonl gliner.jsonl --train train.bio
                                                            JSON lines of spans from any other system

OUT gets evaluation.md, evaluation.json (figures alone) and a CSV file a table. spans.csv, wrong_surfaces.csv and
surfaces.csv hold text of the gold, and so does evaluation.md; --no-text leaves it out.

A JSON line: {"text": "...", "spans": [{"start": 0, "end": 4, "label": "gene"}]}, offsets in code points, `end` behind
the last one. `text` is one gold sentence or several, in the gold's order; or {"index": 0, ...} names a sentence.
"""

from pathlib import Path

from cbpner.base.errors import InputError
from cbpner.commands.options import add_resampling_flags, read_resampling
from cbpner.reports.evaluate import SHOWN, evaluate_systems, render_evaluation, write_evaluation
from cbpner.reports.join import join_files, join_runs
from cbpner.reports.table import PARTS


def add_arguments(parser):
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="run folders and folders of runs; or GOLD.bio and one or more predictions: a column file, FILE.jsonl, or "
        "the FILE.tags.gz of a run",
    )
    parser.add_argument("-o", "--output", metavar="OUT", help="folder for evaluation.md, evaluation.json and tables")
    parser.add_argument("--part", choices=PARTS, help="which predictions of runs (default: test)")
    parser.add_argument("--data-dir", metavar="DIR", help="where the data files of runs are now, at any depth")
    parser.add_argument("--train", metavar="FILE", help="column file that says which mentions are seen (for files)")
    parser.add_argument(
        "--rename",
        action="append",
        default=[],
        metavar="OTHER=TYPE",
        help="read the label OTHER of predictions as TYPE; may be given several times (for files)",
    )
    parser.add_argument("--no-text", action="store_true", help="no surface and no sentence of the gold in the output")
    parser.add_argument(
        "--top", type=int, default=SHOWN, metavar="N", help="wrong surfaces shown of each system (default: %(default)s)"
    )
    add_resampling_flags(parser)


def run(args):
    resampling = read_resampling(args)
    if args.top < 0:
        raise InputError(f"found --top {args.top}; expected at least 0")
    joint = join_paths(args)
    evaluation = evaluate_systems(joint, args.part or ("test" if joint.systems[0].runs else "given"), resampling)
    if args.output:
        write_evaluation(evaluation, args.output, not args.no_text, args.top)
    print(render_evaluation(evaluation, not args.no_text, args.top), end="")


def join_paths(args):
    """The Joint of the paths: of runs where they are folders, else of gold and predictions."""
    folders = [path for path in args.paths if Path(path).is_dir()]
    if len(folders) == len(args.paths):
        refuse_flags(args, {"--train": args.train, "--rename": args.rename}, "files: runs say what they learnt from")
        return join_runs(args.paths, args.part or "test", args.data_dir)
    missing = [path for path in args.paths if not Path(path).exists()]
    if folders or missing or len(args.paths) < 2:
        found = f"{missing[0]}: no such file or folder" if missing else "folders and files" if folders else "one file"
        raise InputError(f"found {found}; expected run folders alone, or GOLD.bio and one or more files of predictions")
    refuse_flags(args, {"--part": args.part, "--data-dir": args.data_dir}, "runs")
    return join_files(args.paths[0], args.paths[1:], args.train, read_names(args.rename))


def refuse_flags(args, given, what):
    if flags := [flag for flag, value in given.items() if value]:
        raise InputError(f"found {' and '.join(flags)}; expected it only with {what}")


def read_names(pairs):
    """{OTHER: TYPE} of the texts `OTHER=TYPE`."""
    names = {}
    for pair in pairs:
        other, sign, label = pair.rpartition("=")
        if not (other and sign and label) or label.split() != [label]:
            raise InputError(f"found --rename {pair!r}; expected OTHER=TYPE, such as GENE=gene")
        names[other] = label
    return names
