"""`cbpner predict --engine ray` with 1 and 2 workers beside the engine without Ray, and what that means for a corpus.

python -m benchmarks.scaling [--model MODEL] [--documents 60] [--each 20000] [--rounds 3] [--workers 1 2] [--write]
                             [-o OUT.json]

Invents text, no two sentences the same, twice: some documents, and five times as many; every side tags both, with a
thread a worker, in turns. What the larger job takes longer is the time of tagging, what is left the time of getting
ready: starting Python, Ray and its workers, reading the model. Each figure is the median over the rounds. --write puts
the tables into docs/scaling.md. Without --model the shipped encoder with a head that was not trained stands in.

Estimates: a node of N cores is N workers as fast as one of two workers here. One process that reads and writes is
taken to serve some dozens of workers, which was not measured; more are several jobs, each with a part of the corpus.
GPUs are not estimated: `benchmarks/gpu.py` measures one.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from math import ceil
from pathlib import Path

from benchmarks.common import invent_lines, make_tagger, replace_between, write_document, write_figures
from benchmarks.matmuls import ModelShape, count_operations
from benchmarks.predict_memory import read_folder, run_predict
from benchmarks.tables import format_table
from cbpner.base.errors import InputError
from cbpner.base.process import run_guarded

PAGE = Path(__file__).parents[1] / "docs" / "scaling.md"
BEGIN, END = "<!-- python -m benchmarks.scaling: begin -->", "<!-- python -m benchmarks.scaling: end -->"
TIMES = 5  # how much larger the larger job is
SHARDS = 12  # of the smaller job: workers should have some each
SENTENCE = 120  # characters, for counting products
CORPUS = {"patents": 53_007, "characters": 10**9}  # HG of the paper: its patents, its order of magnitude
NODES, CORES = 64, 8
WORKERS_PER_READER = 48  # workers that one reading process is taken to serve: more than two were not tried
MAX_SPEED = 20_000_000  # characters a second: faster than could be timed


def write_jobs(folder, documents, each):
    """{characters: folder of text files} of the smaller and the larger job."""
    lines, jobs = invent_lines(), {}
    for count in (documents, TIMES * documents):
        place = folder / f"{count}"
        characters = sum(write_document(place / f"{number:05}.txt", lines, each) for number in range(count))
        jobs[characters] = place
    return jobs


def list_sides(workers):
    """{name: flags of `cbpner predict`}"""
    ray = {f"Ray, {count} worker{'s' * (count > 1)}": ["--engine", "ray", "--workers", count] for count in workers}
    return {"without Ray": ["--device", "cpu"], **ray}


def time_jobs(model, jobs, sides, size, rounds, folder):
    """{side: {characters: seconds of each round}}; InputError where sides do not write the same."""
    found = {name: {characters: [] for characters in jobs} for name in sides}
    for number in range(rounds):
        for characters, source in jobs.items():
            outputs = set()
            for name, flags in sides.items():
                output = folder / "out"
                done = run_predict(model, source, f"{output}/", "--shard-size", size, "--overwrite", *flags)
                found[name][characters].append(done["seconds"])
                outputs.add(json.dumps({key: value.hex() for key, value in sorted(read_folder(output).items())}))
                print(f"round {number + 1}: {name}: {characters:,} characters: {done['seconds']:.1f} s", flush=True)
            if len(outputs) > 1:
                raise InputError(f"{source}: found different output from {', '.join(sides)}; expected the same bytes")
    return found


def derive_speed(seconds):
    """{`ready`: seconds, `speed`: characters a second} of {characters: seconds of each round}."""
    (small, short), (large, long) = sorted((size, statistics.median(spent)) for size, spent in seconds.items())
    if long <= short:
        raise InputError(f"found {long} s for the larger job and {short} s for the smaller; expected longer jobs")
    speed = (large - small) / (long - short)
    return {"ready": round(short - small / speed, 2), "speed": round(speed)}


class NoModel:
    """A backend whose scores are there already: nothing is found, and all else is done."""

    map = staticmethod(map)

    def __init__(self, backend, labels):
        import numpy as np

        self.chain, self.name, self.device, self.precision = backend.chain, "none", "cpu", "fp32"
        self._row = np.full(labels, -5.0, dtype=np.float32)
        self._row[0] = -0.05

    def score(self, ids, mask):
        import numpy as np

        return np.broadcast_to(self._row, (*ids.shape, len(self._row)))


def time_outside(model, texts):
    """Characters a second of everything but the model, in this process."""
    from cbpner.prediction.tagger import Tagger

    tagger = Tagger.from_pretrained(model, device="cpu", precision="fp32")
    tagger.backend = NoModel(tagger.backend, len(tagger.labels.tags))
    start = time.perf_counter()
    for _ in tagger.tag_many(texts):
        pass
    return round(min(sum(map(len, texts)) / (time.perf_counter() - start), MAX_SPEED))


def estimate(found) -> list[tuple]:
    """[(machines, characters a second, hours for CORPUS)]"""
    two = max(found["sides"].items(), key=lambda side: side[1]["workers"])[1]
    each = two["speed"] / two["workers"]
    jobs = ceil(NODES * CORES / WORKERS_PER_READER)
    rates = [
        (f"this machine, {two['workers']} cores", two["speed"]),
        (f"{NODES} nodes of {CORES} cores, {jobs} jobs", NODES * CORES * each),
    ]
    return [(name, rate, CORPUS["characters"] / rate / 3600) for name, rate in rates]


def render(found) -> str:
    sides = found["sides"]
    base = next(iter(sides.values()))["speed"]
    rows = [
        (name, f"{own['speed']:,}", f"{own['speed'] / base:.2f}x", f"{own['ready']:.1f} s")
        for name, own in sides.items()
    ]
    hours = [
        (name, f"{rate:,.0f}", f"{time:,.1f} h" if time >= 1 else f"{60 * time:,.1f} min")
        for name, rate, time in estimate(found)
    ]
    return "\n\n".join((
        f"{' and '.join(f'{size:,}' for size in found['characters'])} characters in documents of {found['each']:,}, "
        f"{found['rounds']} round(s), one thread per worker, {found['precision']}; all wrote the same bytes.",
        format_table(("", "characters/s", "against one process", "start-up"), rows, "lrrr"),
        f"Everything except the model: {found['outside']:,} characters/s on one core. A character costs the model "
        f"{found['operations'] / 1e6:,.1f} million multiplications and additions in sentences of {SENTENCE}.",
        f"Estimates for HG, {CORPUS['patents']:,} patents of together {CORPUS['characters']:,} characters:",
        format_table(("", "characters/s", "time"), hours, "lrr"),
        f"They assume that speed grows linearly with the workers, which was measured for two only, and that one "
        f"process reads and writes for {WORKERS_PER_READER} workers; for more, the corpus is split into several jobs.",
    )) + "\n"  # fmt: skip


def measure(args):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = Path(args.model or make_tagger(folder))
        jobs, sides = write_jobs(folder, args.documents, args.each), list_sides(args.workers)
        found = {"characters": list(jobs), "each": args.each, "rounds": args.rounds}
        seconds = time_jobs(model, jobs, sides, max(1, args.documents // SHARDS), args.rounds, folder)
        manifest = json.loads((folder / "out" / "manifest.json").read_text(encoding="utf-8"))
        texts = [path.read_text(encoding="utf-8") for path in sorted(next(iter(jobs.values())).glob("*.txt"))]
        found["precision"], found["outside"] = manifest["settings"]["precision"], time_outside(model, texts)
        config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    shape = ModelShape.of(config, len(config["id2label"]))
    found["operations"] = count_operations(shape, [SENTENCE], training=False) / SENTENCE
    found["sides"] = {
        name: {"workers": workers, "seconds": seconds[name]} | derive_speed(seconds[name])
        for name, workers in zip(sides, [1, *args.workers], strict=True)
    }
    print(render(found))
    write_figures(args.output, found)
    if args.write:
        replace_between(PAGE, BEGIN, END, render(found))


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a tagger's folder")
    parser.add_argument("--documents", type=int, default=60)
    parser.add_argument("--each", type=int, default=20_000, help="characters of a document")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("-o", "--output", help="JSON of what was measured")
    os.environ["OMP_NUM_THREADS"] = "1"
    return run_guarded(measure, parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
