"""BERT_LM_mixed: a trained tagger over a folder of texts, under the original's flags, into its `.pred` files.

python make_predictions.py --pred_input_dir DIR --pred_output_dir DIR --model_type bert --model_name_or_path MODEL

A `.pred` file has one character and its tag per line, and a blank line for each line break of the text; unlike the
original's it has every character, white space too. Files that exist are skipped; a `.txt` that cannot be read is
reported, and the others are tagged (exit code 1). `cbpner predict` does more.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_open
from cbpner.base.process import run_guarded
from cbpner.commands.options import add_flags_without_effect
from cbpner.commands.parser import Parser
from cbpner.prediction.inputs import read_sources
from cbpner.prediction.model_folder import DEFAULT_MODEL
from cbpner.prediction.sources import Source, list_sources

TRAINING_FLAGS = (  # the original's parser shares them with training
    "config_name", "tokenizer_name", "cache_dir", "do_lower_case", "per_gpu_train_batch_size",
    "gradient_accumulation_steps", "learning_rate", "weight_decay", "max_grad_norm", "num_train_epochs", "warmup_steps",
    "adam_epsilon", "max_steps", "logging_steps", "save_steps", "seed", "fp16", "fp16_opt_level",
    "eval_all_checkpoints", "overwrite_cache",
)  # fmt: skip


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("--pred_input_dir", required=True, metavar="DIR", help="folder of .txt files, a document each")
    parser.add_argument("--pred_output_dir", required=True, metavar="DIR", help="folder for their .pred files")
    parser.add_argument("--model_name_or_path", default=DEFAULT_MODEL, help="the tagger (default: %(default)s)")
    parser.add_argument("--model_type", default="bert", help="only bert")
    parser.add_argument("--labels", metavar="FILE", help="checked against the model's: one label a line")
    parser.add_argument("--max_seq_length", type=int, metavar="N", help="tokens per sequence: characters and two more")
    parser.add_argument("--per_gpu_eval_batch_size", type=int, metavar="N", help="sequences of that length at a time")
    parser.add_argument("--overwrite_output_dir", action="store_true", help="replace existing .pred files")
    parser.add_argument("--no_cuda", action="store_true", help="use the CPU even if there is a GPU")
    reason = "a trained model says it, and nothing is trained"
    add_flags_without_effect(parser, "local_rank", "server_ip", "server_port", **dict.fromkeys(TRAINING_FLAGS, reason))
    return parser


def check_labels(path, tagger):
    """Raise InputError where a label file names other types than the model has."""
    from cbpner import LabelSet

    found = LabelSet.from_file(path)
    if set(found.types) != set(tagger.labels.types):
        raise InputError(f"{path}: found {', '.join(found.types)}; the model has {', '.join(tagger.labels.types)}")


def load_tagger(args):
    from cbpner import Tagger

    tagger = Tagger.from_pretrained(
        args.model_name_or_path, device="cpu" if args.no_cuda else None, max_length=args.max_seq_length
    )
    if args.per_gpu_eval_batch_size:
        tagger.batch_tokens = args.per_gpu_eval_batch_size * tagger.decision.max_length
    if args.labels:
        check_labels(args.labels, tagger)
    return tagger


def list_files(source: Path, target: Path, overwrite: bool) -> list[Source]:
    """List the sources to tag; the id of each is the name of its `.pred` file in `target`, without the suffix."""
    if not source.is_dir():
        raise InputError(f"{source}: no such folder; expected the folder of the texts to tag")
    files = [
        each._replace(id=str(each.path.relative_to(source).with_suffix(""))) for each in list_sources(source, "txt")
    ]
    names = Counter(each.id for each in files)
    if twice := next((each for each in files if names[each.id] > 1), None):
        raise InputError(
            f"{twice.name}: found another file for {twice.id}.pred; expected names that differ before .txt"
        )
    return [each for each in files if overwrite or not (target / f"{each.id}.pred").exists()]


def run(args: argparse.Namespace) -> int:
    from cbpner.prediction.job import MOST_ERRORS, Reporter, tag_items
    from cbpner.prediction.outputs import open_text

    if args.model_type.lower() != "bert":
        raise InputError(f"found --model_type {args.model_type}; expected bert")
    if args.per_gpu_eval_batch_size is not None and args.per_gpu_eval_batch_size < 1:
        raise InputError(f"found --per_gpu_eval_batch_size {args.per_gpu_eval_batch_size}; expected 1 or more")
    target = Path(args.pred_output_dir)
    sources = list_files(Path(args.pred_input_dir), target, args.overwrite_output_dir)
    tagger = load_tagger(args)
    items, labels, reporter = read_sources(sources), tagger.labels.types, Reporter(MOST_ERRORS)
    with reporter.bar:
        for document in reporter.take_documents(tag_items(tagger, items, reporter.advance)):
            with atomic_open(target / f"{document.id}.pred") as file, open_text("bio", file, labels) as write:
                write(document)
            reporter.add(document)
    return reporter.finish(target)


def main(argv: list[str] | None = None) -> int:
    return run_guarded(lambda: run(build_parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
