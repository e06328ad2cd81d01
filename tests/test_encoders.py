"""Where encoders come from, and what is said where one cannot be had."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from cbpner.base.errors import InputError
from cbpner.models.encoders import load_tagger, locate_encoder
from cbpner.models.names import SHIPPED_ENCODERS
from cbpner.runs.folder import PROJECT
from cbpner.text.labels import DEFAULT, LabelSet
from cbpner.training.recipes import get_recipe


def load(**overrides):
    torch.manual_seed(0)
    return load_tagger(get_recipe("cbp", "Supervised_Original", **overrides), DEFAULT, "eager")


def test_the_shipped_encoders_are_found_by_their_names_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [locate_encoder(name) for name in SHIPPED_ENCODERS] == [f"{PROJECT}/models/{n}" for n in SHIPPED_ENCODERS]
    model, tokenizer = load()
    assert model.config.id2label == DEFAULT.id_to_tag
    assert model.dtype == torch.float32
    assert tokenizer("[SEP]", add_special_tokens=False)["input_ids"] != [tokenizer.sep_token_id]


def test_a_tagger_of_other_classes_gets_a_new_head(tiny_tagger):
    torch.manual_seed(0)
    recipe = get_recipe("cbp", "Supervised_Original", encoder=str(tiny_tagger), max_length=128)
    model, _ = load_tagger(recipe, LabelSet(("chemical",)), "eager")
    assert model.classifier.weight.shape == (3, 32) and model.classifier.weight.std() < 0.4


@pytest.mark.parametrize("settings, found", [
    ({"encoder": "FOLDER"}, "found a folder without config.json"),
    ({"encoder": "bert-base-chinese"}, "bert-base-chinese: .*cannot be reached.*RECIPE=cbp, or --encoder cbp_mini"),
    ({"encoder": "TINY", "max_length": 4096, "batch_tokens": 8192}, r"found max_length 4096; expected at most \d+"),
])  # fmt: skip
def test_an_encoder_that_cannot_be_had_or_used_says_why(settings, found, tmp_path, tiny_encoder, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    encoder = {"FOLDER": str(tmp_path), "TINY": str(tiny_encoder)}.get(settings["encoder"], settings["encoder"])
    with pytest.raises(InputError, match=found):
        load(**settings | {"encoder": encoder})


@pytest.mark.parametrize("fault", ["missing", "left over", "NaN"])
def test_an_encoder_whose_weights_do_not_fit_is_refused(tmp_path, tiny_encoder, fault):
    weights, name = load_file(tiny_encoder / "model.safetensors"), "bert.encoder.layer.1.output.dense.bias"
    value = weights.pop(name)
    new = {"missing": {}, "left over": {name: value, name.replace("1", "2"): value.clone()}, "NaN": {name: value / 0}}
    shutil.copytree(tiny_encoder, tmp_path, dirs_exist_ok=True)
    save_file(weights | new[fault], tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"layer\.[12]\.output"):
        load(encoder=str(tmp_path))
