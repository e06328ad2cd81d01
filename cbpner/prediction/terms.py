"""A user's own terms: names that are always tagged with a type, and names that never are.

A file has a name, a tab and a type in each line, or `none` for a name that is never tagged (UTF-8; `#` begins a
comment). A name is found wherever it is a whole word, in any case and width; of names that overlap, the longest. A
longer span of its own type that contains a term stays (`非小细胞肺癌` for `肺癌`), any other that overlaps it goes. A
name that is never tagged removes the spans that lie within it alone.
"""

from bisect import bisect
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cbpner.base.errors import Fault, FaultyFile
from cbpner.decoding.document_vote import MIN_SURFACE, ScoredSpan, settle
from cbpner.formats.document import Span, cut_span
from cbpner.text.bio import read_lines
from cbpner.text.characters import fold_characters, shorten
from cbpner.text.reading_form import LOOKALIKES, read_lookalike

NONE = "none"
SOURCE = "terms"  # of a span


class Terms:
    """Terms, and how they change a text's spans. types: {folded name: its type, or NONE}."""

    def __init__(self, types: Mapping[str, str]) -> None:
        self.types = dict(sorted(types.items()))
        self._lengths: dict[str, set[int]] = defaultdict(set)  # of the names, by their first characters
        for name in self.types:
            self._lengths[name[:MIN_SURFACE]].add(len(name))

    def find(self, text: str) -> list[ScoredSpan]:
        """The terms in a text, by start, without overlaps; those that are never tagged have the label NONE."""
        text = fold_characters(text)
        openings = ((place, self._lengths.get(text[place : place + MIN_SURFACE], ())) for place in range(len(text)))
        names = {text[place : place + length] for place, lengths in openings for length in lengths} & self.types.keys()
        return sorted(settle([], text, {name: (self.types[name], 1.0) for name in names}))

    def apply(self, text: str, spans: Sequence[Span]) -> list[Span]:
        """The tagger's spans, which do not overlap, and the terms' with the score 1, by start and without overlaps."""
        found, kept, covered = self.find(text), [], set()
        starts, ends = [term.start for term in found], [term.end for term in found]
        for span in spans:
            overlapping = found[bisect(ends, span.start) : bisect(starts, span.end - 1)]
            if not any(is_stronger(term, span) for term in overlapping):
                kept.append(span)
                covered.update(overlapping)
        own = [cut_span(text, *term, SOURCE) for term in found if term.label != NONE and term not in covered]
        return sorted([*kept, *own], key=lambda span: span.start)


def is_stronger(term: ScoredSpan, span: Span) -> bool:
    """Whether a term removes a span that it overlaps."""
    if term.label == NONE:
        return term.start <= span.start and span.end <= term.end
    is_within = span.start <= term.start and term.end <= span.end and term[:2] != span[:2]
    return not is_within or term.label != span.label


def read_terms(source: str | Path | Mapping[str, str | None], types: Sequence[str]) -> Terms:
    """The terms of a file, or of {name: one of `types`, or None}; FaultyFile names every line that cannot be used."""
    expected = f"a name of {MIN_SURFACE} characters or more, a tab, and {', '.join(types)} or {NONE}"
    rows: list[tuple[int, Sequence[Any]]]
    faults: list[Fault] = []
    if isinstance(source, Mapping):
        place, rows = "terms", list(enumerate(source.items(), 1))
    else:
        place, (lines, faults) = str(source), read_lines(source)
        used = ((number, line) for number, line in enumerate(lines, 1) if line and line.strip() and line[0] != "#")
        rows = [(number, line.rstrip().split("\t")) for number, line in used]
        if not (rows or faults):
            faults.append(Fault(place, 0, "no term", expected))
    known: dict[str, tuple[str, int]] = {}  # {folded name: (its type, its line)}
    for number, cells in rows:
        name, label = cells[0].strip(), (cells[-1] or NONE).strip()
        before, first = known.get(fold_characters(name), (label, number))
        problems = {
            f"{len(cells)} column(s)": len(cells) != 2,
            f"the name {name!r}": len(name) < MIN_SURFACE,
            f"the type {shorten(label)}": label not in (*types, NONE),
            f"{shorten(name)} as {label}, which is {before} in line {first}": label != before,
        }
        if found := next((problem for problem, is_there in problems.items() if is_there), None):
            faults.append(Fault(place, number, found, expected))
        else:
            known[fold_characters(name)] = before, first
    if faults:
        raise FaultyFile(sorted(faults, key=lambda fault: fault.line), advice="")
    names = {name: label for name, (label, _) in known.items()}
    return Terms({LOOKALIKES.sub(read_lookalike, name): label for name, label in names.items()} | names)
