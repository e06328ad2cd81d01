"""Compare two networks: precision and recall of the edges."""

from collections.abc import Mapping
from pathlib import Path

from cbpner.base.errors import InputError
from cbpner.formats.rows import read_valid_rows

SUPPORTS = (1, 2, 3, 5, 10)
COLUMNS = ("a_id", "b_id", "patents")

Edges = Mapping[frozenset[str], int]  # {the two ids: patents}


def read_edges(path: str | Path) -> dict[frozenset[str], int]:
    """Read the edges of a table of relations, in any of its formats."""
    edges = {}
    for row in read_valid_rows(path, required=COLUMNS, columns=COLUMNS):
        a, b, patents = (row.values[name] for name in COLUMNS)
        if not str(patents).isdigit():
            raise InputError(f"{row.path}:{row.number}: found {patents!r} as patents; expected a whole number")
        edges[frozenset((a, b))] = int(patents)
    if not edges:
        raise InputError(f"{path}: found no row; expected a table of `cbpner relations`")
    return edges


def compare_edges(found: Edges, reference: Edges) -> list[dict[str, float | None]]:
    """Compare the edges in at least so many patents, for each of SUPPORTS.

    Returns:
        {`support`, `found`, `reference`, `right`, `met`, `precision`, `recall`}. right: edges found with that support
        that the reference has at all; precision: their share. met: edges of the reference with that support that were
        found at all; recall: their share. A share is None if there is no edge.
    """
    rows: list[dict[str, float | None]] = []
    for support in SUPPORTS:
        own = [edge for edge, patents in found.items() if patents >= support]
        others = [edge for edge, patents in reference.items() if patents >= support]
        if not own and not others:
            break
        right, met = sum(edge in reference for edge in own), sum(edge in found for edge in others)
        rows.append(
            {
                "support": support, "found": len(own), "reference": len(others), "right": right, "met": met,
                "precision": right / len(own) if own else None, "recall": met / len(others) if others else None,
            }
        )  # fmt: skip
    return rows
