"""Diseases and other mentions: variants of one spelling in one group, and ids where a list has the name.

`非小细胞肺癌（NSCLC）`, `非小细胞肺癌患者` and `非小细胞肺癌` are one group; stages and markers are not taken off,
since they make another disease (`HER2阳性乳腺癌`).
"""

import re
from functools import lru_cache

from cbpner.biology.genes.lexicons import Lexicon
from cbpner.biology.genes.resolution import CACHED, Reading, number_of
from cbpner.biology.genes.spelling import clean, fold

SHORT_FORM = re.compile(r"\s*\(([A-Za-z][\w\-/ ]*)\)$")
AROUND = (
    re.compile(r"^(?:所述|上述|该|患有|罹患|患)"),
    re.compile(r"(?:的)?(?:患者|病人|病例|受试者|个体|病患)$"),
)
SPELLINGS = (("癌症", "癌"), ("综合症", "综合征"), ("症候群", "综合征"), ("黏", "粘"), ("瘤症", "瘤"), ("的", ""))


def strip_disease(text: str) -> str:
    """The name without its short form in brackets and the patients."""
    text = SHORT_FORM.sub("", clean(text))
    for pattern in AROUND:
        text = pattern.sub("", text) or text
    return text


def group_key(text: str) -> str:
    """The key of a group: one spelling of characters and words that are written in several ways."""
    key = fold(text)
    for variant, usual in SPELLINGS:
        if key != variant and len(key) > len(variant):
            key = key.replace(variant, usual)
    return key


class DiseaseReader:
    """Reads surfaces by a lexicon, which may be empty; ids of the vocabulary that was handed in first come first."""

    def __init__(self, lexicon: Lexicon | None = None):
        self.lexicon = lexicon or Lexicon()
        self.keys = {}
        for key, ids in self.lexicon.folded.items():
            self.keys.setdefault(group_key(key), {}).update(dict.fromkeys(ids))
        self.order = {}
        for id in self.lexicon.labels:
            self.order.setdefault(vocabulary_of(id), len(self.order))
        self.read = lru_cache(CACHED)(self.read_surface)

    def read_surface(self, surface: str) -> Reading:
        """A Reading of status `one`, `ambiguous` (several ids of one vocabulary) or `unknown`."""
        text = strip_disease(surface)
        key = group_key(text) or surface
        ids = self.lexicon.exact.get(text) or self.keys.get(key)
        if not ids:
            return Reading("unknown", key=key)
        ranked = sorted(ids, key=lambda id: (self.order[vocabulary_of(id)], number_of(id)))
        first = tuple(id for id in ranked if vocabulary_of(id) == vocabulary_of(ranked[0]))
        return Reading("one" if len(first) == 1 else "ambiguous", first, how="name", key=key)


class GroupReader:
    """Puts surfaces of one spelling together, for types that have no list."""

    def read(self, surface: str) -> Reading:
        return Reading("unknown", key=fold(surface) or surface)


def vocabulary_of(id):
    """`HP` of HP:0000001; '' of an id without a colon, such as ICD's, whose letters are chapters of one vocabulary."""
    prefix, colon, _ = id.partition(":")
    return prefix if colon else ""
