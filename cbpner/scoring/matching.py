"""Which predicted span answers which gold span, what kind of error that is, and partial credit for it.

A gold span and a predicted span that share a character may be a pair; a span is in one pair at most. The kinds:

* `correct`: boundaries and type are right;
* `type`: boundaries right, another type;
* `boundary`: type right, other boundaries;
* `boundary+type`: they overlap and nothing more;
* `missed`, `spurious`: a gold span, a predicted span that is left over.

Partial credit is that of SemEval-2013 task 9.1 (Segura-Bedmar, Martínez and Herrero-Zazo, 2013), with counts of MUC-5
(Chinchor and Sundheim, 1993): four schemes that judge the same pairs; `strict` asks for what `cbpner.scoring.metrics`
calls lenient. Pairs are one to one, so that `possible` is the number of gold spans and `actual` that of predicted ones.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any, NamedTuple

from cbpner.scoring.metrics import divide_counts
from cbpner.text.labels import TagSpan

KINDS = ("correct", "type", "boundary", "boundary+type", "missed", "spurious")
JUDGEMENTS = ("correct", "incorrect", "partial", "missed", "spurious")
SCHEMES = {
    # scheme: what it makes of correct, type, boundary, boundary+type, missed, spurious
    "strict": ("correct", "incorrect", "incorrect", "incorrect", "missed", "spurious"),
    "exact": ("correct", "correct", "incorrect", "incorrect", "missed", "spurious"),
    "partial": ("correct", "correct", "partial", "partial", "missed", "spurious"),
    "type": ("correct", "incorrect", "correct", "incorrect", "missed", "spurious"),
}


class Pair(NamedTuple):
    """A gold span, the predicted span that answers it (one of them may be None), and one of KINDS."""

    gold: TagSpan | None
    predicted: TagSpan | None
    kind: str


def pair_spans(gold: Iterable[TagSpan], predicted: Iterable[TagSpan]) -> list[Pair]:
    """The pairs of one sentence's spans, in the order of the text; both sides are taken as sets.

    Greedy, best pairs first: by kind in the order of KINDS, then by the number of shared characters, then by the
    shorter stretch that both cover, then from left to right. What order the spans are handed in makes no difference.
    """
    gold, predicted = sorted(set(gold)), sorted(set(predicted))
    candidates = sorted(
        (_rank_pair(expected, found), expected, found) for expected, found in product(gold, predicted)
        if expected.start < found.end and found.start < expected.end
    )  # fmt: skip
    answers, taken = dict[TagSpan, Pair](), set[TagSpan]()
    for (kind, *_), expected, found in candidates:
        if expected not in answers and found not in taken:
            answers[expected] = Pair(expected, found, KINDS[kind])
            taken.add(found)
    pairs = [answers.get(span) or Pair(span, None, "missed") for span in gold]
    pairs += [Pair(None, span, "spurious") for span in predicted if span not in taken]
    return sorted(pairs, key=lambda pair: pair.gold or pair.predicted or ())


def score_partial(kinds: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """{scheme of SCHEMES: JUDGEMENTS, `possible`, `actual`, `precision`, `recall`, `f1`} of counted KINDS.

    kinds: {kind: count}; what is not there is 0. A partial judgement is worth half a correct one. None where undefined.
    """
    scores = {}
    for scheme, judgements in SCHEMES.items():
        counts = Counter(dict.fromkeys(JUDGEMENTS, 0))
        for kind, judgement in zip(KINDS, judgements, strict=True):
            counts[judgement] += int(kinds.get(kind, 0))
        paired = counts["correct"] + counts["incorrect"] + counts["partial"]
        possible, actual = paired + counts["missed"], paired + counts["spurious"]
        measures = divide_counts(counts["correct"] + counts["partial"] / 2, actual, possible)
        scores[scheme] = dict(counts) | {"possible": possible, "actual": actual} | measures
    return scores


def _rank_pair(gold: TagSpan, predicted: TagSpan) -> tuple[int, int, int]:
    """The sort key of overlapping spans, best first: (place in KINDS, minus shared characters, covered ones)."""
    kind = 2 * (gold[:2] != predicted[:2]) + (gold.label != predicted.label)
    shared = min(gold.end, predicted.end) - max(gold.start, predicted.start)
    return kind, -shared, max(gold.end, predicted.end) - min(gold.start, predicted.start)
