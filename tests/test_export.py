"""`cbpner export` and the backend onnx: torch's tags, without torch; small and close in int8; clear messages."""

import json
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from conftest import DEMO_TEXT, ROOT
from safetensors.torch import load_file
from shell import assert_not_loaded
from test_predict import crf_tagger, places  # noqa: F401

from cbpner.base.errors import InputError
from cbpner.base.files import file_checksum
from cbpner.cli import main
from cbpner.prediction import export
from cbpner.prediction.job import describe_settings
from cbpner.prediction.model_folder import FILES
from cbpner.prediction.onnx_backend import OnnxBackend
from cbpner.prediction.tagger import Tagger
from cbpner.text.labels import DEFAULT

MISSING = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"no {', '.join(MISSING)}: pip install -e '.[onnx]'"), pytest.mark.slow
]  # fmt: skip
SHIPPED = ROOT / "models" / "cbp_mini"
LINES = [line for line in DEMO_TEXT.read_text(encoding="utf-8").split("\n") if line]
LAYERS = 2  # of the shipped encoder's six: the exporter's time grows with them, and nothing else


@pytest.fixture(scope="module")
def shipped_tagger(tmp_path_factory):
    """The folder of a tagger on the first layers of the shipped encoder, its head drawn at random."""
    from transformers import AutoTokenizer, BertForTokenClassification

    folder = tmp_path_factory.mktemp("taggers") / "shipped"
    torch.manual_seed(0)
    names = {"id2label": DEFAULT.id_to_tag, "label2id": DEFAULT.tag_to_id}
    model = BertForTokenClassification.from_pretrained(SHIPPED, num_hidden_layers=LAYERS, dtype="float32", **names)
    model.classifier.weight.data.mul_(10)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(SHIPPED).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory, shipped_tagger):
    """The folder of both ONNX models of `shipped_tagger`."""
    folder = tmp_path_factory.mktemp("exported") / "shipped"
    for flags in ([], ["--int8"]):
        assert main(["export", str(shipped_tagger), "--onnx", *flags, "-o", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def exported_crf(tmp_path_factory, crf_tagger):  # noqa: F811
    """The folder of the ONNX model of a tiny tagger with random weights and a CRF."""
    folder = tmp_path_factory.mktemp("exported") / "crf"
    assert main(["export", str(crf_tagger), "--onnx", "-o", str(folder)]) == 0
    return folder


def check_tags(source, exported, text):
    """The tags, and nearly the scores, are the same however they are decoded."""
    for decision in ({}, {"decoder": "greedy"}, {"min_span_probability": 0.5}):
        ours = Tagger.from_pretrained(exported, "onnx", precision="fp32", **decision).tag(text)
        theirs = Tagger.from_pretrained(source, precision="fp32", **decision).tag(text)
        assert places(ours) == places(theirs) and ours
        np.testing.assert_allclose([span.score for span in ours], [span.score for span in theirs], atol=1e-4)


def test_float32_gives_torchs_tags_on_real_text(shipped_tagger, exported):
    check_tags(shipped_tagger, exported, "\n".join([*LINES[:4], "".join(LINES[8:18])]))


def test_a_crf_goes_with_its_scores_of_moves(crf_tagger, exported_crf):  # noqa: F811
    check_tags(crf_tagger, exported_crf, "\n".join([*LINES[:6], "".join(LINES[6:10])]))
    moves = OnnxBackend(exported_crf, DEFAULT).chain.moves
    assert moves.shape == (8, 7) and len(np.unique(moves)) > 20


def test_int8_is_small_and_close(shipped_tagger, exported):
    sizes = [(exported / name).stat().st_size for name in ("model_int8.onnx", "model.onnx")]
    parameters = sum(value.numel() for value in load_file(shipped_tagger / "model.safetensors").values())
    assert parameters < sizes[0] < 1.2 * parameters and 3.9 * parameters < sizes[1] < 4.1 * parameters
    text = "\n".join(LINES[:12])
    exact, close = (Tagger.from_pretrained(exported, "onnx", precision=each) for each in ("fp32", "int8"))
    rows = [tagger.score_sentences(["".join(LINES[:12])])[0] for tagger in (exact, close)]
    shares = np.exp(rows[0])
    loss = (shares * (rows[0] - rows[1])).sum(axis=1).mean()  # Kullback-Leibler, in nats a character
    entropy = -(shares * rows[0]).sum(axis=1).mean()
    assert 0 < loss < 0.005 * entropy
    assert (rows[0].argmax(axis=1) == rows[1].argmax(axis=1)).mean() > 0.98
    same = set(places(exact.tag(text))) & set(places(close.tag(text)))
    assert len(same) > 0.9 * len(exact.tag(text)) > 0


def test_the_file_says_nothing_of_the_machine_it_was_made_on(exported, exported_crf):
    for path in (*exported.glob("*.onnx"), *exported_crf.glob("*.onnx")):
        content = path.read_bytes()
        assert b"site-packages" not in content and str(ROOT).encode() not in content and b".py" not in content


def test_int8_is_run_where_both_are_there_and_settings_say_what_was(exported):
    for precision, name in (("auto", "model_int8.onnx"), ("int8", "model_int8.onnx"), ("fp32", "model.onnx")):
        tagger = Tagger.from_pretrained(exported, "onnx", precision=precision)
        settings = describe_settings(tagger)
        assert settings["model"][name] == file_checksum(exported / name) and settings["backend"] == ["onnx", "cpu"]
        assert settings["precision"] == ("fp32" if precision == "fp32" else "int8")


@pytest.mark.parametrize("fastest, has_vnni", [("bf16", True), ("fp32", True), ("fp32", False)])
def test_the_faster_choice_is_offered(monkeypatch, fastest, has_vnni):
    monkeypatch.setattr(export, "pick_precision", lambda precision, device: fastest)
    monkeypatch.setattr(export, "has_instructions", lambda *names: has_vnni or "avx2" in names)
    assert [(export.judge_int8(int8) is None) == int8 for int8 in (1, 0)] == 2 * [fastest == "fp32" and has_vnni]


def test_tagging_by_onnx_needs_no_flag_and_does_not_load_torch(exported):
    assert_not_loaded(exported, [], {"torch", "transformers", "onnx", "pandas"})


# ---- what cannot be done ----


@pytest.mark.parametrize("folder, options, message", [
    ("exported", {"device": "cuda"}, "'cuda'"), ("exported", {"precision": "bf16"}, "'bf16'"),
    ("exported", {"backend": "torch", "precision": "int8"}, "'int8'"),
    ("exported", {"backend": "torch"}, "model.safetensors.*onnx"),
    ("exported_crf", {"precision": "int8"}, "model_int8.onnx"), ("tiny_tagger", {}, "cbpner export"),
])  # fmt: skip
def test_wrong_options_are_messages(request, folder, options, message):
    with pytest.raises(InputError, match=message):
        Tagger.from_pretrained(request.getfixturevalue(folder), **({"backend": "onnx"} | options))


def copy_small(exported, folder):
    for name in FILES:
        (folder / name).write_bytes((exported / name).read_bytes())
    return folder / "model.onnx"


def test_a_broken_or_foreign_model_is_a_message(exported, tmp_path):
    from onnx import TensorProto, helper, save

    path = copy_small(exported, tmp_path)
    path.write_bytes((exported / "model.onnx").read_bytes()[:1000])
    with pytest.raises(InputError, match="model.onnx"):
        Tagger.from_pretrained(tmp_path, "onnx")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", ends[:1], ends[1:])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    with pytest.raises(InputError, match="ids, mask to 7"):
        Tagger.from_pretrained(tmp_path, "onnx")


def test_a_model_without_onnxruntime_says_how_to_get_it(exported, tiny_tagger, tmp_path, monkeypatch, refuse):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"pip install 'cbpner\[onnx\]'"):
        Tagger.from_pretrained(exported, "onnx")
    assert "onnxruntime" in refuse("export", tiny_tagger, "--onnx", "-o", tmp_path / "out")


@pytest.mark.parametrize("change, message", [
    ({"model_type": "bert_crf", "head": "bilstm-crf"}, "bilstm-crf"),
    ({"hidden_act": "relu"}, "BertForTokenClassification"),
])  # fmt: skip
def test_other_heads_are_refused(tiny_tagger, tmp_path, refuse, change, message):
    for path in tiny_tagger.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(config | change), encoding="utf-8")
    assert message in refuse("export", tmp_path, "--onnx", "-o", tmp_path / "out") and not (tmp_path / "out").exists()


def test_nothing_is_written_over_another_models_files(shipped_tagger, tiny_tagger, exported, tmp_path, refuse, capsys):
    (other := tmp_path / "other").mkdir()  # another model of the same kind: only its weights differ
    weights = (shipped_tagger / "model.safetensors").read_bytes()[:-1] + b"\1"
    copy_small(exported, other).with_name("model.safetensors").write_bytes(weights)
    copy_small(exported, tmp_path)
    assert main(["export", str(shipped_tagger), "--onnx", "-o", str(exported)]) == 0
    assert "exported already" in capsys.readouterr().out
    for words, message in [
        ([tiny_tagger, "-o", exported], "--onnx"),
        ([tiny_tagger, "--onnx", "-o", tmp_path], "config.json"),
        ([other, "--onnx", "--overwrite", "-o", exported], "model_int8.onnx"),
        ([tiny_tagger, "--onnx", "--overwrite", "-o", shipped_tagger], "model.safetensors"),
        ([tmp_path / "none", "--onnx", "-o", tmp_path / "out"], "none"),
    ]:
        assert message in refuse("export", *words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "other", "tokenizer.json"]
