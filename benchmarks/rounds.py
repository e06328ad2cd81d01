"""Sides timed in turn, each in a process of its own that waits while the others work."""

import multiprocessing
import statistics
import time
import traceback
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from cbpner.base.errors import InputError
from cbpner.base.memory import measure_peak


class Task(NamedTuple):
    """A side, and what it works on. make: without arguments, the side; it is called in the process."""

    name: str
    make: object
    sentences: list


def time_sides(tasks, rounds, say=print) -> dict:
    """{name: {`characters`, `seconds` of each round, `peak_mb`}}; the first of rounds + 1 warms up, and is not counted.

    In a round every side has its turn, so that what else the machine does then slows all of them. peak_mb: of the
    process with all that it imports.
    """
    with ExitStack() as stack:
        sides = {task.name: stack.enter_context(open_side(task)) for task in tasks}
        found = {task.name: {"characters": count_characters(task.sentences), "seconds": []} for task in tasks}
        for number in range(rounds + 1):
            for name, ask in sides.items():
                seconds = ask("work")
                say(f"{'warm-up' if number == 0 else f'round {number}'}: {name}: {seconds:.2f} s")
                found[name]["seconds"] += [round(seconds, 6)] if number else []
        for name, ask in sides.items():
            found[name]["peak_mb"] = ask("peak")
    return found


@contextmanager
def open_side(task):
    """A function that asks the side's process for a word's answer."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(there, task.make, task.sentences), daemon=True)
    process.start()
    there.close()

    def ask(word):
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


def serve(connection, make, sentences):
    """Answer words until the other end hangs up."""
    side = None
    while True:
        try:
            word = connection.recv()
        except EOFError:
            return
        try:
            if word == "start":
                side = make()
                value = side.start(sentences)
            else:
                value = side.work() if word == "work" else measure_peak()
            connection.send(("value", value))
        except Exception:
            connection.send(("error", traceback.format_exc()))


def count_characters(sentences):
    return sum(len(sentence.chars) for sentence in sentences)


def choose_sentences(sentences, characters) -> list:
    """Some of the sentences, about so many characters: one from each of equally many stretches of them by length.

    In the order that they had; all of them, where there are no more.
    """
    total = count_characters(sentences)
    count = max(1, round(len(sentences) * characters / total))
    if count >= len(sentences):
        return list(sentences)
    order = sorted(range(len(sentences)), key=lambda number: (len(sentences[number].chars), number))
    places = [order[int((step + 0.5) * len(order) / count)] for step in range(count)]
    return [sentences[place] for place in sorted(places)]


def speed(measured) -> float:
    """Characters a second: the median over rounds."""
    return statistics.median(measured["characters"] / seconds for seconds in measured["seconds"])


def gain(measured, other) -> float:
    """How much faster than the other side: the median over rounds of both speeds' ratio in one round."""
    ratio = measured["characters"] / other["characters"]
    return statistics.median(
        ratio * theirs / ours for ours, theirs in zip(measured["seconds"], other["seconds"], strict=True)
    )


def time_command(command, rounds) -> list[float]:
    """Seconds of a process, from its start to its end, in each of rounds + 1, without the first."""
    import subprocess

    spent = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise InputError(f"{' '.join(command)}: ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        spent.append(time.perf_counter() - start)
    return spent[1:]
