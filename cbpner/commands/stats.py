"""Describe a data folder: for each split and part its patents, sentences, characters and mentions.

`unique` counts different mentions (text and type), `unseen` the mentions that the split's train part never has,
`orphan I-` the tags that continue nothing. Mentions are read leniently: an orphan `I-` begins one.
"""

import pandas as pd

from cbpner.splits import describe_splits

COLUMNS = ("patents", "sentences", "characters", "longest", "mentions")


def add_arguments(parser):
    parser.add_argument("folder", metavar="FOLDER", help="folder with splits 0, 1, ..., or one split")
    parser.add_argument("--long", action="store_true", help="sentences as they are, not the no_long_ files")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")


def run(args):
    table = build_table(describe_splits(args.folder, args.long))
    print(format_markdown(table) if args.markdown else table.to_string(index=False))


def build_table(rows):
    """The rows of `describe_splits` as a frame of text, one column a type."""
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


def format_markdown(table):
    rule = ["---" if column in ("split", "part") else "---:" for column in table.columns]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [list(table.columns), rule, *table.to_numpy().tolist()])
