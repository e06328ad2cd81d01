"""Measure how well surfaces are resolved, against decisions made by hand (`tests/data/hgnc_surfaces.tsv`)."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cbpner.base.errors import InputError
from cbpner.biology.genes.resolution import GeneResolver, Resolution
from cbpner.formats.rows import read_cells

COLUMNS = ("surface", "count", "decision", "hgnc", "role")
RATIOS = {
    "accuracy": ("right", "all"), "coverage": ("covered", "with_id"), "recall": ("found", "with_id"),
    "precision": ("found", "given"), "ambiguity": ("ambiguous", "all"), "first": ("first", "open"),
    "among": ("among", "open"), "agents": ("role", "found"),
}  # fmt: skip


class JudgedSurface(NamedTuple):
    """What a surface refers to, as decided by hand. ids: empty if no human gene."""

    surface: str
    mentions: int
    ids: frozenset[str]
    is_agent: bool


def read_decisions(path: str | Path) -> list[JudgedSurface]:
    """Read a table with COLUMNS, separated by tabs; InputError with the line for a wrong row."""
    rows = read_cells(path, ("\t",), quoted=False)
    _, columns = next(rows, (1, []))
    if missing := [name for name in COLUMNS if name not in columns]:
        raise InputError(f"{path}: found no column {', '.join(missing)}; expected {', '.join(COLUMNS)}")
    decisions = []
    for number, values in rows:
        row = dict(zip(columns, values, strict=False))
        ids = frozenset(id for id in row.get("hgnc", "").split(";") if id)
        is_valid = row["decision"] in ("id", "several", "none") and bool(ids) == (row["decision"] != "none")
        if len(values) != len(columns) or not is_valid or not row["count"].isdigit():
            raise InputError(f"{path}:{number}: found {row}; expected a count, and ids unless the decision is none")
        decisions.append(JudgedSurface(row["surface"], int(row["count"]), ids, row["role"] == "agent"))
    return decisions


def grade(decision: JudgedSurface, found: Resolution) -> str:
    """right, false (another id, too many or too few), missed, ambiguous, or false_id if there is no id to find."""
    if found.status == "ambiguous":
        return "ambiguous"
    if not decision.ids:
        return "false_id" if found.is_settled else "right"
    if not found.is_settled:
        return "missed"
    return "right" if set(found.ids) == decision.ids else "false"


def measure_resolver(resolver: GeneResolver, decisions: Sequence[JudgedSurface]) -> dict:
    """Measure over different surfaces and over their mentions.

    Returns:
        {`surfaces`, `mentions`: figures, `faults`: [{surface, verdict, expected, found}]}. Figures are `count`,
        `with_id` and these ratios (None if undefined):

        - accuracy: right (its ids and no others; no id if there is none), of all;
        - coverage, recall: that get an id, or their own, of those that have one;
        - precision: right, of the given ids;
        - ambiguity: ambiguous, of all;
        - first, among: whose first candidate, or one candidate, is right, of the ambiguous that have an id;
        - agents: whose role is right, of the right ones with an id.
    """
    graded = [(each, found := resolver.resolve(each.surface), grade(each, found)) for each in decisions]
    faults = [
        {"surface": each.surface, "verdict": verdict, "expected": sorted(each.ids), "found": list(found.ids)}
        for each, found, verdict in graded
        if verdict != "right"
    ]
    weights = {"surfaces": [1] * len(decisions), "mentions": [each.mentions for each in decisions]}
    return {name: compute_ratios(graded, own) for name, own in weights.items()} | {"faults": faults}


def compute_ratios(graded: Sequence[tuple[JudgedSurface, Resolution, str]], weights: Sequence[int]) -> dict:
    """The figures of `measure_resolver`, with a weight for each surface."""
    counts: Counter[str] = Counter()
    for (each, found, verdict), weight in zip(graded, weights, strict=True):
        is_right = bool(each.ids) and verdict == "right"
        is_open = bool(each.ids) and verdict == "ambiguous"
        counts[verdict] += weight
        for name, holds in {
            "all": True, "with_id": each.ids, "found": is_right, "covered": each.ids and found.is_settled,
            "given": found.is_settled, "role": is_right and found.is_agent == each.is_agent, "open": is_open,
            "first": is_open and found.ids[0] in each.ids, "among": is_open and each.ids & set(found.ids),
        }.items():  # fmt: skip
            counts[name] += weight * bool(holds)
    ratios = {name: counts[part] / counts[whole] if counts[whole] else None for name, (part, whole) in RATIOS.items()}
    return {"count": counts["all"], "with_id": counts["with_id"]} | ratios
