"""From patents to a folder of text for masked-LM fine-tuning.

```
OUT/train.txt, OUT/test.txt   a paragraph a line, a blank line between patents
OUT/documents.jsonl           one patent a line: number, date, title, part, source, characters, family, text
OUT/statistics.json, .md      settings, sources, what each step and each cleaning rule removed, what is left
OUT/skipped.jsonl             inputs that could not be read, each with the reason; only where there are any
```

The same patents, settings and seed give the same bytes. The folder appears whole or not at all.
"""

import json
import math
import os
import re
import shutil
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa
from tqdm.auto import tqdm

from cbpner.base.errors import InputError
from cbpner.base.files import CANNOT_WRITE, atomic_folder, write_text
from cbpner.base.store import Store
from cbpner.corpora import summary
from cbpner.corpora.cleaning import DEFAULT, clean
from cbpner.corpora.selection import Selection, count_steps, draw_documents, drop_groups, format_date, load_documents
from cbpner.corpora.sources import Fields, read_documents
from cbpner.text.segments import SENTENCE_ENDS

PARTS = ("train", "test")
DOCUMENTS, STATISTICS, SUMMARY, SKIPPED = "documents.jsonl", "statistics.json", "statistics.md", "skipped.jsonl"
FILES = {*(f"{part}.txt" for part in PARTS), DOCUMENTS, STATISTICS, SUMMARY, SKIPPED}
RECORD = ("number", "date", "title", "part", "source", "characters", "family", "text")
WORK = "work"
ROWS_AT_ONCE = 8192
SKIPPED_SHOWN = 5
SENTENCE_BREAK = re.compile(f"[{re.escape(''.join(sorted(SENTENCE_ENDS)))}]+")
DUCKDB_NEEDS_MEMORY = re.compile("Out of Memory|failed to (pin|allocate)")
DUCKDB_CANNOT_WRITE = re.compile(
    "No space left|Disk quota|File too large|Read-only file system|Permission denied|Input/output error|"
    "[Cc]ould not write|failed to (write|offload)|max_temp_directory_size"
)


@dataclass(frozen=True)
class Job:
    """Everything that one corpus depends on.

    sources: files and folders. output: the corpus' folder. sample: patents wanted, or None for all that are there.
    held_out: the patents of test.txt, a number (int) or a share (float). rules: names of cleaning rules. memory_mb:
    what DuckDB may hold. threads: of DuckDB, or None for all.
    """

    sources: tuple
    output: Path
    selection: Selection = Selection()
    fields: Fields = field(default_factory=Fields)
    sample: int | None = None
    seed: int = 0
    held_out: int | float = 0.05
    rules: tuple = tuple(DEFAULT)
    memory_mb: int = 1024
    threads: int | None = None
    overwrite: bool = False


class Corpus(NamedTuple):
    """What was made.

    statistics: as statistics.json has them. skipped: the first five bad inputs, each {source, reason}. seconds: {stage:
    duration}.
    """

    statistics: dict
    skipped: list
    seconds: dict


class Skipped:
    """Bad inputs by name and reason, kept in the store."""

    def __init__(self, store):
        self.store, self.count, self.waiting = store, 0, []
        store.run("CREATE TABLE skipped (source VARCHAR, reason VARCHAR)")

    def add(self, bad):
        self.waiting.append({"source": bad.source, "reason": bad.reason})
        self.count += 1
        if len(self.waiting) == ROWS_AT_ONCE:
            self.flush()

    def flush(self):
        if self.waiting:
            schema = pa.schema({"source": pa.string(), "reason": pa.string()})
            self.store.run_on(pa.Table.from_pylist(self.waiting, schema), "INSERT INTO skipped FROM batch")
            self.waiting = []

    def read(self):
        """Yield {source, reason}, by name, the lines of a file by number."""
        self.flush()
        for source, reason in self.store.stream(
            "SELECT source, reason FROM skipped ORDER BY regexp_replace(source, ':[0-9]+$', ''), "
            "try_cast(regexp_extract(source, ':([0-9]+)$', 1) AS BIGINT), source, reason"
        ):
            yield {"source": source, "reason": reason}


@dataclass
class Cleaning:
    """What cleaning did. Counters of patents and characters: `drawn`, and of these `short`, which it left too short.

    hits, removed: by rule, how often it applied and how many characters went, in the texts that are not too short.
    """

    drawn: Counter = field(default_factory=Counter)
    short: Counter = field(default_factory=Counter)
    hits: Counter = field(default_factory=Counter)
    removed: Counter = field(default_factory=Counter)


class Part:
    """One text file of the corpus, and the numbers of what it holds."""

    def __init__(self, file):
        self.file = file
        self.counts = dict.fromkeys(("patents", "lines", "sentences", "characters"), 0)

    def add(self, text):
        self.file.write(("\n" if self.counts["patents"] else "") + text + "\n")
        for name, count in zip(self.counts, (1, text.count("\n") + 1, count_sentences(text), len(text)), strict=True):
            self.counts[name] += count


class Clock:
    """Seconds by stage."""

    def __init__(self):
        self.seconds, self.start = {}, time.perf_counter()

    def stop(self, stage):
        now = time.perf_counter()
        self.seconds[stage], self.start = now - self.start, now


def build_corpus(job):
    """Make the corpus and return a Corpus; InputError where the sources, the settings or the disk do not allow it."""
    check_output(job)
    clock = Clock()
    with explain_errors(job), atomic_folder(job.output) as folder:
        work = folder / WORK
        work.mkdir()
        with Store(work, job.memory_mb, job.threads) as store:
            statistics, skipped = fill_folder(folder, store, job, clock)
        shutil.rmtree(work)
    return Corpus(statistics, skipped, clock.seconds)


def fill_folder(folder, store, job, clock):
    """Write the corpus' files; its statistics, and the first bad inputs."""
    skipped = Skipped(store)
    with show_progress("read") as watch:
        load_documents(store, read_documents(job.sources, job.fields, skipped.add), job.selection, watch)
    clock.stop("read")
    drop_groups(store, job.selection)
    clock.stop("select")
    first_skipped = write_skipped(folder / SKIPPED, skipped)
    steps, cleaning = count_steps(store, job.selection), Cleaning()
    summary.check_steps(steps)
    parts = write_parts(folder, job, clean_documents(store, job, cleaning))
    statistics = summary.collect_statistics(store, job, steps, cleaning, parts, skipped.count)
    summary.check_parts(statistics)
    write_text(folder / STATISTICS, json.dumps(statistics, ensure_ascii=False, indent=2) + "\n")
    write_text(folder / SUMMARY, summary.render_statistics(statistics))
    clock.stop("write")
    return statistics, first_skipped


def clean_documents(store, job, cleaning):
    """Yield (record of documents.jsonl without its part, text) in the order drawn, until `job.sample` are clean."""
    wanted = math.inf if job.sample is None else job.sample
    for drawn in draw_documents(store, job.seed):
        if cleaning.drawn["patents"] - cleaning.short["patents"] >= wanted:
            return
        text = store.read_text(drawn.start + drawn.title_size, drawn.size)
        text, removed, hits = clean_text(text, job.rules)
        cleaning.drawn.update(patents=1, characters=drawn.characters)
        if len(text) < max(1, job.selection.min_length):
            cleaning.short.update(patents=1, characters=drawn.characters)
            continue
        cleaning.removed.update(removed)
        cleaning.hits.update(hits)
        yield (
            {
                "number": drawn.number,
                "date": format_date(drawn.date),
                "title": store.read_text(drawn.start, drawn.title_size),
                "source": drawn.source,
                "family": drawn.family or None,
            },
            text,
        )


def clean_text(text, rules):
    """(text, characters removed, hits): as `clean`, and then no line is empty or begins or ends with white space."""
    text, removed, hits = clean(text, rules)
    lines = "\n".join(line for line in map(str.strip, text.splitlines()) if line)
    if len(lines) != len(text):
        removed[summary.LINE_ENDS] += len(text) - len(lines)
        hits[summary.LINE_ENDS] += 1
    return lines, removed, hits


def write_parts(folder, job, documents):
    """Write the texts and documents.jsonl; {part: its numbers}."""
    with ExitStack() as stack:
        parts = {part: Part(stack.enter_context(open_text(folder / f"{part}.txt"))) for part in PARTS}
        file = stack.enter_context(open_text(folder / DOCUMENTS))
        watch = stack.enter_context(show_progress("write", job.sample))
        for place, (record, text) in enumerate(documents):
            part = "test" if is_held_out(place, job.held_out) else "train"
            parts[part].add(text)
            record = {**record, "part": part, "characters": len(text), "text": text}
            file.write(json.dumps({name: record[name] for name in RECORD}, ensure_ascii=False) + "\n")
            watch(1, len(text))
    return {name: part.counts for name, part in parts.items()}


def open_text(path):
    return open(path, "w", encoding="utf-8", newline="\n")


def is_held_out(place, held_out):
    """Whether the patent drawn at this place is held out: one of the first so many, or its part of an even share.

    The first one is. Neither depends on how many are drawn, so that a larger sample leaves every patent in its part.
    """
    if isinstance(held_out, int):
        return place < held_out
    return math.floor(place * held_out) > math.floor((place - 1) * held_out)


def count_sentences(text):
    return sum(1 for piece in SENTENCE_BREAK.split(text) if piece and not piece.isspace())


def write_skipped(path, skipped):
    """Write the bad inputs, where there are any; the first five."""
    first = []
    if skipped.count:
        with open_text(path) as file:
            for record in skipped.read():
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
                first += [record] if len(first) < SKIPPED_SHOWN else []
    return first


@contextmanager
def show_progress(stage, total=None):
    """Yield a function that is told of more patents and characters, and shows both per second on stderr."""
    start, seen = time.perf_counter(), 0
    with tqdm(desc=stage, total=total, unit=" patents", mininterval=1.0, dynamic_ncols=True) as bar:

        def watch(patents, characters):
            nonlocal seen
            seen += characters
            rate = seen / max(1e-9, time.perf_counter() - start)
            bar.set_postfix_str(f"{rate:,.0f} characters/s", refresh=False)
            bar.update(patents)

        yield watch


def check_output(job):
    """InputError where the folder may not be written to; nothing has been read by then."""
    output = Path(job.output)
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: found a file; expected a folder or nothing")
    for source in job.sources:
        if Path(source).is_dir() and output.resolve().is_relative_to(Path(source).resolve()):
            raise InputError(f"{output}: lies in the source {source}, and would be read as one; name another folder")
    if not output.is_dir() or not os.listdir(output):
        return
    if not job.overwrite:
        raise InputError(f"{output}: found a folder that is not empty; expected a new one, or --overwrite")
    if not is_corpus(output):
        raise InputError(f"{output}: found other things than a corpus in it; --overwrite replaces nothing else")


def is_corpus(folder):
    """Whether the folder holds what `build_corpus` wrote, and nothing else."""
    try:
        statistics = json.loads((folder / STATISTICS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    ours = isinstance(statistics, dict) and statistics.get("format") == summary.FORMAT
    return ours and set(os.listdir(folder)) <= FILES


@contextmanager
def explain_errors(job):
    """Turn a full disk, a folder that cannot be written to, or too little memory into an InputError; others pass."""
    try:
        yield
    except (OSError, duckdb.Error) as error:
        reason = explain_write_error(error)
        if reason:
            raise InputError(
                f"{job.output}: cannot write there ({reason}); nothing half-written is left. Expected the permission "
                "to write, and room for the corpus and for the texts of all patents that pass the filters. Make room "
                "or name another folder"
            ) from error
        if DUCKDB_NEEDS_MEMORY.search(str(error)):
            raise InputError(f"found too little memory for DuckDB (--memory {job.memory_mb}); expected more") from error
        raise


def explain_write_error(error):
    """Why something could not be written, in one line, or None where the error is of another kind."""
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}" if error.errno in CANNOT_WRITE else None
    line = str(error).strip().split("\n")[0]
    return line if DUCKDB_CANNOT_WRITE.search(line) else None
