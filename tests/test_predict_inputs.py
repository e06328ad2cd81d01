"""What prediction reads: ids of every type, names that clash, upper-case suffixes, broken quotes, other encodings."""

import datetime
import io
import json
import sys
import uuid
from decimal import Decimal

import pyarrow as pa
import pytest
from pyarrow import parquet
from test_predict_command import put, read_all, read_rows

from cbpner.base.errors import InputError
from cbpner.cli import main
from cbpner.formats.document import Document
from cbpner.prediction.inputs import Fields, Rejected
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


def test_a_manifest_tells_files_of_one_name_apart(tmp_path, tiny_tagger, monkeypatch):
    for name in ("x", "y"):
        put(tmp_path, f"{name}/a.txt", f"{name}基因")
    monkeypatch.chdir(tmp_path)
    words = ["-o", "out/", "--model", str(tiny_tagger), "--shard-size", "1"]
    assert main(["predict", "x/a.txt", "y/a.txt", *words]) == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [file["id"] for file in manifest["inputs"]] == ["x/a", "y/a"]
    rows = [read_rows(tmp_path / "out" / f"part-0000{n}.jsonl")[0] for n in range(2)]
    assert [(row["id"], row["text"]) for row in rows] == [("x/a", "x基因"), ("y/a", "y基因")]
    assert main(["predict", "y/a.txt", "x/a.txt", *words]) == 2  # other inputs


def test_suffixes_in_upper_case_count(tmp_path):
    for name in ("a.TXT", "b.Jsonl", "c.CSV", "d.BIO"):
        put(tmp_path, name, {"b": '{"text": "甲"}', "c": "text\n甲\n", "d": "甲 O\n"}.get(name[0], "甲"))
    parquet.write_table(pa.table({"text": ["甲"]}), tmp_path / "e.PARQUET")
    assert [(item.id, item.text[:1]) for item in read_all([tmp_path])] == [
        (id, "甲") for id in ("a", "b-1", "c-1", "d", "e-1")
    ]
    assert [item.id for item in read_all([tmp_path], kind="txt")] == ["a"]


# ---- quotes ----


@pytest.mark.parametrize("content, texts", [
    ('text,id\n甲,1\n"乙,2\n丙,3\n', ["甲", Rejected]),
    ('text,id\n甲,1\n"乙,2\n"丙",3\n丁,4\n', ["甲", Rejected, "丁"]),
    ('text,id\n"甲""乙"\n丙\n', ['甲"乙', "丙"]),
    ("text,id\n甲,乙,1\n丙,2,\n", [Rejected, "丙"]),
    ('"text\n甲\n', [Rejected]),
])  # fmt: skip
def test_a_quote_that_is_not_closed_swallows_nothing_silently(tmp_path, content, texts):
    found = read_all([put(tmp_path, "d.csv", content), put(tmp_path, "good.txt", "好")])
    assert [Rejected if isinstance(item, Rejected) else item.text for item in found] == [*texts, "好"]
