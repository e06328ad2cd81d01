"""The linear-chain CRF: the negative log-likelihood of tag sequences under the BIO grammar, a whole batch at a time.

Decoding and probabilities need no gradients and are numpy's; see `cbpner.decoding`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cbpner.decoding.probabilities import Chain
from cbpner.decoding.viterbi import FORBIDDEN


class Crf(nn.Module):
    """`transitions` (labels, labels) [previous, next], `start` and `end` (labels,), all zero at first.

    A forbidden move scores FORBIDDEN whatever its parameter, which gets no gradient. allowed: (labels + 1, labels)
    bool, [previous][next] with the start as the last row: `LabelSet.transitions()`.
    """

    allowed: Tensor

    def __init__(self, allowed: Tensor | Sequence[Sequence[bool]]):
        super().__init__()
        allowed = torch.as_tensor(allowed)
        labels = allowed.shape[1]
        self.register_buffer("allowed", allowed.clone(), persistent=False)
        self.transitions = nn.Parameter(torch.zeros(labels, labels))
        self.start = nn.Parameter(torch.zeros(labels))
        self.end = nn.Parameter(torch.zeros(labels))

    def moves(self) -> Tensor:
        """(labels + 1, labels) scores of all moves, the start's row last, forbidden ones FORBIDDEN."""
        return torch.where(self.allowed, torch.cat((self.transitions, self.start[None])), FORBIDDEN)

    def chain(self) -> Chain:
        """The scores of moves and ends as numpy arrays, for `cbpner.decoding`."""
        return Chain(*(part.detach().cpu().double().numpy() for part in (self.moves(), self.end)))

    def forward(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """The negative log-likelihood of each tag sequence: (batch,) float32, or float64 for float64 emissions.

        Repair gold tags first (`cbpner.text.labels.repair_tags`): a forbidden move adds about -FORBIDDEN, no gradient.

        emissions: (batch, time, labels), of a floating type. tags: (batch, time) int64, 0 to labels - 1 where the mask
        is on. mask: (batch, time) bool, on for real positions: the first, and all up to the sequence's end.
        """
        if emissions.shape[2:] != self.end.shape or not emissions.shape[:2] == tags.shape == mask.shape:
            found = [tuple(part.shape) for part in (emissions, tags, mask)]
            raise ValueError(f"expected (batch, time, {len(self.end)}) and twice (batch, time), got {found}")
        with torch.autocast(emissions.device.type, enabled=False):
            dtype = torch.promote_types(torch.promote_types(emissions.dtype, self.end.dtype), torch.float32)
            emissions = emissions.to(dtype).masked_fill(~mask[:, :, None], 0.0)
            # Minus a constant per position: no probability changes, and float32 stays exact over long sequences.
            emissions = emissions - emissions.detach().logsumexp(dim=-1, keepdim=True)
            emissions = emissions.masked_fill(~mask[:, :, None], 0.0)
            moves, end = self.moves().to(dtype), self.end.to(dtype)
            return log_partition(emissions, mask, moves, end) - score_paths(emissions, tags, mask, moves, end)


def log_partition(emissions: Tensor, mask: Tensor, moves: Tensor, end: Tensor) -> Tensor:
    """(batch,) log of the sum of exp(score) over all tag sequences, by the forward algorithm."""
    sums = moves[-1] + emissions[:, 0]  # (batch, labels): over all sequences that end here with this tag
    for step in range(1, emissions.shape[1]):
        paths = sums[:, :, None] + moves[:-1]  # (batch, previous, next)
        sums = torch.where(mask[:, step, None], paths.logsumexp(dim=1) + emissions[:, step], sums)
    return (sums + end).logsumexp(dim=1)


def score_paths(emissions: Tensor, tags: Tensor, mask: Tensor, moves: Tensor, end: Tensor) -> Tensor:
    """(batch,) score of each given tag sequence; emissions are 0 where masked."""
    tags = tags.masked_fill(~mask, 0)
    emitted = emissions.gather(2, tags[:, :, None])[:, :, 0].sum(dim=1)
    moved = moves[tags[:, :-1], tags[:, 1:]].masked_fill(~mask[:, 1:], 0.0).sum(dim=1)
    last = tags.gather(1, (mask.sum(dim=1, keepdim=True) - 1).clamp(min=0))[:, 0]
    return moves[-1][tags[:, 0]] + emitted + moved + end[last]
