"""Files named as the original's `run_ner.py` scripts name them: a folder in --data_dir, and names in it."""

from cbpner.base.errors import InputError
from cbpner.commands.train import check_data_dir
from cbpner.text.splits import PARTS


def add_name_flags(parser):
    """`--train_filename`, `--dev_filename` and `--test_filename`."""
    for part in PARTS:
        parser.add_argument(f"--{part}_filename", metavar="NAME", help=f"the {part} file's name in --data_dir")


def place_files(args, parts=None):
    """Turn --data_dir (default: here) and the names of `parts` into files; without names change nothing.

    parts: which parts are read; by default those that are named. InputError where a name is missing, or is given
    beside the file itself.
    """
    names = {part: name for part in PARTS if (name := getattr(args, f"{part}_filename"))}
    if not names:
        return
    for part in ("train", *(parts or names)):
        if part not in names:
            raise InputError(f"found no --{part}_filename; expected the {part} file's name in {args.data_dir or '.'}")
        if getattr(args, part):
            raise InputError(f"found --{part} and --{part}_filename; expected one of them")
    folder, args.data_dir = check_data_dir(args.data_dir or "."), None
    for part in parts or names:
        setattr(args, part, str(folder / names[part]))
