"""What makes it fast does not change the scores: the measurement itself, on a run of a tiny model."""

import json

import pytest

from benchmarks.same_scores import main
from cbpner.cli import main as cbpner

FAST = ["--batch-tokens", "512", "--max-length", "128", "--epochs", "2", "--lr", "5e-3", "--head-lr", "1e-2"]


@pytest.mark.slow
def test_padded_and_packed_float32_agree_and_are_what_the_run_scored(tiny_encoder, tmp_path, capsys):
    run, output = tmp_path / "run", tmp_path / "same.json"
    data = ["--data-dir", "data/demo", "--split", "0", "--encoder", str(tiny_encoder), "--precision", "fp32"]
    assert cbpner(["train", *data, "-o", str(run), *FAST]) == 0
    assert main([str(run), "-o", str(output)]) == 0
    rows = {row["way"]: row for row in json.loads(output.read_text(encoding="utf-8"))["rows"]}
    assert list(rows) == ["padded fp32", "padded bf16", "packed fp32", "packed bf16"]
    own = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["test"]["entity_strict"]["overall"]
    exact = rows["padded fp32"]
    assert {name: exact[name] for name in ("correct", "predicted", "gold")} == {
        name: own[name] for name in ("correct", "predicted", "gold")
    }
    assert exact["predicted"] > 0 and exact["same"] == exact["characters"]
    assert rows["packed fp32"]["same"] >= 0.999 * exact["characters"]
    assert rows["packed bf16"]["same"] >= 0.9 * exact["characters"]
    assert "packed bf16" in capsys.readouterr().out
