"""Mentions of documents as tables in DuckDB: which entity occurs where, in which patent, of which family.

```
mentions    document, sentence, start, "end", entity, surface, score        of entities that take part
sentences   document, sentence, start, "end", place, size                   with a mention; place: in the store's texts
documents   document, id, patent, family, year, is_counted                  all; the first of several with one id
entities    entity, id, name, kind                                          kind: 0 gene, 1 disease
```

Of a family one patent is counted, the one with most mentions (then the earliest, then the lower number): its members
repeat each other's sentences. `genes.mentions.identify_publication` says which family a document is of.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa

from cbpner.base.store import Store, read_statements
from cbpner.biology.genes import mentions as genes
from cbpner.biology.genes.mentions import Bibliography, EntityResolver, Mention
from cbpner.biology.tables import TableWriter
from cbpner.formats.document import Choices, Document

SQL = read_statements(__package__)
GENE, DISEASE = 0, 1
KIND_NAMES = ("gene", "disease")
UNITS = ("sentence", "window", "patent")
PAIRS = {"gene-gene": (GENE,), "gene-disease": (DISEASE,), "both": (GENE, DISEASE)}  # kinds of b, a being a gene
SCHEMAS = {
    "mentions": pa.schema(
        {"document": pa.int32(), "sentence": pa.int32(), "start": pa.int32(), "end": pa.int32(), "entity": pa.int32(),
         "surface": pa.string(), "score": pa.float64()}
    ),
    "sentences": pa.schema(
        {"document": pa.int32(), "sentence": pa.int32(), "start": pa.int32(), "end": pa.int32(), "place": pa.int64(),
         "size": pa.int32()}
    ),
    "documents": pa.schema(
        {"document": pa.int32(), "id": pa.string(), "patent": pa.string(), "family": pa.string(), "year": pa.int32()}
    ),
    "entities": pa.schema({"entity": pa.int32(), "id": pa.string(), "name": pa.string(), "kind": pa.int8()}),
}  # fmt: skip


class CountSettings(NamedTuple):
    """What counts as a co-occurrence."""

    unit: str = "sentence"  # one of UNITS
    size: int = 3  # sentences in a window
    pairs: str = "gene-gene"  # one of PAIRS
    min_support: int = 2  # patent families that an entity, and a pair, must be in
    crowd: int = 500  # units with more entities are left out: lists of hundreds of genes make a pair of any two
    agents: bool = False  # whether antibodies, primers and other agents count as their gene
    min_score: float = 0.0  # of a mention; those without a score take part

    def reject(self, mention: Mention) -> str:
        """The reason why a mention does not take part, in the plural; '' if it does."""
        if mention.kind not in (KIND_NAMES[GENE], *(KIND_NAMES[kind] for kind in PAIRS[self.pairs])):
            return f"mentions of the kind {mention.kind}"
        if mention.kind == "gene" and mention.status not in ("one", "several"):
            return f"mentions of genes without a sure id ({mention.status})"
        if mention.is_agent and not self.agents:
            return "mentions of agents of genes, such as antibodies (--agents counts them)"
        if mention.score is not None and mention.score < self.min_score:
            return "mentions below --min-score"
        return ""


def load_occurrences(
    store: Store,
    documents: Iterable[Document],
    resolver: EntityResolver,
    settings: CountSettings,
    bibliography: Bibliography | None,
    choices: Choices,
) -> Counter[str]:
    """Fill the tables from documents, one after another; {reason: count} of what does not take part."""
    left_out: Counter[str] = Counter()
    writers = {name: TableWriter(store, name, schema) for name, schema in SCHEMAS.items()}
    numbers: dict[str, int] = {}
    for number, document in enumerate(genes.drop_repeated(documents, left_out)):
        writers["documents"].add(number, document.id, *genes.identify_publication(document, bibliography or {}))
        sentences = {}
        for mention in genes.read_mentions([document], resolver, bibliography, choices):
            if reason := settings.reject(mention):
                left_out[reason] += 1
                continue
            if mention.entity not in numbers:
                numbers[mention.entity] = len(numbers)
                kind = KIND_NAMES.index(mention.kind)
                writers["entities"].add(numbers[mention.entity], mention.entity, mention.name, kind)
            place = (mention.sentence, mention.start, mention.end)
            writers["mentions"].add(number, *place, numbers[mention.entity], mention.surface, mention.score)
            sentences[mention.sentence] = (mention.sentence_start, mention.sentence_end)
        for sentence, (start, end) in sentences.items():
            text = document.text[start:end].encode("utf-8")
            writers["sentences"].add(number, sentence, start, end, store.add_text(text), len(text))
    for writer in writers.values():
        writer.flush()
    store.run(SQL["counted"])
    store.run(SQL["named"])
    return left_out
