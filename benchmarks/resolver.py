"""How well surfaces of genes are resolved to HGNC ids, against decisions made by hand.

python -m benchmarks.resolver hgnc_complete_set.txt [--decisions tests/data/hgnc_surfaces.tsv] [--faults]
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cbpner.base.errors import InputError
from cbpner.base.process import run_guarded
from cbpner.biology.genes.lexicons import read_gene_lexicon
from cbpner.biology.genes.resolution import GeneResolver, Resolution
from cbpner.formats.rows import read_cells

DECISIONS = Path(__file__).parents[1] / "tests" / "data" / "hgnc_surfaces.tsv"
COLUMNS = ("surface", "count", "decision", "hgnc", "role")
# right: its ids and no others, or none if there is none; found: its ids; given: any id; open: ambiguous, with an id
RATIOS = {
    "accuracy": ("right", "all"), "coverage": ("covered", "with_id"), "recall": ("found", "with_id"),
    "precision": ("found", "given"), "ambiguity": ("ambiguous", "all"), "first": ("first", "open"),
    "among": ("among", "open"), "agents": ("role", "found"),
}  # fmt: skip
MEANINGS = {
    "accuracy": "resolved correctly, of all", "coverage": "given an id, of those that have one",
    "recall": "given their id, of those that have one", "precision": "correct, of the ids given",
    "ambiguity": "left ambiguous, of all", "first": "first candidate correct, of the ambiguous that have an id",
    "among": "a candidate correct, of the same", "agents": "role correct (gene or agent), of the correct ids",
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


def run(args: argparse.Namespace) -> None:
    lexicon = read_gene_lexicon(args.lexicons, args.names)
    measures = measure_resolver(GeneResolver(lexicon), read_decisions(args.decisions))
    surfaces, mentions = measures["surfaces"], measures["mentions"]
    print(f"{args.decisions}: {surfaces['count']} surfaces ({surfaces['with_id']} with an id)")
    print(f"  {'':<10} surfaces mentions")
    for name, meaning in MEANINGS.items():
        cells = ["-" if each[name] is None else f"{each[name]:.3f}" for each in (surfaces, mentions)]
        print(f"  {name:<10} {cells[0]:>8} {cells[1]:>8}  {meaning}")
    for fault in measures["faults"] if args.faults else []:
        names = [", ".join(lexicon.labels.get(id, id) for id in fault[side]) for side in ("expected", "found")]
        print(f"  {fault['verdict']}: {fault['surface']}: expected {names[0] or 'none'}, found {names[1] or 'none'}")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lexicons", nargs="*", metavar="LEXICON", help="as of `cbpner entities` (default: shipped)")
    parser.add_argument("--decisions", default=DECISIONS, metavar="TSV", help="surfaces with their HGNC ids")
    parser.add_argument("--faults", action="store_true", help="list the surfaces that are not resolved correctly")
    parser.add_argument("--no-names", dest="names", action="store_false", help="without the shipped Chinese names")
    return run_guarded(run, parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
