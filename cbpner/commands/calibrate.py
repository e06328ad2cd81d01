"""Fit the temperature of a tagger's scores on runs' test sets, and show how reliable they are.

  cbpner calibrate runs/averaged -o calibration.json
  cbpner calibrate runs/averaged --data-dir data/cbp_gold --into models/final_trained

Each run's model tags its own test set, which it has not learnt from; one temperature is fitted over all of them. The
table shows, by score, the share of spans that are right. --into writes the temperature into another model's
config.json: for one that was trained on all data, no text is left to fit it on.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from cbpner.base.errors import InputError
from cbpner.base.files import check_free, write_json
from cbpner.base.tables import format_markdown
from cbpner.commands.options import add_run_flags
from cbpner.runs import folder as runs


def add_arguments(parser: ArgumentParser) -> None:
    text = "run folders with their models, or folders of such"
    parser.add_argument("run_folders", nargs="+", metavar="RUNS", help=text)
    parser.add_argument("-o", "--output", metavar="FILE", help="write temperature and tables as JSON")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE")
    parser.add_argument("--into", metavar="MODEL", help="write the temperature into this model's config.json")
    add_run_flags(parser)


def run(args: Namespace) -> None:
    found = runs.find_runs(args.run_folders).finished
    if not found:
        places = ", ".join(args.run_folders)
        raise InputError(f"{places}: found no finished run; expected one or more with their models")
    if args.output:
        check_free(args.output, args.overwrite)
    from cbpner.prediction.calibration import calibrate, write_temperature

    content = calibrate(found, args.part, args.data_dir)
    if args.output:
        write_json(args.output, content)
    if args.into:
        write_temperature(Path(args.into), content["temperature"])
    print(render(content), end="")


def render(content: dict[str, Any]) -> str:
    """Markdown."""
    found = "Temperature {temperature}, over {spans} spans of {runs} runs, {right} of them right.\n"
    lines = [found.format_map(content)]
    for name, temperature in (("before", 1), ("after", content["temperature"])):
        own = content[name]
        rows = [[f"{row['low']:.1f} to {row['high']:.1f}", row["spans"], f"{row['score']:.3f}", f"{row['right']:.3f}"]
                for row in own["table"]]  # fmt: skip
        errors = f"log loss {own['log_loss']:.3f}, expected calibration error {own['error']:.3f}"
        lines += [f"temperature {temperature}: {errors}\n"]
        lines += [format_markdown(("score", "spans", "mean score", "right"), rows), ""]
    return "\n".join(lines)
