"""Predictions in any format, and bibliographies, which tell the year and family of patents."""

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from cbpner.base.errors import InputError, UnexpectedValue
from cbpner.biology.genes.mentions import FAMILY_FIELDS, find_year, normalize_family, strip_kind
from cbpner.corpora.document import normalize_number
from cbpner.formats.document import Choices, Document
from cbpner.formats.fields import DATE_FIELDS
from cbpner.formats.registry import list_suffixes, read_documents
from cbpner.formats.rows import find_kind, list_names, read_columns, read_valid_rows
from cbpner.formats.spans import read_row

NUMBER_FIELDS = ("number", "publication_number", "id")


def read_predictions(paths: Iterable[str | Path], source: str | None, choices: Choices) -> Iterator[Document]:
    """Yield the documents of files and folders in a format of `cbpner.formats` (None: guessed), or in Parquet.

    Parquet files in a folder that have no text and spans, such as tables made of predictions, are skipped, and all
    where `source` is a format. InputError for a folder that has predictions in Parquet and in JSON lines.
    """
    required = {choices.text_field or "text", "spans"}
    for path in map(Path, paths):
        if not path.exists():
            raise InputError(f"{path}: no such file or folder; expected predictions")
        if path.is_dir() and source:
            files = []
        elif path.is_dir():
            files = [file for file in list_suffixes(".parquet", path) if required <= set(read_columns(file))]
            if files and (others := list_suffixes(".jsonl", path)):
                raise InputError(f"{path}: found {files[0].name} and {others[0].name}; expected one format, or --from")
        else:
            files = [path] if find_kind(path) == "parquet" else []
        if not files:
            yield from read_documents([path], source, choices)
        for file in files:
            for row in read_valid_rows(file, required=sorted(required)):
                values = {name: value for name, value in row.values.items() if value is not None}
                if isinstance(values.get("date"), date):
                    values["date"] = int(f"{values['date']:%Y%m%d}")
                try:
                    yield read_row(values, f"{file.stem}-{row.number}", choices)
                except UnexpectedValue as error:
                    raise InputError(str(row.blame(error))) from error


def read_bibliography(path: str | Path) -> dict[str, tuple[int | None, str | None]]:
    """Read {publication number: (year, family)} of a table with the columns number, date (or year) and family.

    The first number of an application is there without its kind code as well, for documents that have none, or another.
    """
    fields = (*NUMBER_FIELDS, *DATE_FIELDS, *FAMILY_FIELDS)
    bibliography: dict[str, tuple[int | None, str | None]] = {}
    for row in read_valid_rows(path, columns=fields):  # rows with long texts: only one at a time is in memory
        values = {name: row.values[name] for name in fields if row.values.get(name) not in (None, "")}
        values = {name: value for name, value in values.items() if value == value}  # no NaN
        number, day, family = (
            next((values[name] for name in names if name in values), None)
            for names in (NUMBER_FIELDS, DATE_FIELDS, FAMILY_FIELDS)
        )
        if number is None or not any(name in row.values for name in (*DATE_FIELDS, *FAMILY_FIELDS)):
            found = list_names(next(read_valid_rows(path)).values)
            raise InputError(
                f"{row.path}:{row.number}: found the columns {found}; expected number, and date, year or family"
            )
        year = find_year(day)
        if day is not None and year is None:
            raise InputError(f"{row.path}:{row.number}: found the date {day!r}; expected 2016-05-25 or a year")
        number = normalize_number(str(number))
        bibliography[number] = (year, normalize_family(family))
        bibliography.setdefault(strip_kind(number), bibliography[number])
    if not bibliography:
        raise InputError(f"{path}: found no row; expected patents with number, date and family")
    return bibliography
