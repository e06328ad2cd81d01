"""What another system (a large language model, GLiNER, a rule) found in gold sentences: JSON lines of spans.

One JSON object a line, for one gold sentence or for several that follow one another (a patent, say):

```
{"text": "HER2阳性乳腺癌。", "spans": [{"start": 0, "end": 4, "label": "protein"}]}
{"index": 17, "spans": []}
```

* `text`: the gold's characters; between sentences there may be white space or nothing. Objects stand in the gold's
  order.
* `index`: the number of the one gold sentence, counted from 0, in any order; `text` is then welcome and checked, but
  not needed. Sentences without an object have no spans.
* `spans` (or `entities`, `predictions`): a list of objects with `start`, `end` and `label` (or `entity_group`, `type`,
  `entity`), or of lists `[start, end, label]`. Offsets are code points in `text`, `end` is behind the last one. A
  span's own `text`, where it has one, must be what stands there.

Spans may overlap. The same span twice is one. A span over several sentences is cut where they end, into one a
sentence, as the gold's mentions are where its long sentences are cut. White space in a label becomes `_`. Any label is
welcome: one that the gold does not have is wrong everywhere. A span on the white space between two sentences is in
neither: a note counts it, and no score does.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from cbpner.base.errors import InputError
from cbpner.formats.rows import read_valid_rows
from cbpner.text.bio import Sentence
from cbpner.text.labels import TagSpan, spans_to_tags

LIST_KEYS = ("spans", "entities", "predictions")
LABEL_KEYS = ("label", "entity_group", "type", "entity")
CONTEXT = 10  # characters of text shown in a message


class Answers(NamedTuple):
    """The spans of each gold sentence, sorted, and notes on what became of some of them."""

    spans: list[list[TagSpan]]
    notes: list[str]


def read_answers(path: str | Path, sentences: Sequence[Sentence], renamed: Mapping[str, str] | None = None) -> Answers:
    """The spans of a JSONL file over the gold sentences.

    Args:
        renamed: {label in the file: label}.

    Raises:
        InputError: with the line, for anything that does not fit the gold.
    """
    spans: list[list[TagSpan]] = [[] for _ in sentences]
    asked: set[int] = set()
    counts: Counter[str] = Counter()
    following = 0
    for row in read_valid_rows(path, "json", arrays=False):
        place, answer = f"{path}:{row.number}", row.values
        if not isinstance(answer.get("text", ""), str) or not ("text" in answer or "index" in answer):
            found = "no text that is a string" if "text" in answer else "neither `text` nor `index`"
            raise InputError(f"{place}: found {found}; expected `text`, the gold's characters, or `index`, from 0")
        if "index" in answer:
            starts = _place_index(place, answer, sentences)
        else:
            starts = _place_text(place, answer, sentences, following)
            following = max(starts) + 1
        if twice := asked & set(starts):
            raise InputError(f"{place}: found sentence {min(twice)} (from 0) for the second time; expected it once")
        asked |= set(starts)
        for span in _list_spans(place, answer, sentences, starts, dict(renamed or ())):
            pieces = _cut_span(span, sentences, starts)
            counts["cut"] += len(pieces) > 1
            counts["outside"] += not pieces
            for sentence, piece in pieces:
                counts["twice"] += piece in spans[sentence]
                spans[sentence].append(piece)
    if not asked:
        raise InputError(f"{path}: found no object; expected one JSON object a line")
    if following and len(asked) < len(sentences):  # without `index`: one is likely to be lost
        missing = min(set(range(len(sentences))) - asked)
        raise InputError(
            f"{path}: found {len(asked)} of the gold's {len(sentences)} sentences, none for number {missing} (from 0); "
            "expected an object for each in the gold's order, or objects with `index`"
        )
    spans = [sorted(set(each)) for each in spans]
    return Answers(spans, _describe_answers(spans, len(sentences) - len(asked), counts))


def flatten_spans(spans: Iterable[TagSpan], length: int) -> list[str]:
    """The BIO tags of spans; of overlapping ones the longest is kept, then the first, then by label."""
    kept: list[TagSpan] = []
    for span in sorted(set(spans), key=lambda span: (span.start - span.end, span.start, span.label)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return spans_to_tags(kept, length)


def _place_index(place: str, answer: Mapping[str, Any], sentences: Sequence[Sentence]) -> dict[int, int]:
    """{gold sentence: where it starts in the text} of an object that names its sentence."""
    index = answer["index"]
    if not _is_count(index) or index >= len(sentences):
        raise InputError(f"{place}: found the index {index!r}; expected a whole number from 0 to {len(sentences) - 1}")
    chars = sentences[index].chars
    if answer.get("text", chars) != chars:
        raise InputError(f"{place}: {_describe_difference(answer['text'], 0, chars, index)}")
    return {index: 0}


def _place_text(place: str, answer: Mapping[str, Any], sentences: Sequence[Sentence], first: int) -> dict[int, int]:
    """{gold sentence: where it starts in the text} of an object that holds sentences from number `first` on."""
    text: str = answer["text"]
    position = 0
    starts: dict[int, int] = {}
    while not starts or _has_more(text[position:], sentences[first + len(starts) : first + len(starts) + 1]):
        number = first + len(starts)
        if number == len(sentences):
            raise InputError(
                f"{place}: found text behind the gold's last sentence ({_quote_text(text, position)}); "
                f"expected {len(sentences)} sentences"
            )
        chars, start = sentences[number].chars, position
        while not text.startswith(chars, start) and text[start : start + 1].isspace():
            start += 1
        if not text.startswith(chars, start):
            start = start if starts else position
            raise InputError(f"{place}: {_describe_difference(text, start, chars, number)}")
        starts[number], position = start, start + len(chars)
    return starts


def _has_more(rest: str, sentences: Sequence[Sentence]) -> bool:
    """Whether the rest of a text is more than white space, or the next sentence is white space and in it."""
    return bool(rest.strip()) or bool(sentences and not sentences[0].chars.strip() and sentences[0].chars in rest)


def _describe_difference(text: str, start: int, chars: str, number: int) -> str:
    pairs = enumerate(zip_longest(text[start:], chars))
    offset = next(offset for offset, (found, expected) in pairs if found != expected)
    return (
        f"found {_quote_text(text, start + offset)} at character {start + offset} of the text; expected "
        f"{_quote_text(chars, offset)}, character {offset} of the gold's sentence {number} (both counted from 0)"
    )


def _quote_text(text: str, position: int) -> str:
    shown = text[position : position + CONTEXT]
    return repr(shown) if shown else "its end"


def _list_spans(
    place: str,
    answer: Mapping[str, Any],
    sentences: Sequence[Sentence],
    starts: Mapping[int, int],
    renamed: Mapping[str, str],
) -> list[TagSpan]:
    """The object's spans, each a TagSpan in its text."""
    lists = [answer[key] for key in LIST_KEYS if key in answer]
    if len(lists) != 1 or not isinstance(lists[0], list):
        raise InputError(f"{place}: found {len(lists)} of {', '.join(LIST_KEYS)}; expected one of them, a list")
    text = answer.get("text", sentences[min(starts)].chars)
    return [_read_span(f"{place}: span {number}", span, text, renamed) for number, span in enumerate(lists[0], 1)]


def _read_span(place: str, span: Any, text: str, renamed: Mapping[str, str]) -> TagSpan:
    if isinstance(span, list) and len(span) == 3:
        span = dict(zip(("start", "end", "label"), span, strict=True))
    if not isinstance(span, dict):
        raise InputError(f"{place}: found {span!r}; expected an object with start, end and label")
    start: Any = span.get("start")
    end: Any = span.get("end")
    label = next((span[key] for key in LABEL_KEYS if key in span), None)
    if not isinstance(label, str) or not label.split():
        raise InputError(f"{place}: found the label {label!r}; expected a text under one of {', '.join(LABEL_KEYS)}")
    if not (_is_count(start) and _is_count(end) and start < end <= len(text)):
        raise InputError(
            f"{place}: found start {start!r} and end {end!r}; expected whole numbers, start < end <= {len(text)}, "
            "counted in code points of the text"
        )
    if isinstance(span.get("text"), str) and span["text"] != text[start:end]:
        raise InputError(
            f"{place}: found the text {span['text']!r}, but characters {start} to {end} are {text[start:end]!r}; "
            "expected offsets in code points, end behind the last one"
        )
    return TagSpan(start, end, renamed.get(label, "_".join(label.split())))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _cut_span(span: TagSpan, sentences: Sequence[Sentence], starts: Mapping[int, int]) -> list[tuple[int, TagSpan]]:
    """(sentence, span in it) of each sentence that the span reaches into."""
    pieces = []
    for number, offset in starts.items():
        start = max(span.start - offset, 0)
        end = min(span.end - offset, len(sentences[number].chars))
        if start < end:
            pieces.append((number, TagSpan(start, end, span.label)))
    return pieces


def _describe_answers(spans: Sequence[Sequence[TagSpan]], unanswered: int, counts: Counter[str]) -> list[str]:
    notes = []
    if unanswered:
        notes.append(f"{unanswered} sentence(s) have no object: no spans there")
    if counts["cut"]:
        notes.append(f"{counts['cut']} span(s) over a sentence's end: cut there")
    if counts["outside"]:
        notes.append(f"{counts['outside']} span(s) on the white space between sentences: in none, so counted nowhere")
    if counts["twice"]:
        notes.append(f"{counts['twice']} span(s) given twice: counted once")
    overlapping = sum(any(a.end > b.start for a, b in pairwise(each)) for each in spans)
    if overlapping:
        notes.append(
            f"{overlapping} sentence(s) with overlapping spans: entities count each; at token level the longest stays, "
            "then the first"
        )
    return notes
