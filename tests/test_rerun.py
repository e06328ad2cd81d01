"""`cbpner rerun`: a run again from its config.json alone, and whether the result is the same."""

import json
import os
import shutil

import pytest
import torch
from conftest import FAST, make_sentences
from test_interruptions import read_bytes

from cbpner.base.files import file_checksum
from cbpner.cli import main
from cbpner.commands import rerun
from cbpner.runs import environment
from cbpner.runs import folder as runs
from cbpner.text.bio import read_bio, write_bio
from cbpner.training.config import Job
from cbpner.training.recipes import get_recipe
from cbpner.training.run import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def original(files, tiny_encoder, tmp_path_factory):
    """A finished run that left most settings unlike their defaults."""
    folder = tmp_path_factory.mktemp("original")
    (folder / "labels.txt").write_text("gene\ndisease\nprotein\n")
    settings = {"encoder": str(tiny_encoder), "epochs": 2, "batch_size": 8, "dropout": 0.1, "min_dev_mentions": 1}
    recipe = get_recipe("cbp", "Supervised_Original", **FAST | settings | {"precision": "auto"})
    job = Job(
        "Supervised_Original", "cbp", recipe, files, folder / "run", seed=3, split="4", labels=folder / "labels.txt",
        orphans="repair", precision="fp32",
    )  # fmt: skip
    train(job)
    (folder / "labels.txt").unlink()
    return folder / "run"


@pytest.fixture
def run(original, tmp_path):
    """The folder as it would stand under results/: without the weights."""
    shutil.copytree(original, tmp_path / "run", ignore=shutil.ignore_patterns("model", "tensorboard"))
    return tmp_path / "run"


def change_config(folder, change):
    config = runs.read_config(folder)
    change(config)
    (folder / runs.CONFIG).write_text(json.dumps(config), encoding="utf-8")


def test_a_rerun_gives_the_same_weights_and_predictions(run, original, tmp_path, capsys):
    assert main(["rerun", str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    new = run.with_name("run_rerun")
    assert read_bytes(new) == read_bytes(original)
    f1 = runs.read_metrics(new)["test"]["entity_strict"]["overall"]["f1"]
    assert lines[-1] == f"test: predictions identical; scores identical (strict F1 {f1:.4f})"
    assert lines[-2].startswith("dev: predictions identical; scores identical")
    before, now = (runs.read_config(folder) for folder in (run, new))
    for key in ("method", "recipe", "split", "seed", "encoder", "data", "save_model"):
        assert now[key] == before[key]
    assert now["flags"] == before["flags"] | {"labels": ["gene", "disease", "protein"]}
    assert {key: now["environment"][key] for key in ("threads", "precision", "processes")} == {
        "threads": torch.get_num_threads(), "precision": "fp32", "processes": 1,
    }  # fmt: skip
    assert main(["rerun", str(new), "-o", str(tmp_path / "deep" / "newer")]) == 0
    assert read_bytes(tmp_path / "deep" / "newer") == read_bytes(original)


def test_data_that_moved_are_found_by_name_and_content(run, files, tmp_path, monkeypatch):
    """Another file of the same name, such as another split's, is passed over."""
    place = "some/where/else"
    for folder in (tmp_path / "data" / "0", tmp_path / "data" / place):
        folder.mkdir(parents=True)
    for part, path in files.items():
        write_bio(tmp_path / "data" / "0" / path.name, make_sentences(2, 7))
        shutil.copy(path, tmp_path / "data" / place / path.name)
        change_config(run, lambda config, part=part, path=path: config["data"]["files"][part].update(path=path.name))
    monkeypatch.chdir(tmp_path)
    assert main(["rerun", "run", "--data-dir", "data"]) == 0
    assert read_bytes(tmp_path / "run_rerun")["predictions/test.tags.gz"] == read_bytes(run)["predictions/test.tags.gz"]
    config = runs.read_config(tmp_path / "run_rerun")
    assert config["data"]["files"]["test"]["path"] == f"data/{place}/toy_test.bio"
    assert config["data"]["name"] == runs.read_config(run)["data"]["name"]


def test_changed_data_are_refused_with_the_recorded_checksum(run, files, tmp_path, refuse):
    for path in files.values():
        shutil.copy(path, tmp_path / path.name)
    changed = tmp_path / "toy_dev.bio"
    changed.write_text(changed.read_text(encoding="utf-8").replace("乳", "肺", 1), encoding="utf-8")
    message = refuse("rerun", run, "--data-dir", tmp_path)
    assert str(changed) in message and file_checksum(files["dev"]) in message
    assert not (tmp_path / "run_rerun").exists()
    assert f"{tmp_path}: found no config.json" in refuse("rerun", tmp_path)


@pytest.mark.parametrize("change, arguments, message", [
    (lambda config: config["flags"].update(warp=9), [], "warp"),
    (lambda config: config["flags"].pop("lr"), [], "'lr'"),
    (lambda config: config["flags"].update(epochs=0), [], "epochs 0"),
    (lambda config: config["flags"].update(epochs="two"), [], "epochs 'two'"),
    (lambda config: config.pop("environment"), [], "no environment"),
    (lambda config: config["flags"].update(encoder="no/such/place"), [], "no/such/place"),
    (lambda config: config["data"]["files"]["dev"].update(path="gone.bio"), [], "gone.bio, the dev data"),
    (lambda config: None, ["--data-dir", "nowhere"], "nowhere"),
    (lambda config: None, ["-o", "run"], "run: "),
])  # fmt: skip
def test_what_cannot_be_repeated_is_named(change, arguments, message, run, refuse, monkeypatch):
    change_config(run, change)
    monkeypatch.chdir(run.parent)
    assert message in refuse("rerun", "run", *arguments)
    assert os.listdir(run.parent) == ["run"]


def test_what_differs_is_counted(run, tmp_path, capsys):
    tags = runs.read_tags(runs.tags_path(run, "test"))
    tags[0][:3] = ["B-gene" if tag != "B-gene" else "O" for tag in tags[0][:3]]
    runs.write_tags(runs.tags_path(run, "test"), tags)
    metrics = runs.read_metrics(run)
    metrics["test"]["entity_strict"]["overall"]["f1"] = 0.125
    (run / runs.METRICS).write_text(json.dumps(metrics))
    assert main(["rerun", str(run)]) == 0
    now = runs.read_metrics(tmp_path / "run_rerun")["test"]["entity_strict"]["overall"]["f1"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"test: 3 of {sum(map(len, tags))} tags differ; strict F1 0.1250, now {now:.4f}"
    assert lines[-2].startswith("dev: predictions identical; scores identical")


def test_a_run_without_results_from_another_machine_is_repeated(run, original, capsys, monkeypatch):
    """What differs between the machines is named; the recorded number of threads is used."""
    (run / runs.METRICS).unlink()
    shutil.rmtree(run / runs.PREDICTIONS)

    def change(config):
        config["environment"]["packages"]["torch"] = "1.0"
        config["environment"] |= {"cpu": "Z80", "threads": 7}
        config["environment"].pop("git")

    change_config(run, change)
    used = []
    monkeypatch.setattr(torch, "set_num_threads", used.append)
    assert main(["rerun", str(run)]) == 0
    output = capsys.readouterr().out
    for words in (f"torch: 1.0, now {torch.__version__}", "cpu: Z80, now ", "nothing to compare"):
        assert words in output
    assert used[0] == 7 and read_bytes(run.with_name("run_rerun")) == read_bytes(original)


def test_relative_paths_are_read_from_the_folder_of_the_run(tmp_path, monkeypatch):
    """A project with a method's folder: the run was made there, the rerun starts elsewhere in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["bin/cbpner", "train", "--train", "a b.bio"])
    assert environment.describe_command() == {"folder": str(tmp_path), "command": "cbpner train --train 'a b.bio'"}
    data = tmp_path / "data" / "mine" / "train.bio"
    data.parent.mkdir(parents=True)
    write_bio(data, make_sentences(2, 0))
    (tmp_path / "method" / "below").mkdir(parents=True)
    (tmp_path / "runs").mkdir()
    monkeypatch.setattr(runs, "PROJECT", tmp_path)
    monkeypatch.setattr(environment, "PROJECT", tmp_path)
    monkeypatch.chdir(tmp_path / "method" / "below")
    recorded = {"path": "../../data/mine/train.bio", "sha256": file_checksum(data)}
    config = {"method": "method/below", "split": None, "data": {"files": {"train": recorded}}}
    assert environment.describe_command()["folder"] == "method/below"
    monkeypatch.chdir(tmp_path / "runs")
    for folder in ({"folder": "method/below"}, {"folder": str(tmp_path / "method" / "below")}, {}):
        found = rerun.find_data(config | folder, "train")
        assert str(found) == "../data/mine/train.bio" and read_bio(found)
