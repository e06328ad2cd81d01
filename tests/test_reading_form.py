"""How text out of PDFs and pages is read, and that what is found there is located in the text as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbpner.text.reading_form import LAYOUTS, make_reading_form

PIECES = [*"卵巢癌⾁ﬁ𝛼Ａ \n&<😀。", "VE", "GF", "inter-", "&alpha;", "<sub>", "</sub>"]


def read(text, layout="auto"):
    form = make_reading_form(text, layout)
    return text if form is None else form.text


@pytest.mark.parametrize("text, expected", [
    ("卵巢\n癌", "卵巢癌"),
    ("VE\nGF与IL-\n6", "VEGF与IL-6"),
    ("inter-\nleukin", "interleukin"),
    ("growth\nfactor", "growth factor"), ("卵\n\f巢癌", "卵巢癌"), ("卵\n\f1. 癌", "卵\n\f1. 癌"),  # a page's end
    ("卵 巢 癌", "卵巢癌"),
    ("治疗癌症。\n另一句", "治疗癌症。\n另一句"),  # a sentence ends there
    ("治疗\n1. 一种抗体", "治疗\n1. 一种抗体"),  # an item begins there
    ("EGFR 抑制剂", "EGFR 抑制剂"), ("    卵\n    巢癌", "    卵巢癌"), ("卵\n    巢癌", "卵\n    巢癌"),
])  # fmt: skip
def test_text_of_a_pdf(text, expected):
    assert read(text, "pdf") == expected
    assert read(text, "plain") == text


@pytest.mark.parametrize("text, expected", [
    ("⾁瘤用⻩芪，Avastin™", "肉瘤用黄芪，Avastin™"),
    ("⼀ 种⽤ 于 治 疗", "一种用于治疗"),
    ("TNF-𝛼，ﬁbrin，ＥＧＦＲ，10²", "TNF-α，fibrin，EGFR，10²"),
    ("H<sub>2</sub>O，TGF-&beta;1，&#945;，&foo;，a<b", "H2O，TGF-β1，α，&foo;，a<b"),
    ("乳腺癌 肺癌", "乳腺癌 肺癌"),  # one space says nothing
    ("卵巢\n癌", "卵巢\n癌"),  # nor does one line break
])  # fmt: skip
def test_signs_that_a_text_shows_are_enough(text, expected):
    assert read(text) == expected


def test_lines_of_one_width_are_joined():
    line, mixed = "本发明涉及一种用于治疗卵巢癌的融合蛋白及其制", "抗体与EGFR（ErbB-1，HER1）结合，抑制human A431 cell"
    for each in (line, mixed):
        assert read("\n".join([each] * 8) + "备。\n权利要求书") == each * 8 + "备。\n权利要求书"
    for other in ([line[:15]] * 8, [line] * 8 + [line * 3 + "。"] * 6):  # narrower than a page; beyond its width
        assert read("\n".join(other)) == "\n".join(other)


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join), st.sampled_from(LAYOUTS))
def test_every_character_is_located_in_order(text, layout):
    form = make_reading_form(text, layout)
    if form is None:
        return
    places = [form.locate(place, place + 1) for place in range(len(form.text))]
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert all(first <= second for first, second in zip(places, places[1:], strict=False))
    unread = set(range(len(text))) - {place for start, end in places for place in range(start, end)}
    assert {text[place] for place in unread} <= set(" \n-<>/sub")  # nothing else is left out


def test_another_layout_is_refused():
    with pytest.raises(ValueError, match="layout"):
        make_reading_form("", "columns")
