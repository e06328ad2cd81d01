"""Build the substitute corpus: free Chinese biomedical text instead of the paper's unpublished patents.

python data/build_substitute.py --texts FOLDER -o data/corpora/substitute
python data/build_substitute.py --gold data/cbp_gold --split 0 -o data/corpora/gold_0

--texts FOLDER holds the four files of TEXTS (data/README.md names their sources). A random twentieth of the documents
(fixed seed) is written to OUT/test.txt, the others to OUT/train.txt. --gold writes the training patents of one split to
OUT/train.txt, one document each, and its dev patent to OUT/test.txt, for the perplexity; never its test patents. With
both options OUT/train.txt has all training documents, and the dev patent is left out. A blank line separates documents,
as `BERT_LM_mixed/lmft_example/run_lmft.sh` expects. The same input gives the same bytes.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from cbpner.base.errors import InputError
from cbpner.base.files import write_text
from cbpner.base.process import run_guarded
from cbpner.text.bio import read_bio
from cbpner.text.splits import find_split_files, split_patents

TEXTS = {  # file: lines per document; 1 where lines are unrelated
    "csl/csl_biomed.txt": 1,  # abstracts
    "clinical_trial_criteria/clinical_trial_criteria.txt": 1,  # of different trials
    "openbiox_weekly/biomed.txt": 8,  # consecutive paragraphs of newsletters
    "liver_cancer_dialogues/liver_cancer.txt": 8,  # consecutive turns of dialogues
}
HELD_OUT = 20  # one document in 20 is held out
SEED = 0


def read_documents(folder: str | Path) -> list[list[str]]:
    """Read the documents of TEXTS, each as a list of lines."""
    documents = []
    for name, size in TEXTS.items():
        try:
            lines = (Path(folder) / name).read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{Path(folder) / name}: cannot read it: {error}") from error
        lines = [line for line in lines if line.strip()]
        documents += [lines[start : start + size] for start in range(0, len(lines), size)]
    return documents


def hold_out(documents: list[list[str]]) -> tuple[list[list[str]], list[list[str]]]:
    """Split documents into (training, held-out), in their order."""
    drawn = set(np.random.default_rng(SEED).permutation(len(documents))[: len(documents) // HELD_OUT].tolist())
    return (
        [document for place, document in enumerate(documents) if place not in drawn],
        [document for place, document in enumerate(documents) if place in drawn],
    )


def read_gold(folder: str | Path, split: int, part: str) -> list[list[str]]:
    """Read the patents of one part of one split, each as a list of sentences."""
    sentences = read_bio(find_split_files(Path(folder) / str(split))[part])
    return [[sentence.chars for sentence in patent] for patent in split_patents(sentences)]


def write_documents(path: Path, documents: list[list[str]]) -> None:
    """Write documents with a blank line between two."""
    write_text(path, "\n\n".join("\n".join(lines) for lines in documents) + "\n")


def run(args: argparse.Namespace) -> None:
    train, held_out = hold_out(read_documents(args.texts)) if args.texts else ([], [])
    if args.gold:
        train += read_gold(args.gold, args.split, "train")
        held_out = held_out or read_gold(args.gold, args.split, "dev")
    for name, documents in (("train.txt", train), ("test.txt", held_out)):
        if documents:
            write_documents(Path(args.output) / name, documents)
            characters = sum(len(line) for document in documents for line in document)
            print(f"{Path(args.output) / name}: {len(documents)} documents, {characters} characters")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", metavar="FOLDER", help="folder with the four texts")
    parser.add_argument("--gold", metavar="FOLDER", help="the gold data's folder")
    parser.add_argument("--split", type=int, metavar="N", help="the gold split whose training patents are used")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="folder to write")
    args = parser.parse_args(argv)
    if not args.texts and not args.gold:
        parser.error("expected --texts, --gold or both")
    if (args.gold is None) != (args.split is None):
        parser.error("--gold needs --split, and --split needs --gold")
    return run_guarded(run, args)


if __name__ == "__main__":
    sys.exit(main())
