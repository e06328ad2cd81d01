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
from pathlib import Path

from cbpner.commands import options
from cbpner.formats.document import Tally
from cbpner.formats.registry import FORMATS, describe_formats, guess_output, read_documents, write_documents
from cbpner.prediction.sources import check_overlap

__doc__ = __doc__.replace("{formats}", describe_formats())


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="file or folder to read")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="file or folder to write")
    parser.add_argument("--from", dest="source", choices=FORMATS, metavar="FORMAT", help="of INPUT (default: as found)")
    parser.add_argument("--to", dest="target", choices=FORMATS, metavar="FORMAT", help="of OUT (default: by its name)")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT (a folder: if it has such files alone)")
    options.add_reading_flags(parser, "orphans")
    options.add_output_rules(parser, "overlap", "unfit")


def run(args: Namespace) -> None:
    target = args.target or guess_output(args.output).name
    check_overlap(args.inputs, Path(args.output))
    choices, tally = options.read_choices(args), Tally()
    documents = tally.watch(read_documents(args.inputs, args.source, choices))
    write_documents(documents, args.output, target, choices, args.overwrite)
    summary = options.describe_documents(tally.summarize())
    print(f"{args.output}: {target}, from {summary}", *options.describe_notes(choices), sep="\n")
