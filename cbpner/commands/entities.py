"""Make a table of entities from predictions: what is mentioned, under which names, how often, in how many patents.

  cbpner entities predictions.jsonl -o entities.csv
  cbpner entities runs/predictions/ --lexicon hgnc_complete_set.txt --diseases hpo_zh.babelon.tsv -o entities.parquet
  cbpner entities predictions.jsonl --patents documents.jsonl -o entities.csv --mentions mentions.parquet

PREDICTIONS are span JSONL, Parquet with the same columns (id, text, spans; date), or annotations in any other format of
`cbpner convert`; files or folders of them. OUT and MENTIONS are .csv, .tsv, .xlsx, .parquet or .jsonl.

Genes and proteins are resolved by HGNC's symbols, aliases and previous symbols and by Chinese names: `Her-2`,
`HER2/neu`, `HER2的RNA转录本` and `人表皮生长因子受体2` are HGNC:3430. An antibody, primer or siRNA for a gene counts
as an agent of it, not as the gene. A name of several genes stays ambiguous, with its candidates; words and lab terms
that look like genes (PCR, mice) get no id. Without --lexicon the shipped list is used, which has only the genes of the
demo data and of the Chinese names: `cbpner lexicons` lists where to get all.
"""

import sys
from argparse import ArgumentParser, Namespace

from cbpner.base.errors import InputError
from cbpner.biology.genes.entities import EntitySettings, write_entities
from cbpner.biology.genes.lexicons import read_gene_lexicon, read_lexicons, read_lookalikes
from cbpner.biology.genes.mentions import EntityResolver
from cbpner.biology.genes.predictions import read_bibliography
from cbpner.biology.tables import TABLE_SUFFIXES, check_outputs
from cbpner.commands import options
from cbpner.formats.registry import FORMATS


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="table of entities to write")
    parser.add_argument("--mentions", metavar="FILE", help="also write each mention with the entity it refers to")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT and MENTIONS")
    options.add_encoding(parser)
    add_entity_flags(parser)


def add_entity_flags(parser: ArgumentParser) -> None:
    """The flags that say which predictions are read and how mentions are resolved."""
    parser.add_argument("inputs", nargs="+", metavar="PREDICTIONS", help="file or folder to read")
    parser.add_argument("--from", dest="source", choices=FORMATS, metavar="FORMAT", help="of PREDICTIONS")
    parser.add_argument("--patents", metavar="FILE", help="table of patents: number, date (or year), family")
    group = parser.add_argument_group("lexicons", "repeatable; `cbpner lexicons` lists where to get them")
    lexicon = "HGNC's genes; or names of your own: id, name"
    group.add_argument("--lexicon", action="append", default=[], metavar="FILE", help=lexicon)
    group.add_argument("--diseases", action="append", default=[], metavar="FILE", help="HPO, MeSH, or a list: id, name")
    group.add_argument("--lookalikes", metavar="FILE", help="words that are no genes, instead of the shipped ones")
    group.add_argument("--no-names", dest="names", action="store_false", help="without the shipped Chinese names")
    add = parser.add_argument_group("labels", "mentions with other labels are grouped by spelling").add_argument
    add("--gene-labels", type=options.split_names, default="gene,protein", metavar="A,B", help="of genes")
    add("--disease-labels", type=options.split_names, default="disease", metavar="A,B", help="of diseases")
    options.add_reading_flags(parser, "orphans", "overlap")
    options.add_machine_flags(parser)


def read_resolver(args: Namespace) -> EntityResolver:
    """The resolver of the flags above; InputError for wrong lexicons or labels."""
    if not args.gene_labels:
        raise InputError("found no name in --gene-labels; expected at least one, such as gene")
    genes, diseases = read_gene_lexicon(args.lexicon, args.names), read_lexicons(args.diseases, "disease")
    lookalikes = read_lookalikes(args.lookalikes)
    return EntityResolver(genes, diseases, args.gene_labels, args.disease_labels, lookalikes)


def print_summary(lines: list[str], args: Namespace, notes: list[str]) -> None:
    """Print what was found, and a note on standard error if only the shipped genes were used."""
    print(*lines, *notes, sep="\n")
    if not args.lexicon:
        print("note: the shipped list of genes is small; `cbpner lexicons` lists where to get all", file=sys.stderr)


def run(args: Namespace) -> None:
    outputs = [(path, TABLE_SUFFIXES) for path in (args.output, args.mentions) if path]
    paths = check_outputs(outputs, args.inputs, args.overwrite)
    options.check_csv(args.encoding, [path.suffix[1:] for path in paths])
    resolver, choices = read_resolver(args), options.read_choices(args)
    settings = EntitySettings(
        inputs=args.inputs, source=args.source, entities=paths[0], mentions=paths[1] if args.mentions else None,
        bibliography=read_bibliography(args.patents) if args.patents else None, memory_mb=args.memory,
        threads=args.threads, encoding=args.encoding,
    )  # fmt: skip
    print_summary(write_entities(settings, resolver, choices), args, options.describe_notes(choices))
