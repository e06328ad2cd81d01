"""Calibration of p: how small it is in corpora in which genes are independent of one another.

python benchmarks/relations_null.py [--corpora 10] [--models panel,lists,...] [--units sentence,window,patent]
                                    [--pairs gene-gene] [--seed 0] [-o OUT.json]

Each model draws patents with genes, each gene independently of the others. They are measured as drawn (fresh), and with
genes shuffled between patents (shuffled), which keeps the number of genes in each patent and of patents of each gene.
Of all tested pairs, whether they co-occur or not, the share with p of at most 0.05, 0.01, 0.001 and 0.0001 is listed by
how many of the families the rarer of the two is in; if p is valid, each share is at most its level (less, since counts
are whole numbers). calls: corpora in which any q is 0.05 or less; one in twenty may have one.

panel: 20 genes in 97% of 100 patents each. dense: in 80%. half: 30 genes in half of 200 patents of very different
length, more sentences in a longer one. bursts: 25 genes in 60% of 150, how often each recurs differs from patent to
patent. lists: patents of very different length with their own choice of genes, and sentences that list eight. sizes:
25 large patents, 575 small ones. In the last two the odds of a gene in a patent are not the gene's times the patent's,
as the null model assumes, and p of common pairs is too small. caps: the chance of a gene grows with a patent's
length up to a limit. steps: each gene is in nearly all patents above a length of its own, and in nearly none below.
"""

import argparse
import json
import random
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa

from cbpner.base.errors import InputError
from cbpner.base.files import write_text
from cbpner.base.process import run_guarded
from cbpner.base.store import Store
from cbpner.biology.relations.job import find_relations
from cbpner.biology.relations.occurrences import DISEASE, GENE, SCHEMAS, SQL, CountSettings
from cbpner.runs.environment import describe_environment

LEVELS = (0.05, 0.01, 0.001, 0.0001)
STRATA = (0.0, 0.05, 0.3, 0.9)  # of families that the rarer one is in: from here to the next
CALLED = 0.05  # q
MEMORY = 256  # MB, DuckDB's


def draw_panel(generator, families=100, genes=20, share=0.97, sentences=30, own=5):
    """{family: {gene: set of its sentences}}: each gene in that share of the families, in `own` sentences."""
    return {
        family: {
            gene: set(generator.sample(range(sentences), own)) for gene in range(genes) if generator.random() < share
        }
        for family in range(families)
    }


def draw_half(generator):
    corpus = {}
    for family in range(200):
        sentences = generator.choice((10, 40, 120))
        corpus[family] = {
            gene: set(generator.sample(range(sentences), max(1, sentences // 6)))
            for gene in range(30)
            if generator.random() < 0.5
        }
    return corpus


def draw_bursts(generator):
    def draw_places():
        return set(generator.sample(range(40), min(40, max(1, int(generator.lognormvariate(1.2, 1))))))

    return {family: {gene: draw_places() for gene in range(25) if generator.random() < 0.6} for family in range(150)}


def draw_lists(generator, families=150, genes=60):
    """Patents of very different length, whose own genes recur."""
    corpus = {}
    for family in range(families):
        sentences = max(2, int(generator.lognormvariate(3, 0.9)))
        own = generator.choices(range(genes), [1 / (gene + 3) for gene in range(genes)], k=1 + sentences // 4)
        places = corpus[family] = {}
        for sentence in range(sentences):
            many = 8 if generator.random() < 0.05 else generator.choice((0, 1, 2))
            for gene in generator.choices(own, k=many):
                places.setdefault(gene, set()).add(sentence)
    return corpus


def draw_sizes(generator):
    corpus = {}
    for family in range(600):
        share, sentences = (0.7, 60) if family < 25 else (0.02, 5)
        corpus[family] = {
            gene: {generator.randrange(sentences) for _ in range(3)} for gene in range(80) if generator.random() < share
        }
    return corpus


def draw_caps(generator):
    corpus = {}
    for family in range(400):
        sentences = draw_length(generator)
        corpus[family] = {
            gene: {generator.randrange(sentences) for _ in range(1 + int(generator.expovariate(0.5)))}
            for gene in range(200)
            if generator.random() < min(0.9, sentences / 200) * 2 / (1 + gene / 20)
        }
    return corpus


def draw_steps(generator):
    corpus = {}
    for family in range(400):
        sentences = draw_length(generator)
        corpus[family] = {
            gene: {generator.randrange(sentences) for _ in range(2)}
            for gene in range(40)
            if generator.random() < 0.02 + 0.9 * (sentences > 10 + 3 * gene)
        }
    return corpus


def draw_length(generator):
    return max(3, int(generator.lognormvariate(3, 0.9)))


MODELS = {
    "panel": draw_panel,
    "dense": lambda generator: draw_panel(generator, share=0.8, own=6),
    "half": draw_half,
    "bursts": draw_bursts,
    "lists": draw_lists,
    "sizes": draw_sizes,
    "caps": draw_caps,
    "steps": draw_steps,
}


def shuffle_corpus(generator, corpus, swaps=20):
    """Genes shuffled between patents: as many in each, as many patents for each; a patent's sentences stay as they are.

    Two genes of two patents take each other's places where neither is in the other's patent already.
    """
    slots = [(family, slot) for family, places in corpus.items() for slot in range(len(places))]
    names = {family: list(places) for family, places in corpus.items()}
    for _ in range(swaps * len(slots)):
        (first, one), (second, other) = generator.choice(slots), generator.choice(slots)
        a, b = names[first][one], names[second][other]
        if a not in names[second] and b not in names[first]:
            names[first][one], names[second][other] = b, a
    return {family: dict(zip(names[family], places.values(), strict=True)) for family, places in corpus.items()}


def measure_corpus(corpus, unit="sentence", pairs="gene-gene"):
    """The relations of a corpus. pairs: with gene-disease every second gene is a disease."""
    corpus = {family: places for family, places in corpus.items() if places}
    rows = [(family, sentence, 0, 1, gene, "x", None) for family, places in corpus.items()
            for gene, own in places.items() for sentence in own]  # fmt: skip
    genes = sorted({row[4] for row in rows})
    kinds = {gene: DISEASE if pairs == "gene-disease" and gene % 2 else GENE for gene in genes}
    tables = {
        "mentions": zip(*rows, strict=True),
        "documents": zip(*((family, f"d{family}", f"d{family}", f"d{family}", None) for family in corpus), strict=True),
        "entities": zip(*((gene, f"HGNC:{gene}", str(gene), kinds[gene]) for gene in genes), strict=True),
    }
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder), MEMORY, 1) as store:
        for name, columns in tables.items():
            arrays = [pa.array(column, type) for column, type in zip(columns, SCHEMAS[name].types, strict=True)]
            store.run_on(pa.table(arrays, schema=SCHEMAS[name]), f"CREATE TABLE {name} AS FROM batch")
        store.run(SQL["counted"])
        return find_relations(store, CountSettings(unit, pairs=pairs))


def list_p(relations):
    """(p, share of the families that the rarer one is in) of all tested pairs; p of those never seen together is 1."""
    entities, rows = relations.entities, relations.pairs
    shares = entities["patents"] / relations.families
    first, second = (np.searchsorted(entities["entity"], rows[name]) for name in "ab")
    p = np.ones((len(shares), len(shares)))
    p[first, second] = rows["p"]
    kind = entities["kind"]
    if DISEASE in relations.tested:
        a, b = (each.ravel() for each in np.meshgrid(np.flatnonzero(kind == GENE), np.flatnonzero(kind == DISEASE)))
    else:
        a, b = np.triu_indices(len(shares), 1)
    return np.minimum(p[a, b], p[b, a]), np.minimum(shares[a], shares[b])


def count_levels(p, shares):
    """{stratum: (tested, at most each of LEVELS)} as an array, for adding up."""
    places = np.searchsorted(STRATA, shares, "right") - 1
    return {
        STRATA[place]: np.array([np.sum(own := places == place), *(np.sum(p[own] <= level) for level in LEVELS)])
        for place in np.unique(places)
    }


def measure_model(name, unit, shuffled, args):
    """{`tested`, `calls`, `strata`: {from this share of the families: {`tested`, level: share}}} of some corpora."""
    generator = random.Random(f"{args.seed} {name}")
    counted, calls, corpus = defaultdict(int), 0, MODELS[name](generator)
    for _ in range(args.corpora):
        corpus = shuffle_corpus(generator, corpus) if shuffled else MODELS[name](generator)
        relations = measure_corpus(corpus, unit, args.pairs)
        calls += bool((relations.pairs["q"] <= CALLED).any())
        for stratum, numbers in count_levels(*list_p(relations)).items():
            counted[stratum] = counted[stratum] + numbers
    strata = {
        f"{stratum:g}": {"tested": int(numbers[0])}
        | {f"{level:g}": round(float(part / numbers[0]), 6) for level, part in zip(LEVELS, numbers[1:], strict=True)}
        for stratum, numbers in sorted(counted.items())
    }
    return {"tested": sum(row["tested"] for row in strata.values()), "calls": calls, "strata": strata}


def describe(result):
    """The measurements as Markdown."""
    yield f"| model | unit | corpora | families of the rarer one | pairs | {' | '.join(map(str, LEVELS))} | calls |"
    yield "|---|---|---|---:|---:|" + "---:|" * (len(LEVELS) + 1)
    for row in result["rows"]:
        for stratum, shares in row["strata"].items():
            figures = " | ".join(f"{shares[f'{level:g}']:.4g}" for level in LEVELS)
            about = f"{row['model']} | {row['unit']} | {row['corpora']} | {float(stratum):.0%} and more"
            yield f"| {about} | {shares['tested']:,} | {figures} | {row['calls']} of {result['settings']['corpora']} |"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", type=int, default=10, help="of each model (default: %(default)s)")
    parser.add_argument("--models", default=",".join(MODELS), help="(default: %(default)s)")
    parser.add_argument("--units", default="sentence,window,patent", help="(default: %(default)s)")
    parser.add_argument("--pairs", choices=("gene-gene", "gene-disease"), default="gene-gene")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", help="JSON to write")
    return run_guarded(run, parser.parse_args(argv))


def run(args):
    models = args.models.split(",")
    if unknown := [name for name in models if name not in MODELS]:
        raise InputError(f"found the model {unknown[0]!r}; expected some of {', '.join(MODELS)}")
    rows = [
        {"model": name, "unit": unit, "corpora": "shuffled" if shuffled else "fresh"}
        | measure_model(name, unit, shuffled, args)
        for name in models
        for unit in args.units.split(",")
        for shuffled in (False, True)
    ]
    settings = {name: getattr(args, name) for name in ("corpora", "pairs", "seed")}
    result = {"settings": settings, "rows": rows, "environment": describe_environment()}
    if args.output:
        write_text(args.output, json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    print(*describe(result), sep="\n")


if __name__ == "__main__":
    sys.exit(main())
