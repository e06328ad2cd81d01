"""Sections on how the runs were made: limited data, learning curves, settings, commands."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from cbpner.reports import charts, curve
from cbpner.reports.charts import Line
from cbpner.reports.intervals import FEW_MENTIONS
from cbpner.reports.page.inputs import MAIN, ReportData, list_differing_flags
from cbpner.reports.run_scores import LEVEL_NAMES, show_split
from cbpner.reports.systems import BLOCK, RunRecord
from cbpner.reports.tables import UNDEFINED, Chart, Figure, Fold, Part, Section, Table
from cbpner.scoring.metrics import LEVELS


def show_curve(data: ReportData) -> Section | None:
    """F1 against the number of training patents."""
    points = data.points
    if points is None:
        return None
    labels, costs = curve.label_groups(points), [name for name in curve.COSTS if points[name].notna().any()]
    scores, spent = [], []
    for row in curve.summarise_points(points).to_dict("records"):
        head = [labels[tuple(row[name] for name in BLOCK)], int(row["patents"]), row["splits"], int(row["runs"])]
        scores.append([*head, *curve.list_figures(row, LEVELS)])
        spent.append([*head, *curve.list_figures(row, costs)])
    header = ["method", "patents", "splits", "runs"]
    note = "Only the training file gets smaller; dev and test stay. Means ± standard deviation over the splits."
    table = Table("curve", "F1 against the number of training patents",
                  [*header, *(f"{LEVEL_NAMES[level]} F1" for level in LEVELS)], scores, 1, note)  # fmt: skip
    cost_table = Table("costs", "Costs against the number of training patents",
                       [*header, *(curve.COSTS[name] for name in costs)], spent, 1)  # fmt: skip
    svg = charts.figure_to_svg(
        curve.draw_curve(points, MAIN), "Strict F1 against training patents and training minutes"
    )
    caption = "Strict F1 on the test sets: means over the splits that every point has; pale: single runs."
    parts: list[Part] = [Chart(svg, caption), table, Fold("What they cost", [cost_table])]
    return Section("curve", "How little labelled text is enough", "Limited data", parts)


def show_learning(data: ReportData) -> Section | None:
    """Training loss and dev F1 of every run."""
    parts: list[Part] = []
    for number, (name, runs) in enumerate(data.systems.items()):
        losses, scores, named = [], [], set()
        for run in runs:
            records = run.metrics.get("history") or []
            history = pd.DataFrame(records, columns=["epoch", "loss", f"eval_{MAIN}_f1"])
            split = show_split(run.config)
            label = "" if split in named else split  # once for all of its seeds
            named.add(split)
            loss = history[["epoch", "loss"]].dropna()
            size = math.ceil(len(loss) / 60) or 1  # the curve has 60 points, means over stretches of equal number
            loss = loss.groupby([place // size for place in range(len(loss))]).mean()
            losses.append(Line(label, loss.to_numpy().tolist()))
            dev = history[["epoch", f"eval_{MAIN}_f1"]].dropna().to_numpy().tolist()
            scores.append(Line(label, dev, dashed=run.metrics["selection"]["dev_mentions"] < FEW_MENTIONS))
        svg = charts.draw_learning(losses, scores, number, f"Training loss and dev F1 of {name} by epoch")
        if svg is not None:
            parts.append(Chart(svg, name))
    lead = (
        "Training loss (its axis is logarithmic) and strict F1 on the dev text after each epoch; a line is a run, with "
        f"its split. Dashed: fewer than {FEW_MENTIONS} dev mentions, too few for dev scores to say much."
    )
    return Section("learning", "Learning curves", "Learning", [lead, *parts]) if parts else None


def show_provenance(data: ReportData) -> Section:
    """How each run was made."""
    header = ["method", "split", "seed", "recipe", "encoder", "epoch", "dev mentions", "minutes", "MB", "revision"]
    note = "Epoch: which was kept, of how many. MB: peak memory. Revision: of the code; + where files differed from it."
    rows, machines, commands = [], {}, []
    for name, run in ((name, run) for name, runs in data.systems.items() for run in runs):
        split, environment = show_split(run.config), run.config.get("environment") or {}
        rows.append([name, split, *_describe_run(run, environment.get("git") or {})])
        packages = [f"{key} {version}" for key, version in (environment.get("packages") or {}).items() if version]
        machine = [curve.show_machine(environment), environment.get("python"), ", ".join(packages) or None]
        machines[str(machine)] = machine
        command = run.config.get("command") or None
        shown = " ".join(map(str, command)) if isinstance(command, list) else command
        commands.append([name, split, run.folder, shown])
    parts: list[Part] = [Table("runs", "The runs", header, rows, 6, note)]
    if differing := list_differing_flags(data.systems):
        rows = [[flag, *values] for flag, values in differing.items()]
        parts.append(Table("flags", "Settings that differ", ["setting", *data.names], rows, len(data.names) + 1))
    machine_header, machine_rows = ["machine", "python", "packages"], list(machines.values())
    tables = [Table("machines", "Machines and packages", machine_header, machine_rows, 3),
              Table("commands", "Commands", ["method", "split", "folder", "command"], commands, 4)]  # fmt: skip
    parts += [Fold(table.title, [table]) for table in tables]
    return Section("provenance", "How the runs were made", "Provenance", parts)


def _describe_run(run: RunRecord, git: Mapping[str, Any]) -> list[Any]:
    """A run's row, from its seed on."""
    config, metrics = run.config, run.metrics
    revision = f"{git['revision'][:8]}{'+' if git.get('dirty') else ''}" if git.get("revision") else UNDEFINED
    epoch = metrics["epochs"] if metrics["best_epoch"] is None else metrics["best_epoch"]
    return [
        str(config["seed"]), config["recipe"], str(config["encoder"]),
        f"{epoch} of {metrics['epochs']}", int(metrics["selection"]["dev_mentions"]),
        Figure(sum(curve.list_minutes(metrics).values()) or math.nan, style=".1f"),
        Figure(metrics.get("peak_memory_mb") or math.nan, style=",.0f"), revision,
    ]  # fmt: skip
