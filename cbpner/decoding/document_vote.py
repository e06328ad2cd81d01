"""One decision a document and surface: what is mostly tagged as a mention in a patent is one wherever it stands there.

Annotators keep to one reading of a name within a patent; a tagger that sees a sentence at a time does not. The surface
is what stands between a span's borders. In the manner of the label consistency of Krishnan and Manning (ACL 2006), but
as a vote over the first tagger's spans and not as a second tagger.
"""

from collections import Counter, defaultdict
from typing import NamedTuple

from cbpner.text.labels import TagSpan, spans_to_tags, tags_to_spans

SHORTEST = 2  # characters; a single one stands in too many other words
KEY = 2  # characters by which surfaces are looked up


def agree_tags(texts, tags, share, sure=None):
    """`agree_spans` for the tags of one document's sentences: lists of tags in, lists of tags out."""
    agreed = agree_spans(texts, [tags_to_spans(row) for row in tags], share, sure)
    return [spans_to_tags(spans, len(text)) for spans, text in zip(agreed, texts, strict=True)]


def agree_spans(texts, spans, share, sure=None):
    """The spans of one document's sentences after the vote.

    texts: the sentences. spans: of each sentence, without overlaps. A surface's places are where it stands in a
    sentence: as a span, or free of spans, and not inside a Latin word or number. Where at least `share` of them (above
    0, at most 1) are spans, all of them become spans of the surface's most frequent type, longer surfaces first;
    where fewer are, none stays. Surfaces of fewer than SHORTEST characters stay as they are.

    sure: of each sentence's spans, whether the tagger was sure of them. With it a surface is chosen only where one span
    at least is sure; and the longer of two chosen surfaces has the place that both want, found before or not.
    """
    if not 0 < share <= 1:
        raise ValueError(f"expected a share above 0 and of at most 1, got {share}")
    votes = count_votes(texts, spans)
    trusted = None if sure is None else list_sure(texts, spans, sure)
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
        if types.total() >= share * (types.total() + free[surface]) and (trusted is None or surface in trusted)
    }
    return [
        settle_sentence(text, row, found, votes, chosen, longest_first=sure is not None)
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


def list_sure(texts, spans, sure):
    """The surfaces of the spans that are sure."""
    return {
        text[start:end]
        for text, row, flags in zip(texts, spans, sure, strict=True)
        for (start, end, _), flag in zip(row, flags, strict=True)
        if flag
    }


def settle_sentence(text, spans, places, votes, chosen, longest_first=False):
    """One sentence's spans: those that stay, with their surface's type, and the chosen surfaces' free places.

    longest_first: what stays has no right to its place against longer surfaces.
    """

    def by_length(span):
        return span[0] - span[1], span[0]

    stay = [
        TagSpan(start, end, chosen.get(text[start:end], label))
        for start, end, label in spans
        if text[start:end] not in votes or text[start:end] in chosen
    ]
    new = [TagSpan(start, end, chosen[text[start:end]]) for start, end in places if text[start:end] in chosen]
    order = sorted(stay + new, key=by_length) if longest_first else stay + sorted(new, key=by_length)
    kept, taken = [], bytearray(len(text))
    for span in order:
        start, end, _ = span
        if not any(taken[start:end]):
            kept.append(span)
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
