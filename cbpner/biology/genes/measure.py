"""Measure how well surfaces are resolved, against decisions made by hand (`tests/data/hgnc_surfaces.tsv`)."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cbpner.base.errors import InputError
from cbpner.biology.genes.resolution import GeneResolver, Resolution
from cbpner.formats.rows import read_cells

COLUMNS = ("surface", "count", "decision", "hgnc", "role")
# right: its ids and no others, or none if there is none; found: its ids; given: any id; open: ambiguous, with an id
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
    """Measure over `surfaces` and over their `mentions`: `count`, `with_id`, RATIOS (None if undefined); `faults`."""
    faults = []
    counts: dict[str, Counter[str]] = {"surfaces": Counter(), "mentions": Counter()}
    for each in decisions:
        found = resolver.resolve(each.surface)
        verdict = grade(each, found)
        if verdict != "right":
            fault = {"surface": each.surface, "verdict": verdict}
            faults.append(fault | {"expected": sorted(each.ids), "found": list(found.ids)})
        is_found, is_open = (bool(each.ids) and verdict == word for word in ("right", "ambiguous"))
        for name, holds in {
            "all": True, "right": verdict == "right", "ambiguous": verdict == "ambiguous", "with_id": each.ids,
            "found": is_found, "covered": each.ids and found.is_settled, "given": found.is_settled,
            "role": is_found and found.is_agent == each.is_agent, "open": is_open,
            "first": is_open and found.ids[0] in each.ids, "among": is_open and each.ids & set(found.ids),
        }.items():  # fmt: skip
            counts["surfaces"][name] += bool(holds)
            counts["mentions"][name] += each.mentions * bool(holds)
    measures: dict = {"faults": faults}
    for over, own in counts.items():
        ratios = {name: own[part] / own[whole] if own[whole] else None for name, (part, whole) in RATIOS.items()}
        measures[over] = {"count": own["all"], "with_id": own["with_id"]} | ratios
    return measures
