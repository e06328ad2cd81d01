"""The page of `cbpner relations`: self-contained, escaped, and what it does in a browser."""

import csv
import json
import re
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import open_page
from test_relations import LEXICON, make_row, run

from cbpner.biology.genes.lexicons import read_reference_genes
from cbpner.biology.relations import page as network_page

EVIL = "</script><script>alert(1)</script>&<img src=x onerror=alert(2)>"
KNOWN = "BBB2\tAAA1\nBBB2\tDDD4\nCCC3\tDDD4\n"
TITLE = "<i>Genes</i>"

# AAA1-BBB2 in three families from 2009 on, known; BBB2-CCC3 in two from 2012 on, joined by DDD4
ROWS = [
    make_row("CN100000001A", f"AAA1与{EVIL}BBB2。CCC3。", date=20100101),
    make_row("CN100000002A", "AAA1与BBB2。BBB2与CCC3。", date=20120101),
    make_row("CN100000003A", "AAA1与BBB2。BBB2与CCC3。DDD4。", date=20130101),
    make_row("CN100000001B", "AAA1与BBB2。", date=20090101),
]


def write_page(folder, *flags):
    """Write the page of ROWS; its path."""
    (folder / "hgnc.tsv").write_text(LEXICON, encoding="utf-8")
    (folder / "known.tsv").write_text(KNOWN, encoding="utf-8")
    flags = ("--known", folder / "known.tsv", "--overwrite", *flags)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network_page, "read_reference_genes", lambda: {"CCC3"})
        assert run(folder, str(folder / "hgnc.tsv"), *flags, rows=ROWS, out="network.html") == 0
    return folder / "network.html"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("page"), "--title", TITLE)


def read_data(html):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)[1])


def test_the_page_needs_nothing_else_and_escapes_texts(page_file):
    html = page_file.read_text(encoding="utf-8")
    assert "<script>alert" not in html and "<img" not in html and TITLE not in html
    assert "&lt;i&gt;Genes&lt;/i&gt;" in html
    assert html.count("<script") == html.count("</script>") == 2
    assert not re.search(r'(src|href)="(?!#|data:,)', html) and "@import" not in html and "url(" not in html
    assert "default-src 'none'" in html


def test_what_the_page_holds(page_file):
    html = page_file.read_text(encoding="utf-8")
    data = read_data(html)
    assert [node[1] for node in data["nodes"]] == ["AAA1", "BBB2", "CCC3"] and len(data["edges"]) == 2
    at = {name: place + 2 for place, name in enumerate(data["columns"])}
    states = {data["nodes"][edge[0]][1] + data["nodes"][edge[1]][1]: edge for edge in data["edges"]}
    shown = [at[name] for name in ("patents", "state", "first_year")]
    assert {pair: tuple(edge[place] for place in shown) for pair, edge in states.items()} == {
        "AAA1BBB2": (3, "known", 2009), "BBB2CCC3": (2, "path", 2012),
    }  # fmt: skip
    place = next(place for place in data["evidence"][data["edges"].index(states["AAA1BBB2"])] if "01A" in place[0])
    patent, year, ((document, start, text, marks),) = place
    assert (patent, year, document, start) == ("CN100000001A", 2010, "CN100000001A", 0)
    assert [text[first:last] for first, last, *_ in marks] == ["AAA1", "BBB2"] and EVIL in text
    assert "random, same degrees" in html and "known.tsv" in html
    assert data["reference"] == [2] and {"GAPDH", "ACTB", "TUBB", "RNA18SN1"} < read_reference_genes()


@pytest.mark.slow
def test_the_figures_on_top(tmp_path):
    """None has a q of at most 0.05, and why; --q leaves one of two pairs, --drawn draws one of two."""
    html = write_page(tmp_path).read_text(encoding="utf-8")
    figures = re.compile('<span class="value">([0-9,]+)</span>')
    assert figures.findall(html) == ["1", "3"] and "all 2 relations" in html
    assert "AAA1 – BBB2" in re.search('class="nothing">(.*?)</p>', html)[1]
    q = sorted(edge[read_data(html)["columns"].index("q") + 2] for edge in read_data(html)["edges"])
    html = write_page(tmp_path, "--q", (q[0] + q[1]) / 2).read_text(encoding="utf-8")
    assert "all 1 relations" in html
    html = write_page(tmp_path, "--drawn", 1).read_text(encoding="utf-8")
    assert "smallest p of 2." in html and len(read_data(html)["edges"]) == 1


def list_cells(page, table, column):
    return page.locator(f"#{table} tbody tr > :nth-child({column})").all_inner_texts()


def wait_for(page, text):
    page.wait_for_function("text => document.getElementById('count').textContent === text", arg=text, timeout=3000)


@pytest.mark.slow
def test_the_network_in_chromium(chromium, page_file):
    page, said, asked = open_page(chromium, page_file, 1300)
    wait_for(page, "2 of 2 relations, 3 entities")
    assert page.locator("#nodes > :visible").count() == 3
    assert set(page.locator("#labels text").all_text_contents()) == {"AAA1", "BBB2", "CCC3"}

    page.evaluate("document.getElementById('network').scrollIntoView()")
    circle = page.locator("#nodes circle").first.bounding_box()
    page.mouse.move(circle["x"] + 4, circle["y"] + 4)
    assert page.locator("#tip").inner_text().startswith("AAA1 HGNC:1")
    assert page.locator("#nodes .faded").count() == 1
    page.mouse.move(1, 1)
    assert page.locator("#tip").is_hidden() and not page.locator("#nodes .faded").count()
    page.locator(".groups button").first.click()
    members = page.locator("#nodes > :not(.faded)").count()
    assert members == page.locator("#entity-table td:nth-child(7)", has_text="1").count() > 0

    line = page.locator("#edges line.path").bounding_box()
    page.mouse.click(line["x"] + line["width"] / 2, line["y"] + line["height"] / 2)
    assert page.locator("#details h3").inner_text() == "BBB2 – CCC3"
    assert page.locator("#details .state").inner_text() == "not known, joined by a third"
    assert [link.get_attribute("href").split("/")[2] for link in page.locator("#details .about a").all()] == [
        "www.genenames.org", "www.ncbi.nlm.nih.gov", "www.genenames.org", "www.ncbi.nlm.nih.gov", "patents.google.com"
    ]  # fmt: skip
    assert page.locator("#details li").count() == 2
    assert page.locator("#details li mark").all_inner_texts() == ["BBB2", "CCC3"] * 2

    page.locator("#relation-table tbody button", has_text="AAA1").click()
    texts = page.locator("#details .text").all_text_contents()
    assert len(texts) == 4 and any(f"AAA1与{EVIL}BBB2。" == text for text in texts)
    assert "first in CN100000001B, 2009" in page.locator("#details .about").inner_text()
    assert page.locator("#relation-table tbody tr.chosen").count() == 1

    circle = page.locator("#nodes circle").nth(1).bounding_box()
    page.mouse.click(circle["x"] + circle["width"] / 2, circle["y"] + circle["height"] / 2)
    assert page.locator("#details h3").inner_text() == "BBB2"
    assert page.locator("#details tbody tr").count() == 2
    assert not said and asked == [page_file.as_uri()]
    page.close()


@pytest.mark.slow
def test_labels_keep_off_nodes_in_chromium(chromium, page_file, tmp_path):
    html = page_file.read_text(encoding="utf-8")
    data = read_data(html)
    data["nodes"] = [[f"X:{n}", f"GENE{n}", "gene", n % 3, 20 * (n % 6), 15 * (n // 6), 1, 1] for n in range(36)]
    data["edges"] = [[n, n + 1, *data["edges"][0][2:]] for n in range(35)]
    data |= {"evidence": [[]] * 35, "reference": []}
    crowded = tmp_path / "crowded.html"
    crowded.write_text(re.sub('(id="data">).*?(</script>)', rf"\1{json.dumps(data)}\2", html, flags=re.S), "utf-8")
    page, said, _ = open_page(chromium, crowded, 700)
    wait_for(page, "35 of 35 relations, 36 entities")
    page.wait_for_timeout(200)
    middles = """(what) => [...document.querySelectorAll(what)].map((one) => one.getBoundingClientRect())
        .map((box) => [box.x + box.width / 2, box.y + box.height / 2, box.width / 2, box.height / 2])"""
    nodes, labels = (page.evaluate(middles, what) for what in ("#nodes > *", "#labels text"))
    assert len(labels) > 5 and not said
    assert not any(abs(x - u) < w - 1 and abs(y - v) < h - 1 for x, y, *_ in nodes for u, v, w, h in labels)
    page.close()


@pytest.mark.slow
def test_filters_search_and_sorting_in_chromium(chromium, page_file):
    page, said, _ = open_page(chromium, page_file, 400)
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    for name, value, expected in (
        ("state", "known", ["AAA1 – BBB2"]),
        ("state", "unknown", ["BBB2 – CCC3"]),
        ("state", "new", []),
        ("from", "2012", ["BBB2 – CCC3"]),
        ("to", "2009", ["AAA1 – BBB2"]),
        ("patents", "3", ["AAA1 – BBB2"]),
        ("entity", "ccc", ["BBB2 – CCC3"]),
        ("entity", "hgnc:1", ["AAA1 – BBB2"]),
        ("search", "与CCC3", ["BBB2 – CCC3"]),
        ("reference", None, ["AAA1 – BBB2"]),
        ("search", "cn100000002a", ["AAA1 – BBB2", "BBB2 – CCC3"]),
    ):
        page.click("#filters button[type=reset]")
        wait_for(page, "2 of 2 relations, 3 entities")
        field = page.locator(f"#filters [name={name}]")
        if name == "reference":
            field.check()
        else:
            field.select_option(value) if name in ("state", "from", "to") else field.fill(value)
        page.wait_for_timeout(250)
        wait_for(page, f"{len(expected)} of 2 relations, {min(2 * len(expected), 3)} entities")
        assert sorted(list_cells(page, "relation-table", 1)) == expected, (name, value)
        assert page.locator("#empty").is_visible() == (not expected)
    page.click("#filters button[type=reset]")
    wait_for(page, "2 of 2 relations, 3 entities")
    head = page.locator("#entity-table thead button", has_text="name")
    head.click()
    assert list_cells(page, "entity-table", 1) == ["AAA1", "BBB2", "CCC3"]
    head.click()
    assert list_cells(page, "entity-table", 1) == ["CCC3", "BBB2", "AAA1"]
    page.locator("#relation-table thead button", has_text="families").click()
    assert list_cells(page, "relation-table", 2) == ["3", "2"]
    with page.expect_download() as download:
        page.click("#save")
    svg = ElementTree.parse(download.value.path()).getroot()
    circles = svg.findall(".//{http://www.w3.org/2000/svg}circle")
    assert len(circles) == 3 and all(circle.get("fill").startswith("rgb") for circle in circles)
    page.locator("#filters [name=reference]").check()
    wait_for(page, "1 of 2 relations, 2 entities")
    for button, expected in (("save-nodes", {"AAA1", "BBB2"}), ("save-edges", {"AAA1"})):
        with page.expect_download() as download:
            page.click(f"#{button}")
        rows = list(csv.DictReader(download.value.path().read_text(encoding="utf-8").splitlines()))
        assert {row.get("name", row.get("a")) for row in rows} == expected and {"patents", "units"} < set(rows[0])
    assert not said
    page.close()
