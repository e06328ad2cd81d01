"""From patents to a folder of text for masked-LM fine-tuning.

```
OUT/train.txt, OUT/test.txt   a paragraph a line, a blank line between patents
OUT/documents.jsonl           one patent a line: number, date, title, part, source, characters, family, text
OUT/statistics.json, .md      settings, sources, what each step and each cleaning rule removed, what is left
OUT/skipped.jsonl             inputs that could not be read, each with the reason; only where there are any
```

The same patents, settings and seed give the same bytes. The folder appears complete or not at all.
"""

import hashlib
import json
import math
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from cbpner.base.errors import Fault, InputError
from cbpner.base.files import atomic_folder, create_temporary, explain_write_errors, read_json, write_json, write_text
from cbpner.base.progress import track
from cbpner.base.store import Store
from cbpner.base.tables import format_markdown
from cbpner.corpora import selection as select
from cbpner.corpora.cleaning import DEFAULT_RULES, CleanedText, clean_text, sort_rules
from cbpner.corpora.document import PatentDocument, format_date
from cbpner.corpora.selection import PatentSelection, SelectedPatent, Step
from cbpner.corpora.sources import list_source_files, read_patents
from cbpner.formats.fields import dump_row
from cbpner.text.segments import SENTENCE_BREAK

FORMAT = "cbpner patents 1"
DOCUMENTS, STATISTICS, SUMMARY, SKIPPED = "documents.jsonl", "statistics.json", "statistics.md", "skipped.jsonl"
FILES = {"train.txt", "test.txt", DOCUMENTS, STATISTICS, SUMMARY, SKIPPED}
PART_COUNTS = ("patents", "lines", "sentences", "characters")
LINE_ENDS = "line ends"


@dataclass(frozen=True)
class CorpusJob:
    """Everything that one corpus depends on.

    sample: patents wanted, None for all. held_out: the patents of test.txt, a number (int) or a share (float). rules:
    names of cleaning rules. memory_mb, threads: what DuckDB may hold (MiB) and use, None for all cores. overwrite:
    replace the corpus in `output`.
    """

    sources: tuple[str | Path, ...]
    output: Path
    selection: PatentSelection = PatentSelection()
    fields: Mapping[str, str] = field(default_factory=dict)
    sample: int | None = None
    seed: int = 0
    held_out: int | float = 0.05
    rules: tuple[str, ...] = DEFAULT_RULES
    memory_mb: int = 1024
    threads: int | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        clean_text("", self.rules)  # raises for an unknown rule or a missing library
        if self.sample and self.held_out >= self.sample:
            raise InputError(f"found --held-out {self.held_out}; expected fewer than --sample {self.sample}")


def build_corpus(job: CorpusJob) -> dict[str, Any]:
    """Make the corpus and return what statistics.json holds; after an InputError the folder is as it was."""
    check_corpus_folder(job)
    with explain_write_errors(job.output), atomic_folder(job.output) as folder:
        with create_temporary(folder / "store") as work, Store(work, job.memory_mb, job.threads) as store:
            return _fill_folder(folder, store, job)


def _fill_folder(folder: Path, store: Store, job: CorpusJob) -> dict[str, Any]:
    patents = track("reading", _read_sources(job, folder / SKIPPED), "patents")
    select.load_candidates(store, patents, job.selection)
    select.drop_repeats(store, job.selection)
    steps = select.count_selected(store, job.selection)
    check_steps(describe_steps(steps))
    counts = _write_texts(folder, store, job)
    statistics = collect_statistics(job, steps, counts)
    check_steps(statistics["steps"])
    if not counts["train"]:
        held_out = f"found {counts['test']['patents']:,} patents, and --held-out {job.held_out}"
        raise InputError(f"{held_out}; expected to hold out fewer than there are; nothing was written")
    if (folder / SKIPPED).exists():
        statistics["read"]["skipped"] = (folder / SKIPPED).read_bytes().count(b"\n")
    unnumbered = store.run("SELECT count(*) FROM documents WHERE country = ''")
    statistics["read"]["without_publication_number"] = unnumbered[0][0]
    write_json(folder / STATISTICS, statistics)
    write_text(folder / SUMMARY, format_statistics(statistics))
    return statistics


def _read_sources(job: CorpusJob, skipped: Path) -> Iterator[PatentDocument]:
    """Yield the patents; what cannot be read is written to skipped.jsonl, which exists only where there is any."""
    for found in read_patents(sorted(job.sources, key=str), job.fields):
        if not isinstance(found, Fault):
            yield found
            continue
        source = f"{found.path}:{found.line}" if found.line else found.path
        with open(skipped, "a", encoding="utf-8", newline="\n") as file:
            file.write(dump_row({"source": source, "reason": found.reason}) + "\n")


def _write_texts(folder: Path, store: Store, job: CorpusJob) -> dict[str, Counter[str]]:
    """Write the text files and documents.jsonl.

    Returns counts: `drawn` (patents and characters before cleaning), `short` (of these, what cleaning left too short),
    `hits` and `removed` (of each rule, in the other patents), `train` and `test` (PART_COUNTS of each file).
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    options: dict[str, Any] = {"mode": "w", "encoding": "utf-8", "newline": "\n"}
    with (
        open(folder / "train.txt", **options) as train,
        open(folder / "test.txt", **options) as test,
        open(folder / DOCUMENTS, **options) as documents,
    ):
        patents = track("writing", _clean_patents(store, job, counts), "patents", job.sample)
        for place, (patent, text) in enumerate(patents):
            part, file = ("test", test) if is_held_out(place, job.held_out) else ("train", train)
            file.write(("\n" if counts[part] else "") + text + "\n")
            sentences = sum(not piece.isspace() for piece in SENTENCE_BREAK.split(text) if piece)
            counts[part].update(patents=1, lines=text.count("\n") + 1, sentences=sentences, characters=len(text))
            record = {
                "number": patent.number, "date": format_date(patent.date), "title": patent.title, "part": part,
                "source": patent.source, "characters": len(text), "family": patent.family or None, "text": text,
            }  # fmt: skip
            documents.write(json.dumps(record, ensure_ascii=False) + "\n")
    return counts


def _clean_patents(
    store: Store, job: CorpusJob, counts: dict[str, Counter[str]]
) -> Iterator[tuple[SelectedPatent, str]]:
    """Yield patents with their clean texts in the order drawn, until there are `job.sample`."""
    for patent in select.draw_selected(store, job.seed):
        if counts["drawn"]["patents"] - counts["short"]["patents"] == job.sample:
            return
        text, removed, hits = clean_lines(store.read_text(patent.start, patent.size), job.rules)
        counts["drawn"].update(patents=1, characters=patent.characters)
        if len(text) < max(1, job.selection.min_length):
            counts["short"].update(patents=1, characters=patent.characters)
            continue
        counts["removed"].update(removed)
        counts["hits"].update(hits)
        yield patent, text


def clean_lines(text: str, rules: Sequence[str]) -> CleanedText:
    """Clean a text, then strip its lines and drop the empty ones; what that removes is counted as `line ends`."""
    text, removed, hits = clean_text(text, rules)
    lines = "\n".join(line for line in map(str.strip, text.splitlines()) if line)
    if len(lines) != len(text):
        removed[LINE_ENDS] += len(text) - len(lines)
        hits[LINE_ENDS] += 1
    return CleanedText(lines, removed, hits)


def is_held_out(place: int, held_out: int | float) -> bool:
    """Whether the patent drawn at this place is held out: one of the first N, or at even distances for a share.

    The first one is. Neither depends on how many are drawn, so that a larger sample leaves every patent in its part.
    """
    if isinstance(held_out, int):
        return place < held_out
    return math.floor(place * held_out) > math.floor((place - 1) * held_out)


def check_corpus_folder(job: CorpusJob) -> None:
    """Raise InputError where the output may not be written, before anything is read."""
    output = Path(job.output)
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: found a file; expected a folder or nothing")
    for source in map(Path, job.sources):
        if source.is_dir() and output.resolve().is_relative_to(source.resolve()):
            raise InputError(f"{output}: is inside the source {source}, and would be read too; name another folder")
    if output.is_dir() and os.listdir(output):
        if not job.overwrite:
            raise InputError(f"{output}: found a folder that is not empty; expected a new one, or --overwrite")
        try:
            statistics = read_json(output / STATISTICS)
        except InputError:
            statistics = {}
        if statistics.get("format") != FORMAT or set(os.listdir(output)) - FILES:
            raise InputError(f"{output}: found other files than a corpus; --overwrite replaces nothing else")


def collect_statistics(job: CorpusJob, steps: list[Step], counts: dict[str, Counter[str]]) -> dict[str, Any]:
    """Collect the content of statistics.json.

    A rule's `share` is of the text before cleaning; `line ends` is white space and empty lines that no rule removed.
    """
    drawn, kept, total = counts["drawn"], counts["drawn"] - counts["short"], counts["train"] + counts["test"]
    late = [
        Step("sample", f"{job.sample or 0:,} clean ones, seed {job.seed}", drawn["patents"], drawn["characters"]),
        Step("short when clean", f"fewer than {max(1, job.selection.min_length):,} characters",
             kept["patents"], kept["characters"]),
        Step("cleaning", f"{len(job.rules)} rules", kept["patents"], total["characters"]),
    ]  # fmt: skip
    rules, hits, removed = sort_rules(job.rules), counts["hits"], counts["removed"]
    settings = asdict(job.selection) | {name: getattr(job, name) for name in ("sample", "seed", "held_out")}
    settings |= {"rules": rules, "fields": dict(job.fields)}
    settings |= {name: sorted(value) for name, value in settings.items() if isinstance(value, frozenset | tuple)}
    return {
        "format": FORMAT,
        "settings": settings,
        "sources": sorted(map(_describe_source, job.sources), key=lambda source: (source["name"], source["sha256"])),
        "read": {"patents": steps[0].patents, "characters": steps[0].characters, "skipped": 0},
        "steps": describe_steps([*steps, *(late if job.sample is not None else late[1:])]),
        "cleaning": {
            rule: {"hits": hits[rule], "characters": removed[rule], "share": _share(removed[rule], kept["characters"])}
            for rule in (*rules, *[LINE_ENDS] * (LINE_ENDS in removed))
        },
        "parts": {
            part: {name: found[name] for name in PART_COUNTS}
            for part, found in (("train", counts["train"]), ("test", counts["test"]), ("total", total))
        },
    }


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
