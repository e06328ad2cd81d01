"""`cbpner calibrate`: the temperature that fits, the table, and the command."""

import json
import shutil

import numpy as np
import pytest
from conftest import FAST, make_sentences

from cbpner.cli import main
from cbpner.decoding.probabilities import grammar_chain
from cbpner.prediction.calibration import Found, calibration_error, fit_temperature, log_loss, score_found, tabulate
from cbpner.prediction.tagger import Tagger
from cbpner.text.bio import write_bio
from cbpner.text.labels import LabelSet
from cbpner.training.config import Job
from cbpner.training.recipes import get_recipe
from cbpner.training.run import train

LABELS = LabelSet(("gene",))


def sample_found(temperature, count=3000, seed=0):
    """Sentences of one character whose tag is drawn at a temperature: each a span that may be right."""
    draw = np.random.default_rng(seed)
    rows = draw.normal(0, 2, (count, 2))
    shares = 1 / (1 + np.exp((rows[:, 0] - rows[:, 1]) / temperature))
    correct = draw.random(count) < shares
    scores = [np.array([[outside, begin, 0.0]]) for outside, begin in rows]  # I- cannot begin a sentence
    return Found(scores, [[(0, 1, 1)]] * count, [np.array([each]) for each in correct])


@pytest.mark.parametrize("temperature", [0.5, 2.5])
@pytest.mark.slow
def test_the_temperature_is_that_under_which_tags_were_drawn(temperature):
    found, chain = sample_found(temperature), grammar_chain(LABELS)
    assert fit_temperature(found, chain) == pytest.approx(temperature, rel=0.12)
    correct = np.concatenate(found.correct)
    error = calibration_error(tabulate(score_found(found, chain, temperature), correct))
    assert error < 0.03
    assert calibration_error(tabulate(score_found(found, chain), correct)) > 2 * error


def test_the_table_counted_by_hand():
    scores, correct = np.array([0.05, 0.41, 0.49, 1.0, 0.95]), np.array([True, True, False, True, False])
    rows = tabulate(scores, correct)
    assert [(row["low"], row["spans"], row["right"]) for row in rows] == [(0.0, 1, 1.0), (0.4, 2, 0.5), (0.9, 2, 0.5)]
    assert [row["score"] for row in rows] == pytest.approx([0.05, 0.45, 0.975])
    assert calibration_error(rows) == pytest.approx((0.95 + 2 * 0.05 + 2 * 0.475) / 5)
    assert log_loss(np.array([0.25, 0.5]), np.array([True, False])) == pytest.approx((np.log(4) + np.log(2)) / 2)


@pytest.fixture(scope="module")
def trained(files, tiny_encoder, tmp_path_factory):
    """A run whose test file misses the mentions of every third sentence."""
    folder = tmp_path_factory.mktemp("calibrated")
    rows = make_sentences(30, seed=9)
    rows = [row._replace(tags=("O",) * len(row.tags)) if place % 3 == 0 else row for place, row in enumerate(rows)]
    write_bio(folder / "toy_test.bio", rows)
    settings = FAST | {"epochs": 15, "lr": 5e-3, "head_lr": 1e-2, "mask_share": 0.0, "selection": "last"}
    recipe = get_recipe("cbp", "", encoder=str(tiny_encoder), **settings)
    data = {"train": files["train"], "test": folder / "toy_test.bio"}
    train(Job("mine", "cbp", recipe, data, folder / "run", split="2"))
    return folder / "run"


@pytest.mark.slow
def test_the_command_writes_the_table_and_the_temperature(trained, tmp_path, capsys, refuse):
    shutil.copytree(trained / "model", tmp_path / "model")
    out = tmp_path / "calibration.json"
    assert main(["calibrate", str(trained), "-o", str(out), "--into", str(tmp_path / "model")]) == 0
    content, printed = json.loads(out.read_text()), capsys.readouterr().out
    assert 0 < content["right"] < content["spans"] == sum(row["spans"] for row in content["after"]["table"])
    assert content["after"]["log_loss"] <= content["before"]["log_loss"] + 1e-6
    assert content["temperature"] > 1  # the tagger is sure of spans of which a third are wrong
    assert f"Temperature {content['temperature']}, over {content['spans']} spans of 1 runs" in printed
    before, after = Tagger.from_pretrained(trained), Tagger.from_pretrained(tmp_path / "model")
    assert after.decision.temperature == content["temperature"] and before.decision.temperature == 1
    assert after.decision.decoder == before.decision.decoder
    old, new = before.tag("本发明公开了BRCA1在乳腺癌中的用途。"), after.tag("本发明公开了BRCA1在乳腺癌中的用途。")
    assert [span[:3] for span in old] == [span[:3] for span in new] and len(old) == 2
    assert "found no dev file" in refuse("calibrate", trained, "--part", "dev")
    assert all(softer.score < sharper.score for sharper, softer in zip(old, new, strict=True))


def test_a_folder_without_runs(tmp_path, refuse):
    assert "found no finished run" in refuse("calibrate", tmp_path)
