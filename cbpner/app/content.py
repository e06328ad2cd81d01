"""What the page shows of tagged documents, and what it gives to download. Whatever comes from a text is escaped."""

import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from cbpner.errors import InputError
from cbpner.formats.document import Choices, find_problem
from cbpner.predict import page
from cbpner.predict.inputs import Bad, read_sources
from cbpner.predict.outputs import open_writer
from cbpner.predict.sources import open_sources

SHOWN = 100_000  # characters of all documents that the page shows; all of them are in the downloads
ROWS = 2000  # of the table
SUFFIXES = (".txt", ".jsonl")
DOWNLOADS = {"jsonl": "tagged.jsonl", "csv": "tagged.csv", "brat": "tagged_brat"}
HGNC = "https://www.genenames.org/data/gene-symbol-report/#!/hgnc_id/{}"


def read_files(paths, size):
    """(documents, faults) of files that were dropped; InputError for one of another kind, or a larger one.

    size: bytes of all of them.
    """
    paths = [Path(path) for path in paths]
    for path in paths:
        if path.suffix.lower() not in SUFFIXES:
            raise InputError(f"{path.name}: found another ending than {' or '.join(SUFFIXES)}; expected text to tag")
    found = sum(path.stat().st_size for path in paths)
    if found > size:
        raise InputError(f"found {found / 1e6:,.1f} MB; expected at most {size / 1e6:,.0f} MB")
    documents, faults = [], []
    with open_sources(paths) as sources:
        for item in read_sources(sources):
            if isinstance(item, Bad):
                faults.append(f"{Path(item.source).name}: {item.reason}")
            else:
                documents.append(item)
    return documents, faults


def check_text(document, size):
    """The document; InputError where it is no text, or too long."""
    if problem := find_problem(document):
        raise InputError(f"found {problem}; expected text")
    if (found := len(document.text.encode("utf-8"))) > size:
        raise InputError(f"found {found / 1e6:,.1f} MB; expected at most {size / 1e6:,.0f} MB")
    return document


def keep_sure(documents, least):
    """The documents with the spans whose score is at least `least`."""
    return [replace(each, spans=[span for span in each.spans if span.score >= least]) for each in documents]


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

    kinds: `cbpner.genes.mentions.Kinds`. What it is: Markdown made of ids and official names alone.
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
        for document in documents:
            write(document)
    return Path(shutil.make_archive(str(path), "zip", path)) if kind == "brat" else path


def draw_network(documents, kinds, unit, title) -> str:
    """The page of `cbpner relations` for the documents; InputError where there is nothing to draw."""
    from cbpner.relations.counts import Counting
    from cbpner.relations.job import Plan, find_and_write
    from cbpner.relations.occurrences import Selection

    counting = Counting(unit, pairs="both", min_support=1 if len(documents) < 3 else 2)
    with TemporaryDirectory(prefix="cbpner.") as folder:
        with open_writer("jsonl", Path(folder) / "tagged.jsonl", ()) as write:
            for document in documents:
                write(document)
        output = Path(folder) / "network.html"
        plan = Plan(
            inputs=[Path(folder) / "tagged.jsonl"], source="jsonl", outputs=[output], evidence=None, about={},
            counting=counting, selection=Selection(counting.kinds), title=title, memory_mb=256,
            told={"predictions": [title], "lexicons": ["shipped"], "known": []},
        )  # fmt: skip
        list(find_and_write(plan, kinds, Choices(overlap="longest")))
        return output.read_text(encoding="utf-8")


def build_report(folder) -> str:
    """The page of `cbpner report` for a folder of runs."""
    from cbpner.report.page.material import gather_material
    from cbpner.report.page.render import build_page

    return build_page(gather_material([folder])).html


def find_runs(folders) -> list[str]:
    """Folders of finished runs, each with all of its splits, as `cbpner report` takes them.

    First those with an evaluation of all that is in them.
    """
    from cbpner import runs

    found = set()
    for folder in map(Path, folders):
        for path in folder.glob("**/" + runs.METRICS) if folder.is_dir() else ():
            if (path.parent / runs.CONFIG).is_file() and len(path.relative_to(folder).parts) <= 5:
                found.add(str(path.parent.parent if path.parent.parent != folder else path.parent))
    whole = [str(folder) for folder in map(Path, folders) if (folder / "evaluation" / "evaluation.json").is_file()]
    return whole + sorted(found)
