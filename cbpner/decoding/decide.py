"""From scores per character to scored spans, sentence by sentence, and one decision a document and surface."""

from bisect import bisect_right
from collections import defaultdict

from cbpner.decoding.document_vote import agree_spans
from cbpner.decoding.probabilities import find_spans, score_spans
from cbpner.decoding.viterbi import cut_path
from cbpner.decoding.windows import find_paths
from cbpner.formats.document import Span, cut_span

MARGIN = 1e-9  # two spans of exactly a half may overlap; see `cbpner.decoding.probabilities.decode_spans`


def decide_spans(scores, labels, chain, decision) -> list[list[tuple]]:
    """[(start, end, label, score), ...] of each sentence, by start.

    scores: list of (characters, labels) float32, none empty. The score is the span's probability under the chain, at
    the decision's temperature, whatever decoded it.
    """
    if decision.decode == "spans":
        found = find_spans(scores, chain, decision.span_threshold + MARGIN)
    else:
        found = [cut_path(path) if path.any() else [] for path in decode_paths(scores, chain, decision.decode)]
    values = score_spans(scores, found, chain, decision.temperature)
    return [
        [(*span[:2], labels.tags[span[2]][2:], float(value)) for span, value in zip(row, own, strict=True)]
        for row, own in zip(found, values, strict=True)
    ]


def decode_paths(scores, chain, decoder):
    """The tag numbers of each sentence."""
    if decoder == "greedy":
        return [row.argmax(axis=-1) for row in scores]
    return find_paths(scores, chain.moves, chain.end)


def agree_document(text, spans, sentences, share, sure=None) -> list[Span]:
    """The document's spans after the vote of `cbpner.decoding.document_vote.agree_spans`, in order.

    sentences: (start, end) of each one, in order; no span crosses their borders. A span that was there keeps its score;
    one that the vote made, or whose label it changed, has the mean score of the spans that voted for it. sure: of each
    span, whether the tagger was sure of it, or None where the vote does not ask.
    """
    starts, rows, voters = [start for start, _ in sentences], [[] for _ in sentences], defaultdict(list)
    flags = None if sure is None else [[] for _ in sentences]
    for place, (start, end, label, surface, score) in enumerate(spans):
        number = bisect_right(starts, start) - 1
        rows[number].append((start - starts[number], end - starts[number], label))
        if flags is not None:
            flags[number].append(sure[place])
        voters[surface, label].append(score)
    own = {span[:3]: span.score for span in spans}
    means = {key: sum(values) / len(values) for key, values in voters.items()}
    agreed = []
    texts = [text[slice(*each)] for each in sentences]
    for base, row in zip(starts, agree_spans(texts, rows, share, flags), strict=True):
        for start, end, label in row:
            span = cut_span(text, base + start, base + end, label)
            score = own[span[:3]] if span[:3] in own else means[span.text, label]
            agreed.append(span._replace(score=score))
    return agreed
