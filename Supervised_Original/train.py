"""Supervised_Original: BERT with a linear layer, trained on labelled sentences alone, under the original's flags.

python train.py --finetuning --trainset F --validset F --testset F --logdir RUN
python train.py --do_predict --testset F --logdir RUN      scores the model in RUN (--do_eval: on the validset)
"""

import argparse
import sys

from cbpner.base.process import run_guarded
from cbpner.commands.options import add_flags_without_effect
from cbpner.commands.parser import Parser
from cbpner.commands.train import RATES, add_arguments, add_original_flags, run_training

METHOD = "Supervised_Original"
ORIGINAL_FLAGS = {
    "train": ["--trainset"],
    "dev": ["--validset"],
    "test": ["--testset"],
    "output": ["--logdir"],
    "epochs": ["--n_epochs"],
    "encoder": ["--bert_model"],
}


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    add_arguments(parser, ORIGINAL_FLAGS)
    add_original_flags(parser)
    parser.add_argument(
        "--finetuning", action="store_true", help="train the encoder too; without it only the head learns"
    )
    lstm = "the method has no BiLSTM; `partBERT_CRF/run_ner.py --variant coded` has one"
    weights = "--bert_model starts from a model, --do_predict scores one"
    add_flags_without_effect(
        parser, "test_batch_size", testing="a test file that is given is scored", load_weights=weights,
        weights_path=weights, **dict.fromkeys(("top_rnns", "rnn_layers", "hidden_size"), lstm),
    )  # fmt: skip
    return parser


def run(args: argparse.Namespace) -> None:
    """Train, or score; --lr is one rate for all weights, as in the original, unless --head_lr gives the head's."""
    rates = dict.fromkeys(RATES, args.lr)
    run_training(args, METHOD, trainable_layers=None if args.finetuning else 0, **rates)


def main(argv: list[str] | None = None) -> int:
    return run_guarded(lambda: run(build_parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
