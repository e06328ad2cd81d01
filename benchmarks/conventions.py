"""What the conventions of patents (cbpner.decoding.conventions) do to the committed tags of the folds.

    cbpner folds data/cbp_gold -o runs/folds
    python -m benchmarks.conventions runs/folds results/folds/BERT_LM_mixed_patent_seed0

Prints strict F1 of each fold's tags as they are, of their spans trimmed, with the types of their spelling as well,
without what the text calls a compound, a plasmid or cells, with abbreviations as their long forms are, and with the
members of enumerations. (Before the vote trimming does more: spans that differ by their edges vote together.)
"""

import argparse
from itertools import accumulate
from pathlib import Path

from cbpner.base.tables import format_markdown
from cbpner.decoding.conventions import (
    find_abbreviations,
    find_known,
    find_listed,
    find_others,
    find_type,
    read_others,
    trim_span,
)
from cbpner.decoding.document_vote import MIN_SURFACE, ScoredSpan, find_occurrences, settle
from cbpner.runs import folder as runs
from cbpner.scoring.metrics import count_items, divide_counts
from cbpner.text.bio import read_bio
from cbpner.text.labels import tags_to_spans
from cbpner.text.splits import split_patents


def apply_stepwise(text, spans):
    """The spans of a document as they are and after each convention."""
    trimmed = [span._replace(start=start, end=end) for span in spans
               for start, end in [trim_span(text, *span[:3])] if end - start >= MIN_SURFACE]  # fmt: skip
    typed = [span._replace(label=find_type(text[span.start : span.end], span.label)) for span in trimmed]
    known = find_known(text, find_occurrences(text, read_others()))
    others = find_others(text, find_occurrences(text, {text[span.start : span.end] for span in typed}), known)
    own = [span for span in typed if text[span.start : span.end] not in others]
    short = settle(own, text, find_abbreviations(text, {span.end: span[2:] for span in own}))
    listed = settle(short, text, find_listed(text, {span[:2]: span[2:] for span in short}))
    return spans, trimmed, typed, own, short, listed


def score_steps(sentences, tags):
    """Strict F1 of tags as they are and after each convention; tags: of each sentence."""
    gold, steps, rows = set(), [set() for _ in range(6)], iter(tags)
    for number, patent in enumerate(split_patents(sentences)):
        text, spans = "\n".join(own.chars for own in patent), []
        for first, own in zip(accumulate([len(own.chars) + 1 for own in patent], initial=0), patent, strict=False):
            gold |= {(number, first + start, first + end, label) for start, end, label in tags_to_spans(own.tags, True)}
            spans += [ScoredSpan(first + start, first + end, label, 1.0)
                      for start, end, label in tags_to_spans(next(rows), True)]  # fmt: skip
        for step, found in zip(steps, apply_stepwise(text, spans), strict=True):
            step |= {(number, *span[:3]) for span in found}
    return [divide_counts(*(each.total() for each in count_items(gold, step)))["f1"] for step in steps]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folds", type=Path, help="folder of folds")
    parser.add_argument("results", type=Path, help="folder of their runs, named alike")
    args = parser.parse_args(argv)
    rows = []
    for run in runs.find_runs([args.results]).finished:
        sentences, tags = read_bio(args.folds / run.name / "test.bio"), runs.read_tags(runs.tags_path(run, "test"))
        rows.append([run.name, *(f"{value:.3f}" for value in score_steps(sentences, tags))])
    print(
        format_markdown(
            ["fold", "as they are", "trimmed", "typed", "not called otherwise", "abbreviations", "enumerations"], rows
        )
    )


if __name__ == "__main__":
    main()
