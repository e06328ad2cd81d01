"""Find genes, proteins and diseases in Chinese patents: the command line over the library."""

import importlib
import sys
from collections.abc import Sequence

from cbpner import __version__
from cbpner.base.errors import InputError
from cbpner.base.process import run_guarded
from cbpner.commands.parser import Parser, suggest_name

GROUPS = {
    "data": {
        "check": "validate column files and annotations in other formats; report every fault with its line",
        "convert": "convert annotated text: BIO, JSON lines, brat, YEDDA, doccano, Label Studio",
        "stats": "describe a data folder, or annotated text in any format: documents, characters, mentions",
        "split": "draw repeated document-level splits of annotated documents",
        "gold": "download or copy the gold data, and check every file",
        "folds": "write the tuning folds: gold patents that are in no test set",
        "patents": "build a corpus for masked-LM fine-tuning from patents",
        "preannotate": "tag documents for a person to correct, least certain documents first",
    },
    "train": {
        "train": "train and evaluate a tagger",
        "rerun": "repeat a run from its config.json, and compare",
        "ensemble": "average runs that differ in their seed (weights or probabilities); or decode a run anew",
        "export": "write a tagger as an ONNX model, also in int8",
    },
    "judge": {
        "table": "one score table from run folders",
        "evaluate": "scores with intervals, errors and comparisons, of runs or of any predictions",
        "report": "an HTML page of scores, errors, sentences and settings of runs, and its tables",
        "curve": "F1 against the number of training patents, and the cost of training",
        "calibrate": "fit the temperature of a tagger's scores, and show how reliable they are",
    },
    "use": {
        "predict": "tag texts: genes, proteins and diseases with their places",
        "app": "a page in the browser and a REST endpoint, to tag texts on this machine",
        "entities": "genes, proteins and diseases of tagged patents: ids, names, counts, years, scores",
        "relations": "genes, and genes and diseases, that co-occur: statistics, evidence, a network to look at",
        "lexicons": "where to get lists of genes and diseases, and what is in them",
    },
}
COMMANDS = {name: summary for group in GROUPS.values() for name, summary in group.items()}


def build_parser(command: str | None = None) -> Parser:
    """Build the parser of one command, or of `cbpner` alone; no other module is imported, so that it starts fast."""
    if command:
        module = importlib.import_module(f"cbpner.commands.{command}")
        parser = Parser(prog=f"cbpner {command}", description=module.__doc__)
        module.add_arguments(parser)
        parser.set_defaults(run=module.run)
        return parser
    lines = []
    for group, commands in GROUPS.items():
        lines += [f"{group}:", *(f"  {name:12} {summary}" for name, summary in commands.items()), ""]
    epilog = "\n".join([*lines, "`cbpner help COMMAND` describes a command and its options."])
    parser = Parser(prog="cbpner", usage="cbpner COMMAND ...", description=__doc__, epilog=epilog)
    parser.add_argument("--version", action="version", version=f"cbpner {__version__}")
    return parser


def run_command(argv: Sequence[str]) -> int | None:
    words = list(argv) or ["--help"]
    if words[0] == "help":
        words = [*words[1:2], "--help"]
    if words[0] in COMMANDS:
        args = build_parser(words[0]).parse_args(words[1:])
        return args.run(args)
    if words[0].startswith("-"):
        build_parser().parse_args(words)
    found = f"found the unknown command {words[0]!r}{suggest_name(words[0], COMMANDS)}"
    raise InputError(f"{found}; `cbpner help` lists them")


def main(argv: Sequence[str] | None = None) -> int:
    return run_guarded(run_command, sys.argv[1:] if argv is None else list(argv))


if __name__ == "__main__":
    sys.exit(main())
