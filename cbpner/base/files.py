"""Writing files and folders so that nothing half-written looks whole."""

import errno
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

UNFINISHED = ".part"  # how the name of everything that is not yet, or no more, whole ends
CANNOT_WRITE = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENOTDIR,
    errno.EEXIST, errno.EISDIR,
}  # fmt: skip


def is_main_process():
    """Whether this process writes: the only one, or the first that `torchrun` started."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def atomic_open(path, mode="w"):
    """Open a new file beside `path` for writing; it takes `path`'s name when the block ends without an error.

    Text is UTF-8 with `\\n` line ends. The file's bytes are on disk before it is renamed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=UNFINISHED, dir=path.parent)
    try:
        os.fchmod(handle, 0o644)
        with os.fdopen(handle, mode, **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def making_folder(path):
    """The folder is there in the block, made if need be; what was made is gone again where it ends in an error."""
    path = Path(path)
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield path
    except BaseException:
        with suppress(OSError):  # something else is in it by now
            for folder in made:
                folder.rmdir()
        raise


def write_text(path, text):
    """Write `text` to `path` atomically (UTF-8)."""
    with atomic_open(path) as file:
        file.write(text)


@contextmanager
def atomic_folder(path):
    """Yield a new folder beside `path`; it takes `path`'s name, and place, when the block ends without an error.

    One process at a time may do so. Every file's bytes are on disk before the folder is renamed.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.new{UNFINISHED}")
    remove_tree(temporary)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _flush(file)
        remove_tree(path)
        os.replace(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def remove_tree(path):
    """Delete a folder or a file, or nothing. A folder loses its name first, so that no half of it looks whole."""
    path = Path(path)
    if path.is_dir() and not path.is_symlink():
        doomed = path
        if not path.name.endswith(UNFINISHED):
            doomed = path.with_name(f".{path.name}.old{UNFINISHED}")
            remove_tree(doomed)
            os.replace(path, doomed)
        shutil.rmtree(doomed)
    else:
        path.unlink(missing_ok=True)


def _flush(path):
    with open(path, "rb") as file:
        os.fsync(file.fileno())
