"""The network as an SVG for papers: plain shapes, light colours, names where there is room for them."""

import unicodedata
from html import escape

from cbpner.base.html import clean_xml
from cbpner.biology.relations.scene import SHOWN_COLUMNS

COLOURS = ("#0072b2", "#009e73", "#b8558a", "#a87400", "#2f8fc4", "#6a51a3", "#5d7d2a", "#8f6a55")
PLAIN = ""  # the state of an edge where nothing is known of what is known, as between a gene and a disease
EDGES = {PLAIN: ("#b9bec6", ""), "known": ("#7d8793", ""), "path": ("#5b626d", "4 3")}
EDGES |= {"unlisted": ("#b08d57", "1 3"), "new": ("#d55e00", "")}
SAYS = {
    PLAIN: "gene and disease",
    "known": "known interaction",
    "path": "not known, joined by a third",
    "new": "not known",
    "unlisted": "a gene that is in no list",
}
MARGIN = 60
LETTER = 0.6  # width of a Latin letter, where a label's height is 1
PRINTED = (11, 130)  # least height of a label; how many of them the drawing is wide at most
FONT = "font-family=\"system-ui, 'Segoe UI', 'Noto Sans', Arial, 'Noto Sans CJK SC', sans-serif\""


def draw_network(scene) -> str:
    """The edges with q of at most the scene's level and their nodes."""
    q, state, patents = (2 + SHOWN_COLUMNS.index(name) for name in ("q", "state", "patents"))
    edges = [edge for edge in scene["edges"] if edge[q] <= scene["level"]]
    degrees = {}
    for edge in edges:
        for node in edge[:2]:
            degrees[node] = degrees.get(node, 0) + 1
    nodes = {number: scene["nodes"][number] for number in sorted(degrees)}
    box = find_box(nodes.values())
    size = max(PRINTED[0], box[2] / PRINTED[1])
    parts = []
    for edge in sorted(edges, key=lambda edge: edge[state] == "new"):
        (x1, y1), (x2, y2) = (nodes[node][4:6] for node in edge[:2])
        colour, dashes = EDGES[edge[state] or PLAIN]
        width = (0.7 + 0.5 * min(edge[patents], 16) ** 0.5) * (size / PRINTED[0]) ** 0.5
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        parts.append(
            f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="{width:.1f}"{dashed} '
            'stroke-opacity=".75"/>'
        )
    parts += [draw_node(node, degrees[number]) for number, node in nodes.items()]
    order = sorted(nodes, key=lambda number: (-degrees[number], -nodes[number][6], number))
    parts += place_labels([(nodes[number], degrees[number]) for number in order], size)
    states = [name for name in EDGES if scene["known"] and any((edge[state] or PLAIN) == name for edge in edges)]
    return frame(scene, box, parts, states, size)


def measure_radius(degree):
    return 3.5 + 1.3 * min(degree, 60) ** 0.5


def find_box(nodes):
    """(left, top, width, height) of the drawing."""
    xs, ys = ([node[place] for node in nodes] for place in (4, 5))
    left, top = min(xs) - MARGIN, min(ys) - MARGIN
    return left, top, max(max(xs) + MARGIN - left, 420), max(max(ys) + MARGIN - top, 200) + 30


def draw_node(node, degree):
    (x, y), radius = node[4:6], measure_radius(degree)
    colour = COLOURS[node[3] % len(COLOURS)]
    if node[2] == "gene":
        name, shape = "circle", f'cx="{x}" cy="{y}" r="{radius:.1f}"'
    else:
        side = f"{2 * radius:.1f}"
        name = "rect"
        shape = f'x="{x - radius:.1f}" y="{y - radius:.1f}" width="{side}" height="{side}" rx="1.5"'
    return f'<{name} {shape} fill="{colour}" stroke="#fff"><title>{show(node[1])}</title></{name}>'


def place_labels(nodes, size):
    """Texts beside, above or below the nodes, the first ones first, where they touch no other text."""
    taken, cells = [], {}
    for node, degree in nodes:
        gap = measure_radius(degree) + 0.25 * size
        width = size * LETTER * sum(1.7 if unicodedata.east_asian_width(char) in "WF" else 1 for char in node[1])
        for dx, dy in (
            (gap, 0.35 * size),
            (-gap - width, 0.35 * size),
            (-width / 2, -gap),
            (-width / 2, gap + 0.8 * size),
        ):
            x, y = node[4] + dx, node[5] + dy
            own = (x, y - 0.9 * size, x + width, y + 0.25 * size)
            keys = list_cells(own)
            if any(touch(own, other) for key in keys for other in cells.get(key, ())):
                continue
            for key in keys:
                cells.setdefault(key, []).append(own)
            taken.append(
                f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:.1f}" stroke="#fff" stroke-width="{size / 4:.1f}" '
                f'paint-order="stroke" stroke-linejoin="round" fill="#1b1d21">{show(node[1])}</text>'
            )
            break
    return taken


def list_cells(box, side=80):
    columns, rows = (range(int(box[place] // side), int(box[place + 2] // side) + 1) for place in (0, 1))
    return [(column, row) for column in columns for row in rows]


def touch(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def frame(scene, box, parts, states, size):
    left, top, width, height = box
    legend, x, y = [], left + size, top + height - size
    for name in states:
        colour, dashes = EDGES[name]
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        legend.append(
            f'<line x1="{x:.1f}" x2="{x + 2 * size:.1f}" y1="{y - 0.35 * size:.1f}" y2="{y - 0.35 * size:.1f}" '
            f'stroke="{colour}" stroke-width="{size / 6:.1f}"{dashed}/>'
            f'<text x="{x + 2.5 * size:.1f}" y="{y:.1f}" font-size="{size:.1f}" fill="#5b626d">{SAYS[name]}</text>'
        )
        x += size * (4.5 + LETTER * len(SAYS[name]))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.0f} {top:.0f} {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" {FONT}>\n<title>{show(scene["title"])}</title>\n'
        f'<rect x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{height:.0f}" fill="#fff"/>\n'
        + "\n".join([*parts, *legend])
        + "\n</svg>\n"
    )


def show(text):
    """Text for XML; what it cannot hold as U+FFFD."""
    return escape(clean_xml(text))
