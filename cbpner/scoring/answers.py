"""What another system (a large language model, GLiNER, a rule) found in gold sentences: JSON lines of spans.

`docs/own-data.md` describes the format. Any label is welcome: one that the gold does not have is wrong everywhere.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from cbpner.base.errors import InputError
from cbpner.formats.rows import read_valid_rows
from cbpner.text.bio import Sentence
from cbpner.text.labels import TagSpan, spans_to_tags

LIST_KEYS = ("spans", "entities", "predictions")
LABEL_KEYS = ("label", "entity_group", "type", "entity")


class Answers(NamedTuple):
    """The spans of each gold sentence, sorted, and notes on what became of some of them."""

    spans: list[list[TagSpan]]
    notes: list[str]


def read_answers(path: str | Path, sentences: Sequence[Sentence], renamed: Mapping[str, str] | None = None) -> Answers:
    """The spans of a JSONL file over the gold sentences; InputError with the line where one does not fit.

    renamed: {label in the file: label}.
    """
    spans: list[list[TagSpan]] = [[] for _ in sentences]
    asked, counts, following = set[int](), Counter[str](), 0
    for row in read_valid_rows(path, "json"):
        place, answer = f"{path}:{row.number}", row.values
        if not isinstance(answer.get("text", ""), str) or not ("text" in answer or "index" in answer):
            found = "no text that is a string" if "text" in answer else "neither `text` nor `index`"
            raise InputError(f"{place}: found {found}; expected `text`, the gold's characters, or `index`, from 0")
        if "index" in answer:
            index = answer["index"]
            if not _is_count(index) or index >= len(sentences):
                raise InputError(f"{place}: found the index {index!r}; expected one from 0 to {len(sentences) - 1}")
            if answer.get("text", sentences[index].chars) != sentences[index].chars:
                raise InputError(f"{place}: {_describe_difference(answer['text'], 0, sentences[index].chars, index)}")
            starts = {index: 0}
        else:
            starts = _place_text(place, answer, sentences, following)
            following = max(starts) + 1
        if twice := asked & set(starts):
            raise InputError(f"{place}: found sentence {min(twice)} (from 0) for the second time; expected it once")
        asked |= set(starts)
        for pieces in _cut_spans(place, answer, sentences, starts, renamed or {}):
            counts["cut"] += len(pieces) > 1
            counts["outside"] += not pieces
            for sentence, span in pieces:
                counts["twice"] += span in spans[sentence]
                spans[sentence].append(span)
    if not asked:
        raise InputError(f"{path}: found no object; expected one JSON object a line")
    if following and len(asked) < len(sentences):  # without `index`: one is likely to be lost
        missing = min(set(range(len(sentences))) - asked)
        found = f"{len(asked)} of the gold's {len(sentences)} sentences, none for number {missing} (from 0)"
        raise InputError(f"{path}: found {found}; expected one for each in the gold's order, or objects with `index`")
    spans = [sorted(set(each)) for each in spans]
    return Answers(spans, _describe_answers(spans, len(sentences) - len(asked), counts))


def _cut_spans(
    place: str, answer: Mapping[str, Any], sentences: Sequence[Sentence], starts: Mapping[int, int],
    renamed: Mapping[str, str],
) -> Iterator[list[tuple[int, TagSpan]]]:  # fmt: skip
    """For each span of an object its pieces, cut where sentences end: (number of the sentence, span in it)."""
    lists = [answer[key] for key in LIST_KEYS if key in answer]
    if len(lists) != 1 or not isinstance(lists[0], list):
        raise InputError(f"{place}: found {len(lists)} of {', '.join(LIST_KEYS)}; expected one of them, a list")
    text = answer.get("text", sentences[min(starts)].chars)
    for number, given in enumerate(lists[0], 1):
        start, end, label = _read_span(f"{place}: span {number}", given, text, renamed)
        placed = [
            (sentence, TagSpan(max(start - offset, 0), min(end - offset, len(sentences[sentence].chars)), label))
            for sentence, offset in starts.items()
        ]
        yield [(sentence, span) for sentence, span in placed if span.start < span.end]


def flatten_spans(spans: Iterable[TagSpan], length: int) -> list[str]:
    """The BIO tags of spans; of overlapping ones the longest is kept, then the first, then by label."""
    kept: list[TagSpan] = []
    for span in sorted(set(spans), key=lambda span: (span.start - span.end, span.start, span.label)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return spans_to_tags(kept, length)


def _place_text(place: str, answer: Mapping[str, Any], sentences: Sequence[Sentence], first: int) -> dict[int, int]:
    """{gold sentence: where it starts in the text} of an object that holds sentences from number `first` on."""
    text, position, starts = answer["text"], 0, dict[int, int]()
    for number, sentence in enumerate(sentences[first:], first):
        rest, chars, start = text[position:], sentence.chars, position
        if starts and not rest.strip() and (chars.strip() or chars not in rest):
            break
        while not text.startswith(chars, start) and text[start : start + 1].isspace():
            start += 1
        if not text.startswith(chars, start):
            start = start if starts else position
            raise InputError(f"{place}: {_describe_difference(text, start, chars, number)}")
        starts[number], position = start, start + len(chars)
    if not starts or text[position:].strip():
        raise InputError(f"{place}: found text behind the gold's last sentence; expected {len(sentences)} sentences")
    return starts


def _describe_difference(text: str, start: int, chars: str, number: int) -> str:
    pairs = enumerate(zip_longest(text[start:], chars))
    offset = next(offset for offset, (found, expected) in pairs if found != expected)
    found, expected = (repr(each[:10]) if each else "its end" for each in (text[start + offset :], chars[offset:]))
    place = f"character {offset} of the gold's sentence {number} (both counted from 0)"
    return f"found {found} at character {start + offset} of the text; expected {expected}, {place}"


def _read_span(place: str, span: Any, text: str, renamed: Mapping[str, str]) -> TagSpan:
    if isinstance(span, list) and len(span) == 3:
        span = dict(zip(("start", "end", "label"), span, strict=True))
    if not isinstance(span, dict):
        raise InputError(f"{place}: found {span!r}; expected an object with start, end and label")
    places: list[Any] = [span.get("start"), span.get("end")]
    start, end = places
    label = next((span[key] for key in LABEL_KEYS if key in span), None)
    if not isinstance(label, str) or not label.split():
        raise InputError(f"{place}: found the label {label!r}; expected a text under one of {', '.join(LABEL_KEYS)}")
    if not (_is_count(start) and _is_count(end) and start < end <= len(text)):
        expected = f"whole numbers, start < end <= {len(text)}, counted in code points of the text"
        raise InputError(f"{place}: found start {start!r} and end {end!r}; expected {expected}")
    if isinstance(span.get("text"), str) and span["text"] != text[start:end]:
        found = f"the text {span['text']!r}, but characters {start} to {end} are {text[start:end]!r}"
        raise InputError(f"{place}: found {found}; expected offsets in code points, end behind the last one")
    return TagSpan(start, end, renamed.get(label, "_".join(label.split())))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _describe_answers(spans: Sequence[Sequence[TagSpan]], unanswered: int, counts: Counter[str]) -> list[str]:
    overlapping = sum(any(a.end > b.start for a, b in pairwise(each)) for each in spans)
    notes = {
        "sentence(s) have no object: no spans there": unanswered,
        "span(s) over a sentence's end: cut there": counts["cut"],
        "span(s) on the white space between sentences: in none, so counted nowhere": counts["outside"],
        "span(s) given twice: counted once": counts["twice"],
        "sentence(s) with overlapping spans: entities count each; at token level the longest stays": overlapping,
    }
    return [f"{count} {note}" for note, count in notes.items() if count]
