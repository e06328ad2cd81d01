"""The lower limit of a step: the time of the model's own matrix products alone, on real characters.

They run in the number format that ours takes on the processor: bfloat16 where it has instructions for it, else float32.

Counted are, in every layer, the products for queries, keys and values (one product), of attention (scores, and the mix
of values), behind attention, and of the feed-forward block, then the head's: forward, and in training backward, where
each has two (by its input and by its weights or other factor). Padding, special tokens and everything that is no
product (softmax, norms, activations, additions, the optimizer) count as 0. Linear products run in blocks of ROWS rows,
attention's in batches of sentences of similar length.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

from cbpner.models.devices import DTYPES, pick_precision
from cbpner.text.bio import Sentence

ROWS = 2048  # characters that a linear product takes at once
SQUARE = 2048  # rows of the square products
BUCKET = 16  # lengths that differ by less are timed together
FORMAT = DTYPES[pick_precision("auto", torch.device("cpu"))]


class ModelShape(NamedTuple):
    """A model's sizes. labels: of its head."""

    layers: int
    width: int
    heads: int
    inner: int
    labels: int

    @classmethod
    def of(cls, config: dict, labels: int) -> "ModelShape":
        """Of a Hugging Face BERT configuration."""
        names = ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size")
        return cls(*(config[name] for name in names), labels)


class Matmuls:
    """The model's products alone, as a system (see `systems`)."""

    def __init__(self, shape: ModelShape, training: bool) -> None:
        self.shape, self.training = shape, training

    def start(self, sentences: Sequence[Sentence]) -> None:
        self.lengths = [len(each.chars) for each in sentences]

    def work(self) -> float:
        return time_matmuls(self.shape, self.lengths, self.training)


def list_linear(shape: ModelShape) -> list[tuple[int, int, int]]:
    """(inputs, outputs, how often) of the linear products that every character goes through."""
    width, inner, layers = shape.width, shape.inner, shape.layers
    return [
        (width, 3 * width, layers), (width, width, layers), (width, inner, layers), (inner, width, layers),
        (width, shape.labels, 1),
    ]  # fmt: skip


def count_operations(shape: ModelShape, lengths: Sequence[int], training: bool) -> int:
    """Additions and multiplications of all counted products for sentences of these lengths."""
    linear = sum(2 * inputs * outputs * times for inputs, outputs, times in list_linear(shape))
    attention = sum(shape.layers * 2 * 2 * length * length * shape.width for length in lengths)
    return (3 if training else 1) * (linear * sum(lengths) + attention)


def time_matmuls(shape: ModelShape, lengths: Sequence[int], training: bool) -> float:
    """Seconds of the products for sentences of these lengths; each kind is timed once and multiplied."""
    total = 0.0
    for inputs, outputs, times in list_linear(shape):
        left = torch.randn(ROWS, inputs).to(FORMAT)
        right, grown = torch.randn(inputs, outputs).to(FORMAT), torch.randn(ROWS, outputs).to(FORMAT)
        seconds = time_once(lambda left=left, right=right: left @ right)
        if training:
            seconds += time_once(lambda grown=grown, right=right: grown @ right.T)
            seconds += time_once(lambda left=left, grown=grown: left.T @ grown)
        total += seconds * times * sum(lengths) / ROWS
    groups: dict[int, list[int]] = {}
    for length in lengths:
        groups.setdefault(length // BUCKET, []).append(length)
    for own in groups.values():  # at the root of their mean square, as products grow
        length = round((sum(n * n for n in own) / len(own)) ** 0.5)
        total += shape.layers * time_attention(shape, length, len(own), training)
    return total


def time_attention(shape: ModelShape, length: int, count: int, training: bool) -> float:
    """Seconds of one layer's products of attention for `count` sentences of a length."""
    batch = max(1, min(count, ROWS // length))
    queries, keys, values = torch.randn(3, batch, shape.heads, length, shape.width // shape.heads).to(FORMAT)
    weights = torch.randn(batch, shape.heads, length, length).to(FORMAT)
    seconds = time_once(lambda: queries @ keys.transpose(2, 3)) + time_once(lambda: weights @ values)
    if training:  # by queries and by keys, by weights and by values: of the same sizes
        seconds += 2 * time_once(lambda: weights @ keys) + time_once(lambda: weights.transpose(2, 3) @ queries)
        seconds += time_once(lambda: values @ values.transpose(2, 3))
    return seconds * count / batch


def measure_rates() -> dict[str, int]:
    """{number format: billions of additions and multiplications a second} of square products, in FORMAT and float32."""
    found = {}
    for kind in dict.fromkeys((FORMAT, torch.float32)):
        left, right = torch.randn(2, SQUARE, SQUARE).to(kind)
        seconds = time_once(lambda left=left, right=right: left @ right, rounds=8)
        found[str(kind).removeprefix("torch.")] = round(2 * SQUARE**3 / 1e9 / seconds)
    return found


def time_once(work: Callable[[], Any], rounds: int = 3) -> float:
    """The least of some rounds, after one to warm up."""
    spent = []
    for number in range(rounds + 1):
        start = time.perf_counter()
        work()
        spent += [time.perf_counter() - start] if number else []
    return min(spent)
