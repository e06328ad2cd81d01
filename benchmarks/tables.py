"""What `python -m benchmarks` measured, as Markdown."""

from typing import Any, NamedTuple

from benchmarks import matmuls

BEGIN, END = "<!-- python -m benchmarks: begin -->", "<!-- python -m benchmarks: end -->"


class Target(NamedTuple):
    """What is asked for.

    Attributes:
        name: For people.
        path: Keys that lead to the figure.
        limit: At least this much; at most, if not `is_least`.
        unit: `x` times, `%` of a share, `s` seconds.
    """

    name: str
    path: tuple[str, ...]
    limit: float
    is_least: bool = True
    unit: str = "x"


MINI = ("shapes", "cbp_mini")
TARGETS = (
    Target("training, against the original's pattern", (*MINI, "training", "sides", "original", "gain"), 30),
    Target("training, against transformers with dynamic padding",
           (*MINI, "training", "sides", "transformers, dynamic padding", "gain"), 5),
    Target("training, utilisation", (*MINI, "training", "sides", "ours", "utilisation"), 0.55, unit="%"),
    Target("prediction, against the original's pattern", (*MINI, "prediction", "sides", "original", "gain"), 15),
    Target("prediction, against the pipeline at its best", (*MINI, "prediction", "sides", "pipeline", "gain"), 6),
    Target("prediction, utilisation", (*MINI, "prediction", "sides", "ours", "utilisation"), 0.75, unit="%"),
    Target("`cbpner predict` on one sentence, start to end", ("shares", "start"), 3.0, False, "s"),
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


def format_figure(value: float | None, unit: str) -> str:
    if value is None:
        return "not measured"
    return f"{100 * value:.1f}%" if unit == "%" else f"{value:.1f} s" if unit == "s" else f"{value:.1f}x"


def list_targets(found: dict, targets: tuple[Target, ...] = TARGETS) -> list[tuple[str, ...]]:
    """(name, asked for, measured, `yes`, `no` or `-`, what a gain would be if ours were its matrix products alone)."""
    rows = []
    for target in targets:
        value = find_value(found, target.path)
        holds = value is not None and (value >= target.limit if target.is_least else value <= target.limit)
        asked = ("at least " if target.is_least else "at most ") + format_figure(target.limit, target.unit)
        busy = find_value(found, (*target.path[:-2], "ours", "utilisation")) if target.path[-1] == "gain" else None
        most = "-" if value is None or busy is None else format_figure(value / busy, target.unit)
        met = "-" if value is None else "yes" if holds else "no"
        rows.append((target.name, asked, format_figure(value, target.unit), met, most))
    return rows


def render(found: dict) -> str:
    """All tables."""
    parts = [
        f"`{found['command'].strip()}`, {found['threads']} thread(s), sentences of {found['sentences']}.",
        format_table(("", "asked for", "measured", "met", "at the bf16 limit"), list_targets(found), "lrrlr"),
    ]
    if "rates" in found:
        rates = " and ".join(f"{rate} GFLOP/s in {name}" for name, rate in found["rates"].items())
        parts.append(f"Square products of {matmuls.SQUARE} rows reached {rates} in this run.")
    for name, shape in found["shapes"].items():
        parts += render_shape(name, shape)
    if "growth" in found:
        rows = [(name, f"{own['speed']:,}", f"{own['peak_mb']:,}") for name, own in found["growth"].items()]
        counts = sorted({own["rounds"] for own in found["growth"].values()})
        of = f"medians of {' and '.join(map(str, counts))} round{'' if counts == [1] else 's'}"
        parts.append(format_table((f"our prediction, by text ({of})", "characters/s", "peak MB"), rows, "lrr"))
    return "\n\n".join(parts) + "\n"


def render_shape(name: str, shape: dict) -> list[str]:
    """The sections of one shape of model: training, prediction."""
    sizes, text = shape["shape"], shape["sentences"]
    parts = [
        f"### {name}: {sizes['layers']} layers of width {sizes['width']}",
        f"{text['sentences']} sentences, {text['characters']:,} characters; median {text['median']}, longest "
        f"{text['longest']}. Trainer: batches of {shape['batch']} sentences.",
    ]
    for kind in ("training", "prediction"):
        rows = [
            (name, f"{own['speed']:,}", f"{own['gain']:.1f}x", f"{own['utilisation']:.1%}", f"{own['peak_mb']:,}")
            for name, own in shape[kind]["sides"].items()
        ]
        parts.append(format_table((kind, "characters/s", "ours is faster", "utilisation", "peak MB"), rows, "lrrrr"))
    return parts


def format_table(header: tuple[str, ...], rows: list[tuple[str, ...]], alignment: str) -> str:
    """A Markdown table; alignment: `l` or `r` for each column."""
    lines = [header, ["---:" if side == "r" else "---" for side in alignment], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
