"""Say where to get the lists of genes and diseases, describe lists, and measure how well they read surfaces.

  cbpner lexicons                                                 # where to get them
  cbpner lexicons hgnc_complete_set.txt my_names.tsv              # what is in them
  cbpner lexicons hgnc_complete_set.txt --measure tests/data/hgnc_surfaces.tsv

{sources}
"""

from cbpner.biology.genes.lexicons import FORMAT_NAMES, GENE_FORMATS, open_lexicon, read_gene_lexicon, read_lexicons
from cbpner.biology.genes.measure import measure_reader, read_decisions
from cbpner.biology.genes.resolution import GeneReader

SOURCES = """\
Genes and proteins (cbpner entities --lexicon FILE)
  HGNC, all approved human genes, CC0: https://www.genenames.org/download/ , hgnc_complete_set.txt
  shipped with cbpner: the genes of the demo data and of the Chinese names; Chinese names of genes and proteins
  your own names, which go before all others: a table with the columns id (HGNC:3430) and name
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
SHOWN = {
    "accuracy": "read rightly, of all", "coverage": "given an id, of those that have one",
    "recall": "given their id, of those that have one", "precision": "right, of the ids given",
    "ambiguity": "left ambiguous, of all", "first": "first candidate right, of the ambiguous that have an id",
    "among": "a candidate right, of the same", "agents": "role right (gene or agent), of the right ids",
}  # fmt: skip


def add_arguments(parser):
    parser.add_argument("files", nargs="*", metavar="FILE", help="lists to describe")
    parser.add_argument("--measure", metavar="TSV", help="surfaces with their HGNC ids, decided by hand")
    parser.add_argument("--faults", action="store_true", help="list what was not read rightly")
    parser.add_argument("--no-names", dest="names", action="store_false", help="without the shipped Chinese names")


def run(args):
    if not args.files and not args.measure:
        print(SOURCES)
        return
    formats = {path: open_lexicon(path)[0] for path in args.files}
    genes = [path for path in args.files if formats[path] in (*GENE_FORMATS, "names")]
    others = [path for path in args.files if path not in genes]
    lexicon = read_gene_lexicon(genes, args.names) if genes or args.measure else None
    for each in [lexicon] * (lexicon is not None) + [read_lexicons([path], "disease") for path in others]:
        print(*describe_lexicon(each), sep="\n")
    if args.measure:
        print(*describe_measures(GeneReader(lexicon), args), sep="\n")


def describe_lexicon(lexicon):
    for source in lexicon.sources:
        what = f"{FORMAT_NAMES[source['format']]}, {source['names']:,} names, {source['ids']:,} new ids"
        yield f"{source['path']}: {what}"
    yield f"  {len(lexicon.folded):,} different keys, {lexicon.count_ambiguous():,} of them ambiguous"


def describe_measures(reader, args):
    measures = measure_reader(reader, read_decisions(args.measure))
    surfaces, mentions = measures["surfaces"], measures["mentions"]
    known = f"({surfaces['with_id']} with an id)"
    yield f"{args.measure}: {surfaces['count']} surfaces {known}, {mentions['count']:,} mentions"
    yield f"  {'':<10} surfaces mentions"
    for name, what in SHOWN.items():
        cells = ["-" if each[name] is None else f"{each[name]:.3f}" for each in (surfaces, mentions)]
        yield f"  {name:<10} {cells[0]:>8} {cells[1]:>8}  {what}"
    for fault in measures["faults"] if args.faults else []:
        names = [", ".join(reader.lexicon.labels.get(id, id) for id in fault[side]) for side in ("expected", "found")]
        yield f"  {fault['verdict']}: {fault['surface']}: expected {names[0] or 'none'}, found {names[1] or 'none'}"
