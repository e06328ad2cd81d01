"""models/ship_model.py: what a shipped model holds, and what is refused; models/pretrain.py, which ends with it."""

import json
import shutil
import sys

import pytest
import torch
from conftest import DEMO_TEXT
from safetensors.torch import load_file, save_file
from shell import load_script
from transformers import AutoModelForMaskedLM, AutoTokenizer

from cbpner.base.files import file_checksum, read_json

ship_model, pretrain = load_script("models/ship_model.py"), load_script("models/pretrain.py")


def ship(source, target):
    return ship_model.main([str(source), "-o", str(target)])


def test_half_the_precision_the_same_model_and_its_card(tiny_encoder, tmp_path, capsys):
    target = tmp_path / "shipped"
    target.mkdir()
    (target / "README.md").write_text("卡", encoding="utf-8")
    (target / "optimizer.pt").write_bytes(b"what was here before")
    assert ship(tiny_encoder, target) == 0
    names = ["README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    assert sorted(path.name for path in target.iterdir()) == names
    assert (target / "README.md").read_text(encoding="utf-8") == "卡"
    assert capsys.readouterr().out.startswith(file_checksum(target / "model.safetensors"))
    before, after = load_file(tiny_encoder / "model.safetensors"), load_file(target / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(value.half(), after[name]) for name, value in before.items())
    model = AutoModelForMaskedLM.from_pretrained(target)
    assert model.dtype == torch.float32
    assert AutoTokenizer.from_pretrained(target).get_vocab() == AutoTokenizer.from_pretrained(tiny_encoder).get_vocab()


def test_what_half_precision_cannot_hold_is_refused_and_nothing_is_left(tiny_encoder, tmp_path, capsys):
    source, target = tmp_path / "source", tmp_path / "shipped"
    source.mkdir()
    (source / "config.json").write_text(json.dumps({"model_type": "bert"}))
    save_file({"good": torch.ones(2), "large": torch.tensor([1.0, 70000.0])}, source / "model.safetensors")
    assert ship(source, target) == 2
    assert "large: found values beyond half precision; expected at most 65504" in capsys.readouterr().err
    assert not target.exists()


def test_a_broken_a_too_large_and_the_target_s_own_model_are_refused(tiny_encoder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(ship_model, "LARGEST", 1000)
    assert ship(tiny_encoder, tmp_path / "shipped") == ship(tiny_encoder, tiny_encoder) == 2
    for name in ("config.json", "model.safetensors"):
        shutil.copytree(tiny_encoder, tmp_path / "source", dirs_exist_ok=True)
        (tmp_path / "source" / name).write_bytes(b"not one")
        assert ship(tmp_path / "source", tmp_path / "shipped") == 2
    told = capsys.readouterr().err
    assert "1,000" in told and "another folder" in told and told.count("cannot read a model") == 2
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@pytest.mark.slow
def test_pretraining_plans_its_steps_once_and_ends_in_half_precision(tiny_encoder, tmp_path, capsys, monkeypatch):
    """On trial ten steps took a second; the start-up leaves one of the 12 s. GPU machines often lack pyarrow."""
    records = [{"step": step, "seconds": 3 + step / 10, "epoch": step / 100} for step in (5, 10, 15)]
    monkeypatch.setattr(pretrain, "measure_speed", lambda command, folder, seconds: (records, 10.95))
    monkeypatch.setattr(pretrain, "call", lambda words: load_script(words[1]).main(words[2:]) and pytest.fail())
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    output, own = tmp_path / "out", ["--model_name_or_path", str(tiny_encoder), "--block_size", "64"]
    command = [str(DEMO_TEXT), "-o", str(output), "--device", "cpu", *own, "--minutes"]
    assert pretrain.main([*command, "0.2"]) == 0
    steps = read_json(output / "plan.json")["steps"]
    assert 8 <= steps <= 10 and read_json(output / "run" / "lm_metrics.json")["steps"] == steps
    assert load_file(output / "encoder" / "model.safetensors").popitem()[1].dtype == torch.float16
    assert pretrain.main([*command, "0.2"]) == 0 and "finished already" in capsys.readouterr().out
    assert pretrain.main([*command, "0.3"]) == 2 and "minutes 0.2, now 0.3" in capsys.readouterr().err
