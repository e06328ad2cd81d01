"""Label Studio's JSON: tasks with annotations, as its JSON export and its import have them, or with predictions.

    [{"data": {"text"}, "annotations": [{"result": [{"type": "labels", "value": {"start", "end", "text", "labels"}}]}]}]

Of several annotations of a task the ground truth is read, or else the one that was changed last; cancelled ones are
not. Predictions are read where no task of a file has an annotation. Relations, and results other than labelled text,
are counted and left out. A task's id is that of its data, where it has one; the data's other fields are metadata.

Offsets count code points, CR LF being two (the tool's own tests: `emoji.cy.ts`); before autumn 2021 they counted UTF-16
code units (issue 1347). Each region's text shows which: it is the text that the offsets cut out, but for white space,
which is joined together in it (issue 3078), and for line breaks, which are `\\n` in two characters.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from cbpner.base.errors import Fault, FaultyFile, UnexpectedValue
from cbpner.formats.document import Choices, Document, Limits, Span, cut_span, fit_spans
from cbpner.formats.fields import (
    check_label,
    check_offset,
    dump_row,
    list_extras,
    make_document,
    take_id,
    take_list,
    take_text,
)
from cbpner.formats.offsets import COUNTS, Ruler, choose_ruler, has_astral
from cbpner.formats.rows import Row, describe_value, list_names, parse_rows, read_rows

KINDS = {"labelstudio": "annotations", "labelstudio-predictions": "predictions"}
MODEL_VERSION = "cbpner"
WHITE = re.compile(r"(?:\s|\\n)+")
HYPERTEXT = ("hypertextlabels", "paragraphlabels")


class Region(NamedTuple):
    """A labelled stretch: offsets in the tool's count, labels, the text that it is to be or None, a score or None."""

    start: int
    end: int
    labels: list[str]
    text: str | None
    score: float | None


def read_labelstudio(path: Path, id: str, choices: Choices) -> Iterator[Document]:
    """Yield the documents of a file. FaultyFile at the end, with every fault."""
    faults: list[Fault] = []
    rows = list(read_rows(path))
    has_annotations = any(isinstance(row, Row) and list_annotations(row.values) for row in rows)
    yield from parse_rows(
        rows, lambda row: read_task(row.values, f"{id}-{row.number}", not has_annotations, choices), faults
    )
    if faults:
        raise FaultyFile(faults)


def list_annotations(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A task's annotations (`completions` before 1.0) but for the cancelled ones."""
    annotations = row.get("annotations", row.get("completions"))
    entries = annotations if isinstance(annotations, list) else []
    return [entry for entry in entries if isinstance(entry, dict) and not entry.get("was_cancelled")]


def read_task(row: Mapping[str, Any], id: str, use_predictions: bool, choices: Choices) -> Document:
    data = row.get("data")
    if not isinstance(data, dict):
        raise UnexpectedValue(
            f"the fields {list_names(row)}", 'a task, {"data": {"text": ...}, ...} (export as JSON, not as JSON-MIN)'
        )
    texts = [name for name, value in data.items() if isinstance(value, str)]
    is_clear = choices.text_field is None and "text" not in data and len(texts) == 1
    name, text = take_text(data, texts if is_clear else [choices.text_field or "text"])
    spans = read_regions(text, choose_results(row, use_predictions, choices), choices)
    extras = {field: value for field, value in data.items() if field not in ("id", name)}
    return make_document(take_id(data, take_id(row, id)), text, spans, extras)


def choose_results(row: Mapping[str, Any], use_predictions: bool, choices: Choices) -> list[Any]:
    """The results of the one annotation, or prediction, that is read of a task."""
    found = take_list(row, "predictions") if use_predictions else list_annotations(row)
    if not found:
        what = "annotations" + " or predictions" * use_predictions
        choices.note(f"tasks without {what}, read as documents without spans")
        return []
    choices.note("tasks of which the prediction was read, since none has an annotation", use_predictions)
    if len(found) > 1:
        choices.note("tasks with several annotations (the ground truth is read, or else the last)")
    chosen = max(enumerate(found), key=_rank_annotation)[1]
    if not isinstance(chosen, dict):
        raise UnexpectedValue(f"{describe_value(chosen)} as an annotation", 'such as {"result": [...]}')
    return take_list(chosen, "result")


def _rank_annotation(numbered: tuple[int, Any]) -> tuple[bool, str, int]:
    number, annotation = numbered
    if not isinstance(annotation, dict):
        return False, "", number
    return bool(annotation.get("ground_truth")), str(annotation.get("updated_at") or ""), number


def read_regions(text: str, results: Sequence[Any], choices: Choices) -> list[Span]:
    """The spans of an annotation's results."""
    regions = [region for result in results for region in read_region(result, choices)]
    ruler = choose_region_ruler(text, regions, choices)
    spans: list[Span] = []
    for region in regions:
        place = ruler.cut(region.start, region.end)
        if place is None:
            found = f"the offsets {region.start}..{region.end} in a text of {len(text)} characters"
            raise UnexpectedValue(found, "offsets within the text, on characters, the start before the end")
        if not region_agrees(ruler, region):
            if choices.offsets == "auto":
                found = f"{describe_value(region.text)} for {region.start}..{region.end}, which is "
                expected = "the text that the offsets cut out (--offsets codepoints or utf16 trusts the offsets)"
                raise UnexpectedValue(found + describe_value(text[slice(*place)]), expected)
            choices.note("regions whose text is not what their offsets cut out")
        spans += [cut_span(text, *place, label, region.score) for label in region.labels]
    return spans


def read_region(result: Any, choices: Choices) -> list[Region]:
    """[the region] of a result, or nothing, counted, where it is none."""
    if not isinstance(result, dict) or not isinstance(result.get("value", {}), dict):
        raise UnexpectedValue(f"{describe_value(result)} as a result", 'such as {"type": "labels", "value": {...}}')
    value = result.get("value", {})
    kind = result.get("type") or ("labels" if "labels" in value else None)
    if kind in HYPERTEXT or isinstance(value.get("start"), str):
        found = "a region of a HyperText or Paragraphs tag"
        raise UnexpectedValue(found, "regions of a Text tag, with offsets as numbers")
    if kind != "labels":
        choices.note(f"Label Studio's results of the kind {kind!r} left out")
        return []
    labels = [check_label(label) for label in take_list(value, "labels")]
    choices.note("regions without a label left out", not labels)
    start, end = check_offset(value.get("start"), "start"), check_offset(value.get("end"), "end")
    if start == end and choices.unfit == "drop":
        choices.note("empty spans dropped")
        return []
    text = value.get("text")
    score = result.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        choices.note("scores that are not between 0 and 1 left out", score is not None)
        score = None
    return [Region(start, end, labels, text if isinstance(text, str) else None, score)] if labels else []


def choose_region_ruler(text: str, regions: Sequence[Region], choices: Choices) -> Ruler:
    """The ruler for a task's offsets: the first that agrees with its regions' texts, or the one asked for."""
    if choices.offsets != "auto":
        return Ruler(text, choices.offsets)
    counts = ["codepoints", *["utf16"] * has_astral(text)]
    ruler = choose_ruler(text, counts, regions, region_agrees)
    choices.note(f"tasks whose offsets count {COUNTS['utf16']}", ruler.count == "utf16")
    if len(counts) > 1 and any(region.text is None for region in regions):
        choices.note(
            f"tasks with regions without text, whose offsets were read as {COUNTS[ruler.count]} (--offsets settles it)"
        )
    return ruler


def region_agrees(ruler: Ruler, region: Region) -> bool:
    """Whether the offsets cut out the region's text, white space apart."""
    place = ruler.cut(region.start, region.end)
    if place is None or region.text is None:
        return place is not None
    texts = [WHITE.sub(" ", text).strip(" ") for text in (region.text, ruler.text[slice(*place)])]
    return texts[0] == texts[1]


def write_labelstudio(
    file: IO[str], documents: Iterable[Document], choices: Choices, form: str = "labelstudio"
) -> None:
    """Write the documents as tasks, a line each, to an open text file."""
    number = 0
    for number, document in enumerate(documents, 1):
        file.write(("[\n" if number == 1 else ",\n") + dump_row(build_task(document, choices, form)))
    file.write("\n]\n" if number else "[]\n")


def build_task(document: Document, choices: Choices, form: str) -> dict[str, Any]:
    """The task of a document, with its spans as an annotation or as a prediction."""
    extras = ("scores", "meta") if form == "labelstudio-predictions" else ("meta",)
    spans = fit_spans(document, Limits("Label Studio", overlaps=True, extras=extras), choices)
    results = [build_result(document, span, f"s{number}", form) for number, span in enumerate(spans, 1)]
    entry: dict[str, Any] = {"result": results}
    if form == "labelstudio-predictions":
        scores = [span.score for span in spans if span.score is not None]
        lowest = {"score": min(scores)} if scores and len(scores) == len(spans) else {}
        entry = {"model_version": MODEL_VERSION, **lowest, **entry}
    data: dict[str, Any] = {"text": document.text, "id": document.id}
    return {"data": data | list_extras(document), KINDS[form]: [entry]}


def build_result(document: Document, span: Span, id: str, form: str) -> dict[str, Any]:
    text = document.text[span.start : span.end]
    value = {"start": span.start, "end": span.end, "text": text, "labels": [span.label]}
    result = {"id": id, "from_name": "label", "to_name": "text", "type": "labels", "value": value}
    has_score = form == "labelstudio-predictions" and span.score is not None
    return result | ({"score": span.score} if has_score else {})
