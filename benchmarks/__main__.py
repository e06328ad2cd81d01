"""Measure how fast training and prediction are, against what a user would run instead and the processor's limit.

python -m benchmarks --write     twenty minutes or more: measure, write benchmarks/speed/KIND.json and README.md
python -m benchmarks --quick     a minute: does it run?
python -m benchmarks --tables    put the tables of all KINDs of processor into README.md again

Sentences of the gold data (data/get_cbp_gold.sh; of the demo if it is missing), drawn evenly by length. Slower systems
get fewer of them, drawn in the same way; a speed is in useful characters a second: padding and special tokens do not
count. Systems take turns, each in a process of its own; figures are medians over rounds, ratios medians of the ratio in
one round. Where other work makes a system's rounds differ by more than 10% (the middle half of them), up to three times
as many rounds follow. As many threads as OMP_NUM_THREADS says, else torch's number.

Training: `cbpner train` with recipe cbp (no dropout, 10% of the characters hidden); transformers' Trainer in float32,
padded to the longest of a batch, with as many sentences a batch as ours has on average and the encoder's dropout; and
the original's pattern: eight sentences padded to 512 tokens, float32. Prediction: `Tagger`, from text to spans;
transformers' pipeline at its best batch size; and the original's pattern again. Heads are not trained. `cbpner predict`
on 200 sentences, a new process each time, counts from the first call to the last span: loading is not in it.

Utilisation is the time of the model's own matrix products on the same sentences (`benchmarks/matmuls.py`) over the time
of the whole. They run in bfloat16, on a processor without instructions for it in float32. A KIND of processor is its
name and the widest instructions for products that torch finds.
"""

import argparse
import json
import os
import re
import statistics
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks import common, matmuls, systems, tables, timing
from cbpner.base.errors import InputError
from cbpner.base.files import read_json
from cbpner.base.process import run_guarded
from cbpner.models.devices import BF16_INSTRUCTIONS, has_instructions
from cbpner.models.encoders import locate_encoder
from cbpner.models.names import SHIPPED_ENCODER
from cbpner.runs.environment import describe_environment
from cbpner.text.bio import Sentence, read_bio
from cbpner.text.labels import DEFAULT

ROOT = Path(__file__).resolve().parents[1]
DATA = (("data/cbp_gold/0/no_long_cbp_gold_v2_train.bio", "the gold data, split 0"),
        ("data/demo/0/no_long_cbp_demo_train.bio", "the demo data"))  # fmt: skip
TRAINING_SHARES = {"ours": 1.0, "transformers, dynamic padding": 0.3, "original": 0.1}  # of the characters
PREDICTION_SHARES = {
    name: 0.5 if name.startswith("pipeline") else 0.2 if name == "original" else 1.0 for name in systems.PREDICTION
}
SHORT, LONG = 100, 300  # characters: sentences up to the one, from the other
GROWTH = (1, 10, 100)  # lengths of text
FEW = 200  # sentences of `cbpner predict`
QUICK = {"characters": 1200, "growth": 400, "lengths": (1,), "rounds": 1, "shapes": ["cbp_mini"]}
INSTRUCTIONS = ("avx2", "avx512_f", "avx512_vnni", "amx_int8", *reversed(BF16_INSTRUCTIONS))  # the widest last

Plan = dict[tuple[str, str], list[timing.Task]]  # {(shape, kind of work): what takes turns}


def read_sentences(path: str | None) -> tuple[list[Sentence], str]:
    """The sentences of the first file that is there, and what they are."""
    places = [(Path(path), path)] if path else [(ROOT / path, name) for path, name in DATA]
    for place, name in places:
        if place.is_file():
            return [each for each in read_bio(place, DEFAULT) if len(each.chars) <= systems.PADDED - 2], name
    raise InputError(f"{places[0][0]}: found no file; expected a column file of sentences")


def list_instructions() -> list[str]:
    """The processor's, of INSTRUCTIONS; what torch is built for where it does not say."""
    found = [name for name in INSTRUCTIONS if has_instructions(name)]
    return found or [torch.backends.cpu.get_cpu_capability().lower()]


def describe_processor() -> dict[str, Any]:
    """Its `kind`, `instructions`, `threads` of torch, `load` (processes that ran in the minute before), `rates`."""
    instructions, cpu = list_instructions(), describe_environment()["cpu"] or "processor"
    name = re.sub(r"\((R|TM)\)|\b(CPU|Processor)\b|@.*", " ", cpu, flags=re.IGNORECASE).lower()
    found = {
        "kind": "-".join([*re.findall(r"[a-z0-9]+", name), instructions[-1]]), "instructions": instructions,
        "threads": torch.get_num_threads(), "load": round(os.getloadavg()[0], 1), "rates": matmuls.measure_rates(),
    }  # fmt: skip
    print(f"{cpu}: {json.dumps(found)}", file=sys.stderr)
    if found["load"] > 0.5:
        print("other programs run here: ratios hold, characters a second do not", file=sys.stderr)
    return found


def plan_shape(shape: str, folder: Path, sentences: Sequence[Sentence], args: argparse.Namespace) -> tuple[dict, Plan]:
    """What is known of one shape of model beforehand, and what is to be measured."""
    is_mini = shape == "cbp_mini"
    encoder = Path(locate_encoder(SHIPPED_ENCODER) if is_mini else common.make_base_encoder(folder / shape))
    tagger = common.make_tagger(folder / f"{shape}_tagger", encoder)
    share = tables.SHAPES[shape] * args.characters
    chosen = timing.choose_sentences(sentences, share)
    sizes = matmuls.ModelShape.of(read_json(tagger / "config.json"), len(DEFAULT.tags))
    batch = max(1, round(2048 * len(chosen) / (timing.count_characters(chosen) + 2 * len(chosen))))
    plan = plan_texts(tagger, sentences, args) if is_mini else {}
    for kind, shares, make in (
        ("training", TRAINING_SHARES, partial(systems.make_training, model=encoder, batch=batch)),
        ("prediction", PREDICTION_SHARES, partial(systems.make_prediction, model=tagger)),
    ):
        plan[shape, kind] = [
            *(timing.Task(side, partial(make, side), timing.choose_sentences(sentences, share * part))
              for side, part in shares.items()),
            timing.Task("products", partial(matmuls.Matmuls, sizes, kind == "training"), chosen),
        ]  # fmt: skip
    return {"shape": sizes._asdict(), "batch": batch}, plan


def plan_texts(tagger: Path, sentences: Sequence[Sentence], args: argparse.Namespace) -> Plan:
    """Our prediction by length of text and of sentences, one after the other for their memory; `cbpner predict`."""
    texts = {f"{times} x {args.growth:,} characters": repeat(sentences, args.growth * times) for times in args.lengths}
    for name, kept in (
        (f"sentences up to {SHORT} characters", [each for each in sentences if len(each.chars) <= SHORT]),
        (f"sentences from {LONG}", [each for each in sentences if len(each.chars) >= LONG]),
    ):
        texts |= {name: timing.choose_sentences(kept, args.growth * 5)} if kept else {}
    few = timing.choose_sentences(sentences, timing.count_characters(sentences) * FEW / len(sentences))
    ours, command = partial(systems.OurPrediction, tagger), partial(systems.PredictCommand, tagger)
    return {
        ("predict", "command"): [timing.Task("one sentence", partial(command, True), list(sentences[:1])),
                                 timing.Task(f"{FEW} sentences", partial(command, False), few)],
        **{("growth", name): [timing.Task(name, ours, own)] for name, own in texts.items()},
    }  # fmt: skip


def summarize(measured: dict[str, dict]) -> dict[str, dict]:
    """{system: {`speed`, `peak_mb`, `gain` of ours, `utilisation`}}; only the best batch size of the pipeline."""
    names = [name for name in measured if name != "products"]
    pipes = [name for name in names if name.startswith("pipeline")]
    best = max(pipes, key=lambda name: timing.speed(measured[name]), default=None)
    return {
        name: {
            "speed": round(timing.speed(own)), "peak_mb": own["peak_mb"],
            "gain": round(timing.gain(measured["ours"], own), 2),
            "utilisation": round(timing.gain(own, measured["products"]), 3),
        }
        for name, own in measured.items()
        if name in names and (name not in pipes or name == best)
    }  # fmt: skip


def repeat(sentences: Sequence[Sentence], characters: int) -> list[Sentence]:
    """Sentences of that many characters; in each pass through the data they begin with another number."""
    chosen, size, turn = [], 0, 0
    while size < characters:
        for sentence in sentences:
            if size >= characters:
                break
            mark = f"{turn}" if turn else ""
            chosen.append(Sentence(mark + sentence.chars, ["O"] * len(mark) + list(sentence.tags)))
            size += len(chosen[-1].chars)
        turn += 1
    return chosen


def measure(args: argparse.Namespace, words: Sequence[str]) -> None:
    os.environ["TQDM_DISABLE"] = "1"  # for the processes
    if not args.tables:
        found = measure_all(args, words)
        print(tables.render({found["kind"]: found}))
        common.write_figures(tables.SPEED / f"{found['kind']}.json" if args.write else args.output, found)
    if args.write or args.tables:
        page = Path(__file__).with_name("README.md")
        common.replace_between(page, tables.BEGIN, tables.END, tables.render(tables.read_all()))


def measure_all(args: argparse.Namespace, words: Sequence[str]) -> dict[str, Any]:
    """All figures of this processor, as benchmarks/speed/ has them."""
    vars(args).update(QUICK if args.quick else {"lengths": GROWTH})
    sentences, source = read_sentences(args.data)
    found: dict[str, Any] = {"command": " ".join(["python -m benchmarks", *words]), "sentences": source}
    found |= describe_processor() | {"shapes": {}, "growth": {}}
    plan: Plan = {}
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        for shape in args.shapes:
            found["shapes"][shape], own = plan_shape(shape, Path(name), sentences, args)
            plan |= own
        progress = timing.Progress(sum(map(len, plan.values())) * (args.rounds + 1), args.rounds)
        for (part, kind), tasks in plan.items():
            tell = partial(progress.tell, f"{part}, {kind}" if part in tables.SHAPES else part)
            measured = timing.time_systems(tasks, args.rounds, tell)
            if part == "growth":
                own = measured[kind]
                figures = {"speed": round(timing.speed(own)), "peak_mb": own["peak_mb"], "rounds": len(own["seconds"])}
                found["growth"][kind] = figures
            elif part == "predict":
                one, few = measured.values()
                start, speed = statistics.median(one["seconds"]), round(timing.speed(few))
                found["predict"] = {"start": start, "speed": speed, "rounds": measured}
            else:
                found["shapes"][part][kind] = {"sides": summarize(measured), "rounds": measured}
    return found


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--quick", action="store_true", help="a few sentences, one round: does it run?")
    modes.add_argument("--write", action="store_true", help="write benchmarks/speed/KIND.json and benchmarks/README.md")
    modes.add_argument("--tables", action="store_true", help="measure nothing, write benchmarks/README.md")
    modes.add_argument("-o", "--output", metavar="OUT.json", help="write what was measured elsewhere")
    parser.add_argument("--shapes", nargs="+", choices=tuple(tables.SHAPES), default=list(tables.SHAPES))
    parser.add_argument("--data", metavar="FILE", help="column file of sentences (default: the gold's, or the demo's)")
    parser.add_argument("--characters", type=int, default=24_000, help="that the fastest system gets in a round")
    parser.add_argument("--growth", type=int, default=5_000, help="characters of the shortest text")
    text = f"at least; up to {timing.MOST} times as many where they differ"
    parser.add_argument("--rounds", type=int, default=3, help=text)
    parser.add_argument("--folder", help="where to write (default: the system's folder for temporary files)")
    words = sys.argv[1:] if argv is None else list(argv)
    return run_guarded(measure, parser.parse_args(words), words)


if __name__ == "__main__":
    sys.exit(main())
