"""Flags that several commands share."""

from cbpner.bio import ORPHAN_RULES
from cbpner.errors import InputError
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


def add_resampling_flags(parser):
    """`--resamples`, `--seed` and `--by`: how intervals and p-values are made."""
    from cbpner.report.intervals import UNITS, Resampling

    default = Resampling()
    parser.add_argument(
        "--resamples",
        type=int,
        default=default.resamples,
        metavar="N",
        help="bootstrap samples, and random swaps behind a p-value (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=default.seed, help="the same seed draws the same samples (default: %(default)s)"
    )
    parser.add_argument("--by", choices=UNITS, default=default.unit, help="what is drawn (default: %(default)s)")


def read_resampling(args):
    """The `cbpner.report.intervals.Resampling` of the flags."""
    from cbpner.report.intervals import Resampling

    if args.resamples < 1 or args.seed < 0:
        raise InputError(f"found --resamples {args.resamples} --seed {args.seed}; expected at least 1 and at least 0")
    return Resampling(args.resamples, args.seed, args.by)
