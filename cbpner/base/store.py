"""A DuckDB database and a file of texts, both on disk: tables larger than the memory.

Texts do not go into tables: DuckDB works on vectors of 2,048 rows, and 2,048 whole patents take more memory than a
laptop can spare. They pass through DuckDB in Arrow batches of bounded size, and are kept in one file, end to end.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import duckdb
import pyarrow as pa

from cbpner.base.files import decode_name

ROWS_AT_ONCE = 8192


def read_statements(package: str | None) -> dict[str, str]:
    """{name: SQL} of a package's file statements.sql, in which `-- name: NAME` is above each statement."""
    text = resources.files(package or "").joinpath("statements.sql").read_text(encoding="utf-8")
    _, *parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


class Store:
    """A DuckDB connection and the file of texts in `folder`, an existing one where DuckDB also spills.

    memory_mb: MiB that DuckDB may hold before it spills. threads: of DuckDB; None for all cores.
    """

    def __init__(self, folder: Path, memory_mb: int = 1024, threads: int | None = None):
        self.stack, name = ExitStack(), str(folder.resolve())
        if "?" in name or decode_name(name) != name:  # DuckDB reads options behind the one, and not the other
            folder = Path(self.stack.enter_context(TemporaryDirectory(prefix="cbpner.")))
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{memory_mb}MiB",
            "temp_directory": str(folder / "spilled"),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            **({"threads": threads} if threads else {}),
        }
        self.texts = self.stack.enter_context(open(folder / "texts.bin", "w+b"))
        self.connection = self.stack.enter_context(duckdb.connect(folder / "patents.duckdb", config=config))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and return all rows of its result."""
        return self.connection.execute(sql, list(parameters)).fetchall()

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a statement's result; no other statement may run before the last one is read."""
        self.connection.execute(sql, list(parameters))
        try:
            while rows := self.connection.fetchmany(ROWS_AT_ONCE):
                yield from rows
        finally:
            self.connection.abort()

    def run_on(self, batch: pa.Table, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement in which `batch` is this Arrow table."""
        self.connection.register("batch", batch)
        rows = self.run(sql, parameters)
        self.connection.unregister("batch")  # after an error this would raise another
        return rows

    def add_text(self, *pieces: bytes) -> int:
        """Append pieces of UTF-8 to the file of texts and return their offset there."""
        start = self.texts.seek(0, os.SEEK_END)
        self.texts.writelines(pieces)
        return start

    def read_text(self, start: int, size: int) -> str:
        self.texts.seek(start)
        return self.texts.read(size).decode("utf-8")
