"""A user's own terms: names that are always tagged with a type, and names that never are.

A file of terms (UTF-8) has a name, a tab and a type in each line, or `none` for a name that is never tagged; blank
lines and those that begin with `#` are left out. No sign in a name has a special meaning.

A name is found wherever it is a whole word, in any case and width; of names that overlap, the longest. A span of the
tagger stays where it is longer than a term of its own type and contains it (`非小细胞肺癌` for the term `肺癌`); else a
term replaces the spans that it overlaps. A name that is never tagged removes the spans that lie within it; a longer
one, or one that reaches over its end, stays.
"""

import json
from bisect import bisect
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from cbpner.base.errors import Fault, FaultyFile, InputError, UnexpectedValue
from cbpner.decoding.document_vote import MIN_SURFACE, ScoredSpan, settle
from cbpner.formats.document import Span, cut_span
from cbpner.text.characters import check_encoding, fold_characters, is_encodable, shorten

NONE = "none"
SOURCE = "terms"  # of a span


class Terms:
    """Terms, and how they change a text's spans. types: {name: its type, or NONE}, the names folded."""

    def __init__(self, types: Mapping[str, str]) -> None:
        self.types = dict(sorted(types.items()))
        self._lengths: dict[str, set[int]] = defaultdict(set)  # of the names, by their first characters
        for name in self.types:
            self._lengths[name[:MIN_SURFACE]].add(len(name))

    @property
    def checksum(self) -> str:
        """The SHA-256 of what the terms say, however their file is written."""
        return sha256(json.dumps(self.types).encode()).hexdigest()

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
    return not (is_within and term.label == span.label)


def read_terms(source: str | Path | Mapping[str, str | None], types: Sequence[str]) -> Terms:
    """The terms of a file, or of {name: type, or None for never}; FaultyFile names every line that cannot be used.

    types: those that the tagger has.
    """
    if isinstance(source, Mapping):
        place, rows = "terms", enumerate(((name, label or NONE) for name, label in source.items()), 1)
    else:
        place, rows = str(source), _split_lines(Path(source))
    known: dict[str, tuple[str, int]] = {}  # {folded name: (its type, its line)}
    faults = []
    for line, cells in rows:
        try:
            name, label = _check_cells(cells, types)
            before, first = known.setdefault(fold_characters(name), (label, line))
            if before != label:
                found = f"{shorten(name)} as {label}, which is {before} in line {first}"
                raise UnexpectedValue(found, "one type for a name, in whatever case")
        except UnexpectedValue as error:
            faults.append(Fault(place, line, error.found, error.expected))
    if not (known or faults or isinstance(source, Mapping)):
        faults = [Fault(place, 0, "no term", f"a name, a tab, and {', '.join(types)} or {NONE} in a line")]
    if faults:
        raise FaultyFile(faults, advice="")
    return Terms({name: label for name, (label, _) in known.items()})


def _split_lines(path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield (number, cells) of each line with a term."""
    try:
        data = path.read_bytes()
        check_encoding(data)
    except OSError as error:
        raise InputError(f"{path}: cannot read the terms: {error.strerror}") from error
    except UnexpectedValue as error:
        raise InputError(f"{path}: found {error.found}; expected {error.expected}") from None
    text = data.decode("utf-8-sig", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.startswith("#"):
            yield number, [cell.strip() for cell in line.rstrip().split("\t")]


def _check_cells(cells: Sequence[str], types: Collection[str]) -> tuple[str, str]:
    """(name, type) of a line; UnexpectedValue where they cannot be used."""
    if not all(map(is_encodable, cells)):
        raise UnexpectedValue("bytes that are not UTF-8", "text in UTF-8")
    if len(cells) != 2:
        found = f"{len(cells)} columns" if len(cells) > 1 else f"{shorten(cells[0])} without a tab"
        raise UnexpectedValue(found, f"a name, a tab, and {', '.join(types)} or {NONE}")
    name, label = cells
    if len(name) < MIN_SURFACE:
        raise UnexpectedValue(f"the name {name!r}", f"one of {MIN_SURFACE} characters or more")
    if label not in (*types, NONE):
        raise UnexpectedValue(f"the type {shorten(label)}", f"{', '.join(types)} or {NONE}")
    return name, label
