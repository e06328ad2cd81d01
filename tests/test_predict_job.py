"""Jobs in a folder of shards: killed at any moment, the same command gives what an unbroken one gives."""

import itertools
import json
import multiprocessing
import os
import signal
from contextlib import redirect_stderr
from hashlib import sha256
from io import StringIO

import pytest
from patent_data import put, read_folder
from shell import after, before, die, nth

from cbpner.base.process import INTERRUPTED
from cbpner.cli import main
from cbpner.formats.registry import read_documents
from cbpner.prediction import job
from cbpner.runs.lifecycle import lock_run

TEXTS = ["HER2阳性乳腺癌。", "基因突变", "", "BRCA1与基因，蛋白。\n人类基因", "一种方法", "甲乙丙丁", "检测方法"]
SHARD = 3
DOCUMENTS = 6  # of nine, of which three cannot be tagged


def write_inputs(folder):
    """Nine inputs: seven texts, of which one cannot be named in brat and so on, and two that are none."""
    rows = [json.dumps({"id": f"d{number}", "text": text}) for number, text in enumerate(TEXTS)]
    rows[5] = json.dumps({"id": "d5", "text": "\ud800"})
    folder.mkdir()
    (folder / "a.jsonl").write_bytes("\n".join([*rows[:2], "{", *rows[2:]]).encode() + b"\n")
    (folder / "b.txt").write_bytes(b"\xff")
    (folder.parent / "terms.tsv").write_text("基因\tnone\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return write_inputs(tmp_path_factory.mktemp("job") / "in")


def predict(model, inputs, output, *more):
    words = [inputs, "-o", f"{output}/", "--model", model, "--precision", "fp32", "--shard-size", SHARD, *more]
    return ["predict", *map(str, words)]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, inputs, tiny_tagger):
    """{format: the files of a job that was not killed}"""
    found = {}
    for kind in ("jsonl", "brat", "parquet", "bio"):
        folder = tmp_path_factory.mktemp("unbroken") / kind
        assert main(predict(tiny_tagger, inputs, folder, "--to", kind)) == 1
        found[kind] = read_folder(folder)
    return found


# ---- what a job writes ----


def test_a_job_writes_shards_errors_and_a_manifest(unbroken, inputs, tiny_tagger):
    files = unbroken["jsonl"]
    assert sorted(files) == ["errors.jsonl", "manifest.json", *(f"part-0000{n}.jsonl" for n in range(3))]
    rows = [json.loads(line) for name in sorted(files) if name.startswith("part") for line in files[name].splitlines()]
    assert [(row["id"], row["text"]) for row in rows] == [(f"d{n}", TEXTS[n]) for n in range(7) if n != 5]
    errors = [json.loads(line) for line in files["errors.jsonl"].splitlines()]
    assert [error["source"].rpartition("/")[2] for error in errors] == ["a.jsonl:3", "a.jsonl:7", "b.txt"]
    manifest = json.loads(files["manifest.json"])
    shards = manifest["shards"]
    assert [shard["items"] for shard in shards] == [3, 3, 3] and [shard["errors"] for shard in shards] == [1, 0, 2]
    assert [shard["sha256"] for shard in shards] == [sha256(files[shard["name"]]).hexdigest() for shard in shards]
    assert [file["sha256"] for file in manifest["inputs"]] == [
        sha256((inputs / name).read_bytes()).hexdigest() for name in ("a.jsonl", "b.txt")
    ]
    spans = sum(len(row["spans"]) for row in rows)
    assert manifest["totals"] == {"documents": 6, "characters": 39, "spans": spans, "errors": 3} and spans
    weights = sha256((tiny_tagger / "model.safetensors").read_bytes()).hexdigest()
    assert manifest["settings"]["model"]["model.safetensors"] == weights


@pytest.mark.parametrize("kind", ["jsonl", "bio", "brat"])
def test_a_jobs_folder_is_read_as_its_documents(unbroken, tmp_path, kind):
    for name, content in unbroken[kind].items():
        put(tmp_path, name, content)
    assert len(list(read_documents([tmp_path]))) == DOCUMENTS


def test_an_unfinished_job_is_not_read(unbroken, tmp_path, refuse):
    for name, content in unbroken["jsonl"].items():
        put(tmp_path / "job", name.replace(job.MANIFEST, job.PROGRESS), content)
    assert "found an unfinished job" in refuse("convert", tmp_path / "job", "-o", tmp_path / "x.bio")


def test_a_finished_job_is_left_as_it_is(tmp_path, inputs, tiny_tagger, capsys):
    assert main(predict(tiny_tagger, inputs, tmp_path / "out")) == 1
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert main(predict(tiny_tagger, inputs, tmp_path / "out")) == 1
    assert "finished already, 3 errors" in capsys.readouterr().err
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert main(predict(tiny_tagger, inputs, tmp_path / "out", "--overwrite")) == 1
    assert (tmp_path / "out" / "manifest.json").stat().st_mtime_ns > times[tmp_path / "out" / "manifest.json"]


# ---- killed ----


def half_a_line(call, args):
    """The line of a finished shard is not written to its end."""
    call()
    path = args[0].folder / job.PROGRESS
    os.truncate(path, path.stat().st_size - 9)
    die()


# moment: (format, owner of the function, its name, the call at which, how, shards that stay as they are)
MOMENTS = {
    "before there is anything": ("jsonl", job, "write_text", 1, before, 0),
    "in the first shard": ("jsonl", job.Reporter, "add", 2, after, 0),
    "in the second shard": ("parquet", job.Reporter, "add", 4, before, 1),
    "the second shard is whole but has not its name": ("jsonl", os, "replace", 3, before, 1),
    "the second shard has its name but is not noted": ("jsonl", job.JobState, "add", 2, before, 1),
    "a folder has its name but is not noted": ("brat", job.JobState, "add", 1, before, 0),
    "the second shard is noted by half": ("jsonl", job.JobState, "add", 2, half_a_line, 1),
    "before the manifest": ("brat", job, "write_text", 3, before, 3),
    "behind the manifest": ("jsonl", job, "write_text", 3, after, 3),
}  # fmt: skip


def run_and_die(moment, *args):
    """What happens in the child process."""
    kind, owner, name, number, how, _ = MOMENTS[moment]
    original, is_now = getattr(owner, name), nth(number)

    def mortal(*args, **kwargs):
        call = lambda: original(*args, **kwargs)  # noqa: E731
        return how(call, args) if is_now(args) else call()

    setattr(owner, name, mortal)
    with redirect_stderr(StringIO()):
        os._exit(main(predict(*args, "--to", kind)))


@pytest.fixture(scope="module")
def server():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "cbpner.cli", "cbpner.prediction.job", "cbpner.prediction.torch_backend"])
    return context


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_job_resumes_to_the_same_bytes(tmp_path, server, unbroken, inputs, tiny_tagger, moment, capsys):
    kind, *_, kept = MOMENTS[moment]
    folder = tmp_path / "out"
    child = server.Process(target=run_and_die, args=(moment, tiny_tagger, inputs, folder))
    child.start()
    child.join(120)
    assert child.exitcode == -signal.SIGKILL
    assert ("manifest.json" in read_folder(folder)) == (moment == "behind the manifest")
    parts = sorted(folder.glob("part-*"))[:kept]
    times = [path.stat().st_mtime_ns for path in parts]
    assert len(parts) == kept
    assert main(predict(tiny_tagger, inputs, folder, "--to", kind)) == 1
    assert read_folder(folder) == unbroken[kind]
    assert [path.stat().st_mtime_ns for path in parts] == times
    assert (f"resumes behind {kept} shards" in capsys.readouterr().err) == (kept > 0 and "behind the m" not in moment)


def test_ctrl_c_is_one_line_and_the_same_command_resumes(tmp_path, inputs, tiny_tagger, unbroken, monkeypatch, capsys):
    begin(tiny_tagger, inputs, tmp_path / "out", monkeypatch)
    told = capsys.readouterr()
    assert told.err.splitlines()[-1].startswith("interrupted")
    assert "Traceback" not in told.err
    assert main(predict(tiny_tagger, inputs, tmp_path / "out")) == 1
    assert read_folder(tmp_path / "out") == unbroken["jsonl"]


# ---- not to be gone on with ----


def begin(model, inputs, folder, monkeypatch):
    """A job that breaks off behind its first shard."""
    with monkeypatch.context() as patch:
        calls, add = itertools.count(1), job.JobState.add

        def fail(progress, shard):
            if next(calls) == 2:
                raise KeyboardInterrupt
            add(progress, shard)

        patch.setattr(job.JobState, "add", fail)
        assert main(predict(model, inputs, folder)) == INTERRUPTED


@pytest.mark.parametrize("flags, message", [
    (["--min-score", "0.3"], "min_score: 0.0, now 0.3"), (["--shard-size", "2"], "shard_size: 3, now 2"),
    (["--decoder", "greedy"], "decision: "), (["--to", "csv"], "format: 'jsonl', now 'csv'"),
    (["--text-field", "body"], "fields: "), (["--terms", "IN/../terms.tsv"], "terms: None, now '"),
])  # fmt: skip
def test_other_settings_are_refused(tmp_path, inputs, tiny_tagger, monkeypatch, refuse, flags, message):
    flags = [flag.replace("IN", str(inputs)) for flag in flags]
    begin(tiny_tagger, inputs, tmp_path / "out", monkeypatch)
    files = read_folder(tmp_path / "out")
    assert sorted(files) == ["part-00000.jsonl", "part-00001.jsonl", "progress.jsonl"]
    assert message in refuse(*predict(tiny_tagger, inputs, tmp_path / "out", *flags))
    assert read_folder(tmp_path / "out") == files
    assert main(predict(tiny_tagger, inputs, tmp_path / "out", *flags, "--overwrite")) == 1
    assert "manifest.json" in read_folder(tmp_path / "out")


def test_other_inputs_are_refused(tmp_path, tiny_tagger, monkeypatch, refuse):
    inputs = write_inputs(tmp_path / "in")
    begin(tiny_tagger, inputs, tmp_path / "out", monkeypatch)
    (inputs / "c.txt").write_text("甲", encoding="utf-8")
    assert "3 c: None" in refuse(*predict(tiny_tagger, inputs, tmp_path / "out"))
    (inputs / "c.txt").unlink()
    (inputs / "b.txt").write_text("甲", encoding="utf-8")
    assert "2 b: 'txt " in refuse(*predict(tiny_tagger, inputs, tmp_path / "out"))
    (inputs / "b.txt").write_bytes(b"\xff")
    inputs.rename(tmp_path / "elsewhere")
    assert main(predict(tiny_tagger, tmp_path / "elsewhere", tmp_path / "out")) == 1


def test_other_folders_are_left_alone(tmp_path, inputs, tiny_tagger, refuse):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("甲", encoding="utf-8")
    for flags in ([], ["--overwrite"]):
        assert "mine.txt" in refuse(*predict(tiny_tagger, inputs, tmp_path / "out", *flags))
    assert list(read_folder(tmp_path / "out")) == ["mine.txt"]
    (tmp_path / "out" / "mine.txt").rename(tmp_path / "out" / "part-00000.parquet")
    assert main(predict(tiny_tagger, inputs, tmp_path / "out", "--overwrite")) == 2
    assert list(read_folder(tmp_path / "out")) == ["part-00000.parquet"]
    (tmp_path / "out" / "progress.jsonl").write_text("nothing\n")
    assert "progress.jsonl" in refuse(*predict(tiny_tagger, inputs, tmp_path / "out"))


def test_a_job_that_was_half_deleted_can_be_overwritten(tmp_path, inputs, tiny_tagger, unbroken, monkeypatch, refuse):
    assert main(predict(tiny_tagger, inputs, tmp_path / "out")) == 1
    with monkeypatch.context() as patch:
        patch.setattr(job, "remove_tree", lambda path: path.unlink() if path.name == "manifest.json" else 1 / 0)
        with pytest.raises(ZeroDivisionError):
            main(predict(tiny_tagger, inputs, tmp_path / "out", "--overwrite"))
    assert "--overwrite" in refuse(*predict(tiny_tagger, inputs, tmp_path / "out"))
    assert main(predict(tiny_tagger, inputs, tmp_path / "out", "--overwrite")) == 1
    assert read_folder(tmp_path / "out") == unbroken["jsonl"]


def test_a_shard_that_is_gone_is_missed(tmp_path, inputs, tiny_tagger, monkeypatch, refuse):
    begin(tiny_tagger, inputs, tmp_path / "out", monkeypatch)
    for _ in range(2):  # a job that is not done, and one that is
        (tmp_path / "out" / "part-00000.jsonl").rename(tmp_path / "away")
        assert "part-00000.jsonl" in refuse(*predict(tiny_tagger, inputs, tmp_path / "out"))
        (tmp_path / "away").rename(tmp_path / "out" / "part-00000.jsonl")
        assert main(predict(tiny_tagger, inputs, tmp_path / "out")) == 1


def test_two_jobs_in_a_folder_do_not_meet(tmp_path, inputs, tiny_tagger, refuse):
    with lock_run(tmp_path / "out"):
        assert str(tmp_path / "out") in refuse(*predict(tiny_tagger, inputs, tmp_path / "out"))
