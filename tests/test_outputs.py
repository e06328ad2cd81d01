"""What commands write: nothing of others is lost, nothing half-written stays, links and devices stay what they are."""

import io
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import ROOT, write_bio
from test_predict_command import put, table, tagger  # noqa: F401

from cbpner.base.files import atomic_files, atomic_folder, decode_name, write_text
from cbpner.cli import main
from cbpner.corpora.sources import list_source_files
from cbpner.prediction.sources import open_sources
from cbpner.text.bio import Sentence

pytestmark = pytest.mark.slow  # whole commands

TEXT = "HER2和EGFR在乳腺癌中"
SPANS = [{"start": 0, "end": 4, "label": "gene"}, {"start": 5, "end": 9, "label": "gene"}]
COMMANDS = {
    "check": ["a.bio", "--orphans", "repair"], "convert": ["a.jsonl", "--to", "jsonl"],
    "predict": ["a.txt", "--to", "jsonl"], "preannotate": ["a.txt", "--to", "jsonl"], "entities": ["a.jsonl"],
    "relations": ["a.jsonl", "--min-support", "1"],
}  # fmt: skip


@pytest.fixture
def place(tmp_path, monkeypatch, tagger):  # noqa: F811
    """The working directory, with inputs."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "a.txt", TEXT)
    rows = [{"id": f"CN{number}A", "text": TEXT, "spans": SPANS} for number in range(105611940, 105611943)]
    put(tmp_path, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    write_bio(tmp_path / "a.bio", [Sentence("癌症", ("I-disease", "O"))])
    return tmp_path


def call(command, out, *more):
    return main([command, *COMMANDS[command], "-o", str(out), *more])


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_there_stays_unless_it_is_to_be_overwritten(command, place):
    other = {"predict": "out.jsonl.errors.jsonl", "preannotate": "out.jsonl.errors.jsonl"}.get(command, "out.jsonl")
    for name in {"out.jsonl", other}:
        put(place, name, "precious")
        assert call(command, "out.jsonl") == 2 and (place / name).read_text() == "precious"
        assert {path.name for path in place.iterdir()} == {"a.txt", "a.jsonl", "a.bio", name}
        assert call(command, "out.jsonl", "--overwrite") == 0 and (place / "out.jsonl").read_text() != "precious"
        for path in place.glob("out*"):
            path.unlink()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_link_stays_and_a_fifo_is_written_to(command, place):
    put(place, "target", "old")
    os.symlink("target", "out.jsonl")
    assert call(command, "out.jsonl", "--overwrite") == 0
    assert os.readlink("out.jsonl") == "target" and (expected := (place / "target").read_bytes()) != b"old"
    os.mkfifo("fifo.jsonl")
    found = []
    reader = threading.Thread(target=lambda: found.append(Path("fifo.jsonl").read_bytes()), daemon=True)
    reader.start()
    assert call(command, "fifo.jsonl") == 0
    reader.join(10)
    assert found == [expected] and stat.S_ISFIFO(os.stat("fifo.jsonl").st_mode)


@pytest.mark.parametrize("limit", [0, 8, 20_000])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_is_a_message_and_leaves_nothing(command, limit, place, capsys):
    """A limit on the size of files stands for it."""
    hard, before = resource.getrlimit(resource.RLIMIT_FSIZE)[1], sorted(os.listdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        code = call(command, "new/deep/out.jsonl")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert code == (2 if limit < 1000 else 0)
    assert (sorted(os.listdir()) == before and "out.jsonl" in capsys.readouterr().err) or code == 0


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("words", [
    ["help"], ["help", "predict"], ["lexicons"], ["stats", "a.jsonl"], ["check", "a.bio"],
    ["predict", "a.txt", "--to", "jsonl"], ["predict", "\udcff乳.txt"], ["check", "\udcff乳.bio"],
], ids=ascii)  # fmt: skip
def test_output_is_utf8_whatever_the_locale(words, encoding, place, monkeypatch):
    streams = {name: io.TextIOWrapper(io.BytesIO(), encoding=encoding) for name in ("stdout", "stderr")}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    try:
        code = main(words)
    except SystemExit as end:
        code = end.code
    streams["stderr"].flush()
    out, err = (stream.buffer.getvalue().decode("utf-8") for stream in streams.values())
    assert code == (2 if "\udcff" in words[-1] or words[-1] == "a.bio" else 0) and out + err
    assert "乳" in out + err or words[0] in ("help", "lexicons", "stats", "check")


def test_a_full_standard_output_is_a_message(place):
    for words in (["check", "a.jsonl"], ["--help"], ["predict", "--help"]):
        with open("/dev/full", "w") as full:
            command, environment = [sys.executable, "-m", "cbpner", *words], os.environ | {"PYTHONPATH": str(ROOT)}
            done = subprocess.run(command, stdout=full, stderr=-1, text=True, cwd=place, env=environment)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


KILLED = """
from pathlib import Path
from cbpner.base.files import atomic_folder, atomic_open, create_temporary
with atomic_open("a") as file, atomic_folder("b"), create_temporary(Path("c")):
    print("ready", flush=True)
    input()
"""


def test_what_a_killed_process_left_goes_with_the_next_output_there(tmp_path):
    put(tmp_path, ".foreign.part", "")
    child = subprocess.Popen([sys.executable, "-c", KILLED], stdin=-1, stdout=-1, cwd=tmp_path,
                             env=os.environ | {"PYTHONPATH": str(ROOT)})  # fmt: skip
    assert child.stdout.readline() == b"ready\n" and len(os.listdir(tmp_path)) == 4
    write_text(tmp_path / "new", "")
    assert len(os.listdir(tmp_path)) == 5  # it lives
    child.send_signal(signal.SIGKILL)
    child.wait()
    write_text(tmp_path / "new", "")
    assert sorted(os.listdir(tmp_path)) == [".foreign.part", "new"]


def test_files_appear_together_or_not_at_all(tmp_path):
    with pytest.raises(KeyError), atomic_files() as open_output:
        open_output(tmp_path / "a" / "b").write("x")
        raise KeyError
    with pytest.raises(OSError), atomic_files() as open_output:
        open_output(tmp_path / "a" / "b").write("x")
        open_output("/dev/full").write("x" * 10**6)
    assert not os.listdir(tmp_path)
    with atomic_folder(tmp_path / "folder") as folder:
        write_text(folder / ("癌" * 84), "")  # 252 bytes
    os.symlink("folder", tmp_path / "link")
    with atomic_folder(tmp_path / "link"):
        pass
    assert (tmp_path / "link").is_symlink() and not os.listdir(tmp_path / "folder")


def test_names_of_files_that_are_not_utf8_stay_different(tmp_path):
    names = [b"\xff.txt", b"\xfe.txt"]
    for name in names:
        put(tmp_path, os.fsdecode(name), TEXT)
    with open_sources([tmp_path]) as sources:
        assert {source.id for source in sources} == {decode_name(os.fsdecode(name[:1])) for name in names}
    os.symlink("nowhere", tmp_path / "broken.txt")
    os.mkfifo(tmp_path / "fifo.txt")
    files, faults = list_source_files(tmp_path)
    assert len(files) == 2 and {Path(fault.path).name for fault in faults} == {"broken.txt", "fifo.txt"}


@pytest.mark.parametrize("number", [-1, 10**9, None, "1", [1], 1.5])
def test_events_that_the_page_does_not_have_are_refused(number, tmp_path):
    pytest.importorskip("starlette")
    from starlette.exceptions import HTTPException

    from cbpner.app.request_guard import check_values

    check_values(json.dumps({"data": [], "fn_index": 1}).encode(), tmp_path, (), {0, 1})
    with pytest.raises(HTTPException) as error:
        check_values(json.dumps({"data": [], "fn_index": number}).encode(), tmp_path, (), {0, 1})
    assert error.value.status_code == 422
