"""Describe a data folder: for each split and part its patents, sentences, characters and mentions.

`unique` counts different mentions (text and type), `unseen` the mentions that the split's train part never has,
`orphan I-` the tags that continue no mention. Mentions are read leniently: an orphan `I-` starts one.

FOLDER may also be a file, or a folder of files, in any format that `cbpner convert` reads: then there is one row for
all documents, or with --documents one for each; empty lines are not counted.
"""

from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cbpner.base.errors import InputError
from cbpner.base.tables import format_markdown
from cbpner.commands.options import add_reading_flags, describe_notes, read_choices
from cbpner.formats.document import Choices, Tally
from cbpner.formats.registry import FORMATS, guess_format, read_documents
from cbpner.text.splits import PARTS, describe_splits

SPLIT_COLUMNS = ("split", "part", "patents", "sentences"), ("unique", "unseen", "orphan I-")
DOCUMENT_COLUMNS = ("of", "documents", "lines"), ("unique", "overlapping", "across lines")


def add_arguments(parser: ArgumentParser) -> None:
    folder = "folder with splits 0, 1, ..., or one split; or annotated text"
    parser.add_argument("folder", metavar="FOLDER", help=folder)
    parser.add_argument("--long", action="store_true", help="sentences as they are, not the no_long_ files")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--documents", action="store_true", help="annotated text: a row a document")
    text = "of annotated text (default: as found)"
    parser.add_argument("--format", "--from", dest="format", choices=FORMATS, metavar="FORMAT", help=text)
    add_reading_flags(parser, "orphans")


def run(args: Namespace) -> None:
    choices = read_choices(args)
    if args.format or is_annotated(args.folder):
        table = build_table(tally_documents(args, choices), *DOCUMENT_COLUMNS)
    else:
        table = build_table(describe_splits(args.folder, args.long), *SPLIT_COLUMNS)
    if args.markdown:
        text_columns = sum(column in ("split", "part", "of") for column in table.columns)
        print(format_markdown(list(table.columns), table.to_numpy().tolist(), text_columns))
    else:
        print(table.to_string(index=False))
    for line in describe_notes(choices):
        print(line)


def is_annotated(path: str | Path) -> bool:
    """Whether the path is annotated text: a file, or a folder with files of one format that is no data folder."""
    path = Path(path)
    if not path.is_dir():
        return path.exists()
    has_splits = any(folder.name.isdigit() and folder.is_dir() for folder in path.iterdir())
    has_parts = any(file.stem.split("_")[-1] in PARTS for file in path.glob("*.bio"))
    try:
        return not has_splits and not has_parts and bool(guess_format(path))
    except InputError:
        return False


def tally_documents(args: Namespace, choices: Choices) -> list[dict[str, Any]]:
    """What was counted in each document, or in all; `of` says in which."""
    name = Path(args.folder).name
    tallies = defaultdict(Tally, {} if args.documents else {name: Tally()})
    for document in read_documents([args.folder], args.format, choices):
        tallies[document.id if args.documents else name].add(document)
    return [{"of": name} | tally.summarize() for name, tally in tallies.items()]


def build_table(rows: list[dict[str, Any]], first: Sequence[str], last: Sequence[str]) -> pd.DataFrame:
    """The rows as a frame of text, with a column for each type."""
    types = sorted({label for row in rows for label in row["types"]})
    table = pd.DataFrame([dict.fromkeys(types, 0) | row["types"] | row for row in rows], dtype=object)
    table = table.rename(columns={"orphans": "orphan I-", "crossing": "across lines"})
    table = table[[*first, "characters", "longest", "mentions", *types, *last]]
    return table.map(lambda value: "" if value is None else f"{value:,}" if isinstance(value, int) else value)
