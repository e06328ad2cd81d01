"""What drawings and the page show: the relations with the smallest p, laid out, with their sentences, as lists."""

from cbpner.biology.relations.graph import build_graph

LEVEL = 0.05  # of q, for what is shown first
SHOWN_COLUMNS = (
    "units", "patents", "weight", "expected_units", "npmi", "expected_patents", "p", "q", "state", "first_patent",
    "first_year",
)  # fmt: skip
NODE_COLUMNS = ("id", "label", "kind", "community", "x", "y", "patents", "units")


def make_scene(plan, rows, found, total) -> dict:
    """The scene of rows of the table (dictionaries) with their evidence.

    nodes: NODE_COLUMNS each. edges: two numbers of nodes and SHOWN_COLUMNS each. evidence: of each edge its places, see
    `take_place`. level: LEVEL where a relation has so small a q, else 1. total: relations there are, drawn or not.
    """
    level = LEVEL if any(row["q"] <= LEVEL for row in rows) else 1.0
    graph = build_graph(rows, level, plan.seed)
    numbers = {node: number for number, node in enumerate(graph)}
    nodes = [[node, *(about[name] for name in NODE_COLUMNS[1:])] for node, about in graph.nodes(data=True)]
    edges = [
        [numbers[row["a_id"]], numbers[row["b_id"]], *(shorten(row[name]) for name in SHOWN_COLUMNS)] for row in rows
    ]
    places = [[] for _ in rows]
    for row in found:
        places[row["relation"]].append(take_place(row))
    return {
        "title": plan.title or "Genes that stand together", "unit": plan.counting.unit, "columns": SHOWN_COLUMNS,
        "nodes": nodes, "edges": edges, "evidence": places, "level": level, "total": total,
        "known": plan.known is not None,
    }  # fmt: skip


def shorten(value):
    """A number with four digits that count, for the page."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def take_place(row):
    """[patent, year, sentences]; of a sentence [document, where it starts, text, marks], a mark [start, end, 0 for the
    relation's first entity or 1, score], offsets within the sentence.
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
    return [row["patent"], row["year"], sentences]
