"""Flags that several commands share, and how flags are read and described."""

import os
import sys
from argparse import Action, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

from cbpner.base.errors import InputError
from cbpner.base.excel import ENCODINGS
from cbpner.base.settings import LARGEST
from cbpner.formats.document import Choices
from cbpner.reports.systems import UNITS, Resampling
from cbpner.text.bio import ORPHAN_RULES

CHOICES = {each.name: each for each in fields(Choices) if each.name != "notes"}
WITHOUT_EFFECT = {  # flags of the original's parsers, of two or more each, that can change nothing here: why
    "adam_epsilon": "it is 1e-8",
    "eval_all_checkpoints": "the finished model alone is scored",
    "fp16_opt_level": "half precision is bf16, which has no levels",
    "local_rank": "torchrun says which process this is",
    "overwrite_cache": "text is tokenized in every run",
    "per_gpu_eval_batch_size per_gpu_test_batch_size test_batch_size": "evaluation fills its batches by tokens",
    "server_ip server_port": "no debugger is attached",
}


def bounded(kind: type, least: float, most: float = LARGEST) -> Callable[[str], Any]:
    """An argparse type: a number of this kind within bounds; NaN and infinity are not."""

    def parse(text: str) -> Any:
        value = kind(text)
        if not least <= value <= most:
            raise ArgumentTypeError(f"found {text:.40}; expected {least} to {most}")
        return value

    parse.__name__ = kind.__name__  # as argparse names it in its message
    return parse


def split_names(text: str) -> list[str]:
    """An argparse type: names with commas between."""
    return [name.strip() for name in text.split(",") if name.strip()]


class WithoutEffect(Action):
    """A flag, with a value or without one, that changes nothing: its help says why, and a line on stderr does."""

    def __call__(self, parser: Any, namespace: Namespace, values: Any, option_string: str | None = None) -> None:
        print(f"note: {option_string} has no effect: {self.help}", file=sys.stderr)


def add_flags_without_effect(parser: ArgumentParser, *names: str, **reasons: str) -> None:
    """Accept flags of the original: `names`, for the reasons in `WITHOUT_EFFECT`, and a script's own with reasons."""
    known = {name: reason for several, reason in WITHOUT_EFFECT.items() for name in several.split()}
    for name, reason in ({name: known[name] for name in names} | reasons).items():
        parser.add_argument(f"--{name}", action=WithoutEffect, nargs="?", help=reason)


def add_example_flags(parser: ArgumentParser) -> None:
    """Flags of transformers' example scripts about model and machine, which the original has; `use_example_flags`."""
    parser.add_argument("--model_type", type=str.lower, choices=["bert"], help="only bert")
    for name in ("config_name", "tokenizer_name"):
        parser.add_argument(f"--{name}", metavar="NAME", help="only the model's own")
    parser.add_argument("--cache_dir", metavar="DIR", help="folder for models from the hub, and for temporary files")
    for name, dest, const in (("do_lower_case", "casing", "lower"), ("fp16", "precision", "bf16")):
        parser.add_argument(f"--{name}", action="store_const", dest=dest, const=const, help=f"as --{dest} {const}")
    parser.add_argument("--no_cuda", action="store_true", help="use the CPU even if there is a GPU")


def use_example_flags(args: Namespace) -> None:
    """Do what those flags say; call it before torch and the hub's library are imported."""
    for name in ("config_name", "tokenizer_name"):
        if getattr(args, name) not in (None, "", args.encoder):
            raise InputError(f"found --{name} {getattr(args, name)}; expected the model's own: leave the flag out")
    variables = {"CUDA_VISIBLE_DEVICES": "" if args.no_cuda else None, "HF_HUB_CACHE": args.cache_dir or None}
    os.environ.update({name: value for name, value in variables.items() if value is not None})


def add_tag_flags(parser: Any, orphans: str, labels: str = "any is accepted") -> None:
    """`--labels` and `--orphans`; `orphans` is the default rule, `labels` says what holds without a label file."""
    parser.add_argument("--labels", metavar="FILE", help=f"entity types or tags, one a line; without it {labels}")
    text = "an `I-` without its `B-`: a fault, kept and counted, or repaired (default: %(default)s)"
    parser.add_argument("--orphans", choices=ORPHAN_RULES, default=orphans, help=text)


def add_encoding(parser: ArgumentParser) -> None:
    text = "of CSV and TSV; utf-8-sig: for Excel, with an apostrophe before text that it would compute"
    parser.add_argument("--encoding", choices=ENCODINGS, default=ENCODINGS[0], help=text)


def check_csv(encoding: str, kinds: Iterable[str]) -> None:
    """InputError where UTF-8 with a mark is asked for and no output is of the kinds csv and tsv."""
    if encoding != ENCODINGS[0] and not {"csv", "tsv"}.intersection(kinds):
        raise InputError(f"found --encoding {encoding} and no CSV or TSV to write; expected such an OUT, or no flag")


def add_data_dir(parser: ArgumentParser) -> None:
    parser.add_argument("--data-dir", metavar="DIR", help="where the data files of the runs are now, at any depth")


def add_run_flags(parser: ArgumentParser, part: str | None = "test") -> None:
    """`--part` and `--data-dir`: which scores of runs, and where their gold is."""
    parser.add_argument("--part", choices=("test", "dev"), default=part, help="which scores of runs (default: test)")
    add_data_dir(parser)


def add_resampling_flags(parser: ArgumentParser) -> None:
    """How intervals and p-values are made."""
    default, samples = Resampling(), "bootstrap samples, and swaps behind a p-value"
    parser.add_argument("--resamples", type=bounded(int, 1, 10**6), default=default.resamples, help=samples)
    parser.add_argument("--seed", type=bounded(int, 0), default=default.seed, help="of the samples")
    parser.add_argument("--by", choices=UNITS, default=default.unit, help="what is drawn")


def read_resampling(args: Namespace) -> Resampling:
    return Resampling(args.resamples, args.seed, args.by)


def add_text_flags(parser: ArgumentParser) -> None:
    """How much of the gold's text the output has."""
    parser.add_argument("--no-text", action="store_true", help="no surface and no sentence of the gold in the output")
    parser.add_argument("--top", type=bounded(int, 0), default=15, metavar="N", help="wrong surfaces shown of a system")


def add_machine_flags(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("machine", "these change nothing in the result")
    group.add_argument("--memory", type=bounded(int, 64), default=1024, metavar="MB", help="for DuckDB")
    group.add_argument("--threads", type=bounded(int, 1, 1024), metavar="N", help="for DuckDB (default: all)")


def add_rules(group: Any, *names: str) -> None:
    """A flag for each of these rules of `Choices`."""
    for name in names:
        default, more = CHOICES[name].default, CHOICES[name].metadata
        group.add_argument(f"--{name}", choices=more["choices"], default=default, help=more["help"])


def add_output_rules(parser: ArgumentParser, *rules: str) -> None:
    group = parser.add_argument_group("what OUT cannot hold")
    add_rules(group, *rules)
    group.add_argument("--join", action="store_true", help=CHOICES["join"].metadata["help"])


def add_reading_flags(parser: ArgumentParser, *rules: str) -> None:
    """The flags that say how annotated files are read, and those for `rules`."""
    group = parser.add_argument_group("how files are read")
    add_rules(group, *rules, "fragments", "offsets", "recommended")
    group.add_argument("--text-field", metavar="NAME", help=CHOICES["text_field"].metadata["help"])
    group.add_argument("--split-at", metavar="TEXT", help=CHOICES["split_at"].metadata["help"])


def read_choices(args: Namespace, **others: Any) -> Choices:
    """The choices of those of the flags above that a command has, and others."""
    return Choices(**{name: getattr(args, name) for name in CHOICES if hasattr(args, name)} | others)


def describe_notes(choices: Choices) -> list[str]:
    """A line for each thing that was counted in reading and writing."""
    return [f"note: {count:,} {statement}" for statement, count in choices.notes.items()]


def describe_documents(summary: Mapping[str, Any]) -> str:
    """What a `Tally` counted, in words."""
    types = ", ".join(f"{label} {count:,}" for label, count in sorted(summary["types"].items()))
    more = [(summary["overlapping"], "overlapping"), (summary["crossing"], "across line breaks")]
    counts = ", ".join(f"{summary[name]:,} {name}" for name in ("documents", "lines", "characters", "mentions"))
    return ", ".join(
        [counts + (f" ({types})" if types else ""), *(f"{count:,} {what}" for count, what in more if count)]
    )
