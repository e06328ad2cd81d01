"""Tables whose cells are numbers: the same figures as HTML, Markdown, CSV and LaTeX."""

import csv
import io
import math
import re
from typing import NamedTuple

from cbpner.reports.intervals import format_number, format_p
from cbpner.reports.table import NONE, render_table

LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|":
    r"\textbar{}", "±": r"$\pm$", "−": "$-$", "…": r"\ldots{}", "⟦": r"\underline{", "⟧": "}",
}  # fmt: skip
LATEX_HEAD = """\
% Each table is a tabular to \\input or to copy. It needs \\usepackage{booktabs}, and for Chinese XeLaTeX or LuaLaTeX
% with \\usepackage{ctex}.
"""


class Figure(NamedTuple):
    """A number with what is known of its spread; NaN: not known. style: a format, or `p` for a p-value."""

    value: float
    low: float = math.nan
    high: float = math.nan
    std: float = math.nan
    style: str = ".3f"


class Table(NamedTuple):
    """A table. Cells: text, whole numbers, Figures, or None where there is nothing.

    name: of its file. text_columns: how many columns, from the left, are flush left. note: a paragraph below, or none.
    shares: for a heat table {(row, column): 0 to 1}, how dark a cell is. links: {row: {control: value}}, what the
    browser of sentences shows for a row.
    """

    name: str
    title: str
    header: list
    rows: list
    text_columns: int = 1
    note: str = ""
    shares: dict | None = None
    links: dict | None = None


def format_cell(cell):
    """A cell as text: `0.456 ± 0.157`, `0.456 [0.414, 0.491]`, `1,234`."""
    if cell is None:
        return NONE
    if isinstance(cell, Figure):
        return "".join(split_figure(cell))
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def split_figure(figure):
    """(number, deviation, interval) as text; the last two are empty where they are not known."""
    value, low, high, std, style = figure
    if style == "p":
        return format_p(value), "", ""
    number = format_number(value, style)
    deviation = "" if math.isnan(std) else f" ± {std:{style.lstrip('+')}}"
    interval = "" if math.isnan(low) or number == NONE else f" [{low:{style}}, {high:{style}}]"
    return number, deviation, interval


def render_markdown(table):
    """The table under its title, padded as those of `cbpner table` are."""
    rows = [[quote_text(cell) if isinstance(cell, str) else format_cell(cell) for cell in row] for row in table.rows]
    parts = [f"**{table.title}**", render_table(table.header, rows, table.text_columns), table.note]
    return "\n\n".join(part for part in parts if part)


def render_csv(table):
    """The table with every number at six decimals; a Figure's spread stands in columns of its own."""
    header, columns = [], list(zip(*table.rows, strict=True)) if table.rows else [()] * len(table.header)
    expanded = []
    for title, cells in zip(table.header, columns, strict=True):
        figures = [cell for cell in cells if isinstance(cell, Figure)]
        header.append(title)
        expanded.append([_write_number(cell.value) if isinstance(cell, Figure) else cell for cell in cells])
        for part in ("std", "low", "high"):
            if any(not math.isnan(getattr(figure, part)) for figure in figures):
                header.append(f"{title} {part}")
                own = [getattr(cell, part) if isinstance(cell, Figure) else math.nan for cell in cells]
                expanded.append([_write_number(value) for value in own])
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([header, *zip(*expanded, strict=True)])
    return file.getvalue()


def render_latex(table):
    """A tabular with its title as a comment above."""
    columns = "l" * table.text_columns + "r" * (len(table.header) - table.text_columns)
    lines = [" & ".join(escape_latex(cell) for cell in row) + r" \\" for row in (table.header, *table.rows)]
    body = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"]
    return "\n".join([f"% {table.name}: {table.title}", *body, r"\end{tabular}"])


def escape_latex(cell):
    return "".join(LATEX.get(char, char) for char in show_text(format_cell(cell)))


def quote_text(text):
    """Text on one line that Markdown shows as it is."""
    return re.sub(r"([\\`*<])", r"\\\1", show_text(text))


def show_text(text):
    """Text on one line: a space for each character that has no shape."""
    return "".join(char if char.isprintable() else " " for char in text)


def _write_number(value):
    return "" if math.isnan(value) else f"{value:.6f}"
