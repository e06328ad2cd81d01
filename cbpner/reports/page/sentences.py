"""The sentences of the test sets with gold and predicted spans, small enough to lie in the page itself."""



from cbpner.base.files import natural_key
from cbpner.reports.join import identify_set, list_gold_spans, list_patent_keys
from cbpner.scoring.matching import KINDS, pair_spans


def list_sentences(systems) -> dict:
    """What the page's script shows, as lists and numbers.

    kinds: `cbpner.scoring.matching.KINDS`. types: their names. variants: systems, once for each seed where they have
    several. splits: their names. sentences: [split, patent, number in the set, text, answers], the first a place in
    its list, answers {variant: pairs} for each variant that read the sentence, a pair
    [kind, gold start, end, type, predicted start, end, type] with -1 for what is not there.
    """
    variants = {}
    for system in systems:
        seeds = sorted({joined.seed for joined in system.sets}, key=natural_key)
        for seed in seeds:
            variants[system.name, seed] = f"{system.name}, seed {seed}" if len(seeds) > 1 else system.name
    numbers = {key: number for number, key in enumerate(variants)}
    sets = [(joined, numbers[system.name, joined.seed]) for system in systems for joined in system.sets]
    splits = sorted({joined.split for joined, _ in sets}, key=natural_key)
    spans = [
        span for joined, _ in sets for side in (list_gold_spans(joined), joined.spans) for own in side for span in own
    ]
    types = sorted({span.label for span in spans})
    groups = {}
    for joined, variant in sets:
        groups.setdefault((splits.index(joined.split), identify_set(joined)), []).append((joined, variant))
    rows = [row for (split, _), own in sorted(groups.items()) for row in _list_rows(split, own, types)]
    return {"kinds": KINDS, "types": types, "variants": list(variants.values()), "splits": splits, "sentences": rows}


def _list_rows(split, sets, types):
    """The rows of one set of sentences; sets: (joined, variant) of all that read it."""
    sentences, gold = sets[0][0].sentences, list_gold_spans(sets[0][0])
    keys = list_patent_keys(sentences)
    patents = {key: number for number, key in enumerate(dict.fromkeys(keys), start=1)}
    for place, sentence in enumerate(sentences):
        answers = {}
        for joined, variant in sets:
            pairs = pair_spans(gold[place], joined.spans[place])
            answers.setdefault(variant, [_write_pair(pair, types) for pair in pairs])
        yield [split, patents[keys[place]], place + 1, sentence.chars, answers]


def _write_pair(pair, types):
    sides = [[span.start, span.end, types.index(span.label)] if span else [-1, -1, -1] for span in pair[:2]]
    return [KINDS.index(pair.kind), *sides[0], *sides[1]]
