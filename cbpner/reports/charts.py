"""Charts drawn by matplotlib: SVG for a page, coloured by its style sheet, and the look of figures in files.

The same numbers give the same bytes in every process, whatever the user's matplotlib settings are. A page's SVG has its
text as text, its colours as the style sheet's variables (so that it follows a dark background), and tooltips.
matplotlib is imported where a chart is drawn.
"""

import io
import math
import re
import textwrap
import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup, escape

from cbpner.base.html import read_page_style, show_controls

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NEUTRAL = 99  # the series without a colour of its own
GLYPHS = {"o": "●", "s": "■", "^": "▲", "D": "◆", "v": "▼", "P": "✚", "X": "✖", "*": "★"}  # of markers, in legends
TOOLTIP = "tooltip:"  # how the id of an element that shows one begins
WIDTH = 8.2  # inches
LABEL_WIDTH = 36  # characters in a line of a row's label
Line = Sequence[tuple[float, float]]  # (x, y) points, at least one
STYLE = {
    "font.family": "DejaVu Sans", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
    "text.parse_math": False, "svg.fonttype": "none", "svg.hashsalt": "cbpner",
}  # fmt: skip


class Dots(NamedTuple):
    """A row of a dot chart: single results, and the value that sums them up with its interval, NaN where unknown."""

    label: str  # empty where the row has its group's
    series: int  # its colour and marker
    points: Sequence[tuple[float, str, str]] = ()  # (value, text in the dot, tooltip)
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan


def chart_style() -> AbstractContextManager[None]:
    """The context in which figures are drawn and saved."""
    import matplotlib.style

    return matplotlib.style.context(["default", STYLE])


def new_figure(width: float = WIDTH, height: float = 1.0) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def series_look(number: int) -> dict[str, Any]:
    """Colour and marker of a series, as keyword arguments of matplotlib."""
    if number == NEUTRAL:
        return {"color": palette()["soft"], "marker": "D"}
    return {"color": palette()[f"s{number % 7}"], "marker": list(GLYPHS)[number % len(GLYPHS)]}


@cache
def palette() -> dict[str, str]:
    """The colours that charts take from the style sheet, as on a light background: `{"ink": "#1b1d21", ...}`."""
    light = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", read_page_style().split("}")[0]))
    return {name: colour for name, colour in light.items() if not re.fullmatch(r"heat|link|faint|t\d", name)}


def figure_to_svg(figure: "Figure", label: str) -> Markup:
    """A figure as SVG for a page. label: what a screen reader says."""
    file = io.StringIO()
    unsigned = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with chart_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # Chinese: text stays text, in the fonts of the page
        figure.savefig(file, format="svg", metadata=unsigned, transparent=True)
    svg = show_controls(file.getvalue())
    svg = svg[svg.index("<svg") :].replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1)
    svg = re.sub(rf'<g id="{TOOLTIP}([^"]*)">', r"<g><title>\1</title>", svg)
    svg = re.sub(r' id="[A-Za-z.\d]+_\d+"', "", svg)  # figure_1, axes_1: each chart of a page has them
    svg = re.sub(r"<defs>\s*<style.*?</defs>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r"'DejaVu Sans'[^;\"]*", "var(--sans)", svg)
    variables = {colour: f"var(--{name})" for name, colour in reversed(palette().items())} | {"#000000": "var(--soft)"}
    return Markup(re.sub(r"#[0-9a-f]{6}", lambda found: variables.get(found[0], found[0]), svg))


def draw_dots(
    groups: Sequence[tuple[str | None, Sequence[Dots]]],
    label: str,
    limits: tuple[float, float] | None = None,
    xlabel: str = "F1",
) -> Markup:
    """Rows of dots and intervals along one axis, which begins at 0 where it has no `limits`.

    groups: (name or None, rows); the name is above rows with labels, and left of rows without.
    """
    values = [v for _, rows in groups for r in rows for v in (r.value, r.low, r.high, *(p[0] for p in r.points))]
    low, high = limits or (0.0, max([value for value in values if not math.isnan(value)], default=1.0))
    spread = (high - low) or 1.0
    with chart_style():
        figure = new_figure()
        axes, y, ticks = figure.subplots(), 0.0, []
        for name, rows in groups:
            has_labels = any(row.label for row in rows)
            if name and has_labels:
                ticks.append((y, name))
                y += 1.0
            top = y
            for row in rows:
                lanes = place_lanes([value for value, *_ in row.points], spread / 28)
                height = 0.4 + 0.5 * (1 + len(row.label) // LABEL_WIDTH) if row.label else 0.4
                height = max(height, 0.65 * max(lanes) + 0.95) if lanes else height
                _draw_row(axes, row, y + height / 2, height, lanes)
                ticks += [(y + height / 2, row.label)] if row.label else []
                y += height
            ticks += [((top + y) / 2, name)] if name and not has_labels else []
            y += 0.25
        axes.set_xlim(low - spread / 40, high + spread / 40)
        axes.set_ylim(y, -0.2)
        axes.set_yticks([place for place, _ in ticks], [textwrap.fill(text, LABEL_WIDTH) for _, text in ticks])
        _finish_rows(figure, axes, y, xlabel)
    return figure_to_svg(figure, label)


def draw_shares(rows: Sequence[tuple[str, Sequence[int]]], kinds: Sequence[str], label: str) -> Markup:
    """Stacked bars. rows: (name, count of each kind). A kind's colour is the style sheet's; see `kind_colour`."""
    with chart_style():
        figure = new_figure()
        axes = figure.subplots()
        for y, (name, counts) in enumerate(rows):
            total, left = sum(counts) or 1, 0.0
            for kind, count in zip(kinds, counts, strict=True):
                tooltip = f"{TOOLTIP}{name}: {count:,} {kind} ({count / total:.0%})"
                bar = axes.barh(y, count / total, 0.75, left, color=palette()[kind_colour(kind)])
                bar.patches[0].set_gid(tooltip)
                if count / total > 0.05:
                    axes.text(left + count / total / 2, y, f"{count:,}", ha="center", va="center", color="#16181c")
                left += count / total
        axes.set_yticks(range(len(rows)), [textwrap.fill(name, LABEL_WIDTH) for name, _ in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        _finish_rows(figure, axes, len(rows), "share of the spans")
    return figure_to_svg(figure, label)


def kind_colour(kind: str) -> str:
    """The style sheet's name of the colour for one of `cbpner.scoring.matching.KINDS`."""
    return {"correct": "right", "boundary+type": "both"}.get(kind, kind)


def draw_learning(losses: Mapping[str, Line], scores: Mapping[str, Line], series: int, label: str) -> Markup:
    """Two panels with a line of (epoch, value) a run: the loss, on a logarithmic axis, and the score on dev."""
    colour = series_look(series)["color"]
    with chart_style():
        figure = new_figure(height=2.6)
        panels = figure.subplots(1, 2)
        for axes, lines, title in zip(panels, (losses, scores), ("training loss", "strict F1 on dev"), strict=True):
            axes.set(xlabel="epoch", title=title)
            below, least = -math.inf, 0.05 * max((line[-1][1] for line in lines.values()), default=0.0)
            for name, line in sorted(lines.items(), key=lambda item: item[1][-1][1]):
                point = {"marker": "o", "markersize": 5, "clip_on": False} if len(line) == 1 else {}  # also on an axis
                axes.plot(*zip(*line, strict=True), color=colour, linewidth=1.2, **point)
                below = max(line[-1][1], below + least)  # labels do not cover one another
                axes.annotate(name, (line[-1][0], below), (3, -3), textcoords="offset points", color=colour)
            axes.set_xlim(left=0)
        if losses:
            panels[0].set_yscale("log")
            panels[0].yaxis.set_major_formatter("{x:g}")
            panels[0].yaxis.set_minor_formatter("")
        panels[1].set_ylim(bottom=0)
    return figure_to_svg(figure, label)


def place_lanes(values: Sequence[float], width: float) -> list[int]:
    """A lane, from 0, for each value, so that no two in one lane are closer than `width`."""
    lanes, ends = [0] * len(values), []
    for place in sorted(range(len(values)), key=lambda place: values[place]):
        free = (lane for lane, end in enumerate(ends) if values[place] - end >= width)
        lanes[place] = lane = next(free, len(ends))
        ends[lane : lane + 1] = [values[place]]
    return lanes


def _draw_row(axes: "Axes", row: Dots, y: float, height: float, lanes: list[int]) -> None:
    """The row's interval, value and points; y: its middle."""
    look = series_look(row.series)
    if row.points:
        if not math.isnan(row.low):
            axes.barh(y, row.high - row.low, height * 0.85, row.low, color=look["color"], alpha=0.2, linewidth=0)
        axes.vlines(row.value, y - height * 0.42, y + height * 0.42, color=look["color"], linewidth=2)
    else:
        axes.plot([row.low, row.high], [y, y], color=look["color"], linewidth=1.3, alpha=0.6)
        axes.plot(row.value, y, markersize=5.5, markeredgecolor=palette()["paper"], **look)
    middle = max(lanes, default=0) / 2
    for (value, text, tooltip), lane in zip(row.points, lanes, strict=True):
        place = y + (lane - middle) * 0.65
        dot = axes.scatter(value, place, s=150, facecolor=palette()["paper"], edgecolor=look["color"], zorder=3)
        dot.set_gid(TOOLTIP + tooltip)
        axes.text(value, place, text, ha="center", va="center", fontsize=8, zorder=4)


def _finish_rows(figure: "Figure", axes: "Axes", rows: float, xlabel: str) -> None:
    axes.set_xlabel(xlabel)
    axes.set_axisbelow(True)
    axes.grid(axis="x", color=palette()["rule"])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    figure.set_size_inches(WIDTH, 0.32 * rows + 0.7)
