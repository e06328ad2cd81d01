"""The command line's own help, and how an entry point ends."""

import math
from argparse import ArgumentTypeError
from dataclasses import field, fields, make_dataclass
from typing import get_args

import pytest

from cbpner.base.errors import InputError
from cbpner.base.process import INTERRUPTED, run_guarded
from cbpner.base.settings import check_options
from cbpner.cli import COMMANDS, GROUPS, build_parser, main
from cbpner.decoding.decision import Decision
from cbpner.training.recipes import Recipe


@pytest.mark.parametrize("words", [[], ["help"], ["--help"]], ids=str)
def test_help_lists_every_command_in_its_group(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    out = capsys.readouterr().out
    assert end.value.code == 0 and list(GROUPS) == ["data", "train", "judge", "use"]
    for group, commands in GROUPS.items():
        lines = out.partition(f"\n{group}:\n")[2].partition("\n\n")[0].splitlines()
        assert [line.split()[0] for line in lines] == list(commands)


CHECKED = {"seed", "patents", "min_score", *(each.name for each in (*fields(Recipe), *fields(Decision)))}  # in settings


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_has_a_sentence_and_every_number_has_bounds(command):
    """NaN, infinity, the negative and the huge are refused by the flag's type, or by settings."""
    for action in build_parser(command)._actions:
        assert action.help
        if action.type in (int, float):
            assert action.dest in CHECKED
        elif getattr(action.type, "__name__", "") in ("int", "float", "share_or_number"):
            for text in ("nan", "inf", "-inf", "-99", "9" * 11, "9" * 5000):
                with pytest.raises((ValueError, ArgumentTypeError)):
                    action.type(text)


def test_every_number_of_the_settings_has_limits():
    from cbpner.masked_lm.config import LMJob
    from cbpner.masked_lm.recipes import LMRecipe
    from cbpner.training.config import Job

    for each in (each for table in (Decision, Recipe, LMRecipe, Job, LMJob) for each in fields(table)):
        if {int, float} & {each.type, *get_args(each.type)}:
            settings = make_dataclass("Settings", [(each.name, each.type, field(metadata=each.metadata))])
            for value in (math.nan, math.inf, -math.inf, 2**31, 1e300):
                with pytest.raises(InputError, match=each.name):
                    check_options(settings(value))


@pytest.mark.parametrize("words, message", [
    ("nothing", "command 'nothing'; `cbpner help`"), ("predit x", "mean predict?"), ("help predit", "mean predict?"),
    ("predict - --mn_score 1", "mean --min-score?); `cbpner predict --help`"), ("predict - --zzz=1", "flag --zzz;"),
    ("predict -- --zzz", "--zzz: "), ("predict - --batch_tokens 0", "--batch-tokens: found 0"), ("app --h", "ambig"),
    ("predict - --batch_to=0", "--batch-tokens: found 0"), ("--versoin", "mean --version?"),
])  # fmt: skip
def test_an_unknown_word_is_refused_with_the_nearest(words, message, refuse):
    assert message in refuse(*words.split())


@pytest.mark.parametrize("error, code, message", [
    (InputError("a.bio:3: found x"), 2, "a.bio:3: found x"),
    (KeyboardInterrupt(), INTERRUPTED, "interrupted"),
    (OSError(28, "No space left on device", "out.jsonl"), 2, "out.jsonl"),
    (BrokenPipeError(), 1, ""),
], ids=lambda value: type(value).__name__)  # fmt: skip
def test_errors_for_people_become_exit_codes(error, code, message, capfd):
    def fail():
        raise error

    assert run_guarded(fail) == code
    assert message in capfd.readouterr().err
