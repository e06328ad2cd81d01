"""BERT_LM_mixed, first half: fine-tune a masked LM on unlabelled text, under the original's flags.

python run_lm_finetuning.py --mlm --do_train --train_data_file TEXT --eval_data_file TEXT --output_dir MODEL
python run_lm_finetuning.py --mlm --do_train --train_data_file TEXT --output_dir LONGER --should_continue
                            --model_name_or_path MODEL --num_train_epochs 5
python run_lm_finetuning.py --mlm --do_eval --eval_data_file TEXT --model_name_or_path MODEL

TEXT is a file, or a folder of .txt files; a blank line separates two documents. The same command resumes an interrupted
run. --should_continue trains a finished one for more epochs, exactly as if it had been made with them at once; for that
it must have been started with --schedule_epochs. Without it, a new training starts from the weights of any model.
"""

import argparse
import sys
from pathlib import Path

from cbpner.base.errors import InputError
from cbpner.base.process import run_guarded
from cbpner.masked_lm.recipes import RECIPES, LMRecipe, get_lm_recipe
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
WITHOUT_EFFECT = {
    "per_gpu_eval_batch_size": "evaluation fills its batches by tokens",
    "overwrite_cache": "text is tokenized in every run",
    "evaluate_during_training": "perplexity is measured after every epoch, and every --eval_steps, anyway",
}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train_data_file", metavar="TEXT", help="text to train on: a file, or a folder of .txt files")
    parser.add_argument("--eval_data_file", metavar="TEXT", help="held-out text, for the perplexity")
    parser.add_argument("--line_by_line", action="store_true", help="each line is a document")
    parser.add_argument("--output_dir", metavar="MODEL", help="the new model's folder")
    parser.add_argument("--do_train", action="store_true", help="train (on --train_data_file, into --output_dir)")
    parser.add_argument("--do_eval", action="store_true", help="without --do_train: the perplexity of a model as it is")
    parser.add_argument("--mlm", action="store_true", help="masked language modelling (required: the only objective)")
    parser.add_argument("--should_continue", action="store_true", help="continue the run in --model_name_or_path")
    parser.add_argument("--recipe", choices=RECIPES, help="table of hyper-parameters (default: cbp)")
    parser.add_argument("--seed", type=int, help="random seed (default: 0)")
    parser.add_argument("--overwrite_output_dir", "--overwrite", action="store_true", help="delete a run in MODEL")
    parser.add_argument("--cache_dir", metavar="DIR", help="folder for temporary files (default: the system's)")
    parser.add_argument("--overwrite_cache", action="store_true", help="no effect: text is tokenized in every run")
    for name, default, what in (
        ("save_steps", 500, "steps between two checkpoints; there is one after every epoch, too"),
        ("save_total_limit", 1, "checkpoints kept"),
        ("logging_steps", 10, "steps between two log records"),
        ("eval_steps", 0, "steps between two perplexities; 0: one after every epoch"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"{what} (default: {default})")
    parser.add_argument("--bf16", action="store_const", const="bf16", dest="half", help="as --precision bf16")
    parser.add_argument(
        "--fp16", action="store_const", const="bf16", dest="half", help="as --bf16, which needs no loss scaling"
    )
    parser.add_argument("--model_type", choices=["bert"], help="no effect")
    for name in ("config_name", "tokenizer_name"):
        parser.add_argument(f"--{name}", metavar="NAME", help="only the model's own")
    parser.add_argument("--per_gpu_eval_batch_size", "--per_device_eval_batch_size", type=int, metavar="N")
    parser.add_argument("--evaluate_during_training", action="store_true")
    add_recipe_flags(parser, ORIGINAL_FLAGS, LMRecipe)
    return parser


def check_flags(args: argparse.Namespace) -> None:
    """Raise InputError for missing and unsupported flags; print a line on stderr for each flag without effect."""
    if not args.mlm:
        raise InputError("found no --mlm; expected it: masked language modelling is the only objective")
    if not args.do_train and not args.do_eval:
        raise InputError("found neither --do_train nor --do_eval; expected one of them, or both")
    needed = ["train_data_file", "output_dir"] if args.do_train else ["encoder"]
    needed += ["eval_data_file"] if args.do_eval or args.evaluate_during_training or args.eval_steps else []
    if missing := [name for name in needed if not getattr(args, name)]:
        flags = ", ".join(f"--{name}".replace("--encoder", "--model_name_or_path") for name in missing)
        raise InputError(f"found no {flags}; expected it")
    for name in ("config_name", "tokenizer_name"):
        if getattr(args, name) not in (None, args.encoder):
            raise InputError(f"found --{name} {getattr(args, name)}; expected the model's own: leave the flag out")
    for name, reason in WITHOUT_EFFECT.items():
        if getattr(args, name):
            print(f"note: --{name} has no effect: {reason}", file=sys.stderr)


def choose_recipe(args: argparse.Namespace) -> dict:
    """Return {`recipe_name`, `recipe`, `seed`, `continues`} of the job: the flags', or those of the run to continue."""
    given = read_recipe_flags(args, LMRecipe)
    if args.half:
        given["precision"] = args.half
    if not (args.should_continue and args.encoder):
        name = args.recipe or "cbp"
        return {"recipe_name": name, "recipe": get_lm_recipe(name, **given), "seed": args.seed or 0}
    from cbpner.masked_lm.config import continue_recipe

    folder = Path(args.encoder)
    if folder.resolve() == Path(args.output_dir).resolve():
        raise InputError(f"{folder}: found the run's own folder as --output_dir; expected another one")
    name, recipe, seed = continue_recipe(folder, **given)
    seed = seed if args.seed is None else args.seed
    return {"recipe_name": args.recipe or name, "recipe": recipe, "seed": seed, "continues": folder}


def find_text(name: str | None, part: str, line_by_line: bool, segmenter: str = ""):
    """Return the text of one part, or None where no file was given."""
    from cbpner.masked_lm.corpus import TextSource, list_text_files

    return TextSource(list_text_files(name, part), line_by_line, segmenter) if name else None


def run(args: argparse.Namespace) -> None:
    check_flags(args)
    chosen, cache = choose_recipe(args), Path(args.cache_dir) if args.cache_dir else None
    recipe = chosen["recipe"]
    held_out = find_text(args.eval_data_file, "test", args.line_by_line)
    from cbpner.masked_lm.config import LMJob
    from cbpner.masked_lm.run import fine_tune, measure_model

    if not args.do_train:
        found = measure_model(recipe, held_out, cache)
        print(f"perplexity {found['perplexity']:.3f} ({found['targets']} masked characters)")
        return
    segmenter = recipe.segmenter if recipe.whole_word else ""
    metrics = fine_tune(LMJob(
        train=find_text(args.train_data_file, "train", args.line_by_line, segmenter), held_out=held_out,
        output=Path(args.output_dir), cache=cache, overwrite=args.overwrite_output_dir, save_steps=args.save_steps,
        save_total_limit=args.save_total_limit, logging_steps=args.logging_steps, eval_steps=args.eval_steps, **chosen,
    ))  # fmt: skip
    if metrics and metrics["perplexity"]:
        print("perplexity {before:.3f} before, {after:.3f} after".format(**metrics["perplexity"]))


def main(argv: list[str] | None = None) -> int:
    return run_guarded(run, build_parser().parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
