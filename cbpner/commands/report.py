"""One HTML file that shows what the runs scored, where they err and how they were made; its tables beside it.

  cbpner report results -o report.html          report.html, report.md, report.tex and report_tables/*.csv
  cbpner report results results/curve           runs on fewer patents become the limited-data curve
  cbpner report results --data-dir /elsewhere/cbp_gold
  cbpner report results --no-text               no sentence and no surface of the gold: may be published

The file needs no network and opens from disk. The gold text is joined from your copy of the data. Without it, the
figures that need it are taken from RUNS/evaluation/evaluation.json, if `cbpner evaluate RUNS -o RUNS/evaluation` wrote
one for the same runs, and the report says what is missing.
"""

from cbpner.base.errors import InputError
from cbpner.commands.options import add_resampling_flags, read_resampling
from cbpner.reports.evaluate import SHOWN
from cbpner.reports.page.inputs import gather_material
from cbpner.reports.page.render import TITLE, build_page, explain_missing, write_page
from cbpner.reports.table import PARTS


def add_arguments(parser):
    parser.add_argument("runs", nargs="+", metavar="RUNS", help="a run folder, a folder of runs, or a folder of those")
    parser.add_argument("-o", "--output", default="report.html", metavar="FILE", help="default: %(default)s")
    parser.add_argument("--part", choices=PARTS, default="test", help="which scores (default: %(default)s)")
    parser.add_argument("--data-dir", metavar="DIR", help="where the data files of the runs are now, at any depth")
    parser.add_argument("--evaluation", metavar="FILE", help="the evaluation.json to take where the data are not here")
    parser.add_argument("--title", default=TITLE, help="the heading (default: %(default)s)")
    parser.add_argument("--no-text", action="store_true", help="no surface and no sentence of the gold in the output")
    parser.add_argument(
        "--top", type=int, default=SHOWN, metavar="N", help="wrong surfaces shown of each system (default: %(default)s)"
    )
    add_resampling_flags(parser)


def run(args):
    resampling = read_resampling(args)
    if args.top < 0:
        raise InputError(f"found --top {args.top}; expected at least 0")
    material = gather_material(args.runs, args.part, args.data_dir, args.evaluation, resampling)
    files = write_page(build_page(material, args.title, not args.no_text, args.top), args.output)
    for line in [*explain_missing(material, not args.no_text), f"written: {', '.join(map(str, files))}"]:
        print(line)
