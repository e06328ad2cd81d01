"""The score table of run folders: per split, mean and standard deviation, at three levels that are never mixed."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from cbpner.base.errors import InputError
from cbpner.base.files import natural_key, read_text, write_text
from cbpner.base.tables import format_markdown
from cbpner.reports.run_scores import (
    GOLD_DATA,
    LEVEL_NAMES,
    MEASURE_NAMES,
    OVERALL,
    SYSTEM,
    frame_scores,
    load_runs,
    name_rows,
    summarise_scores,
)
from cbpner.reports.systems import BLOCK, RunRecord
from cbpner.reports.tables import (
    UNDEFINED,
    Figure,
    explain_output_errors,
    format_cell,
    format_number,
    frame_to_csv,
    stack_statistics,
)
from cbpner.scoring.metrics import COUNTS, LEVELS, MEASURES

MARKERS = ("<!-- table -->\n", "<!-- /table -->")
PAPER_ROW = ["Hu and Verberne (2020), LM mixed fine-tuning", "`bert-base-chinese`", "", "0.54 ± 0.15", "-", "-"]

LEGEND = """\
P, R, F1: micro precision, recall and F1 over all types.
- token: single characters; the score that the original's supervised method prints, but 0 where it is undefined.
- lenient: whole entities, boundaries and type; an `I-` without its `B-` begins an entity (seqeval's default).
- strict: whole entities; an `I-` without its `B-` belongs to none (seqeval's strict mode, IOB2).

Mean and ± std go over the splits; where several seeds ran on a split, their mean is the split's figure. std is the
sample standard deviation (ddof = 1). ± seeds: the same of the seeds' means over the splits, where every seed has every
split. `-`: undefined, since nothing was predicted or there is no gold; undefined scores are left out of means
(metrics.json has seqeval's 0 there)."""
PAPER_NOTE = """\
The paper (Hu and Verberne, COLING 2020) reports F1 0.54 ± 0.15 for its best model, LM mixed fine-tuning, at the lenient
entity level. Only lenient F1 over the same five splits of the gold data can be compared with it."""


class ScoreTable(NamedTuple):
    """The table as text. summary: one row a system, for a README."""

    markdown: str
    csv: str
    summary: str


def build_score_table(paths: Sequence[str | Path], part: str = "test") -> ScoreTable:
    """The table of the runs in `paths` on `part`, test or dev; InputError where there is nothing to score."""
    loaded = load_runs(paths, part)
    frame = frame_scores(loaded.scored)
    frame = frame[frame["part"] == part]
    summary = summarise_scores(frame)
    table = stack_statistics(frame, summary, MEASURES, ("mean", "std", "seeds"))
    columns = [*SYSTEM, "part", "statistic", "run", "split", "seed", "level", "type", *MEASURES, *COUNTS, "runs"]
    table = table.astype({column: "Int64" for column in (*COUNTS, "runs")})[columns]
    systems = list(frame.groupby(SYSTEM, sort=False))
    is_gold = part == "test" and any(data.split(",")[0] == GOLD_DATA for data in frame["data"])
    sections = [f"# Scores on the {part} sets", LEGEND]
    if len(systems) > 1:
        sections += ["## Summary", _render_summary(systems), *_render_splits(systems)]
    runs = {run.folder: run for run in loaded.scored}
    for key, own in systems:
        sections += _render_system(key, own, runs)
    sections += ["\n".join(f"- {note}" for note in loaded.notes)] * bool(loaded.notes) + [PAPER_NOTE] * is_gold
    return ScoreTable("\n\n".join(sections) + "\n", frame_to_csv(table), _render_short(systems, is_gold))


def write_score_table(table: ScoreTable, output: str | Path) -> None:
    """Write `table.md` and `table.csv` into the folder `output`, or both beside a name that ends in .md or .csv."""
    output = Path(output)
    base = output.with_suffix("") if output.suffix in (".md", ".csv") and not output.is_dir() else output / "table"
    with explain_output_errors(output):
        write_text(base.with_name(f"{base.name}.md"), table.markdown)
        write_text(base.with_name(f"{base.name}.csv"), table.csv)


def insert_table(path: str | Path, table: str) -> None:
    """Replace what stands between MARKERS in a Markdown file."""
    begin, end = MARKERS
    text = read_text(path)
    if text.count(begin) != 1 or end not in text.split(begin)[1]:
        raise InputError(f"{path}: found no single pair of lines {begin.strip()} and {end}; expected one")
    before, after = text.split(begin)
    with explain_output_errors(path):
        write_text(path, f"{before}{begin}{table}\n{after[after.index(end) :]}")


def _render_short(systems: Sequence[tuple[tuple[str, ...], pd.DataFrame]], is_gold: bool) -> str:
    """One row a system, and the paper's where the data are its own."""
    levels = ("entity_lenient", "entity_strict", "token")
    rows: list[list[Any]] = [PAPER_ROW] if is_gold else []
    for key, own in systems:
        means = _find_means(own)
        rows.append([_name_method(key), f"`{key[2]}`", own["run"].nunique(), *(means[level] for level in levels)])
    return format_markdown(["method", "encoder", "runs", *(f"{LEVEL_NAMES[level]} F1" for level in levels)], rows, 2)


def _name_method(key: Sequence[str]) -> str:
    return ", ".join(filter(None, (key[0], key[-1])))


def _find_means(own: pd.DataFrame) -> dict[str, str]:
    """`mean ± std` of F1 over all types at each level."""
    summary = summarise_scores(own[own["type"] == OVERALL]).set_index("level")
    figures = {level: Figure(summary.loc[level, "f1_mean"], std=summary.loc[level, "f1_std"]) for level in LEVELS}
    return {level: format_cell(figure) for level, figure in figures.items()}


def _render_summary(systems: Sequence[tuple[tuple[str, ...], pd.DataFrame]]) -> str:
    header = [*BLOCK, "splits", "runs", *(f"{LEVEL_NAMES[level]} F1" for level in LEVELS)]
    rows, spreads = [], []
    for key, own in systems:
        splits = " ".join(sorted(set(own["split"]), key=natural_key))
        rows.append([_name_method(key), *key[1:-1], splits, own["run"].nunique(), *_find_means(own).values()])
        spreads.append(summarise_scores(own).set_index(["level", "type"]).loc[("entity_lenient", OVERALL), "f1_seeds"])
    if not all(map(math.isnan, spreads)):
        header.append("± seeds, lenient")
        rows = [[*row, format_number(spread)] for row, spread in zip(rows, spreads, strict=True)]
    return format_markdown(header, rows, text_columns=5)


def _render_splits(systems: Sequence[tuple[tuple[str, ...], pd.DataFrame]]) -> list[str]:
    """Lenient F1 by split, each the mean of its seeds; nothing where there is one split, or where there are many."""
    lenient = [(key, own[(own["type"] == OVERALL) & (own["level"] == "entity_lenient")]) for key, own in systems]
    splits = sorted({split for _, own in lenient for split in own["split"]}, key=natural_key)
    if not 1 < len(splits) <= 10:
        return []
    means = [(key, own.groupby("split")["f1"].mean()) for key, own in lenient]
    rows = [[_name_method(key), *key[1:-1], *(format_number(own.get(split)) for split in splits)] for key, own in means]
    return ["Lenient F1 by split, the mean of its runs:", format_markdown([*BLOCK, *splits], rows, text_columns=4)]


def _render_system(key: tuple[str, ...], own: pd.DataFrame, runs: Mapping[str, RunRecord]) -> list[str]:
    title = f"## {_name_method(key)}, recipe {key[1]}, encoder {key[2]}, data {key[3]}"
    names = name_rows(own[["run", "split", "seed"]].drop_duplicates().itertuples(index=False))
    sections = [title, _render_scores(own, names)]
    sections += ["Counts: correct / predicted / gold.", _render_counts(own, names)]
    types = sorted(set(own["type"]) - {OVERALL})
    if types:
        sections.append("F1 by type (gold mentions). A split without a gold mention shows - and counts in no mean.")
    for start in range(0, len(types), 3):  # three types stay within a terminal
        sections.append(_render_types(own, names, types[start : start + 3]))
    lines = ["How the epoch was chosen:"]
    for folder, name in names.items():
        metrics = runs[folder].metrics
        selection, epochs = metrics["selection"], metrics["epochs"]
        epoch = epochs if metrics["best_epoch"] is None else metrics["best_epoch"]
        chosen = f"{selection['rule']}; {selection['dev_mentions']} dev mentions"
        reason = f"; {selection['reason']}" if selection["reason"] else ""
        lines.append(f"- split {name}: epoch {epoch} of {epochs}, {chosen}{reason}")
    return [*sections, "\n".join(lines)]


def _render_scores(own: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Rows: the runs, mean, ± std, ± seeds. Columns: P, R, F1 at each level."""
    columns = [(level, measure) for level in LEVELS for measure in MEASURES]
    overall = own[own["type"] == OVERALL]
    values = overall.set_index(["run", "level"])[list(MEASURES)].to_dict("index")
    summary = summarise_scores(overall).set_index("level")
    rows = [[name, *(format_number(values[run, level][m]) for level, m in columns)] for run, name in names.items()]
    rows += _list_summary_rows(lambda column, name: summary.loc[column[0], f"{column[1]}_{name}"], columns)
    header = ["split", *(f"{LEVEL_NAMES[level]} {MEASURE_NAMES[m]}" for level, m in columns)]
    return format_markdown(header, rows)


def _list_summary_rows(
    find: Callable[[tuple[str, str], str], float | None], columns: Sequence[tuple[str, str]]
) -> list[list[str]]:
    """The rows below those of the runs; ± std and ± seeds only where there is one. find: (column, statistic) -> it."""
    rows = []
    for title, name in (("mean", "mean"), ("± std", "std"), ("± seeds", "seeds")):
        cells = [format_number(find(column, name)) for column in columns]
        if name == "mean" or set(cells) != {UNDEFINED}:
            rows.append([title, *cells])
    return rows


def _render_counts(own: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Rows: the runs, and all of them. Columns: the counts at each level."""
    overall = own[own["type"] == OVERALL].set_index(["run", "level"])
    joined = overall[list(COUNTS)].astype(str).agg(" / ".join, axis=1)
    rows = [[name, *(joined[run, level] for level in LEVELS)] for run, name in names.items()]
    if len(names) > 1:
        sums = overall.groupby("level")[list(COUNTS)].sum().astype(str).agg(" / ".join, axis=1)
        rows.append(["all", *(sums[level] for level in LEVELS)])
    return format_markdown(["split", *(LEVEL_NAMES[level] for level in LEVELS)], rows)


def _render_types(own: pd.DataFrame, names: Mapping[str, str], types: Sequence[str]) -> str:
    """Rows: the runs, mean, ± std, ± seeds. Columns: lenient and strict F1 of each type with its gold mentions."""
    columns = [(label, level) for label in types for level in ("entity_lenient", "entity_strict")]
    values = own.set_index(["run", "type", "level"])[["f1", "gold"]].to_dict("index")
    summary = summarise_scores(own).set_index(["type", "level"]).to_dict("index")
    rows = []
    for run, name in names.items():
        cells = [values.get((run, *column), {"gold": 0, "f1": None}) for column in columns]
        rows.append([name, *(f"{format_number(c['f1']) if c['gold'] else UNDEFINED} ({c['gold']})" for c in cells)])
    rows += _list_summary_rows(lambda column, name: summary.get(column, {}).get(f"f1_{name}"), columns)
    return format_markdown(["split", *(f"{label} {LEVEL_NAMES[level]}" for label, level in columns)], rows)
