"""Lists of names with ids: readers for the files as their publishers give them, and the index over their names.

A lexicon is known by its first line:

| file | what it is known by |
|---|---|
| HGNC's hgnc_complete_set.txt, or a custom download | columns `hgnc_id` (`HGNC ID`) and `symbol` (`Approved symbol`) |
| symbols and synonyms, a pair a line | columns `hgnc`, `symb`, `synonym1`, `synonym2` (aliases, previous symbols) |
| HPO translations (babelon) | columns `subject_id`, `source_value`, `translation_value` |
| MeSH descriptors in ASCII (d20YY.bin) | `*NEWRECORD` |
| any other list: ICD, a user's own names | columns `id` and `name`, a name a line (`code`, `编码`, `名称` too) |

Tables are tab or comma separated, UTF-8. Lines of the last kind that begin with `#` are comments.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from cbpner.base.errors import InputError
from cbpner.biology.genes.spelling import clean, fold

KINDS = ("user", "symbol", "usual", "previous", "alias", "title")  # of names, the surest first
DECISIVE = KINDS.index("usual")  # a name of this or a surer kind stands for its id, whatever others have it as an alias
HGNC_ID = re.compile(r"HGNC:[0-9]+")
SHIPPED_GENES, SHIPPED_NAMES, SHIPPED_LOOKALIKES = "hgnc_subset.tsv", "names_zh.tsv", "lookalikes.tsv"
ID_COLUMNS = ("id", "code", "编码", "疾病编码", "诊断编码", "icd")
NAME_COLUMNS = ("name", "surface", "名称", "疾病名称", "诊断名称")
MANY = re.compile(r"\s*[|]\s*|,\s+")
EXAMPLES = 5
MESH_DISEASES = ("C", "F03")  # branches of MeSH's tree: diseases, mental disorders


class Name(NamedTuple):
    """One name of one id. kind: of KINDS. place: file and line where it stands."""

    id: str
    kind: str
    text: str
    place: str


class Row(NamedTuple):
    """A table's row by its columns, and where it stands."""

    place: str
    values: dict


@dataclass
class Lexicon:
    """An index over names.

    exact, cased, folded: {a name as it stands, in small letters, its key: {id: rank of its kind}}. labels: {id: what
    it is called}. names: {id: keys of all its names}. sources: one {path, format, ids, names} a file.
    """

    exact: dict = field(default_factory=dict)
    cased: dict = field(default_factory=dict)
    folded: dict = field(default_factory=dict)
    labels: dict = field(default_factory=dict)
    names: dict = field(default_factory=dict)
    sources: list = field(default_factory=list)

    def add(self, name: Name):
        text, key, rank = clean(name.text), fold(name.text), KINDS.index(name.kind)
        if not key:
            return
        for index, spelling in ((self.exact, text), (self.cased, text.casefold()), (self.folded, key)):
            ranks = index.setdefault(spelling, {})
            ranks[name.id] = min(rank, ranks.get(name.id, rank))
        self.names.setdefault(name.id, set()).add(key)
        if name.kind == "symbol" or name.id not in self.labels:
            self.labels[name.id] = name.text

    def count_ambiguous(self) -> int:
        """Keys that stand for several ids, for none of them decisively."""
        return sum(len(ranks) > 1 and min(ranks.values()) > DECISIVE for ranks in self.folded.values())


def read_lexicons(paths: Iterable, expects: str) -> Lexicon:
    """The lexicon of several files. expects: `gene` or `disease`, what the ids stand for.

    InputError for a file of none of the formats, or without a name; for a user's gene names whose HGNC id no other
    file has, where a file has HGNC's symbols.
    """
    lexicon, loose = Lexicon(), []
    for path in paths:
        format, names = open_lexicon(path)
        if (format in GENE_FORMATS) != (expects == "gene") and format != "names":
            raise InputError(f"{path}: found a list of {FORMAT_NAMES[format]}; expected one of {expects}s")
        count, before = 0, len(lexicon.labels)
        for name in names:
            count += 1
            if format == "names" and expects == "gene":
                loose.append(name)
            else:
                lexicon.add(name)
        if not count:
            raise InputError(f"{path}: found no name in it; expected at least one below the first line")
        lexicon.sources.append(
            {"path": str(path), "format": format, "ids": len(lexicon.labels) - before, "names": count}
        )
    check_ids(loose, lexicon)
    for name in loose:
        lexicon.add(name)
    return lexicon


def check_ids(names, lexicon):
    """InputError for names whose ids are no HGNC ids, or unknown to the lists of symbols that were read."""
    bad = [name for name in names if not HGNC_ID.fullmatch(name.id)]
    if bad:
        found = "; ".join(f"{name.place}: {name.id!r} for {name.text!r}" for name in bad[:EXAMPLES])
        raise InputError(f"{found}; expected ids such as HGNC:3430 in a list of gene names")
    unknown = [name for name in names if lexicon.labels and name.id not in lexicon.labels]
    if unknown:
        found = "; ".join(f"{name.place}: {name.id} ({name.text})" for name in unknown[:EXAMPLES])
        raise InputError(
            f"found {len(unknown)} name(s) with ids that no list of symbols has: {found}; expected ids of "
            f"{', '.join(source['path'] for source in lexicon.sources if source['format'] in GENE_FORMATS)}: "
            "correct them, or hand in a list that has them"
        )


def read_gene_lexicon(paths=(), shipped=True) -> Lexicon:
    """The lexicon of genes: HGNC's files and users' names among `paths`; without any of HGNC's, the shipped subset.

    shipped: whether the shipped Chinese names count; those of ids that the user's HGNC file lacks do not.
    """
    paths = [Path(path) for path in paths]
    formats = [open_lexicon(path)[0] for path in paths]
    if not any(format in GENE_FORMATS for format in formats):
        paths = [find_shipped(SHIPPED_GENES), *paths]
    lexicon = read_lexicons(paths, "gene")
    if shipped:
        path = find_shipped(SHIPPED_NAMES)
        names = [name._replace(kind="usual") for name in open_lexicon(path)[1] if name.id in lexicon.labels]
        for name in names:
            lexicon.add(name)
        lexicon.sources.append({"path": str(path), "format": "names", "ids": 0, "names": len(names)})
    return lexicon


def find_shipped(name) -> Path:
    """The path of a file that ships with the package."""
    return Path(str(resources.files("cbpner.biology.genes").joinpath(name)))


def open_lexicon(path) -> tuple[str, Iterator[Name]]:
    """(format, its names) of a file; InputError where it is none of a lexicon."""
    path = Path(path)
    lines = read_lines(path)
    if not lines:
        raise InputError(f"{path}: found an empty file; expected a lexicon: see `cbpner lexicons`")
    if lines[0].strip() == "*NEWRECORD":
        return "mesh", read_mesh(path, lines)
    first = next((number for number, line in enumerate(lines) if not line.startswith("#") and line.strip()), 0)
    delimiter = "\t" if "\t" in lines[first] else ","
    columns = [simplify(name) for name in next(csv.reader([lines[first]], delimiter=delimiter))]
    for format, wanted, read in TABLES:
        if all(any(name in columns for name in names) for names in wanted):
            return format, read(read_table(path, lines, first, columns, delimiter))
    raise InputError(
        f"{path}:{first + 1}: found the columns {', '.join(columns)[:120]}; expected those of HGNC (hgnc_id, symbol, "
        "alias_symbol, prev_symbol), of symbols and synonyms (hgnc, symb, synonym1, synonym2), of HPO translations "
        "(subject_id, source_value, translation_value), or id and name; see `cbpner lexicons`"
    )


def read_lines(path) -> list[str]:
    try:
        return path.read_bytes().decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: found bytes that are not UTF-8 at byte {error.start + 1}; expected UTF-8") from error
    except OSError as error:
        raise InputError(f"{path}: cannot read the lexicon ({error.strerror}); see `cbpner lexicons`") from error


def simplify(column):
    """`Approved symbol` and `approved_symbol` are one column."""
    return re.sub(r"[\s_]+", "_", column.strip().lower())


def read_table(path, lines, first, columns, delimiter) -> Iterator[Row]:
    """The rows below the line of columns; InputError for a row of another width."""
    for number, line in enumerate(lines[first + 1 :], first + 2):
        if not line.strip() or line.startswith("#"):
            continue
        place, values = f"{path}:{number}", next(csv.reader([line], delimiter=delimiter))
        if len(values) != len(columns):
            raise InputError(f"{place}: found {len(values)} columns; expected {len(columns)} as in the first line")
        yield Row(place, dict(zip(columns, map(str.strip, values), strict=True)))


def take(row, *columns) -> str:
    return next((row.values[column] for column in columns if row.values.get(column)), "")


def read_hgnc(rows):
    """Names of HGNC's own download: several in a field are parted by | (or by a comma in custom downloads)."""
    for row in rows:
        id, symbol = take(row, "hgnc_id"), take(row, "symbol", "approved_symbol")
        id = f"HGNC:{id}" if id.isdigit() else id
        if not HGNC_ID.fullmatch(id) or not symbol:
            raise InputError(f"{row.place}: found the id {id!r} and the symbol {symbol!r}; expected both: HGNC:5, A1BG")
        if take(row, "status") not in ("", "Approved"):
            continue
        yield Name(id, "symbol", symbol, row.place)
        for kind, columns in HGNC_COLUMNS:
            for column in columns:
                value = row.values.get(column, "")
                for text in [value] if kind == "title" else MANY.split(value):
                    if text.strip():
                        yield Name(id, kind, text.strip(), row.place)


def read_pairs(rows):
    """Names of the table of symbols and synonyms, where a gene has a line for each pair of alias and old symbol."""
    seen = set()
    for row in rows:
        id = take(row, "hgnc")
        if not HGNC_ID.fullmatch(id):
            raise InputError(f"{row.place}: found the id {id!r}; expected one such as HGNC:5")
        for column, kind in (("symb", "symbol"), ("synonym1", "alias"), ("synonym2", "previous")):
            text = row.values.get(column)
            if text and (id, kind, text) not in seen:
                seen.add((id, kind, text))
                yield Name(id, kind, text, row.place)


def read_babelon(rows):
    """The English and the translated names of HPO's terms; the translation names the term."""
    for row in rows:
        if not take(row, "subject_id"):
            raise InputError(f"{row.place}: found no id in subject_id; expected one such as HP:0003002")
        for column in ("translation_value", "source_value"):
            if take(row, column):
                yield Name(take(row, "subject_id"), "user", take(row, column), row.place)


def read_names(rows):
    for row in rows:
        id, name = take(row, *ID_COLUMNS), take(row, *NAME_COLUMNS)
        if not id or not name:
            raise InputError(f"{row.place}: found the id {id!r} and the name {name!r}; expected both")
        yield Name(id, "user", name, row.place)


def read_mesh(path, lines):
    """Headings and entry terms of the diseases among MeSH's ASCII descriptors; the id stands at a record's end."""
    found, id, is_disease = [], None, False
    for number, line in enumerate([*lines, "*NEWRECORD"], 1):
        if line.strip() == "*NEWRECORD":
            yield from (Name(id, "user", text, place) for text, place in found if id and is_disease)
            found, id, is_disease = [], None, False
        tag, equals, value = (part.strip() for part in line.partition(" = "))
        if equals and tag in ("MH", "ENTRY", "PRINT ENTRY"):
            found.append((value.split("|")[0], f"{path}:{number}"))
        elif equals and tag == "MN":
            is_disease |= value.startswith(MESH_DISEASES)
        elif equals and tag == "UI":
            id = f"MESH:{value}"


HGNC_COLUMNS = (
    ("previous", ("prev_symbol", "previous_symbol", "previous_symbols")),
    ("alias", ("alias_symbol", "alias_symbols", "synonyms")),
    ("title", ("name", "approved_name")),
    ("title", ("alias_name", "alias_names")),
)
TABLES = (
    ("hgnc", (("hgnc_id",), ("symbol", "approved_symbol")), read_hgnc),
    ("pairs", (("hgnc",), ("symb",), ("synonym1",)), read_pairs),
    ("hpo", (("subject_id",), ("source_value",), ("translation_value",)), read_babelon),
    ("names", (ID_COLUMNS, NAME_COLUMNS), read_names),
)
GENE_FORMATS = ("hgnc", "pairs")
FORMAT_NAMES = {
    "hgnc": "gene symbols (HGNC)",
    "pairs": "gene symbols and synonyms",
    "hpo": "phenotypes (HPO)",
    "mesh": "headings (MeSH)",
    "names": "ids and names",
}
