"""The recipe `paper`: the table of docs/methods.md against the recipes, and what the original's heads did."""

import re

import pytest
import torch
from conftest import ROOT, make_vocabulary
from safetensors.torch import load_file
from test_crf_tagger import make_batch
from transformers import BertTokenizer

from cbpner.base.errors import InputError
from cbpner.masked_lm.recipes import SEEDS, get_lm_recipe
from cbpner.models.encoders import load_tagger
from cbpner.models.loss import mean_loss
from cbpner.models.tokenizers import build_tokenizer
from cbpner.prediction.tagger import Tagger
from cbpner.runs import folder as runs
from cbpner.text.bio import read_bio
from cbpner.text.labels import DEFAULT, tags_to_spans
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.recipes import get_recipe
from cbpner.training.run import train
from cbpner.training.trainer import TaggerTrainer


def list_settings():
    """[`method, field value`] of each setting in docs/methods.md that a recipe's field holds."""
    text = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8").split("## The recipe `paper`")[1]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [
        f"{row[0].replace(' `', '_').strip('`')}, {each}"
        for row in rows
        for each in re.findall(r"`(\w+ [^`]+)`", row[3])
    ]


@pytest.mark.parametrize("setting", list_settings())
def test_each_setting_of_the_table_is_the_recipe_s(setting):
    method, name, value = re.match(r"(.+), (\w+) (.+)", setting).groups()
    recipe = get_lm_recipe("paper") if method == "masked LM" else get_recipe("paper", method)
    values = {"seed": SEEDS["paper"]} | vars(getattr(recipe, "decision", recipe)) | vars(recipe)
    assert str(values[name]) == value or float(values[name]) == float(value)


def test_uncased_reads_each_code_point_as_the_original_s_tokenizer_did():
    vocabulary = make_vocabulary("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    vocabulary |= {letter: len(vocabulary) + number for number, letter in enumerate("かａｂ豈")}
    theirs = BertTokenizer(vocab=dict(vocabulary), do_lower_case=True).backend_tokenizer
    ours = CharacterTable(build_tokenizer(vocabulary, "uncased"))
    characters = [*map(chr, (*range(0x3100), *range(0xF900, 0xFB00), *range(0xFF00, 0xFFF0)))]
    pairs = zip(characters, theirs.encode_batch(characters, add_special_tokens=False), strict=True)
    assert [ascii(char) for char, one in pairs if len(one.ids) == 1 and ours.encode(char)[0] != one.ids[0]] == []
    assert ours.encode("éÉΆが豈Ａ").tolist() == [vocabulary[char] for char in "eeαか豈ａ"]


def watch(module):
    """[(input, output)] of each later call of the module."""
    calls = []
    module.register_forward_hook(lambda module, inputs, output: calls.append((inputs[0], output)))
    return calls


def make_tagger(method, encoder):
    torch.manual_seed(0)
    return load_tagger(get_recipe("paper", method, encoder=str(encoder), lstm_size=8), DEFAULT, "eager")[0]


def is_torchs(module, width):
    """Whether the weights are drawn from -1 / sqrt(width) to 1 / sqrt(width)."""
    return 0.8 < max(weight.abs().max() for weight in module.parameters()) * width**0.5 <= 1


def test_the_linear_head_of_the_original(tiny_encoder):
    """Torch's first weights, no dropout before it, an eighth class `<PAD>` in training that takes probability."""
    model, batch = make_tagger("Supervised_Original", tiny_encoder), make_batch()
    labels, head = batch.pop("labels"), model.classifier
    assert is_torchs(head, 32) and model.dropout.p == 0 and model.config.hidden_dropout_prob == 0.1
    assert model.eval()(**batch).logits.shape[-1] == 7
    calls = watch(head)
    mean_loss(model.train()(**batch), labels).backward()
    hidden, logits = calls[0]
    assert logits.shape[-1] == 8 and torch.equal(logits[..., 7:], head.pad(hidden))
    torch.testing.assert_close(head.pad.bias.grad[0], logits.softmax(dim=-1)[..., 7][labels >= 0].mean())


def test_the_head_of_flair(tiny_encoder):
    """A trained projection, first weights of torch's and from N(0, 1), every move, dropout along flair's axes."""
    model = make_tagger("partBERT_CRF_coded", tiny_encoder).train()
    drawn = torch.cat([parameter.detach().flatten() for parameter in model.crf.parameters()])
    assert model.crf.allowed.all() and abs(drawn.mean()) < 0.5 and 0.7 < drawn.std() < 1.3
    assert is_torchs(model.projection, 64) and is_torchs(model.lstm, 8) and is_torchs(model.classifier, 16)
    calls = watch(model.projection), watch(model.classifier)
    model.score_features(torch.ones(64, 200, 64), torch.ones(64, 200))
    (before, _), (behind, _) = (call[0] for call in calls)
    word = before.any(dim=2)  # (sentences, positions), without [CLS]
    kept, zero = before[:, word[0]], behind[:, 1:199] == 0  # of [SEP] there is no output
    assert torch.equal(word, word[:1].expand(64, 199)) and 0.9 < word.float().mean() < 1
    assert torch.equal(kept, kept[:, :1].expand_as(kept)) and set(kept.unique().tolist()) == {0, 2}
    assert torch.equal(zero, zero[:1].expand_as(zero)) and 0.4 < zero.float().mean() < 0.6
    low = {name: 5e-5 for name in ("lr", "head_lr", "crf_lr")}
    for own, found in ({"original_head": True}, "original_head with the head crf"), (low, "plateau, which ends below"):
        with pytest.raises(InputError, match=found):
            get_recipe("paper", "partBERT_CRF_described", **own)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["Supervised_Original", "BERT_LM_mixed", "partBERT_CRF_coded"])
def test_a_run_resumes_and_its_model_predicts(method, make_job, monkeypatch):
    settings = {"lstm_size": 8, "batch_size": 8, "epochs": 3, "lr": 5e-3, "head_lr": 5e-2, "min_dev_mentions": 1}
    whole, broken = (make_job(name, recipe="paper", method=method, **settings) for name in ("whole", "broken"))
    train(whole)
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(TaggerTrainer, "log", lambda self, logs, *args: 1 / (self.state.epoch < 2))
        train(broken)
    train(broken)
    one, two = (load_file(job.output / "model" / "model.safetensors") for job in (whole, broken))
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
    tagger, tags = Tagger.from_pretrained(whole.output), runs.read_tags(runs.tags_path(whole.output, "test"))
    for sentence, row in zip(read_bio(whole.files["test"]), tags, strict=True):
        assert [(span.start, span.end, span.label) for span in tagger.tag(sentence.chars)] == tags_to_spans(row)


@pytest.mark.slow
def test_a_plateau_run_ends_when_the_rate_is_below_flair_s(make_job):
    """Epoch 1 is the best; the fourth without a better one halves the rate."""
    rates = {"lr": 1e-9, "head_lr": 1e-9, "crf_lr": 1.5e-4}
    assert train(make_job(recipe="paper", method="partBERT_CRF_coded", lstm_size=4, epochs=9, **rates))["epochs"] == 5
