"""All that can be said about predictions beside their gold: Markdown to read, JSON and CSV for other programs.

`cbpner.reports.join` makes systems, `evaluate_systems` frames of them, which are rendered or written. Frames of figures
alone can be published; those of WITH_TEXT hold the gold's text.
"""

import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from cbpner.base.errors import InputError
from cbpner.base.files import read_json, write_json, write_text
from cbpner.base.tables import format_markdown
from cbpner.reports import intervals, spans
from cbpner.reports.join import JoinedSystems, PredictedSet, System, describe_patents
from cbpner.reports.panel import count_panel, score_levels
from cbpner.reports.resampling import Resampling
from cbpner.reports.run_scores import LEVEL_NAMES, MEASURE_NAMES, OVERALL, name_rows, show_split
from cbpner.reports.spans import CONSISTENCY, NO_TYPE, PAIR, POOLED, cut_context
from cbpner.reports.systems import BLOCK, RunRecord, block_key
from cbpner.reports.tables import UNDEFINED, explain_output_errors, format_number, frame_to_csv, replace_unprintable
from cbpner.scoring.matching import JUDGEMENTS, KINDS
from cbpner.scoring.metrics import COUNTS, MEASURES

NAME = "evaluation"
FIGURES = {  # frames of figures alone, with their columns
    "scores": spans.SCORES, "partial": spans.SCHEMES, "errors": spans.KIND_COUNTS, "confusions": spans.CONFUSIONS,
    "intervals": intervals.INTERVAL, "comparisons": intervals.COMPARISON, "agreement": CONSISTENCY,
}  # fmt: skip
WITH_TEXT = ("spans", "wrong_surfaces", "surfaces")  # frames that hold text of the gold
NUMBERS = {*MEASURES, "std", "low", "high", "p", "p_holm", "difference", "first_f1", "second_f1"}
CONTEXT = 15  # characters on each side of a wrong surface

LEGEND = """\
- token: single characters. lenient: whole entities, boundaries and type; an `I-` without its `B-` begins one. strict:
  the same, but an `I-` without its `B-` belongs to none. Where no level is named, spans are read leniently.
- P, R, F1: precision, recall, F1, beside the counts that they are made of; `-`: undefined, since nothing was predicted
  or there is no gold."""
EXPLANATION = """\
- Partial credit: SemEval-2013 task 9.1, after MUC-5, each span in one pair at most. strict: boundaries and type; exact:
  boundaries; partial: boundaries, and half for an overlap; type: an overlap and the type.
- Groups: a span, gold or predicted, is in the group of its own text and type, so that the counts of the groups add up.
  Seen: the surface is a mention of that type in the text that the system learnt from. Length in characters.
- Classes: a gold and a predicted span that share a character are a pair, by what is wrong with it; gold spans without
  another are missed, predicted ones spurious. Gold against predicted types: the same pairs.
- Consistency within a patent: surfaces of two characters or more that are a mention in a patent and occur there twice
  or more, outside other mentions. alike: tagged alike everywhere; two types: with two types or more; untagged:
  somewhere; deviating: places that are not tagged as most of their surface's are."""


class Evaluation(NamedTuple):
    """What `evaluate_systems` found.

    Attributes:
        part: test or dev, or `given` for files.
        resampling: how intervals were made.
        systems: the judged ones.
        frames: by name; a row of each is
            scores: a set or system, group (type, patent, length, seen, script), value and level; counts and ratios
            partial: a set or system, type and scheme of partial credit
            errors: a set or system, type and class of pairs
            confusions: a system, gold type and predicted type
            intervals: a set, mean or pooled F1, level and type
            comparisons: a level and pair of systems
            agreement: a system and side: how consistently surfaces are tagged
            spans: a gold or predicted span
            wrong_surfaces: a kind of error on one surface, with its first sentence
            surfaces: a surface that is not tagged alike everywhere in its patent
        texts: the paragraph of `describe_texts`.
        notes: one line each, for people.
    """

    part: str
    resampling: Resampling
    systems: list[System]
    frames: dict[str, pd.DataFrame]
    texts: str
    notes: list[str]


def evaluate_systems(
    joined: JoinedSystems, part: str = "test", resampling: Resampling | None = None
) -> Evaluation:
    """Compute all frames."""
    resampling, systems = resampling or Resampling(), joined.systems
    panel, found = count_panel(systems, resampling.unit), spans.frame_spans(systems)
    kinds, surfaces = spans.count_kinds(found, systems), spans.frame_surfaces(systems)
    frames = {
        "scores": pd.concat([score_levels(panel), spans.score_groups(found, systems)], ignore_index=True),
        "partial": spans.score_schemes(kinds),
        "errors": kinds,
        "confusions": spans.count_confusions(found, systems),
        "intervals": intervals.frame_intervals(panel, resampling),
        "comparisons": intervals.frame_comparisons(panel, resampling),
        "agreement": spans.summarise_surfaces(surfaces),
        "spans": found,
        "wrong_surfaces": spans.rank_wrong_surfaces(found, systems),
        "surfaces": surfaces[surfaces["deviating"] > 0].reset_index(drop=True),
    }
    notes = [*intervals.warn_few_mentions(systems), *joined.notes]
    return Evaluation(part, resampling, systems, frames, intervals.describe_texts(panel, resampling.unit), notes)


def render_evaluation(evaluation: Evaluation, with_text: bool = True, shown: int = 15) -> str:
    """The evaluation as Markdown.

    Args:
        evaluation: what to render.
        with_text: also surfaces and sentences of the gold.
        shown: wrong surfaces of each system.
    """
    sections = [f"# Evaluation on the {evaluation.part} sets", LEGEND]
    sections.append(intervals.explain_intervals(evaluation.resampling))
    for system in evaluation.systems:
        own = {name: frame[frame["system"] == system.name] for name, frame in evaluation.frames.items()
               if "system" in frame.columns}  # fmt: skip
        sections += [f"## {system.name}", *_render_frames(own, system)]
        if with_text and shown and not own["wrong_surfaces"].empty:
            sections += ["The most frequent wrong spans:", _render_wrong(own["wrong_surfaces"].head(shown))]
    sections += intervals.render_comparisons(evaluation.frames["comparisons"], evaluation.resampling)
    sections += ["## Texts", textwrap.fill(evaluation.texts, 120), "## How to read the tables", EXPLANATION]
    if evaluation.notes:
        sections += ["## Notes", "\n".join(f"- {note}" for note in evaluation.notes)]
    return "\n\n".join(sections) + "\n"


def write_evaluation(
    evaluation: Evaluation, output: str | Path, with_text: bool = True, shown: int = 15
) -> None:
    """Write evaluation.md, a CSV file a frame, and last evaluation.json into the folder `output`.

    evaluation.json has the figures alone (`describe_evaluation`). Without text, files WITH_TEXT of an earlier
    evaluation there are deleted.
    """
    folder = Path(output)
    with explain_output_errors(output):
        (folder / f"{NAME}.json").unlink(missing_ok=True)
        for name, frame in evaluation.frames.items():
            if with_text or name not in WITH_TEXT:
                write_text(folder / f"{name}.csv", frame_to_csv(frame))
            else:
                (folder / f"{name}.csv").unlink(missing_ok=True)
        write_text(folder / f"{NAME}.md", render_evaluation(evaluation, with_text, shown))
        write_json(folder / f"{NAME}.json", describe_evaluation(evaluation), indent=None)


def describe_evaluation(evaluation: Evaluation) -> dict[str, Any]:
    """The content of evaluation.json.

    `part`, `resampling`, `systems` (name, BLOCK, runs), `patents` (`describe_patents`), `texts`, `notes`, and each
    frame but those WITH_TEXT as a list of rows, null where something is undefined.
    """
    systems = [
        {"name": system.name}
        | (dict(zip(BLOCK, block_key(system.runs[0].config), strict=True)) if system.runs else {})
        | {"runs": [own.run for own in system.sets]}
        for system in evaluation.systems
    ]
    frames = {name: evaluation.frames[name] for name in FIGURES}
    return {
        "part": evaluation.part,
        "resampling": evaluation.resampling._asdict(),
        "systems": systems,
        "patents": describe_patents(evaluation.systems),
        "texts": evaluation.texts,
        "notes": evaluation.notes,
    } | {name: own.astype(object).where(own.notna(), None).to_dict("records") for name, own in frames.items()}


def read_evaluation(path: str | Path, systems: Mapping[str, Sequence[RunRecord]], part: str = "test") -> Evaluation:
    """The evaluation that an evaluation.json holds: no frame WITH_TEXT, and sets without sentences.

    Args:
        path: the file.
        systems: {name: its finished runs}, those that were evaluated: they are recognised by method, recipe, encoder,
            data, split, seed and all counts, wherever their folders lie now.
        part: test or dev.

    Raises:
        InputError: where the file is of other runs or not whole.
    """
    content = read_json(path)
    try:
        if content["part"] != part:
            raise InputError(f"{path}: holds figures of the {content['part']} sets; expected those of the {part} sets")
        frames = {name: _read_frame(content[name], columns) for name, columns in FIGURES.items()}
        runs, names = _match_runs(path, content, frames["scores"], systems)
        renamed = {"system": names, "run": runs, "first": names, "second": names}
        for frame in frames.values():
            for column in renamed.keys() & set(frame.columns):
                frame[column] = frame[column].map(renamed[column])
        resampling, texts = Resampling(**content["resampling"]), content["texts"]
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: found no whole evaluation ({error}); make it again: cbpner evaluate") from error
    judged = []
    for name, own in systems.items():
        sets = [PredictedSet(run.folder, *_split_and_seed(run), [], [], [], [], None) for run in own]
        judged.append(System(name, sets, list(own)))
    return Evaluation(part, resampling, judged, frames, texts, intervals.warn_few_mentions(judged))


def _read_frame(rows: list[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=None if rows else columns)
    return frame.astype(dict.fromkeys(NUMBERS & set(frame.columns), float))


def _match_runs(
    path: str | Path, content: dict[str, Any], scores: pd.DataFrame, systems: Mapping[str, Sequence[RunRecord]]
) -> tuple[dict[str, str], dict[str, str]]:
    """({recorded run: run here}, {recorded system: system here})."""
    rows = scores[(scores["statistic"] == "run") & (scores["group"] == "type")]
    by_run = dict(list(rows.groupby(["system", "run"], sort=False)))
    recorded: dict[tuple, list[tuple[str, str]]] = {}
    for system in content["systems"]:
        for run in system["runs"]:
            own = by_run[system["name"], run]
            counted = own[(own["value"] != OVERALL) & ((own["gold"] > 0) | (own["predicted"] > 0))]
            counts = frozenset(counted[["level", "value", *COUNTS]].itertuples(index=False, name=None))
            key = (tuple(system[name] for name in BLOCK), str(own["split"].iloc[0]), str(own["seed"].iloc[0]), counts)
            recorded.setdefault(key, []).append((system["name"], run))
    runs, names, total = {}, {}, sum(map(len, recorded.values()))
    for name, own_runs in systems.items():
        for run in own_runs:
            matches = recorded.get((block_key(run.config), *_split_and_seed(run), _list_counts(run, content["part"])))
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


def _split_and_seed(run: RunRecord) -> tuple[str, str]:
    return show_split(run.config), str(run.config["seed"])


def _list_counts(run: RunRecord, part: str) -> frozenset[tuple]:
    """(level, type, COUNTS) of a run's metrics.json, but for types without gold and predictions."""
    return frozenset(
        (level, label, *(values[name] for name in COUNTS))
        for level, found in run.metrics[part].items() for label, values in found["types"].items()
        if values["gold"] or values["predicted"]
    )  # fmt: skip


def _render_frames(frames: Mapping[str, pd.DataFrame], system: System) -> list[str]:
    """The tables of one system, each with its title."""
    scores = frames["scores"]
    lenient = scores[(scores["value"] == OVERALL) & (scores["level"] == "entity_lenient")]
    gold = lenient[lenient["statistic"] == "run"].set_index("run")["gold"].to_dict()
    pooled = {name: frame[frame["statistic"] == POOLED] for name, frame in frames.items() if "statistic" in frame}
    by_type = pooled["scores"][pooled["scores"]["group"] == "type"]
    by_type = by_type.assign(level=by_type["level"].map(LEVEL_NAMES))
    schemes = pooled["partial"][pooled["partial"]["type"] == OVERALL]
    measures = list(MEASURE_NAMES.values())
    header = ["level", "type", *COUNTS, *measures]
    return [
        intervals.render_intervals(frames["intervals"], system, gold),
        *("All mentions:", _render_columns(by_type, ["level", "value", *COUNTS, *MEASURES], header, 2)),
        "Partial credit:",
        _render_columns(schemes, ["scheme", *JUDGEMENTS, *MEASURES], ["scheme", *JUDGEMENTS, *measures]),
        *("By group, lenient (last column: strict F1):", _render_groups(scores, system)),
        *("Classes:", _render_kinds(pooled["errors"])),
        *("Gold types (rows) against predicted types:", _render_confusions(frames["confusions"])),
        "Consistency within a patent:",
        _render_columns(frames["agreement"], CONSISTENCY[1:],
                        ["side", "surfaces", "alike", "two types", "untagged", "places", "deviating"]),
    ]  # fmt: skip


def _render_columns(frame: pd.DataFrame, columns: Sequence[str], header: Sequence[str], text_columns: int = 1) -> str:
    rows = [
        [format_number(value) if name in NUMBERS else value for name, value in zip(columns, row, strict=True)]
        for row in frame[list(columns)].itertuples(index=False)
    ]
    return format_markdown(header, rows, text_columns)


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


def _render_kinds(errors: pd.DataFrame) -> str:
    """Classes by type."""
    wide = errors.pivot(index="type", columns="class", values="count")[list(KINDS)]
    types = sorted(wide.index, key=lambda label: (label == OVERALL, label))
    return format_markdown(["type", *KINDS], [[label, *wide.loc[label]] for label in types])


def _render_confusions(confusions: pd.DataFrame) -> str:
    """Rows: gold types, columns: predicted ones."""
    types = sorted({*confusions["gold_type"], *confusions["predicted_type"]}, key=lambda name: (name == NO_TYPE, name))
    counts = confusions.set_index(PAIR)["count"].to_dict()
    rows = [[gold, *(counts.get((gold, found), UNDEFINED) for found in types)] for gold in types]
    return format_markdown(["", *types], rows)


def _render_wrong(wrong: pd.DataFrame) -> str:
    """Wrong surfaces, with the sentence around the first."""
    rows = [
        [
            *(row["count"], row["patents"], row["class"]),
            *(name_side(row[f"{side}_surface"], row[f"{side}_type"]) or UNDEFINED for side in ("gold", "predicted")),
            cut_context(row["text"], row["start"], row["end"], CONTEXT),
        ]
        for row in wrong.to_dict("records")
    ]
    header = ["count", "patents", "class", "gold", "predicted", "the first, ⟦marked⟧ (gold, or what is spurious)"]
    cells = [[_escape_markdown(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    return format_markdown(header, cells, text_columns=len(header))


def name_side(surface: Any, label: str) -> str | None:
    """`surface (type)`; None for the side that a missed or spurious span does not have."""
    return f"{surface} ({label})" if isinstance(surface, str) else None


def _escape_markdown(text: str) -> str:
    """Text on one line that Markdown shows as it is."""
    return re.sub(r"([\\`*<])", r"\\\1", replace_unprintable(text))
