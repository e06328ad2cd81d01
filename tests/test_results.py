"""What is committed under results/: scores that the predictions really have, and a README that quotes them."""

from pathlib import Path

import pytest

from cbpner import runs
from cbpner.bio import read_bio
from cbpner.metrics import score
from cbpner.report.table import build_report

ROOT = Path(__file__).resolve().parent.parent
GOLD = ROOT / ".." / "shared" / "data" / "cbp_gold"
RUNS = runs.find_runs([ROOT / "results"]).finished


def test_every_committed_run_is_finished_and_carries_no_weights():
    found = runs.find_runs([ROOT / "results"])
    assert len(found.finished) >= 5 and not found.unfinished
    assert not [path for path in (ROOT / "results").rglob("*") if path.suffix in (".safetensors", ".bin", ".pt")]


def test_the_readme_quotes_the_table():
    report = build_report([ROOT / "results" / "Supervised_Original"], "test").markdown
    rows = [line.strip("| ").split("|") for line in report.split("\n") if line.startswith("|")]
    scores = {row[0].strip(): [row[column].strip() for column in (3, 6, 9)] for row in rows if len(row) == 10}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for split in "01234":
        assert f"| {split} | {' | '.join(scores[split])} |" in readme
    both = [f"{mean} ± {std}" for mean, std in zip(scores["mean"], scores["± std"], strict=True)]
    assert f"| mean ± std (ddof 1) | {' | '.join(both)} |" in readme


@pytest.mark.skipif(not GOLD.is_dir(), reason="the gold data are not here")
@pytest.mark.parametrize("folder", RUNS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_the_scores_follow_from_the_predictions(folder):
    config, metrics = runs.read_config(folder), runs.read_metrics(folder)
    for part in ("dev", "test"):
        source = config["data"]["files"][part]
        path = GOLD / config["split"] / Path(source["path"]).name
        assert runs.file_checksum(path) == source["sha256"]
        gold = [sentence.tags for sentence in read_bio(path)]
        assert score(gold, runs.read_tags(runs.tags_path(folder, part))) == metrics[part]
