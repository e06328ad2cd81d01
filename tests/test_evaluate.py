"""`cbpner evaluate`: every score by hand on a few spans, conlleval's rules as an oracle; runs, files, refusals."""

import csv
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from conftest import GOLD as GOLD_FOLDER
from conftest import needs_gold
from hypothesis import given, settings
from hypothesis import strategies as st

from cbpner.base.files import file_checksum
from cbpner.cli import main
from cbpner.reports.evaluate import describe_evaluation, evaluate_systems, render_evaluation
from cbpner.reports.intervals import frame_comparisons, frame_intervals, render_intervals
from cbpner.reports.join import JoinedSystems, PredictedSet, System, join_files, join_runs
from cbpner.reports.panel import count_panel, list_units, score_levels
from cbpner.reports.resampling import Resampling
from cbpner.reports.run_scores import OVERALL
from cbpner.reports.spans import SPAN_COLUMNS, find_script, frame_spans, score_groups
from cbpner.runs import folder as runs
from cbpner.scoring.metrics import COUNTS, LEVELS, MEASURES, score
from cbpner.text.bio import Sentence, list_mentions, read_bio, write_bio
from cbpner.text.labels import spans_to_tags, tags_to_spans

ROOT = Path(__file__).resolve().parent.parent
METHODS = ("Supervised_Original", "partBERT_CRF_described", "partBERT_CRF_coded")
TAGS = ("O", "B-gene", "I-gene", "B-disease", "I-disease")
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


@pytest.fixture
def files(tmp_path):
    """{gold, predicted, train: column file}."""
    for name, rows, side in (("gold", TEST, 1), ("predicted", TEST, 2), ("train", TRAIN, 1)):
        write_bio(tmp_path / f"{name}.bio", make_sentences(rows, side))
    return {name: tmp_path / f"{name}.bio" for name in ("gold", "predicted", "train")}


@pytest.fixture
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


def test_levels_by_hand(evaluation):
    assert count(evaluation, "token", group="type", value=OVERALL) == (7, 19, 26)
    assert count(evaluation, "entity_lenient", group="type", value=OVERALL) == (2, 6, 6)
    assert count(evaluation, "entity_strict", group="type", value=OVERALL) == (1, 6, 5)
    by_type = {"gene": (1, 3, 2), "protein": (0, 0, 2), "disease": (1, 3, 2)}
    for label, counts in by_type.items():
        assert count(evaluation, group="type", value=label) == counts


@pytest.mark.parametrize(
    ("group", "values"),
    [
        ("patent", {"1": (1, 3, 4), "2": (1, 3, 2)}),
        ("length", {"1-2": (1, 3, 1), "3-4": (0, 1, 1), "5-8": (1, 2, 4), "9-12": (0, 0, 0), "13+": (0, 0, 0)}),
        ("seen", {"seen": (1, 3, 2), "unseen": (1, 3, 4)}),
        ("script", {"latin": (1, 3, 3), "chinese": (1, 3, 2), "mixed": (0, 0, 1), "neither": (0, 0, 0)}),
    ],
)
def test_groups_by_hand(evaluation, group, values):
    assert {value: count(evaluation, group=group, value=value) for value in values} == values


def test_the_orphan_counts_in_no_strict_group(evaluation):
    assert count(evaluation, "entity_strict", group="patent", value="2") == (0, 3, 1)
    assert count(evaluation, "entity_strict", group="script", value="chinese") == (0, 3, 1)
    assert count(evaluation, "entity_strict", group="length", value="5-8") == (1, 2, 4)


def test_partial_credit_by_hand(evaluation):
    rows = take(evaluation.frames["partial"], statistic="pooled", type=OVERALL).set_index("scheme")
    counts = rows[["correct", "incorrect", "partial", "missed", "spurious"]]
    assert counts.loc["strict"].tolist() == [2, 3, 0, 1, 1]
    assert counts.loc["exact"].tolist() == [3, 2, 0, 1, 1]
    assert counts.loc["partial"].tolist() == [3, 0, 2, 1, 1]
    assert counts.loc["type"].tolist() == [3, 2, 0, 1, 1]
    assert rows["f1"].tolist() == pytest.approx([2 / 6, 3 / 6, 4 / 6, 3 / 6])
    protein = take(evaluation.frames["partial"], statistic="pooled", type="protein", scheme="exact")
    assert protein[["correct", "incorrect", "possible", "actual"]].to_numpy().tolist() == [[1, 1, 2, 2]]


def test_classes_and_confusions_by_hand(evaluation):
    found = take(evaluation.frames["errors"], statistic="pooled").set_index(["type", "class"])["count"]
    kinds = ("correct", "type", "boundary", "boundary+type", "missed", "spurious")
    by_type = {label: [int(found[label, kind]) for kind in kinds] for label in (OVERALL, "gene", "protein", "disease")}
    assert by_type[OVERALL] == [2, 1, 1, 1, 1, 1]
    assert by_type["protein"] == [0, 1, 0, 1, 0, 0]
    assert by_type["gene"] == [1, 0, 0, 0, 1, 0]
    assert by_type["disease"] == [1, 0, 1, 0, 0, 1]
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


def test_agreement_by_hand(evaluation):
    rows = evaluation.frames["agreement"].set_index("side")
    columns = ["surfaces", "alike", "types", "untagged", "places", "deviating"]
    assert rows.loc["gold", columns].tolist() == [1, 1, 0, 0, 2, 0]  # BRCA1, a gene twice
    assert rows.loc["predicted", columns].tolist() == [1, 0, 0, 1, 2, 1]  # once found, once not
    (row,) = evaluation.frames["surfaces"].to_dict("records")
    assert (row["side"], row["surface"], row["types"]) == ("predicted", "BRCA1", "gene 1, none 1")


def join_tags(gold, predicted, texts=None):
    """One system over sentences given as tags."""
    texts = texts or ["基因AB癌症9和-的"[: len(tags)] for tags in gold]
    sentences = [Sentence(text, tuple(tags)) for text, tags in zip(texts, gold, strict=True)]
    spans = [[tags_to_spans(tags, strict) for tags in predicted] for strict in (False, True)]
    return JoinedSystems([System("it", [PredictedSet("it", "0", "0", sentences, predicted, *spans, None)], [])], [])


def test_agreement_skips_what_is_inside_other_mentions_and_words():
    texts = ["AR与PARP", "AR基因、AR、乳腺癌、癌"]
    gold = [["O"] * 7, ["O"] * 14]
    gold[0][0:2] = ["B-gene", "I-gene"]
    gold[1][0:4] = ["B-gene"] + ["I-gene"] * 3
    gold[1][5:7] = ["B-protein", "I-protein"]
    (row,) = take(evaluate_systems(join_tags(gold, gold, texts), "test", FEW).frames["surfaces"], side="gold").to_dict(
        "records"
    )
    assert (row["surface"], row["places"], row["types"]) == ("AR", 2, "gene 1, protein 1")
    assert (row["distinct"], row["tagged"], row["deviating"]) == (2, 2, 1)


@pytest.mark.parametrize(
    ("surface", "script"),
    [("BRCA1", "latin"), ("TNF-α", "latin"), ("ｐ５３", "latin"), ("乳腺癌", "chinese"), ("白介素-6", "chinese"),
     ("HER2蛋白", "mixed"), ("䗪虫", "chinese"), ("53", "neither"), ("-", "neither")],
)  # fmt: skip
def test_scripts(surface, script):
    assert find_script(surface) == script


def split_pairs(pairs):
    """(gold, predicted) tags of sentences of pairs."""
    return [[[pair[side] for pair in sentence] for sentence in pairs] for side in (0, 1)]


def count_like_conlleval(gold, predicted):
    """Counter of (type, correct | predicted | gold) by the rules of the CoNLL-2000 shared task's conlleval.

    A state machine over characters: chunks of both sides begin and end between a tag and the next, and a chunk is
    correct where both began together, with one type, and end together.
    """
    counts = Counter()
    for tags in zip(gold, predicted, strict=True):
        sides = [[("O", "")] + [tuple(tag.split("-")) if tag != "O" else ("O", "") for tag in side] for side in tags]
        open_type = None
        for place in range(1, len(sides[0]) + 1):
            ends, starts, types = [], [], []
            for side in sides:
                (before, old), (now, new) = side[place - 1], (side[place] if place < len(side) else ("O", ""))
                ends.append(before != "O" and (now in ("B", "O") or old != new))
                starts.append(now == "B" or (now == "I" and (before == "O" or old != new)))
                types.append(new)
            if open_type is not None:
                if all(ends):
                    counts[open_type, "correct"] += 1
                if any(ends):
                    open_type = None
            if all(starts) and types[0] == types[1]:
                open_type = types[0]
            for start, label, name in zip(starts, types, ("gold", "predicted"), strict=True):
                counts[label, name] += start
    return +counts


SENTENCES = st.lists(
    st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=10), min_size=1, max_size=4
)


@pytest.mark.slow
@settings(max_examples=60)
@given(SENTENCES)
def test_lenient_counts_are_those_of_conlleval_and_all_levels_those_of_metrics(pairs):
    gold, predicted = split_pairs(pairs)
    oracle, expected = count_like_conlleval(gold, predicted), score(gold, predicted)
    rows = take(score_levels(count_panel(join_tags(gold, predicted).systems)), statistic="run")
    rows = rows.set_index(["level", "value"])[list(COUNTS)]
    for level in LEVELS:
        assert rows.loc[(level, OVERALL)].tolist() == [expected[level]["overall"][name] for name in COUNTS]
        for label, values in expected[level]["types"].items():
            assert rows.loc[(level, label)].tolist() == [values[name] for name in COUNTS]
    for label in expected["entity_lenient"]["types"]:
        assert rows.loc[("entity_lenient", label)].tolist() == [oracle[label, name] for name in COUNTS]


@pytest.mark.slow
@settings(max_examples=15)
@given(SENTENCES)
def test_the_groups_add_up_to_all(pairs):
    gold, predicted = split_pairs(pairs)
    (system,), expected = join_tags(gold, predicted).systems, score(gold, predicted)
    scores = take(score_groups(frame_spans([system]), [system]), statistic="run")
    for (level, _), group in scores.groupby(["level", "group"]):
        assert group[list(COUNTS)].sum().tolist() == [expected[level]["overall"][name] for name in COUNTS]


# --- runs


def make_run(folder, data, predicted, split="0", dev_mentions=62, **config):
    """A finished run on data/{train,test}.bio whose test tags are those of the sentences `predicted`."""
    paths = {part: data / f"{part}.bio" for part in ("train", "test")}
    recorded = {part: {"path": str(path), "sha256": file_checksum(path)} for part, path in paths.items()}
    head = {"method": "first", "recipe": "cbp", "split": split, "seed": 0, "encoder": "cbp_mini"}
    config = head | {"flags": {"epochs": 2}, "data": {"name": "toy", "files": recorded}} | config
    orphans = config["flags"].get("orphans", "keep")
    gold, tags = [s.tags for s in read_bio(paths["test"], orphans=orphans)], [s.tags for s in predicted]
    runs.write_config(folder, config)
    runs.write_tags(runs.tags_path(folder, "test"), tags)
    selection = {"rule": "last epoch", "dev_mentions": dev_mentions, "reason": None}
    metrics = {key: config[key] for key in ("method", "recipe", "split")} | {"dev": None, "test": score(gold, tags)}
    runs.write_metrics(folder, metrics | {"best_epoch": None, "epochs": 2, "selection": selection})


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


def refuse(capsys, *arguments):
    """The message with which `cbpner` refuses the arguments."""
    assert main([*map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert not captured.out
    return captured.err


def cells_of(markdown, first):
    """The cells of the rows of all tables whose first cell is `first`."""
    rows = [re.split(r" *\| *", line.strip("| \n")) for line in markdown.splitlines() if line.startswith("|")]
    return [row[1:] for row in rows if row[0] == first]


def test_runs_are_joined_with_their_data(data, tmp_path, capsys):
    for split in "01":
        make_run(tmp_path / "runs" / split, data / split, BAD, split)
    printed = run_command(capsys, "evaluate", tmp_path / "runs", "--resamples", 100)
    assert cells_of(printed, "mean")[0][2].startswith("0.333 [")
    assert cells_of(printed, "± std")[0][1:] == ["0.000"] * 3
    assert cells_of(printed, "pooled")[0][:1] == ["12"]  # gold mentions of both splits
    assert ["seen", "2", "6", "4", "0.333", "0.500", "0.400", "0.400"] in cells_of(printed, "seen")
    assert "split 0 (62), split 1 (62)" in printed  # few dev mentions
    assert "2 patents (6 sentences) in 1 set, 2 of them in more than one" in printed


def test_data_that_moved_are_found_below_a_folder(data, tmp_path, capsys):
    make_run(tmp_path / "runs" / "0", data / "0", BAD)
    data.rename(tmp_path / "moved")
    assert f"{data / '0' / 'test.bio'}: found no test.bio (test)" in refuse(capsys, "evaluate", tmp_path / "runs")
    run_command(capsys, "evaluate", tmp_path / "runs", "--data-dir", tmp_path / "moved", "--resamples", 10)


def test_other_data_are_refused(data, tmp_path, capsys):
    make_run(tmp_path / "runs" / "0", data / "0", BAD)
    write_bio(data / "0" / "test.bio", make_sentences(TEST[1:], 1))
    message = refuse(capsys, "evaluate", tmp_path / "runs")
    assert f"{data / '0' / 'test.bio'}: found a file with the SHA-256" in message and "--data-dir" in message
    shutil.copy(data / "1" / "test.bio", data / "0" / "test.bio")
    write_bio(data / "0" / "train.bio", make_sentences(TRAIN[:2], 1))
    assert "the train data of the run" in refuse(capsys, "evaluate", tmp_path / "runs")


def test_tags_that_are_not_those_of_the_scores_are_refused(data, tmp_path, capsys):
    make_run(tmp_path / "runs" / "0", data / "0", BAD)
    path = runs.tags_path(tmp_path / "runs" / "0", "test")
    runs.write_tags(path, [s.tags for s in GOOD])
    assert f"{path}: found tags that do not give the test scores" in refuse(capsys, "evaluate", tmp_path / "runs")
    runs.write_tags(path, [s.tags for s in GOOD[:-1]])
    assert f"{path}: found other sentences" in refuse(capsys, "evaluate", tmp_path / "runs")


def test_a_run_that_names_no_data_is_refused(data, tmp_path, capsys):
    make_run(tmp_path / "runs" / "0", data / "0", BAD)
    path = tmp_path / "runs" / "0" / "config.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"train":', '"other":'), encoding="utf-8")
    assert "config.json: found no train file in data" in refuse(capsys, "evaluate", tmp_path / "runs")


def test_only_what_a_run_really_learnt_from_is_seen(data, tmp_path):
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


def test_what_is_left_out_or_counts_twice_is_said(data, tmp_path, capsys):
    make_run(tmp_path / "runs" / "0", data / "0", BAD)
    make_run(tmp_path / "runs" / "9", data / "0", BAD)
    runs.write_config(tmp_path / "runs" / "2", runs.read_config(tmp_path / "runs" / "0") | {"split": "2"})
    printed = run_command(capsys, "evaluate", tmp_path / "runs", "--resamples", 10)
    assert f"{tmp_path / 'runs' / '9'}: has the settings, split and seed of {tmp_path / 'runs' / '0'}" in printed
    assert f"{tmp_path / 'runs' / '2'}: unfinished (no metrics.json), left out" in printed
    assert "none with dev scores; try --part test" in refuse(capsys, "evaluate", tmp_path / "runs", "--part", "dev")


def test_seeds_have_a_spread_of_their_own(data, tmp_path):
    # split 0: F1 1 and 1/3; split 1: 1/3 and 1/3, seeds 0 and 1: means 2/3 and 1/3
    for number, (split, seed, predicted) in enumerate((("0", 0, GOOD), ("0", 1, BAD), ("1", 0, BAD), ("1", 1, BAD))):
        make_run(tmp_path / "runs" / str(number), data / split, predicted, split, seed=seed)
    write_bio(data / "1" / "test.bio", [Sentence("Abstract", ("O",) * 8), *make_sentences(TEST, 1)])
    for number in (2, 3):
        shutil.rmtree(tmp_path / "runs" / str(number))
        make_run(
            tmp_path / "runs" / str(number), data / "1", [Sentence("Abstract", ("O",) * 8), *BAD], "1", seed=number - 2
        )
    (system,) = join_runs([tmp_path / "runs"]).systems
    intervals = frame_intervals(count_panel([system]), FEW)
    lenient = take(intervals, level="entity_lenient", type=OVERALL).set_index("statistic")
    assert lenient.loc["mean", "f1"] == pytest.approx((1 + 3 * (1 / 3)) / 4)
    assert lenient.loc["seeds", ["sets", "f1", "std"]].tolist() == pytest.approx([2, 1 / 2, (1 / 3) / 2**0.5])
    assert lenient.loc["pooled", "f1"] == pytest.approx((6 + 3 * 2) / 24)
    assert lenient.loc["mean", ["sets", "std"]].tolist() == pytest.approx([2, (1 / 3) / 2**0.5])  # of 2/3 and 1/3
    printed = render_intervals(intervals, system)
    assert cells_of(printed, "0 (seed 1)") and cells_of(printed, "mean over seeds")[0][1] == "0.500"


def test_intervals_do_not_depend_on_the_other_systems(data, tmp_path):
    """A third system on other texts, met first, moves no interval of the first two, nor their comparison."""
    write_bio(data / "1" / "test.bio", [Sentence("Abstract", ("O",) * 8), *make_sentences(TEST, 1)] * 3)
    make_run(tmp_path / "third", data / "1", [Sentence("Abstract", ("O",) * 8), *BAD] * 3, "1", method="third")
    make_run(tmp_path / "first", data / "0", BAD)
    make_run(tmp_path / "second", data / "0", [*GOOD[:3], *BAD[3:]], method="second")
    found = []
    for names in (("first", "second"), ("third", "second", "first")):
        panel = count_panel(
            sorted(join_runs([tmp_path / name for name in names]).systems, key=lambda s: s.name == "second")
        )
        intervals, comparisons = frame_intervals(panel, FEW), frame_comparisons(panel, FEW)
        own = take(intervals, system="first").drop(columns="sets").reset_index(drop=True)
        pair = comparisons[(comparisons["first"] == "first") & (comparisons["second"] == "second")]
        found.append((own, pair.drop(columns="p_holm").reset_index(drop=True)))
    assert found[0][0]["low"].notna().any() and len(found[0][1]) == 2
    for before, now in zip(*found, strict=True):
        assert before.equals(now)


def test_a_text_in_two_sets_is_drawn_as_one():
    patents = [make_sentences(TEST[:3], 1), make_sentences(TEST[3:], 1)]
    both, second = (
        PredictedSet("", "", "", sentences, [], [], [], None) for sentences in (sum(patents, []), patents[1])
    )
    assert list_units(both)[3:] == list_units(second) and len(set(list_units(both))) == 6
    assert len(set(list_units(both, "patent"))) == 2


# --- files


def test_column_files(files, tmp_path, capsys):
    out = tmp_path / "out"
    printed = run_command(
        capsys, "evaluate", files["gold"], files["predicted"], "--train", files["train"], "-o", out, "--resamples", 100
    )
    assert (out / "evaluation.md").read_text(encoding="utf-8") == printed
    assert ["all types", "2", "6", "6", "0.333", "0.333", "0.333"] in cells_of(printed, "lenient")
    assert ["seen", "1", "3", "2", "0.333", "0.500", "0.400", "0.400"] in cells_of(printed, "seen")
    content = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert content["part"] == "given" and content["resampling"] == {"resamples": 100, "seed": 0, "unit": "sentence"}
    undefined = [row for row in content["scores"] if row["value"] == "13+" and row["statistic"] == "pooled"]
    assert [row["f1"] for row in undefined] == [None, None]
    with open(out / "spans.csv", encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 12


def test_no_text_means_no_text_of_the_gold(files, tmp_path, capsys):
    arguments = ["-o", tmp_path / "out", "--resamples", 10]
    assert "BRCA1" in run_command(capsys, "evaluate", files["gold"], files["predicted"], *arguments)
    assert (tmp_path / "out" / "spans.csv").is_file()
    printed = run_command(capsys, "evaluate", files["gold"], files["predicted"], *arguments, "--no-text")
    written = printed + "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "out").iterdir())
    assert not [word for word in ("BRCA1", "乳腺癌", "HER2", "TNF", "癌症") if word in written]
    assert not [path.name for path in (tmp_path / "out").iterdir() if path.name in ("spans.csv", "surfaces.csv")]
    assert "evaluation.json" in {path.name for path in (tmp_path / "out").iterdir()}


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
    assert "labels that the gold does not have: Cell_line (1)" in printed
    assert "1 sentence(s) with overlapping spans" in printed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows[:2] + [("HER3蛋白与BRCA1", [], [])] + rows[3:],
         ["predicted.bio:25: found '3'; expected '2' as in", "gold.bio:25"]),
        (lambda rows: rows[:2] + [("HER2蛋白与BRCA", [], [])] + rows[3:],
         ["predicted.bio:33: found the sentence's end; expected '1'"]),
        (lambda rows: rows[:-1], ["predicted.bio: found 5 sentences; expected 6", "begins in", "gold.bio:48"]),
        (lambda rows: [*rows, ("癌", [], [])], ["found 7 sentences; expected 6", "predicted.bio:58"]),
    ],
)  # fmt: skip
def test_another_text_is_refused_at_the_first_difference(files, capsys, change, words):
    write_bio(files["predicted"], make_sentences(change(TEST), 2))
    message = refuse(capsys, "evaluate", files["gold"], files["predicted"])
    assert not [word for word in words if word not in message], message


def test_arguments_that_do_not_go_together(files, data, tmp_path, capsys):
    make_run(tmp_path / "runs", data / "0", BAD)
    gold, predicted = files["gold"], files["predicted"]
    for arguments, words in (
        ([gold], "found one file; expected run folders alone, or GOLD.bio and one or more files"),
        ([gold, tmp_path / "no.bio"], "no.bio: no such file or folder"),
        ([gold, tmp_path / "runs"], "found folders and files"),
        ([tmp_path / "runs", "--train", files["train"]], "found --train; expected it only with files"),
        ([gold, predicted, "--data-dir", data], "found --data-dir; expected it only with runs"),
        ([gold, predicted, "--rename", "gene"], "found --rename 'gene'; expected OTHER=TYPE"),
        ([gold, predicted, "--resamples", "0"], "found --resamples 0"),
        ([gold, predicted, "--top", "-1"], "found --top -1"),
        ([gold, predicted, "-o", gold], "cannot write there"),
    ):
        assert words in refuse(capsys, "evaluate", *arguments)
    runs.write_tags(tmp_path / "run.tags", [s.tags for s in BAD[1:]])
    assert "found other sentences than" in refuse(capsys, "evaluate", gold, tmp_path / "run.tags")


def test_nothing_to_find_and_nothing_found_is_undefined(tmp_path, capsys):
    sentences = [Sentence("基因", ("O", "O"))] * 6
    for name in ("gold.bio", "predicted.bio"):
        write_bio(tmp_path / name, sentences)
    printed = run_command(capsys, "evaluate", tmp_path / "gold.bio", tmp_path / "predicted.bio", "--resamples", 10)
    assert cells_of(printed, "token")[0] == ["all types", "0", "0", "0", "-", "-", "-"]
    assert cells_of(printed, "strict")[-1][:6] == ["0"] * 5 + ["-"]
    assert "1.000" not in printed and "nan" not in printed


def test_markup_in_a_text_is_shown(tmp_path, capsys):
    text = "<script>基因|`x`</script>"
    gold = [Sentence(text, tuple(spans_to_tags([(8, 10, "gene")], len(text))))]
    write_bio(tmp_path / "gold.bio", gold)
    write_bio(tmp_path / "none.bio", [gold[0]._replace(tags=("O",) * len(text))])
    printed = run_command(capsys, "evaluate", tmp_path / "gold.bio", tmp_path / "none.bio", "--resamples", 10)
    assert r"\<script>⟦基因⟧\|\`x\`\</script>" in printed


# --- comparisons


def make_planted(right):
    """60 sentences with a mention each, found in those whose numbers are in `right`."""
    rows = []
    for number in range(60):
        text = f"第{number}个基因"
        rows.append(
            (text, [(len(text) - 2, len(text), "gene")], [(len(text) - 2, len(text), "gene")] * (number in right))
        )
    return make_sentences(rows, 1), make_sentences(rows, 2)


@pytest.mark.slow
def test_planted_differences_are_called_rightly(tmp_path, capsys):
    systems = {"best": range(50), "worse": range(25), "equal": range(1, 51)}
    for name, right in systems.items():
        gold, predicted = make_planted(right)
        write_bio(tmp_path / f"{name}.bio", predicted)
    write_bio(tmp_path / "gold.bio", gold)
    paths = [tmp_path / f"{name}.bio" for name in systems]
    printed = run_command(
        capsys, "evaluate", tmp_path / "gold.bio", *paths, "-o", tmp_path / "out", "--resamples", 4000
    )
    with open(tmp_path / "out" / "comparisons.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["level"] == "entity_strict"]
    found = {(Path(row["first"]).stem, Path(row["second"]).stem): row for row in rows}
    assert list(found) == [("best", "worse"), ("best", "equal"), ("worse", "equal")]
    different, same = found["best", "worse"], found["best", "equal"]
    assert float(different["difference"]) == pytest.approx(100 / 110 - 50 / 85, abs=1e-6)
    assert float(different["p"]) < 0.001 and float(different["p_holm"]) == pytest.approx(
        3 * float(different["p"]), abs=2e-6
    )
    assert float(different["low"]) > 0
    assert float(same["p"]) == 1.0 and float(same["p_holm"]) == 1.0  # one sentence each way
    assert float(same["low"]) < 0 < float(same["high"])
    assert "They speak of these texts, not of patents at large." in " ".join(printed.split())


def test_systems_are_compared_on_the_sets_that_both_have(data, tmp_path):
    write_bio(data / "1" / "test.bio", make_sentences(TEST[1:], 1))
    make_run(tmp_path / "a" / "0", data / "0", BAD)
    make_run(tmp_path / "a" / "1", data / "1", BAD[1:], "1")
    make_run(tmp_path / "b" / "0", data / "0", GOOD, method="second")
    make_run(tmp_path / "b" / "seed", data / "0", BAD, method="second", seed=1)
    make_run(tmp_path / "c" / "1", data / "1", BAD[1:], "1", method="third")
    panel = count_panel(join_runs([tmp_path / name for name in "abc"]).systems)
    rows = take(frame_comparisons(panel, FEW), level="entity_lenient").to_dict("records")
    assert [(row["first"], row["second"], row["sets"]) for row in rows] == [
        ("first", "second", 1),
        ("first", "third", 1),
    ]
    # two seeds of one set are averaged: (6 + 2) / 2 of 6 are right
    assert rows[0]["second_f1"] == pytest.approx(4 / 6) and rows[0]["first_f1"] == pytest.approx(2 / 6)
    assert (rows[0]["first_ahead"], rows[0]["second_ahead"]) == (0, 1)
    assert rows[1]["p"] == 1.0 and rows[1]["difference"] == 0


def test_the_sentence_on_what_few_test_patents_can_show(tmp_path):
    sets = []
    for split in range(5):
        sentences = [Sentence(f"Abstract{split}", ("B-gene", *["O"] * 8)), Sentence("Abstract", ("O",) * 8)]
        tags = [sentence.tags for sentence in sentences]
        spans = [tags_to_spans(each) for each in tags]
        sets.append(PredictedSet(str(split), str(split), "0", sentences, tags, spans, spans, None))
    systems = [System(name, sets, []) for name in ("a", "b")]
    evaluation = evaluate_systems(JoinedSystems(systems, []), "test", FEW)
    assert "6 patents (6 sentences) in 5 sets, 1 of them in more than one" in evaluation.texts
    assert "a sign test over the 5 sets, each taken as one case, cannot give a p-value below 0.0625" in evaluation.texts


# --- the table


@pytest.mark.slow
def test_the_table_with_intervals_and_comparisons(data, tmp_path, capsys):
    for name, predicted in (("first", BAD), ("second", GOOD)):
        for split in "01":
            make_run(tmp_path / "runs" / name / split, data / split, predicted, split, method=name)
    plain = run_command(capsys, "table", tmp_path / "runs")
    shutil.move(data, tmp_path / "moved")
    assert run_command(capsys, "table", tmp_path / "runs") == plain
    assert "--data-dir" in refuse(capsys, "table", tmp_path / "runs", "--intervals")
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
    joint = join_runs([ROOT / "results" / METHODS[0]], "test", GOLD_FOLDER)
    evaluation = evaluate_systems(joint, "test", FEW)
    (system,) = evaluation.systems
    for level in LEVELS:
        sums = [sum(run.metrics["test"][level]["overall"][name] for run in system.runs) for name in COUNTS]
        assert list(count(evaluation, level, group="type", value=OVERALL)) == sums
    assert count(evaluation, group="seen", value="unseen")[2] == 143 + 202 + 501 + 1137 + 341
    assert "9 patents" in evaluation.texts and "0.0625" in evaluation.texts
    assert json.dumps(describe_evaluation(evaluation), allow_nan=False)
