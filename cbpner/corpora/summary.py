"""What a corpus is made of, as statistics.json and statistics.md tell it, and messages where nothing is left."""

import hashlib
from dataclasses import asdict
from pathlib import Path

from cbpner.base.errors import InputError
from cbpner.corpora.selection import Step, count_unnumbered
from cbpner.corpora.sources import list_files
from cbpner.reports.table import render_table

FORMAT = "cbpner patents 1"
LINE_ENDS = "line ends"
SAMPLE, SHORT, CLEANING = "sample", "short when clean", "cleaning"


def collect_statistics(store, job, steps, cleaning, parts, skipped):
    """The content of statistics.json.

    settings: all that decides. sources: see `describe_source`. read: patents, characters, inputs skipped, and patents
    without a publication number. steps: of each what was there before and after, and the shares that it removed.
    cleaning: by rule its hits, the characters that it removed and their share of the text before; `line ends`: white
    space there and empty lines that no rule took out, its hits are patents. parts: patents, lines, sentences and
    characters of train.txt and test.txt; line breaks inside a patent count as characters.
    """
    steps = [*steps, *list_late_steps(job, steps, cleaning, sum(part["characters"] for part in parts.values()))]
    before = steps[-1].characters_before
    return {
        "format": FORMAT,
        "settings": {
            **job.selection.describe(),
            "sample": job.sample,
            "seed": job.seed,
            "held_out": job.held_out,
            "rules": list(job.rules),
            "fields": {name: value for name, value in asdict(job.fields).items() if value is not None},
        },
        "sources": sorted(map(describe_source, job.sources), key=lambda source: (source["name"], source["sha256"])),
        "read": {
            "patents": steps[0].patents_before,
            "characters": steps[0].characters_before,
            "skipped": skipped,
            "without_publication_number": count_unnumbered(store),
        },
        "steps": [describe_step(step) for step in steps],
        "cleaning": {
            rule: {
                "hits": cleaning.hits[rule],
                "characters": cleaning.removed[rule],
                "share": share(cleaning.removed[rule], before),
            }
            for rule in (*job.rules, LINE_ENDS)
            if rule in job.rules or rule in cleaning.removed
        },
        "parts": {**parts, "total": {name: sum(part[name] for part in parts.values()) for name in parts["train"]}},
    }


def list_late_steps(job, steps, cleaning, characters):
    """The Steps behind the selection: the draw, patents that cleaning leaves too short, what cleaning takes away."""
    drawn, short, last = cleaning.drawn, cleaning.short, steps[-1]
    kept = drawn - short
    late = []
    if job.sample is not None:
        setting = f"{job.sample:,} clean ones, seed {job.seed}"
        late.append(
            Step(SAMPLE, setting, last.patents_after, drawn["patents"], last.characters_after, drawn["characters"])
        )
    setting = f"fewer than {max(1, job.selection.min_length):,} characters"
    late.append(Step(SHORT, setting, drawn["patents"], kept["patents"], drawn["characters"], kept["characters"]))
    late.append(
        Step(CLEANING, f"{len(job.rules)} rules", kept["patents"], kept["patents"], kept["characters"], characters)
    )
    return late


def describe_step(step):
    """The step as JSON holds it, with the shares that it removed of what was there."""
    return {
        **step._asdict(),
        "patents_removed": share(step.patents_before - step.patents_after, step.patents_before),
        "characters_removed": share(step.characters_before - step.characters_after, step.characters_before),
    }


def describe_source(source):
    """{name, files, bytes, sha256} of a file or folder; the checksum is of the names and sizes of its files alone."""
    source = Path(source)
    sizes = {path.relative_to(source.parent).as_posix(): path.stat().st_size for path in list_files(source)[0]}
    listing = "".join(f"{name}\t{size}\n" for name, size in sizes.items())
    return {
        "name": source.resolve().name,
        "files": len(sizes),
        "bytes": sum(sizes.values()),
        "sha256": hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest(),
    }


def share(part, whole):
    return round(part / whole, 6) if whole else 0.0


def check_steps(steps):
    """InputError that names the step at which the last patent went, where none is left."""
    last = next((step for step in steps if not step.patents_after), None)
    if last:
        raise InputError(
            f"no patent is left of {steps[0].patents_after:,}: the last {last.patents_before:,} went at the step "
            f"`{last.step}` ({last.setting}); nothing was written\n{render_steps(map(describe_step, steps))}"
        )


def check_parts(statistics):
    """InputError where nothing is left to train on."""
    parts, steps = statistics["parts"], statistics["steps"]
    if not parts["total"]["patents"]:
        raise InputError(
            f"no patent is left: the last {steps[-2]['patents_before']:,} went at the step `{SHORT}` "
            f"({steps[-2]['setting']}); nothing was written\n{render_steps(steps)}"
        )
    if not parts["train"]["patents"]:
        raise InputError(
            f"found {parts['total']['patents']:,} patents, and --held-out {statistics['settings']['held_out']}; "
            "expected to hold out fewer than there are; nothing was written"
        )


def render_statistics(statistics):
    """statistics.md: what was read, the steps, the cleaning rules, the parts."""
    read, settings = statistics["read"], statistics["settings"]
    sources = [[each["name"], f"{each['files']:,}", f"{each['bytes']:,}"] for each in statistics["sources"]]
    rules = [
        [rule, f"{found['hits']:,}", f"{found['characters']:,}", f"{found['share']:.2%}"]
        for rule, found in statistics["cleaning"].items()
    ]
    parts = [[part, *(f"{count:,}" for count in counts.values())] for part, counts in statistics["parts"].items()]
    total = next(iter(statistics["parts"].values()))
    sections = [
        "# Corpus",
        render_table(["source", "files", "bytes"], sources),
        f"{read['patents']:,} patents read, {read['without_publication_number']:,} of them without a publication "
        f"number; {read['skipped']:,} inputs skipped. Seed {settings['seed']}.",
        "## Steps",
        render_steps(statistics["steps"]),
        "## Cleaning",
        render_table(["rule", "hits", "characters removed", "share"], rules) if rules else "No rule.",
        "## What is left",
        render_table(["part", *total], parts),
    ]
    return "\n\n".join(sections) + "\n"


def render_steps(steps):
    """A Markdown table of steps as JSON holds them."""
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
    return render_table(["step", "setting", "patents left", "removed", "characters left", "removed"], rows, 2)
