"""The linear-chain CRF: sequence likelihood, marginals and best paths under the BIO grammar, all sequences together.

The forward algorithm and Viterbi exist in two forms that give the same values. The loop takes one step a position.
The tree multiplies neighbouring (labels, labels) matrices of step scores, in the semiring (logsumexp, +) or (max, +),
until one is left: about log2(time) steps, each with `labels` times the loop's work. `prefers_tree` chooses.

Inside, labels come first and the batch last, so that a reduction over labels works on many numbers at a time,
however few labels there are.
"""

from itertools import pairwise

import torch
from torch import nn

from cbpner.decoding.probabilities import Chain
from cbpner.decoding.viterbi import FORBIDDEN

# When the tree is faster on a CPU: from TREE_TIME positions on, and up to so many cells (batch x labels**3, the tree's
# work a position). Medians of 31 alternating runs on one thread of a busy machine, torch 2.13, ms, loop / tree:
#
#     batch x time x labels    cells    likelihood and gradient    decode
#      4 x 500 x  3              108        22   /   2.8          14   /  2.5
#      4 x 500 x  7            1,372        27   /  16             9.0 /  3.0
#      4 x  40 x  7            1,372         4.8 /   3.9           1.7 /  1.6
#      4 x  16 x  7            1,372         2.4 /   2.4           0.8 /  1.0
#      8 x 250 x  7            2,744        21   /  22             5.7 /  3.0
#     16 x 125 x  7            5,488         8.7 /  15             2.8 /  2.3
#     60 x  40 x  7           20,580         5.5 /  19             2.6 /  4.2
#      4 x 500 x 17           19,652        43   / 232            17   / 41
TREE_TIME = 32
TREE_CELLS = 2_000  # log-likelihood and gradient
TREE_CELLS_PATHS = 6_000  # decoding
TREE_MEMORY = 2**26  # cells x positions that a tree may have on any device: 0.25 GiB for each copy that autograd keeps


class Crf(nn.Module):
    """Scores of tag sequences: a score per position and tag (emission), and per move from one tag to the next.

    allowed: (labels + 1, labels) bool, [previous tag][tag] with the start of the sequence as the last row, such as
    `LabelSet.transitions()`. Parameters: `transitions` (labels, labels) [previous, next], `start` and `end` (labels,).
    They begin at zero: the model then is the softmax of the emissions, restricted to legal sequences, no seed matters,
    and nothing needs its symmetry broken, since the log-likelihood is concave in them. Forbidden moves score FORBIDDEN
    whatever their parameter, which gets no gradient.

    Shapes: emissions (batch, time, labels) of a floating type; mask (batch, time) bool, on for real positions, padded
    on the right, at least one position a sequence; what stands at masked positions never matters. Results are float32
    (float64 for float64 emissions), whatever autocast says. ValueError for other shapes, types and masks.
    """

    def __init__(self, allowed):
        super().__init__()
        allowed = torch.as_tensor(allowed)
        if allowed.dim() != 2 or allowed.shape[0] != allowed.shape[1] + 1 or allowed.dtype != torch.bool:
            raise ValueError(f"expected allowed (labels + 1, labels) bool, got {describe(allowed)}")
        labels = allowed.shape[1]
        self.register_buffer("allowed", allowed.clone(), persistent=False)
        self.transitions = nn.Parameter(torch.zeros(labels, labels))
        self.start = nn.Parameter(torch.zeros(labels))
        self.end = nn.Parameter(torch.zeros(labels))

    def moves(self):
        """(labels + 1, labels) scores of all moves, the start's row last, forbidden ones FORBIDDEN."""
        scores = torch.cat((self.transitions, self.start[None]))
        return torch.where(self.allowed, scores, FORBIDDEN)

    def chain(self) -> Chain:
        """The scores of moves and ends as numpy arrays, for `cbpner.decoding`."""
        return Chain(*(part.detach().cpu().double().numpy() for part in (self.moves(), self.end)))

    def forward(self, emissions, tags, mask):
        """(batch,) log-likelihood of each tag sequence: its score less the log partition function.

        tags: (batch, time) int64, 0 to labels - 1 where the mask is on; ValueError for others. Repair gold tags first
        (`cbpner.text.labels.repair_tags`): a sequence that the grammar forbids is not looked for here, and gets about
        FORBIDDEN for each forbidden move, finite, without a gradient for it.
        """
        check_batch(emissions, mask, len(self.end), tags)
        with torch.autocast(emissions.device.type, enabled=False):
            emissions, _, moves, end = self.prepare(emissions, mask)
            return score_paths(emissions, tags, mask, moves, end) - log_partition(emissions, mask, moves, end)

    def partition(self, emissions, mask):
        """(batch,) log of the sum of exp(score) over all legal tag sequences."""
        check_batch(emissions, mask, len(self.end))
        with torch.autocast(emissions.device.type, enabled=False):
            emissions, taken, moves, end = self.prepare(emissions, mask)
            return log_partition(emissions, mask, moves, end) + taken

    def marginals(self, emissions, mask):
        """(batch, time, labels) posterior probability of each tag at each position, 0 at masked ones; no gradient.

        It is the gradient of the partition function, taken here also where the caller records none.
        """
        check_batch(emissions, mask, len(self.end))
        with torch.inference_mode(False), torch.enable_grad(), torch.autocast(emissions.device.type, enabled=False):
            emissions, mask = emissions.detach().clone(), mask.clone()  # no inference tensors, whatever the caller's
            emissions, _, moves, end = self.prepare(emissions, mask)
            emissions.requires_grad_()
            total = log_partition(emissions, mask, moves.detach(), end.detach()).sum()
            return torch.autograd.grad(total, emissions)[0]

    @torch.no_grad()
    def decode(self, emissions, mask):
        """The best legal tag sequence of each sequence: a list of lists of int, as long as the mask says."""
        check_batch(emissions, mask, len(self.end))
        with torch.autocast(emissions.device.type, enabled=False):
            emissions, _, moves, end = self.prepare(emissions, mask)
            paths = best_paths(emissions, mask, moves, end)
        return [path[:length] for path, length in zip(paths.tolist(), mask.sum(dim=1).tolist(), strict=True)]

    def prepare(self, emissions, mask):
        """Emissions less each position's logsumexp and 0 where masked, the sum taken off, moves and end: one dtype.

        Taking it off changes no probability, and keeps the sums over long sequences small, where float32 is exact.
        It counts as a constant, which leaves the gradients as they are.
        """
        dtype = torch.promote_types(torch.promote_types(emissions.dtype, self.end.dtype), torch.float32)
        emissions = emissions.to(dtype).masked_fill(~mask[:, :, None], 0.0)
        taken = emissions.detach().logsumexp(dim=-1).masked_fill(~mask, 0.0)  # (batch, time)
        return emissions - taken[:, :, None], taken.sum(dim=1), self.moves().to(dtype), self.end.to(dtype)


def describe(tensor):
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"


def check_batch(emissions, mask, labels, tags=None):
    """Raise ValueError for what the Crf cannot take; looks at values once, all together."""
    if emissions.dim() != 3 or emissions.shape[2] != labels or not emissions.is_floating_point():
        raise ValueError(f"expected emissions (batch, time, {labels}) of a floating type, got {describe(emissions)}")
    size = emissions.shape[:2]
    if mask.shape != size or mask.dtype != torch.bool:
        raise ValueError(f"expected a mask {tuple(size)} bool, got {describe(mask)}")
    if tags is not None and (tags.shape != size or tags.dtype != torch.int64):
        raise ValueError(f"expected tags {tuple(size)} int64, got {describe(tags)}")
    if size[1] == 0:
        raise ValueError("expected one position or more a sequence, got time 0")
    fits = mask[:, 0].all() & ~(mask[:, 1:] & ~mask[:, :-1]).any()
    in_range = True if tags is None else (((tags >= 0) & (tags < labels)) | ~mask).all()
    if fits & in_range:
        return
    if not fits:
        row = ((~mask[:, 0]) | (mask[:, 1:] & ~mask[:, :-1]).any(dim=1)).nonzero()[0].item()
        raise ValueError(
            f"expected a mask on from position 0 without holes, got {mask[row].int().tolist()} in sequence {row}"
        )
    worst = tags[mask & ((tags < 0) | (tags >= labels))][0].item()
    raise ValueError(f"expected tags from 0 to {labels - 1} where the mask is on, got {worst}")


def score_paths(emissions, tags, mask, moves, end):
    """(batch,) score of each given tag sequence; forbidden moves count FORBIDDEN."""
    labels = torch.arange(len(end), device=tags.device)
    chosen = (tags[:, :, None] == labels) & mask[:, :, None]  # (batch, time, labels), one-hot
    last = chosen & ~torch.nn.functional.pad(mask[:, 1:], (0, 1))[:, :, None]  # on at the last position only
    emitted = emissions.masked_fill(~chosen, 0.0).sum(dim=(1, 2))
    chosen, last = chosen.to(emissions.dtype), last.to(emissions.dtype)
    pairs = chosen[:, :-1].transpose(1, 2) @ chosen[:, 1:]  # (batch, labels, labels): how often each move is made
    moved = (pairs * moves[:-1]).sum(dim=(1, 2)) + (chosen[:, 0] * moves[-1]).sum(dim=1)
    return emitted + moved + (last.sum(dim=1) * end).sum(dim=1)


def log_partition(emissions, mask, moves, end):
    """(batch,) log partition function, by the form that `prefers_tree` says."""
    form = partition_by_tree if prefers_tree(emissions, TREE_CELLS) else partition_by_loop
    return form(emissions.permute(1, 2, 0).contiguous(), mask.T, moves, end)


def best_paths(emissions, mask, moves, end):
    """(batch, time) tags of the best legal sequences; behind a sequence's end its last tag repeats."""
    form = paths_by_tree if prefers_tree(emissions, TREE_CELLS_PATHS) else paths_by_loop
    return form(emissions.permute(1, 2, 0).contiguous(), mask.T, moves, end).T


def prefers_tree(emissions, most_cells):
    """Whether the tree's form is the faster one for emissions (batch, time, labels), and fits into memory.

    On a GPU a step should cost the launching of its kernels, hardly its size (not measured), so there only memory
    bounds the tree.
    """
    batch, time, labels = emissions.shape
    cells = batch * labels**3
    fits = cells * time <= TREE_MEMORY
    return time >= TREE_TIME and fits and (emissions.device.type != "cpu" or cells <= most_cells)


# In the functions below: steps (time, labels, batch), mask (time, batch), moves (labels + 1, labels), end (labels,).


def partition_by_loop(steps, mask, moves, end):
    """(batch,) log partition function by the forward algorithm, a step a position."""
    steps, start, moves = steps.unbind(), moves[-1][:, None], moves[:-1, :, None]
    sums = [steps[0] + start]  # each (labels, batch): over all sequences that end here with this tag
    for step in steps[1:]:
        sums.append((sums[-1][:, None] + moves).logsumexp(dim=0) + step)
    return (at_last(torch.stack(sums), mask) + end[:, None]).logsumexp(dim=0)


def at_last(steps, mask):
    """(labels, batch): what `steps` holds at each sequence's last position (the first, of an empty one)."""
    last = (mask.sum(dim=0) - 1).clamp(min=0)
    return steps.gather(0, last.expand(1, steps.shape[1], -1))[0]


def partition_by_tree(steps, mask, moves, end):
    """(batch,) log partition function as one product of matrices, about log2(time) steps."""
    total = steps[0] + moves[-1][:, None]
    if len(steps) > 1:
        chain = chain_matrices(steps, mask, moves)
        while chain.shape[2] > 1:
            chain = halve(chain, torch.logsumexp)
        total = (total[:, None] + chain[:, :, 0]).logsumexp(dim=0)
    return (total + end[:, None]).logsumexp(dim=0)


def chain_matrices(steps, mask, moves):
    """(labels, labels, time - 1, batch): the score of [previous, next] into each position but the first.

    Where masked, the identity: the tag stays, at no cost.
    """
    scores = moves[:-1, :, None, None] + steps[1:].transpose(0, 1)
    stay = torch.full_like(moves[:-1], FORBIDDEN).fill_diagonal_(0.0)
    return torch.where(mask[1:], scores, stay[:, :, None, None])


def halve(chain, add):
    """Products of neighbouring matrices, in order; the last one of an odd number goes through as it is."""
    left, right = neighbours(chain)
    product = add(left[:, :, None] + right[None], dim=1)  # over (first, middle, last, pairs, batch)
    return torch.cat((product, chain[:, :, -1:]), dim=2) if chain.shape[2] % 2 else product


def neighbours(chain):
    """The left and the right matrix of each pair, each (labels, labels, pairs, batch)."""
    pairs = chain.shape[2] // 2
    return chain[:, :, : 2 * pairs].unflatten(2, (pairs, 2)).unbind(dim=3)


def paths_by_loop(steps, mask, moves, end):
    """(time, batch) best tags by Viterbi, a step a position. Overwrites `steps`, and needs little beside them."""
    bests, moves, start = steps.unbind(), moves[:-1], moves[-1]  # bests: views, to hold the best score up to here
    bests[0].add_(start[:, None])
    for number, (before, best) in enumerate(pairwise(bests)):
        best.add_((before[:, None] + moves[:, :, None]).amax(dim=0))
        if number % 32 == 0:
            best.sub_(best.amax(dim=0))  # so that no sum grows, and float32 is as exact at the end of a long text
    tag = (at_last(steps, mask) + end[:, None]).argmax(dim=0)
    path = [tag]
    for best, goes_on in zip(bests[-2::-1], mask.unbind()[:0:-1], strict=True):
        tag = torch.where(goes_on, (best + moves.index_select(1, tag)).argmax(dim=0), tag)
        path.append(tag)
    return torch.stack(path[::-1])


def paths_by_tree(steps, mask, moves, end):
    """(time, batch) best tags: the product of matrices upwards, then the tags between known ones downwards."""
    first = steps[0] + moves[-1][:, None]
    if len(steps) == 1:
        return (first + end[:, None]).argmax(dim=0)[None]
    levels = [chain_matrices(steps, mask, moves)]
    while levels[-1].shape[2] > 1:
        levels.append(halve(levels[-1], torch.amax))
    total = first[:, None] + levels.pop()[:, :, 0] + end[:, None, None].transpose(0, 1)
    best = total.flatten(0, 1).argmax(dim=0)
    tags = torch.stack((best // len(end), best % len(end)))  # (2, batch): at the ends of the one matrix left
    for chain in reversed(levels):
        tags = fill_between(tags, chain)
    return tags


def fill_between(tags, chain):
    """(matrices + 1, batch) tags at the ends of `chain`'s matrices, from those at the ends of their products."""
    left, right = neighbours(chain)
    pairs, labels = left.shape[2], len(chain)
    row = tags[:pairs].expand(1, labels, -1, -1)
    column = tags[1 : pairs + 1].expand(labels, 1, -1, -1)
    middle = (left.gather(0, row)[0] + right.gather(1, column)[:, 0]).argmax(dim=0)  # (pairs, batch)
    return torch.cat((torch.stack((tags[:pairs], middle), dim=1).flatten(0, 1), tags[pairs:]))
