"""What `python -m benchmarks` measured, as Markdown."""

from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import matmuls
from cbpner.base.files import read_json

BEGIN, END = "<!-- python -m benchmarks: begin -->", "<!-- python -m benchmarks: end -->"
SPEED = Path(__file__).with_name("speed")  # one file a kind of processor
SHAPES = {"cbp_mini": 1.0, "base": 0.25}  # of models, and the share of the characters that the slower shape gets


class Target(NamedTuple):
    """What is asked for.

    Attributes:
        name: For people.
        path: Keys that lead to the figure.
        limit: At least this much; at most, if not `is_least`.
        unit: `%` of a share, or what stands behind the figure.
    """

    name: str
    path: tuple[str, ...]
    limit: float
    is_least: bool = True
    unit: str = "x"


FORMATS = ("bfloat16", "float32")
TARGETS = (
    *(Target(f"{shape}, {kind}, against {name}", ("shapes", shape, kind, "sides", side, "gain"), limit)
      for shape, kind, side, name, limit in (
        ("cbp_mini", "training", "original", "the original's pattern", 30),
        ("cbp_mini", "training", "transformers, dynamic padding", "transformers with dynamic padding", 25),
        ("cbp_mini", "prediction", "original", "the original's pattern", 15),
        ("cbp_mini", "prediction", "pipeline", "the pipeline at its best", 6),
        ("base", "training", "original", "the original's pattern", 25),
        ("base", "prediction", "original", "the original's pattern", 14),
    )),
    *(Target(f"cbp_mini, {kind}, utilisation", ("shapes", "cbp_mini", kind, "sides", "ours", "utilisation"), limit,
             unit="%") for kind, limit in (("training", 0.55), ("prediction", 0.75))),
    Target("`cbpner predict` on 200 sentences, first call to last span", ("predict", "speed"), 25_000,
           unit=" characters/s"),
    Target("`cbpner predict` on one sentence, start to end", ("predict", "start"), 3.0, False, " s"),
)  # fmt: skip


def find_value(found: Any, path: tuple[str, ...]) -> float | None:
    """The figure at a path, or None; a key that is missing means the one that begins with it."""
    for name in path:
        if not isinstance(found, dict):
            return None
        name = next((each for each in found if each == name or each.startswith(f"{name},")), None)
        if name is None:
            return None
        found = found[name]
    return found


def format_figure(value: float, unit: str) -> str:
    if unit == "%":
        return f"{100 * value:.1f}%"
    return f"{value:,.{0 if value >= 1000 else 1}f}{unit}"


def judge(found: dict, target: Target) -> str:
    """The figure; where it misses the target also what a gain would be if ours were its matrix products alone."""
    value = find_value(found, target.path)
    if value is None:
        return "not measured"
    text = format_figure(value, target.unit)
    if value >= target.limit if target.is_least else value <= target.limit:
        return text
    busy = find_value(found, (*target.path[:-2], "ours", "utilisation")) if target.path[-1] == "gain" else None
    return f"{text}, missed" + (f" (limit {format_figure(value / busy, target.unit)})" if busy else "")


def read_all() -> dict[str, dict]:
    """The committed figures, by kind of processor."""
    return {path.stem: read_json(path) for path in sorted(SPEED.glob("*.json"))}


def render(kinds: dict[str, dict]) -> str:
    """All tables, the kinds of processor side by side."""
    machines = [
        (kind, ", ".join(found.get("instructions", ["not recorded"])),
         *(found["rates"].get(name, "-") for name in FORMATS), found["threads"], found.get("load", "not recorded"),
         found["sentences"])
        for kind, found in kinds.items()
    ]  # fmt: skip
    targets = [
        (each.name, ("at least " if each.is_least else "at most ") + format_figure(each.limit, each.unit),
         *(judge(found, each) for found in kinds.values()))
        for each in TARGETS
    ]  # fmt: skip
    header = ("kind of processor", "instructions", *FORMATS, "threads", "load before", "sentences of")
    texts = [
        (name, kind, f"{own['speed']:,}", f"{own['peak_mb']:,}", own["rounds"])
        for kind, found in kinds.items() for name, own in found.get("growth", {}).items()
    ]  # fmt: skip
    parts = [
        f"bfloat16, float32: GFLOP/s of square products of {matmuls.SQUARE} rows; `-`: no instructions for bfloat16. "
        "limit: what it would be if ours were its matrix products alone.",
        format_table(header, machines, "llrrrrl"),
        format_table(("", "asked for", *kinds), targets, "lr" + "r" * len(kinds)),
        *(render_work(kinds, shape, work) for shape in SHAPES for work in ("training", "prediction")),
        format_table(("our prediction, by text", "on", "characters/s", "peak MB", "rounds"), sorted(texts), "llrrr"),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def render_work(kinds: dict[str, dict], shape: str, work: str) -> str:
    """Training or prediction with one shape of model: a row for each system on each kind of processor."""
    rows = [
        (place, (name, kind, f"{own['speed']:,}", f"{own['gain']:.1f}x", f"{own['utilisation']:.1%}",
                 f"{own['peak_mb']:,}", len(measured["rounds"][name]["seconds"])))
        for kind, found in kinds.items() if (measured := found["shapes"].get(shape, {}).get(work))
        for place, (name, own) in enumerate(measured["sides"].items())
    ]  # fmt: skip
    header = (f"{shape}, {work}", "on", "characters/s", "ours is faster", "utilisation", "peak MB", "rounds")
    return format_table(header, [row for _, row in sorted(rows, key=lambda each: each[0])], "llrrrrr")


def format_table(header: tuple[str, ...], rows: list[tuple[str, ...]], alignment: str) -> str:
    """A Markdown table; alignment: `l` or `r` for each column."""
    lines = [header, ["---:" if side == "r" else "---" for side in alignment], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
