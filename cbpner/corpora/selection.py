"""Which patents make the corpus: filters on each patent as it is read, then one of each group, then a random order.

A patent is removed at the first step that it fails, and every step is counted. The result depends on the patents alone,
not on the order in which they are read nor on the number of threads. Of a group (family, duplicates) the patent with
the earliest date stays, then the one with the smallest number. A patent that is excluded by its number still comes
first in its groups: its family and its duplicates are excluded with it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cbpner.base.errors import InputError
from cbpner.base.store import ROWS_AT_ONCE, Store, read_statements
from cbpner.corpora import measures
from cbpner.corpora.document import PatentDocument, format_date, parse_number
from cbpner.corpora.query import compile_query

GOLD, EXCLUDED = "gold patents", "excluded numbers"
FAMILY, EXACT, NEAR = "families", "exact duplicates", "near duplicates"
IN_GROUPS = f"removed_by IS NULL OR removed_by IN ('{GOLD}', '{EXCLUDED}')"
SCHEMA = pa.schema(
    {
        "id": pa.int64(), "number": pa.string(), "country": pa.string(), "serial": pa.string(), "date": pa.int32(),
        "family": pa.string(), "source": pa.string(), "title": pa.string(), "characters": pa.int64(),
        "size": pa.int64(), "han_share": pa.float64(), "fingerprint": pa.binary(), "text": pa.string(),
    }
)  # fmt: skip
SQL = read_statements(__package__)
FINGERPRINTS = "SELECT place, fingerprint AS key FROM in_groups"
COMPONENTS = "SELECT place, component AS key FROM batch JOIN in_groups USING (id)"


@dataclass(frozen=True)
class PatentSelection:
    """What makes a patent part of the corpus. A filter whose value is None or empty is off.

    countries: codes such as CN. first_date, last_date: of publication, YYYYMMDD, both inclusive; a patent without a
    date is outside. query: see `query`; over title, abstract, claims and description. min_length, max_length:
    characters of these, white space included. min_han: least share of Han characters (see `measures`). gold,
    excluded: country and serial (`CN105611940`) of patents to exclude, whatever their kind code. one_per_family,
    exact_duplicates: keep one patent of each family, of those whose texts differ in white space only. near_duplicates:
    the similarity from which on two texts are near duplicates, of which one is kept.
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

    def __post_init__(self) -> None:
        if self.query:
            compile_query(self.query)
        if self.first_date and self.last_date and self.first_date > self.last_date:
            window = f"{format_date(self.first_date)} to {format_date(self.last_date)}"
            raise InputError(f"found the dates {window}; expected the earlier day first")


class Filter(NamedTuple):
    """A step that looks at one patent alone. removes: the SQL condition, with a `?` for each parameter."""

    step: str
    setting: str
    removes: str
    parameters: list


class Step(NamedTuple):
    """What a step left."""

    step: str
    setting: str
    patents: int
    characters: int


class SelectedPatent(NamedTuple):
    """A patent that stayed. start, size: offset and bytes of its text in the store's file."""

    number: str
    date: int | None
    family: str
    source: str
    title: str
    characters: int
    start: int
    size: int


def list_filters(selection: PatentSelection) -> list[Filter]:
    """List the filters that are on, in the order in which a patent meets them."""
    filters = []
    for step, numbers in ((GOLD, selection.gold), (EXCLUDED, selection.excluded)):
        if numbers:
            condition = "country || serial IN (SELECT unnest(?))"
            filters.append(Filter(step, f"{len(numbers):,} numbers", condition, [sorted(numbers)]))
    if selection.countries:
        codes = sorted(selection.countries)
        filters.append(Filter("country", ", ".join(codes), "country NOT IN (SELECT unnest(?))", [codes]))
    if selection.first_date or selection.last_date:
        window = [selection.first_date or 0, selection.last_date or 99999999]
        setting = f"{format_date(selection.first_date) or '...'} to {format_date(selection.last_date) or '...'}"
        filters.append(Filter("date", setting, "date IS NULL OR date NOT BETWEEN ? AND ?", window))
    if selection.min_length or selection.max_length is not None:
        longest = 2**62 if selection.max_length is None else selection.max_length
        setting = f"{selection.min_length:,} " + ("or more" if selection.max_length is None else f"to {longest:,}")
        limits = [selection.min_length, longest]
        filters.append(Filter("length", f"{setting} characters", "characters NOT BETWEEN ? AND ?", limits))
    if selection.query:
        condition, parameters = compile_query(selection.query)
        filters.append(Filter("query", selection.query, f"NOT {condition}", parameters))
    if selection.min_han:
        filters.append(Filter("language", f"{selection.min_han:.0%} Han or more", "han_share < ?", [selection.min_han]))
    return filters


def load_candidates(store: Store, patents: Iterable[PatentDocument], selection: PatentSelection) -> None:
    """Read patents into the store and apply the filters to each."""
    store.run_on(SCHEMA.empty_table(), SQL["tables"])
    filters, count = list_filters(selection), 0
    for batch in measures.batch_patents(patents):
        store.run("BEGIN")
        _load_batch(store, batch, count, filters, selection.near_duplicates is not None)
        store.run("COMMIT")  # a transaction keeps the Arrow tables that it has seen
        count += len(batch)
    store.run(SQL["candidates"].format(in_groups=IN_GROUPS))


def _load_batch(
    store: Store, batch: list[tuple[PatentDocument, str]], first_id: int, filters: list[Filter], with_sketches: bool
) -> None:
    """Store the rows of (patent, text) pairs, the texts of those that pass, and the sketches of those in groups."""
    measured = [measures.measure_text(text) for _, text in batch]
    texts = [text.encode("utf-8") for _, text in batch]
    rows = [
        _describe_patent(id, patent, found, text)
        for id, ((patent, _), found, text) in enumerate(zip(batch, measured, texts, strict=True), first_id)
    ]
    table = pa.Table.from_pylist(rows, SCHEMA)
    removed_by = _apply_filters(store, table, filters)
    starts = [store.add_text(text) if step is None else None for text, step in zip(texts, removed_by, strict=True)]
    table = table.drop_columns(["text", "han_share"]).append_column("start", pa.array(starts, pa.int64()))
    table = table.append_column("removed_by", pa.array(removed_by, pa.string()))
    store.run_on(table, "INSERT INTO documents BY NAME FROM batch")
    sketches = [
        {"id": row["id"], "sketch": measures.sketch_text(each.solid).tobytes()}
        for row, each, step in zip(rows, measured, removed_by, strict=True)
        if with_sketches and step in (None, GOLD, EXCLUDED) and len(each.solid) >= measures.GRAM
    ]
    schema = pa.schema({"id": pa.int64(), "sketch": pa.binary()})
    store.run_on(pa.Table.from_pylist(sketches, schema), "INSERT INTO sketches FROM batch")


def _describe_patent(id: int, patent: PatentDocument, found: measures.Measures, text: bytes) -> dict[str, Any]:
    """A row with the columns of SCHEMA; an id that is no publication number counts as a serial number."""
    country, serial, _ = parse_number(patent.number) or ("", patent.number, "")
    row = {
        "id": id, "number": patent.number, "country": country, "serial": serial, "date": patent.date,
        "family": patent.family or "", "source": patent.source, "title": patent.title, "characters": found.characters,
        "size": len(text), "han_share": found.han_share, "fingerprint": found.fingerprint, "text": text,
    }  # fmt: skip
    clean = measures.replace_lone_surrogates
    return {name: clean(value) if isinstance(value, str) else value for name, value in row.items()}


def _apply_filters(store: Store, rows: pa.Table, filters: list[Filter]) -> list[str | None]:
    """For each row the step of the first filter that removes it."""
    if not filters:
        return [None] * len(rows)
    cases = " ".join(f"WHEN {each.removes} THEN {place}" for place, each in enumerate(filters))
    parameters = [value for each in filters for value in each.parameters]
    found = store.run_on(rows, f"SELECT CASE {cases} END FROM batch ORDER BY id", parameters)
    return [None if place is None else filters[place].step for (place,) in found]


def drop_repeats(store: Store, selection: PatentSelection) -> None:
    """Keep one patent of each family and of each group of duplicates."""
    if selection.one_per_family:
        store.run(SQL["drop_repeats"].format(keys=SQL["families"]), [FAMILY])
    if selection.exact_duplicates:
        store.run(SQL["drop_repeats"].format(keys=FINGERPRINTS), [EXACT])
    if selection.near_duplicates is not None:
        pairs = _find_similar(store, selection.near_duplicates)
        ids, nodes = np.unique(pairs, return_inverse=True)
        first, second = nodes.reshape(pairs.shape)
        graph = coo_array((np.ones(len(first), dtype=bool), (first, second)), shape=(len(ids), len(ids)))
        components = connected_components(graph, directed=False)[1] if len(ids) else ids
        table, sql = pa.table({"id": ids, "component": components}), SQL["drop_repeats"].format(keys=COMPONENTS)
        store.run_on(table, sql, [NEAR])


def _find_similar(store: Store, threshold: float) -> np.ndarray:
    """Ids of the pairs whose estimated similarity reaches the threshold, (2, pairs) of int64.

    Candidates share a band: two sketches that agree with probability t in each value share one of b bands of r values
    with 1 - (1 - t^r)^b; r is the largest that misses fewer than 1 in 1,000 pairs at the threshold. In a band that many
    share, each is compared with the first of them and with the three before it, so that work grows with the number of
    patents, not with its square.
    """
    sizes, values = range(1, measures.VALUES + 1), measures.VALUES
    size = max(r for r in sizes if (1 - threshold**r) ** (values // r) < 0.001)
    store.run(SQL["pairs"].format(digits=8 * size, count=values // size))  # a value is eight hexadecimal digits
    found = [np.zeros((2, 0), dtype=np.int64)]
    rows = store.stream(SQL["sketches"])
    while chunk := list(islice(rows, ROWS_AT_ONCE)):
        ids, others, *blobs = zip(*chunk, strict=True)
        first, second = (np.frombuffer(b"".join(each), dtype=np.uint32).reshape(len(chunk), -1) for each in blobs)
        found.append(np.array([ids, others])[:, measures.compare_sketches(first, second) >= threshold])
    return np.concatenate(found, axis=1)


def draw_selected(store: Store, seed: int) -> Iterator[SelectedPatent]:
    """Yield all patents that stayed, in the order of a hash of seed and number.

    A patent keeps its place relative to the others, whatever else is in the store.
    """
    return map(SelectedPatent._make, store.stream(SQL["draw"], [str(seed)]))


def count_selected(store: Store, selection: PatentSelection) -> list[Step]:
    """List what was read, and what each step that is on left of it."""
    removed = {step: counts for step, *counts in store.run(SQL["removed"])}
    patents, characters = (sum(counts[column] for counts in removed.values()) for column in (0, 1))
    steps = [Step("read", "", patents, characters)]
    groups = [
        (FAMILY, "one of each", selection.one_per_family),
        (EXACT, "one of each", selection.exact_duplicates),
        (NEAR, f"similarity of {selection.near_duplicates} or more", selection.near_duplicates is not None),
    ]
    filters = [(step.step, step.setting) for step in list_filters(selection)]
    for name, setting in filters + [(step, setting) for step, setting, is_on in groups if is_on]:
        lost_patents, lost_characters = removed.get(name, (0, 0))
        patents, characters = patents - lost_patents, characters - lost_characters
        steps.append(Step(name, setting, patents, characters))
    return steps
