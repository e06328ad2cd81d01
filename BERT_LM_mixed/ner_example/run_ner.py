"""BERT_LM_mixed, second half: NER from a (fine-tuned) masked LM, under the original's flags.

python run_ner.py --data_dir DIR --train_filename F --dev_filename F --test_filename F --model_name_or_path MODEL
                  --output_dir RUN --do_train --do_eval --do_predict
"""

import argparse
import sys

from cbpner.base.errors import InputError
from cbpner.base.process import run_guarded
from cbpner.commands.train import add_arguments, add_name_flags, resolve_names, run_training

METHOD = "BERT_LM_mixed"
ORIGINAL_FLAGS = {
    "output": ["--output_dir"],
    "epochs": ["--num_train_epochs"],
    "encoder": ["--model_name_or_path"],
    "max_length": ["--max_seq_length"],
    "batch_size": ["--per_gpu_train_batch_size", "--per_device_train_batch_size"],
    "lr": ["--learning_rate"],
    "overwrite": ["--overwrite_output_dir"],
}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, ORIGINAL_FLAGS)
    add_name_flags(parser)
    parser.add_argument("--do_train", action="store_true", help="train on the train file (required: the only job)")
    parser.add_argument("--do_eval", action="store_true", help="evaluate on the dev file")
    parser.add_argument("--do_predict", action="store_true", help="predict and evaluate on the test file")
    return parser


def run(args: argparse.Namespace) -> None:
    if not args.do_train:
        raise InputError("found no --do_train; expected it: this script trains, `cbpner table` shows finished runs")
    wanted = {"train": args.do_train, "dev": args.do_eval, "test": args.do_predict}
    args = resolve_names(args, [part for part, want in wanted.items() if want])
    run_training(args, METHOD)


def main(argv: list[str] | None = None) -> int:
    return run_guarded(run, build_parser().parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
