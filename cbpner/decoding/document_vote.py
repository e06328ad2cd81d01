"""A vote over a document: a surface that is mostly tagged in a patent is tagged at all of its occurrences.

Annotators keep one reading of a name within a patent; a tagger that reads sentence by sentence does not. In the manner
of the label consistency of Krishnan and Manning (ACL 2006), as a vote over the tagger's own spans in place of a second
tagger. A surface is the text of a span.
"""

import re
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from cbpner.decoding.conventions import find_abbreviations, find_known, find_listed, find_others, find_type, read_others

MIN_SURFACE = 2  # characters; a single one is part of too many words
# letters (Latin, Greek, Cyrillic, Roman numerals) and digits, also full-width, raised or lowered: signs end a word
INSIDE = re.compile("[0-9A-Za-z０-９Ａ-Ｚａ-ｚµÀ-ÖØ-öø-ɏ\u0370-\u04ff\u1f00-\u1fff²³¹⁰ⁱ⁴-⁹ⁿ₀-₉ₐ-ₜⅠ-ⅿ]{2}")


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
    stays a span. One that keeps its label keeps its score; any other has the mean score of those that voted for its
    label. After the vote members of enumerations and abbreviations are settled. texts: the sentences, without line
    breaks. spans: of each, without overlaps. share: above 0, at most 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"expected a share above 0 and of at most 1, got {share}")
    text, firsts = "\n".join(texts), [0, *accumulate(len(text) + 1 for text in texts)][:-1]
    labels = {span.label for row in spans for span in row}
    known = find_known(text, find_occurrences(text, read_others()))
    found = list(type_spans(text, zip(firsts, spans, strict=True), known))
    votes: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))  # scores by surface and label
    for start, end, label, score in found:
        votes[text[start:end]][label].append(score)
    taken = {place for span in found for place in range(span.start, span.end)}
    places = find_occurrences(text, votes)
    free = Counter(text[start:end] for start, end in places if taken.isdisjoint(range(start, end)))
    for name in find_others(text, places, known):
        del votes[name]
    chosen = choose_labels(votes, free, share)
    settled = settle([span for span in found if text[span.start : span.end] in chosen], text, chosen)
    told = find_abbreviations(text, {span.end: span[2:] for span in settled})
    told |= find_listed(text, {span[:2]: span[2:] for span in settled})
    settled = settle(settled, text, {name: entry for name, entry in told.items() if not entry or entry[0] in labels})
    rows: list[list[ScoredSpan]] = [[] for _ in texts]
    for span in sorted(settled):
        number = bisect(firsts, span.start) - 1
        rows[number].append(span._replace(start=span.start - firsts[number], end=span.end - firsts[number]))
    return rows


def type_spans(text: str, rows: Iterable[tuple[int, Sequence[ScoredSpan]]], known: set[int]) -> Iterator[ScoredSpan]:
    """Yield the spans with their types (`conventions`) and places in the document, without those that cannot be one.

    These are single characters, parts of other known names (their places: `known`), and what overlaps the span before
    it. rows: (start, its spans) of each sentence.
    """
    spans = [
        span._replace(start=span.start + first, end=span.end + first) for first, row in rows for span in sorted(row)
    ]
    labels, last = {span.label for span in spans}, 0
    for span in spans:
        start, end = span[:2]
        if end - start >= MIN_SURFACE and last <= start and not {start, end - 1} <= known:
            label, last = find_type(text[start:end], span.label), end
            yield span._replace(label=label if label in labels else span.label)


def settle(spans: Iterable[ScoredSpan], text: str, chosen: Mapping[str, tuple[str, float] | None]) -> list[ScoredSpan]:
    """The spans with the labels of the surfaces in `chosen`, and these surfaces' free places, the longest first.

    A surface for which `chosen` has None is no span.
    """
    settled = [
        span if told[0] == span.label else ScoredSpan(*span[:2], *told)
        for span in spans
        if (told := chosen.get(text[span.start : span.end], span[2:]))
    ]
    taken = {place for span in settled for place in range(span.start, span.end)}
    for start, end in sorted(find_occurrences(text, chosen), key=lambda place: (place[0] - place[1], place[0])):
        if (told := chosen[text[start:end]]) and taken.isdisjoint(range(start, end)):
            settled.append(ScoredSpan(start, end, *told))
            taken.update(range(start, end))
    return settled


def choose_labels(
    votes: Mapping[str, Mapping[str, Sequence[float]]], free: Mapping[str, int], share: float
) -> dict[str, tuple[str, float]]:
    """{surface: (most frequent label, its mean score)} of those with at least `share` of their occurrences tagged."""
    chosen = {}
    for surface, labels in votes.items():
        tagged = sum(map(len, labels.values()))
        if tagged >= share * (tagged + free.get(surface, 0)):
            label, scores = max(labels.items(), key=lambda item: len(item[1]))
            chosen[surface] = label, sum(scores) / len(scores)
    return chosen


def find_occurrences(text: str, surfaces: Collection[str]) -> list[tuple[int, int]]:
    """(start, end) of every occurrence of the surfaces as whole words; surfaces: of MIN_SURFACE characters or more."""
    lengths: dict[str, set[int]] = defaultdict(set)  # of the surfaces, by their first characters
    for surface in surfaces:
        lengths[surface[:MIN_SURFACE]].add(len(surface))
    return [
        (start, start + length)
        for start in range(len(text) - MIN_SURFACE + 1 if surfaces else 0)
        for length in sorted(lengths.get(text[start : start + MIN_SURFACE], ()))
        if start + length <= len(text)
        and text[start : start + length] in surfaces
        and is_whole_word(text, start, start + length)
    ]


def is_whole_word(text: str, start: int, end: int) -> bool:
    """Whether no word or number continues over an end of a stretch (as over those of `AR` in `PARP`, `TNF` in `TNFα`).

    A Greek letter, a full-width letter or digit, a small raised or lowered one continue a Latin word; signs do not, so
    that `CD4` is one in `CD4⁺` and `IL-1` in `IL-1/IL-6`.
    """
    return not any(INSIDE.fullmatch(text, max(place - 1, 0), place + 1) for place in (start, end))
