"""What the page shows of tagged documents, and what it gives to download. Whatever comes from a text is escaped."""

import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from cbpner.base.errors import InputError
from cbpner.formats.document import Choices, find_problem
from cbpner.prediction import html_page as page
from cbpner.prediction.inputs import Bad, read_sources
from cbpner.prediction.outputs import open_writer
from cbpner.prediction.sources import open_sources

SHOWN = 100_000  # characters of all documents that the page shows; all of them are in the downloads
ROWS = 2000  # of the table
SUFFIXES = (".txt", ".jsonl")
DOWNLOADS = {"jsonl": "tagged.jsonl", "csv": "tagged.csv", "brat": "tagged_brat"}
LONGEST_ID = 45  # characters of a document's id that name its files in a ZIP file; each has at most four bytes there
HGNC = "https://www.genenames.org/data/gene-symbol-report/#!/hgnc_id/{}"


class TooLarge(InputError):
    """More bytes than are allowed. found, most: with their units."""

    def __init__(self, found, most):
        self.found, self.most = tell_sizes(found, most)
        super().__init__(f"found {self.found}; expected at most {self.most}")


class WrongEnding(InputError):
    """A file of another kind than is read. name: the file's; known: the endings of others."""

    def __init__(self, name):
        self.name, self.known = name, " / ".join(SUFFIXES)
        super().__init__(f"{name}: found another ending than {' or '.join(SUFFIXES)}; expected text to tag")


class NothingToDraw(InputError):
    """Documents without a network."""


def tell_sizes(*sizes):
    """Each of the bytes in the largest unit in which no two are told alike, and none is 0."""
    for unit, bytes in (("MB", 1e6), ("kB", 1e3)):
        told = [f"{size / bytes:,.1f} {unit}" for size in sizes]
        if len(set(told)) == len(told) and not any(each.startswith("0.0") for each in told):
            return told
    return [f"{size:,} bytes" for size in sizes]


def check_size(found, most):
    if found > most:
        raise TooLarge(found, most)


def read_files(paths, size):
    """(documents, faults) of files that were dropped; WrongEnding for one of another kind, TooLarge.

    size: bytes of all of them.
    """
    paths = [Path(path) for path in paths]
    for path in paths:
        if path.suffix.lower() not in SUFFIXES:
            raise WrongEnding(path.name)
    check_size(sum(path.stat().st_size for path in paths), size)
    documents, faults = [], []
    with open_sources(paths) as sources:
        for item in read_sources(sources):
            if isinstance(item, Bad):
                faults.append(f"{Path(item.source).name}: {item.reason}")
            else:
                documents.append(item)
    return documents, faults


def check_text(document, size):
    """The document; InputError where it is no text, TooLarge where it is too long."""
    if problem := find_problem(document):
        raise InputError(f"found {problem}; expected text")
    check_size(len(document.text.encode("utf-8")), size)
    return document


def keep_sure(documents, least):
    """The documents with the spans whose score is at least `least`."""
    return [replace(each, spans=[span for span in each.spans if span.score >= least]) for each in documents]


def describe(documents, seconds, words) -> str:
    """A line that counts. words: of `cbpner.app.translations.choose_words`."""
    counts = (len(documents), sum(len(each.text) for each in documents), sum(len(each.spans) for each in documents))
    told = [forms[found != 1].format(found) for forms, found in zip(words["counts"], counts, strict=True)]
    return words["comma"].join([*told, words["seconds"].format(seconds)])


def render_documents(documents, types, title, rest) -> str:
    """One HTML page of the documents with their spans, up to SHOWN characters. rest: says that there are more."""
    parts, room = [page.open_page(types, title)], SHOWN
    for document in documents:
        if room <= 0:
            break
        shown = cut_document(document, room)
        parts.append(page.render_document(shown, types, has_scores=True))
        room -= len(shown.text)
    if room <= 0 and sum(len(document.text) for document in documents) > SHOWN:
        parts.append(f'<p class="about">{page.show(rest.format(shown=SHOWN))}</p>')
    return "".join(parts) + page.close_page()


def cut_document(document, length):
    """Its first characters, not through a span."""
    if len(document.text) <= length:
        return document
    end = min((span.start for span in document.spans if span.start < length < span.end), default=length)
    return replace(document, text=document.text[:end], spans=[span for span in document.spans if span.end <= end])


def list_entities(documents, kinds) -> list[list]:
    """[type, surface, mentions, mean score, what it is] of each type and surface, the most frequent first.

    kinds: `cbpner.biology.genes.mentions.Kinds`. What it is: Markdown made of ids and official names alone.
    """
    scores = defaultdict(list)
    for document in documents:
        for span in document.spans:
            scores[span.label, span.text].append(span.score)
    order = sorted(scores, key=lambda key: (-len(scores[key]), key))[:ROWS]
    return [[*key, len(scores[key]), round(fmean(scores[key]), 2), identify(*key, kinds)] for key in order]


def identify(label, surface, kinds):
    """Markdown: links to HGNC, or candidates, or nothing."""
    _, reading = kinds.read(label, surface)
    names = [link(id, kinds.labels.get(id, "")) for id in reading.ids[:3]]
    if not names:
        return ""
    more = " …" if len(reading.ids) > 3 else ""
    return ", ".join(names) + more if reading.is_settled else "? " + " / ".join(names) + more


def link(id, name):
    told = f"{name} ({id})" if name else id
    return f"[{told}]({HGNC.format(id.removeprefix('HGNC:'))})" if id.startswith("HGNC:") else told


def write_download(documents, types, kind, folder) -> Path:
    """Write the documents in a format of DOWNLOADS below `folder`; brat as a ZIP file."""
    path = Path(folder) / DOWNLOADS[kind]
    with open_writer(kind, path, types) as write:
        for document in name_apart(documents, LONGEST_ID) if kind == "brat" else documents:
            write(document)
    if kind != "brat":
        return path
    archive = shutil.make_archive(str(path), "zip", path)
    shutil.rmtree(path)
    return Path(archive)


def name_apart(documents, longest=None):
    """Yield the documents under ids that are not empty, and no two alike, not even without case.

    longest: characters of an id, but for the number that tells it apart.
    """
    taken, numbers = set(), defaultdict(int)
    for document in documents:
        id = base = document.id[:longest] or "document"
        while id.casefold() in taken:
            numbers[base.casefold()] += 1
            id = f"{base} {numbers[base.casefold()] + 1}"
        taken.add(id.casefold())
        yield replace(document, id=id)


def draw_network(documents, kinds, unit, title) -> str:
    """The page of `cbpner relations` for the documents; NothingToDraw where no two entities stand together."""
    from cbpner.biology.relations.counts import Counting
    from cbpner.biology.relations.job import Plan, find_and_write
    from cbpner.biology.relations.occurrences import Selection

    counting = Counting(unit, pairs="both", min_support=1 if len(documents) < 3 else 2)
    with TemporaryDirectory(prefix="cbpner.") as folder:
        with open_writer("jsonl", Path(folder) / "tagged.jsonl", ()) as write:
            for document in name_apart(documents):
                write(document)
        output = Path(folder) / "network.html"
        plan = Plan(
            inputs=[Path(folder) / "tagged.jsonl"], source="jsonl", outputs=[output], evidence=None, about={},
            counting=counting, selection=Selection(counting.kinds), title=title, memory_mb=256,
            told={"predictions": [title], "lexicons": ["shipped"], "known": []},
        )  # fmt: skip
        try:
            list(find_and_write(plan, kinds, Choices(overlap="longest")))
        except InputError as error:
            raise NothingToDraw(str(error)) from error
        return output.read_text(encoding="utf-8")


def build_report(folder) -> str:
    """The page of `cbpner report` for a folder of runs."""
    from cbpner.reports.page.inputs import gather_material
    from cbpner.reports.page.render import build_page

    return build_page(gather_material([folder])).html


def choose_run(found):
    """Of what `find_runs` gives, what is shown first: a single run; all that is in a folder takes a minute."""
    whole = [path for path in found if (Path(path) / "evaluation" / "evaluation.json").is_file()]
    return next((path for path in found if path not in whole), found[0])


def find_runs(folders) -> list[str]:
    """Folders of finished runs, each with all of its splits, as `cbpner report` takes them.

    First those with an evaluation of all that is in them.
    """
    from cbpner.runs import folder as runs

    found = set()
    for folder in map(Path, folders):
        for path in folder.glob("**/" + runs.METRICS) if folder.is_dir() else ():
            if (path.parent / runs.CONFIG).is_file() and len(path.relative_to(folder).parts) <= 5:
                found.add(str(path.parent.parent if path.parent.parent != folder else path.parent))
    whole = [str(folder) for folder in map(Path, folders) if (folder / "evaluation" / "evaluation.json").is_file()]
    return whole + sorted(found)
