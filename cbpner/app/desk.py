"""Who tags for the page and the endpoint: models found on this machine, many texts at once, each in its time.

A text is tagged in the thread that asks for it. Threads take turns at the model, a batch each, first come, first
served: so that a short text need not wait for the end of a long one. One whose time is up ends at its next turn.
"""

import copy
import threading
import time
from collections import OrderedDict, deque
from pathlib import Path
from typing import NamedTuple

from cbpner import runs
from cbpner.errors import InputError
from cbpner.predict.backend import Backend
from cbpner.predict.models import DEFAULT_MODEL, FILES, list_weights, locate_model, read_config, read_labels

LOADED = 3  # models that stay in memory
DEPTH = 4  # of run folders below a folder of runs


class Limits(NamedTuple):
    """size: bytes of a text, or of a file. seconds: for a text, waiting included."""

    size: int = 5 * 10**6
    seconds: float = 120.0


class TooSlow(InputError):
    """A text's time is up."""


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
    """A backend (see `cbpner.predict.backend.Backend`) that waits for its turn. deadline: of `time.monotonic`."""

    def __init__(self, backend, turns, deadline):
        self.name, self.device, self.precision = backend.name, backend.device, backend.precision
        self.chain, self.weights = backend.chain, backend.weights
        self._backend, self._turns, self._deadline = backend, turns, deadline

    def score(self, ids, mask):
        with self._turns:
            if time.monotonic() > self._deadline:
                raise TooSlow("found a text that takes longer than is allowed here; expected a shorter one")
            return self._backend.score(ids, mask)


class Desk:
    """Tags texts with any of the models. models: {name: folder}, the first is the default one."""

    def __init__(self, models, limits=Limits()):  # noqa: B008 (an immutable tuple)
        if not models:
            raise InputError("found no tagger; expected one or more (--model)")
        self.models, self.limits = dict(models), limits
        self._turns, self._loading, self._taggers = Turns(), threading.Lock(), OrderedDict()

    @property
    def default(self):
        return next(iter(self.models))

    @property
    def loaded(self):
        return list(self._taggers)

    def tag_many(self, texts, model=None):
        """Yield the spans of each text, whatever their score; InputError for a model that there is not, TooSlow."""
        tagger = copy.copy(self.get_tagger(model))
        tagger.backend = TurnBackend(tagger.backend, self._turns, time.monotonic() + self.limits.seconds)
        return tagger.tag_many(texts)

    def list_types(self, model=None):
        return self.get_tagger(model).labels.types

    def get_tagger(self, model=None):
        """The tagger of a name, from memory or loaded now."""
        from cbpner.predict.tagger import Tagger

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
