"""The benchmarks' arithmetic, and that they run; no time is asserted."""

import json
from functools import partial
from pathlib import Path

import pytest

from benchmarks import __main__ as benchmark
from benchmarks import app_load, common, gpu, matmuls, same_scores, scaling, systems, tables, timing
from cbpner.base.errors import InputError
from cbpner.formats.document import Span
from cbpner.runs import folder as runs
from cbpner.text.bio import Sentence

BENCHMARKS = Path(benchmark.__file__).parent
SHAPE = matmuls.ModelShape(layers=2, width=4, heads=2, inner=8, labels=3)


def make_sentences(*lengths):
    return [Sentence("因" * length, ("O",) * length) for length in lengths]


def test_operations_by_hand():
    """A character: 2 layers of (4x12 + 4x4 + 4x8 + 8x4) and 4x3; a sentence of 5: two products of 5x5x4 a layer."""
    linear = 2 * (2 * (48 + 16 + 32 + 32) + 12)
    assert matmuls.count_operations(SHAPE, [5], training=False) == 5 * linear + 2 * 2 * 2 * 100
    assert matmuls.count_operations(SHAPE, [5, 7], training=True) == 3 * (12 * linear + 2 * 2 * 2 * (100 + 196))


def test_speeds_and_gains_are_medians_of_rounds():
    ours = {"characters": 100, "seconds": [1.0, 4.0, 2.0]}
    other = {"characters": 50, "seconds": [2.0, 8.0, 1.0]}
    assert timing.speed(ours) == 50
    assert timing.gain(ours, other) == 4  # of 4, 4 and 1


def test_the_readme_has_the_committed_figures(tmp_path):
    text = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    found = json.loads((BENCHMARKS / "speed.json").read_text(encoding="utf-8"))
    page = tmp_path / "README.md"
    page.write_text(f"before\n{tables.BEGIN}\nold\n{tables.END}\nbehind\n", encoding="utf-8")
    common.replace_between(page, tables.BEGIN, tables.END, tables.render(found))
    written = page.read_text(encoding="utf-8")
    assert written.startswith("before\n") and written.endswith("behind\n")
    assert written.removeprefix("before\n").removesuffix("behind\n") in text
    with pytest.raises(InputError, match="nothing.md"):
        (tmp_path / "nothing.md").write_text("no marks", encoding="utf-8")
        common.replace_between(tmp_path / "nothing.md", tables.BEGIN, tables.END, "")


@pytest.mark.slow
def test_a_system_works_in_a_process_of_its_own_and_its_error_is_reported():
    make = partial(matmuls.Matmuls, SHAPE, False)
    found = timing.time_systems([timing.Task("products", make, make_sentences(5, 7))], 2, log=lambda line: None)
    assert found["products"]["characters"] == 12 and found["products"]["peak_mb"] > 10
    assert len(found["products"]["seconds"]) == 2 and all(spent > 0 for spent in found["products"]["seconds"])
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


def test_load_is_summed_up_and_wrong_answers_are_seen():
    found = [(number / 100, "right") for number in range(1, 100)] + [(9.0, "wrong")]
    figures = app_load.summarize(found, 10.0, 5000)
    assert figures["states"] == {"right": 99, "wrong": 1} and figures["requests_per_second"] == 10
    assert figures["latency"] == {"p50": 0.505, "p95": 0.951, "p99": 1.07, "max": 9.0}
    expected = [Span(0, 4, "gene", "HER2", 0.9)]
    row = expected[0]._asdict()
    assert app_load.is_same([row | {"score": 0.901}], expected)
    for spans in ([], [row, row], [row | {"start": 1}], [row | {"score": 0.8}]):
        assert not app_load.is_same(spans, expected)


def test_a_speed_is_what_the_larger_job_adds():
    """Ready in 3 s, then 100 characters a second; the middle one of each three rounds counts."""
    found = scaling.derive_speed({1000: [13.0, 90.0, 12.0], 5000: [53.0, 1.0, 60.0]})
    assert found == {"ready": 3.0, "speed": 100}
    with pytest.raises(InputError):
        scaling.derive_speed({1000: [13.0], 5000: [13.0]})


def test_estimates_by_hand():
    sides = {"without Ray": {"workers": 1, "speed": 9_000}, "Ray, 2 workers": {"workers": 2, "speed": 16_000}}
    here, nodes = scaling.estimate({"sides": sides})
    assert here[1:] == (16_000, pytest.approx(17.36, abs=0.01))
    assert nodes[:2] == ("64 nodes of 8 cores, 11 jobs", 64 * 8 * 8_000)  # 512 workers, 48 a job


def test_on_a_gpu_a_system_is_given_as_much_as_takes_its_time():
    """A thousand characters a second: 536 operations each, and some 400 of attention in sentences of 11 or 12."""
    methods = {"start": list.__init__, "work": lambda self: sum(len(each.chars) for each in self) / 1000}
    grown = gpu.Grown(type("Slow", (list,), methods), seconds=4)
    grown.start(make_sentences(10))
    found = gpu.summarize([grown.work()], SHAPE, is_training=False, rate=2e6)
    assert 4000 <= found["characters"] < 8000 and found["characters_per_second"] == 1000
    assert found["utilisation"] == pytest.approx(1000 * (536 + 400) / 2e6, rel=0.05)


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
