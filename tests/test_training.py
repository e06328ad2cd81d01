"""The training path with a tiny encoder: run folders, selection, loss normalisation, what is saved."""

import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import FAST, make_sentences
from safetensors.torch import load_file
from shell import run_on_two_processes, write_flags
from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

from cbpner.base.errors import InputError
from cbpner.base.files import file_checksum
from cbpner.cli import main
from cbpner.decoding.decision import Decision
from cbpner.decoding.decode import decode_documents
from cbpner.decoding.probabilities import grammar_chain
from cbpner.decoding.windows import score_sentences
from cbpner.models.encoders import load_tagger
from cbpner.models.loss import mean_loss, shift_scores
from cbpner.runs import folder as runs
from cbpner.scoring.metrics import score_by_seqeval
from cbpner.text.bio import Sentence, read_bio, write_bio
from cbpner.text.labels import LabelSet
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.predictor import Predictor
from cbpner.training.recipes import get_recipe
from cbpner.training.run import train
from cbpner.training.trainer import choose_selection, encode_sentences, make_optimizer

pytestmark = pytest.mark.slow

AWKWARD = "ＢＲＣＡ１\t与\u200b\U0001f600\x97 乳腺癌\r\n[SEP] [MASK]\u2028e\u0301İ，\ufeff "
LABELS = LabelSet(("disease", "gene"))


def assert_same_weights(left, right, tolerance):
    left, right = (load_file(next(folder.rglob("model.safetensors"))) for folder in (left, right))
    assert left.keys() == right.keys()
    for name in left:
        assert torch.allclose(left[name], right[name], rtol=0, atol=tolerance), name


def test_a_run_folder_is_complete_and_keeps_the_best_epoch(finished_run, files):
    folder, metrics = finished_run.output, runs.read_metrics(finished_run.output)
    names = {path.name for path in folder.iterdir()}
    assert names == {"config.json", "metrics.json", "log.jsonl", "model", "predictions", "tensorboard"}
    for part in ("dev", "test"):
        gold = [sentence.tags for sentence in read_bio(files[part])]
        assert score_by_seqeval(gold, runs.read_tags(runs.tags_path(folder, part))) == metrics[part]
    config = runs.read_config(folder)
    assert config["split"] == "3" and config["seed"] == 0 and config["recipe"] == "cbp"
    assert config["data"]["files"]["train"]["sha256"] == file_checksum(files["train"])
    assert config["data"]["labels"] == ["disease", "gene"]
    curve = [record["eval_entity_strict_f1"] for record in metrics["history"] if "eval_entity_strict_f1" in record]
    assert len(curve) == 20 and metrics["best_epoch"] == 1 + int(np.argmax(curve))
    assert metrics["dev"]["entity_strict"]["overall"]["f1"] == pytest.approx(max(curve))
    assert metrics["test"]["entity_strict"]["overall"]["f1"] > 0.9, "it learns"


def test_the_saved_model_gives_pipeline_the_same_characters_and_scores(finished_run):
    folder = finished_run.output / "model"
    model, tokenizer = AutoModelForTokenClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    table = CharacterTable(tokenizer)
    for text in (AWKWARD + "MLH1基因。", " ", "\t", "\x97"):
        found = pipeline("token-classification", model=model, tokenizer=tokenizer, ignore_labels=[])(text)
        assert [(item["start"], item["end"]) for item in found] == [(i, i + 1) for i in range(len(text))]
        predictor = Predictor(model, table, LABELS, get_recipe("cbp", ""), "fp32")
        (scores,) = score_sentences([text], table, predictor.score, batch_tokens=512, max_length=128)
        greedy = decode_documents([[text]], [scores], LABELS, grammar_chain(LABELS), Decision("greedy"))
        assert [item["entity"] for item in found] == greedy[0]
        assert np.allclose([item["score"] for item in found], np.exp(scores.max(axis=1)), atol=1e-5)


def test_long_sentences_are_cut_and_every_character_is_read(make_job, files):
    """Pieces in training; a score for every character of every sentence in prediction."""
    sentences, recipe = read_bio(files["test"]), make_job(max_length=16).recipe
    model, tokenizer = load_tagger(recipe, LABELS, "eager")
    table = CharacterTable(tokenizer)
    examples = encode_sentences(sentences, table, LABELS, recipe)
    assert len(examples) > len(sentences) and all(len(example["ids"]) <= 16 for example in examples)
    inner = [number for example in examples for number in example["labels"][1:-1]]
    assert inner == [LABELS.tag_to_id[tag] for sentence in sentences for tag in sentence.tags]
    text = "".join(sentence.chars for sentence in sentences)
    assert np.concatenate([example["ids"][1:-1] for example in examples]).tolist() == table.encode(text).tolist()
    tags = Predictor(model, table, LABELS, recipe, "fp32").predict(sentences)
    assert [len(row) for row in tags] == [len(sentence.chars) for sentence in sentences]


def test_each_split_may_have_an_encoder_of_its_own(make_job, tiny_encoder, tmp_path):
    shutil.copytree(tiny_encoder, tmp_path / "encoder_1")
    names = str(tmp_path / "encoder_{split}")
    job = make_job("1", encoder=names, split="1", epochs=1)
    assert job.encoder == str(tmp_path / "encoder_1") and train(job)
    assert runs.read_config(job.output)["encoder"] == names
    with pytest.raises(InputError, match="encoder_2"):
        train(make_job("2", encoder=names, split="2"))
    with pytest.raises(InputError, match="--split"):
        train(make_job("3", encoder=names))
    assert main(["rerun", str(tmp_path / "1"), "-o", str(tmp_path / "again")]) == 0


def test_a_run_is_the_one_that_was_asked_for_or_overwritten(finished_run, broken_run, tmp_path, capsys):
    places = (finished_run.output, Path(finished_run.encoder), finished_run.files["dev"].parent)
    folder, encoder, data = (shutil.copytree(place, tmp_path / place.name) for place in places)
    job = replace(finished_run, output=folder)
    files = {part: data / path.name for part, path in job.files.items()}
    for same in (job, replace(job, files=files, recipe=replace(job.recipe, encoder=str(encoder)), save_model=False)):
        assert train(same) == runs.read_metrics(folder) and "finished already" in capsys.readouterr().out
    (encoder / "model.safetensors").write_bytes(b"other")
    files["dev"].write_bytes(files["test"].read_bytes())
    for change, found in (
        ({"seed": 1}, "seed"), ({"recipe_name": "paper"}, "recipe"), ({"split": "4"}, "split"),
        ({"files": files}, "dev"), ({"recipe": replace(job.recipe, encoder=str(encoder))}, "encoder"),
        ({"patents": 1}, "patents"), ({"recipe": replace(job.recipe, encoder="bert-base-chinese")}, "encoder"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=rf"{folder}: found a finished run.*{found}.*--overwrite"):
            train(replace(job, **change))
    metrics = train(replace(job, recipe=replace(job.recipe, epochs=1), overwrite=True))
    assert metrics["epochs"] == 1 and runs.read_metrics(folder) == metrics
    with pytest.raises(InputError, match=r"differs in flags \(lr: .*--overwrite"):
        train(replace(broken_run, recipe=replace(broken_run.recipe, lr=1e-5)))


def test_accumulated_batches_count_every_character_once(make_job, tmp_path):
    settings = {"epochs": 1, "batch_size": 8, "max_grad_norm": 0.0, "mask_share": 0.0, "dropout": 0.0}
    train(make_job("one", **settings))
    train(make_job("two", **settings | {"batch_size": 4, "accumulation": 2}))
    assert_same_weights(tmp_path / "one", tmp_path / "two", tolerance=1e-5)


def test_batches_of_a_fixed_width_keep_the_budget_of_tokens(make_job, files):
    train_sentences, settings = (
        read_bio(files["train"]),
        {"padding": "max_length", "max_length": 64, "batch_tokens": 128},
    )
    metrics = train(make_job("wide", epochs=1, **settings))
    assert metrics["history"][-1]["step"] == -(-len(train_sentences) // 2)


def test_a_loss_that_is_no_number_ends_the_training(make_job):
    job = make_job("none", epochs=9, optimizer="sgd", lr=1e9, head_lr=1e9, max_grad_norm=0.0, warmup=0.0)
    with pytest.raises(InputError, match="found no number as loss at step"):
        train(job)
    assert not (job.output / runs.METRICS).exists()


def test_gradients_that_overflow_do_not_end_the_training(make_job, monkeypatch):
    """In half precision the first norms may be infinite: the step is left out, and the log has no norm."""
    usual = train(make_job("usual", epochs=1))["history"][0]
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda *_, **__: torch.tensor(math.inf))
    overflow = train(make_job("overflow", epochs=1))["history"][0]
    assert usual.keys() - overflow.keys() == {"grad_norm"} and overflow["loss"] > 0


def test_flair_keeps_the_last_of_equally_good_epochs(make_job):
    still = {"optimizer": "sgd", "selection": "best", "min_dev_mentions": 1, "patience": 0, "epochs": 3, "dropout": 0.0}
    plateau = {"schedule": "reduce_lr_on_plateau", "warmup": 0.0}
    assert train(make_job("first", **still))["best_epoch"] == 1
    assert train(make_job("last", **still, **plateau))["best_epoch"] == 3


def test_a_constant_rate_has_its_warmup(make_job):
    metrics = train(make_job("constant", epochs=4, schedule="constant", warmup=0.5))
    rates = [record["learning_rate"] for record in metrics["history"] if "learning_rate" in record]
    assert rates[0] < rates[-1] == pytest.approx(2e-4)


@pytest.mark.parametrize("own", [
    {"head": "linear", "batch_size": 9}, {"head": "linear", "batch_tokens": 128, "accumulation": 2},
    {"head": "bilstm-crf", "lstm_size": 8, "crf_lr": 1e-2, "loss_over": "sentences", "max_length": 50,
     "batch_tokens": 50},  # batches of one sentence too
], ids=lambda own: f"{own['head']}-{own.get('batch_tokens')}")  # fmt: skip
def test_two_processes_equal_one_under_the_same_settings(own, forks, make_job, files, tiny_encoder, tmp_path):
    """They share each batch; steps, loss and gradient are those of one process, and so are the weights."""
    settings = {"epochs": 2, "max_grad_norm": 1.0, "mask_share": 0.0, "dropout": 0.0, **own}
    train(make_job("one", **settings))
    own = {"encoder": tiny_encoder, "output": tmp_path / "two"}
    command = ["train", *write_flags(files | FAST | settings | own)]
    program = "import os, torch\nfrom cbpner.training.base_trainer import share_decision as share\n"
    program += "assert share(os.environ['RANK'], torch.device('cpu')) == '0'\nfrom cbpner.cli import main\n"
    run_on_two_processes(forks, f"{program}assert main({command}) == 0", tmp_path)
    assert_same_weights(tmp_path / "one", tmp_path / "two", tolerance=1e-5)
    history = [runs.read_metrics(tmp_path / name)["history"] for name in ("one", "two")]
    one, two = ([(record["loss"], record["grad_norm"]) for record in own if "loss" in record] for own in history)
    assert len(one) >= 2 and np.allclose(two, one, rtol=1e-4)


def test_the_parts_of_a_model_have_rates_of_their_own(tiny_encoder):
    model, recipe = AutoModelForTokenClassification.from_pretrained(tiny_encoder), get_recipe("cbp", "", crf_lr=3e-2)
    model.crf = torch.nn.Linear(2, 2, bias=False)
    optimizer = make_optimizer(model, recipe, {"classifier.weight"})
    groups = {(group["lr"], group["weight_decay"]): group["params"] for group in optimizer.param_groups}
    assert groups[recipe.head_lr, recipe.weight_decay] == [model.classifier.weight]
    assert groups[recipe.head_lr, 0.0] == [model.classifier.bias] and groups[3e-2, 0.0] == [model.crf.weight]


def test_the_loss_is_the_mean_over_real_characters():
    logits = torch.tensor([[[2.0, 0.0], [0.0, 1.0], [9.0, 9.0]], [[0.5, 0.5], [3.0, 3.0], [3.0, 3.0]]])
    labels = torch.tensor([[0, 1, -100], [1, -100, -100]])
    by_hand = [np.log(1 + np.exp(-2)), np.log(1 + np.exp(-1)), np.log(2)]
    assert mean_loss({"logits": logits}, labels).item() == pytest.approx(np.mean(by_hand))
    given = mean_loss({"logits": logits}, labels, num_items_in_batch=torch.tensor(10))
    assert given.item() == pytest.approx(np.sum(by_hand) / 10)
    biased = [np.log(1 + np.exp(-3)), np.log(1 + np.exp(0)), np.log(1 + np.exp(1))]
    assert mean_loss({"logits": logits}, labels, outside_bias=1.0).item() == pytest.approx(np.mean(biased))
    shifted = shift_scores(torch.zeros(2, 5), outside_bias=2.0, start_bias=0.5)
    assert shifted.tolist() == [[2.0, -0.5, 0.0, -0.5, 0.0]] * 2


def test_a_small_dev_set_chooses_no_epoch():
    recipe, many = get_recipe("cbp", "Supervised_Original"), make_sentences(60, 0)
    assert choose_selection(recipe, make_sentences(10, 0)) == {
        "rule": "last epoch", "dev_mentions": 20, "reason": "dev has 20 mentions, fewer than 100: too few to choose by",
    }  # fmt: skip
    assert choose_selection(recipe, many)["rule"] == "best dev epoch"
    assert choose_selection(get_recipe("paper", "Supervised_Original"), many)["rule"] == "last epoch"
    assert choose_selection(recipe, None)["rule"] == "last epoch"


def test_any_label_set_works_and_is_saved(make_job, tmp_path):
    sentences = [Sentence("药物A有效", ("B-药", "I-药", "I-药", "O", "O")), Sentence("无", ("O",))] * 4
    write_bio(tmp_path / "train.bio", sentences)
    job = make_job(files={"train": tmp_path / "train.bio", "test": tmp_path / "train.bio"}, epochs=1)
    train(job)
    config = json.loads((job.output / "model" / "config.json").read_text())
    assert config["id2label"] == {"0": "O", "1": "B-药", "2": "I-药"}
    (tmp_path / "labels.txt").write_text("B-gene\nI-gene\nO\n药\n")
    job = make_job("more", files={"train": tmp_path / "train.bio"}, epochs=1, labels=tmp_path / "labels.txt")
    train(job)
    assert runs.read_config(job.output)["data"]["labels"] == ["gene", "药"]


@pytest.mark.parametrize("text, flags, message", [
    ("癌 X-gene\n", [], r"train.bio:1: .*'X-gene'"), ("肺癌 O\n", [], r"train.bio:1: .*2 code points"),
    ("癌 O O\n", [], r"train.bio:1: .*3 column"), ("", [], r"train.bio:.*empty"), ("癌 O\n", [], "no entity"),
    ("癌 I-gene\n", ["--orphans", "error"], r"train.bio:1: .*I-gene"), ("癌 B-gene\n", ["--lr", "-1"], "lr -1.0"),
    ("癌 B-gene\n", ["--batch-tokens", "100"], "batch_tokens 100"),
    ("癌 B-gene\n", ["--data-dir", "nowhere"], "--data-dir and --train"),
    ("癌 B-gene\n", ["--labels", "missing.txt"], "missing.txt"),
    ("癌 B-gene\n", ["--schedule", "reduce_lr_on_plateau"], "no warmup; expected --warmup 0"),
])  # fmt: skip
def test_wrong_files_and_options_are_named_and_leave_nothing(text, flags, message, tmp_path, refuse, tiny_encoder):
    (tmp_path / "train.bio").write_text(text, encoding="utf-8")
    command = ["train", "--train", str(tmp_path / "train.bio"), "-o", str(tmp_path / "run")]
    assert re.search(message, refuse(*command, "--encoder", tiny_encoder, *flags))
    assert not (tmp_path / "run").exists()
