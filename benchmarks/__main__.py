"""Measure how fast training and prediction are, against what a user would run instead and the processor's limit.

python -m benchmarks [--quick] [--write] [-o OUT.json] [--shapes cbp_mini base] [--characters 24000] [--rounds 3]

Sentences of the gold data (data/get_cbp_gold.sh; of the demo if it is missing), drawn evenly by length. Slower systems
get fewer of them, drawn in the same way; a speed is in useful characters a second: padding and special tokens do not
count. Systems take turns, each in a process of its own; figures are medians over rounds, ratios medians of the ratio in
one round. As many threads as OMP_NUM_THREADS says, else torch's number.

Training: `cbpner train` with recipe cbp (no dropout, 10% of the characters hidden); transformers' Trainer in float32,
padded to the longest of a batch, with as many sentences a batch as ours has on average and the encoder's dropout; and
the original's pattern: eight sentences padded to 512 tokens, float32. Prediction: `Tagger`, from text to spans;
transformers' pipeline at its best batch size; and the original's pattern again. Heads are not trained.

Utilisation is the time of the model's own matrix products on the same sentences in bfloat16 (`benchmarks/matmuls.py`)
over the time of the whole. --write puts the tables into benchmarks/README.md.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks import common, matmuls, systems, tables, timing
from cbpner.base.errors import InputError
from cbpner.base.files import write_text
from cbpner.base.process import run_guarded
from cbpner.models.encoders import locate_encoder
from cbpner.models.names import SHIPPED_ENCODER
from cbpner.text.bio import Sentence, read_bio
from cbpner.text.labels import DEFAULT

ROOT = Path(__file__).resolve().parents[1]
DATA = (("data/cbp_gold/0/no_long_cbp_gold_v2_train.bio", "the gold data, split 0"),
        ("data/demo/0/no_long_cbp_demo_train.bio", "the demo data"))  # fmt: skip
TRAINING_SHARES = {"ours": 1.0, "transformers, dynamic padding": 0.3, "original": 0.1}  # of the characters
PREDICTION_SHARES = {
    name: 0.5 if name.startswith("pipeline") else 0.2 if name == "original" else 1.0 for name in systems.PREDICTION
}
SHAPES = {"cbp_mini": 1.0, "base": 0.25}  # and the share of the characters that the slower shape gets
SHORT, LONG = 100, 300  # characters: sentences up to the one, from the other
GROWTH = (1, 10, 100)  # lengths of text


class Settings(NamedTuple):
    """How much is measured. growth: characters of the shortest text; most: of the longest."""

    characters: int
    rounds: int
    growth: int
    most: int
    log: Callable[[str], None]


def read_sentences(path: str | None) -> tuple[list[Sentence], str]:
    """The sentences of the first file that is there, and what they are."""
    places = [(Path(path), path)] if path else [(ROOT / path, name) for path, name in DATA]
    for place, name in places:
        if place.is_file():
            return [each for each in read_bio(place, DEFAULT) if len(each.chars) <= systems.PADDED - 2], name
    raise InputError(f"{places[0][0]}: found no file; expected a column file of sentences")


def measure_shape(
    shape_name: str, encoder: Path, tagger: Path, sentences: Sequence[Sentence], settings: Settings
) -> dict:
    """Speeds, memory and utilisation of all systems for one shape of model."""
    share = SHAPES[shape_name] * settings.characters
    chosen = timing.choose_sentences(sentences, share)
    lengths = [len(each.chars) for each in chosen]
    config = json.loads((tagger / "config.json").read_text(encoding="utf-8"))
    shape = matmuls.ModelShape.of(config, len(DEFAULT.tags))
    batch = max(1, round(2048 * len(chosen) / (sum(lengths) + 2 * len(chosen))))
    makers = {
        "training": [(side, part, partial(systems.make_training, side, encoder, batch))
                     for side, part in TRAINING_SHARES.items()],
        "prediction": [(side, part, partial(systems.make_prediction, side, tagger))
                       for side, part in PREDICTION_SHARES.items()],
    }  # fmt: skip
    found = {"shape": shape._asdict(), "batch": batch, "sentences": matmuls.describe_lengths(lengths)}
    for kind, parts in makers.items():
        tasks = [
            timing.Task(name, make, timing.choose_sentences(sentences, share * part)) for name, part, make in parts
        ]
        limit = timing.Task("products", partial(matmuls.Matmuls, shape, kind == "training"), chosen)
        settings.log(f"{shape_name}, {kind}")
        measured = timing.time_systems([*tasks, limit], settings.rounds, settings.log)
        found[kind] = {"sides": summarize(measured), "rounds": measured}
    return found


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


def measure_growth(tagger: Path, sentences: Sequence[Sentence], settings: Settings) -> dict[str, dict]:
    """Speed of our prediction by length of text and of sentences; texts beyond the data repeat none of it."""
    base, make = settings.growth, partial(systems.OurPrediction, tagger)
    tasks = [
        timing.Task(f"{times} x {base:,} characters", make, repeat(sentences, base * times))
        for times in GROWTH
        if base * times <= settings.most
    ]
    short = [each for each in sentences if len(each.chars) <= SHORT]
    long = [each for each in sentences if len(each.chars) >= LONG]
    for name, kept in ((f"sentences up to {SHORT} characters", short), (f"sentences from {LONG}", long)):
        if kept:
            tasks.append(timing.Task(name, make, timing.choose_sentences(kept, base * 5)))
    found = {}
    for task in tasks:  # one after the other: the long ones are not to be in memory together
        measured = timing.time_systems([task], settings.rounds, settings.log)[task.name]
        speed, count = round(timing.speed(measured)), len(measured["seconds"])
        found[task.name] = {"speed": speed, "peak_mb": measured["peak_mb"], "rounds": count}
    return found


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


def time_start(tagger: Path, sentence: Sentence, folder: Path, rounds: int) -> float:
    """Median seconds of `cbpner predict` on one sentence, from the start of the process to its end."""
    write_text(folder / "short.txt", sentence.chars + "\n")
    command = [sys.executable, "-m", "cbpner", "predict", str(folder / "short.txt"), "--model", str(tagger)]
    return statistics.median(timing.time_command(command, rounds))


def measure(args: argparse.Namespace, words: Sequence[str]) -> None:
    os.environ["TQDM_DISABLE"] = "1"  # for the processes
    log = print if args.verbose else lambda line: None
    settings, shapes = Settings(args.characters, args.rounds, args.growth, 100 * args.growth, log), args.shapes
    if args.quick:
        settings, shapes = Settings(1200, 1, 400, 400, log), ["cbp_mini"]
    sentences, source = read_sentences(args.data)
    found = {"rates": matmuls.measure_rates(), "sentences": source, "shapes": {}, "threads": torch.get_num_threads()}
    found["command"] = " ".join(["python -m benchmarks", *words])
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        for shape in shapes:
            is_mini = shape == "cbp_mini"
            encoder = locate_encoder(SHIPPED_ENCODER) if is_mini else common.make_base_encoder(folder / shape)
            tagger = common.make_tagger(folder / f"{shape}_tagger", encoder)
            found["shapes"][shape] = measure_shape(shape, Path(encoder), tagger, sentences, settings)
            if is_mini:
                found["growth"] = measure_growth(tagger, sentences, settings)
                found["shares"] = {"start": time_start(tagger, sentences[0], folder, settings.rounds)}
    print(tables.render(found))
    common.write_figures(args.output, found)
    if args.write:
        common.replace_between(Path(__file__).with_name("README.md"), tables.BEGIN, tables.END, tables.render(found))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few sentences, one round: does it run?")
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/README.md")
    parser.add_argument("-o", "--output", metavar="OUT.json", help="what was measured, and on what machine")
    parser.add_argument("--shapes", nargs="+", choices=tuple(SHAPES), default=list(SHAPES))
    parser.add_argument("--data", metavar="FILE", help="column file of sentences (default: the gold's, or the demo's)")
    parser.add_argument("--characters", type=int, default=24_000, help="that the fastest system gets in a round")
    parser.add_argument("--growth", type=int, default=5_000, help="characters of the shortest text")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", help="where to write (default: the system's folder for temporary files)")
    parser.add_argument("--verbose", action="store_true", help="print what is measured while it is")
    words = sys.argv[1:] if argv is None else list(argv)
    return run_guarded(measure, parser.parse_args(words), words)


if __name__ == "__main__":
    sys.exit(main())
