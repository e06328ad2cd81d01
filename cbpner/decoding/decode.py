"""The decoding path: scores of sentences to scored spans (`decode_spans`), scores of documents to tags."""

from collections.abc import Sequence

import numpy as np

from cbpner.decoding.decision import Decision
from cbpner.decoding.document_vote import ScoredSpan, vote_spans
from cbpner.decoding.probabilities import Chain, find_likely_spans, score_spans
from cbpner.decoding.viterbi import cut_path, viterbi
from cbpner.text.labels import LabelSet, TagSpan, spans_to_tags

MARGIN = 1e-9  # of two overlapping spans with a probability of exactly 0.5 neither is kept


def decode_spans(
    scores: Sequence[np.ndarray], labels: LabelSet, chain: Chain, decision: Decision
) -> list[list[ScoredSpan]]:
    """The spans of each sentence, by start, scored with their probability under the chain and the temperature.

    scores: (characters, labels) float32 of each sentence.
    """
    if decision.decoder == "spans":
        found = find_likely_spans(scores, chain, decision.min_span_probability + MARGIN)
    else:
        found = [cut_path(path) if path.any() else [] for path in _find_paths(scores, chain, decision.decoder)]
    values = score_spans(scores, found, chain, decision.temperature)
    return [
        [
            ScoredSpan(start, end, labels.tags[tag][2:], float(value))
            for (start, end, tag), value in zip(row, own, strict=True)
        ]
        for row, own in zip(found, values, strict=True)
    ]


def decode_documents(
    documents: Sequence[Sequence[str]], scores: Sequence[np.ndarray], labels: LabelSet, chain: Chain, decision: Decision
) -> list[list[str]]:
    """The tags of each sentence of all documents, in order; scores: (characters, labels) float32 of each sentence."""
    if decision.decoder != "spans" and not decision.vote_share:  # greedy tags may break the grammar, and stay so
        return [[labels.tags[tag] for tag in path] for path in _find_paths(scores, chain, decision.decoder)]
    decoded, tags = iter(decode_spans(scores, labels, chain, decision)), []
    for texts in documents:
        rows = [next(decoded) for _ in texts]
        if decision.vote_share:
            rows = vote_spans(texts, rows, decision.vote_share)
        for text, row in zip(texts, rows, strict=True):
            tags.append(spans_to_tags([TagSpan(*span[:3]) for span in row], len(text)))
    return tags


def _find_paths(scores: Sequence[np.ndarray], chain: Chain, decoder: str) -> list[np.ndarray]:
    """The tag numbers of each sentence by `viterbi` or by `greedy`."""
    return [row.argmax(axis=-1) for row in scores] if decoder == "greedy" else viterbi(scores, *chain)
