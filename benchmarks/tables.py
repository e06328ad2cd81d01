"""What was measured as Markdown: sides, bars, growth, shares."""

from typing import NamedTuple

from benchmarks import products
from cbpner.base.errors import InputError
from cbpner.base.files import write_text

BEGIN, END = "<!-- python -m benchmarks: begin -->", "<!-- python -m benchmarks: end -->"


class Bar(NamedTuple):
    """What is asked for. path: where its figure stands. least: at least so much, else at most. unit: how it is told."""

    name: str
    path: tuple
    limit: float
    least: bool = True
    unit: str = "x"


MINI = ("shapes", "cbp_mini")
BARS = (
    Bar("training, against the original's pattern", (*MINI, "training", "sides", "original", "gain"), 30),
    Bar("training, against transformers with dynamic padding",
        (*MINI, "training", "sides", "transformers, dynamic padding", "gain"), 5),
    Bar("training, utilisation", (*MINI, "training", "sides", "ours", "utilisation"), 0.55, unit="%"),
    Bar("prediction, against the original's pattern", (*MINI, "prediction", "sides", "original", "gain"), 15),
    Bar("prediction, against the pipeline at its best", (*MINI, "prediction", "sides", "pipeline", "gain"), 6),
    Bar("prediction, utilisation", (*MINI, "prediction", "sides", "ours", "utilisation"), 0.75, unit="%"),
    Bar("the CRF's share of a step, `described`", ("shares", "crf_described"), 0.05, least=False, unit="%"),
    Bar("the CRF's share of a step, `coded`", ("shares", "crf_coded"), 0.05, least=False, unit="%"),
    Bar("its decoding, of prediction, `described`", ("shares", "outside_described", "decoding"), 0.05, False, "%"),
    Bar("its decoding, of prediction, `coded`", ("shares", "outside_coded", "decoding"), 0.05, False, "%"),
    Bar("reading, cutting, encoding: share of prediction", ("shares", "outside", "reading"), 0.02, False, "%"),
    Bar("`cbpner predict` on one sentence, start to end", ("shares", "start"), 3.0, False, "s"),
)  # fmt: skip


def find_value(found, path):
    """The figure at a path, or None; a name that is not there means the one that begins with it."""
    for name in path:
        if not isinstance(found, dict):
            return None
        name = next((each for each in found if each == name or each.startswith(f"{name},")), None)
        if name is None:
            return None
        found = found[name]
    return found


def tell(value, unit):
    """A figure with its unit: `x` times, `%` of a share, `s` seconds."""
    if value is None:
        return "not measured"
    return f"{100 * value:.1f}%" if unit == "%" else f"{value:.1f} s" if unit == "s" else f"{value:.1f}x"


def list_bars(found, bars):
    """[(name, asked for, measured, `yes`, `no` or `-`, what a gain would be if ours were its products alone)]."""
    rows = []
    for bar in bars:
        value = find_value(found, bar.path)
        met = "-" if value is None else "yes" if (value >= bar.limit if bar.least else value <= bar.limit) else "no"
        asked = ("at least " if bar.least else "at most ") + tell(bar.limit, bar.unit)
        busy = find_value(found, (*bar.path[:-2], "ours", "utilisation")) if bar.path[-1] == "gain" else None
        most = "-" if value is None or busy is None else tell(value / busy, bar.unit)
        rows.append((bar.name, asked, tell(value, bar.unit), met, most))
    return rows


def render(found, bars) -> str:
    """All tables."""
    parts = [
        f"`{found['command'].strip()}`, {found['threads']} thread(s), sentences of {found['sentences']}.",
        table(("", "asked for", "measured", "met", "at the bf16 limit"), list_bars(found, bars), "lrrlr"),
    ]
    if "rates" in found:
        rates = " and ".join(f"{rate} GFLOP/s in {name}" for name, rate in found["rates"].items())
        parts.append(f"Square products of {products.SQUARE} rows reached {rates} in this run.")
    for name, shape in found["shapes"].items():
        sizes, text = shape["shape"], shape["sentences"]
        parts.append(
            f"### {name}: {sizes['layers']} layers of width {sizes['width']}\n\n{text['sentences']} sentences, "
            f"{text['characters']:,} characters; median {text['median']}, longest {text['longest']}. "
            f"Trainer: batches of {shape['batch']} sentences."
        )
        for kind in ("training", "prediction"):
            rows = [
                (
                    side,
                    f"{own['speed']:,}",
                    f"{own['gain']:.1f}x",
                    f"{100 * own['utilisation']:.1f}%",
                    f"{own['peak_mb']:,}",
                )
                for side, own in shape[kind]["sides"].items()
            ]
            parts.append(table((kind, "characters/s", "ours is faster", "utilisation", "peak MB"), rows, "lrrrr"))
    if "growth" in found:
        rows = [(name, f"{own['speed']:,}", f"{own['peak_mb']:,}") for name, own in found["growth"].items()]
        counts = sorted({own["rounds"] for own in found["growth"].values()})
        of = f"medians of {' and '.join(map(str, counts))} round{'' if counts == [1] else 's'}"
        parts.append(table((f"our prediction, by text ({of})", "characters/s", "peak MB"), rows, "lrr"))
    if "shares" in found:
        repetition, outside = found["shares"]["repetition"], found["shares"]["outside"]
        parts.append(
            f"Deciding (decoding, probabilities) takes {tell(outside['deciding'], '%')} of prediction, "
            f"{_tell_variants(found['shares'])}. Of the file's "
            f"{repetition['sentences']:,} sentences {repetition['again']:,} stand in it before, "
            f"{tell(repetition['share_of_characters'], '%')} of its characters; prediction tags them once."
        )
    return "\n\n".join(parts) + "\n"


def _tell_variants(shares):
    """What deciding takes where a CRF decodes."""
    names = [name.removeprefix("outside_") for name in shares if name.startswith("outside_")]
    told = (f"{tell(shares[f'outside_{name}']['deciding'], '%')} of `partBERT_CRF_{name}`'s" for name in names)
    return " and ".join(told)


def table(head, rows, sides):
    """A Markdown table; sides: `l` or `r` for each column."""
    lines = [head, ["---:" if side == "r" else "---" for side in sides], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def write_tables(path, found, bars):
    """Put the tables between the marks of a Markdown file."""
    put_between(path, BEGIN, END, render(found, bars))


def put_between(path, begin, end, text):
    """Replace what stands between two marks of a file."""
    page = path.read_text(encoding="utf-8")
    if page.count(begin) != 1 or page.count(end) != 1:
        raise InputError(f"{path}: found no marks {begin} and {end}; expected each of them once")
    before, rest = page.split(begin)
    write_text(path, f"{before}{begin}\n{text}{end}{rest.split(end)[1]}")
