"""Mentions of documents, each with what it stands for, the sentence around it, and its patent's year and family."""

import bisect
import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from cbpner.base.errors import InputError, UnexpectedValue
from cbpner.biology.genes.diseases import DiseaseReader, GroupReader
from cbpner.biology.genes.resolution import GeneReader
from cbpner.corpora.document import find_numbers, normalize_number, parse_date, parse_number
from cbpner.corpora.records import NO_FAMILY
from cbpner.formats.document import Choices, Document, Limits, fit_spans
from cbpner.formats.registry import list_suffixes, read_documents
from cbpner.formats.rows import read_valid_rows
from cbpner.formats.spans import read_row
from cbpner.text.segments import SENTENCE_ENDS

LIMITS = Limits("a table of entities", extras=("scores", "meta"))
SENTENCE_BREAK = re.compile(f"[{re.escape(''.join(sorted(SENTENCE_ENDS)))}]+")
DATED_NAME = re.compile(r"(?:^|[-_/])([0-9]{4}-[0-9]{2}-[0-9]{2})-[A-Z]{2}[0-9]")
NUMBER_FIELDS = ("number", "publication_number", "id")
DATE_FIELDS = ("date", "publication_date", "year")
FAMILY_FIELDS = ("family", "family_id")
PARQUET = ".parquet"
ROWS_AT_ONCE = 64
REPEATED = "documents whose id was there before"
RENAMED = "documents whose id was there before with another text: they do not count, give each document its own id"


class Mention(NamedTuple):
    """One mention and one thing that it stands for; a mention of several genes (`several`) is as many Mentions.

    document: its id. sentence: number within the document, from 0; sentence_start, sentence_end, start, end: offsets in
    the document's text, code points, ends excluded. label: as predicted. score: 0 to 1, or None. kind: `gene`,
    `disease`, or the label. entity: an id of a list (`HGNC:3430`); where there is none `KIND:key`, the same for all
    spellings. name: what the list calls it, or None. status, is_agent, how: of the Reading. candidates: ids, the
    likeliest first, where the status is not settled. year: of publication, or None. patent, family: of
    `describe_family`.
    """

    document: str
    sentence: int
    sentence_start: int
    sentence_end: int
    start: int
    end: int
    label: str
    surface: str
    score: float | None
    kind: str
    entity: str
    name: str | None
    status: str
    is_agent: bool
    how: str
    candidates: list
    year: int | None
    patent: str
    family: str


class Kinds:
    """Which reader reads which labels.

    genes, diseases: lexicons. gene_labels, disease_labels: the labels that they are of; others are grouped by spelling.
    """

    def __init__(self, genes, diseases=None, gene_labels=("gene", "protein"), disease_labels=("disease",), **options):
        gene, disease = GeneReader(genes, **options), DiseaseReader(diseases)
        self.by_label = {label: ("gene", gene) for label in gene_labels}
        self.by_label |= {label: ("disease", disease) for label in disease_labels}
        self.genes = genes
        self.other, self.labels = GroupReader(), {**disease.lexicon.labels, **genes.labels}

    def read(self, label, surface):
        """(kind, Reading) of a mention."""
        kind, reader = self.by_label.get(label, (label, self.other))
        return kind, reader.read(surface)


def read_mentions(documents: Iterable[Document], kinds: Kinds, about=None, choices=None) -> Iterator[Mention]:
    """The mentions of documents, one after another.

    about: {patent: (year, family)} of `read_bibliography`, which goes before what the documents say. choices: what
    becomes of overlapping spans; by default they are an error.
    """
    about, choices = about or {}, choices or Choices()
    for document in documents:
        patent, family, year = describe_family(document, about)
        sentences = cut_sentences(document.text)
        starts = [start for start, _ in sentences]
        for span in sorted(fit_spans(document, LIMITS, choices)):
            surface = document.text[span.start : span.end]
            kind, reading = kinds.read(span.label, surface)
            number = bisect.bisect_right(starts, span.start) - 1
            ids = reading.ids if reading.is_settled else (f"{kind}:{reading.key}",)
            for entity in ids:
                yield Mention(
                    document.id, number, *sentences[number], span.start, span.end, span.label, surface, span.score,
                    kind, entity, kinds.labels.get(entity), reading.status, reading.is_agent, reading.how,
                    [] if reading.is_settled else list(reading.ids), year, patent, family,
                )  # fmt: skip


def cut_sentences(text) -> list[tuple[int, int]]:
    """(start, end) of sentences that cover the text, each with the signs that end it."""
    ends = [match.end() for match in SENTENCE_BREAK.finditer(text)]
    ends += [len(text)] if not ends or ends[-1] < len(text) else []
    return list(zip([0, *ends[:-1]], ends, strict=True))


def drop_repeated(documents: Iterable[Document], left_out: Counter) -> Iterator[Document]:
    """The documents whose id was not there before; left_out: {statement: count} of the others. A few bytes of each stay
    in memory.
    """
    texts = {}
    for document in documents:
        id, text = (hash(digest(each)) for each in (document.id, document.text))
        if id not in texts:
            texts[id] = text
            yield document
        else:
            left_out[REPEATED if texts[id] == text else RENAMED] += 1


def digest(text):
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def describe_patent(document, about):
    """(year, family) of a document: of the bibliography; else of its date and metadata; else of its name's date."""
    year, family = about.get(name_patent(document.id), (None, None))
    dated = DATED_NAME.search(document.id)
    day = document.date or (parse_date(dated[1]) if dated else None)
    family = family or next(filter(None, (name_family(document.meta.get(name)) for name in FAMILY_FIELDS)), None)
    return year or (day and day // 10000), family


def name_family(value):
    """A family's name, or None: BigQuery's public table has -1 where it knows none."""
    name = "" if value is None else str(value).strip()
    return None if name in NO_FAMILY else name


def name_patent(id):
    """The publication number in a document's id, or the id."""
    return next(iter(find_numbers(id)), id)


def describe_family(document, about):
    """(patent, family, year) of a document. Without another name a family is the number without its kind code, so that
    an application and the patent granted on it are one.
    """
    patent = name_patent(document.id)
    year, family = describe_patent(document, about)
    parts = parse_number(patent)
    return patent, family or ("".join(parts[:2]) if parts else patent), year


def read_predictions(paths, source, choices) -> Iterator[Document]:
    """Documents of files and folders in any format of `cbpner.formats`, or Parquet with the columns of span JSONL.

    Of a folder's Parquet files those without these columns, such as tables that were made of predictions, are left.
    """
    for path in map(Path, paths):
        if not path.exists():
            raise InputError(f"{path}: no such file or folder; expected predictions")
        files = list_parquet(path, choices) if path.is_dir() else [path] if path.suffix.lower() == PARQUET else []
        if not files:
            yield from read_documents([path], source, choices)
        for file in files:
            yield from read_parquet(file, choices)


def check_outside(outputs, inputs):
    """InputError for an output that is an input, or .jsonl in a folder of inputs, where it would be read as one."""
    for output in map(Path, outputs):
        for source in map(Path, inputs):
            place, found = output.resolve(), source.resolve()
            if place == found or (
                source.is_dir() and output.suffix.lower() == ".jsonl" and place.is_relative_to(found)
            ):
                raise InputError(f"{output}: would be read with the predictions in {source}; expected another folder")


def list_parquet(folder, choices) -> list[Path]:
    """A folder's Parquet files with predictions, an empty one too."""
    text = choices.text_field or "text"
    return [path for path in list_suffixes(PARQUET, folder) if {text, "spans"} <= read_columns(path)]


def read_columns(path) -> set:
    """The names of a Parquet file's columns."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return set(parquet.read_schema(path).names)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({error}); expected a whole file") from error


def read_parquet(path, choices) -> Iterator[Document]:
    """Documents of a Parquet file with the columns id, text, spans, and date or others where there are."""
    if missing := {choices.text_field or "text", "spans"} - read_columns(path):
        raise InputError(f"{path}: found no column {', '.join(sorted(missing))}; expected predictions: id, text, spans")
    for number, row in enumerate(read_parquet_rows(path), 1):
        try:
            row = {name: value for name, value in row.items() if value is not None}
            if isinstance(row.get("date"), date):
                row["date"] = int(f"{row['date']:%Y%m%d}")
            yield read_row(row, f"{path.stem}-{number}", choices)
        except UnexpectedValue as error:
            found, expected = error.found, error.expected
            raise InputError(f"{path}: row {number}: found {found}; expected {expected}") from error


def read_parquet_rows(path, columns=None) -> Iterator[dict]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=columns):
                yield from batch.to_pylist()
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({error})") from error


def read_bibliography(path) -> dict[str, tuple]:
    """{publication number: (year, family)} of a table with the columns number, date (or year) and family (if any).

    CSV, TSV, JSON lines (also documents.jsonl of `cbpner patents`) or Parquet. InputError where a column is missing.
    """
    path, about = Path(path), {}
    for number, row in enumerate(open_table(path), 1):  # documents.jsonl has texts: a row at a time, three fields stay
        id = take_field(row, NUMBER_FIELDS)
        if id is None or not any(name in row for name in (*DATE_FIELDS, *FAMILY_FIELDS)):
            raise InputError(
                f"{path}: row {number}: found the columns {', '.join(map(str, row))}; expected number, and date, year "
                "or family"
            )
        value, family = take_field(row, DATE_FIELDS), take_field(row, FAMILY_FIELDS)
        day = parse_date(value)
        year = day // 10000 if day else int(value) if re.fullmatch("[12][0-9]{3}", str(value)) else None
        if value is not None and year is None:
            raise InputError(
                f"{path}: row {number}: found the date {value!r}; expected one such as 2016-05-25, or a year"
            )
        about[normalize_number(str(id))] = (year, name_family(family))
    if not about:
        raise InputError(f"{path}: found no row; expected patents with number, date and family")
    return about


def take_field(row, names):
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def open_table(path):
    """The rows of a table by its suffix, as dictionaries."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a table of patents")
    if path.suffix.lower() == PARQUET:
        fields = (*NUMBER_FIELDS, *DATE_FIELDS, *FAMILY_FIELDS)
        columns = [name for name in fields if name in read_columns(path)]
        return read_parquet_rows(path, columns or None)
    if path.suffix in (".csv", ".tsv"):
        return read_csv_rows(path)
    return read_json_rows(path)


def read_json_rows(path):
    yield from (row.values for row in read_valid_rows(path))


def read_csv_rows(path):
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: found bytes that are not UTF-8 at byte {error.start + 1}; expected UTF-8") from error
    except csv.Error as error:
        raise InputError(f"{path}: cannot be read as a table ({error})") from error
