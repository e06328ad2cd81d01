"""Memory of `cbpner predict` for long and for many documents, and jobs that are killed and resumed.

python -m benchmarks.predict_memory [--characters 5000000] [--documents 2000] [--each 20000] [--kills 3]
                                    [--model MODEL | --layers 6] [--folder DIR] [-o OUT.json]

Invents text, no two sentences the same; runs `cbpner predict` on it in processes of its own. One document of
--characters and one of a fifth of that: the peak memory of both, and that every character is in the output. A folder of
--documents of --each characters into shards: once unbroken, once killed --kills times, at moments spread over the time
that took, and started again each time: the peak memory, and that both folders are the same, byte by byte. Without
--model the shipped encoder with a head that was not trained stands in: speed and memory are a trained one's. With
fewer --layers it is as many times faster, and all else is as it was.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks.common import invent_lines, make_tagger, write_document, write_figures
from benchmarks.timing import wait_measured
from cbpner.base.errors import InputError
from cbpner.base.process import run_guarded

SHARDS = 20


def run_predict(model, source, output, *more, die_after=None):
    """Run `cbpner predict`: {`seconds`, `peak_mb`, `killed`}. die_after: seconds after which it is killed."""
    command = [sys.executable, "-m", "cbpner", "predict", source, "-o", output, "--model", model, *more]
    start = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL)

    def kill_in_time():
        if die_after is not None and time.perf_counter() - start > die_after:
            os.kill(process.pid, signal.SIGKILL)  # not `send_signal`, which would wait for it

    _, peak = wait_measured(process, kill_in_time)
    if process.returncode not in (0, -signal.SIGKILL):
        raise InputError(f"cbpner predict ended with {process.returncode}: {' '.join(map(str, command))}")
    seconds = round(time.perf_counter() - start, 2)
    return {"seconds": seconds, "peak_mb": peak, "killed": process.returncode < 0}


def measure_long(model, folder, characters):
    """Peaks for a fifth of a document and for all of it."""
    measured = []
    for size in (characters // 5, characters):
        source, output = folder / f"{size}.txt", folder / f"{size}.jsonl"
        write_document(source, invent_lines(), size)
        found = run_predict(model, source, output)
        (row,) = map(json.loads, output.read_text(encoding="utf-8").splitlines())
        whole = row["text"] == source.read_text(encoding="utf-8")
        cut = all(row["text"][span["start"] : span["end"]] == span["text"] for span in row["spans"])
        measured.append(found | {"characters": size, "spans": len(row["spans"]), "every_character": whole and cut})
    return measured


def measure_many(model, folder, documents, each, kills):
    """An unbroken job and a killed one over the same documents."""
    source, lines = folder / "many", invent_lines()
    for number in range(documents):
        write_document(source / f"{number:05}.txt", lines, each)
    run = partial(run_predict, model, source)
    shards = ["--shard-size", max(1, documents // SHARDS)]
    unbroken = run(f"{folder / 'unbroken'}/", *shards)
    moments = [unbroken["seconds"] * (number + 1) / (kills + 1) for number in range(kills)]
    attempts = [run(f"{folder / 'killed'}/", *shards, die_after=moment) for moment in [*moments, None]]
    same = read_folder(folder / "unbroken") == read_folder(folder / "killed")
    return {"documents": documents, "each": each, "unbroken": unbroken, "attempts": attempts, "same_bytes": same}


def read_folder(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def measure(args):
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        model = args.model or make_tagger(folder, layers=args.layers)
        found = {
            "long": measure_long(model, folder, args.characters),
            "many": measure_many(model, folder, args.documents, args.each, args.kills),
        }
    print(json.dumps(found, indent=1))
    write_figures(args.output, found)
    return 0 if found["many"]["same_bytes"] and all(each["every_character"] for each in found["long"]) else 1


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--characters", type=int, default=5_000_000)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--each", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--model")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--folder", help="where to write (default: the system's folder for temporary files)")
    parser.add_argument("-o", "--output", help="JSON of what was measured")
    return run_guarded(measure, parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
