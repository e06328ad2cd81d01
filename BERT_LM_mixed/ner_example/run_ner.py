"""BERT_LM_mixed, second half: NER from a (fine-tuned) masked LM, under the original's flags.

python run_ner.py --data_dir DIR --train_filename F --dev_filename F --test_filename F --model_name_or_path MODEL
                  --output_dir RUN --do_train --do_eval --do_predict
python run_ner.py --data_dir DIR --dev_filename F --test_filename F --output_dir RUN --do_eval --do_predict

The second scores the model in RUN (or --model_name_or_path) without training: RUN gets eval_results.txt,
test_results.txt, and character, gold and predicted tag in eval_predictions.txt and test_predictions.txt.
"""

import argparse
import sys

from cbpner.base.errors import InputError
from cbpner.base.process import run_guarded
from cbpner.commands.options import add_example_flags, add_flags_without_effect, use_example_flags
from cbpner.commands.parser import Parser
from cbpner.commands.train import DO_FLAGS, RATES, add_arguments, add_original_flags, run_training

METHOD = "BERT_LM_mixed"
ORIGINAL_FLAGS = {
    "output": ["--output_dir"],
    "encoder": ["--model_name_or_path"],
    "max_length": ["--max_seq_length"],
    "batch_size": ["--per_gpu_train_batch_size", "--per_device_train_batch_size"],
    "accumulation": ["--gradient_accumulation_steps"],
    "warmup": ["--warmup_steps"],
    "overwrite": ["--overwrite_output_dir"],
}


def whole(text: str) -> int:
    """An argparse type: an integer, which may have a decimal point, as the original's default has."""
    return int(text.removesuffix(".0"))


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    add_arguments(parser, ORIGINAL_FLAGS)
    add_original_flags(parser)
    parser.add_argument("--num_train_epochs", dest="epochs", type=whole, metavar="N", help="as --epochs; also 3.0")
    parser.add_argument(
        "--learning_rate", type=float, metavar="LR", help="one rate for all weights; --lr and --head_lr take precedence"
    )
    add_example_flags(parser)
    folders = "make_predictions.py tags folders"
    add_flags_without_effect(
        parser, "adam_epsilon", "eval_all_checkpoints", "fp16_opt_level", "local_rank", "overwrite_cache",
        "per_gpu_eval_batch_size", "server_ip", "server_port", pred_dir=folders, pred_outdir=folders,
        evaluate_during_training="dev is scored after every epoch anyway", max_steps="training ends with an epoch",
        logging_steps="there is a record every 10 steps", save_steps="there is a checkpoint after every epoch",
    )  # fmt: skip
    return parser


def run(args: argparse.Namespace) -> None:
    if not any(getattr(args, flag) for flag in DO_FLAGS.values()):
        raise InputError("found no --do_train, --do_eval or --do_predict; expected one or more of them")
    use_example_flags(args)
    run_training(args, METHOD, **dict.fromkeys(RATES, args.learning_rate))


def main(argv: list[str] | None = None) -> int:
    return run_guarded(lambda: run(build_parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
