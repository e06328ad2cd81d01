"""Saved Google Patents pages: as the server sends them (wget, curl), and as a browser saves what it has rendered.

The server's page marks everything with `itemprop`; the rendered one has `<patent-text name="claims">` and
`<section id="claims">` instead, and the publication number in its canonical link. Both may hold a machine translation
that wraps each original sentence in `<span class="google-src-text">`; the original is what is read.
"""

import re
from collections import Counter

from lxml import etree
from lxml import html as lxml_html

from cbpner.corpora.document import PatentDocument, UnreadableError, find_numbers, normalize_number, parse_date
from cbpner.text.characters import CHINESE, SIGNS_ALONE

BREAK, CELL = "\x1e", "\x1f"  # stand for line breaks and cell borders until white space is settled
BLOCKS = frozenset(
    "abstract address advantageous-effects article background-art best-mode blockquote br caption center citation-list "
    "claim claim-statement claim-text claims dd description description-of-drawings description-of-embodiments "
    "disclosure div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header heading hr "
    "industrial-applicability invention-title li main mode-for-invention ol p patent-text pre section "
    "sequence-list-text summary-of-invention table tbody tech-problem tech-solution technical-field tfoot thead tr "
    "ul".split()
)
CELLS = frozenset(("td", "th"))
SKIPPED = frozenset("aside button head iframe noscript script select style svg template textarea".split())
TITLES = frozenset(("h1", "h2", "h3", "h4"))
REGION_TITLE = re.compile(
    r"\s*(?:abstract|claims?|descriptions?|摘要|权利要求书?|说明书)?\s*"
    r"(?:\(\s*\d+\s*\)\s*)?(?:translated from \w+\s*)?",
    re.IGNORECASE,
)
ORIGINAL = "contains(concat(' ', normalize-space(@class), ' '), ' google-src-text ')"
OWN = "[not(ancestor::tr)]"  # the tables hold other patents' numbers, dates and titles under the same names
REGIONS = (
    "//section[@itemprop='{0}']",
    "//section[@id='{0}']",
    "//patent-text[@name='{0}']",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' {0} ')]",
    "//{0}",
)
NUMBERS = (
    f"//dd[@itemprop='publicationNumber']{OWN}",
    "//meta[@itemprop='publicationNumber']/@content",
    f"//*[@itemprop='publicationNumber']{OWN}",
    "//meta[@name='citation_patent_publication_number']/@content",
    "//meta[@name='citation_patent_number']/@content",
    "//*[@id='pubnum']",
    "//link[@rel='canonical']/@href",
    "//meta[@property='og:url']/@content",
)
DATES = (
    f"//time[@itemprop='publicationDate']{OWN}/@datetime",
    f"//*[@itemprop='publicationDate']{OWN}",
    "//meta[@itemprop='publicationDate']/@content",
    "//meta[@name='DC.date' and @scheme='issue']/@content",
    "//meta[@name='DC.date' and not(@scheme)]/@content",
)
PAGE_TITLES = (
    f"//*[@itemprop='title']{OWN}",
    "//*[@id='title']",
    "//meta[@name='DC.title']/@content",
)
FAMILY_TITLES = "//*[self::h2 or self::h3 or self::h4][contains(., 'ID')]"
FAMILY = re.compile(r"\s*(?:Family\s+)?ID\s*[=:]\s*(\d+)\s*", re.IGNORECASE)
LINK = re.compile(r"patents\.google\.com/patent/([A-Z]{2}[0-9]+[A-Z]?[0-9]?)\b")
HAN = re.compile(r"[\u4e00-\u9fff]")
HTML_SPACE = re.compile(r"[ \t\r\n\f]+")
CONTROLS = re.compile(f"[\x00{BREAK}{CELL}]")
WIDE = re.compile(f"[{CHINESE}]")
PARSER_OPTIONS = {"encoding": "utf-8", "huge_tree": True, "remove_pis": True}


def read_page(text, name, source=""):
    """The PatentDocument of a page's HTML; UnreadableError where it is no patent's page, or has no text.

    name: the file's name without suffix, the patent's number where the page itself gives none.
    """
    page = parse_html(text)
    number = find_number(page, text)
    if number is None and not page.xpath("//section[@itemprop='description'] | //patent-text"):
        raise UnreadableError(
            "no patent: found neither a publication number nor a description that is marked as one; expected a page "
            "saved from patents.google.com/patent/"
        )
    parts = {part: read_region(page, part) for part in ("abstract", "claims", "description")}
    if not any(parts.values()):
        raise UnreadableError(
            f"page of {number or name} without text: found neither abstract nor claims nor description; save the page "
            "again when it has loaded"
        )
    dates = (parse_date(value) for value in find_values(page, DATES))
    return PatentDocument(
        number=number or normalize_number(name),
        date=next(filter(None, dates), None),
        title=find_title(page),
        family=find_family(page),
        source=source,
        **parts,
    )


def parse_html(text):
    """The root element of a page."""
    try:
        data = CONTROLS.sub("", text).encode("utf-8")
        return lxml_html.document_fromstring(data, parser=lxml_html.HTMLParser(**PARSER_OPTIONS))
    except etree.LxmlError as error:
        raise UnreadableError(f"no HTML ({error}); expected a page saved from patents.google.com/patent/") from None


def find_values(page, paths):
    """The texts of what the paths find, in the order of the paths."""
    for path in paths:
        for found in page.xpath(path):
            text = found if isinstance(found, str) else extract_text(found)
            if text.strip():
                yield HTML_SPACE.sub(" ", text.strip())


def find_number(page, text):
    """The page's own publication number, or None: its mark-up, its links, what the browser noted, its title."""
    for value in find_values(page, NUMBERS):
        if numbers := LINK.findall(value) if "://" in value else find_numbers(value):
            return normalize_number(numbers[0])
    titles = find_values(page, ("//title", "//h1"))
    named = [title.partition(" - ")[0] for title in titles if title.endswith("Google Patents")]
    numbers = LINK.findall(text[:2000]) or find_numbers(" ".join(named))
    return numbers[0] if numbers else None


def find_title(page):
    """The title; '' where it is there in translation alone."""
    title = next(find_values(page, PAGE_TITLES), "")
    is_translated = bool(page.xpath(f"boolean(//*[@itemprop='translatedLanguage'] | //*[{ORIGINAL}])"))
    return "" if is_translated and not HAN.search(title) else title


def find_family(page):
    for element in page.xpath(FAMILY_TITLES):
        if match := FAMILY.fullmatch(element.text_content()):
            return match[1]
    return None


def read_region(page, part):
    """The text of the abstract, the claims or the description; the first place that has any."""
    for path in REGIONS:
        for element in page.xpath(path.format(part) + OWN):
            if text := extract_text(element):
                return text
    return ""


def extract_text(root):
    """The text below an element: blocks and table rows a line each, tabs between cells, a claim on one line.

    Where an original and its translation stand side by side only the original is read. White space is collapsed as a
    browser does; a line break of the source is nothing between two Chinese characters or beside a Chinese sign.
    """
    pairs = set(root.xpath(f".//*[{ORIGINAL}]/.."))
    pieces, inside = [], Counter()
    walker = etree.iterwalk(root, events=("start", "end", "comment"))
    for event, element in walker:
        if event == "start" and is_skipped(element):
            walker.skip_subtree()
        elif event == "start":
            enter(element, pieces, inside, pairs)
            add_text(element.text, pieces, inside)
        elif event == "end" and not is_skipped(element):
            leave(element, pieces, inside, pairs)
        if event != "start" and element is not root:
            add_text(element.tail, pieces, inside)
    return settle_space("".join(pieces), drop_spaces=bool(pairs))


def is_skipped(element):
    return element.tag in SKIPPED or (
        element.tag in TITLES and REGION_TITLE.fullmatch(element.text_content()) is not None
    )


def list_states(element, pairs):
    """What we are in while we are in this element: `line` (a claim or a cell), `pre`, `pair`, `original`."""
    classes = (element.get("class") or "").split()
    if element.tag in CELLS or element.tag == "claim" or "claim" in classes or "claim-dependent" in classes:
        yield "line"
    if element.tag == "pre":
        yield "pre"
    if element in pairs:
        yield "pair"
    if "google-src-text" in classes:
        yield "original"


def enter(element, pieces, inside, pairs):
    if element.tag in BLOCKS:
        pieces.append("\n" if inside["line"] else BREAK)
    if element.tag in CELLS:
        pieces.append(CELL)
    inside.update(list_states(element, pairs))


def leave(element, pieces, inside, pairs):
    inside.subtract(list_states(element, pairs))
    if element.tag in BLOCKS:
        pieces.append("\n" if inside["line"] else BREAK)


def add_text(text, pieces, inside):
    if text and (inside["original"] or not inside["pair"]):
        pieces.append(text.replace("\n", BREAK) if inside["pre"] and not inside["line"] else text)


def settle_space(text, drop_spaces):
    """Lines and cells from the text between the marks. drop_spaces: none is left between two Chinese characters."""

    def settle(match):
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        is_chinese = WIDE.match(before) and WIDE.match(after)
        is_break = "\n" in match[0] and (is_chinese or before in SIGNS_ALONE or after in SIGNS_ALONE)
        return "" if is_break or (drop_spaces and is_chinese) else " "

    lines = HTML_SPACE.sub(settle, text).split(BREAK)
    lines = ("\t".join(cell.strip() for cell in line.strip(f" {CELL}").split(CELL)) for line in lines)
    return "\n".join(line for line in lines if line)
