"""Tables of figures with their spread, as text, CSV and LaTeX; other parts of a page; means over test sets."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
from markupsafe import Markup

from cbpner.base.tables import format_csv, format_markdown

UNDEFINED = "-"
ABSOLUTE = re.compile(r"(?<![\w.…/~-])/(?:[^\s/,;:'\"()]+/)*([^\s/,;:'\"()]+/[^\s/,;:'\"()]+)")
LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|":
    r"\textbar{}", "±": r"$\pm$", "−": "$-$", "…": r"\ldots{}", "⟦": r"\underline{", "⟧": "}",
}  # fmt: skip


class Figure(NamedTuple):
    """A number with its spread; NaN where one is unknown. style: a format, or `p` for a p-value."""

    value: float
    low: float = math.nan
    high: float = math.nan
    std: float = math.nan
    style: str = ".3f"


Cell = str | int | Figure | None


class Table(NamedTuple):
    """A table of figures, with its file's name, its caption and a paragraph below."""

    name: str
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    text_columns: int = 1  # from the left, flush left
    note: str = ""
    shares: Mapping[tuple[int, int], float] | None = None  # for a heat table, how dark: {(row, column): 0 to 1}
    links: Mapping[int, Mapping[str, str]] | None = None  # to the browser of sentences: {row: {control: value}}


class Chart(NamedTuple):
    """An SVG with what it shows in words; legend: (CSS class, glyph, name) of each entry."""

    svg: Markup
    caption: str
    legend: Sequence[tuple[str, str, str]] = ()


class Fold(NamedTuple):
    """Tables behind a title that opens them."""

    title: str
    tables: Sequence[Table]


# A text is a paragraph; a dict the browser of sentences, see `cbpner.reports.page.sections.list_sentences`.
Part = str | Chart | Table | Fold | dict[str, Any]


class Section(NamedTuple):
    """A section of the page. name: its anchor. short: its title in the navigation."""

    name: str
    title: str
    short: str
    parts: list[Part]


def format_number(value: float | None, style: str = ".3f") -> str:
    """A number for a table; UNDEFINED for NaN and None."""
    return UNDEFINED if value is None or math.isnan(value) else f"{value:{style}}"


def split_figure(figure: Figure) -> tuple[str, str, str]:
    """(number, deviation, interval); the last two are empty where unknown."""
    value, low, high, std, style = figure
    if style == "p":
        return "< 0.0001" if value < 0.0001 else format_number(value, ".4f"), "", ""
    deviation = "" if math.isnan(std) else f" ± {std:{style.lstrip('+')}}"
    interval = "" if math.isnan(low) or math.isnan(value) else f" [{low:{style}}, {high:{style}}]"
    return format_number(value, style), deviation, interval


def format_cell(cell: Cell) -> str:
    """A cell as text: `0.456 ± 0.157`, `0.456 [0.414, 0.491]`, `1,234`."""
    if cell is None:
        return UNDEFINED
    if isinstance(cell, Figure):
        return "".join(split_figure(cell))
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def format_count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def replace_unprintable(text: str) -> str:
    """Text on one line: a space for each character that is not printable."""
    return "".join(char if char.isprintable() else " " for char in text)


def shorten_paths(text: str) -> str:
    """Text in which the last two parts of an absolute path stand for it, so that a page names no home folder."""
    return ABSOLUTE.sub(r"…/\1", text)


def table_to_csv(table: Table) -> str:
    """The table with six decimals; the spread of Figures has columns of its own."""
    header, columns = [], []
    for place, title in enumerate(table.header):
        shown = [["" if math.isnan(number) else f"{number:.6f}" for number in cell[:4]] if isinstance(cell, Figure)
                 else [cell, "", "", ""] for cell in (row[place] for row in table.rows)]  # fmt: skip
        for part, number in (("", 0), (" std", 3), (" low", 1), (" high", 2)):
            column = [row[number] for row in shown]
            if not part or any(column):
                header.append(f"{title}{part}")
                columns.append(column)
    return format_csv([header, *zip(*columns, strict=True)])


def table_to_markdown(table: Table) -> str:
    rows = [[replace_unprintable(format_cell(cell)) for cell in row] for row in table.rows]
    return format_markdown(table.header, rows, table.text_columns)


def table_to_latex(table: Table) -> str:
    r"""The table as a tabular (booktabs) to `\input`, with its title as a comment above."""
    columns = "l" * table.text_columns + "r" * (len(table.header) - table.text_columns)
    cells = [[replace_unprintable(format_cell(cell)) for cell in row] for row in (table.header, *table.rows)]
    lines = [" & ".join("".join(LATEX.get(char, char) for char in cell) for cell in row) + r" \\" for row in cells]
    body = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"]
    return "\n".join([rf"% {table.title}; needs \usepackage{{booktabs}}", *body, r"\end{tabular}"]) + "\n"


def frame_to_csv(frame: pd.DataFrame, float_format: str = "%.6f") -> str:
    return frame.to_csv(index=False, lineterminator="\n", float_format=float_format)


def average_sets(frame: pd.DataFrame, keys: Sequence[str], test_set: str, values: Sequence[str]) -> pd.DataFrame:
    """Mean and standard deviation over the test sets, each the mean of its runs (rows of the frame).

    `keys` identify what is averaged, and are the index of the result; `test_set` is the column that identifies a run's
    test set. The result has `runs`, `sets`, and `<value>_mean`, `<value>_std` (ddof = 1, NaN for one set) of `values`.
    """
    by_set = frame.groupby([*keys, test_set], sort=False)[list(values)].mean().groupby(list(keys), sort=False)
    summary = by_set.agg(["mean", "std"])
    summary.columns = ["_".join(names) for names in summary.columns]
    summary.insert(0, "runs", frame.groupby(list(keys), sort=False).size())
    summary.insert(1, "sets", by_set.size())
    return summary


def stack_statistics(
    runs: pd.DataFrame, summary: pd.DataFrame, values: Sequence[str], statistics: Sequence[str]
) -> pd.DataFrame:
    """The rows of the runs and below them those of each statistic (`mean`, `std`); column `statistic` names it."""
    parts = [runs.assign(statistic="run", runs=1)]
    for statistic in statistics:
        found = summary[[name for name in summary.columns if name in runs.columns or name == "runs"]]
        found = found.assign(statistic=statistic, **{value: summary[f"{value}_{statistic}"] for value in values})
        parts.append(found.dropna(how="all", subset=list(values)) if statistic == "seeds" else found)
    return pd.concat(parts, ignore_index=True)
