"""What a process of the library does at its start and at its end."""

import gc
import io
import os
import sys
from collections.abc import Callable
from typing import Any

from cbpner.base.errors import InputError

KERNEL_CACHES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")  # oneDNN's own, and torch's for it
INTERRUPTED = 130  # exit code after Ctrl-C, as shells have it


def bound_kernel_caches() -> None:
    """Bound how many kernels oneDNN and torch keep on a CPU, unless the user's environment says how many.

    By default they keep 1,024 each, one for each size of a batch; batches of text have sizes that hardly recur, so that
    memory would grow with the text. The variables are read when torch is imported, or with its first product.
    """
    for name in KERNEL_CACHES:
        os.environ.setdefault(name, "64")


def run_guarded(function: Callable[..., int | None], *args: Any) -> int:
    """Call the work of an entry point and give its exit code.

    A user's mistake or a full disk becomes a message on stderr and exit code 2, Ctrl-C a message and `INTERRUPTED`.
    What is printed is UTF-8, whatever the locale, as files are; names of files that are not UTF-8 are escaped.
    """
    bound_kernel_caches()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
    try:
        try:
            return function(*args) or 0
        finally:
            try:
                print(end="", flush=True)
            except OSError:  # on its end Python would try again
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
    except UnicodeEncodeError as error:  # of a library that got the name of a file
        print(f"error: found {error.object[:200]!a}, which is not UTF-8; expected another name", file=sys.stderr)
    except KeyboardInterrupt:
        line = "\n" * bool(sys.stderr and sys.stderr.isatty())  # behind the terminal's ^C
        print(f"{line}interrupted; the same command resumes where it can, or else starts again", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `cbpner ... | head`: the reader has closed the pipe
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {place}cannot read or write ({error.strerror or error})", file=sys.stderr)
    finally:  # end the communication between `torchrun`'s processes: its threads could abort a finished process
        distributed = sys.modules.get("torch.distributed")
        if distributed and distributed.is_available() and distributed.is_initialized():
            gc.collect()  # a trainer is in reference cycles, and its model holds the group
            distributed.destroy_process_group()
    return 2
