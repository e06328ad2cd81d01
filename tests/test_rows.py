"""The one reader of rows: kinds of files, bad rows in their places, tables of unknown separator; CSV written."""

import gzip

import pytest
from patent_data import put

from cbpner.base.errors import Fault, InputError
from cbpner.base.tables import format_csv, format_markdown
from cbpner.formats import rows
from cbpner.formats.rows import read_cells, read_rows, read_valid_rows

ROWS = [{"id": "1", "text": "甲"}, {"id": "2", "text": "乙\n丙"}]


@pytest.mark.parametrize(("name", "data"), [
    ("a.jsonl", '\ufeff{"id": "1", "text": "甲"}\n\n{"id": "2", "text": "乙\\n丙"}\n'),
    ("a.json", '[{"id": "1", "text": "甲"}, {"id": "2", "text": "乙\\n丙"}]'),
    ("a.CSV", '\ufeffid,text\n1,甲\n\n2,"乙\n丙"\n'),
    ("a.tsv", 'id\ttext\r\n1\t甲\r\n2\t"乙\n丙"\r\n'),
    ("a.csv.gz", gzip.compress('id,text\n1,甲\n2,"乙\n丙"\n'.encode(), mtime=0)),
])  # fmt: skip
def test_every_kind_of_file_has_the_same_rows(tmp_path, name, data):
    rows = list(read_valid_rows(put(tmp_path, name, data), required=["text"]))
    assert [row.values for row in rows] == ROWS
    assert [row.number for row in rows] == ([1, 3] if name == "a.jsonl" else [1, 2])


@pytest.mark.parametrize(("name", "data", "places"), [
    ("a.jsonl", b'{"id": 1}\n[1]\n{\n\xff\n{"id": 2}\n', [None, 2, 3, 4, None]),
    ("a.jsonl", b'{"id": ' + b"9" * 5000 + b"}\n" + b'{"a": ' * 100_000, [1, 2]),
    ("a.jsonl", b'{\n  "id": "x"\n}', [1]), ("a.json", b'[{"id": 1}, 7]', [None, 0]),
    ("a.json", b'[{"id": 1}', [1]), ("a.json", b"[" * 100_000, [0]), ("a.json", b'["\xff"]', [0]),
    ("a.csv", b'id\n1\n1,2\n\xff\n3\n"x"y\n', [None, 2, 3, None, 5]), ("a.csv", "text\n甲\n", [0]),
    ("a.csv", '"id\n1\n', [0]), ("a.parquet", b"PAR1", [0]),
    ("a.jsonl.gz", gzip.compress(b'{"id": 1}\n' * 9, mtime=0)[:-9], [1]),
])  # fmt: skip
def test_bad_rows_are_faults_in_their_places(tmp_path, name, data, places):
    path = put(tmp_path, name, data)
    found = list(read_rows(path, required=["id"]))
    assert [row.line if isinstance(row, Fault) else None for row in found] == places
    with pytest.raises(InputError, match=name):
        list(read_valid_rows(path, required=["id"]))


def test_a_line_that_is_too_long_is_one_fault(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "LONGEST_LINE", 20)
    path = put(tmp_path, "a.jsonl", '{"id": 1}\n{"id": "%s"}\n{"id": 2}\n' % ("x" * 70))
    assert [isinstance(row, Fault) for row in read_rows(path)] == [False, True, False]


@pytest.mark.parametrize("sign", ["\t", ",", " "])
def test_cells_of_a_table_of_unknown_separator(tmp_path, sign):
    path = put(tmp_path, "a.txt", f'# note\n\na{sign}"b"\nc{sign}d\n')
    assert list(read_cells(path, comment="#")) == [(3, ["a", "b"]), (4, ["c", "d"])]
    assert list(read_cells(path, comment="#", quoted=False))[0][1] == ["a", "b" if sign == "," else '"b"']


def test_written_csv_is_read_again(tmp_path):
    rows = [["id", "text"], ["1", 'a"b,c'], ["2", "d\re\nf"], ["", ""]]
    text = format_csv(rows)
    assert text.startswith("id,text\n") and '"d\re\nf"' in text
    path = put(tmp_path, "a.csv", text)
    assert [list(row.values.values()) for row in read_rows(path)] == rows[1:]


@pytest.mark.parametrize(
    "cell, shown", [("x|y", r"x\|y"), ("x\\|y", r"x\\\|y"), ("x\ry", "x y "), ("x\n\ny", "x  y"), (r"C:\d", r"C:\d")]
)
def test_markdown_is_padded_and_escaped(cell, shown):
    """As GitHub reads it: a backslash before a bar is written twice."""
    lines = format_markdown(["a", "bc"], [[cell, 1]]).split("\n")
    width = max(3, len(shown.strip()))
    assert lines == [f"| {'a':{width}} |  bc |", f"| {'-' * width} | --: |", f"| {shown.strip():{width}} |   1 |"]
