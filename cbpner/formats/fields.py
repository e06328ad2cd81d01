"""Checks of the fields of a row, and the document that a row makes."""

import datetime
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from cbpner.base.errors import UnexpectedValue
from cbpner.formats.document import Document, Span, find_problem, read_date
from cbpner.formats.rows import describe_value, list_names
from cbpner.text.characters import is_encodable


def take_text(row: Mapping[str, Any], names: Sequence[str]) -> tuple[str, str]:
    """(name, text) of the first of these fields that the row has."""
    name = next((name for name in names if name in row), None)
    if name is None:
        expected = f"a field {names[0]!r} (--text-field NAME names another)"
        raise UnexpectedValue(f"the fields {list_names(row)}", expected)
    if not isinstance(row[name], str):
        raise UnexpectedValue(f"{describe_value(row[name])} in the field {name!r}", "text")
    return name, row[name]


def take_list(row: Mapping[str, Any], name: str) -> list[Any]:
    """The list in a field; [] where it is missing or null."""
    value = row.get(name)
    if value is not None and not isinstance(value, list):
        raise UnexpectedValue(f"{describe_value(value)} in the field {name!r}", "a list")
    return value or []


def take_id(row: Mapping[str, Any], default: str, name: str | None = None) -> str:
    """The row's id as text, dates in ISO 8601: that of its field `name`, or else of `id`, or the default."""
    value = row.get(name or "id")
    if value == "" or (name is None and value is None):
        return default
    if name is not None and name not in row:
        raise UnexpectedValue(f"the fields {list_names(row)}", f"a field {name!r} with the id (--id-field)")
    if (isinstance(value, float) and abs(value) < 1 << 53 or isinstance(value, Decimal)) and value == int(value):
        return str(int(value))  # 1.0, which pandas makes of 1 in a column with missing ids
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, bool) or not isinstance(value, int | str | UUID):
        raise UnexpectedValue(f"{describe_value(value)} as an id", "text, a whole number or a date")
    return str(value)


def check_offset(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnexpectedValue(f"{describe_value(value)} as a span's {name}", "a whole number")
    return value


def check_label(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise UnexpectedValue(f"{describe_value(value)} as a span's label", "text that is not empty")
    return value


DATE_FIELDS = ("date", "publication_date", "year")  # of which the first that is there counts


def make_document(id: str, text: str, spans: Sequence[Span], extras: Mapping[str, Any]) -> Document:
    """The document of a row; UnexpectedValue where its spans or its text cannot be.

    extras: fields that are metadata, a field `meta` of more, and the date.
    """
    extras = dict(extras)
    nested = extras.pop("meta", None)
    date = read_date(extras.get("date"))
    if date is not None or extras.get("date") is None:
        extras.pop("date", None)
    if nested is not None and not (isinstance(nested, dict) and all(extras.get(k, v) == v for k, v in nested.items())):
        extras["meta"], nested = nested, None
    document = Document(id, text, list(spans), extras | (nested or {}), date)
    problem = find_problem(document)
    if problem:
        raise UnexpectedValue(problem, "spans within a text that UTF-8 can hold")
    return document


def dump_row(row: Any) -> str:
    """A row as one line of JSON without its end; NaN and infinite numbers, which JSON does not have, become null."""
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False)
    except ValueError:
        row = json.loads(json.dumps(row), parse_constant=lambda _: None)
        text = json.dumps(row, ensure_ascii=False)
    return text if is_encodable(text) else json.dumps(row)
