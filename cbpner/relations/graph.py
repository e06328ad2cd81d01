"""The network that is drawn: nodes and edges, communities, and where each node stands.

Communities are Louvain's (networkx), with NPMI as the weight of an edge. Every connected component is laid out by
itself (networkx: Kamada-Kawai for small ones, springs for others, from where their communities stand) and given room
for its nodes; the components are then packed around the largest.
"""

import math

import networkx as nx
import numpy as np

LEAST_WEIGHT = 0.05  # of an edge with an NPMI below that
SMALL = 60  # nodes of a component that Kamada-Kawai lays out
ROOM = 34.0  # between two nodes, in the drawing's units
PUSHES = 60
WIDER = 1.25  # than high is the whole drawing
WEAK = (0.15, 2.5)  # pull and length of an edge that is not shown at first


def build_graph(rows, level=1.0, seed=0) -> nx.Graph:
    """The graph of relations with the nodes' `community` (0 is the largest), `x` and `y`.

    rows: of the table of relations, as dictionaries, an edge each. level: edges with a larger q pull less.
    """
    graph = nx.Graph()
    for row in rows:
        for side in "ab":
            if row[f"{side}_id"] not in graph:
                about = {"label": row[side], "kind": row[f"{side}_kind"], "units": row[f"units_{side}"]}
                graph.add_node(row[f"{side}_id"], **about, patents=row[f"patents_{side}"])
        pull, length = (1.0, 1.0) if row["q"] <= level else WEAK
        graph.add_edge(row["a_id"], row["b_id"], weight=max(row["npmi"], LEAST_WEIGHT), pull=pull, length=length)
    for number, members in enumerate(find_communities(graph, seed)):
        for node in members:
            graph.nodes[node]["community"] = number
    for node, (x, y) in place_nodes(graph, seed).items():
        graph.nodes[node].update(x=round(float(x), 1), y=round(float(y), 1))
    return graph


def find_communities(graph, seed=0) -> list:
    """Sets of nodes, the largest first."""
    if not graph:
        return []
    order = {node: number for number, node in enumerate(graph)}
    found = nx.community.louvain_communities(graph, seed=seed)
    return sorted(found, key=lambda members: (-len(members), min(order[node] for node in members)))


def place_nodes(graph, seed=0) -> dict:
    """{node: (x, y)} in units of which ROOM lie between neighbours; the middle is 0."""
    parts = sorted(nx.connected_components(graph), key=len, reverse=True)
    placed = [place_component(take_part(graph, part), seed) for part in parts]
    found, circles = {}, []
    for places in placed:
        radius = max((math.hypot(x, y) for x, y in places.values()), default=0) + ROOM
        x, y = find_room(circles, radius)
        circles.append((x, y, radius))
        found.update({node: (x + own_x, y + own_y) for node, (own_x, own_y) in places.items()})
    return found


def take_part(graph, members):
    """The graph of these nodes, in the order of the whole graph, on which layouts depend."""
    part = nx.Graph()
    part.add_nodes_from((node, about) for node, about in graph.nodes(data=True) if node in members)
    part.add_edges_from((a, b, about) for a, b, about in graph.edges(data=True) if a in members)
    return part


def place_component(graph, seed):
    """{node: (x, y)} of a connected graph around its middle."""
    nodes = list(graph)
    if len(nodes) <= 2:
        return {node: (0.0, (number - (len(nodes) - 1) / 2) * ROOM) for number, node in enumerate(nodes)}
    if len(nodes) <= SMALL:
        layout = nx.kamada_kawai_layout(graph, weight="length")
    else:
        start = place_communities(graph, seed)
        distance = 1.6 / math.sqrt(len(nodes))
        layout = nx.spring_layout(graph, k=distance, pos=start, iterations=80, seed=seed, weight="pull")
    points = np.array([layout[node] for node in nodes])
    points -= points.mean(0)
    points *= ROOM * 1.15 * math.sqrt(len(nodes)) / (2 * np.sqrt((points**2).sum(1).mean()) or 1)
    return dict(zip(nodes, push_apart(points), strict=True))


def place_communities(graph, seed):
    """A start for springs: each node near the place of its community in the network of communities."""
    groups = {}
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


def push_apart(points, least=ROOM * 0.62):
    """The points, those that are too near one another moved away a little, some rounds long."""
    from scipy.spatial import cKDTree

    points = points.copy()
    for _ in range(PUSHES):
        pairs = cKDTree(points).query_pairs(least, output_type="ndarray")
        if not len(pairs):
            break
        gap = points[pairs[:, 0]] - points[pairs[:, 1]]
        length = np.maximum(np.hypot(*gap.T), 1e-6)[:, None]
        step = gap / length * (least - length) / 2
        np.add.at(points, pairs[:, 0], step)
        np.add.at(points, pairs[:, 1], -step)
    return points


def find_room(circles, radius):
    """A middle for a circle that touches none of the others, as near to the first one's as a spiral comes to."""
    if not circles:
        return 0.0, 0.0
    taken = np.array(circles)
    step = max(ROOM / 2, radius / 3)
    distance, angle = max(0.0, 0.6 * math.sqrt((taken[:, 2] ** 2).sum()) - radius), 0.0
    while True:
        x, y = WIDER * distance * math.cos(angle), distance * math.sin(angle)
        if np.all(np.hypot(taken[:, 0] - x, taken[:, 1] - y) >= taken[:, 2] + radius):
            return x, y
        turn = step / max(distance, step)
        angle, distance = angle + turn, distance + step * turn / (2 * math.pi)
