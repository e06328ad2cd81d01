"""Flags that several commands share."""

from cbpner.bio import ORPHAN_RULES
from cbpner.labels import LabelSet


def add_tag_flags(parser, orphans, labels="any is accepted"):
    """`--labels` and `--orphans`; `orphans` is the default rule, `labels` says what holds without a label file."""
    parser.add_argument("--labels", metavar="FILE", help=f"entity types or tags, one a line; without it {labels}")
    parser.add_argument(
        "--orphans",
        choices=ORPHAN_RULES,
        default=orphans,
        help="an `I-` without its `B-`: a fault, kept and counted, or repaired (default: %(default)s)",
    )


def read_labels(args):
    """The label set of `--labels`, or None."""
    return LabelSet.from_file(args.labels) if args.labels else None
