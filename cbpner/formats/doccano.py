"""doccano's JSON lines (and its JSON, an array of the same rows).

    {"id", "text", "entities": [{"id", "label", "start_offset", "end_offset"}], "relations": [...]}   with relations
    {"id", "text", "label": [[start, end, label], ...]}                                               since 1.2
    {"id", "text", "labels": [[start, end, label], ...]}                                              before

Text may be in `data` (1.2 to 1.6). A list's entries may be lists or objects in each. Other fields are metadata, which
doccano imports and exports; relations and comments are counted and left out.

doccano counts UTF-16 code units since 1.5, whose annotator is `v-annotator` (issue 2290), and counted code points
before (pull request 108). Its files do not say; so `labels` is read in code points and the others in UTF-16, unless the
file's offsets are possible in the other count alone, and the number of documents that depend on it is reported.
Projects set to "count grapheme clusters as one character" count a third way, which is not read.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from cbpner.base.errors import Fault, FaultyFile, UnexpectedValue
from cbpner.formats.document import Choices, Document, Limits, cut_span, fit_spans
from cbpner.formats.fields import check_label, check_offset, dump_row, make_document, take_id, take_list, take_text
from cbpner.formats.offsets import COUNTS, Ruler
from cbpner.formats.rows import Row, describe_value, list_names, parse_rows, read_rows

# format's name: (field of the spans, what its offsets count)
FORMS = {"doccano": ("entities", "utf16"), "doccano-label": ("label", "utf16"), "doccano-old": ("labels", "codepoints")}
USUAL_COUNTS = dict(FORMS.values())


class DoccanoRow:
    """A row, its id and text, the field of its spans, these as (start, end, label) in the tool's count, the rest."""

    def __init__(self, source: Row, id: str, choices: Choices):
        self.row, row = source, source.values
        self.id = take_id(row, f"{id}-{source.number}")
        name, self.text = take_text(row, [choices.text_field] if choices.text_field else ["text", "data"])
        self.form = next((form for form in USUAL_COUNTS if form in row), "")
        if not self.form:
            numbers = "; numbered labels (`annotations`) cannot be read: export them as text" * ("annotations" in row)
            raise UnexpectedValue(f"the fields {list_names(row)}", f"spans in entities, label or labels{numbers}")
        self.entries: list[tuple[int, int, str]] = []
        for entry in take_list(row, self.form):
            if isinstance(entry, dict):
                entry = [entry.get(name) for name in ("start_offset", "end_offset", "label")]
            if not isinstance(entry, list) or len(entry) != 3:
                expected = 'such as [0, 5, "gene"]; is it another kind of project?'
                raise UnexpectedValue(f"{describe_value(entry)} as a span", expected)
            self.entries.append((check_offset(entry[0], "start"), check_offset(entry[1], "end"), check_label(entry[2])))
        for field in ("relations", "Comments"):
            choices.note(f"{field.lower()} of doccano's left out", len(take_list(row, field)))
        used = ("id", name, self.form, "relations", "Comments")
        self.extras = {field: value for field, value in row.items() if field not in used}

    def allows(self, count: str) -> bool:
        """Whether each span lies within the text, and on characters, in this count."""
        ruler = Ruler(self.text, count)
        return all(ruler.cut(start, end) for start, end, _ in self.entries)

    def depends_on_count(self) -> bool:
        """Whether UTF-16 code units and code points cut out different spans."""
        points, units = Ruler(self.text), Ruler(self.text, "utf16")
        return any(points.cut(start, end) != units.cut(start, end) for start, end, _ in self.entries)


def read_doccano(path: Path, id: str, choices: Choices) -> Iterator[Document]:
    """Yield the documents of a file. FaultyFile at the end, with every fault."""
    faults: list[Fault] = []
    rows = list(parse_rows(read_rows(path), lambda row: DoccanoRow(row, id, choices), faults))
    counts = {}
    for form in USUAL_COUNTS:
        counts[form] = choose_doccano_count(form, [row for row in rows if row.form == form], choices)
    for row in rows:
        try:
            yield build_document(row, counts[row.form], choices)
        except UnexpectedValue as error:
            faults.append(row.row.blame(error))
    if faults:
        raise FaultyFile(faults)


def choose_doccano_count(form: str, rows: Sequence[DoccanoRow], choices: Choices) -> str:
    """What the offsets of a file's rows with this field count."""
    if choices.offsets != "auto":
        return choices.offsets
    usual = USUAL_COUNTS[form]
    other = "codepoints" if usual == "utf16" else "utf16"
    is_other = not all(row.allows(usual) for row in rows) and all(row.allows(other) for row in rows)
    count = other if is_other else usual
    reading = f"documents whose offsets were read as {COUNTS[count]}, where it makes a difference"
    choices.note(f"{reading} (--offsets settles it)", sum(row.depends_on_count() for row in rows))
    return count


def build_document(row: DoccanoRow, count: str, choices: Choices) -> Document:
    ruler, spans = Ruler(row.text, count), []
    for start, end, label in row.entries:
        place = ruler.cut(start, end)
        if place:
            spans.append(cut_span(row.text, *place, label))
        elif start == end and choices.unfit == "drop":
            choices.note("empty spans dropped")
        else:
            other = "codepoints" if count == "utf16" else "utf16"
            hint = f"; this row fits {COUNTS[other]}, but others of the file do not: part them, for --offsets"
            raise ruler.refuse(start, end, hint * (choices.offsets == "auto" and row.allows(other)))
    return make_document(row.id, row.text, spans, row.extras, nulls=False)


def write_doccano(file: IO[str], documents: Iterable[Document], choices: Choices, form: str = "doccano") -> None:
    """Write the documents, a line each, to an open text file."""
    name, count = FORMS[form]
    numbers = itertools.count(1)
    for document in documents:
        ruler = Ruler(document.text, count)
        entries: list[Any] = []
        for span in fit_spans(document, Limits("doccano", overlaps=True, extras=("meta",)), choices):
            start, end = ruler.find_offset(span.start), ruler.find_offset(span.end)
            entry = {"id": next(numbers), "label": span.label, "start_offset": start, "end_offset": end}
            entries.append(entry if form == "doccano" else [start, end, span.label])
        relations: dict[str, Any] = {"relations": []} if form == "doccano" else {}
        row = {"id": document.id, "text": document.text, name: entries} | relations | document.extras
        file.write(dump_row(row) + "\n")
        choices.note("documents without text, which doccano refuses to import", not document.text)
