"""Batches in two halves, a thread each: the same gradients, the same bits every time, and whole where it must be."""

import pytest
import torch
from test_training import assert_same_weights, files, make_job  # noqa: F401
from torch import nn

from cbpner.training import halves, trainer
from cbpner.training.run import train_tagger


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def cut(monkeypatch):
    """The numbers of parts that batches were cut into; small ones are, too."""
    counts = []
    monkeypatch.setattr(halves, "LEAST", 1)

    def count(batch):
        parts = halves.halve(batch)
        counts.append(len(parts))
        return parts

    monkeypatch.setattr(trainer, "halve", count)
    return counts


def make_batch(lengths, tokens):
    mask = torch.tensor([[int(place < length) for place in range(tokens)] for length in lengths])
    ids = torch.arange(mask.numel()).view(mask.shape) * mask
    return {"input_ids": ids, "attention_mask": mask, "labels": ids - 100 * (1 - mask)}


def test_every_row_is_in_one_half_and_no_column_is_all_padding():
    batch = make_batch([300, 7, 299, 9, 400], 400)
    first, second = halves.halve(batch)
    assert first["attention_mask"].sum(1).tolist() == [7, 299, 400] and first["input_ids"].shape == (3, 400)
    assert second["attention_mask"].sum(1).tolist() == [9, 300] and second["labels"].shape == (2, 300)
    for name in batch:
        found = sorted(value for half in (first, second) for value in half[name][half["attention_mask"] == 1].tolist())
        assert found == sorted(batch[name][batch["attention_mask"] == 1].tolist())


def test_one_row_and_small_batches_stay_whole():
    for batch in (make_batch([512 * 4], 512 * 4), make_batch([511, 511], 511)):
        (whole,) = halves.halve(batch)
        assert whole is batch
    assert len(halves.halve(make_batch([512, 512], 512))) == 2


def test_not_with_one_thread_nor_with_dropout():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.0))
    assert halves.can_halve(model, 2) and not halves.can_halve(model, 1)
    model[1].p = 0.1
    assert not halves.can_halve(model, 2)


def test_halves_learn_what_the_whole_does_and_the_same_bits_each_time(make_job, two_threads, cut, monkeypatch):  # noqa: F811
    settings = {"batch_size": 8, "mask_share": 0.1, "dropout": 0.0, "max_grad_norm": 1.0}
    for name in ("one", "two"):
        train_tagger(make_job(name, **settings))
    assert cut == [2] * 24  # 6 batches, 2 epochs, 2 runs
    monkeypatch.setattr(trainer, "can_halve", lambda *_: False)
    train_tagger(make_job("whole", **settings))
    assert len(cut) == 24
    folder = make_job("one").output.parent
    assert_same_weights(folder / "one", folder / "two")
    assert_same_weights(folder / "one", folder / "whole", tolerance=1e-5)
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("settings", [
    {"dropout": 0.1}, {"batch_size": 4, "accumulation": 2}, {"adversarial": 1.0}, {"head": "crf", "crf_lr": 1e-2},
], ids=lambda settings: next(reversed(settings)))  # fmt: skip
def test_whole_where_halves_would_not_be_the_same(make_job, two_threads, cut, settings):  # noqa: F811
    train_tagger(make_job(epochs=1, **({"dropout": 0.0} | settings)))
    assert not cut


def test_both_losses_are_told(make_job, two_threads, cut, monkeypatch):  # noqa: F811
    settings = {"batch_size": 8, "dropout": 0.0, "mask_share": 0.0, "epochs": 1}
    halved = train_tagger(make_job("one", **settings))
    monkeypatch.setattr(trainer, "can_halve", lambda *_: False)
    whole = train_tagger(make_job("two", **settings))
    losses = [[row["loss"] for row in each["history"] if "loss" in row] for each in (halved, whole)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4) and losses[0]
