"""`cbpner rerun`: a run again from its config.json alone, and whether the result is the same."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_interruptions import read_bytes
from test_training import FAST, files, make_sentences  # noqa: F401

from cbpner.base.files import file_checksum
from cbpner.cli import main
from cbpner.commands import rerun
from cbpner.runs import environment
from cbpner.runs import folder as runs
from cbpner.text.bio import read_bio, write_bio
from cbpner.text.labels import LabelSet
from cbpner.training.config import Job
from cbpner.training.recipes import get_recipe
from cbpner.training.run import train

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def original(files, tiny_encoder, tmp_path_factory):  # noqa: F811
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


def test_a_rerun_gives_the_same_weights_and_predictions(run, original, capsys):
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


def test_a_rerun_of_a_rerun_is_the_same_again(run, original, tmp_path):
    assert main(["rerun", str(run), "-o", str(tmp_path / "deep" / "new")]) == 0
    assert main(["rerun", str(tmp_path / "deep" / "new"), "-o", str(tmp_path / "newer")]) == 0
    assert read_bytes(tmp_path / "newer") == read_bytes(original)


@pytest.mark.parametrize("place", ["4", "some/where/else"])
def test_data_that_moved_are_found_by_name_and_content(place, run, files, tmp_path):  # noqa: F811
    """Another file of the same name, such as another split's, is passed over."""
    for folder in (tmp_path / "data" / "0", tmp_path / "data" / place):
        folder.mkdir(parents=True)
    for part, path in files.items():
        write_bio(tmp_path / "data" / "0" / path.name, make_sentences(2, 7))
        shutil.copy(path, tmp_path / "data" / place / path.name)
        change_config(run, lambda config, part=part, path=path: config["data"]["files"][part].update(path=path.name))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert main(["rerun", "run", "--data-dir", "data"]) == 0
    assert read_bytes(tmp_path / "run_rerun")["predictions/test.tags.gz"] == read_bytes(run)["predictions/test.tags.gz"]
    config = runs.read_config(tmp_path / "run_rerun")
    assert config["data"]["files"]["test"]["path"] == f"data/{place}/toy_test.bio"
    assert config["data"]["name"] == runs.read_config(run)["data"]["name"]


def test_changed_data_are_refused_with_both_checksums(run, files, tmp_path, capsys):  # noqa: F811
    for path in files.values():
        shutil.copy(path, tmp_path / path.name)
    changed = tmp_path / "toy_dev.bio"
    changed.write_text(changed.read_text(encoding="utf-8").replace("乳", "肺", 1), encoding="utf-8")
    assert main(["rerun", str(run), "--data-dir", str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert f"{changed}: found a file with the SHA-256 {file_checksum(changed)}" in message
    assert f"expected {file_checksum(files['dev'])}, the dev data of the run" in message
    assert not (tmp_path / "run_rerun").exists()


@pytest.mark.parametrize(
    "change, arguments, message",
    [
        (lambda config: config["flags"].update(warp=9), [], "unknown flag warp"),
        (lambda config: config["flags"].pop("lr"), [], "missing 1 required positional argument: 'lr'"),
        (lambda config: config["flags"].update(epochs=0), [], "found epochs 0"),
        (lambda config: config["flags"].update(epochs="two"), [], "flags that make no recipe"),
        (lambda config: config.pop("environment"), [], "found no environment"),
        (lambda config: config["flags"].update(encoder="no/such/place"), [], "no/such/place: no such folder"),
        (lambda config: config["data"]["files"]["dev"].update(path="gone.bio"), [], "found no gone.bio (dev)"),
        (lambda config: None, ["--data-dir", "nowhere"], "nowhere: no such folder"),
        (lambda config: None, ["-o", "run"], "run: found the run's own folder"),
    ],
)
def test_what_cannot_be_repeated_is_named(change, arguments, message, run, capsys, monkeypatch):
    change_config(run, change)
    monkeypatch.chdir(run.parent)
    assert main(["rerun", "run", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert os.listdir(run.parent) == ["run"]


def test_a_folder_that_is_no_run_is_named(tmp_path, capsys):
    assert main(["rerun", str(tmp_path)]) == 2
    assert f"{tmp_path}: found no config.json; expected a run's folder" in capsys.readouterr().err


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


def test_a_run_without_results_is_repeated_all_the_same(run, original, capsys):
    (run / runs.METRICS).unlink()
    shutil.rmtree(run / runs.PREDICTIONS)
    assert main(["rerun", str(run)]) == 0
    assert "nothing to compare with" in capsys.readouterr().out
    assert read_bytes(run.with_name("run_rerun")) == read_bytes(original)


def test_other_machines_and_versions_are_named(run, capsys):
    def change(config):
        config["environment"]["packages"]["torch"] = "1.0"
        config["environment"]["cpu"] = "Z80"
        config["environment"].pop("git")

    change_config(run, change)
    assert main(["rerun", str(run)]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("may change the last digits: ")]
    assert lines[0] == f"may change the last digits: torch: 1.0, now {torch.__version__}"
    assert len(lines) == 2 and "cpu: Z80, now " in lines[1]


def test_the_recorded_number_of_threads_is_used(run, monkeypatch):
    change_config(run, lambda config: config["environment"].update(threads=7))
    used = []
    monkeypatch.setattr(torch, "set_num_threads", used.append)
    assert main(["rerun", str(run)]) == 0
    assert used[0] == 7


def test_relative_paths_are_meant_from_the_folder_of_the_run(tmp_path, monkeypatch):
    """A project with a method's folder: the run was made there, the rerun starts elsewhere in it."""
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


def test_a_folder_outside_the_project_is_recorded_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert environment.describe_command()["folder"] == str(tmp_path)


def test_labels_may_be_given_as_a_set(files, original, tmp_path):  # noqa: F811
    recipe = rerun.rebuild_recipe(original / runs.CONFIG, runs.read_config(original)["flags"], tmp_path)
    job = Job("m", "cbp", replace(recipe, epochs=1), files, tmp_path / "run", labels=LabelSet(("disease", "gene", "x")))
    train(job)
    assert runs.read_config(tmp_path / "run")["data"]["labels"] == ["disease", "gene", "x"]
