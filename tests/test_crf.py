"""The CRF's loss against brute force over all legal tag sequences; test_decoding has its Viterbi and probabilities."""

import itertools

import pytest
import torch
from torch.testing import assert_close

from cbpner.decoding.viterbi import FORBIDDEN
from cbpner.models.crf import Crf
from cbpner.text.labels import DEFAULT, LabelSet, may_follow

SETS = [LabelSet(("x",)), LabelSet(("x", "y")), DEFAULT]
LENGTHS = {3: [6, 1, 3, 6, 2], 5: [5, 1, 4, 2], 7: [3, 1, 4, 2]}  # by number of tags


def make_crf(labels, seed=0, dtype=torch.float32):
    """A Crf with random parameters."""
    model = Crf(labels.transitions()).to(dtype)
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.data.normal_(generator=generator)
    return model


def make_batch(labels, lengths, seed=0, dtype=torch.float32):
    """Random emissions with noise where masked, random legal tags with -100 where masked, and the mask."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.tensor(lengths)
    mask = torch.arange(lengths.max())[None] < lengths[:, None]
    emissions = torch.randn(*mask.shape, len(labels.tags), generator=generator, dtype=dtype) * 2
    allowed = torch.tensor(labels.transitions(), dtype=torch.float)
    tags = torch.full(mask.shape, -100)
    for row, length in enumerate(lengths.tolist()):
        tag = -1
        for position in range(length):
            tag = int(torch.multinomial(allowed[tag], 1, generator=generator))
            tags[row, position] = tag
    return emissions, tags, mask


def enumerate_sequences(model, labels, emissions, mask):
    """For each sequence all legal paths (paths, length) and their scores (paths,), float64 and differentiable."""
    start, transitions, end = model.start.double(), model.transitions.double(), model.end.double()
    numbers = labels.tag_to_id
    for rows, length in zip(emissions, mask.sum(dim=1).tolist(), strict=True):
        paths = torch.tensor([
            [numbers[tag] for tag in path] for path in itertools.product(labels.tags, repeat=length)
            if all(may_follow(before, tag) for before, tag in itertools.pairwise((None, *path)))
        ])  # fmt: skip
        emitted = rows.double()[torch.arange(length), paths].sum(dim=1)
        moved = transitions[paths[:, :-1], paths[:, 1:]].sum(dim=1)
        yield paths, start[paths[:, 0]] + moved + emitted + end[paths[:, -1]]


def loss_by_hand(model, labels, emissions, tags, mask):
    losses = []
    for (paths, scores), row in zip(enumerate_sequences(model, labels, emissions, mask), tags, strict=True):
        is_gold = (paths == row[: paths.shape[1]]).all(dim=1)
        losses.append(scores.logsumexp(0) - scores[is_gold][0])
    return torch.stack(losses)


@pytest.fixture(params=SETS, ids=lambda labels: f"{len(labels.types)} types")
def case(request):
    """labels, model, emissions, tags, mask: sequences of mixed lengths, one among them."""
    labels = request.param
    return labels, make_crf(labels), *make_batch(labels, LENGTHS[len(labels.tags)])


def test_the_loss_and_its_gradients_equal_enumeration(case):
    labels, model, emissions, tags, mask = case
    emissions.requires_grad_()
    inputs = (emissions, *model.parameters())
    loss, expected = model(emissions, tags, mask), loss_by_hand(model, labels, emissions, tags, mask)
    assert loss.dtype == torch.float32
    assert_close(loss.double(), expected, rtol=1e-5, atol=1e-5)
    gradients = (torch.autograd.grad(each.sum(), inputs) for each in (loss, expected))
    for found, by_hand in zip(*gradients, strict=True):
        assert_close(found, by_hand, rtol=1e-4, atol=1e-5)


def test_long_sequences_are_as_exact_in_float32_as_in_float64():
    emissions, tags, mask = make_batch(DEFAULT, [512, 300], dtype=torch.float64)
    found = make_crf(DEFAULT)((emissions * 30).float(), tags, mask)
    exact = make_crf(DEFAULT).double()((emissions * 30).float().double(), tags, mask)
    assert_close(found.double(), exact, rtol=1e-5, atol=1e-2)


def test_padding_and_the_batch_never_matter():
    model = make_crf(DEFAULT)
    emissions, tags, mask = make_batch(DEFAULT, [5, 2, 9, 1])
    loss = model(emissions, tags, mask)
    changed = emissions.masked_fill(~mask[:, :, None], float("nan"))
    assert torch.equal(loss, model(changed, tags.masked_fill(~mask, 3), mask))
    for row, length in enumerate(mask.sum(dim=1).tolist()):
        alone = [part[row : row + 1, :length] for part in (emissions, tags, mask)]
        assert_close(model(*alone)[0], loss[row])
    assert model(emissions[:0], tags[:0], mask[:0]).shape == (0,)


def test_a_forbidden_move_costs_much_and_moves_no_parameter():
    model = make_crf(DEFAULT)
    emissions, tags, mask = make_batch(DEFAULT, [3])
    tags[0] = torch.tensor([2, 0, 4])  # I-gene at the start; I-protein after O
    loss = model(emissions, tags, mask)
    assert -2.1 * FORBIDDEN > loss.item() > -1.9 * FORBIDDEN
    loss.sum().backward()
    assert model.start.grad[2] == 0 and model.transitions.grad[0, 4] == 0


def test_it_begins_as_the_softmax_of_the_emissions_and_ignores_autocast():
    model = Crf(torch.ones(6, 5, dtype=torch.bool))
    emissions, tags = torch.randn(2, 7, 5), torch.randint(5, (2, 7))
    mask = torch.ones(2, 7, dtype=torch.bool)
    expected = -emissions.log_softmax(dim=2).gather(2, tags[:, :, None]).sum(dim=(1, 2))
    assert_close(model(emissions, tags, mask), expected)
    half = emissions.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(model(half, tags, mask), model(half.float(), tags, mask))


@pytest.mark.parametrize("emissions, tags, mask", [((1, 3, 6), (1, 3), (1, 3)), ((1, 3, 7), (1, 3), (1, 2))])
def test_other_shapes_are_refused(emissions, tags, mask):
    with pytest.raises(ValueError, match="expected .* got"):
        make_crf(DEFAULT)(*map(torch.ones, (emissions, tags, mask)))
