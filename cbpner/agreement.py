"""One decision a document and surface: what is mostly tagged as a mention in a patent is one wherever it stands there.

Annotators keep to one reading of a name within a patent; a tagger that sees a sentence at a time does not. The surface
is what stands between a span's borders. In the manner of the label consistency of Krishnan and Manning (ACL 2006), but
as a vote over the first tagger's spans and not as a second tagger.
"""

from collections import Counter, defaultdict
from typing import NamedTuple

from cbpner.labels import Span, spans_to_tags, tags_to_spans

SHORTEST = 2  # characters; a single one stands in too many other words
KEY = 2  # characters by which surfaces are looked up


def agree_tags(texts, tags, share):
    """`agree_spans` for the tags of one document's sentences: lists of tags in, lists of tags out."""
    agreed = agree_spans(texts, [tags_to_spans(row) for row in tags], share)
    return [spans_to_tags(spans, len(text)) for spans, text in zip(agreed, texts, strict=True)]


def agree_spans(texts, spans, share):
    """The spans of one document's sentences after the vote.

    texts: the sentences. spans: of each sentence, without overlaps. A surface's places are where it stands in a
    sentence: as a span, or free of spans, and not inside a Latin word or number. Where at least `share` of them (above
    0, at most 1) are spans, all of them become spans of the surface's most frequent type, longer surfaces first;
    where fewer are, none stays. Surfaces of fewer than SHORTEST characters stay as they are.
    """
    if not 0 < share <= 1:
        raise ValueError(f"expected a share above 0 and of at most 1, got {share}")
    votes = count_votes(texts, spans)
    index = index_surfaces(votes)
    places = [find_places(text, index) for text in texts] if votes else []
    free = Counter(
        text[start:end]
        for text, row, found in zip(texts, spans, places, strict=False)
        for start, end in keep_free(found, row)
    )
    chosen = {
        surface: types.most_common(1)[0][0]
        for surface, types in votes.items()
        if types.total() >= share * (types.total() + free[surface])
    }
    return [
        settle_sentence(text, row, found, votes, chosen)
        for text, row, found in zip(texts, spans, places or [[]] * len(texts), strict=True)
    ]


def count_votes(texts, spans):
    """{surface: Counter of its spans' types} of all surfaces that are long enough, types in the order of the text."""
    votes = defaultdict(Counter)
    for text, row in zip(texts, spans, strict=True):
        for start, end, label in sorted(row):
            if end - start >= SHORTEST:
                votes[text[start:end]][label] += 1
    return votes


def settle_sentence(text, spans, places, votes, chosen):
    """One sentence's spans: those that stay, with their surface's type, and the chosen surfaces' free places."""
    kept, taken = [], bytearray(len(text))
    for start, end, label in spans:
        surface = text[start:end]
        if surface not in votes or surface in chosen:
            kept.append(Span(start, end, chosen.get(surface, label)))
            taken[start:end] = b"\1" * (end - start)
    new = [(start, end) for start, end in places if text[start:end] in chosen]
    for start, end in sorted(new, key=lambda place: (place[0] - place[1], place[0])):
        if not any(taken[start:end]):
            kept.append(Span(start, end, chosen[text[start:end]]))
            taken[start:end] = b"\1" * (end - start)
    return sorted(kept)


def keep_free(places, spans):
    """Those of the places (start, end) that share no character with a span."""
    taken = bytearray(max((end for _, end, *_ in [*places, *spans]), default=0))
    for start, end, *_ in spans:
        taken[start:end] = b"\1" * (end - start)
    return [(start, end) for start, end in places if not any(taken[start:end])]


class Index(NamedTuple):
    """Surfaces to be looked up. lengths: {first KEY characters: lengths of the surfaces that begin so}."""

    surfaces: frozenset
    lengths: dict


def index_surfaces(surfaces) -> Index:
    """Each surface has at least KEY characters."""
    surfaces, lengths = frozenset(surfaces), defaultdict(set)
    for surface in surfaces:
        lengths[surface[:KEY]].add(len(surface))
    return Index(surfaces, {key: sorted(own) for key, own in lengths.items()})


def find_places(text, index):
    """(start, end) of every place of the indexed surfaces, but where a Latin letter or digit goes on at an end."""
    return [
        (start, start + length)
        for start in range(len(text) - KEY + 1)
        for length in index.lengths.get(text[start : start + KEY], ())
        if start + length <= len(text)
        and text[start : start + length] in index.surfaces
        and is_whole(text, start, start + length)
    ]


def is_whole(text, start, end):
    """Whether no Latin letter or digit goes on at either end of a stretch of the text (`AR` in `PARP`)."""
    return not (_goes_on(text[start - 1 : start], text[start]) or _goes_on(text[end - 1], text[end : end + 1]))


def _goes_on(before, behind):
    return all(char.isascii() and char.isalnum() for char in (before, behind))
