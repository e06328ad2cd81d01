"""Charts as SVG text, drawn from numbers. Colours are the page's: an element of class `s3` has that of series 3.

A dot chart is drawn twice, wide and narrow, and the page shows what fits; a line chart is small enough for both.
"""

import math
import textwrap
from typing import NamedTuple

from markupsafe import Markup, escape

WIDTHS = (760, 340)  # of a dot chart, wide and narrow
LABELS = 210  # width of the names beside the rows of a wide one; above the rows of a narrow one
COLOURS = 7
NEUTRAL = 99  # the series without a colour of its own
PANEL = (340, 220)  # width and height of a line chart
DOT, LANE = 9, 18  # radius of a dot with a text, and the height of a row of them
TEXT, LETTER = 15, 7.4  # height of a line of text, and the width of a letter of a wide typeface
MARKS = {  # shapes around (0, 0), as large as a circle of radius 4
    "o": "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", "s": "M-3.6-3.6h7.2v7.2h-7.2z", "^": "M0-4.8L4.5 3.4h-9z",
    "D": "M0-5L5 0L0 5L-5 0z", "v": "M0 4.8L4.5-3.4h-9z", "P": "M-1.6-4.6h3.2v3h3v3.2h-3v3h-3.2v-3h-3v-3.2h3z",
    "X": "M-4.4-2.2L-2.2-4.4L0-2.2L2.2-4.4L4.4-2.2L2.2 0L4.4 2.2L2.2 4.4L0 2.2L-2.2 4.4L-4.4 2.2L-2.2 0z",
    "*": "M0-5.4L1.5-1.8L5.2-1.6L2.3 .8L3.3 4.6L0 2.5L-3.3 4.6L-2.3 .8L-5.2-1.6L-1.5-1.8z",
}  # fmt: skip


class Chart(NamedTuple):
    """SVG texts that show the same: of each of WIDTHS, or one for both. caption: what is drawn. legend: of series."""

    drawings: list
    caption: str
    legend: list


class Dots(NamedTuple):
    """A row of a dot chart: a line of points with texts, one mark for what sums them up, and its interval.

    series: which colour. points: (value, text in the dot, title). NaN: not known.
    """

    label: str
    series: int
    points: list | tuple = ()
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan


class Line(NamedTuple):
    """A line of a line chart: (x, y, title) of its points. label: at its end, or empty.

    marked: each point has a mark, with its title. faint: dashed, or its marks pale.
    """

    label: str
    series: int
    points: list
    marked: bool = False
    faint: bool = False


def draw_dots(groups, label, limits=None, xlabel="F1", above=False):
    """Both drawings of groups, each (name or None, rows of Dots).

    Rows without a label have their group's name; where they have no interval either, they share a line. limits: of the
    x axis. above: the names stand above the rows of the wide drawing too.
    """
    values = [value for _, rows in groups for row in rows for value in _list_values(row)]
    low, high = limits or (0.0, max(values, default=1.0))
    ticks = find_ticks(low, high)
    return [_draw_rows(groups, label, ticks, width, xlabel, above or width < WIDTHS[0]) for width in WIDTHS]


def draw_lines(lines, label, xlabel, ylabel, logarithmic=False, xticks=None, floor=None, ceiling=None):
    """One drawing of Lines. logarithmic: the y axis. xticks: where, else as is best. floor, ceiling: of the y axis."""
    xs = [x for line in lines for x, *_ in line.points]
    ys = [y for line in lines for _, y, *_ in line.points if not math.isnan(y)]
    if logarithmic:
        ys = [y for y in ys if y > 0]
    if not xs or not ys:
        return None
    width, height = PANEL
    left, right, top, bottom = 46, width - 14, 22, height - 38
    xticks = xticks or find_ticks(min(0, *xs), max(xs), 5)
    yticks = _find_powers(min(ys), max(ys)) if logarithmic else find_ticks(
        min(ys) if floor is None else floor, max(ys) if ceiling is None else ceiling, 5
    )  # fmt: skip
    scale = math.log10 if logarithmic else float
    place_x = _make_place((min(0, *xs), max(*xs, *xticks)), (left, right))
    place_y = _make_place((scale(yticks[0]), scale(yticks[-1])), (bottom, top))
    parts = []
    for tick in yticks:
        y = place_y(scale(tick))
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_write(left - 6, y + 4, f"{tick:g}", "end", "tick"))
    for tick in xticks:
        x = place_x(tick)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}"/>')
        parts.append(_write(x, bottom + 17, f"{tick:g}", "middle", "tick"))
    parts.append(f'<line class="axis" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    parts.append(_write((left + right) / 2, height - 4, xlabel, "middle", "name"))
    parts.append(_write(left - 40, 12, ylabel, "start", "name"))
    drawn = [
        [(place_x(x), place_y(scale(y)), text) for x, y, text in line.points if y > 0 or y <= 0 and not logarithmic]
        for line in lines
    ]
    named = [number for number, line in enumerate(lines) if line.label and not line.marked and drawn[number]]
    heights = dict(zip(named, _spread_labels([drawn[number][-1][1] for number in named]), strict=True))
    parts += [_draw_line(line, drawn[number], heights.get(number)) for number, line in enumerate(lines)]
    return _frame(width, height, parts, label)


def draw_shares(rows, kinds, label):
    """Both drawings of stacked bars. rows: (name, counts); kinds: the class of each count, which names its colour."""
    return [_draw_bars(rows, kinds, label, width) for width in WIDTHS]


def draw_mark(number, shape):
    """A small drawing of one mark, for a legend."""
    path = f'<path class="mark {_name_series(number)}" d="{MARKS[shape]}"/>'
    return Markup(f'<svg class="key" viewBox="-6 -6 12 12" width="12" height="12" aria-hidden="true">{path}</svg>')


def choose_shape(number):
    return "D" if number == NEUTRAL else list(MARKS)[number % len(MARKS)]


def find_ticks(low, high, wished=6):
    """Round numbers that enclose low to high: steps of 1, 2 or 5 times a power of ten, about `wished` of them."""
    if not high > low:
        high = low + 1
    raw = (high - low) / wished
    power = 10 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


def _find_powers(low, high):
    """Ticks of a logarithmic axis: powers of ten around low to high."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [10.0**power for power in range(first, max(last, first + 1) + 1)]


def _take_some(ticks, most=7):
    """Every tick, or every second or third, such that 0 stays."""
    step, zero = 1 + len(ticks) // most, ticks.index(0) if 0 in ticks else 0
    return [tick for place, tick in enumerate(ticks) if (place - zero) % step == 0]


def _make_place(values, pixels):
    (low, high), (first, last) = values, pixels
    return lambda value: first + (value - low) / ((high - low) or 1) * (last - first)


def _list_values(row):
    values = [*(value for value, *_ in row.points), row.value, row.low, row.high]
    return [value for value in values if not math.isnan(value)]


def _draw_rows(groups, label, ticks, width, xlabel, above):
    """One drawing; the names stand beside the rows, or above them."""
    left, right = (24, width - 18) if above else (LABELS, width - 14)
    place = _make_place((ticks[0], ticks[-1]), (left, right))
    parts, y = [], 4.0
    for number, (name, rows) in enumerate(groups):
        unnamed = not any(row.label for row in rows)
        shared = unnamed and all(math.isnan(row.low) for row in rows)
        if name and (above or not unnamed):
            y = _write_above(parts, y + 4 * bool(number), name, width, "row" if unnamed else "group")
        top = y
        for row in rows:
            if above and row.label:
                y = _write_above(parts, y, row.label, width)
            lanes = _place_lanes([place(value) for value, *_ in row.points])
            own = LANE * (max(lanes, default=0) - min(lanes, default=0) + 1) + 6 if row.points else 20 if shared else 14
            height = own if above or not row.label else max(own, TEXT * len(_wrap(row.label, LABELS)))
            middle = y + height / 2
            if row.label and not above:
                _write_beside(parts, middle, row.label)
            parts.append(_draw_row(row, place, middle, lanes, own))
            y += 0 if shared else height
        y += 20 if shared else 0
        if name and unnamed and not above:
            _write_beside(parts, (top + y) / 2, name)
        y += 4
    axis = [f'<line class="axis" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>']
    for tick in ticks if width == WIDTHS[0] else _take_some(ticks):
        x = place(tick)
        kind = "zero" if tick == 0 and ticks[0] < 0 else "grid"
        axis.append(f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="2" y2="{y:.1f}"/>')
        axis.append(_write(x, y + 15, f"{tick:g}", "middle", "tick"))
    axis.append(_write((left + right) / 2, y + 31, xlabel, "middle", "name"))
    return _frame(width, y + 36, axis + parts, label)


def _draw_row(row, place, middle, lanes, height):
    parts = [f"<title>{escape(row.label)}</title>"] if row.label else []
    top, size = middle - height / 2 + 2, height - 4
    if not math.isnan(row.low):
        first, last = place(row.low), place(row.high)
        if row.points:
            parts.append(
                f'<rect class="band" x="{first:.1f}" width="{last - first:.1f}" y="{top:.1f}" height="{size}"/>'
            )
        else:
            ends = f'x1="{first:.1f}" x2="{last:.1f}" y1="{middle:.1f}" y2="{middle:.1f}"'
            parts.append(f'<line class="whisker" {ends}/>')
    if row.points and not math.isnan(row.value):
        x = place(row.value)
        parts.append(f'<line class="mean" x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{top + size:.1f}"/>')
    elif not math.isnan(row.value):
        place_text = f'transform="translate({place(row.value):.1f} {middle:.1f})"'
        parts.append(f'<path class="mark" d="{MARKS[choose_shape(row.series)]}" {place_text}/>')
    lowest = min(lanes, default=0)
    offset = (max(lanes, default=0) + lowest) / 2
    for (value, text, about), lane in zip(row.points, lanes, strict=True):
        x, y = place(value), middle + (lane - offset) * LANE
        dot = f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{DOT - 1}"/>'
        parts.append(f"<g>{dot}{_write(x, y + 3.6, text, 'middle', 'dot-text')}<title>{escape(about)}</title></g>")
    return f'<g class="{_name_series(row.series)}">{"".join(parts)}</g>'


def _spread_labels(ys, least=10):
    """Heights for labels that wish to stand at ys, in the same order from top to bottom, `least` apart or more."""
    order, heights = sorted(range(len(ys)), key=lambda place: ys[place]), list(ys)
    for before, place in zip(order, order[1:], strict=False):
        heights[place] = max(heights[place], heights[before] + least)
    shift = sum(heights) / len(heights) - sum(ys) / len(ys) if ys else 0
    return [height - shift for height in heights]


def _place_lanes(xs):
    """A lane for each dot so that no two in a lane touch: 0 first, then the nearest ones."""
    order, taken, lanes = sorted(range(len(xs)), key=lambda place: xs[place]), {}, [0] * len(xs)
    for place in order:
        lane = next(
            lane
            for lane in (((number + 1) // 2) * (-1) ** number for number in range(2 * len(xs)))
            if xs[place] - taken.get(lane, -math.inf) >= 2 * DOT
        )
        taken[lane], lanes[place] = xs[place], lane
    return lanes


def _name_series(number):
    """The class of a series, whose colour the page has."""
    return "s-none" if number == NEUTRAL else f"s{number % COLOURS}"


def _draw_line(line, places, label_y):
    """A line through places (x, y, text); its label, if it has one, stands at the height label_y."""
    if not places:
        return ""
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y, _ in places)
    parts = [f'<path class="line{" faint" if line.faint else ""}" d="{path}"/>' if len(places) > 1 else ""]
    for x, y, text in places if line.marked else ():
        mark = f'<path class="mark" d="{MARKS[choose_shape(line.series)]}" transform="translate({x:.1f} {y:.1f})"/>'
        parts.append(f"<g>{mark}<title>{escape(text)}</title></g>")
    if label_y is not None:
        x = places[-1][0]
        parts.append(_write(x + 3, label_y + 3, line.label, "start", "end"))
    kind = f"{_name_series(line.series)}{' pale' if line.marked and line.faint else ''}"
    return f'<g class="{kind}">{"".join(parts)}</g>'


def _draw_bars(rows, kinds, label, width):
    above = width < WIDTHS[0]
    left, right = (0, width - 2) if above else (LABELS, width - 2)
    parts, y = [], 2.0
    for name, counts in rows:
        height = 22
        if above:
            y = _write_above(parts, y, name, width)
        else:
            height = max(height, TEXT * len(_wrap(name, LABELS)))
            _write_beside(parts, y + height / 2, name)
        top = y + (height - 22) / 2
        total, x = sum(counts) or 1, left
        for kind, count in zip(kinds, counts, strict=True):
            size = count / total * (right - left)
            about = f"{name}: {count:,} {kind} ({count / total:.0%})"
            place = f'x="{x:.1f}" y="{top:.1f}" width="{max(0, size - 1.5):.1f}" height="22"'
            parts.append(
                f'<g class="k-{kind.replace("+", "-")}"><rect {place}/><title>{escape(about)}</title>'
                + (_write(x + size / 2, top + 15.5, f"{count:,}", "middle", "bar-text") if size > 34 else "")
                + "</g>"
            )
            x += size
        y += height + 8
    return _frame(width, y, parts, label)


def _write_above(parts, y, text, width, kind="row"):
    """Write the text into parts from the height y on; returns the height below it."""
    for line in _wrap(text, width):
        y += TEXT
        parts.append(_write(0, y - 1, line, "start", kind))
    return y + 4


def _write_beside(parts, middle, text):
    lines = _wrap(text, LABELS)
    for number, line in enumerate(lines):
        parts.append(_write(LABELS - 14, middle + 4 + TEXT * (number - (len(lines) - 1) / 2), line, "end", "row"))


def _wrap(text, width):
    return textwrap.wrap(text, int((width - 14) / LETTER)) or [""]


def _write(x, y, text, anchor, kind):
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _frame(width, height, parts, label):
    size = f'viewBox="0 0 {width} {height:.0f}" width="{width}" height="{height:.0f}"'
    return Markup(f'<svg {size} role="img" aria-label="{escape(label)}">{"".join(map(str, parts))}</svg>')
