"""Label Studio's JSON: tasks with annotations, as its JSON export and its import have them, or with predictions.

    [{"data": {"text"}, "annotations": [{"result": [{"type": "labels", "value": {"start", "end", "text", "labels"}}]}]}]

Of several annotations of a task the ground truth is read, or else the one that was changed last; cancelled ones are
not. Predictions are read where no task of a file has an annotation. Relations, and results other than labelled text,
are counted and left out. A task's id is that of its data, where it has one; the data's other fields are metadata.

Offsets count code points, CR LF being two (the tool's own tests: `emoji.cy.ts`); before autumn 2021 they counted UTF-16
code units (issue 1347). Each region's text is that which the offsets cut out, but for white space, which is joined
together in it (issue 3078), and for line breaks, which are `\\n` in two characters.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from cbpner.base.errors import UnexpectedValue
from cbpner.formats.document import Choices, Document, Limits, Span, cut_span, fit_spans
from cbpner.formats.fields import check_label, check_offset, dump_row, make_document, take_id, take_list, take_text
from cbpner.formats.offsets import TRUSTED_TEXT, Ruler
from cbpner.formats.rows import Row, describe_value, list_names, parse_rows, read_rows

KINDS = {"labelstudio": "annotations", "labelstudio-predictions": "predictions"}
WHITE = re.compile(r"(?:\s|\\n)+")


def read_labelstudio(path: Path, id: str, choices: Choices) -> Iterator[Document]:
    """Yield the documents of a file. FaultyFile at the end, with every fault."""
    rows = list(read_rows(path))
    use_predictions = not any(isinstance(row, Row) and list_annotations(row.values) for row in rows)
    yield from parse_rows(rows, lambda row: read_task(row.values, f"{id}-{row.number}", use_predictions, choices))


def list_annotations(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A task's annotations (`completions` before 1.0) but for the cancelled ones."""
    annotations = row.get("annotations", row.get("completions"))
    entries = annotations if isinstance(annotations, list) else []
    return [entry for entry in entries if isinstance(entry, dict) and not entry.get("was_cancelled")]


def read_task(row: Mapping[str, Any], id: str, use_predictions: bool, choices: Choices) -> Document:
    data = row.get("data")
    if not isinstance(data, dict):
        expected = 'a task, {"data": {"text": ...}, ...} (export as JSON, not as JSON-MIN)'
        raise UnexpectedValue(f"the fields {list_names(row)}", expected)
    texts = [name for name, value in data.items() if isinstance(value, str)]
    is_clear = choices.text_field is None and "text" not in data and len(texts) == 1
    name, text = take_text(data, texts if is_clear else [choices.text_field or "text"])
    ruler, results = Ruler(text, choices.offsets), choose_results(row, use_predictions, choices)
    spans = [span for result in results for span in read_result(result, ruler, choices)]
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
    for each in found:
        if not isinstance(each, dict):
            raise UnexpectedValue(f"{describe_value(each)} as an annotation", 'such as {"result": [...]}')
    best = max(reversed(found), key=lambda each: (bool(each.get("ground_truth")), str(each.get("updated_at") or "")))
    return take_list(best, "result")


def read_result(result: Any, ruler: Ruler, choices: Choices) -> list[Span]:
    """The spans of a result, one for each label; none, counted, where it is no labelled text."""
    if not isinstance(result, dict) or not isinstance(result.get("value", {}), dict):
        raise UnexpectedValue(f"{describe_value(result)} as a result", 'such as {"type": "labels", "value": {...}}')
    value, score = result.get("value", {}), result.get("score")
    kind = result.get("type") or ("labels" if "labels" in value else None)
    if kind in ("hypertextlabels", "paragraphlabels") or isinstance(value.get("start"), str):
        expected = "regions of a Text tag, with offsets as numbers"
        raise UnexpectedValue("a region of a HyperText or Paragraphs tag", expected)
    if kind != "labels":
        choices.note(f"Label Studio's results of the kind {kind!r} left out")
        return []
    labels = [check_label(label) for label in take_list(value, "labels")]
    choices.note("regions without a label left out", not labels)
    start, end = check_offset(value.get("start"), "start"), check_offset(value.get("end"), "end")
    place = ruler.cut_checked(start, end, choices)
    if place is None:
        return []
    claim, cut = value.get("text"), ruler.text[slice(*place)]
    if isinstance(claim, str) and WHITE.sub(" ", claim).strip(" ") != WHITE.sub(" ", cut).strip(" "):
        if choices.offsets == "auto":
            found = f"{describe_value(claim)} for {start}..{end}, which is {describe_value(cut)}"
            raise UnexpectedValue(found, TRUSTED_TEXT)
        choices.note("regions whose text is not what their offsets cut out")
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        choices.note("scores that are not between 0 and 1 left out", score is not None)
        score = None
    return [cut_span(ruler.text, *place, label, score) for label in labels]


def write_labelstudio(
    file: IO[str], documents: Iterable[Document], choices: Choices, form: str = "labelstudio"
) -> None:
    """Write the documents as tasks, a line each, to an open text file."""
    opening = "[\n"
    for document in documents:
        file.write(opening + dump_row(build_task(document, choices, form)))
        opening = ",\n"
    file.write("[]\n" if opening == "[\n" else "\n]\n")


def build_task(document: Document, choices: Choices, form: str) -> dict[str, Any]:
    """The task of a document, with its spans as an annotation or as a prediction."""
    is_prediction = form == "labelstudio-predictions"
    extras = ("scores", "meta") if is_prediction else ("meta",)
    spans = fit_spans(document, Limits("Label Studio", overlaps=True, extras=extras), choices)
    results = []
    for number, span in enumerate(spans, 1):
        text = document.text[span.start : span.end]
        value = {"start": span.start, "end": span.end, "text": text, "labels": [span.label]}
        result = {"id": f"s{number}", "from_name": "label", "to_name": "text", "type": "labels", "value": value}
        results.append(result | ({"score": span.score} if is_prediction and span.score is not None else {}))
    entry: dict[str, Any] = {"result": results}
    if is_prediction:
        scores = [span.score for span in spans if span.score is not None]
        lowest = {"score": min(scores)} if scores and len(scores) == len(spans) else {}
        entry = {"model_version": "cbpner", **lowest, **entry}
    data: dict[str, Any] = {"text": document.text, "id": document.id}
    return {"data": data | document.extras, KINDS[form]: [entry]}
