"""Find which genes, or genes and diseases, co-occur in tagged patents more often than expected.

  cbpner relations predictions.jsonl -o relations.csv
  cbpner relations tagged/ --lexicon hgnc_complete_set.txt --known BIOGRID.tab3.txt -o relations.csv -o network.html
  cbpner relations tagged/ --unit patent --pairs both --diseases hpo_zh.babelon.tsv -o network.graphml -o network.svg

PREDICTIONS and the lexicons are those of `cbpner entities`. The suffix of each -o tells what is written: .csv, .tsv,
.xlsx, .parquet and .jsonl are the table, .html a page with the network, its sentences and tables, .svg its drawing,
.graphml (Cytoscape, Gephi) and .edges the network. Beside the first table: the evidence (patents, offsets, sentences).

p and q compare patent families, each of which counts once: p is the probability of co-occurring in at least as many of
them under the null model, which shuffles entities between patents and keeps the number of entities in each patent, the
number of patents of each entity, and the repetition within a patent. q is Benjamini and Hochberg's over all pairs of
entities with --min-support, whether they co-occur or not. p is an approximation. Do not trust it for common genes that
nearly all long patents name and few short ones, especially with --unit patent: it can be far too small then. NPMI and
the expected units count units, as if these were independent.

--known takes BioGRID tab3, STRING links (with --known-names), or any list whose first two columns are symbols or HGNC
ids.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from cbpner.base.progress import Progress
from cbpner.biology.genes.predictions import read_bibliography
from cbpner.biology.relations.job import write_relations
from cbpner.biology.relations.known import read_known_interactions
from cbpner.biology.relations.occurrences import PAIRS, UNITS, CountSettings
from cbpner.biology.relations.outputs import EVIDENCE_SUFFIXES, SUFFIXES
from cbpner.biology.relations.settings import RelationSettings
from cbpner.biology.tables import TABLE_SUFFIXES, check_outputs
from cbpner.commands.entities import add_entity_flags, print_summary, read_resolver
from cbpner.commands.options import add_encoding, bounded, check_csv, describe_notes, read_choices


def add_arguments(parser: ArgumentParser) -> None:
    output = "file to write; repeatable"
    parser.add_argument("-o", "--output", action="append", required=True, metavar="OUT", help=output)
    parser.add_argument("--evidence", metavar="FILE", help=".parquet or .jsonl (default: beside the first table)")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT")
    add_encoding(parser)
    default, positive = CountSettings(), bounded(int, 1)
    add = parser.add_argument_group("what is counted").add_argument
    add("--unit", choices=UNITS, default=default.unit, help="in which two entities co-occur")
    add("--window", type=positive, default=default.size, metavar="N", help="sentences of a window")
    add("--pairs", choices=PAIRS, default=default.pairs, help="of which entities")
    add("--agents", action="store_true", help="antibodies, primers and other agents count as their gene")
    add("--min-score", type=bounded(float, 0, 1), default=0.0, metavar="S", help="of a mention")
    support = "patent families that a gene and a pair must be in"
    add("--min-support", type=positive, default=default.min_support, metavar="N", help=support)
    crowd = "leave out units with more entities"
    add("--crowd", type=bounded(int, 2), default=default.crowd, metavar="N", help=crowd)
    add = parser.add_argument_group("what is written").add_argument
    add("--q", type=bounded(float, 0, 1), default=1.0, metavar="Q", help="relations of at most this q")
    add("--most", type=positive, default=5, metavar="N", help="sentences of a relation")
    add("--drawn", type=positive, default=4000, metavar="N", help="relations drawn")
    add("--title", help="of the page")
    add("--seed", type=bounded(int, 0), default=0, help="of layout and random networks")
    add = parser.add_argument_group("known interactions").add_argument
    add("--known", action="append", default=[], metavar="FILE", help="list of pairs; repeatable")
    add("--known-names", metavar="FILE", help="STRING's 9606.protein.info")
    add("--known-score", type=bounded(int, 0, 1000), default=700, metavar="N", help="of STRING")
    add_entity_flags(parser)


def run(args: Namespace) -> None:
    counting = CountSettings(
        args.unit, args.window, args.pairs, args.min_support, args.crowd, args.agents, args.min_score
    )
    evidence = args.evidence or name_evidence(args.output)
    files = [(path, SUFFIXES) for path in args.output] + ([(evidence, EVIDENCE_SUFFIXES)] if evidence else [])
    outputs = check_outputs(files, args.inputs, args.overwrite)
    check_csv(args.encoding, [path.suffix[1:] for path in outputs])
    resolver, choices = read_resolver(args), read_choices(args)
    names, score = args.known_names, args.known_score
    known = read_known_interactions(args.known, resolver.genes, names, score) if args.known else None
    settings = RelationSettings(
        inputs=args.inputs, source=args.source, outputs=outputs[: len(args.output)], encoding=args.encoding,
        counting=counting, evidence=outputs[-1] if evidence else None,
        bibliography=read_bibliography(args.patents) if args.patents else None, level=args.q, most=args.most,
        drawn=args.drawn, title=args.title, known=known, memory_mb=args.memory, threads=args.threads, seed=args.seed,
        sources={"predictions": args.inputs, "lexicons": args.lexicon or ["shipped"], "known": args.known},
    )  # fmt: skip
    with Progress("finding relations"):
        lines = write_relations(settings, resolver, choices)
    print_summary(lines, args, describe_notes(choices))


def name_evidence(outputs: list[str]) -> Path | None:
    """STEM.evidence.parquet beside a Parquet table, STEM.evidence.jsonl beside another; None without a table."""
    table = next((Path(path) for path in outputs if Path(path).suffix in TABLE_SUFFIXES), None)
    suffix = ".evidence.parquet" if table and table.suffix == ".parquet" else ".evidence.jsonl"
    return table.with_suffix(suffix) if table else None
