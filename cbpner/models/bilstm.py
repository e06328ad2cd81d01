"""A bidirectional LSTM over padded sequences.

On the GPU this is torch's own layer. On the CPU torch's layer (oneDNN) took 1.5 to 1.9 times as long in training on
two cores, in bfloat16, for 1,536 inputs and 128 units (4 x 500, 10 x 200 and 50 x 40 positions: 220, 166 and 132 ms
against 119, 111 and 76); so the recurrence stands here, both directions in one loop over time.
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
        gates = F.linear(inputs, *self._join_input_weights()).float()  # (batch, time, 2 x 4 x units)
        forth, back = gates.split(4 * self.hidden_size, dim=-1)
        turned = turn_places(lengths, inputs.shape[1])
        steps = torch.stack((forth.transpose(0, 1), turn(back, turned).transpose(0, 1)), dim=1)
        weights = torch.stack((self.weight_hh_l0.t(), self.weight_hh_l0_reverse.t()))
        forth, back = Recurrence.apply(steps, weights).permute(1, 2, 0, 3)  # each (batch, time, units)
        return torch.cat((forth, turn(back, turned)), dim=-1)

    def _join_input_weights(self):
        """Weight and bias of both directions' gates, as one product."""
        weight = torch.cat((self.weight_ih_l0, self.weight_ih_l0_reverse))
        bias = torch.cat((self.bias_ih_l0 + self.bias_hh_l0, self.bias_ih_l0_reverse + self.bias_hh_l0_reverse))
        return weight, bias


def turn_places(lengths, time):
    """(batch, time) where each position comes from when a sequence is turned round; padding stays at its end."""
    places = torch.arange(time, device=lengths.device)[None]
    return torch.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)


def turn(values, turned):
    """(batch, time, width) with every sequence turned round."""
    return values.gather(1, turned[:, :, None].expand_as(values))


class Recurrence(torch.autograd.Function):
    """The LSTM's recurrence for both directions at once, in float32.

    steps: (time, 2, batch, 4 x units), the inputs' share of the gates in torch's order i, f, g, o. weights: (2, units,
    4 x units). Returns the hidden states (time, 2, batch, units). Inside, 1 / (1 + exp(-x)) serves all four gates at
    once: tanh(x) is twice that of 2x, less one.
    """

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)
    def forward(ctx, steps, weights):
        time, _, batch, width = steps.shape
        units = width // 4
        gates = steps.clone()
        i, f, g, o = gates.split(units, dim=-1)
        cells, hidden = (steps.new_zeros(time + 1, 2, batch, units) for _ in range(2))  # the first ones are the start's
        squashed = steps.new_empty(time, 2, batch, units)
        for t in range(time):
            torch.baddbmm(gates[t], hidden[t], weights, out=gates[t])
            g[t].mul_(2)
            gates[t].sigmoid_()
            g[t].mul_(2).sub_(1)
            torch.mul(f[t], cells[t], out=cells[t + 1]).addcmul_(i[t], g[t])
            torch.tanh(cells[t + 1], out=squashed[t])
            torch.mul(o[t], squashed[t], out=hidden[t + 1])
        ctx.save_for_backward(gates, cells, squashed, hidden, weights)
        return hidden[1:]

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")
    def backward(ctx, grad):
        gates, cells, squashed, hidden, weights = ctx.saved_tensors
        time, _, batch, units = squashed.shape
        i, f, g, o = gates.split(units, dim=-1)
        inner = torch.stack((g * i * (1 - i), cells[:-1] * f * (1 - f), i * (1 - g * g)), dim=3)  # d cell / d i, f, g
        outer, through = squashed * o * (1 - o), o * (1 - squashed * squashed)  # d hidden / d o, d hidden / d cell
        grads = torch.empty_like(gates)
        parts = grads.view(time, 2, batch, 4, units)
        back = weights.transpose(1, 2).contiguous()
        hidden_grad = grad[-1].contiguous()
        cell_grad = torch.zeros_like(hidden_grad)
        for t in reversed(range(time)):
            cell_grad.addcmul_(hidden_grad, through[t])
            torch.mul(inner[t], cell_grad[:, :, None], out=parts[t, :, :, :3])
            torch.mul(hidden_grad, outer[t], out=parts[t, :, :, 3])
            cell_grad.mul_(f[t])
            if t:
                hidden_grad = torch.baddbmm(grad[t - 1], grads[t], back)
        before = hidden[:-1].permute(1, 3, 0, 2).reshape(2, units, time * batch)
        return grads, before @ grads.transpose(0, 1).reshape(2, time * batch, 4 * units)
