"""One row a gold or predicted span, and what follows from that table: scores by group, errors, confusion, agreement.

Spans are read leniently (an orphan `I-` begins one); strict scores leave the rows with `orphan` out. Each span is in
the group of its own text and type, gold and predicted alike: the precision on unseen mentions is that of predictions
whose surface and type the training text does not have, the recall that of gold mentions of which the same is true. A
correct prediction has the surface and type of its gold mention, so both are in one group, and the counts of the groups
add up to those of all spans.
"""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from itertools import accumulate

from cbpner.decoding.document_vote import is_whole_word
from cbpner.reports.join import list_gold_spans, list_patent_keys
from cbpner.reports.table import OVERALL
from cbpner.scoring.matching import JUDGEMENTS, KINDS, pair_spans, score_partial
from cbpner.scoring.metrics import COUNTS, MEASURES, divide_counts
from cbpner.text.labels import tags_to_spans
from cbpner.text.splits import split_patents

SPAN_COLUMNS = (
    "system", "run", "split", "seed",  # of the set: see `cbpner.reports.join`
    "patent", "sentence",  # numbers in the file, from 1
    "patent_key",  # the same for the same patent in whatever file: see `list_patent_keys`
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
LENGTHS = ((1, 2), (3, 4), (5, 8), (9, 12), (13, None))
HAN = re.compile("[〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
NO_TYPE = "none"  # how the confusion matrix calls the side that has no span
PAIR = ["gold_type", "predicted_type"]
POOLED = "pooled"
SUMMARY = ["system", "statistic", "run", "split", "seed"]  # what a frame of scores begins with
SCORES = [*SUMMARY, "group", "value", "level", *COUNTS, *MEASURES]  # columns of the frames made here
KIND_COUNTS = [*SUMMARY, "type", "class", "count"]
SCHEMES = [*SUMMARY, "type", "scheme", *JUDGEMENTS, "possible", "actual", *MEASURES]
CONFUSIONS = ["system", *PAIR, "count"]
AGREEMENT = ["system", "side", "surfaces", "alike", "types", "untagged", "places", "deviating"]


def frame_spans(systems):
    """A DataFrame of SPAN_COLUMNS: every gold and every predicted span of every set, once for each side."""
    import pandas as pd

    rows = [row for system in systems for joined in system.sets for row in _list_rows(system.name, joined)]
    frame = pd.DataFrame(rows, columns=list(SPAN_COLUMNS))
    return frame.astype(
        dict.fromkeys(("orphan", "other_orphan"), bool)
        | dict.fromkeys(("other_start", "other_end"), "Int64")
        | {"seen": "boolean"}
    )


def find_script(surface):
    """`chinese` (Han, no other letter), `latin` (letters of an alphabet, Greek too), `mixed`, or `neither`."""
    han = len(HAN.findall(surface))
    letters = sum(char.isalpha() for char in HAN.sub("", surface))
    return ("mixed" if letters else "chinese") if han else ("latin" if letters else "neither")


def find_length_group(length):
    """`3-4`, `13+`: which of LENGTHS a span of so many characters belongs to."""
    low, high = next((low, high) for low, high in LENGTHS if high is None or length <= high)
    return f"{low}+" if high is None else f"{low}-{high}"


def score_groups(spans, systems):
    """A DataFrame of scores by group, a row a set or system, group, value and level of ENTITY_LEVELS.

    Columns: SUMMARY, group (patent, length, seen, script), value, level, COUNTS, MEASURES (NaN where undefined).
    statistic: `run`, or POOLED over a system's sets (the patents, which belong to one set, are not pooled).
    """
    import pandas as pd

    spans = spans.assign(
        length=spans["length"].map(find_length_group), seen=spans["seen"].map({True: "seen", False: "unseen"})
    )
    values = {
        "length": [find_length_group(low) for low, _ in LENGTHS],
        "seen": ["seen", "unseen"] if spans["seen"].notna().any() else [],
        "script": ["latin", "chinese", "mixed", "neither"],
    }
    rows = []
    for head, own, patents in _list_parts(spans, systems):
        groups = values if patents is None else {"patent": patents, **values}
        for level in ENTITY_LEVELS:
            counts = {group: _count_groups(own, group, level) for group in groups}
            for group, found in groups.items():
                for value in found:
                    numbers = [counts[group][side].get(value, 0) for side in COUNTS]
                    rows.append([*head, group, str(value), level, *numbers, *divide_counts(*numbers).values()])
    frame = pd.DataFrame(rows, columns=SCORES)
    return frame.astype(dict.fromkeys(MEASURES, float))


def count_kinds(spans, systems):
    """A DataFrame of how many pairs are of which kind: SUMMARY, type (OVERALL too), class, count.

    A pair counts for the type of its gold span; a spurious one, for the predicted type.
    """
    import pandas as pd

    rows = []
    for head, own, _ in _list_parts(spans, systems):
        pairs = _take_pairs(own)
        by_type = pairs.groupby(["type", "class"]).size()
        for label, counts in [(OVERALL, pairs["class"].value_counts()),
                              *((label, by_type[label]) for label in sorted(set(pairs["type"])))]:  # fmt: skip
            rows += [[*head, label, kind, int(counts.get(kind, 0))] for kind in KINDS]
    return pd.DataFrame(rows, columns=KIND_COUNTS)


def score_schemes(kinds):
    """Partial credit from `count_kinds`: SUMMARY, type, scheme, JUDGEMENTS, possible, actual, MEASURES."""
    import pandas as pd

    rows = []
    for head, own in kinds.groupby([*SUMMARY, "type"], sort=False, dropna=False):
        scores = score_partial(own.set_index("class")["count"].to_dict())
        rows += [{**dict(zip([*SUMMARY, "type"], head, strict=True)), "scheme": name} | scores[name] for name in scores]
    return pd.DataFrame(rows, columns=SCHEMES).astype(dict.fromkeys(MEASURES, float))


def count_confusions(spans, systems):
    """Gold against predicted types over the pairs of each system: system, gold_type, predicted_type, count.

    A pair shares a character, or more; NO_TYPE stands for the side that a missed or spurious span has not. Zeros too.
    """
    import pandas as pd

    pairs = _take_pairs(spans)
    types = [*sorted({*pairs["gold_type"].dropna(), *pairs["predicted_type"].dropna()}), None]
    sides = zip(*(pairs[column].astype(object).where(pairs[column].notna(), None) for column in PAIR), strict=True)
    counts = Counter(zip(pairs["system"], sides, strict=True))
    rows = [
        [system.name, gold or NO_TYPE, predicted or NO_TYPE, counts[system.name, (gold, predicted)]]
        for system in systems
        for gold in types
        for predicted in types
        if gold or predicted
    ]
    return pd.DataFrame(rows, columns=CONFUSIONS)


def rank_wrong_surfaces(spans, systems):
    """The wrong pairs of each system by how often they occur, with the place of the first.

    Columns: system, class, gold_type, predicted_type, gold_surface, predicted_surface, count, patents (how many have
    it), then run, patent, sentence, start, end of the first, and text, its sentence. Most frequent first.
    """
    pairs = _take_pairs(spans[spans["class"] != "correct"])
    spurious = pairs["side"] == PREDICTED
    pairs = pairs.assign(
        gold_surface=pairs["surface"].mask(spurious),
        predicted_surface=pairs["other_surface"].mask(spurious, pairs["surface"]),
    )
    key = ["system", "class", *PAIR, "gold_surface", "predicted_surface"]
    place = ["run", "patent", "sentence", "start", "end"]
    groups = pairs.groupby(key, sort=False, dropna=False)
    ranked = groups[place].first().assign(count=groups.size(), patents=groups["patent_key"].nunique()).reset_index()
    ranked["order"] = ranked["system"].map({system.name: number for number, system in enumerate(systems)})
    ranked = ranked.sort_values(["order", "count"], ascending=[True, False], kind="stable")
    texts = {joined.run: joined.sentences for system in systems for joined in system.sets}
    rows = zip(ranked["run"], ranked["sentence"], strict=True)
    ranked["text"] = [texts[run][sentence - 1].chars for run, sentence in rows]
    return ranked[[*key, "count", "patents", *place, "text"]].reset_index(drop=True)


def frame_agreement(systems):
    """How each surface is tagged where it stands in one patent: a DataFrame, a row a surface, patent, set and side.

    A surface of two characters or more is a row where it is a mention at least once in the patent, on that side. Its
    places are all of the same characters, but for those inside or across another mention, and those where a Latin
    letter or a digit goes on (`AR` in `PARP`). Columns: system, run, split, patent, side, surface, places, types
    (`gene 3, none 1`), tagged (places that are the mention), distinct (types among those), deviating (places that are
    not as most are).
    """
    import pandas as pd

    rows = []
    for system in systems:
        for joined in system.sets:
            sides = {GOLD: list_gold_spans(joined), PREDICTED: joined.spans}
            for side, spans in sides.items():
                for patent, start, stop in _bound_patents(joined.sentences):
                    texts = [sentence.chars for sentence in joined.sentences[start:stop]]
                    head = [system.name, joined.run, joined.split, patent, side]
                    rows += [head + row for row in _compare_places(texts, spans[start:stop])]
    columns = ["system", "run", "split", "patent", "side", "surface"]
    columns += ["places", "types", "tagged", "distinct", "deviating"]
    return pd.DataFrame(rows, columns=columns)


def summarise_agreement(agreement):
    """A row a system and side, over surfaces with two places or more in their patent.

    Columns: system, side, surfaces, alike (tagged alike everywhere), types (with two types or more), untagged (a
    mention here and none there), places, deviating (places that are not as most of their surface's are).
    """
    several = agreement[agreement["places"] > 1]
    untagged = several["tagged"] < several["places"]
    marked = several.assign(
        surfaces=1, alike=several["deviating"] == 0, types=several["distinct"] > 1, untagged=untagged
    )
    return marked.groupby(AGREEMENT[:2], sort=False)[AGREEMENT[2:]].sum().astype(int).reset_index()


def _list_rows(name, joined):
    strict, keys = list_gold_spans(joined, strict=True), list_patent_keys(joined.sentences)
    for patent, start, stop in _bound_patents(joined.sentences):
        for number in range(start, stop):
            text, tags = joined.sentences[number].chars, joined.sentences[number].tags
            gold, predicted = tags_to_spans(tags), joined.spans[number]
            if not gold and not predicted:
                continue
            orphans = {GOLD: set(gold) - set(strict[number]), PREDICTED: set(predicted) - set(joined.strict[number])}
            head = [name, joined.run, joined.split, joined.seed, patent, number + 1, keys[number]]
            for pair in pair_spans(gold, predicted):
                yield from _list_sides(head, pair, text, orphans, joined.known)


def _list_sides(head, pair, text, orphans, known):
    """The rows of a pair: one for its gold span, one for its predicted one."""
    types = [pair.gold and pair.gold.label, pair.predicted and pair.predicted.label]
    for side, span, other_side, other in (
        (GOLD, pair.gold, PREDICTED, pair.predicted), (PREDICTED, pair.predicted, GOLD, pair.gold)
    ):  # fmt: skip
        if span is None:
            continue
        surface = text[span.start : span.end]
        place = [other.start, other.end, text[other.start : other.end]] if other else [None] * 3
        seen = None if known is None else (surface, span.label) in known
        yield [
            *head, side, span.start, span.end, surface, span.label, pair.kind, *place, *types,
            span in orphans[side], other is not None and other in orphans[other_side],
            seen, find_script(surface), span.end - span.start,
        ]  # fmt: skip


def _bound_patents(sentences):
    """(number from 1, first sentence, the one behind the last) of each patent."""
    ends = list(accumulate(len(patent) for patent in split_patents(sentences)))
    return [(number, start, stop) for number, (start, stop) in enumerate(zip([0, *ends], ends, strict=False), 1)]


def _take_pairs(spans):
    """One row a pair: the gold's, or the predicted span's where it is spurious."""
    return spans[(spans["side"] == GOLD) | (spans["class"] == "spurious")]


def _list_parts(spans, systems):
    """(values of SUMMARY, rows of the spans, numbers of the patents or None) of each set, then of each system."""
    by_run = dict(list(spans.groupby(["system", "run"], sort=False)))
    for system in systems:
        for joined in system.sets:
            head = [system.name, "run", joined.run, joined.split, joined.seed]
            patents = [number for number, _, _ in _bound_patents(joined.sentences)]
            yield head, by_run.get((system.name, joined.run), spans[:0]), patents
        yield [system.name, POOLED, None, None, None], spans[spans["system"] == system.name], None


def _count_groups(spans, column, level):
    """{side of COUNTS: {value of the column: spans}} at one of ENTITY_LEVELS."""
    if level == "entity_strict":
        spans = spans[~spans["orphan"]]
    gold, predicted = (spans[spans["side"] == side] for side in (GOLD, PREDICTED))
    right = gold[gold["class"] == "correct"]
    if level == "entity_strict":
        right = right[~right["other_orphan"]]
    sides = zip(COUNTS, (right, predicted, gold), strict=True)
    return {name: rows[column].value_counts().to_dict() for name, rows in sides}


def _compare_places(texts, spans):
    """[surface, places, types, tagged, distinct, deviating] of each surface that is a mention in one patent's texts."""
    text, offsets = "\n".join(texts), [0, *accumulate(len(text) + 1 for text in texts)]
    placed = [
        (offset + span.start, offset + span.end, span.label)
        for offset, each in zip(offsets, spans, strict=False)
        for span in each
    ]
    starts, ends = sorted(start for start, _, _ in placed), sorted(end for _, end, _ in placed)
    surfaces = {}
    for start, end, label in placed:
        if end - start > 1:
            surfaces.setdefault(text[start:end], Counter())[label] += 1
    for surface, found in surfaces.items():
        tagged, distinct = found.total(), len(found)
        for start in _find_places(text, surface):
            if bisect_left(starts, start + len(surface)) == bisect_right(ends, start):  # no mention shares a character
                found[NO_TYPE] += 1
        types = sorted(found.items(), key=lambda item: (-item[1], item[0]))
        shown = ", ".join(f"{label} {count}" for label, count in types)
        yield [surface, found.total(), shown, tagged, distinct, found.total() - types[0][1]]


def _find_places(text, surface):
    """Where the surface begins in the text, but where a Latin letter or a digit goes on at an end of it that is one."""
    start = text.find(surface)
    while start >= 0:
        if is_whole_word(text, start, start + len(surface)):
            yield start
        start = text.find(surface, start + 1)
