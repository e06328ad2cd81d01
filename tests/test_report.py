"""`cbpner report`: figures by hand, the same in every form; escaping; without the gold; the page in a browser."""

import csv
import json
import math
import re
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import ROOT, open_page
from test_evaluate import make_run as make_judged_run
from test_evaluate import make_sentences

from cbpner.base.errors import InputError
from cbpner.cli import main
from cbpner.reports import charts
from cbpner.reports.page.inputs import gather_report, merge_notes
from cbpner.reports.page.render import build_report
from cbpner.reports.systems import Resampling
from cbpner.reports.tables import Figure, Table, format_cell, shorten_paths, table_to_csv, table_to_latex
from cbpner.text.bio import write_bio

pytestmark = pytest.mark.slow

FEW = ("--resamples", "50")
EVIL = "</script><script>alert('HER2')</script>&amp;<!--"

# Five gold mentions, none an orphan. The good system finds all; the bad one is right once, with one boundary and one
# type wrong, one spurious and two missed.
ROWS = [
    ("Abstract", [], [], []),
    ("BRCA1与乳腺癌有关", [(0, 5, "gene"), (6, 9, "disease")], None, [(0, 5, "gene"), (7, 9, "disease")]),
    (EVIL, [(24, 28, "gene")], None, [(24, 28, "disease"), (28, 29, "gene")]),
    ("Abstract二", [], None, []),
    ("癌症与EGFR", [(0, 2, "disease"), (3, 7, "gene")], None, []),
]
GOOD, BAD = 1, 3
STRICT_BAD = 2 * 1 / (4 + 5)


def make_run(folder, data, side, split="0", history=(), rows=ROWS, **config):
    """A finished run on data/{train,test}.bio whose test tags are the spans of `rows` on that side."""
    metrics = {"history": list(history), "seconds": {"train": 120.0, "evaluate": 60.0}, "peak_memory_mb": 1000}
    config = {"command": "run it", "environment": {"device": "cpu", "cpu": "Some CPU"}} | config
    make_judged_run(folder, data, make_sentences(rows, side), split, metrics, **config)


def make_data(folder, rows=ROWS):
    write_bio(folder / "data" / "test.bio", make_sentences(rows, GOOD))
    write_bio(folder / "data" / "train.bio", make_sentences(rows[:2], GOOD))
    return folder / "data"


def make_runs(folder, data):
    """Two methods on two splits; `bad` logs a loss and a dev score."""
    history = [{"epoch": 0.5, "loss": 0.9}, {"epoch": 1.0, "loss": 0.1}, {"epoch": 1.0, "eval_entity_strict_f1": 0.25}]
    for split in "01":
        make_run(folder / "runs" / "bad" / split, data, BAD, split, history, method="bad")
        make_run(folder / "runs" / "good" / split, data, GOOD, split, method="good")
    return folder / "runs"


@pytest.fixture
def data(tmp_path):
    return make_data(tmp_path)


@pytest.fixture
def folder(data, tmp_path):
    return make_runs(tmp_path, data)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder of the report on the runs of `make_runs`."""
    folder = tmp_path_factory.mktemp("report")
    return make_report(folder, make_runs(folder, make_data(folder)), "--title", "<b>bold</b>")


def make_report(output, *arguments):
    """The folder of a report that `cbpner report` wrote there."""
    names = [word for name in ("it.html", "it.tex", "it_tables/") for word in ("-o", f"{output}/{name}")]
    assert main(["report", *map(str, arguments), *names, *FEW]) == 0
    return output


def read_html(output):
    return (output / "it.html").read_text(encoding="utf-8")


def read_table(output, name):
    return list(csv.DictReader((output / "it_tables" / f"{name}.csv").read_text(encoding="utf-8").splitlines()))


def find_sections(output):
    return re.findall(r'<section id="(\w+)"', read_html(output))


# --- figures and forms


def test_the_figure_of_the_best_method_is_the_headline(written):
    key = re.search(r'<p class="key">.*?</p>', read_html(written), re.S)[0]
    assert "1.000" in key and "± 0.000" in key and "good: strict F1" in key and "2 splits" in key
    assert "0.54 ±" not in read_html(written)  # other data: nothing to compare with the paper


def test_scores_by_hand_are_the_same_in_every_form(written):
    good, bad = read_table(written, "scores")  # the best first
    assert (bad["method"], bad["runs"], good["method"]) == ("bad", "2", "good")
    assert float(bad["strict F1"]) == pytest.approx(STRICT_BAD, abs=1e-6)
    assert float(bad["strict F1 std"]) == 0 and float(good["pooled strict F1"]) == 1
    interval = f"[{float(bad['strict F1 low']):.3f}, {float(bad['strict F1 high']):.3f}]"
    assert rf"{STRICT_BAD:.3f} $\pm$ 0.000 {interval}" in (written / "it.tex").read_text(encoding="utf-8")
    assert f'{STRICT_BAD:.3f}<span class="std"> ± 0.000</span><span class="ci"> {interval}' in read_html(written)


def test_what_a_page_says_short_and_once():
    assert shorten_paths("-o /home/me/it/0, data/demo and/or '/a/b/c d'") == "-o …/it/0, data/demo and/or '…/b/c d'"
    merged = merge_notes(["a: few", "b, lr 1: few", "a: none", "few"], ["a", "b, lr 1"])
    assert merged == ["All 2 methods: few", "a: none", "few"]


def test_every_table_is_in_the_page_and_a_file(written):
    names = set(re.findall(r'id="table-(\w+)"', read_html(written)))
    assert names == {path.stem for path in (written / "it_tables").iterdir()} > {"scores", "errors", "wrong_2"}


def test_errors_and_groups_by_hand(written):
    rows = {(row["method"], row["mentions"]): row for row in read_table(written, "errors")}
    kinds = ("correct", "type", "boundary", "boundary+type", "missed", "spurious")
    assert [rows["bad", "all types"][kind] for kind in kinds] == ["2", "2", "2", "0", "4", "2"]
    assert [rows["good", "all types"][kind] for kind in kinds] == ["10", "0", "0", "0", "0", "0"]
    seen = {(row["value"], row["method"]): row["gold"] for row in read_table(written, "groups")}
    assert (seen["seen", "bad"], seen["unseen", "bad"]) == ("4", "6")  # two of five, on two splits
    matrix = {row["gold"]: row for row in read_table(written, "confusion_2")}
    assert matrix["gene"] == {"gold": "gene", "disease": "2", "gene": "2", "none": "2"}
    assert matrix["none"]["none"] == ""
    assert {(row["class"], row["gold"], row["predicted"]) for row in read_table(written, "wrong_2")} >= {
        ("boundary", "乳腺癌 (disease)", "腺癌 (disease)"), ("type", "HER2 (gene)", "HER2 (disease)"),
    }  # fmt: skip


def test_cells_in_every_form():
    header = ["name", "count", "F1", "p"]
    rows = [["a|b_<i>", 1234, Figure(0.5, 0.25, 0.75), Figure(0.00001, style="p")],
            ["*", None, Figure(math.nan), Figure(0.25, style="p")]]  # fmt: skip
    table = Table("it", "Of it", header, rows)
    expected = [["name", "count", "F1", "F1 low", "F1 high", "p"],
                ["a|b_<i>", "1234", "0.500000", "0.250000", "0.750000", "0.000010"],
                ["*", "", "", "", "", "0.250000"]]  # fmt: skip
    assert list(csv.reader(table_to_csv(table).splitlines())) == expected
    assert r"a\textbar{}b\_\textless{}i\textgreater{} & 1,234 & 0.500 [0.250, 0.750]" in table_to_latex(table)
    assert format_cell(Figure(-0.1, -0.2, 0.0, style="+.3f")) == "-0.100 [-0.200, +0.000]"
    assert format_cell(Figure(2.0, std=1.0, style=".1f")) == "2.0 ± 1.0"


def test_how_runs_were_made(written):
    row = next(row for row in read_table(written, "runs") if row["method"] == "bad")
    assert (row["method"], row["split"], row["recipe"], row["encoder"]) == ("bad", "0", "cbp", "cbp_mini")
    assert (float(row["minutes"]), row["epoch"], row["dev mentions"]) == (3.0, "1 of 2", "62")
    assert read_table(written, "commands")[0]["command"] == "run it"
    assert read_table(written, "machines")[0]["machine"] == "cpu, Some CPU"


def test_a_report_says_what_it_found_and_writes_what_is_named_alone(folder, tmp_path, refuse, capsys):
    for name in (tmp_path, tmp_path / "it.docx"):
        assert str(name) in refuse("report", folder, "-o", name)
    before = set(tmp_path.rglob("*"))
    assert main(["report", str(folder), "-o", f"{tmp_path}/it.tex", *FEW]) == 0
    assert set(tmp_path.rglob("*")) - before == {tmp_path / "it.tex"}
    found, *_, written = capsys.readouterr().out.splitlines()
    assert found.startswith("found 4 run(s): ") and found.count("(2)") == 2 and written.endswith("it.tex")


# --- what is absent where there is nothing


def test_sections_without_anything_to_show_are_not_there(written, data, tmp_path):
    assert find_sections(written) == [
        "scores", "splits", "types", "groups", "errors", "comparisons", "learning", "sentences", "provenance", "notes"
    ]  # fmt: skip
    make_run(tmp_path / "alone", data, BAD)
    sections = find_sections(make_report(tmp_path, tmp_path / "alone"))
    assert sections == ["scores", "types", "groups", "errors", "sentences", "provenance", "notes"]


def test_flags_that_differ_are_a_table(data, tmp_path):
    for casing, side in (("keep", GOOD), ("lower", BAD)):
        make_run(tmp_path / "runs" / casing, data, side, flags={"casing": casing, "lr": 0.1, "decision": {"vote": 0.5}})
    (row,) = read_table(make_report(tmp_path, tmp_path / "runs"), "flags")
    assert list(row.values()) == ["casing", "keep", "lower"]


def test_runs_on_fewer_patents_are_a_curve_and_no_method(data, tmp_path):
    for patents, side in ((1, BAD), (2, GOOD)):
        flags = {"epochs": 2, "patents": 1 if patents == 1 else None}
        for split in "01":
            make_run(tmp_path / "runs" / str(patents) / split, data, side, split, flags=flags,
                     files={"patents": patents})  # fmt: skip
    output = make_report(tmp_path, tmp_path / "runs")
    assert "curve" in find_sections(output)
    assert [row["method"] for row in read_table(output, "scores")] == ["first"]
    assert [(row["patents"], row["splits"]) for row in read_table(output, "curve")] == [("1", "0 1"), ("2", "0 1")]


# --- without the gold, without text


def test_without_the_gold_the_tables_still_show(folder, data, tmp_path):
    data.rename(tmp_path / "elsewhere")
    output = make_report(tmp_path, folder)
    assert 'role="note"' in read_html(output) and "cbpner gold" in read_html(output)
    assert find_sections(output) == ["scores", "splits", "types", "learning", "provenance"]
    assert read_table(output, "scores")[1]["strict F1"] == f"{STRICT_BAD:.6f}"
    make_report(tmp_path, folder, "--data-dir", tmp_path / "elsewhere")
    assert "sentences" in find_sections(output)


@pytest.mark.parametrize("rows", [ROWS, [(text, [], [], []) for text, *_ in ROWS]])
def test_a_recorded_evaluation_replaces_the_gold(tmp_path, rows):
    """Without a mention too: no confusion, and nothing to compare."""
    data, folder = make_data(tmp_path, rows), tmp_path / "runs"
    for method, side in (("bad", BAD), ("good", GOOD)):
        make_run(folder / method / "0", data, side, method=method, rows=rows)
    assert main(["evaluate", str(folder), "--no-text", "-o", str(folder / "evaluation"), *FEW]) == 0
    full = build_report(gather_report([folder], resampling=Resampling(50)))
    data.rename(tmp_path / "elsewhere")
    folder.rename(tmp_path / "moved")
    page = build_report(gather_report([tmp_path / "moved"]))
    for name in ("scores", "types", "errors", "confusion_1", "comparisons_strict"):
        assert page.csv[name] == full.csv[name]
    assert page.csv.get("groups") == full.csv.get("groups") and ">nan" not in page.html
    assert "…/evaluation/evaluation.json" in page.html and str(tmp_path) not in page.html
    assert 'id="data"' not in page.html and "乳腺癌" not in page.html


def test_a_recorded_evaluation_of_other_runs_is_not_taken(folder, data, tmp_path):
    assert main(["evaluate", str(folder / "bad"), "-o", str(folder / "evaluation"), *FEW]) == 0
    data.rename(tmp_path / "elsewhere")
    recorded = folder / "evaluation" / "evaluation.json"
    found = gather_report([folder])
    assert found.evaluation is None and str(recorded) in found.notes[0]
    assert gather_report([folder / "bad"], recorded=recorded).recorded == recorded
    for path, place in ((folder / "bad" / "0", recorded), (folder, tmp_path / "no.json")):
        with pytest.raises(InputError, match=place.name):
            gather_report([path], recorded=place)
    recorded.write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=recorded.name):
        gather_report([folder / "bad"], recorded=recorded)


def test_no_text_means_no_text_of_the_gold(folder, tmp_path):
    output = make_report(tmp_path, folder, "--no-text")
    written = [output / name for name in ("it.html", "it.tex")] + list((output / "it_tables").iterdir())
    assert not [path for path in written if re.search("BRCA1|乳腺癌|alert|EGFR", path.read_text(encoding="utf-8"))]


def test_committed_results_have_their_evaluation():
    """`cbpner report results` on a fresh clone has all tables: results/evaluation is of these runs."""
    found = gather_report([ROOT / "results"], data_dir=ROOT / "results")  # where there is no gold
    assert found.recorded == ROOT / "results" / "evaluation" / "evaluation.json"
    assert not found.evaluation.frames["comparisons"].empty and found.evaluation.texts


# --- text is text


def test_texts_are_escaped(written):
    html = read_html(written)
    assert "<script>alert" not in html and "<b>bold" not in html and "&lt;b&gt;bold" in html
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)[1])
    assert EVIL in [row[3] for row in data["sentences"]]
    assert html.count("<script") == html.count("</script>") == 2
    assert not re.search(r'(src|href)="(?!#|data:,)|url\((?!#)|@import', html)


# --- charts


def test_charts_follow_the_style_sheet_and_have_tooltips(recwarn):
    assert len({tuple(charts.series_look(number).values()) for number in range(10)}) == 10
    row = charts.Dots("<a> 基因", 0, [(0.0, "0", "at <0>"), (0.5, "1", "at 0.5")], 0.25, 0.1, 0.4)
    svg = charts.draw_dots([(None, [row])], "of <it>", (0, 1))
    root = ElementTree.fromstring(str(svg))
    assert root.get("aria-label") == "of <it>" and root.get("role") == "img"
    titles = [element.text for element in root.iter() if element.tag.endswith("}title")]
    assert titles == ["at <0>", "at 0.5"] and "<a> 基因" in "".join(root.itertext())
    assert not list(recwarn)  # matplotlib's font has no Chinese; the page's has
    assert "var(--s0)" in svg and not re.search("#[0-9a-f]{6}", svg)
    assert charts.draw_dots([(None, [row])], "of <it>", (0, 1)) == svg


# --- in a browser


def test_the_page_in_chromium(chromium, written):
    html = written / "it.html"
    page, said, asked = open_page(chromium, html, 400)
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    page.wait_for_selector("#table-scores .sideways")  # it says that it scrolls
    assert page.locator("#table-confusion_1 .sideways").is_hidden()

    def filter_by(expected, **values):
        page.click("#filters button[type=reset]")
        for name, value in values.items():
            field = page.locator(f"#filters [name={name}]")
            field.fill(value) if name == "search" else field.select_option(label=value)
        text = f"{len(expected)} of 10 sentences"
        page.wait_for_function("text => document.getElementById('count').textContent === text", arg=text, timeout=3000)
        golds = page.locator("#list .side:nth-of-type(2) .text")  # after its place, before what was predicted
        assert golds.all_inner_texts() == expected, values

    brca, evil, egfr = (ROWS[place][0] for place in (1, 2, 4))
    for values, expected in (
        ({}, [brca, evil, egfr] * 2),  # the first method, anything wrong
        ({"split": "1"}, [brca, evil, egfr]),
        ({"kind": "type", "type": "gene"}, [evil] * 2),
        ({"kind": "boundary", "type": "gene"}, []),
        ({"variant": "good", "kind": "correct", "type": "disease"}, [brca, egfr] * 2),
        ({"variant": "all, one below the other", "split": "0"}, [brca, evil, egfr]),
        ({"kind": "no mention at all"}, [ROWS[0][0], ROWS[3][0]] * 2),
        ({"search": "egfr", "split": "0"}, [egfr]),
        ({"search": "</SCRIPT>"}, [evil] * 2),
    ):
        filter_by(expected, **values)
    marks = page.locator("#list li").first.locator("mark")
    assert marks.all_inner_texts() == ["HER2", "HER2", "'"]
    labels = [mark.get_attribute("data-label") for mark in marks.all()]
    assert labels == ["gene · type", "disease · type", "gene · spurious"]
    page.get_by_text("The most frequent wrong spans of bad").click()
    page.locator("#table-wrong_2 button.find").first.click()
    page.wait_for_function("document.querySelector('[name=search]').value !== '</SCRIPT>'")
    assert page.locator("#list li").count() == 2
    assert not said and asked == [html.as_uri()]
