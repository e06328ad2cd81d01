"""What the page shows of tagged documents and offers for download, and its own texts, in English and Chinese.

Everything that comes from a document is escaped. The page's texts are in `assets/`.
"""

import json
import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from cbpner.base.errors import InputError
from cbpner.base.html import dump_script, read_asset
from cbpner.biology.genes.mentions import HGNC_PAGE, EntityResolver
from cbpner.biology.genes.predictions import NUMBER_FIELDS
from cbpner.formats.document import Choices, Document, find_problem
from cbpner.prediction import html_page as html
from cbpner.prediction.inputs import MadeId, Rejected, read_sources
from cbpner.prediction.outputs import open_writer
from cbpner.prediction.sources import list_sources
from cbpner.prediction.terms import Terms, read_terms
from cbpner.text.bio import decode_file

MAX_SHOWN = 100_000  # characters of all documents that the page shows; the downloads hold everything
MAX_ROWS = 2000  # of the table of entities
SUFFIXES, TERMS_SUFFIXES = (".txt", ".jsonl"), (".txt", ".tsv")
DOWNLOADS = {"jsonl": "tagged.jsonl", "csv": "tagged.csv", "brat": "tagged_brat"}
LANGUAGES = ("en", "zh")


class TextTooLarge(InputError):
    """More bytes than are allowed."""

    def __init__(self, found: int, most: int) -> None:
        self.found, self.most = found, most
        super().__init__(f"found {found:,} bytes; expected at most {most:,}")


class UnsupportedFile(InputError):
    """A file of a kind that is not read."""

    def __init__(self, name: str) -> None:
        self.name, self.known = name, " / ".join(SUFFIXES)
        super().__init__(f"{name}: found another suffix than {' or '.join(SUFFIXES)}; expected text to tag")


class EmptyNetwork(InputError):
    """No two entities of the documents co-occur."""


def read_texts(language: str) -> dict[str, Any]:
    """The page's texts in a language of LANGUAGES, by name; `language` is its own."""
    return {"language": language, **json.loads(read_asset(__package__, f"{language}.json"))}


def choose_language(accepted: str) -> str:
    """The language that an Accept-Language header prefers; English if it names none of LANGUAGES."""
    tags = (part.partition(";")[0].strip().lower().partition("-")[0] for part in accepted.split(","))
    return next((tag for tag in tags if tag in LANGUAGES), LANGUAGES[0])


def read_uploads(paths: Iterable[str | Path], size: int) -> tuple[list[Document], list[str]]:
    """Read uploaded files of at most `size` bytes together; (documents, a line for each that could not be read)."""
    files = [Path(path) for path in paths]
    for path in files:
        if path.suffix.lower() not in SUFFIXES:
            raise UnsupportedFile(path.name)
    if (found := sum(path.stat().st_size for path in files)) > size:
        raise TextTooLarge(found, size)
    documents, problems = [], []
    for source in chain.from_iterable(list_sources(path, None) for path in files):
        for item in read_sources([source]):
            if isinstance(item, Rejected):
                reason = re.sub(r" \(--[^)]*\)", "", item.reason)  # flags, which a page does not have
                problems.append(f"{Path(item.source).name}: {reason}")
            else:
                named = map(item.meta.get, NUMBER_FIELDS if isinstance(item.id, MadeId) else ())
                documents.append(replace(item, id=str(next(filter(None, named), item.id))))
    return list(number_ids(documents)), problems


def read_own_terms(pasted: str | None, types: Sequence[str], names: Mapping[str, str]) -> Terms | None:
    """The terms of a pasted list, None if it is empty; FaultyFile for every line that cannot be used.

    Spaces or a comma may stand for the tab, and the page's `names` for the types.
    """
    if not (pasted and pasted.strip()):
        return None
    labels = {name: label for label, name in names.items()}
    cells = [re.sub(r"[\s,，]+(\S+)\s*$", r"\t\1", line).rpartition("\t") for line in pasted.split("\n")]
    lines = [f"{name}{tab}{labels.get(label, label)}" for name, tab, label in cells]
    with TemporaryDirectory(prefix="cbpner.") as folder:
        path = Path(folder) / "terms"
        path.write_text("\n".join(lines), encoding="utf-8", errors="replace")
        return read_terms(path, types)


def read_terms_files(paths: Iterable[str | Path]) -> str:
    """The lines of uploaded lists, as they are; FaultyFile where they are not UTF-8."""
    return "\n".join(decode_file(Path(path)).removeprefix("\ufeff").strip() for path in paths)


def make_translator(phrases: Mapping[str, str], foreign: str = ".text") -> str:
    """A script element that translates its page; see `assets/translate.js`. Nothing without phrases."""
    call = f"translatePage({dump_script(phrases)}, {json.dumps(foreign)});"
    return f"<script>{read_asset(__package__, 'translate.js')}{call}</script>" if phrases else ""


def translate_page(page: str, texts: Mapping[str, Any]) -> str:
    """A page of the library's, whose own words its browser replaces by those of the app's language."""
    before, _, after = page.rpartition("</body>")
    return f"{before}{make_translator(texts['phrases'])}</body>{after}"


def check_text(text: str, size: int, id: str = "text") -> Document:
    """Make a document of a pasted text; InputError if it is no valid text, TextTooLarge above `size` bytes."""
    document = Document(id, text)
    if problem := find_problem(document):
        raise InputError(f"found {problem}; expected text")
    if (found := len(text.encode("utf-8"))) > size:
        raise TextTooLarge(found, size)
    return document


def filter_by_score(documents: Iterable[Document], min_score: float) -> list[Document]:
    return [
        replace(each, spans=[span for span in each.spans if (span.score or 0.0) >= min_score]) for each in documents
    ]


def describe_tagged(documents: Sequence[Document], seconds: float, texts: Mapping[str, Any]) -> str:
    """Count documents, characters and mentions in a line of the page's language."""
    counts = (len(documents), sum(len(each.text) for each in documents), sum(len(each.spans) for each in documents))
    parts = [forms[count != 1].format(count) for forms, count in zip(texts["counts"], counts, strict=True)]
    return texts["comma"].join([*parts, texts["seconds"].format(seconds)])


def render_documents(documents: Sequence[Document], types: Sequence[str], texts: Mapping[str, Any]) -> str:
    """Render up to MAX_SHOWN characters of the documents as an HTML page, with a note if there are more."""
    words, room = html.Words(texts["types"], texts["mentions_in"], texts["language"]), MAX_SHOWN
    parts = [html.open_page(types, texts["entities"], words=words)]
    for document in documents:
        if room <= 0:
            break
        if len(document.text) > room:  # cut before a span that would be cut
            end = min((span.start for span in document.spans if span.start < room < span.end), default=room)
            spans = [span for span in document.spans if span.end <= end]
            document = replace(document, text=document.text[:end], spans=spans)
        parts.append(html.render_document(document, types, has_scores=True, words=words))
        room -= len(document.text)
    if room <= 0 and sum(len(document.text) for document in documents) > MAX_SHOWN:
        parts.append(f'<p class="about">{html.escape_text(texts["rest"].format(shown=MAX_SHOWN))}</p>')
    return "".join(parts) + html.close_page()


def list_entities(documents: Iterable[Document], resolver: EntityResolver, names: Mapping[str, str]) -> list[list]:
    """Rows of (type, surface, mentions, mean score, identity in Markdown), the most frequent first.

    names: of types, on the page. The Markdown is made of ids and official names only, never of the text.
    """
    scores = defaultdict(list)
    for document in documents:
        for span in document.spans:
            scores[span.label, html.show_controls(span.text or "")].append(span.score or 0.0)
    order = sorted(scores, key=lambda key: (-len(scores[key]), key))[:MAX_ROWS]
    return [
        [names.get(key[0], key[0]), key[1], len(scores[key]), round(fmean(scores[key]), 2), identify(*key, resolver)]
        for key in order
    ]


def identify(label: str, surface: str, resolver: EntityResolver) -> str:
    """Markdown: a link to the gene in HGNC, `?` and candidates, or nothing."""
    _, found = resolver.resolve(label, surface)
    names = [f"{resolver.labels[id]} ({id})" if resolver.labels.get(id) else id for id in found.ids[:3]]
    links = [
        f"[{name}]({HGNC_PAGE}{id.removeprefix('HGNC:')})" if id.startswith("HGNC:") else name
        for id, name in zip(found.ids, names, strict=False)
    ]
    more = " …" if len(found.ids) > 3 else ""
    return ", ".join(links) + more if found.is_settled or not links else "? " + " / ".join(links) + more


def write_download(documents: Iterable[Document], types: Sequence[str], kind: str, folder: str | Path) -> Path:
    """Write the documents in a format of DOWNLOADS below `folder`; brat as a ZIP file."""
    path = Path(folder) / DOWNLOADS[kind]
    with open_writer(kind, path, types) as write:
        # in the name of a file each character of an id may take four bytes
        for document in number_ids(documents, 45) if kind == "brat" else documents:
            write(document)
    if kind != "brat":
        return path
    archive = shutil.make_archive(str(path), "zip", path)
    shutil.rmtree(path)
    return Path(archive)


def number_ids(documents: Iterable[Document], longest: int | None = None) -> Iterator[Document]:
    """Yield the documents under ids that are not empty and differ, also without case.

    Ids are cut after `longest` characters; a number may follow that makes them unique.
    """
    taken, numbers = set(), defaultdict(int)
    for document in documents:
        id = base = document.id[:longest] or "document"
        while id.casefold() in taken:
            numbers[base.casefold()] += 1
            id = f"{base} {numbers[base.casefold()] + 1}"
        taken.add(id.casefold())
        yield replace(document, id=id)


def render_network(documents: Sequence[Document], resolver: EntityResolver, unit: str, title: str) -> str:
    """Render the page of `cbpner relations` for the documents; EmptyNetwork if no two entities co-occur."""
    from cbpner.biology.relations.job import write_relations
    from cbpner.biology.relations.occurrences import CountSettings
    from cbpner.biology.relations.settings import RelationSettings

    counting = CountSettings(unit, pairs="both", min_support=1 if len(documents) < 3 else 2)
    with TemporaryDirectory(prefix="cbpner.") as folder:
        with open_writer("jsonl", Path(folder) / "tagged.jsonl", ()) as write:
            for document in number_ids(documents):
                write(document)
        output = Path(folder) / "network.html"
        settings = RelationSettings(
            inputs=[Path(folder) / "tagged.jsonl"], source="jsonl", outputs=[output], counting=counting,
            title=title, memory_mb=256, sources={"predictions": [title], "lexicons": ["shipped"], "known": []},
        )  # fmt: skip
        try:
            write_relations(settings, resolver, Choices(overlap="longest"))
        except InputError as error:
            raise EmptyNetwork(str(error)) from error
        return output.read_text(encoding="utf-8")
