"""What XML can hold."""

import re

FORBIDDEN = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean_xml(text):
    """The text with U+FFFD for what XML cannot hold: controls, lone surrogates, U+FFFE and U+FFFF."""
    return FORBIDDEN.sub("\ufffd", text)
