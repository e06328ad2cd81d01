"""F1 against the number of training patents, and what a run costs in minutes and memory.

  cbpner curve runs/curve results/Supervised_Original     prints the tables
  cbpner curve runs/curve -o results/curve                writes curve.md, curve.csv, curve.png and curve.svg too

Runs on fewer patents are made with `cbpner train --patents N`. Only finished runs count; unfinished ones are named.
"""

from argparse import ArgumentParser, Namespace

from cbpner.scoring.metrics import LEVELS


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUNS", help="a run folder, a folder of runs, or a folder of those")
    parser.add_argument("-o", "--output", metavar="OUT", help="folder for curve.md, curve.csv, curve.png and curve.svg")
    parser.add_argument("--level", choices=LEVELS, default="entity_strict", help="which F1 is drawn")
    parser.add_argument("--all-splits", action="store_true", help="compare points that rest on different splits too")


def run(args: Namespace) -> None:
    from cbpner.reports.curve import build_curve, write_curve

    curve = build_curve(args.runs, args.all_splits)
    if args.output:
        write_curve(curve, args.output, args.level)
    print(curve.markdown, end="")
