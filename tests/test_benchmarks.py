"""The benchmark's arithmetic, and that it runs; no time is asserted."""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import __main__ as benchmark  # noqa: E402
from benchmarks import products, rounds, shares, sides, tables  # noqa: E402
from cbpner.base.errors import InputError  # noqa: E402
from cbpner.text.bio import Sentence  # noqa: E402


class Fixed:
    """A side whose share is known."""

    def start(self, sentences):
        pass

    def work(self):
        return 0.5


SHAPE = products.Shape(layers=2, width=4, heads=2, inner=8, labels=3)


def make_sentences(*lengths):
    return [Sentence("因" * length, ("O",) * length) for length in lengths]


def test_operations_by_hand():
    """A character: 2 layers of (4x12 + 4x4 + 4x8 + 8x4) and 4x3; a sentence of 5: two products of 5x5x4 a layer."""
    linear = 2 * (2 * (48 + 16 + 32 + 32) + 12)
    assert products.count_operations(SHAPE, [5], training=False) == 5 * linear + 2 * 2 * 2 * 100
    assert products.count_operations(SHAPE, [5, 7], training=True) == 3 * (12 * linear + 2 * 2 * 2 * (100 + 196))


def test_lengths_are_grouped_as_their_squares_ask_for():
    assert products.group_lengths([3, 4, 40, 40, 5]) == [(4, 3), (40, 2)]
    assert products.group_lengths([1, 15]) == [(11, 2)]  # root of (1 + 225) / 2


def test_the_time_of_products_grows_with_what_is_multiplied(monkeypatch):
    monkeypatch.setattr(products, "time_once", lambda work: 1.0)
    once = products.time_products(SHAPE, [products.ROWS], training=False)
    assert once == 4 * 2 + 1 + 2 * 2  # linear products of one block, the head's, two of attention a layer
    assert products.time_products(SHAPE, [products.ROWS], training=True) == 3 * once


def test_sentences_are_drawn_evenly_by_length():
    sentences = make_sentences(*range(100, 0, -1))
    chosen = rounds.choose_sentences(sentences, 505)
    assert [len(each.chars) for each in chosen] == [96, 86, 76, 66, 56, 46, 36, 26, 16, 6]
    assert rounds.choose_sentences(sentences, 10**6) == sentences


def test_speeds_and_gains_are_medians_of_rounds():
    ours = {"characters": 100, "seconds": [1.0, 4.0, 2.0]}
    other = {"characters": 50, "seconds": [2.0, 8.0, 1.0]}
    assert rounds.speed(ours) == 50
    assert rounds.gain(ours, other) == 4  # of 4, 4 and 1


def test_texts_of_any_length_repeat_nothing():
    texts = [each.chars for each in benchmark.repeat(make_sentences(3, 4), 20)]
    assert texts == ["因因因", "因因因因", "1因因因", "1因因因因", "2因因因"]


def test_repetition_counts_what_stood_before():
    found = shares.measure_repetition([*make_sentences(4, 2, 4, 4)])
    assert found == {"sentences": 4, "again": 2, "share_of_characters": 8 / 14}


def test_bars():
    bars = (tables.Bar("a", ("x", "pipeline", "gain"), 6), tables.Bar("b", ("y",), 0.02, False, "%"),
            tables.Bar("c", ("z",), 3.0, False, "s"))  # fmt: skip
    found = {"x": {"pipeline, batches of 8": {"gain": 5.94}, "ours": {"utilisation": 0.5}}, "y": 0.019}
    assert tables.list_bars(found, bars) == [
        ("a", "at least 6.0x", "5.9x", "no", "11.9x"), ("b", "at most 2.0%", "1.9%", "yes", "-"),
        ("c", "at most 3.0 s", "not measured", "-", "-"),
    ]  # fmt: skip


def test_padded_batches_hold_the_sentences_and_nothing_else():
    examples = [{"input_ids": [2, 7, 8, 3], "labels": [-100, 1, 0, -100]}] * 9
    first, second = sides.pad_batches(examples)
    assert first["input_ids"].shape == (8, 512) and second["labels"].shape == (1, 512)
    assert first["attention_mask"].sum() == 32 and first["input_ids"].sum() == 160
    assert (first["labels"] != -100).sum() == 16


def test_a_side_works_in_a_process_of_its_own():
    make = partial(products.Products, SHAPE, False)
    found = rounds.time_sides([rounds.Task("products", make, make_sentences(5, 7))], 2, say=lambda line: None)
    assert found["products"]["characters"] == 12 and found["products"]["peak_mb"] > 10
    assert len(found["products"]["seconds"]) == 2 and all(spent > 0 for spent in found["products"]["seconds"])


def test_a_side_that_fails_says_which_and_why():
    with pytest.raises(InputError, match="limit: (?s:.*)missing 2 required positional arguments"):
        rounds.time_sides([rounds.Task("limit", products.Products, [])], 1)


@pytest.fixture(scope="module")
def tagger_folder(tiny_encoder, tmp_path_factory):
    return shares.make_tagger(tiny_encoder, tmp_path_factory.mktemp("benchmark"))


@pytest.mark.parametrize("name", sides.TRAINING)
def test_sides_of_training_learn(tiny_encoder, name):
    side = sides.make_training(name, tiny_encoder, 2)
    side.start(make_sentences(9, 30, 4))
    assert side.work() > 0


@pytest.mark.parametrize("name", sides.PREDICTION)
def test_sides_of_prediction_tag(tagger_folder, name):
    if "int8" in name:
        pytest.importorskip("onnxscript")
        pytest.importorskip("onnxruntime")
    side = sides.make_prediction(name, tagger_folder)
    side.start(make_sentences(9, 30, 4))
    assert side.work() > 0


@pytest.mark.parametrize("variant", shares.VARIANTS)
def test_a_crf_has_a_share_of_its_steps(tiny_encoder, variant):
    side = shares.CrfShare(tiny_encoder, variant)
    side.recipe = replace(side.recipe, trainable_layers=1 if variant == "described" else 0)
    side.start(make_sentences(9, 30, 4))
    assert 0 < side.work() < 1


@pytest.mark.parametrize("method", ["benchmark", *(f"partBERT_CRF_{variant}" for variant in shares.VARIANTS)])
def test_shares_are_of_the_whole(tiny_encoder, tmp_path, method):
    side = shares.OutsideShare(shares.make_tagger(tiny_encoder, tmp_path, method))
    side.start(make_sentences(9, 30, 4))
    found = side.work()
    assert list(found) == ["reading", "deciding", "decoding"] and all(share > 0 for share in found.values())
    assert found["decoding"] < found["deciding"]


def test_the_speed_by_length_is_a_median_of_rounds(tagger_folder, monkeypatch):
    monkeypatch.setattr(rounds, "time_sides", lambda tasks, count, say: {
        tasks[0].name: {"characters": 12, "seconds": [1.0, 4.0, 2.0][:count], "peak_mb": 5}
    })  # fmt: skip
    args = SimpleNamespace(growth=10, most=10, rounds=3, say=None)
    found = benchmark.measure_growth(tagger_folder, make_sentences(5, 7), args)
    assert found["1 x 10 characters"] == {"speed": 6, "peak_mb": 5, "rounds": 3}


def test_all_shares_are_measured(tiny_encoder, tagger_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(rounds, "time_command", lambda command, count: [2.0] * count)
    make = shares.CrfShare
    monkeypatch.setattr(
        shares, "CrfShare", lambda encoder, variant: make(encoder, variant) if variant == "coded" else Fixed()
    )
    args = SimpleNamespace(characters=90, rounds=1, say=lambda line: None)
    found = benchmark.measure_shares(tiny_encoder, tagger_folder, make_sentences(9, 30, 4), tmp_path, args)
    assert 0 < found["crf_coded"] < 1 and found["crf_described"] == 0.5 and found["start"] == 2.0
    assert {"outside", "outside_described", "outside_coded", "repetition"} < set(found)


def test_tables_go_between_the_marks_of_the_readme(tmp_path):
    own = {"speed": 1234, "gain": 31.0, "utilisation": 0.561, "peak_mb": 900}
    measured = {
        name: {"characters": 10, "seconds": [1.0], "peak_mb": 5} for name in ("ours", *sides.PIPELINES, "products")
    }
    summary = benchmark.summarize(measured, "prediction")
    assert list(summary) == ["ours", next(iter(sides.PIPELINES))]
    shape = {"shape": SHAPE._asdict(), "batch": 13, "sentences": products.describe_lengths([5, 9, 7])}
    shape |= {"training": {"sides": dict.fromkeys(sides.TRAINING, own)}, "prediction": {"sides": summary}}
    found = {
        "command": "python -m benchmarks ", "threads": 2, "sentences": "the demo data", "shapes": {"cbp_mini": shape},
        "growth": {"1 x 400 characters": {"speed": 2049, "peak_mb": 565, "rounds": 3}},
        "shares": {"crf_described": 0.051, "crf_coded": 0.02, "outside": {"reading": 0.002, "deciding": 0.05},
                   "outside_coded": {"deciding": 0.04, "decoding": 0.03}, "start": 2.04,
                   "repetition": shares.measure_repetition(make_sentences(4, 4))},
    }  # fmt: skip
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{tables.BEGIN}\nold\n{tables.END}\nbehind\n", encoding="utf-8")
    tables.write_tables(readme, found, tables.BARS)
    text = readme.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("behind\n") and "old" not in text
    for line in (
        "| training, utilisation | at least 55.0% | 56.1% | yes |",
        "| prediction, against the pipeline at its best | at least 6.0x | 1.0x | no |",
        "| prediction, against the original's pattern | at least 15.0x | not measured | - |",
        "| the CRF's share of a step, `described` | at most 5.0% | 5.1% | no |",
        "| the CRF's share of a step, `coded` | at most 5.0% | 2.0% | yes |",
        "| its decoding, of prediction, `coded` | at most 5.0% | 3.0% | yes |",
        "| our prediction, by text (medians of 3 rounds) | characters/s | peak MB |",
        "takes 5.0% of prediction, 4.0% of `partBERT_CRF_coded`'s. Of the file's",
        "| original | 1,234 | 31.0x | 56.1% | 900 |",
        "3 sentences, 21 characters; median 7, longest 9. Trainer: batches of 13 sentences.",
    ):
        assert line in text
    with pytest.raises(InputError, match="found no marks"):
        tables.write_tables(Path(__file__), found, tables.BARS)
