"""The training path with a tiny encoder: run folders, resuming, selection, loss normalisation, what is saved."""

import dataclasses
import json
import os
import random
import shutil
import socket
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

from cbpner.base.errors import InputError
from cbpner.base.files import file_checksum
from cbpner.cli import main
from cbpner.decoding.decision import Decision
from cbpner.decoding.decode import decode_documents
from cbpner.decoding.document_vote import ScoredSpan, vote_spans
from cbpner.decoding.probabilities import grammar_chain
from cbpner.decoding.windows import score_sentences
from cbpner.models.encoders import load_tagger
from cbpner.models.loss import mean_loss, shift_scores
from cbpner.reports.table import build_score_table
from cbpner.runs import folder as runs
from cbpner.scoring.metrics import score
from cbpner.text.bio import Sentence, read_bio, write_bio
from cbpner.text.labels import LabelSet, TagSpan, spans_to_tags, tags_to_spans
from cbpner.text.splits import split_patents
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.config import Job
from cbpner.training.recipes import get_recipe
from cbpner.training.run import train
from cbpner.training.trainer import choose_selection, encode_sentences, make_score, predict_sentences

GENES, DISEASES = ("BRCA1", "TP53", "KRAS基因", "Her-2"), ("乳腺癌", "肺癌", "糖尿病")
AWKWARD = "ＢＲＣＡ１\t与\u200b\U0001f600\x97 乳腺癌\r\n[SEP] [MASK]\u2028e\u0301İ，\ufeff "
FAST = {"batch_tokens": 600, "max_length": 128, "precision": "fp32"}


def make_sentences(count, seed):
    """Sentences that name a gene and a disease, with their spans."""
    draw, sentences = random.Random(seed), []
    for _ in range(count):
        gene, disease = draw.choice(GENES), draw.choice(DISEASES)
        text = f"本发明公开了{gene}在{disease}中的用途" + "，其中包括" * draw.randrange(4) + "。"
        spans = [(text.index(gene), text.index(gene) + len(gene), "gene"),
                 (text.index(disease), text.index(disease) + len(disease), "disease")]  # fmt: skip
        sentences.append(Sentence(text, tuple(spans_to_tags(spans, len(text)))))
    return sentences


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bio")
    paths = {part: folder / f"toy_{part}.bio" for part in ("train", "dev", "test")}
    for seed, (part, path) in enumerate(paths.items()):
        write_bio(path, make_sentences(48 if part == "train" else 12, seed))
    return paths


@pytest.fixture
def make_job(files, tiny_encoder, tmp_path):
    def build(output="run", files=files, recipe="cbp", method="Supervised_Original", split=None, **overrides):
        job = {name: overrides.pop(name) for name in ("labels", "overwrite", "seed") if name in overrides}
        table = get_recipe(recipe, method, **({"encoder": str(tiny_encoder), "epochs": 2} | FAST | overrides))
        return Job(method, recipe, table, files, tmp_path / output, split=split, **job)

    return build


def read_weights(folder):
    return load_file(folder / "model" / "model.safetensors")


def assert_same_weights(left, right, tolerance=0.0):
    left, right = read_weights(left), read_weights(right)
    assert left.keys() == right.keys()
    for name in left:
        assert torch.allclose(left[name], right[name], rtol=0, atol=tolerance), name


def test_a_run_folder_holds_what_it_says(make_job, files):
    job = make_job(split="3", epochs=1)
    metrics = train(job)
    names = {path.name for path in job.output.iterdir()}
    assert names == {"config.json", "metrics.json", "log.jsonl", "model", "predictions", "tensorboard"}
    assert runs.read_metrics(job.output) == metrics
    for part in ("dev", "test"):
        gold = [sentence.tags for sentence in read_bio(files[part])]
        assert score(gold, runs.read_tags(runs.tags_path(job.output, part))) == metrics[part]
    config = runs.read_config(job.output)
    assert config["split"] == "3" and config["seed"] == 0 and config["recipe"] == "cbp"
    assert config["data"]["files"]["train"]["sha256"] == file_checksum(files["train"])
    assert config["data"]["labels"] == ["disease", "gene"]
    assert (job.output / "metrics.json").stat().st_mtime_ns >= max(
        path.stat().st_mtime_ns for path in (job.output / "model").iterdir()
    )


def test_it_learns(make_job):
    metrics = train(make_job(epochs=30, lr=5e-3, head_lr=1e-2, warmup=0.1, mask_share=0.0))
    assert metrics["test"]["entity_strict"]["overall"]["f1"] > 0.9


def test_the_saved_model_gives_pipeline_the_same_characters_and_scores(make_job):
    job = make_job(epochs=1, lr=1e-2)
    train(job)
    folder = str(job.output / "model")
    model, tokenizer = AutoModelForTokenClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    for text in (AWKWARD + "MLH1基因。", " ", "\t", "\x97"):
        assert_pipeline_agrees(model, tokenizer, text)


def assert_pipeline_agrees(model, tokenizer, text):
    found = pipeline("token-classification", model=model, tokenizer=tokenizer, ignore_labels=[])(text)
    assert [(item["start"], item["end"]) for item in found] == [(i, i + 1) for i in range(len(text))]
    table, labels = CharacterTable(tokenizer), LabelSet(("disease", "gene"))
    score_batch = make_score(model, table, nullcontext)
    (scores,) = score_sentences([[text]], table, score_batch, batch_tokens=512, max_length=128)
    greedy = decode_documents([[text]], [scores], labels, grammar_chain(labels), Decision("greedy"))
    assert [item["entity"] for item in found] == greedy[0]
    assert np.allclose([item["score"] for item in found], np.exp(scores.max(axis=1)), atol=1e-5)


@pytest.mark.parametrize("casing", ["paper", "lower", "keep"])
def test_pipeline_sees_the_same_on_a_lower_case_vocabulary(make_job, lowercase_encoder, casing):
    job = make_job(epochs=1, encoder=str(lowercase_encoder), casing=casing, method="BERT_LM_mixed")
    train(job)
    folder = str(job.output / "model")
    table = CharacterTable(AutoTokenizer.from_pretrained(folder))
    unknown = [number == table.unk for number in table.encode("BRCA1")]
    assert unknown == {"paper": [True] * 4 + [False]}.get(casing, [False] * 5)
    found = pipeline("token-classification", model=folder, ignore_labels=[])(AWKWARD)
    assert [(item["start"], item["end"]) for item in found] == [(i, i + 1) for i in range(len(AWKWARD))]


def test_texts_longer_than_the_model_are_scored_whole(tiny_encoder):
    recipe = get_recipe("cbp", "", encoder=str(tiny_encoder))
    model, tokenizer = load_tagger(recipe, LabelSet(("gene",)), "eager")
    texts = ["乳腺癌" * 700, "癌", "BRCA1" * 30]
    table = CharacterTable(tokenizer)
    score_batch = make_score(model, table, nullcontext)
    scores = score_sentences([[text] for text in texts], table, score_batch, batch_tokens=1024, max_length=512)
    assert [row.shape for row in scores] == [(2100, 3), (1, 3), (150, 3)]
    assert all(np.isfinite(row).all() for row in scores)


def test_neighbouring_sentences_are_read_together(make_job, tiny_encoder, files):
    """Windows of consecutive sentences in training; a score for every character of every sentence in prediction."""
    sentences = read_bio(files["test"])
    model, tokenizer = load_tagger(make_job().recipe, LabelSet(("disease", "gene")), "eager")
    table, labels = CharacterTable(tokenizer), LabelSet(("disease", "gene"))
    examples = encode_sentences(sentences, table, labels, 128, context=100)
    assert 1 < len(examples) < len(sentences) and all(len(example["ids"]) <= 100 for example in examples)
    inner = [number for example in examples for number in example["labels"][1:-1]]
    assert inner == [labels.tag_to_id[tag] for sentence in sentences for tag in sentence.tags]
    text = "".join(sentence.chars for sentence in sentences)
    assert np.concatenate([example["ids"][1:-1] for example in examples]).tolist() == table.encode(text).tolist()

    recipe = dataclasses.replace(make_job().recipe, context=100)
    seen = []

    def remember(**inputs):
        seen.append(inputs["input_ids"].shape)
        return model(**inputs)

    remember.eval, remember.device = model.eval, model.device
    tags = predict_sentences(remember, sentences, table=table, labels=labels, recipe=recipe, context=nullcontext)
    assert [len(row) for row in tags] == [len(sentence.chars) for sentence in sentences]
    assert sum(shape[0] for shape in seen) == len(examples)


@pytest.mark.parametrize("method", ["Supervised_Original", "partBERT_CRF_coded"])
def test_a_run_with_context_keeps_the_sentences(method, make_job, files):
    job = make_job(method=method, context=100, epochs=1)
    metrics = train(job)
    gold, tags = read_bio(files["test"]), runs.read_tags(runs.tags_path(job.output, "test"))
    assert [len(row) for row in tags] == [len(sentence.chars) for sentence in gold]
    assert metrics["test"] == score([sentence.tags for sentence in gold], tags)
    if method == "partBERT_CRF_coded":
        anew = train(make_job("anew", method=method, context=100, epochs=1, cache_mb=0))
        assert anew["dev"] == metrics["dev"]


def test_each_split_may_have_an_encoder_of_its_own(make_job, tiny_encoder, tmp_path):
    for split in "01":
        shutil.copytree(tiny_encoder, tmp_path / f"encoder_{split}")
    names = str(tmp_path / "encoder_{split}")
    for split in "01":
        job = make_job(split, encoder=names, split=split, epochs=1)
        assert job.encoder == str(tmp_path / f"encoder_{split}") and train(job)
        assert runs.read_config(job.output)["encoder"] == names
    assert build_score_table([tmp_path / "0", tmp_path / "1"]).markdown.count(f"encoder {names}") == 1
    with pytest.raises(InputError, match="encoder_2: no such folder"):
        train(make_job("2", encoder=names, split="2"))
    with pytest.raises(InputError, match="no split; expected --split"):
        train(make_job("3", encoder=names))
    assert main(["rerun", str(tmp_path / "0"), "-o", str(tmp_path / "again")]) == 0


def test_a_run_with_a_document_vote_tags_a_surface_in_one_way(make_job, files):
    job = make_job(vote_share=0.5, epochs=1)
    assert train(job)["test"]
    plain = make_job("plain", epochs=1)
    train(plain)
    tags, before = (runs.read_tags(runs.tags_path(each.output, "test")) for each in (job, plain))
    expected, rows = [], iter(before)
    for patent in split_patents(read_bio(files["test"])):
        spans = [[ScoredSpan(*span, 1.0) for span in tags_to_spans(next(rows))] for _ in patent]
        texts = [sentence.chars for sentence in patent]
        for text, row in zip(texts, vote_spans(texts, spans, 0.5), strict=True):
            expected.append(spans_to_tags([TagSpan(*span[:3]) for span in row], len(text)))
    assert tags == expected != before


def test_a_threshold_on_spans_takes_the_decoders_place(make_job, files):
    job = make_job(min_span_probability=0.9, epochs=10, lr=5e-3, head_lr=1e-2)
    assert train(job)["test"]
    model = AutoModelForTokenClassification.from_pretrained(job.output / runs.MODEL, attn_implementation="eager")
    table = CharacterTable(AutoTokenizer.from_pretrained(job.output / runs.MODEL))
    documents = [[sentence.chars] for sentence in read_bio(files["test"])]
    score_batch = make_score(model, table, nullcontext)
    scores = score_sentences(documents, table, score_batch, batch_tokens=600, max_length=128)
    labels = LabelSet(tuple(dict.fromkeys(tag[2:] for tag in model.config.label2id if tag != "O")))
    strict, loose = (
        decode_documents(documents, scores, labels, grammar_chain(labels), Decision("spans", probability))
        for probability in (0.9, 0.5)
    )
    assert runs.read_tags(runs.tags_path(job.output, "test")) == strict != loose
    with pytest.raises(InputError, match="min_span_probability 0.4"):
        make_job("other", min_span_probability=0.4)


def test_a_finished_run_is_skipped_and_can_be_overwritten(make_job, capsys):
    job = make_job(epochs=1)
    first = train(job)
    written = (job.output / "metrics.json").stat().st_mtime_ns
    assert train(job) == first
    assert "finished already" in capsys.readouterr().out
    assert (job.output / "metrics.json").stat().st_mtime_ns == written
    train(make_job(epochs=1, overwrite=True))
    assert (job.output / "metrics.json").stat().st_mtime_ns > written


def break_off_after_epoch(monkeypatch, job):
    """Train `job` and stop, as by a kill, right behind the first checkpoint."""
    from cbpner.training.trainer import TaggerTrainer

    save = TaggerTrainer._save_checkpoint

    def save_and_die(self, *args, **kwargs):
        save(self, *args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TaggerTrainer, "_save_checkpoint", save_and_die)
        with pytest.raises(KeyboardInterrupt):
            train(job)


@pytest.mark.parametrize("min_dev_mentions", [1, 1000])
def test_a_broken_off_run_goes_on_and_ends_the_same(make_job, monkeypatch, min_dev_mentions):
    settings = {"epochs": 3, "dropout": 0.1, "min_dev_mentions": min_dev_mentions, "patience": 0}
    whole, broken = make_job("whole", **settings), make_job("broken", **settings)
    expected = train(whole)
    break_off_after_epoch(monkeypatch, broken)
    assert not runs.is_finished(broken.output)
    torn = broken.output / "checkpoints" / "checkpoint-9999"
    torn.mkdir()
    (torn / "model.safetensors").write_bytes(b"half")
    found = train(broken)
    assert not (broken.output / "checkpoints").exists()
    for key in ("dev", "test", "best_epoch", "epochs", "selection"):
        assert found[key] == expected[key]
    assert_same_weights(whole.output, broken.output)


def test_a_broken_off_run_with_other_settings_is_refused(make_job, monkeypatch):
    break_off_after_epoch(monkeypatch, make_job())
    with pytest.raises(InputError, match=r"another flags \(lr: .*--overwrite"):
        train(make_job(lr=1e-3))


def test_foreign_folders_are_left_alone(make_job, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("precious")
    for overwrite in (False, True):
        with pytest.raises(InputError, match="expected a new or empty one|thesis.txt"):
            train(make_job(overwrite=overwrite))
    assert (tmp_path / "run" / "thesis.txt").read_text() == "precious"


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(make_job):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(make_job(name, epochs=1, seed=seed))
    folder = make_job("a").output.parent
    assert_same_weights(folder / "a", folder / "b")
    with pytest.raises(AssertionError):
        assert_same_weights(folder / "a", folder / "c")


def test_accumulated_batches_count_every_character_once(make_job):
    settings = {"epochs": 1, "batch_size": 8, "max_grad_norm": 0.0, "mask_share": 0.0, "dropout": 0.0}
    train(make_job("one", **settings))
    train(make_job("two", **settings | {"batch_size": 4, "accumulation": 2}))
    folder = make_job("one").output.parent
    assert_same_weights(folder / "one", folder / "two", tolerance=1e-5)


def train_on_two_processes(files, output, settings):
    """`cbpner train` under torchrun with two gloo processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = ["--master-addr=127.0.0.1", f"--master-port={free.getsockname()[1]}"]
    command = [sys.executable, "-m", "torch.distributed.run", *address, "--nproc-per-node=2", "-m", "cbpner", "train"]
    for part, path in files.items():
        command += [f"--{part}", str(path)]
    for name, value in settings.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(
        [*command, "-o", str(output)], env=environment, capture_output=True, text=True, timeout=240
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("head", [
    {"head": "linear"},
    {"head": "crf", "trainable_layers": 1, "crf_lr": 1e-2},
    {"head": "bilstm-crf", "lstm_size": 8, "crf_lr": 1e-2, "loss_over": "sentences"},
], ids=lambda head: head["head"])  # fmt: skip
def test_two_processes_equal_one_on_the_same_global_batch(head, make_job, files, tiny_encoder, tmp_path):
    """Batches of other lengths on each process; loss and gradient are those of one process, and so are the weights."""
    settings = {"epochs": 2, "max_grad_norm": 1.0, "mask_share": 0.0, "dropout": 0.0, **head}
    train(make_job("one", batch_size=8, **settings))
    more = FAST | settings | {"batch_size": 4, "encoder": tiny_encoder}
    train_on_two_processes(files, tmp_path / "two", more)
    assert_same_weights(tmp_path / "one", tmp_path / "two", tolerance=1e-5)
    one, two = (
        [(r["loss"], r["grad_norm"]) for r in runs.read_metrics(tmp_path / name)["history"] if "loss" in r]
        for name in ("one", "two")
    )
    assert len(one) == 3 and np.allclose(two, one, rtol=1e-4)  # logged at step 10 of 12 and at both epochs' ends
    table = CharacterTable(AutoTokenizer.from_pretrained(tiny_encoder))
    examples = encode_sentences(read_bio(files["train"]), table, LabelSet(("disease", "gene")), 128)
    assert len({len(example["ids"]) for example in examples}) > 5, "sentences of many lengths, so of unequal batches"


def test_the_loss_is_the_mean_over_real_characters():
    logits = torch.tensor([[[2.0, 0.0], [0.0, 1.0], [9.0, 9.0]], [[0.5, 0.5], [3.0, 3.0], [3.0, 3.0]]])
    labels = torch.tensor([[0, 1, -100], [1, -100, -100]])
    by_hand = [np.log(1 + np.exp(-2)), np.log(1 + np.exp(-1)), np.log(2)]
    assert mean_loss({"logits": logits}, labels).item() == pytest.approx(np.mean(by_hand))
    assert mean_loss({"logits": logits}, labels, num_items_in_batch=torch.tensor(10)).item() == pytest.approx(
        np.sum(by_hand) / 10
    )
    biased = [np.log(1 + np.exp(-3)), np.log(1 + np.exp(0)), np.log(1 + np.exp(1))]
    assert mean_loss({"logits": logits}, labels, outside_bias=1.0).item() == pytest.approx(np.mean(biased))


def test_the_biases_shift_o_and_every_b():
    shifted = shift_scores(torch.zeros(2, 5), outside_bias=2.0, start_bias=0.5)
    assert shifted.tolist() == [[2.0, -0.5, 0.0, -0.5, 0.0]] * 2


def test_a_small_dev_set_chooses_nothing_and_says_so():
    recipe = get_recipe("cbp", "Supervised_Original")
    few, many = make_sentences(10, 0), make_sentences(60, 0)
    assert choose_selection(recipe, few) == {
        "rule": "last epoch", "dev_mentions": 20, "reason": "dev has 20 mentions, fewer than 100: too few to choose by",
    }  # fmt: skip
    assert choose_selection(recipe, many)["rule"] == "best dev epoch"
    assert choose_selection(get_recipe("paper", "Supervised_Original"), many)["rule"] == "last epoch"
    assert choose_selection(recipe, None)["rule"] == "last epoch"


def test_the_best_epoch_is_kept_where_dev_can_choose(make_job):
    metrics = train(make_job(epochs=6, lr=5e-3, head_lr=1e-2, min_dev_mentions=1, schedule="constant", patience=0))
    curve = [record["eval_entity_strict_f1"] for record in metrics["history"] if "eval_entity_strict_f1" in record]
    assert len(curve) == 6
    assert metrics["best_epoch"] == 1 + int(np.argmax(curve))
    assert metrics["dev"]["entity_strict"]["overall"]["f1"] == pytest.approx(max(curve))


def test_any_label_set_works_and_is_saved(files, make_job, tmp_path):
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


@pytest.mark.parametrize("method", ["Supervised_Original", "BERT_LM_mixed"])
def test_the_papers_recipe_runs_on_any_encoder(make_job, method, lowercase_encoder):
    metrics = train(make_job(recipe="paper", method=method, epochs=1, encoder=str(lowercase_encoder)))
    assert metrics["selection"]["rule"] == "last epoch" and metrics["test"]


def test_a_frozen_encoder_stays_as_it_was(make_job, tiny_encoder):
    job = make_job(epochs=1, trainable_layers=0)
    train(job)
    before, after = load_file(tiny_encoder / "model.safetensors"), read_weights(job.output)
    name = "bert.encoder.layer.0.output.dense.weight"
    assert torch.equal(before[name], after[name])


WRONG = {
    "an unknown tag": ("癌 X-gene\n", r"train.bio:1: found the unknown tag 'X-gene'"),
    "two characters": ("肺癌 O\n", r'train.bio:1: found a "character" of 2 code points'),
    "three columns": ("癌 O O\n", r"train.bio:1: found 3 column"),
    "an empty file": ("", r"train.bio: .*an empty file|train.bio:1: found an empty file"),
    "no entity": ("癌 O\n", r"no entity tag found"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_training_files_name_the_place_and_leave_nothing(kind, tmp_path, capsys, tiny_encoder):
    text, message = WRONG[kind]
    (tmp_path / "train.bio").write_text(text, encoding="utf-8")
    code = main(
        ["train", "--train", str(tmp_path / "train.bio"), "-o", str(tmp_path / "run"), "--encoder", str(tiny_encoder)]
    )
    assert code == 2
    assert __import__("re").search(message, capsys.readouterr().err)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("flags, message", [
    (["--encoder", "no/such/folder/here"], "no such folder"),
    (["--encoder", "bert-base-chinese"], "cbp_mini"),
    (["--lr", "-1"], "found lr -1.0"),
    (["--batch-tokens", "100"], "batch_tokens 100"),
    (["--data-dir", "nowhere"], "--data-dir and --train"),
    (["--labels", "missing.txt"], "missing.txt"),
    (["--orphans", "error"], "I-gene behind"),
])  # fmt: skip
def test_wrong_options_name_themselves_and_leave_nothing(flags, message, tmp_path, capsys, monkeypatch, tiny_encoder):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "train.bio").write_text("癌 I-gene\n症 O\n", encoding="utf-8")
    command = ["train", "--train", str(tmp_path / "train.bio"), "-o", str(tmp_path / "run")]
    assert main([*command, *(flags if "--encoder" in flags else [*flags, "--encoder", str(tiny_encoder)])]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
