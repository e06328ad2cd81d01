"""Predictions joined with their gold: of run folders, of column files, of another system's JSON lines.

A run folder holds no gold: its config.json names the data files by checksum, and they are looked for where the run
found them, or below a folder that the user gives. Runs of the same settings are one system, whatever their folders.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate, pairwise, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cbpner.base.errors import InputError
from cbpner.base.progress import track
from cbpner.reports.run_scores import load_runs, show_split
from cbpner.reports.systems import RunRecord, name_systems
from cbpner.reports.tables import UNDEFINED
from cbpner.runs.folder import METRICS, find_data, read_tags, tags_path
from cbpner.scoring.answers import flatten_spans, read_answers
from cbpner.scoring.metrics import score
from cbpner.text.bio import Sentence, list_mentions, read_bio
from cbpner.text.labels import TagSpan, split_tag, tags_to_spans
from cbpner.text.splits import draw_patents, split_patents


@dataclass(frozen=True, eq=False)
class PredictedSet:
    """Gold sentences, and what one run or one other system predicted for them."""

    run: str  # its folder or file, as shown
    split: str  # UNDEFINED where there is none, and so is the seed
    seed: str
    sentences: Sequence[Sentence]
    tags: Sequence[Sequence[str]]  # predicted
    known: frozenset[tuple[str, str]] | None  # (surface, type) of the mentions in the training text
    answers: Sequence[Sequence[TagSpan]] | None = None  # spans that were predicted as such, and not as tags

    @cached_property
    def gold(self) -> list[list[TagSpan]]:
        """The gold spans of each sentence, read leniently."""
        return [tags_to_spans(sentence.tags) for sentence in self.sentences]

    @cached_property
    def strict_gold(self) -> list[list[TagSpan]]:
        return [tags_to_spans(sentence.tags, strict=True) for sentence in self.sentences]

    @cached_property
    def spans(self) -> Sequence[Sequence[TagSpan]]:
        """The predicted spans of each sentence, read leniently."""
        return [tags_to_spans(tags) for tags in self.tags] if self.answers is None else self.answers

    @cached_property
    def strict(self) -> Sequence[Sequence[TagSpan]]:
        return [tags_to_spans(tags, strict=True) for tags in self.tags] if self.answers is None else self.answers

    @cached_property
    def patents(self) -> list[tuple[int, range]]:
        """(number from 1, places of its sentences) of each patent."""
        ends = accumulate(map(len, split_patents(self.sentences)), initial=0)
        return [(number, range(*pair)) for number, pair in enumerate(pairwise(ends), 1)]

    @cached_property
    def patent_keys(self) -> list[str]:
        """For each sentence what identifies its patent by its text, in any file: 12 hex digits."""
        keys = []
        for _, places in self.patents:
            keys += [_hash_text("\n".join(self.sentences[place].chars for place in places))[:12]] * len(places)
        return keys

    @cached_property
    def identity(self) -> str:
        """What identifies the set of gold sentences: a hash of their text and tags."""
        return _hash_text("\n".join(f"{sentence.chars}\t{' '.join(sentence.tags)}" for sentence in self.sentences))


class System(NamedTuple):
    """What is evaluated as one: the sets of one way to make predictions, and its runs (none for files)."""

    name: str
    sets: list[PredictedSet]
    runs: list[RunRecord]


class JoinedSystems(NamedTuple):
    """All systems, and notes for people, one line each."""

    systems: list[System]
    notes: list[str]


def join_runs(paths: Sequence[str | Path], part: str = "test", data_dir: str | Path | None = None) -> JoinedSystems:
    """The finished runs in `paths` with the gold of `part`, test or dev.

    InputError where there is nothing to score, data are missing or not the run's, or tags do not give its scores.
    """
    loaded = load_runs(paths, part)
    return join_scored(loaded.scored, name_systems(loaded.scored), loaded.notes, part, data_dir)


def join_scored(
    runs: Sequence[RunRecord], names: Sequence[str], notes: Sequence[str], part: str = "test",
    data_dir: str | Path | None = None,
) -> JoinedSystems:  # fmt: skip
    """The systems of runs that have scores on `part`; names: of each run's system. Raises as `join_runs`."""
    read = cache(lambda path, orphans: read_bio(path, orphans=orphans))
    list_known = cache(lambda path, patents, seed: _list_known(read(path, "keep"), patents, seed))
    systems, seen, repeated = dict[str, System](), dict[tuple[str, ...], str](), []
    for run, name in track("reading runs", list(zip(runs, names, strict=True)), "runs"):
        gold_path, train_path = (find_data(run.config, name, data_dir, run.folder) for name in (part, "train"))
        flags, path = run.config.get("flags", {}), tags_path(run.folder, part)
        sentences, tags = read(gold_path, flags.get("orphans", "keep")), read_tags(path)
        gold = [sentence.tags for sentence in sentences]
        if list(map(len, tags)) != list(map(len, gold)):
            raise InputError(f"{path}: found other sentences than the {part} data have; make the run again")
        found = pd.json_normalize([score(gold, tags), run.metrics[part]])  # metrics.json has seqeval's own last digits
        ours, recorded = found.to_numpy(dtype=float)
        if not np.allclose(ours, recorded, rtol=0, atol=1e-9):
            raise InputError(f"{path}: found tags that do not give the {part} scores of {METRICS}; make the run again")
        known = list_known(train_path, flags.get("patents"), run.config["seed"])
        own = PredictedSet(run.folder, show_split(run.config), str(run.config["seed"]), sentences, tags, known)
        system = systems.setdefault(name, System(name, [], []))
        system.sets.append(own)
        system.runs.append(run)
        first = seen.setdefault((name, own.split, own.seed, own.identity), run.folder)
        if first != run.folder:
            repeated.append(f"{run.folder}: has the settings, split and seed of {first}; both count, as two runs")
    return JoinedSystems(list(systems.values()), [*repeated, *notes])


def join_files(
    gold_path: str | Path, paths: Sequence[str | Path], train: str | Path | None = None,
    renamed: Mapping[str, str] | None = None,
) -> JoinedSystems:  # fmt: skip
    """A gold column file with predictions for it, one system a path.

    `paths` are JSON lines where the name ends in .jsonl (`cbpner.scoring.answers`), a run's tags where it ends in .tags
    or .tags.gz, else column files of the same text (InputError where it differs). The mentions of the column file
    `train` count as seen. `renamed`: {label in a prediction: label}.
    """
    gold, renamed = read_bio(gold_path), dict(renamed or {})
    gold_labels = {split_tag(tag)[1] for sentence in gold for tag in set(sentence.tags)}
    known = None if train is None else _list_known(read_bio(train))
    systems, notes = [], []
    for path in dict.fromkeys(map(str, paths)):
        if path.endswith(".jsonl"):
            spans, found = read_answers(path, gold, renamed)
            tags = [flatten_spans(own, len(sentence.chars)) for own, sentence in zip(spans, gold, strict=True)]
            notes += [f"{path}: {note}" for note in found]
            predicted = PredictedSet(path, UNDEFINED, UNDEFINED, gold, tags, known, spans)
        else:
            read = read_tags(path) if path.endswith((".tags", ".tags.gz")) else _read_columns(path, gold_path, gold)
            if list(map(len, read)) != [len(sentence.tags) for sentence in gold]:
                raise InputError(f"{path}: found other sentences than {gold_path} has; expected tags of that file")
            split = {tag: split_tag(tag) for own in read for tag in own}
            names = {tag: f"{prefix}-{renamed[label]}" for tag, (prefix, label) in split.items() if label in renamed}
            tags = [[names.get(tag, tag) for tag in own] for own in read]
            predicted = PredictedSet(path, UNDEFINED, UNDEFINED, gold, tags, known)
        systems.append(System(path, [predicted], []))
        unknown = Counter(span.label for own in predicted.spans for span in own if span.label not in gold_labels)
        if counted := ", ".join(f"{label} ({count})" for label, count in sorted(unknown.items())):
            hint = "--rename OTHER=TYPE reads them as one that it has"
            notes.append(f"{path}: labels that the gold does not have: {counted}; {hint}")
    return JoinedSystems(systems, notes)


def describe_patents(systems: Sequence[System]) -> list[dict[str, Any]]:
    """One row a patent of the sets: `patent_key`, `sentences`, `mentions`, `places`.

    places: where it occurs, `split:number of the patent in the file`, sorted.
    """
    patents: dict[str, dict[str, Any]] = {}
    for own in (own for system in systems for own in system.sets):
        for number, places in own.patents:
            key, sentences = own.patent_keys[places[0]], [own.sentences[place] for place in places]
            row = {"patent_key": key, "sentences": len(sentences), "mentions": len(list_mentions(sentences))}
            patents.setdefault(key, row | {"places": set()})["places"].add(f"{own.split}:{number}")
    return [row | {"places": sorted(row["places"])} for row in patents.values()]


def _hash_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _list_known(sentences: Sequence[Sentence], patents: int | None = None, seed: int = 0) -> frozenset[tuple[str, str]]:
    return frozenset(list_mentions(sentences if patents is None else draw_patents(sentences, patents, seed)))


def _read_columns(path: str, gold_path: str | Path, gold: Sequence[Sentence]) -> list[tuple[str, ...]]:
    """The tags of a column file; InputError at the first line that differs from the gold file in more than the tag."""
    predicted = read_bio(path)
    for expected, found in zip_longest(gold, predicted, fillvalue=Sentence("", (), 0)):
        if expected.chars != found.chars:
            pairs = enumerate(zip_longest(found.chars, expected.chars))
            offset, chars = next((offset, pair) for offset, pair in pairs if pair[0] != pair[1])
            char, wanted = ("an end" if char is None else repr(char) for char in chars)
            place = f"{gold_path}:{expected.line + offset}, the same text, {len(gold)} sentences, not {len(predicted)}"
            raise InputError(f"{path}:{found.line + offset}: found {char}; expected {wanted} as in {place}")
    return [sentence.tags for sentence in predicted]
