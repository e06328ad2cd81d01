"""Plain text files, one patent each, named like `2016-05-25-CN105611940A-plain.txt`; decoding of unknown bytes."""

import re
from contextlib import suppress

from cbpner.base.errors import UnexpectedValue
from cbpner.corpora.document import PARTS, PatentDocument, find_numbers, normalize_number, parse_date
from cbpner.text.characters import TO_ASCII, guess_encoding, is_chinese

FILE_NAME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[-_ ]([A-Z]{2}[0-9]{5,}[A-Z]?[0-9]?)(?![A-Z0-9])", re.IGNORECASE)
HEADINGS = {
    "abstract": "abstract", "摘要": "abstract", "说明书摘要": "abstract",
    "claims": "claims", "权利要求": "claims", "权利要求书": "claims", "權利要求": "claims", "權利要求書": "claims",
    "description": "description", "descriptions": "description", "说明书": "description", "說明書": "description",
    "descrptions": "description",  # spelt thus in the gold patents
}  # fmt: skip
HEADING_SIZE, TITLE_SIZE = 20, 200  # characters at most


def parse_plain_text(text: str, name: str, source: str = "") -> PatentDocument:
    """Make the patent of a text file. Number and date are those in the file's name, else its name is the number."""
    parts = split_parts(text)
    if not any(part.strip() for part in parts.values()):
        raise UnexpectedValue("no text in it", "the text of a patent")
    if match := FILE_NAME.search(name.translate(TO_ASCII)):
        return PatentDocument(normalize_number(match[2]), parse_date(match[1]), source=source, **parts)
    numbers = find_numbers(name)
    return PatentDocument(numbers[0] if len(numbers) == 1 else name, None, source=source, **parts)


def split_parts(text: str) -> dict[str, str]:
    """Split a patent's text into {part: text} at the usual headings on lines of their own.

    A heading may recur, as on each page of a printed patent. One line before the first heading is the title; text
    without headings is all description.
    """
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    current = "title"
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        heading = len(line) <= HEADING_SIZE and HEADINGS.get(re.sub(r"[\s:：\[\]【】]+", "", line).lower())
        if heading:
            current = heading
        else:
            parts[current].append(line)
    front = "\n".join(parts["title"]).strip("\n")
    if current == "title" or "\n" in front or len(front) > TITLE_SIZE:
        parts["title"], parts["description"] = [], [front, *parts["description"]]
    return {part: "\n".join(lines).strip("\n") for part, lines in parts.items()}


def decode_text(data: bytes, declared: str | None = None) -> str:
    """Decode by the byte order mark, as UTF-8, in the declared encoding, or in that which makes Chinese of it.

    Bytes of other languages (Shift-JIS, EUC-KR) are GB 18030, too, but hardly a character of the text is common then.
    Raises UnexpectedValue where nothing fits, or for UTF-8 with a little damage.
    """
    guess = guess_encoding(data)
    if not guess:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            text = data.decode("utf-8", "replace")
            damage = text.count("\ufffd")
            if 20 * damage < sum(not character.isascii() for character in text):
                place = f"{damage} places, first byte 0x{data[error.start]:02x} at {error.start:,}"
                raise UnexpectedValue(f"damaged UTF-8 ({place})", "a whole file: get it again") from None
    encodings = [each for each in (declared, guess) if each]
    for encoding in encodings:
        with suppress(UnicodeError, LookupError):  # other bytes, or an unknown name
            text = data.decode(encoding)
            if is_chinese(text):
                return text
    raise UnexpectedValue(f"neither UTF-8 nor {' nor '.join(encodings or ['gb18030'])}", "text in UTF-8 or GB 18030")
