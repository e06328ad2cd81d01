"""What is committed under results/: scores that the predictions really have, and a README that quotes them."""

import re
from pathlib import Path

import pytest
from conftest import GOLD, needs_gold

from cbpner.base.files import file_checksum
from cbpner.cli import main
from cbpner.reports.run_scores import collect_scores
from cbpner.reports.systems import BLOCK
from cbpner.reports.table import build_score_table
from cbpner.runs import folder as runs
from cbpner.scoring.metrics import score
from cbpner.text.bio import read_bio

ROOT = Path(__file__).resolve().parent.parent
SEEDS = (0, 1, 2)
METHODS = {  # a row of the README's table: the folders of its runs
    **{f"`{name}`": [name] for name in (
        "Supervised_Original", "BERT_LM_mixed", "BERT_LM_mixed_gold", "partBERT_CRF_described", "partBERT_CRF_coded",
    )},
    "`Supervised_Original`, lower-cased": ["Supervised_Original_lower"],
    "`BERT_LM_mixed` on `cbp_mini_bio`, three seeds": [f"BERT_LM_mixed_seed{seed}" for seed in SEEDS],
    "the same, recipe `cbp_patent`": [f"BERT_LM_mixed_patent_seed{seed}" for seed in SEEDS],
    "mean of the three seeds' weights, `cbp_patent`": ["BERT_LM_mixed_soup"],
    "mean of three seeds' probabilities, `cbp_patent`": ["BERT_LM_mixed_ensemble"],
}  # fmt: skip
FOLDERS = [folder for folders in METHODS.values() for folder in folders]
RUNS = sorted(path.parent for path in (ROOT / "results").rglob(runs.METRICS))


def test_every_committed_run_is_finished_and_carries_no_weights():
    parents = {folder.parent for folder in RUNS}
    found = runs.find_runs(sorted(parents))
    assert sorted(found.finished) == RUNS and len(RUNS) >= 83 and not found.unfinished
    assert {ROOT / "results" / name for name in ("attention/seed0", "curve/2", "fgm/soup")} < parents
    assert not [path for path in (ROOT / "results").rglob("*") if path.suffix in (".safetensors", ".bin", ".pt")]


def test_the_readme_quotes_the_table():
    """A row a system: lenient F1 by split, then mean ± std over the splits at the three levels; seeds averaged first.

    All of it as `cbpner table` prints it, in the two tables of its summary.
    """
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = (ROOT / "results" / "table.md").read_text(encoding="utf-8")
    rows = [re.split(r" *\| *", line.strip("| ")) for line in table.splitlines() if line.startswith("| ")]
    for name, folders in METHODS.items():
        frame = collect_scores([ROOT / "results" / folder for folder in folders])
        method, recipe, encoder, data = frame.loc[0, BLOCK]
        method += {"Supervised_Original": ", casing keep", "Supervised_Original_lower": ", casing lower"}.get(
            folders[0], ""
        )
        summary, by_split = (row for row in rows if row[:4] == [method, recipe, encoder, data])
        assert int(summary[5]) == 5 * len(folders)
        token, lenient, strict = summary[6:9]
        assert f"| {name} | {' | '.join([*by_split[4:], lenient, strict, token])} |" in readme


def test_the_committed_table_is_the_one_that_the_runs_give():
    report = build_score_table([ROOT / "results" / folder for folder in FOLDERS])
    assert (ROOT / "results" / "table.md").read_text(encoding="utf-8") == report.markdown


@needs_gold
@pytest.mark.parametrize("folder", RUNS, ids=lambda folder: "-".join(folder.relative_to(ROOT / "results").parts))
def test_the_scores_follow_from_the_predictions(folder, tmp_path):
    config, metrics = runs.read_config(folder), runs.read_metrics(folder)
    place, parts = GOLD / config["split"], ("dev", "test")
    if config["data"]["name"] == "folds":
        assert main(["folds", str(GOLD), "-o", str(tmp_path)]) == 0
        place, parts = tmp_path / config["split"], ("test",)
    for part in parts:
        source = config["data"]["files"][part]
        path = place / Path(source["path"]).name
        assert file_checksum(path) == source["sha256"]
        gold = [sentence.tags for sentence in read_bio(path)]
        assert score(gold, runs.read_tags(runs.tags_path(folder, part))) == metrics[part]
