"""Sections of errors, and the browser of sentences."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from cbpner.base.files import natural_key
from cbpner.reports import charts
from cbpner.reports.evaluate import tabulate_confusions, tabulate_wrong
from cbpner.reports.join import PredictedSet, System
from cbpner.reports.page.inputs import ReportData
from cbpner.reports.run_scores import OVERALL
from cbpner.reports.spans import NO_TYPE, POOLED
from cbpner.reports.tables import Chart, Fold, Part, Section, Table
from cbpner.scoring.matching import KINDS, pair_spans


def show_errors(data: ReportData, with_text: bool = True, shown: int = 15) -> Section | None:
    """Classes of errors, confusion of types, the most frequent wrong surfaces."""
    if data.evaluation is None:
        return None
    frames = data.evaluation.frames
    parts: list[Part] = _show_classes(frames["errors"], data.names)
    parts.append(
        f"Confusion of types: rows are gold types, columns predicted ones. {NO_TYPE}: missed in its column, spurious "
        "in its row. Shade: share of the row."
    )
    parts += [tabulate_confusions(frames["confusions"], name, number) for number, name in enumerate(data.names, 1)]
    if with_text and shown and "wrong_surfaces" in frames:
        for number, name in enumerate(data.names, 1):
            table = tabulate_wrong(frames["wrong_surfaces"], name, shown, number)
            parts.append(Fold(table.title, [table]))
    return Section("errors", "Errors", "Errors", parts)


def show_sentences(data: ReportData) -> Section | None:
    """The browser of sentences; None without the gold text."""
    if data.evaluation is None or data.recorded:
        return None
    return Section("sentences", "Sentences", "Sentences", [list_sentences(data.evaluation.systems)])


def _show_classes(errors: pd.DataFrame, names: list[str]) -> list[Part]:
    """Stacked bars of the classes of spans, and their table by type."""
    pooled = errors[errors["statistic"] == POOLED]
    counts = pooled.set_index(["system", "type", "class"])["count"].to_dict()
    bars = [(name, [int(counts[name, OVERALL, kind]) for kind in KINDS]) for name in names]
    caption = (
        "Gold and predicted spans that share a character are a pair, named for what is wrong with it; what is left is "
        "missed or spurious. Spans are read leniently."
    )
    rows = []
    for name in names:
        labels = sorted({label for system, label, _ in counts if system == name}, key=lambda own: (own == OVERALL, own))
        rows += [[name, label, *(int(counts[name, label, kind]) for kind in KINDS)] for label in labels]
    legend = [(f"k-{charts.kind_colour(kind)}", "■", kind) for kind in KINDS]
    chart = Chart(charts.draw_shares(bars, KINDS, "Classes of spans by method"), caption, legend)
    table = Table("errors", "Classes of spans by type", ["method", "mentions", *KINDS], rows, 2)
    return [chart, Fold("The figures", [table])]


def list_sentences(systems: Sequence[System]) -> dict[str, Any]:
    """What the page's script shows, as lists and numbers.

    kinds: KINDS. types: their names. variants: systems, once for each seed where they have several. splits: their
    names. sentences: [split, patent, number in the set, text, answers], the split a place in its list, answers
    {variant: pairs} for each variant that read the sentence, a pair
    [kind, gold start, end, type, predicted start, end, type] with -1 for what is not there.
    """
    variants: dict[tuple[str, str], str] = {}
    for system in systems:
        seeds = sorted({own.seed for own in system.sets}, key=natural_key)
        for seed in seeds:
            variants[system.name, seed] = f"{system.name}, seed {seed}" if len(seeds) > 1 else system.name
    numbers = {key: number for number, key in enumerate(variants)}
    sets = [(own, numbers[system.name, own.seed]) for system in systems for own in system.sets]
    splits = sorted({own.split for own, _ in sets}, key=natural_key)
    types = sorted({span.label for own, _ in sets for side in (own.gold, own.spans) for s in side for span in s})
    groups: dict[tuple[int, str], list[tuple[PredictedSet, int]]] = {}
    for own, variant in sets:
        groups.setdefault((splits.index(own.split), own.identity), []).append((own, variant))
    rows = [row for (split, _), own in sorted(groups.items()) for row in _list_set(split, own, types)]
    return {"kinds": KINDS, "types": types, "variants": list(variants.values()), "splits": splits, "sentences": rows}


def _list_set(split: int, sets: Sequence[tuple[PredictedSet, int]], types: list[str]) -> Iterator[list[Any]]:
    """The rows of one set of sentences; sets: (predictions, variant) of all that read it."""
    first = sets[0][0]
    patents = {key: number for number, key in enumerate(dict.fromkeys(first.patent_keys), start=1)}
    for place, sentence in enumerate(first.sentences):
        answers: dict[int, list[list[int]]] = {}
        for own, variant in sets:
            answers.setdefault(variant, [])
            for *sides, kind in pair_spans(first.gold[place], own.spans[place]):
                ends = [[s.start, s.end, types.index(s.label)] if s else [-1, -1, -1] for s in sides]
                answers[variant].append([KINDS.index(kind), *ends[0], *ends[1]])
        yield [split, patents[first.patent_keys[place]], place + 1, sentence.chars, answers]
