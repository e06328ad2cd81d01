"""Exports with a patent a row: JSON lines and Parquet, with id, date and text in named fields."""

import json
import zlib
from dataclasses import asdict, dataclass

from cbpner.base.errors import InputError
from cbpner.corpora.document import PARTS, PatentDocument, UnreadableError, normalize_number, parse_date
from cbpner.corpora.plain import split_parts

MAX_LINE = 64 << 20  # bytes
FIRST_ROWS = 100  # a field that none of these has is missing from the file
MAX_KINDS = 1000  # rows that differ in their fields' names
MAX_NAMES = 30  # shown in a message
BATCH_ROWS = 64
BUFFER = 1 << 20  # bytes that are read of a Parquet column at once
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
CHINESE_LANGUAGES = frozenset(("zh", "cn", "chi", "zho"))
NO_FAMILY = ("", "-1")  # so the public BigQuery table
NO_DATE = (None, "", 0, "0")


@dataclass(frozen=True)
class Fields:
    """The names of a file's fields; None: the usual names are tried (USUAL_NAMES), in whatever case.

    Each text field holds a string, a list of strings, or as BigQuery's public table has it a list of {text, language},
    of which the Chinese one is taken. text: the whole patent; parts that it lacks are added, where it is named here
    only those that are named too (and the title).
    """

    id: str | None = None
    date: str | None = None
    text: str | None = None
    title: str | None = None
    abstract: str | None = None
    claims: str | None = None
    description: str | None = None
    family: str | None = None


class RowReader:
    """Makes PatentDocuments of one file's rows, {field name: value}."""

    def __init__(self, source, fields):
        self.source, self.named = source, {role: name for role, name in asdict(fields).items() if name}
        self.rows, self.names, self.roles = 0, {}, {}  # names: of all fields seen, in order; roles: by a row's names

    def read(self, row, place):
        """place: what stands behind the source's name, such as a line. UnreadableError where the row is no patent."""
        roles = self.find_roles(tuple(row))
        self.rows += 1
        if self.rows == FIRST_ROWS:
            self.check()
        parts = read_parts({role: read_text(row[name], name) for role, name in roles.items() if role not in META})
        if not any(parts[part].strip() for part in PARTS[1:]):
            looked = join_names(roles[role] for role in TEXT_ROLES if role in roles)
            raise UnreadableError(f"no text in {looked}" if looked else f"no text field among {join_names(row)}")
        return PatentDocument(
            number=read_id(row.get(roles.get("id")), roles.get("id", "id")),
            date=read_date(row.get(roles.get("date")), roles.get("date")),
            family=read_family(row.get(roles.get("family")), roles.get("family")),
            source=f"{self.source}:{place}",
            **parts,
        )

    def find_roles(self, names):
        """{role: field name} for a row with these fields."""
        if names in self.roles:
            return self.roles[names]
        roles = self.choose_roles(names)
        if len(self.roles) < MAX_KINDS:  # a file with ever other fields is not remembered whole
            self.roles[names] = roles
            self.names.update(dict.fromkeys(names[:MAX_NAMES]))
        return roles

    def choose_roles(self, names):
        """The field of each role: the one that was named, or else the first that has a usual name."""
        usual, roles = {simplify(name): name for name in reversed(names)}, {}
        for role, candidates in USUAL_NAMES.items():
            name = self.named.get(role)
            if name is None and not ("text" in self.named and role in TEXT_ROLES):
                name = next((usual[candidate] for candidate in candidates if candidate in usual), None)
            if name in names:
                roles[role] = name
        return roles

    def check(self):
        """InputError where the file lacks a field that was asked for, the id, or any text."""
        found = {role for roles in self.roles.values() for role in roles}
        present = f"the fields are {join_names(self.names)}" if self.names else "it has no fields"
        for role, name in self.named.items():
            if role not in found:
                raise InputError(f"{self.source}: no field {name!r}, which was to hold the {role}; {present}")
        for wanted, what in ((("id",), "publication number"), (TEXT_ROLES, "text")):
            if not found.intersection(wanted):
                usual = ", ".join(name for role in wanted for name in USUAL_NAMES[role])
                raise InputError(
                    f"{self.source}: no field with the {what}; {present}; expected one of {usual}, or the name of "
                    f"yours (--{wanted[0]}-field NAME)"
                )


def simplify(name):
    return name.strip().lower().replace(" ", "_").replace("-", "_").replace("（", "(").replace("）", ")")


def join_names(names):
    names = [str(name) for name in names]
    return ", ".join(names[:MAX_NAMES] + ["..."] * (len(names) > MAX_NAMES))


def read_parts(texts):
    """{part: text} from {role: text}: `text` split at its headings, then every part that it does not hold already."""
    whole = texts.pop("text", "")
    parts = split_parts(whole) if whole.strip() else dict.fromkeys(PARTS, "")
    for part, text in texts.items():
        if text.strip() and text.strip() not in whole:
            parts[part] = f"{text}\n{parts[part]}".strip("\n") if parts[part] else text
    return parts


def read_text(value, name):
    """The text of a field's value, '' where it is null; UnreadableError where it is neither text nor texts."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, dict):  # {text, language}; BigQuery's Parquet wraps lists as {list: [{element: ...}]}
        inner = [value[key] for key in ("text", "list", "element") if key in value]
        if inner:
            return read_text(inner[0], name)
    if isinstance(value, list):
        values = [each.get("element", each) if isinstance(each, dict) else each for each in value]
        localized = [each for each in values if isinstance(each, dict)]
        if not localized:
            return "\n".join(read_text(each, name) for each in values)
        return read_text(next(filter(is_chinese, localized), localized[0]), name)
    raise UnreadableError(f"{name} is {describe_type(value)}; expected text, or a list of {{text, language}}")


def is_chinese(localized):
    language = localized.get("language")
    return isinstance(language, str) and language.lower().replace("_", "-").partition("-")[0] in CHINESE_LANGUAGES


def read_id(value, name):
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise UnreadableError(f"{name} is {describe_type(value)}; expected a publication number")
    return normalize_number(value)


def read_date(value, name):
    day = parse_date(value)
    if day is None and not (isinstance(value, str | int | None) and value in NO_DATE):
        raise UnreadableError(f"{name} is {str(value)[:40]!r}; expected a date such as 20160525 or 2016-05-25")
    return day


def read_family(value, name):
    if value is not None and (isinstance(value, bool) or not isinstance(value, str | int)):
        raise UnreadableError(f"{name} is {describe_type(value)}; expected a family's name or number")
    family = "" if value is None else str(value).strip()
    return None if family in NO_FAMILY else family


def describe_type(value):
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "empty", list: "a list", dict: "an object"}
    return "null" if value is None else kinds.get(type(value), type(value).__name__)


def read_json_lines(file, source, fields, report):
    """PatentDocuments of a binary file with a JSON object a line. report(place, reason): told of what is skipped."""
    reader, number = RowReader(source, fields), 0
    try:
        for number, line in enumerate(read_lines(file), 1):
            if line is not None and line.isspace():
                continue
            opening = (line or b"")[:64].strip()
            if not reader.rows and (opening == b"{" or opening.startswith(b"[")):
                report(None, "an array, or objects over several lines; expected an object a line (jq -c makes them)")
                return
            try:
                yield reader.read(parse_line(line), number)
            except UnreadableError as error:
                report(number, str(error))
    except (EOFError, OSError, zlib.error) as error:
        report(number + 1, f"cannot be read on ({error}); the file may have been cut off: get it again")
    if reader.rows:
        reader.check()


def read_lines(file):
    """The lines of a binary file, None for one that is too long."""
    while line := file.readline(MAX_LINE):
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
            line = None
        yield line


def parse_line(line):
    """The object on a line; UnreadableError where there is none."""
    if line is None:
        raise UnreadableError(f"a line of over {MAX_LINE >> 20} MiB; expected a patent a line")
    try:
        row = json.loads(line.rstrip().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UnreadableError(f"no UTF-8 (byte 0x{line[error.start]:02x} at {error.start:,})") from None
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"broken JSON ({error})") from None
    if not isinstance(row, dict):
        raise UnreadableError(f"the line holds {describe_type(row)}; expected an object")
    return row


def read_parquet(path, source, fields, report):
    """PatentDocuments of a Parquet file, of which a page of each column is in memory at a time, not a row group.

    A file that has lost its end has lost its index: nothing of it can be read. Where a page in the middle is damaged
    the rows before it stay: each was decoded whole, and checked where the file holds checksums.
    """
    import pyarrow
    from pyarrow import parquet

    number = 0
    try:
        with parquet.ParquetFile(path, buffer_size=BUFFER, pre_buffer=False, page_checksum_verification=True) as file:
            reader = RowReader(source, fields)
            columns = list(dict.fromkeys(reader.find_roles(tuple(file.schema_arrow.names)).values()))
            reader.check()
            for batch in file.iter_batches(BATCH_ROWS, columns=columns, use_threads=False):
                for place in range(batch.num_rows):
                    number += 1
                    try:
                        yield reader.read({name: batch.column(name)[place].as_py() for name in columns}, number)
                    except (UnreadableError, UnicodeDecodeError) as error:
                        report(number, str(error))
    except (pyarrow.ArrowException, OSError) as error:
        what = f"cannot be read on after row {number:,}" if number else "no whole Parquet file"
        fault = str(error).partition("\n")[0]
        report(None, f"{what} ({fault}); it may have been cut off: get it again")
