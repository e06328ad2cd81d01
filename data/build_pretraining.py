"""Build the pre-training corpora of the shipped encoders: free Chinese science and biomedicine, never gold text.

python data/build_pretraining.py general --texts FOLDER -o data/corpora/general     for cbp_mini
python data/build_pretraining.py biomedical --texts FOLDER -o data/corpora/bio      for cbp_mini_bio

FOLDER holds the substitute corpus's four texts (data/README.md), chinaxiv/, csl/csl_all.txt and kppatent/. `general`
uses ChinaXiv papers with fewer than one biomedical word in 1,000 Chinese characters, and CSL's abstracts without the
biomedical ones. `biomedical` uses the most biomedical papers of ChinaXiv (10 million characters), the substitute corpus
and KPPatent's patents. OUT/train.txt gets the training documents, a blank line between two, and
OUT/test_{general,biomedical,patent}.txt the held-out ones of each kind. Counts of what cleaning drops go to stdout. The
same input gives the same bytes.
"""

import argparse
import lzma
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from build_substitute import read_documents, write_documents

from cbpner.base.errors import InputError
from cbpner.base.process import run_guarded

GENERAL_MOST, BIOMEDICAL_CHARACTERS = 1.0, 10_000_000  # biomedical words per 1,000 Chinese characters; characters
HELD_OUT = 60  # held-out papers of each kind, and patents
SHORTEST = 20  # Chinese characters in a line; shorter lines are headers, names and formulas
REFERENCE = re.compile(r"\[[\d\s,，、~\-–—lI]{0,24}\]")  # citation marks, including those damaged by conversion
ADDRESS = re.compile(r"[（(](?:\d[.．、])?[^（）()]{0,80}(?:大学|医院|学院|研究所|实验室)[^（）()]{0,80}\d{6}")
HAN = re.compile("[\u4e00-\u9fff]")


def clean_lines(lines: list[str], dropped: Counter) -> list[str]:
    """Remove citation marks, and drop authors' addresses and lines with little Chinese."""
    kept = []
    for line in lines:
        clean = REFERENCE.sub("", line).strip()
        dropped["characters of citation marks"] += len(line) - len(clean)
        reason = "addresses" if ADDRESS.search(clean) else "short lines"
        if reason == "addresses" or len(HAN.findall(clean)) < SHORTEST:
            dropped[f"lines: {reason}"] += 1
            dropped[f"characters of {reason}"] += len(clean)
        else:
            kept.append(clean)
    return kept


def read_papers(folder: Path, dropped: Counter) -> list[tuple[float, list[str]]]:
    """Read each ChinaXiv paper as (biomedical words per 1,000 Chinese characters, lines), in the file's order."""
    with lzma.open(folder / "chinaxiv" / "chinaxiv.txt.xz", "rt", encoding="utf-8") as file:
        texts = file.read().strip("\n").split("\n\n")
    table = (folder / "chinaxiv" / "papers.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines()]
    if len(rows) != len(texts):
        raise InputError(f"{folder / 'chinaxiv'}: found {len(texts)} papers and {len(rows)} rows; expected one each")
    density = [1000 * int(row[3]) / max(int(row[2]), 1) for row in rows]
    return [(share, clean_lines(text.split("\n"), dropped)) for share, text in zip(density, texts, strict=True)]


def read_lines(path: Path) -> list[list[str]]:
    """Read a file with one document per line."""
    return [[line] for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def read_patents(folder: Path) -> list[list[str]]:
    """Read the patents of KPPatent, which blank lines separate."""
    text = (folder / "kppatent" / "kppatent_all.txt").read_text(encoding="utf-8")
    return [patent.split("\n") for patent in text.strip("\n").split("\n\n") if patent.strip()]


def build(args: argparse.Namespace) -> None:
    folder, dropped = Path(args.texts), Counter()
    papers = read_papers(folder, dropped)
    random = np.random.default_rng(0)
    order = sorted(range(len(papers)), key=lambda number: -papers[number][0])
    cut = next(place for place, number in enumerate(order) if papers[number][0] < GENERAL_MOST)
    biomedical, general = random.permutation(order[: len(order) // 8]), random.permutation(order[cut:])
    patents = read_patents(folder)
    shuffled = random.permutation(len(patents))
    held_out = {
        "biomedical": [papers[number][1] for number in biomedical[:HELD_OUT]],
        "general": [papers[number][1] for number in general[:HELD_OUT]],
        "patent": [patents[number] for number in shuffled[:HELD_OUT]],
    }
    if args.kind == "general":
        wanted = {tuple(lines) for lines in read_lines(folder / "csl" / "csl_biomed.txt")}
        train = [papers[number][1] for number in general[HELD_OUT:]]
        train += [lines for lines in read_lines(folder / "csl" / "csl_all.txt") if tuple(lines) not in wanted]
    else:
        kept_out, train, size = set(biomedical[:HELD_OUT].tolist()), [], 0
        for number in order:
            if number not in kept_out and size < BIOMEDICAL_CHARACTERS:
                train.append(papers[number][1])
                size += sum(map(len, papers[number][1]))
        train += read_documents(folder) + [patents[number] for number in shuffled[HELD_OUT:]]
    train = [train[number] for number in random.permutation(len(train)) if train[number]]
    parts = {"train": train, **{f"test_{kind}": documents for kind, documents in held_out.items()}}
    for name, documents in parts.items():
        write_documents(Path(args.output) / f"{name}.txt", [lines for lines in documents if lines])
        characters = sum(len(line) for lines in documents for line in lines)
        print(f"{name}: {len(documents):,} documents, {characters:,} characters")
    print("dropped from ChinaXiv:", ", ".join(f"{name} {count:,}" for name, count in sorted(dropped.items())))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("general", "biomedical"))
    parser.add_argument("--texts", required=True, metavar="FOLDER", help="folder with the corpora")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="folder to write")
    return run_guarded(build, parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
