"""Every command from the outside: any bytes in its inputs, odd names, a full disk, narrow encodings of what it prints.

CBPNER_FUZZ=2000 sets the number of cases.
"""

import csv
import datetime
import io
import json
import os
import resource
import shutil
import sys

import pyarrow as pa
import pytest
from conftest import ROOT, make_sentences
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from test_predict_command import put, read_rows

from cbpner.cli import COMMANDS, main
from cbpner.commands import preannotate, predict
from cbpner.prediction.tagger import Tagger
from cbpner.text.characters import is_encodable

pytestmark = pytest.mark.slow
SUFFIXES = ("txt", "jsonl", "json", "csv", "tsv", "parquet", "bio", "TXT")
CASES = int(os.environ.get("CBPNER_FUZZ", 150))


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


def spoil(data, flips, length=None):
    data = bytearray(data)[:length]
    for place, bits in flips if data else ():
        data[place % len(data)] ^= bits
    return bytes(data)


PIECES = [b'{"text": "', b'{"text": "a"}', b'"', b"}", b"[", b"]", b",", b"text,id", b"\n", b"\r", b"\0", b"\xff",
          "甲 O\n".encode(), "甲 B-gene\n".encode(), b"[" * 3000, b"9" * 5000, b"NaN"]  # fmt: skip
ANY_BYTES = st.one_of(
    st.binary(max_size=80),
    st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join),
)
ROWS = [("a", "HER2基因\n😀"), ("b", '"癌",')]
WHOLE = [write_parquet(ROWS), write_csv(ROWS), "".join(json.dumps({"text": text}) + "\n" for _, text in ROWS).encode()]
FLIPS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=3)
DATA = ANY_BYTES | st.builds(spoil, st.sampled_from(WHOLE), FLIPS)

TEXT = "HER2和EGFR在乳腺癌中"
SPANS = [{"start": 0, "end": 4, "label": "gene"}, {"start": 5, "end": 9, "label": "gene"}]
LINES = [(*map(" ".join, zip(each.chars, each.tags, strict=True)), "") for each in make_sentences(6, 0)]
BIO = "".join(f"{line}\n" for lines in LINES for line in lines).encode()
ANNOTATED = [{"id": f"CN{105611940 + n}A", "text": TEXT, "spans": SPANS} for n in range(3)]
TAGGED = "".join(json.dumps(row) + "\n" for row in ANNOTATED).encode()
RECORDS = "".join(
    json.dumps({"publication_number": f"CN-{105611940 + n}-A", "publication_date": 20160525, "text": TEXT * 9 + str(n)})
    + "\n" for n in range(3)
).encode()  # fmt: skip
RUN = {path.name: path.read_bytes() for path in (ROOT / "results/Supervised_Original/0").iterdir() if path.is_file()}
INPUTS = {  # kind: {name: bytes}
    "bio": {"a.bio": BIO}, "documents": {f"{n}/d.bio": BIO + f"\n{n} O\n".encode() for n in range(4)},
    "texts": {"a.txt": TEXT.encode(), "b.jsonl": WHOLE[2], "c.csv": WHOLE[1], "d.parquet": WHOLE[0], "e.bio": BIO},
    "tagged": {"a.jsonl": TAGGED}, "patents": {"a.jsonl": RECORDS, "2016-05-25-CN105611940A-plain.txt": TEXT.encode()},
    "run": RUN, "lexicon": {"a.tsv": "id\tname\nHGNC:3430\t人表皮\n".encode()}, "model": {},
}  # fmt: skip
USES = [  # command, kind of its input (a folder ends in /), flags; {} stands for the output
    ("check", "bio", "--orphans repair -o {}.bio"), ("check", "tagged/", ""), ("convert", "tagged/", "-o {} --to bio"),
    ("convert", "bio", "-o {}.json --to labelstudio"), ("convert", "tagged", "-o {} --to brat"), ("stats", "bio", ""),
    ("stats", "tagged/", "--documents"), ("split", "documents/", "-o {}"), ("folds", "documents/", "-o {}"),
    ("gold", "documents/", "-o {}"), ("patents", "patents/", "-o {} --min-length 1 --threads 1"),
    ("preannotate", "texts/", "-o {}.jsonl"), ("predict", "texts/", "-o {}/"), ("predict", "texts/", "--to csv"),
    ("predict", "texts/", "-o {}.html"), ("predict", "texts/", "-o {} --to brat"), ("rerun", "run/", "-o {}"),
    ("train", "bio", "-o {} --epochs 1 --no-model --encoder ENCODER"), ("ensemble", "run/", "-o {}"),
    ("export", "model/", "--onnx -o {}"), ("table", "run/", "-o {}"), ("evaluate", "run/", "-o {} --resamples 2"),
    ("evaluate", "bio", "BIO -o {} --resamples 2"), ("report", "run/", "-o {}.html --resamples 2"),
    ("curve", "run/", "-o {}"), ("calibrate", "run/", "-o {}.json"), ("app", "model/", "--port 99999"),
    ("entities", "tagged/", "-o {}.csv --mentions {}.parquet"), ("entities", "tagged", "-o {}.tsv --lexicon LEXICON"),
    ("relations", "tagged/", "-o {}.csv -o {}.html --min-support 1"), ("relations", "tagged", "-o {}.svg"),
    ("lexicons", "lexicon", ""), ("predict", "model/", "-o {}.jsonl --model MODEL"),
]  # fmt: skip
NAMES = ("a", "乳 腺\n癌", "\udcff\udcfe", "p%41.jsonl", "'\"<b>&|`$(x)", "癌" * 70, "\u202e\u0085\u2028", "#*?[a]{}")


@pytest.fixture(scope="module")
def tagger(tiny_tagger):
    return Tagger.from_pretrained(tiny_tagger, precision="fp32")


def run_command(words, limit, encoding):
    """(exit code, all that was printed) of a command that may write files of so many bytes."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", streams[0])
        patch.setattr(sys, "stderr", streams[1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard if limit is None else limit, hard))
        try:
            code = main(words)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    for stream in streams:
        stream.flush()
    return code, "".join(stream.buffer.getvalue().decode("utf-8") for stream in streams)


@settings(max_examples=CASES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_command_exits_and_leaves_nothing_half_written(data, tmp_path_factory, tagger, tiny_tagger, tiny_encoder):
    draw = data.draw
    command, kind, flags = draw(st.sampled_from(USES))
    folder, name = tmp_path_factory.mktemp("fuzz"), draw(st.sampled_from(NAMES))
    files = dict(INPUTS[kind.rstrip("/")])
    if kind == "model/":
        files = {path.name: path.read_bytes() for path in tiny_tagger.iterdir() if path.is_file()}
    spoilt = draw(st.sampled_from([*sorted(files), None] if kind != "model/" else ["config.json", "model.safetensors"]))
    if spoilt:
        cut = st.integers(0, len(files[spoilt]) - 1) if kind == "model/" else st.none() | st.integers(0, 300)
        files[spoilt] = draw(DATA | st.builds(spoil, st.just(files[spoilt]), FLIPS, cut))
    for file, content in files.items():
        put(folder, f"{name}/{file}", content)
    source = folder / name if kind.endswith("/") else folder / name / min(files)
    places = {"ENCODER": tiny_encoder, "MODEL": folder / name, "BIO": source, "LEXICON": source}
    words = [str(places.get(word, word)).replace("{}", str(folder / "out" / name)) for word in flags.split()]
    words = [command, *["--from" for _ in "x" if command == "gold"], *["--train" for _ in "x" if command == "train"],
             *["--model" for _ in "x" if command == "app"], str(source), *words]  # fmt: skip
    limit, encoding = draw(st.none() | st.integers(0, 60_000)), draw(st.sampled_from(["utf-8", "ascii", "cp1252"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        if "MODEL" not in flags:
            for module in (predict, preannotate):
                patch.setattr(module, "open_tagger", lambda args, precision=None, device=None: tagger)
        code, printed = run_command(words, limit, encoding)
    assert code in (0, 1, 2) and "Traceback" not in printed, (words, printed)
    assert code != 2 or "error: " in printed
    assert not list((folder / "out").rglob("*.part")), words
    shutil.rmtree(folder)


def test_every_command_is_tried():
    assert {command for command, *_ in USES} == set(COMMANDS)


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
        patch.setattr(predict, "open_tagger", lambda args, precision=None, device=None: tagger)
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
