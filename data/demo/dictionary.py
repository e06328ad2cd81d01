"""The baseline that reads no context: the longest mention of the training patents that fits, with its majority type."""

from collections import Counter, defaultdict

from cbpner.text.bio import list_mentions
from cbpner.text.labels import TagSpan, spans_to_tags


def learn_dictionary(sentences):
    """{mention: its most frequent type}; a tie goes to the type that sorts first."""
    counts = defaultdict(Counter)
    for text, label in list_mentions(sentences):
        counts[text][label] += 1
    return {text: min(types, key=lambda label: (-types[label], label)) for text, types in counts.items()}


def tag_by_dictionary(chars, dictionary):
    """Tags of `chars`: from left to right, the longest entry that begins at each free character.

    An entry does not match inside a word of Latin letters and digits.
    """
    lengths = sorted({len(text) for text in dictionary}, reverse=True)
    spans, start = [], 0
    while start < len(chars):
        ends = (start + length for length in lengths if start + length <= len(chars))
        end = next((end for end in ends if chars[start:end] in dictionary and is_word(chars, start, end)), None)
        if end:
            spans.append(TagSpan(start, end, dictionary[chars[start:end]]))
        start = end or start + 1
    return spans_to_tags(spans, len(chars))


def is_word(chars, start, end):
    """Whether neither edge of the stretch cuts through a Latin word."""
    return not any(
        0 < edge < len(chars) and all(char.isascii() and char.isalnum() for char in chars[edge - 1 : edge + 1])
        for edge in (start, end)
    )
