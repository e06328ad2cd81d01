"""The network that the drawing and the page show: the relations with the smallest p, laid out, with their evidence."""

from collections.abc import Iterable, Sequence
from typing import Any

from cbpner.biology.relations.graph import build_graph

LEVEL = 0.05  # of q, for what is shown at first
EDGE_COLUMNS = (
    "units", "patents", "weight", "expected_units", "npmi", "expected_patents", "p", "q", "state", "first_patent",
    "first_year",
)  # fmt: skip
NODE_COLUMNS = ("id", "label", "kind", "community", "x", "y", "patents", "units")

Network = dict[str, Any]


def build_network(
    rows: Sequence[dict[str, Any]], evidence: Iterable[dict[str, Any]], seed: int = 0, **about: Any
) -> Network:
    """Lay out rows of the table of relations and collect what is shown of them, as lists for JSON.

    Returns:
        `about`, and these.
        `columns`: EDGE_COLUMNS. `nodes`: NODE_COLUMNS of each. `edges`: two numbers of nodes, then EDGE_COLUMNS.
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
    """[document, start, text, marks] of each sentence of a row of evidence.

    A mark is [start, end, side (0: a, 1: b), score] of a mention, with offsets within the sentence.
    """
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
