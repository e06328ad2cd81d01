"""Characters: the byte order mark, what UTF-8 can hold, and classes for regular expressions.

The classes are written so that Python's `re` and DuckDB's RE2 read them alike.
"""

BOM = "\ufeff"
HAN = "〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
CJK_SIGNS = "\u3001-\u3003\u3008-\u3011\u3014-\u301b，．！？；：（）［］｛｝“”‘’…"
CHINESE = HAN + CJK_SIGNS  # what needs no space around it
LINE_SPACE = " \t\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000\ufeff"  # white space inside a line, zero-width too
SPACE = LINE_SPACE + "\n\v\f\r\u0085\u2028\u2029"
SIGNS_ALONE = frozenset("，。、；：！？（）《》〈〉「」『』【】〔〕")  # which need no space on either side


def is_encodable(text: str) -> bool:
    """Whether UTF-8 can hold the text: half of a surrogate pair is no character."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def shorten(text: str, size: int = 40) -> str:
    """The beginning of a text in quotes, for messages."""
    return repr(text if len(text) <= size else text[:size] + "…")


def describe_bytes(data: bytes, start: int) -> str:
    return f"bytes that are not UTF-8 at byte {start + 1} ({data[start : start + 4]!r})"
