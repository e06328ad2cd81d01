"""The score table of run folders: per split, mean and standard deviation, at three levels that are never mixed."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from cbpner.base.errors import InputError
from cbpner.base.excel import is_for_excel, open_excel
from cbpner.base.files import atomic_files, natural_key, read_text, write_text
from cbpner.base.tables import format_markdown
from cbpner.reports import run_scores, tables
from cbpner.reports.run_scores import F1_NAMES, LEVEL_NAMES, LEVEL_NOTE, MEAN_NOTE, MEASURE_NAMES, OVERALL, SYSTEM
from cbpner.reports.systems import BLOCK, RunRecord
from cbpner.reports.tables import UNDEFINED, format_number
from cbpner.scoring.metrics import COUNTS, LEVELS, MEASURES

MARKERS = ("<!-- table -->\n", "<!-- /table -->")
PAPER_ROW = ["Hu and Verberne (2020), LM mixed fine-tuning", "`bert-base-chinese`", "", "0.54 ± 0.15", "-", "-"]

LEGEND = f"""\
P, R, F1: micro precision, recall and F1 over all types. {LEVEL_NOTE}

{MEAN_NOTE} ± seeds: the standard deviation of the seeds' means over the splits, where every seed has every split."""
PAPER_NOTE = """\
The paper (Hu and Verberne, COLING 2020) reports F1 0.54 ± 0.15 for its best model, LM mixed fine-tuning, at the lenient
entity level. Only lenient F1 over the same five splits of the gold data can be compared with it."""


class ScoreTable(NamedTuple):
    """The table, as text and for .xlsx. summary: one row a system, for a README."""

    markdown: str
    csv: str
    frame: pd.DataFrame  # what `csv` holds
    summary: str


class _Block(NamedTuple):
    """The scores of one system (`frame_scores`), and their summary by (type, level)."""

    key: tuple[str, ...]  # SYSTEM
    scores: pd.DataFrame
    summary: pd.DataFrame

    @property
    def method(self) -> str:
        return ", ".join(filter(None, (self.key[0], self.key[-1])))

    def format_means(self, levels: Sequence[str] = LEVELS) -> list[str]:
        """`mean ± std` of F1 over all types at each level."""
        rows = [self.summary.loc[OVERALL, level] for level in levels]
        return [tables.format_cell(tables.Figure(row["f1_mean"], std=row["f1_std"])) for row in rows]


def build_score_table(paths: Sequence[str | Path], part: str = "test") -> ScoreTable:
    """The table of the runs in `paths` on `part`, test or dev; InputError where there is nothing to score."""
    loaded = run_scores.load_runs(paths, part)
    frame = run_scores.frame_scores(loaded.scored)
    frame = frame[frame["part"] == part]
    summary = run_scores.summarise_scores(frame)
    table = tables.stack_statistics(frame, summary, MEASURES, ("mean", "std", "seeds"))
    columns = [*SYSTEM, "part", "statistic", "run", "split", "seed", "level", "type", *MEASURES, *COUNTS, "runs"]
    table = table.astype({column: "Int64" for column in (*COUNTS, "runs")})[columns]
    means = dict(list(summary.set_index(["type", "level"]).groupby(SYSTEM)))
    blocks = [_Block(key, own, means[key]) for key, own in frame.groupby(SYSTEM, sort=False)]
    is_gold = part == "test" and any(block.key[3].split(",")[0] == run_scores.GOLD_DATA for block in blocks)
    sections = [f"# Scores on the {part} sets", LEGEND]
    if len(blocks) > 1:
        sections += ["## Summary", _render_summary(blocks), *_render_splits(blocks)]
    runs = {run.folder: run for run in loaded.scored}
    for block in blocks:
        sections += _render_system(block, runs)
    sections += ["\n".join(f"- {note}" for note in loaded.notes)] * bool(loaded.notes) + [PAPER_NOTE] * is_gold
    return ScoreTable("\n\n".join(sections) + "\n", tables.frame_to_csv(table), table, _render_short(blocks, is_gold))


def write_score_table(table: ScoreTable, output: str | Path, encoding: str = "utf-8") -> None:
    """Write `table.md` and `table.csv` into the folder `output`, or under its name if that ends in .md, .csv, .xlsx."""
    output = Path(output)
    is_name = output.suffix in (".md", ".csv", ".xlsx") and not output.is_dir()
    base, kind = output.with_suffix("") if is_name else output / "table", "xlsx" if output.suffix == ".xlsx" else "csv"
    with atomic_files() as open_output:
        open_output(base.with_name(f"{base.name}.md")).write(table.markdown)
        path = base.with_name(f"{base.name}.{kind}")
        if is_for_excel(kind, encoding):
            with open_excel(open_output(path, "wb"), kind, list(table.frame)) as write:
                write(table.frame.astype(object).where(table.frame.notna(), None).itertuples(index=False))
        else:
            open_output(path).write(table.csv)


def insert_table(path: str | Path, table: str) -> None:
    """Replace what is between MARKERS in a Markdown file."""
    begin, end = MARKERS
    text = read_text(path)
    if text.count(begin) != 1 or end not in text.split(begin)[1]:
        raise InputError(f"{path}: found no single pair of lines {begin.strip()} and {end}; expected one")
    before, after = text.split(begin)
    write_text(path, f"{before}{begin}{table}\n{after[after.index(end) :]}")


def _render_short(blocks: Sequence[_Block], is_gold: bool) -> str:
    """One row a system, and the paper's where the data are its own."""
    levels = ("entity_lenient", "entity_strict", "token")
    rows: list[list[Any]] = [PAPER_ROW] if is_gold else []
    rows += [[own.method, f"`{own.key[2]}`", own.scores["run"].nunique(), *own.format_means(levels)] for own in blocks]
    return format_markdown(["method", "encoder", "runs", *(f"{LEVEL_NAMES[level]} F1" for level in levels)], rows, 2)


def _render_summary(blocks: Sequence[_Block]) -> str:
    header = [*BLOCK, "splits", "runs", *F1_NAMES]
    rows = []
    for own in blocks:
        splits = " ".join(sorted(set(own.scores["split"]), key=natural_key))
        rows.append([own.method, *own.key[1:-1], splits, own.scores["run"].nunique(), *own.format_means()])
    spreads = [own.summary.loc[(OVERALL, "entity_lenient"), "f1_seeds"] for own in blocks]
    if not all(map(math.isnan, spreads)):
        header.append("± seeds, lenient")
        rows = [[*row, format_number(spread)] for row, spread in zip(rows, spreads, strict=True)]
    return format_markdown(header, rows, text_columns=5)


def _render_splits(blocks: Sequence[_Block]) -> list[str]:
    """Lenient F1 by split, each the mean of its seeds; nothing where there is one split, or where there are many."""
    splits = sorted({split for own in blocks for split in own.scores["split"]}, key=natural_key)
    if not 1 < len(splits) <= 10:
        return []
    rows = []
    for own in blocks:
        chosen = own.scores[(own.scores["type"] == OVERALL) & (own.scores["level"] == "entity_lenient")]
        means = chosen.groupby("split")["f1"].mean()
        rows.append([own.method, *own.key[1:-1], *(format_number(means.get(split)) for split in splits)])
    return ["Lenient F1 by split, the mean of its runs:", format_markdown([*BLOCK, *splits], rows, text_columns=4)]


def _render_system(own: _Block, runs: Mapping[str, RunRecord]) -> list[str]:
    names = run_scores.name_rows(own.scores[["run", "split", "seed"]].drop_duplicates().itertuples(index=False))
    columns = {f"{LEVEL_NAMES[level]} {MEASURE_NAMES[measure]}": (OVERALL, level, measure)
               for level in LEVELS for measure in MEASURES}  # fmt: skip
    sections = ["## {}, recipe {}, encoder {}, data {}".format(own.method, *own.key[1:4])]
    sections += [_render_runs(own, names, columns), "Counts: correct / predicted / gold.", _render_counts(own, names)]
    types = sorted(set(own.scores["type"]) - {OVERALL})
    if types:
        sections.append("F1 by type (gold mentions). A split without a gold mention shows - and counts in no mean.")
    for start in range(0, len(types), 3):  # three types stay within a terminal
        columns = {f"{label} {LEVEL_NAMES[level]}": (label, level, "f1")
                   for label in types[start : start + 3] for level in LEVELS[1:]}  # fmt: skip
        sections.append(_render_runs(own, names, columns, with_gold=True))
    lines = ["How the epoch was chosen:"]
    for folder, name in names.items():
        metrics = runs[folder].metrics
        selection, epochs = metrics["selection"], metrics["epochs"]
        epoch = epochs if metrics["best_epoch"] is None else metrics["best_epoch"]
        chosen = f"{selection['rule']}; {selection['dev_mentions']} dev mentions"
        reason = f"; {selection['reason']}" if selection["reason"] else ""
        lines.append(f"- split {name}: epoch {epoch} of {epochs}, {chosen}{reason}")
    return [*sections, "\n".join(lines)]


def _render_runs(
    own: _Block, names: Mapping[str, str], columns: Mapping[str, tuple[str, str, str]], with_gold: bool = False
) -> str:
    """Rows: the runs, mean, and ± std and ± seeds where there is one. columns: {title: (type, level, measure)}."""
    values = own.scores.set_index(["run", "type", "level"]).to_dict("index")
    summary, rows = own.summary.to_dict("index"), []
    for run, name in names.items():
        row = [name]
        for *place, measure in columns.values():
            found = values.get((run, *place), {"gold": 0})
            shown = format_number(found[measure]) if found["gold"] or not with_gold else UNDEFINED
            row.append(f"{shown} ({found['gold']})" if with_gold else shown)
        rows.append(row)
    for title, statistic in (("mean", "mean"), ("± std", "std"), ("± seeds", "seeds")):
        found = [summary.get((label, level), {}).get(f"{name}_{statistic}") for label, level, name in columns.values()]
        cells = list(map(format_number, found))
        if statistic == "mean" or set(cells) != {UNDEFINED}:
            rows.append([title, *cells])
    return format_markdown(["split", *columns], rows)


def _render_counts(own: _Block, names: Mapping[str, str]) -> str:
    """Rows: the runs, and all of them. Columns: the counts at each level."""
    overall = own.scores[own.scores["type"] == OVERALL].set_index(["run", "level"])[list(COUNTS)]
    joined = overall.astype(str).agg(" / ".join, axis=1)
    rows = [[name, *(joined[run, level] for level in LEVELS)] for run, name in names.items()]
    if len(names) > 1:
        sums = overall.groupby("level").sum().astype(str).agg(" / ".join, axis=1)
        rows.append(["all", *(sums[level] for level in LEVELS)])
    return format_markdown(["split", *(LEVEL_NAMES[level] for level in LEVELS)], rows)
