"""Measure the house: the size and shape of the code, as a table with the bar that each figure is held to.

    python -m tools.house            print the table
    python -m tools.house --names    also list the shared names and the repeated lines

`tests/test_house.py` checks the bars. Lines are those that `wc -l` counts. A name is shared if two modules of `cbpner`
define it at top level as a function or class, except for the protocol of `commands/` (`add_arguments`, `run`). A
public parameter is one of a function, or of a method of a class, whose names do not begin with an underscore. Two
places repeat each other if more than ten lines of Python in a row are equal, blank lines and imports aside.
"""

import argparse
import ast
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
IMPORT = re.compile(r"(from [\w.]+ )?import ")
PROTOCOL = {"add_arguments", "run"}  # every command module has these
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Figure(NamedTuple):
    """One row of the table. is_least: the bar is a lower bound, else an upper one."""

    what: str
    value: float
    bar: float
    is_least: bool = False

    @property
    def holds(self) -> bool:
        return self.value >= self.bar if self.is_least else self.value <= self.bar


def list_modules(root: Path = ROOT, package: str = "cbpner") -> dict[Path, ast.Module]:
    """Parse every module below a folder."""
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((root / package).rglob("*.py"))}


def count_lines(paths: Iterator[Path] | list[Path]) -> int:
    return sum(path.read_bytes().count(b"\n") for path in paths)


def find_shared_names(modules: dict[Path, ast.Module]) -> dict[str, list[Path]]:
    """The functions and classes that two modules or more define at top level, by name."""
    places = defaultdict(list)
    for path, module in modules.items():
        for node in module.body:
            if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and node.name not in PROTOCOL:
                places[node.name].append(path)
    return {name: paths for name, paths in sorted(places.items()) if len(paths) > 1}


def list_functions(modules: dict[Path, ast.Module]) -> list[ast.FunctionDef]:
    return [node for module in modules.values() for node in ast.walk(module) if isinstance(node, FUNCTIONS)]


def list_public_parameters(modules: dict[Path, ast.Module]) -> list[ast.arg]:
    """Parameters of public functions and of public classes' public methods, without `self`, `cls`, `*` and `**`."""
    found = []
    for module in modules.values():
        classes = [node for node in module.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
        for body, skipped in [(module.body, 0), *((node.body, 1) for node in classes)]:
            for node in body:
                if isinstance(node, FUNCTIONS) and (not node.name.startswith("_") or node.name == "__init__"):
                    own = [*node.args.posonlyargs, *node.args.args]
                    is_static = any(getattr(mark, "id", "") == "staticmethod" for mark in node.decorator_list)
                    found += own[0 if is_static else skipped :] + node.args.kwonlyargs
    return found


def find_repeats(root: Path = ROOT, length: int = 11) -> list[str]:
    """The places where at least `length` lines in a row repeat an earlier place, as `file:line = file:line`."""
    seen: dict[tuple[str, ...], tuple[Path, int]] = {}
    found = []
    for path in list_tracked(root):
        if path.suffix != ".py":
            continue
        stripped = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        lines = [(number, line) for number, line in enumerate(stripped, 1) if line and not IMPORT.match(line)]
        was_repeated = False
        for start in range(len(lines) - length + 1):
            key, place = tuple(line for _, line in lines[start : start + length]), (path, lines[start][0])
            first = seen.setdefault(key, place)
            if first != place and not was_repeated:
                found.append(" = ".join(f"{each.relative_to(root)}:{number}" for each, number in (first, place)))
            was_repeated = first != place
    return found


def list_tracked(root: Path = ROOT) -> list[Path]:
    """The tracked files that are in the working tree."""
    names = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True, check=True).stdout
    paths = [root / os.fsdecode(name) for name in names.split(b"\0") if name]
    return [path for path in paths if path.is_file()]


def measure_tree(root: Path = ROOT) -> float:
    """MiB of the tracked files as they are in the working tree."""
    return sum(path.stat().st_size for path in list_tracked(root)) / 2**20


def measure(root: Path = ROOT) -> list[Figure]:
    """Measure everything that has a bar."""
    from cbpner.training.recipes import Recipe

    modules = list_modules(root)
    functions, parameters = list_functions(modules), list_public_parameters(modules)
    typed = sum(parameter.annotation is not None for parameter in parameters) / len(parameters)
    return [  # the first: 19,500, and 1,000 for a user's terms, a wheel with models, messages
        Figure("lines of cbpner/", count_lines(list(modules)), 20_500),
        Figure("modules loose in cbpner/", sum(path.parent == root / "cbpner" for path in modules), 3),
        Figure("names that two modules define", len(find_shared_names(modules)), 10),
        Figure("places that repeat more than ten lines", len(find_repeats(root)), 0),
        Figure("fields of Recipe", len(fields(Recipe)), 32),
        Figure("functions over 40 lines", sum(f.end_lineno - f.lineno >= 40 for f in functions), 0),
        Figure("public parameters with a type, %", round(100 * typed, 1), 95, is_least=True),
        Figure("lines of tests/", count_lines(list((root / "tests").rglob("*.py"))), 15_000),
        Figure("lines of README.md", count_lines([root / "README.md"]), 150),
        Figure("tracked files, MiB", round(measure_tree(root), 1), 100),
    ]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", action="store_true", help="list the shared names and the repeated lines")
    args = parser.parse_args(argv)
    print("| what | now | bar | |\n|---|---:|---:|---|")
    for figure in measure():
        word = "at least" if figure.is_least else "at most"
        print(f"| {figure.what} | {figure.value:,} | {word} {figure.bar:,} | {'' if figure.holds else 'MISSED'} |")
    if args.names:
        for name, paths in find_shared_names(list_modules()).items():
            print(f"{name}: {', '.join(str(path.relative_to(ROOT)) for path in paths)}")
        print(*find_repeats(), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
