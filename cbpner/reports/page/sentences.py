"""The sentences of the test sets with gold and predicted spans, small enough to lie in the page itself."""

from collections.abc import Iterator, Sequence
from typing import Any

from cbpner.base.files import natural_key
from cbpner.reports.join import PredictedSet, System
from cbpner.scoring.matching import KINDS, Pair, pair_spans


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
            pairs = pair_spans(first.gold[place], own.spans[place])
            answers.setdefault(variant, [_encode_pair(pair, types) for pair in pairs])
        yield [split, patents[first.patent_keys[place]], place + 1, sentence.chars, answers]


def _encode_pair(pair: Pair, types: list[str]) -> list[int]:
    sides = [[span.start, span.end, types.index(span.label)] if span else [-1, -1, -1] for span in pair[:2]]
    return [KINDS.index(pair.kind), *sides[0], *sides[1]]
