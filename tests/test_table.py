"""The score table: figures worked out by hand, what is left out is named, and nothing is written on an error."""

import csv
import json
import re
import statistics

import pytest

from cbpner.base.errors import InputError
from cbpner.base.files import write_json
from cbpner.cli import main
from cbpner.reports.run_scores import OVERALL
from cbpner.reports.table import build_score_table
from cbpner.runs.folder import append_log
from cbpner.scoring.metrics import score

pytestmark = pytest.mark.slow

GOLD = [["B-gene", "I-gene", "O", "B-gene"], ["O", "B-disease", "O", "O"]]
HALF = [["B-gene", "I-gene", "O", "O"], ["B-disease", "O", "O", "O"]]  # entities: 1 of 2 predicted, 1 of 3 gold
FULL = GOLD
ORPHAN = [["I-gene", "I-gene", "O", "B-gene"], ["O", "B-disease", "O", "O"]]  # lenient 3 of 3, strict 2 of 2


def make_config(method="supervised", split=0, **changes):
    config = {"method": method, "recipe": "cbp", "split": split, "seed": 42, "encoder": "cbp_mini", "command": []}
    return config | {"flags": {"epochs": 2}, "data": {"name": "cbp_demo"}, "environment": {}} | changes


def make_metrics(config, predicted, gold=GOLD, **changes):
    selection = {"rule": "best dev epoch", "dev_mentions": 62, "reason": "dev has 20 mentions or more"}
    metrics = {"method": config["method"], "recipe": config["recipe"], "split": config["split"]}
    metrics |= {"dev": None, "test": score(gold, predicted), "best_epoch": 1, "epochs": 2, "selection": selection}
    return metrics | {"seconds": {}, "history": []} | changes


def make_run(folder, predicted=FULL, gold=GOLD, metrics=(), **config):
    config = make_config(**config)
    write_json(folder / "config.json", config)
    write_json(folder / "metrics.json", make_metrics(config, predicted, gold, **dict(metrics)))


def cells_of(markdown, first):
    """The cells of the rows of all tables whose first cell is `first`."""
    rows = [re.split(r" *\| *", line.strip("| \n")) for line in markdown.splitlines() if line.startswith("|")]
    return [row[1:] for row in rows if row[0] == first]


@pytest.fixture
def runs(tmp_path):
    """Three splits: F1 of 0.4, 1 and, by orphans, lenient 1 and strict 0.8."""
    for split, predicted in enumerate((HALF, FULL, ORPHAN)):
        make_run(tmp_path / "runs" / str(split), predicted, split=split)
    return tmp_path / "runs"


def test_rows_means_and_deviations(runs):
    markdown = build_score_table([runs]).markdown
    # token, split 0: 2 of 3 predicted right, 4 gold; lenient and strict: 1 of 2, 3 gold
    assert cells_of(markdown, "0")[0] == ["0.667", "0.500", "0.571", *["0.500", "0.333", "0.400"] * 2]
    # split 2: the orphan costs one token, no lenient entity, one strict entity
    assert cells_of(markdown, "2")[0] == [*["0.750"] * 3, *["1.000"] * 3, "1.000", "0.667", "0.800"]
    lenient, strict = (0.4, 1.0, 1.0), (0.4, 1.0, 0.8)
    mean, deviation = cells_of(markdown, "mean")[0], cells_of(markdown, "± std")[0]
    for column, values in ((5, lenient), (8, strict)):
        assert mean[column] == f"{statistics.mean(values):.3f}"
        assert deviation[column] == f"{statistics.stdev(values):.3f}"
    # counts, then lenient and strict F1 of diseases and genes with their gold mentions
    assert cells_of(markdown, "2")[1] == ["3 / 4 / 4", "3 / 3 / 3", "2 / 2 / 3"]
    assert cells_of(markdown, "all") == [["9 / 11 / 12", "7 / 8 / 9", "6 / 7 / 9"]]
    assert cells_of(markdown, "0")[2] == ["0.000 (1)", "0.000 (1)", "0.667 (2)", "0.667 (2)"]
    assert cells_of(markdown, "mean")[1][:2] == ["0.667", "0.667"]


def test_methods_recipes_encoders_and_data_are_blocks_of_their_own(tmp_path):
    make_run(tmp_path / "s" / "0", HALF)
    make_run(tmp_path / "s" / "1", FULL, split=1)
    make_run(tmp_path / "p", recipe="paper")
    make_run(tmp_path / "e", encoder="bert-base-chinese")
    make_run(tmp_path / "c", method="crf")
    make_run(tmp_path / "few", flags={"epochs": 2, "patents": 2})
    for name in ("small", "large"):
        files = {"train": {"path": f"other/{name}_train.bio"}}
        make_run(tmp_path / name, method="sizes", data={"name": "cbp_demo", "files": files})
    for count in (2, 3):
        make_run(tmp_path / f"mean{count}", method="mean", members=[{}] * count, average="probabilities")
    assert "0.54 ± 0.15" not in build_score_table([tmp_path / "s", tmp_path]).markdown
    make_run(tmp_path / "d", data={"name": "cbp_gold"})
    markdown = build_score_table([tmp_path / "s", tmp_path]).markdown
    assert len(re.findall("^## ", markdown, flags=re.MULTILINE)) == 1 + 10 and "## mean, members 3" in markdown
    assert "## sizes, train small_train.bio" in markdown
    assert "data cbp_demo, 2 patents\n" in markdown and "0.54 ± 0.15" in markdown
    row = cells_of(markdown, "supervised")[0]
    assert row[:4] == ["cbp", "cbp_mini", "cbp_demo", "0 1"]
    assert row[-1] == f"0.700 ± {statistics.stdev((0.4, 1.0)):.3f}"
    assert cells_of(markdown, "crf")[0][-1] == "1.000"


def test_runs_that_do_not_count_are_named(runs):
    write_json(runs / "3" / "config.json", make_config(split=3))
    (runs / "8").mkdir()
    (runs / "8" / "config.json").write_text("{", encoding="utf-8")
    append_log(runs / "3", {"test": {"f1": 1.0}})
    make_run(runs / "9", metrics={"dev": score(GOLD, HALF), "test": None}, split=9, data={"name": "cbp_gold"})
    markdown = build_score_table([runs]).markdown
    assert all(f"- {runs / name}: " in markdown for name in "389")
    assert not cells_of(markdown, "3") and not cells_of(markdown, "9")
    dev = build_score_table([runs], "dev").markdown
    assert cells_of(dev, "9")[0][5] == "0.400" and f"- {runs / '0'}: " in dev and not cells_of(dev, "0")
    assert "0.54" not in dev  # the paper's figure is of the test sets


def test_seeds_of_a_split_are_averaged_first(tmp_path):
    """Split 0: 0.4 and 1, split 1: 1 and 1: means 0.7 and 1 over the splits, and over the seeds."""
    for split, seed, predicted in ((0, 0, HALF), (0, 1, FULL), (1, 0, FULL), (1, 1, FULL)):
        make_run(tmp_path / f"{split}{seed}", predicted, split=split, seed=seed)
    make_run(tmp_path / "99", FULL, method="other")
    report, deviation = build_score_table([tmp_path]), f"{statistics.stdev((0.7, 1)):.3f}"
    spread = [cells_of(report.markdown, name)[0][5] for name in ("mean", "± std", "± seeds")]
    assert spread == ["0.850", deviation, deviation] and cells_of(report.markdown, "0 (seed 1)")
    summary, by_split = cells_of(report.markdown, "supervised")
    assert summary[4] == "4" and summary[-2:] == [f"0.850 ± {deviation}", deviation]
    assert by_split[-2:] == ["0.700", "1.000"] and cells_of(report.markdown, "other")[0][-1] == "-"
    rows = [row for row in csv.DictReader(report.csv.splitlines()) if row["statistic"] == "seeds"]
    assert {row["type"] for row in rows} == {OVERALL, "gene", "disease"} and {row["runs"] for row in rows} == {"4"}


def test_runs_without_a_split_are_grouped_by_the_checksum_of_their_text(tmp_path):
    for number, predicted in enumerate((HALF, FULL)):
        data = {"name": "folds", "files": {"test": {"path": "test.bio", "sha256": str(number)}}}
        make_run(tmp_path / str(number), predicted, split=None, data=data)
    assert cells_of(build_score_table([tmp_path]).markdown, "± std")[0][5] == f"{statistics.stdev((0.4, 1)):.3f}"


def test_undefined_scores_are_dashes_and_enter_no_mean(tmp_path):
    """Nothing predicted: no precision; no gold either: no score at all. Neither enters a mean."""
    nothing = [["O"] * len(tags) for tags in GOLD]
    make_run(tmp_path / "0", FULL)
    make_run(tmp_path / "1", nothing, split=1)
    make_run(tmp_path / "2", nothing, nothing, split=2)
    report = build_score_table([tmp_path])
    assert cells_of(report.markdown, "1")[0] == ["-", "0.000", "0.000"] * 3
    assert cells_of(report.markdown, "2")[0] == ["-"] * 9
    assert cells_of(report.markdown, "mean")[0] == ["1.000", "0.500", "0.500"] * 3
    assert cells_of(report.markdown, "2")[2] == ["- (0)"] * 4 and cells_of(report.markdown, "mean")[1] == ["0.500"] * 4
    assert "nan" not in report.markdown and "`-`: undefined" in report.markdown
    rows = [row for row in csv.DictReader(report.csv.splitlines()) if row["type"] == OVERALL]
    assert [row["precision"] for row in rows if row["split"] == "1"] == [""] * 3


def test_runs_that_lie_too_deep_are_named(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs.rename(tmp_path / "0")
    (tmp_path / "all" / "below").mkdir(parents=True)
    (tmp_path / "0").rename(tmp_path / "all" / "below" / "deep")
    with pytest.raises(InputError, match=r"3 finished run.* all/below/deep$"):
        build_score_table(["all"])
    make_run(tmp_path / "all" / "first")
    assert "all/below/deep\n" in build_score_table(["all"]).markdown
    assert "all/below/deep\n" not in build_score_table(["all", "all/below/deep"]).markdown
    make_run(tmp_path / "all" / "first_rerun")
    report = build_score_table(["all", "all/below/deep"])
    assert "1 finished run(s) that are repetitions" in report.markdown and "name all/first_rerun\n" in report.markdown


def test_command_prints_and_writes(runs, tmp_path, capsys, monkeypatch):
    """No path of the working folder either."""
    monkeypatch.chdir(tmp_path)
    write_json(runs / "3" / "config.json", make_config(split=3))
    assert main(["table", str(runs), "-o", "out"]) == 0
    printed = capsys.readouterr().out
    assert "runs/3" in printed and str(tmp_path) not in printed + (tmp_path / "out" / "table.csv").read_text()
    assert (tmp_path / "out" / "table.md").read_text(encoding="utf-8") == printed
    rows = list(csv.DictReader((tmp_path / "out" / "table.csv").read_text(encoding="utf-8").splitlines()))
    strict = [row for row in rows if (row["level"], row["type"]) == ("entity_strict", OVERALL)]
    assert [(row["statistic"], row["split"]) for row in strict] == [
        ("run", "0"), ("run", "1"), ("run", "2"), ("mean", ""), ("std", "")
    ]  # fmt: skip
    deviation = statistics.stdev((0.4, 1.0, 0.8))
    assert [float(row["f1"]) for row in strict] == pytest.approx([0.4, 1.0, 0.8, 2.2 / 3, deviation], abs=1e-6)
    assert (strict[0]["correct"], strict[0]["predicted"], strict[0]["gold"], strict[3]["runs"]) == ("1", "2", "3", "3")
    assert main(["table", str(runs), "-o", str(tmp_path / "first.v1.md")]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "out", "first.v1.md", "first.v1.csv"}
    assert main(["table", str(runs), "-o", "first.csv", "--encoding", "utf-8-sig"]) == 0
    assert (tmp_path / "first.csv").read_bytes().startswith("\ufeffmethod,".encode())
    openpyxl = pytest.importorskip("openpyxl")
    assert main(["table", str(runs), "-o", "second.xlsx"]) == 0 and not (tmp_path / "second.csv").exists()
    header, *cells = openpyxl.load_workbook(tmp_path / "second.xlsx").active.values
    assert [row[header.index("f1")] for row in cells] == [pytest.approx(float(row["f1"]), abs=1e-6) for row in rows]


@pytest.mark.parametrize(("change", "message"), [
    (lambda metrics: metrics.pop("epochs"), "epochs"),
    (lambda metrics: metrics["selection"].pop("rule"), "selection > rule"),
    (lambda metrics: metrics["test"].pop("entity_strict"), "test > entity_strict"),
    (lambda metrics: metrics["test"]["token"]["types"]["gene"].update(f1="high"), "test > token > types > gene"),
    (lambda metrics: metrics.update(split=4), "found 4"),
    (None, "metrics.json:1: "),  # no JSON at all
])  # fmt: skip
def test_metrics_that_cannot_be_read_are_named_and_nothing_is_written(runs, tmp_path, refuse, change, message):
    path = runs / "1" / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    if change:
        change(metrics)
    path.write_text(json.dumps(metrics) if change else '{"method": ', encoding="utf-8")
    error = refuse("table", runs, "-o", tmp_path / "out")
    assert message in error and str(path) in error and not (tmp_path / "out").exists()


def test_no_run_is_an_error(tmp_path):
    with pytest.raises(InputError, match="found none"):
        build_score_table([tmp_path])
    write_json(tmp_path / "0" / "config.json", make_config())
    with pytest.raises(InputError, match="/0: unfinished"):
        build_score_table([tmp_path])
    make_run(tmp_path / "1")
    report = build_score_table([tmp_path])
    assert not cells_of(report.markdown, "± std") and "nan" not in report.markdown + report.csv
    with pytest.raises(InputError, match="no dev scores"):
        build_score_table([tmp_path], "dev")


def test_paths_of_one_encoder_are_normalised(tmp_path):
    """`models/x`, from the project's folder and from a script's; another folder's x is another."""
    places = (("models/x", "."), ("../../models/x", "BERT_LM_mixed/ner_example"), ("./x", "elsewhere"))
    for split, (encoder, folder) in enumerate(places):
        config = make_config(split=str(split), encoder=encoder) | {"folder": folder}
        write_json(tmp_path / str(split) / "config.json", config)
        write_json(tmp_path / str(split) / "metrics.json", make_metrics(config, FULL, GOLD))
    markdown = build_score_table([tmp_path]).markdown
    assert markdown.count("encoder models/x,") == markdown.count("encoder elsewhere/x,") == 1
    assert cells_of(markdown, "0") and cells_of(markdown, "2") and markdown.count("## ") == 3


def test_the_summary_replaces_what_is_between_markers(runs, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- table -->\nold\n<!-- /table -->\nbehind\n", encoding="utf-8")
    assert main(["table", str(runs), "--into", str(readme)]) == 0
    before, header, _, row, behind = re.split(r"\n(?=\|)|\n(?=<!-- /)", readme.read_text(encoding="utf-8"))
    assert before == "before\n<!-- table -->" and behind == "<!-- /table -->\nbehind\n"
    assert header.startswith("| method ") and "| 0.800 ± 0.346 | 0.733 ± 0.306 |" in row
    (tmp_path / "none.md").write_text("no markers", encoding="utf-8")
    assert main(["table", str(runs), "--into", str(tmp_path / "none.md")]) == 2
