"""List where to get the lexicons of genes and diseases, describe lexicons, and measure how well they resolve surfaces.

  cbpner lexicons                                                 # where to get them
  cbpner lexicons hgnc_complete_set.txt my_names.tsv              # what is in them
  cbpner lexicons hgnc_complete_set.txt --measure tests/data/hgnc_surfaces.tsv

{sources}
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from cbpner.biology.genes.lexicons import (
    FORMAT_NAMES,
    GENE_FORMATS,
    Lexicon,
    is_decisive,
    open_lexicon,
    read_gene_lexicon,
    read_lexicons,
)
from cbpner.biology.genes.measure import measure_resolver, read_decisions
from cbpner.biology.genes.resolution import GeneResolver

SOURCES = """\
Genes and proteins (cbpner entities --lexicon FILE)
  HGNC, all approved human genes, CC0: https://www.genenames.org/download/ , hgnc_complete_set.txt
  shipped with cbpner: the genes of the demo data and of the Chinese names; Chinese names of genes and proteins
  your own names, which take precedence over all others: a table with the columns id (HGNC:3430) and name
Diseases (cbpner entities --diseases FILE)
  HPO, phenotypes in English and Chinese, HPO licence: https://github.com/obophenotype/hpo-translations ,
  babelon/hp-zh.babelon.tsv
  MeSH, descriptors in ASCII (d20YY.bin), free of charge: https://www.nlm.nih.gov/databases/download/mesh.html
  ICD or any other list: a table with the columns id (or code, 编码) and name (or 名称), one name a line
Known interactions (cbpner relations --known FILE)
  BioGRID, MIT: https://downloads.thebiogrid.org/BioGRID , BIOGRID-ORGANISM-*.tab3.zip, its file for Homo_sapiens
  STRING, CC BY 4.0: https://string-db.org/cgi/download , 9606.protein.links, with 9606.protein.info (--known-names)
  any other list: a table whose first two columns are symbols or HGNC ids, a pair a line
Patents (cbpner entities and relations --patents FILE)
  years and families: documents.jsonl of `cbpner patents`, or a table with number, date and family"""
__doc__ = __doc__.replace("{sources}", SOURCES)
FIGURES = {
    "accuracy": "resolved correctly, of all", "coverage": "given an id, of those that have one",
    "recall": "given their id, of those that have one", "precision": "correct, of the ids given",
    "ambiguity": "left ambiguous, of all", "first": "first candidate correct, of the ambiguous that have an id",
    "among": "a candidate correct, of the same", "agents": "role correct (gene or agent), of the correct ids",
}  # fmt: skip


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE", help="lexicons to describe")
    parser.add_argument("--measure", metavar="TSV", help="surfaces with their HGNC ids, decided by hand")
    parser.add_argument("--faults", action="store_true", help="list the surfaces that are not resolved correctly")
    parser.add_argument("--no-names", dest="names", action="store_false", help="without the shipped Chinese names")


def run(args: Namespace) -> None:
    if not args.files and not args.measure:
        print(SOURCES)
        return
    formats = {path: open_lexicon(path)[0] for path in args.files}
    genes = [path for path in args.files if formats[path] in (*GENE_FORMATS, "names")]
    lexicons = [read_gene_lexicon(genes, args.names)] if genes or args.measure else []
    for lexicon in [*lexicons, *(read_lexicons([path], "disease") for path in args.files if path not in genes)]:
        for source in lexicon.sources:
            content = f"{FORMAT_NAMES[source['format']]}, {source['names']:,} names, {source['ids']:,} new ids"
            print(f"{source['path']}: {content}")
        ambiguous = sum(len(ranks) > 1 and not is_decisive(ranks) for ranks in lexicon.folded.values())
        print(f"  {len(lexicon.folded):,} different keys, {ambiguous:,} of them ambiguous")
    if args.measure:
        print(*summarize_measures(lexicons[0], args.measure, args.faults), sep="\n")


def summarize_measures(lexicon: Lexicon, path: str, with_faults: bool) -> Iterator[str]:
    """Yield the lines on how well a lexicon resolves a table of surfaces."""
    measures = measure_resolver(GeneResolver(lexicon), read_decisions(path))
    surfaces, mentions = measures["surfaces"], measures["mentions"]
    yield f"{path}: {surfaces['count']} surfaces ({surfaces['with_id']} with an id), {mentions['count']:,} mentions"
    yield f"  {'':<10} surfaces mentions"
    for name, meaning in FIGURES.items():
        cells = ["-" if each[name] is None else f"{each[name]:.3f}" for each in (surfaces, mentions)]
        yield f"  {name:<10} {cells[0]:>8} {cells[1]:>8}  {meaning}"
    for fault in measures["faults"] if with_faults else []:
        names = [", ".join(lexicon.labels.get(id, id) for id in fault[side]) for side in ("expected", "found")]
        yield f"  {fault['verdict']}: {fault['surface']}: expected {names[0] or 'none'}, found {names[1] or 'none'}"
