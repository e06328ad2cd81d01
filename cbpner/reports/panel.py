"""Counts of every set of every system over the units of text that they share: what scores and intervals come from.

A unit is what is resampled, by default a sentence. The same sentence of the same patent is one unit wherever it occurs,
so that all predictions for it, by several seeds and in test sets that share the patent, are drawn together.
"""

from collections.abc import Sequence
from itertools import count, product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cbpner.base.progress import track
from cbpner.reports.join import PredictedSet, System
from cbpner.reports.run_scores import OVERALL
from cbpner.reports.spans import POOLED, SCORES
from cbpner.scoring.metrics import COUNTS, LEVELS, MEASURES, count_items, divide_counts, read_items
from cbpner.text.labels import split_tag


class Panel(NamedTuple):
    """Counts by unit and set; the sets of all systems are numbered in one row."""

    systems: list[System]
    places: dict[str, list[int]]  # {name of a system: the numbers of its sets}
    types: list[str]  # OVERALL, then the types by name
    keys: list[str]  # the identity of each set's gold
    members: np.ndarray  # whether a set has a unit, (units, sets) of bool
    counts: np.ndarray  # (units, sets, LEVELS, types, COUNTS) of int


def count_panel(systems: Sequence[System], unit: str = "sentence") -> Panel:
    """The counts of all systems; `unit` is one of UNITS."""
    sets, numbering = [own for system in systems for own in system.sets], count()
    tags = {tag for own in sets for side in ([s.tags for s in own.sentences], own.tags) for tag in set().union(*side)}
    labels = {span.label for own in sets for spans in own.spans for span in spans} | {split_tag(tag)[1] for tag in tags}
    types = [OVERALL, *sorted(labels - {""})]
    units = [list_units(own, unit) for own in sets]
    order = sorted(set().union(*units))  # by key, so that it does not depend on the other systems
    numbers = {key: number for number, key in enumerate(order)}
    members = np.zeros((len(numbers), len(sets)), dtype=np.bool_)
    counts = np.zeros((len(numbers), len(sets), len(LEVELS), len(types), len(COUNTS)), dtype=np.int32)
    for place, (own, keys) in enumerate(track("counting", list(zip(sets, units, strict=True)), "runs")):
        rows = [numbers[key] for key in keys]
        members[rows, place] = True
        np.add.at(counts[:, place], rows, _count_sentences(own, types))
    places = {system.name: [next(numbering) for _ in system.sets] for system in systems}
    return Panel(list(systems), places, types, [own.identity for own in sets], members, counts)


def list_units(predicted: PredictedSet, unit: str = "sentence") -> list[Any]:
    """For each sentence the key of its unit: that of its patent, and for sentences its number in the patent too."""
    if unit == "patent":
        return predicted.patent_keys
    keys = pd.Series(predicted.patent_keys, dtype=object)
    return list(zip(keys, keys.groupby(keys).cumcount(), strict=True))


def score_levels(panel: Panel) -> pd.DataFrame:
    """A row a set or system, level and type (OVERALL: the micro average); columns SCORES with the group `type`.

    statistic: `run`, or POOLED over a system's sets. MEASURES are NaN where undefined.
    """
    rows: list[list[Any]] = []
    by_set = panel.counts.sum(axis=0)  # (sets, levels, types, COUNTS)
    for system in panel.systems:
        heads: list[list[Any]] = [["run", own.run, own.split, own.seed] for own in system.sets]
        heads.append([POOLED, None, None, None])
        own = by_set[panel.places[system.name]]
        for head, counts in zip(heads, [*own, own.sum(axis=0)], strict=True):
            cells = counts.reshape(-1, len(COUNTS)).tolist()
            for (level, label), numbers in zip(product(LEVELS, panel.types), cells, strict=True):
                measures = divide_counts(*numbers).values()
                rows.append([system.name, *head, "type", label, level, *numbers, *measures])
    return pd.DataFrame(rows, columns=SCORES).astype(dict.fromkeys(MEASURES, float))


def _count_sentences(own: PredictedSet, types: Sequence[str]) -> np.ndarray:
    """Counts by sentence, level and type, (sentences, LEVELS, types, COUNTS) of int."""
    counts = np.zeros((len(own.sentences), len(LEVELS), len(types), len(COUNTS)), dtype=np.int32)
    tokens = [[read_items(tags, "token") for tags in side] for side in ([s.tags for s in own.sentences], own.tags)]
    for level, sides in enumerate((tokens, (own.gold, own.spans), (own.strict_gold, own.strict))):
        for number, (gold, predicted) in enumerate(zip(*sides, strict=True)):
            for column, by_type in enumerate(count_items(gold, predicted)):
                counts[number, level, :, column] = [by_type.total(), *(by_type[label] for label in types[1:])]
    return counts
