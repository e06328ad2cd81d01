"""Compare a tagger with its ONNX export: tags, F1, size and speed, on texts that it was not trained on.

python -m benchmarks.export RUN... [--data-dir data/cbp_gold] [--rounds 3] [--folder DIR] [-o OUT.json]

Each RUN is a run's folder with its model. That is exported in float32 and in int8; torch and ONNX Runtime tag the run's
own test set, one way after the other in every round, in as many threads as OMP_NUM_THREADS says (else torch's number).
Counts are summed over the runs; a speed is the median over runs and rounds, in characters a second from ids to spans,
and its ratio to torch's bfloat16 is the median of the ratios of one round.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import write_figures
from cbpner.base.process import run_guarded
from cbpner.prediction.export import export_tagger
from cbpner.prediction.tagger import Tagger
from cbpner.runs import folder as runs
from cbpner.text.bio import read_bio
from cbpner.text.labels import tags_to_spans

WAYS = (("torch", "fp32"), ("torch", "bf16"), ("onnx", "fp32"), ("onnx", "int8"))
EXACT, USUAL = WAYS[:2]  # whose tags are the measure; whose speed is


def tag_sentences(tagger, texts):
    """([(start, end, label), ...] of each sentence, seconds)."""
    start = time.perf_counter()
    decided = tagger.decode_spans(texts, tagger.score_sentences(texts))
    return [[span[:3] for span in spans] for spans in decided], time.perf_counter() - start


def measure_run(folder, data_dir, rounds, work):
    """{way: {`correct`, `predicted`, `gold`, `same`, `sentences`, `bytes`, `seconds`, `characters`}} of one run."""
    config = runs.read_config(folder)
    path = runs.find_data(config, "test", data_dir)
    for int8 in (False, True):
        export_tagger(folder, work, int8)
    taggers = {
        way: Tagger.from_pretrained(folder if way[0] == "torch" else work, way[0], precision=way[1]) for way in WAYS
    }
    exact = taggers[EXACT]
    sentences = read_bio(path, exact.labels, config["flags"].get("orphans", "keep"))
    gold = [set(map(tuple, tags_to_spans(sentence.tags, strict=True))) for sentence in sentences]
    texts = [sentence.chars for sentence in sentences]
    spans, seconds = {}, {way: [] for way in WAYS}
    for number in range(rounds + 1):
        for way, tagger in taggers.items():
            spans[way], spent = tag_sentences(tagger, texts)
            seconds[way] += [spent] if number else []  # the first round warms up
    return {
        way: {
            "correct": sum(len(own & set(found)) for own, found in zip(gold, spans[way], strict=True)),
            "predicted": sum(map(len, spans[way])),
            "gold": sum(map(len, gold)),
            "same": sum(map(list.__eq__, spans[way], spans[EXACT])),
            "sentences": len(gold),
            "bytes": (tagger.folder / tagger.backend.weights).stat().st_size,
            "characters": sum(map(len, texts)),
            "seconds": [round(spent, 4) for spent in seconds[way]],
        }
        for way, tagger in taggers.items()
    }  # fmt: skip


def summarize(measured):
    """A row for each way, over the runs' measurements."""
    rows = []
    for way in WAYS:
        own = [run[way] for run in measured]
        total = {name: sum(run[name] for run in own) for name in ("correct", "predicted", "gold", "same", "sentences")}
        speeds = [run["characters"] / spent for run in own for spent in run["seconds"]]
        gains = [usual / spent for run in measured
                 for usual, spent in zip(run[USUAL]["seconds"], run[way]["seconds"], strict=True)]  # fmt: skip
        rows.append(
            {"way": " ".join(way)} | total
            | {"f1": 2 * total["correct"] / (total["predicted"] + total["gold"]), "bytes": own[0]["bytes"],
               "characters_per_second": round(statistics.median(speeds)),
               "against_bf16": round(statistics.median(gains), 3)}
        )  # fmt: skip
    return rows


def render(rows):
    """Markdown."""
    lines = ["| | MB | strict F1, pooled | sentences tagged like float32 | characters a second | against torch bf16 |",
             "|---|---:|---:|---:|---:|---:|"]  # fmt: skip
    for row in rows:
        lines.append(
            f"| {row['way']} | {row['bytes'] / 1e6:.1f} | {row['f1']:.4f} | {row['same']:,} of {row['sentences']:,} | "
            f"{row['characters_per_second']:,} | {row['against_bf16']:.2f} |"
        )
    return "\n".join(lines)


def measure(args):
    measured = []
    for folder in args.runs:
        with tempfile.TemporaryDirectory(dir=args.folder) as work:
            measured.append(measure_run(folder, args.data_dir, args.rounds, Path(work, "model")))
    rows = summarize(measured)
    print(render(rows))
    each = [{" ".join(way): own for way, own in run.items()} for run in measured]
    write_figures(args.output, {"rows": rows, "runs": each})


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--data-dir", help="where the data files are now, at any depth")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", help="where to write (default: the system's folder for temporary files)")
    parser.add_argument("-o", "--output", help="JSON of what was measured")
    return run_guarded(measure, parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
