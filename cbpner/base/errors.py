"""Errors that a person can act on."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

SHOWN_FAULTS = 20
HUB_FAULTS = {  # exceptions of the hub's library, the one that tells more first
    "RepositoryNotFoundError": "no such folder, and no public model of this name on the hub",
    "HFValidationError": "no such folder, and the hub has no such names",
    "LocalEntryNotFoundError": "no such folder, no whole copy in the hub's cache, and the hub cannot be reached (no "
    "network, or HF_HUB_OFFLINE is set)",
}


class InputError(ValueError):
    """Something the user handed in is wrong: a file, an option, a folder.

    The message names the place (file and line where there is one), what was found, what was expected and how to go
    on. Entry points print it without a traceback and exit with code 2.
    """


@contextmanager
def reading_model(place: object, expected: str = "a tagger in the Hugging Face layout") -> Iterator[None]:
    """Turn whatever a model's files make torch, transformers or ONNX Runtime raise in the block into an InputError."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        found = f"a model that cannot be used ({type(error).__name__}: {reason})"
        if not os.path.exists(str(place)):
            causes: list[BaseException] = [error]
            while cause := causes[-1].__cause__ or causes[-1].__context__:
                causes.append(cause)
            kinds = {kind.__name__ for each in causes for kind in type(each).__mro__}
            found = next((text for kind, text in HUB_FAULTS.items() if kind in kinds), found)
        raise InputError(f"{place}: found {found}; expected {expected}") from error


class UnexpectedValue(Exception):  # noqa: N818
    """A value of a file that cannot be used; the caller, who knows the place, makes a Fault of it."""

    def __init__(self, found: str, expected: str):
        super().__init__(found, expected)
        self.found, self.expected = found, expected


class Fault(NamedTuple):
    """One thing that is wrong in a file. line: 1-based, or the row of a table; 0 stands for the file as a whole."""

    path: str
    line: int
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}" if self.line else f"{self.path}: {self.reason}"

    @property
    def reason(self) -> str:
        return f"found {self.found}; expected {self.expected}"


class FaultyFile(InputError):
    """A file with faults. `faults` has all of them, the message the first twenty and their number."""

    def __init__(self, faults: Iterable[Fault], advice: str = "; `cbpner check FILE` shows them all"):
        self.faults = list(faults)
        lines = [str(fault) for fault in self.faults[:SHOWN_FAULTS]]
        if len(self.faults) > SHOWN_FAULTS:
            lines.append(f"... and {len(self.faults) - SHOWN_FAULTS} more{advice}")
        super().__init__("\n".join([f"{len(self.faults)} fault(s) in {self.faults[0].path}", *lines]))
