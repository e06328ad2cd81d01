"""The page: Gradio over `desk` and `content`, one for each language.

What comes from texts stands in frames of their own, which may not run scripts (the network and the report may, but
not see the page), or in cells that Gradio shows as text.
"""

import time
from dataclasses import replace
from html import escape
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import gradio as gr
from gradio.utils import get_upload_folder

from cbpner.app import content
from cbpner.app.tagging import name_model
from cbpner.app.translations import EXAMPLE, choose_words
from cbpner.base.errors import InputError
from cbpner.formats.document import Document

FAULTS = 5  # that are shown
KEPT = (600, 3600)  # seconds: how often what was written is looked at, and how old it may become
CSS = """
.gradio-container { max-width: 76rem !important; width: 100% !important; margin: 0 auto !important; }
iframe.cbpner { width: 100%; border: 1px solid var(--border-color-primary); border-radius: 8px; background: #fff; }
iframe.short { height: 30rem; } iframe.tall { height: 85vh; }
#entities th, #entities th * { white-space: nowrap; overflow-wrap: normal; word-break: keep-all; }
.language { float: right; font-size: .9rem; } h1 { margin: .2rem 0 !important; }
"""
CURL = """```bash
curl -s {origin}/tag -H 'content-type: application/json' -d '{{"text": "HER2阳性乳腺癌"}}'
```"""


def make_theme():
    """Fonts of the system: nothing is fetched."""
    fonts = ("system-ui", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif")
    return gr.themes.Base(primary_hue="teal", font=fonts, font_mono=("ui-monospace", "monospace"))


def frame(page, size, rights=""):
    """A page within the page; rights: of `sandbox`."""
    return f'<iframe class="cbpner {size}" sandbox="{rights}" srcdoc="{escape(page)}"></iframe>' if page else ""


class Tagged(NamedTuple):
    """What the page keeps: documents with all their spans, the types of the model that found them, how long it took."""

    documents: list
    types: tuple
    seconds: float


class Actions:
    """What happens when buttons are pressed.

    words: of `choose_words`; kinds: of `cbpner.biology.genes.mentions.Kinds`.
    """

    def __init__(self, desk, kinds, words):
        self.desk, self.kinds, self.words = desk, kinds, words

    def tag(self, text, paths, model, least):
        """What was tagged, and what `show` gives."""
        start = time.perf_counter()
        documents, faults = self.guard(self.read, text, paths)
        if not documents:
            self.refuse("\n".join([self.words["unread"], *faults[:FAULTS]]) if faults else self.words["nothing"])
        self.warn(faults)
        found = self.guard(self.tag_all, documents, model)
        tagged = Tagged(found, self.desk.list_types(model), time.perf_counter() - start)
        return (tagged, *self.show(tagged, least))

    def read(self, text, paths):
        documents, faults = content.read_files(paths or [], self.desk.limits.size)
        if text and text.strip():
            documents.insert(0, content.check_text(Document("text", text), self.desk.limits.size))
        return documents, faults

    def tag_all(self, documents, model):
        found = self.desk.tag_many([document.text for document in documents], model)
        return [replace(document, spans=spans) for document, spans in zip(documents, found, strict=True)]

    def show(self, tagged, least):
        """A line about it, the frame with the text, the rows of the table, and the files to download."""
        if tagged is None:
            return ("", "", [], *[gr.DownloadButton(interactive=False)] * len(content.DOWNLOADS))
        documents, types, seconds = content.keep_sure(tagged.documents, least), tagged.types, tagged.seconds
        page = content.render_documents(documents, types, self.words["entities"], self.words["rest"])
        folder = make_folder()
        buttons = [self.write(documents, types, kind, folder) for kind in content.DOWNLOADS]
        rows = content.list_entities(documents, self.kinds)
        return (content.describe(documents, seconds, self.words), frame(page, "short"), rows, *buttons)

    def write(self, documents, types, kind, folder):
        """The button of a download; one that cannot be written says why, and takes nothing else with it."""
        try:
            path = content.write_download(documents, types, kind, folder)
        except InputError as error:
            self.warn([f"{self.words[kind]}: {error}"])
            return gr.DownloadButton(value=None, interactive=False)
        return gr.DownloadButton(value=str(path), interactive=True)

    def draw(self, tagged, unit, least):
        if tagged is None:
            self.refuse(self.words["untagged"])
        documents = content.keep_sure(tagged.documents, least)
        page = self.guard(content.draw_network, documents, self.kinds, unit, self.words["title"])
        return self.show_page(page, "network.html")

    def report(self, folder):
        return self.show_page(self.guard(content.build_report, folder), "report.html")

    def show_page(self, page, name):
        """A frame with a page that may run its scripts, and the page as a file."""
        path = make_folder() / name
        path.write_text(page, encoding="utf-8")
        return frame(page, "tall", "allow-scripts"), gr.DownloadButton(value=str(path), interactive=True)

    def guard(self, work, *args):
        """What the work gives; a user's mistake is shown, not logged."""
        try:
            return work(*args)
        except InputError as error:
            self.refuse(self.tell(error))

    def tell(self, error):
        """An error in the page's language, where it is one of the page's own."""
        told = self.words.get(type(error).__name__)
        return told.format(**vars(error)) if told else str(error)

    def refuse(self, message):
        raise gr.Error(mark_up(message), title=self.words["refused"], print_exception=False) from None

    def warn(self, faults):
        """Show the first of them, and how many more there are."""
        for fault in faults[:FAULTS]:
            gr.Warning(mark_up(fault))
        if len(faults) > FAULTS:
            gr.Warning(self.words["more"].format(count=len(faults) - FAULTS))


def mark_up(message):
    """A message as Gradio takes it: HTML."""
    return escape(message).replace("\n", "<br>")


def make_folder():
    """A new folder where Gradio serves files from, and deletes them when they are old."""
    Path(get_upload_folder()).mkdir(parents=True, exist_ok=True)
    return Path(mkdtemp(prefix="cbpner.", dir=get_upload_folder()))


def build_page(desk, kinds, runs, language, origin) -> gr.Blocks:
    """The page in a language. runs: folders for the report; origin: of the endpoint, for the example."""
    words = choose_words(language)
    actions = Actions(desk, kinds, words)
    other = "zh" if language == "en" else "en"
    with gr.Blocks(title=words["title"], analytics_enabled=False, delete_cache=KEPT) as page:
        gr.HTML(f'<a class="language" href="/{other}/">{words["other_language"]}</a><h1>{words["title"]}</h1>')
        tagged = gr.State(None, time_to_live=KEPT[1])
        with gr.Tab(words["tab_tag"]):
            least = build_tagging(desk, words, actions, tagged)
        with gr.Tab(words["tab_network"]):
            build_network(words, actions, tagged, least)
        with gr.Tab(words["tab_report"]):
            build_runs(words, actions, runs)
        with gr.Tab(words["tab_about"]):
            gr.Markdown(words["about_text"] + "\n\n" + CURL.format(origin=origin))
    return page


def build_tagging(desk, words, actions, tagged):
    """Text and files in, text with marks, a table and downloads out."""
    gr.Markdown(words["about"])
    with gr.Row():
        text = gr.Textbox(
            label=words["text"], placeholder=words["text_hint"], lines=8, max_lines=14, scale=3, elem_id="text"
        )
        with gr.Column(scale=2):
            files = gr.File(
                label=words["files"], file_count="multiple", file_types=list(content.SUFFIXES), height=130,
                elem_id="files",
            )  # fmt: skip
            model = gr.Dropdown(list(desk.models), value=desk.default, label=words["model"], elem_id="model")
    with gr.Row():
        go = gr.Button(words["tag"], variant="primary", elem_id="go")
        example = gr.Button(words["example"], elem_id="example")
    least = gr.Slider(0, 1, 0.0, step=0.01, label=words["score"], info=words["score_hint"], elem_id="least")
    summary = gr.Markdown(elem_id="summary")
    shown = gr.HTML(elem_id="shown")
    table = gr.Dataframe(
        headers=words["headers"], datatype=["str", "str", "number", "number", "markdown"], label=words["entities"],
        interactive=False, wrap=True, max_height=420, elem_id="entities", show_search="filter",
    )  # fmt: skip
    with gr.Row():
        buttons = [gr.DownloadButton(words[kind], interactive=False, elem_id=kind) for kind in content.DOWNLOADS]
    outputs = [summary, shown, table, *buttons]
    example.click(lambda: EXAMPLE, outputs=text, api_visibility="private")
    go.click(
        actions.tag, [text, files, model, least], [tagged, *outputs], concurrency_limit=4,
        api_visibility="private",
    )  # fmt: skip
    least.release(actions.show, [tagged, least], outputs, show_progress="hidden", api_visibility="private")
    return least


def build_network(words, actions, tagged, least):
    gr.Markdown(words["network_about"])
    with gr.Row():
        units = [(name, unit) for unit, name in words["units"].items()]
        unit = gr.Radio(units, value="patent", label=words["unit"], scale=3, elem_id="unit")
        draw = gr.Button(words["draw"], variant="primary", elem_id="draw")
        save = gr.DownloadButton(words["save"], interactive=False, elem_id="save_network")
    drawn = gr.HTML(elem_id="network")
    draw.click(actions.draw, [tagged, unit, least], [drawn, save], api_visibility="private")


def build_runs(words, actions, runs):
    gr.Markdown(words["report_about"] if runs else words["no_runs"])
    if not runs:
        return
    with gr.Row():
        named = [(name_model(path), path) for path in runs]
        chosen = gr.Dropdown(named, value=content.choose_run(runs), label=words["run"], scale=3, elem_id="run")
        build = gr.Button(words["build"], variant="primary", elem_id="build")
        save = gr.DownloadButton(words["save"], interactive=False, elem_id="save_report")
    shown = gr.HTML(elem_id="report")
    build.click(actions.report, chosen, [shown, save], api_visibility="private")
