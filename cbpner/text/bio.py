"""Column files: one character and its tag a line, a blank line between sentences.

A line is the character, a separator (spaces or tabs) and the tag. The character is the line's first code point
whatever it is, so white space can be the character itself: `<space><space>O` is a space tagged O. Lines end with LF
or CRLF and with nothing else: U+2028, U+0085, `\\x0b` and their like are characters. A line of nothing but spaces and
tabs is blank. One separator and a tag (`<space>O`) has no character and is a wrong column count.
"""

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from cbpner.base.errors import Fault, FaultyFile, InputError, UnexpectedValue
from cbpner.base.files import atomic_open
from cbpner.text.characters import BOM, shorten
from cbpner.text.labels import LabelSet, may_follow, repair_tags, split_tag, tags_to_spans

ORPHAN_RULES = ("error", "keep", "repair")
ONE_CHARACTER = re.compile(r"(.)[ \t]+([^ \t]+)[ \t]*", re.DOTALL)


class Sentence(NamedTuple):
    """One sentence: its characters, one tag for each, and the 1-based line of its first character in the file."""

    chars: str
    tags: tuple[str, ...]
    line: int = 0




def read_bio(path, labels: LabelSet | None = None, orphans="keep") -> list[Sentence]:
    """The sentences of a column file.

    Without `labels` every well-formed tag is welcome. An orphan is an `I-` that strict BIO does not allow behind the
    tag before it; `orphans` says what becomes of it: `error` (a fault), `keep` (as it is), `repair` (its `B-`).
    Raises FaultyFile with every fault of the file.
    """
    lines, faults = read_lines(path)
    if not faults or faults[0].line:
        sentences, more = parse_lines(lines, path, labels, orphans)
        faults = sorted([*faults, *more], key=lambda fault: fault.line)
    if faults:
        raise FaultyFile(faults)
    return sentences


def read_lines(path):
    """(lines, faults): the file's lines without their ends, None in place of a line that is not UTF-8."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        return [], [Fault(str(path), 0, f"no readable file ({error.strerror})", "a column file")]
    try:
        return data.decode("utf-8").removeprefix(BOM).split("\n"), []
    except UnicodeDecodeError:
        return decode_lines(data, str(path))


def decode_lines(data, path):
    """The same as `read_lines` for bytes of which some are not UTF-8."""
    lines, faults = [], []
    for number, line in enumerate(data.removeprefix(BOM.encode()).split(b"\n"), 1):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            found = f"bytes that are not UTF-8 at byte {error.start + 1} of the line ({line[error.start :][:4]!r})"
            lines.append(None)
            faults.append(Fault(path, number, found, "text in UTF-8"))
    return lines, faults


def parse_lines(lines, path, labels=None, orphans="keep", first_line=1, check=None):
    """(sentences, faults) of a column file's lines; None stands for a line whose fault is already known.

    check: (tag, labels) -> None, in place of `check_tag` for other tags than BIO's; raises UnexpectedValue.
    """
    if orphans not in ORPHAN_RULES:
        raise ValueError(f"expected orphans to be one of {', '.join(ORPHAN_RULES)}, got {orphans!r}")
    path, sentences, faults = str(path), [], []
    tags_seen = set(labels.tags) if labels else set()
    chars, tags, start = [], [], 0
    for number, line in enumerate([*lines, ""], first_line):
        if line and line[-1] == "\r":
            line = line[:-1]
        if line is not None and not line.strip(" \t"):
            if tags:
                finish_sentence(chars, tags, start, path, orphans, sentences, faults)
                chars, tags = [], []
            continue
        start = start if tags else number
        try:
            char, tag = ("", None) if line is None else parse_line(line, tags_seen, labels, check or check_tag)
        except UnexpectedValue as error:
            char, tag = "", None
            faults.append(Fault(path, number, error.found, error.expected))
        chars.append(char)
        tags.append(tag)
    if not sentences and not faults and None not in lines:
        found = "blank lines alone" if any(lines) or len(lines) > 1 else "an empty file"
        faults.append(Fault(path, first_line, found, "a character and its tag, such as `基 B-gene`"))
    return sentences, faults



def parse_line(line, tags_seen, labels, check):
    """(character, tag) of a line that is not blank; `tags_seen` holds the tags known to be good."""
    if line[1:2] in (" ", "\t") and line[2:] in tags_seen:
        return line[0], line[2:]
    match = ONE_CHARACTER.fullmatch(line)
    if not match:
        raise UnexpectedValue(*explain_line(line))
    char, tag = match.groups()
    if tag not in tags_seen:
        check(tag, labels)
        tags_seen.add(tag)
    return char, tag


def check_tag(tag, labels):
    if labels:
        raise UnexpectedValue(f"the unknown tag {tag!r}", f"one of {', '.join(labels.tags)}")
    try:
        split_tag(tag)
    except ValueError:
        raise UnexpectedValue(f"the unknown tag {tag!r}", "O, B-<type> or I-<type>") from None


def explain_line(line):
    """(found, expected) for a line that is not one character and a tag."""
    columns = re.split(r"[ \t]+", line.strip(" \t"))
    if len(columns) != 2:
        return f"{len(columns)} column(s): {shorten(line)}", "two columns: one character, a space or tab, its tag"
    char = re.sub(r"[ \t]+[^ \t]+[ \t]*\Z", "", line)
    found = f'a "character" of {len(char)} code points: {shorten(char)}'
    return found, "one code point a line"



def finish_sentence(chars, tags, start, path, orphans, sentences, faults):
    """Add a sentence, or what is wrong with its orphans; faulty lines (tag None) are in `faults` already."""
    if orphans == "error":
        for position in find_orphans(tags):
            label, before = split_tag(tags[position])[1], tags[position - 1] if position else "the sentence's start"
            expected = f"B-{label} or I-{label} before it (--orphans keep reads it as it is, repair makes it B-{label})"
            faults.append(Fault(path, start + position, f"I-{label} behind {before}", expected))
    if None not in tags:
        tags = repair_tags(tags) if orphans == "repair" else tags
        sentences.append(Sentence("".join(chars), tuple(tags), start))


def find_orphans(tags):
    """Positions of each `I-` that may not stand where it stands; next to an unreadable tag (None) nothing is said."""
    return [
        position
        for position, (before, tag) in enumerate(pairwise((None, *tags)))
        if tag is not None
        and tag.startswith("I-")
        and not (position and before is None)
        and not may_follow(before, tag)
    ]


def count_orphans(sentences) -> int:
    """How many `I-` of the sentences have no `B-` or `I-` of their type right before them."""
    return sum(len(find_orphans(sentence.tags)) for sentence in sentences)


def repair_sentences(sentences) -> list[Sentence]:
    """The sentences with each orphan `I-` made the `B-` that lenient reading takes it for."""
    return [sentence._replace(tags=tuple(repair_tags(sentence.tags))) for sentence in sentences]


def find_labels(sentences) -> LabelSet:
    """The label set that the sentences use; InputError where every tag is O."""
    return LabelSet.from_tags({tag for sentence in sentences for tag in sentence.tags})


def list_mentions(sentences) -> list[tuple[str, str]]:
    """(text, type) of every mention, lenient spans, in the order of the text."""
    return [
        (sentence.chars[span.start : span.end], span.label)
        for sentence in sentences
        for span in tags_to_spans(sentence.tags)
    ]


def summarize_sentences(sentences) -> dict:
    """`sentences`, `characters`, `longest` (characters), `mentions`, `orphans`, and `types`: mentions of each type."""
    mentions = list_mentions(sentences)
    return {
        "sentences": len(sentences),
        "characters": sum(len(sentence.chars) for sentence in sentences),
        "longest": max((len(sentence.chars) for sentence in sentences), default=0),
        "mentions": len(mentions),
        "types": dict(Counter(label for _, label in mentions)),
        "orphans": count_orphans(sentences),
    }


def write_bio(path, sentences) -> None:
    """Write `char TAG` lines, LF, a blank line behind each sentence; the file appears whole or not at all.

    InputError for what the format cannot hold: a line feed or lone surrogate as the character, an empty sentence,
    another number of tags than characters, a malformed tag.
    """
    sentences = list(sentences)
    for number, sentence in enumerate(sentences, 1):
        check_writable(path, number, sentence)
    with atomic_open(path) as file:
        if sentences and sentences[0].chars[0] == BOM:
            file.write(BOM)
        for sentence in sentences:
            lines = [f"{char} {tag}\n" for char, tag in zip(sentence.chars, sentence.tags, strict=True)]
            file.write("".join(lines) + "\n")


def check_writable(path, number, sentence):
    chars, tags = sentence.chars, sentence.tags
    place = f"{path}: cannot write sentence {number}"
    if not chars or len(chars) != len(tags):
        raise InputError(f"{place}: found {len(chars)} characters and {len(tags)} tags; expected one tag a character")
    if "\n" in chars:
        raise InputError(f"{place}: found a line feed as a character; expected text cut into sentences at line ends")
    try:
        chars.encode("utf-8")
        for tag in set(tags):
            split_tag(tag)
    except UnicodeEncodeError as error:
        raise InputError(f"{place}: found a lone surrogate at character {error.start}; expected valid text") from error
    except ValueError as error:
        raise InputError(f"{place}: {error}") from error
