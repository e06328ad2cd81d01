"""How a tagger does on sixty sentences in the language of patents (tests/data/sentences.tsv), none of them its own.

    python -m benchmarks.sentences                          the shipped tagger
    python -m benchmarks.sentences runs/mine/0 --faults     another, and what it missed and what it found in vain

Prints precision, recall and F1 of exact spans, of any type and of the right one. The sentences were written and
labelled before any model was tried on them; they choose nothing.
"""

import argparse
import re
from pathlib import Path

from cbpner.base.tables import format_markdown
from cbpner.formats.document import Document, cut_span
from cbpner.prediction.model_folder import DEFAULT_MODEL
from cbpner.prediction.tagger import Tagger
from cbpner.scoring.metrics import divide_counts

SENTENCES = Path(__file__).resolve().parents[1] / "tests" / "data" / "sentences.tsv"
MENTION = re.compile(r"\[([^\[\]|]+)\|(gene|protein|disease)\]")


def read_sentences(path=SENTENCES):
    """The sentences as documents, by their line's number; mentions stand in the file as [surface|type]."""
    documents = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        text, end, spans = "", 0, []
        for match in MENTION.finditer(line):
            text += line[end : match.start()]
            spans.append((len(text), len(text) + len(match[1]), match[2]))
            text, end = text + match[1], match.end()
        text += line[end:]
        documents.append(Document(str(number), text, [cut_span(text, *span) for span in spans]))
    return documents


def score_spans(gold, found, is_typed):
    """[precision, recall, F1] of two sets of (document, start, end, type)."""
    if not is_typed:
        gold, found = ({span[:3] for span in spans} for spans in (gold, found))
    counts = divide_counts(len(gold & found), len(found), len(gold))
    return [counts[name] for name in ("precision", "recall", "f1")]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default=DEFAULT_MODEL)
    parser.add_argument("--faults", action="store_true", help="list what was missed (-) and what was found in vain (+)")
    parser.add_argument("--sentences", type=Path, default=SENTENCES, metavar="FILE", help="others, in the same form")
    args = parser.parse_args(argv)
    documents = read_sentences(args.sentences)
    tagged = Tagger.from_pretrained(args.model, precision="fp32").tag_many(own.text for own in documents)
    gold = {(own.id, *span[:3]) for own in documents for span in own.spans}
    found = {(own.id, *span[:3]) for own, spans in zip(documents, tagged, strict=True) for span in spans}
    rows = [[name, *(f"{value:.3f}" for value in score_spans(gold, found, name == "same type"))]
            for name in ("any type", "same type")]  # fmt: skip
    print(f"{len(documents)} sentences, {len(gold)} mentions, {len(found)} found\n")
    print(format_markdown(["spans", "precision", "recall", "F1"], rows))
    for own in documents if args.faults else ():
        for sign, only in (("-", gold - found), ("+", found - gold)):
            for _, start, end, label in sorted(span for span in only if span[0] == own.id):
                print(f"{own.id} {sign} {own.text[start:end]} ({label})")


if __name__ == "__main__":
    main()
