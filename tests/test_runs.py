"""Run folders: what is written is read back, what is broken is named, nothing finished is overwritten."""

import getpass
import gzip
import json
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbpner.base.errors import InputError
from cbpner.base.files import write_json
from cbpner.runs import environment
from cbpner.runs import folder as runs
from cbpner.text.labels import DEFAULT

TAG_LISTS = st.lists(st.lists(st.sampled_from(DEFAULT.tags), min_size=1, max_size=8), max_size=6)


def make_run(folder, finished=True, text='{"method": "m"}'):
    folder.mkdir(parents=True)
    (folder / runs.CONFIG).write_text(text, encoding="utf-8")
    if finished:
        (folder / runs.METRICS).write_text("{}", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("content", "message"), [(b'{"a": 1,\n"b', ":2: "), (b"[1]", "list"), (b"\xff", "UTF-8"), (None, "cannot read")]
)
def test_broken_json_is_named(tmp_path, content, message):
    if content:
        (tmp_path / runs.METRICS).write_bytes(content)
    with pytest.raises(InputError, match=f"metrics.json.*{message}"):
        runs.read_metrics(tmp_path)


def test_log_grows_by_lines_and_can_be_replaced(tmp_path):
    log = tmp_path / "0" / runs.LOG
    runs.append_log(tmp_path / "0", {"epoch": 1})
    runs.write_log(tmp_path / "0", [{"epoch": 2, "text": "乳腺癌\n"}])
    runs.append_log(tmp_path / "0", {"epoch": 3})
    assert [json.loads(line)["epoch"] for line in log.read_text(encoding="utf-8").splitlines()] == [2, 3]


@given(TAG_LISTS)
@pytest.mark.slow
def test_tags_come_back(tmp_path_factory, tags):
    folder = tmp_path_factory.mktemp("tags") / "predictions"
    for name in ("test.tags", "test.tags.gz"):
        runs.write_tags(folder / name, tags)
        assert runs.read_tags(folder / name) == tags


def test_a_tags_file_is_one_tag_a_line_compressed_the_same_every_time(tmp_path):
    path, tags = runs.tags_path(tmp_path, "dev"), [["B-gene", "I-gene"], ["O"]]
    runs.write_tags(path, tags)
    assert path == tmp_path / "predictions" / "dev.tags.gz"
    assert gzip.decompress(path.read_bytes()) == b"B-gene\nI-gene\n\nO\n"
    assert int.from_bytes(path.read_bytes()[4:8]) == 0  # no time in it
    plain = tmp_path / "predictions" / "dev.tags"
    runs.write_tags(plain, tags)
    assert plain.read_bytes() == b"B-gene\nI-gene\n\nO\n"


@pytest.mark.parametrize(("tags", "message"), [([["O"], []], "sentence 2"), ([["gene"]], "expected O")])
def test_what_a_file_cannot_hold_is_refused_and_leaves_none(tmp_path, tags, message):
    with pytest.raises(ValueError, match=message):
        runs.write_tags(tmp_path / "test.tags", tags)
    with pytest.raises(ValueError):  # a number that JSON lacks
        write_json(tmp_path / runs.METRICS, {"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "content", "message"), [
    ("test.tags", b"O\nB_gene\n", ":2: "), ("test.tags", b"O\n\n\nO\n", ":3: "), ("test.tags", b"\nO\n", ":1: "),
    ("test.tags", b"O\n\n", "at the end"), ("test.tags", "基 O\n".encode(), ":1: "),
    ("dev.tags.gz", b"O\n", "dev.tags.gz"), ("dev.tags.gz", gzip.compress(b"O\n" * 999, mtime=0)[:-12], "dev.tags.gz"),
])  # fmt: skip
def test_broken_tags_name_the_file_or_the_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        runs.read_tags(tmp_path / name)


def test_find_runs_at_three_depths(tmp_path):
    for name in ("10", "2", "0"):
        make_run(tmp_path / "a" / name)
    make_run(tmp_path / "a" / "1", finished=False)
    make_run(tmp_path / "b")
    make_run(tmp_path / "a" / "0" / "model")
    names = ["a/0", "a/2", "a/10", "b"]
    found = runs.find_runs([tmp_path])
    assert [path.relative_to(tmp_path).as_posix() for path in found.finished] == names
    assert found.unfinished == [tmp_path / "a" / "1"]
    assert runs.find_runs([tmp_path / "a"]).finished == [tmp_path / name for name in names[:3]]
    assert runs.find_runs([tmp_path / "b", tmp_path / "b", tmp_path]).finished[0] == tmp_path / "b"
    assert len(runs.find_runs([tmp_path / "b", tmp_path / "b", tmp_path]).finished) == 4
    make_run(tmp_path / "c" / "d" / "e")
    make_run(tmp_path / "b_rerun")
    assert runs.find_runs([tmp_path / "b_rerun"]).finished == [tmp_path / "b_rerun"]
    assert runs.find_runs([tmp_path]) == found and tmp_path / "c/d/e" in runs.find_runs([tmp_path], depth=3).finished


def test_a_model_a_lock_and_leftovers_make_no_run(tmp_path):
    make_run(tmp_path / "model", finished=False, text='{"model_type": "bert"}')
    make_run(tmp_path / "torn", finished=False, text='{"method')
    (tmp_path / "empty").mkdir()
    make_run(tmp_path / "done")
    for name in ("done", "begun"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / runs.LOCK).touch()
        (tmp_path / name / ".model.new.part").mkdir()
        (tmp_path / name / ".model.new.part" / "config.json").write_text("{}")
    assert runs.find_runs([tmp_path]) == ([tmp_path / "done"], [tmp_path / "torn"])
    with pytest.raises(InputError, match="nowhere"):
        runs.find_runs([tmp_path / "nowhere"])


def test_environment_says_what_repeats_a_run_and_not_whose_it_was():
    found = environment.describe_environment()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert set(found["packages"]) == {"cbpner", *environment.PACKAGES}
    assert found["packages"]["seqeval"] == "1.2.2"
    assert found["cpu_count"] >= 1
    text = json.dumps(found)
    checkout = runs.PROJECT
    for private in (socket.gethostname(), str(checkout), str(Path.home()) + "/", f"/{getpass.getuser()}"):
        assert private not in text
    if (checkout / ".git").exists():
        assert len(found["git"]["revision"]) == 40
        assert isinstance(found["git"]["dirty"], bool)


def test_only_what_may_change_the_digits_is_a_difference():
    before = {
        "python": "3.11.7", "packages": {"torch": "2.12.0", "numpy": "2.4.6", "gone": "1"}, "platform": "CP/M",
        "git": {"revision": "a", "dirty": False}, "cpu": "Z80", "cpu_count": 1, "device": "cpu", "precision": "fp32",
        "threads": 1,
    }  # fmt: skip
    now = {
        "python": "3.11.7", "packages": {"torch": "2.13.0", "numpy": "2.4.6", "new": "1"}, "platform": "Linux",
        "git": {"revision": "b", "dirty": False}, "cpu": "6502", "cpu_count": 2, "device": "cuda", "precision": "bf16",
        "threads": 2, "processes": 2,
    }  # fmt: skip
    assert environment.compare_environments(before, now) == [
        "torch: 2.12.0, now 2.13.0", "cpu: Z80, now 6502", "device: cpu, now cuda", "precision: fp32, now bf16",
        "threads: 1, now 2", "git revision: a, now b",
    ]  # fmt: skip
    assert not environment.compare_environments(now, now)
    assert not environment.compare_environments({**now, "git": None}, now)


def test_environment_outside_a_checkout_without_git_or_a_package(monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        patch.setattr("cbpner.__file__", str(tmp_path / "__init__.py"))
        assert environment.describe_environment()["git"] is None
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(environment, "PACKAGES", ("no-such-package-of-ours",))
    found = environment.describe_environment()
    assert found["git"] is None and found["packages"]["no-such-package-of-ours"] is None
