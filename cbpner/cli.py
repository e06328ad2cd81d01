"""`cbpner COMMAND ...`: the command line over the library."""

import argparse
import gc
import importlib
import os
import sys

from cbpner import __version__
from cbpner.base.errors import InputError

INTERRUPTED = 130
COMMANDS = {
    "app": "a page in the browser, and a REST endpoint, to tag texts on this machine",
    "calibrate": "the temperature of a tagger's scores, and how far they can be trusted",
    "check": "validate column files, and annotations in other formats, and name every fault with its line",
    "convert": "annotated text from one format into another: BIO, JSON lines, brat, YEDDA, doccano, Label Studio",
    "curve": "F1 against the number of training patents, and what it costs",
    "entities": "genes, proteins and diseases of tagged patents: ids, names, counts, years, scores",
    "evaluate": "scores with intervals, errors and comparisons, of runs or of any predictions",
    "export": "write a tagger as an ONNX model, also in int8",
    "folds": "write the tuning folds over the gold patents that no test set has",
    "gold": "download or copy the gold data, and check every file",
    "lexicons": "where to get lists of genes and diseases, and what is in them",
    "patents": "make a corpus for masked-LM fine-tuning out of patents",
    "preannotate": "the tagger's spans for a person to correct, least certain documents first",
    "predict": "tag texts: genes, proteins and diseases with their places",
    "relations": "which genes, and genes and diseases, stand together: statistics, evidence, a network to look at",
    "report": "one HTML page of scores, errors, sentences and settings of runs; its tables beside it",
    "rerun": "repeat a run from its config.json, and compare",
    "soup": "one tagger out of runs that differ in their seed: the mean of their weights; or a run decoded anew",
    "split": "repeated patent-level splits of annotated documents",
    "stats": "describe a data folder, or annotated text in any format: documents, characters, mentions",
    "table": "one score table from run folders",
    "train": "train and evaluate a tagger",
}


def build_parser(command=None):
    """The parser; only the module of `command` is imported, so that `--help` and light commands start fast."""
    parser = argparse.ArgumentParser(prog="cbpner", description=__doc__.strip())
    parser.add_argument("--version", action="version", version=f"cbpner {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        sub = subparsers.add_parser(name, help=summary, description=summary)
        if name == command:
            module = importlib.import_module(f"cbpner.commands.{name}")
            sub.description = module.__doc__
            sub.formatter_class = argparse.RawDescriptionHelpFormatter
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    return parser


def run_guarded(function, *args):
    """Call an entry point's work; a user's mistake or a full disk becomes a message on stderr and exit code 2.

    Ctrl-C becomes a message and exit code 130, as shells have it.
    """
    try:
        return function(*args) or 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        line = "\n" * sys.stderr.isatty()  # behind the terminal's ^C
        print(f"{line}interrupted; the same command goes on where it can, or else begins again", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `cbpner ... | head`: the reader has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {place}cannot read or write ({error.strerror or error})", file=sys.stderr)
    finally:
        leave_process_group()
    return 2


def leave_process_group():
    """End the communication that `torchrun`'s processes have; nothing where there is none.

    Its threads otherwise run on into the interpreter's end, where they now and then abort a process that is done.
    """
    distributed = sys.modules.get("torch.distributed")
    if distributed and distributed.is_available() and distributed.is_initialized():
        gc.collect()  # a trainer is in cycles, and its model holds the group
        distributed.destroy_process_group()


def main(argv=None):
    return run_guarded(run_command, sys.argv[1:] if argv is None else list(argv))


def run_command(argv):
    args = build_parser(next((word for word in argv if word in COMMANDS), None)).parse_args(argv)
    return args.run(args)


if __name__ == "__main__":
    sys.exit(main())
