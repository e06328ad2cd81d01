"""Resolve a mention of a gene or protein to an HGNC id, to several, to candidates, or to none, and say why.

A surface is looked up as it is; then in lower case; then by its key (`spelling.fold`), also with Latin letters for
Greek ones. If that finds nothing, one affix is stripped (`affixes`) and the rest is looked up; then its parts are, if
it lists several names; last, what an OCR error may have changed.

A name resolves to the id of which it is the symbol, a user's name or a usual name; else to the one id that has it as a
previous symbol, alias or full name. With several such ids it is ambiguous. Its candidates are ordered by the kind of
name, the surest first, then by the HGNC number, which is lower for genes that were named earlier; `entities` puts those
first that the same texts mention under unambiguous names. Aliases of one or two characters, most of which mean
something else in a patent, are ambiguous even with one candidate; so are names that are more often the abbreviation
of something else (ROS: reactive oxygen species; kind `shared` in `lookalikes.tsv`).

A marker's level (CD4+, HER2 3+) or variant (EGFR 19del) is the gene; what is named after a marker (CD4+T细胞,
HER2+乳腺癌) or is an ion (Ca2+) is none.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from cbpner.biology.genes.affixes import PLUS, list_stems
from cbpner.biology.genes.lexicons import NAME_KINDS, Lexicon, Ranks, is_decisive, read_lookalikes
from cbpner.biology.genes.spelling import LATIN, fold, list_ocr_variants, normalize_surface, spell_latin

SHORTEST_ALIAS = 3  # characters of a key
LONGEST = 200  # characters of a surface that may be a name
CACHE_SIZE = 1 << 17  # surfaces
LIST = re.compile(
    rf"和/或|及/或|与/或|以及|[、，,;；]|{PLUS}(?!.*(?:细胞|cells?|癌|瘤|患者)$)|和|与|及|或|\band/or\b|\band\b|\bor\b"
)
SLASH = re.compile(r"/|::")
BRACKETS = re.compile(r"^(.+?)\s*\(([^()]+)\)(.*)$")
BACTERIAL = re.compile(r"(?:Δ-?)?[a-z]{3}[A-Z](?:[0-9]?)")
RECEPTOR = re.compile(r"^(.+?)的?受体(?:\s*([0-9]+|[αβγδ]|[A-Z])|亚基)?([αβγδ]|[A-Z][0-9]?)?$")
NAMED_BY_KIND = re.compile(
    r"^[\u3400-\u9fff]+(?:蛋白|抗原|受体|激酶|酶|因子|基因|标志物|标记物|配体|抑制物)(?:的|-|:)?([A-Za-z][\w\-/.]*)$"
)
ROMAN = re.compile("[IVX]+")
NUMBERED = re.compile(r"^(.*[A-Za-zα-ω]-?)([0-9]{1,2}(?:/[0-9]{1,2})+)$")
CHAIN = re.compile("cd[0-9]+[a-z]")
CELLULAR = re.compile("c-(?=[A-Za-z]{3})")
LATIN_FOR_GREEK = re.compile("([abgd])-(?=[a-z]{3})")
GREEK_NAMES = {letter: name for name, letter in LATIN.items()}
MICRO_RNA = re.compile(r"^(?:hsa)?(?:mir|mirna|microrna|let)[0-9]")


class Resolution(NamedTuple):
    """What a surface refers to.

    status: `one` id, `several` ids named in one mention, `ambiguous` (candidates), `family` (a name that numbers make
    into genes: HDAC), `lookalike` (a word or lab term), `foreign` (of another species), `unknown` (in no list).
    """

    status: str
    ids: tuple[str, ...] = ()  # of `one` and `several` what it refers to, else candidates, the likeliest first
    is_agent: bool = False  # something for or against the gene (antibody, primer, siRNA, ...), not the gene
    how: str = ""  # the kind of name found (`lexicons.NAME_KINDS`), `part`, `misread`, or a look-alike's meaning
    key: str = ""  # the name that was found, or the surface's; mentions without an id are grouped by it

    @property
    def is_settled(self) -> bool:
        return self.status in ("one", "several")


class GeneResolver:
    """Resolves surfaces by a lexicon and a list of look-alikes (by default the shipped one); `resolve` caches."""

    def __init__(self, lexicon: Lexicon, lookalikes: dict[str, tuple[str, str]] | None = None) -> None:
        self.lexicon = lexicon
        self.lookalikes = read_lookalikes() if lookalikes is None else lookalikes
        self.families = find_families(lexicon)
        self.resolve = lru_cache(CACHE_SIZE)(self._resolve)

    def _resolve(self, surface: str) -> Resolution:
        text = normalize_surface(surface)
        found = (self._resolve_text(text) or self._correct_ocr(text)) if len(text) <= LONGEST else None
        found = found or Resolution("unknown")
        return found if found.key else found._replace(key=fold(text) or surface)

    def _resolve_text(self, text: str, is_part: bool = False) -> Resolution | None:
        """Resolve the text, its stems and, unless it is itself a part, their parts."""
        for stem in list_stems(text):
            name = stem.text
            found = self._look_up(name) or self._resolve_receptor(name) or self._resolve_fusion(name)
            found = found or self._resolve_prefixed(name)
            if not found and not is_part:  # several names: in brackets, around a slash, in a list
                found = self._split_brackets(name) or self._expand_numbers(name)
                found = found or self._split_slash(name, stem.is_agent)
                parts = [part.strip(" /") for part in LIST.split(name) if part.strip(" /")]
                if not found and len(parts) > 1:  # HER2、ESR1和PGR: the settled ones
                    found = unite(map(self._resolve_part, parts), fold(name))
                found = found or self._find_latin_name(name)
            if found and found.ids and stem.is_foreign:
                return found._replace(status="foreign", is_agent=stem.is_agent)
            if found:
                return found._replace(is_agent=found.is_agent or stem.is_agent)
        return None

    def _look_up(self, text: str, with_ocr: bool = True) -> Resolution | None:
        """Resolve a name as a whole."""
        key, folded = fold(text), self.lexicon.folded
        if not key:
            return None
        ranks = folded.get(key, {})
        if NAME_KINDS.index("user") not in ranks.values():
            kind, meaning = self.lookalikes.get(f"={text}") or self.lookalikes.get(key, ("", ""))
            if kind and not (kind == "word" and text.isupper()):
                status = "ambiguous" if kind == "shared" and ranks else "lookalike"
                return Resolution(status, sort_ids(ranks), how=meaning, key=key)
            # genes of bacteria have no number: erbB2 is human; but inhA, galE and others are symbols of human genes too
            is_human = text[-1].isdigit() and is_decisive(ranks)
            if BACTERIAL.fullmatch(text) and text not in self.lexicon.exact and not is_human:
                return Resolution("foreign", how="spelt as genes of bacteria are", key=key)
        if found := self._resolve_micro_rna(key):
            return found
        by_name = self.lexicon.exact.get(text, {}), key
        by_key = [(folded.get(each, {}), each) for each in dict.fromkeys((key, spell_latin(key)))]
        variants = list_ocr_variants(text) if with_ocr else []
        corrected = [(self.lexicon.exact.get(each, {}), fold(each)) for each in variants]  # GALNTl3
        choices = [
            *(each for each in (by_name, *by_key) if is_decisive(each[0])), by_name,
            *(each for each in corrected if len(each[0]) == 1), (self.lexicon.cased.get(text.casefold(), {}), key),
            *by_key,
        ]  # fmt: skip
        if found_ids := next((each for each in choices if each[0]), None):
            return self._choose(*found_ids)
        return Resolution("family", self.families[key], how="family", key=key) if key in self.families else None

    def _choose(self, ranks: Ranks, key: str) -> Resolution:
        """Resolve a name by its {id: rank}."""
        order = sort_ids(ranks)
        best = ranks[order[0]]
        how = NAME_KINDS[best]
        if is_decisive(ranks):
            is_one = list(ranks.values()).count(best) == 1
            return Resolution("one" if is_one else "ambiguous", order[:1] if is_one else order, how=how, key=key)
        first_member = self.lexicon.folded.get(f"{key}1", {})  # ALT and ALT1 are GPT, but HDAC is not HDAC1
        if key in self.families and not any(id in first_member for id in order):
            return Resolution("family", tuple(dict.fromkeys([*order, *self.families[key]])), how="family", key=key)
        is_sure = len(order) == 1 and len(key) >= SHORTEST_ALIAS
        return Resolution("one" if is_sure else "ambiguous", order, how=how, key=key)

    def _resolve_micro_rna(self, key: str) -> Resolution | None:
        """miR-92a, which the genes MIR92A1 and MIR92A2 code for."""
        if not MICRO_RNA.match(key):
            return None
        key = re.sub("^(?:hsa)?(?:mirna|microrna|mir)", "mir", re.sub("^(?:hsa)?let", "mirlet", key))
        ranks = self.lexicon.folded.get(key, {})
        if not is_decisive(ranks):
            copies = [self.lexicon.folded.get(f"{key}{number}", {}) for number in range(1, 4)]
            if ids := tuple(dict.fromkeys(id for copy in copies for id in copy)):
                return Resolution("ambiguous" if len(ids) > 1 else "one", ids, how="symbol", key=key)
        return self._choose(ranks, key) if ranks else None

    def _resolve_receptor(self, text: str) -> Resolution | None:
        """X受体: XR if a gene has that name (VEGF受体2: VEGFR2), else X if X itself is a receptor."""
        match = RECEPTOR.match(text)
        if not match:
            return None
        name, number, letter = match.groups(default="")
        found = self._look_up(f"{name}R{number}{letter}") or self._look_up(f"{name} receptor {number}{letter}")
        if found or number or letter:
            return found
        itself = self._look_up(name) or self._split_slash(name, False)
        if not itself or itself.status != "one":
            return None
        names = self.lexicon.names[itself.ids[0]]
        is_receptor = any("receptor" in key or re.search("[a-z]{2}r[0-9]?$", key) for key in names)
        return itself if is_receptor else None

    def _resolve_fusion(self, text: str) -> Resolution | None:
        """EML4-ALK: both genes, if both parts are symbols."""
        parts = re.split("-|::", text)
        if len(parts) != 2 or min(map(len, parts)) < 3:
            return None
        found = [self._look_up(part, with_ocr=False) for part in parts]
        if all(each and each.status == "one" and each.how in ("symbol", "user") for each in found):
            return unite(found, fold(text))
        return None

    def _resolve_prefixed(self, text: str) -> Resolution | None:
        """c-erbB-2, c-Met: the cellular gene of a viral one; b-catenin: a Latin letter for a Greek one."""
        key = ""
        if cellular := CELLULAR.match(text):
            key = fold(text[cellular.end() :])
        elif latin := LATIN_FOR_GREEK.match(text):
            key = GREEK_NAMES[latin[1]] + fold(text[latin.end() :])
        ranks = self.lexicon.folded.get(key)
        found = self._choose(ranks, key) if ranks and self.lookalikes.get(key, ("",))[0] != "term" else None
        return found if found and found.status == "one" else None

    def _resolve_part(self, text: str) -> Resolution | None:
        text = text.strip()
        return (self._resolve_text(text, is_part=True) or self._correct_ocr(text)) if len(text) > 1 else None

    def _split_brackets(self, text: str) -> Resolution | None:
        """癌胚抗原(CEA): what both names can refer to; else what the first one does, else the second."""
        match = BRACKETS.match(text)
        if not match:
            return None
        both = [self._resolve_part(part) or self._find_latin_name(part) for part in match.group(1, 2)]
        found = intersect([each for each in both if each and each.ids])
        found = found or next((each for each in both if each and each.is_settled), both[0] or both[1])
        has_agent = match[3] and any(stem.is_agent for stem in list_stems(f"X{match[3]}"))
        return found and found._replace(is_agent=found.is_agent or bool(has_agent))

    def _find_latin_name(self, text: str) -> Resolution | None:
        """增殖抗原Ki-67: the Latin name after a Chinese word for its kind."""
        match = NAMED_BY_KIND.match(text)
        if not match or len(fold(match[1])) < SHORTEST_ALIAS or ROMAN.fullmatch(match[1]):
            return None
        return self._resolve_part(match[1])

    def _expand_numbers(self, text: str) -> Resolution | None:
        """CDK4/6: CDK4 and CDK6, if each is one gene."""
        match = NUMBERED.match(text)
        if not match:
            return None
        found = [self._look_up(f"{match[1]}{number}") for number in match[2].split("/")]
        return unite(found, fold(text)) if all(each and each.status == "one" for each in found) else None

    def _split_slash(self, text: str, is_agent: bool) -> Resolution | None:
        """HER2/neu: what both can refer to; CD74/ROS1: both; CD3/CD28: the settled ones, if all are names of genes."""
        parts = SLASH.split(text)
        if len(parts) < 2 or LIST.search(text):
            return None
        found = [self._resolve_part(part) for part in parts]
        shared = intersect([each for each in found if each and each.ids])
        if shared and all(found):
            return shared
        are_genes = all(each and (each.is_settled or each.status in ("family", "ambiguous")) for each in found)
        return unite(found, fold(text)) if are_genes or is_agent else None  # the other part of an agent: its carrier

    def _correct_ocr(self, text: str) -> Resolution | None:
        """Resolve what an OCR error may have changed, if one gene is left."""
        for stem in list_stems(text):
            for variant in list_ocr_variants(stem.text):
                found = self._look_up(variant)
                if found and found.status == "one":
                    return found._replace(is_agent=stem.is_agent, how="misread")
        return None


def intersect(found: Sequence[Resolution]) -> Resolution | None:
    """The ids that two or more resolutions share, in the order of the first; None if they share none."""
    shared = tuple(id for id in found[0].ids if all(id in each.ids for each in found[1:])) if len(found) > 1 else ()
    if not shared:
        return None
    status = "one" if len(shared) == 1 else found[0].status
    return Resolution(status, shared, any(each.is_agent for each in found), "part", found[0].key)


def unite(found: Iterable[Resolution | None], key: str) -> Resolution | None:
    """One resolution of the settled names of a list; None if there are none."""
    settled = [each for each in found if each and each.is_settled]
    ids = tuple(dict.fromkeys(id for each in settled for id in each.ids))
    if not ids:
        return None
    return Resolution("one" if len(ids) == 1 else "several", ids, any(each.is_agent for each in settled), "part", key)


def sort_ids(ranks: Ranks) -> tuple[str, ...]:
    """The ids of a name, the surest kind of name first."""
    return tuple(sorted(ranks, key=lambda id: (ranks[id], sort_key(id))))


def sort_key(id: str) -> tuple[str, int]:
    """Sorts HGNC:5 before HGNC:37133."""
    name, _, number = id.rpartition(":")
    return (name, int(number)) if number.isdigit() else (id, 0)


def find_families(lexicon: Lexicon) -> dict[str, tuple[str, ...]]:
    """{key: ids} of names that a number makes into several genes (`her`), or a letter into the chains of one (`cd3`).

    A name that is itself a gene's symbol, or has fewer than three letters, is no family.
    """
    families: dict[str, list[str]] = {}
    for key, ids in lexicon.folded.items():
        is_numbered = len(key) > SHORTEST_ALIAS and key[-1].isdigit() and key[:-1].isalpha() and key.isascii()
        if is_numbered or (CHAIN.fullmatch(key) and key[:-1] not in lexicon.folded):
            families.setdefault(key[:-1], []).extend(id for id in ids if len(ids) == 1)
    return {
        stem: tuple(dict.fromkeys(ids))
        for stem, ids in families.items()
        if len(set(ids)) > 1 and not is_decisive(lexicon.folded.get(stem, {}))
    }
