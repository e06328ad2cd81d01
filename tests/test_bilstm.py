"""The BiLSTM against torch's own layer: values and gradients, padding, number formats."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from cbpner.models.bilstm import BiLstm


def run_torch(layer, inputs, lengths):
    packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(nn.LSTM.forward(layer, packed)[0], batch_first=True, total_length=inputs.shape[1])[0]


@pytest.mark.parametrize("lengths", [[1], [7], [9, 3, 7, 1], [2, 2]])
def test_values_and_gradients_are_those_of_torch(lengths):
    torch.manual_seed(0)
    layer, lengths = BiLstm(20, 6), torch.tensor(lengths)
    inputs = torch.randn(len(lengths), int(lengths.max()), 20, requires_grad=True)
    real = (torch.arange(inputs.shape[1]) < lengths[:, None])[:, :, None]
    weights, results = torch.randn(*inputs.shape[:2], 12), []
    for run in (run_torch, BiLstm.forward):
        hidden = run(layer, inputs, lengths) * real
        gradients = torch.autograd.grad((hidden * weights).sum(), [inputs, *layer.parameters()])
        results.append([hidden.detach(), *gradients])
    for theirs, ours in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=2e-6)


def test_padding_never_matters():
    torch.manual_seed(1)
    layer, lengths = BiLstm(5, 4), torch.tensor([6, 2])
    inputs = torch.randn(2, 6, 5)
    other = inputs.clone()
    other[1, 2:] = 100.0
    first, second = layer(inputs, lengths), layer(other, lengths)
    assert torch.equal(first[0], second[0]) and torch.equal(first[1, :2], second[1, :2])
    torch.testing.assert_close(layer(inputs[1:, :2], lengths[1:])[0], first[1, :2])


def test_under_autocast_the_recurrence_stays_in_float32():
    torch.manual_seed(2)
    layer, lengths = BiLstm(30, 8), torch.tensor([12, 7])
    inputs = torch.randn(2, 12, 30)
    exact = layer(inputs, lengths)
    with torch.autocast("cpu", torch.bfloat16):
        hidden = layer(inputs, lengths)
    assert hidden.dtype == torch.float32
    hidden.sum().backward()
    assert all(parameter.grad.dtype == torch.float32 for parameter in layer.parameters())
    torch.testing.assert_close(hidden, exact, rtol=0, atol=2e-2)


def test_its_parameters_are_an_lstms():
    theirs = nn.LSTM(5, 4, bidirectional=True, batch_first=True)
    assert {name: value.shape for name, value in BiLstm(5, 4).state_dict().items()} == {
        name: value.shape for name, value in theirs.state_dict().items()
    }
