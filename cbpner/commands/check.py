"""Validate column files (`char TAG` lines): every fault with its file and line, or a summary of what they hold.

Exit code 2 where a file has a fault. `--orphans repair -o OUT` writes FILE with each orphan `I-` made a `B-`.
"""

import sys

from cbpner.bio import BioError, count_orphans, read_bio, repair_sentences, summarize_sentences, write_bio
from cbpner.commands.options import add_tag_flags, read_labels
from cbpner.errors import InputError


def add_arguments(parser):
    parser.add_argument("files", nargs="+", metavar="FILE", help="column file")
    add_tag_flags(parser, "error")
    parser.add_argument("-o", "--output", metavar="OUT", help="where to write the repaired file")


def run(args):
    if args.output and (args.orphans != "repair" or len(args.files) != 1):
        raise InputError("found -o with other options; expected one FILE and --orphans repair with it")
    labels = read_labels(args)
    bad = sum(not check_file(path, labels, args) for path in args.files)
    if bad:
        print(f"error: {bad} of {len(args.files)} file(s) have faults", file=sys.stderr)
    return 2 if bad else 0


def check_file(path, labels, args):
    """Print what is wrong with one file, or what it holds; whether it is good."""
    try:
        sentences = read_bio(path, labels, "error" if args.orphans == "error" else "keep")
    except BioError as error:
        print("\n".join(map(str, error.faults)))
        return False
    orphans = count_orphans(sentences)
    if args.output:
        write_bio(args.output, repair_sentences(sentences))
    print(describe_file(path, summarize_sentences(sentences), orphans, args))
    return True


def describe_file(path, summary, orphans, args):
    types = ", ".join(f"{label} {count}" for label, count in sorted(summary["types"].items()))
    fate = f" (repaired in {args.output})" if orphans and args.output else ""
    return (
        f"{path}: {summary['sentences']} sentences, {summary['characters']} characters, "
        f"{summary['mentions']} mentions{f' ({types})' if types else ''}, {orphans} orphan I-{fate}"
    )
