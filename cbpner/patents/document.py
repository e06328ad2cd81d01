"""One patent as it was read, and publication numbers.

The path of the data: `sources` -> PatentDocument -> `store` (a DuckDB file) -> selection -> `cleaning` -> `corpus`.
"""

import re
from dataclasses import dataclass

PARTS = ("title", "abstract", "claims", "description")
NUMBER = re.compile(r"(?<![A-Z0-9])([A-Z]{2})[-\s/.]*(\d[\d\s/.,-]*\d)[-\s/.]*([A-Z]\d?)?(?![A-Z0-9])", re.IGNORECASE)
SEPARATORS = re.compile(r"[\s/.,-]+")


@dataclass(frozen=True)
class PatentDocument:
    """What a source says about one patent. Texts are as they stand there, '' where it has none.

    number: the publication number without separators (`CN105611940A`), or the source's own id where that is none.
    date: of publication, as the integer YYYYMMDD, or None. family: the source's name for the patent family, or None.
    source: where it was found, such as `folder/page.html` or `export.jsonl:17`.
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
    def text(self):
        """The parts in reading order, a line break between; parts that are missing leave none."""
        return "\n".join(part for part in (getattr(self, name).strip("\n") for name in PARTS) if part)


def parse_number(text):
    """(country, serial, kind) of a publication number, such as ('CN', '105611940', 'A'); None where it is none.

    `CN105611940A`, `CN-105611940-A`, `CN 105 611 940 A` and `cn105611940a` are the same; kind: '' where it is missing.
    """
    match = NUMBER.fullmatch(text.strip())
    if match is None:
        return None
    country, serial, kind = match.groups(default="")
    return country.upper(), SEPARATORS.sub("", serial), kind.upper()


def normalize_number(text):
    """The number without separators, in capitals; the text itself, stripped, where it is no publication number."""
    parts = parse_number(text)
    return "".join(parts) if parts else text.strip()


def find_numbers(text):
    """All publication numbers in a text, normalized, in order."""
    return ["".join((m[1].upper(), SEPARATORS.sub("", m[2]), (m[3] or "").upper())) for m in NUMBER.finditer(text)]


def parse_date(value):
    """YYYYMMDD as an integer from 20160525, '20160525', '2016-05-25', a date or a datetime; None for anything else."""
    if value is None or isinstance(value, bool):
        return None
    digits = re.sub(
        r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2}).*$",
        lambda m: f"{m[1]}{int(m[2]):02}{int(m[3]):02}",
        str(value).strip(),
        flags=re.S,
    )
    if not re.fullmatch(r"[12]\d{7}", digits):
        return None
    month, day = int(digits[4:6]), int(digits[6:])
    return int(digits) if 1 <= month <= 12 and 1 <= day <= 31 else None
