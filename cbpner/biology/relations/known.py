"""Known interactions: read lists of them, classify pairs as known or new, and measure how well a ranking finds them.

The first line tells the format of a list:

| format | recognized by |
|---|---|
| BioGRID (tab2, tab3) | `Official Symbol Interactor A` and `... B`; pairs of other organisms than 9606 do not count |
| STRING links | `protein1`, `protein2`; --known-names has the names of its ids (9606.protein.info) |
| a table with both HGNC ids | `source_code`, `target_code` |
| any other list | its first two columns: symbols or HGNC ids; the first line may name them |

Columns are separated by tabs, commas or spaces; a file whose name ends in .gz is unpacked.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import networkx as nx
import numpy as np

from cbpner.base.errors import InputError
from cbpner.biology.genes.lexicons import HGNC_ID, Lexicon, normalize_column
from cbpner.biology.genes.spelling import normalize_surface
from cbpner.formats.rows import read_cells

# known: in the list; path: not, but both with a third gene; new: neither; unlisted: one or both are in no list
STATES = ("known", "path", "new", "unlisted")
STRING_COLUMNS = ("protein1", "protein2")
GENE_COLUMNS = (
    ("official_symbol_interactor_a", "official_symbol_interactor_b"), STRING_COLUMNS, ("source_code", "target_code")
)  # fmt: skip
ORGANISM_COLUMNS = ("organism_id_interactor_a", "organism_id_interactor_b", "organism_interactor_a",
                    "organism_interactor_b")  # fmt: skip
HUMAN = "9606"
RANKS = (10, 20, 50, 100, 200, 500, 1000)
SWAPS, TRIES = 10, 300  # per edge, to make a random network

Pair = tuple[str, str]


@dataclass
class KnownInteractions:
    """Known interactions of genes."""

    partners: dict[str, set[str]] = field(default_factory=dict)  # {HGNC id: ids that it interacts with}
    unresolved: Counter[str] = field(default_factory=Counter)  # {name that the gene list lacks: rows left out}
    unlisted: Counter[str] = field(default_factory=Counter)  # {HGNC id that the gene list lacks: its rows}

    @property
    def pairs(self) -> int:
        return sum(map(len, self.partners.values())) // 2

    def add(self, a: str, b: str) -> None:
        self.partners.setdefault(a, set()).add(b)
        self.partners.setdefault(b, set()).add(a)

    def classify(self, a: str, b: str) -> str:
        """One of STATES."""
        first, second = self.partners.get(a, set()), self.partners.get(b, set())
        if b in first:
            return "known"
        if not first or not second:
            return "unlisted"
        return "new" if first.isdisjoint(second) else "path"


def read_known_interactions(
    paths: Iterable[str | Path], lexicon: Lexicon, names: str | Path | None = None, least_score: int = 700
) -> KnownInteractions:
    """Read the interactions of several lists; InputError for one without a pair of genes that the lexicon has.

    Args:
        names: STRING's 9606.protein.info or 9606.protein.aliases: ids and symbols in the first two columns.
        least_score: Of STRING's combined score, 0 to 1000.
    """
    labels = {row[0]: row[1] for _, row in read_cells(names, quoted=False) if len(row) > 1} if names else {}
    if names and not any(id.startswith(f"{HUMAN}.") for id in labels):
        raise InputError(f"{names}: found no id that begins with {HUMAN}.; expected STRING's 9606.protein.info")
    known = KnownInteractions()
    for path in map(Path, paths):
        found = False
        for pair in read_pairs(path, lexicon, labels, least_score):
            a, b = (find_id(lexicon, name) for name in pair)
            if not a or not b:
                known.unresolved[pair[1] if a else pair[0]] += 1
            elif a != b:
                unlisted = [id for id in (a, b) if id not in lexicon.labels]
                known.unlisted.update(unlisted[:1])
                known.add(a, b)
                found |= not unlisted
        if not found:
            examples = ", ".join([*known.unresolved, *known.unlisted][:5]) or "none"
            expected = "symbols or HGNC ids of the gene list: pass all of HGNC with --lexicon, see `cbpner lexicons`"
            raise InputError(f"{path}: found no pair of known genes (names such as {examples}); expected {expected}")
    return known


def read_pairs(path: Path, lexicon: Lexicon, labels: Mapping[str, str], least_score: int) -> Iterator[Pair]:
    """Yield the two names of each row, but of those of other organisms, with a low score or without a name."""
    rows = read_cells(path, quoted=False)
    number, first = next(rows, (0, []))
    if not first:
        raise InputError(f"{path}: found an empty file; expected pairs of genes")
    if len(first) < 2:
        raise InputError(f"{path}:{number}: found 1 column ({first[0][:40]!r}); expected two with a gene each")
    first = [cell.strip() for cell in first]
    columns = [normalize_column(name) for name in first]
    wanted = next((pair for pair in GENE_COLUMNS if set(pair) <= set(columns)), None)
    places = [columns.index(name) for name in wanted] if wanted else [0, 1]
    if not wanted and all(find_id(lexicon, name) for name in first[:2]):
        yield first[0], first[1]
    organisms = [columns.index(name) for name in ORGANISM_COLUMNS if name in columns]
    score = columns.index("combined_score") if "combined_score" in columns else None
    least = len(first) if wanted else 1 + max([1, *organisms, *([] if score is None else [score])])
    for number, row in rows:
        if len(row) < least:
            raise InputError(f"{path}:{number}: found {len(row)} columns; expected {len(first)} as in the first line")
        if score is not None and not (row[score].isdecimal() and len(row[score]) < 5):
            raise InputError(f"{path}:{number}: found the score {row[score]!r}; expected an integer from 0 to 1000")
        a, b = (row[place].strip() for place in places)
        if not (wanted or (a and b)):
            raise InputError(f"{path}:{number}: found an empty name; expected two, with one separator between them")
        is_low = score is not None and int(row[score]) < least_score
        if is_low or not a or not b or any(row[place] != HUMAN for place in organisms):
            continue
        if wanted == STRING_COLUMNS and not labels and a.startswith(f"{HUMAN}."):
            expected = "its name: pass 9606.protein.info.v12.0.txt.gz with --known-names"
            raise InputError(f"{path}:{number}: found STRING's id {a}; expected {expected}")
        yield (labels.get(a, a), labels.get(b, b)) if wanted == STRING_COLUMNS else (a, b)


def find_id(lexicon: Lexicon, name: str) -> str | None:
    """The HGNC id of a name: an id, a symbol, or the one gene that has it as a previous symbol or alias."""
    if HGNC_ID.fullmatch(name):
        return name
    text = normalize_surface(name)
    ranks = lexicon.exact.get(text) or lexicon.cased.get(text.casefold()) or {}
    best = [id for id, rank in ranks.items() if rank == min(ranks.values())]
    return best[0] if len(best) == 1 else None


def measure_precision(
    pairs: Sequence[Pair], known: KnownInteractions, samples: int = 20, seed: int = 0
) -> list[dict[str, float]]:
    """Measure how many of the first k pairs of a ranking (the best first) are known, or joined by a third gene.

    They are compared with random networks of the same genes in which each keeps its number of partners (`rewire`).

    Returns:
        For each k of RANKS, and for all pairs if they are fewer than the last: `k`; `known`, `precision` (their
        number and share), `random`, `low`, `high` (mean, least and greatest share in the random networks); the same
        of the joined ones as `path`, `path_share`, `path_random`, `path_low`, `path_high`. NaN if too few ends can be
        swapped.
    """
    rows = []
    for k in sorted({*(k for k in RANKS if k <= len(pairs)), min(len(pairs), RANKS[-1])} - {0}):
        drawn = [network for number in range(samples) if (network := rewire(pairs[:k], seed + number))]
        found, *states = ([known.classify(a, b) for a, b in network] for network in (pairs[:k], *drawn))
        row: dict[str, float] = {"k": k}
        for state, share, prefix in (("known", "precision", ""), ("path", "path_share", "path_")):
            shares = [own.count(state) / len(own) for own in states] or [math.nan]
            row |= {state: found.count(state), share: found.count(state) / k, f"{prefix}random": float(np.mean(shares))}
            row |= {f"{prefix}low": min(shares), f"{prefix}high": max(shares)}
        rows.append(row)
    return rows


def rewire(pairs: Sequence[Pair], seed: int) -> list[Pair] | None:
    """Randomize a network by SWAPS swaps of two edges' ends per edge, without double edges; None if it has too few."""
    graph = nx.Graph(pairs)
    edges = graph.number_of_edges()
    try:
        nx.double_edge_swap(graph, SWAPS * edges, TRIES * edges, seed)
    except nx.NetworkXException:
        return None
    return list(graph.edges)
