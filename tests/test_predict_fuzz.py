"""`cbpner predict` from the outside: any bytes as files of any kind; texts of lengths at which something changes."""

import csv
import datetime
import io
import json

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from test_predict_command import put, read_rows

from cbpner.cli import main
from cbpner.commands import predict as command
from cbpner.prediction.tagger import Tagger
from cbpner.text.characters import is_encodable

SUFFIXES = ("txt", "jsonl", "json", "csv", "tsv", "parquet", "bio", "TXT")


def write_parquet(rows):
    """With columns of several types, in two groups of rows."""
    days = pa.array([datetime.date(2020, 1, 2), *[None] * (len(rows) - 1)])
    columns = {"id": [id for id, _ in rows], "text": [text for _, text in rows], "n": [1.5] * len(rows), "day": days}
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns), buffer, row_group_size=1)
    return buffer.getvalue()


def write_csv(rows):
    buffer = io.StringIO()
    csv.writer(buffer).writerows([("id", "text"), *rows])
    return buffer.getvalue().encode()


def spoil(data, flips):
    data = bytearray(data)
    for place, bits in flips:
        data[place % len(data)] ^= bits
    return bytes(data)


PIECES = [b'{"text": "', b'{"text": "a"}', b'"', b"}", b"[", b"]", b",", b"text,id", b"\n", b"\r", b"\0", b"\xff",
          "甲 O\n".encode()]  # fmt: skip
ANY_BYTES = st.one_of(
    st.binary(max_size=80),
    st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join),
)
ROWS = [("a", "HER2基因\n😀"), ("b", '"癌",')]
WHOLE = [write_parquet(ROWS), write_csv(ROWS), "".join(json.dumps({"text": text}) + "\n" for _, text in ROWS).encode()]
FLIPS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=3)
DATA = ANY_BYTES | st.builds(spoil, st.sampled_from(WHOLE), FLIPS)


@pytest.fixture(scope="module")
def tagger(tiny_tagger):
    return Tagger.from_pretrained(tiny_tagger, precision="fp32")


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.lists(st.tuples(st.sampled_from(SUFFIXES), DATA), min_size=1, max_size=4),
    target=st.sampled_from(["o.jsonl", "o.csv", "o.html", "o.bio", "o.parquet", "o/", "o/ --to brat"]),
)
def test_any_bytes_end_in_an_output_and_a_list_of_errors(tmp_path_factory, tagger, files, target):
    """Nothing crashes, what is written can be read, and exit code and list of errors agree."""
    folder = tmp_path_factory.mktemp("fuzz")
    for number, (suffix, data) in enumerate(files):
        put(folder, f"in/{number}.{suffix}", data)
    name, *more = target.split()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "open_tagger", lambda args, precision=None, device=None: tagger)
        code = main(["predict", str(folder / "in"), "-o", f"{folder / name}{'/' * name.endswith('/')}", *more])
    assert code in (0, 1)
    errors = folder / ("o/errors.jsonl" if name == "o/" else f"{name}.errors.jsonl")
    assert errors.exists() == (code == 1)
    assert all(error["source"] and error["reason"] for error in (read_rows(errors) if code else []))
    for path in [folder / name] if name == "o.jsonl" else (folder / "o").glob("part-*.jsonl"):
        for line in path.read_bytes().decode("utf-8").split("\n")[:-1]:
            row = json.loads(line, parse_constant=lambda name: pytest.fail(name))
            assert is_encodable(row["text"])
            if row["id"].isdigit() and files[int(row["id"])][0].lower() == "txt":
                assert row["text"].encode("utf-8") == files[int(row["id"])][1]
            for span in row["spans"]:
                assert row["text"][span["start"] : span["end"]] == span["text"] != ""


BORDERS = [0, 1, 2, 126, 127, 128, 498, 500, 501, 510, 511, 512, 513, 16385]


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["HER2基因与癌", "😀基因。\n"], ids=repr)
def test_texts_of_any_length_are_tagged_whole(tagger, unit):
    """Also lines without a sentence's end, which are cut into windows."""
    texts = [(unit * (length // len(unit) + 1))[:length] for length in BORDERS]
    for text, spans in zip(texts, tagger.tag_many(texts), strict=True):
        ends = [0, *(span.end for span in spans)]
        assert all(end <= span.start < span.end <= len(text) for end, span in zip(ends, spans, strict=False))
        assert all(text[span.start : span.end] == span.text for span in spans)
        assert spans or len(text) < 500
        pieces = [text[start:end] for start, end in tagger.find_sentences(text)]  # white space alone is in none
        assert "".join("".join(pieces).split()) == "".join(text.split())
