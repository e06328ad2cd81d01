"""What trimming the edges of spans (cbpner.decoding.document_vote) does to the committed tags of the folds.

    cbpner folds data/cbp_gold -o runs/folds
    python -m benchmarks.span_edges runs/folds results/folds/BERT_LM_mixed_patent_seed0

Prints strict F1 of each fold's tags as they are, of their spans without punctuation at the edges, and of those of two
characters or more. (Trimmed before the vote, spans that differ by their edges vote together, which tags cannot show.)
"""

import argparse
from pathlib import Path

from cbpner.base.tables import format_markdown
from cbpner.decoding.document_vote import MIN_SURFACE, trim_edges
from cbpner.runs import folder as runs
from cbpner.scoring.metrics import count_items, divide_counts
from cbpner.text.bio import read_bio
from cbpner.text.labels import tags_to_spans


def score_edges(sentences, tags):
    """Strict F1 of tags, of their trimmed spans, of those that are long enough."""
    gold, forms = set(), (set(), set(), set())
    for number, (sentence, row) in enumerate(zip(sentences, tags, strict=True)):
        gold |= {(number, *span) for span in tags_to_spans(sentence.tags, True)}
        for start, end, label in tags_to_spans(row, True):
            forms[0].add((number, start, end, label))
            start, end = trim_edges(sentence.chars, start, end)
            for form, least in zip(forms[1:], (1, MIN_SURFACE), strict=True):
                form |= {(number, start, end, label)} if end - start >= least else set()
    return [divide_counts(*(each.total() for each in count_items(gold, form)))["f1"] for form in forms]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folds", type=Path, help="folder of folds")
    parser.add_argument("results", type=Path, help="folder of their runs, named alike")
    args = parser.parse_args(argv)
    rows = []
    for run in runs.find_runs([args.results]).finished:
        sentences, tags = read_bio(args.folds / run.name / "test.bio"), runs.read_tags(runs.tags_path(run, "test"))
        rows.append([run.name, *(f"{value:.3f}" for value in score_edges(sentences, tags))])
    print(format_markdown(["fold", "as they are", "trimmed", "two characters or more"], rows))


if __name__ == "__main__":
    main()
