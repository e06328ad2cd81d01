"""The Tagger: sentences, scores, decoding, order, memory; on tiny models with random weights."""

import itertools
import json
import math
import tracemalloc
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from conftest import DEMO_TEXT, write_tagger
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from shell import assert_not_loaded

from cbpner.base.errors import InputError
from cbpner.cli import main
from cbpner.decoding.decision import DECODERS, KEY, Decision
from cbpner.decoding.probabilities import grammar_chain
from cbpner.prediction.backend import Backend
from cbpner.prediction.fast_bert import BertTagger, can_pack, mix_in_torch, mix_values, padding_bias
from cbpner.prediction.model_folder import FILES, read_model_config, read_model_labels
from cbpner.prediction.tagger import Tagger
from cbpner.prediction.torch_backend import load_by_transformers
from cbpner.runs.folder import PROJECT
from cbpner.text import sentences
from cbpner.text.bio import Sentence
from cbpner.text.labels import DEFAULT, spans_to_tags, tags_to_spans
from cbpner.text.sentences import find_sentences
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.predictor import Predictor
from cbpner.training.recipes import get_recipe
from cbpner.training.run import write_model

ODD = "HER2（ＥＧＦＲ）\u00a0\u200b😀𠀀e\u0301İ[MASK]\ufeff\x7f\ufffd\u0000\t℃突变"
LINES = [line for line in DEMO_TEXT.read_text(encoding="utf-8").split("\n") if line][:40]
RARE, COMMON = st.characters(categories=["Cs", "Zl", "Zs", "Cc"]), st.sampled_from("基因突变HER2。\n ；")
ANY_TEXT = st.text(st.characters() | RARE | COMMON, max_size=300)


class TableBackend(Backend):
    """Scores that depend on each character alone, drawn at random; `rows` counts what it was asked."""

    name, device, precision, weights = "table", "cpu", "fp32", "model.safetensors"

    def __init__(self, size, seed=0, outside=2.0):
        draw = np.random.default_rng(seed).normal(size=(size, len(DEFAULT.tags))).astype(np.float32)
        draw[:, 0] += outside
        self.scores = draw - np.log(np.exp(draw).sum(axis=1, keepdims=True))
        self.chain, self.rows = grammar_chain(DEFAULT), []

    def score(self, ids, mask):
        self.rows += mask.sum(axis=1).tolist()
        return self.scores[ids]


@pytest.fixture(scope="module")
def table(tiny_tagger):
    return CharacterTable.from_file(tiny_tagger / "tokenizer.json")


@pytest.fixture(scope="module")
def tagger(tiny_tagger):
    return Tagger.from_pretrained(tiny_tagger, precision="fp32")


def make_tagger(table, batch_tokens=256, min_score=0.0, layout="auto", **decision):
    backend = TableBackend(table.ids.max() + 1)
    decision = Decision(**{"max_length": 128} | decision)
    return Tagger(backend, table, DEFAULT, decision, min_score=min_score, batch_tokens=batch_tokens, layout=layout)


def places(spans):
    return [span[:3] for span in spans]


@pytest.mark.parametrize("text, limit, pieces", [
    ("甲乙。丙。\n\n  丁 \r\n戊\u2028己", 10, ["甲乙。丙。", "丁", "戊", "己"]),
    ("甲乙。丙丁！” 戊己庚", 5, ["甲乙。", "丙丁！”", "戊己庚"]),
    ("甲乙丙丁戊己。庚。辛", 3, ["甲乙丙丁戊己。", "庚。辛"]), (" \n\t\u3000", 5, []),
    ("甲" * 50 + "，" + "乙" * 10, 9, ["甲" * 50, "，" + "乙" * 10]),
])  # fmt: skip
def test_sentences_are_lines_and_long_lines_are_cut_behind_sentence_ends(text, limit, pieces, monkeypatch):
    monkeypatch.setattr(sentences, "LONGEST", 50)
    assert [text[start:end] for start, end in find_sentences(text, limit)] == pieces


@given(ANY_TEXT, st.integers(1, 40))
def test_between_sentences_there_is_white_space_alone(text, limit):
    place = 0
    for start, end in [*find_sentences(text, limit), (len(text), None)]:
        assert start >= place and not text[place:start].strip()
        if end is not None:
            assert text[start:end].strip() == text[start:end] != "" and len(text[start:end].splitlines()) == 1
            place = end


def load_transformers(folder):
    from transformers import AutoModelForTokenClassification

    return AutoModelForTokenClassification.from_pretrained(folder, dtype="float32").eval()


def make_batch(lengths=(50, 31, 2)):
    """(ids, mask) of sequences of these lengths."""
    ids = torch.from_numpy(np.random.default_rng(0).integers(1, 1000, (len(lengths), 50)))
    return ids, torch.arange(50) < torch.tensor(lengths)[:, None]


@pytest.mark.parametrize("lengths", [[50, 31, 2], [7, 7, 7], [9, 9, 4, 4, 4, 9], [50]])
def test_our_forward_pass_gives_the_scores_of_transformers(tiny_tagger, tagger, lengths):
    """With padding, which is left out of the products on a CPU, and without; and as exported graphs run it."""
    ids, mask = make_batch(lengths)
    ours = BertTagger(tiny_tagger, read_model_config(tiny_tagger), torch.device("cpu"))
    theirs = load_transformers(tiny_tagger)
    with torch.inference_mode():
        expected = theirs(ids, mask.long()).logits[mask]
        for found in (ours(ids, mask), ours.run(ids, padding_bias(mask))):
            torch.testing.assert_close(found[mask], expected, atol=1e-5, rtol=0)
        assert not ours(ids, mask)[~mask].any()
    found = tagger.backend.score(ids.numpy(), mask.numpy())[mask.numpy()]
    np.testing.assert_allclose(found, expected.log_softmax(dim=-1), atol=1e-5)


@pytest.mark.parametrize("count", [1, 3, 4])
def test_batches_go_through_several_threads_and_come_back_in_order(tagger, count):
    before, found = torch.get_num_threads(), set()
    torch.set_num_threads(2)
    try:
        batches = [[number] for number in range(count)]
        assert list(tagger.backend.map(lambda batch: found.add(torch.get_num_threads()) or batch, batches)) == batches
        assert found == {1: {2}, 3: {1, 2}, 4: {1}}[count]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_packed_weights_give_the_same_scores(tiny_tagger, dtype):
    if not can_pack(torch.device("cpu"), dtype):
        pytest.skip(f"torch cannot pack {dtype} on this processor")
    config, device = read_model_config(tiny_tagger), torch.device("cpu")
    plain, packed = (BertTagger(tiny_tagger, config, device, dtype, packed) for packed in (False, True))
    assert any(weight.is_mkldnn for weight in packed.weights.values())
    ids, mask = make_batch()
    with torch.inference_mode():
        expected = plain(ids, mask)
        close = 1e-5 if dtype == torch.float32 else 0.1 * expected.std()
        torch.testing.assert_close(packed(ids, mask), expected, atol=float(close), rtol=0)


@pytest.mark.parametrize("shift", [0.0, 60.0, 200.0, -200.0])
@pytest.mark.parametrize("mix", [mix_values, mix_in_torch])
def test_attention_holds_for_scores_of_any_size(mix, shift):
    """Exponentials without the maximum taken off overflow from 89 on, and vanish below -103."""
    queries, keys, values = torch.randn(3, 2, 4, 9, 8, generator=torch.Generator().manual_seed(0)).double()
    keys[..., 0], queries[..., 0] = 1.0, queries[..., 0] + shift
    expected = (queries @ keys.transpose(2, 3)).softmax(dim=-1) @ values
    torch.testing.assert_close(mix(queries.float(), keys.float(), values.float()).double(), expected, atol=1e-4, rtol=0)


@pytest.mark.slow
def test_tagging_with_a_linear_head_does_not_load_transformers(tiny_tagger):
    assert_not_loaded(tiny_tagger, [], {"transformers", "scipy", "pandas", "pyarrow"})


@pytest.fixture(scope="module")
def crf_tagger(tmp_path_factory, tiny_tagger, tiny_vocabulary):
    """The folder of a tagger with a CRF whose scores of moves count."""
    from transformers import AutoTokenizer

    from cbpner.models.crf_tagger import BertCrfConfig, BertCrfForTokenClassification

    folder, config = tmp_path_factory.mktemp("taggers") / "crf", read_model_config(tiny_tagger)
    own = {key: value for key, value in config.items() if key not in ("model_type", "architectures")}
    torch.manual_seed(1)
    model = BertCrfForTokenClassification(BertCrfConfig(**own))
    for parameter in model.crf.parameters():
        torch.nn.init.normal_(parameter)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_tagger).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("head", ["linear", "crf"])
@pytest.mark.parametrize("changes", [{}, {"decoder": "greedy"}, {"min_span_probability": 0.6}, {"vote_share": 0.3}])
def test_a_text_is_tagged_as_training_tags_its_sentences(tiny_tagger, crf_tagger, table, head, changes):
    """The tagger, told by the model alone, against the code that evaluates runs."""
    folder = {"linear": tiny_tagger, "crf": crf_tagger}[head]
    recipe = get_recipe("cbp", "any", max_length=128, **changes)
    model = load_by_transformers(folder, torch.device("cpu"))
    sentences = [Sentence(line[:126], ("O",) * len(line[:126])) for line in LINES[:12]]
    expected = Predictor(model, table, DEFAULT, recipe, "fp32").predict(sentences)
    tagger = Tagger.from_pretrained(folder, precision="fp32", **asdict(recipe.decision))
    assert tagger.backend.chain.moves.shape == (8, 7)
    text = "\n".join(sentence.chars for sentence in sentences)
    tags = spans_to_tags(places(tagger.tag(text)), len(text))
    lenient = [spans_to_tags(tags_to_spans(row), len(row)) for row in expected]
    assert [tags[start:end] for start, end in find_sentences(text, 126)] == lenient
    assert any(tag != "O" for tag in tags)


def test_greedy_spans_are_those_of_the_pipeline(tiny_tagger):
    from transformers import pipeline

    pipe = pipeline("token-classification", model=str(tiny_tagger), aggregation_strategy="simple", device="cpu")
    tagger, text = Tagger.from_pretrained(tiny_tagger, decoder="greedy"), "\n".join([ODD, *LINES[:6]])
    wanted = [(start + each["start"], start + each["end"], each["entity_group"])
              for start, end in tagger.find_sentences(text) for each in pipe(text[start:end])]  # fmt: skip
    assert tagger.backend.precision == "fp32" and places(tagger.tag(text)) == wanted
    assert len(wanted) > 50 and any(end - start > 1 for start, end, _ in wanted)


@pytest.mark.parametrize("decision", [{}, {"decoder": "spans"}, {"vote_share": 0.2}])
def test_many_texts_together_are_tagged_as_one_by_one(table, decision):
    texts = ["", LINES[0], "\n".join(LINES), "甲" * 700, LINES[0], " ", "基", *LINES[5:9], ODD]
    together = list(make_tagger(table, batch_tokens=8, **decision).tag_many(texts))  # pools of 256 characters
    for text, found in zip(texts, together, strict=True):
        alone = make_tagger(table, **decision).tag(text)
        assert places(found) == places(alone) == sorted(places(alone))
        np.testing.assert_allclose([span.score for span in found], [span.score for span in alone], atol=1e-4)
    assert sum(map(len, together)) >= 40


def test_texts_are_read_a_batch_ahead(table):
    tagger, read, seen = make_tagger(table, batch_tokens=16), [], []

    def endless(text):
        for number in itertools.count():
            read.append(number)
            yield text

    for text in ("基因突变" * 10, "", "\n"):
        read.clear()
        assert next(tagger.tag_many(endless(text))) == tagger.tag(text)
        assert len(read) <= 16 * 32 + 1
    list(itertools.islice(tagger.tag_many(itertools.repeat("基因" * 10), seen.append), 50))
    assert sum(seen) >= 50 * 20 and min(seen) > 0


def test_what_is_no_text_and_one_text_in_the_place_of_texts_are_refused(table):
    for texts in ("HER2", None, 5, ["HER2", None], [b"HER2"]):
        with pytest.raises(ValueError, match="expected"):
            list(make_tagger(table).tag_many(texts))
    for text in (None, 5, b"HER2"):
        with pytest.raises(ValueError, match="expected"):
            make_tagger(table).tag(text)


def test_the_same_sentence_is_scored_once(table):
    tagger = make_tagger(table)
    found = list(tagger.tag_many(["HER2突变。\n\nHER2突变。", "甲\nHER2突变。"]))
    assert sorted(tagger.backend.rows) == [3, 9]  # with [CLS] and [SEP]
    alone = places(make_tagger(table).tag("HER2突变。"))
    assert places(found[0]) == [*alone, *((start + 9, end + 9, label) for start, end, label in alone)] != []


@pytest.mark.slow
def test_memory_does_not_grow_with_the_scores_of_a_document(table):
    """More text may take more sentences and spans, but no scores: 28 bytes a character."""
    tagger, peaks = make_tagger(table, batch_tokens=128), []
    tagger.backend.scores[:, 0] += 9  # hardly any span
    sizes = (20_000, 100_000)
    for size in sizes:
        text = "".join(f"{number}号基因。" + "甲" * 80 for number in range(size // 90))
        tracemalloc.start()
        tagger.tag(text)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 14 * (sizes[1] - sizes[0])


def test_a_sentence_longer_than_the_window_is_read_in_windows(table, tagger):
    text = "甲乙丙丁" * 100
    assert tagger.tag(text)[-1].end <= 400
    tagger = make_tagger(table)
    once = places(tagger.tag("甲乙丙丁"))
    repeated = [(start + 4 * n, end + 4 * n, label) for n in range(100) for start, end, label in once]
    assert places(tagger.tag(text)) == repeated and max(tagger.backend.rows) == 128


@pytest.mark.slow
def test_a_mention_is_found_anywhere_in_a_line_without_punctuation(table):
    tagger, surface = make_tagger(table), table.encode("乙丙")
    tagger.backend.scores[:] = [0, *[-9] * 6]
    tagger.backend.scores[surface, [5, 6]] = 9
    text = ("甲" * 16_383 + "乙丙") * 2
    assert places(tagger.tag(text)) == [(start, start + 2, "disease") for start in (16_383, 32_768)]


def test_the_model_says_how_it_decodes_unless_the_caller_does(tmp_path, tiny_vocabulary):
    """Training writes how its recipe decodes; transformers take no notice."""
    from transformers import AutoTokenizer

    write_tagger(tmp_path, tiny_vocabulary, **{KEY: {"decoder": "spans", "vote_share": 0.1, "temperature": 1.5}})
    model = Decision("spans", 0.5, 0.1, 128, 1.5)
    assert Tagger.from_pretrained(tmp_path).decision == model
    changes = {"decoder": "viterbi", "max_length": 64}
    assert Tagger.from_pretrained(tmp_path, **changes).decision == replace(model, **changes)
    recipe = get_recipe("cbp_patent", "any", max_length=128)
    write_model(tmp_path, load_transformers(tmp_path), AutoTokenizer.from_pretrained(tmp_path), recipe)
    assert Tagger.from_pretrained(tmp_path / "model").decision == recipe.decision
    assert recipe.decision == Decision("spans", 0.5, 0.1, 128, 1.0)
    assert get_recipe("paper", "any").decision == Decision("greedy")


@pytest.mark.parametrize("name, message", [
    ("./nowhere", "no such folder"), ("a/b/c", "no such folder"), ("nobody/nothing", "the hub cannot be reached"),
    ("nothing", "the hub cannot be reached"), (f"{PROJECT}/docs", "no model in it"),
    (f"{PROJECT}/models/cbp_mini", "without a tagging head"),
])  # fmt: skip
def test_a_name_without_a_tagger_says_why(name, message):
    with pytest.raises(InputError, match=f"^{name}: .*{message}"):
        Tagger.from_pretrained(name)


def test_the_shipped_model_is_found_from_anywhere_or_its_absence_explained(tmp_path, monkeypatch, tiny_tagger):
    from cbpner.runs import folder as runs

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runs, "PROJECT", tmp_path / "project")
    for name in ("final_trained", "models/final_trained"):
        with pytest.raises(InputError, match="--model"):
            Tagger.from_pretrained(name)
    (tmp_path / "project" / "models").mkdir(parents=True)
    (tmp_path / "project" / "models" / "final_trained").symlink_to(tiny_tagger)
    assert Tagger.from_pretrained().folder.resolve() == tiny_tagger.resolve()
    (tmp_path / "model").symlink_to(tiny_tagger)  # of a run's folder
    for name in ("config.json", "metrics.json"):
        (tmp_path / name).write_text("{}")
    assert Tagger.from_pretrained(tmp_path).folder == tmp_path / "model"


@pytest.mark.parametrize(
    "name, damage, message",
    [("model.safetensors", lambda data: data[:1000], "model.safetensors"),
     ("config.json", lambda data: data.replace(b'"vocab_size": ', b'"vocab_size": 1'), "word_embeddings"),
     ("tokenizer.json", lambda data: b"{}", "tokenizer.json"),
     ("config.json", lambda data: b'{"model_type": "bert"}', "config.json"),
     *[(name, lambda _, data=data: data, name) for name in ("config.json", "tokenizer.json")
       for data in (b"[" * 10**5, b'{"id2label": ' + b"9" * 5000 + b"}", b"[]", b'{"a": tru}')]],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_damaged_model_is_a_message(tmp_path, tiny_tagger, name, damage, message):
    for path in tiny_tagger.iterdir():
        (tmp_path / path.name).write_bytes(damage(path.read_bytes()) if path.name == name else path.read_bytes())
    with pytest.raises(InputError, match=message):
        Tagger.from_pretrained(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match="found no"):
        Tagger.from_pretrained(tmp_path)


WORDS = "bert.embeddings.word_embeddings.weight"
MISFITS = {
    "weights with another prefix": lambda c, t, w: [w.update({f"module.{name}": w.pop(name)}) for name in [*w]],
    "weights of a layer less": lambda c, t, w: [w.pop(name) for name in [*w] if "layer.1." in name],
    "weights of a layer more": lambda c, t, w: c.update(num_hidden_layers=1),
    "no bias": lambda c, t, w: w.pop("classifier.bias"),
    "NaN in the classifier": lambda c, t, w: w["classifier.weight"].fill_(math.nan),
    "NaN in a character": lambda c, t, w: w[WORDS][t["model"]["vocab"]["基"]].fill_(math.nan),
    "another architecture": lambda c, t, w: c.update(model_type="distilbert"),
    "a type that nobody knows": lambda c, t, w: c.update(model_type="tea"),
    **{f"{name} {value}": lambda c, t, w, name=name, value=value: c.update({name: value})
       for name in ("num_attention_heads", "hidden_size", "max_position_embeddings") for value in (7, -1, "2", None)},
    "layer_norm_eps NaN": lambda c, t, w: c.update(layer_norm_eps=math.nan),
    "no normalizer": lambda c, t, w: t.update(normalizer=None),
    "another normalizer": lambda c, t, w: t["normalizer"]["normalizers"].append({"type": "NFKC"}),
    "an id beyond the embeddings": lambda c, t, w: t["model"]["vocab"].update({"基": 10**6}),
    "an id below 0": lambda c, t, w: t["model"]["vocab"].update({"基": -1}),
    "a tag that is none": lambda c, t, w: c["id2label"].update({"1": "gene"}),
}  # fmt: skip


def copy_changed(source, target, change):
    """A copy of a tagger's folder, with `change` of its configuration, its tokenizer and its weights."""
    config, tokenizer = (json.loads((source / name).read_text(encoding="utf-8")) for name in FILES)
    weights = load_file(source / "model.safetensors")
    change(config, tokenizer, weights)
    for name, content in zip(FILES, (config, tokenizer), strict=True):
        (target / name).write_text(json.dumps(content), encoding="utf-8")
    save_file(weights, target / "model.safetensors", {"format": "pt"})
    return target


@pytest.mark.parametrize("head", ["linear", "crf"])
@pytest.mark.parametrize("misfit", MISFITS)
def test_a_model_whose_files_do_not_fit_is_a_message(tmp_path, tiny_tagger, crf_tagger, head, misfit, capsys):
    folder = copy_changed({"linear": tiny_tagger, "crf": crf_tagger}[head], tmp_path, MISFITS[misfit])
    (tmp_path / "a.txt").write_text("基因突变", encoding="utf-8")
    assert main(["predict", str(tmp_path / "a.txt"), "-o", str(tmp_path / "o.jsonl"), "--model", str(folder)]) == 2
    assert str(folder) in capsys.readouterr().err and not (tmp_path / "o.jsonl").exists()


def test_weights_without_those_of_the_crf_are_refused_and_tags_may_stand_in_any_order(tmp_path, crf_tagger):
    copy_changed(crf_tagger, tmp_path, lambda c, t, w: c.update(id2label=dict(sorted(c["id2label"].items())[::-1])))
    assert Tagger.from_pretrained(tmp_path).labels == DEFAULT
    copy_changed(crf_tagger, tmp_path, lambda c, t, w: [w.pop(name) for name in [*w] if name.startswith("crf.")])
    with pytest.raises(InputError, match="crf"):
        Tagger.from_pretrained(tmp_path)


@pytest.mark.parametrize("options, message", [
    ({"backend": "tea"}, "'tea'"), ({"device": "toaster"}, "'toaster'"), ({"min_score": 2}, "min_score 2"),
    ({"max_length": 500}, "128"),
])  # fmt: skip
def test_wrong_options_are_messages(tiny_tagger, options, message):
    with pytest.raises(InputError, match=message):
        Tagger.from_pretrained(tiny_tagger, **options)
    with pytest.raises(InputError, match="LABEL_0"):  # other tags than ours
        read_model_labels({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}, "M")


def test_names_broken_by_a_layout_are_found_whole(table):
    text = "一种用于治疗卵巢癌的BRCA1基因与HER2蛋白，其制备方法与应用"
    broken = "\n".join(text)
    spans = make_tagger(table, layout="pdf").tag(broken)
    whole = make_tagger(table).tag(text)
    assert [span.text.replace("\n", "") for span in spans] == [span.text for span in whole]
    assert all(broken[span.start : span.end] == span.text for span in spans) and any("\n" in s.text for s in spans)


@settings(max_examples=40)
@given(text=ANY_TEXT, decoder=st.sampled_from(DECODERS), share=st.sampled_from([0, 0.3]))
def test_any_text_is_tagged_and_spans_cut_out_what_they_say(table, text, decoder, share):
    spans = make_tagger(table, decoder=decoder, vote_share=share).tag(text)
    assert all(text[span.start : span.end] == span.text != "" and 0 <= span.score <= 1 for span in spans)
    assert all(before.end <= after.start for before, after in itertools.pairwise(spans))
    assert {span.label for span in spans} <= set(DEFAULT.types)
