"""The network as one self-contained HTML page in the style of the report."""

from collections.abc import Iterable

from markupsafe import Markup

from cbpner.base.html import open_templates, read_asset, read_page_style
from cbpner.biology.genes.lexicons import read_reference_genes
from cbpner.biology.relations.network import LEVEL, Network
from cbpner.biology.relations.settings import RelationResult

UNIT_NAMES = {"sentence": "sentences", "window": "windows of sentences", "patent": "patents"}


def render_network_page(network: Network, result: RelationResult, settings: Iterable[tuple[str, str]]) -> str:
    """The page's HTML. settings: (name, value) of what it was made with."""
    style, script = (read_asset(__package__, f"network.{suffix}") for suffix in ("css", "js"))
    counts = result.counts
    is_called = result.table["q"].to_numpy() <= LEVEL
    chosen = result.table.filter(is_called) if is_called.any() else result.table
    unknown = sum(state not in ("known", None) for state in chosen["state"].to_pylist())
    genes = read_reference_genes()
    reference = [number for number, node in enumerate(network["nodes"]) if node[1] in genes]
    return open_templates(__package__).get_template("network.html.jinja").render(
        network=network | {"reference": reference}, css=Markup(f"{read_page_style()}\n{style}"), counts=counts,
        script=Markup(f"{read_page_style('page.js')}\n{script}"), level=LEVEL,
        unit=UNIT_NAMES[network["unit"]], called=int(is_called.sum()), relations=result.table.num_rows, unknown=unknown,
        first=result.table.slice(0, 1).to_pylist()[0], precision=result.precision, left_out=result.left_out,
        settings=settings, tested=sum(counts.tested.values()),
        has_diseases=any(node[2] != "gene" for node in network["nodes"]),
    )  # fmt: skip
