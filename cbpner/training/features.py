"""The output of a model's frozen layers, computed once and kept in memory up to a limit, beyond it on disk."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

from cbpner.text.batches import sorted_batches
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.batching import pad


class FeatureStore:
    """Features (tokens, width) of each sequence: the first ones in memory up to `memory_mb` MiB, the others in a file.

    The file in `folder` has no name, so that it vanishes with the process; OSError at once where the disk is too small.
    """

    def __init__(self, lengths: Sequence[int], width: int, dtype: torch.dtype, memory_mb: int, folder: Path):
        self.lengths = np.asarray(lengths)
        ends = np.cumsum(self.lengths)
        room = (memory_mb << 20) // (width * dtype.itemsize)
        self.in_memory = int(np.searchsorted(ends, room, side="right"))  # sequences
        split = int(ends[self.in_memory - 1]) if self.in_memory else 0
        self.starts = ends - self.lengths - np.where(np.arange(len(ends)) < self.in_memory, 0, split)
        self.memory = torch.empty((split, width), dtype=dtype)
        if self.in_memory < len(ends):
            size = (int(ends[-1]) - split) * width
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(prefix="features.", suffix=".part", dir=folder) as file:
                os.posix_fallocate(file.fileno(), 0, size * dtype.itemsize)
                self.disk = torch.from_file(file.name, shared=True, size=size, dtype=dtype).view(-1, width)

    def __getitem__(self, index):
        kept = self.memory if index < self.in_memory else self.disk
        return kept[self.starts[index] : self.starts[index] + self.lengths[index]]

    def gather(self, indices: Sequence[int], longest: int):
        """(sequences, longest, width), zero beyond each sequence's end."""
        batch = torch.zeros((len(indices), longest, self.memory.shape[1]), dtype=self.memory.dtype)
        for row, index in zip(batch, indices, strict=True):
            row[: self.lengths[index]] = self[index]
        return batch


@torch.no_grad()
def store_features(
    model: Any,
    rows: Sequence[np.ndarray],
    *,
    table: CharacterTable,
    context: Any,
    batch_tokens: int,
    width: int,
    dtype: torch.dtype,
    memory_mb: int,
    folder: Path,
):
    """A `FeatureStore` of `model.compute_features` over rows of token ids; context: makes an autocast context."""
    model.eval()
    store = FeatureStore([len(row) for row in rows], width, dtype, memory_mb, folder)
    with tqdm(total=len(rows), desc="frozen layers", unit="sentence", mininterval=1.0, leave=False) as bar:
        for batch in sorted_batches(store.lengths, batch_tokens):
            ids = pad([rows[index] for index in batch], table.pad).to(model.device)
            with context():
                features = model.compute_features(ids, ids.ne(table.pad).long()).cpu()
            for index, row in zip(batch, features, strict=True):
                store[index].copy_(row[: store.lengths[index]])
            bar.update(len(batch))
    return store
