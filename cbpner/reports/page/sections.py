"""The sections of the page, from the scores to how the runs were made; None where there is nothing to show."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import pandas as pd

from cbpner.base.files import natural_key
from cbpner.base.html import style_types
from cbpner.reports import charts, curve
from cbpner.reports.charts import NEUTRAL, Dots
from cbpner.reports.evaluate import Evaluation, tabulate_confusions, tabulate_wrong
from cbpner.reports.intervals import COMPARISON_LEGEND, FEW_MENTIONS, SEED_NOTE, tabulate_comparisons
from cbpner.reports.join import PredictedSet, System
from cbpner.reports.page.inputs import MAIN, ReportData, sum_counts
from cbpner.reports.run_scores import F1_NAMES, LEVEL_NAMES, LEVEL_NOTE, MEAN_NOTE, MEASURE_NAMES, OVERALL, show_split
from cbpner.reports.spans import NO_TYPE, POOLED
from cbpner.reports.systems import complete_flags
from cbpner.reports.tables import UNDEFINED, Cell, Chart, Figure, Fold, Part, Section, Table, format_cell
from cbpner.scoring.matching import KINDS, pair_spans
from cbpner.scoring.metrics import COUNTS, LEVELS, MEASURES

GROUP_NAMES = {"seen": "Seen and unseen mentions", "length": "Length in characters", "script": "Script of the mention"}


def make_sections(data: ReportData, with_text: bool = True, shown: int = 15) -> list[Section]:
    """The sections; `with_text`: also surfaces and sentences of the gold, `shown` wrong ones of each system."""
    judged, has_sentences = data.evaluation, with_text and not data.recorded
    found = (
        show_scores(data), show_splits(data), show_types(data), judged and show_groups(data, judged),
        judged and show_errors(data, judged, with_text, shown), judged and show_comparisons(data, judged),
        show_curve(data), show_learning(data),
        judged and has_sentences and Section("sentences", "Sentences", "Sentences", [list_sentences(judged.systems)]),
        show_provenance(data),
    )  # fmt: skip
    return [section for section in found if section]


def show_scores(data: ReportData) -> Section:
    """The table of means with intervals."""
    header = ["method", "recipe", "encoder", "splits", "runs", *F1_NAMES, f"pooled {LEVEL_NAMES[MAIN]} F1"]
    rows: list[list[Cell]] = [
        [name, str(runs[0].config["recipe"]), str(runs[0].config["encoder"]), " ".join(data.list_splits(name)),
         len(runs), *(data.find_figure(name, "mean", level=level) for level in LEVELS), data.find_figure(name, POOLED)]
        for name, runs in data.systems.items()
    ]  # fmt: skip
    note = f"{MEAN_NOTE} Pooled: one F1 over all mentions of all runs."
    seeds = [data.find_figure(name, "seeds").std for name in data.names]
    if not all(map(math.isnan, seeds)):
        header.append(f"± seeds, {LEVEL_NAMES[MAIN]}")
        rows = [[*row, Figure(std)] for row, std in zip(rows, seeds, strict=True)]
        note += " ± seeds: the standard deviation of the seeds' means over the splits."
    if data.evaluation:
        r = data.evaluation.resampling
        note += f" In brackets 95% bootstrap intervals over {r.resamples:,} samples of the {r.unit}s, seed {r.seed}."
    table = Table("scores", "F1 of each method", header, rows, 4, note)
    return Section("scores", "Scores", "Scores", [LEVEL_NOTE, table])


def show_splits(data: ReportData) -> Section | None:
    """Every run's F1; None where each system has one."""
    if all(len(runs) < 2 for runs in data.systems.values()):
        return None
    dots, rows = [], []
    for number, (name, runs) in enumerate(data.systems.items()):
        points = []
        for run in runs:
            split, seed = show_split(run.config), str(run.config["seed"])
            cells = [data.find_figure(name, "run", run.folder, level) for level in LEVELS]
            gold = run.metrics[data.part][MAIN]["overall"]["gold"]
            rows.append([name, split, seed, gold, *cells])
            strict = cells[LEVELS.index(MAIN)]
            if not math.isnan(strict.value):
                points.append((strict.value, split, f"{name}, split {split}, seed {seed}: {format_cell(strict)}"))
        dots.append(Dots(data.short_names[name], number, points, *data.find_figure(name, "mean")[:3]))
    caption = "Strict F1. A circle is a run, with its split's name; the line is the mean over the splits"
    caption += ", the band its 95% interval." if data.evaluation else "."
    chart = Chart(charts.draw_dots([(None, dots)], "Strict F1 of every run by method"), caption)
    table = Table("splits", "F1 of every run", ["method", "split", "seed", "gold mentions", *F1_NAMES], rows, 3)
    return Section("splits", "Every split", "Splits", [chart, Fold("The figures", [table])])


def show_types(data: ReportData) -> Section:
    """Scores by type and level, pooled over the runs."""
    rows: list[list[Cell]] = []
    for name, level, label in product(data.names, LEVELS, (OVERALL, *data.types)):
        own = data.scores[(data.scores["system"] == name) & (data.scores["level"] == level)]
        counts, measures = sum_counts(own[own["type"] == label])
        f1 = data.find_figure(name, POOLED, level=level, label=label)  # with its interval
        rows.append([name, LEVEL_NAMES[level], label, *counts, *measures[:2], f1])
    groups = []
    for label in data.types:
        figures = [data.find_figure(name, POOLED, label=label) for name in data.names]
        groups.append((label, [Dots("", number, (), *figure[:3]) for number, figure in enumerate(figures)]))
    header = ["method", "level", "type", *COUNTS, *MEASURE_NAMES.values()]
    table = Table("types", "Scores by level and type, pooled over the runs", header, rows, 3)
    chart = _draw_groups(data, groups, "Strict F1 by type", "Strict F1 by type, pooled over all runs.")
    return Section("types", "By type", "Types", [chart, Fold("The figures", [table])])


def show_groups(data: ReportData, judged: Evaluation) -> Section | None:
    """Seen against unseen mentions, lengths and scripts."""
    frame, rows = judged.frames["scores"], []
    parts: list[Part] = []
    frame = frame[(frame["statistic"] == POOLED) & (frame["level"] == MAIN)]
    for group, title in GROUP_NAMES.items():
        groups = []
        for value, found in frame[frame["group"] == group].groupby("value", sort=False):
            if not found["gold"].max():
                continue
            own = found.set_index("system").to_dict("index")
            dots = [Dots("", number, (), own[name]["f1"]) for number, name in enumerate(data.names)]
            groups.append((f"{value} ({found['gold'].max():,})", dots))
            rows += [[title, value, name, *(row[c] for c in COUNTS), *(Figure(row[m]) for m in MEASURES)]
                     for name, row in own.items()]  # fmt: skip
        if groups:
            caption = f"{title}: strict F1, pooled. In brackets: gold mentions, over all runs of a method."
            parts.append(_draw_groups(data, groups, f"Strict F1, {title.lower()}", caption))
    if not parts:
        return None
    lead = (
        "A mention is seen where the training text has the same surface as a mention of the same "
        "type. Each span, gold or predicted, is in the group of its own text and type, so that the counts add up."
    )
    header = ["group", "value", "method", *COUNTS, *MEASURE_NAMES.values()]
    table = Table("groups", "Strict scores by group, pooled over the runs", header, rows, 3)
    parts = [lead, *parts, Fold("The figures", [table])]
    return Section("groups", "Seen and unseen, short and long", "Seen, unseen", parts)


def show_comparisons(data: ReportData, judged: Evaluation) -> Section | None:
    """The methods against each other."""
    found, best = judged.frames["comparisons"], data.find_best()
    if found.empty:
        return None
    pairs = found[found["level"] == MAIN].to_dict("records")
    chosen = [row for row in pairs if len(pairs) <= 3 or best in (row["first"], row["second"])] or pairs
    short = data.short_names
    dots = [Dots(f"{short[row['first']]} − {short[row['second']]}", NEUTRAL, (), row["difference"], row["low"],
                 row["high"]) for row in chosen]  # fmt: skip
    bounds = [0.0, *(value for row in dots for value in row[3:] if not math.isnan(value))]
    caption = "Difference of pooled strict F1, first minus second, with its 95% interval."
    if len(chosen) < len(pairs):
        caption += f" {short[best]} against the others; the table has all pairs."
    svg = charts.draw_dots([(None, dots)], "Differences of strict F1", (min(bounds), max(bounds)), "difference of F1")
    tables, legend = tabulate_comparisons(found), COMPARISON_LEGEND.format_map(judged.resampling._asdict())
    main = tables.pop(MAIN)._replace(note=f"{legend} {SEED_NOTE}.")
    parts: list[Part] = [judged.texts, Chart(svg, caption), main]
    parts += [Fold(table.title, [table]) for table in tables.values()]
    return Section("comparisons", "Method against method", "Comparisons", parts)


def show_errors(data: ReportData, judged: Evaluation, with_text: bool, shown: int) -> Section:
    """Classes of errors, confusion of types, the most frequent wrong surfaces."""
    frames, parts = judged.frames, _show_classes(judged.frames["errors"], data.short_names)
    parts.append(
        f"Confusion of types: rows are gold types, columns predicted ones. {NO_TYPE}: missed in its column, spurious "
        "in its row. Shade: share of the row."
    )
    parts += [tabulate_confusions(frames["confusions"], name, number) for number, name in enumerate(data.names, 1)]
    if with_text and shown and "wrong_surfaces" in frames:
        for number, name in enumerate(data.names, 1):
            table = tabulate_wrong(frames["wrong_surfaces"], name, shown, number)
            parts.append(Fold(table.title, [table]))
    return Section("errors", "Errors", "Errors", parts)


def _show_classes(errors: pd.DataFrame, names: Mapping[str, str]) -> list[Part]:
    """Stacked bars of the classes of spans, and their table by type."""
    pooled = errors[errors["statistic"] == POOLED]
    counts = pooled.set_index(["system", "type", "class"])["count"].to_dict()
    bars = [(short, [int(counts[name, OVERALL, kind]) for kind in KINDS]) for name, short in names.items()]
    caption = (
        "Gold and predicted spans that share a character are a pair, named for what is wrong with it; what is left is "
        "missed or spurious. Spans are read leniently."
    )
    rows = []
    for name in names:
        labels = sorted({label for system, label, _ in counts if system == name}, key=lambda own: (own == OVERALL, own))
        rows += [[name, label, *(int(counts[name, label, kind]) for kind in KINDS)] for label in labels]
    legend = [(f"k-{charts.kind_colour(kind)}", "■", kind) for kind in KINDS]
    chart = Chart(charts.draw_shares(bars, KINDS, "Classes of spans by method"), caption, legend)
    table = Table("errors", "Classes of spans by type", ["method", "mentions", *KINDS], rows, 2)
    return [chart, Fold("The figures", [table])]


def list_sentences(systems: Sequence[System]) -> dict[str, Any]:
    """What the page's script shows, as lists and numbers.

    kinds: KINDS. types: their names; looks: their classes. variants: systems, once for each seed where they have
    several. splits: their names. sentences: [split, patent, number in the set, text, answers], the split a place in
    its list, answers {variant: pairs} for each variant that read the sentence, a pair
    [kind, gold start, end, type, predicted start, end, type] with -1 for what is not there.
    """
    variants: dict[tuple[str, str], str] = {}
    for system in systems:
        seeds = sorted({own.seed for own in system.sets}, key=natural_key)
        shown = [f"{system.name}, seed {seed}" for seed in seeds] if len(seeds) > 1 else [system.name]
        variants |= {(system.name, seed): name for seed, name in zip(seeds, shown, strict=True)}
    numbers = {key: number for number, key in enumerate(variants)}
    sets = [(own, numbers[system.name, own.seed]) for system in systems for own in system.sets]
    splits = sorted({own.split for own, _ in sets}, key=natural_key)
    types = sorted({span.label for own, _ in sets for side in (own.gold, own.spans) for s in side for span in s})
    groups: dict[tuple[int, str], list[tuple[PredictedSet, int]]] = {}
    for own, variant in sets:
        groups.setdefault((splits.index(own.split), own.identity), []).append((own, variant))
    rows = [row for (split, _), own in sorted(groups.items()) for row in _list_set(split, own, types)]
    return {
        "kinds": KINDS, "types": types, "looks": list(style_types(types).values()),
        "variants": list(variants.values()), "splits": splits, "sentences": rows,
    }  # fmt: skip


def _list_set(split: int, sets: Sequence[tuple[PredictedSet, int]], types: list[str]) -> Iterator[list[Any]]:
    """The rows of one set of sentences; sets: (predictions, variant) of all that read it."""
    first = sets[0][0]
    patents = {key: number for number, key in enumerate(dict.fromkeys(first.patent_keys), start=1)}
    for place, sentence in enumerate(first.sentences):
        answers: dict[int, list[list[int]]] = {variant: [] for _, variant in sets}
        for own, variant in sets:
            for *sides, kind in pair_spans(first.gold[place], own.spans[place]):
                ends = [[s.start, s.end, types.index(s.label)] if s else [-1, -1, -1] for s in sides]
                answers[variant].append([KINDS.index(kind), *ends[0], *ends[1]])
        yield [split, patents[first.patent_keys[place]], place + 1, sentence.chars, answers]


def show_curve(data: ReportData) -> Section | None:
    """F1 against the number of training patents."""
    points = data.points
    if points is None:
        return None
    note = "Only the training file gets smaller; dev and test stay. Means ± standard deviation over the splits."
    title = "Strict F1 against training patents and training minutes"
    svg = charts.figure_to_svg(curve.draw_curve(points, MAIN), title)
    caption = "Strict F1 on the test sets: means over the splits that every point has; pale: single runs."
    table, costs = (curve.tabulate_points(points, name) for name in ("curve", "costs"))
    parts: list[Part] = [Chart(svg, caption), table._replace(note=note), Fold("What they cost", [costs])]
    return Section("curve", "How little labelled text is enough", "Limited data", parts)


def show_learning(data: ReportData) -> Section | None:
    """Training loss and dev F1 of every run by epoch."""
    parts: list[Part] = []
    for number, (name, runs) in enumerate(data.systems.items()):
        lines: dict[str, dict[str, list[tuple[float, float]]]] = {"loss": {}, f"eval_{MAIN}_f1": {}}
        for run in runs:
            history = pd.DataFrame(run.metrics.get("history") or [], columns=["epoch", *lines])
            for measure, own in lines.items():
                points = history[["epoch", measure]].dropna()
                size = math.ceil(len(points) / 60) or 1  # 60 points, means over stretches of equal number
                points = points.groupby([place // size for place in range(len(points))]).mean()
                if len(points):
                    seed = "" if len(runs) == len(data.list_splits(name)) else f", seed {run.config['seed']}"
                    own[show_split(run.config) + seed] = list(points.itertuples(index=False, name=None))
        losses, scores = lines.values()
        if losses or scores:
            label = f"Training loss and dev F1 of {name} by epoch"
            parts.append(Chart(charts.draw_learning(losses, scores, number, label), data.short_names[name]))
    lead = (
        "Training loss (its axis is logarithmic) and strict F1 on the dev text after each epoch; a line is a run, with "
        f"its split. From fewer than {FEW_MENTIONS} dev mentions dev scores say little."
    )
    return Section("learning", "Learning curves", "Learning", [lead, *parts]) if parts else None


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
    owners = [name for name, runs in data.systems.items() for _ in runs]
    flags = pd.DataFrame(complete_flags([run.config for runs in data.systems.values() for run in runs]), dtype=object)
    flags = flags.map(str).replace({"None": "none", "True": "yes", "False": "no"})  # `astype(str)` keeps None
    values = flags.groupby(owners, sort=False).agg(lambda own: ", ".join(own.unique()))
    if rows := [[flag, *values[flag]] for flag in flags if flags[flag].nunique() > 1]:
        parts.append(Table("flags", "Settings that differ", ["setting", *data.names], rows, len(data.names) + 1))
    tables = [Table("machines", "Machines and packages", ["machine", "python", "packages"], machines, 3),
              Table("commands", "Commands", ["method", "split", "folder", "command"], commands, 4)]  # fmt: skip
    parts += [Fold(table.title, [table]) for table in tables]
    return Section("provenance", "How the runs were made", "Provenance", parts)


def _draw_groups(data: ReportData, groups: Sequence[tuple[str, Sequence[Dots]]], label: str, caption: str) -> Chart:
    glyphs = [charts.GLYPHS[charts.series_look(number)["marker"]] for number in range(len(data.names))]
    shown = zip(glyphs, data.short_names.values(), strict=True)
    legend = [(f"s{n % 7}", glyph, name) for n, (glyph, name) in enumerate(shown)]
    return Chart(charts.draw_dots(groups, label), caption, legend if len(legend) > 1 else ())
