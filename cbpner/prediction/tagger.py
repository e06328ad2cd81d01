"""Texts in, spans out.

    from cbpner import Tagger

    tagger = Tagger.from_pretrained()  # models/final_trained; or a folder, a run, a name on the hub
    tagger.tag("HER2阳性乳腺癌")  # [Span(start=0, end=4, label='protein', text='HER2', score=0.91), ...]

The path of the data: text -> sentences -> groups of sentences that are read together -> a pool of groups of many
documents -> windows, batches of similar length -> `Backend.score` -> `cbpner.decoding` -> spans of each document.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cbpner.base.errors import InputError
from cbpner.decoding.decision import Decision, read_decision
from cbpner.decoding.decode import decode_spans
from cbpner.decoding.document_vote import ScoredSpan, vote_spans
from cbpner.decoding.probabilities import sum_entropies
from cbpner.decoding.windows import score_sentences
from cbpner.formats.document import Span, cut_span
from cbpner.prediction.backend import Backend, check_backend, open_backend
from cbpner.prediction.model_folder import DEFAULT_MODEL, locate_model, read_model_config, read_model_labels
from cbpner.text.labels import LabelSet
from cbpner.text.segments import group_neighbours
from cbpner.text.sentences import find_sentences
from cbpner.text.tokenizer import CharacterTable

BATCH_TOKENS = 2048  # padded tokens that go through the model together, as in training's evaluation
POOL_BATCHES = 32  # so many batches' worth of characters are sorted by length together
MAX_SENTENCE = 500  # characters beyond which a line is cut behind a sentence's end, as the gold's training files are

Watch = Callable[[int], None]


@dataclass
class Record:
    """A document in progress. spans: of each sentence, once decoded. pending: its groups that are in the pool."""

    text: str
    sentences: list[tuple[int, int]] = field(default_factory=list)
    spans: list[list[ScoredSpan]] = field(default_factory=list)
    pending: int = 0
    is_read: bool = False  # all of its groups have been put into the pool
    entropy: float = 0.0
    characters: int = 0


class Measured(NamedTuple):
    """A text's spans; the sum over its sentences' characters of the entropy of the tag, in nats; those characters."""

    spans: list[Span]
    entropy: float
    characters: int


class Pool:
    """Groups of sentences that wait to be scored; equal groups are scored once."""

    def __init__(self) -> None:
        self.groups: dict[tuple[str, ...], list[tuple[Record, int]]] = {}  # with the number of the first sentence
        self.size = 0  # characters, and one for each group and document

    def add(self, record: Record, group: Sequence[tuple[int, int]]) -> None:
        """Add (start, end) of a group's sentences."""
        key = tuple(record.text[start:end] for start, end in group)
        self.groups.setdefault(key, []).append((record, len(record.sentences)))
        self.size += 1 + sum(map(len, key))
        record.sentences += group
        record.spans += [[] for _ in group]
        record.pending += 1


class Tagger:
    """A model that tags texts.

    decision: how scores become spans. min_score: spans below are left out. batch_tokens: padded tokens that go through
    the model together. folder: where the model's files are.
    """

    def __init__(
        self, backend: Backend, table: CharacterTable, labels: LabelSet, decision: Decision | None = None, *,
        min_score: float = 0.0, batch_tokens: int = BATCH_TOKENS, folder: Path | None = None,
    ) -> None:  # fmt: skip
        if not 0 <= min_score <= 1:
            raise InputError(f"found min_score {min_score}; expected 0 to 1")
        self.backend, self.table, self.labels, self.folder = backend, table, labels, folder or Path()
        self.decision, self.min_score, self.batch_tokens = decision or Decision(), min_score, batch_tokens
        self._max_sentence = min(MAX_SENTENCE, self.decision.max_length - 2)

    @classmethod
    def from_pretrained(
        cls, name: str | Path = DEFAULT_MODEL, backend: str = "torch", *, device: str | None = None,
        precision: str = "auto", min_score: float = 0.0, **decision: Any,
    ) -> "Tagger":  # fmt: skip
        """Load the tagger of a model.

        Args:
            name: a folder, a run's folder, or a name on the hub.
            backend: `torch`, or `onnx` for what `cbpner export` wrote.
            device: `cpu`, `cuda`, `cuda:1`, or None for a GPU where there is one.
            precision: `fp32`, `bf16` (torch), `int8` (onnx), or `auto` for the fastest that is available; with torch
                and the decoder `greedy`, `auto` is fp32, to reproduce the pipeline of transformers.
            decision: fields of `Decision` that replace the model's own.

        Raises:
            InputError: the model cannot be found or read, or a value is wrong.
        """
        check_backend(backend, precision)
        folder = locate_model(name, backend)
        config, place = read_model_config(folder), folder / "config.json"
        labels, found = read_model_labels(config, place), read_decision(config, place).override(**decision)
        limit = config.get("max_position_embeddings", found.max_length)
        if found.max_length > limit:
            raise InputError(f"{place}: found max_length {found.max_length}; expected at most the model's {limit}")
        table = CharacterTable.from_file(folder / "tokenizer.json")
        if (backend, precision, found.decoder) == ("torch", "auto", "greedy"):
            precision = "fp32"
        opened = open_backend(backend, folder, labels, device, precision)
        return cls(opened, table, labels, found, min_score=min_score, folder=folder)

    def tag(self, text: str) -> list[Span]:
        """The spans of a text of any length, by start; offsets are code points of `text`."""
        return next(self.tag_many([text]))

    def tag_many(self, texts: Iterable[str], watch: Watch | None = None) -> Iterator[list[Span]]:
        """Yield the spans of each text, in order.

        Memory is that of a pool of sentences (some 65,000 characters) and of the texts that have sentences in it.

        Args:
            texts: read as far ahead as the pool takes.
            watch: called with a number of characters each time that so many more are tagged.
        """
        return (found.spans for found in self.tag_measured(texts, watch, is_measured=False))

    def tag_measured(
        self, texts: Iterable[str], watch: Watch | None = None, is_measured: bool = True
    ) -> Iterator[Measured]:
        """As `tag_many`, with the uncertainty of each text, or 0 unless `is_measured`."""
        for record in self._tag_records(texts, watch, is_measured):
            yield Measured(self._finish(record), record.entropy, record.characters)

    def find_sentences(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield (start, end) of the sentences as the model reads them; see `cbpner.text.sentences`."""
        return find_sentences(text, self._max_sentence)

    def _tag_records(self, texts: Iterable[str], watch: Watch | None, is_measured: bool) -> Iterator[Record]:
        """Yield the Record of each text when it is done, in order."""
        if isinstance(texts, str):
            raise ValueError(f"expected texts, got one of {len(texts)} characters: `tag` takes that")
        waiting: deque[Record] = deque()
        pool, room = Pool(), self.batch_tokens * POOL_BATCHES
        for text in texts:
            record = Record(text)
            waiting.append(record)
            pool.size += 1
            sentences, size = self.find_sentences(text), self.decision.context - 2
            for group in group_neighbours(sentences, size, lambda sentence: sentence[1] - sentence[0]):
                pool.add(record, group)
                if pool.size > room:
                    pool = self._drain(pool, watch, is_measured)
            record.is_read = True
            if pool.size > room:
                pool = self._drain(pool, watch, is_measured)
            while waiting and waiting[0].is_read and not waiting[0].pending:
                yield waiting.popleft()
        self._drain(pool, watch, is_measured)
        yield from waiting

    def _drain(self, pool: Pool, watch: Watch | None, is_measured: bool) -> Pool:
        """Tag the pool's groups and give the spans to their records; a new pool."""
        scores = self.score_sentences(list(pool.groups))
        decoded, entropies = iter(self.decode_spans(scores)), repeat(0.0)
        if is_measured:
            entropies = iter(sum_entropies(scores, self.backend.chain, self.decision.temperature).tolist())
        done = 0
        for key, places in pool.groups.items():
            rows, entropy = [next(decoded) for _ in key], sum(next(entropies) for _ in key)
            characters = sum(map(len, key))
            for record, first in places:
                record.spans[first : first + len(rows)] = rows
                record.pending -= 1
                record.entropy += entropy
                record.characters += characters
            done += characters * len(places)
        if watch:
            watch(done)
        return Pool()

    def score_sentences(self, groups: Sequence[Sequence[str]]) -> list[np.ndarray]:
        """Log-probabilities (characters, labels) of each sentence of each group of sentences that are read together."""
        return score_sentences(
            groups, self.table, lambda ids, _: self.backend.score(ids, ids != self.table.pad),
            batch_tokens=self.batch_tokens, max_length=self.decision.max_length, map_batches=self.backend.map,
        )  # fmt: skip

    def decode_spans(self, scores: Sequence[np.ndarray]) -> list[list[ScoredSpan]]:
        """The spans of each sentence from `score_sentences`' scores, before the document vote."""
        return decode_spans(scores, self.labels, self.backend.chain, self.decision)

    def _finish(self, record: Record) -> list[Span]:
        """The document's spans after the vote."""
        text, rows = record.text, record.spans
        if self.decision.vote_share:
            rows = vote_spans([text[start:end] for start, end in record.sentences], rows, self.decision.vote_share)
        return [
            cut_span(text, base + start, base + end, label, score)
            for (base, _), row in zip(record.sentences, rows, strict=True)
            for start, end, label, score in row
            if score >= self.min_score
        ]
