"""How much of a network survives a tagger's errors: relations by gold tags, and by those of a tagger on new patents.

python benchmarks/relations_survive.py results/BERT_LM_mixed [...] --lexicon hgnc_complete_set.txt
                                       [--data-dir data/cbp_gold] [--units sentence,patent] [-o OUT.json]

Each argument is one system: a folder with runs on several splits, or several such folders with commas between them
(those on the splits, those on the tuning folds; without --data-dir data are read from where the runs found them). The
patents of their test sets are put together, each once, as in the first split that tests it; the splits test nine of the
gold's 21 patents, the folds the other twelve. `cbpner relations --min-support 1` makes a network of the gold tags and
one of the predicted ones; precision and recall of edges between genes, by how many patents they are in. Since one
patent may have most of the edges, the mean over patents stands beside that over edges, of the edges that a patent is
the first to have; and so does a 95% interval of the share of these edges, from drawing patents again and again
(bootstrap). --agents counts antibodies, primers and such as their gene on both sides.
"""

import argparse
import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from pyarrow import parquet

from cbpner.base.errors import InputError
from cbpner.base.files import natural_key, write_text
from cbpner.base.process import run_guarded
from cbpner.cli import main as run_cbpner
from cbpner.formats.fields import dump_row
from cbpner.reports.join import join_runs

DRAWS = 5000


def list_documents(joined, spans) -> dict[str, dict]:
    """{patent: a row of span JSONL} of one test set; spans: of each sentence. Sentences are lines of the text."""
    rows = {}
    for key, sentence, own in zip(joined.patent_keys, joined.sentences, spans, strict=True):
        row = rows.setdefault(key, {"id": f"patent {key}", "text": "", "spans": []})
        start = len(row["text"])
        row["spans"] += [{"start": start + first, "end": start + last, "label": label} for first, last, label in own]
        row["text"] += sentence.chars + "\n"
    return rows


def write_sides(path, data_dir, folder):
    """Write gold.jsonl and tagged.jsonl of a system's test patents, each once; how many there are."""
    sets = []
    for place in path.split(","):
        systems = join_runs([place], data_dir=data_dir).systems
        if len(systems) != 1:
            raise InputError(f"{place}: found {len(systems)} systems; expected the runs of one")
        sets += sorted(systems[0].sets, key=lambda joined: (natural_key(joined.split), natural_key(joined.seed)))
    gold, tagged = {}, {}
    for joined in sets:
        for key, row in list_documents(joined, joined.gold).items():
            gold.setdefault(key, row)
        for key, row in list_documents(joined, joined.spans).items():
            tagged.setdefault(key, row)
    for name, rows in (("gold", gold), ("tagged", tagged)):
        write_text(folder / f"{name}.jsonl", "".join(f"{dump_row(row)}\n" for row in rows.values()))
    return len(gold)


def find_edges(folder, name, unit, flags):
    """{edge: patents that it is in} of a side's network."""
    output = folder / f"{name}_{unit}.parquet"
    command = ["relations", folder / f"{name}.jsonl", "-o", output, "--unit", unit, "--min-support", 1, *flags]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        code = run_cbpner(list(map(str, command)))
    if code:
        raise InputError(f"{name}, {unit}: {said.getvalue().strip()}")
    rows = parquet.read_table(output, columns=["a_id", "b_id", "patents"]).to_pylist()
    return {frozenset((row["a_id"], row["b_id"])): row["patents"] for row in rows}


def compare_edges(found, reference):
    """Compare {edge: patents} by their least number of patents, the support.

    right: edges found with that support that the reference has at all; precision: their share. met: edges of the
    reference with that support that were found at all; recall: their share. A share is None if there is no edge.
    """
    rows = []
    for support in (1, 2, 3, 5, 10):
        own, others = ([edge for edge, patents in each.items() if patents >= support] for each in (found, reference))
        if own or others:
            right, met = sum(edge in reference for edge in own), sum(edge in found for edge in others)
            row = {"support": support, "found": len(own), "reference": len(others), "right": right, "met": met}
            shares = (right / len(own) if own else None, met / len(others) if others else None)
            rows.append(row | {"precision": shares[0], "recall": shares[1]})
    return rows


def average_patents(found, reference):
    """{`patents`, `precision`, `recall`} over patents with edges; found, reference: {edge: its first patent}."""
    shares = {"precision": [], "recall": []}
    for patent in sorted({*found.values(), *reference.values()}):
        own, others = ({edge for edge, first in side.items() if first == patent} for side in (found, reference))
        for name, side in (("precision", own), ("recall", others)):
            shares[name] += [len(own & others) / len(side)] if side else []
    means = {name: sum(values) / len(values) if values else None for name, values in shares.items()}
    return {"patents": max(map(len, shares.values())), **means}


def bootstrap_patents(found, reference, patents, seed=0):
    """{`precision`, `recall`: [low, high]} of the share of edges, 95%, over patents that are drawn again and again,
    those without edges too; None where most draws have no edge. found, reference: {edge: its first patent}.
    """
    firsts = sorted({*found.values(), *reference.values()})
    counts = np.zeros((max(patents, len(firsts)), 3))
    for row, patent in zip(counts, firsts, strict=False):
        own, others = ({edge for edge, first in side.items() if first == patent} for side in (found, reference))
        row[:] = len(own & others), len(own), len(others)
    drawn = counts[np.random.default_rng(seed).integers(0, len(counts), (DRAWS, len(counts)))].sum(1)  # (draws, 3)
    with np.errstate(invalid="ignore"):
        shares = {"precision": drawn[:, 0] / drawn[:, 1], "recall": drawn[:, 0] / drawn[:, 2]}
    return {
        name: None if np.isnan(values).mean() > 0.5 else np.nanquantile(values, [0.025, 0.975]).round(4).tolist()
        for name, values in shares.items()
    }


def read_first_patents(folder, name, unit):
    """{edge: its first patent} of a side's network."""
    rows = parquet.read_table(folder / f"{name}_{unit}.parquet", columns=["a_id", "b_id", "first_patent"]).to_pylist()
    return {frozenset((row["a_id"], row["b_id"])): row["first_patent"] for row in rows}


def measure(path, args, flags):
    """(number of patents, {unit: {`edges`: rows of `compare_edges`, `by_patent`}}) of one system."""
    with tempfile.TemporaryDirectory() as folder:
        patents = write_sides(path, args.data_dir, Path(folder))
        units = {}
        for unit in args.units.split(","):
            edges = [find_edges(Path(folder), side, unit, flags) for side in ("tagged", "gold")]
            firsts = [read_first_patents(Path(folder), side, unit) for side in ("tagged", "gold")]
            units[unit] = {
                "edges": compare_edges(*edges), "by_patent": average_patents(*firsts),
                "interval": bootstrap_patents(*firsts, patents),
            }  # fmt: skip
        return patents, units


def describe(path, patents, units):
    yield f"{path}: {patents} patents"
    yield "| unit | patents of an edge | by gold tags | by predicted tags | precision | recall |"
    yield "|---|---:|---:|---:|---:|---:|"
    for unit, found in units.items():
        for row in found["edges"]:
            counts = f"{row['reference']:,} | {row['found']:,}"
            yield f"| {unit} | {row['support']}+ | {counts} | {show(row['precision'])} | {show(row['recall'])} |"
        low = {name: "-" if ends is None else " to ".join(map(show, ends)) for name, ends in found["interval"].items()}
        yield f"| {unit} | 95% over patents | | | {low['precision']} | {low['recall']} |"
        mean = found["by_patent"]
        yield f"| {unit} | mean of {mean['patents']} patents | | | {show(mean['precision'])} | {show(mean['recall'])} |"


def show(share):
    return "-" if share is None else f"{share:.3f}"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("systems", nargs="+", metavar="RUNS")
    parser.add_argument("--lexicon", action="append", default=[], metavar="FILE")
    parser.add_argument("--data-dir", metavar="DIR", help="where the gold data are")
    parser.add_argument("--units", default="sentence,patent")
    parser.add_argument("--agents", action="store_true")
    parser.add_argument("-o", "--output", help="JSON to write")
    return run_guarded(run, parser.parse_args(argv))


def run(args):
    flags = [word for path in args.lexicon for word in ("--lexicon", path)] + ["--agents"] * args.agents
    results = {}
    for path in args.systems:
        patents, units = measure(path, args, flags)
        results[path] = {"patents": patents, "units": units}
        print(*describe(path, patents, units), sep="\n")
    if args.output:
        write_text(args.output, json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
