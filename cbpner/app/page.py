"""The page: Gradio over `service` and `content`, one for each language.

What comes from texts is shown in sandboxed frames, which may not run scripts (those of the network and the report may,
but cannot access the page), or in table cells that Gradio shows as text.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from html import escape
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple, NoReturn

import gradio as gr
from gradio.utils import get_upload_folder

from cbpner.app import content
from cbpner.app.service import TaggingService
from cbpner.base.errors import InputError
from cbpner.base.html import show_controls
from cbpner.biology.genes.mentions import EntityResolver
from cbpner.formats.document import Document
from cbpner.reports.page.inputs import gather_report
from cbpner.reports.page.render import build_report

MAX_FAULTS = 5  # that are shown
FILE_CLEANUP = (600, 3600)  # seconds: how often written files are checked, and the age at which they are deleted
CURL = """```bash
curl -s {origin}/tag -H 'content-type: application/json' -d '{{"text": "HER2阳性乳腺癌"}}'
```"""
THEME = gr.themes.Base(  # with the system's fonts, so that nothing is fetched
    primary_hue="teal", font_mono=("ui-monospace", "monospace"),
    font=("system-ui", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"),
)  # fmt: skip


def make_frame(page: str, size: str, rights: str = "") -> str:
    """An HTML page inside the page; rights: of the attribute `sandbox`."""
    return f'<iframe class="cbpner {size}" sandbox="{rights}" srcdoc="{escape(page)}"></iframe>' if page else ""


class TaggedDocuments(NamedTuple):
    """What the page keeps: documents with all their spans, the types of their model, the seconds it took."""

    documents: list[Document]
    types: Sequence[str]
    seconds: float


class PageActions:
    """What the buttons of the page do. texts: those of its language."""

    def __init__(self, service: TaggingService, resolver: EntityResolver, texts: Mapping[str, Any]) -> None:
        self.service, self.resolver, self.texts = service, resolver, texts

    def tag(self, text: str | None, paths: list[str] | None, model: str, min_score: float) -> tuple:
        """Tag a text and files; what is kept, and what `show` gives."""
        start = time.perf_counter()
        with self.refuse_errors():
            documents, faults = content.read_uploads(paths or [], self.service.limits.size)
            if text and text.strip():
                documents.insert(0, content.check_text(text, self.service.limits.size))
        if not documents:
            self.refuse("\n".join([self.texts["unread"], *faults[:MAX_FAULTS]]) if faults else self.texts["nothing"])
        self.warn(faults)
        with self.refuse_errors():
            found = list(self.service.tag_many([each.text for each in documents], model))
        documents = [replace(document, spans=spans) for document, spans in zip(documents, found, strict=True)]
        types = self.service.get_tagger(model).labels.types
        tagged = TaggedDocuments(documents, types, time.perf_counter() - start)
        return (tagged, *self.show(tagged, min_score))

    def show(self, tagged: TaggedDocuments | None, min_score: float) -> tuple:
        """A summary, the frame with the text, the rows of the table, and the download buttons."""
        if tagged is None:
            return ("", "", [], *[gr.DownloadButton(interactive=False)] * len(content.DOWNLOADS))
        documents, folder = content.filter_by_score(tagged.documents, min_score), make_folder()
        page = content.render_documents(documents, tagged.types, self.texts["entities"], self.texts["rest"])
        buttons = []
        for kind in content.DOWNLOADS:
            path = None
            try:
                path = str(content.write_download(documents, tagged.types, kind, folder))
            except InputError as error:  # the format cannot hold the documents
                self.warn([f"{self.texts[kind]}: {error}"])
            buttons.append(gr.DownloadButton(value=path, interactive=path is not None))
        summary = content.describe_tagged(documents, tagged.seconds, self.texts)
        return (summary, make_frame(page, "short"), content.list_entities(documents, self.resolver), *buttons)

    def show_network(self, tagged: TaggedDocuments | None, unit: str, min_score: float) -> tuple:
        if tagged is None:
            self.refuse(self.texts["untagged"])
        documents = content.filter_by_score(tagged.documents, min_score)
        with self.refuse_errors():
            page = content.render_network(documents, self.resolver, unit, self.texts["title"])
        return self.show_page(page, "network.html")

    def show_report(self, folder: str) -> tuple:
        with self.refuse_errors():
            page = build_report(gather_report([folder])).html
        return self.show_page(page, "report.html")

    def show_page(self, page: str, name: str) -> tuple:
        """A frame with a page that may run its scripts, and the page as a file."""
        path = make_folder() / name
        path.write_text(page, encoding="utf-8")
        return make_frame(page, "tall", "allow-scripts"), gr.DownloadButton(value=str(path), interactive=True)

    @contextmanager
    def refuse_errors(self) -> Iterator[None]:
        """Show a user's mistake on the page, in its language if there is a text for it."""
        try:
            yield
        except InputError as error:
            text = self.texts.get(type(error).__name__)
            self.refuse(text.format(**vars(error)) if text else str(error))

    def refuse(self, message: str) -> NoReturn:
        raise gr.Error(to_html(message), title=self.texts["refused"], print_exception=False) from None

    def warn(self, faults: Sequence[str]) -> None:
        """Show the first faults, and the number of the others."""
        for fault in faults[:MAX_FAULTS]:
            gr.Warning(to_html(fault))
        if len(faults) > MAX_FAULTS:
            gr.Warning(self.texts["more"].format(count=len(faults) - MAX_FAULTS))


def to_html(message: str) -> str:
    return escape(show_controls(message)).replace("\n", "<br>")


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
    """Text and files in; marked text, a table and downloads out."""
    texts, service = actions.texts, actions.service
    gr.Markdown(texts["about"])
    with gr.Row():
        text = gr.Textbox(
            label=texts["text"], placeholder=texts["text_hint"], lines=8, max_lines=14, scale=3, elem_id="text"
        )
        with gr.Column(scale=2):
            files = gr.File(
                label=texts["files"], file_count="multiple", file_types=[*content.SUFFIXES], height=130, elem_id="files"
            )
            model = gr.Dropdown(list(service.models), value=service.default, label=texts["model"], elem_id="model")
    with gr.Row():
        go = gr.Button(texts["tag"], variant="primary", elem_id="go")
        example = gr.Button(texts["example"], elem_id="example")
    min_score = gr.Slider(0, 1, 0.0, step=0.01, label=texts["score"], info=texts["score_hint"], elem_id="min_score")
    summary, shown = gr.Markdown(elem_id="summary"), gr.HTML(elem_id="shown")
    table = gr.Dataframe(
        headers=texts["headers"], datatype=["str", "str", "number", "number", "markdown"], label=texts["entities"],
        interactive=False, wrap=True, max_height=420, elem_id="entities", show_search="filter",
    )  # fmt: skip
    outputs = [summary, shown, table]
    with gr.Row():
        outputs += [gr.DownloadButton(texts[kind], interactive=False, elem_id=kind) for kind in content.DOWNLOADS]
    example.click(lambda: texts["example_text"], outputs=text, api_visibility="private")
    inputs = [text, files, model, min_score]
    go.click(actions.tag, inputs, [tagged, *outputs], concurrency_limit=4, api_visibility="private")
    min_score.release(actions.show, [tagged, min_score], outputs, show_progress="hidden", api_visibility="private")
    return min_score


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
