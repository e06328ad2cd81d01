"""The page: Gradio over `service` and `content`, one for each language.

What comes from texts is shown in sandboxed frames, which may not run scripts (those of the network and the report may,
but cannot access the page), or in table cells that Gradio shows as text.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

import gradio as gr
from gradio.utils import get_upload_folder

from cbpner.app import content
from cbpner.app.service import TaggingService
from cbpner.base.errors import FaultyFile, InputError
from cbpner.base.html import read_asset, show_controls
from cbpner.biology.genes.mentions import EntityResolver
from cbpner.formats.document import Document
from cbpner.reports.page.inputs import gather_report
from cbpner.reports.page.render import build_report

MAX_FAULTS = 50  # that are shown
RIGHTS = "allow-scripts allow-downloads allow-popups allow-popups-to-escape-sandbox"  # of the network and the report
FILE_CLEANUP = (600, 3600)  # seconds: how often written files are checked, and the age at which they are deleted
CURL = """```bash
curl -s {origin}/tag -H 'content-type: application/json' -d '{{"text": "HER2阳性乳腺癌"}}'
```"""
THEME = gr.themes.Base(  # with the system's fonts, so that nothing is fetched
    primary_hue="teal", font_mono=("ui-monospace", "monospace"),
    font=("system-ui", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"),
)  # fmt: skip


def make_frame(page: str, size: str, title: str, rights: str = "") -> str:
    """An HTML page inside the page; rights: of the attribute `sandbox`."""
    own = page.replace('href="#', 'href="about:srcdoc#')  # else links within the page lead to the app's own
    attributes = f'class="cbpner {size}" title="{escape(title)}" sandbox="{rights}" srcdoc="{escape(own)}"'
    return f"<iframe {attributes}></iframe>" if page else ""


class TaggedDocuments(NamedTuple):
    """What the page keeps: documents with all their spans, the types of their model, the seconds it took, faults."""

    documents: list[Document]
    types: Sequence[str]
    seconds: float
    faults: Sequence[str] = ()


class PageActions:
    """What the buttons of the page do. texts: those of its language."""

    def __init__(self, service: TaggingService, resolver: EntityResolver, texts: Mapping[str, Any]) -> None:
        self.service, self.resolver, self.texts = service, resolver, texts

    def tag_text(self, text: str | None, *choices: Any) -> tuple:
        def read() -> tuple[list[Document], list[str]]:
            size, name = self.service.limits.size, self.texts["pasted"]
            return [content.check_text(text, size, name)] if text and text.strip() else [], []

        return self.tag(read, *choices)

    def tag_files(self, paths: list[str] | None, *choices: Any) -> tuple:
        return self.tag(lambda: content.read_uploads(paths or [], self.service.limits.size), *choices)

    def tag(
        self, read: Callable[[], tuple[list[Document], list[str]]], model: str, terms: str | None, min_score: float
    ) -> tuple:
        """Tag the documents that `read` gives, with faults; what is kept, and what `show` gives."""
        start = time.perf_counter()
        try:
            documents, faults = read()
            if not documents:
                lines = [self.texts["unread"], *faults] if faults else [self.texts["nothing"]]
                return self.refuse(lines)
            types = self.service.get_tagger(model).labels.types
            own = content.read_own_terms(terms, types, self.texts["types"])
            found = list(self.service.tag_many([each.text for each in documents], model, terms=own))
        except InputError as error:
            return self.refuse(self.describe(error))
        documents = [replace(document, spans=spans) for document, spans in zip(documents, found, strict=True)]
        tagged = TaggedDocuments(documents, types, time.perf_counter() - start, faults)
        return (tagged, *self.show(tagged, min_score))

    def refuse(self, lines: Sequence[str]) -> tuple:
        """What `tag` gives for a mistake of the user's: a notice; what was shown before stays."""
        return (gr.skip(), self.make_notice(lines), *[gr.skip()] * (3 + len(content.DOWNLOADS)))

    def show(self, tagged: TaggedDocuments | None, min_score: float) -> tuple:
        """A notice, a summary, the frame with the text, the rows of the table, and the download buttons."""
        if tagged is None:
            return ("", "", "", [], *[gr.DownloadButton(interactive=False)] * len(content.DOWNLOADS))
        documents, folder = content.filter_by_score(tagged.documents, min_score), make_folder()
        buttons, faults = [], list(tagged.faults)
        for kind in content.DOWNLOADS:
            path = None
            try:
                path = str(content.write_download(documents, tagged.types, kind, folder))
            except InputError as error:  # the format cannot hold the documents
                faults.append(f"{self.texts[kind]}: {error}")
            buttons.append(gr.DownloadButton(value=path, interactive=path is not None))
        page = content.render_documents(documents, tagged.types, self.texts)
        rows = content.list_entities(documents, self.resolver, self.texts["types"])
        summary = content.describe_tagged(documents, tagged.seconds, self.texts)
        return (self.make_notice(faults), summary, make_frame(page, "short", self.texts["entities"]), rows, *buttons)

    def read_terms(self, paths: list[str], before: str | None) -> tuple:
        """The box of the user's own terms with the files' lines behind its own, and a notice."""
        try:
            return "\n".join(filter(None, [before, content.read_terms_files(paths)])), ""
        except InputError as error:
            return gr.skip(), self.make_notice(self.describe(error))

    def show_network(self, tagged: TaggedDocuments | None, unit: str, min_score: float) -> tuple:
        if tagged is None:
            return self.make_notice([self.texts["untagged"]]), gr.skip()
        documents = content.filter_by_score(tagged.documents, min_score)
        return self.show_page(
            lambda: content.render_network(documents, self.resolver, unit, self.texts["title"]), "network.html"
        )

    def show_report(self, folder: str) -> tuple:
        return self.show_page(lambda: build_report(gather_report([folder])).html, "report.html")

    def show_page(self, build: Callable[[], str], name: str) -> tuple:
        """A frame with a page that may run its scripts, and the page as a file; a notice where it cannot be built."""
        try:
            page = content.translate_page(build(), self.texts)
        except InputError as error:
            return self.make_notice(self.describe(error)), gr.DownloadButton(interactive=False)
        path = make_folder() / name
        path.write_text(page, encoding="utf-8")
        frame = make_frame(page, "tall", self.texts[f"tab_{path.stem}"], RIGHTS)
        return frame, gr.DownloadButton(value=str(path), interactive=True)

    def describe(self, error: InputError) -> list[str]:
        """Say what the user's mistake was, in the page's language if there is a text for it."""
        if isinstance(error, FaultyFile):
            line = self.texts["line"]
            return [f"{line.format(fault.line) if fault.line else ''}{fault.reason}" for fault in error.faults]
        text = self.texts.get(type(error).__name__)
        return [text.format(**vars(error)) if text else str(error)]

    def make_notice(self, lines: Sequence[str]) -> str:
        """HTML of the first lines, and the number of the others; nothing if there are none."""
        rest = [self.texts["more"].format(count=len(lines) - MAX_FAULTS)] if len(lines) > MAX_FAULTS else []
        items = "".join(f"<li>{escape(show_controls(line))}</li>" for line in [*lines[:MAX_FAULTS], *rest])
        return f'<ul class="notice" role="alert">{items}</ul>' if items else ""


def make_folder() -> Path:
    """Create a folder from which Gradio serves files, and in which it deletes old ones."""
    Path(get_upload_folder()).mkdir(parents=True, exist_ok=True)
    return Path(mkdtemp(prefix="cbpner.", dir=get_upload_folder()))


def build_app_page(
    service: TaggingService, resolver: EntityResolver, runs: Mapping[str, str], language: str, origin: str
) -> gr.Blocks:
    """Build the page in a language. runs: {name: folder} for the report. origin: the endpoint's, for the example."""
    texts = content.read_texts(language)
    actions = PageActions(service, resolver, texts)
    other = "zh" if language == "en" else "en"
    with gr.Blocks(title=texts["title"], analytics_enabled=False, delete_cache=FILE_CLEANUP) as page:
        gr.HTML(f'<a class="language" href="/{other}/">{texts["other_language"]}</a><h1>{texts["title"]}</h1>')
        tagged = gr.State(None, time_to_live=FILE_CLEANUP[1])
        with gr.Tab(texts["tab_tag"]):
            min_score = build_tagging_tab(actions, tagged)
        with gr.Tab(texts["tab_network"]):
            units = [(name, unit) for unit, name in texts["units"].items()]
            unit = gr.Radio(units, value="patent", label=texts["unit"], scale=3, elem_id="unit", render=False)
            build_page_tab(actions, "network", unit, "draw", actions.show_network, [tagged, unit, min_score])
        with gr.Tab(texts["tab_report"]):
            run = gr.Dropdown(list(runs.items()), label=texts["run"], scale=3, elem_id="run", render=False)
            if runs:
                build_page_tab(actions, "report", run, "build", actions.show_report, [run])
            else:
                gr.Markdown(texts["no_runs"])
        with gr.Tab(texts["tab_about"]):
            gr.Markdown(texts["about_text"] + "\n\n" + CURL.format(origin=origin))
    return page


def build_tagging_tab(actions: PageActions, tagged: gr.State) -> gr.Slider:
    """A text or files in; marked text, a table and downloads out."""
    texts, service = actions.texts, actions.service
    gr.Markdown(texts["about"])
    with gr.Row(equal_height=False):
        with gr.Column(scale=3):
            text = gr.Textbox(
                label=texts["text"], placeholder=texts["text_hint"], lines=6, max_lines=14, elem_id="text"
            )
            build_examples(texts["examples"], text)
            go_text = gr.Button(texts["tag_text"], variant="primary", elem_id="go")
        with gr.Column(scale=2):
            files = gr.File(
                label=texts["files"], file_count="multiple", file_types=[*content.SUFFIXES], height=140, elem_id="files"
            )
            go_files = gr.Button(texts["tag_files"], variant="primary", elem_id="go_files")
            model = gr.Dropdown(list(service.models), value=service.default, label=texts["model"], elem_id="model")
    notice = gr.HTML(elem_id="notice", render=False)
    terms = build_terms_box(actions, notice)
    min_score = gr.Slider(0, 1, 0.0, step=0.01, label=texts["score"], info=texts["score_hint"], elem_id="min_score")
    notice.render()
    summary, shown = gr.Markdown(elem_id="summary"), gr.HTML(elem_id="shown")
    table = gr.Dataframe(
        headers=texts["headers"], datatype=["str", "str", "number", "number", "markdown"], label=texts["entities"],
        interactive=False, wrap=True, max_height=420, elem_id="entities", show_search="filter",
    )  # fmt: skip
    outputs = [notice, summary, shown, table]
    with gr.Row():
        outputs += [gr.DownloadButton(texts[kind], interactive=False, elem_id=kind) for kind in content.DOWNLOADS]
    for go, given, action in ((go_text, text, actions.tag_text), (go_files, files, actions.tag_files)):
        inputs = [given, model, terms, min_score]
        go.click(
            action, inputs, [tagged, *outputs], concurrency_limit=4, show_progress_on=[shown, table],
            api_visibility="private",
        )  # fmt: skip
    min_score.change(
        actions.show, [tagged, min_score], outputs, show_progress="hidden", api_visibility="private",
        trigger_mode="always_last",
    )  # fmt: skip
    return min_score


def build_examples(names: Sequence[str], text: gr.Textbox) -> None:
    """Buttons that fill the text, in the browser: what the server fills in may not be there when it is tagged."""
    with gr.Row():
        for name, example in zip(names, read_asset(__package__, "examples.txt").splitlines(), strict=True):
            button = gr.Button(name, size="sm", elem_classes="example")
            button.click(None, outputs=text, js=f"() => {json.dumps(example)}", api_visibility="private")


def build_terms_box(actions: PageActions, notice: gr.HTML) -> gr.Textbox:
    """A box for the user's own terms, closed at first; notice: for the faults of a file."""
    texts = actions.texts
    with gr.Accordion(texts["terms"], open=False, elem_id="terms"):
        gr.Markdown(texts["terms_hint"])
        terms = gr.Textbox(
            label=texts["terms"], show_label=False, placeholder=texts["terms_example"], lines=4, max_lines=14
        )
        file = gr.UploadButton(
            texts["terms_file"], file_count="multiple", file_types=[*content.TERMS_SUFFIXES], size="sm"
        )
    file.upload(actions.read_terms, [file, terms], [terms, notice], api_visibility="private")
    return terms


def build_page_tab(
    actions: PageActions, name: str, choice: gr.Component, button: str, action: Callable, inputs: list[gr.Component]
) -> None:
    """A choice, a button, and the page that it makes, with its download."""
    texts = actions.texts
    gr.Markdown(texts[f"{name}_about"])
    with gr.Row():
        choice.render()
        go = gr.Button(texts[button], variant="primary", elem_id=button)
        save = gr.DownloadButton(texts["save"], interactive=False, elem_id=f"save_{name}")
    shown = gr.HTML(elem_id=name)
    go.click(action, inputs, [shown, save], api_visibility="private")
