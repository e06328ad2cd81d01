"""`cbpner ensemble`: the mean of runs' weights, a run decoded again, and which runs do not go together."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cbpner.base.files import file_checksum
from cbpner.cli import main
from cbpner.prediction.tagger import Tagger
from cbpner.runs import folder as runs
from cbpner.scoring.metrics import score_by_seqeval
from cbpner.text.bio import read_bio
from cbpner.text.labels import tags_to_spans
from cbpner.training.recipes import RECIPES
from cbpner.training.run import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def seeds(build_job, tmp_path_factory):
    """Folders of runs on splits 0 and 1: seed 0, seed 5, and (on split 0 alone) seed 5 with a CRF."""
    folder = tmp_path_factory.mktemp("seeds")
    for place, seed, head in (("zero/0", 0, "linear"), ("zero/1", 0, "linear"), ("five/0", 5, "linear"),
                              ("five/1", 5, "linear"), ("crf/0", 5, "crf")):  # fmt: skip
        train(build_job(folder / place, method="mine", epochs=1, seed=seed, split=place[-1], head=head))
    return folder


@pytest.fixture
def copies(seeds, tmp_path):
    shutil.copytree(seeds, tmp_path / "seeds")
    return tmp_path / "seeds"


@pytest.fixture
def refuse_mean(copies, capsys):
    """`refuse_mean(names)`: the message that refuses the mean of these folders of `copies`."""

    def call(*names, average="weights"):
        folders = (copies / name for name in names)
        assert ensemble(*folders, "-o", copies / "averaged", "--average", average) == 2
        return capsys.readouterr().err

    return call


def ensemble(*args):
    return main(["ensemble", *map(str, args)])


def weights(folder):
    return load_file(folder / "model" / "model.safetensors")


def score_part(folder, files, part):
    gold = [sentence.tags for sentence in read_bio(files[part])]
    return score_by_seqeval(gold, runs.read_tags(runs.tags_path(folder, part)))


def change_config(folder, **changes):
    config = runs.read_config(folder) | changes
    (folder / runs.CONFIG).write_text(json.dumps(config), encoding="utf-8")


def test_the_mean_of_two_seeds_is_a_run_for_each_split(seeds, files, tmp_path, capsys, refuse):
    out = tmp_path / "averaged"
    assert ensemble(seeds / "five", seeds / "zero", "-o", out) == 0
    assert [folder.name for folder in runs.find_runs([out]).finished] == ["0", "1"]
    first, second, mean = (weights(folder / "1") for folder in (seeds / "zero", seeds / "five", out))
    assert all(torch.equal(value, (first[name] + second[name]) / 2) for name, value in mean.items())
    assert any(not torch.equal(first[name], value) for name, value in mean.items())
    config, before = runs.read_config(out / "1"), runs.read_config(seeds / "zero" / "1")
    assert [member["seed"] for member in config["members"]] == [0, 5]
    assert [member["folder"] for member in config["members"]] == [str(seeds / name / "1") for name in ("zero", "five")]
    assert config["members"][1]["weights"] == file_checksum(seeds / "five" / "1" / "model" / "model.safetensors")
    assert (config["method"], config["recipe"], config["split"]) == ("mine_averaged", "cbp", "1")
    assert config["flags"] == before["flags"]
    metrics = runs.read_metrics(out / "1")
    assert all(metrics[part] == score_part(out / "1", files, part) for part in ("dev", "test"))
    own = [runs.read_metrics(seeds / name / "1")["seconds"]["train"] for name in ("zero", "five")]
    assert metrics["seconds"]["train"] == pytest.approx(sum(own), abs=0.11)
    assert main(["table", str(out), str(seeds / "zero"), "-o", str(tmp_path / "table")]) == 0
    assert "mine_averaged" in (tmp_path / "table" / "table.md").read_text(encoding="utf-8")
    assert ensemble(seeds / "five", seeds / "zero", "-o", out) == 0
    assert "finished already" in capsys.readouterr().out
    for flags, found in (([seeds / "five", "--vote-share", "0.5"], "vote_share"),
                         (["--method", "mine_averaged"], "members")):  # fmt: skip
        assert ensemble(seeds / "zero", *flags, "-o", out) == 2 and found in capsys.readouterr().err
    assert ensemble(seeds / "zero", "-o", seeds / "zero") == 2 and "runs to average" in capsys.readouterr().err
    assert "mean of runs" in refuse("rerun", out / "1")


def test_a_single_run_is_decoded_again(seeds, tmp_path):
    """Its weights stay the same bytes of numbers; the recipe's decoding, and a flag over it, are what is recorded."""
    out, old = tmp_path / "again", seeds / "zero" / "0"
    assert ensemble(old, "-o", out, "--no-model") == 0
    assert not (out / "0" / "model").exists()
    assert runs.read_tags(runs.tags_path(out / "0", "test")) == runs.read_tags(runs.tags_path(old, "test"))
    assert runs.read_metrics(out / "0")["test"] == runs.read_metrics(old)["test"]
    assert ensemble(old, "-o", out, "--overwrite", "--recipe", "cbp_patent", "--vote-share", "0.7") == 0
    config, table = runs.read_config(out / "0"), RECIPES["cbp_patent"][""]
    assert (config["method"], config["recipe"]) == ("mine", "cbp_patent")
    before = runs.read_config(old)["flags"]
    changed = {"decoder": "spans", "vote_share": 0.7, "min_span_probability": table.decision.min_span_probability}
    assert config["flags"] == before | {"decision": before["decision"] | changed}
    assert all(torch.equal(value, weights(old)[name]) for name, value in weights(out / "0").items())


def test_averaged_weights_of_crf_taggers(seeds, copies, tmp_path):
    shutil.copytree(copies / "crf" / "0", copies / "other")
    change_config(copies / "other", seed=6)
    assert ensemble(seeds / "crf" / "0", copies / "other", "-o", tmp_path / "averaged") == 0
    assert runs.read_metrics(tmp_path / "averaged" / "0")["test"] == runs.read_metrics(seeds / "crf" / "0")["test"]


def test_the_mean_of_probabilities_is_one_model_to_predict_with(seeds, files, tmp_path):
    out = tmp_path / "ensemble"
    assert ensemble(seeds / "five", seeds / "zero", "-o", out, "--average", "probabilities") == 0
    config, metrics = runs.read_config(out / "1"), runs.read_metrics(out / "1")
    assert (config["method"], config["average"]) == ("mine_ensemble", "probabilities")
    assert [member["seed"] for member in config["members"]] == [0, 5]
    assert all(metrics[part] == score_part(out / "1", files, part) for part in ("dev", "test"))
    folders = [seeds / "zero" / "1", seeds / "five" / "1", out / "1"]
    first, second, mean = (Tagger.from_pretrained(folder, precision="fp32") for folder in folders)
    texts = [sentence.chars for sentence in read_bio(files["test"])]
    rows = zip(*(tagger.score_sentences(texts) for tagger in (first, second, mean)), strict=True)
    for own, other, both in rows:
        np.testing.assert_allclose(np.exp(both), (np.exp(own) + np.exp(other)) / 2, atol=1e-6)
        assert np.abs(own - other).max() > 1e-3
    found = [[tuple(span)[:3] for span in mean.tag(text)] for text in texts]
    assert found == [list(map(tuple, tags_to_spans(row))) for row in runs.read_tags(runs.tags_path(out / "1", "test"))]


@pytest.mark.parametrize("names, change, message", [
    (("zero", "zero_copy"), {}, "seed 0 a second time"),
    (("zero", "crf"), {}, "zero.*head: 'linear', now 'crf'"),
    (("zero", "five"), {"members": [{"folder": "x"}]}, "mean of runs"),
    (("zero", "five"), {"method": "other"}, "method: 'mine', now 'other'"),
])  # fmt: skip
def test_runs_that_do_not_go_together(names, change, message, copies, refuse_mean):
    shutil.copytree(copies / "zero", copies / "zero_copy")
    change_config(copies / names[1] / "0", **change)
    assert re.search(message, refuse_mean(*names)) and not (copies / "averaged").exists()


def test_runs_that_cannot_be_averaged_are_refused(copies, refuse_mean):
    assert "head crf" in refuse_mean("crf/0", average="probabilities")
    shutil.rmtree(copies / "five" / "0" / "model")
    assert "expected a run that kept its weights" in refuse_mean("zero", "five")
    change_config(copies / "zero" / "0", flags=runs.read_config(copies / "zero" / "0")["flags"] | {"patents": 2})
    assert "on a part of the training patents" in refuse_mean("zero/0")
    (copies / "empty").mkdir()
    (copies / "zero" / "1" / runs.METRICS).unlink()
    assert "found an unfinished run" in refuse_mean("zero", "five")
    assert "no finished run" in refuse_mean("empty") and not (copies / "averaged").exists()
    (copies / "five" / "1" / "model" / "model.safetensors").write_bytes(b"no weights")
    assert str(copies / "five" / "1") in refuse_mean("five/1")


def test_runs_that_share_the_seed_of_their_head_begin_with_the_same_one(make_job):
    """At a rate of 0 what is saved is where training began."""
    heads = []
    for seed, head_seed in ((1, None), (1, 7), (2, 7)):
        job = make_job(f"{seed}_{head_seed}", seed=seed, head_seed=head_seed, epochs=1, lr=0.0, head_lr=0.0)
        train(job)
        heads.append(weights(job.output)["classifier.weight"])
    assert torch.equal(heads[1], heads[2]) and not torch.equal(heads[0], heads[1])
