"""The line that says how far something is: gone before anything is printed, and lines of their own in a log."""

import io
import sys
import time

import pytest

from cbpner.base import progress


def open_screen(monkeypatch, is_terminal, wait):
    monkeypatch.setattr(progress, "TERMINAL" if is_terminal else "LOG", (wait, 0.02))
    monkeypatch.setattr(sys, "stderr", screen := io.StringIO())
    screen.isatty = lambda: is_terminal
    return screen


def wait_for(text, screen):
    end = time.monotonic() + 60
    while text not in screen.getvalue():
        assert time.monotonic() < end, screen.getvalue()[-500:]
        time.sleep(0.01)


@pytest.mark.parametrize("is_terminal", [True, False], ids=["terminal", "log"])
def test_progress_is_shown_and_gone_before_a_result(monkeypatch, is_terminal):
    screen = open_screen(monkeypatch, is_terminal, 0)
    with progress.Progress("outer"):
        for item in progress.track("inner", range(1, 4), "documents"):
            wait_for(f"{item - 1}/3", screen)
            with progress.paused():
                screen.write(f"result {item}\n")
        wait_for("outer, 00:0", screen)
    screen.write("end\n")
    lines = screen.getvalue().split("\n")
    if is_terminal:
        assert [line.rpartition("\r")[2] for line in lines] == ["result 1", "result 2", "result 3", "end", ""]
        assert all(not line.split("\r")[-2].strip() for line in lines[:4])  # written over
    else:
        assert {"result 1", "result 2", "result 3", "end"} < set(lines) and "\r" not in screen.getvalue()
    screen = open_screen(monkeypatch, is_terminal, 99)
    assert list(progress.track("short", "ab", "letters")) == ["a", "b"] and not screen.getvalue().strip("\r")
