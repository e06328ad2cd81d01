"""F1 against the number of training patents, and what a run costs: tables and a plot from run folders.

The path of the data: `load_runs` -> `frame_points` (one row a run) -> `mark_compared` -> Markdown, CSV and Figure. A
group is a block of `cbpner.reports.table`: the runs that share method, recipe, encoder and data set; a point is a
group's runs on the same number of patents. pandas and matplotlib are imported where they are used.
"""

import math
from pathlib import Path
from typing import Any, NamedTuple

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_open, natural_key, write_text
from cbpner.reports.systems import BLOCK
from cbpner.reports.table import (
    GOLD_DATA,
    LEVEL_NAMES,
    NONE,
    OVERALL,
    explain_nothing,
    frame_runs,
    list_left_out,
    load_runs,
    note_deeper,
    render_table,
)
from cbpner.runs.folder import METRICS
from cbpner.scoring.metrics import LEVELS

GOLD_TRAIN_PATENTS = 18  # of the 21, in each of the five gold splits
POINT = [*BLOCK, "patents"]
COSTS = {
    "epochs": "epochs", "steps": "steps", "train_minutes": "train min", "total_minutes": "total min",
    "memory_mb": "MB", "gpu_memory_mb": "GPU MB",
}  # fmt: skip
MEASURED = [*LEVELS, *COSTS]
NAME = "curve"
TITLE = "F1 against the number of training patents"

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe and Ito's, no yellow
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
WIDE_SPAN = 20  # the axis of minutes is logarithmic where the slowest run takes more than so many times the fastest
STYLE = {
    "font.family": "DejaVu Sans", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
    "text.parse_math": False, "svg.fonttype": "none", "svg.hashsalt": NAME,
}  # fmt: skip

LEGEND = """\
Micro F1 over all types on the test sets; token, lenient and strict as in the score table. Only the training file gets
smaller, dev and test stay. Mean ± std go over the splits; where several seeds ran on a split, their mean is the
split's figure. std is the sample standard deviation (ddof = 1), none for a single split. The other columns are means:
epochs and optimizer steps (fewer patents make fewer steps an epoch), minutes of training and of everything that was
timed, and the peak memory of the process (MiB)."""


class Curve(NamedTuple):
    """The report as text, and the frame (see `frame_points`) that `draw_curve` takes."""

    markdown: str
    csv: str
    points: Any


def build_curve(paths, all_splits=False):
    """The Curve of the finished runs in `paths`; InputError where none has test scores and a number of patents.

    all_splits: compare points that rest on different splits too.
    """
    runs, unfinished = load_runs(paths)
    scored = [run for run in runs if run.metrics["test"] is not None]
    if not scored:
        raise InputError(explain_nothing(paths, runs, unfinished, "test"))
    counted = [run for run in scored if count_patents(run.config) is not None]
    if not counted:
        raise InputError(f"{scored[0].folder}: config.json does not say on how many patents it trained; make it again")
    points = mark_compared(frame_points(counted), all_splits)
    if not points["compared"].any():
        raise InputError(
            f"{', '.join(map(str, paths))}: found no split that has a run on each number of patents of its method; "
            "train what is missing, or compare different splits with --all-splits"
        )
    left_out = [
        *list_left_out(unfinished, f"Unfinished, left out (no {METRICS})"),
        *list_left_out([run for run in runs if run.metrics["test"] is None], "Left out for want of test scores"),
        *list_left_out([run for run in scored if count_patents(run.config) is None],
                       "Left out, for config.json does not say on how many patents they trained"),
        *note_deeper(paths),
    ]  # fmt: skip
    return Curve(render_markdown(points, counted, all_splits, left_out), render_csv(points), points)


def write_curve(curve, output, level):
    """Write curve.md, curve.csv, curve.png and curve.svg into the folder `output`; `level` of LEVELS is drawn."""
    base, figure = Path(output) / NAME, draw_curve(curve.points, level)
    try:
        for suffix, metadata in ((".png", {}), (".svg", {"Date": None})):
            with atomic_open(base.with_suffix(suffix), "wb") as file, style():
                figure.savefig(file, format=suffix[1:], dpi=200, metadata=metadata)
        write_text(base.with_suffix(".csv"), curve.csv)
        write_text(base.with_suffix(".md"), f"{curve.markdown}\n{_show_figure(level)}\n")
    except OSError as error:
        raise InputError(f"{output}: cannot write there: {error.strerror}; name another folder with -o") from error


def count_patents(config):
    """On how many patents a run trained, or None where its config.json does not say so (runs of older versions)."""
    train = (config["data"].get("files") or {}).get("train") or {}
    count = train.get("patents")
    if count is None and config["data"]["name"] == GOLD_DATA and not str(train.get("path")).endswith("_total.bio"):
        return GOLD_TRAIN_PATENTS
    return count if isinstance(count, int) else None


def frame_points(runs):
    """A DataFrame with one row a run: run, POINT, split, seed, then MEASURED (F1 by level, costs) and `machine`.

    Every run has test scores and a number of patents. What a run did not measure is NaN.
    """
    import pandas as pd

    frame = frame_runs(runs)
    frame["data"] = frame["run"].map({run.folder: str(run.config["data"]["name"]) for run in runs})
    frame = frame[(frame["part"] == "test") & (frame["type"] == OVERALL)]
    scores = frame.pivot(index="run", columns="level", values="f1")
    own = pd.DataFrame([_describe_cost(run) for run in runs]).set_index("run")
    rows = frame.drop_duplicates("run")[["run", *BLOCK, "split", "seed"]].join(scores, on="run").join(own, on="run")
    return rows[["run", *POINT, "split", "seed", *MEASURED, "machine"]].reset_index(drop=True)


def mark_compared(points, all_splits=False):
    """The frame with a column `compared`: the run's split has a run on each number of patents of its group."""
    wanted = points.groupby(BLOCK)["patents"].transform("nunique")
    found = points.groupby([*BLOCK, "split"])["patents"].transform("nunique")
    return points.assign(compared=all_splits | (found == wanted))


def summarise_points(points):
    """One row a point: POINT, `runs`, `splits`, `machines`, then `<name>_mean`, `<name>_std` of MEASURED (ddof = 1).

    They go over the splits, each the mean of its runs. Groups in the frame's order, points by their number of patents;
    splits: text; machines: a tuple.
    """
    numbered = points.assign(group=points.groupby(BLOCK, sort=False).ngroup())
    keys = ["group", *POINT]
    groups, by_split = numbered.groupby(keys), numbered.groupby([*keys, "split"])
    summary = by_split[MEASURED].mean().groupby(keys).agg(["mean", "std"])
    summary.columns = [f"{name}_{statistic}" for name, statistic in summary.columns]
    summary.insert(0, "runs", groups.size())
    summary.insert(1, "splits", groups["split"].agg(_join_splits))
    summary.insert(2, "machines", groups["machine"].agg(lambda column: tuple(dict.fromkeys(column))))
    return summary.reset_index().drop(columns="group")


def render_csv(points):
    """A row a run, then the means and standard deviations of the compared runs; `statistic` tells them apart."""
    import pandas as pd

    summary = summarise_points(points[points["compared"]])
    parts = [points.assign(statistic="run", runs=1, compared=points["compared"].map({True: "yes", False: "no"}))]
    for statistic in ("mean", "std"):
        renamed = summary.rename(columns={f"{name}_{statistic}": name for name in MEASURED})
        parts.append(renamed[[*POINT, "runs", *MEASURED]].assign(statistic=statistic))
    columns = [*POINT, "statistic", "run", "split", "seed", "compared", *MEASURED, "machine", "runs"]
    names = {level: f"{level}_f1" for level in LEVELS}
    table = pd.concat(parts, ignore_index=True)[columns].rename(columns=names)
    return table.to_csv(index=False, lineterminator="\n", float_format="%.6g")


def render_markdown(points, runs, all_splits, left_out):
    """The whole report: each group's curve, the costs, the machines, and what was left out."""
    machines = list(dict.fromkeys(points["machine"]))
    costs = [name for name in COSTS if points[name].notna().any()]
    by_folder = {run.folder: run for run in runs}
    sections = [f"# {TITLE}", LEGEND]
    for key, group in points.groupby(BLOCK, sort=False):
        members = [by_folder[folder] for folder in group["run"]]
        sections += _render_group(key, group, costs, machines, all_splits) + warn_mixed(members, ["patents"])
    sections += _warn_different_splits(points)
    sections += ["## Costs", "A run on as many patents as each method had, all of its splits.",
                 _render_costs(points, costs, machines), _list_machines(machines)]  # fmt: skip
    return "\n\n".join(sections + left_out) + "\n"


def draw_curve(points, level):
    """A matplotlib Figure: F1 at `level` against patents and against training minutes; single runs are pale."""
    from matplotlib.figure import Figure

    points = points[points["compared"]]
    summary, labels = summarise_points(points), label_groups(points)
    with style():
        figure = Figure(figsize=(9, 4.2), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for number, (key, label) in enumerate(labels.items()):
            look = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}
            runs = points[(points[BLOCK] == list(key)).all(axis=1)]
            means = summary[(summary[BLOCK] == list(key)).all(axis=1)]
            for axes, column, mean in ((left, "patents", "patents"), (right, "train_minutes", "train_minutes_mean")):
                axes.scatter(runs[column], runs[level], s=12, alpha=0.4, linewidths=0, **look)
                axes.plot(means[mean], means[f"{level}_mean"], markersize=5, linewidth=1.2, label=label, **look)
            _name_points(right, means, level, look["color"])
        _finish_axes(left, right, sorted(set(points["patents"])), points["train_minutes"], level)
        columns = math.ceil(len(labels) / math.ceil(len(labels) / 3))  # rows of at most three, as even as can be
        handles, names = left.get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=columns, frameon=False)
    return figure


def style():
    """The context in which figures are drawn and saved: the same on every machine, whatever its settings."""
    import matplotlib.style

    return matplotlib.style.context(["default", STYLE])


def warn_mixed(members, ignored=()):
    """A line where numbers or switches differ between the runs of a block, whose mean then mixes settings.

    ignored: what may differ besides split and seed.
    """
    flags = [run.config.get("flags") or {} for run in members]
    differing = []
    for name in sorted({name for each in flags for name in each} - {"split", "seed", *ignored}):
        values = list(dict.fromkeys(each.get(name) for each in flags if isinstance(each.get(name), int | float)))
        if len(values) > 1:
            differing.append(f"{name} ({', '.join(map(str, values))})")
    return [f"Mixed: the runs of this block differ in {', '.join(differing)}."] if differing else []


def _describe_cost(run):
    """{run, patents, COSTS, machine} of one run; NaN for what it did not measure."""
    seconds = {name: value for name, value in (run.metrics.get("seconds") or {}).items() if value is not None}
    return {
        "run": run.folder,
        "patents": count_patents(run.config),
        "epochs": run.metrics.get("epochs", math.nan),
        "steps": max((row.get("step", math.nan) for row in run.metrics.get("history") or ()), default=math.nan),
        "train_minutes": seconds.get("train", math.nan) / 60,
        "total_minutes": sum(seconds.values()) / 60 if seconds else math.nan,
        "memory_mb": run.metrics.get("peak_memory_mb", math.nan),
        "gpu_memory_mb": run.metrics.get("peak_gpu_memory_mb", math.nan),
        "machine": describe_machine(run.config.get("environment") or {}),
    }


def describe_machine(environment):
    """Device, processor, threads and number format, as far as a run's config.json names them."""
    names = [str(environment[key]) for key in ("device", "cpu") if environment.get(key)]
    names += [f"{environment['threads']} threads"] if environment.get("threads") else []
    names += [f"{environment['processes']} processes"] if environment.get("processes", 1) > 1 else []
    names += [environment["precision"]] if environment.get("precision") else []
    return ", ".join(names) or "not recorded"


def _show_figure(level):
    return f"![{TITLE}]({NAME}.png)\n\nF1: {level.replace('_', ' ')}. Pale: single runs; the lines join their means."


def _render_group(key, group, costs, machines, all_splits):
    method, recipe, encoder, data = key
    title = f"## {method}, recipe {recipe}, encoder {encoder}, data {data}"
    compared = group[group["compared"]]
    if compared.empty:
        return [title, _explain_no_curve(group)]
    header = ["patents", "splits", "runs", *(f"{LEVEL_NAMES[level]} F1" for level in LEVELS),
              *(COSTS[name] for name in costs), "machine"]  # fmt: skip
    rows = [
        [row["patents"], row["splits"], row["runs"], *(_format_mean(row, level, 3) for level in LEVELS),
         *(_format_number(row[f"{name}_mean"], _count_digits(name)) for name in costs),
         _number_machines(row["machines"], machines)]
        for row in summarise_points(compared).to_dict("records")
    ]  # fmt: skip
    return [title, *_explain_splits(group, all_splits), render_table(header, rows, text_columns=2)]


def _explain_splits(group, all_splits):
    """A line on the splits that a group's points rest on; none where there is one point."""
    by_point = group.groupby("patents")["split"].agg(frozenset)
    if len(by_point) == 1:
        return []
    if by_point.nunique() == 1:
        return ["All points rest on the same splits."]
    if all_splits:
        return ["The points rest on different splits: differences between them are differences between test sets too."]
    left_out = group[~group["compared"]]
    each = (f"{_join_splits(splits)} (at {number})" for number, splits in left_out.groupby("patents")["split"])
    return [f"Only splits that every point has; left out: {'; '.join(each)}."]


def _explain_no_curve(group):
    each = (f"{_join_splits(splits)} at {number}" for number, splits in group.groupby("patents")["split"])
    return f"No curve: no split has every number of patents (splits {'; '.join(each)}). --all-splits shows them."


def _warn_different_splits(points):
    splits = points[points["compared"]].groupby(BLOCK, sort=False)["split"].agg(_join_splits)
    if splits.nunique() < 2:
        return []
    return ["The curves of the methods rest on different splits: compare the points of one, not one with another."]


def _render_costs(points, costs, machines):
    """A row a group: its runs on the largest number of patents."""
    largest = points[points["patents"] == points.groupby(BLOCK)["patents"].transform("max")]
    rows = [
        [*(row[name] for name in BLOCK), row["patents"], row["runs"],
         *(_format_mean(row, name, _count_digits(name)) for name in costs), _number_machines(row["machines"], machines)]
        for row in summarise_points(largest).to_dict("records")
    ]  # fmt: skip
    return render_table([*BLOCK, "patents", "runs", *(COSTS[name] for name in costs), "machine"], rows, len(BLOCK))


def _list_machines(machines):
    lines = [f"- [{number}] {machine}" for number, machine in enumerate(machines, start=1)]
    title = "Machines (minutes on one cannot be compared with minutes on another):" if len(lines) > 1 else "Machine:"
    return "\n".join([title, *lines])


def _number_machines(found, machines):
    return " ".join(f"[{machines.index(machine) + 1}]" for machine in found)


def _join_splits(splits):
    return " ".join(sorted(set(splits), key=natural_key))


def _count_digits(name):
    return 1 if name.endswith("minutes") else 0


def _format_mean(row, name, digits):
    """`mean ± std` of a summary's row; the mean alone for a single run."""
    mean, std = (_format_number(row[f"{name}_{statistic}"], digits) for statistic in ("mean", "std"))
    return mean if std == NONE else f"{mean} ± {std}"


def _format_number(value, digits):
    return NONE if math.isnan(value) else f"{value:.{digits}f}"


def label_groups(points):
    """{group: its name in the legend}: the method, and what else differs between the groups."""
    groups = points[BLOCK].drop_duplicates()
    shown = [name for name in BLOCK if name == "method" or groups[name].nunique() > 1]
    return {tuple(row[name] for name in BLOCK): ", ".join(row[name] for name in shown)
            for row in groups.to_dict("records")}  # fmt: skip


def _name_points(axes, means, level, colour):
    """Write each point's number of patents beside it."""
    for row in means.to_dict("records"):
        if not math.isnan(row["train_minutes_mean"]):
            place = (row["train_minutes_mean"], row[f"{level}_mean"])
            axes.annotate(
                str(row["patents"]), place, (-4, 4), textcoords="offset points", ha="right", fontsize=8, color=colour
            )


def _finish_axes(left, right, counts, minutes, level):
    from matplotlib.ticker import LogLocator, NullLocator

    left.set_xticks(counts, [str(count) for count in counts])
    left.set_xlabel("training patents")
    left.set_ylabel(f"test F1, {level.replace('_', ' ')}")
    left.set_ylim(bottom=0)
    right.set_xlabel("training minutes (beside a point: its patents)")
    if minutes.max() > WIDE_SPAN * minutes.min() > 0:
        right.set_xscale("log")
        right.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        right.xaxis.set_minor_locator(NullLocator())
        right.xaxis.set_major_formatter("{x:g}")
    else:
        right.set_xlim(left=0)
    for axes in (left, right):
        axes.grid(axis="y", linewidth=0.5, alpha=0.4)
