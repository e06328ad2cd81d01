"""Counts of every set of every system over the units of text that they share: what scores and intervals come from.

A unit is what is resampled, by default a sentence. The same sentence of the same patent is one unit wherever it stands,
so that all predictions for it, by several seeds and in test sets that share the patent, are drawn together.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cbpner.reports.join import PredictedSet, System
from cbpner.reports.run_scores import OVERALL
from cbpner.reports.spans import POOLED, SCORES
from cbpner.scoring.metrics import COUNTS, LEVELS, MEASURES, divide_counts
from cbpner.text.labels import split_tag


class Panel(NamedTuple):
    """Counts by unit and set; the sets of all systems are numbered in one row.

    Attributes:
        keys: the identity of each set's gold.
        members: whether a set has a unit, (units, sets) of bool.
        counts: (units, sets, LEVELS, types, COUNTS) of int.
    """

    systems: list[System]
    types: list[str]
    keys: list[str]
    members: np.ndarray
    counts: np.ndarray

    def list_places(self, system: System) -> list[int]:
        """The numbers of one system's sets."""
        number = self.systems.index(system)
        start = sum(len(other.sets) for other in self.systems[:number])
        return list(range(start, start + len(system.sets)))


def count_panel(systems: Sequence[System], unit: str = "sentence") -> Panel:
    """The counts of all systems; `unit` is one of UNITS."""
    sets = [own for system in systems for own in system.sets]
    tags = {tag for own in sets for side in ([s.tags for s in own.sentences], own.tags) for tag in set().union(*side)}
    labels = {span.label for own in sets for spans in own.spans for span in spans} | {split_tag(tag)[1] for tag in tags}
    types = sorted(labels - {""})
    units = [list_units(own, unit) for own in sets]
    order = sorted(set().union(*units))  # by key, so that it does not depend on the other systems
    numbers = {key: number for number, key in enumerate(order)}
    members = np.zeros((len(numbers), len(sets)), dtype=np.bool_)
    counts = np.zeros((len(numbers), len(sets), len(LEVELS), len(types), len(COUNTS)), dtype=np.int32)
    for place, (own, keys) in enumerate(zip(sets, units, strict=True)):
        rows = [numbers[key] for key in keys]
        members[rows, place] = True
        np.add.at(counts[:, place], rows, _count_sentences(own, types))
    return Panel(list(systems), types, [own.identity for own in sets], members, counts)


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
        places = panel.list_places(system)
        for own, place in zip(system.sets, places, strict=True):
            rows += _list_scores([system.name, "run", own.run, own.split, own.seed], by_set[place], panel.types)
        rows += _list_scores([system.name, POOLED, None, None, None], by_set[places].sum(axis=0), panel.types)
    return pd.DataFrame(rows, columns=SCORES).astype(dict.fromkeys(MEASURES, float))


def _list_scores(head: list[Any], counts: np.ndarray, types: Sequence[str]) -> Iterator[list[Any]]:
    """The rows of one table of counts (levels, types, COUNTS)."""
    for number, level in enumerate(LEVELS):
        for label, numbers in [(OVERALL, counts[number].sum(axis=0)), *zip(types, counts[number], strict=True)]:
            own = [int(count) for count in numbers]
            yield [*head, "type", label, level, *own, *divide_counts(*own).values()]


def _count_sentences(own: PredictedSet, types: Sequence[str]) -> np.ndarray:
    """Counts by sentence, level and type, (sentences, LEVELS, types, COUNTS) of int."""
    places = {label: place for place, label in enumerate(types)}
    counts = np.zeros((len(own.sentences), len(LEVELS), len(types), len(COUNTS)), dtype=np.int32)
    tokens = [  # (place, tag, label) of each character that is not O, which counts as a span does
        [{(place, tag, split_tag(tag)[1]) for place, tag in enumerate(one) if tag != "O"} for one in tags]
        for tags in ([sentence.tags for sentence in own.sentences], own.tags)
    ]
    for number, sides in enumerate((tokens, (own.gold, own.spans), (own.strict_gold, own.strict))):
        for sentence, (gold, predicted) in enumerate(zip(*(map(set, side) for side in sides), strict=True)):
            for column, items in enumerate((gold & predicted, predicted, gold)):
                for *_, label in items:
                    counts[sentence, number, places[label], column] += 1
    return counts
