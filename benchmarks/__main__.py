"""How fast training and prediction are, beside what a user would run instead, and how near to the processor's limit.

python -m benchmarks [--quick] [--write] [-o OUT.json] [--shapes cbp_mini base] [--characters 24000] [--rounds 3]

Sentences of the gold data (data/get_cbp_gold.sh; those of the demo where it is missing), drawn evenly by length. Sides
that are slower get fewer of them, drawn in the same way; a speed is in useful characters a second: padding and special
tokens do not count. Sides take turns, each in a process of its own; figures are medians over rounds, ratios medians of
one round's. As many threads as OMP_NUM_THREADS says, else torch's number.

Training: `cbpner train` with recipe cbp (no dropout, 10% of the characters hidden); transformers' Trainer in float32,
padded to the longest of a batch, as many sentences a batch as ours has in the mean, with the encoder's dropout; and
the original's pattern: eight sentences padded to 512 tokens, float32. Prediction: `Tagger`, from text to spans;
transformers' pipeline at its best batch size; and the original's pattern again. Heads are not trained.

Utilisation is the time that the model's own matrix products alone take on the same sentences, in bfloat16
(`benchmarks/products.py` says which), over the time of the whole. --write puts the tables into benchmarks/README.md.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path

import torch

from benchmarks import products, rounds, shares, sides
from benchmarks.tables import BARS, render, write_tables
from cbpner.base.errors import InputError
from cbpner.base.files import write_text
from cbpner.base.process import run_guarded
from cbpner.models.encoders import locate_encoder
from cbpner.runs import folder as runs
from cbpner.text.bio import read_bio
from cbpner.text.labels import DEFAULT
from cbpner.training.recipes import SHIPPED_ENCODER

ROOT = Path(__file__).resolve().parents[1]
DATA = (("data/cbp_gold/0/no_long_cbp_gold_v2_train.bio", "the gold data, split 0"),
        ("data/demo/0/no_long_cbp_demo_train.bio", "the demo data"))  # fmt: skip
LEARNS = {
    "ours": 1.0,
    "transformers, dynamic padding": 0.3,
    "original": 0.1,
}  # share of the characters that a side gets
TAGS = {name: 0.5 if name.startswith("pipeline") else 0.2 if name == "original" else 1.0 for name in sides.PREDICTION}
SLOWER = {"cbp_mini": 1.0, "base": 0.25}  # the same by shape
SHORT, LONG = 100, 300  # characters: sentences up to the one, from the other
GROWTH = (1, 10, 100)
QUICK = {"characters": 1200, "rounds": 1, "shapes": ["cbp_mini"], "growth": 400}


def read_sentences(data_dir):
    """(sentences, what they are) of the first file that is there."""
    places = [(Path(data_dir), f"{data_dir}")] if data_dir else [(ROOT / path, name) for path, name in DATA]
    for path, name in places:
        if path.is_file():
            return [each for each in read_bio(path, DEFAULT) if len(each.chars) <= sides.PADDED - 2], name
    raise InputError(f"{places[0][0]}: found no file; expected a column file of sentences")


def measure_shape(name, encoder, tagger, sentences, args):
    """Speeds, memory and utilisation of all sides for one shape of model."""
    share = SLOWER.get(name, 1.0) * args.characters
    chosen = rounds.choose_sentences(sentences, share)
    lengths = [len(each.chars) for each in chosen]
    shape = products.read_shape(json.loads((tagger / "config.json").read_text(encoding="utf-8")), len(DEFAULT.tags))
    batch = max(1, round(2048 * len(chosen) / (sum(lengths) + 2 * len(chosen))))
    learning = [
        rounds.Task(
            side, partial(sides.make_training, side, encoder, batch), rounds.choose_sentences(sentences, share * part)
        )
        for side, part in LEARNS.items()
    ]
    tagging = [
        rounds.Task(
            side, partial(sides.make_prediction, side, tagger), rounds.choose_sentences(sentences, share * part)
        )
        for side, part in TAGS.items()
    ]
    found = {"shape": shape._asdict(), "batch": batch, "sentences": products.describe_lengths(lengths)}
    for kind, tasks in (("training", learning), ("prediction", tagging)):
        limit = rounds.Task("products", partial(products.Products, shape, kind == "training"), chosen)
        args.say(f"{name}, {kind}")
        measured = rounds.time_sides([*tasks, limit], args.rounds, args.say)
        found[kind] = {"sides": summarize(measured, kind), "rounds": measured}
    return found


def summarize(measured, kind):
    """{side: {`speed`, `peak_mb`, `gain` of ours, `utilisation`}}; the best of the pipelines stands for them."""
    limit = measured["products"]
    names = [name for name in measured if name != "products"]
    pipes = [name for name in names if name.startswith("pipeline")]
    best = max(pipes, key=lambda name: rounds.speed(measured[name]), default=None)
    found = {}
    for name in names:
        if name in pipes and name != best:
            continue
        own = measured[name]
        found[name] = {
            "speed": round(rounds.speed(own)), "peak_mb": own["peak_mb"],
            "gain": round(rounds.gain(measured["ours"], own), 2), "utilisation": round(rounds.gain(own, limit), 3),
        }  # fmt: skip
    return found


def measure_growth(tagger, sentences, args):
    """Speed of our prediction by length of text and of sentences; texts beyond the data repeat none of it."""
    base = args.growth
    tasks = [
        rounds.Task(
            f"{times} x {base:,} characters", partial(sides.OurPrediction, tagger), repeat(sentences, base * times)
        )
        for times in GROWTH
        if base * times <= args.most
    ]
    for name, keep in (
        (f"up to {SHORT} characters", lambda size: size <= SHORT),
        (f"from {LONG}", lambda size: size >= LONG),
    ):
        kept = [each for each in sentences if keep(len(each.chars))]
        if kept:
            chosen = rounds.choose_sentences(kept, base * 5)
            tasks.append(rounds.Task(f"sentences {name}", partial(sides.OurPrediction, tagger), chosen))
    found = {}
    for task in tasks:  # one after the other: the long ones are not to be in memory together
        measured = rounds.time_sides([task], args.rounds, args.say)[task.name]
        speed, count = round(rounds.speed(measured)), len(measured["seconds"])
        found[task.name] = {"speed": speed, "peak_mb": measured["peak_mb"], "rounds": count}
    return found


def repeat(sentences, characters):
    """Sentences of so many characters; each time through the data they begin with another number."""
    chosen, size, turn = [], 0, 0
    while size < characters:
        for sentence in sentences:
            if size >= characters:
                break
            mark = f"{turn}" if turn else ""
            chosen.append(type(sentence)(mark + sentence.chars, ["O"] * len(mark) + list(sentence.tags)))
            size += len(chosen[-1].chars)
        turn += 1
    return chosen


def measure_shares(encoder, tagger, sentences, folder, args):
    """The rows of what must stay small."""
    chosen = rounds.choose_sentences(sentences, args.characters)
    short = folder / "short.txt"
    write_text(short, chosen[0].chars + "\n")
    found, fewer = {"repetition": shares.measure_repetition(sentences)}, args.characters / 3
    sides = {"outside": (shares.OutsideShare(tagger), chosen)}
    for variant in shares.VARIANTS:
        own = shares.make_tagger(encoder, folder / variant, f"partBERT_CRF_{variant}")
        sides[f"crf_{variant}"] = shares.CrfShare(encoder, variant), rounds.choose_sentences(chosen, fewer)
        sides[f"outside_{variant}"] = shares.OutsideShare(own), chosen
    for name, (side, some) in sides.items():
        side.start(some)
        side.work()
        found[name] = shares.middle([side.work() for _ in range(args.rounds)])
        args.say(f"{name}: {found[name]}")
    command = [sys.executable, "-m", "cbpner", "predict", str(short), "--model", str(tagger)]
    found["start"] = statistics.median(rounds.time_command(command, args.rounds))
    return found


def measure(args):
    if args.quick:
        for name, value in QUICK.items():
            setattr(args, name, value)
    os.environ["TQDM_DISABLE"] = "1"  # for the processes
    args.say = print if args.verbose else lambda line: None
    args.most = 100 * args.growth if not args.quick else args.growth
    sentences, source = read_sentences(args.data)
    command = " ".join(["python -m benchmarks", *args.words])
    found = {"rates": products.measure_rates(), "sentences": source, "command": command, "shapes": {}}
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        encoders = {"cbp_mini": Path(locate_encoder(SHIPPED_ENCODER))}
        for shape in args.shapes:
            encoder = encoders.get(shape) or shares.make_base(SHIPPED_ENCODER, folder / shape)
            tagger = shares.make_tagger(encoder, folder / f"{shape}_tagger")
            found["shapes"][shape] = measure_shape(shape, encoder, tagger, sentences, args)
            if shape == "cbp_mini":
                found["growth"] = measure_growth(tagger, sentences, args)
                found["shares"] = measure_shares(encoder, tagger, sentences, folder, args)
    found |= {"threads": torch.get_num_threads(), "environment": runs.describe_environment()}
    print(render(found, BARS))
    if args.output:
        write_text(args.output, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    if args.write:
        write_tables(Path(__file__).with_name("README.md"), found, BARS)


def main(argv=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few sentences, one round: does it run?")
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/README.md")
    parser.add_argument("-o", "--output", metavar="OUT.json", help="what was measured, and on what machine")
    parser.add_argument("--shapes", nargs="+", choices=tuple(SLOWER), default=list(SLOWER))
    parser.add_argument("--data", metavar="FILE", help="column file of sentences (default: the gold's, or the demo's)")
    parser.add_argument("--characters", type=int, default=24_000, help="that the fastest side gets in a round")
    parser.add_argument("--growth", type=int, default=5_000, help="characters of the shortest text")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", help="where to write (default: the system's folder for temporary files)")
    parser.add_argument("--verbose", action="store_true", help="say what is measured as it is")
    args = parser.parse_args(argv)
    args.words = sys.argv[1:] if argv is None else list(argv)
    return run_guarded(measure, args)


if __name__ == "__main__":
    sys.exit(main())
