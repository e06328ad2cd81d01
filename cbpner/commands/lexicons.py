"""List where to get the lexicons of genes and diseases, or describe lexicons.

  cbpner lexicons                                                 # where to get them
  cbpner lexicons hgnc_complete_set.txt my_names.tsv              # what is in them

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
  years and families: documents.jsonl of `cbpner patents`, or a table with number, date and family
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from cbpner.biology.genes import lexicons


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE", help="lexicons to describe")
    parser.add_argument("--no-names", dest="names", action="store_false", help="without the shipped Chinese names")


def run(args: Namespace) -> None:
    if not args.files:
        print(__doc__, end="")
        return
    genes = [path for path in args.files if is_of_genes(*lexicons.open_lexicon(path))]
    found = [lexicons.read_gene_lexicon(genes, args.names)] if genes else []
    for lexicon in [*found, *(lexicons.read_lexicons([path], "disease") for path in args.files if path not in genes)]:
        for source in lexicon.sources:
            content = f"{lexicons.FORMAT_NAMES[source['format']]}, {source['names']:,} names, {source['ids']:,} new ids"
            print(f"{source['path']}: {content}")
        ambiguous = sum(len(ranks) > 1 and not lexicons.is_decisive(ranks) for ranks in lexicon.folded.values())
        print(f"  {len(lexicon.folded):,} different keys, {ambiguous:,} of them ambiguous")


def is_of_genes(format: str, names: Iterator[lexicons.Name]) -> bool:
    """Whether a lexicon is one of genes; of a list of the user's own the first id tells."""
    first = next(names, None) if format == "names" else None
    return format in lexicons.GENE_FORMATS or bool(first and lexicons.HGNC_ID.fullmatch(first.id))
