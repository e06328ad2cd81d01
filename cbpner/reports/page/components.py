"""What a section of the report is made of, the View that all sections read, and what several of them ask of it."""

import math
from typing import Any, NamedTuple

from cbpner.base.files import natural_key
from cbpner.reports.page import charts
from cbpner.reports.page.charts import Chart
from cbpner.reports.page.tables import Figure, format_cell
from cbpner.reports.table import NONE, OVERALL
from cbpner.scoring.metrics import COUNTS, MEASURES, divide_counts

MAIN = "entity_strict"  # the level of charts


class Text(NamedTuple):
    """A paragraph; kind: `p`, `lead` or `note`."""

    text: str
    kind: str = "p"


class Panels(NamedTuple):
    """Line charts side by side."""

    title: str
    drawings: list
    caption: str
    legend: list


class Browser(NamedTuple):
    """The browser of sentences; content: see `cbpner.reports.page.sentences`."""

    content: dict


class List(NamedTuple):
    """Sentences, one below the other."""

    lines: list


class Row(NamedTuple):
    """Tables side by side, where there is room."""

    parts: list


class Fold(NamedTuple):
    """Parts behind a title that opens them."""

    title: str
    parts: list


class Section(NamedTuple):
    """name: of its anchor. title: its heading. short: its name in the navigation."""

    name: str
    title: str
    short: str
    parts: list


class Headline(NamedTuple):
    """What stands first. subtitle: how much there is. figures: (Figure, what it is) each. chart, sentences: below."""

    subtitle: str
    figures: list
    chart: Chart | None
    sentences: list


class View(NamedTuple):
    """The material with what sections often ask of it.

    names: the systems. figures: {(system, `run`, `mean`, `seeds` or POOLED, run or None, level, type): F1 as a Figure},
    from the evaluation or, without intervals, from metrics.json; `seeds`, of which only std counts, is there for
    systems with several seeds (`cbpner.reports.intervals.frame_intervals`). splits: {system: its splits}. types: their
    names.
    """

    material: Any
    names: list
    figures: dict
    splits: dict
    types: list


def select_rows(view, name, level, label):
    scores = view.material.scores
    return scores[(scores["system"] == name) & (scores["level"] == level) & (scores["type"] == label)]


def list_counts(rows):
    return [int(rows[column].sum()) for column in COUNTS]


def list_measures(rows):
    measures = divide_counts(*list_counts(rows))
    return [Figure(math.nan if measures[name] is None else measures[name]) for name in MEASURES]


def measure_rows(rows, name):
    value = divide_counts(*list_counts(rows))[name]
    return math.nan if value is None else value


def take_values(figure, count):
    """(value, low, high) of a Figure that may not be there."""
    return (figure.value, figure.low, figure.high)[:count] if figure else (math.nan,) * count


def sort_runs(runs):
    return sorted(runs, key=lambda run: (natural_key(show_split(run)), natural_key(run.config["seed"]), run.folder))


def show_split(run):
    return NONE if run.config["split"] is None else str(run.config["split"])


def mean_known(values):
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def list_points(view, name):
    points = []
    for run in sort_runs(view.material.systems[name]):
        figure = view.figures[name, "run", run.folder, MAIN, OVERALL]
        if not math.isnan(figure.value):
            seed = f", seed {run.config['seed']}" if len(view.material.systems[name]) > len(view.splits[name]) else ""
            points.append(
                (figure.value, show_split(run), f"{name}, split {show_split(run)}{seed}: {format_cell(figure)}")
            )
    return points


def make_chart(view, groups, label, caption, plain=False):
    legend = [] if plain or len(view.names) < 2 else [
        (charts.draw_mark(number, charts.choose_shape(number)), name) for number, name in enumerate(view.names)
    ]  # fmt: skip
    return Chart(charts.draw_dots(groups, label), caption, legend)


def find_best(view) -> str:
    """The system with the highest mean strict F1 among those that have most splits."""
    most = max(map(len, view.splits.values()))
    means = {name: view.figures[name, "mean", None, MAIN, OVERALL].value for name in view.names}
    rivals = [name for name in view.names if len(view.splits[name]) == most]
    return max(rivals, key=lambda name: -1 if math.isnan(means[name]) else means[name])
