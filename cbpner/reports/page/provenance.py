"""Sections on how the runs were made: limited data, settings, commands."""

from cbpner.reports import charts, curve
from cbpner.reports.page.inputs import MAIN, ReportData, list_differing_flags
from cbpner.reports.run_scores import show_split
from cbpner.reports.tables import UNDEFINED, Chart, Figure, Fold, Part, Section, Table


def show_curve(data: ReportData) -> Section | None:
    """F1 against the number of training patents."""
    points = data.points
    if points is None:
        return None
    note = "Only the training file gets smaller; dev and test stay. Means ± standard deviation over the splits."
    title = "Strict F1 against training patents and training minutes"
    svg = charts.figure_to_svg(curve.draw_curve(points, MAIN), title)
    caption = "Strict F1 on the test sets: means over the splits that every point has; pale: single runs."
    table, costs = curve.tabulate_scores(points)._replace(note=note), curve.tabulate_costs(points)
    parts: list[Part] = [Chart(svg, caption), table, Fold("What they cost", [costs])]
    return Section("curve", "How little labelled text is enough", "Limited data", parts)


def show_provenance(data: ReportData) -> Section:
    """How each run was made."""
    header = ["method", "split", "seed", "recipe", "encoder", "epoch", "dev mentions", "minutes", "MB", "revision"]
    note = "Epoch: which was kept, of how many. MB: peak memory. Revision: of the code; + where files differed from it."
    rows, machines, commands = [], [], []
    for name, run in ((name, run) for name, runs in data.systems.items() for run in runs):
        config, metrics, costs = run.config, run.metrics, curve.measure_costs(run)
        split, environment = show_split(config), config.get("environment") or {}
        git = environment.get("git") or {}
        revision = f"{git['revision'][:8]}{'+' if git.get('dirty') else ''}" if git.get("revision") else UNDEFINED
        epoch = metrics["epochs"] if metrics["best_epoch"] is None else metrics["best_epoch"]
        rows.append([
            name, split, str(config["seed"]), config["recipe"], str(config["encoder"]),
            f"{epoch} of {metrics['epochs']}", int(metrics["selection"]["dev_mentions"]),
            Figure(costs["total_minutes"], style=".1f"), Figure(costs["memory_mb"], style=",.0f"), revision,
        ])  # fmt: skip
        packages = [f"{key} {version}" for key, version in (environment.get("packages") or {}).items() if version]
        machine = [costs["machine"], environment.get("python"), ", ".join(packages) or None]
        machines += [machine] if machine not in machines else []
        command = config.get("command") or None
        shown = " ".join(map(str, command)) if isinstance(command, list) else command
        commands.append([name, split, run.folder, shown])
    parts: list[Part] = [Table("runs", "The runs", header, rows, 6, note)]
    if differing := list_differing_flags(data.systems):
        rows = [[flag, *values] for flag, values in differing.items()]
        parts.append(Table("flags", "Settings that differ", ["setting", *data.names], rows, len(data.names) + 1))
    tables = [Table("machines", "Machines and packages", ["machine", "python", "packages"], machines, 3),
              Table("commands", "Commands", ["method", "split", "folder", "command"], commands, 4)]  # fmt: skip
    parts += [Fold(table.title, [table]) for table in tables]
    return Section("provenance", "How the runs were made", "Provenance", parts)
