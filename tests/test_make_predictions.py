"""BERT_LM_mixed's make_predictions.py, under the original's flags."""

import pytest
from shell import load_script

from cbpner.formats.columns import read_column_documents
from cbpner.formats.document import Choices
from cbpner.prediction.tagger import Tagger

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
        (document,) = read_column_documents(path, name, Choices())
        assert document.text == text
        assert [span[:3] for span in document.spans] == [span[:3] for span in tagger.tag(text)]
        found[path] = path.read_text(encoding="utf-8")
    assert sorted(found) == sorted((tmp_path / "out").rglob("*.pred"))
    path.write_text("mine")
    assert predict(source, tmp_path / "out", tiny_tagger) == 0 and path.read_text() == "mine"
    assert predict(source, tmp_path / "out", tiny_tagger, "--overwrite_output_dir") == 0 and path.read_text() != "mine"
    assert found[tmp_path / "out" / "a.pred"].startswith("H ") and "。 " in found[tmp_path / "out" / "a.pred"]


def test_bad_files_are_named_and_the_others_tagged(source, tmp_path, tiny_tagger, capsys):
    bad = ["a.txt", *(f"bad{number}.txt" for number in range(7))]
    for name in bad:
        (source / name).write_bytes(b"\xff")
    assert predict(source, tmp_path / "out", tiny_tagger) == 1
    errors = capsys.readouterr().err
    assert all(f"{name}" in errors for name in bad) and errors.count("found bytes") == 1
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.pred")) == ["c.pred", "d%2Fe.pred"]


def test_suffixes_in_upper_case_count_but_no_file_replaces_another(source, tmp_path, tiny_tagger, capsys):
    (source / "E.TXT").write_text("基因", encoding="utf-8")
    assert predict(source, tmp_path / "out", tiny_tagger) == 0 and (tmp_path / "out" / "E.pred").is_file()
    (source / "E.txt").write_text("癌", encoding="utf-8")
    assert predict(source, tmp_path / "more", tiny_tagger) == 2
    assert "found another file for E.pred" in capsys.readouterr().err and not (tmp_path / "more").exists()


def test_labels_are_checked(source, tmp_path, tiny_tagger, capsys):
    (tmp_path / "labels.txt").write_text("O\nB-gene\nI-gene\nB-cell\n")
    assert predict(source, tmp_path / "out", tiny_tagger, "--labels", tmp_path / "labels.txt") == 2
    assert "found gene, cell" in capsys.readouterr().err
    (tmp_path / "labels.txt").write_text("protein\ngene\ndisease\n")
    assert predict(source, tmp_path / "out", tiny_tagger, "--labels", tmp_path / "labels.txt") == 0


@pytest.mark.parametrize("change, message", [
    ({"source": "nowhere"}, "nowhere"), ({"model": "../../models/final_trained"}, "final_trained"),
    ({"more": ["--model_type", "roberta"]}, "roberta"), ({"more": ["--max_seq_length", "512"]}, "512"),
    ({"more": ["--per_gpu_eval_batch_size", "0"]}, "--per_gpu_eval_batch_size 0"),
    ({"more": ["--per_gpu_eval_batch_size", "-3"]}, "--per_gpu_eval_batch_size -3"),
])  # fmt: skip
def test_mistakes_are_messages(source, tmp_path, tiny_tagger, monkeypatch, capsys, change, message):
    monkeypatch.chdir(tmp_path)
    call = {"source": source, "model": tiny_tagger, "more": []} | change
    assert predict(call["source"], tmp_path / "out", call["model"], *call["more"]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()
