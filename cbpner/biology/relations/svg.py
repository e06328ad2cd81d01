"""The network as an SVG for papers: plain shapes, light colours, names where there is room for them."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from cbpner.base.html import clean_xml
from cbpner.biology.relations.network import EDGE_COLUMNS, NODE_COLUMNS, Network

COLOURS = ("#0072b2", "#009e73", "#b8558a", "#a87400", "#2f8fc4", "#6a51a3", "#5d7d2a", "#8f6a55")
EDGE_STYLES = {  # state: colour, dashes, name in the legend
    "": ("#b9bec6", "", "gene and disease"),
    "known": ("#7d8793", "", "known interaction"),
    "path": ("#5b626d", "4 3", "not known, joined by a third"),
    "unlisted": ("#b08d57", "1 3", "a gene that is in no list"),
    "new": ("#d55e00", "", "not known"),
}
MARGIN = 60
LETTER = 0.6  # width of a Latin letter, as a share of the font size
FONT_SIZE = 11  # at least; the drawing is at most 130 font sizes wide
FONT = "font-family=\"system-ui, 'Segoe UI', 'Noto Sans', Arial, 'Noto Sans CJK SC', sans-serif\""


def render_svg(network: Network) -> str:
    """Draw the edges with a q of at most the network's level, and their nodes."""
    q, state, patents = (2 + EDGE_COLUMNS.index(name) for name in ("q", "state", "patents"))
    edges = [edge for edge in network["edges"] if edge[q] <= network["level"]]
    degrees = Counter(node for edge in edges for node in edge[:2])
    nodes = {number: network["nodes"][number] for number in sorted(degrees)}
    xs, ys = ([node[NODE_COLUMNS.index(name)] for node in nodes.values()] for name in "xy")
    left, top = min(xs) - MARGIN, min(ys) - MARGIN
    width, height = max(max(xs) + MARGIN - left, 420), max(max(ys) + MARGIN - top, 200) + 30
    size = max(FONT_SIZE, width / 130)
    parts = []
    for edge in sorted(edges, key=lambda edge: edge[state] == "new"):
        (x1, y1), (x2, y2) = (nodes[node][4:6] for node in edge[:2])
        thickness = (0.7 + 0.5 * min(edge[patents], 16) ** 0.5) * (size / FONT_SIZE) ** 0.5
        ends = f'x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"'
        parts.append(f'<line {ends} {style_edge(edge[state] or "", thickness)} stroke-opacity=".75"/>')
    parts += [draw_node(node, degrees[number]) for number, node in nodes.items()]
    order = sorted(nodes, key=lambda number: (-degrees[number], -nodes[number][6], number))
    parts += place_labels([(nodes[number], degrees[number]) for number in order], size)
    if network["known"]:
        drawn = {edge[state] or "" for edge in edges}
        parts += draw_legend([name for name in EDGE_STYLES if name in drawn], left + size, top + height - size, size)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.0f} {top:.0f} {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" {FONT}>\n'
        f"<title>{escape(clean_xml(network['title']))}</title>\n"
        f'<rect x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{height:.0f}" fill="#fff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def style_edge(state: str, thickness: float) -> str:
    """The attributes of a line for an edge of this state."""
    colour, dashes, _ = EDGE_STYLES[state]
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'stroke="{colour}" stroke-width="{thickness:.1f}"{dashed}'


def compute_radius(degree: int) -> float:
    return 3.5 + 1.3 * min(degree, 60) ** 0.5


def draw_node(node: Sequence, degree: int) -> str:
    """A circle for a gene, a square for a disease, in the colour of the community."""
    _, label, kind, community, x, y, *_ = node
    radius = compute_radius(degree)
    name, shape = "circle", f'cx="{x}" cy="{y}" r="{radius:.1f}"'
    if kind != "gene":
        side, name = f"{2 * radius:.1f}", "rect"
        shape = f'x="{x - radius:.1f}" y="{y - radius:.1f}" width="{side}" height="{side}" rx="1.5"'
    title = escape(clean_xml(label))
    return f'<{name} {shape} fill="{COLOURS[community % len(COLOURS)]}" stroke="#fff"><title>{title}</title></{name}>'


def place_labels(nodes: Iterable[tuple[Sequence, int]], size: float) -> list[str]:
    """Labels beside, above or below (node, degree), the first ones first, where they overlap no other label."""
    placed: list[str] = []
    boxes = np.empty((0, 4))  # left, top, right, bottom of each label
    for node, degree in nodes:
        gap = compute_radius(degree) + 0.25 * size
        width = size * LETTER * sum(1.7 if unicodedata.east_asian_width(char) in "WF" else 1 for char in node[1])
        for dx, dy in (
            (gap, 0.35 * size), (-gap - width, 0.35 * size), (-width / 2, -gap), (-width / 2, gap + 0.8 * size)
        ):  # fmt: skip
            x, y = node[4] + dx, node[5] + dy
            box = np.array((x, y - 0.9 * size, x + width, y + 0.25 * size))
            if not ((box[:2] < boxes[:, 2:]) & (boxes[:, :2] < box[2:])).all(1).any():
                boxes = np.vstack((boxes, box))
                placed.append(
                    f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:.1f}" stroke="#fff" stroke-width="{size / 4:.1f}" '
                    f'paint-order="stroke" stroke-linejoin="round" fill="#1b1d21">{escape(clean_xml(node[1]))}</text>'
                )
                break
    return placed


def draw_legend(states: Iterable[str], x: float, y: float, size: float) -> list[str]:
    """A line and a name for each state of edges, from left to right."""
    legend = []
    for state in states:
        name, line_y = EDGE_STYLES[state][2], y - 0.35 * size
        legend.append(
            f'<line x1="{x:.1f}" x2="{x + 2 * size:.1f}" y1="{line_y:.1f}" y2="{line_y:.1f}" '
            f"{style_edge(state, size / 6)}/>"
            f'<text x="{x + 2.5 * size:.1f}" y="{y:.1f}" font-size="{size:.1f}" fill="#5b626d">{name}</text>'
        )
        x += size * (4.5 + LETTER * len(name))
    return legend
