"""The sections of a report, each a list of parts: paragraphs, tables, charts, folds. Absent where there is nothing."""

import math
from typing import Any, NamedTuple

from cbpner.matching import KINDS
from cbpner.metrics import COUNTS, LEVELS, MEASURES, divide_counts
from cbpner.report.curve import COSTS, describe_machine, label_groups, summarise_points
from cbpner.report.evaluate import SHOWN
from cbpner.report.intervals import FEW_MENTIONS, count_things
from cbpner.report.page import charts
from cbpner.report.page.charts import NEUTRAL, Chart, Dots, Line
from cbpner.report.page.material import group_casings, list_differing_flags, list_history
from cbpner.report.page.tables import Figure, Table, format_cell
from cbpner.report.spans import NO_TYPE, POOLED
from cbpner.report.table import BLOCK, GOLD_DATA, LEVEL_NAMES, MEASURE_NAMES, NONE, OVERALL
from cbpner.runs import natural_key

MAIN = "entity_strict"  # the level of charts
PAPER_F1, PAPER_STD = 0.54, 0.15  # Hu and Verberne, COLING 2020: LM mixed fine-tuning, its best model
PAPER_SPLITS = set("01234")
LOSSES = 60  # points of a loss curve
SIGNIFICANT = 0.05
MOST_TOLD = 3  # pairs of methods; of more, only those of the best method get a sentence
GROUP_NAMES = {
    "seen": "Seen and unseen mentions", "length": "Length in characters", "script": "Script of the mention",
}  # fmt: skip


class Text(NamedTuple):
    """A paragraph; kind: `p`, `lead` or `note`."""

    text: str
    kind: str = "p"


class Panels(NamedTuple):
    """Line charts side by side."""

    title: str
    drawings: list
    caption: str
    legend: list


class Browser(NamedTuple):
    """The browser of sentences; content: see `cbpner.report.page.sentences`."""

    content: dict


class List(NamedTuple):
    """Sentences, one below the other."""

    lines: list


class Row(NamedTuple):
    """Tables side by side, where there is room."""

    parts: list


class Fold(NamedTuple):
    """Parts behind a title that opens them."""

    title: str
    parts: list


class Section(NamedTuple):
    """name: of its anchor. title: its heading. short: its name in the navigation."""

    name: str
    title: str
    short: str
    parts: list


class Headline(NamedTuple):
    """What stands first. subtitle: how much there is. figures: (Figure, what it is) each. chart, sentences: below."""

    subtitle: str
    figures: list
    chart: Chart | None
    sentences: list


class View(NamedTuple):
    """The material with what sections often ask of it.

    names: the systems. figures: {(system, `run`, `mean` or POOLED, run or None, level, type): F1 as a Figure}, from the
    evaluation or, without intervals, from metrics.json. splits: {system: its splits}. types: their names.
    """

    material: Any
    names: list
    figures: dict
    splits: dict
    types: list


def build_sections(material, with_text=True, shown=SHOWN) -> tuple[Headline, list[Section]]:
    """The headline, and the sections that have something to show. with_text: also what holds text of the gold."""
    view = make_view(material)
    makers = (
        show_scores, show_splits, show_types, show_groups, lambda v: show_errors(v, with_text, shown), show_comparisons,
        show_casings, show_curve, show_learning, lambda v: show_sentences(v, with_text), show_making,
    )  # fmt: skip
    return write_headline(view), [section for section in (maker(view) for maker in makers) if section]


def make_view(material) -> View:
    scores = material.scores
    figures, evaluation = {}, material.evaluation
    if evaluation is None:
        overall = scores[scores["type"] == OVERALL]
        for row in overall.to_dict("records"):
            figures[row["system"], "run", row["run"], row["level"], OVERALL] = Figure(row["f1"])
        for (system, level), own in overall.groupby(["system", "level"])["f1"]:
            figures[system, "mean", None, level, OVERALL] = Figure(own.mean(), std=own.std())
        for (system, level, label), own in scores.groupby(["system", "level", "type"]):
            figures[system, POOLED, None, level, label] = Figure(_measure(own, "f1"))
    else:
        for row in evaluation.frames["intervals"].to_dict("records"):
            run = row["run"] if row["statistic"] == "run" else None
            key = (row["system"], row["statistic"], run, row["level"], row["type"])
            figures[key] = Figure(row["f1"], row["low"], row["high"], row["std"])
    splits = {
        name: sorted({NONE if r.config["split"] is None else str(r.config["split"]) for r in runs}, key=natural_key)
        for name, runs in material.systems.items()
    }
    types = sorted(set(scores["type"]) - {OVERALL})
    return View(material, list(material.systems), figures, splits, types)


def write_headline(view) -> Headline:
    """The best system's F1, beside the paper's where the texts are the same."""
    best, most = find_best(view), max(map(len, view.splits.values()))
    rivals = [name for name in view.names if len(view.splits[name]) == most]
    strict, lenient = (view.figures[best, "mean", None, level, OVERALL] for level in (MAIN, "entity_lenient"))
    data = {str(run.config["data"]["name"]) for run in view.material.systems[best]}
    like_paper = data == {GOLD_DATA} and set(view.splits[best]) == PAPER_SPLITS and view.material.part == "test"
    runs = view.material.systems[best]
    over = f"mean ± std over {count_things(len(runs), 'run')} on {count_things(most, 'split')}"
    spread = over if len(runs) > 1 else "one run"
    figures = [(strict._replace(low=math.nan), f"{best}: strict F1, {spread}")]
    sentences = []
    if len(rivals) > 1:
        sentences.append(
            f"{best} is the best of {len(rivals)} by this very score, so that the figure flatters it a little."
        )
    rows = [Dots(best, view.names.index(best), _list_points(view, best), strict.value, *_spread(strict))]
    if like_paper:
        figures.append((Figure(PAPER_F1, std=PAPER_STD, style=".2f"), "the paper's best model, lenient F1"))
        rows.append(Dots("the paper", NEUTRAL, [], PAPER_F1, PAPER_F1 - PAPER_STD, PAPER_F1 + PAPER_STD))
        sentences.append(_compare_with_paper(lenient, runs))
    chart = None
    if len(rows[0].points) > 1:
        label = f"Strict F1 of {best} by split" + (", and the paper's mean" if like_paper else "")
        caption = "Circles: splits. Line or diamond: the mean; around it one standard deviation on each side."
        chart = Chart(charts.draw_dots([(None, rows)], label, (0, 1)), caption, [])
    return Headline(_count_all(view), figures, chart, sentences)


def find_best(view) -> str:
    """The system with the highest mean strict F1 among those that have most splits."""
    most = max(map(len, view.splits.values()))
    means = {name: view.figures[name, "mean", None, MAIN, OVERALL].value for name in view.names}
    rivals = [name for name in view.names if len(view.splits[name]) == most]
    return max(rivals, key=lambda name: -1 if math.isnan(means[name]) else means[name])


def show_scores(view) -> Section:
    """The table of means with intervals, and each system's own."""
    differing = [setting for setting in ("recipe", "encoder") if _differs_untold(view, setting)]
    f1_names = [*(f"{LEVEL_NAMES[level]} F1" for level in LEVELS), f"pooled {LEVEL_NAMES[MAIN]} F1"]
    header = ["method", *differing, "splits", "runs", *f1_names]
    rows = [
        [name, *(str(runs[0].config[setting]) for setting in differing), " ".join(view.splits[name]), len(runs),
         *(view.figures[name, "mean", None, level, OVERALL] for level in LEVELS),
         view.figures[name, POOLED, None, MAIN, OVERALL]]
        for name, runs in view.material.systems.items()
    ]  # fmt: skip
    note = "Mean over the runs ± sample standard deviation; pooled: one F1 over all mentions of all runs."
    evaluation = view.material.evaluation
    if evaluation:
        r = evaluation.resampling
        note += f" In brackets 95% bootstrap intervals over {r.resamples:,} samples of the {r.unit}s, seed {r.seed}."
    levels = (
        "Token: single characters. Lenient: whole entities, borders and type; an I- without its B- begins one. Strict: "
        "the same, but an I- without its B- belongs to none."
    )
    parts = [Text(levels), Table("scores", "F1 of each method", header, rows, 2 + len(differing), note)]
    parts.append(Fold("Precision and recall", [_table_levels(view, name) for name in view.names]))
    return Section("scores", "Scores", "Scores", parts)


def show_splits(view) -> Section | None:
    """Every split's F1 per method."""
    if all(len(runs) < 2 for runs in view.material.systems.values()):
        return None
    rows = [
        Dots(name, place, _list_points(view, name), *_take(view.figures[name, "mean", None, MAIN, OVERALL], 3))
        for place, name in enumerate(view.names)
    ]
    caption = "Strict F1. A circle is a run, with its split's name; the line is their mean"
    caption += ", the band its 95% interval." if view.material.evaluation else "."
    chart = Chart(charts.draw_dots([(None, rows)], "Strict F1 of every run by method"), caption, [])
    table_rows = []
    for name in view.names:
        for run in _sort_runs(view.material.systems[name]):
            cells = [view.figures[name, "run", run.folder, level, OVERALL] for level in LEVELS]
            gold = run.metrics[view.material.part][MAIN]["overall"]["gold"]
            table_rows.append([name, _show_split(run), str(run.config["seed"]), gold, *cells])
    header = ["method", "split", "seed", "gold mentions", *(f"{LEVEL_NAMES[level]} F1" for level in LEVELS)]
    table = Table("splits", "F1 of every run", header, table_rows, 3)
    return Section("splits", "Every split", "Splits", [chart, Fold("The figures", [table])])


def show_types(view) -> Section:
    """F1 by type, pooled over the runs."""
    groups = [
        (label, [Dots("", place, [], *_take(view.figures.get((name, POOLED, None, MAIN, label)), 3))
                 for place, name in enumerate(view.names)])
        for label in view.types
    ]  # fmt: skip
    rows = []
    for name in view.names:
        for label in view.types:
            own = _select(view, name, MAIN, label)
            figure = view.figures.get((name, POOLED, None, MAIN, label), Figure(math.nan))
            rows.append([name, label, *_list_counts(own), *_list_measures(own)[:2], figure])
    header = ["method", "type", *COUNTS, "P", "R", "F1"]
    parts = [
        _make_chart(view, groups, "Strict F1 by type", "Strict F1 by type, pooled over all runs."),
        Fold("The figures", [Table("types", "Strict scores by type, pooled over the runs", header, rows, 2)]),
    ]
    return Section("types", "By type", "Types", parts)


def show_groups(view) -> Section | None:
    """Seen against unseen mentions, lengths and scripts."""
    if view.material.evaluation is None:
        return None
    frame, parts, rows = view.material.evaluation.frames["scores"], [], []
    frame = frame[(frame["statistic"] == POOLED) & (frame["level"] == MAIN)]
    lookup = {(row["system"], row["group"], row["value"]): row for row in frame.to_dict("records")}
    for group, title in GROUP_NAMES.items():
        values = list(dict.fromkeys(value for _, own, value in lookup if own == group))
        found = []
        for value in values:
            own = [lookup.get((name, group, value)) for name in view.names]
            if not any(row and row["gold"] for row in own):
                continue
            gold = max(row["gold"] for row in own if row)
            dots = [Dots("", place, [], row["f1"] if row else math.nan) for place, row in enumerate(own)]
            found.append((f"{value} ({gold:,})", dots))
            rows += [[title, value, name, *(row[c] for c in COUNTS), *(Figure(row[m]) for m in MEASURES)]
                     for name, row in zip(view.names, own, strict=True) if row]  # fmt: skip
        if found:
            caption = f"{title}: strict F1, pooled. In brackets: gold mentions, over all runs of a method."
            parts.append(_make_chart(view, found, f"Strict F1, {title.lower()}", caption, bool(parts)))
    if not parts:
        return None
    header = ["group", "value", "method", *COUNTS, *MEASURE_NAMES.values()]
    lead = (
        "A mention is seen where the text that the model learnt from has the same surface as a mention of the same "
        "type. Each span, gold or predicted, is in the group of its own text and type, so that the counts add up."
    )
    table = Table("groups", "Strict scores by group, pooled over the runs", header, rows, 3)
    return Section(
        "groups", "Seen and unseen, short and long", "Seen, unseen", [Text(lead), *parts, Fold("The figures", [table])]
    )


def show_errors(view, with_text=True, shown=SHOWN) -> Section | None:
    """Classes of errors, confusion of types, the most frequent wrong surfaces, agreement within a patent."""
    if view.material.evaluation is None:
        return None
    frames = view.material.evaluation.frames
    pooled = frames["errors"][frames["errors"]["statistic"] == POOLED]
    counts = pooled.set_index(["system", "type", "class"])["count"].to_dict()
    bars = [(name, [int(counts[name, OVERALL, kind]) for kind in KINDS]) for name in view.names]
    caption = (
        "Gold and predicted spans that share a character are a pair, named for what is wrong with it; what is left is "
        "missed or spurious. Spans are read leniently."
    )
    legend = [("", kind) for kind in KINDS]
    rows = []
    for name in view.names:
        for label in sorted({own for system, own, _ in counts if system == name}, key=lambda t: (t == OVERALL, t)):
            rows.append([name, label, *(int(counts[name, label, kind]) for kind in KINDS)])
    parts = [
        Chart(charts.draw_shares(bars, KINDS, "Classes of spans by method"), caption, legend),
        Fold("The figures", [Table("errors", "Classes of spans by type", ["method", "mentions", *KINDS], rows, 2)]),
        Text(
            f"Which type was taken for which: rows are gold types, columns predicted ones. {NO_TYPE}: missed in its "
            "column, spurious in its row. Shade: share of the row."
        ),
        Row([_make_matrix(frames["confusions"], name, number) for number, name in enumerate(view.names, 1)]),
    ]
    if with_text and shown and "wrong_surfaces" in frames:
        for number, name in enumerate(view.names, 1):
            parts.append(Fold(f"The most frequent wrong spans of {name}", [_table_wrong(frames, name, number, shown)]))
    columns = ["surfaces", "alike", "types", "untagged", "places", "deviating"]
    agreed = [
        [row["system"], row["side"], *(int(row[c]) for c in columns)] for row in frames["agreement"].to_dict("records")
    ]
    note = (
        "Surfaces of two characters or more that are a mention in a patent and stand there twice or more: tagged alike "
        "everywhere, with two types or more, untagged somewhere; deviating: places that are not tagged as most are."
    )
    header = ["method", "side", "surfaces", "alike", "two types", "untagged", "places", "deviating"]
    parts.append(
        Fold("Agreement within a patent", [Table("agreement", "Agreement within a patent", header, agreed, 2, note)])
    )
    return Section("errors", "Errors", "Errors", parts)


def show_comparisons(view) -> Section | None:
    """Each method against each other."""
    evaluation = view.material.evaluation
    if evaluation is None or evaluation.frames["comparisons"].empty:
        return None
    found, best = evaluation.frames["comparisons"], find_best(view)
    pairs = found[found["level"] == MAIN].to_dict("records")
    told = [_turn_pair(row, best) for row in pairs if best in (row["first"], row["second"])]
    if len(pairs) <= MOST_TOLD or not told:
        told = pairs
    dots, bounds = [], [0.0]
    for row in told:
        own = (row["difference"], row["low"], row["high"])
        dots.append((None, [Dots(f"{row['first']} − {row['second']}", NEUTRAL, [], *own)]))
        bounds += [value for value in own if not math.isnan(value)]
    caption = "Difference of pooled strict F1, first minus second, with its 95% interval."
    if len(told) < len(pairs):
        caption += f" {best} against the others; all pairs stand in the table."
    limits, label = (min(bounds), max(bounds)), "Differences of strict F1"
    chart = Chart(charts.draw_dots(dots, label, limits, "difference of F1", above=True), caption, [])
    tables = [_table_pairs(found[found["level"] == level], level) for level in dict.fromkeys(found["level"])]
    r = evaluation.resampling
    note = (
        f"p: paired approximate randomization over {r.unit}s, two-sided, {r.resamples:,} random swaps. Holm: corrected "
        "for the number of pairs. Ahead: on how many sets. Several seeds on one set count as one, their average."
    )
    tables = {table.name: table for table in tables}
    shown = tables.pop(f"comparisons_{LEVEL_NAMES[MAIN]}")._replace(note=note)
    others = [Fold(table.title, [table]) for table in tables.values()]
    parts = [Text(evaluation.texts, "lead"), List([_judge(row) for row in told]), chart, shown, *others]
    return Section("comparisons", "Method against method", "Comparisons", parts)


def show_casings(view) -> Section | None:
    """Systems that differ in casing alone."""
    groups = group_casings(view.material.systems)
    if not groups:
        return None
    rows, dots = [], []
    for key, found in groups.items():
        shared = set.intersection(*(set(view.splits[name]) for name in found.values()))
        title = f"{key[0]}, recipe {key[1]}, encoder {key[2]}"
        for casing, name in found.items():
            runs = [run for run in view.material.systems[name] if _show_split(run) in shared]
            if not runs:
                continue
            values = {
                level: [run.metrics[view.material.part][level]["overall"]["f1"] for run in runs] for level in LEVELS
            }
            unknown = [_find_unknown(run, view.material.part) for run in runs]
            share = Figure(_mean(unknown), style=".2%")
            figures = [Figure(_mean(values[level]), std=_deviate(values[level])) for level in LEVELS]
            rows.append([title, casing, " ".join(sorted(shared, key=natural_key)), len(runs), share, *figures])
            points = [(value, _show_split(run), f"{casing}, split {_show_split(run)}: {value:.3f}")
                      for run, value in zip(runs, values[MAIN], strict=True)]  # fmt: skip
            dots.append((title, Dots(casing, view.names.index(name), points, figures[-1].value)))
    grouped = [(title, [row for own, row in dots if own == title]) for title in dict.fromkeys(own for own, _ in dots)]
    header = [
        "what else is the same",
        "casing",
        "splits",
        "runs",
        "unknown characters",
        *(f"{LEVEL_NAMES[level]} F1" for level in LEVELS),
    ]
    note = (
        "Only splits that every casing has. keep: upper-case letters are in the vocabulary; lower: the text is "
        "lower-cased; paper: as the original ran the method. Unknown: characters of these texts that the encoder does "
        "not know."
    )
    chart = Chart(charts.draw_dots(grouped, "Strict F1 by casing"), "Strict F1 by casing; the line is the mean.", [])
    return Section("casing", "Casing", "Casing", [chart, Table("casing", "The casing ablation", header, rows, 3, note)])


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
        for run in _sort_runs(view.material.systems[name]):
            history, few = list_history(run), run.metrics["selection"]["dev_mentions"] < FEW_MENTIONS
            label = "" if _show_split(run) in named else _show_split(run)  # once for all of its seeds
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


def show_sentences(view, with_text=True) -> Section | None:
    """The browser of sentences."""
    from cbpner.report.page.sentences import list_sentences

    if not with_text or view.material.evaluation is None or view.material.recorded:
        return None
    content = list_sentences(view.material.evaluation.systems)
    return Section("sentences", "Sentences", "Sentences", [Browser(content)])


def show_making(view) -> Section:
    """How each run was made."""
    rows, commands, environments = [], [], []
    for name in view.names:
        for run in _sort_runs(view.material.systems[name]):
            config, metrics = run.config, run.metrics
            environment = config.get("environment") or {}
            seconds = [value for value in (metrics.get("seconds") or {}).values() if value is not None]
            epoch = metrics["epochs"] if metrics["best_epoch"] is None else metrics["best_epoch"]
            rows.append([
                name, _show_split(run), str(config["seed"]), config["recipe"], str(config["encoder"]),
                f"{epoch} of {metrics['epochs']}", int(metrics["selection"]["dev_mentions"]),
                Figure(sum(seconds) / 60 if seconds else math.nan, style=".1f"),
                Figure(metrics.get("peak_memory_mb") or math.nan, style=",.0f"), _show_revision(environment),
            ])  # fmt: skip
            commands.append([name, _show_split(run), run.folder, _show_command(config)])
            packages = ", ".join(
                f"{key} {value}" for key, value in (environment.get("packages") or {}).items() if value
            )
            environments.append((describe_machine(environment), environment.get("python") or NONE, packages or NONE))
    header = ["method", "split", "seed", "recipe", "encoder", "epoch", "dev mentions", "minutes", "MB", "revision"]
    note = "Epoch: which was kept, of how many. MB: peak memory. Revision: of the code; + where files differed from it."
    parts = [Table("runs", "The runs", header, rows, 6, note)]
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


def _count_all(view):
    runs = sum(map(len, view.material.systems.values()))
    splits = len(set().union(*view.splits.values()))
    counted = [count_things(len(view.names), "method"), count_things(runs, "run"), count_things(splits, "split")]
    return f"{', '.join(counted)}; scores on the {view.material.part} sets"


def _compare_with_paper(lenient, runs):
    difference = lenient.value - PAPER_F1
    side = "above" if difference >= 0 else "below"
    encoders = ", ".join(dict.fromkeys(str(run.config["encoder"]) for run in runs))
    return (
        f"The paper (Hu and Verberne, COLING 2020) reports F1 {PAPER_F1} ± {PAPER_STD} for masked-LM fine-tuning on "
        f"patents, then NER with bert-base-chinese, at the lenient entity level on the same five splits. Only lenient "
        f"F1 may be compared with it: {format_cell(lenient._replace(low=math.nan))} here, {abs(difference):.3f} {side} "
        f"it, with the encoder {encoders}. Without its predictions no test can say whether that is more than chance. "
        f"Either ± is the spread between splits of two test patents each, not an error of the mean."
    )


def _differs_untold(view, setting):
    """Whether the systems differ in a setting that no system's name tells."""
    values = {str(runs[0].config[setting]) for runs in view.material.systems.values()}
    return len(values) > 1 and not any(f", {setting} " in name for name in view.names)


def _table_levels(view, name):
    """P, R, F1 at each level, pooled, with intervals by run."""
    rows = []
    for level in LEVELS:
        for label in (OVERALL, *view.types):
            own = _select(view, name, level, label)
            rows.append([LEVEL_NAMES[level], label, *_list_counts(own), *_list_measures(own)[:2],
                         view.figures.get((name, POOLED, None, level, label), Figure(math.nan))])  # fmt: skip
    number = view.names.index(name) + 1
    return Table(f"levels_{number}", f"{name}: all runs pooled", ["level", "type", *COUNTS, "P", "R", "F1"], rows, 2)


def _table_pairs(rows, level):
    name = LEVEL_NAMES[level]
    cells = [
        [row["first"], row["second"], Figure(row["first_f1"]), Figure(row["second_f1"]),
         Figure(row["difference"], row["low"], row["high"], style="+.3f"), Figure(row["p"], style="p"),
         Figure(row["p_holm"], style="p"), f"{row['first_ahead']} : {row['second_ahead']} of {row['sets']}"]
        for row in rows.to_dict("records")
    ]  # fmt: skip
    header = ["first", "second", "F1 first", "F1 second", "difference", "p", "Holm", "ahead"]
    return Table(f"comparisons_{name}", f"The methods against each other, {name} F1", header, cells, 2)


def _make_matrix(confusions, name, number):
    own = confusions[confusions["system"] == name]
    counts = own.set_index(["gold_type", "predicted_type"])["count"].to_dict()
    types = sorted({label for pair in counts for label in pair}, key=lambda label: (label == NO_TYPE, label))
    rows, shares = [], {}
    for place, gold in enumerate(types):
        cells = [int(counts[gold, found]) if (gold, found) in counts else None for found in types]
        total = sum(cell or 0 for cell in cells)
        shares |= {(place, column): (cell or 0) / (total or 1) for column, cell in enumerate(cells, 1)}
        rows.append([gold, *cells])
    return Table(f"confusion_{number}", f"Confusion of types: {name}", ["gold", *types], rows, 1, shares=shares)


def _table_wrong(frames, name, number, shown):
    own = frames["wrong_surfaces"][frames["wrong_surfaces"]["system"] == name].head(shown).to_dict("records")
    rows, links = [], {}
    for place, row in enumerate(own):
        gold, predicted = (_name_side(row[f"{side}_surface"], row[f"{side}_type"]) for side in ("gold", "predicted"))
        first = _cut_context(row["text"], row["start"], row["end"])
        rows.append([int(row["count"]), int(row["patents"]), row["class"], gold, predicted, first])
        surface = row["gold_surface"] if gold else row["predicted_surface"]
        links[place] = {"variant": name, "kind": row["class"], "search": surface}
    header = ["count", "patents", "class", "gold", "predicted", "the first, ⟦marked⟧"]
    return Table(f"wrong_{number}", f"The most frequent wrong spans of {name}", header, rows, len(header), links=links)


def _cut_context(text, start, end, size=14):
    before, behind = text[max(0, start - size) : start], text[end : end + size]
    cut = ["…" if start > size else "", "…" if end + size < len(text) else ""]
    return f"{cut[0]}{before}⟦{text[start:end]}⟧{behind}{cut[1]}"


def _turn_pair(row, first):
    """The row of a comparison with `first` as its first system."""
    if row["first"] == first:
        return row
    swapped = {"first": first, "second": row["first"], "difference": -row["difference"]}
    swapped |= {"low": -row["high"], "high": -row["low"]}
    return row | swapped | {"first_ahead": row["second_ahead"], "second_ahead": row["first_ahead"]}


def _judge(row):
    """One sentence on a pair of systems."""
    if row["difference"] == 0:
        return f"{row['first']} and {row['second']} have the same pooled F1."
    ahead = row["first"] if row["difference"] >= 0 else row["second"]
    behind = row["second"] if row["difference"] >= 0 else row["first"]
    times, sets = row["first_ahead"] if row["difference"] >= 0 else row["second_ahead"], int(row["sets"])
    p = format_cell(Figure(row["p_holm"], style="p"))
    p = p if p.startswith("<") else f"= {p}"
    head = f"{ahead} is {abs(row['difference']):.3f} ahead of {behind}, on {times} of {count_things(sets, 'set')}"
    if row["p_holm"] < SIGNIFICANT:
        return f"{head}: more than chance in which of these sentences were met would give (p {p} after Holm)."
    return f"{head}: on these texts no more than chance may give (p {p} after Holm)."


def _make_chart(view, groups, label, caption, plain=False):
    legend = [] if plain or len(view.names) < 2 else [
        (charts.draw_mark(number, charts.choose_shape(number)), name) for number, name in enumerate(view.names)
    ]  # fmt: skip
    return Chart(charts.draw_dots(groups, label), caption, legend)


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


def _list_points(view, name):
    points = []
    for run in _sort_runs(view.material.systems[name]):
        figure = view.figures[name, "run", run.folder, MAIN, OVERALL]
        if not math.isnan(figure.value):
            seed = f", seed {run.config['seed']}" if len(view.material.systems[name]) > len(view.splits[name]) else ""
            points.append(
                (figure.value, _show_split(run), f"{name}, split {_show_split(run)}{seed}: {format_cell(figure)}")
            )
    return points


def _select(view, name, level, label):
    scores = view.material.scores
    return scores[(scores["system"] == name) & (scores["level"] == level) & (scores["type"] == label)]


def _list_counts(rows):
    return [int(rows[column].sum()) for column in COUNTS]


def _list_measures(rows):
    measures = divide_counts(*_list_counts(rows))
    return [Figure(math.nan if measures[name] is None else measures[name]) for name in MEASURES]


def _measure(rows, name):
    value = divide_counts(*_list_counts(rows))[name]
    return math.nan if value is None else value


def _take(figure, count):
    """(value, low, high) of a Figure that may not be there."""
    return (figure.value, figure.low, figure.high)[:count] if figure else (math.nan,) * count


def _spread(figure):
    """One standard deviation on each side of the mean; NaN where it is not known."""
    return figure.value - figure.std, figure.value + figure.std


def _sort_runs(runs):
    return sorted(runs, key=lambda run: (natural_key(_show_split(run)), natural_key(run.config["seed"]), run.folder))


def _show_split(run):
    return NONE if run.config["split"] is None else str(run.config["split"])


def _show_revision(environment):
    git = environment.get("git") or {}
    return f"{git['revision'][:8]}{'+' if git.get('dirty') else ''}" if git.get("revision") else NONE


def _show_command(config):
    command = config.get("command") or NONE
    return command if isinstance(command, str) else " ".join(map(str, command))


def _find_unknown(run, part):
    share = ((run.config["data"].get("files") or {}).get(part) or {}).get("unknown_characters")
    return math.nan if share is None else share


def _mean(values):
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _deviate(values):
    if len(values) < 2:
        return math.nan
    mean = _mean(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _name_side(surface, label):
    """`surface (type)`; None for a side that a missed or spurious span has not."""
    return None if surface is None or surface != surface else f"{surface} ({label})"


def _thin(points):
    """At most LOSSES points: means over stretches of equal number."""
    size = math.ceil(len(points) / LOSSES) or 1
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(_mean([x for x, *_ in own]), _mean([y for _, y, *_ in own]), "") for own in groups]
