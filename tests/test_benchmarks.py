"""The benchmarks' arithmetic, and that they run; no time is asserted."""

import json
from functools import partial
from pathlib import Path

import pytest

from benchmarks import __main__ as benchmark
from benchmarks import app_load, common, matmuls, systems, tables, timing
from cbpner.base.errors import InputError
from cbpner.formats.document import Span
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


def test_the_time_of_products_grows_with_what_is_multiplied(monkeypatch):
    monkeypatch.setattr(matmuls, "time_once", lambda work: 1.0)
    once = matmuls.time_matmuls(SHAPE, [matmuls.ROWS], training=False)
    assert once == 4 * 2 + 1 + 2 * 2  # linear products of one block, the head's, two of attention a layer
    assert matmuls.time_matmuls(SHAPE, [matmuls.ROWS], training=True) == 3 * once
    monkeypatch.setattr(matmuls, "time_attention", lambda shape, length, count, training: 100.0 * length * count)
    assert matmuls.time_matmuls(SHAPE, [1, 15], training=False) > 2 * 100 * 11 * 2  # root of (1 + 225) / 2


def test_sentences_are_drawn_evenly_by_length():
    sentences = make_sentences(*range(100, 0, -1))
    chosen = timing.choose_sentences(sentences, 505)
    assert [len(each.chars) for each in chosen] == [96, 86, 76, 66, 56, 46, 36, 26, 16, 6]
    assert timing.choose_sentences(sentences, 10**6) == sentences


def test_speeds_and_gains_are_medians_of_rounds():
    ours = {"characters": 100, "seconds": [1.0, 4.0, 2.0]}
    other = {"characters": 50, "seconds": [2.0, 8.0, 1.0]}
    assert timing.speed(ours) == 50
    assert timing.gain(ours, other) == 4  # of 4, 4 and 1


def test_texts_of_any_length_repeat_nothing():
    texts = [each.chars for each in benchmark.repeat(make_sentences(3, 4), 20)]
    assert texts == ["因因因", "因因因因", "1因因因", "1因因因因", "2因因因"]


def test_targets():
    targets = (
        tables.Target("a", ("x", "pipeline", "gain"), 6), tables.Target("b", ("y",), 0.02, False, "%"),
        tables.Target("c", ("z",), 3.0, False, "s"),
    )  # fmt: skip
    found = {"x": {"pipeline, batches of 8": {"gain": 5.94}, "ours": {"utilisation": 0.5}}, "y": 0.019}
    assert tables.list_targets(found, targets) == [
        ("a", "at least 6.0x", "5.9x", "no", "11.9x"), ("b", "at most 2.0%", "1.9%", "yes", "-"),
        ("c", "at most 3.0 s", "not measured", "-", "-"),
    ]  # fmt: skip


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


def test_padded_batches_hold_the_sentences_and_nothing_else():
    examples = [{"input_ids": [2, 7, 8, 3], "labels": [-100, 1, 0, -100]}] * 9
    first, second = systems.pad_batches(examples)
    assert first["input_ids"].shape == (8, 512) and second["labels"].shape == (1, 512)
    assert first["attention_mask"].sum() == 32 and first["input_ids"].sum() == 160
    assert (first["labels"] != -100).sum() == 16


@pytest.mark.slow
def test_a_system_works_in_a_process_of_its_own_and_its_error_is_reported():
    make = partial(matmuls.Matmuls, SHAPE, False)
    found = timing.time_systems([timing.Task("products", make, make_sentences(5, 7))], 2, log=lambda line: None)
    assert found["products"]["characters"] == 12 and found["products"]["peak_mb"] > 10
    assert len(found["products"]["seconds"]) == 2 and all(spent > 0 for spent in found["products"]["seconds"])
    with pytest.raises(InputError, match="limit: (?s:.*)TypeError"):
        timing.time_systems([timing.Task("limit", matmuls.Matmuls, [])], 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", systems.TRAINING)
def test_systems_of_training_learn(tiny_encoder, name):
    system = systems.make_training(name, tiny_encoder, 2)
    system.start(make_sentences(9, 30, 4))
    assert system.work() > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ours", "ours, int8", "pipeline, batches of 8", "original"])
def test_systems_of_prediction_tag(tiny_encoder, tmp_path, name):
    if "int8" in name:
        pytest.importorskip("onnxscript")
        pytest.importorskip("onnxruntime")
    system = systems.make_prediction(name, common.make_tagger(tmp_path, tiny_encoder))
    system.start(make_sentences(9, 30, 4))
    assert system.work() > 0


def test_the_speed_by_length_is_a_median_of_rounds(tmp_path, monkeypatch):
    measured = {"characters": 12, "seconds": [1.0, 4.0, 2.0], "peak_mb": 5}
    monkeypatch.setattr(timing, "time_systems", lambda tasks, rounds, log: {tasks[0].name: measured})
    found = benchmark.measure_growth(tmp_path, make_sentences(5, 7), benchmark.Settings(10, 3, 10, 10, print))
    assert found["1 x 10 characters"] == {"speed": 6, "peak_mb": 5, "rounds": 3}


def test_the_best_pipeline_stands_for_all():
    measured = {
        name: {"characters": 10, "seconds": [2.0 if name.endswith("8") else 4.0], "peak_mb": 5}
        for name in ("ours", *systems.PIPELINES, "products")
    }
    summary = benchmark.summarize(measured)
    assert list(summary) == ["ours", "pipeline, batches of 8"] and summary["pipeline, batches of 8"]["gain"] == 0.5


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
    texts = app_load.invent_texts(100)
    assert len(set(texts)) == 100 and {len(text) for text in texts} == {50 + 50 * n for n in range(10)}
