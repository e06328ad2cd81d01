"""Describe a data folder: for each split and part its patents, sentences, characters and mentions.

`unique` counts different mentions (text and type), `unseen` the mentions that the split's train part never has,
`orphan I-` the tags that continue no mention. Mentions are read leniently: an orphan `I-` starts one.

FOLDER may also be a file, or a folder of files, in any format that `cbpner convert` reads: then there is one row for
all documents, or with --documents one for each; empty lines are not counted.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import pandas as pd

from cbpner.base.errors import InputError
from cbpner.base.tables import format_markdown
from cbpner.commands.options import add_reading_flags, describe_notes, read_choices
from cbpner.formats.document import Choices, Tally
from cbpner.formats.registry import FORMATS, guess_format, read_documents
from cbpner.text.splits import PARTS, describe_splits

COLUMNS = ("patents", "sentences", "characters", "longest", "mentions")
DOCUMENT_COLUMNS = ("documents", "lines", "characters", "longest", "mentions")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "folder", metavar="FOLDER", help="folder with splits 0, 1, ..., or one split; or annotated text"
    )
    parser.add_argument("--long", action="store_true", help="sentences as they are, not the no_long_ files")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--documents", action="store_true", help="annotated text: a row a document")
    parser.add_argument("--format", choices=FORMATS, metavar="FORMAT", help="of annotated text (default: as found)")
    add_reading_flags(parser, "orphans")


def run(args: Namespace) -> None:
    choices = read_choices(args)
    if args.format or is_annotated(args.folder):
        table = build_document_table(tally_documents(args, choices))
    else:
        table = build_split_table(describe_splits(args.folder, args.long))
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
    if any(folder.name.isdigit() and folder.is_dir() for folder in path.iterdir()):
        return False
    if any(file.stem == part or file.stem.endswith(f"_{part}") for part in PARTS for file in path.glob("*.bio")):
        return False
    try:
        return bool(guess_format(path))
    except InputError:
        return False


def tally_documents(args: Namespace, choices: Choices) -> dict[str, dict[str, Any]]:
    """{name: what was counted} of each document, or of all."""
    documents = read_documents([args.folder], args.format, choices)
    if args.documents:
        tallies = {}
        for document in documents:
            tallies.setdefault(document.id, Tally()).add(document)
        return {name: tally.summarize() for name, tally in tallies.items()}
    tally = Tally()
    for document in documents:
        tally.add(document)
    return {Path(args.folder).name: tally.summarize()}


def build_split_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The rows of `describe_splits` as a frame of text, with a column for each type."""
    types = sorted({label for row in rows for label in row["types"]})
    return pd.DataFrame(
        [
            {"split": row["split"], "part": row["part"]}
            | {column: f"{row[column]:,}" for column in COLUMNS}
            | {label: f"{row['types'].get(label, 0):,}" for label in types}
            | {"unique": f"{row['unique']:,}", "unseen": "" if row["unseen"] is None else f"{row['unseen']:,}"}
            | {"orphan I-": f"{row['orphans']:,}"}
            for row in rows
        ]
    )


def build_document_table(rows: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """The rows of `tally_documents` as a frame of text, with a column for each type."""
    types = sorted({label for row in rows.values() for label in row["types"]})
    return pd.DataFrame(
        [
            {"of": name}
            | {column: f"{row[column]:,}" for column in DOCUMENT_COLUMNS}
            | {label: f"{row['types'].get(label, 0):,}" for label in types}
            | {"unique": f"{row['unique']:,}", "overlapping": f"{row['overlapping']:,}"}
            | {"across lines": f"{row['crossing']:,}"}
            for name, row in rows.items()
        ]
    )
