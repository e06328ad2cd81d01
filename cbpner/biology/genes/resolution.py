"""What a mention of a gene or protein stands for: one HGNC id, several, candidates, or none, and why.

A surface is looked up as it stands; then in small letters; then by its key (`spelling.fold`), also with Latin letters
for Greek ones. If that finds nothing, one layer of what stands around the name is taken off (`peeling`) and it is
looked up again; then its parts are, where it lists several names; last, what a scan may have misread.

A name stands for an id of which it is the symbol, a user's name or a usual name; else for the one id that has it as a
previous symbol, alias or full name. With several such ids it stays ambiguous, its candidates in this order: the surer
kind of name first, then the lower HGNC number, that of the gene named earlier; `entities` puts those before that are
mentioned elsewhere in the same texts under names that are not ambiguous. Aliases of one or two characters, most of
which mean something else in a patent, are ambiguous even with one candidate.
"""

import csv
import re
from functools import lru_cache
from typing import NamedTuple

from cbpner.base.errors import InputError
from cbpner.biology.genes.affixes import peel
from cbpner.biology.genes.lexicons import DECISIVE, KINDS, SHIPPED_LOOKALIKES, Lexicon, find_shipped
from cbpner.biology.genes.spelling import clean, fold, list_misreadings, spell_latin

# one: an id. several: ids named together. ambiguous: candidates. family: a name that numbers make into genes (HDAC).
# lookalike: a word or lab term that looks like a gene. foreign: of another species. unknown: in no list.
STATUSES = ("one", "several", "ambiguous", "family", "lookalike", "foreign", "unknown")
LOOKALIKE_KINDS = ("term", "word", "exact")  # in any spelling; unless in capitals, as symbols are; spelt just so
SHORTEST_ALIAS = 3  # characters of a key
CACHED = 1 << 17  # surfaces
LIST = re.compile(r"和/或|及/或|与/或|以及|[、，,;；+]|和|与|及|或|\band/or\b|\band\b|\bor\b")
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
GREEK_NAMES = {"a": "alpha", "b": "beta", "g": "gamma", "d": "delta"}
MICRO_RNA = re.compile(r"^(?:hsa)?(?:mir|mirna|microrna|let)[0-9]")


class Reading(NamedTuple):
    """What a surface stands for.

    status: of STATUSES. ids: of `one` and `several` what it stands for, else candidates, the likeliest first. is_agent:
    something for or against the gene (antibody, primer, siRNA, ...), not the gene. how: the kind of name that was found
    (`lexicons.KINDS`), `part` for lists and brackets, `misread`, or the look-alike's meaning. key: the name that was
    found, or the surface's, by which mentions without an id are grouped.
    """

    status: str
    ids: tuple = ()
    is_agent: bool = False
    how: str = ""
    key: str = ""

    @property
    def is_settled(self):
        return self.status in ("one", "several")


class GeneReader:
    """Reads surfaces by a lexicon; each different surface once, as long as the cache has room.

    lookalikes: {key: (kind, what)} as of `read_lookalikes`; without it the shipped ones.
    """

    def __init__(self, lexicon: Lexicon, lookalikes: dict | None = None):
        self.lexicon = lexicon
        self.lookalikes = read_lookalikes(find_shipped(SHIPPED_LOOKALIKES)) if lookalikes is None else lookalikes
        self.families = find_families(lexicon)
        self.read = lru_cache(CACHED)(self.read_surface)

    def read_surface(self, surface: str) -> Reading:
        """The Reading of a surface; `read` is the same, and remembers."""
        text = clean(surface)
        reading = self.read_text(text) or self.read_misread(text) or Reading("unknown")
        return reading if reading.key else reading._replace(key=fold(text) or surface)

    def read_text(self, text, depth=0):
        """A Reading of the text, its layers and parts, or None."""
        for layer in peel(text):
            found = self.read_layer(layer, depth)
            if found:
                return found
        return None

    def read_layer(self, layer, depth):
        text = layer.text
        found = self.look_up(text) or self.read_receptor(text) or self.read_fusion(text) or self.read_prefixed(text)
        if not found and depth == 0:
            found = self.read_parts(layer)
        if not found:
            return None
        if layer.is_foreign and found.ids:
            return found._replace(status="foreign", is_agent=layer.is_agent)
        return found._replace(is_agent=found.is_agent or layer.is_agent)

    def look_up(self, text, misread=True):
        """A Reading of a name itself, or None. misread: whether it may be one that a scan misread."""
        key = fold(text)
        if not key:
            return None
        users = self.lexicon.folded.get(key, {})
        if KINDS.index("user") not in users.values():
            found = self.read_lookalike(text, key)
            if found:
                return found
            if BACTERIAL.fullmatch(text) and text not in self.lexicon.exact and not self.is_numbered_gene(text, key):
                return Reading("foreign", how="spelt as genes of bacteria are", key=key)
        found = self.read_micro_rna(key)
        if found:
            return found
        ids, found_key = self.find_ids(text, key, misread)
        if ids:
            return self.choose(ids, found_key)
        return Reading("family", self.families[key], how="family", key=key) if key in self.families else None

    def is_numbered_gene(self, text, key):
        """erbB2: bacteria's genes have no number, and inhA, galE and others are spelt as human ones too."""
        return text[-1].isdigit() and min(self.lexicon.folded.get(key, {None: DECISIVE + 1}).values()) <= DECISIVE

    def find_ids(self, text, key, with_misread=True):
        """({id: rank}, key) of a name as it stands, unless its key is decisive; else of a clear misreading (GALNTl3);
        else in small letters, by its key, and with Latin letters for Greek ones; ({}, key) where there are none.
        """
        lexicon = self.lexicon
        exact = lexicon.exact.get(text, {}), key
        by_key = [(lexicon.folded.get(each, {}), each) for each in dict.fromkeys((key, spell_latin(key)))]
        decisive = [each for each in (exact, *by_key) if each[0] and min(each[0].values()) <= DECISIVE]
        misread = [
            (lexicon.exact.get(variant, {}), fold(variant)) for variant in list_misreadings(text) if with_misread
        ]
        clear = [each for each in misread if len(each[0]) == 1]
        choices = [*decisive, exact, *clear, (lexicon.cased.get(text.casefold(), {}), key), *by_key]
        return next((each for each in choices if each[0]), ({}, key))

    def choose(self, ids, key):
        """The Reading of {id: rank}."""
        order = tuple(sorted(ids, key=lambda id: (ids[id], number_of(id))))
        best = ids[order[0]]
        how = KINDS[best]
        if best <= DECISIVE:
            sure = [id for id in order if ids[id] == best]
            return Reading(
                "one" if len(sure) == 1 else "ambiguous", order[:1] if len(sure) == 1 else order, how=how, key=key
            )
        if key in self.families and not self.is_first_of_family(key, order):
            return Reading("family", tuple(dict.fromkeys([*order, *self.families[key]])), how="family", key=key)
        if len(order) > 1 or len(key) < SHORTEST_ALIAS:
            return Reading("ambiguous", order, how=how, key=key)
        return Reading("one", order, how=how, key=key)

    def is_first_of_family(self, key, ids):
        """Whether the name with a 1 behind is the same gene: ALT and ALT1 are GPT, but HDAC is not HDAC1."""
        first = self.lexicon.folded.get(f"{key}1", {})
        return any(id in first for id in ids)

    def read_lookalike(self, text, key):
        kind, what = self.lookalikes.get(f"={text}") or self.lookalikes.get(key, ("", ""))
        if not kind or (kind == "word" and text.isupper()):
            return None
        return Reading("lookalike", tuple(self.lexicon.folded.get(key, ())), how=what, key=key)

    def read_micro_rna(self, key):
        """miR-92a, of which there are the genes MIR92A1 and MIR92A2."""
        if not MICRO_RNA.match(key):
            return None
        key = re.sub("^(?:hsa)?(?:mirna|microrna|mir)", "mir", re.sub("^(?:hsa)?let", "mirlet", key))
        ids = self.lexicon.folded.get(key)
        if ids and min(ids.values()) <= DECISIVE:
            return self.choose(ids, key)
        copies = [self.lexicon.folded.get(f"{key}{number}", {}) for number in range(1, 4)]
        found = tuple(dict.fromkeys(id for ids in copies for id in ids))
        if found:
            return Reading("ambiguous" if len(found) > 1 else "one", found, how="symbol", key=key)
        return self.choose(ids, key) if ids else None

    def read_receptor(self, text):
        """X受体: XR where a gene is called so (VEGF受体2: VEGFR2), else X where X itself is a receptor."""
        match = RECEPTOR.match(text)
        if not match:
            return None
        name, number, letter = match.groups(default="")
        found = self.look_up(f"{name}R{number}{letter}") or self.look_up(f"{name} receptor {number}{letter}")
        if found:
            return found
        itself = None if number or letter else self.look_up(name) or self.read_slash(name, False)
        return itself if itself and itself.status == "one" and self.is_receptor(itself.ids[0]) else None

    def is_receptor(self, id):
        """Whether one of the gene's names ends in R and a number, or says receptor."""
        return any("receptor" in key or re.search("[a-z]{2}r[0-9]?$", key) for key in self.lexicon.names[id])

    def read_fusion(self, text):
        """EML4-ALK: both genes, where both parts are symbols."""
        parts = re.split("-|::", text)
        if len(parts) != 2 or min(map(len, parts)) < 3:
            return None
        found = [self.look_up(part, misread=False) for part in parts]
        if all(each and each.status == "one" and each.how in ("symbol", "user") for each in found):
            return join_readings(found, fold(text))
        return None

    def read_prefixed(self, text):
        """c-erbB-2, c-Met: the cell's own gene of a virus's; b-catenin: a Latin letter for a Greek one."""
        cellular, latin = CELLULAR.match(text), LATIN_FOR_GREEK.match(text)
        if cellular:
            name = text[cellular.end() :]
            is_term = self.lookalikes.get(fold(name), ("",))[0] == "term"
            found = None if is_term else self.look_up(name.upper())
        elif latin:
            key = fold(text[latin.end() :])
            ids = self.lexicon.folded.get(f"{GREEK_NAMES[latin[1]]}{key}")
            found = self.choose(ids, f"{GREEK_NAMES[latin[1]]}{key}") if ids else None
        else:
            return None
        return found if found and found.status == "one" else None

    def read_parts(self, layer):
        """A Reading of several names in one surface: in brackets, around a slash, in a list."""
        text = layer.text
        readers = (self.read_brackets, self.read_numbers, self.read_slash, self.read_list, self.read_named_by_kind)
        for read in readers:
            found = read(text, layer.is_agent)
            if found:
                return found
        return None

    def read_part(self, text):
        """A Reading of a part of a surface; as a misreading too."""
        text = text.strip()
        return (self.read_text(text, 1) or self.read_misread(text)) if len(text) > 1 else None

    def read_brackets(self, text, is_agent):
        """癌胚抗原(CEA): what both names can stand for; else what the first one does, else the second."""
        match = BRACKETS.match(text)
        if not match:
            return None
        outer, inner = (self.read_part(part) or self.read_tail(part) for part in match.group(1, 2))
        found = meet([each for each in (outer, inner) if each and each.ids])
        if not found:
            found = next((each for each in (outer, inner) if each and each.is_settled), outer or inner)
        tail = match[3] and next((layer for layer in peel(f"X{match[3]}") if layer.is_agent), None)
        return found and found._replace(is_agent=found.is_agent or bool(tail))

    def read_tail(self, text):
        """增殖抗原Ki-67: the Latin name behind a Chinese word for its kind."""
        return self.read_named_by_kind(text, False)

    def read_named_by_kind(self, text, is_agent):
        match = NAMED_BY_KIND.match(text)
        if not match or len(fold(match[1])) < SHORTEST_ALIAS or ROMAN.fullmatch(match[1]):
            return None
        return self.read_part(match[1])

    def read_numbers(self, text, is_agent):
        """CDK4/6: CDK4 and CDK6, where each is one gene."""
        match = NUMBERED.match(text)
        if not match:
            return None
        found = [self.look_up(f"{match[1]}{number}") for number in match[2].split("/")]
        return join_readings(found, fold(text)) if all(each and each.status == "one" for each in found) else None

    def read_slash(self, text, is_agent):
        """HER2/neu: what both can stand for; CD74/ROS1: both; CD3/CD28: those that are sure, if all are genes' names.
        Of an agent its carrier is left out.
        """
        parts = SLASH.split(text)
        if len(parts) < 2 or LIST.search(text):
            return None
        found = [self.read_part(part) for part in parts]
        shared = meet([each for each in found if each and each.ids])
        if shared and all(found):
            return shared
        known = [each for each in found if each and each.is_settled]
        are_genes = all(each and (each.is_settled or each.status in ("family", "ambiguous")) for each in found)
        return join_readings(known, fold(text)) if are_genes or is_agent else None

    def read_list(self, text, is_agent):
        """HER2、ESR1和PGR: those that are known, where one is."""
        parts = [part for part in LIST.split(text) if part.strip(" /")]
        if len(parts) < 2:
            return None
        found = [self.read_part(part.strip(" /")) for part in parts]
        return join_readings([each for each in found if each and each.is_settled], fold(text))

    def read_misread(self, text):
        """A Reading of what a scan may have misread, where that is clear; or None."""
        for layer in peel(text):
            for variant in list_misreadings(layer.text):
                found = self.look_up(variant)
                if found and found.status == "one":
                    return found._replace(is_agent=layer.is_agent, how="misread")
        return None


def meet(readings):
    """The Reading of the ids that all readings share, in the first one's order, where several readings share any."""
    if len(readings) < 2:
        return None
    shared = [id for id in readings[0].ids if all(id in each.ids for each in readings[1:])]
    if not shared:
        return None
    status = "one" if len(shared) == 1 else readings[0].status
    return Reading(status, tuple(shared), any(each.is_agent for each in readings), "part", readings[0].key)


def join_readings(readings, key):
    """One Reading of names that stand together, or None where there are none."""
    ids = tuple(dict.fromkeys(id for each in readings for id in each.ids))
    if not ids:
        return None
    is_agent = any(each.is_agent for each in readings)
    return Reading("one" if len(ids) == 1 else "several", ids, is_agent, "part", key)


def number_of(id):
    """A sort key of ids: HGNC:5 before HGNC:37133."""
    name, _, number = id.rpartition(":")
    return (name, int(number)) if number.isdigit() else (id, 0)


def find_families(lexicon) -> dict[str, tuple]:
    """{name: ids} of names that are made into at least two genes by a number behind (`her`: EGFR, ERBB2, ...), or of an
    antigen's chains by a letter (`cd3`: CD3D, CD3E, CD3G).

    A name that is itself a gene's symbol, or of fewer than three letters, is none.
    """
    families = {}
    for key, ids in lexicon.folded.items():
        if len(key) > SHORTEST_ALIAS and key[-1].isdigit() and key[:-1].isalpha() and key.isascii():
            families.setdefault(key[:-1], []).extend(id for id in ids if len(ids) == 1)
        elif CHAIN.fullmatch(key) and key[:-1] not in lexicon.folded:
            families.setdefault(key[:-1], []).extend(id for id in ids if len(ids) == 1)
    return {
        stem: tuple(dict.fromkeys(ids))
        for stem, ids in families.items()
        if len(set(ids)) > 1 and min(lexicon.folded.get(stem, {None: DECISIVE + 1}).values()) > DECISIVE
    }


def read_lookalikes(path) -> dict[str, tuple[str, str]]:
    """{key: (kind, what it is)} of a list of look-alikes with the columns name, kind (of LOOKALIKE_KINDS) and what.

    The key of those that are spelt just so (exact) is the name itself, with a = before it.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = [(number, line) for number, line in enumerate(file, 1) if line.strip() and not line.startswith("#")]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot read the look-alikes: {error}") from error
    found = {}
    for (number, _), row in zip(lines, csv.reader((line for _, line in lines), delimiter="\t"), strict=True):
        if len(row) != 3 or (row[1] not in LOOKALIKE_KINDS and number != lines[0][0]):
            raise InputError(
                f"{path}:{number}: found {len(row)} columns, {row[1] if len(row) > 1 else ''!r} as the kind; expected "
                "name, kind (term, word or exact) and what it is, with tabs between"
            )
        if number != lines[0][0]:
            found[f"={clean(row[0])}" if row[1] == "exact" else fold(row[0])] = (row[1], row[2])
    return found
