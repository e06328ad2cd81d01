"""One score table from run folders: per split, mean and standard deviation, at three levels that are never mixed.

The path of the data: `load_runs` -> `frame_runs` (one row a run, part, level and type; `collect_runs` does both) ->
`summarise` (one row a block, level and type) -> Markdown and CSV. A block is the runs that share method, recipe,
encoder and data set, all read from config.json. pandas is imported where it is used, so that the command line starts
fast.
"""

import os
from pathlib import Path
from typing import NamedTuple

from cbpner.errors import InputError
from cbpner.files import write_text
from cbpner.metrics import COUNTS, LEVELS, MEASURES
from cbpner.runs import CONFIG, METRICS, find_runs, natural_key, read_config, read_metrics

PARTS = ("test", "dev")
BLOCK = ["method", "recipe", "encoder", "data"]
OVERALL = "all types"  # a type's name holds no space, so this is none
LEVEL_NAMES = {"token": "token", "entity_lenient": "lenient", "entity_strict": "strict"}
MEASURE_NAMES = {"precision": "P", "recall": "R", "f1": "F1"}
TYPES_A_TABLE = 3
GOLD_DATA = "cbp_gold"
NONE = "-"

LEGEND = """\
P, R, F1: micro precision, recall and F1 over all types.
- token: single characters; the score that the original's supervised method prints, but 0 where it is undefined.
- lenient: whole entities, borders and type; an `I-` without its `B-` begins an entity (seqeval's default).
- strict: whole entities; an `I-` without its `B-` belongs to none (seqeval's strict mode, IOB2).

Mean and ± std go over the runs of a block; std is the sample standard deviation (ddof = 1), none for a single run."""
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
    return Report(render_markdown(frame, scored, unfinished, unscored, part), render_csv(frame))


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

    Columns: run, method, recipe, encoder, data, split (text), seed, part, level, type, then MEASURES and COUNTS.
    """
    import pandas as pd

    rows = [row for run in runs for row in _list_scores(run)]
    return pd.DataFrame(rows, columns=["run", *BLOCK, "split", "seed", "part", "level", "type", *MEASURES, *COUNTS])


def summarise(frame):
    """One row a block, part, level and type: `runs` (how many count), then `<measure>_mean` and `<measure>_std`.

    The standard deviation has ddof = 1 (NaN for one run). A run without a gold mention of a type does not count for
    that type, since its recall is undefined; the overall scores always count.
    """
    counted = frame[(frame["type"] == OVERALL) | (frame["gold"] > 0)]
    groups = counted.groupby([*BLOCK, "part", "level", "type"], sort=False)
    summary = groups[list(MEASURES)].agg(["mean", "std"])
    summary.columns = [f"{measure}_{statistic}" for measure, statistic in summary.columns]
    summary.insert(0, "runs", groups.size())
    return summary.reset_index()


def render_csv(frame):
    """The frame with its means and standard deviations below, `statistic` telling them apart (run, mean, std)."""
    import pandas as pd

    summary, parts = summarise(frame), [frame.assign(statistic="run", runs=1)]
    for statistic in ("mean", "std"):
        renamed = summary.rename(columns={f"{measure}_{statistic}": measure for measure in MEASURES})
        parts.append(renamed[[*BLOCK, "part", "level", "type", "runs", *MEASURES]].assign(statistic=statistic))
    table = pd.concat(parts, ignore_index=True).astype({column: "Int64" for column in (*COUNTS, "runs")})
    columns = [*BLOCK, "part", "statistic", "run", "split", "seed", "level", "type", *MEASURES, *COUNTS, "runs"]
    return table[columns].to_csv(index=False, lineterminator="\n", float_format="%.6f")


def render_markdown(frame, runs, unfinished, unscored, part):
    """The whole report: legend, a summary where there are two blocks or more, each block, and what was left out."""
    blocks = [(key, block) for key, block in frame.groupby(BLOCK, sort=False)]
    sections = [f"# Scores on the {part} sets", LEGEND]
    if len(blocks) > 1:
        sections += ["## Summary", _render_summary(blocks)]
    for key, block in blocks:
        members = [run for run in runs if block_key(run.config) == key]
        waiting = [run for run in unfinished if run.config and block_key(run.config) == key]
        sections += _render_block(key, block, members, waiting, part)
    keys = {key for key, _ in blocks}
    elsewhere = [run for run in unfinished if not run.config or block_key(run.config) not in keys]
    sections += list_left_out(elsewhere, f"Unfinished, left out (no {METRICS})")
    sections += list_left_out(unscored, f"Left out for want of {part} scores")
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
    return (
        f"{searched}: expected a finished run (a folder with {METRICS}), a folder of runs, or a folder of such "
        f"folders; found {names}; train one with: cbpner train"
    )


def block_key(config):
    """The values of BLOCK as text, in that order."""
    patents = config.get("flags", {}).get("patents")
    data = f"{config['data']['name']}, {patents} patents" if patents else str(config["data"]["name"])
    return str(config["method"]), str(config["recipe"]), name_encoder(config), data


def name_encoder(config):
    """The run's encoder; a folder told by a relative path is named as seen from the project's folder."""
    encoder = str(config["encoder"])
    if not encoder.startswith(".") or config.get("folder") is None:
        return encoder
    return Path(os.path.normpath(Path(config["folder"], encoder))).as_posix()


def _list_scores(run):
    """The rows of one run, as dicts."""
    block = dict(zip(BLOCK, block_key(run.config), strict=True))
    split = NONE if run.config["split"] is None else str(run.config["split"])
    head = {"run": run.folder, **block, "split": split, "seed": str(run.config["seed"])}
    for part in reversed(PARTS):
        for level in LEVELS if run.metrics[part] is not None else ():
            scores = run.metrics[part][level]
            for label, values in {OVERALL: scores["overall"], **scores["types"]}.items():
                yield {**head, "part": part, "level": level, "type": label, **values}


def _name_rows(block):
    """{run: row name} in the order of the splits; the seed is named where a split stands there twice."""
    runs = block.drop_duplicates("run")[["run", "split", "seed"]].to_dict("records")
    runs.sort(key=lambda row: (natural_key(row["split"]), natural_key(row["seed"]), natural_key(row["run"])))
    splits = [row["split"] for row in runs]
    twice = {split for split in splits if splits.count(split) > 1}
    seeds = {row["run"]: f" (seed {row['seed']})" if row["split"] in twice else "" for row in runs}
    return {row["run"]: row["split"] + seeds[row["run"]] for row in runs}


def _render_summary(blocks):
    header = ["method", "recipe", "encoder", "data", "splits", *(f"{LEVEL_NAMES[level]} F1" for level in LEVELS)]
    rows = []
    for key, block in blocks:
        summary = summarise(block).set_index(["level", "type"])
        means = [_format_mean(summary.loc[(level, OVERALL)]) for level in LEVELS]
        rows.append([*key, " ".join(sorted(set(block["split"]), key=natural_key)), *means])
    return render_table(header, rows, text_columns=5)


def _format_mean(row):
    if row["runs"] == 1:
        return f"{row['f1_mean']:.3f}"
    return f"{row['f1_mean']:.3f} ± {row['f1_std']:.3f}"


def _render_block(key, block, members, waiting, part):
    method, recipe, encoder, data = key
    names, sections = _name_rows(block), [f"## {method}, recipe {recipe}, encoder {encoder}, data {data}"]
    sections.append(_render_scores(block, names))
    types = sorted(set(block["type"]) - {OVERALL})
    if types:
        sections.append("F1 by type (gold mentions). A split without a gold mention shows - and counts in no mean.")
    for start in range(0, len(types), TYPES_A_TABLE):
        sections.append(_render_types(block, names, types[start : start + TYPES_A_TABLE]))
    by_folder = {run.folder: run for run in members}
    lines = [_describe_choice(name, by_folder[folder].metrics) for folder, name in names.items()]
    sections.append("\n".join(["How the epoch was chosen:", *lines]))
    sections += warn_mixed(members)
    return sections + list_left_out(waiting, f"Unfinished, left out (no {METRICS})")


def _render_scores(block, names):
    """Rows: the runs, mean, ± std. Columns: P, R, F1 at each level."""
    columns = [(level, measure) for level in LEVELS for measure in MEASURES]
    overall = block[block["type"] == OVERALL]
    wide = overall.pivot(index="run", columns="level", values=list(MEASURES))
    summary = summarise(overall).set_index("level")
    rows = [[name, *(f"{wide.loc[run, (m, level)]:.3f}" for level, m in columns)] for run, name in names.items()]
    rows.append(["mean", *(f"{summary.loc[level, f'{m}_mean']:.3f}" for level, m in columns)])
    if len(names) > 1:
        rows.append(["± std", *(f"{summary.loc[level, f'{m}_std']:.3f}" for level, m in columns)])
    return render_table(["split", *(f"{LEVEL_NAMES[level]} {MEASURE_NAMES[m]}" for level, m in columns)], rows)


def _render_types(block, names, types):
    """Rows: the runs, mean, ± std. Columns: lenient and strict F1 of each type with its gold mentions."""
    columns = [(label, level) for label in types for level in ("entity_lenient", "entity_strict")]
    values = block.set_index(["run", "type", "level"])[["f1", "gold"]].to_dict("index")
    summary = summarise(block).set_index(["type", "level"]).to_dict("index")
    rows = [[name, *(_format_type(values.get((run, *column))) for column in columns)] for run, name in names.items()]
    for title, key, least in (("mean", "f1_mean", 1), ("± std", "f1_std", 2)):
        if len(names) >= least:
            cells = [summary.get(column, {"runs": 0}) for column in columns]
            rows.append([title, *(f"{cell[key]:.3f}" if cell["runs"] >= least else NONE for cell in cells)])
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


def list_left_out(runs, title):
    """A section that names the runs, or none: a list of one text or of no text."""
    if not runs:
        return []
    return ["\n".join([f"{title}:", *(f"- {_name_run(run)}" for run in runs)])]


def _name_run(run):
    if run.config is None:
        return f"{run.folder} ({CONFIG} cannot be read)"
    return f"{run.folder} ({run.config['method']}, recipe {run.config['recipe']}, split {run.config['split']})"
