"""A vote over a document: a surface that is mostly tagged in a patent is tagged at all of its occurrences.

Annotators keep one reading of a name within a patent; a tagger that reads sentence by sentence does not. In the manner
of the label consistency of Krishnan and Manning (ACL 2006), as a vote over the tagger's own spans in place of a second
tagger. A surface is the text of a span.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

MIN_SURFACE = 2  # characters; a single one is part of too many words
PREFIX = 2  # characters by which surfaces are looked up


class ScoredSpan(NamedTuple):
    """A span of a sentence; score: its probability."""

    start: int
    end: int
    label: str
    score: float


def vote_spans(texts: Sequence[str], spans: Sequence[Sequence[ScoredSpan]], share: float) -> list[list[ScoredSpan]]:
    """The spans of one document's sentences after the vote.

    A surface occurs where it is a span, or lies free of spans and not inside a Latin word or number. Where at least
    `share` of its occurrences are spans, all become spans of its most frequent label, longer surfaces first; else none
    stays a span. Single characters stay as they are. A span that keeps its label keeps its score; any other has the
    mean score of the spans that voted for its label.

    Args:
        texts: the sentences.
        spans: of each sentence, without overlaps.
        share: above 0, at most 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"expected a share above 0 and of at most 1, got {share}")
    votes: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))  # scores by surface and label
    for text, row in zip(texts, spans, strict=True):
        for span in sorted(row):
            if span.end - span.start >= MIN_SURFACE:
                votes[text[span.start : span.end]][span.label].append(span.score)
    lengths = index_lengths(votes)
    places = [find_occurrences(text, votes, lengths) for text in texts]
    free: Counter[str] = Counter()
    for text, row, found in zip(texts, spans, places, strict=True):
        taken = mark_taken(text, row)
        free.update(text[start:end] for start, end in found if not any(taken[start:end]))
    chosen = {}
    for surface, labels in votes.items():
        tagged = sum(map(len, labels.values()))
        if tagged >= share * (tagged + free[surface]):
            label, scores = max(labels.items(), key=lambda item: len(item[1]))
            chosen[surface] = label, sum(scores) / len(scores)
    lost = votes.keys() - chosen.keys()
    settled = []
    for text, row, found in zip(texts, spans, places, strict=True):
        kept = [span for span in row if text[span.start : span.end] not in lost]
        settled.append(apply_vote(text, kept, found, chosen))
    return settled


def apply_vote(
    text: str, spans: Sequence[ScoredSpan], places: Sequence[tuple[int, int]], chosen: Mapping[str, tuple[str, float]]
) -> list[ScoredSpan]:
    """A sentence's spans with the chosen labels, and spans at the free occurrences of chosen surfaces.

    Args:
        places: (start, end) of the occurrences of surfaces.
        chosen: {surface: (label, score)}.
    """
    taken, settled = mark_taken(text, spans), []
    for span in spans:
        label, score = chosen.get(text[span.start : span.end], span[2:])
        settled.append(span if label == span.label else span._replace(label=label, score=score))
    for start, end in sorted(places, key=lambda place: (place[0] - place[1], place[0])):
        if text[start:end] in chosen and not any(taken[start:end]):
            settled.append(ScoredSpan(start, end, *chosen[text[start:end]]))
            taken[start:end] = b"\1" * (end - start)
    return sorted(settled)


def mark_taken(text: str, spans: Sequence[ScoredSpan]) -> bytearray:
    """A byte a character: 1 inside a span."""
    taken = bytearray(len(text))
    for start, end, *_ in spans:
        taken[start:end] = b"\1" * (end - start)
    return taken


def index_lengths(surfaces: Collection[str]) -> dict[str, list[int]]:
    """{first PREFIX characters: lengths of the surfaces that begin with them}; each surface has at least so many."""
    lengths: dict[str, set[int]] = defaultdict(set)
    for surface in surfaces:
        lengths[surface[:PREFIX]].add(len(surface))
    return {prefix: sorted(own) for prefix, own in lengths.items()}


def find_occurrences(
    text: str, surfaces: Collection[str], lengths: Mapping[str, Sequence[int]]
) -> list[tuple[int, int]]:
    """(start, end) of every occurrence of the surfaces as whole words; lengths: see `index_lengths`."""
    return [
        (start, start + length)
        for start in range(len(text) - PREFIX + 1)
        for length in lengths.get(text[start : start + PREFIX], ())
        if start + length <= len(text)
        and text[start : start + length] in surfaces
        and is_whole_word(text, start, start + length)
    ]


def is_whole_word(text: str, start: int, end: int) -> bool:
    """Whether no Latin word or number continues over either end of a stretch (as over those of `AR` in `PARP`)."""

    def continues(before: str, after: str) -> bool:
        return all(char.isascii() and char.isalnum() for char in (before, after))

    return not (continues(text[start - 1 : start], text[start]) or continues(text[end - 1], text[end : end + 1]))
