"""Predictions beside the gold that judges them: of run folders, of column files, of another system's JSON lines.

A run folder holds no gold: its config.json names the data files by checksum, and they are looked for where the run
found them, or below a folder that the user gives. Runs of the same settings are one system, whatever their folders.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from cbpner.base.errors import InputError
from cbpner.reports.run_scores import load_runs, show_split
from cbpner.reports.systems import RunRecord, name_systems
from cbpner.reports.tables import UNDEFINED
from cbpner.runs.folder import CONFIG, METRICS, find_data, read_tags, tags_path
from cbpner.scoring.answers import flatten_spans, read_answers
from cbpner.scoring.metrics import score
from cbpner.text.bio import Sentence, list_mentions, read_bio
from cbpner.text.labels import TagSpan, split_tag, tags_to_spans
from cbpner.text.splits import draw_patents, split_patents

TAGS_SUFFIXES = (".tags", ".tags.gz")


@dataclass(frozen=True, eq=False)
class PredictedSet:
    """Gold sentences, and what one run or one other system predicted for them.

    Attributes:
        run: its folder or file, as shown.
        split, seed: text, UNDEFINED where there is none.
        sentences: the gold.
        tags: the predicted BIO tags of each sentence.
        spans, strict: the predicted spans of each sentence, as `tags_to_spans` reads the tags leniently and strictly;
            spans that came as such are in both.
        known: (surface, type) of the mentions in the training text, or None.
    """

    run: str
    split: str
    seed: str
    sentences: Sequence[Sentence]
    tags: Sequence[Sequence[str]]
    spans: Sequence[Sequence[TagSpan]]
    strict: Sequence[Sequence[TagSpan]]
    known: frozenset[tuple[str, str]] | None

    @cached_property
    def gold(self) -> list[list[TagSpan]]:
        """The gold spans of each sentence, read leniently."""
        return [tags_to_spans(sentence.tags) for sentence in self.sentences]

    @cached_property
    def strict_gold(self) -> list[list[TagSpan]]:
        return [tags_to_spans(sentence.tags, strict=True) for sentence in self.sentences]

    @cached_property
    def patent_keys(self) -> list[str]:
        """For each sentence what identifies its patent by its text, in whatever file: 12 hex digits."""
        keys = []
        for patent in split_patents(self.sentences):
            text = "\n".join(sentence.chars for sentence in patent)
            keys += [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]] * len(patent)
        return keys

    @cached_property
    def patents(self) -> list[tuple[int, range]]:
        """(number from 1, places of its sentences) of each patent."""
        found, start = [], 0
        for number, patent in enumerate(split_patents(self.sentences), 1):
            found.append((number, range(start, start + len(patent))))
            start += len(patent)
        return found

    @cached_property
    def identity(self) -> str:
        """What identifies the set of gold sentences: a hash of their text and tags."""
        lines = "\n".join(f"{sentence.chars}\t{' '.join(sentence.tags)}" for sentence in self.sentences)
        return hashlib.sha256(lines.encode("utf-8", "surrogatepass")).hexdigest()


class System(NamedTuple):
    """What is judged as one: the sets of one way to make predictions, and its runs (none for files)."""

    name: str
    sets: list[PredictedSet]
    runs: list[RunRecord]


class JoinedSystems(NamedTuple):
    """All systems, and notes for people, one line each."""

    systems: list[System]
    notes: list[str]


def join_runs(
    paths: Sequence[str | Path], part: str = "test", data_dir: str | Path | None = None
) -> JoinedSystems:
    """The finished runs in `paths` with the gold of `part`, test or dev.

    Raises:
        InputError: where there is nothing to score, the data are not to be found or not those of the run, or a run's
            predictions do not give the scores of its metrics.json.
    """
    loaded = load_runs(paths, part)
    systems = join_scored(loaded.scored, name_systems(loaded.scored), part, data_dir)
    return JoinedSystems(systems, [*note_repetitions(systems), *loaded.list_notes(part)])


def join_scored(
    runs: Sequence[RunRecord], names: Sequence[str], part: str = "test", data_dir: str | Path | None = None
) -> list[System]:
    """The systems of runs that have scores on `part`; names: of each run's system. Raises as `join_runs`."""
    read = cache(lambda path, orphans: read_bio(path, orphans=orphans))
    list_known = cache(lambda path, patents, seed: _list_known(read(path, "keep"), patents, seed))
    systems: dict[str, System] = {}
    for run, name in zip(runs, names, strict=True):
        system = systems.setdefault(name, System(name, [], []))
        system.sets.append(_join_run(run, part, data_dir, read, list_known))
        system.runs.append(run)
    return list(systems.values())


def join_files(
    gold_path: str | Path,
    paths: Sequence[str | Path],
    train: str | Path | None = None,
    renamed: Mapping[str, str] | None = None,
) -> JoinedSystems:
    """A gold column file with predictions for it, one system a path.

    Args:
        gold_path: the column file.
        paths: JSON lines where the name ends in .jsonl (`cbpner.scoring.answers`), a run's tags where it ends in .tags
            or .tags.gz, else column files of the same text.
        train: the column file whose mentions count as seen, or None.
        renamed: {label in a prediction: label}.

    Raises:
        InputError: where texts differ.
    """
    gold, renamed = read_bio(gold_path), dict(renamed or {})
    known = None if train is None else _list_known(read_bio(train))
    systems, notes = [], []
    for path in dict.fromkeys(map(str, paths)):
        if path.endswith(".jsonl"):
            answers = read_answers(path, gold, renamed)
            spans = strict = answers.spans
            tags = [flatten_spans(own, len(sentence.chars)) for own, sentence in zip(spans, gold, strict=True)]
            notes += [f"{path}: {note}" for note in answers.notes]
        else:
            read = _read_tags if path.endswith(TAGS_SUFFIXES) else _read_columns
            tags = [[_rename_tag(tag, renamed) for tag in own] for own in read(path, gold_path, gold)]
            spans, strict = ([tags_to_spans(own, is_strict) for own in tags] for is_strict in (False, True))
        predicted = PredictedSet(path, UNDEFINED, UNDEFINED, gold, tags, spans, strict, known)
        systems.append(System(path, [predicted], []))
        notes += [f"{path}: {note}" for note in _note_labels(gold, spans)]
    return JoinedSystems(systems, notes)


def note_repetitions(systems: Sequence[System]) -> list[str]:
    """A line for each set that has the settings, split, seed and gold of another one of its system."""
    notes = []
    for system in systems:
        seen: dict[tuple, str] = {}
        for own in system.sets:
            first = seen.setdefault((own.split, own.seed, own.identity), own.run)
            if first != own.run:
                notes.append(f"{own.run}: has the settings, split and seed of {first}; both count, as two runs")
    return notes


def describe_patents(systems: Sequence[System]) -> list[dict[str, Any]]:
    """One row a patent of the sets: `patent_key`, `sentences`, `mentions`, `places`.

    places: where it stands, `split:number of the patent in the file`, sorted.
    """
    patents: dict[str, dict[str, Any]] = {}
    for own in (own for system in systems for own in system.sets):
        for number, places in own.patents:
            key, sentences = own.patent_keys[places[0]], [own.sentences[place] for place in places]
            row = {"patent_key": key, "sentences": len(sentences), "mentions": len(list_mentions(sentences))}
            patents.setdefault(key, row | {"places": set()})["places"].add(f"{own.split}:{number}")
    return [row | {"places": sorted(row["places"])} for row in patents.values()]


def _list_known(
    sentences: Sequence[Sentence], patents: int | None = None, seed: int = 0
) -> frozenset[tuple[str, str]]:
    return frozenset(list_mentions(sentences if patents is None else draw_patents(sentences, patents, seed)))


def _join_run(
    run: RunRecord, part: str, data_dir: str | Path | None, read: Callable[..., Any], list_known: Callable[..., Any]
) -> PredictedSet:
    config = run.config
    flags, path = config.get("flags", {}), tags_path(run.folder, part)
    if missing := [name for name in ("train", part) if name not in config["data"].get("files", {})]:
        raise InputError(f"{run.folder}/{CONFIG}: found no {' and no '.join(missing)} file in data; make the run again")
    sentences = read(find_data(config, part, data_dir), flags.get("orphans", "keep"))
    tags, gold = read_tags(path), [sentence.tags for sentence in sentences]
    if list(map(len, tags)) != list(map(len, gold)):
        raise InputError(f"{path}: found other sentences than the {part} data have; make the run again")
    if score(gold, tags) != run.metrics[part]:
        raise InputError(f"{path}: found tags that do not give the {part} scores of {METRICS}; make the run again")
    return PredictedSet(
        run=run.folder,
        split=show_split(config),
        seed=str(config["seed"]),
        sentences=sentences,
        tags=tags,
        spans=[tags_to_spans(own) for own in tags],
        strict=[tags_to_spans(own, strict=True) for own in tags],
        known=list_known(find_data(config, "train", data_dir), flags.get("patents"), config["seed"]),
    )


def _read_tags(path: str, gold_path: str | Path, gold: Sequence[Sentence]) -> list[list[str]]:
    tags = read_tags(path)
    if list(map(len, tags)) != [len(sentence.tags) for sentence in gold]:
        raise InputError(f"{path}: found other sentences than {gold_path} has; expected tags of that file")
    return tags


def _read_columns(path: str, gold_path: str | Path, gold: Sequence[Sentence]) -> list[tuple[str, ...]]:
    """The tags of a column file; InputError at the first line that differs from the gold file in more than the tag."""
    predicted = read_bio(path)
    for expected, found in zip_longest(gold, predicted):
        if expected is None or found is None:
            rest, place = (found, path) if expected is None else (expected, gold_path)
            raise InputError(
                f"{path}: found {len(predicted)} sentences; expected {len(gold)} as in {gold_path}: "
                f"the first without another begins in {place}:{rest.line}"
            )
        if expected.chars != found.chars:
            pairs = enumerate(zip_longest(found.chars, expected.chars))
            offset, chars = next((offset, pair) for offset, pair in pairs if pair[0] != pair[1])
            char, wanted = ("the sentence's end" if char is None else repr(char) for char in chars)
            raise InputError(
                f"{path}:{found.line + offset}: found {char}; expected {wanted} as in "
                f"{gold_path}:{expected.line + offset}: the two files must have the same text and sentences"
            )
    return [sentence.tags for sentence in predicted]


def _rename_tag(tag: str, renamed: Mapping[str, str]) -> str:
    prefix, label = split_tag(tag)
    return f"{prefix}-{renamed[label]}" if label in renamed else tag


def _note_labels(gold: Sequence[Sentence], spans: Sequence[Sequence[TagSpan]]) -> list[str]:
    known = {split_tag(tag)[1] for sentence in gold for tag in set(sentence.tags)}
    unknown = Counter(span.label for own in spans for span in own if span.label not in known)
    if not unknown:
        return []
    counted = ", ".join(f"{label} ({count})" for label, count in sorted(unknown.items()))
    return [f"labels that the gold does not have: {counted}; --rename OTHER=TYPE reads them as one that it has"]
