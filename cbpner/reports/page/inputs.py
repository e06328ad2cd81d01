"""What a report is made of: finished runs, their evaluation where the gold is at hand, and what could not be had.

Runs on fewer training patents (`cbpner train --patents`) are points of a curve and no systems of their own, unless
there are no others. Where the gold text is not to be found, the figures that need it come from an evaluation.json that
`cbpner evaluate` wrote for the same runs, or are left out.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from cbpner.base.errors import InputError
from cbpner.reports.curve import POINT, count_patents, frame_points, mark_compared
from cbpner.reports.evaluate import NAME, Evaluation, evaluate_systems, read_evaluation
from cbpner.reports.join import Joint, join_scored, note_left_out, note_repetitions
from cbpner.reports.systems import BLOCK, RESOURCES, block_key, fill_flags, name_systems, shorten_names
from cbpner.reports.table import Run, explain_nothing, frame_runs, load_runs, note_deeper
from cbpner.runs.folder import CONFIG, LOG, find_data


class Material(NamedTuple):
    """What `gather_material` found.

    part: test or dev. systems: {name: its runs}. scores: `frame_runs` of them for the part, with a column `system`.
    evaluation: or None. recorded: the evaluation.json that it was read from, or None where it was made here. missing:
    why the gold text is not there, or None. points: the runs of the curve (see `mark_compared`), or None. notes: one
    line each, for people.
    """

    part: str
    systems: dict[str, list[Run]]
    scores: Any
    evaluation: Evaluation | None
    recorded: Path | None
    missing: str | None
    points: Any
    notes: list[str]


def gather_material(paths, part="test", data_dir=None, recorded=None, resampling=None) -> Material:
    """The Material of the finished runs in `paths`; InputError where none has scores on `part`.

    recorded: an evaluation.json, for want of the gold text; without it, one that lies in a folder of `paths`, or in
    its `evaluation/`, is taken.
    """
    runs, unfinished = load_runs(paths)
    scored = [run for run in runs if run.metrics[part] is not None]
    if not scored:
        raise InputError(explain_nothing(paths, runs, unfinished, part))
    judged = [run for run in scored if not _has_fewer(run)] or scored
    names = shorten_names(judged, name_systems(judged))
    systems = {name: [run for run, own in zip(judged, names, strict=True) if own == name] for name in names}
    scores = frame_runs(judged)
    scores = scores[scores["part"] == part]
    scores.insert(0, "system", scores["run"].map({run.folder: name for run, name in zip(judged, names, strict=True)}))
    notes = [*note_left_out(runs, unfinished, part), *note_deeper(paths)]
    evaluation, place, missing = None, None, _find_missing(judged, part, data_dir)
    if missing is None:
        joined = join_scored(judged, names, part, data_dir)
        notes = [*note_repetitions(joined), *notes]
        evaluation = evaluate_systems(Joint(joined, notes), part, resampling)
        notes = evaluation.notes
    else:
        evaluation, place, remarks = _take_recorded(paths, recorded, systems, part)
        notes = [*(evaluation.notes if evaluation else []), *remarks, *notes]
    points = _frame_curve(scored, judged, systems)
    return Material(part, systems, scores, evaluation, place, missing, points, list(dict.fromkeys(notes)))


def list_history(run):
    """The records of one run that have an epoch, in its order: those of metrics.json, else of log.jsonl."""
    history = run.metrics.get("history")
    if not history:
        try:
            lines = (Path(run.folder) / LOG).read_text(encoding="utf-8").splitlines()
            history = [json.loads(line) for line in lines]
        except (OSError, ValueError):
            return []
    return [row for row in history if isinstance(row, dict) and "epoch" in row]


def group_casings(systems):
    """{(what all share, as text): {casing: name of the system}} where systems differ in casing and nothing else."""
    groups = {}
    for (name, runs), flags in zip(systems.items(), fill_flags([r[0].config for r in systems.values()]), strict=True):
        rest = {key: value for key, value in flags.items() if key not in ("casing", "paper_lowers")}
        key = (*block_key(runs[0].config), json.dumps(rest, sort_keys=True))
        groups.setdefault(key, {})[flags.get("casing")] = name
    return {key: found for key, found in groups.items() if len(found) > 1 and None not in found}


def list_differing_flags(systems):
    """{flag: the value of each system as text} for the flags in which systems, or runs of one, differ."""
    filled = iter(fill_flags([run.config for runs in systems.values() for run in runs]))
    flags = [[next(filled) for _ in runs] for runs in systems.values()]
    names = dict.fromkeys(name for own in flags for each in own for name in each)
    values = {
        name: [", ".join(dict.fromkeys(_show_value(each.get(name)) for each in own)) for own in flags]
        for name in names
        if name not in BLOCK
    }
    return {name: own for name, own in values.items() if len(set(own)) > 1 or any(", " in value for value in own)}


def _has_fewer(run):
    return bool((run.config.get("flags") or {}).get("patents"))


def _find_missing(runs, part, data_dir):
    """None where all data of the runs are found; else a sentence."""
    for run in runs:
        files = run.config["data"].get("files") or {}
        if lacking := [name for name in ("train", part) if "sha256" not in (files.get(name) or {})]:
            return f"{run.folder}/{CONFIG}: found no {' and no '.join(lacking)} file with its checksum"
        try:
            for name in ("train", part):
                find_data(run.config, name, data_dir)
        except InputError as error:
            return str(error)
    return None


def _take_recorded(paths, recorded, systems, part):
    """(evaluation, its file, remarks) of the first evaluation.json that was made of these runs."""
    if recorded is not None:
        return read_evaluation(recorded, systems, part), Path(recorded), []
    remarks = []
    for folder in map(Path, paths):
        for place in (folder / f"{NAME}.json", folder / NAME / f"{NAME}.json"):
            if place.is_file():
                try:
                    return read_evaluation(place, systems, part), place, remarks
                except InputError as error:
                    remarks.append(str(error))
    return None, None, remarks


def _frame_curve(scored, judged, systems):
    """The points of groups that have runs on two numbers of patents or more.

    Where a group's runs on all patents are several systems, the one counts that shares most flags with the others.
    """
    counted = [run for run in scored if count_patents(run.config) is not None]
    fewer = [run for run in counted if _has_fewer(run)]
    names = {run.folder: name for name, runs in systems.items() for run in runs}
    kept = list(fewer)
    for group in dict.fromkeys(_name_group(run) for run in fewer):
        whole = [run for run in counted if not _has_fewer(run) and _name_group(run) == group and run in judged]
        likeness = {}
        for run in whole:
            others = [_count_alike(run, other) for other in fewer if _name_group(other) == group]
            likeness.setdefault(names[run.folder], sum(others) / len(others))
        best = max(likeness, key=likeness.get, default=None)
        kept += [run for run in whole if names[run.folder] == best]
    if not kept:
        return None
    points = mark_compared(frame_points(kept))
    points = points[points["compared"] & (points.groupby(BLOCK)["patents"].transform("nunique") > 1)]
    return points if len(points.drop_duplicates(POINT)) > 1 else None


def _name_group(run):
    return (*block_key(run.config)[:3], str(run.config["data"]["name"]))


def _count_alike(run, other):
    first, second = fill_flags([run.config, other.config])
    return sum(first[name] == second[name] for name in first if name not in RESOURCES)


def _show_value(value):
    if value is None:
        return "none"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
