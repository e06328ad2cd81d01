"""Where encoders come from, and what is said where one cannot be had."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

from cbpner.base.errors import InputError
from cbpner.models.encoders import SHIPPED_FOLDER, load_tagger, locate_encoder
from cbpner.models.names import SHIPPED_ENCODERS
from cbpner.text.labels import DEFAULT
from cbpner.training.recipes import get_recipe


def load(**overrides):
    torch.manual_seed(0)
    return load_tagger(get_recipe("cbp", "Supervised_Original", **overrides), DEFAULT, "eager")


def test_the_shipped_encoders_are_found_by_their_names_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [locate_encoder(name) for name in SHIPPED_ENCODERS] == [str(SHIPPED_FOLDER / n) for n in SHIPPED_ENCODERS]
    model, tokenizer = load()
    assert model.config.id2label == DEFAULT.id_to_tag
    assert model.dtype == torch.float32
    assert tokenizer("[SEP]", add_special_tokens=False)["input_ids"] != [tokenizer.sep_token_id]


def test_a_folder_without_a_model_says_so(tmp_path):
    with pytest.raises(InputError, match=r"found a folder without config.json"):
        load(encoder=str(tmp_path))


def test_a_hub_name_that_cannot_be_had_names_the_shipped_encoder(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"bert-base-chinese: .*RECIPE=cbp, or --encoder cbp_mini"):
        load(encoder="bert-base-chinese")


@pytest.mark.parametrize("fault", ["missing", "left over", "NaN"])
def test_an_encoder_whose_weights_do_not_fit_is_refused(tmp_path, tiny_encoder, fault):
    weights, name = load_file(tiny_encoder / "model.safetensors"), "bert.encoder.layer.1.output.dense.bias"
    value = weights.pop(name)
    new = {"missing": {}, "left over": {name: value, name.replace("1", "2"): value.clone()}, "NaN": {name: value / 0}}
    shutil.copytree(tiny_encoder, tmp_path, dirs_exist_ok=True)
    save_file(weights | new[fault], tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"layer\.[12]\.output"):
        load(encoder=str(tmp_path))


def test_a_sub_word_vocabulary_is_refused(tmp_path):
    from tokenizers import Tokenizer, models

    core = Tokenizer(models.Unigram([("<unk>", 0.0), ("▁基因", -1.0), ("基", -2.0)], unk_id=0))
    PreTrainedTokenizerFast(tokenizer_object=core, unk_token="<unk>").save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "xlm-roberta"}))
    with pytest.raises(InputError, match=r"Unigram vocabulary is one of sub-words.*cbp_mini"):
        load(encoder=str(tmp_path))


def test_a_length_beyond_the_positions_is_refused(tiny_encoder, tmp_path):
    with pytest.raises(InputError, match=r"found max_length 4096; expected at most \d+"):
        load(encoder=str(tiny_encoder), max_length=4096, batch_tokens=8192)


def test_keep_adds_upper_case_rows_that_start_from_the_lower_case_ones(lowercase_encoder):
    model, tokenizer = load(encoder=str(lowercase_encoder), casing="keep")
    rows, vocabulary = model.get_input_embeddings().weight, tokenizer.get_vocab()
    assert len(tokenizer) == len(rows)
    assert torch.equal(rows[vocabulary["B"]], rows[vocabulary["b"]])
    before = BertForMaskedLM.from_pretrained(lowercase_encoder).get_input_embeddings().weight
    assert torch.equal(rows[: len(before)], before)
    assert BertConfig.from_pretrained(lowercase_encoder).vocab_size == len(before) == len(rows) - 26
