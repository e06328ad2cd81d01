"""Build the demo corpus: 21 invented annotated patents in five splits, unlabelled text, and exports of other patents.

    python data/demo/build_demo.py                   write the splits 0..4, unlabelled/ and patents/ beside this file
    python data/demo/build_demo.py --out FOLDER      write them into another folder
    python data/demo/build_demo.py --baseline        print the table of README.md: counts and the dictionary's F1

Everything follows from the seeds below: two runs write the same bytes.
"""

import argparse
import statistics
import sys
from pathlib import Path

from dictionary import learn_dictionary, tag_by_dictionary
from documents import write_patent
from exports import write_exports
from lexicon import TOPICS

from cbpner.base.files import remove_tree, write_text
from cbpner.base.process import run_guarded
from cbpner.scoring.metrics import score
from cbpner.text.bio import Sentence, list_mentions, summarize_sentences
from cbpner.text.splits import draw_splits, find_split_folders, read_split, write_splits

HERE = Path(__file__).resolve().parent
NAME = "cbp_demo"
SEED, SPLIT_SEED, UNLABELLED_SEED = "cbp-demo-1", 3, "cbp-demo-unlabelled-1"
UNLABELLED = {"train": range(21, 51), "test": range(60, 63)}  # numbers of the unlabelled patents


def build_documents() -> dict[str, list[Sentence]]:
    """Return {patent name: its sentences}, one patent per topic."""
    return {
        f"D-{number + 1:02d}-CN{100000001 + number}A-demo": write_patent(number, SEED) for number in range(len(TOPICS))
    }


def build_unlabelled(numbers: range) -> str:
    """Return the text of other patents, one sentence per line, a blank line between patents."""
    patents = (write_patent(number, UNLABELLED_SEED) for number in numbers)
    return "\n".join("".join(f"{sentence.chars}\n" for sentence in patent) for patent in patents)


def build(out: str | Path) -> None:
    """Write the five splits, the unlabelled text and the exports into `out`, replacing an earlier build."""
    documents = build_documents()
    made = Path(out) / "new.part"
    for folder in write_splits(documents, draw_splits(documents, seed=SPLIT_SEED), made, name=NAME, overwrite=True):
        remove_tree(Path(out) / folder.name)
        folder.rename(Path(out) / folder.name)
    made.rmdir()
    for part, numbers in UNLABELLED.items():
        write_text(Path(out) / "unlabelled" / f"{part}.txt", build_unlabelled(numbers))
    write_exports(Path(out) / "patents")


def score_dictionary(split: dict[str, list[Sentence]]) -> dict:
    """Return the strict entity scores on the test part of the dictionary learnt from the training part."""
    dictionary = learn_dictionary(split["train"])
    predicted = [tag_by_dictionary(sentence.chars, dictionary) for sentence in split["test"]]
    return score([sentence.tags for sentence in split["test"]], predicted)["entity_strict"]["overall"]


def format_baseline(folder: Path) -> str:
    """Format the table of README.md as Markdown."""
    lines = [
        "| split | train/dev/test sentences | dev mentions | test gene / protein / disease | unseen in train "
        "| dictionary P | R | F1 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    f1s = []
    for path in find_split_folders(folder):
        split = read_split(path)
        known, test = set(list_mentions(split["train"])), summarize_sentences(split["test"])
        unseen = sum(mention not in known for mention in list_mentions(split["test"]))
        result = score_dictionary(split)
        f1s.append(result["f1"])
        sizes = "/".join(str(len(sentences)) for sentences in split.values())
        types = " / ".join(str(test["types"].get(label, 0)) for label in ("gene", "protein", "disease"))
        lines.append(
            f"| {path.name} | {sizes} | {len(list_mentions(split.dev))} | {types} | {unseen} of {test['mentions']} "
            f"| {result['precision']:.3f} | {result['recall']:.3f} | {result['f1']:.3f} |"
        )
    lines.append(f"| mean (sd, ddof 1) | | | | | | | {statistics.mean(f1s):.3f} ({statistics.stdev(f1s):.3f}) |")
    return "\n".join(lines)


def run(args: argparse.Namespace) -> None:
    if args.baseline:
        print(format_baseline(args.out))
    else:
        build(args.out)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the corpus (default: this script's folder)")
    parser.add_argument("--baseline", action="store_true", help="print the table of README.md instead of building")
    return run_guarded(run, parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
