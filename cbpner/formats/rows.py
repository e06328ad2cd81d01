"""JSON files of rows: an object a line, or one array of objects."""

import json
import re

from cbpner.formats.document import Document, clear_numbers, find_problem, is_whole, read_date
from cbpner.text.bio import BOM, Fault

SHOWN_NAMES = 12
SHOWN = 40  # characters of a value
BROKEN_OBJECT = re.compile(rb'\s*\{(?:[^\n]*,)?[ \t\r]*\n\s*"')  # an object that goes on in the next line, by a field
ONE_LINE = "JSON lines, an object a line (`jq -c .` makes them), or one array of objects"


class BadRow(Exception):
    """(found, expected) of one row."""


class Place:
    """Where a row stands in a file: its line, or in an array its number."""

    def __init__(self, path, number, in_array):
        self.path, self.number, self.in_array = str(path), number, in_array

    def blame(self, found, expected) -> Fault:
        if self.in_array:
            return Fault(self.path, 0, f"{found} (item {self.number})", expected)
        return Fault(self.path, self.number, found, expected)


def read_rows(path, faults):
    """(Place, object) of each row; what cannot be read is added to `faults`. A file of lines is never in memory whole.

    OSError where the file cannot be opened.
    """
    with open(path, "rb") as file:
        opening = file.read(1 << 10).removeprefix(BOM.encode())
        file.seek(0)
        if opening.lstrip()[:1] == b"[":
            yield from read_array(path, file.read(), faults)
            return
        if BROKEN_OBJECT.match(opening):
            faults.append(Place(path, 1, False).blame("an object over several lines", ONE_LINE))
            return
        for number, line in enumerate(file, 1):
            place = Place(path, number, False)
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                if text.strip():
                    yield place, check_object(json.loads(text), "an object a line")
            except BadRow as error:
                faults.append(place.blame(*error.args))
            except UnicodeDecodeError as error:
                faults.append(place.blame(describe_bytes(error, line), "text in UTF-8"))
            except (ValueError, RecursionError) as error:
                faults.append(place.blame(f"broken JSON ({error})", "an object a line, or one array of objects"))


def read_array(path, data, faults):
    try:
        rows = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        faults.append(Fault(str(path), 0, describe_bytes(error, data), "text in UTF-8"))
        return
    except json.JSONDecodeError as error:
        found = f"broken JSON ({error.msg}, column {error.colno})"
        faults.append(Fault(str(path), error.lineno, found, "one array of objects"))
        return
    except (ValueError, RecursionError) as error:
        faults.append(Fault(str(path), 0, f"broken JSON ({error})", "one array of objects"))
        return
    for number, row in enumerate(rows, 1):
        place = Place(path, number, True)
        try:
            yield place, check_object(row, "an object")
        except BadRow as error:
            faults.append(place.blame(*error.args))


def describe_bytes(error, data):
    return f"bytes that are not UTF-8 at byte {error.start + 1} ({data[error.start : error.start + 4]!r})"


def check_object(value, expected):
    if not isinstance(value, dict):
        raise BadRow(describe_value(value), expected)
    return value


def describe_value(value):
    """A value as a message shows it: its kind, and its beginning as JSON."""
    kinds = {str: "the text", bool: "the value", int: "the number", float: "the number", list: "the list"}
    if value is None:
        return "null"
    kind = kinds.get(type(value), "the object" if isinstance(value, dict) else f"the {type(value).__name__}")
    text = json.dumps(value, ensure_ascii=False, default=str)
    text = text if is_whole(text) else json.dumps(value, default=str)
    return f"{kind} {text[:SHOWN]}{'…' * (len(text) > SHOWN)}"


def take_text(row, names):
    """(name, text) of the first of these fields that the row has; BadRow where it has none, or no text in it."""
    name = next((name for name in names if name in row), None)
    if name is None:
        raise BadRow(f"the fields {list_names(row)}", f"a field {names[0]!r} (--text-field NAME names another)")
    if not isinstance(row[name], str):
        raise BadRow(f"{describe_value(row[name])} in the field {name!r}", "text")
    return name, row[name]


def list_names(row):
    names = [repr(name) for name in row][:SHOWN_NAMES]
    return ", ".join(names + ["..."] * (len(row) > SHOWN_NAMES)) or "none"


def take_list(row, name):
    """The list in a field; [] where it is missing or null."""
    value = row.get(name)
    if value is not None and not isinstance(value, list):
        raise BadRow(f"{describe_value(value)} in the field {name!r}", "a list")
    return value or []


def check_offset(value, name):
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRow(f"{describe_value(value)} as a span's {name}", "a whole number")
    return value


def check_label(value):
    if not isinstance(value, str) or not value:
        raise BadRow(f"{describe_value(value)} as a span's label", "text that is not empty")
    return value


def check_score(value):
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1):
        raise BadRow(f"{describe_value(value)} as a score", "a number from 0 to 1")
    return value


def take_id(row, default):
    """The row's id as text: that of its field `id`, or the default."""
    value = row.get("id")
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise BadRow(f"{describe_value(value)} as an id", "text or a whole number")
    return str(value)


def make_document(id, text, spans, extras, nulls=True) -> Document:
    """The document; extras: fields that are metadata, those of a field `meta` among them, and its date.

    nulls: whether a field that is null counts. BadRow where the document is none.
    """
    extras = dict(extras)
    nested = extras.pop("meta", None)
    date = read_date(extras.get("date"))
    if date is not None or extras.get("date") is None:
        extras.pop("date", None)
    if nested is not None and not isinstance(nested, dict):
        extras["meta"], nested = nested, None
    meta = {name: value for name, value in extras.items() if nulls or value is not None} | (nested or {})
    document = Document(id, text, spans, meta, date)
    problem = find_problem(document)
    if problem:
        raise BadRow(problem, "spans within a text that UTF-8 can hold")
    return document


def list_extras(document) -> dict:
    """The fields for a document's date and metadata, where it has them; what `make_document` takes."""
    extras = {} if document.date is None else {"date": document.date}
    return extras | ({"meta": document.meta} if document.meta else {})


def dump_row(row) -> str:
    """A row as one line of JSON without its end; NaN and infinite numbers, which JSON does not have, become null."""
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False)
    except ValueError:
        row = clear_numbers(row)
        text = json.dumps(row, ensure_ascii=False, allow_nan=False)
    return text if is_whole(text) else json.dumps(row)
