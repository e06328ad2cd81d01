"""Precision, recall and F1 at three levels that are never mixed: token, entity lenient, entity strict.

* `token`: a character is right when its tag is not O and equals the gold tag. This is the score that the original's
  supervised method prints, but 0 where it is undefined (the original printed 1).
* `entity_lenient`: whole entities, boundaries and type, by the rule of conlleval, seqeval's default mode.
* `entity_strict`: whole entities as seqeval counts them with `mode="strict", scheme=IOB2`.

The entity measures of a run's metrics.json are those of seqeval itself (`score_by_seqeval`). Our own counts serve what
seqeval lacks, the token level, partial credit and intervals by resampling, and score each epoch. Tests hold both equal.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import Any

from cbpner.text.labels import OUTSIDE, split_tag, tags_to_spans

LEVELS = ("token", "entity_lenient", "entity_strict")
MEASURES = ("precision", "recall", "f1")
COUNTS = ("correct", "predicted", "gold")

TagLists = Sequence[Sequence[str]]


def score(gold: TagLists, predicted: TagLists) -> dict[str, dict[str, Any]]:
    """Scores of predicted tags against gold tags, both a list of sentences, each a sequence of BIO tags.

    `{level: {"overall": S, "types": {type: S}}}` for each of LEVELS, with S a dict of MEASURES (0.0 where undefined)
    and COUNTS; overall is the micro average. Every type that either side's tags name is listed, sorted by name. Strict
    counts leave out a gold mention that begins with an orphan `I-`; lenient counts include it. ValueError where the two
    sides differ in length, or a tag is not BIO.
    """
    if len(gold) != len(predicted):
        raise ValueError(f"expected {len(gold)} predicted sentences, as many as gold ones, got {len(predicted)}")
    for number, (expected, got) in enumerate(zip(gold, predicted, strict=True), start=1):
        if len(expected) != len(got):
            raise ValueError(f"sentence {number}: expected {len(expected)} predicted tags, got {len(got)}")
    types = sorted({split_tag(tag)[1] for tag in set(chain(*gold, *predicted))} - {""})
    scores: dict[str, dict[str, Any]] = {}
    for level in LEVELS:
        items = [[(number, *item) for number, tags in enumerate(side) for item in read_items(tags, level)]
                 for side in (gold, predicted)]  # fmt: skip
        counts = count_items(*items)
        by_type = {label: _score_counts(*(each[label] for each in counts)) for label in types}
        scores[level] = {"overall": _score_counts(*(each.total() for each in counts)), "types": by_type}
    return scores


def score_by_seqeval(gold: TagLists, predicted: TagLists) -> dict[str, dict[str, Any]]:
    """`score`, with the MEASURES of both entity levels as seqeval's classification report gives them."""
    from seqeval.metrics import classification_report  # takes a second: it imports scikit-learn
    from seqeval.scheme import IOB2

    scores, sides = score(gold, predicted), [[list(tags) for tags in side] for side in (gold, predicted)]
    for level, mode in (("entity_lenient", {}), ("entity_strict", {"mode": "strict", "scheme": IOB2})):
        overall, report = scores[level]["overall"], {}
        if overall["gold"] or overall["predicted"]:  # else seqeval warns of means over nothing
            report = classification_report(*sides, output_dict=True, zero_division=0, **mode)
        for label, values in {"micro avg": overall, **scores[level]["types"]}.items():
            values |= zip(MEASURES, map(float, report.get(label, {}).values()), strict=False)
    return scores


def read_items(tags: Sequence[str], level: str) -> Collection[tuple[Any, ...]]:
    """What counts in one sentence at a level, each with its type last: (place, tag, type) of characters, or spans."""
    if level == "token":
        return [(place, tag, split_tag(tag)[1]) for place, tag in enumerate(tags) if tag != OUTSIDE]
    return tags_to_spans(tags, level == "entity_strict")


def count_items(gold: Iterable[tuple[Any, ...]], predicted: Iterable[tuple[Any, ...]]) -> list[Counter[str]]:
    """COUNTS by type."""
    expected, found = set(gold), set(predicted)
    return [Counter(item[-1] for item in items) for items in (expected & found, found, expected)]


def divide_counts(correct: float, predicted: float, gold: float) -> dict[str, float | None]:
    """MEASURES of counts, None where one is undefined: nothing predicted, no gold, or neither of them.

    `score` has 0.0 there, as seqeval does, and so have the metrics.json of runs.
    """
    return {
        "precision": correct / predicted if predicted else None,
        "recall": correct / gold if gold else None,
        "f1": 2 * correct / (predicted + gold) if predicted + gold else None,
    }


def _score_counts(correct: int, predicted: int, gold: int) -> dict[str, float]:
    measures = {name: value or 0.0 for name, value in divide_counts(correct, predicted, gold).items()}
    return measures | dict(zip(COUNTS, (correct, predicted, gold), strict=True))
