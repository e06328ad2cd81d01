"""JSON lines of spans from another system, laid over gold sentences."""

import pytest
from patent_data import write_lines

from cbpner.base.errors import InputError
from cbpner.scoring.answers import flatten_spans, read_answers
from cbpner.text.bio import Sentence
from cbpner.text.labels import TagSpan

TEXTS = ("HER2阳性乳腺癌。", "😀基因BRCA1", "无")
GOLD = [Sentence(text, ("O",) * len(text)) for text in TEXTS]
GENE = {"start": 0, "end": 4, "label": "gene"}


def read(tmp_path, *objects, gold=GOLD, **options):
    return read_answers(write_lines(tmp_path / "answers.jsonl", objects), gold, **options)


def answer(text, *spans):
    return {"text": text, "spans": list(spans)}


@pytest.mark.parametrize("objects, spans, notes", [
    (  # an object a sentence, in order
        [answer(TEXTS[0], GENE, {"start": 6, "end": 9, "label": "disease"}), "",
         answer(TEXTS[1], {"start": 3, "end": 8, "label": "gene", "text": "BRCA1"}), answer(TEXTS[2])],
        [[(0, 4, "gene"), (6, 9, "disease")], [(3, 8, "gene")], []], [],
    ),
    (  # a span over a sentence's end is cut as the gold is
        [answer("\n".join(TEXTS), {"start": 6, "end": 13, "label": "gene"}, [10, 11, "disease"])],
        [[(6, 10, "gene")], [(0, 2, "gene")], []], ["1 span(s)"] * 2,
    ),
    (  # objects that name their sentence
        [{"index": 1, "spans": [[1, 3, "gene"]]}, {"index": 0, "text": TEXTS[0], "spans": []}],
        [[], [(1, 3, "gene")], []], ["1 sentence(s) have no object: no spans there"],
    ),
    (  # overlapping spans stay, and the same span counts once
        [{"index": 0, "spans": [GENE, {"start": 0, "end": 6, "label": "gene"}, GENE]}],
        [[(0, 4, "gene"), (0, 6, "gene")], [], []],
        ["2 sentence(s)", "1 span(s) given twice: counted once", "1 sentence(s) with overlapping spans"],
    ),
])  # fmt: skip
def test_objects_are_laid_over_the_sentences(tmp_path, objects, spans, notes):
    found = read(tmp_path, *objects)
    assert found.spans == spans
    assert [note[: len(begin)] for note, begin in zip(found.notes, notes, strict=True)] == notes


@pytest.mark.parametrize("between", ["", "\n", " \r\n "])
def test_a_document_of_several_sentences(tmp_path, between):
    shift = len(TEXTS[0]) + len(between)
    first = answer(between.join(TEXTS[:2]) + "\n", GENE, {"start": shift + 3, "end": shift + 8, "label": "gene"})
    found = read(tmp_path, first, answer(TEXTS[2]))
    assert found.spans == [[(0, 4, "gene")], [(3, 8, "gene")], []] and not found.notes


@pytest.mark.parametrize("key", ["spans", "entities", "predictions"])
@pytest.mark.parametrize("label", ["label", "entity_group", "type", "entity"])
def test_usual_names_of_keys(tmp_path, key, label):
    found = read(tmp_path, {"index": 0, key: [{"start": 0, "end": 4, label: "gene", "score": 0.9, "word": "her2"}]})
    assert found.spans[0] == [(0, 4, "gene")]


def test_labels_are_renamed_and_hold_no_white_space(tmp_path):
    spans = [{**GENE, "label": "Gene Product"}, {"start": 6, "end": 9, "label": "Cell  line"}]
    found = read(tmp_path, {"index": 0, "spans": spans}, renamed={"Gene Product": "gene"})
    assert found.spans[0] == [(0, 4, "gene"), (6, 9, "Cell_line")]


def test_white_space_can_be_a_sentence(tmp_path):
    gold = [Sentence("基因", ("O", "O")), Sentence(" ", ("O",)), Sentence("癌", ("O",))]
    found = read(tmp_path, answer("基因\n \n癌", {"start": 5, "end": 6, "label": "disease"}), gold=gold)
    assert found.spans == [[], [], [(0, 1, "disease")]]
    assert read(tmp_path, answer("基因\n "), answer("癌"), gold=gold).spans == [[], [], []]


@pytest.mark.parametrize(("objects", "words"), [
    (["{"], ":1: "),
    ([{"spans": []}], ":1: |`text`|`index`"),
    ([{"text": 1, "spans": []}], ":1: |`text`"),
    ([answer("HER3阳性乳腺癌。")], ":1: |'3阳性乳腺癌。' at character 3|'2阳性乳腺癌。'|sentence 0"),
    ([answer("HER2")], ":1: |character 4|'阳性乳腺癌。'"),
    ([answer(TEXTS[0] + "多")], ":1: |'多' at character 10|'😀基因BRCA1'|sentence 1"),
    ([answer(TEXTS[0]), answer(TEXTS[2])], ":2: |'无' at character 0|sentence 1"),
    ([answer("\n".join(TEXTS) + "多")], ":1: |3 sentences"),
    ([{"index": 0, "text": TEXTS[0] + "多", "spans": []}], ":1: |'多' at character 10"),
    ([answer(TEXTS[0])], "1 of the gold's 3|number 1"),
    ([{"index": 3, "spans": []}], ":1: |index 3|0 to 2"),
    ([{"index": True, "spans": []}], ":1: |True"),
    ([{"index": 0, "spans": []}, answer(TEXTS[0])], ":2: |sentence 0"),
    ([{"index": 0}], ":1: |spans, entities, predictions"),
    ([{"index": 0, "spans": {}}], ":1: |spans"),
    ([{"index": 0, "spans": ["HER2"]}], ":1: span 1: |'HER2'"),
    ([{"index": 0, "spans": [GENE, {"start": 0, "end": 4}]}], ":1: span 2: |None"),
    ([{"index": 0, "spans": [[0, 4, " "]]}], "label ' '"),
    ([{"index": 0, "spans": [[0, 11, "gene"]]}], "start 0 and end 11|<= 10"),
    ([{"index": 0, "spans": [[4, 4, "gene"]]}], "start 4 and end 4"),
    ([{"index": 0, "spans": [["0", 4, "gene"]]}], "start '0'"),
    ([{"index": 0, "spans": [{**GENE, "text": "HER"}]}], "'HER'|'HER2'"),
    ([""], "no object"),
])  # fmt: skip
def test_what_does_not_fit_is_named_with_its_line(tmp_path, objects, words):
    with pytest.raises(InputError, match="answers.jsonl") as caught:
        read(tmp_path, *objects)
    assert not [word for word in words.split("|") if word not in str(caught.value)]
    with pytest.raises(InputError, match="b.jsonl"):
        read_answers(tmp_path / "b.jsonl", GOLD)


def test_of_overlapping_spans_the_longest_makes_the_tags():
    spans = [TagSpan(0, 2, "gene"), TagSpan(1, 4, "disease"), TagSpan(4, 5, "protein"), TagSpan(4, 5, "gene")]
    assert flatten_spans(spans, 6) == ["O", "B-disease", "I-disease", "I-disease", "B-gene", "O"]
    assert flatten_spans([TagSpan(0, 2, "gene"), TagSpan(1, 3, "gene")], 3) == ["B-gene", "I-gene", "O"]
