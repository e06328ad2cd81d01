"""Precision, recall and F1 at three levels that are never mixed: token, entity lenient, entity strict.

* `token`: a character is right when its tag is not O and equals the gold tag. This is the score that the original's
  supervised method prints, but 0 where it is undefined (the original printed 1).
* `entity_lenient`: whole entities, borders and type, by the rule of conlleval, seqeval's default mode.
* `entity_strict`: whole entities as seqeval counts them with `mode="strict", scheme=IOB2`.

The counts come from `cbpner.text.labels.tags_to_spans`, the one place that turns tags into spans, and not from seqeval:
seqeval returns scores without the counts behind them. The tests hold both modes equal to seqeval's on random tags.
"""

from collections import Counter
from itertools import chain

from cbpner.text.labels import split_tag, tags_to_spans

LEVELS = ("token", "entity_lenient", "entity_strict")
MEASURES = ("precision", "recall", "f1")
COUNTS = ("correct", "predicted", "gold")


def score(gold, predicted):
    """Scores of predicted tags against gold tags, both a list of sentences, each a sequence of BIO tags.

    Returns `{level: {"overall": S, "types": {type: S}}}` for each of LEVELS, with S a dict of MEASURES (0.0 where
    undefined) and COUNTS; overall is the micro average. Every type that either side's tags name is listed, sorted by
    name. Strict counts leave out a gold mention that begins with an orphan `I-`; lenient counts hold it.

    Raises ValueError where the two sides differ in length or a tag is not BIO.
    """
    _check_lengths(gold, predicted)
    types = sorted({split_tag(tag)[1] for tag in set(chain(*gold, *predicted))} - {""})
    counts = {
        "token": _count_tokens(gold, predicted),
        "entity_lenient": _count_entities(gold, predicted, strict=False),
        "entity_strict": _count_entities(gold, predicted, strict=True),
    }
    return {level: _score_level(*counts[level], types) for level in LEVELS}


def divide_counts(correct, predicted, gold):
    """MEASURES of counts, None where one is undefined: nothing predicted, no gold, or neither of them.

    `score` has 0.0 there, as seqeval does, and the metrics.json of runs with it; what is built on top says so.
    """
    return {
        "precision": correct / predicted if predicted else None,
        "recall": correct / gold if gold else None,
        "f1": 2 * correct / (predicted + gold) if predicted + gold else None,
    }


def _check_lengths(gold, predicted):
    if len(gold) != len(predicted):
        raise ValueError(f"expected {len(gold)} predicted sentences, as many as gold ones, got {len(predicted)}")
    for number, (expected, got) in enumerate(zip(gold, predicted, strict=True), start=1):
        if len(expected) != len(got):
            raise ValueError(f"sentence {number}: expected {len(expected)} predicted tags, got {len(got)}")


def _count_tokens(gold, predicted):
    """Correct, predicted and gold characters, each a Counter by type; `B-x` and `I-x` count for x together."""
    pairs = zip(chain(*gold), chain(*predicted), strict=True)
    by_tag = (Counter(tag for tag, other in pairs if tag == other), Counter(chain(*predicted)), Counter(chain(*gold)))
    return tuple(map(_merge_prefixes, by_tag))


def _merge_prefixes(tag_counts):
    merged = Counter()
    for tag, count in tag_counts.items():
        label = split_tag(tag)[1]
        if label:
            merged[label] += count
    return merged


def _count_entities(gold, predicted, strict):
    """Correct, predicted and gold entities, each a Counter by type."""
    correct, found, expected = Counter(), Counter(), Counter()
    for gold_tags, predicted_tags in zip(gold, predicted, strict=True):
        gold_spans = set(tags_to_spans(gold_tags, strict))
        predicted_spans = set(tags_to_spans(predicted_tags, strict))
        correct.update(span.label for span in gold_spans & predicted_spans)
        found.update(span.label for span in predicted_spans)
        expected.update(span.label for span in gold_spans)
    return correct, found, expected


def _score_level(correct, predicted, gold, types):
    return {
        "overall": _score_counts(correct.total(), predicted.total(), gold.total()),
        "types": {label: _score_counts(correct[label], predicted[label], gold[label]) for label in types},
    }


def _score_counts(correct, predicted, gold):
    return {
        "precision": correct / predicted if predicted else 0.0,
        "recall": correct / gold if gold else 0.0,
        "f1": 2 * correct / (predicted + gold) if correct else 0.0,
        "correct": correct,
        "predicted": predicted,
        "gold": gold,
    }
