"""Measure training and prediction on a GPU, against what a user would run instead and the card's matrix product.

python -m benchmarks.gpu -o benchmarks/gpu.json                        on the first GPU; some ten minutes
python -m benchmarks.gpu --device cpu --seconds 2 --shapes cbp_mini    on a processor: does it run?

Characters a second of training (`cbpner train` with recipe cbp, as it is and with larger batches, and the original's
pattern: eight sentences padded to 512 tokens, float32) and of prediction (`Tagger` from text to spans, transformers'
pipeline at its best batch size, and the original's pattern), for the shape of cbp_mini and a BERT of base size. Each
system works in a process of its own, on as many characters as take it --seconds, then --rounds times on those: the
figure is the median. Weights are as shipped or random, heads are untrained; sentences are of the gold data, or the
demo's, with a number in front where they come again, so that no system meets one twice.

Utilisation: the multiplications and additions of the model's own products (`benchmarks.matmuls`) on the real
characters, a second, over those of a square product in bfloat16, measured in this run (in float32 where that is
faster, as on a processor without bfloat16). Loading is not counted.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks import common, matmuls, systems, timing
from benchmarks.__main__ import read_sentences, repeat
from benchmarks.tables import SHAPES
from cbpner.base.errors import InputError
from cbpner.base.files import read_json
from cbpner.base.process import run_guarded
from cbpner.models.devices import pick_precision
from cbpner.models.encoders import locate_encoder
from cbpner.models.names import SHIPPED_ENCODER
from cbpner.text.bio import Sentence
from cbpner.text.labels import DEFAULT

FEWEST, MOST = 300, 20_000_000  # characters that a system is given
LARGE = 16_384  # padded tokens a batch, beside the recipe's own
PIPELINES = (8, 32, 128)  # sentences a batch
LARGEST_SQUARE, QUICK = 16_384, 0.02  # rows of the square product; seconds from which on no larger one is tried


class Grown:
    """A system of `systems` that is given more and more characters until they take it so many seconds."""

    def __init__(self, make: Callable[[], Any], seconds: float):
        self.make, self.seconds = make, seconds

    def start(self, sentences: Sequence[Sentence]) -> None:
        self.system, size = self.make(), FEWEST
        while True:
            chosen = repeat(sentences, size)
            self.lengths = [len(each.chars) for each in chosen]
            self.system.start(chosen)
            if (spent := self.system.work()) >= self.seconds or size == MOST:
                return
            size = min(MOST, round(size * min(8.0, max(1.5, 1.2 * self.seconds / spent))))

    def work(self) -> dict[str, Any]:
        """{`seconds`, `lengths` of the sentences, `peak_gpu_mb`} of one round."""
        seconds = self.system.work()
        peak = torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else None
        return {"seconds": seconds, "lengths": self.lengths, "peak_gpu_mb": peak and round(peak)}


def list_systems(encoder: Path, tagger: Path) -> dict[str, dict[str, Callable[[], Any]]]:
    """{`training` or `prediction`: {system: what makes it}}; a class's instance is made in the system's process."""
    pipeline = partial(systems.PipelinePrediction, tagger)
    pipelines = {f"pipeline, batches of {size}": partial(pipeline, size) for size in PIPELINES}
    return {
        "training": {
            "ours": partial(systems.OurTraining, encoder),
            f"ours, {LARGE:,} tokens a batch": partial(systems.OurTraining, encoder, batch_tokens=LARGE),
            "original": partial(systems.OriginalTraining, encoder),
        },
        "prediction": {
            "ours": partial(systems.OurPrediction, tagger), **pipelines,
            "original": partial(systems.OriginalPrediction, tagger),
        },
    }  # fmt: skip


def measure_shape(
    encoder: Path, tagger: Path, sentences: Sequence[Sentence], rate: float, args: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Yield {`shape`, `training` and `prediction`: {system: its figures}} of one encoder, with one more system each."""
    shape = matmuls.ModelShape.of(read_json(tagger / "config.json"), len(DEFAULT.tags))
    found: dict[str, Any] = {"shape": shape._asdict()}
    for kind, makers in list_systems(encoder, tagger).items():
        found[kind] = {}
        for name, make in makers.items():
            task = timing.Task(name, partial(Grown, make, args.seconds), list(sentences))
            with timing.open_process(task) as ask:
                rounds = [ask("work") for _ in range(args.rounds)]
            found[kind][name] = own = summarize(rounds, shape, kind == "training", rate)
            speed, share = own["characters_per_second"], own["utilisation"]
            print(f"  {kind}, {name}: {speed:,} characters/s, {share:.1%}", flush=True)
            yield found


def summarize(rounds: Sequence[dict], shape: matmuls.ModelShape, is_training: bool, rate: float) -> dict[str, Any]:
    """The figures of one system. rate: additions and multiplications a second of the square product."""
    seconds, lengths = statistics.median(each["seconds"] for each in rounds), rounds[0]["lengths"]
    operations = matmuls.count_operations(shape, lengths, is_training)
    return {
        "characters_per_second": round(sum(lengths) / seconds), "utilisation": round(operations / seconds / rate, 4),
        "seconds": [round(each["seconds"], 4) for each in rounds], "characters": sum(lengths),
        "sentences": len(lengths), "peak_gpu_mb": rounds[-1]["peak_gpu_mb"],
    }  # fmt: skip


def measure_product(device: str, kind: torch.dtype) -> float:
    """Additions and multiplications a second of a square product: the best of any size, up to one that takes long."""
    best, size, quickest = 0.0, 128, 0.0
    while size <= LARGEST_SQUARE and quickest < QUICK:
        left, right = torch.randn(2, size, size, device=device).to(kind)
        quickest = min([time_product(left, right) for _ in range(6)][1:])
        best, size = max(best, 2 * size**3 / quickest), 2 * size
    return best


def time_product(left: torch.Tensor, right: torch.Tensor) -> float:
    systems.finish()
    start = time.perf_counter()
    left @ right
    systems.finish()
    return time.perf_counter() - start


def describe_device(device: str) -> dict[str, Any]:
    """The card as torch names it, or the number of threads."""
    found: dict[str, Any] = {"device": device, "precision": pick_precision("auto", torch.device(device))}
    if device == "cpu":
        return found | {"threads": torch.get_num_threads()}
    card = torch.cuda.get_device_properties(0)
    return found | {
        "name": card.name, "memory_mb": card.total_memory >> 20, "capability": f"{card.major}.{card.minor}",
        "cuda": torch.version.cuda,
    }  # fmt: skip


def measure(args: argparse.Namespace) -> None:
    if args.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # for the systems' processes; this one has not asked for cards yet
    elif not torch.cuda.is_available():
        raise InputError("found no GPU that torch can use; expected one, or --device cpu")
    os.environ["TQDM_DISABLE"] = "1"
    sentences, source = read_sentences(args.data)
    rates = {str(kind)[6:]: measure_product(args.device, kind) for kind in (torch.bfloat16, torch.float32)}
    found: dict[str, Any] = {
        **describe_device(args.device), "sentences": source, "rounds": args.rounds,
        "square_product_tflops": {name: round(rate / 1e12, 3) for name, rate in rates.items()}, "shapes": {},
    }  # fmt: skip
    print(found.get("name", args.device), found["square_product_tflops"], flush=True)
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        for shape in args.shapes:
            print(shape, flush=True)
            is_mini = shape == "cbp_mini"
            encoder = locate_encoder(SHIPPED_ENCODER) if is_mini else common.make_base_encoder(folder / shape)
            tagger = common.make_tagger(folder / f"{shape}_tagger", encoder)
            for figures in measure_shape(Path(encoder), tagger, sentences, max(rates.values()), args):
                found["shapes"][shape] = figures
                common.write_figures(args.output, found)  # what is measured is kept if the rest breaks off


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", metavar="OUT.json", help="what was measured, and on what device")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--seconds", type=float, default=3.0, help="that each system works in a round, at least")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shapes", nargs="+", choices=tuple(SHAPES), default=list(SHAPES))
    parser.add_argument("--data", metavar="FILE", help="column file of sentences (default: the gold's, or the demo's)")
    parser.add_argument("--folder", help="where to write (default: the system's folder for temporary files)")
    return run_guarded(measure, parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
