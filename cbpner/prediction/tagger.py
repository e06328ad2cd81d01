"""Texts in, spans out.

    from cbpner.prediction.tagger import Tagger

    tagger = Tagger.from_pretrained()  # models/final_trained; or a folder, a run, a name on the hub
    tagger.tag("HER2阳性乳腺癌")  # [Span(start=0, end=4, label='protein', text='HER2', score=0.91), ...]

The path of the data: text -> `sentences` -> groups of sentences that are read together -> a pool of groups of many
documents -> windows, batches of similar length -> `Backend.score` -> `deciding` -> spans, back in their documents.
"""

from collections import deque
from dataclasses import dataclass, field
from itertools import repeat
from typing import NamedTuple

from cbpner.base.errors import InputError
from cbpner.decoding.decide import agree_document, decide_spans
from cbpner.decoding.decision import LEXICON, Decision, read_decision
from cbpner.decoding.lexicon import add_hints, read_lexicon
from cbpner.decoding.probabilities import mark_sure, sum_entropies
from cbpner.decoding.windows import cut_windows, join_chunks, score_windows
from cbpner.formats.document import Span, cut_span
from cbpner.prediction.backend import Backend, check_backend, open_backend
from cbpner.prediction.model_folder import DEFAULT_MODEL, locate_model, read_config, read_labels
from cbpner.text.sentences import find_sentences, group_sentences
from cbpner.text.tokenizer import CharacterTable

BATCH_TOKENS = 2048  # padded tokens that go through the model together, as in training's evaluation
POOL_BATCHES = 32  # so many batches' worth of characters are sorted by length together
SENTENCE = 500  # characters beyond which a line is cut behind a sentence's end, as the gold's training files are


@dataclass
class Record:
    """A document on its way. open: its groups that are in the pool; is_cut: whether all of them have been put there.

    entropy, characters: see `Measured`.
    """

    text: str
    spans: list = field(default_factory=list)
    open: int = 0
    is_cut: bool = False
    entropy: float = 0.0
    characters: int = 0


class Measured(NamedTuple):
    """A text's spans, and how sure the tagger was. entropy: the sum over its characters of the entropy of the tag, in
    nats; characters: of its sentences, what lies between them left out.
    """

    spans: list
    entropy: float
    characters: int


class Pool:
    """Groups of sentences that wait to be scored; the same sentences are one group, wherever they stand.

    groups: {the sentences of a group: [(record, start of each sentence in its text), ...]}. size: characters, and one
    for each group and document.
    """

    def __init__(self):
        self.groups, self.size = {}, 0

    def add(self, record, group):
        """group: (start, end) of its sentences."""
        key = tuple(record.text[start:end] for start, end in group)
        self.groups.setdefault(key, []).append((record, [start for start, _ in group]))
        self.size += 1 + sum(map(len, key))
        record.open += 1


class Tagger:
    """A model that tags texts. labels: `cbpner.text.labels.LabelSet`; decision: how scores become spans.

    table: `cbpner.text.tokenizer.CharacterTable`. min_score: spans below are left out. batch_tokens: padded tokens
    that go through the model together. lexicon: `cbpner.decoding.lexicon.read_lexicon`'s, for a decision with a bonus.
    """

    def __init__(
        self, backend: Backend, table, labels, decision=None, *, min_score=0.0, batch_tokens=BATCH_TOKENS, folder=None,
        lexicon=None,
    ):  # fmt: skip
        if not 0 <= min_score <= 1:
            raise InputError(f"found min_score {min_score}; expected 0 to 1")
        self.backend, self.table, self.labels, self.folder = backend, table, labels, folder
        self.decision, self.min_score, self.batch_tokens = decision or Decision(), min_score, batch_tokens
        self.lexicon = lexicon
        self._limit = min(SENTENCE, self.decision.max_length - 2)

    @classmethod
    def from_pretrained(
        cls, name=DEFAULT_MODEL, backend="torch", *, device=None, precision="auto", min_score=0.0, **decision
    ):
        """The tagger of a model: see `cbpner.prediction.model_folder.locate_model`.

        backend: `torch`, or `onnx` for what `cbpner export` wrote. device: `cpu`, `cuda`, `cuda:1`, or None for what
        is there. precision: `fp32`, `bf16` (torch), `int8` (onnx), or `auto` for the faster one that can be had (but
        with torch fp32 under `greedy`, whose point is to give what transformers' pipeline gives). decision: fields of
        `cbpner.decoding.decision.Decision`, in the place of what the model says. InputError for a model that cannot be
        had or read, and for wrong values.
        """
        check_backend(backend, precision)
        folder = locate_model(name, backend)
        config, place = read_config(folder), folder / "config.json"
        labels, found = read_labels(config, place), read_decision(config, place)
        found = found.override(**decision)
        limit = config.get("max_position_embeddings", found.max_length)
        if found.max_length > limit:
            raise InputError(f"{place}: found max_length {found.max_length}; expected at most the model's {limit}")
        lexicon = read_lexicon(folder / LEXICON, labels) if found.lexicon_bonus else None
        table = CharacterTable.from_file(folder / "tokenizer.json")
        if (backend, precision, found.decode) == ("torch", "auto", "greedy"):
            precision = "fp32"
        opened = open_backend(backend, folder, labels, device, precision)
        return cls(opened, table, labels, found, min_score=min_score, folder=folder, lexicon=lexicon)

    def tag(self, text: str) -> list[Span]:
        """The spans of a text of any length, by start; offsets are code points of `text`."""
        return next(self.tag_many([text]))

    def tag_many(self, texts, watch=None):
        """Yield the spans of each text, in order.

        texts: any iterable, read as far ahead as a pool of sentences takes (some 65,000 characters). Memory is that
        pool's, and that of the texts that are waiting in it with their spans. watch: called with the number of
        characters that have been done each time that some have.
        """
        return map(self._finish, self._tag_records(texts, watch))

    def tag_measured(self, texts, watch=None):
        """As `tag_many`, but yield a `Measured` of each text."""
        for record in self._tag_records(texts, watch, is_measured=True):
            yield Measured(self._finish(record), record.entropy, record.characters)

    def find_sentences(self, text):
        """Yield (start, end) of the sentences as the model reads them; see `cbpner.text.sentences`."""
        return find_sentences(text, self._limit)

    def _tag_records(self, texts, watch, is_measured=False):
        """Yield the Record of each text when it is done, in order."""
        if isinstance(texts, str):
            raise ValueError(f"expected texts, got one of {len(texts)} characters: `tag` takes that")
        pool, waiting, room = Pool(), deque(), self.batch_tokens * POOL_BATCHES
        for text in texts:
            record = Record(text)
            waiting.append(record)
            pool.size += 1
            for group in group_sentences(self.find_sentences(text), self.decision.context - 2):
                pool.add(record, group)
                if pool.size > room:
                    pool = self._drain(pool, watch, is_measured)
            record.is_cut = True
            if pool.size > room:
                pool = self._drain(pool, watch, is_measured)
            while waiting and waiting[0].is_cut and not waiting[0].open:
                yield waiting.popleft()
        self._drain(pool, watch, is_measured)
        yield from waiting

    def _drain(self, pool, watch, is_measured):
        """Tag the pool's groups, and give their records the spans; a new pool."""
        scores, entropies = self.score_sentences(list(pool.groups)), repeat(0.0)
        decided = self.decide_spans(scores)
        found = iter(zip(decided, self._mark_sure(scores, decided), strict=True))
        if is_measured:
            entropies = iter(sum_entropies(scores, self.backend.chain, self.decision.temperature).tolist())
        for key, places in pool.groups.items():
            own, entropy = [next(found) for _ in key], sum(next(entropies) for _ in key)
            for record, starts in places:
                record.open -= 1
                record.entropy += entropy
                record.characters += sum(map(len, key))
                for base, (spans, sure) in zip(starts, own, strict=True):
                    record.spans += [
                        (base + start, base + end, label, score, flag)
                        for (start, end, label, score), flag in zip(spans, sure, strict=True)
                    ]
        if watch:
            watch(sum(sum(map(len, key)) * len(places) for key, places in pool.groups.items()))
        return Pool()

    def score_sentences(self, groups) -> list:
        """(characters, labels) scores of each sentence of each group, a tuple of texts read together.

        They are log-probabilities, with the lexicon's hints where there is one.
        """
        windows, rows = cut_windows(self.table, ["".join(group) for group in groups], self.decision.max_length)
        room = max(self.batch_tokens, self.decision.max_length)
        chunks = score_windows(rows, self._score, self.table.pad, room, over=self.backend.map)
        scores = []
        for group, row in zip(groups, join_chunks(windows, chunks), strict=True):
            start = 0
            for sentence in group:
                scores.append(row[start : start + len(sentence)])
                start += len(sentence)
        if self.lexicon is not None:
            texts = [sentence for group in groups for sentence in group]
            scores = add_hints(scores, texts, self.lexicon, self.decision.lexicon_bonus)
        return scores

    def decide_spans(self, scores) -> list[list[tuple]]:
        """[(start, end, label, score), ...] of each sentence, from `score_sentences`' scores."""
        return decide_spans(scores, self.labels, self.backend.chain, self.decision)

    def _mark_sure(self, scores, decided):
        """Of each span of `decide_spans` whether it is as likely as the vote asks of a surface's surest place."""
        if not self.decision.agreement_peak:
            return [[True] * len(row) for row in decided]
        return mark_sure(scores, decided, self.labels, self.backend.chain, self.decision.agreement_peak)

    def _score(self, ids, batch):
        return self.backend.score(ids, ids != self.table.pad)

    def _finish(self, record) -> list[Span]:
        text, decision = record.text, self.decision
        found = sorted(record.spans)
        spans = [cut_span(text, start, end, label, score) for start, end, label, score, _ in found]
        if decision.agreement and spans:
            sure = [flag for *_, flag in found] if decision.agreement_peak else None
            spans = agree_document(text, spans, list(self.find_sentences(text)), decision.agreement, sure)
        return [span for span in spans if span.score >= self.min_score]
