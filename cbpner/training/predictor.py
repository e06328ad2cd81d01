"""A model that tags sentences under a recipe, and the output of its frozen layers, computed once."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cbpner.base.files import create_temporary
from cbpner.base.progress import Progress
from cbpner.decoding.decode import decode_documents
from cbpner.decoding.probabilities import grammar_chain
from cbpner.decoding.windows import cut_windows, score_sentences
from cbpner.models.crf_tagger import count_features
from cbpner.models.devices import DTYPES, autocast, count_batch_tokens, free_memory, run_in_halves
from cbpner.text.batches import sorted_batches
from cbpner.text.bio import Sentence
from cbpner.text.labels import LabelSet
from cbpner.text.splits import split_patents
from cbpner.text.tokenizer import CharacterTable
from cbpner.training.batching import pad
from cbpner.training.recipes import Recipe


class FeatureStore:
    """Features (tokens, width) of each sequence, in memory or, beyond `memory_mb` MiB, in a file without a name.

    The file in `folder` vanishes with the process; OSError at once where the disk is too small (on Linux). gpu: where
    they are kept instead.
    """

    def __init__(
        self, lengths: Sequence[int], width: int, dtype: torch.dtype, memory_mb: int, folder: Path,
        gpu: torch.device | None = None,
    ):  # fmt: skip
        self.lengths, self.ends = np.asarray(lengths), np.cumsum(lengths)
        size = int(self.ends[-1]) * width
        if gpu or size * dtype.itemsize <= memory_mb << 20:
            self.rows = torch.empty(size, dtype=dtype, device=gpu).view(-1, width)
            return
        with create_temporary(folder / "features") as work, open(work / "features", "wb") as file:
            if hasattr(os, "posix_fallocate"):  # not on a Mac and Windows
                os.posix_fallocate(file.fileno(), 0, size * dtype.itemsize)
            file.truncate(size * dtype.itemsize)
            self.rows = torch.from_file(file.name, shared=True, size=size, dtype=dtype).view(-1, width)

    def __getitem__(self, index):
        return self.rows[self.ends[index] - self.lengths[index] : self.ends[index]]

    def gather(self, indices: Sequence[int], longest: int):
        """(sequences, longest, width), zero beyond each sequence's end."""
        batch = self.rows.new_zeros((len(indices), longest, self.rows.shape[1]))
        for row, index in zip(batch, indices, strict=True):
            row[: self.lengths[index]] = self[index]
        return batch


@dataclass(frozen=True)
class Predictor:
    """A model, and how it reads and decodes sentences. precision: a name of DTYPES."""

    model: Any
    table: CharacterTable
    labels: LabelSet
    recipe: Recipe
    precision: str

    @property
    def batch_tokens(self):
        return count_batch_tokens(self.model.device, self.model.config.hidden_size)

    def predict(self, sentences: Sequence[Sentence], store: FeatureStore | None = None):
        """The tags of each sentence. store: from `store_windows` of the same sentences."""
        is_fixed, decision = self.recipe.padding == "max_length", self.recipe.decision
        scores = score_sentences(
            [sentence.chars for sentence in sentences], self.table, partial(self.score, store=store),
            batch_tokens=self.recipe.batch_size * decision.max_length if is_fixed else self.batch_tokens,
            max_length=decision.max_length, width=decision.max_length if is_fixed else 0,
        )  # fmt: skip
        documents = [[sentence.chars for sentence in patent] for patent in split_patents(sentences)]
        chain = self.model.crf.chain() if hasattr(self.model, "crf") else grammar_chain(self.labels)
        return decode_documents(documents, scores, self.labels, chain, decision)

    def score(self, ids: np.ndarray, rows: Sequence[int], store: FeatureStore | None = None):
        """Log-probabilities (batch, tokens, labels) of token ids (batch, tokens), which are these rows of the store."""
        return run_in_halves(partial(self._score, store=store), ids, rows)

    @torch.no_grad()
    def _score(self, ids: np.ndarray, rows: Sequence[int], store: FeatureStore | None):
        self.model.eval()
        tokens = torch.from_numpy(ids)
        inputs = {"input_ids": tokens, "attention_mask": tokens.ne(self.table.pad).long()}
        if store is not None:
            inputs["features"] = store.gather(rows, ids.shape[1])
        with autocast(self.precision, self.model.device):
            logits = self.model(**{name: value.to(self.model.device) for name, value in inputs.items()}).logits
        return logits.float().log_softmax(dim=-1).cpu().numpy()

    def store_windows(self, sentences: Sequence[Sentence], folder: Path):
        """The frozen layers' features of the windows in which `predict` reads sentences."""
        texts = [sentence.chars for sentence in sentences]
        return self.store_features(cut_windows(self.table, texts, self.recipe.decision.max_length)[1], folder)

    @torch.no_grad()
    def store_features(self, rows: Sequence[np.ndarray], folder: Path):
        """The frozen layers' features of rows of token ids.

        On a GPU they stay there, or are None where they need more than half of its free memory: to compute them anew
        takes it no longer than one core needs to copy them into batches for it (docs/scaling.md).
        """
        model, dtype, gpu = self.model.eval(), DTYPES[self.precision], None
        lengths, width = [len(row) for row in rows], count_features(model.config)
        if model.device.type == "cuda":
            gpu = model.device
            if sum(lengths) * width * dtype.itemsize > free_memory(gpu) // 2:
                return None
        store = FeatureStore(lengths, width, dtype, self.recipe.cache_mb, folder, gpu)
        with Progress("frozen layers", len(rows), "sentences") as bar:
            for batch in sorted_batches(lengths, max(self.batch_tokens, self.recipe.decision.max_length)):
                ids = pad([rows[index] for index in batch], self.table.pad).to(model.device)
                with autocast(self.precision, model.device):
                    features = model.compute_features(ids, ids.ne(self.table.pad).long()).to(store.rows.device)
                for index, row in zip(batch, features, strict=True):
                    store[index].copy_(row[: lengths[index]])
                bar.update(len(batch))
        return store
