"""Fit the temperature of a tagger's scores on runs' test sets, and show how reliable they are.

  cbpner calibrate runs/averaged -o calibration.json
  cbpner calibrate runs/averaged --data-dir data/cbp_gold --into models/final_trained

Each run's model tags its own test set, which it has not learnt from; one temperature is fitted over all of them. The
table shows, by score, the share of spans that are right. --into writes the temperature into another model's
config.json: for one that was trained on all data, no text is left to fit it on.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cbpner.base.errors import InputError
from cbpner.base.files import write_json
from cbpner.runs import folder as runs

if TYPE_CHECKING:
    from cbpner.decoding.probabilities import Chain
    from cbpner.prediction.calibration import Found
    from cbpner.prediction.tagger import Tagger

DIGITS = 3


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "run_folders", nargs="+", metavar="RUNS", help="run folders with their models, or folders of such"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write temperature and tables as JSON")
    parser.add_argument("--part", choices=("dev", "test"), default="test", help="which texts (default: %(default)s)")
    parser.add_argument("--data-dir", metavar="DIR", help="where the data files are now, at any depth")
    parser.add_argument("--into", metavar="MODEL", help="write the temperature into this model's config.json")


def run(args: Namespace) -> None:
    found = runs.find_runs(args.run_folders).finished
    if not found:
        raise InputError(
            f"{', '.join(args.run_folders)}: found no finished run; expected one or more with their models"
        )
    from cbpner.prediction.calibration import fit_temperature, join_parts

    parts, chain = [], None
    for folder in found:
        tagger, own = read_found(folder, args.part, args.data_dir)
        chain = check_chain(folder, chain, tagger.backend.chain)
        parts.append(own)
    joined = join_parts(parts)
    try:
        temperature = round(fit_temperature(joined, chain), DIGITS)
    except ValueError as error:
        raise InputError(f"{', '.join(args.run_folders)}: {error}") from error
    content = summarize(joined, chain, temperature) | {"runs": len(found), "part": args.part}
    if args.output:
        write_json(args.output, content)
    if args.into:
        write_temperature(Path(args.into), temperature)
    print(render(content), end="")


def read_found(folder: Path, part: str, data_dir: str | None) -> "tuple[Tagger, Found]":
    """(a run's tagger, the `Found` of its texts)."""
    from cbpner.prediction.calibration import collect_found
    from cbpner.prediction.tagger import Tagger
    from cbpner.text.bio import read_bio

    config = runs.read_config(folder)
    path = runs.find_data(config, part, data_dir)
    tagger = Tagger.from_pretrained(folder)
    sentences = read_bio(path, tagger.labels, config["flags"].get("orphans", "keep"))
    return tagger, collect_found(tagger, sentences)


def check_chain(folder: Path, first: "Chain | None", chain: "Chain") -> "Chain":
    """`chain`; InputError where another run's moves between tags differ, as those of CRFs do."""
    if first is not None and any((one != other).any() for one, other in zip(first, chain, strict=True)):
        raise InputError(f"{folder}: found a CRF of its own; expected one run, or runs with a linear head")
    return chain


def summarize(found: "Found", chain: "Chain", temperature: float) -> dict[str, Any]:
    """The content of the JSON file."""
    import numpy as np

    from cbpner.prediction.calibration import calibration_error, log_loss, score_found, tabulate

    correct, content = np.concatenate(found.correct), {"temperature": temperature}
    content |= {"spans": len(correct), "right": int(correct.sum())}
    for name, value in (("before", 1.0), ("after", temperature)):
        scores = score_found(found, chain, value)
        rows = tabulate(scores, correct)
        content[name] = {"log_loss": log_loss(scores, correct), "error": calibration_error(rows), "table": rows}
    return content


def write_temperature(folder: Path, temperature: float) -> None:
    """Put the temperature into a model's config.json, beside how it decodes."""
    from cbpner.decoding.decision import KEY, read_decision
    from cbpner.prediction.model_folder import read_model_config

    config = read_model_config(folder)
    read_decision(config, folder / "config.json")
    config[KEY] = config.get(KEY, {}) | {"temperature": temperature}
    write_json(folder / "config.json", config)


def render(content: dict[str, Any]) -> str:
    """Markdown."""
    lines = [
        f"Temperature {content['temperature']}, over {content['spans']} spans of {content['runs']} runs, "
        f"{content['right']} of them right.",
        "",
    ]
    for name, title in (("before", "temperature 1"), ("after", f"temperature {content['temperature']}")):
        own = content[name]
        lines += [
            f"{title}: log loss {own['log_loss']:.3f}, expected calibration error {own['error']:.3f}", "",
            "| score | spans | mean score | right |", "|---|---:|---:|---:|",
            *(f"| {row['low']:.1f} to {row['high']:.1f} | {row['spans']} | {row['score']:.3f} | {row['right']:.3f} |"
              for row in own["table"]), "",
        ]  # fmt: skip
    return "\n".join(lines)
