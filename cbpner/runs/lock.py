"""The lock of a run folder: one process at a time works on a run."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from cbpner.base.errors import InputError
from cbpner.base.files import created_folder, is_main_process, lock_file
from cbpner.runs.folder import LOCK


@contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """Make the run's folder and hold FOLDER/.lock; InputError where another process holds it.

    The kernel releases the lock however the process ends. At the block's end the file is deleted, and so are folders
    made here that are still empty. Under `torchrun` the main process locks.
    """
    if not is_main_process():
        yield
        return
    with created_folder(folder), _take_lock(folder / LOCK):
        try:
            yield
        finally:
            with suppress(OSError):
                if not os.path.getsize(folder / LOCK):  # ours is empty
                    os.unlink(folder / LOCK)  # while it is held: nobody else can hold a file without a name


def _take_lock(path: Path) -> IO[Any]:
    """The open, locked file; one that lost its name between opening and locking is not taken."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "a")  # noqa: SIM115 (held for the whole run)
        try:
            lock_file(file, waits=False)
        except BlockingIOError:
            file.close()
            busy = "found another process at work on this run; wait for it or name another folder"
            raise InputError(f"{path.parent}: {busy}") from None
        except OSError as error:
            print(f"{path}: no file locks here ({error.strerror}); start no second run there", file=sys.stderr)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                return file
        file.close()
