"""Files named as the original's `run_ner.py` scripts name them: a folder in --data_dir, and names in it."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from cbpner.base.errors import InputError
from cbpner.commands.train import check_data_dir
from cbpner.text.splits import PARTS


def add_name_flags(parser: ArgumentParser) -> None:
    """`--train_filename`, `--dev_filename` and `--test_filename`."""
    for part in PARTS:
        parser.add_argument(f"--{part}_filename", metavar="NAME", help=f"the {part} file's name in --data_dir")


def resolve_names(args: Namespace, parts: Sequence[str] | None = None) -> Namespace:
    """The arguments with files in place of --data_dir (default: here) and file names; unchanged without names.

    Args:
        args: With the flags of `add_name_flags`.
        parts: The parts that are read; by default those that are named.

    Raises:
        InputError: A name is missing, or is given together with the file itself.
    """
    names = {part: name for part in PARTS if (name := getattr(args, f"{part}_filename"))}
    if not names:
        return args
    for part in ("train", *(parts or names)):
        if part not in names:
            raise InputError(f"found no --{part}_filename; expected the {part} file's name in {args.data_dir or '.'}")
        if getattr(args, part):
            raise InputError(f"found --{part} and --{part}_filename; expected one of them")
    folder = check_data_dir(args.data_dir or ".")
    return Namespace(**vars(args) | {"data_dir": None} | {part: str(folder / names[part]) for part in parts or names})
