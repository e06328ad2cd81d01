"""Tables: checks of their paths, Arrow tables as CSV, TSV, .xlsx, Parquet or JSON lines, and tables in DuckDB."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from cbpner.base.errors import InputError
from cbpner.base.excel import SIGNS, check_excel, is_for_excel, open_excel
from cbpner.base.store import ROWS_AT_ONCE, Store
from cbpner.formats.fields import dump_row

FLAT_SUFFIXES = (".csv", ".tsv", ".xlsx")  # of tables whose cells hold no lists
TABLE_SUFFIXES = (*FLAT_SUFFIXES, ".parquet", ".jsonl")


def check_outputs(
    outputs: Iterable[tuple[str | Path, Sequence[str]]], inputs: Iterable[str | Path], overwrite: bool = False
) -> list[Path]:
    """Check the (path, suffixes that it may have) of outputs before anything is read.

    Raises:
        InputError: Another suffix; a file that exists, without `overwrite`; one path for two outputs; an output that
            is an input, or JSON lines in a folder of inputs, where they would be read as one.
    """
    found: list[Path] = []
    for output, suffixes in outputs:
        path = Path(output)
        if path.suffix not in suffixes:
            raise InputError(f"{path}: cannot write {path.suffix or 'without a suffix'}; use {', '.join(suffixes)}")
        if path.is_dir() or (path.is_file() and not overwrite):
            raise InputError(f"{path}: exists already; expected a new name, or --overwrite to replace it")
        place = path.resolve()
        if place in [other.resolve() for other in found]:
            raise InputError(f"{path}: found one name for two outputs; expected two")
        for source in map(Path, inputs):
            folder = source.resolve()
            in_folder = source.is_dir() and path.suffix.lower() == ".jsonl" and place.is_relative_to(folder)
            if place == folder or in_folder:
                raise InputError(f"{path}: would be read with the predictions in {source}; expected another folder")
        found.append(path)
    if any(path.suffix == ".xlsx" for path in found):
        check_excel()
    return found


def write_arrow(reader: pa.RecordBatchReader, file: IO[bytes], suffix: str, encoding: str = "utf-8") -> int:
    """Write record batches to an open binary file in the format of a suffix (CSV: and encoding); the number of rows."""
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet

    rows, kind = 0, suffix[1:]
    writer: Any = nullcontext()
    if for_excel := is_for_excel(kind, encoding):
        writer = open_excel(file, kind, reader.schema.names)
    elif kind == "parquet":
        writer = parquet.ParquetWriter(file, reader.schema, compression="zstd")
    elif kind in SIGNS:
        options = arrow_csv.WriteOptions(delimiter=SIGNS[kind], quoting_style="needed")
        writer = arrow_csv.CSVWriter(file, reader.schema, write_options=options)
    with writer as opened:
        for batch in reader:
            if for_excel:
                opened(list(row.values()) for row in batch.to_pylist())
            elif opened:
                opened.write_batch(batch)
            else:
                file.writelines(f"{dump_row(row)}\n".encode() for row in batch.to_pylist())
            rows += batch.num_rows
    return rows


class TableWriter:
    """Creates a table in a store and fills it in batches; `flush` writes the last one."""

    def __init__(self, store: Store, name: str, schema: pa.Schema) -> None:
        self.store, self.name, self.schema = store, name, schema
        self.rows: list[tuple[Any, ...]] = []
        store.run_on(schema.empty_table(), f"CREATE TABLE {name} AS FROM batch")

    def add(self, *row: Any) -> None:
        self.rows.append(row)
        if len(self.rows) == ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        if self.rows:
            columns = zip(zip(*self.rows, strict=True), self.schema.types, strict=True)
            batch = pa.table([pa.array(column, type) for column, type in columns], schema=self.schema)
            self.store.run_on(batch, f"INSERT INTO {self.name} FROM batch")
            self.rows = []
