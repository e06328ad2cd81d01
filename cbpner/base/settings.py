"""Settings as dataclasses: each field states its help text, its choices and its limits."""

from collections.abc import Sequence
from dataclasses import MISSING, field, fields
from typing import Any

from cbpner.base.errors import InputError

LARGEST = 2**31 - 1  # of all settings: what numpy takes as a seed, and still does with a little added


def option(help: str, default: Any = MISSING, limits: str = "", choices: Sequence[str] | None = None) -> Any:
    """A field with the metadata from which checks and flags are made; limits: an interval such as `[0, 1)`."""
    return field(default=default, metadata={"help": help, "limits": limits, "choices": choices})


def check_options(settings: Any) -> None:
    """Raise InputError for a value that is not among its field's choices or not within its limits."""
    for each in fields(settings):
        value, choices, limits = getattr(settings, each.name), each.metadata.get("choices"), each.metadata.get("limits")
        if choices and value not in choices:
            raise InputError(f"found {each.name} {value!r}; expected one of {', '.join(choices)}")
        is_open = value is None and each.type not in (int, float)  # an optional number
        if limits and not is_open and not _is_within(value, each.type, limits):
            kind = "an integer" if each.type is int else "a number"
            raise InputError(f"found {each.name} {value!r}; expected {kind} in {limits}")


def _is_within(value: Any, kind: Any, limits: str) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if kind is int else int | float):
        return False
    low, high = map(float, limits[1:-1].split(","))
    is_within = low < value < high or (value == low and limits[0] == "[") or (value == high and limits[-1] == "]")
    return is_within and abs(value) <= LARGEST
