"""Which patents make the corpus: filters on each patent as it is read, then one of each group, then a draw.

A patent goes at the first step that it fails, and every step is counted. The outcome rests on the patents alone, not on
the order in which they are read nor on the number of threads. Of a group (family, duplicates) the patent with the
earliest date stays, then the one with the smallest number. A patent that is kept out by its number is the first of its
groups nevertheless: its family and its duplicates are kept out with it.
"""

import hashlib
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cbpner.base.store import ROWS_AT_ONCE, batch_documents, measure_text, replace_surrogates
from cbpner.corpora.document import parse_number
from cbpner.corpora.near_duplicates import GRAM, choose_band_size, compare_sketches, hash_bands, sketch_text
from cbpner.corpora.query import parse_query

GOLD, EXCLUDED = "gold patents", "excluded numbers"
FAMILY, EXACT, NEAR = "families", "exact duplicates", "near duplicates"
KEPT_OUT = f"went IN ('{GOLD}', '{EXCLUDED}')"
SCHEMA = pa.schema(
    {
        "id": pa.int64(), "number": pa.string(), "country": pa.string(), "serial": pa.string(), "date": pa.int32(),
        "family": pa.string(), "source": pa.string(), "characters": pa.int64(), "title_size": pa.int64(),
        "size": pa.int64(), "han_share": pa.float64(), "fingerprint": pa.binary(), "checksum": pa.binary(),
        "text": pa.string(),
    }
)  # fmt: skip
TABLES = """
CREATE TABLE documents (
    id BIGINT, number VARCHAR, country VARCHAR, serial VARCHAR, date INTEGER, family VARCHAR, source VARCHAR,
    characters BIGINT, fingerprint BLOB, checksum BLOB, start BIGINT, title_size BIGINT, size BIGINT, went VARCHAR
);
CREATE TABLE sketches (id BIGINT, sketch BLOB);
CREATE TABLE bands (id BIGINT, band UBIGINT)"""
CANDIDATES = f"""
CREATE TABLE candidates AS
SELECT *, row_number() OVER (
    ORDER BY went IS NULL, date NULLS LAST, length(serial), serial, number, source, checksum, family
) AS place
FROM documents WHERE went IS NULL OR {KEPT_OUT};
CREATE VIEW in_play AS SELECT * FROM candidates WHERE went IS NULL OR {KEPT_OUT}"""
FAMILIES = """
SELECT place, coalesce(
    'family ' || min(nullif(trim(family), '')) OVER (PARTITION BY country, serial), 'number ' || country || serial
) AS key
FROM in_play"""
FINGERPRINTS = "SELECT place, fingerprint AS key FROM in_play"
COMPONENTS = "SELECT place, component AS key FROM batch JOIN in_play USING (id)"
PAIRS = """
CREATE TABLE pairs AS
WITH members AS (
    SELECT band, id, place FROM bands JOIN in_play USING (id) QUALIFY count(*) OVER (PARTITION BY band) > 1
), partners AS (
    SELECT id, unnest([first_value(id) OVER w, lag(id, 1) OVER w, lag(id, 2) OVER w, lag(id, 3) OVER w]) AS other
    FROM members WINDOW w AS (PARTITION BY band ORDER BY place)
)
SELECT DISTINCT id, other FROM partners WHERE other <> id"""
SKETCHES = """
SELECT id, other, first.sketch, second.sketch
FROM pairs JOIN sketches AS first USING (id) JOIN sketches AS second ON second.id = other"""
DROP_REPEATS = """
UPDATE candidates SET went = ? WHERE went IS NULL AND place IN (
    SELECT place FROM (SELECT place, row_number() OVER (PARTITION BY key ORDER BY place) AS rank FROM ({keys}))
    WHERE rank > 1
)"""
DRAW = """
SELECT number, date, family, source, characters, start, title_size, size FROM candidates WHERE went IS NULL
ORDER BY md5(? || ':' || number), place"""


@dataclass(frozen=True)
class Selection:
    """What makes a patent part of the corpus. A filter whose value is None or empty is off.

    countries: codes such as CN. first_date, last_date: of publication, YYYYMMDD, both inclusive; a patent without a
    date is in no window. query: see `cbpner.corpora.query`. min_length, max_length: characters of the text as read.
    min_han: see `measure_text`. gold, excluded: patents kept out, as country and serial (`CN105611940`), whatever their
    kind code. near_duplicates: the similarity from which on two texts are near duplicates.
    """

    countries: tuple[str, ...] = ()
    first_date: int | None = None
    last_date: int | None = None
    query: str = ""
    min_length: int = 200
    max_length: int | None = None
    min_han: float = 0.5
    gold: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    one_per_family: bool = True
    exact_duplicates: bool = True
    near_duplicates: float | None = 0.8

    def describe(self):
        """The settings as JSON holds them; of the numbers kept out, how many there are and a checksum."""
        return {
            "countries": sorted(self.countries),
            "from": format_date(self.first_date),
            "to": format_date(self.last_date),
            "query": self.query or None,
            "min_length": self.min_length,
            "max_length": self.max_length,
            "min_han": self.min_han,
            "gold_patents": describe_numbers(self.gold),
            "excluded_numbers": describe_numbers(self.excluded),
            "one_per_family": self.one_per_family,
            "exact_duplicates": "one kept" if self.exact_duplicates else "all kept",
            "near_duplicates": self.near_duplicates,
        }


class Filter(NamedTuple):
    """A step that looks at one patent alone: the SQL condition under which it goes, and the condition's parameters."""

    step: str
    setting: str
    goes: str
    parameters: list


class Step(NamedTuple):
    """What a step left: patents and characters before and after it."""

    step: str
    setting: str
    patents_before: int
    patents_after: int
    characters_before: int
    characters_after: int


class Drawn(NamedTuple):
    """A patent that stayed. start: of its title in the store's file; title_size, size: of it and of the text behind."""

    number: str
    date: int | None
    family: str
    source: str
    characters: int
    start: int
    title_size: int
    size: int


def list_filters(selection):
    """The Filters that are switched on, in the order in which a patent meets them."""
    filters = []
    for step, numbers in ((GOLD, selection.gold), (EXCLUDED, selection.excluded)):
        if numbers:
            goes = "country || serial IN (SELECT unnest(?))"
            filters.append(Filter(step, f"{len(numbers):,} numbers", goes, [sorted(numbers)]))
    if selection.countries:
        codes = sorted(selection.countries)
        filters.append(Filter("country", ", ".join(codes), "country NOT IN (SELECT unnest(?))", [codes]))
    if selection.first_date or selection.last_date:
        window = [selection.first_date or 0, selection.last_date or 99999999]
        setting = f"{format_date(selection.first_date) or '...'} to {format_date(selection.last_date) or '...'}"
        filters.append(Filter("date", setting, "date IS NULL OR date NOT BETWEEN ? AND ?", window))
    if selection.min_length or selection.max_length is not None:
        longest = selection.max_length if selection.max_length is not None else 2**62
        setting = f"{selection.min_length:,} characters or more"
        if selection.max_length is not None:
            setting = f"{selection.min_length:,} to {selection.max_length:,} characters"
        filters.append(Filter("length", setting, "characters NOT BETWEEN ? AND ?", [selection.min_length, longest]))
    if selection.query:
        query = parse_query(selection.query)
        condition, parameters = query.to_sql("text")
        filters.append(Filter("query", str(query), f"NOT ({condition})", list(parameters)))
    if selection.min_han:
        filters.append(Filter("language", f"{selection.min_han:.0%} Han or more", "han_share < ?", [selection.min_han]))
    return filters


def list_steps(selection):
    """[(step, setting)] of all steps that are switched on, in their order."""
    groups = [
        (FAMILY, "one of each", selection.one_per_family),
        (EXACT, "one of each", selection.exact_duplicates),
        (NEAR, f"similarity of {selection.near_duplicates} or more", selection.near_duplicates is not None),
    ]
    filters = [(step.step, step.setting) for step in list_filters(selection)]
    return filters + [(step, setting) for step, setting, is_on in groups if is_on]


def load_documents(store, documents, selection, watch=lambda patents, characters: None):
    """Read PatentDocuments into the store, and judge each by the filters. watch: told of every batch that is in."""
    store.run(TABLES)
    filters, count = list_filters(selection), 0
    for batch in batch_documents(documents):
        store.run("BEGIN")
        load_batch(store, batch, count, filters, selection.near_duplicates)
        store.run("COMMIT")  # a transaction keeps the Arrow tables that it has seen
        count += len(batch)
        watch(len(batch), sum(len(text) for _, text in batch))
    store.run(CANDIDATES)


def load_batch(store, batch, first_id, filters, threshold):
    """batch: list of (document, text). Texts of the patents that pass are stored; sketches of those in play."""
    measures = [measure_text(text) for _, text in batch]
    titles = [replace_surrogates(document.title).encode("utf-8") for document, _ in batch]
    texts = [text.encode("utf-8") for _, text in batch]
    rows = describe_batch(batch, first_id, measures, titles, texts)
    went = judge(store, rows, filters)
    starts = [
        store.add_text(title, text) if step is None else None
        for title, text, step in zip(titles, texts, went, strict=True)
    ]
    rows = rows.drop_columns(["text", "han_share"])
    rows = rows.append_column("start", pa.array(starts, pa.int64())).append_column("went", pa.array(went, pa.string()))
    store.run_on(rows, "INSERT INTO documents BY NAME FROM batch")
    if threshold is not None:
        solids = [(first_id + place, measure.solid) for place, measure in enumerate(measures)]
        in_play = [step is None or step in (GOLD, EXCLUDED) for step in went]
        add_sketches(store, [solid for solid, stays in zip(solids, in_play, strict=True) if stays], threshold)


def describe_batch(batch, first_id, measures, titles, texts):
    """An Arrow table with the columns of SCHEMA, a row a patent. A number that is none counts as a serial number."""
    rows = []
    for place, (document, _) in enumerate(batch):
        number = replace_surrogates(document.number)
        country, serial, _ = parse_number(number) or ("", number, "")
        rows.append(
            {
                "id": first_id + place,
                "number": number,
                "country": country,
                "serial": serial,
                "date": document.date,
                "family": replace_surrogates(document.family or ""),
                "source": replace_surrogates(document.source),
                "characters": measures[place].characters,
                "title_size": len(titles[place]),
                "size": len(texts[place]),
                "han_share": measures[place].han_share,
                "fingerprint": measures[place].fingerprint,
                "checksum": hashlib.sha256(texts[place]).digest(),
                "text": texts[place],
            }
        )
    return pa.Table.from_pylist(rows, SCHEMA)


def judge(store, rows, filters):
    """For each row the name of the first filter at which it goes, or None."""
    if not filters:
        return [None] * len(rows)
    cases = " ".join(f"WHEN {each.goes} THEN {place}" for place, each in enumerate(filters))
    parameters = [value for each in filters for value in each.parameters]
    found = store.run_on(rows, f"SELECT CASE {cases} END FROM batch ORDER BY id", parameters)
    return [None if place is None else filters[place].step for (place,) in found]


def add_sketches(store, solids, threshold):
    """solids: list of (id, code points without white space). A text without an n-gram has no sketch."""
    solids = [(row, codes) for row, codes in solids if len(codes) >= GRAM]
    if not solids:
        return
    ids = np.array([row for row, _ in solids], dtype=np.int64)
    sketches = np.array([sketch_text(codes) for _, codes in solids])  # (texts, 128)
    bands = hash_bands(sketches, choose_band_size(threshold))  # (texts, bands)
    table = pa.table({"id": ids, "sketch": pa.array([row.tobytes() for row in sketches], pa.binary())})
    store.run_on(table, "INSERT INTO sketches FROM batch")
    table = pa.table({"id": np.repeat(ids, bands.shape[1]), "band": bands.ravel()})
    store.run_on(table, "INSERT INTO bands FROM batch")


def drop_groups(store, selection):
    """Leave one patent of each family and of each group of duplicates."""
    if selection.one_per_family:
        store.run(DROP_REPEATS.format(keys=FAMILIES), [FAMILY])
    if selection.exact_duplicates:
        store.run(DROP_REPEATS.format(keys=FINGERPRINTS), [EXACT])
    if selection.near_duplicates is not None:
        components = find_components(find_similar(store, selection.near_duplicates))
        store.run_on(components, DROP_REPEATS.format(keys=COMPONENTS), [NEAR])


def find_similar(store, threshold):
    """Ids of the pairs whose estimated similarity reaches the threshold, (2, pairs) of int64.

    Candidates share a band. In a band that many share, each is compared with the first of them and with the three
    before it, so that work grows with the number of patents, not with its square.
    """
    store.run(PAIRS)
    found = [np.zeros((2, 0), dtype=np.int64)]
    rows = store.stream(SKETCHES)
    while chunk := list(islice(rows, ROWS_AT_ONCE)):
        ids, others, first, second = zip(*chunk, strict=True)
        similarity = compare_sketches(read_sketches(first), read_sketches(second))
        found.append(np.array([ids, others])[:, similarity >= threshold])
    return np.concatenate(found, axis=1)


def read_sketches(blobs):
    """(texts, 128) of uint32."""
    return np.frombuffer(b"".join(blobs), dtype=np.uint32).reshape(len(blobs), -1)


def find_components(pairs):
    """Arrow table (id, component) of the ids in pairs; what pairs connect, however indirectly, is one component."""
    ids, nodes = np.unique(pairs, return_inverse=True)
    first, second = nodes.reshape(pairs.shape)
    graph = coo_array((np.ones(len(first), dtype=bool), (first, second)), shape=(len(ids), len(ids)))
    return pa.table({"id": ids, "component": connected_components(graph, directed=False)[1] if len(ids) else ids})


def draw_documents(store, seed):
    """The Drawn of all patents that stayed, shuffled by the seed.

    The order is that of a hash of seed and number: among others a patent keeps its place, whoever else is there.
    """
    return map(Drawn._make, store.stream(DRAW, [str(seed)]))


def count_steps(store, selection):
    """The reading, and the Steps that are switched on, each with what was there before and after it."""
    ((patents, characters),) = store.run("SELECT count(*), coalesce(sum(characters), 0) FROM documents")
    steps = [Step("read", "", patents, patents, characters, characters)]
    for name, setting in list_steps(selection):
        table = "candidates" if name in (FAMILY, EXACT, NEAR) else "documents"
        ((gone, lost),) = store.run(
            f"SELECT count(*), coalesce(sum(characters), 0) FROM {table} WHERE went = ?", [name]
        )
        steps.append(Step(name, setting, patents, patents - gone, characters, characters - lost))
        patents, characters = patents - gone, characters - lost
    return steps


def count_unnumbered(store):
    """Patents whose number is no publication number, so that nobody can tell whether they are to be kept out."""
    return store.run("SELECT count(*) FROM documents WHERE country = ''")[0][0]


def describe_numbers(numbers):
    """How many, and the SHA-256 of the sorted numbers, a line each; None where there are none."""
    if not numbers:
        return None
    return {"count": len(numbers), "sha256": hashlib.sha256("\n".join(sorted(numbers)).encode()).hexdigest()}


def format_date(date):
    """2016-05-25 for 20160525, None for None."""
    return None if date is None else f"{date // 10000:04}-{date // 100 % 100:02}-{date % 100:02}"
