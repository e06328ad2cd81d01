"""Counts of every set of every system over the units of text that they share: what scores and intervals come from.

A unit is what is drawn when a score's spread is measured, by default a sentence. The same sentence of the same patent
is one unit wherever it stands, so that all that was predicted for it, by several seeds and in two test sets that share
the patent, is drawn together.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np

from cbpner.reports.join import System, identify_set, list_patent_keys
from cbpner.reports.spans import POOLED, SCORES
from cbpner.reports.table import OVERALL
from cbpner.scoring.metrics import COUNTS, LEVELS, MEASURES, divide_counts
from cbpner.text.labels import split_tag, tags_to_spans

UNITS = ("sentence", "patent")


class Panel(NamedTuple):
    """The counts, and what their places mean; sets are numbered through all systems.

    counts: int array (units, sets, LEVELS, types, COUNTS). members: bool array (units, sets), whether a set has a unit.
    keys: what tells each set of gold sentences from others (`identify_set`).
    """

    systems: list[System]
    types: list[str]
    keys: list[str]
    members: np.ndarray
    counts: np.ndarray

    def list_places(self, system):
        """The places of one system's sets."""
        number = self.systems.index(system)
        start = sum(len(other.sets) for other in self.systems[:number])
        return list(range(start, start + len(system.sets)))


def lay_out(systems, unit="sentence") -> Panel:
    """The Panel of all systems; `unit` is one of UNITS."""
    sets = [joined for system in systems for joined in system.sets]
    types = sorted({label for joined in sets for label in _list_labels(joined)})
    keys = [list_units(joined.sentences, unit) for joined in sets]
    order = sorted(set().union(*keys))  # by key, so that it does not depend on what else is laid out
    numbers = {key: number for number, key in enumerate(order)}
    rows = [[numbers[key] for key in own] for own in keys]
    members = np.zeros((len(numbers), len(sets)), dtype=np.bool_)
    counts = np.zeros((len(numbers), len(sets), len(LEVELS), len(types), len(COUNTS)), dtype=np.int32)
    for place, (joined, units) in enumerate(zip(sets, rows, strict=True)):
        members[units, place] = True
        np.add.at(counts[:, place], units, count_levels(joined, types))
    return Panel(list(systems), types, [identify_set(joined) for joined in sets], members, counts)


def list_units(sentences, unit="sentence") -> list:
    """For each sentence the key of its unit: that of its patent, and for sentences its number in it too."""
    keys = list_patent_keys(sentences)
    if unit == "patent":
        return keys
    met, units = Counter(), []
    for key in keys:
        units.append((key, met[key]))
        met[key] += 1
    return units


def count_levels(joined, types):
    """Counts by sentence, level and type: int array (sentences, LEVELS, types, COUNTS)."""
    places = {label: place for place, label in enumerate(types)}
    counts = np.zeros((len(joined.sentences), len(LEVELS), len(types), len(COUNTS)), dtype=np.int32)
    sides = zip(counts, joined.sentences, joined.tags, joined.spans, joined.strict, strict=True)
    for (token, lenient, strict), sentence, tags, spans, strict_spans in sides:
        _count_tags(token, sentence.tags, tags, places)
        _count_spans(lenient, tags_to_spans(sentence.tags), spans, places)
        _count_spans(strict, tags_to_spans(sentence.tags, strict=True), strict_spans, places)
    return counts


def score_levels(panel):
    """A DataFrame of scores, a row a set or system, level and type (OVERALL: the micro average).

    Columns: SCORES, as in `cbpner.reports.spans.score_groups`, with group `type`; MEASURES are NaN where undefined.
    statistic: `run`, or POOLED over a system's sets.
    """
    import pandas as pd

    rows = []
    by_set = panel.counts.sum(axis=0)  # (sets, levels, types, COUNTS)
    for system in panel.systems:
        places = panel.list_places(system)
        for joined, place in zip(system.sets, places, strict=True):
            head = [system.name, "run", joined.run, joined.split, joined.seed]
            rows += _list_scores(head, by_set[place], panel.types)
        rows += _list_scores([system.name, POOLED, None, None, None], by_set[places].sum(axis=0), panel.types)
    frame = pd.DataFrame(rows, columns=SCORES)
    return frame.astype(dict.fromkeys(MEASURES, float))


def _list_scores(head, counts, types):
    """The rows of one table of counts (levels, types, COUNTS)."""
    for number, level in enumerate(LEVELS):
        own = [(OVERALL, counts[number].sum(axis=0)), *zip(types, counts[number], strict=True)]
        for label, numbers in own:
            whole = [int(count) for count in numbers]
            yield [*head, "type", label, level, *whole, *divide_counts(*whole).values()]


def _list_labels(joined):
    tags = {tag for sentence in joined.sentences for tag in sentence.tags}.union(*joined.tags)
    labels = {split_tag(tag)[1] for tag in tags} - {""}
    return labels | {span.label for spans in joined.spans for span in spans}


def _count_tags(counts, gold, predicted, places):
    """Add characters to counts (types, COUNTS); one is right where its tag is not O and equals the gold's."""
    for (expected, found), count in Counter(zip(gold, predicted, strict=True)).items():
        gold_label, label = split_tag(expected)[1], split_tag(found)[1]
        if label:
            counts[places[label], 1] += count
            counts[places[label], 0] += count * (expected == found)
        if gold_label:
            counts[places[gold_label], 2] += count


def _count_spans(counts, gold, predicted, places):
    """Add spans to counts (types, COUNTS); each side is a set."""
    gold, predicted = set(gold), set(predicted)
    for column, spans in enumerate((gold & predicted, predicted, gold)):
        for span in spans:
            counts[places[span.label], column] += 1
