"""Sections on how the runs were made: limited data, learning curves, settings, commands."""

import math

from cbpner.reports.curve import COSTS, describe_machine, label_groups, summarise_points
from cbpner.reports.intervals import FEW_MENTIONS
from cbpner.reports.page import charts
from cbpner.reports.page.charts import Line
from cbpner.reports.page.components import MAIN, Fold, Panels, Section, Text, mean_known, show_split, sort_runs
from cbpner.reports.page.inputs import list_differing_flags, list_history
from cbpner.reports.page.tables import Figure, Table
from cbpner.reports.systems import BLOCK
from cbpner.reports.table import LEVEL_NAMES, NONE
from cbpner.scoring.metrics import LEVELS

LOSSES = 60  # points of a loss curve


def show_curve(view) -> Section | None:
    """F1 against the number of training patents."""
    points = view.material.points
    if points is None:
        return None
    summary, labels, lines = summarise_points(points), label_groups(points), []
    for place, (key, label) in enumerate(labels.items()):
        number = _find_series(view, key, place)
        runs, means = (frame[(frame[BLOCK] == list(key)).all(axis=1)] for frame in (points, summary))
        lines.append((number, label, runs.to_dict("records"), means.to_dict("records")))
    ticks = sorted(set(points["patents"]))
    drawings = [
        _draw_curve(lines, "patents", "patents", "training patents", ticks),
        _draw_curve(lines, "train_minutes", "train_minutes_mean", "training minutes", None),
    ]
    caption = "Strict F1 on the test sets. Marks: means over the splits that every point has; faint marks: single runs."
    legend = [(charts.draw_mark(number, charts.choose_shape(number)), label) for number, label, *_ in lines]
    costs = [name for name in COSTS if points[name].notna().any()]
    heads = [
        [labels[tuple(row[name] for name in BLOCK)], int(row["patents"]), row["splits"], int(row["runs"])]
        for row in summary.to_dict("records")
    ]
    scores, spent = [], []
    for head, row in zip(heads, summary.to_dict("records"), strict=True):
        scores.append([*head, *(_summary_figure(row, level, ".3f") for level in LEVELS)])
        spent.append([*head, *(_summary_figure(row, n, ",.1f" if n.endswith("minutes") else ",.0f") for n in costs)])
    header = ["method", "patents", "splits", "runs"]
    note = "Only the training file gets smaller; dev and test stay. Means ± standard deviation over the runs."
    f1_names, cost_names = [f"{LEVEL_NAMES[level]} F1" for level in LEVELS], [COSTS[name] for name in costs]
    parts = [
        Panels("", drawings, caption, legend),
        Table("curve", "F1 against the number of training patents", [*header, *f1_names], scores, 1, note),
        Fold("What they cost", [Table("costs", "Costs against the number of training patents",
                                      [*header, *cost_names], spent, 1)]),
    ]  # fmt: skip
    return Section("curve", "How little labelled text is enough", "Limited data", parts)


def show_learning(view) -> Section | None:
    """Training loss and dev F1 of every run."""
    parts, marked, key = [], False, f"eval_{MAIN}_f1"
    for number, name in enumerate(view.names):
        losses, scores, named = [], [], set()
        for run in sort_runs(view.material.systems[name]):
            history, few = list_history(run), run.metrics["selection"]["dev_mentions"] < FEW_MENTIONS
            label = "" if show_split(run) in named else show_split(run)  # once for all of its seeds
            named.add(label)
            loss = [(row["epoch"], row["loss"], "") for row in history if "loss" in row]
            dev = [(row["epoch"], row[key], "") for row in history if key in row]
            losses.append(Line(label, number, _thin(loss)))
            scores.append(Line(label, number, dev, faint=few))
            marked = marked or few and bool(dev)
        drawings = [
            charts.draw_lines(losses, f"Training loss of {name} by epoch", "epoch", "training loss", logarithmic=True),
            charts.draw_lines(scores, f"Dev F1 of {name} by epoch", "epoch", "strict F1 on dev", floor=0),
        ]
        if any(drawings):
            parts.append(Panels(name, [drawing for drawing in drawings if drawing], "", []))
    if not parts:
        return None
    lead = (
        "Training loss (its axis is logarithmic) and strict F1 on the dev text after each epoch; a line is a run, with "
        "its split."
    )
    if marked:
        lead += f" Dashed: fewer than {FEW_MENTIONS} dev mentions, so that dev scores say little."
    return Section("learning", "Learning curves", "Learning", [Text(lead), *parts])


def show_making(view) -> Section:
    """How each run was made."""
    rows, commands, environments = [], [], []
    for name in view.names:
        for run in sort_runs(view.material.systems[name]):
            config, metrics = run.config, run.metrics
            environment = config.get("environment") or {}
            seconds = [value for value in (metrics.get("seconds") or {}).values() if value is not None]
            epoch = metrics["epochs"] if metrics["best_epoch"] is None else metrics["best_epoch"]
            rows.append([
                name, show_split(run), str(config["seed"]), config["recipe"], str(config["encoder"]),
                f"{epoch} of {metrics['epochs']}", int(metrics["selection"]["dev_mentions"]),
                Figure(sum(seconds) / 60 if seconds else math.nan, style=".1f"),
                Figure(metrics.get("peak_memory_mb") or math.nan, style=",.0f"), _show_revision(environment),
            ])  # fmt: skip
            commands.append([name, show_split(run), run.folder, _show_command(config)])
            packages = ", ".join(
                f"{key} {value}" for key, value in (environment.get("packages") or {}).items() if value
            )
            environments.append((describe_machine(environment), environment.get("python") or NONE, packages or NONE))
    header = ["method", "split", "seed", "recipe", "encoder", "epoch", "dev mentions", "minutes", "MB", "revision"]
    note = "Epoch: which was kept, of how many. MB: peak memory. Revision: of the code; + where files differed from it."
    parts: list = [Table("runs", "The runs", header, rows, 6, note)]
    if differing := list_differing_flags(view.material.systems):
        flags = [[flag, *values] for flag, values in differing.items()]
        parts.append(Table("flags", "Settings that differ", ["setting", *view.names], flags, len(view.names) + 1))
    machines = [[*machine] for machine in dict.fromkeys(environments)]
    parts.append(
        Fold(
            "Machines and packages",
            [Table("machines", "Machines and packages", ["machine", "python", "packages"], machines, 3)],
        )
    )
    parts.append(
        Fold("Commands", [Table("commands", "Commands", ["method", "split", "folder", "command"], commands, 4)])
    )
    return Section("making", "How the runs were made", "Making", parts)


def _find_series(view, key, place):
    """The colour of a curve's group: that of the system with the same method, recipe and encoder, if there is one."""
    for number, runs in enumerate(view.material.systems.values()):
        config = runs[0].config
        if tuple(str(config[name]) for name in BLOCK[:3]) == key[:3]:
            return number
    return place


def _draw_curve(lines, column, mean, xlabel, ticks):
    drawn = []
    for number, label, runs, means in lines:
        drawn += [Line("", number, [(row[column], row[MAIN], "")], faint=True, marked=True) for row in runs]
        points = [(row[mean], row[f"{MAIN}_mean"], f"{label}, {row['patents']} patents: {row[f'{MAIN}_mean']:.3f}")
                  for row in means if not math.isnan(row[mean])]  # fmt: skip
        drawn.append(Line(label, number, points, marked=True))
    drawn = [line for line in drawn if all(not math.isnan(x) for x, *_ in line.points)]
    return charts.draw_lines(drawn, f"Strict F1 against {xlabel}", xlabel, "strict F1", xticks=ticks, floor=0)


def _summary_figure(row, name, style):
    return Figure(row[f"{name}_mean"], std=row[f"{name}_std"], style=style)


def _show_revision(environment):
    git = environment.get("git") or {}
    return f"{git['revision'][:8]}{'+' if git.get('dirty') else ''}" if git.get("revision") else NONE


def _show_command(config):
    command = config.get("command") or NONE
    return command if isinstance(command, str) else " ".join(map(str, command))


def _thin(points):
    """At most LOSSES points: means over stretches of equal number."""
    size = math.ceil(len(points) / LOSSES) or 1
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(mean_known([x for x, *_ in own]), mean_known([y for _, y, *_ in own]), "") for own in groups]
