"""Train a masked LM for so many minutes, and ship it: measure the speed, plan the steps, train, halve the precision.

    python models/pretrain.py TRAIN.txt [--held-out TEST.txt] -o OUT --minutes 8 [flags of run_lm_finetuning.py]

The learning rate falls to 0 at the last step, so that their number must be known before the first: for a minute (an
eighth of a shorter time) the training runs on trial, and its speed says how many steps the rest of the time holds,
with the perplexity of the held-out text at the start, after every epoch and at the end. OUT/plan.json keeps the plan,
OUT/run is the run, OUT/encoder what models/ship_model.py makes of it (at most 40 MB). The same command resumes a run
that broke off, by its plan. A slower machine than in the first minute takes longer; nothing is cut off.

On a GPU a batch has 65,536 tokens and the rate is 1e-3, chosen by rule of thumb and not yet seen to be good; on a CPU
the recipe's own. `--batch_tokens 16384 --lr 5e-4` is for a card of 8 GB.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import torch

from cbpner.base.errors import InputError
from cbpner.base.files import read_json, write_json
from cbpner.base.process import run_guarded

ROOT = Path(__file__).resolve().parents[1]
FINE_TUNE = [sys.executable, str(ROOT / "BERT_LM_mixed/lmft_example/run_lm_finetuning.py"), "--mlm", "--do_train"]
SHIP = [sys.executable, str(ROOT / "models/ship_model.py")]
LOG = "lm_log.jsonl"
DEFAULTS = {"cuda": ["--batch_tokens", "65536", "--lr", "1e-3"], "cpu": []}
TRIAL = 60.0  # seconds on trial, or an eighth of the time
RECORD_STEPS = 5  # between two records of the trial
SAVE_SECONDS = 120.0  # between two checkpoints, or a twenty-fourth of the time


def run(args: argparse.Namespace, flags: list[str]) -> None:
    """Plan, train and ship; what is there already is taken."""
    begin, output = time.perf_counter(), Path(args.output)
    if args.device == "cuda" and not torch.cuda.is_available():
        raise InputError("found no GPU that torch can use; expected one, or --device cpu")
    device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    flags = ["--train_data_file", args.train, *DEFAULTS[device], *flags]
    asked, path = {"minutes": args.minutes, "held_out": args.held_out, "flags": flags}, output / "plan.json"
    if path.is_file():
        plan = read_json(path)
        if changed := [name for name, value in asked.items() if plan.get(name) != value]:
            found = ", ".join(f"{name} {plan.get(name)!r}, now {asked[name]!r}" for name in changed)
            raise InputError(f"{path}: found the plan of another run ({found}); name another folder (OUT_DIR)")
    else:
        output.mkdir(parents=True, exist_ok=True)
        plan = asked | {"device": device} | plan_steps(args, flags, output / "trial", begin)
        write_json(path, plan)
    print(f"{path}: {plan['steps']:,} steps at {plan['steps_per_second']:.3g} a second", flush=True)
    held_out = ["--do_eval", "--eval_data_file", args.held_out] if args.held_out else []
    sizes = ["--max_steps", str(plan["steps"]), "--save_steps", str(plan["save_steps"])]
    call([*FINE_TUNE, *flags, *held_out, *sizes, "--output_dir", str(output / "run")])
    call([*SHIP, str(output / "run"), "-o", str(output / "encoder")])


def call(command: list[str]) -> None:
    """Run a program that speaks for itself; where it fails, end with its exit code."""
    if code := subprocess.run(command).returncode:
        sys.exit(code)


def plan_steps(args: argparse.Namespace, flags: list[str], folder: Path, begin: float) -> dict[str, float]:
    """{`steps`, `save_steps`, `steps_per_second`} from a trial in `folder`, which is deleted."""
    total = 60 * args.minutes
    records, start_up = measure_speed([*FINE_TUNE, *flags], folder, min(TRIAL, total / 8))
    first, last = records[0], records[-1]
    speed = (last["step"] - first["step"]) / (last["seconds"] - first["seconds"])
    step, evaluation = 1 / speed, 0.0  # seconds
    if args.held_out:  # a forward pass is a third of a step's work, and is done in smaller batches
        epoch = last["step"] / last["epoch"] * step
        evaluation = epoch / 2 * Path(args.held_out).stat().st_size / Path(args.train).stat().st_size
        step += evaluation / epoch * step
    left = total - (time.perf_counter() - begin) - start_up - 2 * evaluation
    save_steps = max(1, round(speed * max(SAVE_SECONDS, total / 24)))
    return {"steps": max(1, int(left / step)), "save_steps": save_steps, "steps_per_second": round(speed, 4)}


def measure_speed(command: list[str], folder: Path, seconds: float) -> tuple[list[dict], float]:
    """(the log's records, seconds of the start-up) of a training that is stopped after so many seconds of steps."""
    shutil.rmtree(folder, ignore_errors=True)
    rare = ["--max_steps", "1000000", "--logging_steps", str(RECORD_STEPS), "--save_steps", "1000000"]
    start, start_up, records = time.perf_counter(), 0.0, []
    process = subprocess.Popen([*command, *rare, "--output_dir", str(folder)])
    try:
        while len(records) < 2 or records[-1]["seconds"] < seconds:
            if (code := process.poll()) is not None:
                sys.exit(code or "the trial ended by itself")
            time.sleep(0.1)
            records = read_records(folder / LOG)
            if records and not start_up:
                start_up = time.perf_counter() - start - records[0]["seconds"]
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
    return records, start_up


def read_records(path: Path) -> list[dict]:
    """The whole lines of a log that is being written."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("train", metavar="TRAIN.txt", help="documents, with a blank line between two")
    parser.add_argument("--held-out", metavar="TEST.txt", help="such a file, for the perplexity")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="folder to write")
    parser.add_argument("--minutes", type=float, default=30.0, help="of the whole (default: 30)")
    parser.add_argument("--device", choices=tuple(DEFAULTS), help="default: a GPU if there is one")
    args, flags = parser.parse_known_args(argv)
    if args.minutes <= 0:
        parser.error(f"found --minutes {args.minutes}; expected more than 0")
    return run_guarded(run, args, flags)


if __name__ == "__main__":
    sys.exit(main())
