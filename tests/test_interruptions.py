"""Runs that are killed, locked out or out of disk space: the same command again gives what an unbroken run gives."""

import errno
import gc
import importlib
import os
import resource
import shutil
import signal
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
import torch
from patent_data import read_lines
from shell import after, before, die, nth
from transformers import Trainer, TrainerState, conversion_mapping, modeling_utils

from cbpner.base.errors import InputError
from cbpner.base.files import atomic_folder, explain_write_errors, natural_key, write_json
from cbpner.base.process import run_guarded
from cbpner.runs import folder as runs
from cbpner.runs import lifecycle, lock
from cbpner.runs.checkpoints import find_checkpoint, read_checkpoint
from cbpner.training.run import train
from cbpner.training.trainer import TaggerTrainer

pytestmark = pytest.mark.slow
EPOCHS = 3
CHECKPOINT_FILES = ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json")
conversion_mapping.get_checkpoint_conversion_mapping("bert")  # a table that every process else builds anew


def half_written(call, args):
    """The call writes its file; half of it is there when the process dies."""
    call()
    path = next(path for path in map(str, args) if path.startswith("/") and Path(path).is_file())
    os.truncate(path, os.path.getsize(path) // 2)
    die()


def half_deleted(call, args):
    """The call would delete a folder; the process dies when the trainer's states alone are left."""
    for path in Path(args[0]).rglob("*"):
        if path.is_file() and path.name != "trainer_state.json":
            path.unlink()
    die()


def named(name, place=0):
    return lambda args: Path(args[place]).name == name


RUN = train
# moment: (owner of the function, its name, at which call, how)
# A checkpoint writes its arguments, optimizer, schedule and random numbers with torch.save.
DEATHS = {
    "before config.json": (lifecycle.Run, "start", nth(1), before),
    "in the second epoch": (TaggerTrainer, "training_step", nth(10), before),
    "in the optimizer of a checkpoint": (torch, "save", nth(6), half_written),
    "in the state of a checkpoint": (TrainerState, "save_to_json", nth(2), half_written),
    "while an old checkpoint is deleted": (shutil, "rmtree", named("checkpoint-6"), half_deleted),
    "behind the last checkpoint": (TaggerTrainer, "_save_checkpoint", nth(3), after),
    "behind the second checkpoint": (TaggerTrainer, "_save_checkpoint", nth(2), after),
    "between the predictions": (runs, "write_tags", nth(2), before),
    "in the model's weights": (modeling_utils, "safe_save_file", nth(EPOCHS + 1), half_written),
    "while the checkpoints of a finished run are deleted": (
        shutil, "rmtree", lambda args: Path(args[0]).name.startswith(".checkpoints."), half_deleted,
    ),
}  # fmt: skip


def die_at(owner, name, when, how):
    original = getattr(owner, name)

    def patched(*args, **kwargs):
        if when(args):
            how(lambda: original(*args, **kwargs), args)
        return original(*args, **kwargs)

    setattr(owner, name, patched)


def run_child(suite, job, steps, answer, moment, limit):
    """One attempt at a run, in a process of its own; its exit code and message go into a pipe."""
    gc.freeze()  # what was imported before the fork: walking it costs a third of the run
    torch.set_num_threads(1)
    tests = importlib.import_module(suite)

    def count(args):
        steps.value += 1

    die_at(Trainer, "training_step", count, None)
    if moment:
        die_at(*tests.DEATHS[moment])
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    errors = StringIO()
    with redirect_stderr(errors), redirect_stdout(StringIO()):
        code = run_guarded(lambda: tests.RUN(job) and 0)
    answer.send((code, errors.getvalue()))


def hold_lock(folder, ready):
    with lifecycle.lock_run(folder):
        ready.set()
        time.sleep(60)


class Attempt:
    """An attempt at a run in another process.

    moment: the key in DEATHS of the module `suite` at which it dies. limit: largest file size.
    """

    def __init__(self, forks, job, moment=None, limit=None, suite=__name__):
        self.pipe, answer = forks.Pipe(duplex=False)
        self.steps = forks.Value("i", 0)
        self.process = forks.Process(target=run_child, args=(suite, job, self.steps, answer, moment, limit))
        self.process.start()
        answer.close()

    def finish(self):
        """(exit code, message on stderr) of an attempt that ends by itself; (-9, "") of one that was killed."""
        self.process.join(120)
        assert self.process.exitcode in (0, -signal.SIGKILL)
        return self.pipe.recv() if self.process.exitcode == 0 else (self.process.exitcode, "")


@pytest.fixture(scope="module")
def make_job(build_job):
    """`make_job(folder, split)`: split 0 keeps the best epoch on dev, split 1 the last one; 6 steps an epoch."""

    def build(folder, split=0, **overrides):
        own = {"min_dev_mentions": 1000, "batch_size": 8} if split else {"min_dev_mentions": 1, "batch_tokens": 256}
        settings = {"epochs": EPOCHS, "dropout": 0.1, "patience": 0, "lr": 1e-3} | own | overrides
        return build_job(Path(folder), seed=split, split=str(split), **settings)

    return build


@pytest.fixture(scope="module")
def unbroken(forks, make_job, tmp_path_factory):
    """The folder with both splits' runs, each made in one go."""
    folder = tmp_path_factory.mktemp("unbroken")
    for split in (0, 1):
        assert Attempt(forks, make_job(folder / str(split), split)).finish()[0] == 0
        assert runs.is_finished(folder / str(split))
    return folder


def read_bytes(folder):
    """{name: bytes} of the model and the predictions."""
    paths = [*(folder / runs.MODEL).rglob("*"), *(folder / runs.PREDICTIONS).rglob("*")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.is_file()}


def drop(record, *names):
    return {key: value for key, value in record.items() if key not in names}


def drop_measured(metrics):
    """A file of metrics without what no two runs share: names, times and memory."""
    measured = ("seconds", "peak_memory_mb", "name", "characters_per_second")
    return drop(metrics, *measured) | {"history": [drop(record, "seconds") for record in metrics["history"]]}


def read_log(path):
    return [drop(record, "seconds") for record in read_lines(path)]


def assert_same_run(found, expected):
    """Weights and predictions byte by byte, scores, the log; nothing of a broken-off attempt is left."""
    assert read_bytes(found) == read_bytes(expected) and "model/model.safetensors" in read_bytes(found)
    assert drop_measured(runs.read_metrics(found)) == drop_measured(runs.read_metrics(expected))
    assert read_log(found / runs.LOG) == read_log(expected / runs.LOG)
    assert sorted(os.listdir(found)) == sorted(os.listdir(expected))
    assert os.listdir(found / runs.PREDICTIONS) and not list(found.rglob("*.part"))
    seconds = [record["seconds"] for record in read_lines(found / runs.LOG)]
    assert seconds == sorted(seconds) and runs.read_metrics(found)["seconds"]["train"] == round(seconds[-1], 1)


@pytest.mark.parametrize("moment, split, epochs", [  # epochs that need no second training; None: finished
    ("before config.json", 0, 0), ("in the second epoch", 1, 1), ("in the optimizer of a checkpoint", 1, 1),
    ("in the state of a checkpoint", 0, 1), ("while an old checkpoint is deleted", 1, 2),
    ("between the predictions", 1, 3), ("in the model's weights", 0, 3),
    ("while the checkpoints of a finished run are deleted", 0, None),
])  # fmt: skip
def test_a_run_killed_at_this_moment_ends_as_if_unbroken(moment, split, epochs, forks, make_job, unbroken, tmp_path):
    job = make_job(tmp_path / "run", split)
    assert Attempt(forks, job, moment).finish()[0] == -signal.SIGKILL
    assert runs.is_finished(job.output) == (epochs is None)
    assert (job.output / runs.MODEL).exists() == (epochs is None)
    second = Attempt(forks, job)
    assert second.finish()[0] == 0
    assert_same_run(job.output, unbroken / str(split))
    steps = read_log(job.output / runs.LOG)[-1]["step"]
    assert steps >= 6 * EPOCHS and steps % EPOCHS == 0
    assert second.steps.value == (0 if epochs is None else steps * (EPOCHS - epochs) // EPOCHS)


NO_PROGRESS = {"lr": 1e-7, "head_lr": 1e-7}
PLATEAU = {"head": "crf", "trainable_layers": 1, "crf_lr": 2.5e-4, "lr": 2.5e-4, "head_lr": 2.5e-4, "optimizer": "sgd",
           "schedule": "reduce_lr_on_plateau", "warmup": 0.0, "epochs": 7, "selection": "last"}  # fmt: skip


@pytest.mark.parametrize("split, settings, moment, expected", [
    # the first epoch stays the best: its weights are kept, though the run ends long behind it
    (0, NO_PROGRESS, "behind the last checkpoint", {"best_epoch": 1}),
    # two epochs without a better score stop it at the third of six, wherever the kill was
    (0, NO_PROGRESS | {"epochs": 6, "patience": 2}, "behind the last checkpoint", {"epochs": 3}),
    # no progress for longer than its patience halves the rate: a count that begins before the kill and ends behind
    (1, PLATEAU, "behind the second checkpoint", {}),
])  # fmt: skip
def test_a_run_killed_and_moved_resumes_as_before(split, settings, moment, expected, forks, make_job, tmp_path):
    job, broken = make_job(tmp_path / "one", split, **settings), tmp_path / "broken"
    assert Attempt(forks, job).finish()[0] == 0
    assert Attempt(forks, replace(job, output=broken), moment).finish()[0] == -signal.SIGKILL
    metrics = runs.read_metrics(job.output)
    assert metrics | expected == metrics
    rates = [record["learning_rate"] for record in metrics["history"] if "loss" in record]
    assert settings is not PLATEAU or (rates[0], rates[-1]) == (2.5e-4, 1.25e-4)
    moved = broken.rename(tmp_path / "moved")
    assert Attempt(forks, replace(job, output=moved)).finish()[0] == 0
    assert_same_run(moved, job.output)


@pytest.fixture
def checkpoints(broken_run, tmp_path):
    """A copy of the two checkpoints of a broken-off run."""
    return Path(shutil.copytree(broken_run.output / runs.CHECKPOINTS, tmp_path / "checkpoints"))


@pytest.mark.parametrize("name", CHECKPOINT_FILES)
@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_checkpoint_counts_only_with_every_file_whole(name, damage, checkpoints):
    older, newest = sorted(checkpoints.iterdir(), key=lambda path: natural_key(path.name))
    write_json(newest / "trainer_state.json", read_checkpoint(newest) | {"best_global_step": None})
    assert find_checkpoint(checkpoints) == newest
    file = newest / name
    if damage == "gone":
        file.unlink()
    else:
        os.truncate(file, file.stat().st_size - 1 if file.suffix != ".json" else 100)
    assert find_checkpoint(checkpoints) == older
    assert os.listdir(checkpoints) == [older.name]


def test_a_checkpoint_without_that_of_its_best_epoch_does_not_count(checkpoints):
    """The Trainer would keep the last epoch's weights without a word."""
    oldest, newest = sorted(checkpoints.iterdir(), key=lambda path: natural_key(path.name))
    best = {"best_global_step": int(oldest.name.split("-")[1])}
    write_json(newest / "trainer_state.json", read_checkpoint(newest) | best)
    assert find_checkpoint(checkpoints) == newest
    (oldest / "model.safetensors").unlink()
    assert find_checkpoint(checkpoints) is None
    assert not os.listdir(checkpoints)


def test_a_broken_off_run_of_two_processes_needs_both(broken_run, checkpoints, monkeypatch, tmp_path):
    """Their number, and the random numbers of each."""
    shutil.copytree(broken_run.output, tmp_path / "run")
    config = runs.read_config(broken_run.output)
    config["environment"]["processes"] = 2
    write_json(tmp_path / "run" / runs.CONFIG, config)
    with pytest.raises(InputError, match="2, now 1"):
        train(replace(broken_run, output=tmp_path / "run"))
    folder = next(checkpoints.iterdir())
    (folder / "rng_state.pth").rename(folder / "rng_state_0.pth")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert read_checkpoint(folder) is None
    shutil.copy(folder / "rng_state_0.pth", folder / "rng_state_1.pth")
    assert read_checkpoint(folder)["global_step"] > 0


def test_a_models_folder_and_other_programs_files_stay(make_job, tiny_encoder, tmp_path):
    shutil.copytree(tiny_encoder, tmp_path / "model")
    (tmp_path / "other").mkdir()
    for name in ("film.mkv.part", ".lock"):
        (tmp_path / "other" / name).write_text("precious")
    names = {path: path.stat().st_size for path in tmp_path.rglob("*")}
    for name, found in (("model", "config.json|beside the run"), ("other", "other things|film.mkv.part")):
        for overwrite in (False, True):
            with pytest.raises(InputError, match=found):
                train(replace(make_job(tmp_path / name), overwrite=overwrite))
    assert {path: path.stat().st_size for path in tmp_path.rglob("*")} == names


@pytest.fixture
def holder(forks, tmp_path):
    """A process that holds the lock of tmp_path/run."""
    ready = forks.Event()
    process = forks.Process(target=hold_lock, args=(tmp_path / "run", ready))
    process.start()
    assert ready.wait(30)
    yield process
    process.kill()


def test_a_lock_keeps_a_second_process_out_until_its_holder_is_killed(holder, forks, make_job, unbroken, tmp_path):
    for name in (runs.MODEL, runs.PREDICTIONS):
        shutil.copytree(unbroken / "0" / name, tmp_path / "run" / name)
    for overwrite in (False, True):
        with pytest.raises(InputError, match="run: found another process"):
            train(replace(make_job(tmp_path / "run"), overwrite=overwrite))
        assert sorted(os.listdir(tmp_path / "run")) == sorted([".lock", runs.MODEL, runs.PREDICTIONS])
        assert read_bytes(tmp_path / "run") == read_bytes(unbroken / "0")
    for name in (runs.MODEL, runs.PREDICTIONS):
        shutil.rmtree(tmp_path / "run" / name)
    holder.kill()
    holder.join()
    assert os.listdir(tmp_path / "run") == [".lock"]
    assert runs.find_runs([tmp_path]) == ([], [])
    assert Attempt(forks, make_job(tmp_path / "run")).finish()[0] == 0
    assert_same_run(tmp_path / "run", unbroken / "0")


def test_a_lock_that_lost_its_name_is_not_taken(tmp_path, monkeypatch):
    """Between opening and locking the holder may have ended and removed the file: two would hold two locks."""
    flock, names = lock.lock_file, []

    def lose_name(file, waits):
        names.append(Path(file.name))
        if len(names) == 1:
            names[0].unlink()
        flock(file, waits)

    monkeypatch.setattr(lock, "lock_file", lose_name)
    with lifecycle.lock_run(tmp_path / "a" / "run"):
        assert len(names) == 2 and names[1].is_file()
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("place", ["nothing fits", "optimizer"])
def test_a_full_disk_is_named_and_the_run_resumes_when_there_is_room(place, forks, make_job, unbroken, tmp_path):
    """A limit on the size of a file stands for the full disk: each writer meets it at another place."""
    weights = (unbroken / "0" / "model" / "model.safetensors").stat().st_size
    limit = {"nothing fits": 0, "optimizer": weights + 4096}[place]
    job = make_job(tmp_path / "run")
    code, message = Attempt(forks, job, limit=limit).finish()
    assert code == 2 and f"{job.output}: cannot write" in message and "Traceback" not in message
    assert job.output.exists() == (limit > 0)
    assert not runs.is_finished(job.output) and not (job.output / runs.MODEL).exists()
    assert find_checkpoint(job.output / runs.CHECKPOINTS) is None
    assert Attempt(forks, job).finish()[0] == 0
    assert_same_run(job.output, unbroken / "0")


def test_a_file_where_a_folder_should_be_is_named(make_job, tmp_path, capsys):
    (tmp_path / "file").write_text("precious")
    for output in (tmp_path / "file", tmp_path / "file" / "run"):
        assert run_guarded(lambda output=output: train(make_job(output))) == 2
        assert "cannot write there" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize("error, reason", [
    (OSError(errno.ENOSPC, "No space left on device", "x.json"), "x.json"),
    (OSError(errno.EACCES, "Permission denied"), "Permission denied"),
    (RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0"), "unexpected pos"),
    (RuntimeError("PytorchStreamWriter failed writing file data/1: file write failed"), "file write failed"),
    (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), None),
    (OSError(errno.ECONNREFUSED, "Connection refused"), None),
])  # fmt: skip
def test_only_failing_writes_are_turned_into_messages(error, reason):
    with pytest.raises(InputError if reason else type(error), match=reason):
        with explain_write_errors(Path("run")):
            raise error


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    for number in (1, 2):
        with atomic_folder(tmp_path / "model") as folder:
            (folder / f"file{number}").write_text("text")
            assert (tmp_path / "model").exists() == (number == 2)
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["file2"]
    with pytest.raises(KeyError), atomic_folder(tmp_path / "model") as folder:
        (folder / "half").write_text("text")
        raise KeyError
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "file2"]


def test_wrong_data_spare_the_run_that_was_to_be_overwritten(unbroken, make_job, tmp_path):
    shutil.copytree(unbroken / "0", tmp_path / "run")
    (tmp_path / "train.bio").write_text("癌 X-gene\n", encoding="utf-8")
    job = replace(make_job(tmp_path / "run"), overwrite=True, files={"train": tmp_path / "train.bio"})
    with pytest.raises(InputError, match="X-gene"):
        train(job)
    assert_same_run(tmp_path / "run", unbroken / "0")
