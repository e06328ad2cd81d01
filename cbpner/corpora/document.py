"""One patent as it was read, and publication numbers.

The path of the data: `sources` -> PatentDocument -> `store` (a DuckDB file) -> selection -> `cleaning` -> `corpus`.
"""

import re
from dataclasses import dataclass
from datetime import date
from importlib import resources

PARTS = ("title", "abstract", "claims", "description")
GAP = r"[-\s/.,:]"
NUMBER = re.compile(rf"([A-Z]{{2}}){GAP}*([0-9](?:{GAP}*[0-9])+){GAP}*([A-Z][0-9]?)?", re.IGNORECASE)
SERIAL = r"[0-9]{5,}|[0-9]{1,3}(?:[ ,.][0-9]{3})+|[0-9]{4}[/-][0-9]{4,7}"
NUMBER_IN_TEXT = re.compile(
    rf"(?<![A-Z0-9])([A-Z]{{2}})[-\s.:]?({SERIAL})[-\s:]?([A-Z][0-9]?)?(?![A-Z0-9])", re.IGNORECASE
)
SEPARATORS = re.compile(rf"{GAP}+")


class UnreadableError(ValueError):
    """One document cannot be read; the message says why, and what was expected. Its neighbours still can."""


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

    `CN105611940A`, `CN-105611940-A`, `CN:105611940:A`, `CN 105 611 940 A` and `cn105611940a` are the same; kind: ''
    where it is missing.
    """
    match = NUMBER.fullmatch(text.strip())
    return split_match(match) if match else None


def split_match(match):
    """(country, serial, kind) of a match of one of the patterns above."""
    country, serial, kind = match.groups(default="")
    return country.upper(), SEPARATORS.sub("", serial), kind.upper()


def normalize_number(text):
    """The number without separators, in capitals; the text itself, stripped, where it is no publication number."""
    parts = parse_number(text)
    return "".join(parts) if parts else text.strip()


def find_numbers(text):
    """All publication numbers of five digits or more in a text, normalized, in order.

    Digits stand together, in groups of three, or as year and number: `HG-1-2017-12-22` is none.
    """
    return ["".join(split_match(match)) for match in NUMBER_IN_TEXT.finditer(text)]


def load_gold_numbers():
    """The publication numbers of the 21 gold patents, as the gold data's info files name them."""
    text = resources.files("cbpner.corpora").joinpath("gold_numbers.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


def parse_date(value):
    """YYYYMMDD as an integer from 20160525, '20160525', '2016-05-25', a date or a datetime; None for anything else."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    match = re.match(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})(?![0-9])", text)
    match = match or re.fullmatch(r"([0-9]{4})([0-9]{2})([0-9]{2})", text)
    try:
        day = date(*map(int, match.groups())) if match else None
    except ValueError:  # no such day
        return None
    return int(f"{day:%Y%m%d}") if day and day.year >= 1000 else None
