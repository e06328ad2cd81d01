"""One row a gold or predicted span, and what follows from that frame: scores by group, errors, confusion.

Spans are read leniently (an orphan `I-` begins one); strict scores leave the rows with `orphan` out. Each span, gold or
predicted, is in the group of its own text and type, which a correct prediction shares with its gold mention, so that
the counts of the groups add up to those of all spans.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from cbpner.base.progress import track
from cbpner.reports.join import System
from cbpner.reports.run_scores import OVERALL
from cbpner.scoring.matching import JUDGEMENTS, KINDS, Pair, pair_spans, score_partial
from cbpner.scoring.metrics import COUNTS, MEASURES, divide_counts
from cbpner.text.labels import TagSpan

SPAN_COLUMNS = (
    "system", "run", "split", "seed",  # of the set: see `cbpner.reports.join`
    "patent", "sentence",  # numbers in the file, from 1
    "patent_key",  # the same for the same patent in whatever file
    "side",  # gold or predicted
    "start", "end", "surface", "type",  # of the span; offsets in the sentence
    "class",  # one of `cbpner.scoring.matching.KINDS`
    "other_start", "other_end", "other_surface",  # of the span that it is paired with, if any
    "gold_type", "predicted_type",  # of the pair; missing where the pair has no such side
    "orphan", "other_orphan",  # the strict reading has no such span
    "seen",  # surface and type are a mention of the training text; missing where no such text is known
    "script", "length",  # see `find_script`; characters
)  # fmt: skip
GOLD, PREDICTED = "gold", "predicted"
ENTITY_LEVELS = ("entity_lenient", "entity_strict")
LENGTHS = {"1-2": 2, "3-4": 4, "5-8": 8, "9-12": 12, "13+": math.inf}  # groups of lengths and the last in each
SCRIPTS = ("latin", "chinese", "mixed", "neither")
HAN = re.compile("[〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
NO_TYPE = "none"  # in the confusion matrix, the side that has no span
PAIR = ["gold_type", "predicted_type"]
POOLED = "pooled"
SUMMARY = ["system", "statistic", "run", "split", "seed"]  # what a frame of scores begins with
SCORES = [*SUMMARY, "group", "value", "level", *COUNTS, *MEASURES]  # columns of the frames made here
KIND_COUNTS = [*SUMMARY, "type", "class", "count"]
SCHEMES = [*SUMMARY, "type", "scheme", *JUDGEMENTS, "possible", "actual", *MEASURES]
CONFUSIONS = ["system", *PAIR, "count"]


def frame_spans(systems: Sequence[System]) -> pd.DataFrame:
    """A frame of SPAN_COLUMNS: every gold and every predicted span of every set, once for each side."""
    rows = []
    for name, own in ((system.name, own) for system in systems for own in system.sets):
        for patent, number in ((patent, number) for patent, numbers in own.patents for number in numbers):
            gold, predicted, text = own.gold[number], own.spans[number], own.sentences[number].chars
            orphans = [set(gold) - set(own.strict_gold[number]), set(predicted) - set(own.strict[number])]
            head = [name, own.run, own.split, own.seed, patent, number + 1, own.patent_keys[number]]
            pairs = pair_spans(gold, predicted)
            rows += [head + row for pair in pairs for row in _list_sides(pair, text, orphans, own.known)]
    types = dict.fromkeys(("orphan", "other_orphan"), "bool") | dict.fromkeys(("other_start", "other_end"), "Int64")
    return pd.DataFrame(rows, columns=list(SPAN_COLUMNS)).astype(types | {"seen": "boolean"})


def find_script(surface: str) -> str:
    """`chinese` (Han, no other letter), `latin` (letters of an alphabet, Greek too), `mixed`, or `neither`."""
    han = len(HAN.findall(surface))
    letters = sum(char.isalpha() for char in HAN.sub("", surface))
    return ("mixed" if letters else "chinese") if han else ("latin" if letters else "neither")


def score_groups(spans: pd.DataFrame, systems: Sequence[System]) -> pd.DataFrame:
    """Scores by group (patent, length, seen, script), value and level of ENTITY_LEVELS; columns SCORES.

    statistic: `run`, or POOLED over a system's sets (the patents, which belong to one set, are not pooled).
    """
    spans = spans.assign(
        length=pd.cut(spans["length"].astype(float), [0, *LENGTHS.values()], labels=list(LENGTHS)),
        seen=spans["seen"].map({True: "seen", False: "unseen"}),
    )
    seen = ["seen", "unseen"] if spans["seen"].notna().any() else []
    values: dict[str, list[Any]] = {"length": list(LENGTHS), "seen": seen, "script": list(SCRIPTS)}
    rows = []
    for head, own, patents in _list_parts(spans, systems):
        groups = values if patents is None else {"patent": patents, **values}
        for level in ENTITY_LEVELS:
            for group, found in groups.items():
                counts = _count_groups(own, group, level)
                for value in found:
                    numbers = [int(counts[side].get(value, 0)) for side in COUNTS]
                    rows.append([*head, group, str(value), level, *numbers, *divide_counts(*numbers).values()])
    return pd.DataFrame(rows, columns=SCORES).astype(dict.fromkeys(MEASURES, float))


def count_kinds(spans: pd.DataFrame, systems: Sequence[System]) -> pd.DataFrame:
    """How many pairs are of which kind; columns KIND_COUNTS, with the type OVERALL too.

    A pair counts for the type of its gold span; a spurious one, for the predicted type.
    """
    rows = []
    for head, own, _ in _list_parts(spans, systems):
        pairs = _select_pairs(own)
        for label, found in [(OVERALL, pairs), *pairs.groupby("type")]:
            counts = found["class"].value_counts()
            rows += [[*head, label, kind, int(counts.get(kind, 0))] for kind in KINDS]
    return pd.DataFrame(rows, columns=KIND_COUNTS)


def score_schemes(kinds: pd.DataFrame) -> pd.DataFrame:
    """Partial credit from the frame of `count_kinds`; columns SCHEMES."""
    key = [*SUMMARY, "type"]
    rows = [dict(zip(key, head, strict=True)) | {"scheme": name} | scores
            for head, own in kinds.groupby(key, sort=False, dropna=False)
            for name, scores in score_partial(own.set_index("class")["count"].to_dict()).items()]  # fmt: skip
    return pd.DataFrame(rows, columns=SCHEMES).astype(dict.fromkeys(MEASURES, float))


def count_confusions(spans: pd.DataFrame, systems: Sequence[System]) -> pd.DataFrame:
    """Gold against predicted types over the pairs of each system; columns CONFUSIONS, zeros too.

    NO_TYPE stands for the side that a missed or spurious span does not have.
    """
    pairs = _select_pairs(spans)
    types = [*sorted({*pairs["gold_type"].dropna(), *pairs["predicted_type"].dropna()}), NO_TYPE]
    sides = (pairs[column].astype(object).where(pairs[column].notna(), NO_TYPE) for column in PAIR)
    counts = Counter(zip(pairs["system"], *sides, strict=True))
    rows = [
        [system.name, gold, predicted, counts[system.name, gold, predicted]]
        for system in systems for gold in types for predicted in types if (gold, predicted) != (NO_TYPE, NO_TYPE)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=CONFUSIONS)


def rank_wrong_surfaces(spans: pd.DataFrame, systems: Sequence[System]) -> pd.DataFrame:
    """The wrong pairs of each system, most frequent first, with the place of the first.

    Columns: system, class, gold_type, predicted_type, gold_surface, predicted_surface, count, patents (how many have
    it), then run, patent, sentence, start, end of the first, and text, its sentence.
    """
    pairs = _select_pairs(spans[spans["class"] != "correct"])
    spurious = pairs["side"] == PREDICTED
    pairs = pairs.assign(
        gold_surface=pairs["surface"].mask(spurious),
        predicted_surface=pairs["other_surface"].mask(spurious, pairs["surface"]),
    )
    key = ["system", "class", *PAIR, "gold_surface", "predicted_surface"]
    place = ["run", "patent", "sentence", "start", "end"]
    groups = pairs.groupby(key, sort=False, dropna=False)
    ranked = groups[place].first().assign(count=groups.size(), patents=groups["patent_key"].nunique()).reset_index()
    ranked = ranked.sort_values("count", ascending=False, kind="stable")
    ranked = pd.concat([ranked[ranked["system"] == system.name] for system in systems])
    texts = {own.run: own.sentences for system in systems for own in system.sets}
    rows = zip(ranked["run"], ranked["sentence"], strict=True)
    ranked["text"] = [texts[run][sentence - 1].chars for run, sentence in rows]
    return ranked[[*key, "count", "patents", *place, "text"]].reset_index(drop=True)


def cut_context(text: str, start: int, end: int, size: int) -> str:
    """The span marked by ⟦⟧ between at most `size` characters on each side."""
    before, behind = "…" if start > size else "", "…" if end + size < len(text) else ""
    return f"{before}{text[max(0, start - size) : start]}⟦{text[start:end]}⟧{text[end : end + size]}{behind}"


def _list_sides(
    pair: Pair, text: str, orphans: Sequence[set[TagSpan]], known: frozenset[tuple[str, str]] | None
) -> Iterator[list[Any]]:
    """The rows of a pair: one for its gold span, one for its predicted one."""
    types = [pair.gold and pair.gold.label, pair.predicted and pair.predicted.label]
    for side, name in enumerate((GOLD, PREDICTED)):
        span, other = [(pair.gold, pair.predicted), (pair.predicted, pair.gold)][side]
        if span is None:
            continue
        surface = text[span.start : span.end]
        place = [other.start, other.end, text[other.start : other.end]] if other else [None] * 3
        seen = None if known is None else (surface, span.label) in known
        yield [
            name, span.start, span.end, surface, span.label, pair.kind, *place, *types,
            span in orphans[side], other is not None and other in orphans[1 - side],
            seen, find_script(surface), span.end - span.start,
        ]  # fmt: skip


def _select_pairs(spans: pd.DataFrame) -> pd.DataFrame:
    """One row a pair: the gold's, or the predicted span's where it is spurious."""
    return spans[(spans["side"] == GOLD) | (spans["class"] == "spurious")]


def _list_parts(
    spans: pd.DataFrame, systems: Sequence[System]
) -> Iterator[tuple[list[Any], pd.DataFrame, list[int] | None]]:
    """(values of SUMMARY, rows of the spans, numbers of the patents or None) of each set, then of each system."""
    by_run = dict(list(spans.groupby(["system", "run"], sort=False)))
    for system in track("grouping", systems, "methods"):
        for own in system.sets:
            head = [system.name, "run", own.run, own.split, own.seed]
            yield head, by_run.get((system.name, own.run), spans[:0]), [number for number, _ in own.patents]
        yield [system.name, POOLED, None, None, None], spans[spans["system"] == system.name], None


def _count_groups(spans: pd.DataFrame, column: str, level: str) -> dict[str, pd.Series]:
    """{side of COUNTS: number of spans by value of the column} at one of ENTITY_LEVELS."""
    strict = level == "entity_strict"
    spans = spans[~spans["orphan"]] if strict else spans
    gold, predicted = (spans[spans["side"] == side] for side in (GOLD, PREDICTED))
    right = gold[gold["class"] == "correct"]
    right = right[~right["other_orphan"]] if strict else right
    return {name: rows[column].value_counts() for name, rows in zip(COUNTS, (right, predicted, gold), strict=True)}
