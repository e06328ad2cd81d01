"""The decoding path: scores of sentences to scored spans (`decode_spans`), scores of documents to tags."""

from collections.abc import Sequence

import numpy as np

from cbpner.decoding.conventions import trim_span
from cbpner.decoding.decision import Decision
from cbpner.decoding.document_vote import ScoredSpan, vote_spans
from cbpner.decoding.probabilities import Chain, find_likely_spans, score_spans
from cbpner.decoding.viterbi import cut_path, viterbi
from cbpner.text.labels import LabelSet, TagSpan, spans_to_tags

MARGIN = 1e-9  # of two overlapping spans with a probability of exactly 0.5 neither is kept
CANDIDATE = 0.15  # the least probability of a span that is added to those trimmed alike


def decode_spans(
    texts: Sequence[str], scores: Sequence[np.ndarray], labels: LabelSet, chain: Chain, decision: Decision
) -> list[list[ScoredSpan]]:
    """The spans of each sentence, by start, scored with their probability under the chain and the temperature.

    Before a vote they are trimmed (`conventions`), and the decoder `spans` adds up the probabilities of those trimmed
    alike: `EGFR基因` and `EGFR基因突变` both say that `EGFR基因` is a mention. So do its types, the likeliest of which
    it has: a mention that may as well be a gene as a protein is one.

    scores: (characters, labels) float32 of each sentence.
    """
    least = decision.min_span_probability + MARGIN if decision.decoder == "spans" else 0.0
    if decision.decoder == "spans":
        likely = find_likely_spans(scores, chain, min(least, CANDIDATE) if decision.vote_share else least)
    else:
        paths = _find_paths(scores, chain, decision.decoder)
        likely = [[(span, 1.0) for span in cut_path(path)] if path.any() else [] for path in paths]
    values = score_spans(scores, [[span for span, _ in row] for row in likely], chain, decision.temperature)
    rows: list[list[ScoredSpan]] = []
    for text, row, own in zip(texts, likely, values, strict=True):
        sums: dict[tuple[int, int], dict[str, np.ndarray]] = {}  # of probabilities, without and with temperature
        for ((start, end, tag), weight), value in zip(row, own.tolist(), strict=True):
            label = labels.tags[tag][2:]
            edges = trim_span(text, start, end, label) if decision.vote_share else (start, end)
            types = sums.setdefault(edges, {})
            types[label] = types.get(label, 0.0) + np.array([weight, value])
        rows.append([])
        for edges, types in sorted(sums.items()):
            if sum(weight for weight, _ in types.values()) >= least:
                label = max(types, key=lambda name: types[name][0])
                rows[-1].append(ScoredSpan(*edges, label, min(float(types[label][1]), 1.0)))
    return rows


def decode_documents(
    documents: Sequence[Sequence[str]], scores: Sequence[np.ndarray], labels: LabelSet, chain: Chain, decision: Decision
) -> list[list[str]]:
    """The tags of each sentence of all documents, in order; scores: (characters, labels) float32 of each sentence."""
    if decision.decoder != "spans" and not decision.vote_share:  # greedy tags may break the grammar, and stay so
        return [[labels.tags[tag] for tag in path] for path in _find_paths(scores, chain, decision.decoder)]
    sentences = [text for texts in documents for text in texts]
    decoded, tags = iter(decode_spans(sentences, scores, labels, chain, decision)), []
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
