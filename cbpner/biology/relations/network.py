"""The network that the drawing and the page show: the relations with the smallest p, laid out, with their evidence.

Communities are Louvain's (networkx), with NPMI as the weight of an edge. Each connected component has its own layout
(networkx: Kamada-Kawai for small ones; springs for others, which start from a layout of their communities); the
components are then placed in rows, the largest first.
"""

import math
from collections.abc import Hashable, Iterable, Sequence
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
WEAK = (0.15, 2.5)  # pull and length of an edge that is not shown at first

Network = dict[str, Any]
Point = tuple[float, float]


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
    numbers = {node: number for number, node in enumerate(graph)}
    edges = [
        [numbers[row["a_id"]], numbers[row["b_id"]]]
        + [float(f"{row[name]:.4g}") if isinstance(row[name], float) else row[name] for name in EDGE_COLUMNS]
        for row in rows
    ]
    places: list[list] = [[] for _ in rows]
    for row in evidence:
        places[row["relation"]].append([row["patent"], row["year"], list_marks(row)])
    nodes = [[node, *(own[name] for name in NODE_COLUMNS[1:])] for node, own in graph.nodes(data=True)]
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
    """Make the graph of rows of the table of relations, with `community` (0 is the largest), `x` and `y` of each node.

    Edges with a q of more than `level` pull less.
    """
    graph = nx.Graph()
    for row in rows:
        for side in "ab":
            if row[f"{side}_id"] not in graph:
                about = {"label": row[side], "kind": row[f"{side}_kind"], "units": row[f"units_{side}"]}
                graph.add_node(row[f"{side}_id"], **about, patents=row[f"patents_{side}"])
        pull, length = (1.0, 1.0) if row["q"] <= level else WEAK
        graph.add_edge(row["a_id"], row["b_id"], weight=max(row["npmi"], LEAST_WEIGHT), pull=pull, length=length)
    order = {node: number for number, node in enumerate(graph)}
    communities = nx.community.louvain_communities(graph, seed=seed) if graph else []
    communities.sort(key=lambda members: (-len(members), min(order[node] for node in members)))
    for number, members in enumerate(communities):
        for node in members:
            graph.nodes[node]["community"] = number
    for node, (x, y) in place_nodes(graph, seed).items():
        graph.nodes[node].update(x=round(float(x), 1), y=round(float(y), 1))
    return graph


def place_nodes(graph: nx.Graph, seed: int = 0) -> dict[Hashable, Point]:
    """{node: (x, y)} with about ROOM between neighbours."""
    part_of = {node: number for number, part in enumerate(nx.connected_components(graph)) for node in part}
    parts = [nx.Graph() for _ in set(part_of.values())]  # each in the order of the graph, on which layouts depend
    for node, about in graph.nodes(data=True):
        parts[part_of[node]].add_node(node, **about)
    for a, b, about in graph.edges(data=True):
        parts[part_of[a]].add_edge(a, b, **about)
    placed = [place_component(part, seed) for part in sorted(parts, key=len, reverse=True)]
    radii = [max((math.hypot(x, y) for x, y in places.values()), default=0) + ROOM for places in placed]
    order = sorted(range(len(placed)), key=lambda number: -radii[number])
    centres = pack_circles([radii[number] for number in order])
    return {
        node: (x + own_x, y + own_y)
        for number, (x, y) in zip(order, centres, strict=True)
        for node, (own_x, own_y) in placed[number].items()
    }


def place_component(graph: nx.Graph, seed: int) -> dict[Hashable, Point]:
    """{node: (x, y)} of a connected graph around its centre."""
    nodes = list(graph)
    if len(nodes) <= 2:
        return {node: (0.0, (number - (len(nodes) - 1) / 2) * ROOM) for number, node in enumerate(nodes)}
    if len(nodes) <= 60:
        layout = nx.kamada_kawai_layout(graph, weight="length")
    else:
        start = place_communities(graph, seed)
        distance = 1.6 / math.sqrt(len(nodes))
        layout = nx.spring_layout(graph, k=distance, pos=start, iterations=80, seed=seed, weight="pull")
    points = np.array([layout[node] for node in nodes])
    points -= points.mean(0)
    points *= ROOM * 1.15 * math.sqrt(len(nodes)) / (2 * np.sqrt((points**2).sum(1).mean()) or 1)
    return dict(zip(nodes, push_apart(points), strict=True))


def place_communities(graph: nx.Graph, seed: int) -> dict[Hashable, np.ndarray]:
    """A start for springs: each node near the place of its community in the network of communities."""
    groups: dict[int, list] = {}
    for node in graph:
        groups.setdefault(graph.nodes[node]["community"], []).append(node)
    between = nx.Graph()
    between.add_nodes_from(groups)
    for a, b in graph.edges:
        first, second = graph.nodes[a]["community"], graph.nodes[b]["community"]
        if first != second:
            weight = between.get_edge_data(first, second, {"weight": 0})["weight"]
            between.add_edge(first, second, weight=weight + 1)
    centres = nx.spring_layout(between, seed=seed, iterations=200, weight=None)
    generator = np.random.default_rng(seed)
    return {
        node: np.asarray(centres[group]) + generator.normal(0, 0.5 * math.sqrt(len(members) / len(graph)), 2)
        for group, members in groups.items()
        for node in members
    }


def push_apart(points: np.ndarray, least: float = ROOM * 0.62) -> np.ndarray:
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


def pack_circles(radii: Sequence[float]) -> list[Point]:
    """A centre for each circle, in rows from the top, such that none overlap; the largest first is the best order."""
    width = max(2 * max(radii, default=0), 2.5 * math.sqrt(sum(radius**2 for radius in radii)))
    centres, left, top, height = [], 0.0, 0.0, 0.0
    for radius in radii:
        if left and left + 2 * radius > width:
            left, top, height = 0.0, top + height, 0.0
        centres.append((left + radius, top + radius))
        left, height = left + 2 * radius, max(height, 2 * radius)
    return centres
