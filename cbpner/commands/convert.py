"""Convert annotated text from one format into another.

  cbpner convert export.jsonl -o my_documents --to bio                  # doccano's export, by its content
  cbpner convert my_documents -o for_doccano.jsonl --to doccano         # a folder of .bio files
  cbpner convert brat_folder -o my_bio --to bio --overlap longest       # of brat's nested spans the longest stays

FORMATS
{formats}
  (doccano, doccano-label and doccano-old read all three forms, the two of labelstudio both)

INPUT are files, or folders with all folders in them. Without --from the format is that of the file's name and
content; IOB1 looks like BIO with faults, and must be named. The column formats, brat and YEDDA have files a document:
they are written into the folder OUT under the documents' ids, or (but for brat) into the file OUT where it ends as
theirs do. OUT appears whole or not at all.

Nothing is lost silently: what a format cannot hold is an error, or handled as the flags below say; that, and scores,
metadata and dates for which it has no place, is counted and printed.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from cbpner.base.errors import InputError
from cbpner.commands.options import add_reading_flags, add_rules, describe_documents, describe_notes, read_choices
from cbpner.formats.document import Tally
from cbpner.formats.registry import FORMATS, describe_formats, guess_output, read_documents, write_documents

__doc__ = __doc__.replace("{formats}", describe_formats())


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="file or folder to read")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="file or folder to write")
    parser.add_argument("--from", dest="source", choices=FORMATS, metavar="FORMAT", help="of INPUT (default: as found)")
    parser.add_argument("--to", dest="target", choices=FORMATS, metavar="FORMAT", help="of OUT (default: by its name)")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace OUT (a folder: where it holds such files alone)"
    )
    add_reading_flags(parser, "orphans")
    group = parser.add_argument_group("what OUT cannot hold")
    add_rules(group, "overlap", "unfit")
    group.add_argument("--join", action="store_true", help="several documents in one file, where it cannot part them")


def run(args: Namespace) -> None:
    target = args.target or guess_output(args.output).name
    check_apart(args.inputs, Path(args.output))
    choices, tally = read_choices(args), Tally()
    documents = tally.watch(read_documents(args.inputs, args.source, choices))
    write_documents(documents, args.output, target, choices, args.overwrite)
    print(f"{args.output}: {target}, {describe_documents(tally.summarize())}")
    print(*describe_notes(choices), sep="\n", end="\n" if choices.notes else "")


def check_apart(inputs: Sequence[str], output: Path) -> None:
    """InputError where the output would replace what is to be read, or lie in a folder that is."""
    target = output.resolve()
    for path in map(Path, inputs):
        if path.exists() and path.resolve().is_relative_to(target):
            raise InputError(f"{output}: found {path} in it, which is to be read; expected another name for OUT")
        if path.is_dir() and target.is_relative_to(path.resolve()):
            raise InputError(f"{output}: found it in {path}, which is to be read; expected OUT outside of it")
