"""Tagging without end: the memory of long and of many documents, and jobs that are killed and go on.

python benchmarks/predict_memory.py [--characters 5000000] [--documents 2000] [--each 20000] [--kills 3]
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
from itertools import count
from pathlib import Path

from cbpner.base.errors import InputError
from cbpner.base.files import write_text
from cbpner.base.memory import wait_measured
from cbpner.base.process import run_guarded
from cbpner.runs.folder import describe_environment

DEMO_TEXT = Path(__file__).parents[1] / "data" / "demo" / "unlabelled" / "train.txt"
SHARDS = 20


def invent_lines():
    """Lines of the demo's patents without end, each with a number of its own."""
    lines = [line for line in DEMO_TEXT.read_text(encoding="utf-8").split("\n") if line]
    return (f"（{number}）{lines[number % len(lines)]}" for number in count(1))


def write_document(path, lines, characters):
    """Write lines until there are so many characters; the text's length."""
    parts, size = [], 0
    while size < characters:
        parts.append(next(lines) + "\n")
        size += len(parts[-1])
    text = "".join(parts)[:characters]
    write_text(path, text)
    return len(text)


def make_model(folder, layers):
    """The first layers of the shipped encoder with a head that was not trained."""
    import torch

    from cbpner.models.encoders import load_tagger
    from cbpner.text.labels import DEFAULT
    from cbpner.training.recipes import get_recipe
    from cbpner.training.run import write_model

    torch.manual_seed(0)
    recipe = get_recipe("cbp", "benchmark")
    model, tokenizer = load_tagger(recipe, DEFAULT, "eager")
    model.bert.encoder.layer, model.config.num_hidden_layers = model.bert.encoder.layer[:layers], layers
    with torch.no_grad():
        model.classifier.weight.mul_(10.0)
        model.classifier.bias[0] = 5.0  # most characters are outside
    write_model(folder, model, tokenizer, recipe)
    return folder / "model"


def run_predict(model, source, output, *more, die_after=None):
    """{`seconds`, `peak_mb`, `killed`} of `cbpner predict`; die_after: seconds until it is, if it is still there."""
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
        model = args.model or make_model(folder, args.layers)
        found = {
            "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            "long": measure_long(model, folder, args.characters),
            "many": measure_many(model, folder, args.documents, args.each, args.kills),
            "environment": describe_environment(),
        }
    print(json.dumps({key: found[key] for key in ("long", "many")}, indent=1))
    if args.output:
        write_text(args.output, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
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
