"""Everything that can be said about predictions beside their gold: Markdown to read, JSON and CSV to go on from.

The path of the data: `cbpner.reports.join` (systems) -> `evaluate_systems` (frames) -> `render_evaluation`,
`write_evaluation`. Frames with figures alone can be published; those of WITH_TEXT hold the gold's text.
"""

import re
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

from cbpner.base.errors import InputError
from cbpner.base.files import read_json, write_json, write_text
from cbpner.reports.intervals import (
    COMPARISON,
    INTERVAL,
    WIDTH,
    Resampling,
    explain_intervals,
    explain_texts,
    format_number,
    frame_comparisons,
    frame_intervals,
    name_sets,
    render_comparisons,
    render_intervals,
    warn_few_mentions,
)
from cbpner.reports.join import Joined, System, describe_sets
from cbpner.reports.panel import lay_out, score_levels
from cbpner.reports.spans import (
    AGREEMENT,
    CONFUSIONS,
    KIND_COUNTS,
    NO_TYPE,
    PAIR,
    POOLED,
    SCHEMES,
    SCORES,
    count_confusions,
    count_kinds,
    frame_agreement,
    frame_spans,
    rank_wrong_surfaces,
    score_groups,
    score_schemes,
    summarise_agreement,
)
from cbpner.reports.systems import BLOCK, block_key
from cbpner.reports.table import LEVEL_NAMES, MEASURE_NAMES, NONE, OVERALL, render_table
from cbpner.scoring.matching import JUDGEMENTS, KINDS
from cbpner.scoring.metrics import COUNTS, MEASURES

NAME = "evaluation"
FIGURES = {  # frames, with their columns, and those
    "scores": SCORES, "partial": SCHEMES, "errors": KIND_COUNTS, "confusions": CONFUSIONS, "intervals": INTERVAL,
    "comparisons": list(COMPARISON), "agreement": AGREEMENT,
}  # fmt: skip
WITH_TEXT = ("spans", "wrong_surfaces", "surfaces")  # that hold text of the gold
SHOWN = 15  # wrong surfaces of a system
CONTEXT = 15  # characters on each side of one

LEGEND = """\
- token: single characters. lenient: whole entities, borders and type; an `I-` without its `B-` begins one. strict: the
  same, but an `I-` without its `B-` belongs to none. Where no level is named, spans are read leniently.
- P, R, F1: precision, recall, F1, beside the counts that they are made of; `-`: undefined, since nothing was predicted
  or there is no gold."""
READING = """\
- Partial credit: SemEval-2013 task 9.1, after MUC-5, each span in one pair at most. strict: borders and type; exact:
  borders; partial: borders, and half for an overlap; type: an overlap and the type.
- Groups: a span, gold or predicted, is in the group of its own text and type, so that the counts of the groups add up.
  Seen: the surface is a mention of that type in the text that the system learnt from. Length in characters.
- Classes: a gold and a predicted span that share a character are a pair, by what is wrong with it; gold spans without
  another are missed, predicted ones spurious. Gold against predicted types: the same pairs.
- Agreement within a patent: surfaces of two characters or more that are a mention in a patent and stand there twice or
  more, outside other mentions. Tagged alike everywhere; with two types or more; untagged somewhere; deviating: places
  that are not tagged as most of their surface's are."""


class Evaluation(NamedTuple):
    """What `evaluate_systems` found. texts: the paragraph of `explain_texts`. notes: one line each, for people.

    frames, by name, and what a row of each is (columns: see the function that makes it):
    scores: a set or system, group (type, patent, length, seen, script), value and level; counts and ratios
        (`score_levels`, `score_groups`)
    partial: a set or system, type and scheme of partial credit (`score_schemes`)
    errors: a set or system, type and class of pairs (`count_kinds`)
    confusions: a system, gold type and predicted type (`count_confusions`)
    intervals: a set, mean or pooled F1, level and type (`frame_intervals`)
    comparisons: a level and pair of systems (`frame_comparisons`)
    agreement: a system and side (`summarise_agreement`)
    spans: a gold or predicted span (`frame_spans`)
    wrong_surfaces: a kind of error on one surface, with its first sentence (`rank_wrong_surfaces`)
    surfaces: a surface that is not tagged alike everywhere in its patent (`frame_agreement`)
    """

    part: str
    resampling: Resampling
    systems: list[System]
    frames: dict[str, Any]
    texts: str
    notes: list[str]


def evaluate_systems(joint, part="test", resampling=None) -> Evaluation:
    """All frames of the systems of a `cbpner.reports.join.Joint`."""
    import pandas as pd

    resampling, systems = resampling or Resampling(), joint.systems
    panel, spans, agreement = lay_out(systems, resampling.unit), frame_spans(systems), frame_agreement(systems)
    kinds = count_kinds(spans, systems)
    frames = {
        "scores": pd.concat([score_levels(panel), score_groups(spans, systems)], ignore_index=True),
        "partial": score_schemes(kinds),
        "errors": kinds,
        "confusions": count_confusions(spans, systems),
        "intervals": frame_intervals(panel, resampling),
        "comparisons": frame_comparisons(panel, resampling),
        "agreement": summarise_agreement(agreement),
        "spans": spans,
        "wrong_surfaces": rank_wrong_surfaces(spans, systems),
        "surfaces": agreement[agreement["deviating"] > 0].reset_index(drop=True),
    }
    notes = [*warn_few_mentions(systems), *joint.notes]
    return Evaluation(part, resampling, systems, frames, explain_texts(panel, resampling.unit), notes)


def render_evaluation(evaluation, with_text=True, shown=SHOWN):
    """Everything as Markdown; without text no surface and no sentence of the gold. shown: wrong surfaces a system."""
    sections = [f"# Evaluation on the {evaluation.part} sets", LEGEND, explain_intervals(evaluation.resampling)]
    for system in evaluation.systems:
        sections += [f"## {system.name}", *_render_system(evaluation.frames, system)]
        if with_text and shown:
            sections += _render_wrong(evaluation.frames["wrong_surfaces"], system, shown)
    sections += render_comparisons(evaluation.frames["comparisons"], evaluation.resampling)
    sections += ["## Texts", textwrap.fill(evaluation.texts, WIDTH), "## How to read the tables", READING]
    if evaluation.notes:
        sections += ["## Notes", "\n".join(f"- {note}" for note in evaluation.notes)]
    return "\n\n".join(sections) + "\n"


def write_evaluation(evaluation, output, with_text=True, shown=SHOWN):
    """Write evaluation.md, a CSV file a frame, and last evaluation.json into the folder `output`.

    evaluation.json has the figures alone: `part`, `resampling`, `systems` (name, BLOCK, runs), `patents` (see
    `describe_sets`), `texts`, `notes`, and each frame but those WITH_TEXT as a list of rows; null where something is
    undefined. Without text, files WITH_TEXT of an earlier evaluation there are deleted.
    """
    folder = Path(output)
    try:
        (folder / f"{NAME}.json").unlink(missing_ok=True)
        for name, frame in evaluation.frames.items():
            if with_text or name not in WITH_TEXT:
                csv = frame.to_csv(index=False, lineterminator="\n", float_format="%.6f")
                write_text(folder / f"{name}.csv", csv)
            else:
                (folder / f"{name}.csv").unlink(missing_ok=True)
        write_text(folder / f"{NAME}.md", render_evaluation(evaluation, with_text, shown))
        write_json(folder / f"{NAME}.json", describe_evaluation(evaluation))
    except OSError as error:
        raise InputError(f"{output}: cannot write there: {error.strerror}; name another folder with -o") from error


def describe_evaluation(evaluation) -> dict:
    """The content of evaluation.json; see `write_evaluation`."""
    systems = [
        {
            "name": system.name,
            **(dict(zip(BLOCK, block_key(system.runs[0].config), strict=True)) if system.runs else {}),
            "runs": [joined.run for joined in system.sets],
        }
        for system in evaluation.systems
    ]
    return {
        "part": evaluation.part,
        "resampling": evaluation.resampling._asdict(),
        "systems": systems,
        "patents": describe_sets(evaluation.systems),
        "texts": evaluation.texts,
        "notes": evaluation.notes,
    } | {
        name: frame.astype(object).where(frame.notna(), None).to_dict("records")
        for name, frame in evaluation.frames.items()
        if name not in WITH_TEXT
    }


def read_evaluation(path, systems, part="test") -> Evaluation:
    """The Evaluation that evaluation.json holds: no frame WITH_TEXT, and sets without sentences.

    systems: {name: its finished runs}, which must be those that were evaluated, recognised by method, recipe, encoder,
    data, split, seed and all counts, wherever their folders lie now; InputError where they are not.
    """
    content = read_json(path)
    try:
        if content["part"] != part:
            raise InputError(f"{path}: holds figures of the {content['part']} sets; expected those of the {part} sets")
        frames = {name: _read_frame(name, content[name]) for name in FIGURES}
        runs, names = _match_runs(path, content, frames["scores"], systems)
        renamed = {"system": names, "run": runs, "first": names, "second": names}
        for frame in frames.values():
            for column in renamed.keys() & set(frame.columns):
                frame[column] = frame[column].map(renamed[column])
        resampling = Resampling(**content["resampling"])
        texts = content["texts"]
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: found no whole evaluation ({error}); make it again: cbpner evaluate") from error
    sets = {
        name: [Joined(r.folder, _show(r.config["split"]), str(r.config["seed"]), [], [], [], [], None) for r in own]
        for name, own in systems.items()
    }
    judged = [System(name, sets[name], own) for name, own in systems.items()]
    return Evaluation(part, resampling, judged, frames, texts, warn_few_mentions(judged))


def _read_frame(name, rows):
    import pandas as pd

    frame = pd.DataFrame(rows, columns=None if rows else FIGURES[name])
    numbers = {*MEASURES, "std", "low", "high", "p", "p_holm", "difference", "first_f1", "second_f1"}
    return frame.astype(dict.fromkeys(numbers & set(frame.columns), float))


def _match_runs(path, content, scores, systems):
    """({recorded run: run here}, {recorded system: system here})."""
    rows = scores[(scores["statistic"] == "run") & (scores["group"] == "type")]
    counts = {}
    for row in rows.to_dict("records"):
        if row["value"] != OVERALL and (row["gold"] or row["predicted"]):
            key = (row["level"], row["value"], *(int(row[name]) for name in COUNTS))
            counts.setdefault((row["system"], row["run"]), set()).add(key)
    heads = rows.drop_duplicates(["system", "run"]).set_index(["system", "run"])[["split", "seed"]].to_dict("index")
    found = {}
    for system in content["systems"]:
        block = tuple(system[name] for name in BLOCK)
        for run in system["runs"]:
            head = heads[system["name"], run]
            key = (block, str(head["split"]), str(head["seed"]), frozenset(counts.get((system["name"], run), ())))
            found.setdefault(key, []).append((system["name"], run))
    runs, names, total = {}, {}, sum(len(system["runs"]) for system in content["systems"])
    for name, own in systems.items():
        for run in own:
            matches = found.get(_identify_run(run, content["part"]), [])
            if not matches:
                raise InputError(
                    f"{path}: its figures are not of {run.folder} as it is; make them again: "
                    "cbpner evaluate RUNS --data-dir DIR -o OUT"
                )
            system, place = matches.pop(0)
            if names.setdefault(system, name) != name:
                raise InputError(f"{path}: {run.folder} is of another system there; make it again: cbpner evaluate")
            runs[place] = run.folder
    if len(runs) != total:
        raise InputError(f"{path}: has {total} runs, {len(runs)} of them here; make it again: cbpner evaluate")
    return runs, names


def _identify_run(run, part):
    """What `_match_runs` recognises a run by."""
    counts = {
        (level, label, *(int(values[name]) for name in COUNTS))
        for level, found in run.metrics[part].items()
        for label, values in found["types"].items()
        if values["gold"] or values["predicted"]
    }
    return block_key(run.config), _show(run.config["split"]), str(run.config["seed"]), frozenset(counts)


def _show(split):
    return NONE if split is None else str(split)


def _render_system(frames, system):
    """The tables of one system, each with its title."""
    scores, partial, errors, confusions, agreement = (
        frames[name][frames[name]["system"] == system.name]
        for name in ("scores", "partial", "errors", "confusions", "agreement")
    )
    lenient = scores[(scores["value"] == OVERALL) & (scores["level"] == "entity_lenient")]
    gold = lenient[lenient["statistic"] == "run"].set_index("run")["gold"].to_dict()
    return [
        render_intervals(frames["intervals"], system, gold),
        *("All mentions:", _render_levels(scores)),
        *("Partial credit:", _render_schemes(partial)),
        *("By group, lenient (last column: strict F1):", _render_groups(scores, system)),
        *("Classes:", _render_kinds(errors)),
        *("Gold types (rows) against predicted types:", _render_confusions(confusions)),
        *("Agreement within a patent:", _render_agreement(agreement)),
    ]


def _render_levels(scores):
    """A row a level and type, pooled over the sets."""
    pooled = scores[(scores["statistic"] == POOLED) & (scores["group"] == "type")]
    rows = [[LEVEL_NAMES[row["level"]], row["value"], *_list_cells(row)] for row in pooled.to_dict("records")]
    return render_table(["level", "type", *COUNTS, *MEASURE_NAMES.values()], rows, text_columns=2)


def _render_schemes(partial):
    pooled = partial[(partial["statistic"] == POOLED) & (partial["type"] == OVERALL)]
    rows = [
        [row["scheme"], *(row[name] for name in JUDGEMENTS), *(format_number(row[name]) for name in MEASURES)]
        for row in pooled.to_dict("records")
    ]
    return render_table(["scheme", *JUDGEMENTS, *MEASURE_NAMES.values()], rows)


def _render_groups(scores, system):
    """A row a value of each group; patents by set, all else pooled over the sets."""
    groups = scores[scores["group"] != "type"]
    strict = groups[groups["level"] == "entity_strict"]["f1"]  # in the order of the lenient rows
    names, rows = name_sets(system), []
    for row, strict_f1 in zip(groups[groups["level"] == "entity_lenient"].to_dict("records"), strict, strict=True):
        if row["group"] == "patent":
            value = row["value"] if len(names) == 1 else f"{names[row['run']]}: {row['value']}"
        elif row["statistic"] == POOLED:
            value = row["value"]
        else:
            continue
        rows.append([row["group"], value, *_list_cells(row), format_number(strict_f1)])
    return render_table(["group", "value", *COUNTS, *MEASURE_NAMES.values(), "strict F1"], rows, text_columns=2)


def _list_cells(row):
    return [*(row[name] for name in COUNTS), *(format_number(row[name]) for name in MEASURES)]


def _render_kinds(errors):
    """Classes by type, pooled over the sets."""
    pooled = errors[errors["statistic"] == POOLED]
    wide = pooled.pivot(index="type", columns="class", values="count")[list(KINDS)]
    types = sorted(wide.index, key=lambda label: (label == OVERALL, label))
    return render_table(["type", *KINDS], [[label, *wide.loc[label]] for label in types])


def _render_confusions(confusions):
    """Rows: gold types, columns: predicted ones; nothing is both."""
    types = sorted({*confusions["gold_type"], *confusions["predicted_type"]}, key=lambda name: (name == NO_TYPE, name))
    counts = confusions.set_index(PAIR)["count"].to_dict()
    return render_table(["", *types], [[gold, *(counts.get((gold, found), NONE) for found in types)] for gold in types])


def _render_agreement(agreement):
    names = ["surfaces", "alike", "types", "untagged", "places", "deviating"]
    titles = ["surfaces", "alike", "two types", "untagged", "places", "deviating"]
    rows = [[row["side"], *(row[name] for name in names)] for row in agreement.to_dict("records")]
    return render_table(["side", *titles], rows)


def _render_wrong(wrong, system, shown):
    """The most frequent wrong surfaces of one system, with the sentence around the first."""
    own = wrong[wrong["system"] == system.name].head(shown)
    if own.empty:
        return []
    rows = [
        [
            *(row["count"], row["patents"], row["class"]),
            *(_show_side(row[f"{side}_surface"], row[f"{side}_type"]) for side in ("gold", "predicted")),
            _show_place(row["text"], row["start"], row["end"]),
        ]
        for row in own.to_dict("records")
    ]
    header = ["count", "patents", "class", "gold", "predicted", "the first, ⟦marked⟧ (gold, or what is spurious)"]
    return ["The most frequent wrong spans:", render_table(header, rows, text_columns=len(header))]


def _show_side(surface, label):
    return NONE if surface is None or surface != surface else f"{_show_text(surface)} ({label})"


def _show_place(text, start, end):
    before, behind = text[max(0, start - CONTEXT) : start], text[end : end + CONTEXT]
    cut = ["…" if start > CONTEXT else "", "…" if end + CONTEXT < len(text) else ""]
    return f"{cut[0]}{_show_text(before)}⟦{_show_text(text[start:end])}⟧{_show_text(behind)}{cut[1]}"


def _show_text(text):
    """Text on one line that Markdown shows as it is: no markup, no control character."""
    shown = "".join(char if char.isprintable() else " " for char in text)
    return re.sub(r"([\\`*<])", r"\\\1", shown)
