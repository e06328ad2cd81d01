"""Texts in, spans out.

    from cbpner import Tagger

    tagger = Tagger.from_pretrained()  # models/final_trained; or a folder, a run, a name on the hub
    tagger.tag("HER2阳性乳腺癌")  # [Span(start=0, end=4, label='protein', text='HER2', score=0.91), ...]

The path of the data: text -> sentences -> a pool of those of many documents -> windows, batches of similar length ->
`Backend.score` -> `cbpner.decoding` -> spans of each document.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from cbpner.base.errors import InputError, reading_model
from cbpner.decoding.decision import Decision, read_decision
from cbpner.decoding.decode import decode_spans
from cbpner.decoding.document_vote import ScoredSpan, vote_spans
from cbpner.decoding.probabilities import sum_entropies
from cbpner.decoding.windows import score_sentences
from cbpner.formats.document import Span, cut_span
from cbpner.prediction import model_folder
from cbpner.prediction.backend import BATCH_TOKENS, Backend, check_backend, open_backend
from cbpner.prediction.terms import Terms, read_terms
from cbpner.text.labels import LabelSet
from cbpner.text.reading_form import LAYOUTS, make_reading_form
from cbpner.text.sentences import find_sentences
from cbpner.text.tokenizer import CharacterTable

POOL_BATCHES = 32  # so many batches' worth of characters are sorted by length together
MAX_SENTENCE = 500  # characters beyond which a line is cut behind a sentence's end, as the gold's training files are

T = TypeVar("T")
Watch = Callable[[float], None]


class Measured(NamedTuple):
    """A text's spans; the sum over its sentences' characters of the entropy of the tag, in nats; those characters."""

    spans: list[Span]
    entropy: float
    characters: int


class Tagger:
    """A model that tags texts.

    decision: how scores become spans. min_score: spans below are left out. layout: how text out of PDFs is read, see
    `cbpner.text.reading_form`. batch_tokens: padded tokens that go through the model together. folder: where the
    model's files are. terms: a user's own, which come before the model's spans.
    """

    def __init__(
        self, backend: Backend, table: CharacterTable, labels: LabelSet, decision: Decision | None = None, *,
        min_score: float = 0.0, layout: str = "auto", batch_tokens: int = BATCH_TOKENS, folder: Path | None = None,
        terms: Terms | None = None,
    ) -> None:  # fmt: skip
        if not 0 <= min_score <= 1:
            raise InputError(f"found min_score {min_score}; expected 0 to 1")
        if layout not in LAYOUTS:
            raise InputError(f"found layout {layout!r}; expected {', '.join(LAYOUTS)}")
        self.backend, self.table, self.labels, self.folder = backend, table, labels, folder or Path()
        self.decision, self.min_score, self.batch_tokens = decision or Decision(), min_score, batch_tokens
        self.layout, self._max_sentence = layout, min(MAX_SENTENCE, self.decision.max_length - 2)
        self.terms = terms

    @classmethod
    def from_pretrained(
        cls, name: str | Path = model_folder.DEFAULT_MODEL, backend: str = "auto", *, device: str | None = None,
        precision: str = "auto", min_score: float = 0.0, layout: str = "auto", batch_tokens: int | None = None,
        terms: str | Path | Mapping[str, str | None] | None = None, **decision: Any,
    ) -> "Tagger":  # fmt: skip
        """Load the tagger of a model; InputError where it cannot be found or read, or a value is wrong.

        Args:
            name: a folder, a run's folder, or a name on the hub.
            backend: `torch`, `onnx` for what `cbpner export` wrote, or `auto`: what the folder has, torch first.
            device: `cpu`, `cuda`, `cuda:1`, `mps`, or None for a GPU where there is one.
            precision: `fp32`, `bf16` and `fp16` (torch), `int8` (onnx), or `auto` for the fastest that is available;
                with torch and the decoder `greedy`, `auto` is fp32, to reproduce the pipeline of transformers.
            batch_tokens: padded tokens of a batch; None: 2,048, on a GPU of CUDA as many as its free memory holds.
            layout: `auto` reads over what a text shows of a PDF's lines and spaces, and over look-alikes and markup;
                `pdf` joins all lines that end no sentence; `plain` reads the text as it is.
            terms: names that are always tagged with a type, or never: a file (see `cbpner.prediction.terms`), or
                {name: type, or None for never}.
            decision: fields of `Decision` that replace the model's own.
        """
        check_backend(backend, precision)
        folder = model_folder.locate_model(name, backend, precision)
        backend = model_folder.choose_backend(folder, backend, precision)
        config, place = model_folder.read_model_config(folder), folder / "config.json"
        labels, found = model_folder.read_model_labels(config, place), read_decision(config, place).override(**decision)
        limit = config.get("max_position_embeddings", found.max_length)
        if found.max_length > limit:
            raise InputError(f"{place}: found max_length {found.max_length}; expected at most the model's {limit}")
        table = CharacterTable.from_file(folder / "tokenizer.json")
        own_terms = None if terms is None else read_terms(terms, labels.types)
        if (backend, precision, found.decoder) == ("torch", "auto", "greedy"):
            precision = "fp32"
        with reading_model(folder):
            opened = open_backend(backend, folder, labels, device, precision)
            tagger = cls(
                opened, table, labels, found, min_score=min_score, layout=layout, folder=folder, terms=own_terms,
                batch_tokens=batch_tokens or opened.batch_tokens,
            )  # fmt: skip
            tagger._score(np.array([[table.cls, table.ids.max(), table.sep]]))
        return tagger

    def tag(self, text: str) -> list[Span]:
        """The spans of a text of any length, by start; offsets are code points of `text`."""
        return next(self.tag_many([text]))

    def tag_many(self, texts: Iterable[str], watch: Watch | None = None) -> Iterator[list[Span]]:
        """Yield the spans of each text, in order.

        Memory is that of a batch of texts (some 65,000 characters, or one longer text) and of a pool of its sentences.
        texts: read a batch ahead. watch: called each time that so many more characters are tagged.
        """
        return (found.spans for found in self.tag_measured(texts, watch, is_measured=False))

    def tag_measured(
        self, texts: Iterable[str], watch: Watch | None = None, is_measured: bool = True
    ) -> Iterator[Measured]:
        """As `tag_many`, with the uncertainty of each text, or 0 unless `is_measured`."""
        if isinstance(texts, str) or not isinstance(texts, Iterable):
            raise ValueError(f"expected texts, got {texts!r:.40}: `tag` takes one text")
        for batch in cut_batches(texts, self.batch_tokens * POOL_BATCHES, text_length):
            yield from self._tag_batch(batch, watch, is_measured)

    def _tag_batch(self, texts: list[str], watch: Watch | None, is_measured: bool) -> Iterator[Measured]:
        originals, forms = texts, [make_reading_form(text, self.layout) for text in texts]
        texts = [form.text if form else text for text, form in zip(texts, forms, strict=True)]
        places = [list(self.find_sentences(text)) for text in texts]
        documents = [[text[start:end] for start, end in own] for text, own in zip(texts, places, strict=True)]
        counts = Counter(chain.from_iterable(documents))  # equal sentences are scored once
        found: dict[str, tuple[list[ScoredSpan], float]] = {}
        share = sum(map(len, originals)) / (sum(map(len, counts)) or 1)  # of the texts' characters to those scored
        tell = (lambda done: watch(done * share)) if watch else None
        for pool in cut_batches(counts, 2 * self.batch_tokens * POOL_BATCHES, len):
            found |= self._tag_sentences(pool, is_measured, tell)
        for original, form, text, own, sentences in zip(originals, forms, texts, places, documents, strict=True):
            spans = self._finish(text, own, [found[sentence][0] for sentence in sentences])
            if form:
                spans = [cut_span(original, *form.locate(*span[:2]), span.label, *span[4:]) for span in spans]
            yield Measured(spans, sum(found[sentence][1] for sentence in sentences), sum(map(len, sentences)))

    def _tag_sentences(
        self, sentences: list[str], is_measured: bool, watch: Watch | None
    ) -> dict[str, tuple[list[ScoredSpan], float]]:
        """{sentence: (its spans, its entropy)}"""
        scores, entropies = self.score_sentences(sentences, watch), [0.0] * len(sentences)
        if is_measured:
            entropies = sum_entropies(scores, self.backend.chain, self.decision.temperature).tolist()
        return dict(zip(sentences, zip(self.decode_spans(sentences, scores), entropies, strict=True), strict=True))

    def find_sentences(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield (start, end) of the sentences as the model reads them; see `cbpner.text.sentences`."""
        return find_sentences(text, self._max_sentence)

    def score_sentences(self, sentences: Sequence[str], watch: Watch | None = None) -> list[np.ndarray]:
        """Log-probabilities (characters, labels) of each sentence."""
        return score_sentences(
            sentences, self.table, lambda ids, _: self._score(ids),
            batch_tokens=self.batch_tokens, max_length=self.decision.max_length, map_batches=self.backend.map,
            watch=watch,
        )  # fmt: skip

    def _score(self, ids: np.ndarray) -> np.ndarray:
        scores = self.backend.score(ids, ids != self.table.pad)
        if np.isnan(scores).any():
            place = self.folder / self.backend.weights
            raise InputError(f"{place}: found weights that give NaN as scores; expected those of a trained tagger")
        return scores

    def decode_spans(self, sentences: Sequence[str], scores: Sequence[np.ndarray]) -> list[list[ScoredSpan]]:
        """The spans of each sentence from `score_sentences`' scores, before the document vote."""
        return decode_spans(sentences, scores, self.labels, self.backend.chain, self.decision)

    def _finish(self, text: str, sentences: list[tuple[int, int]], rows: list[list[ScoredSpan]]) -> list[Span]:
        """The document's spans after the vote and the user's terms."""
        if self.decision.vote_share:
            rows = vote_spans([text[start:end] for start, end in sentences], rows, self.decision.vote_share)
        spans = [
            cut_span(text, base + start, base + end, label, score)
            for (base, _), row in zip(sentences, rows, strict=True)
            for start, end, label, score in row
            if score >= self.min_score
        ]
        return self.terms.apply(text, spans) if self.terms else spans


def cut_batches(items: Iterable[T], room: int, measure: Callable[[T], int]) -> Iterator[list[T]]:
    """Yield lists of consecutive items, each of which ends with the item that fills the room."""
    batch, size = [], 0
    for item in items:
        batch.append(item)
        size += 1 + measure(item)
        if size > room:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def text_length(text: object) -> int:
    if not isinstance(text, str):
        raise ValueError(f"expected a text, got {text!r:.40} ({type(text).__name__})")
    return len(text)
