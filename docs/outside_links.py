"""MkDocs hook: links to files outside docs/ become their names, since the site does not hold them."""

import re
from typing import Any

LINK = re.compile(r"(?<!!)\[([^\]\n]+)\]\(\.\./([^)\s#]+)(?:#[^)\s]*)?\)")


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """`[by type](../results/x.md)` becomes `by type (`results/x.md`)`."""
    return LINK.sub(lambda match: f"{match[1]} (`{match[2]}`)", markdown)
