"""The network as an SVG for papers: plain shapes, light colours, names where there is room for them."""

import unicodedata
from html import escape

from cbpner.relations.scene import SHOWN_COLUMNS

COLOURS = ("#0072b2", "#009e73", "#b8558a", "#a87400", "#2f8fc4", "#6a51a3")  # of communities, the largest first
OTHER = "#8b929c"
EDGES = {"known": ("#9aa1ab", ""), "path": ("#5b626d", "4 3"), "new": ("#d55e00", "")}
SAYS = {"known": "known interaction", "path": "not known, joined by a third", "new": "not known"}
MARGIN = 60
LETTER, LINE = 6.3, 13.0  # width of a Latin letter and height of a line of a label, at 11 px
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
    parts = []
    for edge in sorted(edges, key=lambda edge: edge[state] == "new"):
        (x1, y1), (x2, y2) = (nodes[node][4:6] for node in edge[:2])
        colour, dashes = EDGES.get(edge[state], EDGES["known"])
        width = 0.7 + 0.5 * min(edge[patents], 16) ** 0.5
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        parts.append(
            f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="{width:.1f}"{dashed} '
            'stroke-opacity=".75"/>'
        )
    parts += [draw_node(node, degrees[number]) for number, node in nodes.items()]
    order = sorted(nodes, key=lambda number: (-degrees[number], -nodes[number][6], number))
    parts += place_labels([(nodes[number], degrees[number]) for number in order])
    states = [name for name in EDGES if any(edge[state] == name for edge in edges)]
    return frame(scene, box, parts, states)


def measure_radius(degree):
    return 3.5 + 1.3 * min(degree, 60) ** 0.5


def find_box(nodes):
    """(left, top, width, height) of the drawing."""
    xs, ys = ([node[place] for node in nodes] for place in (4, 5))
    left, top = min(xs) - MARGIN, min(ys) - MARGIN
    return left, top, max(max(xs) + MARGIN - left, 420), max(max(ys) + MARGIN - top, 200) + 30


def draw_node(node, degree):
    x, y, radius = *node[4:6], measure_radius(degree)
    colour = COLOURS[node[3]] if node[3] < len(COLOURS) else OTHER
    shape = (
        f'<circle cx="{x}" cy="{y}" r="{radius:.1f}"'
        if node[2] == "gene"
        else f'<rect x="{x - radius:.1f}" y="{y - radius:.1f}" width="{2 * radius:.1f}" height="{2 * radius:.1f}" rx="1.5"'
    )
    return f'{shape} fill="{colour}" stroke="#fff"><title>{show(node[1])}</title></{shape[1:].split()[0]}>'


def place_labels(nodes):
    """Texts beside the nodes, the first ones first, as far as they touch no other."""
    taken, cells = [], {}
    for node, degree in nodes:
        x, y = node[4] + measure_radius(degree) + 3, node[5] + 4
        width = sum(LETTER * (1.8 if unicodedata.east_asian_width(char) in "WF" else 1) for char in node[1])
        own = (x, y - LINE + 2, x + width, y + 3)
        keys = [(column, row) for column in range(int(own[0] // 80), int(own[2] // 80) + 1)
                for row in range(int(own[1] // 80), int(own[3] // 80) + 1)]  # fmt: skip
        if any(touch(own, other) for key in keys for other in cells.get(key, ())):
            continue
        for key in keys:
            cells.setdefault(key, []).append(own)
        taken.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="11" stroke="#fff" stroke-width="3" paint-order="stroke" '
            f'stroke-linejoin="round" fill="#1b1d21">{show(node[1])}</text>'
        )
    return taken


def touch(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def frame(scene, box, parts, states):
    left, top, width, height = box
    legend, x = [], left + 20
    for name in states:
        colour, dashes = EDGES[name]
        y = top + height - 18
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        legend.append(
            f'<line x1="{x}" x2="{x + 22}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2"{dashed}/>'
            f'<text x="{x + 28}" y="{y + 4}" font-size="11" fill="#5b626d">{SAYS[name]}</text>'
        )
        x += 46 + LETTER * len(SAYS[name])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.0f} {top:.0f} {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" {FONT}>\n<title>{show(scene["title"])}</title>\n'
        f'<rect x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{height:.0f}" fill="#fff"/>\n'
        + "\n".join([*parts, *legend])
        + "\n</svg>\n"
    )


def show(text):
    """Text for XML; what it cannot hold as U+FFFD."""
    return escape("".join(char if char >= " " or char in "\t\n" else "\ufffd" for char in text))
