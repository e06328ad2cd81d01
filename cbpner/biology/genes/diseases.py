"""Diseases and other mentions: group spelling variants, and find ids in a vocabulary of diseases.

`非小细胞肺癌（NSCLC）`, `非小细胞肺癌患者` and `非小细胞肺癌` are one group. Stages and markers are kept, since they
make another disease (`HER2阳性乳腺癌`).
"""

import re
from functools import lru_cache

from cbpner.biology.genes.lexicons import Lexicon
from cbpner.biology.genes.resolution import CACHE_SIZE, Resolution, sort_key
from cbpner.biology.genes.spelling import fold, normalize_surface

SHORT_FORM = re.compile(r"\s*\(([A-Za-z][\w\-/ ]*)\)$")
AFFIXES = re.compile(r"^(?:所述|上述|该|患有|罹患|患)|的?(?:患者|病人|病例|受试者|个体|病患)$")
SPELLINGS = (("癌症", "癌"), ("综合症", "综合征"), ("症候群", "综合征"), ("黏", "粘"), ("瘤症", "瘤"), ("的", ""))


class DiseaseResolver:
    """Finds ids of diseases in a lexicon, which may be empty; the vocabulary that was read first takes precedence."""

    def __init__(self, lexicon: Lexicon | None = None) -> None:
        self.lexicon = lexicon or Lexicon()
        self.groups: dict[str, dict[str, int]] = {}
        for key, ids in self.lexicon.folded.items():
            self.groups.setdefault(group_key(key), {}).update(dict.fromkeys(ids, 0))
        names = dict.fromkeys(map(name_vocabulary, self.lexicon.labels))
        self.precedence = {name: place for place, name in enumerate(names)}
        self.resolve = lru_cache(CACHE_SIZE)(self._resolve)

    def _resolve(self, surface: str) -> Resolution:
        """Status `one`, `ambiguous` (several ids of one vocabulary) or `unknown`."""
        text = SHORT_FORM.sub("", normalize_surface(surface))
        text = AFFIXES.sub("", text) or text
        key = group_key(text) or surface
        ids = self.lexicon.exact.get(text) or self.groups.get(key)
        if not ids:
            return Resolution("unknown", key=key)
        ranked = sorted(ids, key=lambda id: (self.precedence[name_vocabulary(id)], sort_key(id)))
        first = tuple(id for id in ranked if name_vocabulary(id) == name_vocabulary(ranked[0]))
        return Resolution("one" if len(first) == 1 else "ambiguous", first, how="name", key=key)


def group_key(text: str) -> str:
    """One key for characters and words with several spellings."""
    key = fold(text)
    for variant, usual in SPELLINGS:
        if key != variant and len(key) > len(variant):
            key = key.replace(variant, usual)
    return key


def name_vocabulary(id: str) -> str:
    """`HP` of HP:0000001; '' of an id without a colon, such as ICD's, whose letters are chapters of one vocabulary."""
    return id[: max(id.find(":"), 0)]
