"""Relations in a million tagged sentences: time, memory, planted pairs found, and how many of what is called is not.

python -m benchmarks.relations [--sentences 1000000] [--genes 2000] [--planted 500] [--threads 2] [--folder DIR]
                               [--strength 10] [-o OUT.json]

Invents predictions with known associations and runs `cbpner relations` on them in a process of its own. Patents have
sentences of log-normal number; a patent has its own choice of genes (the frequent ones more often, each of those it
has again and again), and its sentences hold none, some, or, one in a hundred, a whole list of them. Into all this pairs
are planted: both genes in one sentence, in as many patents as --strength says on average. What else shares a sentence
does so by chance. Every tenth patent has a second publication of the same text, which is of its family.

Found: planted pairs among those called (q of at most 0.05). False discoveries: those called that were not planted, as a
share. A control repeats the run on the same text without the planted sentences, where everything called is false.
"""

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from itertools import accumulate
from pathlib import Path

from benchmarks.timing import wait_measured
from cbpner.base.errors import InputError
from cbpner.base.files import write_text
from cbpner.base.process import run_guarded
from cbpner.runs.environment import describe_environment

LEVEL = 0.05
SENTENCES = 100  # of a patent, median
FILLER = "在本发明的一个实施方案中，所述方法进一步包括检测"
JOINTS = ("与", "和", "、以及")
LIST_SHARE, LIST_SIZE = 0.01, 20


def name_genes(count):
    """Names that are no one's: `QA001X` and so on, with ids that HGNC has not given."""
    return {f"Q{chr(65 + number // 1000)}{number % 1000:03d}X": f"HGNC:{900000 + number}" for number in range(count)}


def plant_pairs(generator, names, count):
    """Pairs of different genes, none of the twenty most frequent."""
    names, pairs = names[20:], set()
    while len(pairs) < count:
        pairs.add(frozenset(generator.sample(names, 2)))
    return sorted(map(sorted, pairs))


def draw_genes(generator, names, weights, sentences):
    """A patent's own genes with their weights: how many grows with its length, how often each recurs differs."""
    own = list(dict.fromkeys(generator.choices(names, cum_weights=weights, k=max(3, sentences // 3))))
    return own, list(accumulate(generator.gammavariate(0.5, 1) for _ in own))


def write_patent(generator, number, genes, planted, sentences):
    """A document's row: text and spans."""
    names, weights = genes
    text, spans, size = [], [], 0

    def add(piece, label=None):
        nonlocal size
        if label:
            score = round(generator.uniform(0.5, 1), 4)
            spans.append({"start": size, "end": size + len(piece), "label": label, "text": piece, "score": score})
        text.append(piece)
        size += len(piece)

    for place in range(sentences):
        many = LIST_SIZE if generator.random() < LIST_SHARE else generator.choice((0, 1, 1, 2, 2, 3))
        found = list(dict.fromkeys(generator.choices(names, cum_weights=weights, k=many))) if many else []
        found = planted.get(place, found)
        add(FILLER)
        for order, name in enumerate(found):
            if order:
                add(generator.choice(JOINTS))
            add(name, generator.choice(("gene", "protein")))
        add("的表达水平。")
    return {
        "id": f"CN{100000000 + number}A",
        "text": "".join(text),
        "spans": spans,
        "date": 20090101 + number % 10 * 10000,
    }


def write_predictions(path, names, pairs, args):
    """Write predictions; how many sentences and mentions. pairs: those to plant, none in a control."""
    generator, total, mentions = random.Random(args.seed), 0, 0
    weights = list(accumulate(1 / (rank + 10) for rank in range(len(names))))
    chance = args.strength * SENTENCES * 1.28 / args.sentences  # a pair's, in a patent; 1.28: mean over median
    with open(path, "w", encoding="utf-8") as file:
        number = 0
        while total < args.sentences:
            sentences = max(5, min(int(generator.lognormvariate(0, 0.7) * SENTENCES), args.sentences - total))
            genes = draw_genes(generator, names, weights, sentences)
            planted = {generator.randrange(sentences): list(pair) for pair in pairs if generator.random() < chance}
            row = write_patent(generator, number, genes, planted, sentences)
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            total, mentions = total + sentences, mentions + len(row["spans"])
            if number % 10 == 0:
                file.write(json.dumps(row | {"id": row["id"][:-1] + "B"}, ensure_ascii=False) + "\n")
            number += 1
    return {"patents": number, "sentences": total, "mentions": mentions}


def run_relations(predictions, lexicon, output, threads):
    """{`seconds`, `cpu_seconds`, `peak_mb`} of `cbpner relations`: table, evidence and page."""
    command = [sys.executable, "-m", "cbpner", "relations", predictions, "--lexicon", lexicon, "--no-names"]
    command += ["-o", output, "-o", output.with_suffix(".html"), "--threads", threads]
    start = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
    usage, peak = wait_measured(process)
    if process.returncode:
        raise InputError(f"cbpner relations ended with {process.returncode}; expected 0")
    seconds, used = time.perf_counter() - start, usage.ru_utime + usage.ru_stime
    return {"seconds": round(seconds, 1), "cpu_seconds": round(used, 1), "peak_mb": peak}


def judge_calls(path, pairs):
    """{`pairs`, `called`, `found`, `false_share`} of a table of relations."""
    planted, called, listed = set(map(frozenset, pairs)), [], 0
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            listed += 1
            if float(row["q"]) <= LEVEL:
                called.append(frozenset((row["a"], row["b"])))
    found = sum(pair in planted for pair in called)
    share = (len(called) - found) / len(called) if called else 0.0
    return {"pairs": listed, "called": len(called), "found": found, "false_share": round(share, 4)}


def measure(folder, args):
    """Both runs: with planted pairs, and the control without."""
    genes = name_genes(args.genes)
    names, lexicon = list(genes), folder / "genes.tsv"
    lines = [f"{id}\t{name}" for name, id in genes.items()]
    write_text(lexicon, "\n".join(["hgnc_id\tsymbol", *lines]) + "\n")
    pairs, measured = plant_pairs(random.Random(args.seed), names, args.planted), {}
    for part, planted in (("planted", pairs), ("control", [])):
        predictions, output = folder / f"{part}.jsonl", folder / f"{part}.csv"
        counts = write_predictions(predictions, names, planted, args)
        print(f"{part}: {counts}", file=sys.stderr)
        measured[part] = (
            counts | run_relations(predictions, lexicon, output, args.threads) | judge_calls(output, planted)
        )
        predictions.unlink()
    return measured


def describe(result):
    """The measurements as Markdown."""
    planted, control = result["planted"], result["control"]
    rows = [
        (
            "text",
            f"{planted['patents']:,} families, {planted['sentences']:,} sentences, {planted['mentions']:,} mentions",
        ),
        ("all", f"{planted['seconds']:,.0f} s"),
        ("processor time", f"{planted['cpu_seconds']:,.0f} s"),
        ("peak memory", f"{planted['peak_mb']:,} MB"),
        ("pairs listed", f"{planted['pairs']:,}"),
        ("planted pairs found", f"{planted['found']:,} of {result['settings']['planted']:,}"),
        ("called, q ≤ 0.05", f"{planted['called']:,}, {planted['false_share']:.1%} of them not planted"),
        ("called in the control", f"{control['called']:,} of {control['pairs']:,} pairs listed"),
    ]
    return "\n".join(["| what | measured |", "|---|---:|", *(f"| {name} | {value} |" for name, value in rows)])


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=1_000_000)
    parser.add_argument("--genes", type=int, default=2000)
    parser.add_argument("--planted", type=int, default=500)
    parser.add_argument("--strength", type=float, default=10, help="patents that a pair is planted in")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", help="where to work (default: a temporary folder)")
    parser.add_argument("-o", "--output", help="JSON to write")
    return run_guarded(run, parser.parse_args(argv))


def run(args):
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        names = ("sentences", "genes", "planted", "strength", "threads", "seed")
        settings = {name: getattr(args, name) for name in names}
        result = {"settings": settings, **measure(Path(folder), args), "environment": describe_environment()}
    if args.output:
        write_text(args.output, json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    print(describe(result))


if __name__ == "__main__":
    sys.exit(main())
