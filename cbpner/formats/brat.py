"""brat's standoff: `NAME.txt`, and `NAME.ann` with lines `T1<tab>gene 0 5<tab>BRCA1`.

Offsets count code points of the text as it is, CR LF being two and a byte order mark one (so brat's server reads both);
Python 2 counted UTF-16 code units on Windows and macOS. A line's text is checked against what its offsets cut out.

brat writes no line break into a `.ann` file: a span over one is in fragments, `0 5;6 10`, without the white space at
the break. Fragments with nothing but such white space between are one span again; with other text between they are
what `Choices.fragments` says. Relations, events, attributes, normalizations, notes and equivalences are counted and
left out; the trigger of an event is a span.

Sources: brat's `annotation.py` and `annotator.py`, https://brat.nlplab.org/standoff.html, its issues 1042 and 1115.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from cbpner.base.errors import Fault, FaultyFile, InputError, UnexpectedValue
from cbpner.formats.document import Choices, Document, Limits, Span, cut_span, fit_spans
from cbpner.formats.offsets import TRUSTED_TEXT, Ruler
from cbpner.text.bio import decode_file, read_lines
from cbpner.text.characters import shorten

LINE_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"  # where brat's server breaks lines
PIECES = re.compile(f"[^{LINE_BREAKS}]+")
TEXT_BOUND = re.compile(r"T\S*\t(\S+) (\d{1,18} \d{1,18}(?:;\d{1,18} \d{1,18})*) *(?:\t(.*))?", re.ASCII | re.DOTALL)
OTHERS = {
    "R": "relations", "E": "events", "A": "attributes", "M": "attributes", "N": "normalizations", "#": "notes",
    "*": "equivalences",
}  # fmt: skip


def read_brat(path: Path, id: str, choices: Choices) -> list[Document]:
    """[the document] of a `.txt` or `.ann` file and the other beside it; without annotations, one without spans."""
    source, notes = find_beside(path, ".txt"), find_beside(path, ".ann")
    if not source.is_file():
        raise InputError(f"{notes}: found no {source.name} beside it; expected the text that the annotations are of")
    text = decode_file(source)
    if not notes.is_file():
        choices.note("text files without an .ann file, read as documents without spans")
        return [Document(id, text)]
    ruler = Ruler(text, choices.offsets)
    spans: list[Span] = []
    lines, faults = read_lines(notes)
    for number, line in enumerate(lines, 1):
        try:
            spans += read_line((line or "").removesuffix("\r"), ruler, choices)
        except UnexpectedValue as error:
            faults.append(Fault(str(notes), number, error.found, error.expected))
    if faults:
        raise FaultyFile(sorted(faults, key=lambda fault: fault.line))
    return [Document(id, text, spans)]


def find_beside(path: Path, suffix: str) -> Path:
    """The file with this suffix, in either case, beside another; where there is none, its name in lower case."""
    names = [path.with_suffix(each) for each in (suffix, suffix.upper())]
    return next((name for name in (path, *names) if name.suffix.lower() == suffix and name.is_file()), names[0])


def read_line(line: str, ruler: Ruler, choices: Choices) -> list[Span]:
    """The spans of a T line; none for other lines, which are counted; UnexpectedValue where one is faulty."""
    match = TEXT_BOUND.fullmatch(line)
    if not match:
        is_other = line[:1] in OTHERS and "\t" in line
        if not is_other and line.strip():
            raise UnexpectedValue(f"the line {shorten(line)}", "such as T1<tab>gene 0 5<tab>BRCA1")
        choices.note(f"{OTHERS.get(line[:1])} of brat's left out", is_other)
        return []
    label, fragments, claim = match.groups(default="")
    places = []
    for start, end in (map(int, fragment.split(" ")) for fragment in fragments.split(";")):
        place = ruler.cut_checked(start, end, choices)
        if not place:
            return []
        places.append(place)
    if claim.strip() and not fragments_agree(ruler.text, places, claim):
        if choices.offsets == "auto":
            cut = " ".join(ruler.text[start:end] for start, end in places)
            raise UnexpectedValue(f"{shorten(claim)} for the offsets of {shorten(cut)}", TRUSTED_TEXT)
        choices.note("brat annotations whose text is not what their offsets cut out")
    groups = merge_fragments(ruler.text, sorted(places))
    if len(groups) > 1:
        if choices.fragments == "error":
            expected = "spans in one piece (--fragments cover, split or drop makes something of it)"
            raise UnexpectedValue(f"a span in {len(groups)} pieces with text between them", expected)
        choices.note(f"spans in pieces (--fragments {choices.fragments})")
        groups = {"cover": [(groups[0][0], groups[-1][1])], "split": groups, "drop": []}[choices.fragments]
    return [cut_span(ruler.text, start, end, label) for start, end in groups]


def fragments_agree(text: str, places: Sequence[tuple[int, int]], claim: str) -> bool:
    """Whether the fragments cut out the text in the line. Before 1.3 brat joined them without a space.

    Editors cut white space off a line's end, and a comment may follow the text.
    """
    for joint in (" ", ""):
        cut = joint.join(text[start:end] for start, end in places)
        rest = claim[len(cut) :]
        if claim.startswith(cut) and (not rest or rest[0].isspace()) or claim.rstrip() == cut.rstrip():
            return True
    return False


def merge_fragments(text: str, places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The fragments by start, those with nothing or only white space with a line break between them made one."""
    groups = [places[0]]
    for start, end in places[1:]:
        first, last = groups[-1]
        gap = text[last:start]
        if start <= last or (gap.isspace() and not PIECES.fullmatch(gap)):
            groups[-1] = first, max(last, end)
        else:
            groups.append((start, end))
    return groups


def find_brat_misfit(text: str, span: Span) -> str | None:
    """Why brat cannot hold the span, or None."""
    if text[span.start] in LINE_BREAKS or text[span.end - 1] in LINE_BREAKS:
        return "it begins or ends with a line break"
    if any(char.isspace() for char in span.label):
        return "its label has white space"
    return None


def strip_breaks(text: str, span: Span) -> list[Span]:
    """[the span without line breaks at its ends], or [] where nothing is left."""
    cut = text[span.start : span.end]
    start, end = span.end - len(cut.lstrip(LINE_BREAKS)), span.start + len(cut.rstrip(LINE_BREAKS))
    return [cut_span(text, start, end, span.label, span.score)] if start < end else []


def render_brat(document: Document, choices: Choices) -> tuple[str, str]:
    """(text, annotations) of a document."""
    limits = Limits("brat", overlaps=True, find_misfit=find_brat_misfit, cut=strip_breaks)
    lines = []
    for number, span in enumerate(fit_spans(document, limits, choices), 1):
        places = cut_fragments(document.text, span)
        offsets = ";".join(f"{start} {end}" for start, end in places)
        words = " ".join(document.text[start:end] for start, end in places)
        lines.append(f"T{number}\t{span.label} {offsets}\t{words}\n")
    return document.text, "".join(lines)


def cut_fragments(text: str, span: Span) -> list[tuple[int, int]]:
    """The parts of a span between line breaks, as brat cuts them: without the white space at the breaks."""
    places = []
    for match in PIECES.finditer(text, span.start, span.end):
        start, end = match.span()
        is_first, is_last = start == span.start, end == span.end
        if not match[0].isspace():
            start = start if is_first else end - len(match[0].lstrip())
            end = end if is_last else match.start() + len(match[0].rstrip())
        if is_first or is_last or not match[0].isspace():
            places.append((start, end))
    return places
