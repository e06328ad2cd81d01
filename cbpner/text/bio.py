"""Column files: one character and its tag a line, a blank line between sentences.

A line is the character, a separator (spaces or tabs) and the tag. The character is the line's first code point
whatever it is, so white space can be the character itself: `<space><space>O` is a space tagged O. Lines end with LF
or CRLF and with nothing else: U+2028, U+0085, `\\x0b` and their like are characters. A line of nothing but spaces and
tabs is blank. One separator and a tag (`<space>O`) has no character and is a wrong column count. Three blank lines
or more stand between documents; the gold data has a sentence that begins with `Abstract` instead.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from cbpner.base.errors import Fault, FaultyFile, InputError, UnexpectedValue
from cbpner.base.files import atomic_open
from cbpner.text.characters import BOM, check_encoding, describe_bytes, is_encodable, shorten
from cbpner.text.labels import LabelSet, may_follow, repair_tags, split_tag, tags_to_spans

ORPHAN_RULES = ("error", "keep", "repair")
DOCUMENT_START, DOCUMENT_GAP = "Abstract", 3  # blank lines
ONE_CHARACTER = re.compile(r"(.)[ \t]+([^ \t]+)[ \t]*", re.DOTALL)


class Sentence(NamedTuple):
    """One sentence: its characters, one tag for each, and the 1-based line of its first character in the file."""

    chars: str
    tags: tuple[str, ...]
    line: int = 0


def begins_document(sentence: Sentence, before: Sentence) -> bool:
    """Whether a document begins with a sentence, the one before it given: by its text, or by their lines."""
    gap = sentence.line - before.line - len(before.chars)  # below 0 in another file
    return sentence.chars.startswith(DOCUMENT_START) or bool(sentence.line) and not 0 <= gap < DOCUMENT_GAP


def read_bio(path: str | Path, labels: LabelSet | None = None, orphans: str = "keep") -> list[Sentence]:
    """The sentences of a column file. FaultyFile with every fault of it.

    Args:
        labels: whose tags are allowed; None: every well-formed one.
        orphans: what becomes of an `I-` that strict BIO does not allow behind the tag before it: `error` (a fault),
            `keep` (as it is), `repair` (its `B-`).
    """
    lines, faults = read_lines(path)
    sentences: list[Sentence] = []
    if not faults or faults[0].line:
        sentences, more = parse_lines(lines, path, labels, orphans)
        faults = sorted([*faults, *more], key=lambda fault: fault.line)
    if faults:
        raise FaultyFile(faults)
    return sentences


def read_lines(path: str | Path) -> tuple[list[str | None], list[Fault]]:
    """(lines without their ends, faults) of a text file; None in place of a line that is not UTF-8."""
    try:
        data = Path(path).read_bytes()
        check_encoding(data)
    except OSError as error:
        return [], [Fault(str(path), 0, f"no readable file ({error.strerror})", "a text file")]
    except UnexpectedValue as error:
        return [], [Fault(str(path), 0, error.found, error.expected)]
    lines: list[str | None] = []
    faults = []
    for number, line in enumerate(data.removeprefix(BOM.encode()).split(b"\n"), 1):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            lines.append(None)
            faults.append(Fault(str(path), number, describe_bytes(line, error.start), "text in UTF-8"))
    return lines, faults


def decode_file(path: Path) -> str:
    """The text of a file as it is, byte order mark and line ends included; FaultyFile where it is not UTF-8."""
    data = path.read_bytes()
    try:
        check_encoding(data)
        return data.decode("utf-8")
    except UnexpectedValue as error:
        raise FaultyFile([Fault(str(path), 0, error.found, error.expected)]) from None
    except UnicodeDecodeError as error:
        raise FaultyFile([Fault(str(path), 0, describe_bytes(data, error.start), "text in UTF-8")]) from None


def parse_lines(
    lines: Iterable[str | None],
    path: str | Path,
    labels: LabelSet | None = None,
    orphans: str = "keep",
    first_line: int = 1,
    check: Callable[[str], object] | None = None,
) -> tuple[list[Sentence], list[Fault]]:
    """(sentences, faults) of a column file's lines; None stands for a line whose fault is already known.

    check: in place of `check_tag` for other tags than BIO's; raises UnexpectedValue.
    """
    sentences: list[Sentence] = []
    faults: list[Fault] = []
    known, check = set(labels.tags) if labels else set(), check or partial(check_tag, labels=labels)
    lines = [line.removesuffix("\r") if line else line for line in lines]
    runs = groupby(enumerate(lines, first_line), lambda item: item[1] is None or bool(item[1].strip(" \t")))
    for block in (list(run) for has_text, run in runs if has_text):
        chars, tags, start = [], [], block[0][0]
        for number, line in block:
            try:
                char, tag = ("", None) if line is None else parse_line(line, known, check)
            except UnexpectedValue as error:
                char, tag = "", None
                faults.append(Fault(str(path), number, error.found, error.expected))
            chars.append(char)
            tags.append(tag)
        for place in find_orphans(tags) if orphans == "error" else ():
            found = f"{tags[place]} behind {tags[place - 1] if place else 'the start of the sentence'}"
            expected = "an I- behind a tag of its type (--orphans keep reads it as it is, repair makes it a B-)"
            faults.append(Fault(str(path), start + place, found, expected))
        good = [tag for tag in tags if tag is not None]
        if len(good) == len(tags):
            sentences.append(Sentence("".join(chars), tuple(repair_tags(good) if orphans == "repair" else good), start))
    if not sentences and not faults and None not in lines:
        found = "blank lines alone" if any(lines) or len(lines) > 1 else "an empty file"
        faults.append(Fault(str(path), first_line, found, "a character and its tag, such as `基 B-gene`"))
    return sentences, faults


def parse_line(line: str, known: set[str], check: Callable[[str], object]) -> tuple[str, str]:
    """(character, tag) of a line that is not blank; `known` collects the tags found to be good."""
    if line[1:2] in (" ", "\t") and line[2:] in known:
        return line[0], line[2:]
    match = ONE_CHARACTER.fullmatch(line)
    if not match:
        if "\r" in line[1:]:
            raise UnexpectedValue("a carriage return in a line", "lines that end with LF or CR LF (`tr '\\r' '\\n'`)")
        columns = re.split(r"[ \t]+", line.strip(" \t"))
        if len(columns) != 2:
            found = f"{len(columns)} column(s): {shorten(line)}"
            raise UnexpectedValue(found, "two columns: one character, a space or tab, its tag")
        char = re.sub(r"[ \t]+[^ \t]+[ \t]*\Z", "", line)
        raise UnexpectedValue(f'a "character" of {len(char)} code points: {shorten(char)}', "one code point a line")
    char, tag = match.groups()
    if tag not in known:
        check(tag)
        known.add(tag)
    return char, tag


def check_tag(tag: str, labels: LabelSet | None = None) -> None:
    """Raise UnexpectedValue for a tag that is not of `labels`, or without them for one that is not BIO."""
    if not labels:
        with suppress(ValueError):
            split_tag(tag)
            return
    expected = f"one of {', '.join(labels.tags)} (--labels FILE names others)" if labels else "O, B-<type> or I-<type>"
    is_other = re.match("[BI]_|[ELMSU][-_]", tag)
    advice = " (`cbpner convert FILE -o OUT.bio` reads BIOES, BMES and tags with _)" if is_other else ""
    raise UnexpectedValue(f"the unknown tag {tag!r}", expected + advice)


def find_orphans(tags: Sequence[str | None]) -> list[int]:
    """Positions of each `I-` that strict BIO does not allow there; none right behind an unreadable tag (None)."""
    pairs = enumerate(pairwise((None, *tags)))
    places = [(place, before, tag) for place, (before, tag) in pairs if tag and tag.startswith("I-")]
    return [place for place, before, tag in places if not (place and before is None) and not may_follow(before, tag)]


def count_orphans(sentences: Iterable[Sentence]) -> int:
    """How many `I-` of the sentences have no `B-` or `I-` of their type right before them."""
    return sum(len(find_orphans(sentence.tags)) for sentence in sentences)


def repair_sentences(sentences: Iterable[Sentence]) -> list[Sentence]:
    """The sentences with each orphan `I-` made the `B-` that lenient reading takes it for."""
    return [sentence._replace(tags=tuple(repair_tags(sentence.tags))) for sentence in sentences]


def find_labels(sentences: Iterable[Sentence]) -> LabelSet:
    """The label set that the sentences use; InputError where every tag is O."""
    return LabelSet.from_tags({tag for sentence in sentences for tag in sentence.tags})


def list_mentions(sentences: Iterable[Sentence]) -> list[tuple[str, str]]:
    """(text, type) of every mention, lenient spans, in the order of the text."""
    pairs = ((sentence.chars, span) for sentence in sentences for span in tags_to_spans(sentence.tags))
    return [(chars[span.start : span.end], span.label) for chars, span in pairs]


def summarize_sentences(sentences: Sequence[Sentence]) -> dict[str, Any]:
    """`sentences`, `characters`, `longest` (characters), `mentions`, `orphans`, and `types`: mentions of each type."""
    mentions = list_mentions(sentences)
    lengths = [len(sentence.chars) for sentence in sentences]
    return {
        "sentences": len(sentences),
        "characters": sum(lengths),
        "longest": max(lengths, default=0),
        "mentions": len(mentions),
        "types": dict(Counter(label for _, label in mentions)),
        "orphans": count_orphans(sentences),
    }


def write_bio(path: str | Path, sentences: Iterable[Sentence]) -> None:
    """Write `char TAG` lines, LF, a blank line behind each sentence, atomically; InputError for what cannot be held.

    Before a document that does not show by its text that it is one, DOCUMENT_GAP lines are blank.
    """
    sentences = list(sentences)
    for number, (chars, tags, _) in enumerate(sentences, 1):
        place = f"{path}: cannot write sentence {number}: found"
        if not chars or len(chars) != len(tags):
            raise InputError(f"{place} {len(chars)} characters and {len(tags)} tags; expected one tag a character")
        if "\n" in chars:
            raise InputError(f"{place} a line feed as a character; expected text cut into sentences at line ends")
        if not is_encodable(chars):
            raise InputError(f"{place} a lone surrogate; expected valid text")
        for tag in set(tags):
            try:
                check_tag(tag)
            except UnexpectedValue as error:
                raise InputError(f"{place} {error.found}; expected {error.expected}") from None
    with atomic_open(path) as file:
        if sentences and sentences[0].chars[0] == BOM:
            file.write(BOM)
        for before, sentence in zip([None, *sentences], sentences, strict=False):
            lines = [f"{char} {tag}\n" for char, tag in zip(sentence.chars, sentence.tags, strict=True)]
            if before and begins_document(sentence, before) and not sentence.chars.startswith(DOCUMENT_START):
                file.write("\n" * (DOCUMENT_GAP - 1))
            file.write("".join(lines) + "\n")
