"""The shipped tagger: small, plain transformers loads it, its card says what is so, and it is found from anywhere."""

import json
import re

import pytest
from conftest import ROOT
from transformers import pipeline

from cbpner.cli import main
from cbpner.prediction.tagger import Tagger
from cbpner.reports.run_scores import OVERALL, frame_scores, load_runs

FOLDER = ROOT / "models" / "final_trained"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def card():
    return (FOLDER / "README.md").read_text(encoding="utf-8")


def test_the_command_with_greedy_gives_a_patent_the_spans_of_the_pipeline(tmp_path):
    """Sentence by sentence, though the model itself decides over a patent (`vote_share`)."""
    text = (ROOT / "data" / "demo" / "unlabelled" / "test.txt").read_text(encoding="utf-8").split("\n\n")[0]
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    words = ["predict", str(tmp_path / "a.txt"), "-o", str(tmp_path / "a.jsonl"), "--decoder", "greedy"]
    assert main(words) == 0
    (row,) = map(json.loads, (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines())
    found = [(span["start"], span["end"], span["label"]) for span in row["spans"]]
    pipe, wanted = pipeline("token-classification", model=str(FOLDER), aggregation_strategy="simple"), []
    for start, end in Tagger.from_pretrained().find_sentences(text):
        wanted += [(start + each["start"], start + each["end"], each["entity_group"]) for each in pipe(text[start:end])]
    assert found == wanted and len(found) > 50
    assert main([*words, "--vote-share", "0.1", "--overwrite"]) == 0
    (voted,) = map(json.loads, (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines())
    assert len(voted["spans"]) != len(found), "the vote would have made a difference"


def test_the_readmes_example_is_a_text_without_faults(tmp_path):
    (name,) = re.findall(r"^cbpner predict (data/\S+) -o patent.html", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert main(["predict", str(ROOT / name), "-o", str(tmp_path / "patent.html")]) == 0


def test_the_card_gives_its_temperature_and_the_scores_to_expect(card):
    decision = Tagger.from_pretrained().decision
    assert decision.vote_share == 0.1 and decision.decoder == "spans"
    assert f"temperature {decision.temperature}" in card
    frame = frame_scores(load_runs(sorted((ROOT / "results").glob("BERT_LM_mixed_distant_seed?"))).scored)
    rows = frame[(frame["part"] == "test") & (frame["type"] == OVERALL)]
    for level in ("entity_lenient", "entity_strict", "token"):
        scores = rows[rows["level"] == level].groupby("split")["f1"].mean()
        assert f"{scores.mean():.3f} ± {scores.std(ddof=1):.3f}" in card
    assert re.search(r"state no licence", card) and "build_final.sh" in card
