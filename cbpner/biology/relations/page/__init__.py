"""The network as one self-contained HTML page in the style of the report."""

from collections.abc import Iterable
from importlib import resources

from markupsafe import Markup

from cbpner.base.html import open_templates, read_page_style
from cbpner.biology.genes.lexicons import read_reference_genes
from cbpner.biology.relations.network import LEVEL, Network
from cbpner.biology.relations.settings import RelationResult

UNIT_NAMES = {"sentence": "sentences", "window": "windows of sentences", "patent": "patents"}


def render_network_page(network: Network, result: RelationResult, settings: Iterable[tuple[str, str]]) -> str:
    """The page's HTML. settings: (name, value) of what it was made with."""
    assets = resources.files(__package__).joinpath("assets")
    style, script = (assets.joinpath(f"network.{suffix}").read_text(encoding="utf-8") for suffix in ("css", "js"))
    counts = result.counts
    q = result.table["q"].to_numpy()
    called = int((q <= LEVEL).sum())
    found = [(called, f"relations with q ≤ {LEVEL}, of {len(counts.pairs['a']):,} pairs with enough support")]
    figures = found if called else []
    if network["known"]:
        chosen = result.table.filter(q <= LEVEL) if called else result.table
        unknown = sum(state not in ("known", None) for state in chosen["state"].to_pylist())
        whose = f"relations with q ≤ {LEVEL} that" if called else f"of all {len(q):,} relations, whatever their q,"
        figures.append((unknown, f"{whose} are in no list of known interactions"))
    figures.append((counts.families, "patent families that mention any of them"))
    notes = [f"{count:,} {reason}" for reason, count in result.left_out.items()]
    if counts.crowded:
        notes.append(f"{counts.crowded:,} units with more entities than --crowd")
    genes = read_reference_genes()
    reference = [number for number, node in enumerate(network["nodes"]) if node[1] in genes]
    return open_templates(__package__).get_template("network.html.jinja").render(
        network=network | {"reference": reference}, css=Markup(f"{read_page_style()}\n{style}"), counts=counts,
        script=Markup(f"{read_page_style('page.js')}\n{script}"), nothing=None if called else explain_nothing(result),
        unit=UNIT_NAMES[network["unit"]], figures=figures, precision=result.precision,
        notes=notes, settings=settings, tested=sum(counts.tested.values()),
        has_diseases=any(node[2] != "gene" for node in network["nodes"]),
    )  # fmt: skip


def explain_nothing(result: RelationResult) -> str:
    """Why no relation has a q of at most LEVEL."""
    counts, tested = result.counts, sum(result.counts.tested.values())
    if counts.families == 1:
        return "Nothing can be significant: there is one patent family only, and p and q compare families."
    first = result.table.slice(0, 1).to_pylist()[0]
    return (
        f"No relation is significant: none has a q of at most {LEVEL}. The smallest q is {first['q']:.2g}, of "
        f"{first['a']} – {first['b']}, which {first['patents']:,} of {counts.families:,} patent families share "
        f"(p = {first['p']:.2g}). {tested:,} pairs were tested; alone among so many, a pair needs a p of at most "
        f"{LEVEL / tested:.1g}. More patents help, or fewer pairs: a greater least support. What follows is an "
        "order to read in, not a finding."
    )
