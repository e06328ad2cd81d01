"""models/ship_model.py: what a shipped model holds, and what is refused."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForMaskedLM, AutoTokenizer

from cbpner.base.files import file_checksum

ROOT = Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location("ship_model", ROOT / "models" / "ship_model.py")
ship_model = importlib.util.module_from_spec(spec)
spec.loader.exec_module(ship_model)


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


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_broken_model_says_so(tiny_encoder, tmp_path, capsys, name):
    shutil.copytree(tiny_encoder, tmp_path / "source")
    (tmp_path / "source" / name).write_bytes(b"not one")
    assert ship(tmp_path / "source", tmp_path / "shipped") == 2
    assert "cannot read a model" in capsys.readouterr().err


def test_a_model_that_is_too_large_or_stands_where_it_goes_is_refused(tiny_encoder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(ship_model, "LARGEST", 1000)
    assert ship(tiny_encoder, tmp_path / "shipped") == ship(tiny_encoder, tiny_encoder) == 2
    told = capsys.readouterr().err
    assert "1,000" in told and "another folder" in told and list(tmp_path.iterdir()) == []
