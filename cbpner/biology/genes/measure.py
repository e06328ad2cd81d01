"""How well surfaces are read, against a table of decisions made by hand (`tests/data/hgnc_surfaces.tsv`)."""

import csv
from collections import Counter
from pathlib import Path

from cbpner.base.errors import InputError

COLUMNS = ("surface", "count", "decision", "hgnc", "role")
DECISIONS = ("id", "several", "none")


def read_decisions(path) -> list[dict]:
    """Rows with `surface`, `count` (int), `ids` (a set, empty of `none`), `is_agent`; InputError for others."""
    try:
        with open(Path(path), encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot read the decisions: {error}") from error
    missing = [name for name in COLUMNS if not rows or name not in rows[0]]
    if missing:
        raise InputError(f"{path}: found no column or no row of {', '.join(missing)}; expected {', '.join(COLUMNS)}")
    decisions = []
    for number, row in enumerate(rows, 2):
        ids = {id for id in row["hgnc"].split(";") if id}
        if row["decision"] not in DECISIONS or bool(ids) != (row["decision"] != "none") or not row["count"].isdigit():
            raise InputError(f"{path}:{number}: found {row}; expected a count, and ids but where the decision is none")
        decisions.append(
            {"surface": row["surface"], "count": int(row["count"]), "ids": ids, "is_agent": row["role"] == "agent"}
        )
    return decisions


def judge(decision, reading) -> str:
    """right, false (another id, too many or too few), missed, ambiguous, or false_id where there is no id to find."""
    if reading.status == "ambiguous":
        return "ambiguous"
    if not decision["ids"]:
        return "false_id" if reading.is_settled else "right"
    if not reading.is_settled:
        return "missed"
    return "right" if set(reading.ids) == decision["ids"] else "false"


def measure_reader(reader, decisions) -> dict:
    """{`surfaces`, `mentions`: figures}, of different surfaces and of their mentions; and `faults`: what was not right.

    accuracy: share of all that is read rightly (its ids and no others; no id where there is none). coverage: share of
    those with an id that get one. recall: share of those with an id that get theirs. precision: share of the given ids
    that are right. ambiguity: share of all that stays ambiguous. first, among: of the ambiguous ones with an id, the
    share whose first candidate, or one of them, is right. agents: share of the right ones with an id whose role is
    right. A share of nothing is None.
    """
    judged = [(each, reading := reader.read(each["surface"]), judge(each, reading)) for each in decisions]
    faults = [
        {"surface": each["surface"], "verdict": verdict, "expected": sorted(each["ids"]), "found": list(reading.ids)}
        for each, reading, verdict in judged
        if verdict != "right"
    ]
    weights = {"surfaces": lambda each: 1, "mentions": lambda each: each["count"]}
    return {name: summarize(judged, weigh) for name, weigh in weights.items()} | {"faults": faults}


def summarize(judged, weigh):
    counts = Counter()
    for each, reading, verdict in judged:
        weight, has_id = weigh(each), bool(each["ids"])
        counts["all"] += weight
        counts[verdict] += weight
        counts["with_id"] += weight * has_id
        counts["found"] += weight * (has_id and verdict == "right")
        counts["covered"] += weight * (has_id and reading.is_settled)
        counts["given"] += weight * reading.is_settled
        counts["role"] += weight * (has_id and verdict == "right" and reading.is_agent == each["is_agent"])
        if verdict == "ambiguous" and has_id:
            counts["open"] += weight
            counts["first"] += weight * (reading.ids[0] in each["ids"])
            counts["among"] += weight * bool(each["ids"] & set(reading.ids))
    shares = {
        "accuracy": ("right", "all"), "coverage": ("covered", "with_id"), "recall": ("found", "with_id"),
        "precision": ("found", "given"), "ambiguity": ("ambiguous", "all"), "first": ("first", "open"),
        "among": ("among", "open"), "agents": ("role", "found"),
    }  # fmt: skip
    shown = {name: counts[part] / counts[whole] if counts[whole] else None for name, (part, whole) in shares.items()}
    return {"count": counts["all"], "with_id": counts["with_id"]} | shown
