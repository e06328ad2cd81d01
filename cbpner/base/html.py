"""What the self-contained HTML pages and SVG drawings share: style sheet, template settings, escaping."""

import json
import re
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

SCRIPT_SAFE = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})
NOT_IN_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
PICTURES = {code: 0x2400 + code for code in range(0x20) if code not in b"\t\n"} | {0x7F: 0x2421}
TYPES = ("gene", "protein", "disease")  # in the order of the style sheet's colours t0, t1, t2
OWN_COLOURS = 4  # t3 to t6, for types of a user's own
UNSEEN = re.compile("[\x80-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # C1 controls, directions of writing


def read_asset(package: str, name: str) -> str:
    """A file in a package's folder `assets`."""
    return resources.files(package).joinpath("assets", name).read_text(encoding="utf-8")


def read_page_style(name: str = "page.css") -> str:
    """The style sheet of all pages (palette, fonts, tables, figures), or another of this package's assets."""
    return read_asset(__package__, name)


def style_types(types: Sequence[str]) -> dict[str, str]:
    """The style sheet's class of each type, that is its colour and line: on every page the same for TYPES."""
    own = sorted({name for name in types if name.casefold() not in TYPES})
    colours = {name: len(TYPES) + place % OWN_COLOURS for place, name in enumerate(own)}
    return {name: f"t{colours[name] if name in colours else TYPES.index(name.casefold())}" for name in types}


def open_templates(package: str) -> "Environment":
    """The Jinja templates in a package's folder `assets`; values are escaped, controls shown, `dump` is dump_script."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(package, "assets"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=lambda value: show_controls(value) if type(value) is str else value,  # not Markup
    )  # fmt: skip
    environment.filters["dump"] = dump_script
    return environment


def dump_script(content: object) -> str:
    """JSON for a script element, as markup: safe whatever the texts contain, since no `<` is left in it."""
    from markupsafe import Markup

    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Markup(show_controls(text.translate(SCRIPT_SAFE)))


def show_controls(text: str) -> str:
    """A text for a page, as long as it was: controls as their pictures, or as U+FFFD where there is none.

    So are characters that would change the direction of what follows, since a page then reads otherwise than its text.
    """
    return UNSEEN.sub("\ufffd", clean_xml(text.translate(PICTURES)))


def clean_xml(text: str) -> str:
    """Replace what XML cannot hold (controls, lone surrogates, U+FFFE, U+FFFF) by U+FFFD."""
    return NOT_IN_XML.sub("\ufffd", text)
