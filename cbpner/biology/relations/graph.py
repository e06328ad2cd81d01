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
SIZES = 0.1  # two circles are of about one size: of the natural logarithm of their radius
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
    parts = sorted(split_graph(graph), key=len, reverse=True)
    placed = [place_component(part, seed) for part in parts]
    radii = [max((math.hypot(x, y) for x, y in places.values()), default=0) + ROOM for places in placed]
    order = sorted(range(len(placed)), key=lambda number: (number > 0, -radii[number], number))
    centres = pack_circles([radii[number] for number in order])
    found = {}
    for number, (x, y) in zip(order, centres, strict=True):
        found.update({node: (x + own_x, y + own_y) for node, (own_x, own_y) in placed[number].items()})
    return found


def split_graph(graph):
    """The graph of each connected component, in the order of the whole graph, on which layouts depend."""
    part_of = {node: number for number, part in enumerate(nx.connected_components(graph)) for node in part}
    parts = [nx.Graph() for _ in range(max(part_of.values(), default=-1) + 1)]
    for node, about in graph.nodes(data=True):
        parts[part_of[node]].add_node(node, **about)
    for a, b, about in graph.edges(data=True):
        parts[part_of[a]].add_edge(a, b, **about)
    return parts


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


def pack_circles(radii):
    """A middle for each circle so that none touch, around the first one's, as near to it as a spiral comes.

    A circle of about the size of the one before goes on where that one's search ended: what was too narrow for one is
    so for the other. The smaller the circles become, the better; each new size begins within again.
    """
    circles, size, cursor = np.empty((len(radii), 3)), None, (0.0, 0.0)
    for number, radius in enumerate(radii):
        taken, own = circles[:number], math.ceil(math.log(radius) / SIZES)
        if own != size:
            size, cursor = own, (max(0.0, 0.6 * math.sqrt((taken[:, 2] ** 2).sum()) - radius), 0.0)
        x, y, cursor = find_room(taken, radius, cursor)
        circles[number] = x, y, radius
    return circles[:, :2].tolist()


def find_room(taken, radius, cursor):
    """(x, y, the place on the spiral) of the first place from `cursor` for a circle that touches none of `taken`.

    From where a circle overlaps another it goes on by what it must move to be rid of that one.
    """
    if not len(taken):
        return 0.0, 0.0, cursor
    step = max(ROOM / 2, radius / 3)
    distance, angle = cursor
    while True:
        x, y = WIDER * distance * math.cos(angle), distance * math.sin(angle)
        overlap = np.max(taken[:, 2] + radius - np.sqrt((taken[:, 0] - x) ** 2 + (taken[:, 1] - y) ** 2))
        if overlap <= 0:
            return x, y, (distance, angle)
        turn = max(step, overlap / WIDER) / max(distance, step)
        angle, distance = angle + turn, distance + step * turn / (2 * math.pi)
