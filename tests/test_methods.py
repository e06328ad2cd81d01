"""Each method's entry script under the original's flags: the jobs that they make."""

import pytest
from shell import ROOT, load_script

SCRIPTS = {
    "Supervised_Original": "Supervised_Original/train.py",
    "BERT_LM_mixed": "BERT_LM_mixed/ner_example/run_ner.py",
    "partBERT_CRF": "partBERT_CRF/run_ner.py",
}


def call(method, *flags):
    return load_script(SCRIPTS[method]).main(list(map(str, flags)))


@pytest.fixture
def read_job(tmp_path, monkeypatch):
    """Call a method's entry script without training: the job that it would have trained."""
    jobs = []
    monkeypatch.setattr("cbpner.training.run.train", jobs.append)

    def read(method, *flags):
        assert call(method, *flags) == 0
        return jobs.pop()

    return read


@pytest.fixture
def named(files, tmp_path):
    """The flags by which the original's scripts name their files."""
    names = [word for part in ("train", "test", "dev") for word in (f"--{part}_filename", files[part].name)]
    return ["--data_dir", files["train"].parent, *names, "--output_dir", tmp_path / "run"]


@pytest.fixture
def read_part_job(read_job, named):
    return lambda *more: read_job("partBERT_CRF", *named, *more)


def test_flags_of_supervised_original(read_job, files, tmp_path):
    flags = ["--trainset", files["train"], "--validset", files["dev"], "--testset", files["test"], "--logdir",
             tmp_path / "run", "--batch_size", 8, "--lr", 1e-3, "--n_epochs", 7, "--bert_model", "x"]  # fmt: skip
    job = read_job("Supervised_Original", *flags, "--finetuning")
    assert (job.method, job.files, job.output) == ("Supervised_Original", files, tmp_path / "run")
    recipe = job.recipe
    assert (recipe.batch_size, recipe.lr, recipe.head_lr, recipe.epochs, recipe.encoder) == (8, 1e-3, 1e-3, 7, "x")
    assert recipe.trainable_layers is None
    assert read_job("Supervised_Original", *flags).recipe.trainable_layers == 0, "the head learns alone"


def test_flags_of_bert_lm_mixed(read_job, named, files):
    flags = ["--max_seq_length", 128, "--num_train_epochs", 7, "--per_gpu_train_batch_size", 8, "--seed", 3,
             "--model_name_or_path", "x", "--learning_rate", 1e-3, "--overwrite_output_dir"]  # fmt: skip
    job = read_job("BERT_LM_mixed", *named, *flags, "--do_train", "--do_eval", "--do_predict")
    assert (job.method, job.files, job.seed, job.overwrite) == ("BERT_LM_mixed", files, 3, True)
    recipe = job.recipe
    assert (recipe.epochs, recipe.batch_size, recipe.lr, recipe.head_lr, recipe.encoder) == (7, 8, 1e-3, 1e-3, "x")
    assert set(read_job("BERT_LM_mixed", *named, "--do_train", "--do_predict").files) == {"train", "test"}


def test_flags_and_variants_of_part_bert_crf(read_job, read_part_job, files, tmp_path):
    job = read_part_job("--num_train_epochs", 7, "--per_gpu_train_batch_size", 4, "--bert_model", "x")
    recipe = job.recipe
    assert (job.method, job.files, recipe.head, recipe.trainable_layers) == ("partBERT_CRF_described", files, "crf", 4)
    assert (recipe.epochs, recipe.batch_size, recipe.encoder) == (7, 4, "x")
    job = read_part_job("--variant", "coded", "--hidden_layer_size", 6)
    assert (job.method, job.recipe.head, job.recipe.lstm_size) == ("partBERT_CRF_coded", "bilstm-crf", 6)
    assert job.recipe.trainable_layers == 0
    folder = ROOT / "data" / "demo"
    flags = ["--data_dir", folder, "--split", 2, "--output_dir", tmp_path / "run", "--do_train", "--do_predict"]
    job = read_job("partBERT_CRF", *flags)
    assert job.split == "2" and job.files["test"] == folder / "2" / "no_long_cbp_demo_test.bio"
    assert set(job.files) == {"train", "test"}


@pytest.mark.parametrize("flags, expected", [  # None: the recipe's own rate
    (["--learning_rate", 0.003], (0.003, 0.003, 0.003)),
    (["--learning_rate", 0.003, "--crf_lr", 0.5], (0.003, 0.003, 0.5)),
    (["--learning_rate", 0.003, "--lr", 0.0], (0.0, 0.003, 0.003)),
    (["--lr", 0.3], (0.3, None, None)),
])  # fmt: skip
@pytest.mark.parametrize("name", ["paper", "cbp"])
def test_one_learning_rate_unless_a_rate_has_a_flag_of_its_own(read_part_job, name, flags, expected):
    own, found = (read_part_job("--recipe", name, *more).recipe for more in ((), flags))
    for rate, value in zip(("lr", "head_lr", "crf_lr"), expected, strict=True):
        assert getattr(found, rate) == (getattr(own, rate) if value is None else value)


@pytest.mark.parametrize("flags, unused", [
    (["--per_gpu_test_batch_size", 4, "--per_gpu_eval_batch_size", 8], ["per_gpu_test", "per_gpu_eval"]),
    (["--hidden_layer_size", 64], ["--hidden_layer_size"]),
    (["--trainable_layers", 2], []),
    (["--variant", "coded", "--hidden_layer_size", 64], []),
    (["--variant", "coded", "--trainable_layers", 2, "--lr", 0.1], ["--trainable_layers", "--lr"]),
    (["--variant", "coded", "--learning_rate", 0.1, "--recipe", "paper"], []),
])  # fmt: skip
def test_flags_without_effect_are_named(read_part_job, capsys, flags, unused):
    read_part_job(*flags)
    notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note: --")]
    assert len(notes) == len(unused) and all(name in note for name, note in zip(unused, notes, strict=True))


@pytest.mark.parametrize("method, flags, found", [
    ("BERT_LM_mixed", ["--train", "x"], "--do_train"),
    ("BERT_LM_mixed", ["--do_train", "--dev_filename", "toy_dev.bio"], "--train_filename"),
    ("partBERT_CRF", ["--test_filename", "toy_test.bio"], "--train_filename"),
    ("partBERT_CRF", ["--train_filename", "toy_train.bio", "--train", "x.bio"], "--train and --train_filename"),
    ("partBERT_CRF", ["--data_dir", "nowhere"], "nowhere"),
    ("partBERT_CRF", ["--learning_rate", "0.1"], "--recipe paper"),
    ("partBERT_CRF", ["--test_filename", "toy_test.bio", "--do_predict"], "no such folder"),
])  # fmt: skip
def test_missing_and_wrong_files_are_errors(method, flags, found, files, tmp_path, capsys):
    assert call(method, "--data_dir", files["train"].parent, "--output_dir", tmp_path / "run", *flags) == 2
    assert found in capsys.readouterr().err and not (tmp_path / "run").exists()
