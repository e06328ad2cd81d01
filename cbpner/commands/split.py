"""Repeated random splits of annotated documents into train, dev and test, by document, in the gold's file layout.

DOCS are column files, one document each, or folders of them. OUT gets the folders 0, 1, ..., each with the three
parts as they are, the three parts with long sentences cut (`no_long_`), and `train_test_split.info`. The splits are
repeated draws, not folds: a document can be in the test part of several.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from cbpner.base.errors import InputError
from cbpner.commands.options import add_tag_flags, bounded
from cbpner.text.labels import LabelSet
from cbpner.text.splits import draw_splits, read_bio_documents, write_splits


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("docs", nargs="+", metavar="DOCS", help="column file of one document, or a folder of them")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="folder to write")
    parser.add_argument("--name", default="docs", help="beginning of the file names")
    parser.add_argument("--n-splits", type=bounded(int, 1, 1000), default=5, help="number of splits")
    parser.add_argument("--test", type=bounded(int, 1), default=2, help="test documents in each")
    parser.add_argument("--dev", type=bounded(int, 1), default=1, help="dev documents in each")
    parser.add_argument("--seed", type=bounded(int, 0), default=0, help="the same seed draws the same splits")
    longest = "longest sentence of the no_long_ files"
    parser.add_argument("--max-chars", type=bounded(int, 1), default=500, help=longest)
    add_tag_flags(parser, "error")
    parser.add_argument("--overwrite", action="store_true", help="replace the splits that OUT holds")


def run(args: Namespace) -> None:
    labels = LabelSet.from_file(args.labels) if args.labels else None
    for path in map(Path, args.docs):
        if path.suffix in (".jsonl", ".json", ".ann", ".anns"):
            raise InputError(f"{path}: expected column files, as `cbpner convert {path} -o OUT --to bio` makes them")
    documents = read_bio_documents(args.docs, labels, args.orphans)
    splits = draw_splits(documents, args.n_splits, args.test, args.dev, args.seed)
    write_splits(documents, splits, args.output, args.name, args.max_chars, args.overwrite)
    for number, info in enumerate(splits):
        parts = "; ".join(f"{part}: {' '.join(names)}" for part, names in info.items() if part != "train")
        print(f"{args.output}/{number}: {len(info['train'])} train documents; {parts}")
