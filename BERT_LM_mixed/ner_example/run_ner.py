"""BERT_LM_mixed, second half: NER from a (fine-tuned) masked LM, under the original's flags.

python run_ner.py --data_dir DIR --train_filename F --dev_filename F --test_filename F --model_name_or_path MODEL
                  --output_dir RUN --do_train --do_eval --do_predict
"""

import argparse
import sys
from pathlib import Path

from cbpner.cli import run_guarded
from cbpner.commands.train import add_arguments, check_data_dir, train
from cbpner.errors import InputError

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


def build_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, ORIGINAL_FLAGS)
    for part in ("train", "dev", "test"):
        parser.add_argument(f"--{part}_filename", metavar="NAME", help=f"the {part} file's name in --data_dir")
    parser.add_argument(
        "--do_train", action="store_true", help="train on the train file (needed: there is no other job)"
    )
    parser.add_argument("--do_eval", action="store_true", help="evaluate on the dev file")
    parser.add_argument("--do_predict", action="store_true", help="predict and evaluate on the test file")
    return parser


def place_files(args):
    """Turn --data_dir with file names into files; the dev and test files are read where --do_eval, --do_predict ask."""
    if not args.do_train:
        raise InputError("found no --do_train; expected it: this script trains, `cbpner table` shows finished runs")
    if not args.train_filename:
        return
    folder, args.data_dir = check_data_dir(args.data_dir or "."), None
    wanted = {"train": args.do_train, "dev": args.do_eval, "test": args.do_predict}
    for part, want in wanted.items():
        name = getattr(args, f"{part}_filename")
        if want and not name:
            raise InputError(f"found no --{part}_filename; expected the {part} file's name in {folder}")
        if want:
            setattr(args, part, str(Path(folder) / name))


def run(args):
    place_files(args)
    train(args, METHOD)


def main(argv=None):
    return run_guarded(run, build_parser().parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
