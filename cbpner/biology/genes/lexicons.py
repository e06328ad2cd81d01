"""Lexicons of names with ids: readers for the files as their publishers provide them, and an index over the names.

The first line tells the format of a lexicon:

| format | recognized by |
|---|---|
| HGNC's hgnc_complete_set.txt, or a custom download | columns `hgnc_id` (`HGNC ID`) and `symbol` (`Approved symbol`) |
| symbols and synonyms, a pair a line | columns `hgnc`, `symb`, `synonym1`, `synonym2` (aliases, previous symbols) |
| HPO translations (babelon) | columns `subject_id`, `source_value`, `translation_value` |
| MeSH descriptors in ASCII (d20YY.bin) | `*NEWRECORD` |
| any other list: ICD, a user's own names | columns `id` and `name`, a name a line (`code`, `编码`, `名称` too) |

Tables are separated by tabs or commas, in UTF-8. Lines that begin with `#` are comments.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from cbpner.base.errors import InputError
from cbpner.biology.genes.spelling import fold, normalize_surface
from cbpner.formats.rows import read_cells

NAME_KINDS = ("user", "symbol", "usual", "previous", "alias", "title")  # the surest first
HGNC_ID = re.compile(r"HGNC:[0-9]+")
SHIPPED_GENES, SHIPPED_NAMES, SHIPPED_LOOKALIKES = "hgnc_subset.tsv", "names_zh.tsv", "lookalikes.tsv"
REFERENCE_GENES = "reference_genes.tsv"
LOOKALIKE_KINDS = ("term", "word", "exact", "shared")  # see the table's first lines
GENE_FORMATS = ("hgnc", "pairs")
FORMAT_NAMES = {
    "hgnc": "gene symbols (HGNC)", "pairs": "gene symbols and synonyms", "hpo": "phenotypes (HPO)",
    "mesh": "headings (MeSH)", "names": "ids and names",
}  # fmt: skip
ID_COLUMNS = {
    "hgnc": ("hgnc_id",), "pairs": ("hgnc",), "hpo": ("subject_id",),
    "names": ("id", "code", "编码", "疾病编码", "诊断编码", "icd"),
}  # fmt: skip
NAME_COLUMNS = {  # format: (kind of name, its columns, of which the first with a value counts)
    "hgnc": (
        ("symbol", ("symbol", "approved_symbol")), ("previous", ("prev_symbol", "previous_symbol", "previous_symbols")),
        ("alias", ("alias_symbol", "alias_symbols", "synonyms")), ("title", ("name", "approved_name")),
        ("title", ("alias_name", "alias_names")),
    ),
    "pairs": (("symbol", ("symb",)), ("alias", ("synonym1",)), ("previous", ("synonym2",))),
    "hpo": (("user", ("translation_value",)), ("user", ("source_value",))),
    "names": (("user", ("name", "surface", "名称", "疾病名称", "诊断名称")),),
}  # fmt: skip
REQUIRED_NAMES = {"hgnc": 1, "pairs": 2, "hpo": 2, "names": 1}  # of NAME_COLUMNS, by which a format is recognized

Ranks = dict[str, int]  # {id: place of the kind of name in NAME_KINDS}


class Name(NamedTuple):
    """A name of an id. kind: one of NAME_KINDS. place: `FILE:LINE`."""

    id: str
    kind: str
    text: str
    place: str


@dataclass
class Lexicon:
    """An index over names."""

    exact: dict[str, Ranks] = field(default_factory=dict)  # by the name as it is
    cased: dict[str, Ranks] = field(default_factory=dict)  # by the name in lower case
    folded: dict[str, Ranks] = field(default_factory=dict)  # by the key of the name
    labels: dict[str, str] = field(default_factory=dict)  # {id: its official name}
    names: dict[str, set[str]] = field(default_factory=dict)  # {id: keys of its names}
    sources: list[dict] = field(default_factory=list)  # {path, format, ids (that no file before has), names} of a file

    def add(self, name: Name) -> None:
        """Index a name."""
        text, key, rank = normalize_surface(name.text), fold(name.text), NAME_KINDS.index(name.kind)
        if not key:
            return
        for index, spelling in ((self.exact, text), (self.cased, text.casefold()), (self.folded, key)):
            ranks = index.setdefault(spelling, {})
            ranks[name.id] = min(rank, ranks.get(name.id, rank))
        self.names.setdefault(name.id, set()).add(key)
        if name.kind == "symbol" or name.id not in self.labels:
            self.labels[name.id] = name.text


def is_decisive(ranks: Ranks) -> bool:
    """Whether a name is so sure a kind of name of an id that other ids, which have it as an alias, do not count."""
    return bool(ranks) and min(ranks.values()) <= NAME_KINDS.index("usual")


def read_lexicons(paths: Iterable[str | Path], expects: str) -> Lexicon:
    """Read one lexicon of the ids of `gene`s or `disease`s from several files.

    Raises:
        InputError: A file has none of the formats, or no name; an id of a user's gene names is no HGNC id, or missing
            in the files with HGNC's symbols.
    """
    lexicon = Lexicon()
    user_names: list[Name] = []
    for path in paths:
        format, names = open_lexicon(path)
        if (format in GENE_FORMATS) != (expects == "gene") and format != "names":
            raise InputError(f"{path}: found a list of {FORMAT_NAMES[format]}; expected one of {expects}s")
        count, known = 0, len(lexicon.labels)
        for count, name in enumerate(names, 1):  # noqa: B007 (used after the loop)
            if format == "names" and expects == "gene":
                user_names.append(name)
            else:
                lexicon.add(name)
        if not count:
            raise InputError(f"{path}: found no name; expected at least one below the first line")
        new = len(lexicon.labels) - known
        lexicon.sources.append({"path": str(path), "format": format, "ids": new, "names": count})
    for bad, expected in (
        ([name for name in user_names if not HGNC_ID.fullmatch(name.id)], "HGNC ids such as HGNC:3430"),
        ([name for name in user_names if name.id not in (lexicon.labels or (name.id,))], "ids in the list of symbols"),
    ):
        if bad:
            found = "; ".join(f"{name.place}: {name.id!r} for {name.text!r}" for name in bad[:5])
            raise InputError(f"found {len(bad)} name(s) with wrong ids: {found}; expected {expected}")
    for name in user_names:
        lexicon.add(name)
    return lexicon


def read_gene_lexicon(paths: Iterable[str | Path] = (), shipped: bool = True) -> Lexicon:
    """Read HGNC's files (if there are none, the shipped subset), users' names and the `shipped` Chinese names."""
    paths = list(paths)
    if not any(open_lexicon(path)[0] in GENE_FORMATS for path in paths):
        paths = [find_shipped(SHIPPED_GENES), *paths]
    lexicon = read_lexicons(paths, "gene")
    if shipped:
        path = find_shipped(SHIPPED_NAMES)
        names = [name._replace(kind="usual") for name in open_lexicon(path)[1] if name.id in lexicon.labels]
        for name in names:
            lexicon.add(name)
        lexicon.sources.append({"path": str(path), "format": "names", "ids": 0, "names": len(names)})
    return lexicon


def find_shipped(name: str) -> Path:
    """The path of a file that ships with the package."""
    return Path(str(resources.files("cbpner.biology.genes").joinpath(name)))


def open_lexicon(path: str | Path) -> tuple[str, Iterator[Name]]:
    """Recognize a lexicon: (format, its names); InputError if it has none of the formats."""
    path = Path(path)
    rows = read_cells(path, ("\t", ","), comment="#")
    number, first = next(rows, (0, []))
    if not first:
        raise InputError(f"{path}: found an empty file; expected a lexicon: see `cbpner lexicons`")
    if first == ["*NEWRECORD"]:
        return "mesh", parse_mesh(path, read_cells(path, ("\t",), quoted=False))
    columns = [normalize_column(name) for name in first]
    for format, ids in ID_COLUMNS.items():
        required = [ids, *(names for _, names in NAME_COLUMNS[format][: REQUIRED_NAMES[format]])]
        if all(any(name in columns for name in names) for names in required):
            return format, parse_table(path, format, columns, rows)
    raise InputError(
        f"{path}:{number}: found the columns {', '.join(columns)[:120]}; expected those of HGNC (hgnc_id, symbol, "
        "alias_symbol, prev_symbol), of symbols and synonyms (hgnc, symb, synonym1, synonym2), of HPO translations "
        "(subject_id, source_value, translation_value), or id and name; see `cbpner lexicons`"
    )


def normalize_column(name: str) -> str:
    """One name for `Approved symbol`, `approved_symbol` and `#Approved Symbol`."""
    return re.sub(r"[\s_]+", "_", name.strip().lstrip("#").lower())


def parse_table(
    path: Path, format: str, columns: Sequence[str], rows: Iterable[tuple[int, list[str]]]
) -> Iterator[Name]:
    """Names in a table; several in a field of HGNC's are separated by | (by commas in custom downloads)."""
    seen = set()  # pairs repeat the names of a gene
    for number, values in rows:
        place = f"{path}:{number}"
        if len(values) != len(columns):
            raise InputError(f"{place}: found {len(values)} columns; expected {len(columns)} as in the first line")
        row = dict(zip(columns, map(str.strip, values), strict=True))
        id = find_value(row, ID_COLUMNS[format])
        names = [(kind, find_value(row, own)) for kind, own in NAME_COLUMNS[format]]
        id = f"HGNC:{id}" if format == "hgnc" and id.isdigit() else id
        is_valid = HGNC_ID.fullmatch(id) if format in GENE_FORMATS else id
        if not is_valid or (format in ("hgnc", "names") and not names[0][1]):
            expected = f"{', '.join(ID_COLUMNS[format])} such as HGNC:5 or HP:0003002, and a name such as A1BG"
            raise InputError(f"{place}: found the id {id!r} and the name {names[0][1]!r}; expected {expected}")
        if format == "hgnc" and row.get("status", "") not in ("", "Approved"):
            continue
        for kind, value in names:
            is_list = format == "hgnc" and kind in ("previous", "alias")
            for text in re.split(r"\s*(?:[|]|,\s)\s*", value) if is_list else [value]:
                if text and (format != "pairs" or (id, kind, text) not in seen):
                    seen.add((id, kind, text))
                    yield Name(id, kind, text, place)


def find_value(row: Mapping[str, str], columns: Iterable[str]) -> str:
    """The first value of the columns that is not empty, or ''."""
    return next((row[column] for column in columns if row.get(column)), "")


def parse_mesh(path: Path, rows: Iterable[tuple[int, list[str]]]) -> Iterator[Name]:
    """Headings and entry terms of the diseases among MeSH's descriptors; the id comes at the end of a record."""
    names: list[tuple[str, str]] = []
    id, is_disease = "", False
    for number, cells in [*rows, (0, ["*NEWRECORD"])]:
        line = "\t".join(cells)
        if line.strip() == "*NEWRECORD":
            yield from (Name(id, "user", text, place) for text, place in names if id and is_disease)
            names, id, is_disease = [], "", False
        tag, equals, value = (part.strip() for part in line.partition(" = "))
        if equals and tag in ("MH", "ENTRY", "PRINT ENTRY"):
            names.append((value.split("|")[0], f"{path}:{number}"))
        elif equals and tag == "MN":
            is_disease |= value.startswith(("C", "F03"))  # branches of MeSH's tree: diseases, mental disorders
        elif equals and tag == "UI":
            id = f"MESH:{value}"


def read_lookalikes(path: str | Path | None = None) -> dict[str, tuple[str, str]]:
    """Read a table of words that look like genes: name, kind (of LOOKALIKE_KINDS), what it means.

    Returns {key: (kind, what it means)}; the key of kind `exact` is the name itself after a `=`.
    """
    path = Path(path or find_shipped(SHIPPED_LOOKALIKES))
    found = {}
    for number, row in list(read_cells(path, ("\t",), comment="#"))[1:]:
        if len(row) != 3 or row[1] not in LOOKALIKE_KINDS:
            expected = f"name, kind ({', '.join(LOOKALIKE_KINDS)}) and what it means, separated by tabs"
            raise InputError(f"{path}:{number}: found {row}; expected {expected}")
        found[f"={normalize_surface(row[0])}" if row[1] == "exact" else fold(row[0])] = (row[1], row[2])
    return found


def read_reference_genes() -> set[str]:
    """The symbols of genes by which experiments are normalised."""
    rows = read_cells(find_shipped(REFERENCE_GENES), ("\t",), comment="#")
    return {symbol for _, (symbol, _) in list(rows)[1:]}
