"""BERT_LM_mixed's make_predictions.py and pred_gen.sh, under the original's flags."""

import pytest
from test_entry_points import ROOT, load_script
from test_setup import environment, read_calls, read_flags, run_bash, stub_python  # noqa: F401

from cbpner.formats.columns import read_columns
from cbpner.formats.document import Choices
from cbpner.predict.tagger import Tagger

TEXTS = {"a.txt": "HER2阳性乳腺癌。\n\n其中BRCA1 😀", "b/c.txt": "基因突变", "d%2Fe.txt": "一种方法\r\n"}


@pytest.fixture
def source(tmp_path):
    for name, text in TEXTS.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(text.encode("utf-8"))
    return tmp_path / "in"


def predict(source, target, model, *more):
    flags = ["--pred_input_dir", source, "--pred_output_dir", target, "--model_name_or_path", model,
             "--model_type", "bert", *more]  # fmt: skip
    return load_script("BERT_LM_mixed/ner_example/make_predictions.py").main(list(map(str, flags)))


def test_each_text_gets_its_characters_and_tags(source, tmp_path, tiny_tagger):
    ignored = ["--per_gpu_train_batch_size", 256, "--save_steps", 2000, "--num_train_epochs", 1, "--seed", 1]
    flags = ["--max_seq_length", 64, "--per_gpu_eval_batch_size", 4, "--no_cuda", "--do_lower_case", *ignored]
    assert predict(source, tmp_path / "out", tiny_tagger, *flags) == 0
    tagger, found = Tagger.from_pretrained(tiny_tagger, max_length=64), {}
    for name, text in TEXTS.items():
        path = (tmp_path / "out" / name).with_suffix(".pred")
        (document,) = read_columns(path, name, Choices())
        assert document.text == text
        assert [span[:3] for span in document.spans] == [span[:3] for span in tagger.tag(text)]
        found[path] = path.read_text(encoding="utf-8")
    assert sorted(found) == sorted((tmp_path / "out").rglob("*.pred"))
    assert found[tmp_path / "out" / "a.pred"].startswith("H ") and "。 " in found[tmp_path / "out" / "a.pred"]


def test_files_that_are_there_stay_unless_told(source, tmp_path, tiny_tagger):
    (tmp_path / "a.pred").write_text("mine")
    assert predict(source, tmp_path, tiny_tagger) == 0
    assert (tmp_path / "a.pred").read_text() == "mine" and (tmp_path / "b" / "c.pred").is_file()
    assert predict(source, tmp_path, tiny_tagger, "--overwrite_output_dir") == 0
    assert (tmp_path / "a.pred").read_text(encoding="utf-8").startswith("H ")


def test_a_bad_file_is_named_and_the_rest_goes_on(source, tmp_path, tiny_tagger, capsys):
    (source / "a.txt").write_bytes(b"\xff")
    assert predict(source, tmp_path / "out", tiny_tagger) == 1
    assert "a.txt: found bytes that are not UTF-8" in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.pred")) == ["c.pred", "d%2Fe.pred"]


def test_labels_are_checked(source, tmp_path, tiny_tagger, capsys):
    (tmp_path / "labels.txt").write_text("O\nB-gene\nI-gene\nB-cell\n")
    assert predict(source, tmp_path / "out", tiny_tagger, "--labels", tmp_path / "labels.txt") == 2
    assert "found gene, cell; the model has gene, protein, disease" in capsys.readouterr().err
    (tmp_path / "labels.txt").write_text("protein\ngene\ndisease\n")
    assert predict(source, tmp_path / "out", tiny_tagger, "--labels", tmp_path / "labels.txt") == 0


@pytest.mark.parametrize(
    "change, message",
    [({"source": "nowhere"}, "no such folder"), ({"model": "../../models/final_trained"}, "train one"),
     ({"more": ["--model_type", "roberta"]}, "expected bert"), ({"more": ["--max_seq_length", "512"]}, "at most")],
)  # fmt: skip
def test_mistakes_are_messages(source, tmp_path, tiny_tagger, monkeypatch, capsys, change, message):
    monkeypatch.chdir(tmp_path)
    call = {"source": source, "model": tiny_tagger, "more": []} | change
    assert predict(call["source"], tmp_path / "out", call["model"], *call["more"]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_the_script_passes_its_settings_on(stub_python):  # noqa: F811
    script = ROOT / "BERT_LM_mixed" / "ner_example" / "pred_gen.sh"
    (call,) = read_calls(run_bash(script, env=stub_python, cwd="/"))
    flags = {"--pred_input_dir": "../../data/demo/patents/plain", "--pred_output_dir": "../../runs/pred_gen",
             "--model_type": "bert", "--model_name_or_path": "../../models/final_trained",
             "--max_seq_length": "512"}  # fmt: skip
    assert call[0] == "make_predictions.py" and read_flags(call) == flags
    settings = {"GPU_ID": "1", "BATCH_SIZE": "5", "MAX_LENGTH": "128", "BERT_MODEL": "a model", "IN_DIR": "my texts",
                "OUTPUT_DIR": "/some out"}  # fmt: skip
    (call,) = read_calls(run_bash(script, "--overwrite_output_dir", env={**stub_python, **settings}))
    assert call[-1] == "1"
    assert read_flags(call) == {
        "--pred_input_dir": "my texts", "--pred_output_dir": "/some out", "--model_type": "bert",
        "--model_name_or_path": "a model", "--max_seq_length": "128", "--per_gpu_eval_batch_size": "5",
        "--overwrite_output_dir": "",
    }  # fmt: skip
