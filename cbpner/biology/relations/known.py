"""Known interactions: reading lists of them, telling known pairs from new ones, and how well a ranking finds them.

A list is known by its first line:

| file | what it is known by |
|---|---|
| BioGRID (tab2, tab3) | `Official Symbol Interactor A` and `... B`; pairs of other organisms than 9606 do not count |
| STRING links | `protein1`, `protein2`; --known-names has the names of its ids (9606.protein.info) |
| a table with both HGNC ids | `source_code`, `target_code` |
| any other list | its first two columns: symbols or HGNC ids; the first line may name them |

Columns have tabs, commas or spaces between them; a file whose name ends in .gz is unpacked on reading.
"""

import csv
import gzip
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cbpner.base.errors import InputError
from cbpner.biology.genes.lexicons import HGNC_ID, Lexicon
from cbpner.biology.genes.spelling import clean

# known: in the list; path: not, but both with a third one; new: neither; unlisted: one or both are in no list at all
STATES = ("known", "path", "new", "unlisted")
COLUMNS = (
    ("official_symbol_interactor_a", "official_symbol_interactor_b"),
    ("protein1", "protein2"),
    ("source_code", "target_code"),
)
ORGANISMS = (
    ("organism_id_interactor_a", "organism_id_interactor_b"),
    ("organism_interactor_a", "organism_interactor_b"),
)
HUMAN = "9606"
RANKS = (10, 20, 50, 100, 200, 500, 1000)
SWAPS = 10  # an edge, of a random network
ENOUGH = 1.0  # swaps an edge, without which a network is none that was drawn at random
TRIES = 100  # an edge
EXAMPLES = 5


class Known(NamedTuple):
    """partners: {HGNC id: ids that it is listed with}. pairs: how many. unread: names that no gene list has, with the
    number of rows that were left for want of them; others: rows left for another reason. strange: HGNC ids that no gene
    list has, with the number of their rows, which can join two genes as a third one.
    """

    partners: dict
    pairs: int
    unread: dict
    others: int
    strange: dict = {}  # noqa: RUF012 (never changed)

    def classify(self, a, b) -> str:
        """One of STATES."""
        first, second = self.partners.get(a, frozenset()), self.partners.get(b, frozenset())
        if b in first:
            return "known"
        if not first or not second:
            return "unlisted"
        return "path" if not first.isdisjoint(second) else "new"


def read_known(paths, lexicon: Lexicon, names=None, least_score=700) -> Known:
    """The pairs of several lists. names: a table of STRING's ids. least_score: of STRING's combined score, 0 to 1000.

    InputError for a file that is no list of pairs, or none of whose genes the lexicon has.
    """
    labels = read_string_names(names) if names else {}
    partners: dict = {}
    unread, strange, others = {}, {}, 0
    for path in map(Path, paths):
        found = 0
        for pair in read_pairs(path, lexicon, labels, least_score):
            ids = [find_id(lexicon, name) if name else None for name in pair]
            if None in ids:
                missing = next((name for name, id in zip(pair, ids, strict=True) if name and id is None), None)
                if missing is None:
                    others += 1
                else:
                    unread[missing] = unread.get(missing, 0) + 1
            elif ids[0] != ids[1]:
                new = [id for id in ids if id not in lexicon.labels]
                strange.update({id: strange.get(id, 0) + 1 for id in new[:1]})
                found += not new
                partners.setdefault(ids[0], set()).add(ids[1])
                partners.setdefault(ids[1], set()).add(ids[0])
        if not found:
            names = ", ".join([*unread, *strange][:EXAMPLES]) or "none"
            raise InputError(
                f"{path}: found no pair of two known genes (names such as {names}); expected symbols or HGNC ids of "
                "the gene list: hand in all of HGNC with --lexicon, see `cbpner lexicons`"
            )
    return Known(partners, sum(len(each) for each in partners.values()) // 2, unread, others, strange)


def read_pairs(path, lexicon, labels, least_score) -> Iterator[tuple]:
    """(name, name) of each row; ('', '') of a row that does not count (another organism, a low score)."""
    rows = read_rows(path)
    number, first = next(rows, (0, None))
    if first is None:
        raise InputError(f"{path}: found an empty file; expected pairs of genes")
    if len(first) < 2:
        raise InputError(f"{path}:{number}: found 1 column ({first[0][:40]!r}); expected two with a gene each")
    columns = [name.strip().lstrip("#").lower().replace(" ", "_") for name in first]
    wanted = next((pair for pair in COLUMNS if all(name in columns for name in pair)), None)
    places = [columns.index(name) for name in wanted] if wanted else [0, 1]
    if not wanted and all(find_id(lexicon, name) for name in first[:2]):
        yield tuple(first[:2])
    organisms = next(([columns.index(name) for name in pair] for pair in ORGANISMS if set(pair) <= set(columns)), [])
    score = columns.index("combined_score") if "combined_score" in columns else None
    least = len(first) if wanted else 1 + max([1, *organisms, *([] if score is None else [score])])
    for number, row in rows:
        if len(row) < least:
            raise InputError(f"{path}:{number}: found {len(row)} columns; expected {len(first)} as in the first line")
        if any(row[place] != HUMAN for place in organisms) or (
            score is not None and read_score(row[score], path, number) < least_score
        ):
            yield "", ""
            continue
        pair = [row[place].strip() for place in places]
        if wanted == COLUMNS[1]:
            pair = [labels.get(name, name) for name in pair]
            if not labels and pair[0].startswith(f"{HUMAN}."):
                raise InputError(
                    f"{path}:{number}: found STRING's id {pair[0]}; expected its name: hand in "
                    "9606.protein.info.v12.0.txt.gz with --known-names"
                )
        yield tuple(pair)


def read_score(text, path, number):
    if not text.isdigit():
        raise InputError(f"{path}:{number}: found the score {text!r}; expected a whole number from 0 to 1000")
    return int(text)


def read_rows(path) -> Iterator[tuple[int, list]]:
    """(line, fields) of a table with tabs, commas or spaces; InputError where it cannot be read."""
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8-sig", newline="") as file:
            number, delimiter = 0, None
            for number, line in enumerate(file, 1):
                line = line.rstrip("\r\n")
                if not line.strip():
                    continue
                if delimiter is None:
                    delimiter = next((sign for sign in "\t, " if sign in line), "\t")
                yield (
                    number,
                    next(csv.reader([line], delimiter=delimiter, quoting=csv.QUOTE_NONE if delimiter != "," else 0)),
                )
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: found bytes that are not UTF-8 at byte {error.start + 1}; expected UTF-8") from error
    except (OSError, EOFError, csv.Error) as error:
        raise InputError(f"{path}: cannot read the known interactions ({error})") from error


def read_string_names(path) -> dict[str, str]:
    """{STRING's id: symbol} of 9606.protein.info or protein.aliases' shape: id and name in the first two columns."""
    labels = {row[0]: row[1] for _, row in read_rows(Path(path)) if len(row) > 1}
    if not any(id.startswith(f"{HUMAN}.") for id in labels):
        raise InputError(f"{path}: found no id that begins with {HUMAN}.; expected STRING's 9606.protein.info")
    return labels


def find_id(lexicon, name) -> str | None:
    """The HGNC id of a name as it stands: an id, a symbol, or the one gene that has it as a former name or alias."""
    if HGNC_ID.fullmatch(name):
        return name
    ranks = lexicon.exact.get(clean(name)) or lexicon.cased.get(clean(name).casefold()) or {}
    best = [id for id, rank in ranks.items() if rank == min(ranks.values())]
    return best[0] if len(best) == 1 else None


def measure_precision(pairs, known, samples=20, seed=0) -> list[dict]:
    """Of the first k pairs of a ranking how many are known, and how many joined by a third gene; beside it networks of
    the same genes, each with as many partners as in those k pairs, who are drawn at random (by swapping the ends of two
    edges).

    pairs: (id, id), the best first. {`k`, `known`, `precision`, `random`, `low`, `high`} of each of RANKS that there
    are pairs for, and of all pairs where they are fewer; random: mean of the samples, low and high: least and most; NaN
    where not even ENOUGH swaps an edge were found. `path`, `path_share`, `path_random`, `path_low`, `path_high`: the
    same of those that are joined.
    """
    ranks = [k for k in RANKS if k <= len(pairs)]
    ranks += [len(pairs)] * (0 < len(pairs) < RANKS[-1] and len(pairs) not in ranks)
    return [measure_first(pairs[:k], known, samples, seed) for k in ranks]


def measure_first(pairs, known, samples, seed):
    found = [share for number in range(samples) if (share := share_rewired(pairs, known, seed + number)) is not None]
    row = {"k": len(pairs)}
    for state, share, prefix in (("known", "precision", ""), ("path", "path_share", "path_")):
        hits, shares = sum(known.classify(a, b) == state for a, b in pairs), [each[state] for each in found]
        drawn = (np.mean(shares), min(shares), max(shares)) if shares else (math.nan,) * 3
        names = (f"{prefix}{name}" for name in ("random", "low", "high"))
        row |= {state: hits, share: hits / len(pairs), **dict(zip(names, drawn, strict=True))}
    return row


def share_rewired(pairs, known, seed):
    """{`known`, `path`: share of the pairs} with their ends swapped at random, or None after too few swaps."""
    swapped = rewire(pairs, seed)
    if swapped is None:
        return None
    states = [known.classify(a, b) for a, b in swapped]
    return {state: states.count(state) / len(states) for state in ("known", "path")}


def rewire(pairs, seed):
    """The pairs after SWAPS swaps an edge, each of two edges' ends, that leave no edge twice; None after too few."""
    generator, edges = random.Random(seed), list(dict.fromkeys(tuple(sorted(pair)) for pair in pairs))
    taken, done = set(map(frozenset, edges)), 0
    if len(edges) < 2:
        return None
    for _ in range(TRIES * len(edges)):
        first, second = generator.sample(range(len(edges)), 2)
        (a, b), (c, d) = edges[first], generator.sample(edges[second], 2)
        swapped = [frozenset((a, d)), frozenset((c, b))]
        if len({a, b, c, d}) == 4 and not taken.intersection(swapped):
            taken -= {frozenset((a, b)), frozenset((c, d))}
            taken.update(swapped)
            edges[first], edges[second], done = (a, d), (c, b), done + 1
            if done == SWAPS * len(edges):
                break
    return edges if done >= ENOUGH * len(edges) else None
