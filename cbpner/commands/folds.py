"""Write the tuning folds of the gold data: column files over the twelve patents that no test set has.

OUT/0, OUT/1, ... each get `train.bio` and `test.bio` (the held-out patents). What is tuned is tuned on these alone:

  cbpner folds data/cbp_gold -o runs/folds
  cbpner train --train runs/folds/0/train.bio --test runs/folds/0/test.bio --split 0 -o runs/tuning/0 --lr 1e-4
"""

from argparse import ArgumentParser, Namespace

from cbpner.base.files import atomic_folder, check_free
from cbpner.commands.options import bounded
from cbpner.text.bio import list_mentions, write_bio
from cbpner.text.gold import tuning_folds


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="GOLD", help="the gold data's folder")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="new folder to write")
    parser.add_argument("--n-folds", type=bounded(int, 2), default=3, help="number of folds")
    parser.add_argument("--seed", type=bounded(int, 0), default=0, help="the same seed draws the same folds")
    parser.add_argument("--long", action="store_true", help="sentences as they are, not the no_long_ ones")


def run(args: Namespace) -> None:
    check_free(args.output, advice="")
    folds = tuning_folds(args.folder, args.n_folds, args.seed, args.long)
    with atomic_folder(args.output) as folder:
        for number, parts in enumerate(folds):
            for name, part in zip(("train.bio", "test.bio"), parts, strict=True):
                write_bio(folder / str(number) / name, part)
    for number, parts in enumerate(folds):
        sizes = [f"{len(part)} sentences, {len(list_mentions(part))} mentions" for part in parts]
        print(f"{args.output}/{number}: train {sizes[0]}; held out {sizes[1]}")
