"""Find which genes, or genes and diseases, stand together in tagged patents more often than by chance.

  cbpner relations predictions.jsonl -o relations.csv
  cbpner relations tagged/ --lexicon hgnc_complete_set.txt --known BIOGRID.tab3.txt -o relations.csv -o network.html
  cbpner relations tagged/ --unit patent --pairs both --diseases hpo_zh.babelon.tsv -o network.graphml -o network.svg

PREDICTIONS and the lists are those of `cbpner entities`. Each -o is written by its suffix: .csv, .tsv, .parquet and
.jsonl are the table, .html a page with the network, its sentences and tables, .svg its drawing, .graphml (Cytoscape,
Gephi) and .edges the network. Beside the first table the evidence is written: patents, offsets and sentences.

p and q are of patent families, of which each counts once: the chance of standing together in as many of them if genes
were shuffled between patents, with as many genes in each patent, as many patents for each gene and as much repetition
within one as there are. q is Benjamini and Hochberg's over all pairs of entities with --min-support, seen together or
not. p is an approximation. Do not trust it for common genes that nearly all long patents name and few short ones, with
--unit patent least of all: it can be far too small then. NPMI and the expected units count units, as if these were
independent.

--known takes BioGRID tab3, STRING links (with --known-names), or any list whose first two columns are symbols or HGNC
ids. --compare tells how many of another table's relations are in this one.
"""

import sys
from pathlib import Path

from cbpner.base.errors import InputError
from cbpner.biology.genes.mentions import check_outside, read_bibliography
from cbpner.biology.relations.compare import read_edges
from cbpner.biology.relations.counts import UNITS, Counting, check_counting
from cbpner.biology.relations.job import Plan, find_and_write
from cbpner.biology.relations.known import read_known
from cbpner.biology.relations.occurrences import Selection
from cbpner.biology.relations.outputs import TABLES, check_outputs
from cbpner.commands.entities import add_lexicon_flags, check_numbers, read_kinds, split_labels
from cbpner.commands.options import add_reading_flags, describe_notes, read_choices
from cbpner.formats.registry import FORMATS

PAIRS = ("gene-gene", "gene-disease", "both")


def add_arguments(parser):
    parser.add_argument("inputs", nargs="+", metavar="PREDICTIONS", help="file or folder to read")
    parser.add_argument(
        "-o", "--output", action="append", required=True, metavar="OUT", help="file to write; repeatable"
    )
    parser.add_argument("--evidence", metavar="FILE", help=".parquet or .jsonl (default: beside the first table)")
    parser.add_argument("--from", dest="source", choices=FORMATS, metavar="FORMAT", help="of PREDICTIONS")
    parser.add_argument("--patents", metavar="FILE", help="table of patents: number, date (or year), family")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT")
    default = Counting()
    group = parser.add_argument_group("what is counted")
    group.add_argument("--unit", choices=UNITS, default=default.unit, help="(default: %(default)s)")
    group.add_argument("--window", type=int, default=default.size, metavar="N", help="sentences (default: %(default)s)")
    group.add_argument("--pairs", choices=PAIRS, default=default.pairs, help="(default: %(default)s)")
    group.add_argument("--agents", action="store_true", help="antibodies, primers and such count as their gene")
    group.add_argument("--min-score", type=float, default=0.0, metavar="S", help="of a mention (default: %(default)s)")
    group.add_argument(
        "--min-support", type=int, default=default.min_support, metavar="N",
        help="patent families that a gene and a pair must be in (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--crowd", type=int, default=default.crowd, metavar="N", help="leave out units with more (default: %(default)s)"
    )
    group.add_argument("--gene-labels", default="gene,protein", metavar="A,B", help="(default: %(default)s)")
    group.add_argument("--disease-labels", default="disease", metavar="A,B", help="(default: %(default)s)")
    group = parser.add_argument_group("what is written")
    group.add_argument("--q", type=float, default=1.0, metavar="Q", help="relations of at most this q (default: all)")
    group.add_argument("--most", type=int, default=5, metavar="N", help="sentences a relation (default: %(default)s)")
    group.add_argument("--drawn", type=int, default=4000, metavar="N", help="relations drawn (default: %(default)s)")
    group.add_argument("--title", help="of the page")
    group.add_argument(
        "--compare", metavar="TABLE", help="a table of relations (.csv, .parquet): edge precision, recall"
    )
    group = parser.add_argument_group("known interactions")
    group.add_argument("--known", action="append", default=[], metavar="FILE", help="list of pairs; repeatable")
    group.add_argument("--known-names", metavar="FILE", help="STRING's 9606.protein.info")
    group.add_argument("--known-score", type=int, default=700, metavar="N", help="of STRING (default: %(default)s)")
    add_lexicon_flags(parser)
    add_reading_flags(parser, "orphans", "overlap")
    machine = parser.add_argument_group("machine")
    machine.add_argument("--memory", type=int, default=1024, metavar="MB", help="for DuckDB (default: %(default)s)")
    machine.add_argument("--threads", type=int, metavar="N", help="for DuckDB (default: all)")
    machine.add_argument("--seed", type=int, default=0, help="of layout and random networks (default: %(default)s)")


def run(args):
    plan = read_plan(args)
    kinds, choices = read_kinds(args, args.gene_labels, args.disease_labels), read_choices(args)
    plan = plan._replace(known=read_list(args, kinds))
    print(*find_and_write(plan, kinds, choices), *describe_notes(choices), sep="\n")
    if not args.lexicon:
        print("note: the shipped list of genes is small; `cbpner lexicons` says where to get all", file=sys.stderr)


def read_plan(args):
    """The Plan of the flags, without the known interactions; InputError before anything long begins."""
    check_numbers(
        ("--memory", args.memory, 64), ("--most", args.most, 1), ("--drawn", args.drawn, 1),
        ("--threads", args.threads, 1),
    )  # fmt: skip
    if not split_labels(args.gene_labels):
        raise InputError(f"found --gene-labels {args.gene_labels!r}; expected at least one label, such as gene")
    if not 0 < args.q <= 1:
        raise InputError(f"found --q {args.q}; expected more than 0 and at most 1")
    counting = Counting(args.unit, args.window, args.pairs, args.min_support, args.crowd)
    check_counting(counting)
    evidence = args.evidence or find_evidence_name(args.output)
    paths = check_outputs(args.output, evidence, args.overwrite)
    check_outside(paths, args.inputs)
    place = paths.pop() if evidence else None
    return Plan(
        inputs=args.inputs, source=args.source, outputs=paths, evidence=place,
        about=read_bibliography(args.patents) if args.patents else {}, counting=counting,
        selection=Selection(counting.kinds, args.agents, args.min_score), level=args.q, most=args.most,
        drawn=args.drawn, title=args.title, compare=read_edges(args.compare) if args.compare else None,
        memory_mb=args.memory, threads=args.threads, seed=args.seed,
        told={"predictions": args.inputs, "lexicons": args.lexicon or ["shipped"], "known": args.known},
    )  # fmt: skip


def find_evidence_name(outputs):
    """STEM.evidence.parquet beside a Parquet table, STEM.evidence.jsonl beside another; None without a table."""
    table = next((Path(path) for path in outputs if Path(path).suffix in TABLES), None)
    suffix = ".evidence.parquet" if table and table.suffix == ".parquet" else ".evidence.jsonl"
    return table.with_suffix(suffix) if table else None


def read_list(args, kinds):
    """The Known of the flags, or None."""
    if not args.known:
        return None
    return read_known(args.known, kinds.genes, args.known_names, args.known_score)
