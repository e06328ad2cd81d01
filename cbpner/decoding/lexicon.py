"""A list of known names as a hint to a tagger: where one stands, its characters score higher as a mention.

A file has a name a line, and behind a tab the type that it hints at; without one it hints at every type. Names are
looked for as they are spelt, the longest first, and not inside a Latin word or number.
"""

from pathlib import Path

from cbpner.base.errors import InputError
from cbpner.decoding.document_vote import find_places, index_surfaces

SHORTEST = 3  # characters; shorter names are too often other words


def read_lexicon(path, labels):
    """{name: numbers of the types' tags `B-`} of the names of at least SHORTEST characters."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot read the lexicon: {error}") from error
    lexicon = {}
    for number, line in enumerate(lines, 1):
        name, _, label = (part.strip() for part in line.partition("\t"))
        if label and label not in labels.types:
            raise InputError(f"{path}:{number}: found the type {label!r}; expected one of {', '.join(labels.types)}")
        if len(name) >= SHORTEST:
            lexicon.setdefault(name, set()).update([label] if label else labels.types)
    if not lexicon:
        raise InputError(f"{path}: found no name of {SHORTEST} characters or more; expected one a line")
    numbers = labels.tag_to_id
    return {name: sorted(numbers[f"B-{label}"] for label in types) for name, types in lexicon.items()}


def add_hints(scores, texts, lexicon, bonus):
    """The scores (characters, labels) of each text, `bonus` higher for the tags of the listed names in it."""
    index, hinted = index_surfaces(lexicon), []
    for row, text in zip(scores, texts, strict=True):
        row, taken = row.copy(), bytearray(len(text))
        for start, end in sorted(find_places(text, index), key=lambda place: (place[0] - place[1], place[0])):
            if not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                for begin in lexicon[text[start:end]]:
                    row[start, begin] += bonus
                    row[start + 1 : end, begin + 1] += bonus
        hinted.append(row)
    return hinted
