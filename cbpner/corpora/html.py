"""Saved Google Patents pages, as the server sends them (wget, curl) and as a browser saves them after rendering.

The server's page marks everything with `itemprop`; the rendered one has `<patent-text name="claims">` and
`<section id="claims">` instead, and the publication number in its canonical link. Both may contain a machine
translation with each original sentence in `<span class="google-src-text">`; the original is what is read.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from lxml import etree
from lxml import html as lxml_html

from cbpner.base.errors import UnexpectedValue
from cbpner.corpora.document import PatentDocument, find_numbers, normalize_number, parse_date
from cbpner.text.characters import CHINESE, SIGNS_ALONE

EXPECTED_PAGE = "a page saved from patents.google.com/patent/"
BREAK, CELL = "\x1e", "\x1f"  # line breaks and cell borders, until white space is collapsed
BLOCKS = frozenset(
    "abstract address advantageous-effects article background-art best-mode blockquote br caption center citation-list "
    "claim claim-statement claim-text claims dd description description-of-drawings description-of-embodiments "
    "disclosure div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header heading hr "
    "industrial-applicability invention-title li main mode-for-invention ol p patent-text pre section "
    "sequence-list-text summary-of-invention table tbody tech-problem tech-solution technical-field tfoot thead tr "
    "ul".split()
)
CELLS = frozenset(("td", "th"))
SKIPPED_TAGS = frozenset("aside button head iframe noscript script select style svg template textarea".split())
TITLES = frozenset(("h1", "h2", "h3", "h4"))
REGION_TITLE = re.compile(
    r"\s*(?:abstract|claims?|descriptions?|摘要|权利要求书?|说明书)?\s*"
    r"(?:\(\s*\d+\s*\)\s*)?(?:translated from \w+\s*)?",
    re.IGNORECASE,
)
ORIGINAL = "contains(concat(' ', normalize-space(@class), ' '), ' google-src-text ')"
OWN = "[not(ancestor::tr)]"  # tables have other patents' numbers, dates and titles under the same names
REGIONS = (
    "//section[@itemprop='{0}']", "//section[@id='{0}']", "//patent-text[@name='{0}']",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' {0} ')]", "//{0}",
)  # fmt: skip
NUMBERS = (
    f"//dd[@itemprop='publicationNumber']{OWN}", "//meta[@itemprop='publicationNumber']/@content",
    f"//*[@itemprop='publicationNumber']{OWN}", "//meta[@name='citation_patent_publication_number']/@content",
    "//meta[@name='citation_patent_number']/@content", "//*[@id='pubnum']", "//link[@rel='canonical']/@href",
    "//meta[@property='og:url']/@content",
)  # fmt: skip
DATES = (
    f"//time[@itemprop='publicationDate']{OWN}/@datetime", f"//*[@itemprop='publicationDate']{OWN}",
    "//meta[@itemprop='publicationDate']/@content", "//meta[@name='DC.date' and @scheme='issue']/@content",
    "//meta[@name='DC.date' and not(@scheme)]/@content",
)  # fmt: skip
PAGE_TITLES = (f"//*[@itemprop='title']{OWN}", "//*[@id='title']", "//meta[@name='DC.title']/@content")
FAMILY_TITLES = "//*[self::h2 or self::h3 or self::h4][contains(., 'ID')]"
FAMILY = re.compile(r"\s*(?:Family\s+)?ID\s*[=:]\s*(\d+)\s*", re.IGNORECASE)
LINK = re.compile(r"patents\.google\.com/patent/([A-Z]{2}[0-9]+[A-Z]?[0-9]?)\b")
HTML_SPACE = re.compile(r"[ \t\r\n\f]+")
CONTROLS = re.compile(f"[\x00{BREAK}{CELL}]")
WIDE = re.compile(f"[{CHINESE}]")
EXPONENT = re.compile(r"\s*[+\u2212\u2013-]?(?:[0-9]|n\b)")


def parse_page(text: str, name: str, source: str = "") -> PatentDocument:
    """Make the patent of a page's HTML; `name` is its number where the page itself has none.

    Raises UnexpectedValue where it is no patent's page, or has no text.
    """
    try:
        data = CONTROLS.sub("", text).encode("utf-8")
        parser = lxml_html.HTMLParser(encoding="utf-8", huge_tree=True, remove_pis=True)
        page: Any = lxml_html.document_fromstring(data, parser=parser)
    except etree.LxmlError as error:
        raise UnexpectedValue(f"no HTML ({error})", EXPECTED_PAGE) from None
    number = _find_number(page, text)
    if number is None and not page.xpath("//section[@itemprop='description'] | //patent-text"):
        raise UnexpectedValue("neither a publication number nor a description that is marked as one", EXPECTED_PAGE)
    parts = {}
    for part in ("abstract", "claims", "description"):  # the text of the first element that has any
        elements = (element for path in REGIONS for element in page.xpath(path.format(part) + OWN))
        parts[part] = next(filter(None, map(extract_text, elements)), "")
    if not any(parts.values()):
        found = f"neither abstract nor claims nor description of {number or name}"
        raise UnexpectedValue(found, "a page that had loaded when it was saved")
    title = next(_find_values(page, PAGE_TITLES), "")
    is_translated = page.xpath(f"boolean(//*[@itemprop='translatedLanguage'] | //*[{ORIGINAL}])")
    dates = (parse_date(value) for value in _find_values(page, DATES))
    families = (FAMILY.fullmatch(element.text_content()) for element in page.xpath(FAMILY_TITLES))
    return PatentDocument(
        number=number or normalize_number(name),
        date=next(filter(None, dates), None),
        title="" if is_translated and not re.search(r"[\u4e00-\u9fff]", title) else title,
        family=next((match[1] for match in families if match), None),
        source=source,
        **parts,
    )


def _find_values(page: Any, paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        for found in page.xpath(path):
            text = found if isinstance(found, str) else extract_text(found)
            if text.strip():
                yield HTML_SPACE.sub(" ", text.strip())


def _find_number(page: Any, text: str) -> str | None:
    """The page's own publication number: in its mark-up, its links, the browser's note at the top, or its title."""
    for value in _find_values(page, NUMBERS):
        if numbers := LINK.findall(value) if "://" in value else find_numbers(value):
            return normalize_number(numbers[0])
    titles = _find_values(page, ("//title", "//h1"))
    named = [title.partition(" - ")[0] for title in titles if title.endswith("Google Patents")]
    numbers = LINK.findall(text[:2000]) or find_numbers(" ".join(named))
    return numbers[0] if numbers else None


def extract_text(root: Any) -> str:
    """Extract the text of an element: blocks and table rows a line each, tabs between cells, a claim on one line.

    Of an original and its translation only the original is read. 10<sup>6</sup> is 10^6. White space is collapsed as a
    browser does; a line break of the source is nothing between two Chinese characters or next to a Chinese sign.
    """
    pairs = set(root.xpath(f".//*[{ORIGINAL}]/.."))
    pieces: list[str] = []
    inside: Counter[str] = Counter()

    def add_text(text: str | None) -> None:
        if text and (inside["original"] or not inside["pair"]):
            pieces.append(text.replace("\n", BREAK) if inside["pre"] and not inside["line"] else text)

    def add_break(element: Any) -> None:
        if element.tag in BLOCKS:
            pieces.append("\n" if inside["line"] else BREAK)

    walker = etree.iterwalk(root, events=("start", "end", "comment"))
    for event, element in walker:
        if event == "start" and _is_skipped(element):
            walker.skip_subtree()
        elif event == "start":
            add_break(element)
            if element.tag in CELLS:
                pieces.append(CELL)
            ends_in_digit = pieces and pieces[-1][-1:].isdecimal()
            if element.tag == "sup" and ends_in_digit and EXPONENT.match(element.text_content()):
                pieces.append("^")
            inside.update(_list_states(element, pairs))
            add_text(element.text)
        elif event == "end" and not _is_skipped(element):
            inside.subtract(_list_states(element, pairs))
            add_break(element)
        if event != "start" and element is not root:
            add_text(element.tail)
    return _collapse_space("".join(pieces), drop_spaces=bool(pairs))


def _is_skipped(element: Any) -> bool:
    is_heading = element.tag in TITLES and REGION_TITLE.fullmatch(element.text_content())
    return element.tag in SKIPPED_TAGS or bool(is_heading)


def _list_states(element: Any, pairs: set[Any]) -> list[str]:
    """What an element's text is in: `line` (a claim or a cell), `pre`, `pair` (with a translation), `original`."""
    classes = (element.get("class") or "").split()
    states = {
        "line": element.tag in (*CELLS, "claim") or "claim" in classes or "claim-dependent" in classes,
        "pre": element.tag == "pre", "pair": element in pairs, "original": "google-src-text" in classes,
    }  # fmt: skip
    return [state for state, is_in in states.items() if is_in]


def _collapse_space(text: str, drop_spaces: bool) -> str:
    """Collapse white space and write lines and cells. drop_spaces: leave none between two Chinese characters."""

    def collapse(match: re.Match[str]) -> str:
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        is_chinese = WIDE.match(before) and WIDE.match(after)
        is_break = "\n" in match[0] and (is_chinese or before in SIGNS_ALONE or after in SIGNS_ALONE)
        return "" if is_break or (drop_spaces and is_chinese) else " "

    lines = HTML_SPACE.sub(collapse, text).split(BREAK)
    lines = ["\t".join(cell.strip() for cell in line.strip(f" {CELL}").split(CELL)) for line in lines]
    return "\n".join(line for line in lines if line)
