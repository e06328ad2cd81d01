"""What is committed under results/: scores that the predictions really have, and their table."""

import json
from functools import cache, partial
from pathlib import Path

import pytest
from conftest import GOLD, ROOT, needs_gold

from cbpner.base.files import file_checksum
from cbpner.cli import main
from cbpner.reports.table import build_score_table
from cbpner.runs import folder as runs
from cbpner.scoring.metrics import score
from cbpner.text.bio import read_bio

FOLDERS = (
    "Supervised_Original", "BERT_LM_mixed", "BERT_LM_mixed_gold", "partBERT_CRF_described", "partBERT_CRF_coded",
    *(f"BERT_LM_mixed_{kind}seed{seed}" for kind in ("", "patent_", "distant_") for seed in range(3)),
    "BERT_LM_mixed_soup", "BERT_LM_mixed_ensemble", "BERT_LM_mixed_distant_ensemble",
)  # fmt: skip
RUNS = sorted(path.parent for path in (ROOT / "results").rglob(runs.METRICS))


def test_every_committed_run_is_finished_and_carries_no_weights():
    found = runs.find_runs(sorted({folder.parent for folder in RUNS}))
    assert sorted(found.finished) == RUNS and not found.unfinished
    assert not [path for path in (ROOT / "results").rglob("*") if path.suffix in (".safetensors", ".bin", ".pt")]


@pytest.mark.slow
def test_the_committed_table_is_the_one_that_the_runs_give():
    table = build_score_table([ROOT / "results" / folder for folder in FOLDERS])
    committed = (ROOT / "results" / "table.md").read_text(encoding="utf-8")
    rows, expected = ([line for line in text.splitlines() if "|" in line] for text in (table.markdown, committed))
    assert rows == expected


@pytest.fixture(scope="module")
def folds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gold") / "folds"
    assert main(["folds", str(GOLD), "-o", str(folder)]) == 0
    return folder


round_numbers = partial(json.loads, parse_float=lambda text: f"{float(text):.9f}")
read_gold = cache(lambda path: (file_checksum(path), [sentence.tags for sentence in read_bio(path)]))


@pytest.mark.slow
@needs_gold
@pytest.mark.parametrize("folder", RUNS, ids=lambda folder: "-".join(folder.relative_to(ROOT / "results").parts))
def test_the_scores_follow_from_the_predictions(folder, folds):
    config, metrics = runs.read_config(folder), runs.read_metrics(folder)
    is_fold = config["data"]["name"] == "folds"
    for part in ("test",) if is_fold else ("dev", "test"):
        source = config["data"]["files"][part]
        checksum, gold = read_gold((folds if is_fold else GOLD) / config["split"] / Path(source["path"]).name)
        assert checksum == source["sha256"]
        found = score(gold, runs.read_tags(runs.tags_path(folder, part)))
        assert round_numbers(json.dumps(found)) == round_numbers(json.dumps(metrics[part]))
