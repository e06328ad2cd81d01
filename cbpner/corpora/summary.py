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
from cbpner.corpora.selection import Step
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

    A rule's `share` is of the text before cleaning; `line ends` is white space and empty lines that no rule removed.
    """
    drawn, kept, total = counts.drawn, counts.kept, counts.train + counts.test
    late = [
        Step("sample", f"{job.sample or 0:,} clean ones, seed {job.seed}", drawn["patents"], drawn["characters"]),
        Step("short when clean", f"fewer than {max(1, job.selection.min_length):,} characters",
             kept["patents"], kept["characters"]),
        Step("cleaning", f"{len(job.rules)} rules", kept["patents"], total["characters"]),
    ]  # fmt: skip
    rules = sort_rules(job.rules)
    settings = {name: sorted(value) if isinstance(value, frozenset | tuple) else value
                for name, value in asdict(job.selection).items()}  # fmt: skip
    return {
        "format": FORMAT,
        "settings": settings | {
            "sample": job.sample, "seed": job.seed, "held_out": job.held_out, "rules": rules,
            "fields": {name: value for name, value in asdict(job.fields).items() if value is not None},
        },
        "sources": sorted(map(_describe_source, job.sources), key=lambda source: (source["name"], source["sha256"])),
        "read": {
            "patents": steps[0].patents, "characters": steps[0].characters, "skipped": skipped,
            "without_publication_number": store.run("SELECT count(*) FROM documents WHERE country = ''")[0][0],
        },
        "steps": describe_steps([*steps, *(late if job.sample is not None else late[1:])]),
        "cleaning": {
            rule: {"hits": counts.hits[rule], "characters": counts.removed[rule],
                   "share": _share(counts.removed[rule], kept["characters"])}
            for rule in (*rules, *[LINE_ENDS] * (LINE_ENDS in counts.removed))
        },
        "parts": {
            part: {name: found[name] for name in PART_COUNTS}
            for part, found in (("train", counts.train), ("test", counts.test), ("total", total))
        },
    }  # fmt: skip


def describe_steps(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """The steps for JSON: what was there before and after each, and the shares that it removed."""
    described = []
    for before, step in pairwise([steps[0], *steps]):
        row: dict[str, Any] = {"step": step.step, "setting": step.setting}
        for name in ("patents", "characters"):
            old, new = getattr(before, name), getattr(step, name)
            row |= {f"{name}_before": old, f"{name}_after": new, f"{name}_removed": _share(old - new, old)}
        described.append(row)
    return described


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0


def _describe_source(source: str | Path) -> dict[str, Any]:
    """{name, files, bytes, sha256} of a file or folder; the checksum is of the names and sizes of its files only."""
    source = Path(source)
    sizes = {path.relative_to(source.parent).as_posix(): path.stat().st_size for path in list_source_files(source)[0]}
    listing = "".join(f"{name}\t{size}\n" for name, size in sizes.items())
    checksum = hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()
    return {"name": source.resolve().name, "files": len(sizes), "bytes": sum(sizes.values()), "sha256": checksum}


def check_steps(steps: list[dict[str, Any]]) -> None:
    """Raise InputError that names the step that removed the last patent, where none is left."""
    if last := next((step for step in steps if not step["patents_after"]), None):
        raise InputError(
            f"no patent is left of {steps[0]['patents_after']:,}: the step `{last['step']}` ({last['setting']}) "
            f"removed the last {last['patents_before']:,}; nothing was written\n{_format_steps(steps)}"
        )


def format_statistics(statistics: dict[str, Any]) -> str:
    """Write statistics.md: what was read, the steps, the cleaning rules, the parts."""
    read = statistics["read"]
    sources = [[each["name"], f"{each['files']:,}", f"{each['bytes']:,}"] for each in statistics["sources"]]
    rules = [
        [rule, f"{found['hits']:,}", f"{found['characters']:,}", f"{found['share']:.2%}"]
        for rule, found in statistics["cleaning"].items()
    ]
    parts = [[part, *(f"{count:,}" for count in counts.values())] for part, counts in statistics["parts"].items()]
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
        format_markdown(["part", *PART_COUNTS], parts),
    ]
    return "\n\n".join(sections) + "\n"


def _format_steps(steps: list[dict[str, Any]]) -> str:
    rows = [
        [step["step"], step["setting"], f"{step['patents_after']:,}", f"{step['patents_removed']:.1%}",
         f"{step['characters_after']:,}", f"{step['characters_removed']:.1%}"]
        for step in steps
    ]  # fmt: skip
    return format_markdown(["step", "setting", "patents left", "removed", "characters left", "removed"], rows, 2)
