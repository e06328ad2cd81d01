"""One character, one token.

Every code point of a text is one token, whatever the encoder: nothing is split into word pieces, nothing is dropped, a
character outside the vocabulary is the unknown token. `cbpner.models.tokenizers` builds the pipeline that
`transformers` loads; the table here gives the same ids without its overhead (tests compare the two).

Full-width letters and digits are folded to ASCII for the vocabulary alone, but not as the original read them (`paper`,
`uncased`); offsets are those of the original text.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers.normalizers import Lowercase

from cbpner.base.errors import InputError
from cbpner.base.files import read_json
from cbpner.text.characters import TO_ASCII

SPECIAL_TOKENS = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
ONE_CODE_POINT = r"[\s\S]"
CASINGS = ("paper", "lower", "keep", "uncased")
CASING_HELP = ("lower; keep (letters A-Z are added where missing); paper (cased, none added); uncased (lower, accents "
               "stripped); the last two as the original read: full-width letters are not folded")  # fmt: skip
FOLDED = {chr(wide): chr(code) for wide, code in TO_ASCII.items() if chr(code).isalnum()}  # full-width: digits, letters
LAST_CASED = 0x1F000  # no letter with case lies from here on


class CharacterTable:
    """Text to ids by one look-up a code point.

    ids: (0x110000,) int32, the token of every code point. pad, unk, cls, sep, mask: the special ids. tokenizer: a fast
    one of `transformers`.
    """

    pad: int
    unk: int
    cls: int
    sep: int
    mask: int

    def __init__(self, tokenizer: Any):
        self._read(tokenizer.get_vocab(), json.loads(tokenizer.backend_tokenizer.to_str()))

    @classmethod
    def from_file(cls, path: str | Path) -> "CharacterTable":
        """The table of a saved `tokenizer.json`, without loading transformers; InputError for another tokenizer."""
        table, saved = cls.__new__(cls), read_json(path)
        try:
            vocabulary = {token["content"]: token["id"] for token in saved["added_tokens"]} | saved["model"]["vocab"]
            if saved["pre_tokenizer"]["pattern"] != {"Regex": ONE_CODE_POINT}:
                raise ValueError(f"the pre_tokenizer {saved['pre_tokenizer']}")
            table._read(vocabulary, saved)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            found = f"another kind of tokenizer ({type(error).__name__}: {error})"
            raise InputError(f"{path}: found {found}; expected one token a character, as we save it") from error
        return table

    def _read(self, vocabulary: Mapping[str, int], pipeline: Mapping[str, Any]) -> None:
        """vocabulary: {token: id}; pipeline: the content of `tokenizer.json`."""
        steps = pipeline["normalizer"]["normalizers"]
        for field in ("pad", "unk", "cls", "sep", "mask"):
            setattr(self, field, vocabulary[SPECIAL_TOKENS[f"{field}_token"]])
        self.ids = np.full(0x110000, self.unk, dtype=np.int32)
        singles = {token: number for token, number in vocabulary.items() if len(token) == 1}
        self.ids[[ord(token) for token in singles]] = list(singles.values())
        if any(step["type"] == "Lowercase" for step in steps):
            lower = Lowercase().normalize_str  # the pipeline's own: older versions of Python's know fewer letters
            for character in map(chr, (*range(0xD800), *range(0xE000, LAST_CASED))):  # without the surrogates
                self.ids[ord(character)] = singles.get(lower(character), self.unk)
        for step in steps:
            if step["type"] == "Replace":
                ((kind, pattern),) = step["pattern"].items()
                characters = pattern[1:-1] if kind == "Regex" else [pattern]
                self.ids[[ord(character) for character in characters]] = self.ids[ord(step["content"])]
            elif step["type"] != "Lowercase":
                raise ValueError(f"the normalizer {step['type']}")
        if min(vocabulary.values()) < 0:
            raise ValueError("a negative id")

    def encode(self, text: str) -> np.ndarray:
        """(len(text),) int32 ids, without special tokens."""
        return self.ids[np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)]


def unknown_share(table: CharacterTable, texts: Iterable[str]) -> float:
    """The share of characters that the vocabulary lacks."""
    unknown = total = 0
    for text in texts:
        unknown += int((table.encode(text) == table.unk).sum())
        total += len(text)
    return unknown / total if total else 0.0


def is_han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"
