"""F1 against the number of training patents, and what a run costs: tables and a plot from run folders.

A group is the runs that share BLOCK (method, recipe, encoder, data set), a point a group's runs on as many patents.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_files, natural_key
from cbpner.reports import tables
from cbpner.reports.charts import chart_style, new_figure, series_look
from cbpner.reports.run_scores import F1_NAMES, GOLD_DATA, LEVEL_NOTE, MEAN_NOTE, OVERALL, frame_scores, load_runs
from cbpner.reports.systems import BLOCK, RunRecord, complete_flags
from cbpner.reports.tables import Figure, Table, average_sets, frame_to_csv, table_to_markdown
from cbpner.runs.folder import CONFIG
from cbpner.scoring.metrics import LEVELS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

GOLD_TRAIN_PATENTS = 18  # of the 21, in each of the five gold splits
POINT = [*BLOCK, "patents"]
COSTS = {
    "epochs": "epochs", "steps": "steps", "train_minutes": "train min", "total_minutes": "total min",
    "memory_mb": "MB", "gpu_memory_mb": "GPU MB",
}  # fmt: skip
MEASURED = [*LEVELS, *COSTS]
NAME = "curve"
TITLE = "F1 against the number of training patents"

LEGEND = f"""\
Micro F1 over all types on the test sets. Only the training file gets smaller, dev and test stay. {LEVEL_NOTE}

{MEAN_NOTE}"""
COSTS_LEGEND = """\
Over all splits of a point: epochs and optimizer steps (fewer patents make fewer steps an epoch), minutes of training
and of all that was timed, and the peak memory of the process (MiB). Minutes on one machine cannot be compared with
minutes on another."""


class Curve(NamedTuple):
    """The report as text, and the frame (see `frame_points`) that `draw_curve` takes."""

    markdown: str
    csv: str
    points: pd.DataFrame


def build_curve(paths: Sequence[str | Path], all_splits: bool = False) -> Curve:
    """The curve of the runs in `paths`, which `load_runs` takes.

    InputError where no run has test scores and a number of patents, or (unless `all_splits`) no split has all numbers.
    """
    loaded = load_runs(paths)
    uncounted = [run.folder for run in loaded.scored if count_patents(run.config) is None]
    counted = [run for run in loaded.scored if run.folder not in uncounted]
    if not counted:
        raise InputError(f"{uncounted[0]}: config.json names no number of training patents; train again")
    points = mark_compared(frame_points(counted), all_splits)
    compared = points[points["compared"]]
    if compared.empty:
        found = f"{', '.join(map(str, paths))}: found no split that has a run on each number of patents of its method"
        raise InputError(f"{found}; train what is missing, or compare different splits with --all-splits")
    notes = [f"{folder}: {CONFIG} does not say on how many patents it trained, left out" for folder in uncounted]
    runs = points.assign(compared=points["compared"].map({True: "yes", False: "no"}))
    columns = [*POINT, "statistic", "run", "split", "seed", "compared", *MEASURED, "machine", "runs"]
    table = tables.stack_statistics(runs, summarise_points(compared), MEASURED, ("mean", "std"))[columns]
    csv = frame_to_csv(table.rename(columns={level: f"{level}_f1" for level in LEVELS}), "%.6g")
    return Curve(_render_curve(points, counted, [*loaded.notes, *notes]), csv, points)


def write_curve(curve: Curve, output: str | Path, level: str) -> None:
    """Write curve.md, curve.csv, curve.png and curve.svg into the folder `output`; `level` of LEVELS is drawn."""
    base, figure = Path(output) / NAME, draw_curve(curve.points, level)
    shown = f"F1: {level.replace('_', ' ')}. Pale: single runs; the lines join their means."
    with atomic_files() as open_output, chart_style():
        for suffix, metadata in ((".png", {}), (".svg", {"Date": None})):
            file = open_output(base.with_suffix(suffix), "wb")
            figure.savefig(file, format=suffix[1:], dpi=200, metadata=metadata)
        open_output(base.with_suffix(".csv")).write(curve.csv)
        open_output(base.with_suffix(".md")).write(f"{curve.markdown}\n![{TITLE}]({NAME}.png)\n\n{shown}\n")


def count_patents(config: Mapping[str, Any]) -> int | None:
    """On how many patents a run trained; None where its config.json does not say (runs of older versions)."""
    train = (config["data"].get("files") or {}).get("train") or {}
    count = train.get("patents")
    if count is None and config["data"]["name"] == GOLD_DATA and not str(train.get("path")).endswith("_total.bio"):
        return GOLD_TRAIN_PATENTS
    return count if isinstance(count, int) else None


def frame_points(runs: Sequence[RunRecord]) -> pd.DataFrame:
    """One row a run: run, POINT, split, seed, MEASURED (test F1 by level, costs; NaN unmeasured), machine."""
    frame = frame_scores(runs)
    frame["data"] = frame["run"].map({run.folder: str(run.config["data"]["name"]) for run in runs})
    frame = frame[(frame["part"] == "test") & (frame["type"] == OVERALL)]
    scores = frame.pivot(index="run", columns="level", values="f1")
    costs = pd.DataFrame([measure_costs(run) for run in runs], index=[run.folder for run in runs])
    rows = frame.drop_duplicates("run")[["run", *BLOCK, "split", "seed"]].join(scores, on="run").join(costs, on="run")
    return rows[["run", *POINT, "split", "seed", *MEASURED, "machine"]].reset_index(drop=True)


def mark_compared(points: pd.DataFrame, all_splits: bool = False) -> pd.DataFrame:
    """Add a column `compared`: whether the run's split has a run on each number of patents of its group."""
    wanted = points.groupby(BLOCK)["patents"].transform("nunique")
    found = points.groupby([*BLOCK, "split"])["patents"].transform("nunique")
    return points.assign(compared=all_splits | (found == wanted))


def summarise_points(points: pd.DataFrame) -> pd.DataFrame:
    """One row a point: POINT, runs, sets, splits (text), machines (text), `<name>_mean` and `_std` of MEASURED.

    They go over the splits (`average_sets`). Groups are in the frame's order, their points by number of patents.
    """
    ordered = points.assign(group=points.groupby(BLOCK, sort=False).ngroup())
    ordered = ordered.sort_values(["group", "patents"], kind="stable")
    groups = ordered.groupby(POINT, sort=False)
    summary = average_sets(ordered, POINT, "split", MEASURED)
    summary["splits"] = groups["split"].agg(lambda own: " ".join(sorted(set(own), key=natural_key)))
    summary["machines"] = groups["machine"].agg(lambda column: "; ".join(column.unique()))
    return summary.reset_index()


def label_groups(points: pd.DataFrame) -> dict[tuple[str, ...], str]:
    """{group: its name in a legend}: the method, and what else differs between the groups."""
    groups = points[BLOCK].drop_duplicates()
    shown = [name for name in BLOCK if name == "method" or groups[name].nunique() > 1]
    return {tuple(row[BLOCK]): ", ".join(row[shown]) for _, row in groups.iterrows()}


def draw_curve(points: pd.DataFrame, level: str) -> "Drawing":
    """A matplotlib figure: F1 at `level` against patents and against training minutes; single runs are pale."""
    points = points[points["compared"]]
    summary, labels = summarise_points(points), label_groups(points)
    with chart_style():
        figure = new_figure(9, 4.2)
        left, right = figure.subplots(1, 2, sharey=True)
        for number, (key, label) in enumerate(labels.items()):
            look = series_look(number)
            runs, means = (frame[(frame[BLOCK] == list(key)).all(axis=1)] for frame in (points, summary))
            for axes, column, mean in ((left, "patents", "patents"), (right, "train_minutes", "train_minutes_mean")):
                axes.scatter(runs[column], runs[level], s=12, alpha=0.4, linewidths=0, **look)
                axes.plot(means[mean], means[f"{level}_mean"], markersize=5, linewidth=1.2, label=label, **look)
            for row in means.dropna(subset="train_minutes_mean").to_dict("records"):
                right.annotate(
                    str(row["patents"]), (row["train_minutes_mean"], row[f"{level}_mean"]), (-4, 4),
                    textcoords="offset points", ha="right", fontsize=8, color=look["color"],
                )  # fmt: skip
        _finish_axes(left, right, points, level)
        columns = math.ceil(len(labels) / math.ceil(len(labels) / 3))  # rows of at most three, as even as possible
        handles, names = left.get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=columns, frameon=False)
    return figure


def tabulate_points(points: pd.DataFrame, name: str) -> Table:
    """Means and deviations, a row a point. name: `curve` for F1 at each level, `costs` for measured COSTS."""
    labels, rows, title, columns = label_groups(points), [], TITLE, dict(zip(LEVELS, F1_NAMES, strict=True))
    if name == "costs":
        title, columns = "Costs against the number of training patents", {"machine": "machine"}
        columns = {key: shown for key, shown in COSTS.items() if points[key].notna().any()} | columns
    styles = dict.fromkeys(LEVELS, ".3f") | dict.fromkeys(("train_minutes", "total_minutes"), ",.1f")
    for row in summarise_points(points).to_dict("records"):
        head = [labels[tuple(row[key] for key in BLOCK)], row["patents"], row["splits"], row["runs"]]
        figures = [
            row["machines"] if key == "machine"
            else Figure(row[f"{key}_mean"], std=row[f"{key}_std"], style=styles.get(key, ",.0f")) for key in columns
        ]  # fmt: skip
        rows.append([*head, *figures])
    return Table(name, title, ["method", "patents", "splits", "runs", *columns.values()], rows, 1)


def measure_costs(run: RunRecord) -> dict[str, Any]:
    """{patents, COSTS, machine} of one run; NaN for what it did not measure."""
    metrics, environment = run.metrics, run.config.get("environment") or {}
    minutes = {name: value / 60 for name, value in (metrics.get("seconds") or {}).items() if value is not None}
    several = environment | {"processes": environment.get("processes", 1) > 1 and environment["processes"]}
    shown = {"device": "{}", "cpu": "{}", "threads": "{} threads", "processes": "{} processes", "precision": "{}"}
    machine = [text.format(several[key]) for key, text in shown.items() if several.get(key)]
    return {
        "patents": count_patents(run.config), "epochs": metrics.get("epochs", math.nan),
        "steps": max((row.get("step", math.nan) for row in metrics.get("history") or ()), default=math.nan),
        "train_minutes": minutes.get("train", math.nan),
        "total_minutes": sum(minutes.values()) if minutes else math.nan,
        "memory_mb": metrics.get("peak_memory_mb", math.nan),
        "gpu_memory_mb": metrics.get("peak_gpu_memory_mb", math.nan), "machine": ", ".join(machine) or "not recorded",
    }  # fmt: skip


def _render_curve(points: pd.DataFrame, runs: Sequence[RunRecord], notes: Sequence[str]) -> str:
    """The whole report: the curves, the costs, and what was left out."""
    configs, labels, groups = {run.folder: run.config for run in runs}, label_groups(points), []
    for key, group in points.groupby(BLOCK, sort=False):
        others = group[~group["compared"]].groupby("patents")["split"]
        left_out = "; ".join(f"{' '.join(sorted(set(own), key=natural_key))} at {number}" for number, own in others)
        flags = pd.DataFrame(complete_flags([configs[folder] for folder in group["run"]]), dtype=object).map(str)
        mixed = [f"{name} ({', '.join(own.unique())})" for name, own in flags.items() if own.nunique() > 1]
        line = "- {}: recipe {}, encoder {}, data {}".format(labels[key], *key[1:])
        line += f"; splits that not every point has are left out (--all-splits): {left_out}" if left_out else ""
        groups.append(line + (f"; the runs differ in {', '.join(mixed)}" if mixed else ""))
    compared = points[points["compared"]]
    sections = [f"# {TITLE}", LEGEND, table_to_markdown(tabulate_points(compared, "curve")), "\n".join(groups)]
    if summarise_points(compared)["splits"].nunique() > 1:
        sections.append("Points on different splits differ in their test sets too: they cannot be compared.")
    sections += ["## Costs", COSTS_LEGEND, table_to_markdown(tabulate_points(points, "costs"))]
    return "\n\n".join(sections + ["\n".join(f"- {note}" for note in notes)] * bool(notes)) + "\n"


def _finish_axes(left: "Axes", right: "Axes", points: pd.DataFrame, level: str) -> None:
    counts, minutes = sorted(set(points["patents"])), points["train_minutes"]
    left.set_xticks(counts, [str(count) for count in counts])
    left.set_xlabel("training patents")
    left.set_ylabel(f"test F1, {level.replace('_', ' ')}")
    left.set_ylim(bottom=0)
    right.set_xlabel("training minutes (beside a point: its patents)")
    if minutes.max() > 20 * minutes.min() > 0:
        right.set_xscale("log", subs=(2, 5))
        right.xaxis.set_major_formatter("{x:g}")
        right.xaxis.set_minor_formatter("{x:g}")
    else:
        right.set_xlim(left=0)
    for axes in (left, right):
        axes.grid(axis="y", linewidth=0.5, alpha=0.4)
