"""The shipped tagger: small, plain transformers loads it, its card says what is so, and it is found from anywhere."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

from cbpner.predict.tagger import Tagger
from cbpner.report.table import OVERALL, collect_runs

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "models" / "final_trained"
TEXT = "本发明公开了BRCA1基因在卵巢癌和前列腺癌诊断中的用途，以及VEGF、IL-6和TNF-α的检测方法。"


@pytest.fixture(scope="module")
def card():
    return (FOLDER / "README.md").read_text(encoding="utf-8")


def test_it_is_small_and_in_half_precision():
    assert (FOLDER / "model.safetensors").stat().st_size <= 40e6
    with safe_open(FOLDER / "model.safetensors", "pt") as file:
        assert {file.get_slice(name).get_dtype() for name in file.keys()} == {"F16"}
    names = {path.name for path in FOLDER.iterdir()}
    assert names - {"model_int8.onnx"} == {
        "README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip


def test_plain_transformers_loads_all_of_it():
    _, report = AutoModelForTokenClassification.from_pretrained(FOLDER, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]


def test_greedy_spans_are_those_of_the_pipeline():
    """On patents of the demo corpus; the pipeline is given lines, which is how the tagger cuts them."""
    lines = (ROOT / "data" / "demo" / "unlabelled" / "test.txt").read_text(encoding="utf-8").split("\n")[:60]
    lines = [line for line in [*lines, TEXT] if line and line == line.strip() and len(line) < 300]
    tagger = Tagger.from_pretrained(decode="greedy", agreement=0.0)
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    model = AutoModelForTokenClassification.from_pretrained(FOLDER, dtype=torch.float32)
    pipe = pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy="simple")
    found = 0
    for line, spans in zip(lines, tagger.tag_many(lines), strict=True):
        entities = [(each["start"], each["end"], each["entity_group"]) for each in pipe(line)]
        assert [span[:3] for span in spans] == entities
        found += len(spans)
    assert found > 20


def test_it_finds_what_stands_in_a_simple_sentence():
    spans = {(span.text, span.label) for span in Tagger.from_pretrained().tag(TEXT)}
    assert {("BRCA1基因", "gene"), ("卵巢癌", "disease"), ("前列腺癌", "disease"), ("IL-6", "protein")} <= spans


def test_the_command_needs_no_model_and_no_folder_to_stand_in(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    words = [sys.executable, "-m", "cbpner", "predict", "a.txt"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert all(TEXT[span["start"] : span["end"]] == span["text"] for span in row["spans"]) and row["spans"]


def test_the_card_gives_its_temperature_and_the_scores_to_expect(card):
    decision = Tagger.from_pretrained().decision
    assert decision.agreement == 0.1 and decision.decode == "spans"
    assert f"temperature {decision.temperature}" in card
    frame = collect_runs([ROOT / "results" / "BERT_LM_mixed_soup"])
    rows = frame[(frame["part"] == "test") & (frame["type"] == OVERALL)]
    for level in ("entity_lenient", "entity_strict", "token"):
        scores = rows[rows["level"] == level]["f1"]
        assert f"{scores.mean():.3f} ± {scores.std(ddof=1):.3f}" in card
    assert re.search(r"state no licence", card) and "build_final.sh" in card
