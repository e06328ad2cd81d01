"""From a pattern to an annotated sentence: mentions are composed here, and with them their spans."""

import re
from itertools import accumulate

from lexicon import (
    FILLERS,
    OTHER_STAGES,
    SHARED_ANTIBODIES,
    SHARED_DISEASES,
    SHARED_NAMES,
    SHARED_RNAS,
    SHARED_SYMBOLS,
    TOPICS,
    TUMOUR_STAGES,
)

from cbpner.text.bio import Sentence
from cbpner.text.labels import TagSpan, spans_to_tags

CHOICE = re.compile(r"<([^<>]*)>")
SLOT = re.compile(r"\{(\w+)\}")
FULL_WIDTH = {code: code + 0xFEE0 for code in (*range(ord("0"), ord("9") + 1), *range(ord("A"), ord("Z") + 1))}

# How a mention is composed: (weight, pattern). `X` is the bare symbol or name, `第E外` an exon's number.
GENE_FORMS = (
    (9, "X基因"),
    (3, "XmRNA"),
    (2, "X-mRNA"),
    (2, "X的mRNA"),
    (2, "人X基因"),
    (2, "野生型X基因"),
    (1, "突变型X基因"),
    (1, "X的RNA转录本"),
    (1, "X基因第E外显子"),
    (1, "X基因启动子"),
    (1, "编码X的基因"),
)
PROTEIN_FORMS = (
    (8, "X"),
    (7, "X蛋白"),
    (2, "重组人X"),
    (2, "可溶性X"),
    (1, "磷酸化X"),
    (1, "X-Fc融合蛋白"),
    (1, "X多肽"),
    (1, "X前体蛋白"),
)
ANTIBODY_FORMS = (
    (4, "抗X抗体"),
    (3, "抗X单克隆抗体"),
    (2, "X抗体"),
    (1, "人源化抗X单克隆抗体"),
    (1, "抗X/CD3双特异性抗体"),
)

# How often a mention comes from the shared words or from another topic instead of the patent's own.
SHARED_RATE, FOREIGN_RATE = 0.38, 0.06


def pick_form(rng, forms):
    """One pattern of `forms`, by weight."""
    *sums, total = accumulate(weight for weight, _ in forms)
    spot = rng.random() * total
    return next(form for (_, form), limit in zip(forms, (*sums, total), strict=True) if spot < limit)


class Writer:
    """Fills patterns with one patent's words; all randomness comes from `rng`."""

    def __init__(self, topic, rng):
        self.topic, self.rng = topic, rng
        self.order = {}  # field -> the topic's words, favourites first

    def write(self, pattern, **given):
        """The pattern as a Sentence; `given` sets filler slots to a text."""
        pattern = CHOICE.sub(lambda match: self.rng.choice(match[1].split("|")), pattern)
        text, spans = "", []
        for number, part in enumerate(SLOT.split(pattern)):
            for piece, label in self.fill(part, given) if number % 2 else [(part, None)]:
                if label:
                    spans.append(TagSpan(len(text), len(text) + len(piece), label))
                text += piece
        return Sentence(text, tuple(spans_to_tags(spans, len(text))))

    def fill(self, slot, given):
        """[(text, label or None), ...] of one slot."""
        if slot in given:
            return [(given[slot], None)]
        if slot in FILLERS:
            return [(self.rng.choice(FILLERS[slot]), None)]
        if slot in ("cell", "drug", "sample"):
            return [(self.rng.choice(getattr(self.topic, f"{slot}s")), None)]
        if slot in NUMBERS:
            return [(NUMBERS[slot](self.rng), None)]
        if slot.endswith("s") and slot[:-1] in MENTIONS:
            return self.fill_list(slot[:-1])
        return MENTIONS[slot](self)

    def fill_list(self, slot):
        """Two or three different mentions as `A、B和C`."""
        words, size = [], self.rng.choice((2, 2, 2, 3, 3))
        while len(words) < size:
            word = MENTIONS[slot](self)
            if word not in words:
                words.append(word)
        last = self.rng.choice(("和", "或", "以及", "和/或", "、"))
        joints = [("、", None)] * (size - 2) + [(last, None)]
        return [part for word, joint in zip(words, [*joints, None], strict=True) for part in (*word, joint) if part]

    def pick(self, field, shared):
        """A word of the topic's `field`, its favourites most often; sometimes a shared or a foreign one."""
        spot = self.rng.random()
        if spot < SHARED_RATE:
            return self.rng.choice(shared)
        if spot < SHARED_RATE + FOREIGN_RATE:
            return self.rng.choice(getattr(self.rng.choice(TOPICS), field))
        own = getattr(self.topic, field)
        words = self.order.setdefault(field, self.rng.sample(own, len(own)))
        return words[int(self.rng.random() ** 1.5 * len(words))]

    def pick_symbol(self, gene=False):
        """A bare symbol, sometimes in another spelling: full-width, with a hyphen, or a mouse gene's lower case."""
        symbol, spot = self.pick("symbols", SHARED_SYMBOLS), self.rng.random()
        if spot < 0.03:
            return symbol.translate(FULL_WIDTH)
        if spot < 0.06:
            return re.sub(r"(?<=[A-Z])(?=\d+$)", "-", symbol)
        if gene and spot < 0.10 and symbol.isascii():
            return symbol.capitalize()
        return symbol

    def pick_pair(self, field, shared):
        """(name, short form or an empty string) of a word `name=short`."""
        name, _, short = self.pick(field, shared).partition("=")
        return name, short

    def bare_gene(self):
        if self.rng.random() < 0.2:
            return [(self.pick("rnas", SHARED_RNAS), "gene")]
        return [(self.pick_symbol(gene=True), "gene")]

    def reference_gene(self):
        return [(self.rng.choice(("GAPDH", "ACTB", "U6", "B2M", "HPRT1")), "gene")]

    def full_gene(self):
        form = pick_form(self.rng, GENE_FORMS)
        named = form in ("X基因", "编码X的基因") and self.rng.random() < 0.3
        word = self.pick_pair("names", SHARED_NAMES)[0] if named else self.pick_symbol(gene=True)
        return [(form.replace("X", word, 1).replace("第E外", f"第{self.rng.randint(1, 27)}外"), "gene")]

    def bare_protein(self):
        if self.rng.random() < 0.4:
            return [(self.pick_pair("names", SHARED_NAMES)[0], "protein")]
        return [(self.pick_symbol(), "protein")]

    def full_protein(self):
        if self.rng.random() < 0.15:
            return self.antibody()
        form = pick_form(self.rng, PROTEIN_FORMS)
        named = form in ("X", "重组人X", "可溶性X") and self.rng.random() < 0.6
        word = self.pick_pair("names", SHARED_NAMES)[0].removeprefix("人") if named else self.pick_symbol()
        return [(form.replace("X", word, 1), "protein")]

    def antibody(self):
        if self.rng.random() < 0.55:
            return [(self.pick("antibodies", SHARED_ANTIBODIES), "protein")]
        return self.anti_antibody()

    def anti_antibody(self):
        return [(pick_form(self.rng, ANTIBODY_FORMS).replace("X", self.pick_symbol(), 1), "protein")]

    def protein_with_short(self):
        return self.with_short("names", SHARED_NAMES, "protein")

    def bare_disease(self):
        return [(self.pick_pair("diseases", SHARED_DISEASES)[0], "disease")]

    def full_disease(self):
        """A disease, sometimes after a stage; one of the topic's own sometimes after the topic's markers."""
        name, _ = self.pick_pair("diseases", SHARED_DISEASES)
        own = any(name == word.partition("=")[0] for word in self.topic.diseases)
        spot = self.rng.random()
        if own and spot < 0.4:
            name = self.rng.choice(self.topic.markers) + name
        elif spot > 0.75:
            name = self.rng.choice(TUMOUR_STAGES if name[-1] in "癌瘤" else OTHER_STAGES) + name
        return [(name, "disease")]

    def short_disease(self):
        name, short = self.pick_pair("diseases", SHARED_DISEASES)
        return [(short or name, "disease")]

    def disease_with_short(self):
        return self.with_short("diseases", SHARED_DISEASES, "disease")

    def with_short(self, field, shared, label):
        """`name(short)`: two mentions, the brackets outside."""
        name, short = self.pick_pair(field, shared)
        left, right = self.rng.choice(("()", "（）"))
        return [(name, label), (left, None), (short, label), (right, None)] if short else [(name, label)]


MENTIONS = {
    "g": Writer.bare_gene,
    "sg": Writer.reference_gene,
    "G": Writer.full_gene,
    "p": Writer.bare_protein,
    "P": Writer.full_protein,
    "Pa": Writer.protein_with_short,
    "ab": Writer.antibody,
    "xab": Writer.anti_antibody,
    "d": Writer.bare_disease,
    "D": Writer.full_disease,
    "Da": Writer.disease_with_short,
    "da": Writer.short_disease,
}

NUMBERS = {
    "n": lambda rng: str(rng.randint(12, 98)),
    "small": lambda rng: str(rng.randint(2, 9)),
    "year": lambda rng: str(rng.randint(10, 23)),
    "month": lambda rng: str(rng.randint(1, 12)),
    "day": lambda rng: str(rng.randint(1, 28)),
    "minute": lambda rng: str(5 * rng.randint(1, 24)),
    "chrom": lambda rng: str(rng.randint(1, 22)),
    "pct": lambda rng: f"{rng.randint(10, 95)}.{rng.randint(0, 9)}{rng.choice('%％')}",
    "temp": lambda rng: f"{rng.choice((4, 25, 37, 42, 56, 60))}{rng.choice(('°C', '℃'))}",
    "conc": lambda rng: f"{rng.randint(1, 99)}{rng.choice(('ng/mL', 'μg/ml', 'nM', 'μM', 'pg/mL', 'nmol/L'))}",
    "dose": lambda rng: f"{rng.randint(1, 20)}{rng.choice(('mg/kg', 'mg/m2', 'μg/kg'))}",
}
