"""What prediction reads: ids of every type, names that clash."""

import datetime
import io
import json
import os
import sys
import uuid
from decimal import Decimal
from hashlib import sha256

import pyarrow as pa
import pytest
from pyarrow import parquet
from test_predict_command import put, read_all

from cbpner.base.errors import InputError
from cbpner.formats.document import Document
from cbpner.prediction.inputs import Fields, Rejected, read_sources
from cbpner.prediction.sources import open_sources

MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5)
UUID = uuid.UUID(int=7)
IDS = {  # a column's only value: (its type, the id, or None where it is none)
    "text": (["x"], pa.string(), "x"),
    "a dictionary": (["x"], pa.dictionary(pa.int8(), pa.string()), "x"),
    "large": ([2**63], pa.uint64(), str(2**63)),
    "bytes": ([b"x"], pa.binary(), None),
    "a number": ([1.5], pa.float64(), None),
    "nothing": ([None], pa.null(), None),
    "a day": ([MOMENT.date()], pa.date32(), "2020-01-02"),
    "a moment": ([MOMENT], pa.timestamp("us"), "2020-01-02T03:04:05"),
    "a moment of a zone": ([MOMENT], pa.timestamp("s", "UTC"), "2020-01-02T03:04:05+00:00"),
    "a moment beyond Python's": ([2**60], pa.timestamp("us"), None),
    "a time": ([MOMENT.time()], pa.time64("us"), None),
    "a whole decimal": ([Decimal("12.0")], pa.decimal128(5, 1), "12"),
    "a UUID": ([UUID.bytes], pa.uuid(), str(UUID)),
    "a list": ([[b"x"]], pa.list_(pa.binary()), None),
    "a struct": ([{"a": b"x", "b": MOMENT}], pa.struct({"a": pa.binary(), "b": pa.timestamp("s")}), None),
}  # fmt: skip


@pytest.mark.parametrize("name", IDS)
def test_an_id_of_any_type_is_text_or_a_bad_document(tmp_path, name):
    values, kind, id = IDS[name]
    table = pa.table({"text": ["基因", "癌"], "id": pa.array([*values, None], kind)})
    parquet.write_table(table, tmp_path / "d.parquet")
    first, second = read_all([tmp_path / "d.parquet"], Fields(id="id"))
    assert isinstance(second, Rejected) and "null as an id" in second.reason or "read" in second.reason
    if id is None:
        assert first.source.endswith("d.parquet:1") and "found" in first.reason and "expected text" in first.reason
    else:
        assert first == Document(id, "基因")


# ---- names ----


def test_ids_that_rows_give_stay_as_they_are(tmp_path, capsys):
    rows = put(tmp_path, "a.jsonl", '{"id": "a-7", "text": "甲"}\n{"id": "a-7", "text": "乙"}\n{"text": "丙"}\n')
    found = read_all([rows, put(tmp_path, "a-3.txt", "丁")])
    assert [document.id for document in found] == ["a-7", "a-7", "a-3", "a-3-2"]
    assert "the first of 1 document(s)" in capsys.readouterr().err


@pytest.mark.parametrize("title, meta", [
    ("x", {"title": "x", "lang": "zh"}), ("y", {"title": "x", "meta": {"title": "y", "lang": "zh"}}),
])  # fmt: skip
def test_metadata_beside_metadata_are_kept(tmp_path, title, meta):
    row = {"id": "a", "text": "甲", "title": "x", "meta": {"title": title, "lang": "zh"}}
    assert read_all([put(tmp_path, "a.jsonl", json.dumps(row))])[0].meta == meta


def test_a_pipe_is_read_once(tmp_path):
    read, write = os.pipe()
    os.write(write, "基因".encode())
    os.close(write)
    with open_sources([f"/dev/fd/{read}"], "txt") as (source,):
        assert [source.checksum(), source.checksum()] == [sha256("基因".encode()).hexdigest()] * 2
        assert [document.text for document in read_sources([source])] == ["基因"]
    os.close(read)


def list_ids(*paths, kind=None):
    with open_sources(paths, kind) as sources:
        return [source.id for source in sources]


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path, monkeypatch):
    for name in ("x/a.txt", "y/a.txt", "y/x/a.txt", "x/b.txt", "x/a.bio", "x/stdin.txt"):
        put(tmp_path, name, "甲")
    monkeypatch.chdir(tmp_path)
    assert list_ids("x/a.txt", "y/a.txt") == ["x/a", "y/a"]
    assert list_ids("x/a.txt", "x/b.txt") == ["a", "b"]
    assert list_ids("x/a.txt", tmp_path / "y" / "x" / "a.txt") == ["x/a", "y/x/a"]
    assert list_ids("x", "y", kind="txt") == ["x/a", "b", "stdin", "y/a", "y/x/a"]  # x/a was the name of another
    files = [f"file://{tmp_path}/{name}/a.txt" for name in "xy"]
    assert list_ids(*files) == ["x/a", "y/a"]
    assert list_ids("x/a.txt", files[1]) == [f"{tmp_path}/x/a"[1:], files[1][:-4]]
    monkeypatch.chdir(tmp_path / "x")
    assert list_ids("a.txt", "../y/a.txt") == ["x/a", "y/a"]


def test_files_of_one_folder_are_told_apart_by_their_suffixes(tmp_path, monkeypatch):
    for name in ("x/a.txt", "x/a.bio", "x/a.TXT", "x/stdin.txt", "y/a.txt"):
        put(tmp_path, name, "甲")
    monkeypatch.chdir(tmp_path)
    assert list_ids("x/a.txt", "x/a.bio") == ["a.txt", "a.bio"]
    assert list_ids("x") == ["a.TXT", "a.bio", "a.txt", "stdin"]
    assert list_ids("x/a.txt", "x/a.bio", "y/a.txt") == ["x/a.txt", "x/a.bio", "y/a"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("甲".encode())))
    assert list_ids("-", "x/stdin.txt") == ["-", "stdin"]


def test_a_file_that_is_named_twice_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(put(tmp_path, "x/a.txt", "甲").parent)
    for words in (("a.txt", "a.txt"), (".", "a.txt"), ("a.txt", str(tmp_path / "x" / "a.txt"))):
        with pytest.raises(InputError, match="a.txt twice"):
            list_ids(*words)
    put(tmp_path, "x/b/c.txt", "甲")
    put(tmp_path, "x/b%2Fc.txt", "甲")
    assert list_ids(".") == ["a", "b/c", "b%2Fc"]
