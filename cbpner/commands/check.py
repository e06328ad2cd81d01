"""Validate column files (`char TAG` lines): every fault with its file and line, or a summary of what they hold.

Exit code 2 where a file has a fault. `--orphans repair -o OUT` writes FILE with each orphan `I-` made a `B-`.
FILE may also be a file, or a folder of files, in any format that `cbpner convert` reads.
"""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from cbpner.base.errors import Fault, FaultyFile, InputError
from cbpner.base.files import check_free
from cbpner.commands import options
from cbpner.formats.document import Tally
from cbpner.formats.registry import FORMATS, guess_format, guess_name, list_suffixes, read_documents
from cbpner.text.bio import count_orphans, read_bio, repair_sentences, summarize_sentences, write_bio
from cbpner.text.labels import LabelSet


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="column file, or annotations in another format")
    parser.add_argument(
        "--format", "--from", dest="format", choices=FORMATS, metavar="FORMAT", help="of FILE (default: as found)"
    )
    options.add_tag_flags(parser, "error")
    parser.add_argument("-o", "--output", metavar="OUT", help="where to write the repaired file")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT")
    options.add_reading_flags(parser)


def run(args: Namespace) -> int:
    if args.output and args.orphans != "repair":
        raise InputError("found -o without --orphans repair; expected both")
    labels = LabelSet.from_file(args.labels) if args.labels else None
    formats = {}
    for path in args.files:
        name = choose_format(path, args.format)
        is_folder = name == "bio" and Path(path).is_dir()
        formats |= {str(each): name for each in (list_suffixes(".bio", path) if is_folder else [path])}
    if args.output and list(formats.items()) != [(args.files[0], "bio")]:
        raise InputError(f"found -o with {', '.join(args.files)}; expected one BIO file with it")
    if args.output:
        check_free(args.output, args.overwrite)
    bad = sum(not check_path(path, name, labels, args) for path, name in formats.items())
    if bad:
        print(f"error: {bad} of {len(formats)} file(s) have faults", file=sys.stderr)
    return 2 if bad else 0


def choose_format(path: str, name: str | None) -> str:
    """The name of a file's format: that asked for, or its own; BIO for a file of which nothing else is known."""
    if name:
        return name
    if Path(path).is_dir() or (Path(path).is_file() and Path(path).suffix.lower() in (".json", ".jsonl", ".ann")):
        return guess_format(path).name
    return (Path(path).is_file() and guess_name(Path(path))) or "bio"


def check_path(path: str, name: str, labels: LabelSet | None, args: Namespace) -> bool:
    """Print what is wrong with a file or folder, or what it holds; whether it is good."""
    choices = options.read_choices(args, orphans="error" if args.orphans == "error" else "repair")
    faults, summary, tally = [], "", Tally()
    try:
        if name == "bio":
            summary = describe_bio_file(path, labels, args)
        else:
            for document in tally.watch(read_documents([path], name, choices)):
                for span in document.spans:
                    if labels and span.label not in labels.types:
                        found = f"the label {span.label!r} at {span.start} of {document.id!r}"
                        faults.append(Fault(path, 0, found, f"one of {', '.join(labels.types)}"))
            summary = f"{name}, {options.describe_documents(tally.summarize())}"
    except FaultyFile as error:
        faults += error.faults
    print(*faults, *options.describe_notes(choices), *([] if faults else [f"{path}: {summary}"]), sep="\n")
    return not faults


def describe_bio_file(path: str, labels: LabelSet | None, args: Namespace) -> str:
    """What a column file holds; with -o it is written with its orphans repaired."""
    sentences = read_bio(path, labels, "error" if args.orphans == "error" else "keep")
    if args.output:
        write_bio(args.output, repair_sentences(sentences))
    summary, orphans = summarize_sentences(sentences), count_orphans(sentences)
    types = ", ".join(f"{label} {count}" for label, count in sorted(summary["types"].items()))
    counts = ", ".join(f"{summary[name]} {name}" for name in ("sentences", "characters", "mentions"))
    fate = f" (repaired in {args.output})" if orphans and args.output else ""
    return f"{counts}{f' ({types})' if types else ''}, {orphans} orphan I-{fate}"
