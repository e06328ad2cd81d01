"""Mentions of documents as tables in DuckDB: who is named where, in which patent, of which family.

```
mentions    document, sentence, start, "end", entity, surface, score        of entities that take part
sentences   document, sentence, start, "end", place, size                   with a mention; place: in the store's texts
documents   document, id, patent, family, year, is_counted                  all; of several with one id the first
entities    entity, id, name, kind                                          kind: 0 gene, 1 disease
```

A patent's family is what the bibliography or the document says; else the publication number without its kind code, so
that an application and the patent granted on it are one. Of a family one patent is counted, the one with most mentions
(then the earliest, then the lower number): its members repeat each other's sentences.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa

from cbpner.base.store import ROWS_AT_ONCE, Store
from cbpner.biology.genes.mentions import Kinds, describe_family, drop_repeated, read_mentions
from cbpner.formats.document import Choices, Document

GENE, DISEASE = 0, 1
KIND_NAMES = ("gene", "disease")
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

COUNTED = """
CREATE OR REPLACE TABLE documents AS
WITH sizes AS (SELECT document, count(*) AS mentions FROM mentions GROUP BY document),
speakers AS (
    SELECT family, patent FROM documents LEFT JOIN sizes USING (document) GROUP BY family, patent
    QUALIFY row_number() OVER (
        PARTITION BY family ORDER BY coalesce(sum(mentions), 0) DESC, min(year) NULLS LAST, patent
    ) = 1
)
SELECT d.*, s.patent IS NOT NULL AS is_counted
FROM documents d LEFT JOIN speakers s ON s.family = d.family AND s.patent = d.patent
"""
NAMED = """
CREATE OR REPLACE TABLE entities AS
SELECT e.* REPLACE (coalesce(e.name, m.name, e.id) AS name) FROM entities e LEFT JOIN (
    SELECT entity, mode(surface ORDER BY surface) AS name FROM mentions GROUP BY entity
) m USING (entity)
"""


class Selection(NamedTuple):
    """Which mentions take part. kinds: of GENE, DISEASE. agents: antibodies, primers and such count as the gene.
    min_score: mentions with a lower score do not; those without a score do.
    """

    kinds: tuple = (GENE,)
    agents: bool = False
    min_score: float = 0.0


class Writer:
    """Fills a table in batches."""

    def __init__(self, store, name):
        self.store, self.name, self.waiting = store, name, []
        store.run_on(SCHEMAS[name].empty_table(), f"CREATE TABLE {name} AS FROM batch")

    def add(self, *row):
        self.waiting.append(row)
        if len(self.waiting) >= 8 * ROWS_AT_ONCE:
            self.flush()

    def flush(self):
        if self.waiting:
            schema = SCHEMAS[self.name]
            columns = zip(zip(*self.waiting, strict=True), schema.types, strict=True)
            batch = pa.table([pa.array(column, type) for column, type in columns], schema=schema)
            self.store.run_on(batch, f"INSERT INTO {self.name} FROM batch")
            self.waiting = []


def load_occurrences(
    store: Store, documents: Iterable[Document], kinds: Kinds, about=None, choices=None, selection=None
) -> Counter:
    """Fill the tables from documents, one after another; {statement: count} of what does not take part."""
    about, choices, selection, left_out = about or {}, choices or Choices(), selection or Selection(), Counter()
    mentions, sentences, patents, entities = (Writer(store, name) for name in SCHEMAS)
    numbers = {}
    for number, document in enumerate(drop_repeated(documents, left_out)):
        patents.add(number, document.id, *describe_family(document, about))
        found = []
        for mention in read_mentions([document], kinds, about, choices):
            if why := find_reason(mention, selection):
                left_out[why] += 1
                continue
            entity = numbers.get(mention.entity)
            if entity is None:
                entity = numbers[mention.entity] = len(numbers)
                entities.add(entity, mention.entity, mention.name, KIND_NAMES.index(mention.kind))
            start, end, surface, score = mention.start, mention.end, mention.surface, mention.score
            mentions.add(number, mention.sentence, start, end, entity, surface, score)
            found.append((mention.sentence, mention.sentence_start, mention.sentence_end))
        add_sentences(sentences, number, document.text, dict.fromkeys(found))
    for writer in (mentions, sentences, patents, entities):
        writer.flush()
    store.run(COUNTED)
    store.run(NAMED)
    return left_out


def find_reason(mention, selection):
    """Why a mention does not take part, in the plural; '' where it does."""
    if mention.kind not in KIND_NAMES or KIND_NAMES.index(mention.kind) not in selection.kinds:
        return f"mentions of the kind {mention.kind}"
    if mention.kind == "gene" and mention.status not in ("one", "several"):
        return f"mentions of genes without a sure id ({mention.status})"
    if mention.is_agent and not selection.agents:
        return "mentions of agents of genes, such as antibodies (--agents counts them)"
    if mention.score is not None and mention.score < selection.min_score:
        return "mentions below --min-score"
    return ""


def add_sentences(sentences, number, text, places):
    """Keep the texts of a document's sentences, one behind the other in the store's file."""
    pieces = [text[start:end].encode("utf-8") for _, start, end in places]
    if not pieces:
        return
    place = sentences.store.add_text(*pieces)
    for (sentence, start, end), piece in zip(places, pieces, strict=True):
        sentences.add(number, sentence, start, end, place, len(piece))
        place += len(piece)


def count_families(store) -> Counter:
    """{statement: count} of patents that are not counted."""
    members = store.run("SELECT count(DISTINCT patent) FROM documents WHERE NOT is_counted")[0][0]
    return Counter({"patents of families of which another one is counted": members})
