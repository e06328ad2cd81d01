"""Validate column files (`char TAG` lines): every fault with its file and line, or a summary of what they hold.

Exit code 2 where a file has a fault. `--orphans repair -o OUT` writes FILE with each orphan `I-` made a `B-`.
FILE may also be a file, or a folder of files, in any format that `cbpner convert` reads.
"""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from cbpner.base.errors import Fault, FaultyFile, InputError
from cbpner.commands.options import (
    add_reading_flags,
    add_tag_flags,
    describe_documents,
    describe_notes,
    read_choices,
    read_label_file,
)
from cbpner.formats.document import Document, Tally
from cbpner.formats.registry import FORMATS, guess_format, guess_name, read_documents
from cbpner.text.bio import count_orphans, read_bio, repair_sentences, summarize_sentences, write_bio
from cbpner.text.labels import LabelSet


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="column file, or annotations in another format")
    parser.add_argument("--format", choices=FORMATS, metavar="FORMAT", help="of FILE (default: as found)")
    add_tag_flags(parser, "error")
    parser.add_argument("-o", "--output", metavar="OUT", help="where to write the repaired file")
    add_reading_flags(parser)


def run(args: Namespace) -> int:
    if args.output and (args.orphans != "repair" or len(args.files) != 1):
        raise InputError("found -o with other options; expected one FILE and --orphans repair with it")
    labels = read_label_file(args)
    formats = {path: choose_format(path, args.format) for path in args.files}
    if args.output and formats[args.files[0]] != "bio":
        raise InputError(f"found -o with a file of {formats[args.files[0]]}; expected a BIO file with it")
    bad = sum(not check_any(path, formats[path], labels, args) for path in args.files)
    if bad:
        print(f"error: {bad} of {len(args.files)} file(s) have faults", file=sys.stderr)
    return 2 if bad else 0


def check_file(path: str, labels: LabelSet | None, args: Namespace) -> bool:
    """Print what is wrong with one file, or what it holds; whether it is good."""
    try:
        sentences = read_bio(path, labels, "error" if args.orphans == "error" else "keep")
    except FaultyFile as error:
        print("\n".join(map(str, error.faults)))
        return False
    orphans = count_orphans(sentences)
    if args.output:
        write_bio(args.output, repair_sentences(sentences))
    print(describe_file(path, summarize_sentences(sentences), orphans, args))
    return True


def choose_format(path: str, name: str | None) -> str:
    """The name of a file's format: that asked for, or its own; BIO for a file of which nothing else is known."""
    if name:
        return name
    if Path(path).is_dir() or (Path(path).is_file() and Path(path).suffix.lower() in (".json", ".jsonl", ".ann")):
        return guess_format(path).name
    return (Path(path).is_file() and guess_name(Path(path))) or "bio"


def check_any(path: str, name: str, labels: LabelSet | None, args: Namespace) -> bool:
    """`check_file`, or the same for a folder, or a file in another format."""
    if name == "bio" and not Path(path).is_dir():
        return check_file(path, labels, args)
    choices, tally, faults = read_choices(args, orphans="error" if args.orphans == "error" else "repair"), Tally(), []
    try:
        for document in tally.watch(read_documents([path], name, choices)):
            faults += find_foreign(path, document, labels)
    except FaultyFile as error:
        faults += error.faults
    for line in [*map(str, faults), *describe_notes(choices)]:
        print(line)
    if not faults:
        print(f"{path}: {name}, {describe_documents(tally.summarize())}")
    return not faults


def find_foreign(path: str, document: Document, labels: LabelSet | None) -> list[Fault]:
    """A fault for each of a document's spans whose label is not one of the label set."""
    expected = f"one of {', '.join(labels.types)}" if labels else ""
    return [
        Fault(path, 0, f"the label {span.label!r} at {span.start} of {document.id!r}", expected)
        for span in document.spans
        if labels and span.label not in labels.types
    ]


def describe_file(path: str, summary: dict[str, Any], orphans: int, args: Namespace) -> str:
    types = ", ".join(f"{label} {count}" for label, count in sorted(summary["types"].items()))
    fate = f" (repaired in {args.output})" if orphans and args.output else ""
    return (
        f"{path}: {summary['sentences']} sentences, {summary['characters']} characters, "
        f"{summary['mentions']} mentions{f' ({types})' if types else ''}, {orphans} orphan I-{fate}"
    )
