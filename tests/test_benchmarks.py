"""That the benchmarks run, and their committed figures; no time is asserted."""

import json
from functools import partial
from pathlib import Path

import pytest

from benchmarks import __main__ as benchmark
from benchmarks import common, matmuls, same_scores, systems, tables, timing
from cbpner.base.errors import InputError
from cbpner.runs import folder as runs
from cbpner.text.bio import Sentence

BENCHMARKS = Path(benchmark.__file__).parent
SHAPE = matmuls.ModelShape(layers=2, width=4, heads=2, inner=8, labels=3)


def make_sentences(*lengths):
    return [Sentence("因" * length, ("O",) * length) for length in lengths]


def test_the_readme_has_the_committed_figures(tmp_path):
    text = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    page = tmp_path / "README.md"
    page.write_text(f"before\n{tables.BEGIN}\nold\n{tables.END}\nbehind\n", encoding="utf-8")
    common.replace_between(page, tables.BEGIN, tables.END, tables.render(tables.read_all()))
    written = page.read_text(encoding="utf-8")
    assert written.startswith("before\n") and written.endswith("behind\n")
    assert written.removeprefix("before\n").removesuffix("behind\n") in text


@pytest.mark.slow
def test_a_system_works_in_a_process_of_its_own_and_its_error_is_reported():
    make = partial(matmuls.Matmuls, SHAPE, False)
    found = timing.time_systems([timing.Task("products", make, make_sentences(5, 7))], 2)
    assert found["products"]["characters"] == 12 and found["products"]["peak_mb"] > 10
    assert 2 <= len(seconds := found["products"]["seconds"]) <= 2 * timing.MOST and all(spent > 0 for spent in seconds)
    with pytest.raises(InputError, match="limit: (?s:.*)TypeError"):
        timing.time_systems([timing.Task("limit", matmuls.Matmuls, [])], 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*systems.TRAINING, "tag", "ours, int8", "pipeline, batches of 8", "tag as original"])
def test_systems_learn_or_tag(tiny_encoder, tmp_path, name):
    if "int8" in name:
        pytest.importorskip("onnxscript")
        pytest.importorskip("onnxruntime")
    if name in systems.TRAINING:
        system = systems.make_training(name, tiny_encoder, 2)
    else:
        name = {"tag": "ours", "tag as original": "original"}.get(name, name)
        system = systems.make_prediction(name, common.make_tagger(tmp_path, tiny_encoder))
    system.start(make_sentences(9, 30, 4))
    assert system.work() > 0


@pytest.mark.slow
def test_padded_and_packed_float32_agree_and_are_what_the_run_scored(finished_run, tmp_path):
    run, output = finished_run.output, tmp_path / "same.json"
    assert same_scores.main([str(run), "-o", str(output)]) == 0
    rows = {row["way"]: row for row in json.loads(output.read_text(encoding="utf-8"))["rows"]}
    assert list(rows) == ["padded fp32", "padded bf16", "packed fp32", "packed bf16"]
    own, exact = runs.read_metrics(run)["test"]["entity_strict"]["overall"], rows["padded fp32"]
    assert all(exact[name] == own[name] > 0 for name in ("correct", "predicted", "gold"))
    assert exact["same"] == exact["characters"]
    assert rows["packed fp32"]["same"] >= 0.999 * exact["characters"]
    assert rows["packed bf16"]["same"] >= 0.9 * exact["characters"]
