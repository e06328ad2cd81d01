"""Print one score table from run folders, and write it as Markdown and CSV.

  cbpner table runs/supervised                     five splits: runs/supervised/0 .. runs/supervised/4
  cbpner table runs/* -o results                   all methods; writes results/table.md and results/table.csv
  cbpner table runs/supervised -o results/first.md writes results/first.md and results/first.csv

Only finished runs count (those with metrics.json); unfinished ones are named.
"""

from cbpner.report.table import PARTS, build_report, write_report


def add_arguments(parser):
    parser.add_argument("runs", nargs="+", metavar="RUNS", help="a run folder, a folder of runs, or a folder of those")
    parser.add_argument("-o", "--output", metavar="OUT", help="folder for table.md and table.csv, or a name.md")
    parser.add_argument("--part", choices=PARTS, default="test", help="which scores (default: %(default)s)")


def run(args):
    report = build_report(args.runs, args.part)
    if args.output:
        write_report(report, args.output)
    print(report.markdown, end="")
    return 0
