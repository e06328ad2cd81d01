"""Each method's entry script under the original's flags, with a tiny encoder."""

import importlib.util
from pathlib import Path

import pytest
from test_training import FAST, files  # noqa: F401

from cbpner.runs import folder as runs

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


def test_bert_lm_mixed_refuses_a_name_without_a_train_name(files, tmp_path, capsys):  # noqa: F811
    command = ["--do_train", "--data_dir", files["train"].parent, "--dev_filename", files["dev"].name,
               "--output_dir", tmp_path / "run"]  # fmt: skip
    assert load_script("BERT_LM_mixed/ner_example/run_ner.py").main(list(map(str, command))) == 2
    assert "found no --train_filename" in capsys.readouterr().err


def part_bert_crf(files, output, *more):  # noqa: F811
    """Call partBERT_CRF's run_ner.py with the flags that the original's scripts pass."""
    names = [word for part in ("train", "test", "dev") for word in (f"--{part}_filename", files[part].name)]
    flags = ["--data_dir", files["train"].parent, *names, "--output_dir", output, "--num_train_epochs", 1,
             "--per_gpu_train_batch_size", 4, *more]  # fmt: skip
    return load_script("partBERT_CRF/run_ner.py").main(list(map(str, flags)))


@pytest.mark.parametrize("variant", ["described", "coded"])
def test_part_bert_crf_trains_both_variants(variant, files, tiny_encoder, tmp_path):  # noqa: F811
    size = ["--trainable_layers", 1] if variant == "described" else ["--hidden_layer_size", 6]
    fast = [word for name, value in FAST.items() for word in (f"--{name}", value)]
    assert part_bert_crf(files, tmp_path / "run", "--variant", variant, "--bert_model", tiny_encoder, *size, *fast) == 0
    config, metrics = runs.read_config(tmp_path / "run"), runs.read_metrics(tmp_path / "run")
    assert (config["method"], config["flags"]["batch_size"]) == (f"partBERT_CRF_{variant}", 4)
    expected = {
        "described": {"head": "crf", "freeze_encoder": False, "trainable_layers": 1},
        "coded": {"head": "bilstm-crf", "freeze_encoder": True, "lstm_size": 6},
    }[variant]
    assert expected.items() <= config["flags"].items()
    assert metrics["dev"] and metrics["test"]


@pytest.fixture
def read_job(files, tmp_path, monkeypatch):  # noqa: F811
    """Call partBERT_CRF's run_ner.py with more flags, without training: the job it would have trained."""
    jobs = []
    monkeypatch.setattr("cbpner.training.run.train", jobs.append)

    def call(*more):
        assert part_bert_crf(files, tmp_path / "run", *more) == 0
        return jobs.pop()

    return call


def test_part_bert_crf_reads_the_files_that_are_named(read_job, files):  # noqa: F811
    job = read_job()
    assert job.files == files
    assert (job.recipe.epochs, job.recipe.batch_size) == (1, 4)


def test_part_bert_crf_is_as_described_unless_told_otherwise(read_job):
    job = read_job()
    assert (job.method, job.recipe.head, job.recipe.trainable_layers) == ("partBERT_CRF_described", "crf", 4)
    assert not job.recipe.freeze_encoder
    job = read_job("--variant", "coded")
    assert (job.method, job.recipe.head, job.recipe.lstm_size) == ("partBERT_CRF_coded", "bilstm-crf", 128)
    assert job.recipe.freeze_encoder


def rates(job):
    return job.recipe.lr, job.recipe.head_lr, job.recipe.crf_lr


@pytest.mark.parametrize("recipe", ["paper", "cbp"])
def test_part_bert_crf_has_one_learning_rate_unless_a_rate_is_given_itself(read_job, recipe):
    own = rates(read_job("--recipe", recipe))
    assert own != (0.3, 0.3, 0.3)
    assert rates(read_job("--recipe", recipe, "--learning_rate", 0.3)) == (0.3, 0.3, 0.3)
    assert rates(read_job("--recipe", recipe, "--learning_rate", 0.3, "--crf_lr", 0.5)) == (0.3, 0.3, 0.5)
    assert rates(read_job("--recipe", recipe, "--learning_rate", 0.3, "--lr", 0.0)) == (0.0, 0.3, 0.3)
    assert rates(read_job("--recipe", recipe, "--lr", 0.3)) == (0.3, *own[1:])


@pytest.mark.parametrize(
    ("flags", "idle"),
    [
        (["--per_gpu_test_batch_size", 4, "--per_gpu_eval_batch_size", 8], ["per_gpu_eval", "per_gpu_test"]),
        (["--hidden_layer_size", 64], ["--lstm_size or --hidden_layer_size has no effect"]),
        (["--trainable_layers", 2], []),
        (["--variant", "coded", "--hidden_layer_size", 64], []),
        (["--variant", "coded", "--trainable_layers", 2, "--lr", 0.1], ["trainable_layers", "lr has no effect"]),
        (["--variant", "coded", "--learning_rate", 0.1], []),
    ],
)
def test_part_bert_crf_says_which_flags_change_nothing(read_job, capsys, flags, idle):
    read_job(*flags)
    notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note: --")]
    assert len(notes) == len(idle)
    assert all(words in note for words, note in zip(idle, notes, strict=True))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["--test_filename", "toy_test.bio"], "found no --train_filename"),
        (["--train_filename", "toy_train.bio", "--train", "x.bio"], "found --train and --train_filename"),
        ([], "no such data folder"),
    ],
)
def test_part_bert_crf_says_what_is_wrong_with_the_files(command, message, files, tmp_path, capsys):  # noqa: F811
    folder = files["train"].parent if command else tmp_path / "0"
    fixed = ["--data_dir", str(folder), "--output_dir", str(tmp_path / "run")]
    assert load_script("partBERT_CRF/run_ner.py").main([*fixed, *command]) == 2
    assert message in capsys.readouterr().err


def test_part_bert_crf_takes_a_split_of_a_data_folder(tmp_path, monkeypatch):
    jobs = []
    monkeypatch.setattr("cbpner.training.run.train", jobs.append)
    command = ["--data_dir", str(ROOT / "data" / "demo"), "--split", "2", "--output_dir", str(tmp_path / "run")]
    assert load_script("partBERT_CRF/run_ner.py").main(command) == 0
    assert jobs[0].split == "2" and jobs[0].files["test"] == ROOT / "data/demo/2/no_long_cbp_demo_test.bio"


def test_entry_scripts_never_import_one_another():
    methods = ("Supervised_Original", "BERT_LM_mixed", "partBERT_CRF")
    for method in methods:
        for path in (ROOT / method).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not any(f"import {other}" in text or f"from {other}" in text for other in methods), path
            assert len(text.splitlines()) <= 150, path
