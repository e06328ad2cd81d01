"""From sources to outputs: one file, one stream, or a folder of shards that a killed job resumes.

```
OUT/part-00000.jsonl   the documents of the first `shard_size` inputs (brat, bio: a folder part-00000/)
OUT/progress.jsonl     while the job is not done: its settings, then a line a finished shard
OUT/errors.jsonl       {"source", "reason"} of each document that could not be tagged, where there are any
OUT/manifest.json      settings, inputs and shards with their checksums; written last: the job is done
```

A shard appears whole; only then its line is written. A job that was killed does the shards that have no line.
Batches are filled within a shard, so that its bytes depend on nothing else: neither on the order in which shards are
done nor on who does them (`cbpner.prediction.ray_engine` has workers of a cluster do them).
"""

import json
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import cbpner
from cbpner.base.errors import InputError
from cbpner.base.files import UNFINISHED, file_checksum, name_beside, read_json, remove_tree, write_text
from cbpner.base.progress import Progress, paused
from cbpner.formats.document import Document, Span
from cbpner.formats.fields import dump_row
from cbpner.prediction.html_page import Identify, know_nothing
from cbpner.prediction.inputs import Fields, Item, Rejected, count_characters, read_sources
from cbpner.prediction.model_folder import FILES
from cbpner.prediction.outputs import FILES_EACH, FOR_PEOPLE, SUFFIXES, Write, open_text, open_writer
from cbpner.prediction.sources import Source
from cbpner.prediction.tagger import Tagger, Watch
from cbpner.runs import folder as runs
from cbpner.runs.lifecycle import list_differences
from cbpner.runs.lock import lock_run

if TYPE_CHECKING:
    from cbpner.prediction.ray_engine import Cluster

MANIFEST = "manifest.json"
PROGRESS = "progress.jsonl"
ERRORS = "errors.jsonl"
SHARD_SIZE = 100  # documents
SHOWN_ERRORS, MOST_ERRORS = 5, 20  # that are named where a file lists all, and where none does
COUNTS = ("items", "documents", "characters", "spans")  # of a shard

Shard = dict[str, Any]  # name, COUNTS, errors, sha256


class Reporter:
    """Counts documents, shows how far they are, and keeps what could not be tagged. `bar` is to be closed.

    counts: COUNTS. errors: of the current shard or file. Of those in which the same was expected the first is printed
    at once, and at the end the names of more; `shown` of either at most. total, done: characters of all documents, None
    where that is not known, and of those that were done before.
    """

    def __init__(self, shown: int = SHOWN_ERRORS, total: int | None = None, done: int = 0) -> None:
        self.counts: Counter[str] = Counter()
        self.errors: list[Rejected] = []
        self.failed, self.start, self.shown = 0, time.perf_counter(), shown
        self.alike: dict[str, list[str]] = {}  # what was expected: the documents that lack it
        self.bar = Progress("tagging", total, "characters", unit_scale=True, initial=done)

    def take_documents(self, items: Iterable[Item]) -> Iterator[Document]:
        """Yield the documents among the items, and report the others."""
        for item in items:
            self.counts["items"] += 1
            if isinstance(item, Rejected):
                self.reject(item)
            else:
                yield item

    def reject(self, rejected: Rejected) -> None:
        self.errors.append(rejected)
        self.failed += 1
        sources = self.alike.setdefault(rejected.reason.rpartition("; expected ")[2], [])
        sources.append(rejected.source)
        if len(sources) == 1 and len(self.alike) <= self.shown:
            with paused():
                print(f"{rejected.source}: {rejected.reason}", file=sys.stderr)

    def add(self, document: Document) -> None:
        self.counts.update(documents=1, characters=len(document.text), spans=len(document.spans))
        self.bar.set_postfix_str(f"{self.counts['documents']:,} documents", refresh=False)

    def advance(self, done: float) -> None:
        """Show that so many more characters are tagged; windows of a long sentence share some, which count twice."""
        self.bar.update(done if self.bar.total is None else min(done, self.bar.total - self.bar.n))

    def finish(self, place: str | Path | None = None, errors: str | Path = "") -> int:
        """Print what was done, where it is, and where `errors` are listed; the exit code."""
        self.bar.close()
        for _, *more in list(self.alike.values())[: self.shown]:
            if named := more[: self.shown] + [f"{len(more) - self.shown:,} more"] * (len(more) > self.shown):
                print(f"the same fault: {', '.join(named)}", file=sys.stderr)
        if not (self.counts["characters"] or self.failed or self.bar.initial):
            print("warning: found no text in the input; expected documents to tag", file=sys.stderr)
        seconds = time.perf_counter() - self.start
        parts = [f"{self.counts[name]:,} {name}" for name in COUNTS[1:]]
        parts.append(f"{seconds:.1f} s ({self.counts['characters'] / seconds:,.0f} characters/s)")
        if self.failed:
            parts.append(f"{self.failed:,} errors{f', listed in {errors}' if errors else ''}")
        if place is not None:
            print(f"{place}: {', '.join(parts)}", file=sys.stderr)
        return 1 if self.failed else 0


def tag_items(tagger: Tagger, items: Iterable[Item], watch: Watch | None = None) -> Iterator[Item]:
    """Yield the items in order, documents with their spans."""
    waiting: deque[Item] = deque()

    def take_texts() -> Iterator[str]:
        for item in items:
            waiting.append(item)
            if isinstance(item, Document):
                yield item.text

    for spans in tagger.tag_many(take_texts(), watch):
        while isinstance(item := waiting.popleft(), Rejected):
            yield item
        yield attach_spans(item, spans)
    yield from waiting


def attach_spans(document: Document, spans: Iterable[Span]) -> Document:
    """The document with these spans, their scores as files hold them."""
    return replace(document, spans=[span._replace(score=round(span.score or 0.0, 4)) for span in spans])


def write_items(items: Iterable[Item], write: Write, reporter: Reporter) -> None:
    """Write each document; what is none, or cannot be written, is reported."""
    for document in reporter.take_documents(items):
        try:
            write(document)
        except InputError as error:
            reporter.reject(Rejected(document.id, str(error)))
        else:
            reporter.add(document)


def predict_stream(
    tagger: Tagger, items: Iterable[Item], kind: str, file: TextIO, total: int | None = None,
    identify: Identify = know_nothing,
) -> int:  # fmt: skip
    """Write all documents, of `total` characters, to an open text file, such as standard output; the exit code."""
    reporter = Reporter(MOST_ERRORS, total)
    with reporter.bar, open_text(kind, file, tagger.labels.types, tagger.terms is not None, identify) as write:
        write = paused()(write) if file.isatty() else write
        write_items(tag_items(tagger, items, reporter.advance), write, reporter)
    return reporter.finish("found" if kind in FOR_PEOPLE or reporter.failed else None)


def predict_file(
    tagger: Tagger, items: Iterable[Item], kind: str, path: Path, encoding: str = "utf-8", total: int | None = None,
    identify: Identify = know_nothing,
) -> int:  # fmt: skip
    """Write all documents to a file, which appears whole; OUT.errors.jsonl beside it has errors; the exit code."""
    errors, has_source = name_beside(path, f".{ERRORS}"), tagger.terms is not None
    is_listed = str(errors) != os.devnull
    reporter = Reporter(SHOWN_ERRORS if is_listed else MOST_ERRORS, total)
    with reporter.bar, open_writer(kind, path, tagger.labels.types, False, has_source, encoding, identify) as write:
        write_items(tag_items(tagger, items, reporter.advance), write, reporter)
    write_errors(errors, reporter.errors)
    return reporter.finish(path, errors if is_listed else "")


def write_errors(path: Path, errors: Iterable[Sequence[str]]) -> None:
    """Write an object a line; without errors the file is deleted."""
    lines = [dump_row(Rejected(*error)._asdict()) + "\n" for error in errors]
    if lines:
        write_text(path, "".join(lines))
    elif path.is_file():
        path.unlink()


# ---- a folder of shards ----


def run_job(
    tagger: Tagger, sources: Sequence[Source], fields: Fields, kind: str, folder: Path, *, shard_size: int = SHARD_SIZE,
    overwrite: bool = False, cluster: "Cluster | None" = None, options: dict[str, Any] | None = None,
) -> int:  # fmt: skip
    """Tag the sources into a folder of shards, and resume what is there; the exit code. InputError for another job's.

    Args:
        cluster: whose workers do the shards; None: this process.
        options: arguments of `Tagger.from_pretrained` with which the cluster's workers load the tagger.
    """
    gpus = {"backend": [tagger.backend.name, "cuda"], "batch_tokens": None} if cluster and cluster.gpus else {}
    settings = describe_settings(tagger, format=kind, shard_size=shard_size, fields=fields._asdict(), **gpus)
    inputs = [{"name": each.name, "id": each.id, "kind": each.kind, "sha256": each.checksum()} for each in sources]
    with lock_run(folder):
        if overwrite:
            remove_job(folder)
        state = JobState(folder, {"settings": settings, "inputs": inputs})
        failed = sum(each["errors"] if state.is_finished else len(each["errors"]) for each in state.done)
        if state.is_finished:
            print(f"{folder}: finished already, {failed:,} errors; --overwrite does it again", file=sys.stderr)
            return min(failed, 1)
        if state.done:
            print(f"{folder}: resumes behind {len(state.done):,} shards, {failed:,} errors", file=sys.stderr)
        done = {shard["name"]: shard["characters"] for shard in state.done}
        reporter = Reporter(total=count_characters(sources, fields), done=sum(done.values()))
        shards = cut_shards(read_sources(sources, fields), shard_size)
        todo = (each for each in shards if name_shard(each[0], kind) not in done)
        if cluster:
            from cbpner.prediction.ray_engine import tag_shards_on_ray

            tagged: Generator[tuple[int, Iterable[Item]]] = tag_shards_on_ray(tagger, options or {}, todo, cluster)
        else:
            tagged = ((number, tag_items(tagger, items, reporter.advance)) for number, items in todo)
        with reporter.bar, closing(tagged):
            for number, items in tagged:
                shard = write_shard(items, kind, folder / name_shard(number, kind), tagger, reporter)
                state.add(shard)
                reporter.advance(shard["characters"] * bool(cluster))
        state.finish()
        return max(reporter.finish(folder, folder / ERRORS), min(failed, 1))


def describe_settings(tagger: Tagger, **more: Any) -> dict[str, Any]:
    """What the bytes of a job's shards depend on: program, model, how it decodes and runs, and more, as JSON has it."""
    backend, names = tagger.backend, (tagger.backend.weights, *(name for name in FILES if name != "config.json"))
    settings = {
        "cbpner": cbpner.__version__,
        "model": {name: file_checksum(tagger.folder / name) for name in names},
        "decision": asdict(tagger.decision),
        "min_score": tagger.min_score,
        "layout": tagger.layout,
        "batch_tokens": tagger.batch_tokens if backend.device == "cpu" else None,  # a GPU's free memory changes
        "backend": [backend.name, backend.device],
        "precision": backend.precision,
    }
    own = {"terms": sha256(json.dumps(tagger.terms.types).encode()).hexdigest()} if tagger.terms else {}
    return json.loads(json.dumps(settings | own | more))


def list_foreign(folder: Path) -> list[str]:
    """Names in a folder that no job writes; shards are a job's where it has a manifest, or a progress, as well."""
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    own = {name for name in names if name.startswith(".") and name.endswith(UNFINISHED)}
    if not names.isdisjoint((MANIFEST, PROGRESS)):
        own |= {name for name in names if name.startswith("part-")}
    return sorted(names - own - {MANIFEST, PROGRESS, ERRORS, runs.LOCK})


def remove_job(folder: Path) -> None:
    """Delete a job's files; what a kill leaves of it can be resumed. InputError for a folder with other things."""
    if foreign := list_foreign(folder):
        raise InputError(f"{folder}: found {', '.join(foreign[:5])} there; --overwrite deletes a job's own files alone")
    if (folder / MANIFEST).is_file():
        write_text(folder / PROGRESS, "{}\n")
    for path in (folder / MANIFEST, folder / ERRORS, *sorted(folder.glob("part-*")), folder / PROGRESS):
        remove_tree(path)


class JobState:
    """The finished shards of a job, in the order in which they were done.

    plan: settings and inputs. InputError where the folder's job has others, but for the names of the files.
    """

    def __init__(self, folder: Path, plan: dict[str, Any]) -> None:
        self.folder, self.plan = folder, plan
        self.done: list[Shard] = []
        self.is_finished = (folder / MANIFEST).is_file()
        path = folder / PROGRESS
        if self.is_finished:
            before = read_json(folder / MANIFEST)
            self._check(before)
            self.done = before["shards"]
            remove_tree(path)
        elif path.is_file():
            *lines, rest = path.read_bytes().split(b"\n")
            try:
                before, *self.done = map(json.loads, lines)
            except (ValueError, RecursionError) as error:
                raise InputError(f"{path}: found no job's progress ({error}); expected one, or --overwrite") from error
            self._check(before)
            os.truncate(path, path.stat().st_size - len(rest))  # a line that was not written to its end
        elif foreign := list_foreign(folder):
            raise InputError(f"{folder}: found {', '.join(foreign[:5])} there; expected a new or empty folder")
        else:
            write_text(path, dump_row(plan) + "\n")
        if missing := next((shard for shard in self.done if not (folder / shard["name"]).exists()), None):
            raise InputError(f"{folder}: found no {missing['name']}, which was there; put it back, or --overwrite")

    def _check(self, before: dict[str, Any]) -> None:
        """Take the plan of the job that is there; InputError where it is another."""

        def flatten(plan: dict[str, Any]) -> dict[str, Any]:
            """The settings, and {number and id of a file: what is in it}."""
            rows = ((file["id"], file["kind"], str(file["sha256"])[:12]) for file in plan["inputs"])
            files = {f"{number} {id}": f"{kind} {checksum}" for number, (id, kind, checksum) in enumerate(rows, 1)}
            return {**plan["settings"], **files}

        advice = "take another folder, or --overwrite"
        try:
            was, now = flatten(before), flatten(self.plan)
        except (KeyError, TypeError, ValueError):
            raise InputError(f"{self.folder}: found no job's settings and inputs; {advice}") from None
        if was != now:
            raise InputError(f"{self.folder}: found another job ({list_differences(was, now)}); {advice}")
        self.plan = {key: before[key] for key in self.plan}

    def add(self, shard: Shard) -> None:
        with open(self.folder / PROGRESS, "ab") as file:
            file.write((dump_row(shard) + "\n").encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        self.done.append(shard)

    def finish(self) -> None:
        """Write the errors and the manifest."""
        done = sorted(self.done, key=lambda shard: (len(shard["name"]), shard["name"]))  # part-99999, part-100000
        write_errors(self.folder / ERRORS, (error for shard in done for error in shard["errors"]))
        shards = [shard | {"errors": len(shard["errors"])} for shard in done]
        totals = {name: sum(shard[name] for shard in shards) for name in (*COUNTS[1:], "errors")}
        manifest = self.plan | {"totals": totals, "shards": shards}
        write_text(self.folder / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")
        remove_tree(self.folder / PROGRESS)


def cut_shards(items: Iterable[Item], size: int) -> Iterator[tuple[int, list[Item]]]:
    """Yield (number, its items) of each shard."""
    items = iter(items)
    return enumerate(iter(lambda: list(islice(items, size)), []))


def name_shard(number: int, kind: str) -> str:
    return f"part-{number:05}{'' if kind in FILES_EACH else SUFFIXES[kind][0]}"


def write_shard(items: Iterable[Item], kind: str, path: Path, tagger: Tagger, reporter: Reporter) -> Shard:
    """Write a shard's items, which the tagger has tagged."""
    before, reporter.errors = reporter.counts.copy(), []
    has_source = tagger.terms is not None
    with open_writer(kind, path, tagger.labels.types, has_folder=True, has_source=has_source) as write:
        write_items(items, write, reporter)
    counts = {name: reporter.counts[name] - before[name] for name in COUNTS}
    return {"name": path.name, **counts, "errors": reporter.errors, "sha256": checksum_output(path)}


def checksum_output(path: Path) -> str:
    """Of a file; of a folder: over its files' names and checksums, sorted."""
    if path.is_file():
        return file_checksum(path)
    lines = [f"{file.name}\0{file_checksum(file)}\n" for file in sorted(path.iterdir())]
    return sha256("".join(lines).encode("utf-8")).hexdigest()
