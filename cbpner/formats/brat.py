"""brat's standoff: `NAME.txt`, and `NAME.ann` with lines `T1<tab>gene 0 5<tab>BRCA1`.

Offsets count code points of the text as it is, CR LF being two and a byte order mark one (so brat's server reads both).
What the line says that its offsets cut out is checked against the text. Where that fails, programs that opened the
text with universal newlines (CR LF is one), that counted UTF-16 code units (Python 2 on Windows and macOS), or that
dropped the byte order mark are tried.

brat writes no line break into a `.ann` file: a span over one is in fragments, `0 5;6 10`, without the white space at
the break. Fragments with nothing but such white space between are one span again; with other text between they are
what `Choices.fragments` says. Relations, events, attributes, normalizations, notes and equivalences are counted and
left out; the trigger of an event is a span.

Sources: brat's `annotation.py` and `annotator.py`, https://brat.nlplab.org/standoff.html, its issues 1042 and 1115.
"""

import re
from pathlib import Path

from cbpner.base.errors import Fault, FaultyFile, InputError
from cbpner.formats.document import Document, Limits, Span, cut_span, fit_spans
from cbpner.formats.offsets import COUNTS, Ruler, choose_ruler, has_astral
from cbpner.text.bio import read_lines
from cbpner.text.characters import BOM, shorten

LINE_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"  # where brat's server breaks lines
PIECES = re.compile(f"[^{LINE_BREAKS}]+")
TEXT_BOUND = re.compile(r"T\S*\t(\S+) (\d{1,18} \d{1,18}(?:;\d{1,18} \d{1,18})*) *(?:\t(.*))?", re.ASCII | re.DOTALL)
OTHERS = {
    "R": "relations",
    "E": "events",
    "A": "attributes",
    "M": "attributes",
    "N": "normalizations",
    "#": "notes",
    "*": "equivalences",
}
EXPECTED = "such as T1<tab>gene 0 5<tab>BRCA1"


class Claim:
    """What a T line says: its number, the label, the fragments (start, end), the text that they cut out or None."""

    def __init__(self, line, label, fragments, text):
        self.line, self.label = line, label
        self.text = text if text and not text.isspace() else None
        self.fragments = [tuple(map(int, fragment.split(" "))) for fragment in fragments.split(";")]


def read_brat(path, id, choices) -> list[Document]:
    """[the document] of a `.txt` or `.ann` file and the other file beside it. FaultyFile with every fault.

    A text without annotations is a document without spans.
    """
    source, notes = find_beside(Path(path), ".txt"), find_beside(Path(path), ".ann")
    if not source.is_file():
        raise InputError(f"{notes}: found no {source.name} beside it; expected the text that the annotations are of")
    try:
        text = source.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise FaultyFile(
            [Fault(str(source), 0, f"bytes that are not UTF-8 at byte {error.start + 1}", "UTF-8")]
        ) from None
    if not notes.is_file():
        choices.note("text files without an .ann file, read as documents without spans")
        return [Document(id, text)]
    lines, faults = read_lines(notes)
    claims = read_claims(lines, notes, faults, choices)
    ruler = choose_count(text, claims, choices)
    spans = [span for claim in claims for span in read_claim(text, claim, ruler, notes, faults, choices)]
    if faults:
        raise FaultyFile(sorted(faults, key=lambda fault: fault.line))
    return [Document(id, text, spans)]


def find_beside(path, suffix):
    """The file with this suffix, in either case, beside another; where there is none, its name in lower case."""
    names = [path.with_suffix(each) for each in (suffix, suffix.upper())]
    return next((name for name in (path, *names) if name.suffix.lower() == suffix and name.is_file()), names[0])


def read_claims(lines, path, faults, choices) -> list[Claim]:
    """The T lines of a `.ann` file; other lines are counted, faults are added to `faults`."""
    claims = []
    for number, line in enumerate(lines, 1):
        line = (line or "").removesuffix("\r")
        match = TEXT_BOUND.fullmatch(line)
        if match:
            claims.append(Claim(number, *match.groups()))
        elif line[:1] in OTHERS and "\t" in line:
            choices.note(f"{OTHERS[line[0]]} of brat's left out")
        elif line.strip():
            faults.append(Fault(str(path), number, f"the line {shorten(line)}", EXPECTED))
    return claims


def choose_count(text, claims, choices):
    """The ruler for a document's offsets: the first that agrees with what its lines say, or the one asked for."""
    if choices.offsets != "auto":
        return Ruler(text, choices.offsets)
    counts = [
        "codepoints",
        *["unmarked"] * text.startswith(BOM),
        *["newlines"] * ("\r\n" in text),
        *["utf16"] * has_astral(text),
    ]
    reading = choose_ruler(text, counts, claims, agrees)
    if reading.ruler.count != "codepoints":
        choices.note(f"brat documents whose offsets count {COUNTS[reading.ruler.count]}")
    return reading.ruler


def agrees(ruler, claim):
    """Whether the fragments cut out what the line says. Before 1.3 brat joined them without a space."""
    places = [ruler.cut(*fragment) for fragment in claim.fragments]
    if None in places:
        return False
    texts = [ruler.text[start:end] for start, end in places]
    return claim.text is None or any(says(claim.text, joint.join(texts)) for joint in (" ", ""))


def says(claim, text):
    """Whether the end of a T line is the text; editors cut white space off its end, a comment may follow."""
    rest = claim[len(text) :]
    return claim.startswith(text) and (not rest or rest[0].isspace()) or claim.rstrip() == text.rstrip()


def read_claim(text, claim, ruler, path, faults, choices) -> list[Span]:
    """The spans of one T line; none where it is faulty."""
    places = [ruler.cut(*fragment) for fragment in claim.fragments]
    if None in places:
        start, end = claim.fragments[places.index(None)]
        if start == end and choices.unfit == "drop":
            choices.note("empty spans dropped")
            return []
        found = f"the offsets {start}..{end} in a text of {ruler.find_offset(len(text))} {COUNTS[ruler.count]}"
        faults.append(Fault(str(path), claim.line, found, "offsets within the text, the start before the end"))
        return []
    if not agrees(ruler, claim):
        cut = " ".join(text[start:end] for start, end in places)
        if choices.offsets == "auto":
            found = f"{shorten(claim.text)} for the offsets of {shorten(cut)}"
            expected = (
                "the text that the offsets cut out (--offsets codepoints or utf16 takes the offsets' word for it)"
            )
            faults.append(Fault(str(path), claim.line, found, expected))
            return []
        choices.note("brat annotations whose text is not what their offsets cut out")
    groups = merge_fragments(text, sorted(places))
    if len(groups) > 1:
        groups = join_groups(groups, claim, path, faults, choices)
    return [cut_span(text, start, end, claim.label) for start, end in groups]


def merge_fragments(text, places):
    """The fragments by start, those with nothing or only white space with a line break between them made one."""
    groups = [list(places[0])]
    for start, end in places[1:]:
        gap = text[groups[-1][1] : start]
        if start <= groups[-1][1] or (gap.isspace() and not PIECES.fullmatch(gap)):
            groups[-1][1] = max(groups[-1][1], end)
        else:
            groups.append([start, end])
    return groups


def join_groups(groups, claim, path, faults, choices):
    """What `choices.fragments` makes of a span in pieces."""
    if choices.fragments == "error":
        found = f"a span in {len(groups)} pieces with text between them"
        expected = "spans in one piece (--fragments cover, split or drop makes something of it)"
        faults.append(Fault(str(path), claim.line, found, expected))
        return []
    choices.note(f"spans in pieces (--fragments {choices.fragments})")
    return {"cover": [(groups[0][0], groups[-1][1])], "split": groups, "drop": []}[choices.fragments]


def find_misfit(text, span):
    """Why brat cannot hold the span, or None."""
    if text[span.start] in LINE_BREAKS or text[span.end - 1] in LINE_BREAKS:
        return "it begins or ends with a line break"
    if any(char.isspace() for char in span.label):
        return "its label has white space"
    return None


def strip_breaks(text, span) -> list[Span]:
    """The span without line breaks at its ends; none where it is nothing else."""
    cut = text[span.start : span.end]
    start, end = span.end - len(cut.lstrip(LINE_BREAKS)), span.start + len(cut.rstrip(LINE_BREAKS))
    return [cut_span(text, start, end, span.label, span.score)] if start < end else []


LIMITS = Limits("brat", overlaps=True, find_misfit=find_misfit, cut=strip_breaks)


def render_brat(document: Document, choices) -> tuple[str, str]:
    """(text, annotations) of a document."""
    lines = []
    for number, span in enumerate(fit_spans(document, LIMITS, choices), 1):
        places = cut_fragments(document.text, span)
        offsets = ";".join(f"{start} {end}" for start, end in places)
        words = " ".join(document.text[start:end] for start, end in places)
        lines.append(f"T{number}\t{span.label} {offsets}\t{words}\n")
    return document.text, "".join(lines)


def cut_fragments(text, span) -> list[tuple[int, int]]:
    """The parts of a span between line breaks, as brat cuts them: without the white space at the breaks."""
    places = []
    for match in PIECES.finditer(text, span.start, span.end):
        start, end = match.span()
        if match[0].isspace() and span.start < start and end < span.end:
            continue
        if start > span.start and not (end == span.end and match[0].isspace()):
            start = end - len(match[0].lstrip())
        if end < span.end and not (match.start() == span.start and match[0].isspace()):
            end = match.start() + len(match[0].rstrip())
        places.append((start, end))
    return places
