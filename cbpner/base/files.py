"""Reading and writing files and folders; nothing half-written looks whole."""

import errno
import gzip
import hashlib
import json
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from cbpner.base.errors import InputError

UNFINISHED = ".part"  # suffix of everything that is not whole yet, or is being deleted
CANNOT_WRITE = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENOTDIR,
    errno.EEXIST, errno.EISDIR,
}  # fmt: skip


def is_main_process() -> bool:
    """Whether this process writes: the only one, or the first that `torchrun` started."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def atomic_open(path: str | Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a new file beside `path` (UTF-8, `\\n`), which it replaces, its bytes on disk, when the block ends well."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
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
def created_folder(path: str | Path) -> Iterator[Path]:
    """Create a folder for the block; the folders that were created are removed where the block ends in an error."""
    path = Path(path)
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield path
    except BaseException:
        with suppress(OSError):  # not empty
            for folder in made:
                folder.rmdir()
        raise


def decode_name(name: str) -> str:
    """A file's name as text that UTF-8 can hold; different for different names: other bytes become `\\xff`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def read_text(path: str | Path) -> str:
    """The text of a UTF-8 file without byte order mark, unpacked where its name ends in .gz; else InputError."""
    try:
        content = Path(path).read_bytes()
        return (gzip.decompress(content) if Path(path).suffix == ".gz" else content).decode("utf-8-sig")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: found a damaged gzip file ({error}); expected a whole one") from error
    except OSError as error:
        raise InputError(f"{path}: cannot read the file: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: found bytes that are not UTF-8 (at byte {error.start}), expected UTF-8") from error


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` atomically (UTF-8)."""
    with atomic_open(path) as file:
        file.write(text)


def read_json(path: str | Path) -> dict[str, Any]:
    """The JSON object that a file holds; InputError for anything else."""
    text = read_text(path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers of too many digits, and what is nested too deep
        place = f"{path}:{error.lineno}" if isinstance(error, json.JSONDecodeError) else path
        raise InputError(f"{place}: found malformed JSON ({error}); expected an object") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: found {type(content).__name__}; expected a JSON object")
    return content


def write_json(path: str | Path, content: dict[str, Any], indent: int | None = 2) -> None:
    """Write a JSON object to `path`, atomically."""
    write_text(path, json.dumps(content, ensure_ascii=False, allow_nan=False, indent=indent) + "\n")


def file_checksum(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, 64 hex digits."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot read the file: {error.strerror}") from error


def natural_key(text: object) -> list[tuple[int, int, str]]:
    """A sort key under which `2` comes before `10`."""
    return [(1, int(word), "") if word.isdecimal() else (0, 0, word) for word in re.split(r"(\d+)", str(text)) if word]


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Yield a new folder beside `path`, which it replaces, its bytes on disk, when the block ends without an error."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.new{UNFINISHED}")
    remove_tree(temporary)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                with open(file, "rb") as written:
                    os.fsync(written.fileno())
        remove_tree(path)
        os.replace(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def remove_tree(path: str | Path) -> None:
    """Delete a folder or a file, or nothing. A folder loses its name first, so that no half of it looks whole."""
    path = Path(path)
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    if not path.name.endswith(UNFINISHED):
        doomed = path.with_name(f".{path.name}.old{UNFINISHED}")
        remove_tree(doomed)
        path = path.rename(doomed)
    shutil.rmtree(path)
