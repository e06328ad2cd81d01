"""Precision, recall and F1 at three levels that are never mixed: token, entity lenient, entity strict.

* `token`: a character is right when its tag is not O and equals the gold tag. This is the score that the original's
  supervised method prints, but 0 where it is undefined (the original printed 1).
* `entity_lenient`: whole entities, borders and type, by the rule of conlleval, seqeval's default mode.
* `entity_strict`: whole entities as seqeval counts them with `mode="strict", scheme=IOB2`.

The counts come from `cbpner.text.labels.tags_to_spans`, the one place that turns tags into spans, and not from seqeval:
seqeval returns scores without the counts behind them. The tests hold both modes equal to seqeval's on random tags.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

from cbpner.text.labels import OUTSIDE, split_tag, tags_to_spans

LEVELS = ("token", "entity_lenient", "entity_strict")
MEASURES = ("precision", "recall", "f1")
COUNTS = ("correct", "predicted", "gold")


TagLists = Sequence[Sequence[str]]
Counts = tuple[Counter[str], Counter[str], Counter[str]]  # correct, predicted, gold: each by type


def score(gold: TagLists, predicted: TagLists) -> dict[str, dict[str, Any]]:
    """Scores of predicted tags against gold tags, both a list of sentences, each a sequence of BIO tags.

    Returns:
        `{level: {"overall": S, "types": {type: S}}}` for each of LEVELS, with S a dict of MEASURES (0.0 where
        undefined) and COUNTS; overall is the micro average. Every type that either side's tags name is listed, sorted
        by name. Strict counts leave out a gold mention that begins with an orphan `I-`; lenient counts include it.

    Raises:
        ValueError: the two sides differ in length, or a tag is not BIO.
    """
    if len(gold) != len(predicted):
        raise ValueError(f"expected {len(gold)} predicted sentences, as many as gold ones, got {len(predicted)}")
    for number, (expected, got) in enumerate(zip(gold, predicted, strict=True), start=1):
        if len(expected) != len(got):
            raise ValueError(f"sentence {number}: expected {len(expected)} predicted tags, got {len(got)}")
    types = sorted({split_tag(tag)[1] for tag in set(chain(*gold, *predicted))} - {""})
    counts = {
        "token": _count_tokens(gold, predicted),
        "entity_lenient": _count_entities(gold, predicted, strict=False),
        "entity_strict": _count_entities(gold, predicted, strict=True),
    }
    return {
        level: {
            "overall": _score_counts(*(each.total() for each in counts[level])),
            "types": {label: _score_counts(*(each[label] for each in counts[level])) for label in types},
        }
        for level in LEVELS
    }


def divide_counts(correct: float, predicted: float, gold: float) -> dict[str, float | None]:
    """MEASURES of counts, None where one is undefined: nothing predicted, no gold, or neither of them.

    `score` has 0.0 there, as seqeval does, and so have the metrics.json of runs.
    """
    return {
        "precision": correct / predicted if predicted else None,
        "recall": correct / gold if gold else None,
        "f1": 2 * correct / (predicted + gold) if predicted + gold else None,
    }


def _count_tokens(gold: TagLists, predicted: TagLists) -> Counts:
    """Correct, predicted and gold characters; `B-x` and `I-x` count for x together."""
    pairs = zip(chain(*gold), chain(*predicted), strict=True)
    counts: Counts = (Counter(), Counter(), Counter())
    tags = (tag for tag, other in pairs if tag == other), chain(*predicted), chain(*gold)
    for counter, each in zip(counts, tags, strict=True):
        for tag, count in Counter(each).items():
            counter.update({split_tag(tag)[1]: count} if tag != OUTSIDE else {})
    return counts


def _count_entities(gold: TagLists, predicted: TagLists, strict: bool) -> Counts:
    """Correct, predicted and gold entities."""
    counts: Counts = (Counter(), Counter(), Counter())
    for gold_tags, predicted_tags in zip(gold, predicted, strict=True):
        expected, found = set(tags_to_spans(gold_tags, strict)), set(tags_to_spans(predicted_tags, strict))
        for counter, spans in zip(counts, (expected & found, found, expected), strict=True):
            counter.update(span.label for span in spans)
    return counts


def _score_counts(correct: int, predicted: int, gold: int) -> dict[str, float]:
    measures = {name: value or 0.0 for name, value in divide_counts(correct, predicted, gold).items()}
    return measures | {"correct": correct, "predicted": predicted, "gold": gold}
