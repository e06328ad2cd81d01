"""The original's command lines (tests/data/original_commands.txt) with tiny models, and scoring without training."""

import re
import shutil
from itertools import chain

import pytest
from conftest import DEMO_TEXT, ROOT
from shell import load_script

from cbpner.base.files import read_text
from cbpner.runs import folder as runs
from cbpner.runs.lifecycle import remove_run
from cbpner.training.config import TAGGER_RUN

TEXT = read_text(ROOT / "tests" / "data" / "original_commands.txt")
LINES = dict(line.split(": ") for line in TEXT.splitlines() if not line.startswith("#"))
FLAGS = {script: LINES.pop(script) for script in [*LINES] if script.endswith(".py")}
MORE = {"train": "--n_epochs 1", "run_ner": "--num_train_epochs 1", "make_predictions": "--max_seq_length 128",
        "run_lm_finetuning": "--max_steps 1 --block_size 128", "partBERT_CRF/demo_run.sh": "--trainable_layers 1",
        "partBERT_CRF/ner_exp.sh": "--trainable_layers 1", "partBERT_CRF/iter_exp.sh": "--variant coded"}  # fmt: skip
NOTED = ("--testing", "--save_steps", "--per_gpu_eval_batch_size", "--per_gpu_test_batch_size")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory, files, tiny_encoder, tiny_tagger):
    """A folder laid out as the original's, with tiny models under the names of its own."""
    root = tmp_path_factory.mktemp("original")
    copies = {f"data/cbp_gold/0/no_long_cbp_gold_v2_{part}.bio": path for part, path in files.items()}
    copies |= dict.fromkeys(["data/dir_to_unlabeled_data/a.txt", "BERT_LM_mixed/data/path_to_unlabeled_train",
                             "BERT_LM_mixed/data/path_to_unlabeled_test"], DEMO_TEXT)  # fmt: skip
    copies |= dict.fromkeys(["models/partHG_1epoch", "models/partBC_30epochs"], tiny_encoder)
    copies |= dict.fromkeys({f"{script.rpartition('/')[0]}/bert-base-chinese" for script in LINES}, tiny_encoder)
    for name, path in (copies | {"models/final_trained": tiny_tagger}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if path.is_dir() else shutil.copy)(path, root / name)
    return root


@pytest.fixture
def call(checkout, monkeypatch, capsys):
    """`call(script, flags)`: run its command line there, with more flags; (exit code, stdout, stderr)."""

    def run(script, more="", line=None):
        entry, *words = (line or LINES[script]).split()
        monkeypatch.chdir((checkout / script).parent)
        module = load_script((ROOT / script).parent / entry)
        return module.main([*words, *f"{MORE[module.__name__]} {more}".split()]), *capsys.readouterr()

    return run


def check_files(folder, metrics):
    """What scoring wrote beside the run: the scores of its metrics.json; characters with both tags."""
    for part, name in (("dev", "eval"), ("test", "test")):
        values = dict(line.split(" = ") for line in read_text(folder / f"{name}_results.txt").splitlines())
        assert float(values["f1"]) == metrics[part]["entity_lenient"]["overall"]["f1"]
        for level, found in metrics[part].items():
            assert {key: float(values[f"{level}_overall_{key}"]) for key in found["overall"]} == found["overall"]
        lines = read_text(folder / f"{name}_predictions.txt").split()
        assert lines[2::3] == [*chain(*runs.read_tags(runs.tags_path(folder, part)))]


@pytest.mark.slow
@pytest.mark.parametrize("script", LINES)
def test_a_command_line_of_the_original_runs_and_its_model_is_scored(script, call, checkout):
    more = "" if "pred_gen" in script else f"--recipe paper {MORE.get(script, '')}"
    code, out, err = call(script, more)
    assert code == 0, err
    if "pred_gen" in script:
        return
    noted = [flag for flag in NOTED if f"note: {flag} has no effect: " in err]
    assert noted == [flag for flag in NOTED if flag in LINES[script] and ("lmft" not in script or "eval" in flag)]
    if "lmft" in script:
        assert "perplexity" in out
        return
    code, again, err = call(script, f"{more} --do_eval --do_predict", LINES[script].replace(" --do_train", ""))
    assert code == 0 and again.splitlines() == [line for line in out.splitlines() if " F1: " in line], err
    folder = (checkout / script).parent / re.search(r"--(?:output_dir|logdir) (\S+)", LINES[script])[1]
    check_files(folder, runs.read_metrics(folder))
    remove_run(folder, TAGGER_RUN)  # as --overwrite does
    assert not (folder / "eval_results.txt").exists()


@pytest.mark.parametrize("script", FLAGS)
def test_every_flag_of_the_original_is_accepted(script, capsys):
    load_script(script).build_parser().parse_args(FLAGS[script].split())
    notes = re.findall("note: (--\\w+) has no effect: .", capsys.readouterr().err)
    assert set(notes) < set(FLAGS[script].split()) and len(notes) == len(set(notes))
