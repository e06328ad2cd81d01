"""Tables for Excel: text stays text, numbers stay numbers, and what a sheet cannot hold is refused."""

import sys

import pyarrow as pa
import pytest

from cbpner.base import excel
from cbpner.base.errors import InputError
from cbpner.biology.tables import write_arrow
from cbpner.formats.rows import read_valid_rows

TEXTS = ["=1+1", "+86", "-甲", "@x", "＝A1", "\t=1", "SEPT9", "MARCH1", "0012", "#N/A", "a\0b"]
NUMBERS = [-0.5, 3, None, float("nan"), True]


def write(path, rows=((*TEXTS, *NUMBERS),)):
    table = pa.table({f"c{number}": list(column) for number, column in enumerate(zip(*rows, strict=True))})
    with open(path, "wb") as file:
        assert write_arrow(table.to_reader(), file, path.suffix, "utf-8-sig") == len(rows)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_csv_has_a_mark_and_an_apostrophe_before_formulas_alone(tmp_path, suffix):
    path = write(tmp_path / f"t{suffix}")
    assert path.read_bytes().startswith(b"\xef\xbb\xbfc0")
    (row,) = read_valid_rows(path)
    expected = [*(f"'{text}" for text in TEXTS[:6]), *TEXTS[6:], "-0.5", "3", "", "nan", "True"]
    assert list(row.values.values()) == expected


def test_xlsx_has_types(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    _, cells = openpyxl.load_workbook(write(tmp_path / "t.xlsx")).active.rows
    assert [cell.value for cell in cells] == [*TEXTS[:-1], "a\ufffdb", -0.5, 3, None, None, True]
    assert {(cell.data_type, cell.number_format) for cell in cells[:11]} == {("s", "@")}


def test_what_no_sheet_holds_is_refused_and_so_is_a_missing_library(tmp_path, monkeypatch):
    pytest.importorskip("openpyxl")
    monkeypatch.setattr(excel, "MOST_ROWS", 3)
    write(tmp_path / "t.xlsx", [["a"]] * 2)
    for rows, found in (([["a"]] * 3, "3 rows"), ([["a" * 32_768]], "32,768")):
        with pytest.raises(InputError, match=found):
            write(tmp_path / "t.xlsx", rows)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(InputError, match=r"cbpner\[xlsx\]"):
        write(tmp_path / "t.xlsx")
