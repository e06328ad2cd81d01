"""Masked-LM fine-tuning with a tiny encoder: its folder, resuming, continuing, several processes, perplexity."""

import math
import os
import shutil
import signal
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import DEMO_TEXT
from patent_data import read_folder
from safetensors.torch import load_file
from shell import run_on_two_processes, write_flags
from test_interruptions import Attempt, before, drop_measured, half_written, named, nth, read_log
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer, TrainerState, modeling_utils, pipeline

from cbpner.base.errors import InputError
from cbpner.base.files import file_checksum, read_json, write_json
from cbpner.base.process import run_guarded
from cbpner.masked_lm.config import LM_RUN, MODEL_FILES, LMJob, continue_recipe
from cbpner.masked_lm.corpus import TextSource, cut_blocks
from cbpner.masked_lm.masking import EVALUATION_MASKS, MaskingCollator, sum_losses
from cbpner.masked_lm.recipes import get_lm_recipe
from cbpner.masked_lm.run import fine_tune, measure_model
from cbpner.models.encoders import load_masked_lm, locate_encoder
from cbpner.runs import folder as runs
from cbpner.runs.lifecycle import Run
from cbpner.text.tokenizer import CharacterTable

pytestmark = pytest.mark.slow
FAST = {"block_size": 40, "batch_tokens": 320, "lr": 1e-3, "dropout": 0.1, "precision": "fp32"}
EPOCHS = 3


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """{`train`, `held_out`: file}: 1,200 and 500 characters of the demo text, three and two documents."""
    lines = [line for line in DEMO_TEXT.read_text(encoding="utf-8").split("\n") if 30 < len(line) < 80]
    folder = tmp_path_factory.mktemp("text")
    for part, chosen, size in (("train", lines[:24], 8), ("held_out", lines[24:34], 5)):
        documents = ["\n".join(chosen[start : start + size]) for start in range(0, len(chosen), size)]
        (folder / f"{part}.txt").write_text("\n\n".join(documents) + "\n", encoding="utf-8")
    return {part: folder / f"{part}.txt" for part in ("train", "held_out")}


@pytest.fixture(scope="module")
def make_job(texts, tiny_encoder):
    """`make_job(folder)`: three epochs of some five steps, with a checkpoint every two."""

    def build(folder, recipe="cbp", **overrides):
        names = ("seed", "overwrite", "continues", "eval_steps", "save_total_limit", "train", "held_out")
        job = {name: overrides.pop(name) for name in names if name in overrides}
        train, held_out = TextSource((texts["train"],)), TextSource((texts["held_out"],))
        job = {"train": train, "held_out": held_out} | job
        table = get_lm_recipe(recipe, **({"encoder": str(tiny_encoder), "epochs": EPOCHS} | FAST | overrides))
        return LMJob(recipe, table, output=Path(folder), save_steps=2, logging_steps=2, **job)

    return build


def read_model(folder):
    """{name: bytes} of what `from_pretrained` reads."""
    return {name: (folder / name).read_bytes() for name in MODEL_FILES}


def read_metrics(folder):
    return read_json(folder / runs.LM_METRICS)


def assert_same_run(found, expected):
    """The model byte by byte, the figures, the log; nothing of a broken-off attempt is left."""
    assert read_model(found) == read_model(expected)
    assert drop_measured(read_metrics(found)) == drop_measured(read_metrics(expected))
    assert read_log(found / runs.LM_LOG) == read_log(expected / runs.LM_LOG)
    assert sorted(os.listdir(found)) == sorted(os.listdir(expected)) and not list(found.rglob("*.part"))


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Bytes are compared between processes: the order of additions must not depend on how many threads each has."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def unbroken(one_thread, make_job, tmp_path_factory):
    """A finished run of three epochs, made in one go."""
    folder = tmp_path_factory.mktemp("unbroken") / "model"
    fine_tune(make_job(folder))
    return folder


def test_a_run_leaves_a_model_that_the_library_loads(unbroken, tiny_encoder, texts):
    assert sorted(os.listdir(unbroken)) == sorted(
        ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "checkpoints", "lm_run.json",
         "lm_log.jsonl", "lm_metrics.json", "tensorboard"]
    )  # fmt: skip
    model, tokenizer = AutoModelForMaskedLM.from_pretrained(unbroken), AutoTokenizer.from_pretrained(unbroken)
    assert type(AutoModel.from_pretrained(unbroken)).__name__ == "BertModel"
    start = AutoModelForMaskedLM.from_pretrained(tiny_encoder)
    assert model.config.hidden_dropout_prob == start.config.hidden_dropout_prob == 0.1
    assert not torch.equal(model.get_input_embeddings().weight, start.get_input_embeddings().weight)
    assert len(pipeline("fill-mask", model=model, tokenizer=tokenizer)("本发明[MASK]及")) == 5
    times = {path.name: path.stat().st_mtime_ns for path in unbroken.iterdir() if path.is_file()}
    assert max(times, key=times.get) == "lm_metrics.json"
    assert b"perplexity" in next((unbroken / "tensorboard").iterdir()).read_bytes()


def test_the_figures_of_a_run(unbroken, texts, tiny_encoder):
    """Perplexity by hand: the saved model, and the one at the start, on blocks cut and masked here."""
    metrics, config = read_metrics(unbroken), read_json(unbroken / runs.LM_CONFIG)
    text = texts["train"].read_text(encoding="utf-8").replace("\n", "")
    assert metrics["characters"] == len(text) and metrics["characters_read"] == EPOCHS * len(text)
    assert config["data"]["train"]["documents"] == 3 and config["data"]["held_out"]["documents"] == 2
    assert config["data"]["train"]["files"][0]["sha256"] == file_checksum(texts["train"])
    assert metrics["epochs"] == EPOCHS and metrics["steps"] % EPOCHS == 0
    documents = texts["held_out"].read_text(encoding="utf-8").strip("\n").split("\n\n")
    table = CharacterTable(AutoTokenizer.from_pretrained(unbroken))
    blocks = cut_blocks([document.replace("\n", "") for document in documents], table, FAST["block_size"])
    collator = MaskingCollator(table, len(AutoTokenizer.from_pretrained(unbroken)), **EVALUATION_MASKS)
    batch = collator(list(blocks))
    for folder, moment in ((tiny_encoder, "before"), (unbroken, "after")):
        total, targets = sum_losses(AutoModelForMaskedLM.from_pretrained(folder), [batch], nullcontext)
        assert math.exp(total / targets) == pytest.approx(metrics["perplexity"][moment], rel=1e-5)
        assert targets == metrics["perplexity"]["targets"]
    during = metrics["perplexity"]["during"]
    assert [record["epoch"] for record in during] == [1, 2, 3]
    assert during[-1]["perplexity"] == metrics["perplexity"]["after"] < metrics["perplexity"]["before"]


def test_it_is_no_run_of_a_tagger_and_no_encoder_before_its_end(unbroken, tmp_path):
    assert runs.find_runs([unbroken.parent]) == ([], [])
    shutil.copy(unbroken / runs.LM_CONFIG, tmp_path / runs.LM_CONFIG)
    assert runs.find_runs([tmp_path]) == ([], [])
    with pytest.raises(InputError, match="lm_run.json"):
        locate_encoder(str(tmp_path))
    for name, corpus, epochs in (("partHG_1epoch", "HG", 1), ("partBC_30epochs", "BC", 30)):  # still to be made
        for folder in ("models", "../../models", "/elsewhere"):
            with pytest.raises(InputError, match=f"corpora/{corpus} EPOCHS={epochs} bash .*/run_lmft.sh"):
                locate_encoder(f"{folder}/{name}")


def test_perplexity_can_be_measured_more_often_and_of_a_model_as_it_is(make_job, unbroken, texts, tmp_path):
    often = fine_tune(make_job(tmp_path / "often", eval_steps=3))
    steps = [record["step"] for record in often["perplexity"]["during"]]
    total = often["steps"]
    assert steps == sorted({*range(3, total + 1, 3), *range(total // 3, total + 1, total // 3)})
    assert read_model(tmp_path / "often") == read_model(unbroken), "measuring changes nothing"
    recipe, expected = replace(make_job("").recipe, encoder=str(unbroken)), read_metrics(unbroken)["perplexity"]
    found = measure_model(recipe, TextSource((texts["held_out"],)))
    assert found == {"perplexity": pytest.approx(expected["after"], rel=1e-5), "targets": expected["targets"]}


@pytest.mark.parametrize("overrides, message", [
    ({"block_size": 600, "batch_tokens": 600}, "block_size 600"),
    ({"packing": "stream", "block_size": 512, "batch_tokens": 512}, "found 2 characters of text (held_out)"),
    ({"encoder": "models/nowhere/at/all"}, "models/nowhere/at/all"),
])  # fmt: skip
def test_wrong_settings_leave_nothing(overrides, message, make_job, tmp_path, capsys):
    job = make_job(tmp_path / "a" / "model", **overrides)
    if overrides.get("packing"):
        (tmp_path / "short.txt").write_text("很短", encoding="utf-8")
        job = replace(job, held_out=TextSource((tmp_path / "short.txt",)))
    assert run_guarded(fine_tune, job) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "a" / "model" / "model.safetensors").exists()


def test_the_papers_recipe_runs_and_keep_adds_capitals(make_job, lowercase_encoder, tmp_path):
    job = make_job(tmp_path / "paper", "paper", block_size=64, batch_size=4, encoder=str(lowercase_encoder), epochs=1)
    assert fine_tune(job)["characters"] % 62 == 0, "the last block is dropped"
    model, tokenizer = load_masked_lm(make_job("", encoder=str(lowercase_encoder)).recipe, "eager")
    assert not (CharacterTable(tokenizer).encode("HER2") == tokenizer.unk_token_id).any()
    assert len(tokenizer) == model.config.vocab_size == len(model.get_output_embeddings().bias)


def test_a_model_without_a_head_gets_one_and_other_architectures_are_refused(make_job, tiny_encoder, tmp_path, capsys):
    def load(encoder):
        return load_masked_lm(make_job("", encoder=str(encoder)).recipe, "eager")

    headless = Path(shutil.copytree(tiny_encoder, tmp_path / "headless"))
    AutoModel.from_pretrained(tiny_encoder).save_pretrained(headless)
    load(headless)
    assert "headless" in capsys.readouterr().err
    load(tiny_encoder)
    assert not capsys.readouterr().err
    write_json(headless / "config.json", read_json(headless / "config.json") | {"model_type": "electra"})
    with pytest.raises(InputError, match="electra"):
        load(headless)


def test_a_finished_run_is_left_alone(make_job, unbroken, capsys):
    written = read_folder(unbroken)
    assert fine_tune(make_job(unbroken)) == read_metrics(unbroken)
    assert "finished already" in capsys.readouterr().out
    for other in ({"epochs": 4}, {"seed": 1}, {"recipe": "paper"}, {"held_out": None}, {"encoder": "cbp_mini"}):
        with pytest.raises(InputError, match=rf"{'|'.join(other).replace('encoder', 'starting model')}.*--overwrite"):
            fine_tune(make_job(unbroken, **other))
    assert read_folder(unbroken) == written


def test_what_a_run_did_not_make_is_never_overwritten(make_job, tiny_encoder, unbroken, tmp_path):
    shutil.copytree(tiny_encoder, tmp_path / "model")
    shutil.copytree(unbroken, tmp_path / "run")
    (tmp_path / "run" / "notes.md").write_text("precious")
    kept = read_folder(tmp_path)
    for name, overwrite, found in (("model", True, "lm_run.json"), ("model", False, "lm_run.json"),
                                   ("run", True, "notes.md")):  # fmt: skip
        with pytest.raises(InputError, match=f"{tmp_path / name}: .*{found}"):
            fine_tune(make_job(tmp_path / name, overwrite=overwrite))
    assert read_folder(tmp_path) == kept
    (tmp_path / "run" / "notes.md").unlink()
    with pytest.raises(InputError, match=str(tmp_path / "run")):
        fine_tune(make_job(tmp_path / "run", overwrite=True, encoder=str(tmp_path / "run")))
    assert read_model(tmp_path / "run") == read_model(unbroken)
    fine_tune(make_job(tmp_path / "run", epochs=1, overwrite=True))
    assert read_metrics(tmp_path / "run")["epochs"] == 1


RUN = fine_tune
# moment: (owner of the function, its name, the call at which, how); a checkpoint every two steps and behind each epoch
DEATHS = {
    "in the weights of a checkpoint": (modeling_utils, "safe_save_file", nth(3), half_written),
    "in the state of a checkpoint": (TrainerState, "save_to_json", nth(4), half_written),
    "while the model's files are named": (os, "replace", named("config.json", place=1), before),
    "before lm_metrics.json": (Run, "finish", nth(1), before),
}


@pytest.mark.parametrize("moment", DEATHS)
def test_a_run_killed_at_this_moment_ends_as_if_unbroken(moment, forks, make_job, unbroken, tmp_path):
    """Unless its settings are others."""
    job = make_job(tmp_path / "model")
    assert Attempt(forks, job, moment, suite=__name__).finish()[0] == -signal.SIGKILL
    assert not LM_RUN.is_finished(job.output)
    loads = (job.output / "config.json").is_file()
    assert loads == ("lm_metrics.json" in moment), "nothing half-written can be loaded"
    (tmp_path / "other.txt").write_text("另一件专利的正文，讲的是抗体。" * 40, encoding="utf-8")
    for other, name in (
        ({"lr": 2e-3}, "flags"), ({"train": TextSource((tmp_path / "other.txt",))}, "text"),
        ({"held_out": None}, "held_out text"), ({"encoder": "cbp_mini"}, "starting model"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=f"{name} .*--overwrite"):
            fine_tune(make_job(job.output, **other))
    assert Attempt(forks, job, suite=__name__).finish()[0] == 0
    assert_same_run(job.output, unbroken)


def continue_job(make_job, old, new):
    """The job that continues the run `old` to five epochs."""
    name, recipe, seed = continue_recipe(old, epochs=5.0)
    return replace(make_job(new, continues=old, seed=seed), recipe_name=name, recipe=recipe)


def test_three_epochs_and_two_more_are_five(make_job, tmp_path):
    """Of a stream, eight blocks a step; the next test has documents and batches by tokens."""
    settings = {"packing": "stream", "batch_size": 4, "accumulation": 2, "warmup": 0.2, "mask_share": 0.3}
    fine_tune(make_job(tmp_path / "five", epochs=5, **settings))
    fine_tune(make_job(tmp_path / "three", epochs=3, schedule_epochs=5, **settings))
    kept = read_folder(tmp_path / "three")
    assert read_model(tmp_path / "three")["model.safetensors"] != read_model(tmp_path / "five")["model.safetensors"]
    fine_tune(continue_job(make_job, tmp_path / "three", tmp_path / "longer"))
    assert_same_run(tmp_path / "longer", tmp_path / "five")
    assert read_folder(tmp_path / "three") == kept, "the old run stays"


@pytest.fixture(scope="module")
def three(make_job, tmp_path_factory):
    folder = tmp_path_factory.mktemp("continued") / "three"
    fine_tune(make_job(folder, epochs=3, schedule_epochs=5))
    return folder


def test_a_continuation_that_is_killed_resumes(forks, make_job, three, tmp_path):
    fine_tune(make_job(tmp_path / "five", epochs=5))
    job = continue_job(make_job, three, tmp_path / "longer")
    assert Attempt(forks, job, "in the weights of a checkpoint", suite=__name__).finish()[0] == -signal.SIGKILL
    assert Attempt(forks, job, suite=__name__).finish()[0] == 0
    assert_same_run(job.output, tmp_path / "five")
    config = read_json(job.output / runs.LM_CONFIG)
    assert config["continues"]["path"] == str(three) and config["continues"]["checkpoint"].startswith("checkpoint-")
    assert config["start"] == read_json(three / runs.LM_CONFIG)["start"]


def test_what_cannot_be_continued_says_why(make_job, three, unbroken, tiny_encoder, texts, tmp_path):
    shutil.copytree(three, tmp_path / "old")
    shutil.rmtree(tmp_path / "old" / runs.CHECKPOINTS)
    with pytest.raises(InputError, match="old/checkpoints: "):
        fine_tune(continue_job(make_job, tmp_path / "old", tmp_path / "new"))
    (tmp_path / "old" / runs.LM_METRICS).unlink()
    for folder, more, found in (
        (tiny_encoder, {}, "lm_run.json"), (unbroken, {}, "--schedule_epochs 5"), (three, {"lr": 0.1}, "lr: 0.001"),
        (tmp_path / "old", {}, "interrupted"), (three, {"epochs": 3}, "3 epochs; expected more"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=f"{folder}: .*{found}"):
            continue_recipe(folder, **({"epochs": 5} | more))
    job = continue_job(make_job, three, tmp_path / "new")
    for other, found in (({"train": TextSource((texts["held_out"],))}, "text"), ({"seed": 9}, "seed")):
        with pytest.raises(InputError, match=f"{three}: .*{found} "):
            fine_tune(replace(job, **other))
    assert not (tmp_path / "new").exists()


def test_a_run_with_a_number_of_steps_has_a_schedule_for_them(make_job, tmp_path):
    metrics = fine_tune(make_job(tmp_path / "model", max_steps=4, warmup=0.0))
    rates = [record["learning_rate"] for record in metrics["history"] if "learning_rate" in record]
    assert metrics["steps"] == 4 and rates == pytest.approx([0.75e-3, 0.25e-3])
    with pytest.raises(InputError, match="4 steps"):
        continue_recipe(tmp_path / "model", epochs=5)
    with pytest.raises(InputError, match="max_steps 9999 and a schedule that ends after"):
        fine_tune(make_job(tmp_path / "long", max_steps=9999, schedule_epochs=1.0))


@pytest.mark.parametrize("settings", [{"batch_size": 3}, {"batch_tokens": 48, "accumulation": 2}])
def test_two_processes_equal_one(settings, forks, make_job, texts, tiny_encoder, tmp_path):
    """Unlike numbers of targets, or no block, on each process; weights, losses and perplexities are those of one."""
    settings = {"dropout": 0.0, "epochs": 1.0, "block_size": 48} | settings
    one = fine_tune(make_job(tmp_path / "one", **settings))
    own = {"logging_steps": 2, "save_steps": 2, "train_data_file": texts["train"], "eval_data_file": texts["held_out"],
           "model_name_or_path": tiny_encoder, "output_dir": tmp_path / "two"}  # fmt: skip
    flags = ["--mlm", "--do_train", *write_flags(FAST | settings | own)]
    script = "BERT_LM_mixed/lmft_example/run_lm_finetuning.py"
    program = "import sys\nsys.modules['pyarrow'] = None\nfrom shell import load_script\n"  # GPU machines often lack it
    program += f"assert load_script({script!r}).main({flags}) == 0"
    run_on_two_processes(forks, program, tmp_path)
    two = read_metrics(tmp_path / "two")
    left, right = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name in left | right:
        assert torch.allclose(left[name], right[name], rtol=0, atol=1e-5), name
    for key in ("loss", "perplexity"):
        pairs = [[record[key] for record in metrics["history"] if key in record] for metrics in (one, two)]
        assert len(pairs[0]) > 1 and pairs[0] == pytest.approx(pairs[1], rel=1e-4)
    assert two["perplexity"]["targets"] == one["perplexity"]["targets"]
    assert read_json(tmp_path / "two" / runs.LM_CONFIG)["environment"]["processes"] == 2


def test_each_epoch_has_its_own_order_and_masks(make_job, monkeypatch, tmp_path):
    """Set by us: the libraries do not reach a sampler that is sharded or resumed."""
    epochs = []
    monkeypatch.setattr(MaskingCollator, "set_epoch", lambda self, epoch: epochs.append(epoch))
    fine_tune(make_job(tmp_path / "model", held_out=None))
    assert epochs == [0, 1, 2]


@pytest.mark.parametrize("name, overrides, found", [
    ("cbp", {"epochs": 0.0}, "epochs 0.0"), ("cbp", {"mask_share": 0.0}, "mask_share 0.0"), ("other", {}, "'other'"),
    ("cbp", {"mask_share": 1.5}, "mask_share 1.5"), ("cbp", {"packing": "none"}, "'none'"),
    ("cbp", {"batch_tokens": 100}, "100"), ("cbp", {"lr": -1.0}, "lr -1.0"),
    ("cbp", {"epochs": 3.0, "schedule_epochs": 2.0}, "schedule_epochs 2"),
])  # fmt: skip
def test_wrong_values_name_themselves(name, overrides, found):
    with pytest.raises(InputError, match=found):
        get_lm_recipe(name, **overrides)


@pytest.mark.parametrize("name, overrides, field, expected", [
    ("paper", {"batch_tokens": 2048}, "batch_size", 0), ("cbp", {"batch_size": 4}, "batch_size", 4),
    ("cbp", {"epochs": 5.0}, "schedule_epochs", 5), ("cbp", {"max_steps": 9}, "schedule_epochs", 0),
])  # fmt: skip
def test_one_field_sets_another(name, overrides, field, expected):
    assert getattr(get_lm_recipe(name, **overrides), field) == expected
