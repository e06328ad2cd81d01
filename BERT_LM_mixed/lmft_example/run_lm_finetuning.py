"""BERT_LM_mixed, first half: fine-tune a masked LM on unlabelled text, under the original's flags.

python run_lm_finetuning.py --mlm --do_train --train_data_file TEXT --eval_data_file TEXT --output_dir MODEL
python run_lm_finetuning.py --mlm --do_train --train_data_file TEXT --output_dir LONGER --should_continue
                            --model_name_or_path MODEL --num_train_epochs 5
python run_lm_finetuning.py --mlm --do_eval --eval_data_file TEXT --model_name_or_path MODEL

TEXT is a file, or a folder of .txt files; a blank line separates two documents. --data_dir DIR stands for both texts: a
folder with train.txt and test.txt, or one of .txt files to train on. The same command resumes an interrupted
run. --should_continue trains a finished one for more epochs, exactly as if it had been made with them at once; for that
it must have been started with --schedule_epochs. Without it, a new training starts from the weights of any model.
"""

import argparse
import sys
from pathlib import Path

from cbpner.base.errors import InputError
from cbpner.base.files import read_json
from cbpner.base.process import run_guarded
from cbpner.commands.options import add_example_flags, add_flags_without_effect, use_example_flags
from cbpner.commands.parser import Parser
from cbpner.masked_lm.recipes import RECIPES, SEEDS, LMRecipe, get_lm_recipe
from cbpner.training.recipes import add_recipe_flags, read_recipe_flags

ORIGINAL_FLAGS = {
    "encoder": ["--model_name_or_path"],
    "mask_share": ["--mlm_probability"],
    "epochs": ["--num_train_epochs"],
    "batch_size": ["--per_gpu_train_batch_size", "--per_device_train_batch_size"],
    "accumulation": ["--gradient_accumulation_steps"],
    "lr": ["--learning_rate"],
    "warmup": ["--warmup_steps"],
}


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("--train_data_file", metavar="TEXT", help="text to train on: a file, or a folder of .txt files")
    parser.add_argument("--eval_data_file", metavar="TEXT", help="held-out text, for the perplexity")
    parser.add_argument("--data_dir", metavar="DIR", help="folder of both texts, if no flag of theirs is given")
    parser.add_argument("--line_by_line", action="store_true", help="each line is a document")
    parser.add_argument("--output_dir", metavar="MODEL", help="the new model's folder")
    parser.add_argument("--do_train", action="store_true", help="train (on --train_data_file, into --output_dir)")
    parser.add_argument("--do_eval", action="store_true", help="without --do_train: the perplexity of a model as it is")
    parser.add_argument("--mlm", action="store_true", help="masked language modelling (required: the only objective)")
    parser.add_argument("--should_continue", action="store_true", help="continue the run in --model_name_or_path")
    parser.add_argument("--recipe", choices=RECIPES, help="table of hyper-parameters (default: cbp)")
    parser.add_argument("--seed", type=int, help="random seed (default: 0; 42 by the recipe paper)")
    parser.add_argument("--overwrite_output_dir", "--overwrite", action="store_true", help="delete a run in MODEL")
    for name, default, what in (
        ("save_steps", 500, "steps between two checkpoints; there is one after every epoch, too"),
        ("save_total_limit", 1, "checkpoints kept"),
        ("logging_steps", 10, "steps between two log records"),
        ("eval_steps", 0, "steps between two perplexities; 0: one after every epoch"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"{what} (default: {default})")
    parser.add_argument("--evaluate_during_training", action="store_true", help="perplexity after every epoch")
    add_example_flags(parser)
    parser.add_argument("--bf16", action="store_const", dest="precision", const="bf16", help="as --precision bf16")
    add_flags_without_effect(
        parser, "adam_epsilon", "eval_all_checkpoints", "fp16_opt_level", "local_rank", "overwrite_cache",
        "per_gpu_eval_batch_size", "server_ip", "server_port", per_device_eval_batch_size="filled by tokens",
    )  # fmt: skip
    add_recipe_flags(parser, ORIGINAL_FLAGS, LMRecipe)
    return parser


def find_texts(args: argparse.Namespace) -> dict[str, str | None]:
    """Return {`train`, `held_out`: the name of a file or folder}; --data_dir stands for both where it has both."""
    texts = {"train": args.train_data_file, "held_out": args.eval_data_file}
    if args.data_dir:
        has_held_out = args.do_eval and Path(args.data_dir, "test.txt").is_file()
        own = {"train": args.data_dir, "held_out": args.data_dir if has_held_out else None}
        texts = {part: name or own[part] for part, name in texts.items()}
    return texts


def check_flags(args: argparse.Namespace) -> None:
    """Raise InputError for missing and unsupported flags."""
    if not args.mlm:
        raise InputError("found no --mlm; expected it: masked language modelling is the only objective")
    if not args.do_train and not args.do_eval:
        raise InputError("found neither --do_train nor --do_eval; expected one of them, or both")
    texts, is_measured = find_texts(args), args.do_eval or args.evaluate_during_training or args.eval_steps
    given = {
        "--train_data_file": texts["train"] or not args.do_train, "--output_dir": args.output_dir or not args.do_train,
        "--model_name_or_path": args.encoder or args.output_dir or args.do_train,
        "--eval_data_file": texts["held_out"] or not is_measured,
    }  # fmt: skip
    if missing := [flag for flag, value in given.items() if not value]:
        raise InputError(f"found no {', '.join(missing)}; expected it")
    use_example_flags(args)


def choose_recipe(args: argparse.Namespace) -> dict:
    """Return {`recipe_name`, `recipe`, `seed`, `continues`} of the job: the flags', or those of the run to continue.

    The original's `--max_steps -1` and `--block_size -1` stand for the recipe's own. Without training, the model is the
    one in --output_dir, or else the one that is named, measured with the casing and the blocks of its training.
    """
    given = read_recipe_flags(args, LMRecipe)
    given = {key: value for key, value in given.items() if key not in ("max_steps", "block_size") or value >= 0}
    if not args.do_train and args.output_dir and (not args.encoder or Path(args.output_dir, "config.json").is_file()):
        given["encoder"] = args.output_dir
    measured = Path(given.get("encoder") or "", "lm_run.json")
    if not args.do_train and not args.recipe and measured.is_file():  # as it was trained
        flags = read_json(measured)["flags"]
        given = {name: flags[name] for name in ("casing", "block_size")} | given
    if not (args.do_train and args.should_continue and args.encoder):
        name = args.recipe or "cbp"
        seed = SEEDS.get(name, 0) if args.seed is None else args.seed
        return {"recipe_name": name, "recipe": get_lm_recipe(name, **given), "seed": seed}
    from cbpner.masked_lm.config import continue_recipe

    folder = Path(args.encoder)
    if folder.resolve() == Path(args.output_dir).resolve():
        raise InputError(f"{folder}: found the run's own folder as --output_dir; expected another one")
    name, recipe, seed = continue_recipe(folder, **given)
    seed = seed if args.seed is None else args.seed
    return {"recipe_name": args.recipe or name, "recipe": recipe, "seed": seed, "continues": folder}


def find_text(name: str | None, part: str, line_by_line: bool):
    """Return the text of one part, or None where no file was given."""
    from cbpner.masked_lm.corpus import TextSource, list_text_files

    return TextSource(list_text_files(name, part), line_by_line) if name else None


def run(args: argparse.Namespace) -> None:
    check_flags(args)
    chosen, cache = choose_recipe(args), Path(args.cache_dir) if args.cache_dir else None
    recipe, texts = chosen["recipe"], find_texts(args)
    held_out = find_text(texts["held_out"], "test", args.line_by_line)
    from cbpner.masked_lm.config import LMJob
    from cbpner.masked_lm.run import fine_tune, measure_model

    if not args.do_train:
        found = measure_model(recipe, held_out, cache)
        print(f"perplexity {found['perplexity']:.3f} ({found['targets']} masked characters)")
        return
    metrics = fine_tune(LMJob(
        train=find_text(texts["train"], "train", args.line_by_line), held_out=held_out,
        output=Path(args.output_dir), cache=cache, overwrite=args.overwrite_output_dir, save_steps=args.save_steps,
        save_total_limit=args.save_total_limit, logging_steps=args.logging_steps, eval_steps=args.eval_steps, **chosen,
    ))  # fmt: skip
    if metrics and metrics["perplexity"]:
        print("perplexity {before:.3f} before, {after:.3f} after".format(**metrics["perplexity"]))


def main(argv: list[str] | None = None) -> int:
    return run_guarded(lambda: run(build_parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
