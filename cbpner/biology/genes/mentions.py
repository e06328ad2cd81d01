"""Mentions in documents: the entity that each refers to, the sentence around it, and its patent's year and family."""

import bisect
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from cbpner.biology.genes.diseases import DiseaseResolver
from cbpner.biology.genes.lexicons import Lexicon
from cbpner.biology.genes.resolution import GeneResolver, Resolution
from cbpner.biology.genes.spelling import fold, read_surface
from cbpner.corpora.document import find_numbers, parse_date, parse_number
from cbpner.corpora.records import NO_FAMILY
from cbpner.formats.document import Choices, Document, Limits, fit_spans
from cbpner.formats.fields import DATE_FIELDS
from cbpner.text.reading_form import make_reading_form
from cbpner.text.segments import SENTENCE_BREAK

LIMITS = Limits("a table of entities", extras=("scores", "meta"))
DATED_NAME = re.compile(r"(?:^|[-_/])([0-9]{4}-[0-9]{2}-[0-9]{2})-[A-Z]{2}[0-9]")
YEAR = re.compile(r"([12][0-9]{3})(?:\.0|年|[-/.年](?:0?[1-9]|1[0-2])月?)?")  # alone (pandas: 2018.0) or with a month
FAMILY_FIELDS = ("family", "family_id")
HGNC_PAGE = "https://www.genenames.org/data/gene-symbol-report/#!/hgnc_id/"
REPEATED = "documents whose id was there before"
RENAMED = "documents whose id was there before with another text: they do not count, give each document its own id"

Bibliography = Mapping[str, tuple[int | None, str | None]]  # {publication number: (year, family)}


class Mention(NamedTuple):
    """A mention and one entity that it refers to; a mention of several genes (`several`) makes as many Mentions.

    Offsets are in code points of the document's text, ends excluded.
    """

    document: str  # its id
    sentence: int  # number within the document, from 0
    sentence_start: int
    sentence_end: int
    start: int
    end: int
    label: str  # as predicted
    surface: str
    score: float | None  # 0 to 1
    kind: str  # `gene`, `disease`, or the label
    entity: str  # an id of a lexicon (`HGNC:3430`), or `KIND:key`, which all spellings share
    name: str | None  # of the entity in the lexicon
    status: str  # as in Resolution, and so `is_agent` and `how`
    is_agent: bool
    how: str
    candidates: list[str]  # ids, the likeliest first, if the status is not settled
    year: int | None  # of publication
    patent: str  # as in Publication, and so `family`
    family: str


class Publication(NamedTuple):
    """The patent that a document is of. family: its patent family, or else its number without the kind code."""

    number: str
    family: str
    year: int | None


class EntityResolver:
    """Resolves a mention by its label: genes, diseases, and others, which are grouped by their spelling."""

    def __init__(
        self,
        genes: Lexicon,
        diseases: Lexicon | None = None,
        gene_labels: Sequence[str] = ("gene", "protein"),
        disease_labels: Sequence[str] = ("disease",),
        lookalikes: dict[str, tuple[str, str]] | None = None,
    ) -> None:
        gene, disease = GeneResolver(genes, lookalikes), DiseaseResolver(diseases)
        self.by_label: dict[str, tuple[str, GeneResolver | DiseaseResolver]] = {
            **dict.fromkeys(gene_labels, ("gene", gene)), **dict.fromkeys(disease_labels, ("disease", disease))
        }  # fmt: skip
        self.genes = genes
        self.labels = disease.lexicon.labels | genes.labels

    def resolve(self, label: str, surface: str) -> tuple[str, Resolution]:
        """(kind of entity, resolution) of a mention."""
        if label not in self.by_label:
            return label, Resolution("unknown", key=fold(surface) or surface)
        kind, resolver = self.by_label[label]
        return kind, resolver.resolve(surface)

    def find_pages(self, label: str, surface: str) -> list[tuple[str, str]]:
        """(symbol, address in HGNC) of the genes that a mention is settled to be."""
        _, found = self.resolve(label, surface)
        ids = [id for id in found.ids if found.is_settled and id.startswith("HGNC:")]
        return [(self.labels.get(id) or id, HGNC_PAGE + id.removeprefix("HGNC:")) for id in ids]


def read_mentions(
    documents: Iterable[Document], resolver: EntityResolver, bibliography: Bibliography | None, choices: Choices
) -> Iterator[Mention]:
    """Resolve the mentions of documents, one document after another; overlapping spans are an error by default."""
    for document in documents:
        number, family, year = identify_publication(document, bibliography or {})
        choices.note("documents without a year, also in the table of patents", bool(bibliography) and year is None)
        sentences = cut_sentences(document.text)
        starts = [start for start, _ in sentences]
        for span in sorted(fit_spans(document, LIMITS, choices)):
            surface = read_surface(document.text[span.start : span.end])
            kind, found = resolver.resolve(span.label, surface)
            sentence = bisect.bisect_right(starts, span.start) - 1
            for entity in found.ids if found.is_settled else (f"{kind}:{found.key}",):
                yield Mention(
                    document.id, sentence, *sentences[sentence], span.start, span.end, span.label, surface, span.score,
                    kind, entity, resolver.labels.get(entity), found.status, found.is_agent, found.how,
                    [] if found.is_settled else list(found.ids), year, number, family,
                )  # fmt: skip


def cut_sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) of the sentences that cover the text as it is read, each with the punctuation that ends it."""
    form = make_reading_form(text)
    ends = [match.end() for match in SENTENCE_BREAK.finditer(form.text if form else text)]
    ends = [int(form.ends[end - 1]) for end in ends] if form else ends
    ends += [len(text)] if not ends or ends[-1] < len(text) else []
    return list(zip([0, *ends[:-1]], ends, strict=True))


def drop_repeated(documents: Iterable[Document], left_out: Counter[str]) -> Iterator[Document]:
    """Yield the documents whose id did not occur before, and count the others in `left_out` by reason."""
    texts: dict[int, int] = {}  # {hash of the id: hash of the text}
    for document in documents:
        encoded = (each.encode("utf-8", "surrogatepass") for each in (document.id, document.text))
        id, text = (hash(blake2b(each, digest_size=8).digest()) for each in encoded)
        if id in texts:
            left_out[REPEATED if texts[id] == text else RENAMED] += 1
            continue
        texts[id] = text
        yield document


def identify_publication(document: Document, bibliography: Bibliography) -> Publication:
    """Find a document's patent: its number in the id, year and family in the bibliography, the document or its name."""
    number = next(iter(find_numbers(document.id)), document.id)
    year, family = bibliography.get(number) or bibliography.get(strip_kind(number)) or (None, None)
    dated = DATED_NAME.search(document.id)
    days = (document.date, *(document.meta.get(name) for name in DATE_FIELDS), dated and dated[1])
    named = (normalize_family(document.meta.get(name)) for name in FAMILY_FIELDS)
    family = family or next(filter(None, named), None)
    return Publication(number, family or strip_kind(number), year or next(filter(None, map(find_year, days)), None))


def find_year(date: object) -> int | None:
    """The year of a date that `parse_date` reads, of a year or of a month; None for anything else."""
    day, alone = parse_date(date), YEAR.fullmatch(str(date))
    return day // 10000 if day else int(alone[1]) if alone else None


def strip_kind(number: str) -> str:
    """A publication number without its kind code: the number of its application's publications."""
    parts = parse_number(number)
    return "".join(parts[:2]) if parts else number


def normalize_family(value: object) -> str | None:
    """A family's name; None if it is unknown, for which BigQuery's public table has -1."""
    return None if value is None or str(value).strip() in NO_FAMILY else str(value).strip()
