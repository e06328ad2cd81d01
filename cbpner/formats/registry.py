"""The formats by name: which there are, which one a file is of, reading and writing files and folders of them."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO
from urllib.parse import quote, unquote

from cbpner.base.errors import Fault, FaultyFile, InputError
from cbpner.base.files import atomic_folder, atomic_open, decode_name
from cbpner.formats.brat import find_beside, read_brat, render_brat
from cbpner.formats.columns import read_column_documents, render_columns
from cbpner.formats.doccano import FORMS, read_doccano, write_doccano
from cbpner.formats.document import Choices, Document
from cbpner.formats.labelstudio import KINDS, read_labelstudio, write_labelstudio
from cbpner.formats.rows import Row, read_rows
from cbpner.formats.spans import read_spans, write_spans
from cbpner.formats.yedda import read_exported, read_marked, render_exported, render_marked
from cbpner.text.characters import BOM, is_encodable, shorten

STANDOFF = re.compile(r"^(?:[TREAMN]\d+|#\d+|\*)\t\S", re.MULTILINE)
NO_NAME = re.compile(r'[\x00-\x1f\x7f%/\\:*?"<>|]')
QUOTED = re.compile("%([01][0-9A-F]|2[25AEF]|3[ACEF]|5C|7[CF])")  # what `name_file` makes of NO_NAME
LIST = ".errors.jsonl"
JOINED = "documents in one file, which does not say where each begins"
MARKED = re.compile(r"\[[@$][^\n]*?#[^#\[\]\n]+\*\]")


@dataclass(frozen=True)
class Format:
    """One format.

    suffixes: of its files, those written first. read: (path, id of its document or beginning of its ids, choices).
    write: into a file of all documents; or render: the texts of a document's own files, which end in `suffixes`.
    """

    name: str
    summary: str
    suffixes: tuple[str, ...]
    read: Callable[[Path, str, Choices], Iterable[Document]]
    write: Callable[[IO[str], Iterable[Document], Choices], None] | None = None
    render: Callable[[Document, Choices], tuple[str, ...]] | None = None


def list_entries(folder: str | Path) -> list[tuple[Path, str]]:
    """(path, why it cannot be read, or "") of each file below a folder, sorted; none hidden, none in hidden folders.

    Folders that cannot be listed, and links to folders, which are not followed, are there with their reason. What
    `cbpner predict` writes beside its documents (the manifest, lists of errors) is left out.
    """
    found: dict[Path, str] = {}

    def refuse(error: OSError) -> None:
        found[Path(error.filename)] = f"a folder that cannot be read ({error.strerror})"

    for place, folders, names in os.walk(folder, onerror=refuse):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (os.path.join(place, name) for name in (*names, *links) if not name.startswith(".")):
            is_link, is_folder, is_file = os.path.islink(path), os.path.isdir(path), os.path.isfile(path)
            problem = "a link to a folder" if is_folder else "a broken link" if is_link else "no regular file"
            found[Path(path)] = "" if is_file else problem
    jobs = {each.parent for path in found for each in (path, path.parent) if each.name.startswith("part-")}
    if unfinished := next((path for path in found if path.name == "progress.jsonl" and path.parent in jobs), None):
        raise InputError(f"{unfinished.parent}: found an unfinished job; expected its end: run the same command again")
    own = {path for path in found if path.name in ("manifest.json", LIST[1:]) and path.parent in jobs}
    own |= {path for path in found if path.name.endswith(LIST) and path.with_name(path.name[: -len(LIST)]) in found}
    return sorted((path, problem) for path, problem in found.items() if path not in own)


def list_suffixes(suffixes: str | tuple[str, ...], folder: str | Path) -> list[Path]:
    """The files of `list_entries` with one of these suffixes, in either case; InputError for one that is none."""
    found = [entry for entry in list_entries(folder) if entry[0].name.lower().endswith(suffixes) or entry[0].is_dir()]
    if broken := next((entry for entry in found if entry[1]), None):
        raise InputError(f"{broken[0]}: found {broken[1]}; expected what can be read: put it right, or remove it")
    return [path for path, _ in found]


def list_formats() -> Iterator[Format]:
    """Yield the formats in the order of the help texts."""
    yield Format("jsonl", "this project's JSON lines", (".jsonl",), read_spans, write=write_spans)
    for scheme, suffixes in (("bio", (".bio",)), ("iob1", (".iob1", ".iob")), ("bioes", (".bioes",))):
        read, render = partial(read_column_documents, scheme=scheme), partial(render_columns, scheme=scheme)
        summary = f"column files: a character and its {scheme.upper()} tag a line"
        yield Format(scheme, summary, suffixes, read, render=render)
    summary = "brat's NAME.txt and NAME.ann"
    yield Format("brat", summary, (".txt", ".ann"), read_brat, render=render_brat)
    summary = "YEDDA's .anns: the columns it exports, in BMES"
    yield Format("yedda", summary, (".txt.anns", ".anns"), read_exported, render=render_exported)
    summary = "YEDDA's .ann: text with marks in it"
    yield Format("yedda-marked", summary, (".txt.ann", ".ann"), read_marked, render=render_marked)
    for form, (name, _) in FORMS.items():
        write = partial(write_doccano, form=form)
        yield Format(form, f"doccano's JSON lines with `{name}`", (".jsonl", ".json"), read_doccano, write=write)
    for form, kind in KINDS.items():
        write = partial(write_labelstudio, form=form)
        yield Format(form, f"Label Studio's JSON with `{kind}`", (".json",), read_labelstudio, write=write)


FORMATS = {format.name: format for format in list_formats()}


def describe_formats() -> str:
    """A line for each format: its name and what it is."""
    width = max(map(len, FORMATS))
    return "\n".join(f"  {format.name:<{width}}  {format.summary}" for format in FORMATS.values())


def read_documents(
    paths: Iterable[str | Path] | str | Path, name: str | None = None, choices: Choices | None = None
) -> Iterator[Document]:
    """Yield the documents of files and folders, in the order of the paths and of the sorted names below.

    name: a format's; None: guessed. An id that a file does not give is the file's name within its folder, without the
    suffix (with `-1`, ... behind it for several). FaultyFile at the end, with the faults of all files.
    """
    choices, count, faults = choices or Choices(), 0, list[Fault]()
    named = [paths] if isinstance(paths, str | Path) else paths
    files = [found for path in map(Path, named) for found in list_files(path, name)]
    for path, id, format in files:
        try:
            for document in format.read(path, id, choices):
                count += 1
                yield document
        except FaultyFile as error:
            faults += error.faults
    if faults:
        raise FaultyFile(faults)
    if not count:
        raise InputError(f"found no document in {len(files)} file(s); expected at least one")


def list_files(path: Path, name: str | None) -> list[tuple[Path, str, Format]]:
    """(file, id, format) of a file, or of each file in a folder and in all folders in it that are of the format."""
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; expected annotated text")
    format = FORMATS[name] if name else guess_format(path)
    if not path.is_dir():
        return [(path, name_document(path.name, format), format)]
    files = list_suffixes(format.suffixes, path)
    if format.name == "brat":  # a file of each pair
        files = list({file.with_suffix(""): file for file in files}.values())
    if not files:
        raise InputError(f"{path}: found no file that ends in {' or '.join(format.suffixes)}; expected some to read")
    return [(file, name_document(file.relative_to(path).as_posix(), format), format) for file in files]


def name_document(name: str, format: Format) -> str:
    """The id of the document in a file of this name: without its suffix, and with `%2F` and its like read back."""
    lower = name.lower()
    suffixes = [each for each in format.suffixes if lower.endswith(each) and lower != each] or [Path(name).suffix]
    return parse_name(name[: len(name) - max(map(len, suffixes))])


def parse_name(name: str) -> str:
    """The id that a file's name stands for, `%2F` and its like read back."""
    return QUOTED.sub(lambda match: unquote(match[0]), decode_name(name))


def name_file(id: str, longest: int = 246) -> str:
    """The name of a document's file without the suffix: its id, with `%2F` and its like for what no name may hold.

    longest: in bytes; file systems hold 255, of which `.txt.anns` is 9.
    """
    name = NO_NAME.sub(lambda match: quote(match[0], safe=""), id)
    name = f"%2E{name[1:]}" if name.startswith(".") else name
    if not name or not is_encodable(name) or len(name.encode("utf-8")) > longest:
        raise InputError(f"found the id {shorten(id)}; expected one of 1 to {longest} bytes, to name its file")
    return name


def guess_format(path: str | Path) -> Format:
    """The format of a file by its name and content, or of a folder by its files; InputError where it is not clear."""
    files = [path := Path(path)]
    if path.is_dir():
        suffixes = {suffix for format in FORMATS.values() for suffix in format.suffixes} - {".txt"}
        files = list_suffixes(tuple(suffixes), path)
    names = {guess_name(file) or "no sign of its format" for file in files}
    if len(names) == 1 and (name := min(names)) in FORMATS:
        return FORMATS[name]
    found = ", ".join(sorted(names)) or "no file of a known format"
    raise InputError(f"{path}: found {found}; expected one format, or its name: --from {', '.join(FORMATS)}")


def guess_name(path: Path) -> str | None:
    """The name of a file's format, or None."""
    name = path.name.lower()
    if name.endswith(".txt.ann"):
        return "yedda-marked"
    if name.endswith(".ann"):
        text = _read_opening(path)
        if find_beside(path, ".txt").is_file() and (STANDOFF.search(text) or not text.strip()):
            return "brat"
        return "yedda-marked" if MARKED.search(text) else None
    if name.endswith((".jsonl", ".json")):
        first: Row | Fault | None = None
        for first in read_rows(path):
            if isinstance(first, Row):
                break
        if isinstance(first, Fault):
            raise InputError(str(first))
        row = first.values if first else {}
        forms = {"jsonl": "spans"} | {form: field for form, (field, _) in FORMS.items()}
        label, is_full = row.get("label"), isinstance(row.get("data"), dict)
        is_min = isinstance(label, list) and any(isinstance(each, dict) and "labels" in each for each in label)
        if (is_full or is_min) and not isinstance(row.get("spans"), list):
            return "labelstudio"
        return next((form for form, field in forms.items() if isinstance(row.get(field), list)), None)
    if name.endswith(".bio"):
        lines = _read_opening(path).replace("\t", " ").replace("_", "-").split("\n")
        counts = Counter(line.rpartition(" ")[2][:2] for line in lines)
        ends = counts["E-"] + counts["L-"]  # about as many as beginnings; IOB1 looks like BIO with faults
        return "bioes" if (ends or counts["S-"] or counts["U-"]) and counts["B-"] <= ends + 1 else "bio"
    if name.endswith(".txt"):
        return "brat" if find_beside(path, ".ann").is_file() else None
    return next((each for each in ("iob1", "bioes", "yedda") if name.endswith(FORMATS[each].suffixes)), None)


def _read_opening(path: Path) -> str:
    with open(path, "rb") as file:
        return file.read(1 << 16).decode("utf-8", "replace").removeprefix(BOM)


def guess_output(path: str | Path) -> Format:
    """The format that an output's name stands for; InputError where it is not clear."""
    name = Path(path).name.lower()
    for format in ("jsonl", "bio", "iob1", "bioes", "yedda", "yedda-marked"):
        if name.endswith(FORMATS[format].suffixes[0].removeprefix(".txt" * (format == "yedda"))):
            return FORMATS[format]
    raise InputError(f"{path}: found no sign of the format to write; expected its name: --to {', '.join(FORMATS)}")


def write_documents(
    documents: Iterable[Document], path: str | Path, name: str, choices: Choices | None = None, overwrite: bool = False
) -> None:
    """Write documents in the format of that name; the file, or the folder, appears whole or not at all.

    A format with a file a document is written into a folder; or, where `path` ends as its files do, into that file,
    which holds one document unless `choices.join`. `overwrite` replaces a folder that holds nothing but such files.
    """
    format, path, choices = FORMATS[name], Path(path), choices or Choices()
    if not check_output(path, format, overwrite):
        names: set[str] = set()
        with atomic_folder(path) as folder:
            for document in documents:
                write_own_files(folder, format, choices, names, document)
        return
    with atomic_open(path) as file:
        if format.write:
            format.write(file, documents, choices)
            return
        count, render = 0, join_renderer(format, choices)
        for count, document in enumerate(documents, 1):
            if count > 1 and not choices.join:
                expected = "a folder as OUT, or --join to join them"
                raise InputError(f"found several documents for one file; expected {expected}")
            file.write(render(document))


def check_output(path: Path, format: Format, overwrite: bool) -> bool:
    """Whether documents of the format go into one file of this name; InputError where it may not be written."""
    is_file = format.write is not None or (format.name != "brat" and path.name.lower().endswith(format.suffixes))
    if path.exists() and path.is_dir() == is_file:
        found, expected = ("a folder", "a file") if is_file else ("a file", "a folder")
        raise InputError(f"{path}: found {found}; expected the name of {expected} to write")
    inside = sorted(path.iterdir()) if path.is_dir() else []
    if (inside or path.is_file()) and not overwrite:
        raise InputError(f"{path}: found something there already; expected a new name, or --overwrite to replace it")
    other = next((file for file in inside if file.is_dir() or not file.name.lower().endswith(format.suffixes)), None)
    if other:
        raise InputError(f"{other}: found in the folder to replace; expected nothing but files of {format.name} there")
    return is_file


def join_renderer(format: Format, choices: Choices) -> Callable[[Document], str]:
    """A function that renders one document after another for a single file, each on lines of its own."""
    before: str | None = None

    def render(document: Document) -> str:
        nonlocal before
        choices.note(JOINED, 0 if before is None else 1 if choices.notes[JOINED] else 2)
        text, last, before = format.render(document, choices)[0], before, document.text  # type: ignore[misc]
        if last is not None and document.text.startswith(BOM):
            text = text.removeprefix(BOM)  # which is for the file's own sake, where it is the first
        return "\n" * bool(last and not last.endswith("\n")) + text

    return render


def write_own_files(folder: Path, format: Format, choices: Choices, names: set[str], document: Document) -> None:
    """Write a document's own files in a format that renders; names: those that are taken, this one from now on."""
    name = name_file(document.id)
    if name in names:
        raise InputError(f"found a second document with the id {shorten(document.id)}; expected each id once")
    texts = format.render(document, choices)  # type: ignore[misc]
    names.add(name)
    for suffix, text in zip(format.suffixes, texts, strict=False):
        (folder / f"{name}{suffix}").write_text(text, encoding="utf-8", newline="\n")
