"""BERT_LM_mixed from end to end with a tiny encoder: run_lm_finetuning.py, NER on top of the model, the demo."""

import os
import shutil
from pathlib import Path

import pytest
from conftest import DEMO_TEXT, ROOT
from shell import load_script, read_calls, run_bash
from transformers import AutoModelForMaskedLM

from cbpner import cli
from cbpner.base.files import file_checksum, read_json
from cbpner.runs import folder as runs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A folder as `cbpner patents` leaves one: train.txt with two documents, test.txt with one."""
    (folder := tmp_path_factory.mktemp("corpora") / "my_corpus").mkdir()
    lines = [line for line in DEMO_TEXT.read_text(encoding="utf-8").split("\n") if 30 < len(line) < 80]
    (folder / "train.txt").write_text("\n".join([*lines[:8], "", *lines[8:16]]) + "\n", encoding="utf-8")
    (folder / "test.txt").write_text("\n".join(lines[16:24]) + "\n", encoding="utf-8")
    return folder


def fine_tune(*flags):
    return load_script("BERT_LM_mixed/lmft_example/run_lm_finetuning.py").main(list(map(str, flags)))


@pytest.fixture(scope="module")
def model(corpus, tiny_encoder, tmp_path_factory):
    """A model made under the original's flags, for one of two epochs of its schedule."""
    folder = tmp_path_factory.mktemp("models") / "model"
    code = fine_tune(
        "--mlm", "--mlm_probability", 0.2, "--do_train", "--do_eval", "--evaluate_during_training", "--train_data_file",
        corpus, "--eval_data_file", corpus, "--model_type", "bert", "--model_name_or_path", tiny_encoder,
        "--tokenizer_name", tiny_encoder, "--output_dir", folder, "--block_size", 40, "--per_gpu_train_batch_size", 4,
        "--per_gpu_eval_batch_size", 4, "--gradient_accumulation_steps", 2, "--learning_rate", 1e-3, "--weight_decay",
        0.01, "--warmup_steps", 1, "--max_grad_norm", 2, "--num_train_epochs", 1, "--schedule_epochs", 2,
        "--save_steps", 2, "--save_total_limit", 2, "--logging_steps", 1, "--seed", 3, "--bf16",
    )  # fmt: skip
    assert code == 0
    return folder


def test_the_originals_flags_arrive(model, tiny_encoder, corpus):
    config = read_json(model / runs.LM_CONFIG)
    expected = {"mask_share": 0.2, "encoder": str(tiny_encoder), "block_size": 40, "batch_size": 4, "accumulation": 2,
                "lr": 1e-3, "weight_decay": 0.01, "warmup": 1.0, "max_grad_norm": 2.0, "epochs": 1.0,
                "schedule_epochs": 2.0, "precision": "bf16"}  # fmt: skip
    assert expected.items() <= config["flags"].items()
    assert config["intervals"] == {"save_steps": 2, "save_total_limit": 2, "logging_steps": 1, "eval_steps": 0}
    assert (config["seed"], config["recipe"], config["environment"]["precision"]) == (3, "cbp", "bf16")
    paths = {part: [Path(file["path"]) for file in config["data"][part]["files"]] for part in config["data"]}
    assert paths == {"train": [corpus / "train.txt"], "held_out": [corpus / "test.txt"]}
    assert len(os.listdir(model / "checkpoints")) == 2
    assert AutoModelForMaskedLM.from_pretrained(model)


def test_the_perplexity_of_a_finished_model(model, corpus, capsys):
    fine_tune(
        "--mlm", "--do_eval", "--eval_data_file", corpus, "--model_name_or_path", model, "--should_continue", "--bf16"
    )  # in blocks of 40, as it was trained
    expected = read_json(model / runs.LM_METRICS)["perplexity"]
    assert capsys.readouterr().out == f"perplexity {expected['after']:.3f} ({expected['targets']} masked characters)\n"


def test_more_epochs_take_their_settings_from_the_run(model, corpus, tiny_encoder, tmp_path, capsys):
    given = ["--mlm", "--do_train", "--train_data_file", corpus, "--eval_data_file", corpus, "--should_continue",
             "--model_name_or_path", model, "--num_train_epochs", 2]  # fmt: skip
    assert fine_tune(*given, "--output_dir", tmp_path / "longer") == 0
    before, now = (read_json(folder / runs.LM_CONFIG) for folder in (model, tmp_path / "longer"))
    assert now["flags"] == before["flags"] | {"epochs": 2.0} and now["seed"] == before["seed"] == 3
    assert now["continues"]["path"] == str(model)
    for more, message in (
        (["--output_dir", model], "--output_dir"),
        (["--output_dir", tmp_path / "x", "--seed", 4], "seed"),
        (["--output_dir", tmp_path / "x", "--recipe", "paper"], "recipe"),
    ):
        capsys.readouterr()
        assert fine_tune(*given, *more) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_lines_as_documents(corpus, tiny_encoder, tmp_path):
    flags = ["--mlm", "--do_train", "--train_data_file", corpus / "train.txt", "--model_name_or_path", tiny_encoder,
             "--line_by_line", "--block_size", 40, "--max_steps", 2]  # fmt: skip
    assert fine_tune(*flags, "--output_dir", tmp_path / "model", "--cache_dir", tmp_path / "cache") == 0
    train = read_json(tmp_path / "model" / runs.LM_CONFIG)["data"]["train"]
    assert (train["documents"], train["line_by_line"]) == (16, True)
    assert os.listdir(tmp_path / "cache") == [], "the tokens' file has no name"
    assert read_json(tmp_path / "model" / runs.LM_METRICS)["perplexity"] is None


TRAIN = ["--mlm", "--do_train", "--output_dir", "y", "--train_data_file", __file__]


@pytest.mark.parametrize("flags, found", [
    (["--do_train"], "--mlm"),
    (["--mlm"], "--do_eval"),
    (["--mlm", "--do_train"], "--train_data_file, --output_dir"),
    (["--mlm", "--do_eval"], "--model_name_or_path, --eval_data_file"),
    ([*TRAIN, "--evaluate_during_training"], "--eval_data_file"),
    ([*TRAIN, "--train_data_file", "x"], "x: "),
    ([*TRAIN, "--config_name", "z"], "--config_name z"),
    ([*TRAIN, "--save_total_limit", "0"], "save_total_limit 0"),
    ("--mlm --do_eval --per_gpu_eval_batch_size 4 --eval_data_file x --model_name_or_path y".split(),
     "note: --per_gpu_eval_batch_size has no effect"),
])  # fmt: skip
def test_wrong_flags_are_named(flags, found, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert fine_tune(*flags) == 2
    assert found in capsys.readouterr().err
    assert not os.listdir(tmp_path)


# ---- NER on top ----


def train_tagger(files, encoder, output):
    flags = ["--train", files["train"], "--model_name_or_path", encoder, "--output_dir", output, "--do_train",
             "--num_train_epochs", 1, "--max_seq_length", 128]  # fmt: skip
    return load_script("BERT_LM_mixed/ner_example/run_ner.py").main(list(map(str, flags)))


def test_a_tagger_records_its_masked_lm(model, files, tmp_path, tiny_encoder):
    assert train_tagger(files, model, tmp_path / "run") == 0
    config = runs.read_config(tmp_path / "run")
    assert config["masked_lm"] == {"name": "model", "sha256": file_checksum(model / "model.safetensors")}
    assert train_tagger(files, tiny_encoder, tmp_path / "plain") == 0
    assert runs.read_config(tmp_path / "plain")["masked_lm"] is None


def test_a_tagger_on_a_model_that_is_still_to_be_made(files, tmp_path, capsys):
    assert train_tagger(files, "../../models/partBC_30epochs", tmp_path / "run") == 2
    assert "run_lmft.sh" in capsys.readouterr().err


# ---- the demo ----


def test_the_demo_runs(stub_python, files, tiny_encoder, tmp_path, monkeypatch, capsys):
    """A corpus of the demo exports, half an epoch, a whole one, a tagger on top: the script's commands, in turn."""
    (data := tmp_path / "data" / "0").mkdir(parents=True)
    for part, path in files.items():
        shutil.copy(path, data / f"no_long_toy_{part}.bio")
    settings = {"BERT_MODEL": str(tiny_encoder), "DATA_DIR": str(tmp_path / "data"), "OUT_DIR": str(tmp_path / "out"),
                "BATCH_SIZE": "32"}  # fmt: skip
    monkeypatch.chdir(ROOT / "BERT_LM_mixed")
    for script, *words, _ in read_calls(run_bash("demo_run.sh", env=stub_python | settings)):
        folder = "lmft_example" if "lm_fine" in script else "ner_example"
        command = cli.main if script == "-m" else load_script(f"BERT_LM_mixed/{folder}/{script}").main
        assert command(words[script == "-m" :]) == 0
    half, whole = (read_json(tmp_path / "out" / name / runs.LM_METRICS) for name in ("lm_half", "lm_whole"))
    assert (half["epochs"], whole["epochs"]) == (pytest.approx(0.5, abs=0.05), 1.0)
    assert "test F1: " in capsys.readouterr().out
    found = runs.find_runs([tmp_path / "out"])
    assert found.finished == [tmp_path / "out" / "0"] and not found.unfinished
    weights = file_checksum(tmp_path / "out" / "lm_whole" / "model.safetensors")
    assert read_json(tmp_path / "out" / "0" / "config.json")["masked_lm"]["sha256"] == weights
