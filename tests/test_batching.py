"""Batches by token count: nothing lost, the budget kept, the same number each epoch, also through the Trainer."""

import numpy as np
import pytest
import torch
from accelerate.data_loader import BatchSamplerShard
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import DataLoader
from transformers import Trainer, TrainingArguments

from cbpner.models.loss import IGNORED
from cbpner.text.batches import fill_batches, sorted_batches
from cbpner.training.batching import GroupedSampler, TokenBudgetSampler, fit_count, pad


def padded_size(batch, lengths):
    return len(batch) * max(lengths[index] for index in batch)


def draw(sampler, epoch):
    sampler.set_epoch(epoch)
    return list(sampler)


def sentence_lengths(count, seed=0):
    """Lengths as those of patent sentences: most of them short, a few cut at 500 characters; with [CLS] and [SEP]."""
    random = np.random.default_rng(seed)
    return np.clip(random.lognormal(4.3, 1.0, count), 1, 500).astype(int) + 2


def check_batches(batches, lengths, budget):
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(batches)
    assert all(len(batch) == 1 or padded_size(batch, lengths) <= budget for batch in batches)


def test_batches_are_filled_in_order_and_up_to_the_budget():
    lengths = [3, 4, 2, 9, 1, 1, 1, 12, 1]
    assert fill_batches(lengths, range(9), 8) == [[0, 1], [2], [3], [4, 5, 6], [7], [8]]
    assert fill_batches(lengths, [3, 0], 18) == [[3, 0]]
    assert fill_batches(lengths, [], 18) == []


def test_evaluation_takes_the_longest_first():
    lengths = [3, 9, 2, 9, 5]
    assert sorted_batches(lengths, 10) == [[1], [3], [4, 0], [2]]
    check_batches(sorted_batches(sentence_lengths(300), 1024), sentence_lengths(300), 1024)


@settings(max_examples=30)
@given(
    lengths=st.lists(st.one_of(st.integers(1, 12), st.integers(1, 90)), min_size=1, max_size=150),
    budget=st.integers(1, 64),
    seed=st.integers(0, 3),
)
def test_every_sequence_once_within_the_budget(lengths, budget, seed):
    sampler = TokenBudgetSampler(lengths, budget, seed)
    for epoch in range(4):
        batches = draw(sampler, epoch)
        check_batches(batches, lengths, budget)
        assert len(batches) == len(sampler)


@pytest.mark.parametrize(("count", "budget"), [(700, 512), (700, 1024), (2500, 2048)])
def test_ten_epochs_of_sentences(count, budget):
    """The number stays, the budget is kept, and little is padded."""
    lengths = sentence_lengths(count)
    sampler, drawn, shares = TokenBudgetSampler(lengths, budget), set(), []
    for epoch in range(10):
        batches = draw(sampler, epoch)
        check_batches(batches, lengths, budget)
        assert len(batches) == len(sampler)
        shares.append(1 - lengths.sum() / sum(padded_size(batch, lengths) for batch in batches))
        drawn.add(tuple(map(tuple, batches)))
    assert len(drawn) == 10
    assert max(shares) < 0.03


def test_the_seed_and_the_epoch_decide():
    lengths = sentence_lengths(300)
    one, two = TokenBudgetSampler(lengths, 1024, seed=3), TokenBudgetSampler(lengths, 1024, seed=3)
    assert draw(one, 2) == draw(two, 2) == draw(one, 2)
    assert draw(one, 2) != draw(one, 1)
    assert draw(one, 2) != draw(TokenBudgetSampler(lengths, 1024, seed=4), 2)
    assert draw(one, 0) == list(TokenBudgetSampler(lengths, 1024, seed=3))


@pytest.mark.parametrize("count", [1, 7, 8, 700])
def test_grouped_batches_hold_every_sequence_once_at_the_given_size(count):
    lengths = sentence_lengths(count)
    sampler = GroupedSampler(lengths, 8, seed=3)
    for epoch in range(3):
        batches = draw(sampler, epoch)
        assert sorted(index for batch in batches for index in batch) == list(range(count))
        assert sorted(map(len, batches), reverse=True)[:-1] == [8] * (len(sampler) - 1)
        assert batches == draw(GroupedSampler(lengths, 8, seed=3), epoch)
    if count == 700:
        assert draw(sampler, 0) != draw(sampler, 1)
        assert sum(padded_size(batch, lengths) for batch in batches) < 1.2 * lengths.sum()


def test_missing_batches_are_halved_from_the_largest():
    lengths = np.array([5, 5, 5, 5, 1, 1])
    assert fit_count([[4, 5], [0, 1, 2, 3]], 3, lengths) == [[4, 5], [0, 1], [2, 3]]
    assert fit_count([[4, 5], [0, 1, 2, 3]], 4, lengths) == [[4, 5], [0], [1], [2, 3]]
    assert fit_count([[0], [1]], 2, lengths) == [[0], [1]]


def test_rows_are_padded_to_the_longest():
    padded = pad([np.array([1, 2, 3], dtype=np.int32), [4]], IGNORED)
    assert padded.dtype == torch.int64
    assert padded.tolist() == [[1, 2, 3], [4, IGNORED, IGNORED]]
    assert pad([[1]], 0, width=3).tolist() == [[1, 0, 0]]
    assert pad([[1, 2]], 0, width=1).tolist() == [[1, 2]]


def collate(indices):
    return {"labels": torch.tensor(indices)}


def make_loader(sampler):
    return DataLoader(range(len(sampler.lengths)), batch_sampler=sampler, collate_fn=collate)


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_share_the_batches(processes):
    """As accelerate deals them out under DDP: nothing is lost, and each process makes the same number of steps."""
    sampler = TokenBudgetSampler(sentence_lengths(120), 1024)
    shares = [list(BatchSamplerShard(sampler, processes, rank)) for rank in range(processes)]
    assert {len(share) for share in shares} == {-(-len(sampler) // processes)}
    dealt = [batch for step in zip(*shares, strict=True) for batch in step]
    assert dealt[: len(sampler)] == list(sampler)


class Recorder(nn.Module):
    """A model that learns nothing and notes the sequences of each batch it sees in training."""

    def __init__(self):
        super().__init__()
        self.weight, self.seen = nn.Parameter(torch.zeros(1)), []

    def forward(self, labels):
        self.seen.append(labels.tolist())
        return {"loss": (self.weight**2).sum()}


class BudgetTrainer(Trainer):
    def get_train_dataloader(self):
        return self.accelerator.prepare(make_loader(TokenBudgetSampler(self.train_dataset, 1024, self.args.seed)))


def train_recorder(folder, lengths, resume=None, **options):
    arguments = TrainingArguments(
        str(folder), num_train_epochs=3, seed=5, use_cpu=True, report_to=[], disable_tqdm=True, logging_strategy="no",
        remove_unused_columns=False, **options,
    )  # fmt: skip
    model = Recorder()
    trainer = BudgetTrainer(model, arguments, train_dataset=list(lengths))
    trainer.train(resume_from_checkpoint=resume)
    return trainer, model.seen


@pytest.mark.slow
def test_the_trainer_draws_each_epoch_anew_and_resumes_within_one(tmp_path):
    lengths = sentence_lengths(60)
    sampler = TokenBudgetSampler(lengths, 1024, seed=5)
    expected = [batch for epoch in range(3) for batch in draw(sampler, epoch)]
    step = len(sampler) + 2
    trainer, seen = train_recorder(tmp_path, lengths, save_strategy="steps", save_steps=step)
    assert trainer.state.max_steps == 3 * len(sampler)
    assert seen == expected
    _, rest = train_recorder(tmp_path, lengths, str(tmp_path / f"checkpoint-{step}"), save_strategy="no")
    assert rest == expected[step:]
