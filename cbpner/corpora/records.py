"""Exports with a patent a row (JSON lines, a JSON array, CSV, TSV, Parquet), with id, date and text in named fields.

Fields have the names that the caller gives as {role: name}, or the usual ones, in either case. Each text field holds a
string, a list of strings, or as in BigQuery's public table a list of {text, language}, of which the Chinese one is
taken. `text` is the whole patent; parts that it lacks are added: where it is named by the caller, only the title and
those that are named too.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any, cast

from cbpner.base.errors import Fault, InputError, UnexpectedValue
from cbpner.corpora.document import PARTS, PatentDocument, normalize_number, parse_date
from cbpner.corpora.plain import split_parts
from cbpner.formats.fields import take_id
from cbpner.formats.rows import Row, describe_value, find_kind, list_names, read_columns, read_rows
from cbpner.text.characters import describe_bytes

FIRST_ROWS = 100  # a field that none of these has is missing from the file
META = ("id", "date", "family")
TEXT_ROLES = ("text", "abstract", "claims", "description")
USUAL_NAMES = {
    "id": (
        "publication_number", "publicationnumber", "pub_number", "patent_number", "patent_id", "doc_number", "number",
        "id", "公开(公告)号", "公开号", "公告号",
    ),
    "date": ("publication_date", "publicationdate", "pub_date", "date", "公开(公告)日", "公开日", "公告日"),
    "text": ("text", "full_text", "fulltext", "content", "body", "全文"),
    "title": ("title", "title_localized", "标题", "发明名称"),
    "abstract": ("abstract", "abstract_localized", "摘要"),
    "claims": ("claims", "claims_localized", "权利要求", "权利要求书"),
    "description": ("description", "description_localized", "说明书"),
    "family": ("family_id", "family", "simple_family_id", "同族"),
}  # fmt: skip
CHINESE_LANGUAGE = re.compile("(zh|cn|chi|zho)(?![a-z])", re.IGNORECASE)
NO_FAMILY = ("", "-1")  # of the public BigQuery table
NO_DATE = (None, "", 0, "0")


def read_export(path: Path, named: Mapping[str, str]) -> Iterator[PatentDocument | Fault]:
    """Yield the patents of a file of rows, and a Fault for each row that is none.

    Raises InputError where the file, or its first 100 rows, lack a field that was asked for, the id, or any text.
    """
    names: Collection[str] = ()
    if find_kind(path) == "parquet":
        with suppress(InputError):  # not a whole file, which is a Fault of read_rows
            names = read_columns(path)
    rows = read_rows(path, columns=list(find_roles(names, named).values()) if names else None)
    head = [] if names else list(islice(rows, FIRST_ROWS))
    names = names or dict.fromkeys(name for row in head if isinstance(row, Row) for name in row.values)
    if names:
        _check_names(path, names, named)
    for row in chain(head, rows):
        try:
            yield row if isinstance(row, Fault) else _parse_row(row, find_roles(row.values, named))
        except UnexpectedValue as error:
            yield cast(Row, row).blame(error)


def find_roles(names: Collection[str], named: Mapping[str, str]) -> dict[str, str]:
    """{role: field}: the field that was named, or else the first with a usual name."""
    gaps = str.maketrans(" -（）", "__()")
    usual = {name.strip().lower().translate(gaps): name for name in reversed(list(names))}
    roles: dict[str, str] = {}
    for role, candidates in USUAL_NAMES.items():
        name = named.get(role)
        if name is None and not ("text" in named and role in TEXT_ROLES):
            name = next((usual[candidate] for candidate in candidates if candidate in usual), None)
        if name is not None and name in names:
            roles[role] = name
    return roles


def _check_names(path: Path, names: Collection[str], named: Mapping[str, str]) -> None:
    roles, present = find_roles(names, named), f"the fields are {list_names(names)}"
    for role, name in named.items():
        if role not in roles:
            raise InputError(f"{path}: no field {name!r}, which was to contain the {role}; {present}")
    for wanted, what in ((("id",), "publication number"), (TEXT_ROLES, "text")):
        if not set(wanted) & set(roles):
            usual = ", ".join(name for role in wanted for name in USUAL_NAMES[role])
            advice = f"expected one of {usual}, or the name of yours (--{wanted[0]}-field NAME)"
            raise InputError(f"{path}: no field with the {what}; {present}; {advice}")


def _parse_row(row: Row, roles: Mapping[str, str]) -> PatentDocument:
    """The patent of a row; raise UnexpectedValue where it is none."""
    values = {role: row.values[name] for role, name in roles.items()}
    texts = {role: parse_text_value(values[role], roles[role]) for role in values if role not in META}
    whole = texts.pop("text", "")
    parts = split_parts(whole) if whole.strip() else dict.fromkeys(PARTS, "")
    for part, text in texts.items():
        if text.strip() and text.strip() not in whole:
            parts[part] = f"{text}\n{parts[part]}".strip("\n") if parts[part] else text
    if not any(parts[part].strip() for part in PARTS[1:]):
        named = [roles[role] for role in TEXT_ROLES if role in roles]
        raise UnexpectedValue(f"no text in the fields {list_names(named or row.values)}", "the text of a patent")
    id, date, family = map(values.get, META)
    number = take_id({"id": id}, "")
    if not number.strip():
        raise UnexpectedValue(f"{describe_value(id)} as an id", "a publication number")
    day = parse_date(date)
    if day is None and not (isinstance(date, str | int | None) and date in NO_DATE):
        raise UnexpectedValue(f"{describe_value(date)} as a date", "a date such as 20160525 or 2016-05-25")
    if isinstance(family, float) and family.is_integer():  # of a column with gaps
        family = int(family)
    if isinstance(family, bool) or not isinstance(family, str | int | None):
        raise UnexpectedValue(f"{describe_value(family)} as a family", "the name or number of a family")
    family = "" if family is None else str(family).strip()
    family = None if family in NO_FAMILY else family
    return PatentDocument(normalize_number(number), day, family=family, source=f"{row.path}:{row.number}", **parts)


def parse_text_value(value: Any, name: str) -> str:
    """The text of a field's value, '' where it is null; raise UnexpectedValue where it is neither text nor texts."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise UnexpectedValue(f"{describe_bytes(value, error.start)} in {name!r}", "UTF-8") from None
    if isinstance(value, dict):  # {text, language}; BigQuery's Parquet wraps lists as {list: [{element: ...}]}
        inner = [value[key] for key in ("text", "list", "element") if key in value]
        if inner:
            return parse_text_value(inner[0], name)
    if isinstance(value, list):
        values = [each.get("element", each) if isinstance(each, dict) else each for each in value]
        localized = [each for each in values if isinstance(each, dict)]
        if not localized:
            return "\n".join(parse_text_value(each, name) for each in values)
        chinese = (each for each in localized if CHINESE_LANGUAGE.match(str(each.get("language"))))
        return parse_text_value(next(chinese, localized[0]), name)
    raise UnexpectedValue(f"{describe_value(value)} in the field {name!r}", "text, or a list of {text, language}")
