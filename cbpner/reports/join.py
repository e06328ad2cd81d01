"""Predictions beside the gold that judges them: of run folders, of column files, of another system's JSON lines.

A run folder holds no gold: its config.json names the data files by checksum, and they are looked for where the run
found them, or below a folder that the user gives. Runs of the same settings are one system, whatever their folders.
"""

import hashlib
from functools import cache
from itertools import zip_longest
from typing import NamedTuple

from cbpner.base.errors import InputError
from cbpner.reports.systems import name_systems
from cbpner.reports.table import NONE, Run, explain_nothing, load_runs, note_deeper
from cbpner.runs.folder import CONFIG, METRICS, find_data, read_tags, tags_path
from cbpner.scoring.answers import flatten_spans, read_answers
from cbpner.scoring.metrics import score
from cbpner.text.bio import Sentence, list_mentions, read_bio
from cbpner.text.labels import TagSpan, split_tag, tags_to_spans
from cbpner.text.splits import draw_patents, split_patents

JSON_LINES, TAGS = ".jsonl", (".tags", ".tags.gz")


class Joined(NamedTuple):
    """Gold sentences, and what one run or one other system made of them.

    run: its folder or file, as shown. split, seed: text, NONE where there is none. sentences: the gold. tags: the
    predicted BIO tags of each sentence. spans, strict: the predicted spans of each, as `tags_to_spans` reads the tags
    leniently and strictly; spans that came as such are in both. known: (surface, type) of the mentions in the text that
    the run learnt from, or None.
    """

    run: str
    split: str
    seed: str
    sentences: list[Sentence]
    tags: list
    spans: list[list[TagSpan]]
    strict: list[list[TagSpan]]
    known: frozenset | None


class System(NamedTuple):
    """What is judged as one: the sets of one way to make predictions, and its runs (none for files)."""

    name: str
    sets: list[Joined]
    runs: list[Run]


class Joint(NamedTuple):
    """All systems, and notes for people, one line each."""

    systems: list[System]
    notes: list[str]


def join_runs(paths, part="test", data_dir=None) -> Joint:
    """The finished runs in `paths` with the gold of `part`, test or dev.

    InputError where there is nothing to score, where the data are not to be found or not those of the run, and where a
    run's predictions do not give the scores of its metrics.json.
    """
    runs, unfinished = load_runs(paths)
    scored = [run for run in runs if run.metrics[part] is not None]
    if not scored:
        raise InputError(explain_nothing(paths, runs, unfinished, part))
    systems = join_scored(scored, name_systems(scored), part, data_dir)
    notes = [*note_repetitions(systems), *note_left_out(runs, unfinished, part), *note_deeper(paths)]
    return Joint(systems, notes)


def join_scored(runs, names, part="test", data_dir=None) -> list[System]:
    """The systems of runs that have scores on `part`; names: that of each run's system. InputError as `join_runs`."""
    read = cache(lambda path, orphans: read_bio(path, orphans=orphans))
    known = cache(lambda path, patents, seed: _list_known(read(path, "keep"), patents, seed))
    systems = {}
    for run, name in zip(runs, names, strict=True):
        system = systems.setdefault(name, System(name, [], []))
        system.sets.append(_join_run(run, part, data_dir, read, known))
        system.runs.append(run)
    return list(systems.values())


def note_left_out(runs, unfinished, part):
    """A line for each run that cannot count, or has no scores on `part`."""
    lines = [f"{run.folder}: unfinished (no {METRICS}), left out" for run in unfinished]
    return lines + [f"{run.folder}: has no {part} scores, left out" for run in runs if run.metrics[part] is None]


def join_files(gold_path, paths, train=None, renamed=()) -> Joint:
    """A gold column file with predictions for it, one system a path.

    What ends in .jsonl is read by `cbpner.scoring.answers`, what ends in .tags or .tags.gz is a run's, all else is a
    column file of the same text. train: the column file that seen mentions are in, or None. renamed: {label in a
    prediction: label}. InputError where texts differ.
    """
    gold, renamed = read_bio(gold_path), dict(renamed)
    known = None if train is None else _list_known(read_bio(train))
    systems, notes = [], []
    for path in dict.fromkeys(map(str, paths)):
        spans, strict, tags, remarks = _read_predictions(path, gold_path, gold, renamed)
        systems.append(System(path, [Joined(path, NONE, NONE, gold, tags, spans, strict, known)], []))
        notes += [f"{path}: {note}" for note in [*remarks, *_note_labels(gold, spans)]]
    return Joint(systems, notes)


def note_repetitions(systems):
    """A line for each set that has the settings, split, seed and gold of another one of its system."""
    notes = []
    for system in systems:
        seen = {}
        for joined in system.sets:
            first = seen.setdefault((joined.split, joined.seed, identify_set(joined)), joined.run)
            if first != joined.run:
                notes.append(f"{joined.run}: has the settings, split and seed of {first}; both count, as two runs")
    return notes


def list_gold_spans(joined, strict=False) -> list[list[TagSpan]]:
    """The gold spans of each sentence."""
    return [tags_to_spans(sentence.tags, strict) for sentence in joined.sentences]


def list_patent_keys(sentences) -> list[str]:
    """For each sentence what tells its patent from others by its text, wherever it stands: 12 hex digits."""
    keys = []
    for patent in split_patents(sentences):
        text = "\n".join(sentence.chars for sentence in patent)
        keys += [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]] * len(patent)
    return keys


def identify_set(joined) -> str:
    """What tells a set of gold sentences from others: text and tags."""
    lines = "\n".join(f"{sentence.chars}\t{' '.join(sentence.tags)}" for sentence in joined.sentences)
    return hashlib.sha256(lines.encode("utf-8", "surrogatepass")).hexdigest()


def _list_known(sentences, patents=None, seed=0):
    drawn = sentences if patents is None else draw_patents(sentences, patents, seed)
    return frozenset(list_mentions(drawn))


def _join_run(run, part, data_dir, read, known):
    config = run.config
    flags, path = config.get("flags", {}), tags_path(run.folder, part)
    if missing := [name for name in ("train", part) if name not in config["data"].get("files", {})]:
        raise InputError(f"{run.folder}/{CONFIG}: found no {' and no '.join(missing)} file in data; make the run again")
    sentences = read(find_data(config, part, data_dir), flags.get("orphans", "keep"))
    tags = read_tags(path)
    gold = [sentence.tags for sentence in sentences]
    if [len(each) for each in tags] != [len(each) for each in gold]:
        raise InputError(f"{path}: found other sentences than the {part} data have; make the run again")
    if score(gold, tags) != run.metrics[part]:
        raise InputError(f"{path}: found tags that do not give the {part} scores of {METRICS}; make the run again")
    return Joined(
        run=run.folder,
        split=NONE if config["split"] is None else str(config["split"]),
        seed=str(config["seed"]),
        sentences=sentences,
        tags=tags,
        spans=[tags_to_spans(each) for each in tags],
        strict=[tags_to_spans(each, strict=True) for each in tags],
        known=known(find_data(config, "train", data_dir), flags.get("patents"), config["seed"]),
    )


def _read_predictions(path, gold_path, gold, renamed):
    """(lenient spans, strict spans, tags, notes), the first three by sentence, of one file of predictions."""
    if path.endswith(JSON_LINES):
        answers = read_answers(path, gold, renamed)
        tags = [flatten_spans(spans, len(s.chars)) for spans, s in zip(answers.spans, gold, strict=True)]
        return answers.spans, answers.spans, tags, answers.notes
    if path.endswith(TAGS):
        tags = read_tags(path)
        if [len(each) for each in tags] != [len(sentence.tags) for sentence in gold]:
            raise InputError(f"{path}: found other sentences than {gold_path} has; expected tags of that file")
    else:
        predicted = read_bio(path)
        _check_same_text(gold_path, gold, path, predicted)
        tags = [sentence.tags for sentence in predicted]
    tags = [[_rename_tag(tag, renamed) for tag in each] for each in tags]
    return [tags_to_spans(each) for each in tags], [tags_to_spans(each, strict=True) for each in tags], tags, []


def _rename_tag(tag, renamed):
    prefix, label = split_tag(tag)
    return f"{prefix}-{renamed[label]}" if label in renamed else tag


def _check_same_text(gold_path, gold, path, predicted):
    """InputError at the first line in which the two column files differ in more than the tag."""
    for expected, found in zip_longest(gold, predicted):
        if expected is None or found is None:
            rest, place = (found, path) if expected is None else (expected, gold_path)
            raise InputError(
                f"{path}: found {len(predicted)} sentences; expected {len(gold)} as in {gold_path}: "
                f"the first without another begins in {place}:{rest.line}"
            )
        if expected.chars != found.chars:
            pairs = enumerate(zip_longest(found.chars, expected.chars))
            offset, (char, wanted) = next((offset, pair) for offset, pair in pairs if pair[0] != pair[1])
            raise InputError(
                f"{path}:{found.line + offset}: found {_show_char(char)}; expected {_show_char(wanted)} as in "
                f"{gold_path}:{expected.line + offset}: the two files must have the same text and sentences"
            )


def _show_char(char):
    return "the sentence's end" if char is None else repr(char)


def _note_labels(gold, spans):
    known = {label for sentence in gold for _, label in map(split_tag, set(sentence.tags))}
    unknown = [span.label for each in spans for span in each if span.label not in known]
    if not unknown:
        return []
    counted = ", ".join(f"{label} ({unknown.count(label)})" for label in sorted(set(unknown)))
    return [f"labels that the gold does not have: {counted}; --rename OTHER=TYPE reads them as one that it has"]


def describe_sets(systems) -> list[dict]:
    """One row a patent that is met: `patent_key` (see `list_patent_keys`), `sentences`, `mentions`, `places`.

    places: where it stands, `split:number of the patent in the file`, sorted.
    """
    patents = {}
    for joined in (joined for system in systems for joined in system.sets):
        keys = list_patent_keys(joined.sentences)
        for number, key in enumerate(dict.fromkeys(keys), 1):
            own = [sentence for sentence, other in zip(joined.sentences, keys, strict=True) if other == key]
            row = patents.setdefault(
                key, {"patent_key": key, "sentences": len(own), "mentions": len(list_mentions(own)), "places": set()}
            )
            row["places"].add(f"{joined.split}:{number}")
    return [row | {"places": sorted(row["places"])} for row in patents.values()]
