"""partBERT_CRF: a BERT of which a part learns, and a CRF, under the original's flags.

python run_ner.py --data_dir DIR --train_filename F --dev_filename F --test_filename F --output_dir RUN
python run_ner.py --data_dir ../data/demo --split 0 --output_dir RUN --variant coded

The original's README and its code differ, so there are two variants, each with its own table in every recipe:
described  the encoder's last layers (--trainable_layers, 4 unless it is given), a linear layer and a CRF learn
coded      the encoder learns nothing; its last four layers side by side feed a BiLSTM, a linear layer and a CRF
"""

import argparse
import sys

from cbpner.base.process import run_guarded
from cbpner.commands.train import add_arguments, add_name_flags, resolve_names, run_training

METHOD = "partBERT_CRF"
VARIANTS = ("described", "coded")
ORIGINAL_FLAGS = {
    "output": ["--output_dir"],
    "epochs": ["--num_train_epochs"],
    "batch_size": ["--per_gpu_train_batch_size"],
    "lstm_size": ["--hidden_layer_size"],
    "encoder": ["--bert_model"],
}
RATES = ("lr", "head_lr", "crf_lr")
EVALUATION_SIZES = ("per_gpu_eval_batch_size", "per_gpu_test_batch_size")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, ORIGINAL_FLAGS)
    add_name_flags(parser)
    parser.add_argument("--variant", choices=VARIANTS, default=VARIANTS[0], help="see above (default: %(default)s)")
    parser.add_argument(
        "--learning_rate", type=float, metavar="LR", help="one rate for all parts, as in the original, whose 0.1 "
        "suits the recipe `paper` (SGD); --lr (the encoder), --head_lr and --crf_lr take precedence",
    )  # fmt: skip
    for name in EVALUATION_SIZES:
        parser.add_argument(
            f"--{name}", type=int, metavar="N", help="no effect: evaluation fills its batches by tokens"
        )
    return parser


def spread_rate(args: argparse.Namespace) -> None:
    """Let --learning_rate set each rate that no flag of its own sets."""
    for name in RATES:
        if getattr(args, name) is None:
            setattr(args, name, args.learning_rate)


def list_flags_without_effect(args: argparse.Namespace) -> list[str]:
    """Return a line for each given flag that has no effect."""
    reasons = dict.fromkeys(EVALUATION_SIZES, "evaluation fills its batches by tokens")
    if args.variant == "described":
        reasons["lstm_size"] = "the variant `described` has no BiLSTM"
    else:
        reasons["trainable_layers"] = "in the variant `coded` the encoder learns nothing"
        reasons["lr"] = "in the variant `coded` the encoder learns nothing; --head_lr and --crf_lr are its rates"
    given = {name: reason for name, reason in reasons.items() if getattr(args, name) is not None}
    flags = {name: " or ".join([f"--{name}", *ORIGINAL_FLAGS.get(name, ())]) for name in given}
    return [f"note: {flags[name]} has no effect: {reason}" for name, reason in given.items()]


def run(args: argparse.Namespace) -> None:
    args = resolve_names(args)
    for line in list_flags_without_effect(args):
        print(line, file=sys.stderr)
    spread_rate(args)
    run_training(args, f"{METHOD}_{args.variant}")


def main(argv: list[str] | None = None) -> int:
    return run_guarded(run, build_parser().parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
