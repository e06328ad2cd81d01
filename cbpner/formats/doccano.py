"""doccano's JSON lines (and its JSON, an array of the same rows).

    {"id", "text", "entities": [{"id", "label", "start_offset", "end_offset"}], "relations": [...]}   with relations
    {"id", "text", "label": [[start, end, label], ...]}                                               since 1.2
    {"id", "text", "labels": [[start, end, label], ...]}                                              before

Text may be in `data` (1.2 to 1.6). A list's entries may be lists or objects in each. Other fields are metadata, which
doccano imports and exports; relations and comments are counted and left out.

doccano counts UTF-16 code units since 1.5, whose annotator is `v-annotator` (issue 2290), and counted code points
before (pull request 108). Its files do not say; so `labels` is read in code points and the others in UTF-16, unless
`--offsets` says otherwise, and the number of documents that depend on it is reported. Projects set to "count grapheme
clusters as one character" count a third way, which is not read.
"""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from cbpner.base.errors import UnexpectedValue
from cbpner.formats.document import Choices, Document, Limits, cut_span, fit_spans
from cbpner.formats.fields import check_label, check_offset, dump_row, make_document, take_id, take_list, take_text
from cbpner.formats.offsets import COUNTS, Ruler
from cbpner.formats.rows import describe_value, list_names, parse_rows, read_rows

# format's name: (field of the spans, what its offsets count)
FORMS = {"doccano": ("entities", "utf16"), "doccano-label": ("label", "utf16"), "doccano-old": ("labels", "codepoints")}


def read_doccano(path: Path, id: str, choices: Choices) -> Iterator[Document]:
    """Yield the documents of a file. FaultyFile at the end, with every fault."""
    yield from parse_rows(read_rows(path), lambda row: read_doccano_row(row.values, f"{id}-{row.number}", choices))


def read_doccano_row(row: dict[str, Any], id: str, choices: Choices) -> Document:
    id = take_id(row, id)
    name, text = take_text(row, [choices.text_field] if choices.text_field else ["text", "data"])
    form, count = next((each for each in FORMS.values() if each[0] in row), ("", ""))
    if not form:
        numbers = "; numbered labels (`annotations`) cannot be read: export them as text" * ("annotations" in row)
        raise UnexpectedValue(f"the fields {list_names(row)}", f"spans in entities, label or labels{numbers}")
    entries = [read_entry(entry) for entry in take_list(row, form)]
    for field in ("relations", "Comments"):
        choices.note(f"{field.lower()} of doccano's left out", len(take_list(row, field)))
    rulers = {each: Ruler(text, each) for each in COUNTS}
    if choices.offsets == "auto":
        differs = any(rulers["utf16"].cut(*entry[:2]) != rulers["codepoints"].cut(*entry[:2]) for entry in entries)
        reading = f"documents whose offsets were read as {COUNTS[count]}, where it makes a difference"
        choices.note(f"{reading} (--offsets settles it)", differs)
    else:
        count = choices.offsets
    spans = []
    for start, end, label in entries:
        if place := rulers[count].cut_checked(start, end, choices):
            spans.append(cut_span(text, *place, label))
    used = ("id", name, form, "relations", "Comments")
    extras = {field: value for field, value in row.items() if field not in used}
    return make_document(id, text, spans, extras)


def read_entry(entry: Any) -> tuple[int, int, str]:
    """(start, end, label) of an entry of a row's spans, in the tool's count."""
    if isinstance(entry, dict):
        entry = [entry.get(name) for name in ("start_offset", "end_offset", "label")]
    if not isinstance(entry, list) or len(entry) != 3:
        expected = 'such as [0, 5, "gene"]; is it another kind of project?'
        raise UnexpectedValue(f"{describe_value(entry)} as a span", expected)
    return check_offset(entry[0], "start"), check_offset(entry[1], "end"), check_label(entry[2])


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
