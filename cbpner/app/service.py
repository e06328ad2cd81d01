"""Tag many texts at once for the page and the endpoint, each within a time limit.

Texts take turns at the model, a few batches each, in one thread and in the order in which they ask for it, so that a
short text does not wait for the end of a long one. A text whose time is up stops before its next batches.
"""

import copy
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cbpner.base.errors import InputError
from cbpner.formats.document import Span
from cbpner.prediction.backend import Backend
from cbpner.prediction.terms import Terms

if TYPE_CHECKING:
    from cbpner.prediction.tagger import Tagger

MAX_LOADED = 3  # models that stay in memory
MIN_SPEED = 2000  # characters a second that a slow machine tags for one of several texts


class ServiceLimits(NamedTuple):
    """What a text, or a file, may take. size: bytes. seconds: for a text, waiting included; see also MIN_SPEED."""

    size: int = 5 * 10**6
    seconds: float = 120.0

    @property
    def request_size(self) -> int:
        """Bytes of a request: JSON escapes may take six for one of the text, and there is more than the text."""
        return 6 * self.size + 10_000


class TaggingTimeout(InputError):
    """A text has used up its time."""


class SharedBackend(Backend):
    """A backend that scores in the thread of `turns`: each turn as many batches as `TorchBackend.map` does at once.

    check: called at the start of a turn; raises when the text's time is up.
    """

    def __init__(self, backend: Backend, turns: ThreadPoolExecutor, at_once: int, check: Callable[[], None]) -> None:
        self.name, self.device, self.precision = backend.name, backend.device, backend.precision
        self.chain, self.weights = backend.chain, backend.weights
        self._backend, self._turns, self._at_once, self._check = backend, turns, at_once, check

    def score(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return self._backend.score(ids, mask)

    def map(self, work: Callable[[Sequence[int]], np.ndarray], batches: list[list[int]]) -> Iterator[np.ndarray]:
        def take_turn(start: int) -> list[np.ndarray]:
            self._check()
            return list(self._backend.map(work, batches[start : start + self._at_once]))

        for start in range(0, len(batches), self._at_once):
            yield from self._turns.submit(take_turn, start).result()


class TaggingService:
    """Tags texts with any of several models, {name: folder}; the first one is the default. terms: a file's path."""

    def __init__(
        self, models: Mapping[str, Path], limits: ServiceLimits | None = None, terms: str | None = None
    ) -> None:
        import torch

        from cbpner.prediction.torch_backend import MOST_AT_ONCE

        self.models, self.limits, self._terms = dict(models), limits or ServiceLimits(), terms
        threads = torch.get_num_threads()
        self._turns = ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(threads,))
        self._at_once, self._loading = min(threads, MOST_AT_ONCE), threading.Lock()
        self._taggers: OrderedDict[str, Tagger] = OrderedDict()

    @property
    def default(self) -> str:
        return next(iter(self.models))

    @property
    def loaded(self) -> list[str]:
        return list(self._taggers)

    def tag_many(
        self, texts: Iterable[str], model: str | None = None, waited: float = 0.0, terms: Terms | None = None
    ) -> Iterator[list[Span]]:
        """Yield the spans of each text, whatever their scores; TaggingTimeout when the time is up.

        terms: for these texts; they come before those of all texts.

        The time limit is that of all texts together; `waited` seconds of it are used up. It is checked at each turn at
        the model, after each pool of sentences and before each text.
        """
        texts, tagger = list(texts), copy.copy(self.get_tagger(model))
        deadline = time.monotonic() + self.limits.seconds + sum(map(len, texts)) / MIN_SPEED - waited

        def check(*_: object) -> None:
            if time.monotonic() > deadline:
                raise TaggingTimeout("found a text that takes longer than is allowed here; expected a shorter one")

        if terms:
            tagger.terms = Terms({**(tagger.terms.types if tagger.terms else {}), **terms.types})
        tagger.backend = SharedBackend(tagger.backend, self._turns, self._at_once, check)
        for number, spans in enumerate(tagger.tag_many(texts, watch=check), 1):
            yield [span._replace(score=round(span.score or 0.0, 4)) for span in spans]  # as `cbpner predict` writes it
            if number < len(texts):
                check()

    def get_tagger(self, model: str | None = None) -> "Tagger":
        from cbpner.prediction.tagger import Tagger

        name = model or self.default
        if name not in self.models:
            raise InputError(f"found the model {name!r}; expected one of {', '.join(self.models)}")
        with self._loading:
            if name not in self._taggers:
                self._taggers[name] = Tagger.from_pretrained(self.models[name], terms=self._terms)
            self._taggers.move_to_end(name)
            while len(self._taggers) > MAX_LOADED:
                self._taggers.popitem(last=False)
            return self._taggers[name]
