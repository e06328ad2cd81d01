"""A bidirectional LSTM over padded sequences.

On the GPU this is torch's own layer. On the CPU torch's layer (oneDNN) took 1.6 to 1.7 times as long in training on
two cores, in bfloat16, for 1,536 inputs and 128 units (4 x 500, 10 x 200 and 50 x 40 positions: 130, 106 and 90 ms
against 81, 63 and 53, medians of 17 alternating runs); so the recurrence stands here, both directions in one loop over
time.
"""

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class BiLstm(nn.LSTM):
    """One bidirectional layer; parameters and results are those of `nn.LSTM`."""

    def __init__(self, inputs, units):
        super().__init__(inputs, units, bidirectional=True, batch_first=True)

    def forward(self, inputs, lengths):
        """inputs (batch, time, width), lengths (batch,) -> (batch, time, 2 x units); padding never matters."""
        if inputs.device.type != "cpu":
            packed = pack_padded_sequence(inputs, lengths.cpu(), batch_first=True, enforce_sorted=False)
            return pad_packed_sequence(super().forward(packed)[0], batch_first=True, total_length=inputs.shape[1])[0]
        forth = F.linear(inputs, self.weight_ih_l0, self.bias_ih_l0 + self.bias_hh_l0)  # (batch, time, 4 x units)
        back = F.linear(inputs, self.weight_ih_l0_reverse, self.bias_ih_l0_reverse + self.bias_hh_l0_reverse)
        turned = turn_places(lengths, inputs.shape[1])
        return Recurrence.apply(forth, back, turned, self.weight_hh_l0, self.weight_hh_l0_reverse)


def turn_places(lengths, time):
    """(batch, time) where each position comes from when a sequence is turned round; padding stays at its end."""
    places = torch.arange(time, device=lengths.device)[None]
    return torch.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)


class Recurrence(torch.autograd.Function):
    """The LSTM's recurrence for both directions at once, in float32.

    forth, back: (batch, time, 4 x units), the inputs' share of each direction's gates in torch's order i, f, g, o, in
    the text's order. turned: `turn_places`. weights: (4 x units, units) of each direction. Returns the hidden states
    (batch, time, 2 x units). Inside, time comes first, the direction second, and `back` runs from the end; one call of
    1 / (1 + exp(-x)) serves all four gates, since tanh(x) is twice that of 2x, less one.
    """

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu")
    def forward(ctx, forth, back, turned, *weights):
        batch, time, width = forth.shape
        units, rows = width // 4, torch.arange(batch)
        gates, through = torch.empty(time, 2, batch, width), torch.empty(time, 2, batch, units)
        gates[:, 0], gates[:, 1] = forth.transpose(0, 1), back[rows, turned.T]
        factors = torch.stack([weight.t() for weight in weights]).float()  # (2, units, 4 x units)
        for doubled in (gates, factors):
            doubled[..., 2 * units : 3 * units] *= 2
        cells, hidden = (torch.zeros(time + 1, 2, batch, units) for _ in range(2))  # the first ones are the start's
        parts = [part.unbind() for part in gates.split(units, dim=-1)]
        for gate, i, f, g, o, before, cell, squashed, state, new_state in zip(
            gates.unbind(), *parts, cells[:-1].unbind(), cells[1:].unbind(), through.unbind(), hidden[:-1].unbind(),
            hidden[1:].unbind(), strict=True,
        ):  # fmt: skip
            torch.baddbmm(gate, state, factors, out=gate)
            gate.sigmoid_()
            torch.mul(f, before, out=cell).addcmul_(i, g, value=2).sub_(i)
            torch.tanh(cell, out=squashed)
            torch.mul(o, squashed, out=new_state)
        gates[..., 2 * units : 3 * units].mul_(2).sub_(1)
        ctx.save_for_backward(gates, cells, through, hidden, turned, *weights)
        ctx.dtype = forth.dtype
        return torch.cat((hidden[1:, 0].transpose(0, 1), hidden[1:, 1][turned, rows[:, None]]), dim=-1)

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")
    def backward(ctx, grad):
        gates, cells, squashed, hidden, turned, *weights = ctx.saved_tensors
        time, _, batch, units = squashed.shape
        rows = torch.arange(batch)
        outer = torch.empty_like(squashed)  # the gradient of the hidden states from outside
        forth, back = grad.split(units, dim=-1)
        outer[:, 0], outer[:, 1] = forth.transpose(0, 1), back[rows, turned.T]
        i, f, g, o = gates.split(units, dim=-1)
        grads = torch.empty_like(gates)  # at first d cell / d i, f, g and d hidden / d o, before their nonlinearity
        parts = grads.split(units, dim=-1)
        for part, inner, (value, slope) in zip(
            parts, (g, cells[:-1], i, squashed), ((i, SIGMOID), (f, SIGMOID), (g, TANH), (o, SIGMOID)), strict=True
        ):
            slope(inner, value, grad_input=part)
        through = TANH(o, squashed, grad_input=torch.empty_like(squashed))  # d hidden / d cell
        factors = torch.stack([weight.float() for weight in weights])  # (2, 4 x units, units)
        cell_grad, hidden_grad = torch.zeros(2, batch, units), torch.zeros(2, batch, units)
        steps = zip(
            grads.unbind(), *(part.unbind() for part in parts), f.unbind(), through.unbind(), outer.unbind(),
            strict=True,
        )  # fmt: skip
        for gate, di, df, dg, do, forget, passed, given in reversed(list(steps)):
            hidden_grad.add_(given)
            cell_grad.addcmul_(hidden_grad, passed)
            for part in (di, df, dg):
                part.mul_(cell_grad)
            do.mul_(hidden_grad)
            cell_grad.mul_(forget)
            torch.bmm(gate, factors, out=hidden_grad)
        before = hidden[:-1].transpose(0, 1).reshape(2, time * batch, units)
        by_direction = grads.transpose(0, 1).reshape(2, time * batch, 4 * units)
        with torch.autocast("cpu", enabled=False):
            weight_grads = by_direction.transpose(1, 2) @ before  # (2, 4 x units, units)
        forth, back = grads[:, 0].to(ctx.dtype).transpose(0, 1), grads[:, 1].to(ctx.dtype)[turned, rows[:, None]]
        return forth, back, None, *weight_grads


SIGMOID = torch.ops.aten.sigmoid_backward.grad_input  # (gradient, sigmoid's value): gradient x value x (1 - value)
TANH = torch.ops.aten.tanh_backward.grad_input  # (gradient, tanh's value): gradient x (1 - value x value)
