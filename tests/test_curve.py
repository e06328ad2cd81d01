"""The curve of F1 against training patents: figures by hand, equal splits, what is left out, the files."""

import csv
import io
import statistics
import xml.etree.ElementTree as ElementTree

import pytest
from PIL import Image
from test_table import FULL, GOLD, HALF, cells_of, make_config, make_metrics, make_run

from cbpner.base.errors import InputError
from cbpner.base.files import write_json
from cbpner.cli import main
from cbpner.reports.curve import build_curve, draw_curve

pytestmark = pytest.mark.slow

NONE = [["O"] * len(sentence) for sentence in GOLD]
F1 = {"none": (NONE, 0.0), "half": (HALF, 0.4), "full": (FULL, 1.0)}  # strict F1 of each prediction; see test_table
MACHINE = {"device": "cpu", "cpu": "Some CPU", "threads": 2, "precision": "fp32"}


def make_point(folder, patents, split, predicted="full", train=120.0, memory=1000, method="first", **config):
    """A run on so many patents: 3 epochs, 10 steps a patent, `train` seconds, 60 of evaluation, `memory` MiB."""
    data = {"name": "toy", "files": {"train": {"path": "toy_train.bio", "patents": patents}}}
    history = [{"step": 1.0, "loss": 2.0}, {"step": 10.0 * patents, "loss": 1.0}]
    metrics = {"seconds": {"train": train, "evaluate": 60.0}, "peak_memory_mb": memory, "epochs": 3, "history": history}
    config = {"data": data, "environment": MACHINE, "flags": {"patents": patents}} | config
    place = "_".join(map(str, [split, *([config["seed"]] if "seed" in config else [])]))
    make_run(folder / f"{method}_{patents}" / place, F1[predicted][0], GOLD, metrics, split=split, method=method,
             **config)  # fmt: skip


@pytest.fixture
def runs(tmp_path):
    """2 patents on the splits 0 and 1, 18 on 0, 1 and 2."""
    for patents, split, predicted, train, memory in (
        (2, 0, "none", 60, 1000), (2, 1, "half", 90, 2000), (18, 0, "half", 600, 3000), (18, 1, "full", 720, 3500),
        (18, 2, "full", 1800, 8500),
    ):  # fmt: skip
        make_point(tmp_path / "runs", patents, split, predicted, train, memory)
    return tmp_path / "runs"


@pytest.mark.parametrize(
    ("all_splits", "splits", "values"), [(False, ["0 1", "2"], (0.4, 1.0)), (True, ["0 1 2", "3"], (0.4, 1.0, 1.0))]
)
def test_only_splits_that_every_point_has_are_compared_unless_all_are_asked_for(runs, all_splits, splits, values):
    markdown = build_curve([runs], all_splits).markdown
    two, eighteen = cells_of(markdown, "first")[:2]
    assert (two[:3], eighteen[:3]) == (["2", "0 1", "2"], ["18", *splits])
    assert two[5] == f"0.200 ± {statistics.stdev((0.0, 0.4)):.3f}"
    assert eighteen[5] == f"{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}"
    assert ("2 at 18" in markdown) is not all_splits
    assert ("Points on different splits" in markdown) is all_splits


def read_rows(curve, statistic):
    return [row for row in csv.DictReader(io.StringIO(curve.csv)) if row["statistic"] == statistic]


def test_the_csv_holds_each_run_and_what_is_compared(runs):
    curve = build_curve([runs])
    singles = [tuple(row.get(name) for name in ("patents", "split", "compared", "train_minutes"))
               for row in read_rows(curve, "run")]  # fmt: skip
    assert singles == [
        ("2", "0", "yes", "1"), ("2", "1", "yes", "1.5"), ("18", "0", "yes", "10"), ("18", "1", "yes", "12"),
        ("18", "2", "no", "30"),
    ]  # fmt: skip
    eighteen, two = read_rows(curve, "mean")[-1], read_rows(curve, "std")[0]
    assert (eighteen["entity_strict_f1"], eighteen["runs"], eighteen["memory_mb"]) == ("0.7", "2", "3250")
    assert two["patents"] == "2" and two["entity_lenient_f1"] == f"{statistics.stdev((0.0, 0.4)):.6g}"


def test_costs_machines_and_one_run_without_a_deviation(runs):
    environment = MACHINE | {"device": "cuda", "processes": 2}
    make_point(runs, 5, 0, "half", method="second", train=30, memory=700, environment=environment)
    costs = build_curve([runs]).markdown.split("## Costs")[1]
    deviations = [statistics.stdev(values) for values in ((10, 12, 30), (3000, 3500, 8500))]
    times, memory = [f"{mean} ± {deviations[0]:.1f}" for mean in (17.3, 18.3)], f"5,000 ± {deviations[1]:,.0f}"
    machine = "cpu, Some CPU, 2 threads, fp32"
    assert cells_of(costs, "first")[1] == ["18", "0 1 2", "3", "3 ± 0", "180 ± 0", *times, memory, machine]
    machine = "cuda, Some CPU, 2 threads, 2 processes, fp32"
    assert cells_of(costs, "second") == [["5", "0", "1", "3", "50", "0.5", "1.5", "700", machine]]
    curve = build_curve([runs / "second_5"])
    # token: 2 of 3 predicted, 4 gold; entities: 1 of 2, 3 gold
    assert cells_of(curve.markdown, "second")[0][3:] == ["0.571", "0.400", "0.400"]
    values = [read_rows(curve, name)[0]["entity_strict_f1"] for name in ("run", "mean", "std")]
    assert values == ["0.4", "0.4", ""] and "nan" not in (curve.markdown + curve.csv).lower()


def test_a_method_without_a_common_split_has_no_curve_but_a_cost(runs):
    make_point(runs, 5, 1, method="second", flags={"patents": 5, "epochs": 8})
    make_point(runs, 2, 0, method="second", flags={"patents": 2, "epochs": 20})
    curve = build_curve([runs])
    assert "epochs (20, 8)" in curve.markdown
    assert "0 at 2; 1 at 5" in curve.markdown and [row[0] for row in cells_of(curve.markdown, "second")] == ["2", "5"]
    assert set(curve.points[curve.points["compared"]]["method"]) == {"first"}
    with pytest.raises(InputError, match="--all-splits"):
        build_curve([runs / "second_2", runs / "second_5"])


def test_runs_that_do_not_count_are_named(runs):
    """Older runs on the gold data trained on 18 patents, all others say on how many."""
    files = {"train": {"path": "../data/cbp_gold/0/no_long_cbp_gold_v2_train.bio"}}
    make_run(runs / "gold", data={"name": "cbp_gold", "files": files})
    make_run(runs / "old", method="old", data={"name": "cbp_demo", "files": {"train": {"path": "a_train.bio"}}})
    everything = {"name": "cbp_gold", "files": {"train": {"path": "no_long_cbp_gold_total.bio"}}}
    make_run(runs / "all", method="all", data=everything)
    write_json(runs / "broken" / "config.json", make_config(split=3))
    make_run(runs / "devoid", metrics={"test": None, "dev": make_metrics(make_config(), FULL)["test"]})
    curve = build_curve([runs])
    assert all(f"- {runs / name}: " in curve.markdown for name in ("old", "all", "broken", "devoid"))
    assert set(curve.points["method"]) == {"first", "supervised"}
    assert cells_of(curve.markdown, "supervised, cbp_gold")[0][:3] == ["18", "0", "1"]
    for name in ("old", "devoid"):
        with pytest.raises(InputError, match=name):
            build_curve([runs / name])


def test_the_plot_shows_means_as_lines_and_runs_as_points(runs):
    patents, minutes = draw_curve(build_curve([runs]).points, "entity_strict").axes
    for axes, places in ((patents, (2, 18)), (minutes, (1.25, 11))):
        (line,) = axes.lines
        assert line.get_label() == "first"
        assert line.get_xydata().ravel().tolist() == pytest.approx([places[0], 0.2, places[1], 0.7])
    singles = sorted(tuple(map(float, point)) for dots in patents.collections for point in dots.get_offsets())
    assert sum(singles, ()) == pytest.approx((2, 0, 2, 0.4, 18, 0.4, 18, 1))
    assert [tick.get_text() for tick in patents.get_xticklabels()] == ["2", "18"] and minutes.get_xscale() == "linear"


def test_command_prints_and_writes_four_files(runs, tmp_path, capsys):
    make_point(runs, 18, 0, method="a<b>&c_$d$")
    make_run(runs / "more", data={"name": "cbp_gold"})  # nothing measured
    assert main(["curve", str(runs), "-o", str(tmp_path / "out")]) == 0
    printed, out = capsys.readouterr().out, tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {"curve.md", "curve.csv", "curve.png", "curve.svg"}
    written = (out / "curve.md").read_text(encoding="utf-8")
    assert written.startswith(printed) and "(curve.png)" in written.removeprefix(printed)
    assert cells_of(printed.split("## Costs")[1], "supervised, cbp_gold")[0][-1] == "not recorded"
    assert (out / "curve.csv").read_text(encoding="utf-8").startswith("method,recipe,encoder,data,patents,statistic,")
    with Image.open(out / "curve.png") as image:
        image.load()
        assert image.width > 1000
        assert len(set(image.convert("L").resize((90, 42)).tobytes())) > 10, "the picture is blank"
    texts = {element.text for element in ElementTree.parse(out / "curve.svg").iter() if element.tag.endswith("}text")}
    assert {"first, toy", "a<b>&c_$d$, toy", "supervised, cbp_gold", "test F1, entity strict"} <= texts
