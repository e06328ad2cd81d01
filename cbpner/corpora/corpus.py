"""From patents to a folder of text for masked-LM fine-tuning.

```
OUT/train.txt, OUT/test.txt   a paragraph a line, a blank line between patents
OUT/documents.jsonl           one patent a line: number, date, title, part, source, characters, family, text
OUT/statistics.json, .md      settings, sources, what each step and each cleaning rule removed, what is left
OUT/skipped.jsonl             inputs that could not be read, each with the reason; only where there are any
```

The same patents, settings and seed give the same bytes. The folder appears complete or not at all.
"""

import json
import math
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tqdm.auto import tqdm

from cbpner.base.errors import Fault, InputError
from cbpner.base.files import atomic_folder, write_text
from cbpner.base.store import Store, explain_store_errors
from cbpner.corpora import summary
from cbpner.corpora.cleaning import DEFAULT_RULES, CleanedText, clean_text
from cbpner.corpora.document import PatentDocument, format_date
from cbpner.corpora.records import FieldNames
from cbpner.corpora.selection import (
    PatentSelection,
    SelectedPatent,
    count_selected,
    draw_selected,
    drop_repeats,
    load_candidates,
)
from cbpner.corpora.sources import read_patents
from cbpner.text.segments import SENTENCE_ENDS

DOCUMENTS, STATISTICS, SUMMARY, SKIPPED = "documents.jsonl", "statistics.json", "statistics.md", "skipped.jsonl"
FILES = {"train.txt", "test.txt", DOCUMENTS, STATISTICS, SUMMARY, SKIPPED}
SKIPPED_SHOWN = 5
SENTENCE_BREAK = re.compile(f"[{re.escape(''.join(sorted(SENTENCE_ENDS)))}]+")


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
    fields: FieldNames = field(default_factory=FieldNames)
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


class BuiltCorpus(NamedTuple):
    """statistics.json's content, the first five inputs that could not be read, and the duration of each stage."""

    statistics: dict[str, Any]
    skipped: list[Fault]
    seconds: dict[str, float]


class SkippedFile:
    """Writes skipped.jsonl, which exists only where an input could not be read."""

    def __init__(self, path: Path):
        self.path, self.count, self.first = path, 0, []

    def keep_patents(self, found: Iterable[PatentDocument | Fault]) -> Iterator[PatentDocument]:
        """Yield the patents and write the faults."""
        for each in found:
            if not isinstance(each, Fault):
                yield each
                continue
            self.count += 1
            if self.count <= SKIPPED_SHOWN:
                self.first.append(each)
            source = f"{each.path}:{each.line}" if each.line else each.path
            with open(self.path, "a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps({"source": source, "reason": each.reason}, ensure_ascii=False) + "\n")


@dataclass
class CorpusCounts:
    """What cleaning and writing did.

    drawn: patents and characters before cleaning. short: of these, the patents that cleaning left too short. hits,
    removed: how often each rule applied, and how many characters it removed, in the other patents. train, test:
    patents, lines, sentences and characters of each text file.
    """

    drawn: Counter = field(default_factory=Counter)
    short: Counter = field(default_factory=Counter)
    hits: Counter = field(default_factory=Counter)
    removed: Counter = field(default_factory=Counter)
    train: Counter = field(default_factory=Counter)
    test: Counter = field(default_factory=Counter)

    @property
    def kept(self) -> Counter:
        return self.drawn - self.short


def build_corpus(job: CorpusJob) -> BuiltCorpus:
    """Make the corpus; where an InputError says why that is not possible, the folder is as it was."""
    check_corpus_folder(job)
    with explain_store_errors(job.output, job.memory_mb), atomic_folder(job.output) as folder:
        with tempfile.TemporaryDirectory(dir=folder) as work, Store(Path(work), job.memory_mb, job.threads) as store:
            return _fill_folder(folder, store, job)


def _fill_folder(folder: Path, store: Store, job: CorpusJob) -> BuiltCorpus:
    times = [time.perf_counter()]
    skipped = SkippedFile(folder / SKIPPED)
    patents = skipped.keep_patents(read_patents(sorted(job.sources, key=str), job.fields))
    load_candidates(store, tqdm(patents, "read", unit=" patents", dynamic_ncols=True), job.selection)
    times.append(time.perf_counter())
    drop_repeats(store, job.selection)
    times.append(time.perf_counter())
    steps = count_selected(store, job.selection)
    summary.check_steps(summary.describe_steps(steps))
    counts = _write_texts(folder, store, job)
    statistics = summary.collect_statistics(store, job, steps, counts, skipped.count)
    summary.check_steps(statistics["steps"])
    if not counts.train:
        raise InputError(
            f"found {counts.test['patents']:,} patents, and --held-out {job.held_out}; expected to hold out fewer "
            "than there are; nothing was written"
        )
    write_text(folder / STATISTICS, json.dumps(statistics, ensure_ascii=False, indent=2) + "\n")
    write_text(folder / SUMMARY, summary.format_statistics(statistics))
    times.append(time.perf_counter())
    seconds = {stage: times[i + 1] - times[i] for i, stage in enumerate(("read", "select", "write"))}
    return BuiltCorpus(statistics, skipped.first, seconds)


def _write_texts(folder: Path, store: Store, job: CorpusJob) -> CorpusCounts:
    """Write the text files and documents.jsonl, and count what they hold."""
    counts = CorpusCounts()
    with ExitStack() as stack:
        train, test, documents = (
            stack.enter_context(open(folder / name, "w", encoding="utf-8", newline="\n"))
            for name in ("train.txt", "test.txt", DOCUMENTS)
        )
        patents = tqdm(_clean_patents(store, job, counts), "write", job.sample, unit=" patents", dynamic_ncols=True)
        for place, (patent, text) in enumerate(patents):
            part = "test" if is_held_out(place, job.held_out) else "train"
            file, found = (test, counts.test) if part == "test" else (train, counts.train)
            file.write(("\n" if found else "") + text + "\n")
            lines, sentences = text.count("\n") + 1, count_sentences(text)
            found.update(patents=1, lines=lines, sentences=sentences, characters=len(text))
            record = {
                "number": patent.number, "date": format_date(patent.date), "title": patent.title, "part": part,
                "source": patent.source, "characters": len(text), "family": patent.family or None, "text": text,
            }  # fmt: skip
            documents.write(json.dumps(record, ensure_ascii=False) + "\n")
    return counts


def _clean_patents(store: Store, job: CorpusJob, counts: CorpusCounts) -> Iterator[tuple[SelectedPatent, str]]:
    """Yield patents with their clean texts in the order drawn, until there are `job.sample`."""
    for patent in draw_selected(store, job.seed):
        if counts.kept["patents"] == job.sample:
            return
        text, removed, hits = clean_lines(store.read_text(patent.start, patent.size), job.rules)
        counts.drawn.update(patents=1, characters=patent.characters)
        if len(text) < max(1, job.selection.min_length):
            counts.short.update(patents=1, characters=patent.characters)
            continue
        counts.removed.update(removed)
        counts.hits.update(hits)
        yield patent, text


def clean_lines(text: str, rules: Sequence[str]) -> CleanedText:
    """Clean a text, then strip its lines and drop the empty ones; what that removes is counted as `line ends`."""
    text, removed, hits = clean_text(text, rules)
    lines = "\n".join(line for line in map(str.strip, text.splitlines()) if line)
    if len(lines) != len(text):
        removed[summary.LINE_ENDS] += len(text) - len(lines)
        hits[summary.LINE_ENDS] += 1
    return CleanedText(lines, removed, hits)


def is_held_out(place: int, held_out: int | float) -> bool:
    """Whether the patent drawn at this place is held out: one of the first N, or at even distances for a share.

    The first one is. Neither depends on how many are drawn, so that a larger sample leaves every patent in its part.
    """
    if isinstance(held_out, int):
        return place < held_out
    return math.floor(place * held_out) > math.floor((place - 1) * held_out)


def count_sentences(text: str) -> int:
    return sum(1 for piece in SENTENCE_BREAK.split(text) if piece and not piece.isspace())


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
            statistics = json.loads((output / STATISTICS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            statistics = None
        is_ours = isinstance(statistics, dict) and statistics.get("format") == summary.FORMAT
        if not is_ours or set(os.listdir(output)) - FILES:
            raise InputError(f"{output}: found other files than a corpus; --overwrite replaces nothing else")
