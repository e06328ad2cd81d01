"""Write the tagger's spans for a person to correct, least certain documents first.

  cbpner preannotate patents/ -o for_label_studio.json --to labelstudio-predictions
  cbpner preannotate export.jsonl -o for_doccano.jsonl --to doccano --first 50
  cbpner preannotate patents/ -o brat_folder --to brat

FORMATS
{formats}

INPUT are what `cbpner predict` takes. A file of many documents has them in the order of their uncertainty, with `rank`
and `uncertainty` as metadata; where each has a file of its own, their names begin with the rank. OUT.order.csv lists
all of them: rank, document, uncertainty (mean entropy of a character's tag, in nats), characters, spans;
OUT.errors.jsonl holds what could not be tagged. Scores stand where the format holds them: jsonl and
labelstudio-predictions.

Corrected, the files go back through `cbpner convert --to bio`, into `cbpner split` and `cbpner train`.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from cbpner.base.files import check_free, name_beside
from cbpner.commands.options import add_output_rules, bounded, describe_notes, read_choices
from cbpner.commands.predict import add_input_flags, add_model_flags, open_tagger
from cbpner.formats.registry import FORMATS, check_output, describe_formats, guess_output
from cbpner.prediction.inputs import Fields, read_sources
from cbpner.prediction.sources import check_overlap, open_sources
from cbpner.runs.folder import find_demo

__doc__ = __doc__.replace("{formats}", describe_formats())


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "inputs", nargs="+", type=find_demo, metavar="INPUT", help="file or folder to tag, or - for standard input"
    )
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="file or folder to write")
    parser.add_argument("--to", dest="target", choices=FORMATS, metavar="FORMAT", help="of OUT (default: by its name)")
    parser.add_argument("--first", type=bounded(int, 1), metavar="N", help="write the N least certain documents alone")
    parser.add_argument("--keep-names", action="store_true", help="no rank in the names of files")
    text = "replace OUT (a folder: where it holds such files alone)"
    parser.add_argument("--overwrite", action="store_true", help=text)
    add_input_flags(parser.add_argument_group("how files are read"))
    add_model_flags(parser.add_argument_group("model"))
    add_output_rules(parser, "unfit")


def run(args: Namespace) -> int:
    output = Path(args.output)
    format = FORMATS[args.target] if args.target else guess_output(output)
    check_overlap(args.inputs, output)
    is_file = check_output(output, format, args.overwrite)
    from cbpner.prediction.preannotate import BESIDE, preannotate

    for suffix in BESIDE:
        check_free(name_beside(output, suffix), args.overwrite)
    choices = read_choices(args, text_field=None, split_at=None)
    with open_sources(args.inputs, args.source) as sources:
        items = read_sources(sources, Fields(args.text_field, args.id_field, args.split_at))
        code = preannotate(
            open_tagger(args), items, output, format, choices, is_file=is_file, first=args.first,
            keep_names=args.keep_names, overwrite=args.overwrite,
        )  # fmt: skip
    print(*describe_notes(choices), sep="\n", end="\n" if choices.notes else "")
    return code
