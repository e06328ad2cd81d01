"""Make a corpus for masked-LM fine-tuning out of patents: read, select, clean, hold some out.

  cbpner patents pages/ export.jsonl -o data/corpora/mine --query "人类 AND 基因" --country CN
  cbpner patents export.parquet -o data/corpora/mine --from 2009-01-01 --to 2019-01-01 --sample 10000

SOURCES are saved Google Patents pages, text files with names like 2016-05-25-CN105611940A-plain.txt, JSON lines, CSV
and Parquet, or folders of these. OUT gets train.txt and test.txt (a paragraph a line, a blank line between patents),
documents.jsonl, statistics.json and statistics.md, and skipped.jsonl where an input could not be read. The same
patents, settings and seed give the same bytes. The gold data's 21 patents are excluded, with their families and
duplicates.
"""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from itertools import islice
from pathlib import Path
from typing import Any

from cbpner.base.errors import InputError
from cbpner.base.files import read_text
from cbpner.commands.options import add_machine_flags, bounded, split_names
from cbpner.corpora.cleaning import DEFAULT_RULES, RULES, sort_rules
from cbpner.corpora.corpus import SKIPPED, CorpusJob, build_corpus, format_statistics
from cbpner.corpora.document import find_numbers, list_applications, load_gold_numbers, parse_date
from cbpner.corpora.records import USUAL_NAMES
from cbpner.corpora.selection import PatentSelection
from cbpner.formats.rows import read_valid_rows

OFF = {name: "; off" for name in RULES if name not in DEFAULT_RULES}
RULE_LINES = "\n".join(f"  {name:17} {rule.does}{OFF.get(name, '')}" for name, rule in RULES.items())


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("sources", nargs="+", metavar="SOURCES", help="files or folders to read")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="OUT", help="folder to write")
    parser.add_argument("--overwrite", action="store_true", help="replace the corpus in OUT")
    add_selection_flags(parser)
    group = parser.add_argument_group("how many")
    group.add_argument("--sample", type=bounded(int, 1), metavar="N", help="patents to draw (default: all)")
    group.add_argument("--seed", type=bounded(int, 0), default=0, help="of the draw")
    held_out = "patents of test.txt, a share such as 0.05 or a number such as 100"
    group.add_argument("--held-out", type=share_or_number, default="0.05", metavar="SHARE_OR_N", help=held_out)
    group = parser.add_argument_group("cleaning", f"rules in their order, all on but those marked off:\n{RULE_LINES}")
    rules = group.add_mutually_exclusive_group()
    rules.add_argument("--rules", type=split_names, metavar="A,B", help="only these rules; an empty name for none")
    rules.add_argument("--without", type=split_names, default=[], metavar="A,B", help="the default rules but these")
    group.add_argument("--traditional", action="store_true", help="convert traditional characters to simplified")
    names = parser.add_argument_group("names of the fields in JSON, CSV and Parquet", "by default the usual ones")
    for role in USUAL_NAMES:
        names.add_argument(f"--{role}-field", metavar="NAME", help=f"the field with the {role}")
    add_machine_flags(parser)


def add_selection_flags(parser: ArgumentParser) -> None:
    group, count = parser.add_argument_group("which patents"), bounded(int, 0)
    group.add_argument("--query", default="", metavar="Q", help='words in the text: AND, OR, NOT, (), "phrases"')
    group.add_argument("--country", type=parse_countries, default=(), metavar="CN,WO", help="codes of their numbers")
    group.add_argument("--from", dest="first", type=parse_day, metavar="DATE", help="first day of publication")
    group.add_argument("--to", dest="last", type=parse_day, metavar="DATE", help="last day of publication, inclusive")
    group.add_argument("--min-length", type=count, default=200, metavar="N", help="characters")
    group.add_argument("--max-length", type=count, metavar="N", help="characters (default: no limit)")
    han = "share of Han characters among words, where a Han character is a word"
    group.add_argument("--min-han", type=bounded(float, 0, 1), default=0.5, metavar="SHARE", help=han)
    group.add_argument("--exclude", action="append", default=[], metavar="FILE", help="exclude the numbers in it")
    group.add_argument("--keep-gold", action="store_true", help="do not exclude the gold data's 21 patents")
    group.add_argument("--all-members", action="store_true", help="keep all patents of a family, not only one")
    near = "similarity, 0.5 to 1, from which on one of two texts is dropped"
    group.add_argument("--near-duplicates", type=bounded(float, 0.5, 1), default=0.8, metavar="T", help=near)
    text = "keep near duplicates"
    group.add_argument("--no-near-duplicates", dest="near_duplicates", action="store_const", const=None, help=text)
    group.add_argument("--all-duplicates", action="store_true", help="keep near and exact duplicates")


def run(args: Namespace) -> None:
    statistics = build_corpus(make_corpus_job(args))
    print(format_statistics(statistics), end="")
    if count := statistics["read"]["skipped"]:
        first = [row.values for row in islice(read_valid_rows(args.output / SKIPPED), 5)]
        lines = "".join(f"\n  {row['source']}: {row['reason']}" for row in first)
        print(f"\n{count:,} inputs skipped, see {args.output / SKIPPED}:{lines}")
    for line in list_warnings(args, statistics):
        print(line, file=sys.stderr)


def make_corpus_job(args: Namespace) -> CorpusJob:
    excluded = []
    for path in args.exclude:
        numbers = find_numbers(read_text(path))
        if not numbers:
            raise InputError(f"{path}: found no publication number; expected some such as CN105611940A")
        excluded += numbers
    without = sort_rules(args.without)
    rules = [rule for rule in DEFAULT_RULES if rule not in without] if args.rules is None else args.rules
    selection = PatentSelection(
        countries=args.country, first_date=args.first, last_date=args.last, query=args.query,
        min_length=args.min_length, max_length=args.max_length, min_han=args.min_han,
        gold=list_applications([] if args.keep_gold else load_gold_numbers()), excluded=list_applications(excluded),
        one_per_family=not args.all_members, exact_duplicates=not args.all_duplicates,
        near_duplicates=None if args.all_duplicates else args.near_duplicates,
    )  # fmt: skip
    return CorpusJob(
        sources=tuple(dict.fromkeys(args.sources)), output=args.output, selection=selection,
        fields={role: name for role in USUAL_NAMES if (name := getattr(args, f"{role}_field"))},
        sample=args.sample, seed=args.seed, held_out=args.held_out, rules=(*rules, *["traditional"] * args.traditional),
        memory_mb=args.memory, threads=args.threads, overwrite=args.overwrite,
    )  # fmt: skip


def parse_day(text: str) -> int:
    day = parse_date(text)
    if day is None:
        raise ArgumentTypeError(f"found {text}; expected a day such as 2009-01-01")
    return day


def parse_countries(text: str) -> tuple[str, ...]:
    codes = tuple(code.upper() for code in split_names(text))
    if not all(len(code) == 2 and code.isascii() and code.isalpha() for code in codes):
        raise ArgumentTypeError(f"found {text}; expected codes such as CN, or CN,WO")
    return codes


def share_or_number(text: str) -> int | float:
    """A number of patents (int), or a share of them (float)."""
    value = bounded(int, 0)(text) if text.isdecimal() else float(text)
    if isinstance(value, float) and not 0 < value < 1:
        raise ArgumentTypeError(f"found {text}; expected a number such as 100, or a share such as 0.05")
    return value


def list_warnings(args: Namespace, statistics: dict[str, Any]) -> list[str]:
    """What the statistics alone do not say."""
    settings, read, total = statistics["settings"], statistics["read"], statistics["parts"]["total"]["patents"]
    lines, unnumbered = [], f"{read['without_publication_number']:,} of {read['patents']:,} patents"
    if args.keep_gold:
        lines.append("--keep-gold: the language model may see the text of the gold data's test patents")
    if read["without_publication_number"] and (settings["gold"] or settings["excluded"]):
        lines.append(f"{unnumbered} have no publication number: whether they are to be excluded is unknown")
    if args.sample and total < args.sample:
        lines.append(f"--sample {args.sample:,}: there are only {total:,} patents")
    return lines
