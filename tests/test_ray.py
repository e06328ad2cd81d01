"""Jobs done by the workers of a Ray cluster: the same folder as this process writes, also where a worker is killed."""

import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

import psutil
import pytest
from patent_data import read_folder

from cbpner.base.errors import InputError
from cbpner.base.process import INTERRUPTED
from cbpner.cli import main
from cbpner.prediction import job, ray_engine

TEXT = "HER2阳性乳腺癌。人类基因BRCA1与蛋白。\n"
DOCUMENTS, SHARD, SHARDS = 60, 4, 16
has_ray = importlib.util.find_spec("ray") is not None


def needs_ray(test):
    return pytest.mark.slow(pytest.mark.skipif(not has_ray, reason="Ray is not installed: the extra `ray`")(test))


def predict(model, inputs, output, *more):
    words = [inputs, "-o", f"{output}/", "--model", model, "--precision", "fp32", "--shard-size", SHARD, *more]
    words += ["--terms", terms] if (terms := inputs.with_name("terms.tsv")).exists() else []
    return ["predict", *map(str, words)]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Documents of a line to 800, one line that is no document, and a file that is no text."""
    (folder := tmp_path_factory.mktemp("ray") / "in").mkdir()
    rows = [json.dumps({"id": f"d{n}", "text": TEXT * (1 + 80 * (n % 11))}) for n in range(DOCUMENTS)]
    (folder / "a.jsonl").write_text("\n".join([*rows[:30], "{", *rows[30:]]) + "\n", encoding="utf-8")
    (folder / "b.txt").write_bytes(b"\xff")
    (folder.parent / "terms.tsv").write_text("乳腺癌\tdisease\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, inputs, tiny_tagger):
    """The files that this process alone writes."""
    folder = tmp_path_factory.mktemp("local") / "out"
    assert main(predict(tiny_tagger, inputs, folder, "--device", "cpu")) == 1
    files = read_folder(folder)
    assert len([name for name in files if name.startswith("part-")]) == SHARDS
    return files


def list_workers(pid):
    """Process ids of the Ray workers below a process that hold a tagger."""
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has just ended
            found += [process.pid] * process.cmdline()[0].startswith("ray::Worker")
    return found


@needs_ray
def test_a_killed_worker_loses_and_doubles_nothing(tmp_path, inputs, unbroken, tiny_tagger):
    words = predict(tiny_tagger, inputs, tmp_path / "out", "--engine", "ray", "--workers", 2)
    environment = os.environ | {"RAY_ADDRESS": "127.0.0.1:1"}  # of a cluster that is not asked for
    child = subprocess.Popen([sys.executable, "-m", "cbpner", *words], env=environment, stderr=-1, text=True)
    progress, is_killed = tmp_path / "out" / job.PROGRESS, False
    while child.poll() is None and not is_killed:
        if progress.is_file() and progress.read_bytes().count(b"\n") > 2:  # two shards are done
            workers = list_workers(child.pid)
            assert len(workers) == 2
            os.kill(workers[0], signal.SIGKILL)
            is_killed = True
        time.sleep(0.02)
    message = child.communicate(timeout=300)[1]
    assert is_killed and child.returncode == 1, message
    assert read_folder(tmp_path / "out") == unbroken
    assert f"{DOCUMENTS} documents" in message and "2 errors" in message and "a.jsonl:31: found broken JSON" in message


@pytest.fixture(scope="module")
def token():
    """What Ray asks for with its first cluster of a process's own: set before Ray is used in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        words = [sys.executable, "-m", "ray.scripts.scripts", "get-auth-token", "--generate"]
        subprocess.run(words, capture_output=True, check=True)
        yield


@needs_ray
def test_a_cluster_that_is_not_there(tmp_path, tiny_tagger, token, refuse):
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    words = predict(tiny_tagger, tmp_path / "a.txt", tmp_path / "out", "--engine", "ray", "--address", "auto")
    assert "auto" in refuse(*words)


@pytest.fixture(scope="module")
def cluster(token):
    """The address of a cluster of one core."""
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as folder:  # sockets: short
        scripts = [sys.executable, "-m", "ray.scripts.scripts"]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        words = [
            "start", "--head", "--block", "--port", port, "--num-cpus", 1, "--include-dashboard", "false",
            "--node-ip-address", "127.0.0.1", "--temp-dir", folder,
        ]  # fmt: skip
        head = subprocess.Popen(
            [*scripts, *map(str, words)], env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            wait_for_port(port, head)
            yield f"127.0.0.1:{port}"
        finally:
            for process in [*psutil.Process(head.pid).children(recursive=True), head]:  # an orderly end takes 30 s
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            head.wait()


def wait_for_port(port, process):
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(5)  # its machine is counted a little later
                return
        assert process.poll() is None
        time.sleep(0.2)
    raise TimeoutError(port)


@needs_ray
def test_either_engine_resumes_the_other_s_job(tmp_path, inputs, unbroken, tiny_tagger, cluster, monkeypatch, refuse):
    """More workers than fit are refused, not waited for."""
    folder, add = tmp_path / "out", job.JobState.add

    def fail(progress, shard):
        add(progress, shard)
        if len(progress.done) in (3, 9):
            raise KeyboardInterrupt

    monkeypatch.setattr(job.JobState, "add", fail)
    on_ray = predict(tiny_tagger, inputs, folder, "--engine", "ray", "--address", cluster)
    assert "room for 1 of 2" in refuse(*on_ray, "--workers", "2")
    for words in (predict(tiny_tagger, inputs, folder, "--device", "cpu"), on_ray):
        assert main(words) == INTERRUPTED
    assert len((folder / job.PROGRESS).read_text().splitlines()) == 1 + 9
    assert main(predict(tiny_tagger, inputs, folder, "--device", "cpu")) == 1
    assert read_folder(folder) == unbroken


@needs_ray
@pytest.mark.parametrize("fault", ["no model", "deadly text"])
def test_a_worker_that_fails_ends_the_job(tmp_path, tiny_tagger, cluster, monkeypatch, capsys, fault):
    (tmp_path / "a.jsonl").write_text('{"text": "HER2"}\n' * 8, encoding="utf-8")
    (tmp_path / "trials").mkdir()

    class Dying(ray_engine.Worker):
        trials = tmp_path / "trials"

        def tag_shard(self, number, items):
            if number == 1:
                (self.trials / str(os.getpid())).touch()
                os._exit(1)
            return super().tag_shard(number, items)

    monkeypatch.setattr(ray_engine, "RETRIES", 1)
    monkeypatch.setattr(ray_engine, *(("FILES", ()) if fault == "no model" else ("Worker", Dying)))
    words = predict(tiny_tagger, tmp_path / "a.jsonl", tmp_path / "out", "--engine", "ray", "--address", cluster)
    assert main(words) == 2
    message = capsys.readouterr().err
    assert "a worker failed" in message and "Traceback" not in message
    assert ("found no model" in message) == (fault == "no model")
    assert len(list((tmp_path / "trials").iterdir())) == (0 if fault == "no model" else 2)
    assert not (tmp_path / "out" / job.MANIFEST).exists()


def test_without_ray_a_message_says_what_to_install(tmp_path, tiny_tagger, monkeypatch, refuse):
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    monkeypatch.setitem(sys.modules, "ray", None)
    words = predict(tiny_tagger, tmp_path / "a.txt", tmp_path / "out", "--engine", "ray")
    assert "pip install 'cbpner[ray]'" in refuse(*words)


@pytest.mark.parametrize("output, flags, message", [
    ("out/", ["--workers", "2"], "--workers"), ("out.jsonl", ["--engine", "ray"], "-o OUT/"),
    ("out/", ["--engine", "ray", "--device", "cuda"], "--gpus-per-worker"),
    ("out/", ["--engine", "ray", "--workers", "0"], "--workers: found 0"),
    ("out/", ["--engine", "ray", "--gpus-per-worker", "-1"], "--gpus-per-worker: found -1"),
])  # fmt: skip
def test_flags_that_do_not_go_together(tmp_path, tiny_tagger, refuse, output, flags, message):
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    words = ["predict", tmp_path / "a.txt", "-o", f"{tmp_path}/{output}", "--model", tiny_tagger, *flags]
    assert message in refuse(*words) and sorted(path.name for path in tmp_path.iterdir()) == ["a.txt"]


class FakeRay:
    def __init__(self, *machines):
        self.machines = machines

    def nodes(self):
        dead = {"Alive": False, "Resources": {"CPU": 1000.0, "GPU": 1000.0}}
        return [dead, *({"Alive": True, "Resources": machine} for machine in self.machines)]


@pytest.mark.parametrize("machines, needed, found", [
    ([{"CPU": 32.0, "GPU": 2.0}] * 2, {"cpus": 2, "gpus": 0.5}, 8), ([{"CPU": 7.0}], {"cpus": 2}, 3),
    ([{"CPU": 3.0}] * 2, {"cpus": 2}, 2), ([{"CPU": 1.0, "GPU": 1.0}], {"cpus": 0.1, "gpus": 0.1}, 10),
    ([{"CPU": 7.0}], {"cpus": 2, "workers": 1}, 1), ([{"CPU": 64.0}], {"cpus": 2, "gpus": 0.5}, "64 CPU, 0 GPU"),
    ([{"CPU": 5.0}], {"cpus": 2, "workers": 3}, "2 of 3"),
])  # fmt: skip
def test_as_many_workers_as_there_is_room_for(machines, needed, found):
    """found: their number, or the error's words."""
    with pytest.raises(InputError, match=found) if isinstance(found, str) else contextlib.nullcontext():
        assert ray_engine.count_workers(FakeRay(*machines), ray_engine.Cluster(**needed)) == found
