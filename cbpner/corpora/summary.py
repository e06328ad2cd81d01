"""What a corpus was made of, for statistics.json and statistics.md, and errors where nothing is left."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cbpner.base.errors import InputError
from cbpner.base.store import Store
from cbpner.base.tables import format_markdown
from cbpner.corpora.cleaning import sort_rules
from cbpner.corpora.selection import Step, count_unnumbered
from cbpner.corpora.sources import list_source_files

if TYPE_CHECKING:
    from cbpner.corpora.corpus import CorpusCounts, CorpusJob

FORMAT = "cbpner patents 1"
LINE_ENDS = "line ends"
PART_COUNTS = ("patents", "lines", "sentences", "characters")


def collect_statistics(
    store: Store, job: CorpusJob, steps: list[Step], counts: CorpusCounts, skipped: int
) -> dict[str, Any]:
    """Collect the content of statistics.json.

    In it, `cleaning` has for each rule how often it applied, the characters that it removed and their share of the text
    before; `line ends` is white space there and empty lines that no rule removed, and counts patents. `parts` has the
    patents, lines, sentences and characters of train.txt and test.txt, where a line break inside a patent is a
    character.
    """
    found = {"train": counts.train, "test": counts.test, "total": counts.train + counts.test}
    parts = {part: {name: found[part][name] for name in PART_COUNTS} for part in found}
    selection = {
        name: sorted(value) if isinstance(value, frozenset | tuple) else value
        for name, value in asdict(job.selection).items()
    }
    before = counts.kept["characters"]
    return {
        "format": FORMAT,
        "settings": {
            **selection,
            "sample": job.sample,
            "seed": job.seed,
            "held_out": job.held_out,
            "rules": sort_rules(job.rules),
            "fields": {name: value for name, value in asdict(job.fields).items() if value is not None},
        },
        "sources": sorted(map(_describe_source, job.sources), key=lambda source: (source["name"], source["sha256"])),
        "read": {
            "patents": steps[0].patents,
            "characters": steps[0].characters,
            "skipped": skipped,
            "without_publication_number": count_unnumbered(store),
        },
        "steps": describe_steps([*steps, *_list_late_steps(job, counts, parts["total"]["characters"])]),
        "cleaning": {
            rule: {
                "hits": counts.hits[rule],
                "characters": counts.removed[rule],
                "share": _share(counts.removed[rule], before),
            }
            for rule in (*sort_rules(job.rules), *([LINE_ENDS] if LINE_ENDS in counts.removed else []))
        },
        "parts": parts,
    }


def _list_late_steps(job: CorpusJob, counts: CorpusCounts, characters: int) -> list[Step]:
    """The steps after the selection: the sample, patents that cleaning leaves too short, what cleaning removes."""
    drawn, kept = counts.drawn, counts.kept
    short = f"fewer than {max(1, job.selection.min_length):,} characters"
    steps = [
        Step("short when clean", short, kept["patents"], kept["characters"]),
        Step("cleaning", f"{len(job.rules)} rules", kept["patents"], characters),
    ]
    if job.sample is None:
        return steps
    sample = f"{job.sample:,} clean ones, seed {job.seed}"
    return [Step("sample", sample, drawn["patents"], drawn["characters"]), *steps]


def describe_steps(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """The steps for JSON: what was there before and after each, and the shares that it removed."""
    return [
        {
            "step": step.step,
            "setting": step.setting,
            "patents_before": before.patents,
            "patents_after": step.patents,
            "patents_removed": _share(before.patents - step.patents, before.patents),
            "characters_before": before.characters,
            "characters_after": step.characters,
            "characters_removed": _share(before.characters - step.characters, before.characters),
        }
        for before, step in pairwise([steps[0], *steps])
    ]


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0


def _describe_source(source: str | Path) -> dict[str, Any]:
    """{name, files, bytes, sha256} of a file or folder; the checksum is of the names and sizes of its files only."""
    source = Path(source)
    sizes = {path.relative_to(source.parent).as_posix(): path.stat().st_size for path in list_source_files(source)[0]}
    listing = "".join(f"{name}\t{size}\n" for name, size in sizes.items())
    return {
        "name": source.resolve().name,
        "files": len(sizes),
        "bytes": sum(sizes.values()),
        "sha256": hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest(),
    }


def check_steps(steps: list[dict[str, Any]]) -> None:
    """Raise InputError that names the step that removed the last patent, where none is left."""
    last = next((step for step in steps if not step["patents_after"]), None)
    if last:
        raise InputError(
            f"no patent is left of {steps[0]['patents_after']:,}: the step `{last['step']}` ({last['setting']}) "
            f"removed the last {last['patents_before']:,}; nothing was written\n{_format_steps(steps)}"
        )


def check_parts(statistics: dict[str, Any]) -> None:
    """Raise InputError where nothing is left to train on."""
    check_steps(statistics["steps"])
    parts = statistics["parts"]
    if not parts["train"]["patents"]:
        raise InputError(
            f"found {parts['total']['patents']:,} patents, and --held-out {statistics['settings']['held_out']}; "
            "expected to hold out fewer than there are; nothing was written"
        )


def format_statistics(statistics: dict[str, Any]) -> str:
    """Write statistics.md: what was read, the steps, the cleaning rules, the parts."""
    read, parts = statistics["read"], statistics["parts"]
    sources = [[each["name"], f"{each['files']:,}", f"{each['bytes']:,}"] for each in statistics["sources"]]
    rules = [
        [rule, f"{found['hits']:,}", f"{found['characters']:,}", f"{found['share']:.2%}"]
        for rule, found in statistics["cleaning"].items()
    ]
    left = [[part, *(f"{count:,}" for count in counts.values())] for part, counts in parts.items()]
    sections = [
        "# Corpus",
        format_markdown(["source", "files", "bytes"], sources),
        f"{read['patents']:,} patents read, {read['without_publication_number']:,} of them without a publication "
        f"number; {read['skipped']:,} inputs skipped. Seed {statistics['settings']['seed']}.",
        "## Steps",
        _format_steps(statistics["steps"]),
        "## Cleaning",
        format_markdown(["rule", "hits", "characters removed", "share"], rules) if rules else "No rule.",
        "## What is left",
        format_markdown(["part", *PART_COUNTS], left),
    ]
    return "\n\n".join(sections) + "\n"


def _format_steps(steps: list[dict[str, Any]]) -> str:
    rows = [
        [
            step["step"],
            step["setting"],
            f"{step['patents_after']:,}",
            f"{step['patents_removed']:.1%}",
            f"{step['characters_after']:,}",
            f"{step['characters_removed']:.1%}",
        ]
        for step in steps
    ]
    return format_markdown(["step", "setting", "patents left", "removed", "characters left", "removed"], rows, 2)
