"""Supervised_Original: BERT with a linear layer, trained on labelled sentences alone, under the original's flags."""

import argparse
import sys

from cbpner.base.process import run_guarded
from cbpner.commands.train import add_arguments, run_training

METHOD = "Supervised_Original"
ORIGINAL_FLAGS = {
    "train": ["--trainset"],
    "dev": ["--validset"],
    "test": ["--testset"],
    "output": ["--logdir"],
    "epochs": ["--n_epochs"],
    "encoder": ["--bert_model"],
}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, ORIGINAL_FLAGS)
    parser.add_argument(
        "--finetuning", action="store_true", help="train the encoder too; without it only the head learns"
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    return run_guarded(lambda: run_training(args, METHOD, trainable_layers=None if args.finetuning else 0))


if __name__ == "__main__":
    sys.exit(main())
