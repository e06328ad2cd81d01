"""The report as one HTML file that needs nothing else, and beside it its tables as Markdown, CSV and LaTeX."""

import re
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup, escape

from cbpner.base.errors import InputError
from cbpner.base.files import write_text
from cbpner.base.html import open_templates, read_page_style
from cbpner.reports.evaluate import SHOWN
from cbpner.reports.page import charts, sections, tables
from cbpner.reports.page.components import Fold, List, Row, Text

TITLE = "Named entities in patents"


class Page(NamedTuple):
    """The texts of a report; csv: {name of a table: its text}."""

    html: str
    markdown: str
    latex: str
    csv: dict[str, str]


def build_page(material, title=TITLE, with_text=True, shown=SHOWN) -> Page:
    """The Page of `cbpner.reports.page.inputs.Material`. with_text: also surfaces and sentences of the gold."""
    headline, parts = sections.build_sections(material, with_text, shown)
    found = [table for section in parts for table in _list_tables(section.parts)]
    lines = explain_missing(material, with_text)
    return Page(
        _render_html(title, headline, parts, lines, material),
        _render_markdown(title, headline, parts, lines, material),
        tables.LATEX_HEAD + "\n" + "\n\n".join(map(tables.render_latex, found)) + "\n",
        {table.name: tables.render_csv(table) for table in found},
    )


def write_page(page, output):
    """Write NAME.html, NAME.md, NAME.tex and NAME_tables/*.csv; `output` is NAME.html. Returns the files' names.

    CSV files of an earlier report there are deleted.
    """
    output = Path(output)
    if output.is_dir() or output.suffix not in (".html", ".htm"):
        raise InputError(f"found -o {output}; expected the name of a file that ends in .html")
    folder = output.with_name(f"{output.stem}_tables")
    try:
        for name, text in page.csv.items():
            write_text(folder / f"{name}.csv", text)
        for path in folder.glob("*.csv"):
            if path.stem not in page.csv:
                path.unlink()
        write_text(output.with_suffix(".md"), page.markdown)
        write_text(output.with_suffix(".tex"), page.latex)
        write_text(output, page.html)
    except OSError as error:
        raise InputError(f"{output}: cannot write there: {error.strerror}; name another file with -o") from error
    return [output, output.with_suffix(".md"), output.with_suffix(".tex"), folder]


def explain_missing(material, with_text=True) -> list[str]:
    """Lines on what a report lacks for want of the gold text, and how to get it."""
    if material.missing is None:
        return [] if with_text else ["Made without text: the sentences and the wrong surfaces are left out."]
    how = (
        "To have them, get the data (the gold: bash data/get_cbp_gold.sh) and make the report again, with "
        "--data-dir DIR where they do not lie where the runs found them."
    )
    if material.evaluation is None:
        lacking = "intervals, comparisons, seen and unseen mentions, errors and the sentences are missing"
        return [f"The gold text is not here ({material.missing}): {lacking}; the scores are those of the runs. {how}"]
    return [
        f"The gold text is not here ({material.missing}): the sentences and the wrong surfaces are missing. Intervals, "
        f"errors and comparisons are those that {material.recorded} holds for these very runs. {how}"
    ]


def _list_tables(parts):
    for part in parts:
        if isinstance(part, tables.Table):
            yield part
        elif isinstance(part, Fold | Row):
            yield from _list_tables(part.parts)


def _render_html(title, headline, parts, lines, material):
    environment = open_templates(__package__)
    environment.filters |= {"cell": tables.format_cell, "shown": tables.show_text, "breakable": _break_names}
    environment.globals |= {"split_figure": tables.split_figure, "mark": charts.draw_mark, "kind_of": _name_kind}
    script = Markup(resources.files(__package__).joinpath("assets", "report.js").read_text(encoding="utf-8"))
    return environment.get_template("report.html.jinja").render(
        title=title, headline=headline, sections=parts, lines=lines, material=material,
        css=Markup(read_page_style()), script=script,
    )  # fmt: skip


def _break_names(text):
    """HTML of a text whose long names (folders, methods) may go on in the next line, behind `/` and `_`."""
    return Markup(re.sub(r"(?<=[/_])(?=\w)", "<wbr>", str(escape(text))))


def _name_kind(part):
    """What the template calls a part or a cell: the name of its class, in lower case."""
    return type(part).__name__.lower()


def _render_markdown(title, headline, parts, lines, material):
    found = [f"# {title}", *lines]
    found += [f"- {about}: **{tables.format_cell(figure)}**" for figure, about in headline.figures]
    found += headline.sentences
    for section in parts:
        own = list(_write_parts(section.parts))
        if own:
            found += [f"## {section.title}", *own]
    if material.notes:
        found += ["## Notes", "\n".join(f"- {note}" for note in material.notes)]
    return "\n\n".join(found) + "\n"


def _write_parts(parts):
    for part in parts:
        if isinstance(part, tables.Table):
            yield tables.render_markdown(part)
        elif isinstance(part, Text):
            yield part.text
        elif isinstance(part, List):
            yield "\n".join(f"- {line}" for line in part.lines)
        elif isinstance(part, Fold | Row):
            yield from _write_parts(part.parts)
