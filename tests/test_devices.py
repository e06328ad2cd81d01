"""Devices, number formats and memory, with mocked GPUs; what only a GPU can show is in tests/test_cuda.py."""

import itertools
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from shell import ROOT
from test_crf_tagger import make_model
from test_training import assert_same_weights
from transformers import TrainingArguments

from cbpner.base.errors import InputError
from cbpner.models import devices
from cbpner.runs.environment import compare_environments
from cbpner.training import base_trainer, config
from cbpner.training.run import train

CPU, CARD, FULL = torch.device("cpu"), torch.device("cuda", 1), torch.OutOfMemoryError("CUDA out of memory.")


@pytest.mark.parametrize("precision, capability, expected", [
    ("auto", (8, 0), "bf16"), ("auto", (7, 5), "fp16"), ("auto", (6, 1), "fp32"), ("fp16", (8, 0), "fp16"),
])  # fmt: skip
def test_a_card_gets_the_format_that_it_has_in_hardware(precision, capability, expected, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert devices.pick_precision(precision, CARD) == expected
    arguments = base_trainer.make_arguments(tmp_path, expected, CPU)
    assert (arguments.fp16, arguments.bf16) == (expected == "fp16", expected == "bf16")
    assert devices.pick_precision("auto", torch.device("mps")) == "fp32"
    with pytest.raises(InputError, match="fp16"):
        devices.pick_precision("fp16", CPU)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_under_autocast_the_lstm_is_in_float32(precision, tiny_encoder):
    model, seen = make_model("coded", tiny_encoder), []
    model.lstm.register_forward_hook(lambda module, inputs, output: seen.extend((inputs[0].data, output[0].data)))
    with devices.autocast(precision, CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == devices.DTYPES[precision]
        model(torch.tensor([[101, 200, 102]]))
    assert {part.dtype for part in seen} == {torch.float32}


def test_the_device_and_its_batches(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert devices.pick_device() == CPU and devices.count_batch_tokens(CPU, 768) == 2048
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert devices.pick_device().type == "mps"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert devices.pick_device() == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert devices.pick_device() == CARD
    for free, tokens in ((80 << 30, 65_536), (2 << 30, (1 << 30) // (128 * 768)), (1 << 20, 2048)):
        monkeypatch.setattr(devices, "free_memory", lambda device, free=free: free)
        assert devices.count_batch_tokens(CARD, 768) == tokens


def test_a_run_names_its_cards_and_says_that_others_resume_it(monkeypatch):
    for name, value in {"is_available": True, "device_count": 2, "get_device_name": "Card A"}.items():
        monkeypatch.setattr(torch.cuda, name, lambda *number, value=value: value)
    monkeypatch.setattr(config, "ask_program", lambda *command: "555.1\n555.1")
    found = config.describe_machine("bf16")
    assert {"device": "cuda", "gpus": ["Card A"] * 2, "driver": "555.1"}.items() <= found.items()
    assert compare_environments(found, found | {"gpus": ["B"]}) == ["gpus: ['Card A', 'Card A'], now ['B']"]


@pytest.mark.slow
@pytest.mark.parametrize("own", [{"head": "linear"}, {"head": "crf", "loss_over": "sentences"}], ids=str)
def test_on_one_of_two_cards_a_batch_that_is_too_large_is_computed_in_parts(own, make_job, monkeypatch, capsys):
    """Whether the memory runs out at the first part or behind one; the weights are those of whole batches."""
    settings = {"epochs": 1, "mask_share": 0.0, "dropout": 0.0, **own}
    whole, parts, none = (make_job(name, **settings) for name in ("whole", "parts", "none"))
    train(whole)
    calls, compute, limit = itertools.count(1), base_trainer.HalvingTrainer.compute_loss, 3

    def run_out(self, model, inputs, *args, **kwargs):
        if len(inputs["labels"]) > limit or next(calls) == 6:
            raise FULL
        return compute(self, model, inputs, *args, **kwargs)

    monkeypatch.setattr(TrainingArguments, "n_gpu", property(lambda self: 2))
    monkeypatch.setattr(torch.nn.DataParallel, "__init__", None)
    monkeypatch.setattr(base_trainer.HalvingTrainer, "compute_loss", run_out)
    train(parts)
    assert_same_weights(whole.output, parts.output, tolerance=1e-5)
    assert capsys.readouterr().err.count("in parts") == 1
    limit = 0
    with pytest.raises(InputError, match="BATCH_SIZE"):
        train(none)


def test_rows_that_do_not_fit_are_computed_in_halves():
    def run(rows, others):
        if len(rows) > 1:
            raise FULL
        return np.array(others)

    assert devices.run_in_halves(run, [1, 2, 3], [4, 5, 6]).tolist() == [4, 5, 6]


def test_systems_without_posix(tmp_path):
    lacking = re.compile(r"^ *(import|from) (fcntl|resource|pwd|grp|termios)\b", re.MULTILINE)
    found = [path.name for path in (ROOT / "cbpner").rglob("*.py") if lacking.search(path.read_text("utf-8"))]
    assert sorted(found) == ["files.py", "memory.py"]
    code = "import os, pathlib, sys\nsys.modules['fcntl'] = sys.modules['resource'] = None\n"
    code += "from cbpner.base import files, memory\nfrom cbpner.runs.lock import lock_run\n"
    code += "with lock_run(pathlib.Path('a')):\n    files.write_text('a/b', '')\n"
    code += "assert memory.measure_peak() >= 0 and os.listdir('a') == ['b']"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "no file locks" in done.stderr, done.stderr
