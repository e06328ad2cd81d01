"""What a page's layout costs a tagger, read as it is and through the reading form (`cbpner.text.reading_form`).

    cbpner folds data/cbp_gold -o runs/folds
    cbpner train --recipe cbp_patent --encoder cbp_mini_bio --train runs/folds/0/train.bio \\
      --test runs/folds/0/test.bio --split 0 --seed 0 --precision fp32 -o runs/tuning/0
    python -m benchmarks.reading_form runs/tuning/0 runs/folds/0/test.bio

Prints strict F1 on copies of the text that are broken as PDFs break it; spans count in the broken text's own offsets.
"""

import argparse
import random
import sys
import unicodedata

from cbpner.base.tables import format_markdown
from cbpner.formats.document import Document, cut_span
from cbpner.prediction.tagger import Tagger
from cbpner.scoring.metrics import divide_counts
from cbpner.text.bio import read_bio
from cbpner.text.labels import tags_to_spans
from cbpner.text.reading_form import CHARACTERS
from cbpner.text.splits import split_patents
from cbpner.text.tokenizer import is_han

COLUMNS = 60  # of a page's line: 30 Chinese characters
LINE_STARTS = "，。、；：）"  # that no line begins with
RADICALS = {unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0x2F00, 0x2FD6)}
LOOKALIKES = {plain: radical for radical, plain in CHARACTERS.items()} | RADICALS


def wrap_lines(text):
    """Where lines of a page end."""
    column, breaks = 0, {}
    for place, character in enumerate(text):
        width = 1 if character.isascii() else 2
        if column + width > COLUMNS and character not in LINE_STARTS:
            breaks[place], column = "\n", 0
        column = 0 if character == "\n" else column + width
    return breaks


def space_out(text, share):
    draw = random.Random(0)
    inside = (place for place in range(1, len(text)) if is_han(text[place - 1]) and is_han(text[place]))
    return {place: " " for place in inside if draw.random() < share}


def mark_digits(text):
    """Tags of markup before the digits of names."""
    digits = (place for place in range(1, len(text)) if text[place].isdigit())
    return {place: "<sub>" for place in digits if text[place - 1].isascii() and text[place - 1].isalpha()}


COPIES = {  # (text) -> {place: what is put before the character there}, or nothing and look-alikes
    "as it was": lambda text: {},
    "lines broken at 30 characters": wrap_lines,
    "a space between all Han characters": lambda text: space_out(text, 1.0),
    "a space between 30% of them": lambda text: space_out(text, 0.3),
    "radicals for characters": None,
    "markup before digits": mark_digits,
}


def break_document(document, copy):
    """The document as a page has it, its spans where they are then."""
    if copy is None:
        return Document(document.id, "".join(LOOKALIKES.get(char, char) for char in document.text), document.spans)
    put, pieces, places, end = copy(document.text), [], [], 0
    for place, character in enumerate(document.text):
        piece = put.get(place, "") + character
        pieces.append(piece)
        end += len(piece)
        places.append(end - 1)
    text = "".join(pieces)
    spans = [cut_span(text, places[s.start], places[s.end - 1] + 1, s.label) for s in document.spans]
    return Document(document.id, text, spans)


def read_patents(path, characters):
    """The patents of a column file, up to the one that reaches so many characters."""
    documents, read = [], 0
    for number, sentences in enumerate(split_patents(read_bio(path))):
        if read >= characters:
            break
        text, spans = "", []
        for sentence in sentences:
            spans += [(len(text) + s.start, len(text) + s.end, s.label) for s in tags_to_spans(sentence.tags)]
            text += sentence.chars + "\n"
        documents.append(Document(str(number), text, [cut_span(text, *span) for span in spans]))
        read += len(text)
    return documents


def score_spans(tagger, documents):
    """Strict F1 over all spans."""
    gold = {(own.id, *span[:3]) for own in documents for span in own.spans}
    tagged = zip(documents, tagger.tag_many(own.text for own in documents), strict=True)
    found = {(own.id, *span[:3]) for own, spans in tagged for span in spans}
    return divide_counts(len(gold & found), len(found), len(gold))["f1"]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="a run whose model has not learnt from the text")
    parser.add_argument("text", help="column file of gold sentences")
    parser.add_argument("--characters", type=int, default=10**9, help="whole patents, until so many are read")
    args = parser.parse_args(argv)
    documents = read_patents(args.text, args.characters)
    taggers = [Tagger.from_pretrained(args.run, layout=layout, precision="fp32") for layout in ("plain", "auto")]
    mentions = sum(len(own.spans) for own in documents)
    print(f"{len(documents)} patents, {sum(len(own.text) for own in documents):,} characters, {mentions:,} mentions\n")
    rows = []
    for name, copy in COPIES.items():
        broken = [break_document(own, copy) for own in documents]
        rows.append([name, *(f"{score_spans(tagger, broken):.3f}" for tagger in taggers)])
        print(*rows[-1], sep="\t", file=sys.stderr)
    print(format_markdown(["copy", "plain", "auto"], rows))


if __name__ == "__main__":
    main()
