"""One score table from run folders: per split, mean and standard deviation, at three levels that are never mixed.

The path of the data: `load_runs` -> `frame_runs` (one row a run, part, level and type; `collect_runs` does both) ->
`summarise` (one row a system, level and type) -> Markdown and CSV. A system is the runs that share method, recipe,
encoder, data set and all other settings, read from config.json (`cbpner.reports.systems`). pandas is imported where it
is used, so that the command line starts fast.
"""

import math
from pathlib import Path
from typing import NamedTuple

from cbpner.base.errors import InputError
from cbpner.base.files import natural_key, write_text
from cbpner.reports.systems import BLOCK, block_key, list_settings
from cbpner.runs.folder import CONFIG, METRICS, find_deeper, find_runs, read_config, read_metrics
from cbpner.scoring.metrics import COUNTS, LEVELS, MEASURES, divide_counts

PARTS = ("test", "dev")
SYSTEM = [*BLOCK, "settings"]
OVERALL = "all types"  # a type's name holds no space, so this is none
LEVEL_NAMES = {"token": "token", "entity_lenient": "lenient", "entity_strict": "strict"}
MEASURE_NAMES = {"precision": "P", "recall": "R", "f1": "F1"}
TYPES_A_TABLE = 3
SPLITS_A_TABLE = 10
GOLD_DATA = "cbp_gold"
NONE = "-"

LEGEND = """\
P, R, F1: micro precision, recall and F1 over all types.
- token: single characters; the score that the original's supervised method prints, but 0 where it is undefined.
- lenient: whole entities, borders and type; an `I-` without its `B-` begins an entity (seqeval's default).
- strict: whole entities; an `I-` without its `B-` belongs to none (seqeval's strict mode, IOB2).

Mean and ± std go over the splits; where several seeds ran on a split, their mean is the split's figure. std is the
sample standard deviation (ddof = 1), none for a single split. ± seeds: the same of the seeds' means over the splits,
where every seed has every split. `-`: undefined, since nothing was predicted or there is no gold; what is undefined is
in no mean (metrics.json has seqeval's 0 there)."""
PAPER_NOTE = """\
The paper (Hu and Verberne, COLING 2020) reports F1 0.54 ± 0.15 for its best model, LM mixed fine-tuning, at the lenient
entity level. Only lenient F1 over the same five splits of the gold data can be compared with it."""


class Run(NamedTuple):
    """A run folder as read; `metrics` is None for an unfinished run, and so is a `config` that cannot be read."""

    folder: str
    config: dict | None
    metrics: dict | None


class Report(NamedTuple):
    """The table as text, ready to print and to write."""

    markdown: str
    csv: str


def build_report(paths, part="test"):
    """The Report of the runs in `paths` on `part`, test or dev. Raises InputError where there is nothing to score."""
    runs, unfinished = load_runs(paths)
    scored = [run for run in runs if run.metrics[part] is not None]
    if not scored:
        raise InputError(explain_nothing(paths, runs, unfinished, part))
    frame = frame_runs(scored)
    frame = frame[frame["part"] == part]
    unscored = [run for run in runs if run.metrics[part] is None]
    markdown = render_markdown(frame, scored, unfinished, unscored, part, note_deeper(paths))
    return Report(markdown, render_csv(frame))


def write_report(report, output):
    """Write `table.md` and `table.csv` into the folder `output`, or both beside a name that ends in .md or .csv."""
    output = Path(output)
    base = output.with_suffix("") if output.suffix in (".md", ".csv") and not output.is_dir() else output / "table"
    try:
        write_text(base.with_name(f"{base.name}.md"), report.markdown)
        write_text(base.with_name(f"{base.name}.csv"), report.csv)
    except OSError as error:
        raise InputError(f"{output}: cannot write there: {error.strerror}; name another folder with -o") from error


def load_runs(paths):
    """(finished, unfinished), each a list of Run. InputError names a file that is malformed or lacks a key."""
    found = find_runs(paths)
    return [_load_finished(folder) for folder in found.finished], [_load_unfinished(f) for f in found.unfinished]


def collect_runs(paths):
    """The finished runs in `paths` as a DataFrame; see `frame_runs`."""
    return frame_runs(load_runs(paths)[0])


def frame_runs(runs):
    """A DataFrame with one row a run, part (dev, test), level (metrics.LEVELS) and type (OVERALL: the micro average).

    Columns: run, SYSTEM, split (text), seed, part, set (what tells the part's texts from others: the split, and the
    file's checksum where it is known), level, type, then MEASURES (NaN where undefined) and COUNTS.
    """
    import pandas as pd

    rows = [row for run, own in zip(runs, list_settings(runs), strict=True) for row in _list_scores(run, own)]
    columns = ["run", *SYSTEM, "split", "seed", "part", "set", "level", "type", *MEASURES, *COUNTS]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(MEASURES, float))


def summarise(frame):
    """One row a system, part, level and type: `runs`, `sets`, and of each measure `_mean`, `_std` and `_seeds`.

    Mean and standard deviation (ddof = 1, NaN for one set) go over the sets, each the mean of its runs; `seeds` is the
    standard deviation of the seeds' means over the sets, NaN where the seeds do not have the same sets. What is
    undefined counts in none of them. A run without a gold mention of a type does not count for that type, since its
    recall is undefined.
    """
    keys, measures = [*SYSTEM, "part", "level", "type"], list(MEASURES)
    counted = frame[(frame["type"] == OVERALL) | (frame["gold"] > 0)]
    by_set = counted.groupby([*keys, "set"], sort=False)[measures].mean().groupby(keys, sort=False)
    summary = by_set.agg(["mean", "std"])
    summary.columns = [f"{measure}_{statistic}" for measure, statistic in summary.columns]
    summary.insert(0, "runs", counted.groupby(keys, sort=False).size())
    summary.insert(1, "sets", by_set.size())
    seeds = counted.groupby(keys, sort=False)[[*measures, "seed", "set"]].apply(_spread_seeds)
    return summary.join(seeds.rename(columns={name: f"{name}_seeds" for name in MEASURES})).reset_index()


def render_csv(frame):
    """The frame with what `summarise` says below, `statistic` telling them apart (run, mean, std, seeds)."""
    import pandas as pd

    summary, parts = summarise(frame), [frame.assign(statistic="run", runs=1)]
    for statistic in ("mean", "std", "seeds"):
        renamed = summary.rename(columns={f"{measure}_{statistic}": measure for measure in MEASURES})
        rows = renamed[[*SYSTEM, "part", "level", "type", "runs", *MEASURES]].assign(statistic=statistic)
        parts.append(rows.dropna(how="all", subset=list(MEASURES)) if statistic == "seeds" else rows)
    table = pd.concat(parts, ignore_index=True).astype({column: "Int64" for column in (*COUNTS, "runs")})
    columns = [*SYSTEM, "part", "statistic", "run", "split", "seed", "level", "type", *MEASURES, *COUNTS, "runs"]
    return table[columns].to_csv(index=False, lineterminator="\n", float_format="%.6f")


def render_markdown(frame, runs, unfinished, unscored, part, notes=()):
    """The whole report: legend, a summary where there are two systems or more, each system, and what was left out."""
    systems = list(frame.groupby(SYSTEM, sort=False))
    sections = [f"# Scores on the {part} sets", LEGEND]
    if len(systems) > 1:
        sections += ["## Summary", _render_summary(systems), *_render_splits(systems)]
    keys = [key[:-1] for key, _ in systems]
    for number, (key, own) in enumerate(systems):
        members = [run for run in runs if run.folder in set(own["run"])]
        is_last = key[:-1] not in keys[number + 1 :]  # what is unfinished stands once, below the last of its block
        waiting = [run for run in unfinished if is_last and run.config and block_key(run.config) == key[:-1]]
        sections += _render_system(key, own, members, waiting)
    elsewhere = [run for run in unfinished if not run.config or block_key(run.config) not in keys]
    sections += list_left_out(elsewhere, f"Unfinished, left out (no {METRICS})")
    sections += list_left_out(unscored, f"Left out for want of {part} scores")
    sections += notes
    if part == "test" and any(key[3].split(",")[0] == GOLD_DATA for key in keys):
        sections.append(PAPER_NOTE)
    return "\n\n".join(sections) + "\n"


def render_table(header, rows, text_columns=1):
    """A Markdown table padded for the terminal; the first `text_columns` columns flush left, the others right."""
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in (header, *rows)]
    widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(header))]
    rule = ["-" * width if i < text_columns else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    align = [str.ljust if i < text_columns else str.rjust for i in range(len(header))]
    lines = [
        " | ".join(pad(cell, width) for pad, cell, width in zip(align, row, widths, strict=True))
        for row in (cells[0], rule, *cells[1:])
    ]
    return "\n".join(f"| {line} |" for line in lines)


def _load_finished(folder):
    config, metrics = _load_config(folder), read_metrics(folder)
    path = folder / METRICS
    for key in ("dev", "test", "best_epoch", "epochs", "selection"):
        _expect(key in metrics, path, f"the key {key!r}")
    for key in ("method", "recipe", "split"):
        agreed = key not in metrics or metrics[key] == config[key]
        _expect(agreed, path, f"{key} {config[key]!r} as in {CONFIG} (found {metrics.get(key)!r})")
    for part in PARTS:
        if metrics[part] is not None:
            _check_scores(path, part, metrics[part])
    selection = metrics["selection"]
    for key in ("rule", "dev_mentions", "reason"):
        _expect(isinstance(selection, dict) and key in selection, path, f"the key {key!r} in selection")
    return Run(_show_path(folder), config, metrics)


def _load_unfinished(folder):
    try:
        return Run(_show_path(folder), _load_config(folder), None)
    except InputError:
        return Run(_show_path(folder), None, None)


def _load_config(folder):
    config, path = read_config(folder), folder / CONFIG
    for key in ("method", "recipe", "split", "seed", "encoder", "data"):
        _expect(key in config, path, f"the key {key!r}")
    _expect(isinstance(config["data"], dict) and "name" in config["data"], path, "the key 'name' in data")
    return config


def _check_scores(path, part, scores):
    for level in LEVELS:
        found = scores.get(level) if isinstance(scores, dict) else None
        whole = isinstance(found, dict) and isinstance(found.get("types"), dict) and "overall" in found
        _expect(whole, path, f"overall and types in {part}.{level}")
        for name, values in (("overall", found["overall"]), *found["types"].items()):
            numbers = isinstance(values, dict) and all(_is_number(values.get(key)) for key in (*MEASURES, *COUNTS))
            _expect(numbers, path, f"numbers for {', '.join((*MEASURES, *COUNTS))} in {part}.{level}, {name}")


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def _expect(condition, path, expected):
    if not condition:
        raise InputError(f"{path}: expected {expected}; make the run again or leave its folder out")


def _show_path(folder):
    """`folder` from the working folder on where it lies inside, so that no written table names a home folder."""
    try:
        return folder.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return folder.as_posix()


def explain_nothing(paths, runs, unfinished, part):
    """The message where no run in `paths` has scores on `part`."""
    searched = ", ".join(map(str, paths))
    if runs:
        other = next(name for name in PARTS if name != part)
        return f"{searched}: found {len(runs)} finished run(s), none with {part} scores; try --part {other}"
    names = f"only unfinished ones ({', '.join(run.folder for run in unfinished)})" if unfinished else "none"
    how = "name one of those below" if (deeper := note_deeper(paths)) else "train one with: cbpner train"
    return "\n".join([
        f"{searched}: expected a finished run (a folder with {METRICS}), a folder of runs, or a folder of such "
        f"folders; found {names}; {how}",
        *deeper,
    ])  # fmt: skip


def note_deeper(paths):
    """A line on the finished runs that lie deeper in `paths` than is looked, in a list; none where there are none."""
    deeper = find_deeper(paths)
    if not deeper:
        return []
    total, folders = sum(deeper.values()), ", ".join(map(_show_path, deeper))
    return [f"Left out: {total} finished run(s) that lie deeper than is looked; to include them name {folders}"]


def _list_scores(run, settings):
    """The rows of one run, as dicts."""
    system = dict(zip(SYSTEM, (*block_key(run.config), settings), strict=True))
    split = NONE if run.config["split"] is None else str(run.config["split"])
    head = {"run": run.folder, **system, "split": split, "seed": str(run.config["seed"])}
    for part in reversed(PARTS):
        recorded = (run.config["data"].get("files") or {}).get(part) or {}
        place = f"{split} {recorded.get('sha256', '')}"
        for level in LEVELS if run.metrics[part] is not None else ():
            scores = run.metrics[part][level]
            for label, values in {OVERALL: scores["overall"], **scores["types"]}.items():
                counts = {name: values[name] for name in COUNTS}
                measures = divide_counts(**counts)
                yield {**head, "part": part, "set": place, "level": level, "type": label, **measures, **counts}


def _spread_seeds(rows):
    """The standard deviation of the seeds' means over the sets, of each of MEASURES, as one row of a DataFrame."""
    import pandas as pd

    cells = rows.groupby(["seed", "set"])[list(MEASURES)].mean()
    by_seed = [frozenset(own.index.get_level_values("set")) for _, own in cells.groupby("seed")]
    spread = cells.groupby("seed").mean().std() if len(set(by_seed)) == 1 else pd.Series(math.nan, MEASURES)
    return spread[list(MEASURES)]


def _name_rows(block):
    """{run: row name} in the order of the splits; the seed is named where a split stands there twice."""
    runs = block.drop_duplicates("run")[["run", "split", "seed"]].to_dict("records")
    runs.sort(key=lambda row: (natural_key(row["split"]), natural_key(row["seed"]), natural_key(row["run"])))
    splits = [row["split"] for row in runs]
    twice = {split for split in splits if splits.count(split) > 1}
    seeds = {row["run"]: f" (seed {row['seed']})" if row["split"] in twice else "" for row in runs}
    return {row["run"]: row["split"] + seeds[row["run"]] for row in runs}


def _name_method(key):
    return ", ".join(filter(None, (key[0], key[-1])))


def _render_summary(systems):
    header = [*BLOCK, "splits", "runs", *(f"{LEVEL_NAMES[level]} F1" for level in LEVELS)]
    rows, spreads = [], []
    for key, own in systems:
        summary = summarise(own).set_index(["level", "type"])
        found = [summary.loc[(level, OVERALL)] for level in LEVELS]
        splits = " ".join(sorted(set(own["split"]), key=natural_key))
        rows.append([_name_method(key), *key[1:-1], splits, own["run"].nunique(), *map(_format_mean, found)])
        spreads.append(found[1]["f1_seeds"])
    if not all(map(math.isnan, spreads)):
        header.append("± seeds, lenient")
        rows = [[*row, _format(spread)] for row, spread in zip(rows, spreads, strict=True)]
    return render_table(header, rows, text_columns=5)


def _render_splits(systems):
    """Lenient F1 by split, each the mean of its seeds; nothing where there is one split, or where there are many."""
    rows = [(key, own[(own["type"] == OVERALL) & (own["level"] == "entity_lenient")]) for key, own in systems]
    splits = sorted({split for _, own in rows for split in own["split"]}, key=natural_key)
    if not 1 < len(splits) <= SPLITS_A_TABLE:
        return []
    means = [(key, own.groupby("split")["f1"].mean()) for key, own in rows]
    cells = [[_name_method(key), *key[1:-1], *(_format(own.get(split)) for split in splits)] for key, own in means]
    table = render_table([*BLOCK, *splits], cells, text_columns=4)
    return ["Lenient F1 by split, the mean of its runs:", table]


def _format_mean(row):
    mean, std = _format(row["f1_mean"]), _format(row["f1_std"])
    return mean if std == NONE else f"{mean} ± {std}"


def _format(value):
    """A figure with three decimals; NONE where it is undefined or not there."""
    return NONE if value is None or math.isnan(value) else f"{value:.3f}"


def _render_system(key, own, members, waiting):
    title = f"## {_name_method(key)}, recipe {key[1]}, encoder {key[2]}, data {key[3]}"
    names = _name_rows(own)
    sections = [title, _render_scores(own, names)]
    sections += ["Counts: correct / predicted / gold.", _render_counts(own, names)]
    types = sorted(set(own["type"]) - {OVERALL})
    if types:
        sections.append("F1 by type (gold mentions). A split without a gold mention shows - and counts in no mean.")
    for start in range(0, len(types), TYPES_A_TABLE):
        sections.append(_render_types(own, names, types[start : start + TYPES_A_TABLE]))
    by_folder = {run.folder: run for run in members}
    lines = [_describe_choice(name, by_folder[folder].metrics) for folder, name in names.items()]
    sections.append("\n".join(["How the epoch was chosen:", *lines]))
    return sections + list_left_out(waiting, f"Unfinished, left out (no {METRICS})")


def _render_scores(own, names):
    """Rows: the runs, mean, ± std, ± seeds. Columns: P, R, F1 at each level."""
    columns = [(level, measure) for level in LEVELS for measure in MEASURES]
    overall = own[own["type"] == OVERALL]
    values = overall.set_index(["run", "level"])[list(MEASURES)].to_dict("index")
    summary = summarise(overall).set_index("level")
    rows = [[name, *(_format(values[run, level][m]) for level, m in columns)] for run, name in names.items()]
    rows += _list_statistics(lambda column, name: summary.loc[column[0], f"{column[1]}_{name}"], columns)
    return render_table(["split", *(f"{LEVEL_NAMES[level]} {MEASURE_NAMES[m]}" for level, m in columns)], rows)


def _list_statistics(find, columns):
    """The rows below those of the runs; ± std and ± seeds only where there is one. find: (column, statistic) -> it."""
    rows = []
    for title, name in (("mean", "mean"), ("± std", "std"), ("± seeds", "seeds")):
        cells = [_format(find(column, name)) for column in columns]
        if name == "mean" or set(cells) != {NONE}:
            rows.append([title, *cells])
    return rows


def _render_counts(own, names):
    """Rows: the runs, and all of them. Columns: the counts at each level."""
    overall = own[own["type"] == OVERALL]
    counts = overall.set_index(["run", "level"])[list(COUNTS)]
    rows = [[name, *(_join_counts(counts.loc[(run, level)]) for level in LEVELS)] for run, name in names.items()]
    if len(names) > 1:
        sums = overall.groupby("level")[list(COUNTS)].sum()
        rows.append(["all", *(_join_counts(sums.loc[level]) for level in LEVELS)])
    return render_table(["split", *(LEVEL_NAMES[level] for level in LEVELS)], rows)


def _join_counts(counts):
    return " / ".join(str(int(counts[name])) for name in COUNTS)


def _render_types(own, names, types):
    """Rows: the runs, mean, ± std, ± seeds. Columns: lenient and strict F1 of each type with its gold mentions."""
    columns = [(label, level) for label in types for level in ("entity_lenient", "entity_strict")]
    values = own.set_index(["run", "type", "level"])[["f1", "gold"]].to_dict("index")
    summary = summarise(own).set_index(["type", "level"]).to_dict("index")
    rows = [[name, *(_format_type(values.get((run, *column))) for column in columns)] for run, name in names.items()]
    rows += _list_statistics(lambda column, name: summary.get(column, {}).get(f"f1_{name}"), columns)
    return render_table(["split", *(f"{label} {LEVEL_NAMES[level]}" for label, level in columns)], rows)


def _format_type(values):
    if values is None or not values["gold"]:
        return f"{NONE} (0)"
    return f"{values['f1']:.3f} ({values['gold']})"


def _describe_choice(name, metrics):
    """One line: which epoch a run's scores are of, by which rule, and on how many dev mentions the choice rests."""
    selection, epochs = metrics["selection"], metrics["epochs"]
    epoch = epochs if metrics["best_epoch"] is None else metrics["best_epoch"]
    line = f"- split {name}: epoch {epoch} of {epochs}, {selection['rule']}; {selection['dev_mentions']} dev mentions"
    return f"{line}; {selection['reason']}" if selection["reason"] else line


def list_left_out(runs, title):
    """A section that names the runs, or none: a list of one text or of no text."""
    if not runs:
        return []
    return ["\n".join([f"{title}:", *(f"- {_name_run(run)}" for run in runs)])]


def _name_run(run):
    if run.config is None:
        return f"{run.folder} ({CONFIG} cannot be read)"
    return f"{run.folder} ({run.config['method']}, recipe {run.config['recipe']}, split {run.config['split']})"
