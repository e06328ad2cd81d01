"""What all pages share: no control reaches them, and nothing turns the direction of their text."""

import pytest

from cbpner.base.html import open_templates, show_controls
from cbpner.formats.document import Document, Span
from cbpner.prediction.html_page import open_page, render_document


@pytest.mark.parametrize(
    "hidden", "\x00 \x1b \x7f \x85 \x9b \u061c \u200e \u202e \u2066 \ud800 \ufffe".split(" "), ids=ascii
)
def test_pages_show_what_is_hidden(hidden):
    """Each is one character, so that offsets hold; line breaks and tabs stay."""
    text = f"甲{hidden}\t\n乙"
    document = Document(text, text, [Span(0, 3, text, score=0.5)])
    page = open_templates("cbpner.reports.page").from_string("<b title='{{ text }}'>{{ [text] | dump }}</b>")
    shown = show_controls(text)
    assert len(shown) == len(text) and shown[2:] == text[2:]
    for html in (page.render(text=text), open_page([text], text) + render_document(document, [text])):
        assert hidden not in html and shown[:2] in html
