"""`cbpner evaluate`: every score by hand on a few spans; runs, files, refusals."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
from conftest import GOLD as GOLD_FOLDER
from conftest import ROOT, needs_gold
from hypothesis import given, settings
from test_metrics import SENTENCES
from test_table import cells_of, make_config, make_metrics

from cbpner.base.files import file_checksum, write_json
from cbpner.cli import main
from cbpner.reports.evaluate import describe_evaluation, evaluate_systems, render_evaluation
from cbpner.reports.intervals import frame_comparisons, frame_intervals, render_intervals
from cbpner.reports.join import PredictedSet, System, join_files, join_runs
from cbpner.reports.panel import count_panel, list_units, score_levels
from cbpner.reports.run_scores import OVERALL
from cbpner.reports.spans import SPAN_COLUMNS, find_script, frame_spans, score_groups
from cbpner.reports.systems import Resampling
from cbpner.runs import folder as runs
from cbpner.scoring.metrics import COUNTS, LEVELS, MEASURES, score
from cbpner.text.bio import Sentence, list_mentions, read_bio, write_bio
from cbpner.text.labels import spans_to_tags

FEW = Resampling(resamples=200)

# Two patents; 6 gold mentions, one of them an orphan; 6 predictions, of which two are right
TEST = [
    ("Abstract", [], []),
    ("BRCA1与乳腺癌有关", [(0, 5, "gene"), (6, 9, "disease")], [(0, 5, "gene"), (7, 9, "disease")]),
    ("HER2蛋白与BRCA1", [(0, 6, "protein"), (7, 12, "gene")], [(0, 4, "gene")]),
    ("Abstract二", [], []),
    ("癌症", ["I-disease", "I-disease"], [(0, 2, "disease")]),
    ("抑制TNF-α的药", [(2, 7, "protein")], [(2, 7, "gene"), (8, 9, "disease")]),
]
TRAIN = [
    ("Abstract", [], []),
    ("BRCA1", [(0, 5, "gene")], []),
    ("Abstract", [], []),
    ("TNF-α", [(0, 5, "gene")], []),
    ("腺癌", [(0, 2, "disease")], []),
    ("HER2蛋白", [(0, 6, "gene")], []),  # another type: no mention of the test text is seen by it
]


def make_sentences(rows, side):
    return [
        Sentence(row[0], tuple(row[side] if "I-disease" in row[side] else spans_to_tags(row[side], len(row[0]))))
        for row in rows
    ]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """{gold, predicted, train: column file}."""
    folder = tmp_path_factory.mktemp("files")
    for name, rows, side in (("gold", TEST, 1), ("predicted", TEST, 2), ("train", TRAIN, 1)):
        write_bio(folder / f"{name}.bio", make_sentences(rows, side))
    return {name: folder / f"{name}.bio" for name in ("gold", "predicted", "train")}


@pytest.fixture(scope="module")
def evaluation(files):
    return evaluate_systems(join_files(files["gold"], [files["predicted"]], files["train"]), "given", FEW)


def take(frame, **values):
    for column, value in values.items():
        frame = frame[frame[column] == value]
    return frame


def count(evaluation, level="entity_lenient", **values):
    """(correct, predicted, gold) of one row of the pooled scores, whose ratios must be theirs."""
    frame = take(evaluation.frames["scores"], level=level, **values)
    statistic = "run" if values["group"] == "patent" else "pooled"
    (row,) = take(frame, statistic=statistic).to_dict("records")
    correct, predicted, gold = (row[name] for name in COUNTS)
    expected = [correct / predicted if predicted else None, correct / gold if gold else None]
    expected.append(2 * correct / (predicted + gold) if predicted + gold else None)
    for name, value in zip(MEASURES, expected, strict=True):
        assert row[name] != row[name] if value is None else row[name] == pytest.approx(value)
    return correct, predicted, gold


@pytest.mark.parametrize(("level", "group", "values"), [
    ("token", "type", {OVERALL: (7, 19, 26)}),
    ("entity_lenient", "type", {OVERALL: (2, 6, 6), "gene": (1, 3, 2), "protein": (0, 0, 2), "disease": (1, 3, 2)}),
    ("entity_strict", "type", {OVERALL: (1, 6, 5)}),
    ("entity_lenient", "patent", {"1": (1, 3, 4), "2": (1, 3, 2)}),
    ("entity_lenient", "length", {"1-2": (1, 3, 1), "3-4": (0, 1, 1), "5-8": (1, 2, 4), "9-12": (0, 0, 0)}),
    ("entity_lenient", "seen", {"seen": (1, 3, 2), "unseen": (1, 3, 4)}),
    ("entity_lenient", "script", {"latin": (1, 3, 3), "chinese": (1, 3, 2), "mixed": (0, 0, 1)}),
    ("entity_strict", "patent", {"2": (0, 3, 1)}),  # the orphan counts in no strict group
    ("entity_strict", "script", {"chinese": (0, 3, 1)}),
    ("entity_strict", "length", {"5-8": (1, 2, 4), "13+": (0, 0, 0)}),
])  # fmt: skip
def test_scores_by_hand(evaluation, level, group, values):
    assert {value: count(evaluation, level, group=group, value=value) for value in values} == values


def test_partial_credit_by_hand(evaluation):
    rows = take(evaluation.frames["partial"], statistic="pooled", type=OVERALL).set_index("scheme")
    counts = rows.loc[["strict", "exact", "partial", "type"], ["correct", "incorrect", "partial", "missed", "spurious"]]
    assert counts.to_numpy().tolist() == [[2, 3, 0, 1, 1], [3, 2, 0, 1, 1], [3, 0, 2, 1, 1], [3, 2, 0, 1, 1]]
    assert rows["f1"].tolist() == pytest.approx([2 / 6, 3 / 6, 4 / 6, 3 / 6])
    protein = take(evaluation.frames["partial"], statistic="pooled", type="protein", scheme="exact")
    assert protein[["correct", "incorrect", "possible", "actual"]].to_numpy().tolist() == [[1, 1, 2, 2]]


def test_classes_and_confusions_by_hand(evaluation):
    found = take(evaluation.frames["errors"], statistic="pooled").set_index(["type", "class"])["count"]
    kinds = ("correct", "type", "boundary", "boundary+type", "missed", "spurious")
    by_type = {label: [int(found[label, kind]) for kind in kinds] for label in (OVERALL, "gene", "protein", "disease")}
    assert by_type == {
        OVERALL: [2, 1, 1, 1, 1, 1], "protein": [0, 1, 0, 1, 0, 0], "gene": [1, 0, 0, 0, 1, 0],
        "disease": [1, 0, 1, 0, 0, 1],
    }  # fmt: skip
    confusions = evaluation.frames["confusions"].set_index(["gold_type", "predicted_type"])["count"]
    positive = {pair: int(number) for pair, number in confusions.items() if number}
    assert positive == {
        ("gene", "gene"): 1, ("gene", "none"): 1, ("disease", "disease"): 2, ("protein", "gene"): 2,
        ("none", "disease"): 1,
    }  # fmt: skip
    assert len(confusions) == 4 * 4 - 1


def test_the_table_of_spans(evaluation):
    spans = evaluation.frames["spans"]
    assert tuple(spans.columns) == SPAN_COLUMNS and len(spans) == 12
    (row,) = take(spans, side="gold", surface="HER2蛋白").to_dict("records")
    assert (row["patent"], row["sentence"], row["start"], row["end"], row["length"]) == (1, 3, 0, 6, 6)
    assert (row["class"], row["gold_type"], row["predicted_type"]) == ("boundary+type", "protein", "gene")
    assert (row["other_start"], row["other_end"], row["other_surface"]) == (0, 4, "HER2")
    assert (row["seen"], row["script"], row["orphan"]) == (False, "mixed", False)
    (orphan,) = take(spans, orphan=True).to_dict("records")
    assert (orphan["surface"], orphan["patent"], orphan["sentence"], orphan["class"]) == ("癌症", 2, 5, "correct")
    missed = take(spans, **{"class": "missed"})
    assert missed["surface"].tolist() == ["BRCA1"] and missed["predicted_type"].isna().all()


def test_wrong_surfaces_with_their_sentence(evaluation):
    wrong = evaluation.frames["wrong_surfaces"]
    assert wrong["count"].tolist() == wrong["patents"].tolist() == [1] * 5
    (row,) = take(wrong, **{"class": "boundary"}).to_dict("records")
    assert (row["gold_surface"], row["predicted_surface"], row["text"]) == ("乳腺癌", "腺癌", "BRCA1与乳腺癌有关")
    (row,) = take(wrong, **{"class": "spurious"}).to_dict("records")
    assert (row["gold_surface"] != row["gold_surface"], row["predicted_surface"]) == (True, "药")
    assert "BRCA1与⟦乳腺癌⟧有关" in render_evaluation(evaluation)


def make_system(gold, predicted):
    """One system over sentences given as tags."""
    sentences = [Sentence("基因AB癌症9和-的蛋白"[: len(tags)], tuple(tags)) for tags in gold]
    return System("it", [PredictedSet("it", "0", "0", sentences, predicted, None)], [])


def test_the_script_of_a_surface():
    surfaces = ["BRCA1", "TNF-α", "ｐ５３", "乳腺癌", "白介素-6", "䗪虫", "HER2蛋白", "53", "-"]
    assert list(map(find_script, surfaces)) == ["latin"] * 3 + ["chinese"] * 3 + ["mixed"] + ["neither"] * 2


@pytest.mark.slow
@settings(max_examples=20)
@given(SENTENCES)
def test_levels_and_groups_count_what_metrics_counts(pairs):
    gold, predicted = [[[pair[side] for pair in sentence] for sentence in pairs] for side in (0, 1)]
    system, expected = make_system(gold, predicted), score(gold, predicted)
    rows = take(score_levels(count_panel([system])), statistic="run").set_index(["level", "value"])[list(COUNTS)]
    for level in LEVELS:
        for label, values in {OVERALL: expected[level]["overall"], **expected[level]["types"]}.items():
            assert rows.loc[(level, label)].tolist() == [values[name] for name in COUNTS]
    scores = take(score_groups(frame_spans([system]), [system]), statistic="run")
    for (level, _), group in scores.groupby(["level", "group"]):
        assert group[list(COUNTS)].sum().tolist() == [expected[level]["overall"][name] for name in COUNTS]


# --- runs


def make_run(folder, data, predicted, split="0", metrics=(), files=(), **config):
    """A finished run on data/{train,test}.bio whose test tags are those of the sentences `predicted`."""
    paths = {part: data / f"{part}.bio" for part in ("train", "test")}
    recorded = {part: {"path": str(path), "sha256": file_checksum(path)} for part, path in paths.items()}
    recorded["train"] |= dict(files)
    head = {"method": "first", "seed": 0, "data": {"name": "toy", "files": recorded}}
    config = make_config(split=split, **head | config)
    gold = read_bio(paths["test"], orphans=config["flags"].get("orphans", "keep"))
    tags = [s.tags for s in predicted]
    write_json(folder / "config.json", config)
    runs.write_tags(runs.tags_path(folder, "test"), tags)
    write_json(folder / "metrics.json", make_metrics(config, tags, [s.tags for s in gold], **dict(metrics)))


@pytest.fixture
def data(tmp_path):
    """A data folder of two splits with the same texts."""
    for split in ("0", "1"):
        write_bio(tmp_path / "data" / split / "test.bio", make_sentences(TEST, 1))
        write_bio(tmp_path / "data" / split / "train.bio", make_sentences(TRAIN, 1))
    return tmp_path / "data"


GOOD, BAD = make_sentences(TEST, 1), make_sentences(TEST, 2)


def run_command(capsys, *arguments):
    """What `cbpner` prints; it must end well."""
    assert main([*map(str, arguments)]) == 0
    return capsys.readouterr().out


@pytest.mark.slow
def test_runs_are_joined_with_their_data(data, tmp_path, capsys, refuse):
    for split in "01":
        make_run(tmp_path / "runs" / split, data / split, BAD, split)
    printed = run_command(capsys, "evaluate", tmp_path / "runs", "--resamples", 100)
    assert cells_of(printed, "mean")[0][2].startswith("0.333 [")
    assert cells_of(printed, "± std")[0][1:] == ["0.000"] * 3
    assert cells_of(printed, "pooled")[0][:1] == ["12"]  # gold mentions of both splits
    assert ["seen", "2", "6", "4", "0.333", "0.500", "0.400", "0.400"] in cells_of(printed, "seen")
    assert "split 0 (62, the epoch was chosen by them), split 1 (62" in printed  # few dev mentions
    assert "2 patents (6 sentences) in 1 set" in printed
    make_run(tmp_path / "runs" / "9", data / "0", BAD)  # the same run a second time, and one without its end
    write_json(tmp_path / "runs" / "2" / "config.json", runs.read_config(tmp_path / "runs" / "0") | {"split": "2"})
    printed = run_command(capsys, "evaluate", tmp_path / "runs", "--resamples", 10)
    assert all(f"- {tmp_path / 'runs' / name}: " in printed for name in "29")
    assert "has no dev scores" in refuse("evaluate", tmp_path / "runs", "--part", "dev")


def test_runs_whose_files_do_not_fit_are_refused(data, tmp_path, refuse):
    folder, gold = tmp_path / "runs" / "0", data / "0" / "test.bio"
    make_run(folder, data / "0", BAD)
    tags, config = runs.tags_path(folder, "test"), folder / "config.json"
    kept = {path: Path(path).read_bytes() for path in (gold, data / "0" / "train.bio", tags, config)}
    text = config.read_text(encoding="utf-8").replace('"train":', '"other":')
    for change, named in (
        (lambda: write_bio(gold, make_sentences(TEST[1:], 1)), gold),
        (lambda: write_bio(data / "0" / "train.bio", make_sentences(TRAIN[:2], 1)), data / "0" / "train.bio"),
        (lambda: runs.write_tags(tags, [s.tags for s in GOOD]), tags),
        (lambda: runs.write_tags(tags, [s.tags for s in GOOD[:-1]]), tags),
        (lambda: config.write_text(text, encoding="utf-8"), config),
    ):
        change()
        assert str(named) in refuse("evaluate", tmp_path / "runs")
        for path, content in kept.items():
            Path(path).write_bytes(content)


def test_only_mentions_of_the_training_patents_are_seen(data, tmp_path):
    make_run(tmp_path / "all", data / "0", BAD)
    make_run(tmp_path / "one", data / "0", BAD, flags={"epochs": 2, "patents": 1}, seed=1)
    known = [system.sets[0].known for system in join_runs([tmp_path / "all", tmp_path / "one"]).systems]
    assert known[0] == set(list_mentions(make_sentences(TRAIN, 1))) and len(known[0]) == 4
    assert known[1] in ({("BRCA1", "gene")}, known[0] - {("BRCA1", "gene")})


def test_repaired_gold_is_judged_as_the_run_judged_it(data, tmp_path):
    make_run(tmp_path / "run", data / "0", BAD, flags={"epochs": 2, "orphans": "repair"})
    (system,) = join_runs([tmp_path / "run"]).systems
    rows = take(score_levels(count_panel([system])), value=OVERALL, statistic="run", level="entity_strict")
    assert rows[list(COUNTS)].to_numpy().tolist() == [[2, 6, 6]]


def test_runs_of_other_settings_are_other_systems(data, tmp_path):
    flags = [{"casing": "keep"}, {"lr": 0.1}, {"cache_mb": 5, "precision": "bf16"}, {"patience": 0}]
    systems = [{}, *({"flags": {"epochs": 2} | own} for own in flags), {"method": "second"}]
    for number, changes in enumerate(systems):
        make_run(tmp_path / "runs" / str(number), data / "0", BAD, **changes)
    systems = join_runs([tmp_path / "runs"]).systems
    assert [system.name for system in systems] == [
        "first, casing None, lr None", "first, casing keep, lr None", "first, casing None, lr 0.1", "second",
    ]  # fmt: skip
    # patience 0 is the default of runs that did not record it, and resources make no other system
    assert [len(system.sets) for system in systems] == [3, 1, 1, 1]


def test_seeds_have_a_spread_of_their_own(data, tmp_path):
    # split 0: F1 1 and 1/3; split 1: 1/3 and 1/3, seeds 0 and 1: means 2/3 and 1/3
    start = Sentence("Abstract", ("O",) * 8)
    write_bio(data / "1" / "test.bio", [start, *GOOD])
    for split, seed, predicted in (("0", 0, GOOD), ("0", 1, BAD), ("1", 0, [start, *BAD]), ("1", 1, [start, *BAD])):
        make_run(tmp_path / "runs" / f"{split}{seed}", data / split, predicted, split, seed=seed)
    (system,) = join_runs([tmp_path / "runs"]).systems
    intervals = frame_intervals(count_panel([system]), FEW)
    lenient = take(intervals, level="entity_lenient", type=OVERALL).set_index("statistic")
    assert lenient.loc["mean", "f1"] == pytest.approx((1 + 3 * (1 / 3)) / 4)
    assert lenient.loc["seeds", ["sets", "f1", "std"]].tolist() == pytest.approx([2, 1 / 2, (1 / 3) / 2**0.5])
    assert lenient.loc["pooled", "f1"] == pytest.approx((6 + 3 * 2) / 24)
    assert lenient.loc["mean", ["sets", "std"]].tolist() == pytest.approx([2, (1 / 3) / 2**0.5])  # of 2/3 and 1/3
    printed = render_intervals(intervals, system)
    assert cells_of(printed, "0 (seed 1)") and cells_of(printed, "mean over seeds")[0][2] == "0.500"


@pytest.mark.slow
def test_intervals_do_not_depend_on_the_other_systems(data, tmp_path):
    """A third system on other texts, met first, moves no interval of the first two, nor their comparison."""
    write_bio(data / "1" / "test.bio", [Sentence("Abstract", ("O",) * 8), *make_sentences(TEST, 1)] * 3)
    make_run(tmp_path / "third", data / "1", [Sentence("Abstract", ("O",) * 8), *BAD] * 3, "1", method="third")
    make_run(tmp_path / "first", data / "0", BAD)
    make_run(tmp_path / "second", data / "0", [*GOOD[:3], *BAD[3:]], method="second")
    found = []
    for names in (("first", "second"), ("third", "second", "first")):
        systems = join_runs([tmp_path / name for name in names]).systems
        panel = count_panel(sorted(systems, key=lambda system: system.name == "second"))
        intervals, comparisons = frame_intervals(panel, FEW), frame_comparisons(panel, FEW)
        own = take(intervals, system="first").drop(columns="sets").reset_index(drop=True)
        pair = comparisons[(comparisons["first"] == "first") & (comparisons["second"] == "second")]
        found.append((own, pair.drop(columns="p_holm").reset_index(drop=True)))
    assert found[0][0]["low"].notna().any() and len(found[0][1]) == 2
    for before, now in zip(*found, strict=True):
        assert before.equals(now)


def test_a_text_in_two_sets_is_drawn_as_one():
    patents = [make_sentences(TEST[:3], 1), make_sentences(TEST[3:], 1)]
    both, second = (PredictedSet("", "", "", own, [], None) for own in (sum(patents, []), patents[1]))
    assert list_units(both)[3:] == list_units(second) and len(set(list_units(both))) == 6
    assert len(set(list_units(both, "patent"))) == 2


# --- files


@pytest.mark.slow
def test_column_files(files, tmp_path, capsys):
    out, arguments = tmp_path / "out", [files["gold"], files["predicted"], "--train", files["train"], "--resamples", 10]
    printed = run_command(capsys, "evaluate", *arguments, "-o", out)
    assert (out / "evaluation.md").read_text(encoding="utf-8") == printed and "BRCA1" in printed
    assert ["all types", "2", "6", "6", "0.333", "0.333", "0.333"] in cells_of(printed, "lenient")
    assert ["seen", "1", "3", "2", "0.333", "0.500", "0.400", "0.400"] in cells_of(printed, "seen")
    content = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert content["part"] == "given" and content["resampling"] == {"resamples": 10, "seed": 0, "unit": "sentence"}
    undefined = [row for row in content["scores"] if row["value"] == "13+" and row["statistic"] == "pooled"]
    assert [row["f1"] for row in undefined] == [None, None]
    assert len(list(csv.DictReader((out / "spans.csv").read_text(encoding="utf-8").splitlines()))) == 12
    printed = run_command(capsys, "evaluate", *arguments, "-o", out, "--no-text")
    written = printed + "".join(path.read_text(encoding="utf-8") for path in out.iterdir())
    assert not [word for word in ("BRCA1", "乳腺癌", "HER2", "TNF", "癌症") if word in written]
    names = {path.name for path in out.iterdir()}
    assert "evaluation.json" in names and not names & {"spans.csv", "wrong_surfaces.csv"}


@pytest.mark.slow
def test_json_lines_and_tags_of_a_run(files, tmp_path, capsys):
    lines = [{"text": text, "spans": [list(span) for span in spans]} for text, _, spans in TEST]
    lines[2]["spans"] += [[0, 6, "Protein"], [7, 8, "Cell line"]]
    (tmp_path / "llm.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    runs.write_tags(tmp_path / "run.tags", [s.tags for s in BAD])
    printed = run_command(
        capsys, "evaluate", files["gold"], tmp_path / "llm.jsonl", tmp_path / "run.tags", "--rename", "Protein=protein",
        "--resamples", 100,
    )  # fmt: skip
    # 8 predictions, of which HER2蛋白 is right now
    assert ["all types", "3", "8", "6", "0.375", "0.500", "0.429"] in cells_of(printed, "lenient")
    assert ["all types", "2", "6", "6", "0.333", "0.333", "0.333"] in cells_of(printed, "lenient")
    # of the overlapping HER2蛋白 and HER2 the longer one has the characters: six more are right
    assert ["all types", "13", "22", "26", "0.591", "0.500", "0.542"] in cells_of(printed, "token")
    assert "Cell_line (1)" in printed and "1 sentence(s) with overlapping spans" in printed


@pytest.mark.parametrize(("change", "words"), [
    (lambda rows: [*rows[:2], ("HER3蛋白与BRCA1", [], []), *rows[3:]], ["predicted.bio:25: found '3'"]),
    (lambda rows: rows[:2] + [("HER2蛋白与BRCA", [], [])] + rows[3:], ["predicted.bio:33: ", "'1'"]),
    (lambda rows: rows[:-1], ["predicted.bio:0: found an end", "gold.bio:48", "not 5"]),
    (lambda rows: [*rows, ("癌", [], [])], ["predicted.bio:58: found '癌'", "not 7"]),
])  # fmt: skip
def test_another_text_is_refused_at_the_first_difference(files, tmp_path, refuse, change, words):
    write_bio(tmp_path / "predicted.bio", make_sentences(change(TEST), 2))
    message = refuse("evaluate", files["gold"], tmp_path / "predicted.bio")
    assert not [word for word in words if word not in message], message


def test_arguments_that_do_not_go_together(files, data, tmp_path, refuse):
    make_run(tmp_path / "runs", data / "0", BAD)
    runs.write_tags(tmp_path / "run.tags", [s.tags for s in BAD[1:]])
    gold, predicted = files["gold"], files["predicted"]
    for arguments, words in (
        ([gold], "GOLD.bio"),
        ([gold, tmp_path / "no.bio"], "no.bio"),
        ([gold, tmp_path / "runs"], "folders and files"),
        ([tmp_path / "runs", "--train", files["train"]], "--train"),
        ([gold, predicted, "--data-dir", data], "--data-dir"),
        ([gold, predicted, "--rename", "gene"], "--rename 'gene'"),
        ([gold, predicted, "--resamples", "0"], "--resamples: found 0"),
        ([gold, predicted, "--top", "-1"], "--top: found -1"),
        ([gold, predicted, "-o", gold], str(gold)),
        ([gold, tmp_path / "run.tags"], "run.tags"),
    ):
        assert words in refuse("evaluate", *arguments)


@pytest.mark.slow
def test_markup_is_escaped_and_undefined_scores_are_dashes(tmp_path, capsys):
    text = "<script>基因|`x`</script>"
    gold = [Sentence(text, tuple(spans_to_tags([(8, 10, "gene")], len(text))))]
    write_bio(tmp_path / "gold.bio", gold)
    write_bio(tmp_path / "none.bio", [gold[0]._replace(tags=("O",) * len(text))])
    printed = run_command(capsys, "evaluate", tmp_path / "gold.bio", tmp_path / "none.bio", "--resamples", 10)
    assert r"\<script>⟦基因⟧\|\`x\`\</script>" in printed
    assert cells_of(printed, "token")[0] == ["all types", "0", "0", "2", "-", "0.000", "0.000"] and "nan" not in printed


# --- comparisons


def test_systems_are_compared_on_the_sets_that_both_have(data, tmp_path):
    write_bio(data / "1" / "test.bio", make_sentences(TEST[1:], 1))
    make_run(tmp_path / "a" / "0", data / "0", BAD)
    make_run(tmp_path / "a" / "1", data / "1", BAD[1:], "1")
    make_run(tmp_path / "b" / "0", data / "0", GOOD, method="second")
    make_run(tmp_path / "b" / "seed", data / "0", BAD, method="second", seed=1)
    make_run(tmp_path / "c" / "1", data / "1", BAD[1:], "1", method="third")
    panel = count_panel(join_runs([tmp_path / name for name in "abc"]).systems)
    rows = take(frame_comparisons(panel, FEW), level="entity_lenient").to_dict("records")
    pairs = [(row["first"], row["second"], row["sets"]) for row in rows]
    assert pairs == [("first", "second", 1), ("first", "third", 1)]
    # two seeds of one set are averaged: (6 + 2) / 2 of 6 are right
    assert rows[0]["second_f1"] == pytest.approx(4 / 6) and rows[0]["first_f1"] == pytest.approx(2 / 6)
    assert (rows[0]["first_ahead"], rows[0]["second_ahead"]) == (0, 1)
    assert rows[1]["p"] == 1.0 and rows[1]["difference"] == 0


# --- the table


@pytest.mark.slow
def test_the_table_with_intervals_and_comparisons(data, tmp_path, capsys, refuse):
    for name, predicted in (("first", BAD), ("second", GOOD)):
        for split in "01":
            make_run(tmp_path / "runs" / name / split, data / split, predicted, split, method=name)
    plain = run_command(capsys, "table", tmp_path / "runs")
    shutil.move(data, tmp_path / "moved")
    assert run_command(capsys, "table", tmp_path / "runs") == plain
    assert "--data-dir" in refuse("table", tmp_path / "runs", "--intervals")
    arguments = ["--data-dir", tmp_path / "moved", "--resamples", 50, "-o", tmp_path / "out"]
    more = run_command(capsys, "table", tmp_path / "runs", "--intervals", "--compare", *arguments)
    assert more.startswith(plain) and (tmp_path / "out" / "table.md").read_text(encoding="utf-8") == more
    assert re.search(r"0\.333 \[0\.\d{3}, 0\.\d{3}\]", more[len(plain) :])
    assert cells_of(more, "first")[-1][:3] == ["second", "0.182", "1.000"]
    assert re.search(r"\| +-0\.818 \[-\d", more)
    only = run_command(capsys, "table", tmp_path / "runs", "--compare", *arguments[:4])
    assert "## Intervals" not in only and "## Comparisons" in only


# --- what is committed


@pytest.mark.slow
@needs_gold
def test_the_committed_runs(capsys):
    """Pooled counts are the sums of metrics.json; unseen mentions are as many as the gold's own statistics say."""
    joint = join_runs([ROOT / "results" / "Supervised_Original"], "test", GOLD_FOLDER)
    evaluation = evaluate_systems(joint, "test", FEW)
    (system,) = evaluation.systems
    for level in LEVELS:
        sums = [sum(run.metrics["test"][level]["overall"][name] for run in system.runs) for name in COUNTS]
        assert list(count(evaluation, level, group="type", value=OVERALL)) == sums
    assert count(evaluation, group="seen", value="unseen")[2] == 143 + 202 + 501 + 1137 + 341
    assert "9 patents" in evaluation.texts and "0.0625" in evaluation.texts
    assert json.dumps(describe_evaluation(evaluation), allow_nan=False)
