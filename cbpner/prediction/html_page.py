"""Documents with their spans highlighted, as one HTML page that needs nothing else.

All of it can be read without the page's script, which adds what finds and filters.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from itertools import chain, zip_longest
from string import Template
from typing import IO, NamedTuple

from cbpner.base.html import TYPES, dump_script, read_asset, read_page_style, show_controls, style_types
from cbpner.formats.document import Document, Span

Identify = Callable[[str, str], Sequence[tuple[str, str]]]  # (type, surface) -> (name, address) of what is known of it

BLOCK_SIZE = 3000  # characters of a block: a browser lays out those that are seen
LINE_SIZE = 50  # characters of a line, about, to guess the height of what is not
TITLE_SIZE = 100
MAIN_PARTS = "abstract|claims?|description|(?:说明书)?摘要|权利要求书?|權利要求書?|说明书|說明書"
EXAMPLE = "实施例 ?[0-9一二三四五六七八九十]+[^。；;\n]{0,30}"
CHAPTERS = f"技术领域|背景技术|(?:发明|实用新型)内容|附图说明|具体实施方式|序列表|{EXAMPLE}"
TEXT_LINES = re.compile("[^\n]*\n|[^\n]+")
HEADING = re.compile(
    rf"[ \t\u3000]*(?:[\[【]\d+[\]】] ?)?(?:(?P<part>{MAIN_PARTS})|{CHAPTERS})[ \t\u3000]*[:：]?\s*", re.IGNORECASE
)


class Words(NamedTuple):
    """A page's language, what it calls types and a span's source where not by their names, and what it counts."""

    names: Mapping[str, str] = {}
    counts: str = "{mentions:,} mentions in {characters:,} characters"
    language: str = "en"

    def name(self, own: str) -> str:
        return escape_text(self.names.get(own, own))


WORDS = Words()


def know_nothing(label: str, surface: str) -> Sequence[tuple[str, str]]:
    """An Identify without any page."""
    return ()


@contextmanager
def open_page_writer(
    file: IO[str], types: Sequence[str], title: str, identify: Identify
) -> Iterator[Callable[[Document], object]]:
    """Yield a function that adds a document to a page in an open file; the page can be searched and filtered."""
    file.write(open_page(types, title, read_asset(__package__, "tools.html")))
    links: dict[str, dict[str, Sequence[tuple[str, str]]]] = defaultdict(dict)

    def write(document: Document) -> None:
        for start, end, label, *_ in document.spans:
            surface = document.text[start:end]
            if (shown := show_controls(surface)) not in links[label]:  # what the script reads
                links[label][shown] = identify(label, surface)
        file.write(render_document(document, types))

    yield write
    found = {label: {surface: pages for surface, pages in own.items() if pages} for label, own in links.items()}
    data = f'<script type="application/json" id="links">{dump_script(found)}</script>'
    scripts = read_page_style("page.js") + read_asset(__package__, "documents.js")
    file.write(close_page(f"{data}\n<script>\n{scripts}</script>\n"))


def open_page(types: Sequence[str], title: str, tools: str = "", words: Words = WORDS) -> str:
    """The page up to its first document. tools: markup after its heading."""
    looks, short = style_types(types), abbreviate(types)
    shared, _, _ = read_page_style().partition("*, *::before")  # the report's colours, fonts and marks
    css = shared + read_asset(__package__, "documents.css")
    labels = {name: f' data-label="{short[name]}"' if tools else "" for name in types}
    legend = " ".join(
        f'<mark class="{looks[name]}" data-type="{escape_text(name)}"{labels[name]}>{words.name(name)}</mark>'
        for name in types
    )
    form = Template(read_asset(__package__, "documents.html"))
    texts = {"language": words.language, "title": escape_text(title), "css": css, "tools": tools, "legend": legend}
    return form.substitute(texts)


def close_page(script: str = "") -> str:
    return f"</main>\n{script}</body>\n</html>\n"


def abbreviate(types: Sequence[str]) -> dict[str, str]:
    """As few first letters of each type as tell it from the others, escaped: `G`, `P` and `D` for TYPES, `Dr`."""
    short: dict[str, str] = {}
    for name in sorted(types, key=lambda name: (name.casefold() not in TYPES, name)):
        starts = (escape_text(name[:size].capitalize()) for size in range(1, len(name)))
        short[name] = next((start for start in starts if start not in short.values()), escape_text(name))
    return short


def render_document(document: Document, types: Sequence[str], has_scores: bool = False, words: Words = WORDS) -> str:
    """A document's section; its spans do not overlap and are in order. has_scores: shown beside the types."""
    looks, short, spans = style_types(types), abbreviate(types), document.spans

    def mark(span: Span) -> str:
        label, surface = words.name(span.label), escape_text(document.text[span.start : span.end])
        score = "" if span.score is None else f", {words.name(span.source) if span.source else span.score}"
        shown = f"{label} {span.score:.2f}" if has_scores else short[span.label]
        scored = "" if span.score is None else f' data-score="{span.score}"'
        return (
            f'<mark class="{looks[span.label]}" data-type="{escape_text(span.label)}" data-label="{shown}"{scored} '
            f'title="{label}{score}, {span.start}–{span.end}">{surface}</mark>'
        )

    parts = []
    for start, end, tag in cut_parts(document):
        own = spans[bisect_left(spans, (start,)) : bisect_left(spans, (end,))]
        borders = [start, *(place for span in own for place in span[:2]), end]
        plain = [escape_text(document.text[first:last]) for first, last in zip(*[iter(borders)] * 2, strict=True)]
        inside = "".join(chain(*zip_longest(plain, map(mark, own), fillvalue="")))
        lines = sum(len(line) // LINE_SIZE + 1 for line in document.text[start:end].splitlines())
        parts.append(f'<{tag} class="text" style="--lines: {lines}">{inside}</{tag}>\n')
    title, about = find_title(document), words.counts.format(mentions=len(spans), characters=len(document.text))
    about = f"{escape_text(document.id)} · {about}" if title != document.id else about
    return f'<section>\n<h2>{escape_text(title)}</h2>\n<p class="about">{about}</p>\n{"".join(parts)}</section>\n'


def cut_parts(document: Document) -> list[tuple[int, int, str]]:
    """(start, end, tag) of blocks that cover the text: headings, and lines together; they cut no span."""
    blocks: list[tuple[int, int, str]] = []
    spans = document.spans
    for line in TEXT_LINES.finditer(document.text):
        start, end = line.span()
        number, heading = bisect_left(spans, (start,)), HEADING.fullmatch(line[0])
        first, _, tag = blocks[-1] if blocks else (start, start, "h3")
        if (heading or tag != "div" or start - first >= BLOCK_SIZE) and not (number and spans[number - 1].end > start):
            blocks.append((start, end, "h3" if heading and heading["part"] else "h4" if heading else "div"))
        else:
            blocks[-1] = (first, end, tag)
    return blocks


def find_title(document: Document) -> str:
    """The title among a document's metadata, or one line before its first heading, or else its id."""
    title, front = document.meta.get("title"), []
    if isinstance(title, str) and title.strip():
        return title.strip()
    for line in TEXT_LINES.finditer(document.text):
        if HEADING.fullmatch(line[0]) or len(front) > 1:
            break
        front += [line[0].strip()] if line[0].strip() else []
    else:
        return document.id
    return front[0] if len(front) == 1 and len(front[0]) <= TITLE_SIZE else document.id


def escape_text(text: str) -> str:
    return escape(show_controls(text))
