"""Characters: encodings, what UTF-8 can hold, and classes for regular expressions.

The classes are written so that Python's `re` and DuckDB's RE2 read them alike.
"""

import codecs
import re
from contextlib import suppress

from cbpner.base.errors import UnexpectedValue

BOM = "\ufeff"
TO_ASCII = {code + 0xFEE0: code for code in range(0x21, 0x7F)}  # of full-width signs, for `str.translate`
MARKS = {  # bytes with which text in another encoding begins; FF FE may begin either, so that the longer ones are first
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
OPENING = 1 << 16  # bytes that tell a file's encoding
COMMON = frozenset(  # characters of which a third of any Chinese text is made, simplified and traditional
    "的一是不在有和中为用于所述其可以这个人上大时到要出也生会成本发明方法实施例权利求根据至少种包括或者该与如具体式"
    "化合物基因细胞分组抗药治疗病癌蛋白酸序列表达检测水质量过作了我国对们来地能使行得多同学进理结果研究高相关"
    "為於個時發實權據種與體組劑藥療細質測這們來國對會學進關"
)
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


def fold_characters(text: str) -> str:
    """The text with capitals as small letters and full-width signs as ordinary ones, character for character."""
    text = text.translate(TO_ASCII)
    return text.translate({ord(char): small for char in set(text) if len(small := char.casefold()) == 1})


def check_encoding(data: bytes) -> None:
    """Raise UnexpectedValue for a file, or the opening of one, that is in another encoding than UTF-8."""
    if encoding := guess_encoding(data):
        raise UnexpectedValue(f"text in {encoding.upper()}", f"UTF-8 (`iconv -f {encoding} -t utf-8` makes it)")


def guess_encoding(data: bytes) -> str | None:
    """The encoding of what is not UTF-8: by a byte order mark, by NULs, or that which makes Chinese of it; or None."""
    data = data[:OPENING]
    if mark := next((mark for mark in MARKS if data.startswith(mark)), None):
        return MARKS[mark]
    guesses = ["gb18030", "big5", "utf-16-le", "utf-16-be"][: 4 if b"\0" in data else 2]  # a line's end has a NUL
    if data.isascii():
        evens, odds = data[::2], data[1::2]
        if len(odds) > 7 and max(evens.count(0), odds.count(0)) > len(odds) / 2:  # ASCII as UTF-16
            return guesses[2 + (evens.count(0) > odds.count(0))]
        guesses = ["hz", "utf-7"]
    for encoding in ("utf-8", *guesses):
        with suppress(UnicodeError):
            text = codecs.getincrementaldecoder(encoding)().decode(data)  # the last character may be cut
            if encoding == "utf-8" and not data.isascii():
                return None
            if re.search(f"[{HAN}]", text) and is_chinese(text):
                return encoding
    return None


def is_chinese(text: str) -> bool:
    """Whether at least one in eight of its Chinese characters is common; text decoded wrongly has hardly any."""
    found = re.findall(f"[{HAN}]", text)
    return 8 * sum(char in COMMON for char in found) >= len(found)
