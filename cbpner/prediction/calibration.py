"""Calibration: how far a tagger's scores can be trusted, and the temperature that fits them best.

Temperature scaling (Guo, Pleiss, Sun and Weinberger, ICML 2017) of spans: all scores of tags are divided by one number,
chosen so that "this span is in the gold" has the least log loss over the spans that the tagger found in texts that it
had not learnt from. Which spans those are does not depend on it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cbpner.base.errors import InputError
from cbpner.base.files import write_json
from cbpner.decoding.decision import KEY, read_decision
from cbpner.decoding.probabilities import Chain, NumberedSpan, score_spans
from cbpner.prediction.model_folder import read_model_config
from cbpner.prediction.tagger import Tagger
from cbpner.runs import folder as runs
from cbpner.text.bio import Sentence, read_bio
from cbpner.text.labels import tags_to_spans

RANGE = (0.1, 10.0)  # of temperatures
SMALLEST = 1e-6  # probabilities are clipped to this distance from 0 and 1 in the log loss


class Found(NamedTuple):
    """The spans of sentences that have any, by sentence."""

    scores: list[np.ndarray]  # (characters, labels)
    spans: list[list[NumberedSpan]]  # (start, end, number of the tag `B-`)
    correct: list[np.ndarray]  # bool: whether the gold has a span just there, of that type


def calibrate(folders: Sequence[Path], part: str, data_dir: str | None = None) -> dict[str, Any]:
    """Fit one temperature to the spans that runs' models find in their own texts.

    folders: of finished runs with their models. part: `dev` or `test`. data_dir: where the data files are now.
    Gives `temperature`, `spans`, `right`, `runs`, `part`; `before` and `after` with log loss, calibration error, table.
    """
    found = Found([], [], [])
    chain: Any = None
    for folder in folders:
        config, tagger = runs.read_config(folder), Tagger.from_pretrained(folder, vote_share=0.0)
        if chain and not all(map(np.array_equal, chain, tagger.backend.chain)):
            raise InputError(f"{folder}: found a CRF or types of its own; expected one run, or runs of one linear head")
        chain = tagger.backend.chain
        path = runs.find_data(config, part, data_dir, folder)
        orphans = config["flags"].get("orphans", "keep")
        collect_found(tagger, read_bio(path, tagger.labels, orphans), found)
    correct = np.concatenate(found.correct) if found.correct else np.zeros(0, dtype=bool)
    if correct.all() or not correct.any():
        spans = f"{correct.sum()} correct spans of {len(correct)}"
        raise InputError(f"{', '.join(map(str, folders))}: found {spans}; expected correct and wrong ones")
    temperature = round(fit_temperature(found, chain), 3)
    content: dict[str, Any] = {"temperature": temperature, "spans": len(correct), "right": int(correct.sum())}
    for name, value in (("before", 1.0), ("after", temperature)):
        scores = score_found(found, chain, value)
        rows = tabulate(scores, correct)
        content[name] = {"log_loss": log_loss(scores, correct), "error": calibration_error(rows), "table": rows}
    return content | {"runs": len(folders), "part": part}


def collect_found(tagger: Tagger, sentences: Sequence[Sentence], found: Found) -> None:
    """Add what a tagger finds in gold sentences, before the document vote."""
    texts = [sentence.chars for sentence in sentences]
    rows = tagger.score_sentences(texts)
    begins = {label: tagger.labels.tag_to_id[f"B-{label}"] for label in tagger.labels.types}
    for sentence, row, spans in zip(sentences, rows, tagger.decode_spans(texts, rows), strict=True):
        if spans:
            gold = {tuple(span) for span in tags_to_spans(sentence.tags, strict=True)}
            found.scores.append(row)
            found.spans.append([(start, end, begins[label]) for start, end, label, *_ in spans])
            found.correct.append(np.array([(start, end, label) in gold for start, end, label, _ in spans]))


def score_found(found: Found, chain: Chain, temperature: float = 1.0) -> np.ndarray:
    """(all spans,) their probabilities at a temperature."""
    return np.concatenate(score_spans(found.scores, found.spans, chain, temperature))


def fit_temperature(found: Found, chain: Chain) -> float:
    """The temperature of the least log loss within RANGE."""
    from scipy.optimize import minimize_scalar

    correct = np.concatenate(found.correct)
    best = minimize_scalar(
        lambda log: log_loss(score_found(found, chain, np.exp(log)), correct), bounds=np.log(RANGE), method="bounded"
    )
    return float(np.exp(best.x))


def log_loss(scores: np.ndarray, correct: np.ndarray) -> float:
    scores = np.clip(scores, SMALLEST, 1 - SMALLEST)
    return float(-np.where(correct, np.log(scores), np.log1p(-scores)).mean())


def tabulate(scores: np.ndarray, correct: np.ndarray, bins: int = 10) -> list[dict[str, Any]]:
    """A row for each of `bins` equal ranges of scores that has a span: low, high, spans, mean score, share right."""
    places = np.minimum((np.asarray(scores) * bins).astype(int), bins - 1)
    return [
        {"low": place / bins, "high": (place + 1) / bins, "spans": int(own.sum()),
         "score": float(scores[own].mean()), "right": float(correct[own].mean())}
        for place in range(bins) if (own := places == place).any()
    ]  # fmt: skip


def calibration_error(rows: Sequence[dict[str, Any]]) -> float:
    """The expected calibration error of `tabulate`'s rows: the mean distance of score and share of right spans."""
    return sum(row["spans"] * abs(row["score"] - row["right"]) for row in rows) / sum(row["spans"] for row in rows)


def write_temperature(folder: Path, temperature: float) -> None:
    """Put the temperature into a model's config.json, beside how it decodes."""
    config = read_model_config(folder)
    read_decision(config, folder / "config.json")
    config[KEY] = config.get(KEY, {}) | {"temperature": temperature}
    write_json(folder / "config.json", config)
