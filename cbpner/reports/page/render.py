"""The report as one HTML file that needs nothing else; beside it its tables as CSV and the score table as LaTeX."""

import math
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_files
from cbpner.base.html import open_templates, read_asset, read_page_style
from cbpner.reports import tables
from cbpner.reports.page.inputs import ReportData
from cbpner.reports.page.sections import make_sections
from cbpner.reports.run_scores import GOLD_DATA
from cbpner.reports.tables import UNDEFINED, Figure, Fold, Table, format_cell, format_count, format_number

TITLE = "Named entities in patents"
PAPER = Figure(0.54, std=0.15, style=".2f")  # Hu and Verberne, COLING 2020: LM mixed fine-tuning, lenient F1
PAPER_SPLITS = set("01234")


class Report(NamedTuple):
    """The texts of a report. latex: the score table. csv: {name of a table: its text}."""

    html: str
    latex: str
    csv: dict[str, str]


def build_report(data: ReportData, title: str = TITLE, with_text: bool = True, shown: int = 15) -> Report:
    """Render the report; `with_text`: also surfaces and sentences of the gold, `shown` wrong ones of each system."""
    sections = make_sections(data, with_text, shown)
    parts = [part for section in sections for part in section.parts]
    shown_tables = [table for part in parts for table in (part.tables if isinstance(part, Fold) else [part])]
    named = {table.name: table for table in shown_tables if isinstance(table, Table)}
    templates = open_templates(__package__)
    templates.filters |= {"cell": format_cell, "printable": tables.replace_unprintable, "folders": tables.shorten_paths}
    # long names (folders, methods) may break behind `/` and `_`
    templates.filters["breakable"] = lambda text: Markup(re.sub(r"(?<=[/_])(?=\w)", "<wbr>", str(escape(text))))
    templates.globals |= {"split_figure": tables.split_figure, "kind_of": lambda part: type(part).__name__.lower()}
    templates.globals |= {"format_count": format_count, "UNDEFINED": UNDEFINED}
    html = templates.get_template("report.html.jinja").render(
        title=title, top=_make_headline(data), sections=sections, lines=explain_missing(data, with_text),
        notes=data.notes, css=Markup(read_page_style()),
        script=Markup(f"{read_page_style('page.js')}\n{read_asset(__package__, 'report.js')}"),
    )  # fmt: skip
    csv = {name: tables.table_to_csv(table) for name, table in named.items()}
    return Report(html, tables.table_to_latex(named["scores"]), csv)


def check_report_outputs(outputs: Iterable[str]) -> None:
    """InputError for a name that `write_report` does not know."""
    for name in outputs:
        is_folder = name.endswith(("/", os.sep))
        if not is_folder and (Path(name).is_dir() or not name.endswith((".html", ".htm", ".tex"))):
            found = f"-o {name}: cannot write {Path(name).suffix or 'this'}"
            raise InputError(f"{found}; use .html for the page, .tex for the scores, a folder (NAME/) for all tables")


def write_report(report: Report, outputs: Iterable[str]) -> None:
    """Write the page (.html), the score table (.tex), or all tables as CSV files into a folder (NAME/)."""
    with atomic_files() as open_output:
        for name in outputs:
            if name.endswith((".html", ".htm", ".tex")):
                open_output(Path(name)).write(report.latex if name.endswith(".tex") else report.html)
                continue
            for table, text in report.csv.items():
                open_output(Path(name) / f"{table}.csv").write(text)


def explain_missing(data: ReportData, with_text: bool = True) -> list[str]:
    """Lines on what a report lacks without the gold text, and how to get it."""
    if data.missing is None:
        return [] if with_text else ["Made without text: the sentences and the wrong surfaces are left out."]
    lacking = f"intervals, errors and comparisons are those that {data.recorded} holds for these very runs"
    if data.evaluation is None:
        lacking = "intervals, comparisons, seen and unseen mentions and errors are missing too"
    return [
        f"The gold text is not here ({data.missing}): the sentences and the wrong surfaces are missing; {lacking}. To "
        "have them, get the data (the gold: cbpner gold) and make the report again, with --data-dir DIR "
        "where they do not lie where the runs found them."
    ]


def _make_headline(data: ReportData) -> dict[str, Any]:
    """What the page says first: the best system's F1, and the paper's where the texts are the same."""
    best, splits = data.find_best(), {split for name in data.names for split in data.list_splits(name)}
    configs = [run.config for run in data.systems[best]]
    is_gold = {str(config["data"]["name"]) for config in configs} == {GOLD_DATA}
    is_papers = is_gold and set(data.list_splits(best)) == PAPER_SPLITS and data.part == "test"
    lenient = data.find_figure(best, "mean", level="entity_lenient")._replace(low=math.nan)
    return {
        "part": data.part, "methods": len(data.names), "runs": sum(map(len, data.systems.values())),
        "splits": len(splits), "best": best, "best_splits": len(data.list_splits(best)), "best_runs": len(configs),
        "strict": data.find_figure(best, "mean"), "seeds": format_number(data.find_figure(best, "seeds").std),
        "paper": PAPER if is_papers else None, "lenient": lenient,
        "encoders": ", ".join(dict.fromkeys(str(config["encoder"]) for config in configs)),
    }  # fmt: skip
