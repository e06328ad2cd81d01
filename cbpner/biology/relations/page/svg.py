"""The network as an SVG for papers: plain shapes, light colours, names where there is room for them."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

import numpy as np

from cbpner.base.html import open_templates
from cbpner.biology.relations.network import EDGE_COLUMNS, NODE_COLUMNS, Network

COLOURS = ("#7b4fb0", "#b8437f", "#976800", "#7a5a45", "#66707c", "#a58bd0", "#d98aa6", "#6a761f")
EDGE_STYLES = {  # state: colour, dashes, name in the legend
    "": ("#b9bec6", "", "gene and disease"),
    "known": ("#7d8793", "", "known interaction"),
    "path": ("#5b626d", "4 3", "not known, joined by a third"),
    "unlisted": ("#b08d57", "1 3", "a gene that is in no list"),
    "new": ("#c2185b", "", "not known"),
}
MARGIN = 60
LETTER = 0.6  # width of a Latin letter, as a share of the font size
FONT_SIZE = 11  # at least; the drawing is at most 130 font sizes wide


def render_svg(network: Network) -> str:
    """Draw the edges with a q of at most the network's level, and their nodes."""
    q, state, patents = (2 + EDGE_COLUMNS.index(name) for name in ("q", "state", "patents"))
    edges = [edge for edge in network["edges"] if edge[q] <= network["level"]]
    degrees = Counter(number for edge in edges for number in edge[:2])
    nodes = {number: dict(zip(NODE_COLUMNS, network["nodes"][number], strict=True)) for number in sorted(degrees)}
    for number, node in nodes.items():
        colour, radius = COLOURS[node["community"] % len(COLOURS)], 3.5 + 1.3 * min(degrees[number], 60) ** 0.5
        node.update(colour=colour, radius=radius)
    xs, ys = ([node[name] for node in nodes.values()] for name in "xy")
    left, top = min(xs) - MARGIN, min(ys) - MARGIN
    width, height = max(max(xs) + MARGIN - left, 420), max(max(ys) + MARGIN - top, 200) + 30
    size = max(FONT_SIZE, width / 130)
    lines = [
        (nodes[edge[0]], nodes[edge[1]], EDGE_STYLES[edge[state] or ""],
         (0.7 + 0.5 * min(edge[patents], 16) ** 0.5) * (size / FONT_SIZE) ** 0.5)
        for edge in sorted(edges, key=lambda edge: edge[state] == "new")
    ]  # fmt: skip
    drawn = [EDGE_STYLES[name] for name in EDGE_STYLES if name in {edge[state] or "" for edge in edges}]
    widths = [size * (4.5 + LETTER * len(name)) for _, _, name in drawn]
    legend = zip(accumulate(widths, initial=left + size), drawn, strict=False) if network["known"] else ()
    order = sorted(nodes, key=lambda number: (-degrees[number], -nodes[number]["patents"], number))
    return open_templates(__package__).get_template("network.svg.jinja").render(
        box=[round(each) for each in (left, top, width, height)], title=network["title"], edges=lines,
        nodes=nodes.values(), labels=place_labels([nodes[number] for number in order], size), size=size, legend=legend,
        legend_y=top + height - size,
    )  # fmt: skip


def place_labels(nodes: Iterable[dict[str, Any]], size: float) -> list[tuple[float, float, str]]:
    """(x, y, label) beside, above or below nodes, the first ones first, where no node and no other label is."""
    placed = []
    nodes = list(nodes)
    around = [(n["x"] - r, n["y"] - r, n["x"] + r, n["y"] + r) for n in nodes for r in [n["radius"] - 0.1]]
    boxes = np.array(around).reshape(-1, 4)  # left, top, right, bottom of each node, then of each label
    for node in nodes:
        gap = node["radius"] + 0.25 * size
        letters = (1.7 if unicodedata.east_asian_width(char) in "WF" else 1 for char in node["label"])
        width = size * LETTER * sum(letters)
        for dx, dy in (
            (gap, 0.35 * size), (-gap - width, 0.35 * size), (-width / 2, -gap), (-width / 2, gap + 0.8 * size)
        ):  # fmt: skip
            x, y = node["x"] + dx, node["y"] + dy
            box = np.array((x, y - 0.9 * size, x + width, y + 0.25 * size))
            if not ((box[:2] < boxes[:, 2:]) & (boxes[:, :2] < box[2:])).all(1).any():
                boxes = np.vstack((boxes, box))
                placed.append((x, y, node["label"]))
                break
    return placed
