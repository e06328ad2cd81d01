"""One HTML file that shows what the runs scored, where they err and how they were made; or its tables.

  cbpner report results -o report.html -o scores.tex -o tables/   the page, the scores for LaTeX, all tables as CSV
  cbpner report results results/curve           runs on fewer patents become the limited-data curve
  cbpner report results --data-dir /elsewhere/cbp_gold
  cbpner report results --no-text               no sentence and no surface of the gold: may be published

The file needs no network and opens from disk. The gold text is joined from your copy of the data. Without it, the
figures that need it are taken from RUNS/evaluation/evaluation.json, if `cbpner evaluate RUNS -o RUNS/evaluation` wrote
one for the same runs, and the report says what is missing.
"""

import os
from argparse import ArgumentParser, Namespace
from collections import Counter

from cbpner.base.progress import Progress
from cbpner.commands.options import add_resampling_flags, add_run_flags, add_text_flags, read_resampling


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUNS", help="a run folder, a folder of runs, or a folder of those")
    text = "page (.html), scores (.tex) or folder of all tables (OUT/); repeatable (default: report.html)"
    parser.add_argument("-o", "--output", action="append", metavar="OUT", help=text)
    parser.add_argument("--evaluation", metavar="FILE", help="the evaluation.json to take where the data are not here")
    parser.add_argument("--title", help="the heading")
    add_run_flags(parser)
    add_text_flags(parser)
    add_resampling_flags(parser)


def run(args: Namespace) -> None:
    from cbpner.reports.page import render
    from cbpner.reports.page.inputs import gather_report
    from cbpner.reports.run_scores import load_runs

    outputs = args.output or ["report.html"]
    render.check_report_outputs(outputs)
    loaded = load_runs(args.runs, args.part)
    folders = Counter(os.path.dirname(run.folder) or "." for run in loaded.scored)
    found = ", ".join(f"{folder} ({count})" for folder, count in folders.items())
    print(f"found {len(loaded.scored)} run(s): {found}", *loaded.notes, sep="\n", flush=True)
    with Progress("judging"):
        data = gather_report(args.runs, args.part, args.data_dir, args.evaluation, read_resampling(args))
    with Progress("drawing"):
        report = render.build_report(data, args.title or render.TITLE, not args.no_text, args.top)
    render.write_report(report, outputs)
    print(*render.explain_missing(data, not args.no_text), f"written: {', '.join(outputs)}", sep="\n")
