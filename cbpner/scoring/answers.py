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

import json
from collections import Counter
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import NamedTuple

from cbpner.base.errors import InputError
from cbpner.text.labels import TagSpan, spans_to_tags

LIST_KEYS = ("spans", "entities", "predictions")
LABEL_KEYS = ("label", "entity_group", "type", "entity")
CONTEXT = 10  # characters of text shown in a message


class Answers(NamedTuple):
    """The spans of each gold sentence, sorted, and what became of some of them, one line each for people."""

    spans: list[list[TagSpan]]
    notes: list[str]


def read_answers(path, sentences, renamed=()) -> Answers:
    """The spans of a JSONL file over the gold `sentences` (`cbpner.text.bio.Sentence`).

    renamed: {label in the file: label}. InputError with the line for anything that does not fit the gold.
    """
    spans, asked, counts, following = [[] for _ in sentences], set(), Counter(), 0
    for number, line in enumerate(_read_lines(path), 1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        answer = _parse_object(place, line)
        if "index" in answer:
            starts = _place_index(place, answer, sentences)
        else:
            starts = _place_text(place, answer, sentences, following)
            following = max(starts) + 1
        if twice := asked & set(starts):
            raise InputError(f"{place}: found sentence {min(twice)} (from 0) for the second time; expected it once")
        asked |= set(starts)
        for span in _list_spans(place, answer, sentences, starts, dict(renamed)):
            pieces = _cut_span(span, sentences, starts)
            counts["cut"] += len(pieces) > 1
            counts["outside"] += not pieces
            for sentence, piece in pieces:
                counts["twice"] += piece in spans[sentence]
                spans[sentence].append(piece)
    if not asked:
        raise InputError(f"{path}: found no object; expected one JSON object a line")
    _check_coverage(path, len(sentences), asked, following)
    spans = [sorted(set(each)) for each in spans]
    return Answers(spans, _describe_answers(spans, len(sentences) - len(asked), counts))


def flatten_spans(spans, length) -> list[str]:
    """The BIO tags of spans that may overlap: of those that do the longest stays, then the first, then by label."""
    kept = []
    for span in sorted(set(spans), key=lambda span: (span.start - span.end, span.start, span.label)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return spans_to_tags(kept, length)


def _read_lines(path):
    try:
        return Path(path).read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise InputError(f"{path}: cannot read the file: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: found bytes that are not UTF-8 (at byte {error.start}), expected UTF-8") from error


def _parse_object(place, line):
    try:
        answer = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{place}: found malformed JSON ({error.msg}); expected one JSON object a line") from error
    if not isinstance(answer, dict):
        raise InputError(f"{place}: found {type(answer).__name__}; expected a JSON object")
    if not isinstance(answer.get("text", ""), str) or not ("text" in answer or "index" in answer):
        found = "no text that is a string" if "text" in answer else "neither `text` nor `index`"
        raise InputError(f"{place}: found {found}; expected `text`, the gold's characters, or `index`, from 0")
    return answer


def _place_index(place, answer, sentences):
    """{gold sentence: where it starts in the text} of an object that names its sentence."""
    index = answer["index"]
    if not _is_count(index) or index >= len(sentences):
        raise InputError(f"{place}: found the index {index!r}; expected a whole number from 0 to {len(sentences) - 1}")
    chars = sentences[index].chars
    if answer.get("text", chars) != chars:
        raise InputError(f"{place}: {_describe_difference(answer['text'], 0, chars, index)}")
    return {index: 0}


def _place_text(place, answer, sentences, first):
    """{gold sentence: where it starts in the text} of an object that holds sentences from number `first` on."""
    text, position, starts = answer["text"], 0, {}
    while not starts or _has_more(text[position:], sentences[first + len(starts) : first + len(starts) + 1]):
        number = first + len(starts)
        if number == len(sentences):
            raise InputError(
                f"{place}: found text behind the gold's last sentence ({_show(text, position)}); "
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


def _has_more(rest, sentences):
    """Whether the rest of a text is more than white space, or the next sentence is white space and in it."""
    return bool(rest.strip()) or bool(sentences and not sentences[0].chars.strip() and sentences[0].chars in rest)


def _describe_difference(text, start, chars, number):
    pairs = enumerate(zip_longest(text[start:], chars))
    offset = next(offset for offset, (found, expected) in pairs if found != expected)
    return (
        f"found {_show(text, start + offset)} at character {start + offset} of the text; expected "
        f"{_show(chars, offset)}, character {offset} of the gold's sentence {number} (both counted from 0)"
    )


def _show(text, position):
    shown = text[position : position + CONTEXT]
    return repr(shown) if shown else "its end"


def _list_spans(place, answer, sentences, starts, renamed):
    """The object's spans as it has them, each a TagSpan in its text."""
    lists = [answer[key] for key in LIST_KEYS if key in answer]
    if len(lists) != 1 or not isinstance(lists[0], list):
        raise InputError(f"{place}: found {len(lists)} of {', '.join(LIST_KEYS)}; expected one of them, a list")
    text = answer.get("text", sentences[min(starts)].chars)
    return [_read_span(f"{place}: span {number}", span, text, renamed) for number, span in enumerate(lists[0], 1)]


def _read_span(place, span, text, renamed):
    if isinstance(span, list) and len(span) == 3:
        span = dict(zip(("start", "end", "label"), span, strict=True))
    if not isinstance(span, dict):
        raise InputError(f"{place}: found {span!r}; expected an object with start, end and label")
    start, end = span.get("start"), span.get("end")
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


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _cut_span(span, sentences, starts):
    """(sentence, span in it) of each sentence that the span reaches into."""
    pieces = []
    for number, offset in starts.items():
        start = max(span.start - offset, 0)
        end = min(span.end - offset, len(sentences[number].chars))
        if start < end:
            pieces.append((number, TagSpan(start, end, span.label)))
    return pieces


def _check_coverage(path, count, asked, following):
    """Objects without an index must reach the gold's end; else one is likely to be lost."""
    if following and len(asked) < count:
        missing = min(set(range(count)) - asked)
        raise InputError(
            f"{path}: found {len(asked)} of the gold's {count} sentences, none for number {missing} (from 0); expected "
            "an object for each in the gold's order, or objects with `index`"
        )


def _describe_answers(spans, unanswered, counts):
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
