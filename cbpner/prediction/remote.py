"""Files named by a URI (`s3://`, `gs://`, `abfs://`, `hdfs://`, `file://`), by Arrow's file systems.

They are copied to this machine one after another, each for as long as it is read. Credentials are found by Arrow as its
file systems document it: environment variables, configuration files, roles.
"""

import re
import shutil
import string
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import quote

from cbpner.base.errors import InputError

URI = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def is_uri(name: str | Path) -> bool:
    return URI.match(str(name)) is not None


def open_system(uri: str) -> tuple[Any, str]:
    """(Arrow's file system, path in it) of a URI, which may be written with spaces and Chinese as they are."""
    from pyarrow import fs

    return fs.FileSystem.from_uri(quote(uri, safe=string.punctuation))


def list_remote(uri: str) -> list[tuple[str, str, str]]:
    """(URI, path from where the listing began, version) of a file, or of all files below a folder, sorted by path.

    version: a checksum of size and time of change. InputError where nothing is there, or it cannot be reached.
    """
    from pyarrow import fs

    try:
        system, path = open_system(uri)
        info = system.get_file_info(path)
        is_folder = info.type == fs.FileType.Directory
        found = system.get_file_info(fs.FileSelector(path, recursive=True)) if is_folder else [info]
    except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError, ArrowIOError an OSError
        reason = str(error).partition("\n")[0]
        raise InputError(f"{uri}: cannot be read ({reason})") from error
    if info.type == fs.FileType.NotFound:
        raise InputError(f"{uri}: no such file or folder; expected text to tag")
    base = PurePosixPath(path) if is_folder else PurePosixPath(path).parent
    names = {PurePosixPath(file.path).relative_to(base).as_posix(): file for file in found if file.is_file}
    place, mark, query = uri.partition("?")
    stem = place.rstrip("/") if is_folder else place.rpartition("/")[0]
    versions = {name: f"{file.size} bytes of {file.mtime_ns}".encode() for name, file in sorted(names.items())}
    places = {name: f"{stem}/{quote(name)}{mark}{query}" if is_folder else uri for name in versions}
    return [(places[name], name, sha256(version).hexdigest()) for name, version in versions.items()]


@contextmanager
def copy_remote(uri: str) -> Iterator[Path]:
    """Yield the path of a local copy, deleted after the block; OSError where the file cannot be read."""
    from pyarrow import ArrowException

    with NamedTemporaryFile(prefix="cbpner.") as file:
        try:
            system, path = open_system(uri)
            with system.open_input_stream(path) as stream:
                shutil.copyfileobj(stream, file, 1 << 20)
        except (ArrowException, ValueError) as error:
            raise OSError(str(error).partition("\n")[0]) from error
        file.flush()
        yield Path(file.name)
