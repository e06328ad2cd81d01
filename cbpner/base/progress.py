"""What takes long says how far it is: from the third second on in one line of a terminal, in a log every ten seconds.

The line is gone before anything else is printed, if that is printed within `paused`. Of bars within bars the last
opened is shown. A thread shows them, so that a step that takes long itself is seen to go on.
"""

import math
import shutil
import sys
import threading
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import Any, TypeVar

from tqdm import tqdm

TERMINAL, LOG = (2.0, 0.5), (10.0, 10.0)  # seconds before a bar is shown, and between two times
T = TypeVar("T")

_LOCK = threading.RLock()
_open: list["Progress"] = []


class Progress(tqdm):  # type: ignore[misc]
    """A bar to be updated and closed. unit: of what is counted; without one only the time is shown."""

    monitor_interval = 0

    def __init__(self, what: str, total: float | None = None, unit: str = "", **options: Any) -> None:
        how = {"unit": f" {unit}"} if unit else {"bar_format": "{desc}, {elapsed}"}
        super().__init__(
            desc=what, total=total, **how | options, file=sys.stderr, leave=False, position=0, nrows=9,
            ncols=shutil.get_terminal_size().columns - 1, miniters=math.inf, delay=math.inf,  # it shows nothing itself
        )  # fmt: skip
        self.is_closed = threading.Event()
        with paused():
            _open.append(self)
            if len(_open) == 1:
                threading.Thread(target=_show, args=(self.is_closed,), daemon=True).start()

    def close(self) -> None:
        with paused():
            self.is_closed.set()
            _open[:] = [bar for bar in _open if bar is not self]
        super().close()


def track(what: str, items: Iterable[T], unit: str, total: float | None = None) -> Iterator[T]:
    """Yield the items, in a bar that counts them."""
    with Progress(what, len(items) if isinstance(items, Sized) else total, unit) as bar:
        for item in items:
            yield item
            bar.update()


@contextmanager
def paused() -> Iterator[None]:
    """A block that prints: the line of progress is taken away, and comes back later."""
    with _LOCK:
        if _open and _is_terminal():
            _open[-1].clear()
        yield


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _show(is_closed: threading.Event) -> None:
    """Show the last open bar until the first is closed."""
    wait, again = TERMINAL if _is_terminal() else LOG
    while not is_closed.wait(wait):
        with _LOCK:
            if is_closed.is_set() or sys.stderr is None:
                return
            if _is_terminal():
                _open[-1].refresh()
            else:
                print(_open[-1], file=sys.stderr, flush=True)
        wait = again
