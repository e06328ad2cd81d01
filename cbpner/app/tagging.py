"""Who tags for the page and the endpoint: models found on this machine, many texts at once, each in its time.

A text is tagged in the thread that asks for it. Threads take turns at the model, a few batches each, first come, first
served: so that a short text need not wait for the end of a long one. One whose time is up ends at its next turn.
"""

import copy
import threading
import time
from collections import OrderedDict, deque
from pathlib import Path
from typing import NamedTuple

from cbpner.base.errors import InputError
from cbpner.prediction.backend import Backend
from cbpner.prediction.model_folder import DEFAULT_MODEL, FILES, list_weights, locate_model, read_config, read_labels
from cbpner.runs import folder as runs

LOADED = 3  # models that stay in memory
SLOWEST = 2000  # characters a second that a slow machine tags for one of several texts
DIGITS = 4  # of a score, as `cbpner predict` writes it
DEPTH = 4  # of run folders below a folder of runs


class Limits(NamedTuple):
    """size: bytes of a text, or of a file. seconds: for a text, waiting included, and one more for every SLOWEST of its
    characters.
    """

    size: int = 5 * 10**6
    seconds: float = 120.0

    def allow(self, characters):
        return self.seconds + characters / SLOWEST


class TooSlow(InputError):
    """A text's time is up."""

    def __init__(self):
        super().__init__("found a text that takes longer than is allowed here; expected a shorter one")


class Turns:
    """A lock that is had in the order in which it was asked for."""

    def __init__(self):
        self._guard, self._waiting = threading.Lock(), deque()

    def __enter__(self):
        turn = threading.Event()
        with self._guard:
            self._waiting.append(turn)
            if len(self._waiting) == 1:
                turn.set()
        turn.wait()

    def __exit__(self, *error):
        with self._guard:
            self._waiting.popleft()
            if self._waiting:
                self._waiting[0].set()


class TurnBackend(Backend):
    """A backend (see `cbpner.prediction.backend.Backend`) that waits for its turn. check: raises where time is up.

    threads: of torch. A turn is as many batches as `TorchBackend.map` scores at once. A thread that begins beside
    another's turn takes torch's number of threads from what that turn has set, so that each turn sets it anew.
    """

    def __init__(self, backend, turns, threads, check):
        self.name, self.device, self.precision = backend.name, backend.device, backend.precision
        self.chain, self.weights, self.score = backend.chain, backend.weights, backend.score
        self._backend, self._turns, self._threads, self._check = backend, turns, threads, check

    def map(self, work, batches):
        from cbpner.prediction.torch_backend import MOST_AT_ONCE

        at_once = min(self._threads, MOST_AT_ONCE)
        for start in range(0, len(batches), at_once):
            with self._turns:
                self._check()
                set_threads(self._threads)
                found = list(self._backend.map(work, batches[start : start + at_once]))
            yield from found


def set_threads(count):
    import torch

    if torch.get_num_threads() != count:
        torch.set_num_threads(count)


def count_threads():
    import torch

    return torch.get_num_threads()


class Desk:
    """Tags texts with any of the models. models: {name: folder}, the first is the default one."""

    def __init__(self, models, limits=Limits()):  # noqa: B008 (an immutable tuple)
        if not models:
            raise InputError("found no tagger; expected one or more (--model)")
        self.models, self.limits = dict(models), limits
        self._turns, self._loading, self._taggers = Turns(), threading.Lock(), OrderedDict()
        self._threads = count_threads()

    @property
    def default(self):
        return next(iter(self.models))

    @property
    def loaded(self):
        return list(self._taggers)

    def tag_many(self, texts, model=None, waited=0.0):
        """Yield the spans of each text, whatever their score; InputError for a model that there is not, TooSlow.

        texts: a list, whose characters are its time. waited: seconds of its time that are gone.
        """
        tagger = copy.copy(self.get_tagger(model))
        deadline = time.monotonic() + self.limits.allow(sum(map(len, texts))) - waited

        def check(*_):
            if time.monotonic() > deadline:
                raise TooSlow

        tagger.backend = TurnBackend(tagger.backend, self._turns, self._threads, check)
        return tag_in_time(tagger, list(texts), check)

    def list_types(self, model=None):
        return self.get_tagger(model).labels.types

    def get_tagger(self, model=None):
        """The tagger of a name, from memory or loaded now."""
        from cbpner.prediction.tagger import Tagger

        name = model or self.default
        if name not in self.models:
            raise InputError(f"found the model {name!r}; expected one of {', '.join(self.models)}")
        with self._loading:
            if name not in self._taggers:
                self._taggers[name] = Tagger.from_pretrained(self.models[name])
            self._taggers.move_to_end(name)
            while len(self._taggers) > LOADED:
                self._taggers.popitem(last=False)
            return self._taggers[name]


def tag_in_time(tagger, texts, check):
    """Yield the spans of each text, their scores rounded. check: raises where time is up; asked before each vote."""
    for number, spans in enumerate(tagger.tag_many(texts, watch=check), 1):
        yield [span._replace(score=round(span.score, DIGITS)) for span in spans]
        if number < len(texts):
            check()


def find_models(named=(), folders=()) -> dict[str, Path]:
    """{name: folder} of taggers: those that are named, the shipped one, then all in folders of models and of runs.

    Only what `Tagger` can load by torch is taken; names are paths as they were given. InputError for a named one that
    is not there.
    """
    found = {str(name): locate_model(name) for name in named}
    for folder in folders:
        for place in list_folders(Path(folder)):
            inner = place / runs.MODEL if (place / runs.METRICS).is_file() else place
            if is_tagger(inner) and inner not in found.values():
                found[name_model(place)] = inner
    return dict(sorted(found.items(), key=lambda item: (item[0] not in map(str, named), item[0] != DEFAULT_MODEL)))


def list_folders(folder, depth=DEPTH):
    """The folders below a folder, sorted; what lies in a run is not looked at."""
    if depth == 0 or not folder.is_dir():
        return
    for place in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        yield place
        if not (place / runs.METRICS).is_file() and not (place / "config.json").is_file():
            yield from list_folders(place, depth - 1)


def name_model(place):
    """A path from the project's folder on, where it is in it."""
    place = Path(place)
    resolved = place.resolve()
    return str(resolved.relative_to(runs.PROJECT)) if resolved.is_relative_to(runs.PROJECT) else str(place)


def is_tagger(folder):
    if not all((folder / name).is_file() for name in FILES) or not list_weights(folder, "torch"):
        return False
    try:
        read_labels(read_config(folder), folder)
    except InputError:
        return False  # an encoder, or some other tool's
    return True
