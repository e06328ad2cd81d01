"""Reading and writing files and folders; nothing half-written looks whole."""

import errno
import gzip
import hashlib
import json
import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

from cbpner.base.errors import InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

UNFINISHED = ".part"  # suffix of everything that is not whole yet, or is being deleted
TEMPORARY = ".cbpner-"  # in the name of everything that is deleted once its process is dead
CANNOT_WRITE = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENOTDIR,
    errno.EEXIST, errno.EISDIR,
}  # fmt: skip
WRITE_FAILED = re.compile(  # what DuckDB, torch and safetensors say
    "No space left|Disk quota|File too large|Read-only file system|Permission denied|Input/output error|"
    "[Cc]ould not write|failed to (write|offload)|max_temp_directory_size|PytorchStreamWriter|inline_container|"
    "iostream error|cannot be opened|Parent directory|Error while serializing"
)
NEEDS_MEMORY = re.compile("Out of Memory|failed to (pin|allocate)")  # DuckDB


def is_main_process() -> bool:
    """Whether this process writes: the only one, or the first that `torchrun` started."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def atomic_files() -> Iterator[Callable[..., IO[Any]]]:
    """Yield a function like `open` for files to write (UTF-8, `\\n`); they appear together when the block ends well.

    Each is written beside its place, and replaces what is there, its bytes on disk; of a link, the link's target. A
    device or a FIFO is written to as it is. Lone surrogates, as names of files may have them, are escaped.
    """
    written: list[tuple[IO[Any], Path, Path]] = []
    try:
        with ExitStack() as stack:

            def open_output(path: str | Path, mode: str = "w") -> IO[Any]:
                text = {"encoding": "utf-8", "newline": "\n", "errors": "backslashreplace"}
                options: dict[str, Any] = {} if "b" in mode else text
                place = temporary = Path(path)
                if place.is_file() or not place.exists():
                    place = Path(os.path.realpath(path))
                    temporary = stack.enter_context(create_temporary(place, Path.touch))
                written.append((stack.enter_context(open(temporary, mode, **options)), temporary, place))
                return written[-1][0]

            yield open_output
            for file, *_ in written:
                file.flush()
            for file, temporary, place in written:
                if temporary != place:
                    os.fsync(file.fileno())
                    os.replace(temporary, place)
    except OSError as error:
        if error.errno in CANNOT_WRITE and error.filename is None and written:
            error.filename = str(written[-1][-1])
        raise


@contextmanager
def atomic_open(path: str | Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open one file to write, as `atomic_files` does."""
    with atomic_files() as open_output:
        yield open_output(path, mode)


@contextmanager
def explain_write_errors(place: Path) -> Iterator[None]:
    """Turn a failure to write, or too little memory for DuckDB, into an InputError that names `place`."""
    try:
        yield
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        is_write = error.errno in CANNOT_WRITE if isinstance(error, OSError) else WRITE_FAILED.search(reason)
        if is_write and not isinstance(error, InputError):
            raise InputError(f"{place}: cannot write there ({reason}); make room and run it again") from error
        if NEEDS_MEMORY.search(reason):
            raise InputError(f"{place}: found too little memory ({reason}); expected more: --memory") from error
        raise


@contextmanager
def create_temporary(path: Path, create: Callable[..., None] = Path.mkdir) -> Iterator[Path]:
    """Create a folder or file beside `path`, locked while this process lives, and delete it after the block."""
    with created_folder(path.parent), ExitStack() as stack:
        sweep(path.parent)
        while True:
            temporary = path.with_name(f".{path.name[:40]}{TEMPORARY}{token_hex(4)}{UNFINISHED}")
            create(temporary, exist_ok=False)
            if fcntl:  # Windows opens no folder
                handle = os.open(temporary, os.O_RDONLY)
                stack.callback(os.close, handle)
                with suppress(OSError):  # a file system without locks
                    lock_file(handle)
            stack.callback(remove_tree, temporary)
            if temporary.exists():  # else another process took it for a dead one's, before it was locked
                break
        yield temporary


@contextmanager
def created_folder(path: Path) -> Iterator[None]:
    """Create a folder for the block; folders that are made for it and empty at its end are deleted."""
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for folder in made:
            with suppress(OSError):  # not empty
                folder.rmdir()


def sweep(*folders: Path) -> None:
    """Delete what killed processes have left in folders: temporary files on which nobody has a lock any more."""
    for path in [path for folder in folders for path in folder.glob(f".*{TEMPORARY}*{UNFINISHED}")]:
        with suppress(OSError):  # such as BlockingIOError: its process lives
            handle = os.open(path, os.O_RDONLY)
            try:
                lock_file(handle, waits=False)
                remove_tree(path)
            finally:
                os.close(handle)


def lock_file(file: int | IO[Any], waits: bool = True) -> None:
    """Lock an open file until it is closed, or its process ends; OSError where the system or the file system cannot.

    BlockingIOError where another process has locked it, unless this one waits for that.
    """
    if fcntl is None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    fcntl.flock(file, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)


def check_free(path: str | Path, overwrite: bool = False, advice: str = ", or --overwrite to replace it") -> None:
    """InputError, which ends in `advice`, where a file or folder is at `path` that is not to be overwritten."""
    if not overwrite and (Path(path).is_file() or Path(path).is_dir()):
        raise InputError(f"{path}: found something there already; expected a new name{advice}")


def name_beside(path: Path, suffix: str) -> Path:
    """The path with a suffix behind its name, cut to the 255 bytes of a name; of a device or FIFO the null device."""
    if path.exists() and not path.is_file() and not path.is_dir():
        return Path(os.devnull)
    fits = len(os.fsencode(path.name + suffix)) <= 255
    return path.with_name((path.name if fits else path.name[:55]) + suffix)


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


def write_json(path: str | Path, content: dict[str, Any]) -> None:
    """Write a JSON object to `path`, atomically."""
    write_text(path, json.dumps(content, ensure_ascii=False, allow_nan=False, indent=2) + "\n")


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
    """Yield a new folder beside `path`, which it replaces, its bytes on disk, when the block ends well; see above."""
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: found a file; expected the name of a folder to write")
    with create_temporary(path) as temporary:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                with open(file, "rb") as written:
                    os.fsync(written.fileno())
        remove_tree(path)
        os.replace(temporary, path)


def remove_tree(path: str | Path) -> None:
    """Delete a folder or a file, or nothing. A folder loses its name first, so that no half of it looks whole."""
    path = Path(path)
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
    elif path.name.endswith(UNFINISHED):
        shutil.rmtree(path)
    else:
        with create_temporary(path) as doomed:
            path.rename(doomed / path.name)
