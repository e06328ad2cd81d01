"""partBERT_CRF: a BERT of which a part learns, and a CRF, under the original's flags.

python run_ner.py --data_dir DIR --train_filename F --dev_filename F --test_filename F --output_dir RUN
python run_ner.py --data_dir ../data/demo --split 0 --output_dir RUN --variant coded
python run_ner.py --data_dir ../data/demo --split 0 --output_dir RUN --do_predict       scores the model in RUN

The original's README and its code differ, so there are two variants, each with its own table in every recipe:
described  the encoder's last layers (--trainable_layers, 4 unless it is given), a linear layer and a CRF learn
coded      the encoder learns nothing; its last four layers side by side feed a BiLSTM, a linear layer and a CRF
"""

import argparse
import sys

from cbpner.base.errors import InputError
from cbpner.base.process import run_guarded
from cbpner.commands.options import add_flags_without_effect
from cbpner.commands.parser import Parser
from cbpner.commands.train import RATES, add_arguments, add_original_flags, run_training
from cbpner.training.recipes import get_recipe

METHOD = "partBERT_CRF"
VARIANTS = ("described", "coded")
ORIGINAL_FLAGS = {
    "output": ["--output_dir"],
    "epochs": ["--num_train_epochs"],
    "batch_size": ["--per_gpu_train_batch_size"],
    "lstm_size": ["--hidden_layer_size"],
    "encoder": ["--bert_model"],
}
LARGEST_RATE = 0.01  # of AdamW, which moves a weight by about the rate in each step


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    add_arguments(parser, ORIGINAL_FLAGS)
    add_original_flags(parser)
    parser.add_argument("--variant", choices=VARIANTS, default=VARIANTS[0], help="see above (default: %(default)s)")
    parser.add_argument(
        "--learning_rate", type=float, metavar="LR", help="one rate for all parts, as in the original, whose 0.1 "
        "suits the recipe `paper` (SGD); --lr (the encoder), --head_lr and --crf_lr take precedence",
    )  # fmt: skip
    add_flags_without_effect(parser, "per_gpu_eval_batch_size", "per_gpu_test_batch_size")
    return parser


def check_rate(args: argparse.Namespace, method: str) -> None:
    """Raise InputError for a rate of SGD where the recipe's optimizer is another."""
    optimizer = get_recipe(args.recipe, method, optimizer=args.optimizer).optimizer
    if args.learning_rate and args.learning_rate > LARGEST_RATE and optimizer != "sgd":
        found = f"found --learning_rate {args.learning_rate:g} with the optimizer {optimizer}, which diverges at it"
        advice = "the original's 0.1 is for SGD: add --recipe paper, or leave the flag out"
        raise InputError(f"{found}; expected at most {LARGEST_RATE:g}; {advice}")


def list_flags_without_effect(args: argparse.Namespace) -> list[str]:
    """Return a line for each given flag that has no effect in the variant."""
    reasons = {"lstm_size": "the variant `described` has no BiLSTM"}
    if args.variant == "coded":
        reasons = {
            "trainable_layers": "in the variant `coded` the encoder learns nothing",
            "lr": "in the variant `coded` the encoder learns nothing; --head_lr and --crf_lr are its rates",
        }
    given = {name: reason for name, reason in reasons.items() if getattr(args, name) is not None}
    flags = {name: " or ".join([f"--{name}", *ORIGINAL_FLAGS.get(name, ())]) for name in given}
    return [f"note: {flags[name]} has no effect: {reason}" for name, reason in given.items()]


def run(args: argparse.Namespace) -> None:
    method = f"{METHOD}_{args.variant}"
    check_rate(args, method)
    for line in list_flags_without_effect(args):
        print(line, file=sys.stderr)
    run_training(args, method, **dict.fromkeys(RATES, args.learning_rate))


def main(argv: list[str] | None = None) -> int:
    return run_guarded(lambda: run(build_parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
