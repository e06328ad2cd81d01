"""What all pages share, and the page of tagged documents: legible, nothing hidden, and what its script does."""

import re
from html import unescape

import pytest
from conftest import open_page as open_in

from cbpner.base.html import open_templates, read_page_style, show_controls, style_types
from cbpner.formats.document import Document, Span
from cbpner.prediction.html_page import abbreviate, open_page, open_page_writer, render_document


@pytest.mark.parametrize("hidden", [*"\x00\x1b\x7f\x85\x9b\u061c\u200e\u202e\u2066\ud800\ufffe"], ids=ascii)
def test_pages_show_what_is_hidden(hidden):
    """Each is one character, so that offsets hold; line breaks and tabs stay."""
    text = f"甲{hidden}\t\n乙"
    document = Document(text, text, [Span(0, 3, text, score=0.5)])
    page = open_templates("cbpner.reports.page").from_string("<b title='{{ text }}'>{{ [text] | dump }}</b>")
    shown = show_controls(text)
    assert len(shown) == len(text) and shown[2:] == text[2:]
    for html in (page.render(text=text), open_page([text], text) + render_document(document, [text])):
        assert hidden not in html and shown[:2] in html


def measure_luminance(colour):
    linear = [(v / 255 / 12.92 if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4) for v in colour]
    return sum(share * value for share, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_types_are_told_apart_in_light_and_dark_and_without_colour():
    style = read_page_style()
    share = int(re.search(r"background: color-mix\(in srgb, var\(--c\) (\d+)%", style)[1]) / 100
    for scheme in style.split("@media")[:2]:  # light, dark
        colours = {name: bytes.fromhex(code) for name, code in re.findall(r"--(\w+): #(\w{6})", scheme)}
        for own in (colours[f"t{number}"] for number in range(7)):
            ground = [share * mark + (1 - share) * paper for mark, paper in zip(own, colours["paper"], strict=True)]
            darker, lighter = sorted(map(measure_luminance, (own, ground)))
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5  # WCAG's contrast
    assert list(style_types(["drug", "Disease", "gene", "cell"]).values()) == ["t4", "t2", "t0", "t3"]
    assert abbreviate(["drug", "Disease", "gene"]) == {"Disease": "D", "gene": "G", "drug": "Dr"}


def write_page(path, *documents):
    with open(path, "w", encoding="utf-8") as file:
        pages, types = [("ERBB2", "https://genes.test/ERBB2")], ["gene", "protein", "disease", "drug"]
        with open_page_writer(file, types, "Title", lambda *own: pages * (own == ("gene", "HER2"))) as write:
            list(map(write, documents))
    return path


def test_the_text_is_whole_and_nothing_of_it_is_markup(tmp_path):
    text = "<script>alert(1)</script>&amp;HER2\0\x1b甲\n摘要\nClaims:\n" + "乙\n" * 2000
    spans = [Span(0, 8, "gene", None, 0.5), Span(30, 34, "protein", None, 0.25), Span(36, 40, "drug")]
    html = write_page(tmp_path / "d.html", Document("<b>", text, spans)).read_text(encoding="utf-8")
    body = html[html.index("<main") : html.index("</main>")]
    blocks = re.findall('<(div|h3|h4) class="text"[^>]*>(.*?)</\\1>', body, re.DOTALL)
    assert [tag for tag, _ in blocks] == ["div", "h3", "div", "div"]  # no heading in a span, and long text in blocks
    shown = unescape(re.sub("<[^>]*>", "", "".join(inside for _, inside in blocks)))
    assert shown == text.replace("\0", "␀").replace("\x1b", "␛")
    marks = re.findall('<mark class="(t.)" [^>]*data-label="(.*?)"[^>]*>(.*?)</mark>', body, re.DOTALL)
    assert marks == [("t0", "G", "&lt;script&gt;"), ("t1", "P", "HER2"), ("t3", "Dr", "甲\n摘要")]
    assert set(re.findall(r"<(\w+)", body)) == {"main", "section", "h2", "p", "div", "h3", "mark"}


@pytest.fixture(scope="module")
def two_patents(tmp_path_factory):
    """A patent with a title and sections, and one with neither."""
    first = "一种药物\n摘要\nHER2与EGFR。\n权利要求书\n1.HER2，乳腺癌。\n说明书\n[0001]技术领域\n" + "无关。\n" * 3000
    names = {"HER2": "gene", "EGFR": "protein", "乳腺癌": "disease"}
    places = [(match.start(), match.end(), names[match[0]]) for match in re.finditer("|".join(names), first)]
    spans = [Span(*place, None, score) for place, score in zip(places, (0.9, 0.45, 0.7, 0.6), strict=True)]
    second = Document("CN2", "EGFR与HER2。", [Span(0, 4, "protein", None, 0.8), Span(6, 10, "protein", None, 0.3)])
    return write_page(tmp_path_factory.mktemp("pages") / "d.html", Document("CN1", first, spans), second)


@pytest.mark.slow
@pytest.mark.parametrize("width", [400, 1280])
def test_finding_and_filtering_in_chromium(chromium, two_patents, width):
    page, said, asked = open_in(chromium, two_patents, width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.evaluate("for (const part of document.querySelectorAll('#tools details')) part.open = true")

    def list_entities():
        return [text.split("\n") for text in page.locator("#entities li").all_inner_texts()]

    def count_marks(look):
        return page.locator(f"main mark{look}").count()

    assert page.locator("#contents > li > a").all_inner_texts() == ["一种药物", "CN2"]
    assert list_entities() == [["HER2", "ERBB2", "2"], ["EGFR", "1"], ["乳腺癌", "1"]] and count_marks(".unsure") == 2
    assert page.get_attribute("#entities a", "href") == "https://genes.test/ERBB2"
    page.fill("#score", "0.4")
    assert list_entities()[0] == ["EGFR", "2"] and count_marks(".unsure") == 1
    page.uncheck("#types [value=protein]")
    assert [row[0] for row in list_entities()] == ["HER2", "乳腺癌"] and count_marks(".off") == 3
    page.click("#entities button >> nth=0")
    assert page.inner_text("#place") == "1 of 2" and page.inner_text("mark.here") == "HER2"
    page.click("#next")
    assert page.inner_text("#place") == "2 of 2" and page.is_disabled("#next")
    page.keyboard.press("p")
    assert page.inner_text("#place") == "1 of 2"
    page.check("#types [value=protein]")
    page.fill("#search", "her2")
    page.press("#search", "Enter")
    assert page.inner_text("#place") == "1 of 3" and [row[0] for row in list_entities()] == ["HER2"]
    page.press("#search", "Shift+Enter")
    page.fill("#search", "(")
    page.press("#search", "Enter")
    assert page.inner_text("#place") == "0" and page.is_disabled("#next")
    page.fill("#search", "")
    page.click("#contents a:has-text('CN2')")
    page.wait_for_selector("#contents li.current:has-text('CN2')")
    page.click("#next")
    assert page.inner_text("mark.here") == "EGFR" and page.locator("mark.here").is_visible()
    page.click("#contents a:has-text('一种药物')")
    page.wait_for_selector("#contents li.current:has-text('一种药物')")
    assert page.locator("#contents .current ul a").all_inner_texts() == ["摘要", "权利要求书", "说明书", "技术领域"]
    assert not said and set(asked) == {two_patents.as_uri()}
    page, *_ = open_in(chromium, two_patents, 1280, java_script_enabled=False)
    assert page.is_hidden("#tools") and page.is_visible("main mark") and page.is_visible(".legend")
