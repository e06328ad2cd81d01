"""The network as one HTML file that needs nothing else; style and manners are those of `cbpner.reports.page`."""

from importlib import resources

from markupsafe import Markup

from cbpner.biology.relations.scene import LEVEL
from cbpner.reports.page import charts
from cbpner.reports.page.sentences import dump_script

UNIT_NAMES = {"sentence": "sentences", "window": "windows of sentences", "patent": "patents"}


def render_page(scene, result, settings) -> str:
    """The page's HTML. settings: [(name, value)], what it was made with."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__package__, "assets"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["dump"] = dump_script
    css = [resources.files("cbpner.reports.page").joinpath("assets", "report.css").read_text(encoding="utf-8")]
    css += [read_asset("network.css")]
    counts = result.relations.counts
    return environment.get_template("network.html.jinja").render(
        scene=scene, css=Markup("\n".join(css)), script=Markup(read_asset("network.js")), counts=counts,
        unit=UNIT_NAMES[scene["unit"]], figures=list_figures(scene, result), precision=result.precision,
        chart=draw_precision(result.precision), notes=list_notes(result), settings=settings,
        tested=sum(counts.tested.values()), has_diseases=any(node[2] != "gene" for node in scene["nodes"]),
    )  # fmt: skip


def read_asset(name):
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def list_figures(scene, result):
    """(number, what it is) of the figures that stand first."""
    q = result.table["q"].to_numpy()
    called = int((q <= LEVEL).sum())
    seen = len(result.relations.counts.pairs["a"])  # before --q
    figures = [(called, f"relations with q ≤ {LEVEL}, of {seen:,} pairs seen often enough")]
    if scene["known"]:
        state, chosen = result.table["state"].to_pylist(), q <= LEVEL if called else q <= 1
        unknown = sum(each not in ("known", None) for each, own in zip(state, chosen, strict=True) if own)
        whose = f"relations with q ≤ {LEVEL} that" if called else f"of all {len(q):,} relations, whatever their q,"
        figures.append((unknown, f"{whose} are in no list of known interactions"))
    figures.append((result.relations.counts.families, "patent families that name any of them"))
    return figures


def draw_precision(precision):
    """A chart of the share of known ones among the first k pairs, or None."""
    if len(precision) < 2:
        return None
    names = (("precision", "found", 0), ("random", "random", 99))
    lines = [
        charts.Line(label, number, [(row["k"], row[name], f"first {row['k']:,}: {row[name]:.3f}") for row in precision])
        for name, label, number in names
    ]
    return charts.draw_lines(lines, "Known ones among the first k relations", "k", "known", floor=0)


def list_notes(result):
    notes = [f"{count:,} {statement}" for statement, count in result.left_out.items()]
    crowded = result.relations.counts.crowded
    return notes + [f"{crowded:,} units with more entities than --crowd, which count for nothing"] * bool(crowded)
