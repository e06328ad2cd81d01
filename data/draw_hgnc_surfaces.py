"""Draw the surfaces of the frozen set `hgnc_surfaces.tsv` from the gold data; prints surface, types and count.

  python data/draw_hgnc_surfaces.py data/cbp_gold > drawn.tsv

Of all different gene and protein mentions of the 21 patents, sentences as they are, 240 are drawn one after another
without replacement, each time in proportion to their counts (Efraimidis and Spirakis 2006: those with the largest
random ** (1 / count)). The same gold data and seed draw the same surfaces.
"""

import argparse
import random
from collections import Counter, defaultdict

from cbpner.text.bio import list_mentions
from cbpner.text.gold import load_patents

TYPES = ("gene", "protein")
SIZE, SEED = 240, 20200601


def count_surfaces(folder) -> dict[str, Counter]:
    """{surface: Counter of its types} of the gold's genes and proteins."""
    surfaces = defaultdict(Counter)
    for sentences in load_patents(folder, long=True).values():
        for surface, label in list_mentions(sentences):
            if label in TYPES:
                surfaces[surface][label] += 1
    return surfaces


def draw_surfaces(counts, size=SIZE, seed=SEED) -> list[str]:
    """`size` keys of {surface: count} in the order drawn; the order of the dictionary does not matter."""
    numbers = random.Random(seed)
    keys = {surface: numbers.random() ** (1 / counts[surface]) for surface in sorted(counts)}
    return sorted(counts, key=keys.get, reverse=True)[:size]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gold", help="folder of the gold data")
    surfaces = count_surfaces(parser.parse_args(argv).gold)
    print("surface", "type", "count", sep="\t")
    for surface in draw_surfaces({surface: types.total() for surface, types in surfaces.items()}):
        print(surface, "+".join(sorted(surfaces[surface])), surfaces[surface].total(), sep="\t")


if __name__ == "__main__":
    main()
