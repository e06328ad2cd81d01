"""Texts of any length through a model in overlapping windows, batched by length, and their scores joined again."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from cbpner.text.batches import pad_rows, sorted_batches
from cbpner.text.segments import join_windows, overlapping_windows
from cbpner.text.tokenizer import CharacterTable

OVERLAP = 64  # characters that neighbouring windows of a long text share

Score = Callable[[np.ndarray, Sequence[int]], np.ndarray]
Map = Callable[[Callable[[Sequence[int]], np.ndarray], list[list[int]]], Iterable[np.ndarray]]


def score_sentences(
    sentences: Iterable[str], table: CharacterTable, score: Score, *, batch_tokens: int, max_length: int,
    width: int = 0, map_batches: Map = map, watch: Callable[[int], None] | None = None,
) -> list[np.ndarray]:  # fmt: skip
    """Scores (characters, labels) of each sentence, in order.

    sentences: none is empty. score: (token ids (batch, tokens) int64, numbers of their rows in `cut_windows`) to
    (batch, tokens, labels). batch_tokens: padded tokens of a batch, at least those of one window. max_length: tokens of
    a window, with [CLS] and [SEP]. width: batches are padded to so many tokens at least. map_batches: applies a
    function to a list of batches, in order. watch: called behind each batch with the characters of its windows.
    """
    windows, rows = cut_windows(table, sentences, max_length)

    def score_batch(batch: Sequence[int]) -> np.ndarray:
        return score(pad_rows([rows[index] for index in batch], table.pad, width), batch)

    chunks: list[Any] = [None] * len(rows)
    batches = sorted_batches([len(row) for row in rows], max(batch_tokens, max_length))
    for batch, found in zip(batches, map_batches(score_batch, batches), strict=True):
        for index, row in zip(batch, found, strict=True):
            chunks[index] = row[1 : len(rows[index]) - 1]
        if watch:
            watch(sum(len(rows[index]) - 2 for index in batch))
    parts = iter(chunks)
    return [join_windows(spans, [next(parts) for _ in spans]) for spans in windows]


def cut_windows(
    table: CharacterTable, texts: Iterable[str], max_length: int
) -> tuple[list[list[tuple[int, int]]], list[np.ndarray]]:
    """(the windows of each text, (start, end) in characters; the token ids of all windows, special tokens included)."""
    size, windows, rows = max_length - 2, [], []
    for text in texts:
        ids = table.encode(text)
        spans = overlapping_windows(len(ids), size, min(OVERLAP, size // 4))
        windows.append(spans)
        rows += [add_special_tokens(table, ids[start:end]) for start, end in spans]
    return windows, rows


def add_special_tokens(table: CharacterTable, ids: np.ndarray) -> np.ndarray:
    """[CLS], the ids, [SEP]."""
    return np.concatenate(([table.cls], ids, [table.sep]))
