"""Make a corpus for masked-LM fine-tuning out of patents: read, select, clean, hold some out.

  cbpner patents pages/ export.jsonl -o data/corpora/mine --query "人类 AND 基因" --country CN
  cbpner patents export.parquet -o data/corpora/mine --from 2009-01-01 --to 2019-01-01 --sample 10000

SOURCES are saved Google Patents pages, text files named such as 2016-05-25-CN105611940A-plain.txt, JSON lines and
Parquet, or folders of these. OUT gets train.txt and test.txt (a paragraph a line, a blank line between patents),
documents.jsonl, statistics.json and statistics.md, and skipped.jsonl where an input could not be read. The same
patents, settings and seed give the same bytes. The gold data's 21 patents, with their families and their duplicates,
are kept out.
"""

import sys
from dataclasses import fields
from pathlib import Path

from cbpner.base.errors import InputError
from cbpner.corpora.cleaning import DEFAULT, RULES, check_rules, clean
from cbpner.corpora.corpus import SKIPPED, Job, build_corpus
from cbpner.corpora.document import find_numbers, load_gold_numbers, parse_date, parse_number
from cbpner.corpora.query import parse_query
from cbpner.corpora.selection import Selection
from cbpner.corpora.sources import Fields
from cbpner.corpora.summary import render_statistics

LEAST_MEMORY_MB = 128
SIMILARITIES = (0.5, 1.0)


def add_arguments(parser):
    parser.add_argument("sources", nargs="+", metavar="SOURCES", help="files or folders to read")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="folder to write")
    parser.add_argument("--overwrite", action="store_true", help="replace the corpus that OUT holds")
    add_selection_flags(parser.add_argument_group("which patents"))
    add_draw_flags(parser.add_argument_group("how many"))
    cleaning = parser.add_argument_group("cleaning", describe_rules())
    rules = cleaning.add_mutually_exclusive_group()
    rules.add_argument("--rules", metavar="A,B", help="these rules alone; an empty name is none")
    rules.add_argument("--without", metavar="A,B", help="the usual rules but for these")
    cleaning.add_argument("--traditional", action="store_true", help="traditional characters to simplified ones too")
    names = parser.add_argument_group("names of the fields in JSONL and Parquet", "without them the usual ones")
    for field in fields(Fields):
        names.add_argument(f"--{field.name}-field", metavar="NAME", help=f"the field with the {field.name}")
    machine = parser.add_argument_group("machine", "these change no byte of the corpus")
    machine.add_argument("--memory", type=int, default=1024, metavar="MB", help="for DuckDB (default: %(default)s)")
    machine.add_argument("--threads", type=int, metavar="N", help="for DuckDB (default: all)")


def add_selection_flags(group):
    group.add_argument("--query", default="", metavar="Q", help='words in the text: AND, OR, NOT, (), "phrases"')
    group.add_argument("--country", metavar="CN", help="codes of the publication numbers, with commas between")
    group.add_argument("--from", dest="first", metavar="DATE", help="first day of publication, such as 2009-01-01")
    group.add_argument("--to", dest="last", metavar="DATE", help="last day of publication, that day too")
    group.add_argument("--min-length", type=int, default=200, metavar="N", help="characters (default: %(default)s)")
    group.add_argument("--max-length", type=int, metavar="N", help="characters (default: no limit)")
    group.add_argument(
        "--min-han",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="share of Han characters among words, where a Han character is one (default: %(default)s)",
    )
    group.add_argument(
        "--exclude", action="append", default=[], metavar="FILE", help="keep out the numbers in this text; repeatable"
    )
    group.add_argument("--keep-gold", action="store_true", help="do not keep out the gold data's 21 patents")
    group.add_argument(
        "--all-members", dest="one_per_family", action="store_false", help="not only one patent of a family"
    )
    group.add_argument(
        "--near-duplicates",
        type=float,
        default=0.8,
        metavar="T",
        help="similarity, 0.5 to 1, from which on one of two texts goes (default: %(default)s)",
    )
    group.add_argument("--no-near-duplicates", dest="near_duplicates", action="store_const", const=None)
    group.add_argument("--all-duplicates", action="store_true", help="leave near and exact duplicates in")


def add_draw_flags(group):
    group.add_argument("--sample", type=int, metavar="N", help="so many patents, drawn by the seed (default: all)")
    group.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    group.add_argument(
        "--held-out",
        default="0.05",
        metavar="SHARE_OR_N",
        help="patents of test.txt, a share such as 0.05 or a number such as 100 (default: %(default)s)",
    )


def describe_rules():
    """The cleaning rules for --help, one a line."""
    width = max(map(len, RULES))
    lines = (f"  {name:{width}}  {rule.does}{'' if rule.default else '; off'}" for name, rule in RULES.items())
    return "rules, in the order in which they apply; all but those that are off are on:\n" + "\n".join(lines)


def run(args):
    job = make_job(args)
    warn_before(args)
    corpus = build_corpus(job)
    print(render_statistics(corpus.statistics), end="")
    report_skipped(args.output, corpus)
    warn_after(corpus.statistics)
    stages = ", ".join(f"{stage} {seconds:,.1f} s" for stage, seconds in corpus.seconds.items())
    print(f"{args.output}: {stages}", file=sys.stderr)


def make_job(args):
    """The Job that the arguments describe; InputError where they make no sense, before anything is read."""
    for name, least in (("min_length", 0), ("max_length", 0), ("sample", 1), ("seed", 0), ("threads", 1)):
        value = getattr(args, name)
        check(value is None or value >= least, name, value, f"{least} or more")
    check(args.memory >= LEAST_MEMORY_MB, "memory", args.memory, f"{LEAST_MEMORY_MB} or more")
    check(0 <= args.min_han <= 1, "min_han", args.min_han, "a share between 0 and 1")
    least, most = SIMILARITIES
    similarity = args.near_duplicates
    check(similarity is None or least <= similarity <= most, "near_duplicates", similarity, f"{least} to {most}")
    held_out = read_held_out(args.held_out)
    check(not args.sample or held_out < args.sample, "held-out", held_out, f"fewer than --sample {args.sample}")
    return Job(
        sources=tuple(dict.fromkeys(args.sources)),
        output=Path(args.output),
        selection=read_selection(args),
        fields=Fields(**{field.name: getattr(args, f"{field.name}_field") for field in fields(Fields)}),
        sample=args.sample,
        seed=args.seed,
        held_out=held_out,
        rules=read_rules(args),
        memory_mb=args.memory,
        threads=args.threads,
        overwrite=args.overwrite,
    )


def check(holds, name, value, expected):
    if not holds:
        raise InputError(f"found --{name.replace('_', '-')} {value}; expected {expected}")


def read_selection(args):
    if args.query:
        parse_query(args.query)
    first, last = read_date("from", args.first), read_date("to", args.last)
    check(not (first and last) or first <= last, "from", f"{args.first} --to {args.last}", "the earlier day first")
    return Selection(
        countries=read_countries(args.country),
        first_date=first,
        last_date=last,
        query=args.query,
        min_length=args.min_length,
        max_length=args.max_length,
        min_han=args.min_han,
        gold=frozenset() if args.keep_gold else frozenset(map(find_application, load_gold_numbers())),
        excluded=frozenset(application for path in args.exclude for application in read_numbers(path)),
        one_per_family=args.one_per_family,
        exact_duplicates=not args.all_duplicates,
        near_duplicates=None if args.all_duplicates else args.near_duplicates,
    )


def read_date(name, text):
    date = parse_date(text)
    check(text is None or date is not None, name, text, "a day such as 2009-01-01")
    return date


def read_countries(text):
    codes = tuple(code.upper() for code in split_names(text))
    for code in codes:
        check(len(code) == 2 and code.isascii() and code.isalpha(), "country", text, "codes such as CN, or CN,WO")
    return codes


def find_application(number):
    """`CN105611940` of `CN105611940A`: what is published under several kind codes."""
    country, serial, _ = parse_number(number)
    return country + serial


def read_numbers(path):
    """Country and serial of the publication numbers in a text file; InputError where there is none."""
    try:
        numbers = find_numbers(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot read the numbers: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: found bytes that are not UTF-8 (at byte {error.start}), expected UTF-8") from error
    if not numbers:
        raise InputError(f"{path}: found no publication number; expected some such as CN105611940A")
    return map(find_application, numbers)


def read_held_out(text):
    """A number of patents (int), or a share of them (float)."""
    try:
        value = int(text) if text.isdecimal() else float(text)
    except ValueError:
        value = None
    fits = value is not None and (isinstance(value, int) or 0 < value < 1)
    check(fits, "held-out", text, "a number of patents such as 100, or a share between 0 and 1 such as 0.05")
    return value


def read_rules(args):
    """Names of the cleaning rules that are switched on, in the order in which they apply."""
    rules = set(DEFAULT) - set(check_rules(split_names(args.without)))
    if args.rules is not None:
        rules = set(check_rules(split_names(args.rules)))
    rules = check_rules(rules | ({"traditional"} if args.traditional else set()))
    clean("", rules)  # a rule whose library is missing says so before anything is read
    return tuple(rules)


def split_names(text):
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def warn_before(args):
    if args.keep_gold:
        print("--keep-gold: text of the gold data's test patents may get into the language model", file=sys.stderr)


def warn_after(statistics):
    """Say what the numbers alone do not."""
    settings, read, total = statistics["settings"], statistics["read"], statistics["parts"]["total"]["patents"]
    unnumbered = read["without_publication_number"]
    if unnumbered and (settings["gold_patents"] or settings["excluded_numbers"]):
        print(
            f"{unnumbered:,} of {read['patents']:,} patents have no publication number: whether they are among those "
            "to be kept out cannot be told",
            file=sys.stderr,
        )
    if settings["sample"] and total < settings["sample"]:
        print(f"--sample {settings['sample']:,}: there are no more than {total:,} patents", file=sys.stderr)


def report_skipped(output, corpus):
    count = corpus.statistics["read"]["skipped"]
    if count:
        first = "".join(f"\n  {bad['source']}: {bad['reason']}" for bad in corpus.skipped)
        print(f"\n{count:,} inputs skipped, see {Path(output) / SKIPPED}:{first}")
