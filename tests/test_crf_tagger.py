"""partBERT_CRF: what learns and what does not, the loss, kept features, saving and loading."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForTokenClassification, AutoTokenizer, ElectraConfig

from cbpner.base.errors import InputError
from cbpner.models.crf_tagger import BertCrfForTokenClassification
from cbpner.models.encoders import load_tagger
from cbpner.runs import folder as runs
from cbpner.text.bio import Sentence
from cbpner.text.labels import DEFAULT, may_follow
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.predictor import FeatureStore
from cbpner.training.recipes import get_recipe
from cbpner.training.run import train
from cbpner.training.trainer import TaggingCollator, encode_sentences

VARIANTS = ("described", "coded", "flair")  # the last: `coded` with the head of the recipe `paper`


def make_settings(variant):
    """The method and recipe fields of a variant."""
    method = "partBERT_CRF_described" if variant == "described" else "partBERT_CRF_coded"
    return {"method": method, "trainable_layers": int(variant == "described"), "original_head": variant == "flair"}


def make_model(variant, encoder, **overrides):
    torch.manual_seed(0)
    settings = {"encoder": str(encoder), "lstm_size": 8} | make_settings(variant) | overrides
    return load_tagger(get_recipe("cbp", **settings), DEFAULT, "eager")[0]


def make_batch(lengths=(9, 4, 12), seed=0):
    """Random ids, attention mask and legal labels, padded, with [CLS] and [SEP]."""
    random, width = torch.Generator().manual_seed(seed), max(lengths)
    ids = torch.randint(110, 900, (len(lengths), width), generator=random)
    places = torch.arange(width)[None]
    mask = (places < torch.tensor(lengths)[:, None]).long()
    labels = torch.randint(0, 2, ids.shape, generator=random)  # O or B-gene
    labels[(places == 0) | (places >= torch.tensor(lengths)[:, None] - 1)] = -100
    return {"input_ids": ids * mask, "attention_mask": mask, "labels": labels}


@pytest.mark.parametrize("variant, parts", [
    ("described", {"bert.encoder.layer.1", "classifier", "crf"}), ("coded", {"lstm", "classifier", "crf"}),
    ("flair", {"projection", "lstm", "classifier", "crf"}),
])  # fmt: skip
def test_only_the_variants_part_learns(variant, parts, tiny_encoder):
    model = make_model(variant, tiny_encoder).train()
    model(**make_batch()).loss.backward()
    learning = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert learning == {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert {part for part in parts if any(name.startswith(part + ".") for name in learning)} == parts
    assert all(name.startswith(tuple(f"{part}." for part in parts)) for name in learning)


def test_the_coded_variant_reads_four_layers_side_by_side(tmp_path, tiny_encoder):
    model = make_model("coded", tiny_encoder).eval()
    batch = make_batch()
    states = model.bert(batch["input_ids"], batch["attention_mask"], output_hidden_states=True).hidden_states
    assert len(states) == 3  # a tiny encoder has two layers: as many as there are
    assert torch.equal(model.compute_features(batch["input_ids"], batch["attention_mask"]), torch.cat(states[1:], -1))


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_frozen_part_runs_without_dropout_and_gradient_also_in_training(variant, tiny_encoder):
    model = make_model(variant, tiny_encoder, dropout=0.5).train()
    batch = make_batch()
    first, second = (model.compute_features(batch["input_ids"], batch["attention_mask"]) for _ in range(2))
    assert torch.equal(first, second) and not first.requires_grad
    scores = [model.score_features(first, batch["attention_mask"]) for _ in range(2)]
    assert not torch.equal(*scores), "the part that learns has its dropout"


def test_a_linear_head_alone_learns_from_an_encoder_without_dropout(tiny_encoder):
    recipe = get_recipe("paper", "Supervised_Original", encoder=str(tiny_encoder), trainable_layers=0)
    model, batch = load_tagger(recipe, DEFAULT, "eager")[0].train(), make_batch()
    states = [model.base_model(batch["input_ids"], batch["attention_mask"]).last_hidden_state for _ in range(2)]
    assert torch.equal(*states)


@pytest.mark.parametrize("variant", VARIANTS)
def test_padding_and_special_tokens_never_matter(variant, tiny_encoder):
    model, batch = make_model(variant, tiny_encoder).eval(), make_batch((9, 4, 12))
    torch.nn.init.normal_(model.crf.transitions)
    together = model(**batch).loss.item() * (7 + 2 + 10)
    alone = 0.0
    for row, length in enumerate((9, 4, 12)):
        one = {name: value[row : row + 1, :length] for name, value in batch.items()}
        alone += model(**one).loss.item() * (length - 2)
    assert together == pytest.approx(alone, rel=1e-5)


def test_the_loss_is_divided_by_the_given_number_and_biased_against_o(tiny_encoder):
    model, batch = make_model("described", tiny_encoder).eval(), make_batch()
    loss = model(**batch).loss.item()
    assert model(**batch, num_items_in_batch=torch.tensor(38)).loss.item() == pytest.approx(loss / 2)
    outside = batch | {"labels": torch.where(batch["labels"] == -100, -100, 0)}
    assert model(**outside, outside_bias=2.0).loss < model(**outside).loss


@pytest.mark.parametrize("variant", VARIANTS)
def test_hidden_characters_pass_nothing_on(variant, tiny_encoder):
    model, batch = make_model(variant, tiny_encoder).eval(), make_batch()
    hidden = batch["input_ids"] % 2 == 0
    zeroed = model.compute_features(batch["input_ids"], batch["attention_mask"]) * ~hidden[:, :, None]
    losses = [model(**batch | more).loss for more in ({"hidden": hidden}, {"features": zeroed}, {})]
    assert losses[0] == losses[1] != losses[2]


def test_what_is_hidden_is_the_ids_or_the_features(tiny_encoder):
    table = CharacterTable(AutoTokenizer.from_pretrained(tiny_encoder))
    examples = encode_sentences([Sentence("乳腺癌与BRCA1", ("O",) * 9)] * 40, table, DEFAULT, get_recipe("cbp", ""))
    torch.manual_seed(0)
    masked = TaggingCollator(table, 0.5)(examples)
    torch.manual_seed(0)
    hidden = TaggingCollator(table, 0.5, hide_features=True)(examples)
    assert torch.equal(masked["input_ids"] == table.mask, hidden["hidden"]) and "hidden" not in masked
    assert not (hidden["input_ids"] == table.mask).any()
    assert 0.4 < hidden["hidden"][:, 1:-1].float().mean() < 0.6 and not hidden["hidden"][:, [0, -1]].any()


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_saved_tagger_loads_with_its_own_class_and_with_the_auto_class(variant, tiny_encoder, tmp_path):
    model, batch = make_model(variant, tiny_encoder).eval(), make_batch()
    torch.nn.init.normal_(model.crf.transitions)
    model.save_pretrained(tmp_path)
    for kind in (BertCrfForTokenClassification, AutoModelForTokenClassification):
        again = kind.from_pretrained(tmp_path, attn_implementation="eager")
        assert type(again) is BertCrfForTokenClassification and not again.training
        assert torch.equal(model(**batch).loss, again(**batch).loss)
        assert again.config.id2label == DEFAULT.id_to_tag


def test_an_encoder_of_another_type_and_too_many_layers_are_refused(tiny_encoder, tmp_path):
    shutil.copytree(tiny_encoder, tmp_path / "electra")
    ElectraConfig(max_position_embeddings=512).save_pretrained(tmp_path / "electra")
    with pytest.raises(InputError, match="electra"):
        make_model("described", tmp_path / "electra")
    with pytest.raises(InputError, match="trainable_layers 3"):
        make_model("described", tiny_encoder, trainable_layers=3)


@pytest.mark.parametrize("memory_mb", [0, 64])
def test_a_store_keeps_sequences_in_memory_or_on_disk(memory_mb, tmp_path):
    random, lengths = np.random.default_rng(0), [300, 5, 512, 1, 700, 40]
    rows = [torch.from_numpy(random.normal(size=(length, 300)).astype(np.float32)) for length in lengths]
    store = FeatureStore(lengths, 300, torch.float32, memory_mb, tmp_path)
    for index, row in enumerate(rows):
        store[index].copy_(row)
    assert all(torch.equal(store[index], row) for index, row in enumerate(rows))
    batch = store.gather([3, 5, 0], 320)
    assert batch.shape == (3, 320, 300)
    assert torch.equal(batch[1, :40], rows[5]) and batch[1, 40:].abs().sum() == 0
    assert list(tmp_path.iterdir()) == [], "the file on disk has no name"


def read_curve(metrics):
    return [record["loss"] for record in metrics["history"] if "loss" in record]


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_run_with_kept_features_equals_one_without(variant, make_job, monkeypatch):
    """With them the frozen layers run once for train, dev and test: short sentences are one batch."""
    calls, compute = [], BertCrfForTokenClassification.compute_features

    def count(self, *args, **kwargs):
        calls.append(torch.is_grad_enabled())
        return compute(self, *args, **kwargs)

    monkeypatch.setattr(BertCrfForTokenClassification, "compute_features", count)
    settings = {"epochs": 3, "lstm_size": 8, "crf_lr": 1e-2, "lr": 1e-3, "max_grad_norm": 0.0} | make_settings(variant)
    metrics = {}
    for name, more in (("kept", {}), ("computed", {"cache_mb": 0})):
        job = make_job(name, **settings, **more)
        metrics[name] = train(job)
        assert len(calls) == 3 and not any(calls) or name != "kept"
    weights = {name: load_file(job.output.parent / name / "model" / "model.safetensors") for name in metrics}
    for name in weights["kept"]:
        torch.testing.assert_close(weights["kept"][name], weights["computed"][name], rtol=1e-4, atol=1e-5)
    assert read_curve(metrics["kept"]) == pytest.approx(read_curve(metrics["computed"]), rel=1e-4)
    for part in ("dev", "test"):
        assert metrics["kept"][part] == metrics["computed"][part]


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_crf_tagger_learns(variant, make_job):
    rates = {"epochs": 25, "lr": 5e-3, "head_lr": 2e-2, "crf_lr": 5e-2}
    job = make_job(lstm_size=32, outside_bias=0.0, start_bias=0.0, **rates, **make_settings(variant))
    assert train(job)["test"]["entity_strict"]["overall"]["f1"] > 0.8
    tags = runs.read_tags(runs.tags_path(job.output, "test"))
    assert variant == "flair" or all(may_follow(*pair) for row in tags for pair in zip((None, *row), row, strict=False))


def test_orphans_are_repaired_for_the_grammar(tiny_encoder):
    table = CharacterTable(AutoTokenizer.from_pretrained(tiny_encoder))
    orphan = Sentence("BRCA1是基因", ("I-gene",) * 5 + ("O",) * 3)
    (example,) = encode_sentences([orphan], table, DEFAULT, get_recipe("cbp", "partBERT_CRF_described"))
    begin, inside = DEFAULT.tag_to_id["B-gene"], DEFAULT.tag_to_id["I-gene"]
    assert example["labels"].tolist() == [-100, begin, *[inside] * 4, 0, 0, 0, -100]


def test_a_crf_learns_its_transitions_and_is_no_encoder_of_a_linear_head(tiny_encoder, tmp_path):
    recipe = get_recipe("cbp", "", head="crf", encoder=str(tiny_encoder), max_length=128)
    assert recipe.crf_lr > 0
    model, tokenizer = load_tagger(recipe, DEFAULT, "eager")
    for each in (model, tokenizer):
        each.save_pretrained(tmp_path)
    with pytest.raises(InputError, match="a tagger of type bert_crf; a linear head expects an encoder"):
        load_tagger(replace(recipe, head="linear", encoder=str(tmp_path)), DEFAULT, "eager")


def test_a_plateau_needs_a_dev_file(make_job, files):
    job = make_job(recipe="paper", method="partBERT_CRF_coded", files={"train": files["train"]}, lstm_size=4)
    with pytest.raises(InputError, match="reduce_lr_on_plateau"):
        train(job)


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["characters", "sentences"])
def test_the_loss_is_a_mean_over_the_recipes_unit(unit, make_job):
    still = {"lr": 0.0, "head_lr": 0.0, "mask_share": 0.0, "outside_bias": 0.0, "start_bias": 0.0, "batch_size": 48}
    job = make_job(method="partBERT_CRF_coded", epochs=10, lstm_size=4, loss_over=unit, **still)
    loss = read_curve(train(job))[0]
    characters = runs.read_config(job.output)["data"]["files"]["train"]["characters"]
    per_character = loss if unit == "characters" else loss * 48 / characters
    assert np.log(3) < per_character < np.log(5)  # two types: three tags may follow any, two more some
