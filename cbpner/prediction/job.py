"""From sources to outputs: one file, one stream, or a folder of shards that a killed job goes on with.

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
from contextlib import contextmanager
from dataclasses import asdict, replace
from hashlib import sha256
from itertools import chain, count, islice

from tqdm import tqdm

import cbpner
from cbpner.base.errors import InputError
from cbpner.base.files import UNFINISHED, atomic_open, file_checksum, read_json, remove_tree, write_text
from cbpner.formats.fields import dump_row
from cbpner.prediction.inputs import Rejected
from cbpner.prediction.model_folder import FILES
from cbpner.prediction.outputs import FILES_EACH, SUFFIXES, open_text, open_writer
from cbpner.runs import folder as runs
from cbpner.runs.lifecycle import list_differences, lock_run

MANIFEST = "manifest.json"
PROGRESS = "progress.jsonl"
ERRORS = "errors.jsonl"
SHARD_SIZE = 100  # documents
DIGITS = 4  # of a score
SHOWN_ERRORS = 5
COUNTS = ("items", "documents", "characters", "spans")  # of a shard


class Tally:
    """Counts what passes, shows it in a bar on a terminal, and keeps what could not be tagged.

    counts: `items` (read), `documents` (written), `characters`, `spans`. errors: of the current shard or file, [source,
    reason]. shown: so many of them are shown at once; None: all, where no file holds them.
    """

    def __init__(self, shown=SHOWN_ERRORS):
        self.counts, self.errors, self.failed, self.start = Counter(), [], 0, time.perf_counter()
        self.shown = shown
        self.bar = tqdm(unit=" documents", mininterval=0.5, disable=None, dynamic_ncols=True, leave=False)

    def watch(self, items):
        """The items, each counted."""
        for item in items:
            self.counts["items"] += 1
            yield item

    def report(self, bad):
        self.errors.append(bad)
        self.failed += 1
        if self.shown is None or self.failed <= self.shown:
            self.bar.write(f"{bad.source}: {bad.reason}", file=sys.stderr)

    def add(self, document):
        self.counts.update(documents=1, characters=len(document.text), spans=len(document.spans))
        self.bar.update()

    def take(self, shard):
        """Count a shard that somebody else has done, and report its errors."""
        self.counts.update({name: shard[name] for name in COUNTS})
        for error in shard["errors"]:
            self.report(Rejected(*error))
        self.bar.update(shard["documents"])
        self.show_speed(shard["characters"])

    def show_speed(self, done):
        """done: characters that have just been tagged."""
        self.counts["tagged"] += done
        speed = self.counts["tagged"] / (time.perf_counter() - self.start)
        self.bar.set_postfix_str(f"{speed:,.0f} characters/s")

    def describe(self):
        seconds = time.perf_counter() - self.start
        parts = [f"{self.counts[name]:,} {name}" for name in ("documents", "characters", "spans")]
        speed = f"{self.counts['tagged'] / seconds:,.0f} characters/s"
        return ", ".join([*parts, f"{seconds:.1f} s ({speed})", *[f"{self.failed:,} errors"] * bool(self.failed)])


def tag_documents(tagger, items, tally):
    """The documents among the items (Document or Rejected) with their spans, in order; the others are reported."""
    for document, spans in join_found(tagger.tag_many, items, tally):
        yield put_spans(document, spans)


def put_spans(document, spans):
    """The document with these spans, their scores rounded."""
    return replace(document, spans=[span._replace(score=round(span.score, DIGITS)) for span in spans])


def join_found(tag, items, tally):
    """(document, what `tag` finds in its text) of the documents among the items; the others are reported.

    tag: `Tagger.tag_many`, or its like.
    """
    waiting = deque()

    def take_texts():
        for item in tally.watch(items):
            if isinstance(item, Rejected):
                tally.report(item)
            else:
                waiting.append(item)
                yield item.text

    for found in tag(take_texts(), tally.show_speed):
        yield waiting.popleft(), found


def write_tagged(tagger, items, write, tally):
    """Tag the items and write each document; one that cannot be written is reported."""
    for document in tag_documents(tagger, items, tally):
        try:
            write(document)
        except InputError as error:
            tally.report(Rejected(document.id, str(error)))
        else:
            tally.add(document)


def predict_stream(tagger, items, kind, file, tally):
    """Write all documents to an open text file, such as standard output."""
    with open_text(kind, file, tagger.labels.types) as write:
        write_tagged(tagger, items, write, tally)


def predict_file(tagger, items, kind, path, tally):
    """Write all documents to one file, which appears whole; beside it OUT.errors.jsonl where there are errors."""
    with open_writer(kind, path, tagger.labels.types) as write:
        write_tagged(tagger, items, write, tally)
    write_errors(path.with_name(f"{path.name}.{ERRORS}"), tally.errors)


def write_errors(path, errors):
    """Write an object a line; where there are none the file goes."""
    errors = iter(errors)
    first = next(errors, None)
    if first is None:
        path.unlink(missing_ok=True)
        return
    with atomic_open(path) as file:
        file.writelines(dump_row(Rejected(*error)._asdict()) + "\n" for error in chain([first], errors))


# ---- a folder of shards ----


def describe_settings(tagger, **more) -> dict:
    """What the bytes of a job's shards depend on: program, model, how it decides and runs, and more, as JSON has it."""
    backend = tagger.backend
    names = (backend.weights, *(name for name in FILES if name != "config.json"))
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


def describe_inputs(sources) -> list[dict]:
    """{`name`, `id`, `kind`, `sha256`} of each file, the checksum None where it cannot be read.

    Of a file elsewhere it is one of its size and time of change: its bytes come only when it is read.
    """
    return [
        {"name": source.name, "id": source.id, "kind": source.kind,
         "sha256": source.version or find_checksum(source.path)}
        for source in sources
    ]  # fmt: skip


def find_checksum(path):
    try:
        return file_checksum(path)
    except InputError:
        return None


def recall_precision(folder, backend):
    """The number format in which a job of the backend was begun there, or None.

    What a machine gains by one differs by the day.
    """
    try:
        if (folder / MANIFEST).is_file():
            settings = read_json(folder / MANIFEST)["settings"]
        else:
            with open(folder / PROGRESS, encoding="utf-8") as file:
                settings = json.loads(file.readline())["settings"]
        return settings["precision"] if settings["backend"][0] == backend else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no job's folder: `Progress` says so


@contextmanager
def claim_job(folder, settings, inputs, overwrite=False):
    """Lock the folder and yield its Progress, new, gone on with or done; InputError for another job's folder."""
    with lock_run(folder):
        if overwrite:
            remove_job(folder)
        yield Progress(folder, {"settings": settings, "inputs": inputs})


def list_foreign(folder):
    """Names in a folder that no job writes; shards are a job's where it has a manifest, or a progress, as well."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    is_jobs = MANIFEST in names or PROGRESS in names
    return [name for name in names if not is_ours(name) and not (is_jobs and name.startswith("part-"))]


def is_ours(name):
    return name in (MANIFEST, PROGRESS, ERRORS, runs.LOCK) or is_leftover(name)


def is_leftover(name):
    return name.startswith(".") and name.endswith(UNFINISHED)


def remove_job(folder):
    """Delete a job's files; what a kill leaves of it is a broken-off job. InputError for a folder with other things."""
    if foreign := list_foreign(folder):
        raise InputError(f"{folder}: found {', '.join(foreign[:5])} there; --overwrite deletes a job's own files alone")
    if (folder / MANIFEST).is_file():
        write_text(folder / PROGRESS, "{}\n")
    for name in (MANIFEST, ERRORS, *sorted(path.name for path in folder.glob("part-*")), PROGRESS):
        remove_tree(folder / name)


class Progress:
    """How far a job is: `done` shards, each {`name`, `items`, `documents`, `characters`, `spans`, `errors`, `sha256`}.

    They are in the order in which they were done; `name in progress`: whether a shard is.

    plan: its settings and inputs, as it was begun; InputError where the folder's are others, but for the names of the
    files. is_finished: nothing is left to do.
    """

    def __init__(self, folder, plan):
        self.folder, self.plan, self.done = folder, plan, []
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
        for leftover in [file for file in folder.iterdir() if is_leftover(file.name)]:
            remove_tree(leftover)

    def _read(self, path):
        """Take what a broken-off job has done; a line that was not written to its end is cut off."""
        lines = path.read_bytes().split(b"\n")
        rest = lines.pop()
        try:
            before, *self.done = map(json.loads, lines)
        except ValueError as error:
            found = f"found no job's progress ({error})"
            raise InputError(f"{path}: {found}; take another folder, or --overwrite") from error
        self._check(before)
        if rest:
            with open(path, "r+b") as file:
                file.truncate(path.stat().st_size - len(rest))

    def _check(self, before):
        """Take the plan of the job that is there; InputError where it is another."""
        for key, simplify in (("settings", dict), ("inputs", identify_inputs)):
            try:
                was, now = simplify(before[key]), simplify(self.plan[key])
            except (KeyError, TypeError, ValueError):
                raise InputError(f"{self.folder}: found no job's {key}; take another folder, or --overwrite") from None
            if was != now:
                raise InputError(
                    f"{self.folder}: found a job with other {key} ({list_differences(was, now)}); take another "
                    "folder, or --overwrite"
                )
        self.plan = {key: before[key] for key in self.plan}

    def __contains__(self, name):
        return name in self._names

    def add(self, shard):
        """Note that a shard is there."""
        with open(self.folder / PROGRESS, "ab") as file:
            file.write((dump_row(shard) + "\n").encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        self.done.append(shard)
        self._names.add(shard["name"])

    def finish(self):
        done = sorted(self.done, key=lambda shard: (len(shard["name"]), shard["name"]))  # part-99999, part-100000
        write_errors(self.folder / ERRORS, (error for shard in done for error in shard["errors"]))
        shards = [shard | {"errors": len(shard["errors"])} for shard in done]
        totals = {name: sum(shard[name] for shard in done) for name in COUNTS[1:]}
        totals["errors"] = sum(shard["errors"] for shard in shards)
        manifest = self.plan | {"totals": totals, "shards": shards}
        write_text(self.folder / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")
        remove_tree(self.folder / PROGRESS)


def identify_inputs(inputs):
    """{number and id of a file: what is in it}"""
    return {f"{n} {file['id']}": f"{file['kind']} {str(file['sha256'])[:12]}" for n, file in enumerate(inputs, 1)}


def predict_shards(tagger, items, kind, progress, shard_size, tally):
    """Write what is missing of a job."""
    for number, shard in cut_shards(items, shard_size):
        name = name_shard(number, kind)
        if name in progress:
            deque(shard, maxlen=0)  # is read over
        else:
            progress.add(write_shard(tagger, shard, kind, progress.folder / name, tally))
    progress.finish()


def cut_shards(items, size):
    """Yield (number, its items) of each shard; the items of one are taken before the next is asked for."""
    items = iter(items)
    for number in count():
        first = next(items, None)
        if first is None:
            return
        yield number, chain([first], islice(items, size - 1))


def name_shard(number, kind):
    suffix = "" if kind in FILES_EACH else SUFFIXES[kind][0]
    return f"part-{number:05}{suffix}"


def write_shard(tagger, items, kind, path, tally) -> dict:
    """Tag the items of a shard and write it; its line of `Progress`."""
    before, tally.errors = tally.counts.copy(), []
    with open_writer(kind, path, tagger.labels.types, has_folder=True) as write:
        write_tagged(tagger, items, write, tally)
    counts = {name: tally.counts[name] - before[name] for name in COUNTS}
    return {"name": path.name, **counts, "errors": tally.errors, "sha256": checksum(path)}


def checksum(path) -> str:
    """Of a file; of a folder: over its files' names and checksums, sorted."""
    if path.is_file():
        return file_checksum(path)
    lines = [f"{file.name}\0{file_checksum(file)}\n" for file in sorted(path.iterdir())]
    return sha256("".join(lines).encode("utf-8")).hexdigest()
