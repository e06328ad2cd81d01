"""What the sections of a report are made of."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from cbpner.reports.tables import Table

Legend = Sequence[tuple[str, str, str]]  # (CSS class, glyph, name) of each entry


class Chart(NamedTuple):
    """An SVG with what it shows in words."""

    svg: Markup
    caption: str
    legend: Legend = ()


class Browser(NamedTuple):
    """The browser of sentences; content: see `cbpner.reports.page.errors.list_sentences`."""

    content: dict[str, Any]


class Fold(NamedTuple):
    """Tables behind a title that opens them."""

    title: str
    tables: Sequence[Table]


Part = str | list[str] | Chart | Table | Fold | Browser  # a text is a paragraph, a list of texts a list


class Section(NamedTuple):
    """A section of the page. name: its anchor. short: its title in the navigation."""

    name: str
    title: str
    short: str
    parts: list[Part]
