"""How far a tagger's scores can be trusted, and the temperature that makes them as good as they can be.

Temperature scaling (Guo, Pleiss, Sun and Weinberger, ICML 2017) of spans: all scores of tags are divided by one number,
chosen so that "this span is in the gold" has the least log loss over the spans that the tagger found in texts that it
had not learnt from. Which spans those are does not depend on it.
"""

from typing import NamedTuple

import numpy as np

from cbpner.decoding.probabilities import score_spans
from cbpner.text.labels import tags_to_spans
from cbpner.text.splits import group_neighbours

RANGE = (0.1, 10.0)  # of temperatures
BINS = 10
SMALLEST = 1e-6  # the probability that a span which was thought impossible, or sure, counts with in the log loss


class Found(NamedTuple):
    """The spans of sentences that have any.

    scores: (characters, labels) of each sentence. spans: (start, end, number of the tag `B-`) of each. correct: bool,
    one array a sentence: whether the gold has a span just there, of that type.
    """

    scores: list
    spans: list
    correct: list


def collect_found(tagger, sentences) -> Found:
    """What a `cbpner.prediction.tagger.Tagger` finds in gold sentences, without one decision a patent and surface."""
    groups = group_neighbours(sentences, tagger.decision.context - 2)
    rows = tagger.score_sentences([tuple(sentence.chars for sentence in group) for group in groups])
    found, begins = Found([], [], []), {label: tagger.labels.tag_to_id[f"B-{label}"] for label in tagger.labels.types}
    decoded = tagger.decode_spans(rows)
    for sentence, row, spans in zip((own for group in groups for own in group), rows, decoded, strict=True):
        if spans:
            gold = {tuple(span) for span in tags_to_spans(sentence.tags, strict=True)}
            found.scores.append(row)
            found.spans.append([(start, end, begins[label]) for start, end, label, _ in spans])
            found.correct.append(np.array([(start, end, label) in gold for start, end, label, _ in spans]))
    return found


def join_found(parts) -> Found:
    return Found(*([row for part in parts for row in part[place]] for place in range(3)))


def score_found(found, chain, temperature=1.0):
    """(all spans,) their probabilities at a temperature."""
    return np.concatenate(score_spans(found.scores, found.spans, chain, temperature))


def fit_temperature(found, chain) -> float:
    """The temperature of the least log loss within RANGE; ValueError without a right and a wrong span."""
    from scipy.optimize import minimize_scalar

    correct = np.concatenate(found.correct) if found.correct else np.zeros(0, dtype=bool)
    if correct.all() or not correct.any():
        raise ValueError(
            f"found {len(correct)} spans of which {correct.sum()} are right; expected right and wrong ones"
        )

    def measure(log):
        return log_loss(score_found(found, chain, np.exp(log)), correct)

    return float(np.exp(minimize_scalar(measure, bounds=np.log(RANGE), method="bounded").x))


def log_loss(scores, correct) -> float:
    scores = np.clip(scores, SMALLEST, 1 - SMALLEST)
    return float(-np.where(correct, np.log(scores), np.log1p(-scores)).mean())


def tabulate(scores, correct, bins=BINS) -> list[dict]:
    """A row for each of so many equal ranges of scores that has a span: low, high, spans, score (their mean), right."""
    places = np.minimum((np.asarray(scores) * bins).astype(int), bins - 1)
    rows = []
    for place in range(bins):
        own = places == place
        if own.any():
            rows.append(
                {"low": place / bins, "high": (place + 1) / bins, "spans": int(own.sum()),
                 "score": float(scores[own].mean()), "right": float(correct[own].mean())}
            )  # fmt: skip
    return rows


def calibration_error(rows) -> float:
    """The expected calibration error of `tabulate`'s rows: the mean distance of score and share of right spans."""
    total = sum(row["spans"] for row in rows)
    return sum(row["spans"] * abs(row["score"] - row["right"]) for row in rows) / total
