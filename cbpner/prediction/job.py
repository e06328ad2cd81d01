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
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from itertools import chain, count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from tqdm import tqdm

import cbpner
from cbpner.base.errors import InputError
from cbpner.base.files import UNFINISHED, file_checksum, read_json, remove_tree, write_text
from cbpner.formats.document import Document
from cbpner.formats.fields import dump_row
from cbpner.prediction.inputs import Fields, Item, Rejected, read_sources
from cbpner.prediction.model_folder import FILES
from cbpner.prediction.outputs import FILES_EACH, SUFFIXES, open_text, open_writer
from cbpner.prediction.sources import Source
from cbpner.prediction.tagger import Measured, Tagger
from cbpner.runs import folder as runs
from cbpner.runs.lifecycle import list_differences
from cbpner.runs.lock import lock_run

if TYPE_CHECKING:
    from cbpner.prediction.ray_engine import Cluster

MANIFEST = "manifest.json"
PROGRESS = "progress.jsonl"
ERRORS = "errors.jsonl"
SHARD_SIZE = 100  # documents
SHOWN_ERRORS = 5
COUNTS = ("items", "documents", "characters", "spans")  # of a shard

Shard = dict[str, Any]  # name, COUNTS, errors, sha256


class Reporter:
    """Counts documents, shows them in a bar on a terminal, and keeps what could not be tagged.

    counts: COUNTS, and `tagged` characters. errors: of the current shard or file, of which the first `shown` are
    printed at once; None: all, where no file holds them.
    """

    def __init__(self, shown: int | None = SHOWN_ERRORS) -> None:
        self.counts: Counter[str] = Counter()
        self.errors: list[Rejected] = []
        self.failed, self.start, self.shown = 0, time.perf_counter(), shown
        self.bar = tqdm(unit=" documents", mininterval=0.5, disable=None, dynamic_ncols=True, leave=False)

    def reject(self, rejected: Rejected) -> None:
        self.errors.append(rejected)
        self.failed += 1
        if self.shown is None or self.failed <= self.shown:
            self.bar.write(f"{rejected.source}: {rejected.reason}", file=sys.stderr)

    def add(self, document: Document) -> None:
        self.counts.update(documents=1, characters=len(document.text), spans=len(document.spans))
        self.bar.update()

    def add_shard(self, shard: Shard) -> None:
        """Count a shard that another process has done, and report its errors."""
        self.counts.update({name: shard[name] for name in COUNTS})
        for error in shard["errors"]:
            self.reject(Rejected(*error))
        self.bar.update(shard["documents"])
        self.show_speed(shard["characters"])

    def show_speed(self, done: int) -> None:
        """Count characters that have just been tagged, and show how many a second they are."""
        self.counts["tagged"] += done
        speed = self.counts["tagged"] / (time.perf_counter() - self.start)
        self.bar.set_postfix_str(f"{speed:,.0f} characters/s")

    def finish(self, place: str | Path | None = None) -> int:
        """Print what was done, and where; the exit code."""
        self.bar.close()
        seconds = time.perf_counter() - self.start
        parts = [f"{self.counts[name]:,} {name}" for name in COUNTS[1:]]
        parts.append(f"{seconds:.1f} s ({self.counts['tagged'] / seconds:,.0f} characters/s)")
        if self.failed:
            parts.append(f"{self.failed:,} errors")
        if place is not None:
            print(f"{place}: {', '.join(parts)}", file=sys.stderr)
        return 1 if self.failed else 0


def tag_documents(
    tagger: Tagger, items: Iterable[Item], reporter: Reporter, is_measured: bool = False
) -> Iterator[tuple[Document, Measured]]:
    """Yield (document with spans, its uncertainty if `is_measured`) in order; what is no document is reported."""
    waiting: deque[Document] = deque()

    def take_texts() -> Iterator[str]:
        for item in items:
            reporter.counts["items"] += 1
            if isinstance(item, Rejected):
                reporter.reject(item)
            else:
                waiting.append(item)
                yield item.text

    for found in tagger.tag_measured(take_texts(), reporter.show_speed, is_measured):
        spans = [span._replace(score=round(span.score or 0.0, 4)) for span in found.spans]
        yield replace(waiting.popleft(), spans=spans), found


def write_tagged(tagger: Tagger, items: Iterable[Item], write: Callable[[Document], None], reporter: Reporter) -> None:
    """Tag the items and write each document; one that cannot be written is reported."""
    for document, _ in tag_documents(tagger, items, reporter):
        try:
            write(document)
        except InputError as error:
            reporter.reject(Rejected(document.id, str(error)))
        else:
            reporter.add(document)


def predict_stream(tagger: Tagger, items: Iterable[Item], kind: str, file: TextIO) -> int:
    """Write all documents to an open text file, such as standard output; the exit code."""
    reporter = Reporter(shown=None)
    with open_text(kind, file, tagger.labels.types) as write:
        write_tagged(tagger, items, write, reporter)
    return reporter.finish("found" if kind == "lines" or reporter.failed else None)


def predict_file(tagger: Tagger, items: Iterable[Item], kind: str, path: Path) -> int:
    """Write all documents to a file, which appears whole; OUT.errors.jsonl beside it has errors; the exit code."""
    reporter = Reporter()
    with open_writer(kind, path, tagger.labels.types) as write:
        write_tagged(tagger, items, write, reporter)
    write_errors(path.with_name(f"{path.name}.{ERRORS}"), reporter.errors)
    return reporter.finish(path)


def write_errors(path: Path, errors: Iterable[Sequence[str]]) -> None:
    """Write an object a line; without errors the file is deleted."""
    lines = [dump_row(Rejected(*error)._asdict()) + "\n" for error in errors]
    if lines:
        write_text(path, "".join(lines))
    else:
        path.unlink(missing_ok=True)


# ---- a folder of shards ----


def run_job(
    tagger: Tagger, sources: Sequence[Source], fields: Fields, kind: str, folder: Path, *, shard_size: int = SHARD_SIZE,
    overwrite: bool = False, cluster: "Cluster | None" = None, options: dict[str, Any] | None = None,
) -> int:  # fmt: skip
    """Tag the sources into a folder of shards, and resume what is there; the exit code.

    Args:
        cluster: whose workers do the shards; None: this process.
        options: arguments of `Tagger.from_pretrained` with which the cluster's workers load the tagger.

    Raises:
        InputError: the folder is not that of this job.
    """
    settings = describe_settings(tagger, format=kind, shard_size=shard_size, fields=fields._asdict())
    if cluster and cluster.gpus:
        settings["backend"][1] = "cuda"
    inputs = [{"name": each.name, "id": each.id, "kind": each.kind, "sha256": each.checksum()} for each in sources]
    with lock_run(folder):
        if overwrite:
            remove_job(folder)
        state = JobState(folder, {"settings": settings, "inputs": inputs})
        if state.is_finished:
            failed = sum(shard["errors"] for shard in state.done)
            print(f"{folder}: finished already, {failed:,} errors; --overwrite does it again", file=sys.stderr)
            return 1 if failed else 0
        failed = sum(len(shard["errors"]) for shard in state.done)
        if state.done:
            print(f"{folder}: resumes behind {len(state.done):,} shards, {failed:,} errors", file=sys.stderr)
        reporter = Reporter()
        if cluster:
            from cbpner.prediction.ray_engine import pack_tagger, predict_shards_on_ray

            parcel = pack_tagger(tagger, device="cuda" if cluster.gpus else "cpu", **options or {})
            predict_shards_on_ray(parcel, sources, fields, kind, state, shard_size, reporter, cluster)
        else:
            predict_shards(tagger, read_sources(sources, fields), kind, state, shard_size, reporter)
        return max(reporter.finish(folder), 1 if failed else 0)


def describe_settings(tagger: Tagger, **more: Any) -> dict[str, Any]:
    """What the bytes of a job's shards depend on: program, model, how it decodes and runs, and more, as JSON has it."""
    backend, names = tagger.backend, (tagger.backend.weights, *(name for name in FILES if name != "config.json"))
    settings = {
        "cbpner": cbpner.__version__,
        "model": {name: file_checksum(tagger.folder / name) for name in names},
        "decision": asdict(tagger.decision),
        "min_score": tagger.min_score,
        "batch_tokens": tagger.batch_tokens,
        "backend": [backend.name, backend.device],
        "precision": backend.precision,
    }
    return json.loads(json.dumps(settings | more))


def recall_precision(folder: Path, backend: str) -> str | None:
    """The number format in which a job of the backend was begun there: what is fastest may differ by the day."""
    try:
        path = folder / MANIFEST
        whole = path.read_text("utf-8") if path.is_file() else (folder / PROGRESS).read_text("utf-8").partition("\n")[0]
        settings = json.loads(whole)["settings"]
        return settings["precision"] if settings["backend"][0] == backend else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no job's folder: `JobState` says so


def list_foreign(folder: Path) -> list[str]:
    """Names in a folder that no job writes; shards are a job's where it has a manifest, or a progress, as well."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    own = {MANIFEST, PROGRESS, ERRORS, runs.LOCK}
    has_job = MANIFEST in names or PROGRESS in names
    return [
        name for name in names
        if name not in own and not _is_leftover(name) and not (has_job and name.startswith("part-"))
    ]  # fmt: skip


def _is_leftover(name: str) -> bool:
    return name.startswith(".") and name.endswith(UNFINISHED)


def remove_job(folder: Path) -> None:
    """Delete a job's files; what a kill leaves of it can be resumed. InputError for a folder with other things."""
    if foreign := list_foreign(folder):
        raise InputError(f"{folder}: found {', '.join(foreign[:5])} there; --overwrite deletes a job's own files alone")
    if (folder / MANIFEST).is_file():
        write_text(folder / PROGRESS, "{}\n")
    for name in (MANIFEST, ERRORS, *sorted(path.name for path in folder.glob("part-*")), PROGRESS):
        remove_tree(folder / name)


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
            self._read(path)
        elif foreign := list_foreign(folder):
            raise InputError(f"{folder}: found {', '.join(foreign[:5])} there; expected a new or empty folder")
        else:
            write_text(path, dump_row(plan) + "\n")
        if missing := next((shard["name"] for shard in self.done if not (folder / shard["name"]).exists()), None):
            raise InputError(f"{folder}: found no {missing}, which was there; put it back, or --overwrite")
        self._names = {shard["name"] for shard in self.done}
        for leftover in [file for file in folder.iterdir() if _is_leftover(file.name)]:
            remove_tree(leftover)

    def _read(self, path: Path) -> None:
        """Take what a broken-off job has done; a line that was not written to its end is cut off."""
        lines = path.read_bytes().split(b"\n")
        rest = lines.pop()
        try:
            before, *self.done = map(json.loads, lines)
        except ValueError as error:
            raise InputError(f"{path}: found no job's progress ({error}); expected one, or --overwrite") from error
        self._check(before)
        if rest:
            with open(path, "r+b") as file:
                file.truncate(path.stat().st_size - len(rest))

    def _check(self, before: dict[str, Any]) -> None:
        """Take the plan of the job that is there; InputError where it is another."""

        def identify(inputs: list[dict[str, Any]]) -> dict[str, str]:
            """{number and id of a file: what is in it}"""
            rows = ((file["id"], file["kind"], str(file["sha256"])[:12]) for file in inputs)
            return {f"{number} {id}": f"{kind} {checksum}" for number, (id, kind, checksum) in enumerate(rows, 1)}

        advice = "take another folder, or --overwrite"
        for key, simplify in (("settings", dict), ("inputs", identify)):
            try:
                was, now = simplify(before[key]), simplify(self.plan[key])
            except (KeyError, TypeError, ValueError):
                raise InputError(f"{self.folder}: found no job's {key}; {advice}") from None
            if was != now:
                differences = list_differences(was, now)
                raise InputError(f"{self.folder}: found a job with other {key} ({differences}); {advice}")
        self.plan = {key: before[key] for key in self.plan}

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def add(self, shard: Shard) -> None:
        with open(self.folder / PROGRESS, "ab") as file:
            file.write((dump_row(shard) + "\n").encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        self.done.append(shard)
        self._names.add(shard["name"])

    def finish(self) -> None:
        """Write the errors and the manifest."""
        done = sorted(self.done, key=lambda shard: (len(shard["name"]), shard["name"]))  # part-99999, part-100000
        write_errors(self.folder / ERRORS, (error for shard in done for error in shard["errors"]))
        shards = [shard | {"errors": len(shard["errors"])} for shard in done]
        totals = {name: sum(shard[name] for shard in shards) for name in (*COUNTS[1:], "errors")}
        manifest = self.plan | {"totals": totals, "shards": shards}
        write_text(self.folder / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")
        remove_tree(self.folder / PROGRESS)


def predict_shards(
    tagger: Tagger, items: Iterable[Item], kind: str, state: JobState, shard_size: int, reporter: Reporter
) -> None:
    """Write the shards of a job that are not done yet."""
    for number, shard in cut_shards(items, shard_size):
        name = name_shard(number, kind)
        if name in state:
            deque(shard, maxlen=0)  # skip its documents
        else:
            state.add(write_shard(tagger, shard, kind, state.folder / name, reporter))
    state.finish()


def cut_shards(items: Iterable[Item], size: int) -> Iterator[tuple[int, Iterator[Item]]]:
    """Yield (number, its items) of each shard; the items of one are taken before the next is asked for."""
    items = iter(items)
    for number in count():
        first = next(items, None)
        if first is None:
            return
        yield number, chain([first], islice(items, size - 1))


def name_shard(number: int, kind: str) -> str:
    suffix = "" if kind in FILES_EACH else SUFFIXES[kind][0]
    return f"part-{number:05}{suffix}"


def write_shard(tagger: Tagger, items: Iterable[Item], kind: str, path: Path, reporter: Reporter) -> Shard:
    """Tag the items of a shard and write it."""
    before, reporter.errors = reporter.counts.copy(), []
    with open_writer(kind, path, tagger.labels.types, has_folder=True) as write:
        write_tagged(tagger, items, write, reporter)
    counts = {name: reporter.counts[name] - before[name] for name in COUNTS}
    return {"name": path.name, **counts, "errors": reporter.errors, "sha256": checksum_output(path)}


def checksum_output(path: Path) -> str:
    """Of a file; of a folder: over its files' names and checksums, sorted."""
    if path.is_file():
        return file_checksum(path)
    lines = [f"{file.name}\0{file_checksum(file)}\n" for file in sorted(path.iterdir())]
    return sha256("".join(lines).encode("utf-8")).hexdigest()
