"""Plain text files, one patent each, named like `2016-05-25-CN105611940A-plain.txt`; and which bytes are which text."""

import codecs
import re

from cbpner.corpora.document import PARTS, PatentDocument, UnreadableError, find_numbers, normalize_number, parse_date

FILE_NAME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[-_ ]([A-Z]{2}[0-9]{5,}[A-Z]?[0-9]?)(?![A-Z0-9])", re.IGNORECASE)
HEADINGS = {
    "abstract": "abstract",
    "claims": "claims",
    "description": "description",
    "descriptions": "description",
    "descrptions": "description",  # so spelt in the gold patents
    "摘要": "abstract",
    "说明书摘要": "abstract",
    "权利要求": "claims",
    "权利要求书": "claims",
    "说明书": "description",
    "權利要求": "claims",
    "權利要求書": "claims",
    "說明書": "description",
}
HEADING_SIZE = 20
HEADING_NOISE = re.compile(r"[\s:：\[\]【】]+")
TITLE_SIZE = 200
BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
UNUSED = re.compile("[\x00\ue000-\uf8ff]")  # what a wrong encoding yields and text hardly has
DAMAGED = "\ufffd"


def read_plain(text, name, source=""):
    """The PatentDocument of a text file; number and date are those in its name without suffix, if it has any."""
    parts = split_parts(text)
    if not any(part.strip() for part in parts.values()):
        raise UnreadableError("no text in it")
    day, number = parse_name(name)
    return PatentDocument(number=number, date=day, source=source, **parts)


def parse_name(name):
    """(date, number) of a file's name; the name itself is the number where it has none."""
    if match := FILE_NAME.search(name):
        return parse_date(match[1]), normalize_number(match[2])
    numbers = find_numbers(name)
    return None, numbers[0] if len(numbers) == 1 else name


def split_parts(text):
    """{part: text} of a patent's text, split where the usual headings stand on lines of their own.

    A heading may come again, as on each page of a printed patent. One line before the first heading is the title; text
    without headings is all description.
    """
    parts, current = {part: [] for part in PARTS}, "title"
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        heading = HEADINGS.get(HEADING_NOISE.sub("", line).lower()) if len(line) <= HEADING_SIZE else None
        if heading:
            current = heading
        else:
            parts[current].append(line)
    front = "\n".join(parts["title"]).strip("\n")
    if current == "title" or "\n" in front or len(front) > TITLE_SIZE:
        parts["title"], parts["description"] = [], [front, *parts["description"]]
    return {part: "\n".join(lines).strip("\n") for part, lines in parts.items()}


def decode(data, declared=None):
    """The text of a file's bytes: by its byte order mark, as UTF-8, as the declared encoding, or as GB 18030.

    UTF-8 with damage here and there would pass for GB 18030, as other characters; it is an UnreadableError.
    """
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return decode_as(data, [encoding])
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        text = data.decode("utf-8", "replace")
        damage = text.count(DAMAGED)
        if 20 * damage < sum(not character.isascii() for character in text):
            place = f"byte 0x{data[error.start]:02x} at {error.start:,}"
            raise UnreadableError(f"damaged UTF-8 ({damage} places, first {place}); get the file again") from None
    return decode_as(data, [declared, "gb18030"] if declared else ["gb18030"])


def decode_as(data, encodings):
    """The text in the first encoding that fits."""
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except (UnicodeError, LookupError):  # other bytes, or a name that is no encoding
            continue
        if 100 * len(UNUSED.findall(text)) <= len(text):
            return text
    raise UnreadableError(f"neither UTF-8 nor {' nor '.join(encodings)}; expected text in UTF-8 or GB 18030")
