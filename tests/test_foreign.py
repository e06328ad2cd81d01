"""Models that other programs saved: the authors' released form, classes named otherwise, pickles."""

import json
import os

import pytest
import torch
from safetensors.torch import load_file

from cbpner import Tagger
from cbpner.base.errors import InputError
from cbpner.models.encoders import load_tagger, locate_encoder
from cbpner.text.labels import DEFAULT
from cbpner.training.recipes import get_recipe

TEXT = "HER2阳性乳腺癌患者的EGFR基因突变，BRCA1"
CASED, OTHER = {"do_lower_case": False}, ["[PAD]", *sorted(DEFAULT.tags)]  # the classes in another order
ORDER = "O, B-gene, I-gene, B-protein"


@pytest.fixture
def release(tmp_path, tiny_tagger, tiny_vocabulary):
    """`release(config, tokenizer, tags)`: the tiny tagger as pytorch_transformers would have saved it."""

    def write(settings=(), tokenizer=CASED, tags=DEFAULT.tags):
        (folder := tmp_path / "released").mkdir()
        config = json.loads((tiny_tagger / "config.json").read_text())
        config = {name: config[name] for name in config if name.endswith(("size", "layers", "heads", "embeddings"))}
        config |= {"finetuning_task": None, "torchscript": False, "pruned_heads": {}, "num_labels": len(tags)}
        (folder / "config.json").write_text(json.dumps(config | dict(settings)))
        weights = load_file(tiny_tagger / "model.safetensors")
        for name in ("classifier.weight", "classifier.bias"):
            rows = dict(zip(DEFAULT.tags, weights[name], strict=True))
            weights[name] = torch.stack([rows.get(tag, rows["O"] - 9) for tag in tags])
        torch.save(weights, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
        (folder / "vocab.txt").write_text("\n".join(tiny_vocabulary) + "\n", encoding="utf-8")
        (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
        return folder

    return write


@pytest.mark.parametrize("settings, tags, said", [
    ({}, DEFAULT.tags, ORDER),
    ({"id2label": {str(number): f"LABEL_{number}" for number in range(7)}}, DEFAULT.tags, ORDER),
    ({"label2id": {tag: number for number, tag in enumerate(OTHER)}}, OTHER, "of type bert"),
    ({"id2label": dict(enumerate(OTHER)), "architectures": ["BertForTokenClassification"]}, OTHER, "of type bert"),
    ({"model_type": "bert", "id2label": dict(enumerate(DEFAULT.tags))}, DEFAULT.tags, "assumed: nothing"),
], ids=["no names", "LABEL_0", "label2id alone", "another order", "a pickle alone"])  # fmt: skip
def test_the_released_form_predicts_as_our_own_and_trains(release, tiny_tagger, capsys, settings, tags, said):
    folder, spans = release(settings, tags=tags), Tagger.from_pretrained(tiny_tagger).tag(TEXT)
    assert Tagger.from_pretrained(folder).tag(TEXT) == spans != []
    assert said in capsys.readouterr().err
    recipe = get_recipe("cbp", "Supervised_Original", encoder=str(folder), max_length=128)
    assert Tagger.from_pretrained(folder).tag(TEXT) == spans
    model, tokenizer = load_tagger(recipe, DEFAULT, "eager")
    assert not capsys.readouterr().err, "it is converted once"
    name = "bert.encoder.layer.1.output.dense.weight"
    assert torch.equal(model.state_dict()[name], load_file(tiny_tagger / "model.safetensors")[name])
    assert len(tokenizer("BRCA1 基因")["input_ids"]) == 10


def test_a_folder_that_cannot_be_written_to_is_converted_in_the_cache_of_the_hub(release, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "access", lambda place, mode: False)
    assert locate_encoder(str(folder := release())).startswith(str(tmp_path / "cache"))
    assert not (folder / "cbpner").exists()


def test_a_tokenizer_lower_cases_unless_it_says_otherwise(release, tiny_vocabulary, capsys):
    table = Tagger.from_pretrained(release(tokenizer={})).table
    assert table.encode("B").tolist() == [tiny_vocabulary["b"]] and "lower-cases" in capsys.readouterr().err


class Harm:
    def __reduce__(self):
        return os.mkdir, ("harm",)


@pytest.mark.parametrize("harm", [Harm(), None], ids=["code", "other weights"])
def test_a_pickle_that_would_run_code_or_lacks_weights_is_refused(release, tmp_path, monkeypatch, harm):
    monkeypatch.chdir(tmp_path)
    folder = release()
    torch.save({"bert.weight": harm} if harm else {"bert.weight": torch.ones(1)}, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="released: found a model that cannot be used"):
        Tagger.from_pretrained(folder)
    assert not (tmp_path / "harm").exists() and not (folder / "cbpner").exists()
