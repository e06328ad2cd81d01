"""The command line's own help, and how an entry point ends."""

import pytest

from cbpner.base.errors import InputError
from cbpner.base.process import INTERRUPTED, run_guarded
from cbpner.cli import GROUPS, main


@pytest.mark.parametrize("words", [[], ["help"], ["--help"]], ids=str)
def test_help_lists_every_command_in_its_group(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    out = capsys.readouterr().out
    assert end.value.code == 0 and list(GROUPS) == ["data", "train", "judge", "use"]
    for group, commands in GROUPS.items():
        lines = out.partition(f"\n{group}:\n")[2].partition("\n\n")[0].splitlines()
        assert [line.split()[0] for line in lines] == list(commands)


@pytest.mark.parametrize("words", [["help", "check"], ["check", "--help"]], ids=str)
def test_help_of_a_command(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 0 and "--labels" in capsys.readouterr().out


def test_an_unknown_command_is_refused(capsys):
    assert main(["nothing"]) == 2 and "'nothing'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error, code, message",
    [
        (InputError("a.bio:3: found x"), 2, "a.bio:3: found x"),
        (KeyboardInterrupt(), INTERRUPTED, "interrupted"),
        (OSError(28, "No space left on device", "out.jsonl"), 2, "out.jsonl"),
        (BrokenPipeError(), 1, ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_for_people_become_exit_codes(error, code, message, capfd):
    def fail():
        raise error

    assert run_guarded(fail) == code
    assert message in capfd.readouterr().err
