"""Label Studio's JSON: tasks with annotations, as its JSON export and its import have them, or with predictions.

    [{"data": {"text"}, "annotations": [{"result": [{"type": "labels", "value": {"start", "end", "text", "labels"}}]}]}]

Of several annotations of a task the ground truth is read, or else the one that was changed last; cancelled ones are
not. Predictions are read where no task of a file has an annotation. Relations, and results other than labelled text,
are counted and left out. A task's id is that of its data, where it has one; the data's other fields are metadata.

Offsets count code points, CR LF being two (the tool's own tests: `emoji.cy.ts`); before autumn 2021 they counted UTF-16
code units (issue 1347). Each region's text says which: it is the text that the offsets cut out, but for white space,
which is joined together in it (issue 3078), and for line breaks, which are `\\n` in two characters.
"""

import re

from cbpner.base.errors import Fault, FaultyFile, UnexpectedValue
from cbpner.formats.document import Limits, cut_span, fit_spans
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
FROM_NAME, TO_NAME = "label", "text"  # as in Label Studio's own template for named entities
WHITE = re.compile(r"(?:\s|\\n)+")
HYPERTEXT = ("hypertextlabels", "paragraphlabels")


class Region:
    """A labelled stretch: offsets in the tool's count, labels, the text that it says it is or None, a score or None."""

    def __init__(self, start, end, labels, text, score):
        self.start, self.end, self.labels, self.text, self.score = start, end, labels, text, score


def read_labelstudio(path, id, choices):
    """The documents of a file. FaultyFile at the end, with every fault."""
    faults: list[Fault] = []
    rows = list(read_rows(path))
    has_annotations = any(isinstance(row, Row) and list_annotations(row.values) for row in rows)
    yield from parse_rows(
        rows, lambda row: read_task(row.values, f"{id}-{row.number}", not has_annotations, choices), faults
    )
    if faults:
        raise FaultyFile(faults)


def list_annotations(row):
    """A task's annotations (`completions` before 1.0) but for the cancelled ones."""
    annotations = row.get("annotations", row.get("completions"))
    entries = annotations if isinstance(annotations, list) else []
    return [entry for entry in entries if isinstance(entry, dict) and not entry.get("was_cancelled")]


def read_task(row, id, use_predictions, choices):
    data = row.get("data")
    if not isinstance(data, dict):
        raise UnexpectedValue(
            f"the fields {list_names(row)}", 'a task, {"data": {"text": ...}, ...} (export as JSON, not as JSON-MIN)'
        )
    name, text = take_text(data, find_text_field(data, choices))
    spans = read_regions(text, choose_results(row, use_predictions, choices), choices)
    extras = {field: value for field, value in data.items() if field not in ("id", name)}
    return make_document(take_id(data, take_id(row, id)), text, spans, extras)


def find_text_field(data, choices):
    """[the field that was named, `text`, or the only one that holds text]."""
    texts = [name for name, value in data.items() if isinstance(value, str)]
    if choices.text_field or "text" in data or len(texts) != 1:
        return [choices.text_field or "text"]
    return texts


def choose_results(row, use_predictions, choices) -> list:
    """The results of the one annotation, or prediction, that is read of a task."""
    found = take_list(row, "predictions") if use_predictions else list_annotations(row)
    if not found:
        what = "annotations" + " or predictions" * use_predictions
        choices.note(f"tasks without {what}, read as documents without spans")
        return []
    choices.note("tasks of which the prediction was read, since none has an annotation", use_predictions)
    if len(found) > 1:
        choices.note("tasks with several annotations (the ground truth is read, or else the last)")
    chosen = max(enumerate(found), key=rank_annotation)[1]
    if not isinstance(chosen, dict):
        raise UnexpectedValue(f"{describe_value(chosen)} as an annotation", 'such as {"result": [...]}')
    return take_list(chosen, "result")


def rank_annotation(numbered):
    number, annotation = numbered
    if not isinstance(annotation, dict):
        return False, "", number
    return bool(annotation.get("ground_truth")), str(annotation.get("updated_at") or ""), number


def read_regions(text, results, choices):
    """The spans of an annotation's results."""
    regions = [region for result in results for region in read_region(result, choices)]
    ruler = choose_count(text, regions, choices)
    spans = []
    for region in regions:
        place = ruler.cut(region.start, region.end)
        if place is None:
            found = f"the offsets {region.start}..{region.end} in a text of {len(text)} characters"
            raise UnexpectedValue(found, "offsets within the text, on characters, the start before the end")
        if not agrees(ruler, region):
            report_text(text, place, region, choices)
        spans += [cut_span(text, *place, label, region.score) for label in region.labels]
    return spans


def read_region(result, choices):
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
    claim = value.get("text")
    score = result.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        choices.note("scores that are not between 0 and 1 left out", score is not None)
        score = None
    return [Region(start, end, labels, claim if isinstance(claim, str) else None, score)] if labels else []


def choose_count(text, regions, choices):
    """The ruler for a task's offsets: the first that agrees with its regions' texts, or the one asked for."""
    if choices.offsets != "auto":
        return Ruler(text, choices.offsets)
    counts = ["codepoints", *["utf16"] * has_astral(text)]
    ruler = choose_ruler(text, counts, regions, agrees).ruler
    choices.note(f"tasks whose offsets count {COUNTS['utf16']}", ruler.count == "utf16")
    if len(counts) > 1 and any(region.text is None for region in regions):
        choices.note(
            f"tasks with regions without text, whose offsets were read as {COUNTS[ruler.count]} (--offsets settles it)"
        )
    return ruler


def agrees(ruler, region):
    """Whether the offsets cut out what the region says, white space apart."""
    place = ruler.cut(region.start, region.end)
    if place is None:
        return False
    return region.text is None or squash(region.text) == squash(ruler.text[slice(*place)])


def squash(text):
    return WHITE.sub(" ", text).strip(" ")


def report_text(text, place, region, choices):
    """Raise UnexpectedValue for a region whose text is not what its offsets cut out, or count it."""
    if choices.offsets != "auto":
        choices.note("regions whose text is not what their offsets cut out")
        return
    cut = describe_value(text[slice(*place)])
    raise UnexpectedValue(
        f"{describe_value(region.text)} for {region.start}..{region.end}, which is {cut}",
        "the text that the offsets cut out (--offsets codepoints or utf16 takes the offsets' word for it)",
    )


def write_labelstudio(file, documents, choices, form="labelstudio"):
    """Write the documents as tasks, a line each, to an open text file."""
    number = 0
    for number, document in enumerate(documents, 1):
        file.write(("[\n" if number == 1 else ",\n") + dump_row(build_task(document, choices, form)))
    file.write("\n]\n" if number else "[]\n")


def build_task(document, choices, form) -> dict:
    """The task of a document, with its spans as an annotation or as a prediction."""
    extras = ("scores", "meta") if form == "labelstudio-predictions" else ("meta",)
    spans = fit_spans(document, Limits("Label Studio", overlaps=True, extras=extras), choices)
    results = [build_result(document, span, f"s{number}", form) for number, span in enumerate(spans, 1)]
    entry: dict = {"result": results}
    if form == "labelstudio-predictions":
        scores = [span.score for span in spans if span.score is not None]
        lowest = {"score": min(scores)} if scores and len(scores) == len(spans) else {}
        entry = {"model_version": MODEL_VERSION, **lowest, **entry}
    return {"data": {"text": document.text, "id": document.id} | list_extras(document), KINDS[form]: [entry]}


def build_result(document, span, id, form) -> dict:
    text = document.text[span.start : span.end]
    value = {"start": span.start, "end": span.end, "text": text, "labels": [span.label]}
    result = {"id": id, "from_name": FROM_NAME, "to_name": TO_NAME, "type": "labels", "value": value}
    has_score = form == "labelstudio-predictions" and span.score is not None
    return result | ({"score": span.score} if has_score else {})
