"""The network as one HTML file that needs nothing else; style and manners are those of `cbpner.reports.page`."""

from importlib import resources

from markupsafe import Markup

from cbpner.base.html import open_templates, read_page_style
from cbpner.biology.relations.scene import LEVEL

UNIT_NAMES = {"sentence": "sentences", "window": "windows of sentences", "patent": "patents"}


def render_page(scene, result, settings) -> str:
    """The page's HTML. settings: [(name, value)], what it was made with."""
    css = "\n".join([read_page_style(), read_asset("network.css")])
    counts = result.relations.counts
    return open_templates(__package__).get_template("network.html.jinja").render(
        scene=scene, css=Markup(css), script=Markup(read_asset("network.js")), counts=counts,
        unit=UNIT_NAMES[scene["unit"]], figures=list_figures(scene, result), precision=result.precision,
        notes=list_notes(result), settings=settings,
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


def list_notes(result):
    notes = [f"{count:,} {statement}" for statement, count in result.left_out.items()]
    crowded = result.relations.counts.crowded
    return notes + [f"{crowded:,} units with more entities than --crowd, which count for nothing"] * bool(crowded)
