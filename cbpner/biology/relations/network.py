"""The network that the drawing and the page show: the relations with the smallest p, laid out, with their evidence.

Communities are Louvain's (networkx), with NPMI as the weight of an edge. Each connected component has its own layout
(networkx: Kamada-Kawai for small ones; springs for others, which start from a layout of their communities); the
components are then placed in rows, the largest first.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import networkx as nx
import numpy as np

LEVEL = 0.05  # of q, for what is shown at first
EDGE_COLUMNS = (
    "units", "patents", "weight", "expected_units", "npmi", "expected_patents", "p", "q", "state", "first_patent",
    "first_year",
)  # fmt: skip
NODE_COLUMNS = ("id", "label", "kind", "community", "x", "y", "patents", "units")
LEAST_WEIGHT = 0.05  # of an edge, for a lower NPMI
ROOM = 34.0  # between two nodes, in units of the drawing

Network = dict[str, Any]


def build_network(
    rows: Sequence[dict[str, Any]], evidence: Iterable[dict[str, Any]], seed: int = 0, **about: Any
) -> Network:
    """Lay out rows of the table of relations and collect what is shown of them, as lists for JSON.

    Returns:
        `about`, `columns`: EDGE_COLUMNS, `nodes`: NODE_COLUMNS, `edges`: two numbers of nodes, then EDGE_COLUMNS,
        `evidence`: of each edge [patent, year, `list_marks`]. `level`: LEVEL if a q is so small, else 1.
    """
    level = LEVEL if any(row["q"] <= LEVEL for row in rows) else 1.0
    graph = build_graph(rows, level, seed)
    numbers = {own["id"]: number for number, own in graph.nodes(data=True)}
    edges = [
        [numbers[row["a_id"]], numbers[row["b_id"]]]
        + [float(f"{row[name]:.4g}") if isinstance(row[name], float) else row[name] for name in EDGE_COLUMNS]
        for row in rows
    ]
    places: list[list] = [[] for _ in rows]
    for row in evidence:
        places[row["relation"]].append([row["patent"], row["year"], list_marks(row)])
    nodes = [[own[name] for name in NODE_COLUMNS] for _, own in graph.nodes(data=True)]
    return about | {"columns": EDGE_COLUMNS, "nodes": nodes, "edges": edges, "evidence": places, "level": level}


def list_marks(row: dict[str, Any]) -> list[list]:
    """[document, start, text, [[start, end (within the sentence), side (0: a, 1: b), score]]] of each sentence."""
    sentences = []
    for sentence in row["sentences"]:
        document, start, end, text = (sentence[name] for name in ("document", "start", "end", "text"))
        marks = [
            [mention["start"] - start, mention["end"] - start, side, mention["score"]]
            for side, mention in enumerate((row["a"], row["b"]))
            if mention["document"] == document and start <= mention["start"] < end
        ]
        sentences.append([document, start, text, marks])
    return sentences


def build_graph(rows: Iterable[dict[str, Any]], level: float = 1.0, seed: int = 0) -> nx.Graph:
    """Make the graph of rows of the table of relations, its nodes numbered, with NODE_COLUMNS as attributes.

    Edges with a q of more than `level` pull less. Community 0 is the largest.
    """
    graph = nx.Graph()
    numbers: dict[str, int] = {}
    for row in rows:
        for side in "ab":
            number = numbers.setdefault(row[f"{side}_id"], len(numbers))
            about = {name: row[f"{name}_{side}"] for name in ("patents", "units")}
            graph.add_node(number, id=row[f"{side}_id"], label=row[side], kind=row[f"{side}_kind"], **about)
        pull, length = (1.0, 1.0) if row["q"] <= level else (0.15, 2.5)  # the others are not shown at first
        ends = (numbers[row["a_id"]], numbers[row["b_id"]])
        graph.add_edge(*ends, weight=max(row["npmi"], LEAST_WEIGHT), pull=pull, length=length)
    communities = nx.community.louvain_communities(graph, seed=seed)
    for place, members in enumerate(sorted(communities, key=lambda members: (-len(members), min(members)))):
        nx.set_node_attributes(graph, dict.fromkeys(members, place), "community")
    placed = [place_component(graph.subgraph(part).copy(), seed) for part in nx.connected_components(graph)]
    radii = [max(math.hypot(x, y) for x, y in points.values()) + ROOM for points in placed]
    order = sorted(range(len(placed)), key=lambda number: -radii[number])
    for number, (x, y) in zip(order, pack_circles([radii[number] for number in order]), strict=True):
        for node, (own_x, own_y) in placed[number].items():
            graph.nodes[node].update(x=round(float(x + own_x), 1), y=round(float(y + own_y), 1))
    return graph


def place_component(graph: nx.Graph, seed: int) -> dict[int, np.ndarray]:
    """{node: (x, y)} of a connected graph around its centre, with about ROOM between neighbours."""
    if len(graph) <= 60:
        layout = nx.kamada_kawai_layout(graph, weight="length")
    else:  # springs, which start from a layout of the communities
        groups, generator = dict(graph.nodes.data("community")), np.random.default_rng(seed)
        centres = nx.spring_layout(nx.Graph((groups[a], groups[b]) for a, b in graph.edges), iterations=200, seed=seed)
        spread = {group: 0.5 * math.sqrt(size / len(graph)) for group, size in Counter(groups.values()).items()}
        start = {node: centres[group] + generator.normal(0, spread[group], 2) for node, group in groups.items()}
        distance = 1.6 / math.sqrt(len(graph))
        layout = nx.spring_layout(graph, k=distance, pos=start, iterations=80, seed=seed, weight="pull")
    points = np.array(list(layout.values()))[:, ::-1]  # two nodes one above the other: their names have room
    points -= points.mean(0)
    points *= np.maximum(np.hypot(*points.T), 1e-9)[:, None] ** -0.4  # room in the middle, less for what is far out
    points *= ROOM * 1.15 * math.sqrt(len(graph)) / (2 * np.sqrt((points**2).sum(1).mean()) or 1)
    return dict(zip(layout, push_apart(points), strict=True))


def push_apart(points: np.ndarray, least: float = ROOM * 0.85) -> np.ndarray:
    """Move points apart, (points, 2), that are closer than `least`, for a limited number of rounds."""
    from scipy.spatial import cKDTree

    points = points.copy()
    for _ in range(60):
        pairs = cKDTree(points).query_pairs(least, output_type="ndarray")
        if not len(pairs):
            break
        gap = points[pairs[:, 0]] - points[pairs[:, 1]]
        length = np.maximum(np.hypot(*gap.T), 1e-6)[:, None]
        step = gap / length * (least - length) / 2
        np.add.at(points, pairs[:, 0], step)
        np.add.at(points, pairs[:, 1], -step)
    return points


def pack_circles(radii: Sequence[float]) -> list[tuple[float, float]]:
    """A centre for each circle, in rows from the top, such that none overlap; the largest first is the best order."""
    width = max(2 * max(radii, default=0), 2.5 * math.sqrt(sum(radius**2 for radius in radii)))
    centres, left, top, height = [], 0.0, 0.0, 0.0
    for radius in radii:
        if left and left + 2 * radius > width:
            left, top, height = 0.0, top + height, 0.0
        centres.append((left + radius, top + radius))
        left, height = left + 2 * radius, max(height, 2 * radius)
    return centres
