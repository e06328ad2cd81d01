"""Each method's entry script under the original's flags, with a tiny encoder."""

import importlib.util
from pathlib import Path

import pytest
from test_training import FAST, files  # noqa: F401

from cbpner import runs

ROOT = Path(__file__).resolve().parent.parent


def load_script(path):
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ours(encoder):
    flags = FAST | {"epochs": 1}
    return [word for name, value in flags.items() for word in (f"--{name}", str(value))] + [
        "--bert_model",
        str(encoder),
    ]


def test_supervised_original(files, tiny_encoder, tmp_path):  # noqa: F811
    command = ["--trainset", files["train"], "--validset", files["dev"], "--testset", files["test"], "--logdir",
               tmp_path / "run", "--finetuning", "--batch_size", 8, "--lr", 1e-3, "--n_epochs", 1]  # fmt: skip
    assert load_script("Supervised_Original/train.py").main([*map(str, command), *ours(tiny_encoder)]) == 0
    config = runs.read_config(tmp_path / "run")
    assert config["method"] == "Supervised_Original" and runs.is_finished(tmp_path / "run")
    assert (config["flags"]["batch_size"], config["flags"]["lr"], config["flags"]["epochs"]) == (8, 1e-3, 1)
    assert not config["flags"]["freeze_encoder"]


def test_supervised_original_without_finetuning_trains_the_head_alone(files, tiny_encoder, tmp_path):  # noqa: F811
    command = ["--trainset", str(files["train"]), "--logdir", str(tmp_path / "run"), *ours(tiny_encoder)]
    assert load_script("Supervised_Original/train.py").main(command) == 0
    assert runs.read_config(tmp_path / "run")["flags"]["freeze_encoder"]


def bert_lm_mixed(files, encoder, output, *more):  # noqa: F811
    folder = files["train"].parent
    names = [word for part in ("train", "dev", "test") for word in (f"--{part}_filename", files[part].name)]
    flags = ["--data_dir", folder, *names, "--model_name_or_path", encoder, "--output_dir", output,
             "--max_seq_length", 128, "--num_train_epochs", 1, "--per_gpu_train_batch_size", 8, "--seed", 3,
             *more]  # fmt: skip
    return load_script("BERT_LM_mixed/ner_example/run_ner.py").main(list(map(str, flags)))


def test_bert_lm_mixed(files, tiny_encoder, tmp_path):  # noqa: F811
    jobs = ["--do_train", "--do_eval", "--do_predict"]
    assert bert_lm_mixed(files, tiny_encoder, tmp_path / "run", *jobs) == 0
    config, metrics = runs.read_config(tmp_path / "run"), runs.read_metrics(tmp_path / "run")
    assert (config["method"], config["seed"], config["flags"]["max_length"]) == ("BERT_LM_mixed", 3, 128)
    assert metrics["dev"] and metrics["test"]
    assert (
        bert_lm_mixed(files, tiny_encoder, tmp_path / "run", "--do_train", "--do_predict", "--overwrite_output_dir")
        == 0
    )
    assert runs.read_metrics(tmp_path / "run")["dev"] is None


@pytest.mark.parametrize("jobs, message", [([], "--do_train"), (["--do_train"], "")])
def test_bert_lm_mixed_says_what_is_missing(jobs, message, files, tiny_encoder, tmp_path, capsys):  # noqa: F811
    assert bert_lm_mixed(files, tiny_encoder, tmp_path / "run", *jobs) == (2 if message else 0)
    assert message in capsys.readouterr().err


def test_entry_scripts_never_import_one_another():
    methods = ("Supervised_Original", "BERT_LM_mixed", "partBERT_CRF")
    for method in methods:
        for path in (ROOT / method).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not any(f"import {other}" in text or f"from {other}" in text for other in methods), path
            assert len(text.splitlines()) <= 150, path
