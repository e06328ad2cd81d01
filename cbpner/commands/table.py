"""Print one score table from run folders, and write it as Markdown and CSV.

  cbpner table runs/supervised                     five splits: runs/supervised/0 .. runs/supervised/4
  cbpner table runs/* -o results                   all methods; writes results/table.md and results/table.csv
  cbpner table runs/supervised -o results/first.md writes results/first.md and results/first.csv
  cbpner table runs/* -o results/first.xlsx        writes results/first.md and results/first.xlsx, for Excel
  cbpner table runs/a runs/b --into README.md      one row a method, in place of what stands between the lines
                                                   <!-- table --> and <!-- /table -->

Only finished runs count (those with metrics.json); unfinished ones are named, and runs that lie deeper too. Means and ±
go over the splits, the seeds of each averaged first; runs of other settings are rows of their own.
--intervals and --compare add sections, for which the predictions are joined with the data of the runs; `cbpner
evaluate` says more about them.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from cbpner.commands.options import add_encoding, add_resampling_flags, add_run_flags, check_csv, read_resampling


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUNS", help="a run folder, a folder of runs, or a folder of those")
    parser.add_argument("-o", "--output", metavar="OUT", help="folder for table.md and table.csv, or a name.md")
    add_encoding(parser)
    parser.add_argument("--into", metavar="FILE", help="write the summary between the markers of a Markdown file")
    parser.add_argument("--intervals", action="store_true", help="95%% intervals of each F1")
    parser.add_argument("--compare", action="store_true", help="the methods against each other, with p-values")
    add_run_flags(parser)
    add_resampling_flags(parser)


def run(args: Namespace) -> None:
    from cbpner.reports.intervals import render_sections
    from cbpner.reports.join import join_runs
    from cbpner.reports.table import build_score_table, insert_table, write_score_table

    check_csv(args.encoding, ["csv"] if args.output and Path(args.output).suffix != ".xlsx" else [])
    table = build_score_table(args.runs, args.part)
    if args.intervals or args.compare:
        systems = join_runs(args.runs, args.part, args.data_dir).systems
        sections = render_sections(systems, read_resampling(args), args.intervals, args.compare)
        table = table._replace(markdown="\n".join([table.markdown, *(f"{section}\n" for section in sections)]))
    if args.output:
        write_score_table(table, args.output, args.encoding)
    if args.into:
        insert_table(args.into, table.summary)
    print(table.markdown, end="")
