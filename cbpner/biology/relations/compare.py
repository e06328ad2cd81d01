"""How much of one network another one has: precision and recall of its edges."""

import csv
from pathlib import Path

from cbpner.base.errors import InputError

SUPPORTS = (1, 2, 3, 5, 10)


def read_edges(path) -> dict[frozenset, int]:
    """{ids of a pair: patents} of a table of relations (.csv, .tsv, .parquet)."""
    path, wanted = Path(path), ("a_id", "b_id", "patents")
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a table of `cbpner relations`")
    if path.suffix == ".parquet":
        from pyarrow import ArrowException, parquet

        try:
            rows = parquet.read_table(path).to_pylist()
        except ArrowException as error:
            raise InputError(f"{path}: cannot be read as Parquet ({error})") from error
    else:
        rows = read_text_rows(path)
    if not rows or any(name not in rows[0] for name in wanted):
        found = ", ".join(map(str, rows[0])) if rows else "no row"
        raise InputError(f"{path}: found {found[:120]}; expected the columns {', '.join(wanted)} of `cbpner relations`")
    return {
        frozenset((row["a_id"], row["b_id"])): read_count(row["patents"], f"{path}: row {number}")
        for number, row in enumerate(rows, 1)
    }


def read_text_rows(path):
    """The rows of a table in text; InputError where it cannot be read."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: found bytes that are not UTF-8 at byte {error.start + 1}; expected UTF-8") from error
    except (OSError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a table ({error})") from error


def read_count(value, place):
    """A number of patents."""
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{place}: found {value!r} as patents; expected a whole number") from error


def compare_edges(found, reference) -> list[dict]:
    """{`support`, `found`, `reference`, `both`, `precision`, `recall`} of the edges in at least so many patents.

    found, reference: as `read_edges`. Precision: of the edges found with that support those that the reference has at
    all; recall: of the reference's edges with that support those that were found at all. None where there is no edge.
    """
    rows = []
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
