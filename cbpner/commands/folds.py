"""Write the tuning folds of the gold data: column files over the twelve patents that no test set has.

OUT/0, OUT/1, ... each get `train.bio` and `test.bio` (the held-out patents). What is tuned is tuned on these alone:

  cbpner folds data/cbp_gold -o runs/folds
  cbpner train --train runs/folds/0/train.bio --test runs/folds/0/test.bio --split 0 -o runs/tuning/0 --lr 1e-4
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from cbpner.commands.options import bounded
from cbpner.text.bio import list_mentions, write_bio
from cbpner.text.gold import tuning_folds


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="GOLD", help="the gold data's folder")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="folder to write")
    parser.add_argument("--n-folds", type=bounded(int, 2), default=3, help="number of folds")
    parser.add_argument("--seed", type=bounded(int, 0), default=0, help="the same seed draws the same folds")
    parser.add_argument("--long", action="store_true", help="sentences as they are, not the no_long_ ones")


def run(args: Namespace) -> None:
    for number, (train, held_out) in enumerate(tuning_folds(args.folder, args.n_folds, args.seed, args.long)):
        folder = Path(args.output) / str(number)
        write_bio(folder / "train.bio", train)
        write_bio(folder / "test.bio", held_out)
        sizes = [f"{len(part)} sentences, {len(list_mentions(part))} mentions" for part in (train, held_out)]
        print(f"{folder}: train {sizes[0]}; held out {sizes[1]}")
