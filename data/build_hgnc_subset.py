"""Write the two shipped gene lists: `cbpner/biology/genes/hgnc_subset.tsv` and `names_zh.tsv`.

python data/build_hgnc_subset.py HGNC_LIST

HGNC_LIST is any symbol list that `cbpner lexicons` names. The subset has HGNC's columns and three kinds of genes: those
that a gene or protein of the demo data may name, those with a Chinese name in data/names_zh.txt, and those that share a
name with one of them, so that ambiguous names stay ambiguous. HGNC's data are CC0.
"""

import argparse
from pathlib import Path

from cbpner.base.files import atomic_open
from cbpner.base.tables import write_csv
from cbpner.biology.genes.lexicons import SHIPPED_GENES, SHIPPED_NAMES, find_shipped, open_lexicon, read_lexicons
from cbpner.biology.genes.resolution import GeneResolver, sort_key
from cbpner.text.bio import list_mentions, read_bio

HERE = Path(__file__).resolve().parent
NAMES = HERE / "names_zh.txt"
SERIES = {
    "白细胞介素{}": ("IL{}", (*range(2, 8), *range(9, 28), *range(31, 38))),
    "白介素{}": ("IL{}", (*range(2, 8), *range(9, 28), *range(31, 38))),
    "成纤维细胞生长因子{}": ("FGF{}", range(3, 24)),
    "成纤维细胞生长因子受体{}": ("FGFR{}", range(1, 5)),
    "基质金属蛋白酶{}": ("MMP{}", range(1, 29)),
    "半胱天冬酶{}": ("CASP{}", range(1, 15)),
    "骨形态发生蛋白{}": ("BMP{}", range(1, 16)),
    "细胞角蛋白{}": ("KRT{}", range(1, 21)),
    "细胞周期蛋白D{}": ("CCND{}", range(1, 4)),
    "细胞周期蛋白E{}": ("CCNE{}", range(1, 3)),
    "细胞周期蛋白B{}": ("CCNB{}", range(1, 4)),
    "细胞周期蛋白依赖性激酶{}": ("CDK{}", range(1, 21)),
    "组蛋白去乙酰化酶{}": ("HDAC{}", range(1, 12)),
}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hgnc", help="HGNC's list of symbols")
    path = parser.parse_args(argv).hgnc
    lexicon, genes = read_lexicons([path], "gene"), read_genes(path)
    names = list_names({gene["symbol"]: id for id, gene in genes.items()})
    resolver = GeneResolver(lexicon)
    found = {id for surface in list_demo_surfaces() for id in resolver.resolve(surface).ids} | {id for id, _ in names}
    found |= {id for ids in lexicon.folded.values() if found & set(ids) for id in ids}
    rows = [
        (id, genes[id]["symbol"], "|".join(genes[id]["alias"]), "|".join(genes[id]["previous"]))
        for id in sorted(found, key=sort_key)
    ]
    header = ("hgnc_id", "symbol", "alias_symbol", "prev_symbol")
    for name, table in ((SHIPPED_GENES, [header, *rows]), (SHIPPED_NAMES, [("id", "name"), *names])):
        with atomic_open(find_shipped(name)) as file:
            write_csv(file, table, "\t")


def read_genes(path: str) -> dict[str, dict]:
    """Read a list of symbols as {id: {symbol, alias, previous}}."""
    genes = {}
    for name in open_lexicon(path)[1]:
        gene = genes.setdefault(name.id, {"symbol": "", "alias": [], "previous": []})
        if name.kind == "symbol":
            gene["symbol"] = name.text
        elif name.kind in ("alias", "previous"):
            gene[name.kind].append(name.text)
    return genes


def list_names(ids: dict[str, str]) -> list[tuple[str, str]]:
    """List (id, Chinese name): those of names_zh.txt, and those of SERIES whose symbols are in `ids` ({symbol: id})."""
    rows = [line.split() for line in NAMES.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    names = [(ids[symbol], name) for symbol, *each in filter(None, rows) for name in each]
    for name, (symbol, numbers) in SERIES.items():
        names += [(ids[symbol.format(n)], name.format(n)) for n in numbers if symbol.format(n) in ids]
    return sorted(dict.fromkeys(names), key=lambda row: (sort_key(row[0]), row[1]))


def list_demo_surfaces() -> list[str]:
    files = sorted((HERE / "demo" / "0").glob("cbp_demo_*.bio"))
    return sorted({text for file in files for text, label in list_mentions(read_bio(file)) if label != "disease"})


if __name__ == "__main__":
    main()
