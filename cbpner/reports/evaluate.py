"""The evaluation of predictions against their gold: Markdown to read, JSON and CSV for other programs.

`cbpner.reports.join` makes systems, `evaluate_systems` frames of them, which are rendered or written. Frames of figures
alone can be published; those of WITH_TEXT hold the gold's text.
"""

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_files, read_json
from cbpner.base.tables import format_markdown
from cbpner.reports import intervals, spans
from cbpner.reports.join import JoinedSystems, System, describe_patents
from cbpner.reports.panel import count_panel, score_levels
from cbpner.reports.run_scores import LEVEL_NAMES, LEVEL_NOTE, MEASURE_NAMES, OVERALL, name_rows
from cbpner.reports.spans import NO_TYPE, PAIR, POOLED, cut_context
from cbpner.reports.systems import BLOCK, Resampling, RunRecord, block_key
from cbpner.reports.tables import Table, format_number, frame_to_csv, table_to_markdown
from cbpner.scoring.matching import JUDGEMENTS, KINDS
from cbpner.scoring.metrics import COUNTS, MEASURES

NAME = "evaluation"
FIGURES = {  # frames of figures alone, with their columns
    "scores": spans.SCORES, "partial": spans.SCHEMES, "errors": spans.KIND_COUNTS, "confusions": spans.CONFUSIONS,
    "intervals": intervals.INTERVAL, "comparisons": intervals.COMPARISON,
}  # fmt: skip
WITH_TEXT = ("spans", "wrong_surfaces")  # frames that hold text of the gold
NUMBERS = {*MEASURES, "std", "low", "high", "p", "p_holm", "difference", "first_f1", "second_f1"}
WRONG = "The most frequent wrong spans"

LEGEND = f"{LEVEL_NOTE} Where no level is named, spans are read leniently."
EXPLANATION = """\
- Partial credit: SemEval-2013 task 9.1, after MUC-5, each span in one pair at most. strict: boundaries and type; exact:
  boundaries; partial: boundaries, and half for an overlap; type: an overlap and the type.
- Groups: a span, gold or predicted, is in the group of its own text and type, so that the counts of the groups add up.
  Seen: the surface is a mention of that type in the training text. Length in characters.
- Classes: a gold and a predicted span that share a character are a pair, by what is wrong with it; gold spans without
  another are missed, predicted ones spurious. Gold against predicted types: the same pairs."""


class Evaluation(NamedTuple):
    """What `evaluate_systems` found, with notes for people, a line each."""

    part: str  # test or dev, or `given` for files
    resampling: Resampling
    systems: list[System]  # none where the evaluation was read from a file
    frames: dict[str, pd.DataFrame]  # FIGURES and WITH_TEXT
    texts: str  # the paragraph of `describe_texts`
    notes: list[str]


def evaluate_systems(joined: JoinedSystems, part: str = "test", resampling: Resampling | None = None) -> Evaluation:
    """Compute all frames."""
    resampling, systems = resampling or Resampling(), joined.systems
    panel, found = count_panel(systems, resampling.unit), spans.frame_spans(systems)
    kinds = spans.count_kinds(found, systems)
    frames = {
        "scores": pd.concat([score_levels(panel), spans.score_groups(found, systems)], ignore_index=True),
        "partial": spans.score_schemes(kinds),
        "errors": kinds,
        "confusions": spans.count_confusions(found, systems),
        "intervals": intervals.frame_intervals(panel, resampling),
        "comparisons": intervals.frame_comparisons(panel, resampling),
        "spans": found,
        "wrong_surfaces": spans.rank_wrong_surfaces(found, systems),
    }
    notes = [*intervals.warn_few_mentions({system.name: system.runs for system in systems}), *joined.notes]
    return Evaluation(part, resampling, systems, frames, intervals.describe_texts(panel, resampling.unit), notes)


def render_evaluation(evaluation: Evaluation, with_text: bool = True, shown: int = 15) -> str:
    """The evaluation as Markdown; `with_text`: also surfaces of the gold, `shown` wrong ones of each system."""
    sections = [f"# Evaluation on the {evaluation.part} sets", LEGEND]
    sections.append(intervals.explain_intervals(evaluation.resampling))
    for system in evaluation.systems:
        own = {name: frame[frame["system"] == system.name] for name, frame in evaluation.frames.items()
               if "system" in frame.columns}  # fmt: skip
        sections += [f"## {system.name}", *_render_frames(own, system)]
        if with_text and shown and not own["wrong_surfaces"].empty:
            table = tabulate_wrong(own["wrong_surfaces"], system.name, shown)
            rows = [[re.sub(r"([\\`*<])", r"\\\1", c) if isinstance(c, str) else c for c in row] for row in table.rows]
            sections += [f"{WRONG}:", table_to_markdown(table._replace(rows=rows))]
    sections += intervals.render_comparisons(evaluation.frames["comparisons"], evaluation.resampling)
    sections += ["## Texts", textwrap.fill(evaluation.texts, 120), "## How to read the tables", EXPLANATION]
    if evaluation.notes:
        sections += ["## Notes", "\n".join(f"- {note}" for note in evaluation.notes)]
    return "\n\n".join(sections) + "\n"


def write_evaluation(evaluation: Evaluation, output: str | Path, with_text: bool = True, shown: int = 15) -> None:
    """Write evaluation.md, a CSV file a frame, and last evaluation.json into the folder `output`.

    Without text, files WITH_TEXT of an earlier evaluation there are deleted.
    """
    folder = Path(output)
    with atomic_files() as open_output:
        for name, frame in evaluation.frames.items():
            if with_text or name not in WITH_TEXT:
                open_output(folder / f"{name}.csv").write(frame_to_csv(frame))
        open_output(folder / f"{NAME}.md").write(render_evaluation(evaluation, with_text, shown))
        text = json.dumps(describe_evaluation(evaluation), ensure_ascii=False, allow_nan=False)
        open_output(folder / f"{NAME}.json").write(text + "\n")
    for name in () if with_text else WITH_TEXT:
        (folder / f"{name}.csv").unlink(missing_ok=True)


def describe_evaluation(evaluation: Evaluation) -> dict[str, Any]:
    """The content of evaluation.json: systems, patents, and the rows of FIGURES, null where something is undefined."""
    systems = []
    for system in evaluation.systems:
        block = dict(zip(BLOCK, block_key(system.runs[0].config), strict=True)) if system.runs else {}
        systems.append({"name": system.name, **block, "runs": [own.run for own in system.sets]})
    frames = {name: evaluation.frames[name] for name in FIGURES}
    return {
        "part": evaluation.part, "resampling": evaluation.resampling._asdict(), "systems": systems,
        "patents": describe_patents(evaluation.systems), "texts": evaluation.texts, "notes": evaluation.notes,
        **{name: own.astype(object).where(own.notna(), None).to_dict("records") for name, own in frames.items()},
    }  # fmt: skip


def read_evaluation(
    path: str | Path, systems: Mapping[str, Sequence[RunRecord]], scores: pd.DataFrame, part: str = "test"
) -> Evaluation:
    """The evaluation that an evaluation.json holds, without frames WITH_TEXT and systems.

    `systems` has the runs of each, wherever their folders lie now, and `scores` their `frame_scores` for the part, with
    a column `system`; InputError where the file is of other runs or not whole.
    """
    content = read_json(path)
    try:
        if content["part"] != part:
            raise InputError(f"{path}: holds figures of the {content['part']} sets; expected those of the {part} sets")
        frames = {name: pd.DataFrame(content[name], columns=None if content[name] else columns)
                  for name, columns in FIGURES.items()}  # fmt: skip
        found = frames["scores"][(frames["scores"]["statistic"] == "run") & (frames["scores"]["group"] == "type")]
        found = found.join(pd.DataFrame(content["systems"]).set_index("name")[BLOCK], on="system")
        resampling, texts = Resampling(**content["resampling"]), content["texts"]
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: found no whole evaluation ({error}); make it again: cbpner evaluate") from error
    there, here = _identify_runs(found), _identify_runs(scores.rename(columns={"type": "value"}))
    pairs = {(there[identity][0], here[identity][0]) for identity in there.keys() & here.keys()}
    if there.keys() != here.keys() or len(pairs) != len(systems):
        other = [run for _, run in (*there.values(), *here.values())]
        again = f"make it again: cbpner evaluate RUNS --data-dir DIR -o {Path(path).parent}"
        raise InputError(f"{path}: is not of the runs {', '.join(dict.fromkeys(other))} as they are; {again}")
    names, runs = dict(pairs), {run: here[identity][1] for identity, (_, run) in there.items()}
    renamed = {"system": names, "run": runs, "first": names, "second": names}
    for name, frame in frames.items():
        frames[name] = frame.astype(dict.fromkeys(NUMBERS & set(frame.columns), float))
        for column in renamed.keys() & set(frame.columns):
            frames[name][column] = frame[column].map(renamed[column])
    return Evaluation(part, resampling, [], frames, texts, intervals.warn_few_mentions(systems))


def _identify_runs(scores: pd.DataFrame) -> dict[frozenset, tuple[str, str]]:
    """{BLOCK, split, seed and all counts of a run: (its system, its folder)}."""
    counted = scores[(scores["value"] == OVERALL) | (scores["gold"] > 0) | (scores["predicted"] > 0)]
    columns = [*BLOCK, "split", "seed", "level", "value", *COUNTS]
    return {
        frozenset(own[columns].itertuples(index=False, name=None)): key
        for key, own in counted.groupby(["system", "run"], sort=False)
    }


def _render_frames(frames: Mapping[str, pd.DataFrame], system: System) -> list[str]:
    """The tables of one system, each with its title."""
    scores = frames["scores"]
    pooled = {name: frame[frame["statistic"] == POOLED] for name, frame in frames.items() if "statistic" in frame}
    by_type = pooled["scores"][pooled["scores"]["group"] == "type"]
    by_type = by_type.assign(level=by_type["level"].map(LEVEL_NAMES))
    schemes = pooled["partial"][pooled["partial"]["type"] == OVERALL]
    kinds = pooled["errors"].pivot(index="type", columns="class", values="count")[list(KINDS)]
    types = sorted(kinds.index, key=lambda label: (label == OVERALL, label))
    measures = list(MEASURE_NAMES.values())
    header = ["level", "type", *COUNTS, *measures]
    return [
        intervals.render_intervals(frames["intervals"], system),
        *("All mentions:", _render_columns(by_type, ["level", "value", *COUNTS, *MEASURES], header, 2)),
        "Partial credit:",
        _render_columns(schemes, ["scheme", *JUDGEMENTS, *MEASURES], ["scheme", *JUDGEMENTS, *measures]),
        *("By group, lenient (last column: strict F1):", _render_groups(scores, system)),
        *("Classes:", format_markdown(["type", *KINDS], [[label, *kinds.loc[label]] for label in types])),
        "Gold types (rows) against predicted types:",
        table_to_markdown(tabulate_confusions(frames["confusions"], system.name)),
    ]  # fmt: skip


def _render_columns(frame: pd.DataFrame, columns: Sequence[str], header: Sequence[str], text_columns: int = 1) -> str:
    shown = frame[list(columns)].apply(lambda own: own.map(format_number) if own.name in NUMBERS else own)
    return format_markdown(header, shown.to_numpy(dtype=object).tolist(), text_columns)


def _render_groups(scores: pd.DataFrame, system: System) -> str:
    """A row a value of each group; patents by set, all else pooled over the sets."""
    names = name_rows((own.run, own.split, own.seed) for own in system.sets)
    groups = scores[(scores["group"] != "type") & ((scores["group"] == "patent") | (scores["statistic"] == POOLED))]
    lenient, strict = (groups[groups["level"] == level] for level in ("entity_lenient", "entity_strict"))
    rows = lenient.assign(std=strict["f1"].to_numpy())  # both have the same order
    if len(names) > 1:
        patents = rows["run"].map(names) + ": " + rows["value"]
        rows["value"] = rows["value"].mask(rows["group"] == "patent", patents)
    header = ["group", "value", *COUNTS, *MEASURE_NAMES.values(), "strict F1"]
    return _render_columns(rows, ["group", "value", *COUNTS, *MEASURES, "std"], header, 2)


def tabulate_confusions(confusions: pd.DataFrame, name: str, number: int = 1) -> Table:
    """Gold types (rows) against predicted types of the system `name`, the `number`-th."""
    counts = confusions[confusions["system"] == name].set_index(PAIR)["count"].to_dict()
    types = sorted({label for pair in counts for label in pair}, key=lambda label: (label == NO_TYPE, label))
    rows, shares = [], {}
    for place, gold in enumerate(types):
        cells = [int(counts[gold, found]) if (gold, found) in counts else None for found in types]
        total = sum(cell or 0 for cell in cells) or 1
        shares |= {(place, column): (cell or 0) / total for column, cell in enumerate(cells, 1)}
        rows.append([gold, *cells])
    return Table(f"confusion_{number}", f"Confusion of types: {name}", ["gold", *types], rows, 1, shares=shares)


def tabulate_wrong(wrong: pd.DataFrame, name: str, shown: int, number: int = 1) -> Table:
    """The first `shown` wrong surfaces of the system `name`, the `number`-th, with the sentence around the first."""
    rows, links = [], {}
    for place, row in enumerate(wrong[wrong["system"] == name].head(shown).to_dict("records")):
        pairs = [(row[f"{side}_surface"], row[f"{side}_type"]) for side in ("gold", "predicted")]
        sides = [f"{surface} ({label})" if isinstance(surface, str) else None for surface, label in pairs]  # None: NaN
        first = cut_context(row["text"], row["start"], row["end"], 15)
        rows.append([int(row["count"]), int(row["patents"]), row["class"], *sides, first])
        links[place] = {"variant": name, "kind": row["class"], "search": pairs[0 if sides[0] else 1][0]}
    header = ["count", "patents", "class", "gold", "predicted", "the first, ⟦marked⟧ (gold, or what is spurious)"]
    return Table(f"wrong_{number}", f"{WRONG} of {name}", header, rows, len(header), links=links)
