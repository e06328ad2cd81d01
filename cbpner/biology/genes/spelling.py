"""Normalize names that differ only in width, case, hyphens or Greek letters to one key.

`TNF-α`, `TNFα`, `tnf alpha` and `ＴＮＦ－α` have the key `tnfalpha`; `spell_latin` makes `tnfa` of it, since
HGNC writes Greek letters as Latin ones (`TGFB1`).
"""

import re
import unicodedata

from cbpner.text.reading_form import make_reading_form

GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "κ": "kappa", "λ": "lambda", "μ": "mu", "σ": "sigma", "τ": "tau", "ω": "omega",
}  # fmt: skip
LATIN = {
    "alpha": "a", "beta": "b", "gamma": "g", "delta": "d", "epsilon": "e", "zeta": "z", "theta": "q", "kappa": "k",
    "lambda": "l", "sigma": "s", "omega": "w",
}  # fmt: skip
HYPHENS = re.compile("[\u2010-\u2015\u2043\u2212\u30fb\uff0d_~\u00ad]")
ALLELE = re.compile(r"(?<=[A-Z0-9])\*[0-9]+[A-Z]?(?::[0-9]+)*")  # HLA-DQB1*06:02
SIGNS = re.compile("[®™©†*^\"'“”‘’`]")
BRACKETS = str.maketrans("[{【〔〖「『《〈]}】〕〗」』》〉", "(" * 9 + ")" * 9)
GAPS = re.compile(r"[\s\-.,·/:]+")
NAMED = re.compile("|".join(sorted(LATIN, key=len, reverse=True)))
IN_HAN = re.compile(r"(?<=[\u3400-\u9fff])\s+|\s+(?=[\u3400-\u9fff])")
EDGES = " \t\r\n,.;:、，。；："
CAPITALS = re.compile(r"[A-Z][A-Z0-9\-]*[lI|][0-9lI|]*|[A-Z]{2,}[A-Z0-9\-]*[OQ〇]+[0-9]*")
READ_AS = (("l", "1"), ("I", "1"), ("|", "1"), ("〇", "0"), ("O", "0"))


def read_surface(surface: str) -> str:
    """A surface as it reads: without markup, and on one line."""
    form = make_reading_form(surface) if "<" in surface or "&" in surface else None
    return IN_HAN.sub("", " ".join((form.text if form else surface).split()))


def normalize_surface(surface: str) -> str:
    """Give a surface one kind of letters, hyphens, brackets and spaces; drop quotes, ®, alleles, what surrounds it."""
    text = HYPHENS.sub("-", unicodedata.normalize("NFKC", read_surface(surface))).translate(BRACKETS)
    text = IN_HAN.sub("", " ".join(SIGNS.sub("", ALLELE.sub("", text)).split())).strip(EDGES)
    inner = text.strip(f"{EDGES}()")
    return text if "(" in inner or ")" in inner else inner


def fold(text: str) -> str:
    """The key of a name: lower case, Greek letters spelt out, no gaps or hyphens; may be empty."""
    folded = "".join(GREEK.get(char, char) for char in normalize_surface(text).casefold().replace("ς", "σ"))
    return GAPS.sub("", folded)


def spell_latin(key: str) -> str:
    """Replace the names of Greek letters in a key by Latin letters: `tgfbeta1` -> `tgfb1`."""
    return NAMED.sub(lambda match: LATIN[match[0]], key)


def list_ocr_variants(text: str) -> list[str]:
    """What a name may have been before a scan was misread: `GALNTl3` -> `GALNT13`.

    In names of capitals l, I and | become 1, and O 0, one kind at a time; in others a last l or I after a hyphen.
    """
    last = [text[:-1] + "1"] if text[-1:] in ("l", "I", "|") else []
    if not CAPITALS.fullmatch(text):
        return last if text[-2:-1] == "-" else []
    variants = [text.replace(wrong, right) for wrong, right in READ_AS if wrong in text]
    return [variant for variant in dict.fromkeys([*last, *variants]) if variant != text]
