"""Put together the substitute corpus: free Chinese biomedical text in the place of the paper's unpublished patents.

python data/build_substitute.py --texts FOLDER -o data/corpora/substitute
python data/build_substitute.py --gold data/cbp_gold --split 0 -o data/corpora/gold_0

--texts: a folder with the four files of TEXTS (data/README.md says where they come from). Every twentieth document,
by a seed, goes into OUT/test.txt, the others into OUT/train.txt. --gold: the training patents of one split, a patent a
document, for OUT/train.txt, and its dev patent for OUT/test.txt, where perplexity is measured; never its test patents.
Both together make one train.txt, and dev is left out. Documents are parted by blank lines, as
`BERT_LM_mixed/lmft_example/run_lmft.sh` reads them. The same files give the same bytes.
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

TEXTS = {  # file: its lines a document; 1 where each line stands alone
    "csl/csl_biomed.txt": 1,  # abstracts
    "clinical_trial_criteria/clinical_trial_criteria.txt": 1,  # of unlike trials
    "openbiox_weekly/biomed.txt": 8,  # paragraphs of one newsletter after another
    "liver_cancer_dialogues/liver_cancer.txt": 8,  # turns of one dialogue after another
}
HELD_OUT = 20  # one document in so many
SEED = 0


def read_documents(folder):
    """Every document of TEXTS, a list of lines each. InputError for a missing file."""
    documents = []
    for name, size in TEXTS.items():
        try:
            lines = (Path(folder) / name).read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{Path(folder) / name}: cannot read it: {error}") from error
        lines = [line for line in lines if line.strip()]
        documents += [lines[start : start + size] for start in range(0, len(lines), size)]
    return documents


def hold_out(documents):
    """(those to train on, those held out), each in their order."""
    drawn = set(np.random.default_rng(SEED).permutation(len(documents))[: len(documents) // HELD_OUT].tolist())
    return (
        [document for place, document in enumerate(documents) if place not in drawn],
        [document for place, document in enumerate(documents) if place in drawn],
    )


def read_gold(folder, split, part):
    """The patents of one part of one split, a list of sentences each."""
    sentences = read_bio(find_split_files(Path(folder) / str(split))[part])
    return [[sentence.chars for sentence in patent] for patent in split_patents(sentences)]


def write_documents(path, documents):
    write_text(path, "\n\n".join("\n".join(lines) for lines in documents) + "\n")


def run(args):
    train, held_out = hold_out(read_documents(args.texts)) if args.texts else ([], [])
    if args.gold:
        train += read_gold(args.gold, args.split, "train")
        held_out = held_out or read_gold(args.gold, args.split, "dev")
    for name, documents in (("train.txt", train), ("test.txt", held_out)):
        if documents:
            write_documents(Path(args.output) / name, documents)
            characters = sum(len(line) for document in documents for line in document)
            print(f"{Path(args.output) / name}: {len(documents)} documents, {characters} characters")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", metavar="FOLDER", help="folder with the four texts")
    parser.add_argument("--gold", metavar="FOLDER", help="the gold data's folder")
    parser.add_argument("--split", type=int, metavar="N", help="whose training patents to take")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="folder to write")
    args = parser.parse_args(argv)
    if not args.texts and not args.gold:
        parser.error("expected --texts, --gold or both")
    if (args.gold is None) != (args.split is None):
        parser.error("--gold and --split belong together")
    return run_guarded(run, args)


if __name__ == "__main__":
    sys.exit(main())
