"""Exports with a patent a row (JSON lines, a JSON array, CSV, TSV, Parquet), with id, date and text in named fields.

Fields have the names that the caller gives as {role: name}, or the usual ones, in either case. Each text field holds a
string, a list of strings, or as in BigQuery's public table a list of {text, language}, of which the Chinese one is
taken. `text` is the whole patent; parts that it lacks are added: where it is named by the caller, only the title and
those that are named too.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cbpner.base.errors import Fault, InputError, UnexpectedValue
from cbpner.corpora.document import PARTS, PatentDocument, normalize_number, parse_date
from cbpner.corpora.plain import split_parts
from cbpner.formats.rows import describe_value, find_kind, list_names, read_columns, read_rows
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


def read_export(path: Path, fields: Mapping[str, str]) -> Iterator[PatentDocument | Fault]:
    """Yield the patents of a file of rows, and a Fault for each row that is none.

    Raises InputError where the file lacks a field that was asked for, the id, or any text.
    """
    parser, columns = _RowParser(path, fields), None
    if find_kind(path) == "parquet":
        with suppress(InputError):  # not a whole file, which is a Fault of read_rows
            columns = read_columns(path)
    if columns is not None:
        columns = list(parser.find_roles(columns).values())
        parser.check()
    for row in read_rows(path, columns=columns):
        if isinstance(row, Fault):
            yield row
            continue
        try:
            yield parser.parse(row.values, row.number)
        except UnexpectedValue as error:
            yield row.blame(error)
    if parser.rows:
        parser.check()


class _RowParser:
    """Makes patents of one file's rows.

    rows: rows parsed so far. names: fields of the first rows, in order. found: roles for which any row had a field.
    """

    def __init__(self, path: Path, named: Mapping[str, str]):
        self.path, self.named = path, named
        self.rows, self.names, self.found = 0, {}, set()

    def parse(self, row: Mapping[str, Any], number: int) -> PatentDocument:
        """Parse a row; raise UnexpectedValue where it is no patent."""
        roles = self.find_roles(row)
        self.rows += 1
        if self.rows == FIRST_ROWS:
            self.check()
        texts = {role: parse_text_value(row[name], name) for role, name in roles.items() if role not in META}
        parts = _merge_parts(texts)
        if not any(parts[part].strip() for part in PARTS[1:]):
            named = [roles[role] for role in TEXT_ROLES if role in roles]
            raise UnexpectedValue(f"no text in the fields {list_names(named or row)}", "the text of a patent")
        id, date, family = (row[roles[role]] if role in roles else None for role in META)
        if isinstance(id, bool) or not isinstance(id, int | str) or not str(id).strip():
            raise UnexpectedValue(f"{describe_value(id)} as an id", "a publication number")
        day = parse_date(date)
        if day is None and not (isinstance(date, str | int | None) and date in NO_DATE):
            raise UnexpectedValue(f"{describe_value(date)} as a date", "a date such as 20160525 or 2016-05-25")
        if isinstance(family, bool) or not isinstance(family, str | int | None):
            raise UnexpectedValue(f"{describe_value(family)} as a family", "the name or number of a family")
        family = "" if family is None else str(family).strip()
        family = None if family in NO_FAMILY else family
        return PatentDocument(normalize_number(str(id)), day, family=family, source=f"{self.path}:{number}", **parts)

    def find_roles(self, names: Iterable[str]) -> dict[str, str]:
        """Map roles to fields: the field that was named, or else the first with a usual name."""
        names, roles = list(names), {}
        usual = {_simplify_name(name): name for name in reversed(names)}
        for role, candidates in USUAL_NAMES.items():
            name = self.named.get(role)
            if name is None and not ("text" in self.named and role in TEXT_ROLES):
                name = next((usual[candidate] for candidate in candidates if candidate in usual), None)
            if name in names:
                roles[role] = name
        self.found.update(roles)
        if self.rows < FIRST_ROWS:
            self.names.update(dict.fromkeys(names))
        return roles

    def check(self) -> None:
        """Raise InputError where the file lacks a field that was asked for, the id, or any text."""
        present = f"the fields are {list_names(self.names)}"
        for role, name in self.named.items():
            if role not in self.found:
                raise InputError(f"{self.path}: no field {name!r}, which was to contain the {role}; {present}")
        for wanted, what in ((("id",), "publication number"), (TEXT_ROLES, "text")):
            if not self.found.intersection(wanted):
                usual = ", ".join(name for role in wanted for name in USUAL_NAMES[role])
                advice = f"expected one of {usual}, or the name of yours (--{wanted[0]}-field NAME)"
                raise InputError(f"{self.path}: no field with the {what}; {present}; {advice}")


def _simplify_name(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_").replace("（", "(").replace("）", ")")


def _merge_parts(texts: dict[str, str]) -> dict[str, str]:
    """{part: text} from {role: text}: `text` split at its headings, then every part that it does not contain."""
    whole = texts.pop("text", "")
    parts = split_parts(whole) if whole.strip() else dict.fromkeys(PARTS, "")
    for part, text in texts.items():
        if text.strip() and text.strip() not in whole:
            parts[part] = f"{text}\n{parts[part]}".strip("\n") if parts[part] else text
    return parts


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
