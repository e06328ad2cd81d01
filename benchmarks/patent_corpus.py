"""Measure `build_corpus` on one machine: seconds, MB a second, peak memory, and the duplicates found.

python -m benchmarks.patent_corpus [--patents 50000] [--memory 1024] [--threads N] [--folder DIR] [-o OUT.json]

Writes an export of invented patents (half JSON lines, half Parquet) into a temporary folder in DIR, with exact and near
duplicates, near misses and second members of families planted; runs `build_corpus` on it in a process of its own, with
every step on; compares what is left with what was planted. 50,000 patents of 20,000 characters take 3 GB of disk for
the export and up to 9 GB while the corpus is made.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

from benchmarks.timing import wait_measured
from cbpner.base.tables import format_markdown

SEED = 20200101
EXPORT, TRUTH, CORPUS, FOUND = "export", "truth.json", "corpus", "found.json"
QUERY = "人类 AND 基因"
SHARES = {"exact": 0.03, "near": 0.05, "near miss": 0.03, "family": 0.02}  # of all patents
CHANGED = {"near": 0.03, "near miss": 0.3}  # share of the sentences replaced: similarity about 0.94 and 0.54
WITHOUT_QUERY = 0.1
POOL = 150_000  # sentences; two patents of 500 share one or two
PARQUET_ROWS = 100
SYMBOLS = ("BRCA1", "HER2", "TP53", "EGFR", "IL-6", "PD-L1", "CD20", "KRAS", "VEGF", "SEQ ID NO:12")
LIBRARIES = ("duckdb", "pyarrow", "rensa")
FIRST = "本发明涉及生物技术领域，具体涉及一种检测方法及其应用。"
MATCHING = "所述样品来自人类受试者，检测其中的基因表达水平。"
BORING = "所述样品来自小鼠，检测其中的蛋白表达水平。"


class Writer:
    """Invents patents: sentences of invented words, the same for the same seed."""

    def __init__(self, characters):
        import numpy as np

        self.draw = np.random.default_rng(SEED)
        common = [bytes((row, cell)).decode("gb2312") for row in range(0xB0, 0xD7) for cell in range(0xA1, 0xFA)]
        self.words = [self.make_word(common) for _ in range(30_000)]
        rank = np.arange(1, len(self.words) + 1)
        self.weights = (1 / rank) / (1 / rank).sum()  # Zipf's law
        lengths = self.draw.integers(6, 26, POOL)
        picks = iter(self.draw.choice(len(self.words), size=int(lengths.sum()), p=self.weights).tolist())
        self.pool = [self.make_sentence(picks, int(length)) for length in lengths]
        mean = sum(map(len, self.pool[:1000])) / 1000
        self.sentences = max(2, round(characters / mean))

    def make_word(self, common):
        return "".join(common[place] for place in self.draw.integers(0, len(common), self.draw.integers(1, 4)))

    def make_sentence(self, picks, length):
        words = [self.words[next(picks)] for _ in range(length)]
        if length % 5 == 0:
            words[length // 2] = SYMBOLS[length % len(SYMBOLS)]
        return "".join([*words[: length // 2], "，", *words[length // 2 :], "。"])

    def draw_sentences(self, count):
        return [self.pool[place] for place in self.draw.integers(0, len(self.pool), count).tolist()]

    def make_text(self, matches):
        return [FIRST, MATCHING if matches else BORING, *self.draw_sentences(self.sentences)]

    def change(self, sentences, share):
        """Replace a share of the sentences by others, in one stretch after the first two."""
        count = max(1, round(share * (len(sentences) - 2)))
        start = 2 + int(self.draw.integers(0, len(sentences) - 1 - count))
        return [*sentences[:start], *self.draw_sentences(count), *sentences[start + count :]]


def number_lines(sentences):
    """Join sentences to paragraphs of ten, numbered as in descriptions."""
    paragraphs = ["".join(sentences[start : start + 10]) for start in range(0, len(sentences), 10)]
    return "\n".join(f"[{place:04}]{paragraph}" for place, paragraph in enumerate(paragraphs, 1))


def invent_patents(count, characters):
    """Yield (row of the export, kind); a copy has a later date than its original."""
    writer, originals = Writer(characters), []
    kinds, shares = ["unique", *SHARES], [1 - sum(SHARES.values()), *SHARES.values()]
    for place in range(count):
        kind = str(writer.draw.choice(kinds, p=shares)) if originals else "unique"
        if kind == "unique":
            matches = bool(writer.draw.random() >= WITHOUT_QUERY)
            sentences, family, date = writer.make_text(matches), f"F{place}", 20100101
            originals = [*originals[-199:], (sentences, family, matches)]
        else:
            sentences, family, matches = originals[int(writer.draw.integers(0, len(originals)))]
            family, date = (family if kind == "family" else f"F{place}"), 20120101
            sentences = writer.make_text(matches) if kind == "family" else sentences
            sentences = writer.change(sentences, CHANGED[kind]) if kind in CHANGED else sentences
        row = {
            "publication_number": f"CN-{100_000_000 + place}-A",
            "publication_date": date,
            "family_id": family,
            "title": f"一种检测方法{place}",
            "description": number_lines(sentences),
        }
        yield row, kind if matches else "no match"


def write_export(folder, count, characters):
    """Write the export, alternating between its two files, and beside it {kind: numbers} and the size of the texts."""
    import pyarrow as pa
    from pyarrow import parquet

    export, truth, rows, size, total = folder / EXPORT, {}, [], 0, 0
    export.mkdir()
    schema = pa.schema([(name, pa.int32() if name == "publication_date" else pa.string()) for name in (
        "publication_number", "publication_date", "family_id", "title", "description")])  # fmt: skip
    with (
        open(export / "patents.jsonl", "w", encoding="utf-8") as lines,
        parquet.ParquetWriter(export / "patents.parquet", schema) as table,
    ):
        for place, (row, kind) in enumerate(invent_patents(count, characters)):
            truth.setdefault(kind, []).append(row["publication_number"].replace("-", ""))
            text = f"{row['title']}\n{row['description']}"
            size, total = size + len(text.encode()), total + len(text)
            if place % 2:
                lines.write(json.dumps(row, ensure_ascii=False) + "\n")
                continue
            rows.append(row)
            if len(rows) == PARQUET_ROWS:
                table.write_table(pa.Table.from_pylist(rows, schema))
                rows = []
        table.write_table(pa.Table.from_pylist(rows, schema))
    (folder / TRUTH).write_text(json.dumps({"bytes": size, "characters": total, "kinds": truth}), encoding="utf-8")


def build(folder, args):
    """Build the corpus of the export: what is measured."""
    from cbpner.corpora.corpus import CorpusJob, build_corpus
    from cbpner.corpora.selection import PatentSelection

    selection = PatentSelection(countries=("CN",), first_date=20090101, last_date=20190101, query=QUERY)
    options = {"sample": args.sample, "memory_mb": args.memory, "threads": args.threads}
    job = CorpusJob((folder / EXPORT,), folder / CORPUS, selection, **options)
    statistics = build_corpus(job)
    found = {"steps": statistics["steps"], "parts": statistics["parts"]}
    (folder / FOUND).write_text(json.dumps(found), encoding="utf-8")


def run_stage(stage, folder, args):
    """Run one stage of this script in a process of its own and return its (seconds, peak memory in MB)."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.patent_corpus", *args, "--stage", stage, "--folder", str(folder)]
    process = subprocess.Popen(command)
    _, peak = wait_measured(process)
    if process.returncode:
        raise SystemExit(f"stage {stage} ended with {process.returncode}")
    return time.perf_counter() - start, peak


def score_duplicates(kinds, left):
    """Count how many of each kind were planted and removed; recall and precision over exact and near duplicates.

    kinds: {kind: numbers}; left: the set of numbers in the corpus.
    """
    went = {kind: sum(number not in left for number in numbers) for kind, numbers in kinds.items()}
    planted = sum(len(kinds.get(kind, ())) for kind in ("exact", "near"))
    found = went.get("exact", 0) + went.get("near", 0)
    wrong = went.get("unique", 0) + went.get("near miss", 0)
    return {
        "kinds": {kind: {"planted": len(numbers), "went": went[kind]} for kind, numbers in kinds.items()},
        "recall": round(found / planted, 5) if planted else None,
        "precision": round(found / (found + wrong), 5) if found + wrong else None,
    }


def read_numbers(path):
    """The numbers in documents.jsonl, read line by line since it does not fit into memory."""
    with open(path, encoding="utf-8") as file:
        return {json.loads(line)["number"] for line in file}


def report(folder, args, seconds, peak):
    """The content of the JSON file."""
    from cbpner.runs.environment import describe_environment

    truth = json.loads((folder / TRUTH).read_text(encoding="utf-8"))
    found = json.loads((folder / FOUND).read_text(encoding="utf-8"))
    megabytes = truth["bytes"] / 1e6
    duplicates = score_duplicates(truth["kinds"], read_numbers(folder / CORPUS / "documents.jsonl"))
    return {
        "command": f"python -m benchmarks.patent_corpus {' '.join(args)}".strip(),
        "text": {"patents": sum(map(len, truth["kinds"].values())), "characters": truth["characters"],
                 "megabytes": round(megabytes, 1)},
        "seconds": {"all": round(seconds, 1)},
        "megabytes_per_second": {"all": round(megabytes / seconds, 1)},
        "peak_memory_mb": round(peak),
        "duplicates": None if "--sample" in args else duplicates,
        "parts": found["parts"],
        "environment": describe_environment() | {"libraries": {name: metadata.version(name) for name in LIBRARIES}},
    }  # fmt: skip


def render(result):
    """The result as a Markdown table."""
    rows = [
        ("text", f"{result['text']['patents']:,} patents, {result['text']['megabytes']:,.0f} MB of UTF-8"),
        *((stage, f"{value:,.1f} s") for stage, value in result["seconds"].items()),
        *((f"{what}, speed", f"{value:,.1f} MB/s") for what, value in result["megabytes_per_second"].items()),
        ("peak memory", f"{result['peak_memory_mb']:,} MB"),
    ]
    if result["duplicates"]:
        found = result["duplicates"]
        kinds = sorted(found["kinds"].items())
        rows += [(f"{kind}: removed", f"{n['went']:,} of {n['planted']:,}") for kind, n in kinds]
        rows += [(f"duplicates, {what}", f"{found[what]}") for what in ("recall", "precision")]
    return format_markdown(["what", "measured"], rows)


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patents", type=int, default=50_000)
    parser.add_argument("--characters", type=int, default=20_000, help="a patent")
    parser.add_argument("--sample", type=int, help="patents in the corpus; duplicates are then not scored")
    parser.add_argument("--memory", type=int, default=1024, metavar="MB", help="for DuckDB")
    parser.add_argument("--threads", type=int, help="of DuckDB")
    parser.add_argument("--folder", help="where the temporary folder is made")
    parser.add_argument("--stage", choices=("write", "build"), help=argparse.SUPPRESS)
    parser.add_argument("-o", "--output", metavar="OUT.json")
    return parser.parse_args(argv)


def main(argv=None):
    argv = sys.argv[1:] if argv is None else list(argv)
    args = parse_arguments(argv)
    if args.stage == "write":
        return write_export(Path(args.folder), args.patents, args.characters)
    if args.stage == "build":
        return build(Path(args.folder), args)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        seconds, _ = run_stage("write", folder, argv)
        print(f"export written in {seconds:.0f} s", file=sys.stderr)
        result = report(Path(folder), argv, *run_stage("build", folder, argv))
    print(render(result))
    if args.output:
        Path(args.output).write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
