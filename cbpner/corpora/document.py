"""One patent as a source has it, publication numbers and dates.

The path of the data: `sources` -> PatentDocument -> `selection` (in a DuckDB store) -> `cleaning` -> `corpus`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import resources
from typing import Any, NamedTuple

from cbpner.text.characters import TO_ASCII

PARTS = ("title", "abstract", "claims", "description")
GAP = r"[-\s/.,:]"
NUMBER = re.compile(rf"([A-Z]{{2}}){GAP}*([0-9](?:{GAP}*[0-9])+){GAP}*([A-Z][0-9]?)?", re.IGNORECASE)
SERIAL = r"[0-9]{5,}|[0-9]{1,3}(?:[ ,.][0-9]{3})+|[0-9]{4}[/-][0-9]{4,7}"
NUMBER_IN_TEXT = re.compile(
    rf"(?<![A-Z0-9])([A-Z]{{2}})[-\s.:]?({SERIAL})[-\s:]?([A-Z][0-9]?)?(?![A-Z0-9])", re.IGNORECASE
)


@dataclass(frozen=True)
class PatentDocument:
    """What a source says about one patent; a text that it lacks is ''.

    number: the publication number without separators (`CN105611940A`), or another id of the source. date: of
    publication, as the integer YYYYMMDD. family: the source's name for the patent family. source: where it was read,
    such as `folder/page.html` or `export.jsonl:17`.
    """

    number: str
    date: int | None = None
    title: str = ""
    abstract: str = ""
    claims: str = ""
    description: str = ""
    family: str | None = None
    source: str = ""

    @property
    def text(self) -> str:
        """The parts that there are in reading order, a line break between."""
        return "\n".join(part for part in (getattr(self, name).strip("\n") for name in PARTS) if part)


class PublicationNumber(NamedTuple):
    """The parts of a publication number, such as ('CN', '105611940', 'A'); kind is '' where it is missing."""

    country: str
    serial: str
    kind: str


def parse_number(text: str) -> PublicationNumber | None:
    """Parse a publication number in any spelling, such as `CN-105611940-A` or `cn 105 611 940 a`."""
    match = NUMBER.fullmatch(text.translate(TO_ASCII).strip())
    return _split_number(match) if match else None


def _split_number(match: re.Match[str]) -> PublicationNumber:
    country, serial, kind = match.groups(default="")
    return PublicationNumber(country.upper(), re.sub(GAP, "", serial), kind.upper())


def normalize_number(text: str) -> str:
    """Write a number without separators, in capitals; strip a text that is no publication number."""
    return "".join(parse_number(text) or text.strip())


def find_numbers(text: str) -> list[str]:
    """All publication numbers of five digits or more in a text, normalized; `HG-1-2017-12-22` is none."""
    return ["".join(_split_number(match)) for match in NUMBER_IN_TEXT.finditer(text.translate(TO_ASCII))]


def list_applications(numbers: Iterable[str]) -> frozenset[str]:
    """Country and serial of normalized publication numbers: `CN105611940` of `CN105611940A`."""
    return frozenset(parsed.country + parsed.serial for parsed in map(parse_number, numbers) if parsed)


def load_gold_numbers() -> list[str]:
    """The publication numbers of the 21 gold patents, as in the gold data's info files."""
    text = resources.files("cbpner.corpora").joinpath("gold_numbers.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


def parse_date(value: Any) -> int | None:
    """Parse 20160525, '2016-05-25', a datetime or milliseconds since 1970 to the integer YYYYMMDD; None for others."""
    text = str(value).strip()
    if re.fullmatch(r"([4-9][0-9]{11}|1[0-9]{12})(\.0)?", text):  # pandas: from 1982 on, not 201605251200
        text = str(datetime.fromtimestamp(float(text) / 1000, UTC))
    match = re.match(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})(?![0-9])", text)
    match = match or re.fullmatch(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:\.0)?", text)  # pandas: 20160525.0
    try:
        day = date(*map(int, match.groups())) if match else None
    except ValueError:  # no such day
        return None
    return int(f"{day:%Y%m%d}") if day and day.year >= 1000 else None


def format_date(day: int | None) -> str | None:
    """Write the integer 20160525 as 2016-05-25."""
    return None if day is None else f"{day // 10000:04}-{day // 100 % 100:02}-{day % 100:02}"
