"""Documents with their spans highlighted, as one HTML page that needs nothing else."""

from collections.abc import Sequence
from html import escape

from cbpner.base.html import read_page_style, show_controls, style_types
from cbpner.formats.document import Document


def open_page(labels: Sequence[str], title: str) -> str:
    """The page up to its first document. labels: the types."""
    css = read_page_style()
    shared = css[: css.index("*, *::before")]  # the report's colours, fonts and marks
    looks = style_types(labels).items()
    legend = " ".join(f'<mark class="{look}">{escape_text(label)}</mark>' for label, look in looks)
    return (
        f'<!DOCTYPE html>\n<html lang="zh">\n<head>\n<meta charset="utf-8">\n<title>{escape_text(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>\n{shared}{read_page_style('documents.css')}</style>\n</head>\n<body>\n<h1>{escape_text(title)}</h1>\n"
        f'<p class="legend">{legend}</p>\n'
    )


def close_page() -> str:
    return "</body>\n</html>\n"


def render_document(document: Document, labels: Sequence[str], has_scores: bool = False) -> str:
    """A document's section; its spans do not overlap and are in order. has_scores: shown beside the labels."""
    parts, place, looks = [], 0, style_types(labels)
    for span in document.spans:
        score = "" if span.score is None else f", {span.source or span.score}"
        shown = f"{span.label} {span.score:.2f}" if has_scores else span.label
        before, marked = document.text[place : span.start], document.text[span.start : span.end]
        parts.append(
            f'{escape_text(before)}<mark class="{looks[span.label]}" data-label="{escape_text(shown)}" '
            f'title="{escape_text(span.label)}{score}, {span.start}–{span.end}">{escape_text(marked)}</mark>'
        )
        place = span.end
    parts.append(escape_text(document.text[place:]))
    about = f"{len(document.spans):,} mentions in {len(document.text):,} characters"
    return (
        f'<section>\n<h2>{escape_text(document.id)}</h2>\n<p class="about">{about}</p>\n'
        f'<div class="text">{"".join(parts)}</div>\n</section>\n'
    )


def escape_text(text: str) -> str:
    return escape(show_controls(text))
