"""Time systems in turn, each in a process of its own that waits while the others work."""

import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from cbpner.base.errors import InputError
from cbpner.base.memory import measure_peak, read_peak, read_usage
from cbpner.text.bio import Sentence

SETTLED = 0.1  # of the median: how far apart the middle half of the rounds may be
MOST = 3  # times the rounds that were asked for, where times do not settle


class Task(NamedTuple):
    """A system, and what it works on. make: creates the system (see `systems`); it is called in the process."""

    name: str
    make: Callable[[], Any]
    sentences: list[Sentence]


class Progress:
    """Says on stderr which system has its turn, and about how long the rest takes, if each turn takes the mean time."""

    def __init__(self, turns: int, rounds: int) -> None:
        self.left, self.rounds, self.done, self.start = turns, rounds, 0, time.perf_counter()

    def tell(self, title: str, name: str, number: int) -> None:
        """Number: of the round; 0 warms up, those behind `rounds` were not planned."""
        at = f"round {number} of {self.rounds}" if number else "warm-up"
        at = at if number <= self.rounds else f"round {number}, since rounds differ"
        seconds = (time.perf_counter() - self.start) * self.left / self.done if self.done else None
        rest = "" if seconds is None else f"; about {seconds / 60:.0f} min left"
        print(f"{title}: {name}, {at}{rest}", file=sys.stderr, flush=True)
        self.done += 1
        self.left -= number <= self.rounds


def time_systems(
    tasks: Sequence[Task], rounds: int, tell: Callable[[str, int], None] = lambda name, number: None
) -> dict[str, dict]:
    """Measure each task: {name: {`characters`, `seconds` of each round, `peak_mb`}}.

    In a round every system has its turn, so that other work on the machine slows all of them. A first round warms up
    and is not counted. After `rounds` more follow until every system's times are SETTLED, up to MOST times as many. The
    peak includes all that the process imports.
    """
    with ExitStack() as stack:
        processes = {task.name: stack.enter_context(open_process(task)) for task in tasks}
        found = {task.name: {"characters": count_characters(task.sentences), "seconds": []} for task in tasks}
        number = 0
        while number <= rounds or (number <= MOST * rounds and max(map(measure_spread, found.values())) > SETTLED):
            for name, ask in processes.items():
                tell(name, number)
                seconds = ask("work")
                found[name]["seconds"] += [round(seconds, 6)] if number else []
            number += 1
        for name, ask in processes.items():
            found[name]["peak_mb"] = ask("peak")
    return found


def measure_spread(measured: dict) -> float:
    """Width of the middle half of the rounds' seconds, over their median: one slow round in five does not count."""
    if len(measured["seconds"]) < 2:
        return 0.0
    low, middle, high = statistics.quantiles(measured["seconds"], n=4, method="inclusive")
    return (high - low) / middle


@contextmanager
def open_process(task: Task) -> Iterator[Callable[[str], Any]]:
    """Yield a function that sends a word to the system's process and returns the answer."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(there, task.make, task.sentences))  # it may start some of its own
    process.start()
    there.close()

    def ask(word: str) -> Any:
        try:
            here.send(word)
            kind, value = here.recv()
        except (EOFError, OSError) as error:
            process.join()
            raise InputError(f"{task.name}: its process ended with {process.exitcode}") from error
        if kind == "error":
            raise InputError(f"{task.name}: {value}")
        return value

    try:
        ask("start")
        yield ask
    finally:
        here.close()
        process.join()


def serve(connection, make: Callable[[], Any], sentences: list[Sentence]) -> None:
    """Answer words until the other end hangs up."""
    system = None
    while True:
        try:
            word = connection.recv()
        except EOFError:
            return
        try:
            if word == "start":
                system = make()
                value = system.start(sentences)
            else:
                value = system.work() if word == "work" else measure_peak()
            connection.send(("value", value))
        except Exception:
            connection.send(("error", traceback.format_exc()))


def count_characters(sentences: Sequence[Sentence]) -> int:
    return sum(len(sentence.chars) for sentence in sentences)


def choose_sentences(sentences: Sequence[Sentence], characters: float) -> list[Sentence]:
    """About that many characters of the sentences, drawn evenly by length, in their order; all if there are no more."""
    count = max(1, round(len(sentences) * characters / count_characters(sentences)))
    if count >= len(sentences):
        return list(sentences)
    order = sorted(range(len(sentences)), key=lambda number: (len(sentences[number].chars), number))
    places = [order[int((step + 0.5) * len(order) / count)] for step in range(count)]
    return [sentences[place] for place in sorted(places)]


def speed(measured: dict) -> float:
    """Characters a second: the median over rounds."""
    return statistics.median(measured["characters"] / seconds for seconds in measured["seconds"])


def gain(measured: dict, other: dict) -> float:
    """How much faster than the other system: the median over rounds of the ratio in one round."""
    ratio = measured["characters"] / other["characters"]
    pairs = zip(measured["seconds"], other["seconds"], strict=True)
    return statistics.median(ratio * theirs / ours for ours, theirs in pairs)


def wait_measured(
    process: "subprocess.Popen[Any]", look: Callable[[], object] = lambda: None, pause: float = 0.02
) -> tuple[resource.struct_rusage, int]:
    """(resource usage, peak MiB) of a process once it has ended, without what it started.

    `look` is called every `pause` seconds until then. The peak is read as often, so that one in the last moment can be
    missed.
    """
    peak = None
    while True:
        peak = read_peak(process.pid) or peak
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        look()
        time.sleep(pause)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage, read_usage(usage) if peak is None else peak
