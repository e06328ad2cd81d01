"""Flags that several commands share."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import Any

from cbpner.base.errors import InputError
from cbpner.formats.document import RULES, Choices
from cbpner.reports.systems import UNITS, Resampling
from cbpner.text.bio import ORPHAN_RULES
from cbpner.text.labels import LabelSet

RULE_HELP = {
    "overlap": "two overlapping spans, if OUT cannot hold both: an error, or which one is kept",
    "unfit": "a span that OUT cannot hold for another reason: an error, cut at its line breaks, or dropped",
    "fragments": "a discontinuous span (brat): an error, one span over all pieces, one per piece, or dropped",
    "orphans": "invalid tag sequences: an error, or read as conlleval does",
    "offsets": "what the offsets of brat, doccano and Label Studio count; auto: what the file's own evidence supports",
    "recommended": "unconfirmed recommendations of YEDDA",
}


def add_tag_flags(parser: ArgumentParser, orphans: str, labels: str = "any is accepted") -> None:
    """`--labels` and `--orphans`; `orphans` is the default rule, `labels` says what holds without a label file."""
    parser.add_argument("--labels", metavar="FILE", help=f"entity types or tags, one a line; without it {labels}")
    parser.add_argument(
        "--orphans",
        choices=ORPHAN_RULES,
        default=orphans,
        help="an `I-` without its `B-`: a fault, kept and counted, or repaired (default: %(default)s)",
    )


def read_label_file(args: Namespace) -> LabelSet | None:
    """The label set of `--labels`, or None."""
    return LabelSet.from_file(args.labels) if args.labels else None


def add_run_flags(parser: ArgumentParser, part: str | None = "test") -> None:
    """`--part` and `--data-dir`: which scores of runs, and where their gold is."""
    parser.add_argument("--part", choices=("test", "dev"), default=part, help="which scores of runs (default: test)")
    parser.add_argument("--data-dir", metavar="DIR", help="where the data files of the runs are now, at any depth")


def add_resampling_flags(parser: ArgumentParser) -> None:
    """`--resamples`, `--seed` and `--by`: how intervals and p-values are made."""
    default = Resampling()
    parser.add_argument(
        "--resamples", type=int, default=default.resamples, metavar="N",
        help="bootstrap samples, and random swaps behind a p-value (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=default.seed, help="of the samples (default: %(default)s)")
    parser.add_argument("--by", choices=UNITS, default=default.unit, help="what is drawn (default: %(default)s)")


def add_text_flags(parser: ArgumentParser) -> None:
    """`--no-text` and `--top`: how much of the gold's text the output has."""
    parser.add_argument("--no-text", action="store_true", help="no surface and no sentence of the gold in the output")
    parser.add_argument(
        "--top", type=int, default=15, metavar="N", help="wrong surfaces shown of each system (default: %(default)s)"
    )


def read_resampling(args: Namespace) -> Resampling:
    """The settings of `add_resampling_flags`; checks `--top` too."""
    if args.resamples < 1 or args.seed < 0:
        raise InputError(f"found --resamples {args.resamples} --seed {args.seed}; expected at least 1 and at least 0")
    if getattr(args, "top", 0) < 0:
        raise InputError(f"found --top {args.top}; expected at least 0")
    return Resampling(args.resamples, args.seed, args.by)


def add_rules(group: Any, *names: str) -> None:
    """A flag for each of these rules of `Choices`."""
    for name in names:
        rules = RULES[name]
        text = f"{RULE_HELP[name]} (default: {rules[0]})"
        group.add_argument(f"--{name}", choices=rules, default=rules[0], help=text)


def add_reading_flags(parser: ArgumentParser, *rules: str) -> None:
    """The flags that say how annotated files are read, and those for `rules`."""
    group = parser.add_argument_group("how files are read")
    add_rules(group, *rules, "fragments", "offsets", "recommended")
    group.add_argument("--text-field", metavar="NAME", help="the field with the text in JSON (default: text)")
    group.add_argument("--split-at", metavar="TEXT", help="column files: a line that starts so starts a document")


def read_choices(args: Namespace, **others: Any) -> Choices:
    """The choices of those of the flags above that a command has, and others."""
    names = [name for name in (*RULES, "text_field", "split_at", "join") if name not in others]
    return Choices(**{name: getattr(args, name) for name in names if hasattr(args, name)}, **others)


def describe_notes(choices: Choices) -> list[str]:
    """A line for each thing that was counted in reading and writing."""
    return [f"note: {count:,} {statement}" for statement, count in choices.notes.items()]


def describe_documents(summary: Mapping[str, Any]) -> str:
    """What a `Tally` counted, in words."""
    types = ", ".join(f"{label} {count:,}" for label, count in sorted(summary["types"].items()))
    more = [(summary["overlapping"], "overlapping"), (summary["crossing"], "across line breaks")]
    parts = [
        *(f"{summary[name]:,} {name}" for name in ("documents", "lines", "characters", "mentions")),
        *(f"{count:,} {what}" for count, what in more if count),
    ]
    parts[3] += f" ({types})" if types else ""
    return ", ".join(parts)
