"""Make a table of entities out of predictions: what is mentioned, under which names, how often, in how many patents.

  cbpner entities predictions.jsonl -o entities.csv
  cbpner entities runs/predictions/ --lexicon hgnc_complete_set.txt --diseases hpo_zh.babelon.tsv -o entities.parquet
  cbpner entities predictions.jsonl --patents documents.jsonl -o entities.csv --mentions mentions.parquet

PREDICTIONS are span JSONL, Parquet with the same columns (id, text, spans; date), or annotations in any other format of
`cbpner convert`; files or folders of them. OUT and MENTIONS are .csv, .tsv, .parquet or .jsonl.

Genes and proteins are read by HGNC's symbols, aliases and previous symbols and by Chinese names: `Her-2`, `HER2/neu`,
`HER2的RNA转录本` and `人表皮生长因子受体2` are HGNC:3430. An antibody, primer or siRNA for a gene counts as an
agent of it, not as the gene. What several genes are called stays ambiguous, with its candidates; words and lab terms
that look like genes (PCR, mice) get no id. Without --lexicon the shipped list is used, which has the genes of the demo
data and of the Chinese names alone: `cbpner lexicons` says where to get all.
"""

import sys
from collections import Counter
from pathlib import Path

from cbpner.base.errors import InputError
from cbpner.base.files import created_folder
from cbpner.biology.genes.entities import check_output, count_states, open_mentions, write_tables
from cbpner.biology.genes.lexicons import SHIPPED_LOOKALIKES, find_shipped, read_gene_lexicon, read_lexicons
from cbpner.biology.genes.mentions import (
    Kinds,
    check_outside,
    drop_repeated,
    read_bibliography,
    read_mentions,
    read_predictions,
)
from cbpner.biology.genes.resolution import read_lookalikes
from cbpner.commands.options import add_reading_flags, describe_notes, read_choices
from cbpner.formats.registry import FORMATS

SAYS = {
    "one": "with an id", "ambiguous": "ambiguous", "family": "of families", "lookalike": "look like genes and are none",
    "foreign": "of another species", "unknown": "in no list",
}  # fmt: skip


def add_arguments(parser):
    parser.add_argument("inputs", nargs="+", metavar="PREDICTIONS", help="file or folder to read")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="table of entities to write")
    parser.add_argument("--mentions", metavar="FILE", help="write every mention with what it stands for, too")
    parser.add_argument("--from", dest="source", choices=FORMATS, metavar="FORMAT", help="of PREDICTIONS")
    parser.add_argument("--patents", metavar="FILE", help="table of patents: number, date (or year), family")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT and MENTIONS")
    add_lexicon_flags(parser)
    group = parser.add_argument_group("labels", "others are grouped by their spelling")
    group.add_argument("--gene-labels", default="gene,protein", metavar="A,B", help="(default: %(default)s)")
    group.add_argument("--disease-labels", default="disease", metavar="A,B", help="(default: %(default)s)")
    add_reading_flags(parser, "orphans", "overlap")
    machine = parser.add_argument_group("machine")
    machine.add_argument("--memory", type=int, default=1024, metavar="MB", help="for DuckDB (default: %(default)s)")
    machine.add_argument("--threads", type=int, metavar="N", help="for DuckDB (default: all)")


def add_lexicon_flags(parser):
    group = parser.add_argument_group("lexicons", "repeatable; `cbpner lexicons` says where to get them")
    group.add_argument(
        "--lexicon", action="append", default=[], metavar="FILE", help="HGNC's genes; or names of your own: id, name"
    )
    group.add_argument("--diseases", action="append", default=[], metavar="FILE", help="HPO, MeSH, or a list: id, name")
    group.add_argument("--lookalikes", metavar="FILE", help="words that are no genes, in place of the shipped ones")
    group.add_argument("--no-names", dest="names", action="store_false", help="without the shipped Chinese names")


def read_kinds(args, gene_labels="gene,protein", disease_labels="disease") -> Kinds:
    """The readers of the flags above."""
    genes = read_gene_lexicon(args.lexicon, args.names)
    diseases = read_lexicons(args.diseases, "disease")
    lookalikes = read_lookalikes(args.lookalikes or find_shipped(SHIPPED_LOOKALIKES))
    labels = [split_labels(names) for names in (gene_labels, disease_labels)]
    return Kinds(genes, diseases, *labels, lookalikes=lookalikes)


def split_labels(names):
    """The labels of `A, B`, without spaces around them."""
    return tuple(filter(None, map(str.strip, names.split(","))))


def check_numbers(*numbers):
    """InputError for a number of (flag, value, least) that is too small; None is none."""
    for flag, value, least in numbers:
        if value is not None and value < least:
            raise InputError(f"found {flag} {value}; expected at least {least}")


def run(args):
    outputs = [check_output(path, args.overwrite) for path in (args.output, args.mentions) if path]
    if len(outputs) == 2 and outputs[0].resolve() == outputs[1].resolve():
        raise InputError(f"{args.mentions}: found one name for both tables; expected two")
    check_outside(outputs, args.inputs)
    check_numbers(("--memory", args.memory, 64), ("--threads", args.threads, 1))
    kinds, choices = read_kinds(args, args.gene_labels, args.disease_labels), read_choices(args)
    about = read_bibliography(args.patents) if args.patents else {}
    left_out, folder = Counter(), Path(args.output).parent
    documents = drop_repeated(read_predictions(args.inputs, args.source, choices), left_out)
    mentions = read_mentions(documents, kinds, about, choices)
    with created_folder(folder), open_mentions(mentions, folder, args.memory, args.threads) as store:
        states = count_states(store)
        write_tables(store, *outputs)
    notes = [f"note: {count:,} {statement}" for statement, count in left_out.items()]
    print(*describe_states(args.output, states), *notes, *describe_notes(choices), sep="\n")
    if not args.lexicon:
        print("note: the shipped list of genes is small; `cbpner lexicons` says where to get all", file=sys.stderr)


def describe_states(output, states):
    """The lines that say what was found."""
    entities, mentions = (sum(row[name] for row in states) for name in ("entities", "mentions"))
    yield f"{output}: {entities:,} entities, {mentions:,} mentions"
    for row in states:
        examples = "" if row["state"] == "one" else f": {', '.join(row['examples'])}{', ...' * (row['entities'] > 5)}"
        what = f"{row['mentions']:,} mentions, {row['entities']:,} entities {SAYS[row['state']]}"
        yield f"  {row['kind']}: {what}{examples}"
