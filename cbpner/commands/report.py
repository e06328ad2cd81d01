"""One HTML file that shows what the runs scored, where they err and how they were made; its tables beside it.

  cbpner report results -o report.html          report.html, report.tex (the scores) and report_tables/*.csv
  cbpner report results results/curve           runs on fewer patents become the limited-data curve
  cbpner report results --data-dir /elsewhere/cbp_gold
  cbpner report results --no-text               no sentence and no surface of the gold: may be published

The file needs no network and opens from disk. The gold text is joined from your copy of the data. Without it, the
figures that need it are taken from RUNS/evaluation/evaluation.json, if `cbpner evaluate RUNS -o RUNS/evaluation` wrote
one for the same runs, and the report says what is missing.
"""

from argparse import ArgumentParser, Namespace

from cbpner.commands.options import add_resampling_flags, add_run_flags, add_text_flags, read_resampling


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUNS", help="a run folder, a folder of runs, or a folder of those")
    parser.add_argument("-o", "--output", default="report.html", metavar="FILE", help="file to write")
    parser.add_argument("--evaluation", metavar="FILE", help="the evaluation.json to take where the data are not here")
    parser.add_argument("--title", help="the heading")
    add_run_flags(parser)
    add_text_flags(parser)
    add_resampling_flags(parser)


def run(args: Namespace) -> None:
    from cbpner.reports.page.inputs import gather_report
    from cbpner.reports.page.render import TITLE, build_report, explain_missing, write_report

    data = gather_report(args.runs, args.part, args.data_dir, args.evaluation, read_resampling(args))
    files = write_report(build_report(data, args.title or TITLE, not args.no_text, args.top), args.output)
    print(*explain_missing(data, not args.no_text), f"written: {', '.join(map(str, files))}", sep="\n")
