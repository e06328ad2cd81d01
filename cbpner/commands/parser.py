"""Parsers whose errors are InputErrors, for `cbpner` and the scripts of the methods."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from cbpner.base.errors import InputError


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """A command's text as it is, and behind the help of a flag its default, if it has one."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text, default = action.help or "", action.default
        has_none = default in (None, [], (), "", argparse.SUPPRESS) or isinstance(default, bool)
        return text if has_none or "(default" in text else f"{text} (default: %(default)s)"


class Parser(argparse.ArgumentParser):
    """A parser whose flags may be written with - or _; one that it does not know is an InputError with the nearest."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": HelpFormatter} | options)

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message.removeprefix('argument ')}; `{self.prog} --help` describes the flags")

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        words = list(sys.argv[1:] if args is None else args)
        end = words.index("--") if "--" in words else len(words)
        return super().parse_args([*map(self._spell, words[:end]), *words[end:]], namespace)

    def _spell(self, word: str) -> str:
        """The word; if it is a flag, or the beginning of one alone, as the parser has it."""
        name, equals, value = word.partition("=")
        flags = {flag.replace("_", "-"): flag for flag in self._option_string_actions}
        plain = name.replace("_", "-")
        if not name.startswith("--") or " " in name or name in flags.values():
            return word
        found = [plain] if plain in flags else [flag for flag in flags if flag.startswith(plain)]
        if not found:
            self.error(f"found the unknown flag {name}{suggest_name(plain, flags)}")
        return flags[found[0]] + equals + value if len(found) == 1 else word


def suggest_name(name: str, known: Iterable[str]) -> str:
    """` (did you mean ...?)` for the known name that is nearest, or nothing."""
    return "".join(f" (did you mean {near}?)" for near in get_close_matches(name, list(known), 1, 0.75))
