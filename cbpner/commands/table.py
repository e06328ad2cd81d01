"""Print one score table from run folders, and write it as Markdown and CSV.

  cbpner table runs/supervised                     five splits: runs/supervised/0 .. runs/supervised/4
  cbpner table runs/* -o results                   all methods; writes results/table.md and results/table.csv
  cbpner table runs/supervised -o results/first.md writes results/first.md and results/first.csv

Only finished runs count (those with metrics.json); unfinished ones are named, and so are folders of runs that lie
deeper. Means and ± go over the splits, the seeds of each averaged first; runs of other settings are rows of their own.
--intervals and --compare add sections, for which the predictions are joined with the data of the runs; `cbpner
evaluate` says more about them.
"""

from cbpner.commands.options import add_resampling_flags, read_resampling
from cbpner.reports.table import PARTS, build_report, write_report


def add_arguments(parser):
    parser.add_argument("runs", nargs="+", metavar="RUNS", help="a run folder, a folder of runs, or a folder of those")
    parser.add_argument("-o", "--output", metavar="OUT", help="folder for table.md and table.csv, or a name.md")
    parser.add_argument("--part", choices=PARTS, default="test", help="which scores (default: %(default)s)")
    parser.add_argument("--intervals", action="store_true", help="95%% intervals of each F1")
    parser.add_argument("--compare", action="store_true", help="the methods against each other, with p-values")
    parser.add_argument("--data-dir", metavar="DIR", help="where the data files of the runs are now, at any depth")
    add_resampling_flags(parser)


def run(args):
    report = build_report(args.runs, args.part)
    if args.intervals or args.compare:
        sections = measure_runs(args)
        report = report._replace(markdown="\n".join([report.markdown, *(f"{section}\n" for section in sections)]))
    if args.output:
        write_report(report, args.output)
    print(report.markdown, end="")
    return 0


def measure_runs(args):
    """The Markdown sections of --intervals and --compare."""
    from cbpner.reports.intervals import render_sections
    from cbpner.reports.join import join_runs

    resampling = read_resampling(args)
    joint = join_runs(args.runs, args.part, args.data_dir)
    return render_sections(joint.systems, resampling, args.intervals, args.compare)
