"""The shell scripts: their form, and what reaches the entry scripts behind them (tests/shell.py)."""

import os
import re
import shutil
import stat
from pathlib import Path
from typing import NamedTuple

import pytest
from shell import ROOT, load_script, make_stub, read_calls, read_flags, run_bash, write_program

from cbpner.cli import build_parser
from cbpner.commands.patents import make_corpus_job

pytestmark = pytest.mark.slow
SKIPPED_FOLDERS = {".venv", "runs", "build", "dist"}
SCRIPTS = sorted(p for p in ROOT.rglob("*.sh") if not SKIPPED_FOLDERS & set(p.relative_to(ROOT).parts))
SETTINGS = {"GPU_ID": "1,2", "BATCH_SIZE": "5", "RECIPE": "paper", "BERT_MODEL": "an encoder", "SEED": "7",
            "DATA_DIR": "/some data", "OUT_DIR": "/some out", "CASING": "lower"}  # fmt: skip


@pytest.mark.parametrize("script", [*SCRIPTS, ROOT / ".ci" / "run"], ids=lambda p: str(p.relative_to(ROOT)))
def test_a_script_has_the_house_form(script):
    text = script.read_text(encoding="utf-8")
    assert run_bash("-n", script, env=os.environ).returncode == 0
    assert text.startswith("#!/usr/bin/env bash\n# ")
    assert re.search(r"^# usage: ", text, re.M), "no usage header"
    assert re.search(r"\bset -euo pipefail$", text, re.M)
    assert script.stat().st_mode & stat.S_IXUSR, "not executable"


class Method(NamedTuple):
    """A method's folder of scripts: the entry script, its flags and its constant arguments."""

    folder: str
    entry: str
    output: str
    epochs: str
    batch: str
    encoder: str
    fixed: dict

    def read_calls(self, script, *flags, env, **variables):
        return read_calls(run_bash(ROOT / self.folder / f"{script}.sh", *flags, env=env | variables, cwd="/"))


RUN_NER = ("run_ner.py", "--output_dir", "--num_train_epochs", "--per_gpu_train_batch_size")
METHODS = {
    "Supervised_Original": Method(
        "Supervised_Original", "train.py", "--logdir", "--n_epochs", "--batch_size", "--bert_model",
        {"--finetuning": ""},
    ),
    "BERT_LM_mixed": Method(
        "BERT_LM_mixed/ner_example", *RUN_NER, "--model_name_or_path",
        {"--do_train": "", "--do_eval": "", "--do_predict": ""},
    ),
    "partBERT_CRF_described": Method("partBERT_CRF", *RUN_NER, "--bert_model", {"--variant": "described"}),
}  # fmt: skip
ADAPTED = {"_hg": "../../models/partHG_1epoch", "_bc": "../../models/partBC_30epochs"}


@pytest.mark.parametrize("name, ending, encoder", [
    *((name, "", None) for name in METHODS), *(("BERT_LM_mixed", *item) for item in ADAPTED.items()),
])  # fmt: skip
def test_an_experiment_runs_the_splits_and_makes_the_table(stub_python, name, ending, encoder):
    method = METHODS[name]
    up = "../../" if "/" in method.folder else "../"
    *calls, table = method.read_calls(f"iter_exp{ending}", env=stub_python)
    output = f"{up}runs/{name}{'_' * bool(encoder)}{Path(encoder or '').name}"
    for split, call in enumerate(calls):
        assert call[0] == method.entry and call[-1] == "unset"
        assert read_flags(call) == method.fixed | ({method.encoder: encoder} if encoder else {}) | {
            "--data_dir": f"{up}data/cbp_gold", "--split": str(split), "--recipe": "cbp", "--seed": "0",
            method.output: f"{output}/{split}",
        }  # fmt: skip
    assert len(calls) == 5 and table[:-1] == ["-m", "cbpner", "table", output, "-o", output]
    assert method.read_calls(f"ner_exp{ending}", env=stub_python) == calls[:1]
    for script in ("ner_exp", "iter_exp"):
        flags, settings = ("--note", "two words"), SETTINGS | {"SPLIT": "3", "SPLITS": "3"}
        call, *_ = method.read_calls(f"{script}{ending}", *flags, env=stub_python, **settings)
        assert call[-1] == "1,2" and read_flags(call) == method.fixed | {
            method.batch: "5", method.encoder: "an encoder", method.output: "/some out/3", "--recipe": "paper",
            "--data_dir": "/some data", "--seed": "7", "--split": "3", "--note": "two words", "--casing": "lower",
        }  # fmt: skip


@pytest.mark.parametrize("settings, listed, processes", [
    ({"GPU_ID": "0,1"}, 4, 2), ({"GPU_ID": "3"}, 4, 0), ({}, 4, 4), ({}, 1, 0), ({"CUDA_VISIBLE_DEVICES": ""}, 4, 0),
])  # fmt: skip
def test_several_gpus_have_a_process_each(settings, listed, processes, stub_python, tmp_path):
    write_program(tmp_path / "nvidia-smi", "#!/bin/sh\n" + "echo 'GPU 0: a card'\n" * listed)
    env = stub_python | settings | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)] * bool(processes)
    for (call,) in [method.read_calls("ner_exp", env=env) for method in METHODS.values()]:
        assert call[: len(start) + 1] == [*start, "train.py" if "train.py" in call else "run_ner.py"]
        assert call[-1] == settings.get("GPU_ID", settings.get("CUDA_VISIBLE_DEVICES", "unset"))


@pytest.mark.parametrize("settings, ending", [
    ({"RECIPE": "paper"}, "_paper"), ({"CASING": "lower"}, "_lower"), ({"BERT_MODEL": "/my/own_{split}"}, "_own"),
    (SETTINGS | {"OUT_DIR": ""}, "_paper_lower_an encoder_some data_seed7"),
])  # fmt: skip
@pytest.mark.parametrize("name", METHODS)
def test_runs_with_other_settings_lie_side_by_side(stub_python, name, settings, ending):
    *calls, table = METHODS[name].read_calls("iter_exp", env=stub_python, **settings)
    folders = [read_flags(call)[METHODS[name].output] for call in calls]
    assert folders == [f"{table[3]}/{split}" for split in range(5)] and Path(table[3]).name == f"{name}{ending}"


@pytest.mark.parametrize("name", METHODS)
def test_splits_are_chosen_and_a_failed_one_stops_the_rest(stub_python, tmp_path, name):
    method = METHODS[name]
    *calls, _ = method.read_calls("iter_exp", env=stub_python, OUT_DIR="/some out", SPLITS="1 4")
    assert [read_flags(call)[method.output] for call in calls] == ["/some out/1", "/some out/4"]
    stub, check = stub_python["CBP_PYTHON"], f'[ "$1" != {method.entry} ] || {{ echo "$1"; exit 2; }}'
    python = write_program(tmp_path / "python", f'#!/bin/sh\n{check}\nexec "{stub}" "$@"\n')
    done = run_bash(ROOT / method.folder / "iter_exp.sh", env=stub_python | {"CBP_PYTHON": str(python)})
    assert done.returncode == 2 and len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("name, settings, outputs", [
    ("Supervised_Original", {"OUT_DIR": "/some out"}, ["/some out/0"]),
    ("partBERT_CRF_described", {"VARIANT": "coded"}, ["../runs/demo/partBERT_CRF_coded/0"]),
    ("partBERT_CRF_described", {"OUT_DIR": "/some out/"}, ["/some out_described/0", "/some out_coded/0"]),
])  # fmt: skip
def test_the_demo_of_a_method(stub_python, name, settings, outputs):
    method, settings = METHODS[name], {"RECIPE": "paper", "SEED": "7", "GPU_ID": "1,2"} | settings
    calls = method.read_calls("demo_run", "--note", "two words", env=stub_python, **settings)
    expected = {"--data_dir": "../data/demo", method.epochs: "1", "--overwrite": "", "--split": "0",
                "--recipe": "paper", "--seed": "7", "--note": "two words"}.items()  # fmt: skip
    assert [read_flags(call)[method.output] for call in calls] == outputs
    assert all(expected <= read_flags(call).items() and call[-1] == "1,2" for call in calls)
    assert all(read_flags(call).get("--variant", "0") in out for call, out in zip(calls, outputs, strict=True))


LMFT = ROOT / "BERT_LM_mixed" / "lmft_example"


@pytest.fixture
def corpus(tmp_path):
    """A folder as `cbpner patents` leaves one, with a space in its name."""
    folder = tmp_path / "my corpus"
    folder.mkdir()
    for name in ("train.txt", "test.txt"):
        (folder / name).write_text("本发明\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("settings, output", [
    ({}, "../../models/partHG_1epoch"), ({"OUT_DIR": "/some out"}, "/some out"),
    ({"CORPUS": "../../data/corpora/BC", "EPOCHS": "30"}, "../../models/partBC_30epochs"),
    ({"RECIPE": "paper", "EPOCHS": ""}, "../../models/partHG_30epochs_paper"),
    ({"CORPUS": "/my own/texts.txt", "SEED": "7"}, "../../models/parttexts_1epoch_seed7"),
])  # fmt: skip
def test_the_corpus_names_the_model(settings, output, stub_python):
    (call,) = read_calls(run_bash(LMFT / "run_lmft.sh", env=stub_python | settings, cwd="/"))
    assert call[0] == "run_lm_finetuning.py" and call[-1] == "unset"
    assert read_flags(call) == {
        "--mlm": "", "--do_train": "", "--train_data_file": settings.get("CORPUS", "../../data/corpora/HG"),
        "--output_dir": output, "--recipe": settings.get("RECIPE", "cbp"),
        "--num_train_epochs": settings.get("EPOCHS", "1") or "30",
    } | ({"--seed": "7"} if "SEED" in settings else {})  # fmt: skip


@pytest.mark.parametrize("script", ["run_lmft.sh", "run_lmft_load.sh"])
def test_variables_reach_the_fine_tuning(script, stub_python, corpus):
    env = stub_python | SETTINGS | {"CORPUS": str(corpus), "EPOCHS": "4"}
    (call,) = read_calls(run_bash(LMFT / script, "--line_by_line", "--note", "two words", env=env))
    assert call[-1] == "1,2" and read_flags(call) == {
        "--mlm": "", "--do_train": "", "--do_eval": "", "--train_data_file": str(corpus),
        "--eval_data_file": str(corpus / "test.txt"), "--output_dir": "/some out", "--recipe": "paper",
        "--model_name_or_path": "an encoder", "--per_gpu_train_batch_size": "5", "--num_train_epochs": "4",
        "--seed": "7", "--line_by_line": "", "--note": "two words", "--casing": "lower",
    }  # fmt: skip


def test_a_continuation_takes_recipe_and_seed_from_the_run(stub_python):
    (call,) = read_calls(run_bash(LMFT / "run_lmft_load.sh", "--should_continue", env=stub_python))
    model, corpus = "../../models/partHG_1epoch", "../../data/corpora/HG"
    assert read_flags(call) == {
        "--mlm": "", "--do_train": "", "--train_data_file": corpus, "--output_dir": f"{model}_more",
        "--model_name_or_path": model, "--num_train_epochs": "1", "--should_continue": "",
    }  # fmt: skip
    (call,) = read_calls(run_bash(LMFT / "run_lmft_load.sh", env=stub_python | {"RECIPE": "paper"}))
    assert ["19", f"{model}_more_paper"] == [read_flags(call)[name] for name in ("--num_train_epochs", "--output_dir")]


def test_the_demo_of_bert_lm_mixed_on_a_text_of_its_own(stub_python, corpus):
    env = stub_python | {"SEED": "7", "CORPUS": str(corpus)}
    half, whole, tagger = read_calls(run_bash(ROOT / "BERT_LM_mixed" / "demo_run.sh", "--lr", "1", env=env, cwd="/"))
    output, text = ROOT / "BERT_LM_mixed" / "../runs/demo/BERT_LM_mixed", {"--train_data_file": str(corpus)}
    for call, expected in (
        (half, text | {"--output_dir": f"{output}/lm_half", "--num_train_epochs": "0.5", "--schedule_epochs": "1"}),
        (whole, text | {"--output_dir": f"{output}/lm_whole", "--model_name_or_path": f"{output}/lm_half",
                        "--num_train_epochs": "1", "--should_continue": ""}),
        (tagger, {"--output_dir": f"{output}/0", "--model_name_or_path": f"{output}/lm_whole", "--overwrite": "",
                  "--lr": "1"}),
    ):  # fmt: skip
        assert (expected | {"--seed": "7"}).items() <= read_flags(call).items()
    assert "--lr" not in read_flags(half) | read_flags(whole)


@pytest.mark.parametrize("settings, flags", [
    ({}, {"--pred_input_dir": "../../data/demo/unlabelled", "--pred_output_dir": "../../runs/pred_gen",
          "--model_name_or_path": "../../models/final_trained", "--max_seq_length": "512"}),
    ({"BATCH_SIZE": "5", "MAX_LENGTH": "128", "BERT_MODEL": "a model", "IN_DIR": "my texts", "OUTPUT_DIR": "/some out"},
     {"--pred_input_dir": "my texts", "--pred_output_dir": "/some out", "--model_name_or_path": "a model",
      "--max_seq_length": "128", "--per_gpu_eval_batch_size": "5"}),
])  # fmt: skip
def test_pred_gen_passes_its_settings_on(stub_python, settings, flags):
    script = ROOT / "BERT_LM_mixed" / "ner_example" / "pred_gen.sh"
    (call,) = read_calls(run_bash(script, "--overwrite_output_dir", env=stub_python | settings, cwd="/"))
    assert call[0] == "make_predictions.py"
    assert read_flags(call) == flags | {"--model_type": "bert", "--overwrite_output_dir": ""}


@pytest.mark.parametrize("name, query, first_day, sample, held_out", [
    ("hg", "人类 AND 基因", 20090101, 10000, 100), ("bc", "乳腺癌 AND 生物标记物", 20121201, 100, 5),
])  # fmt: skip
def test_the_corpora_of_the_paper(name, query, first_day, sample, held_out, stub_python, tmp_path):
    script, env = ROOT / "data" / "patents" / f"build_{name}.sh", stub_python | {"SOURCES": "pages export.jsonl"}
    for seed, flags, number in ((0, [], held_out), (7, ["--held-out", "1", "--id-field", "two words"], 1)):
        (call,) = read_calls(run_bash(script, *flags, env=env | ({"SEED": "7"} if seed else {}), cwd=tmp_path))
        job = make_corpus_job(build_parser("patents").parse_args(call[3:-1]))
        chosen = job.selection
        assert (chosen.query, chosen.first_date, chosen.last_date) == (query, first_day, 20190101)
        assert (chosen.countries, len(chosen.gold), job.sources) == (("CN",), 21, ("pages", "export.jsonl"))
        assert (job.sample, job.seed, job.held_out) == (sample, seed, number)
        assert job.output.resolve() == ROOT / "data" / "corpora" / name.upper()
    assert job.fields["id"] == "two words"


def test_the_shipped_tagger_is_the_mean_of_its_seeds(stub_python):
    settings = {"OUT_DIR": "/some out", "MODEL": "/a model", "SEEDS": "0 3", "CALIBRATE": "runs/a runs/b"}
    done = run_bash(ROOT / "models" / "build_final.sh", "--epochs", "3", env=stub_python | settings, cwd="/")
    *seeds, ensemble, ship, calibrate = read_calls(done)
    folders = [read_flags(call)["--output_dir"] for call in seeds]
    assert folders == ["/some out/seed_0", "/some out/seed_3"]
    args = load_script(seeds[1][0]).build_parser().parse_args(seeds[1][1:-1])
    assert (args.recipe, args.selection, args.seed, args.epochs, args.do_train) == ("cbp_patent", "last", 3, 3, True)
    assert ensemble[2:-1] == ["ensemble", *folders, "-o", "/some out/averaged"]
    assert ship[:-1] == ["models/ship_model.py", "/some out/averaged/model", "-o", "/a model"]
    expected = ["--data-dir", "data/cbp_gold", "-o", "/some out/calibration.json", "--into", "/a model"]
    assert calibrate[2:-1] == ["calibrate", "runs/a", "runs/b", *expected, "--overwrite"]


def test_the_demo_runs_each_method_and_makes_the_table_and_a_page(stub_python):
    *calls, table, report = read_calls(run_bash(ROOT / "demo_run.sh", env=stub_python, cwd="/"))
    output = ROOT / "runs" / "demo"
    found = [flags for flags in map(read_flags, calls) if "--data_dir" in flags]
    methods = ("Supervised_Original", "BERT_LM_mixed", "partBERT_CRF_described", "partBERT_CRF_coded")
    assert [flags.get("--logdir") or flags["--output_dir"] for flags in found] == [f"{output}/{m}/0" for m in methods]
    for flags in found:
        assert (ROOT / "Supervised_Original" / flags["--data_dir"]).resolve() == ROOT / "data" / "demo"
        assert "--overwrite" in flags and "1" in (flags.get("--n_epochs"), flags.get("--num_train_epochs"))
    assert table[1:-1] == ["cbpner", "table", str(output), "-o", str(output)]
    assert report[1:6] == ["cbpner", "report", str(output), "-o", str(output / "report.html")]


@pytest.mark.parametrize("has_model", [True, False])
def test_the_demo_of_the_network(stub_python, tmp_path, has_model):
    for name in ("demo_network.sh", "env/setup.sh", "env/cbp.txt", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    if has_model:
        (tmp_path / "models" / "final_trained").mkdir(parents=True)
    env = stub_python | {"CBP_PYTHON": str(make_stub(tmp_path / "stub"))}
    calls = [call[2:-1] for call in read_calls(run_bash(tmp_path / "demo_network.sh", "--note", "x", env=env))]
    assert [call[0] for call in calls] == ["train"] * (not has_model) + ["patents", "predict", "relations"]
    model = calls[-2][calls[-2].index("--model") + 1]
    assert model == ("models/final_trained" if has_model else calls[0][calls[0].index("-o") + 1])
    assert calls[-1][-2:] == ["--note", "x"]


def test_the_test_command_passes_arguments_on(stub_python, tmp_path):
    call = read_calls(run_bash(ROOT / "run_tests.sh", "-k", "two words", env=stub_python, cwd="/"))[-1]
    assert call[1] == "pytest" and call[-3:-1] == ["-k", "two words"]
    (tmp_path / "with chromium").mkdir()  # else the checks would install one
    write_program(tmp_path / "with chromium" / "chromium", "#!/bin/sh\n")
    path = f"{tmp_path / 'with chromium'}:{stub_python.get('PATH', os.environ['PATH'])}"
    calls = read_calls(run_bash(ROOT / ".ci" / "run", env=stub_python | {"PATH": path}, cwd="/"))
    assert any(call[1] == "pytest" for call in calls)
