"""Patents from pages, plain text, JSON lines and Parquet; numbers and dates; and every kind of bad input."""

import gzip
import json
import re
import tracemalloc
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import GOLD, needs_gold

from cbpner.base.errors import InputError
from cbpner.corpora import records, sources
from cbpner.corpora.document import (
    PatentDocument,
    find_numbers,
    load_gold_numbers,
    normalize_number,
    parse_date,
    parse_number,
)
from cbpner.corpora.sources import BadInput, Fields, read_documents

HEAD = """<meta charset="utf-8"><meta name="DC.title" content="
  一种试剂盒
"><meta name="DC.date" content="2014-01-02" scheme="dateSubmitted">
<meta name="DC.date" content="2016-05-25" scheme="issue">
<meta name="citation_patent_publication_number" content="CN:905611940:A">
<link rel="canonical" href="https://patents.google.com/patent/CN905611940A/zh">"""
CITATIONS = """<table><tr itemprop="backwardReferences"><td><span itemprop="publicationNumber">CN1234567A</span></td>
<td itemprop="publicationDate">2001-01-01</td><td itemprop="title">别的专利</td></tr></table>"""
SERVED = f"""<!DOCTYPE html><html lang="zh"><head>
<title>CN905611940A - 一种试剂盒 - Google Patents</title>{HEAD}</head><body>
<article itemscope><h1 itemprop="pageTitle">CN905611940A - 一种试剂盒 - Google Patents</h1>{CITATIONS}
<span itemprop="title">一种试剂盒</span>
<dl><dt>Publication number</dt><dd itemprop="publicationNumber">CN905611940A</dd></dl>
<time itemprop="priorityDate" datetime="2014-01-01">2014-01-01</time>
<time itemprop="publicationDate" datetime="2016-05-25">2016-05-25</time>
<section itemprop="family" itemscope><h1>Family</h1><h2>ID=56019847</h2>{CITATIONS}</section>
<section itemprop="abstract" itemscope><h2>Abstract</h2><div itemprop="content" html>
<div class="abstract">本发明公开了
  一种试剂盒。</div></div></section>
<section itemprop="description" itemscope><h2>Description</h2><div itemprop="content" html><div class="description">
<heading>技术领域</heading><div class="description-paragraph" num="0001">[0001] 检测 CO<sub>2</sub> 与 A &lt; B 的
<i>BRCA1</i>基因。<!-- 注 --></div><script>var x = 1;</script>
<table><tr><th>组别</th><th>例数</th></tr><tr><td>对照</td><td><p>40</p></td></tr></table>
<div class="description-paragraph">第一行<br>第二行</div></div></div></section>
<section itemprop="claims" itemscope><h2>Claims (<span itemprop="count">2</span>)</h2><div itemprop="content" html>
<div class="claims"><div class="claim"><div class="claim" num="00001"><div class="claim-text">1.一种试剂盒，包括：
<div class="claim-text">(1)引物；</div><div class="claim-text">(2)probe</div><div class="claim-text">set。</div>
</div></div></div><div class="claim-dependent"><div class="claim" num="00002"><div class="claim-text">2.根据<claim-ref>
权利要求1</claim-ref>所述。</div></div></div></div></div></section>{CITATIONS}</article></body></html>"""
EXPECTED = PatentDocument(
    number="CN905611940A",
    date=20160525,
    title="一种试剂盒",
    abstract="本发明公开了一种试剂盒。",
    claims="1.一种试剂盒，包括：(1)引物；(2)probe set。\n2.根据权利要求1所述。",
    description="技术领域\n[0001] 检测 CO2 与 A < B 的 BRCA1基因。\n组别\t例数\n对照\t40\n第一行\n第二行",
    family="56019847",
)


def pair(original, translation):
    return (
        f'<span class="notranslate"> <span class="google-src-text">{original}</span> <b>The</b> {translation}</span> '
    )


TRANSLATED = f"""<html><head><meta name="DC.title" content="A kit"></head><body><article>
<dd itemprop="publicationNumber">CN905611940A</dd><h2 itemprop="title">A kit</h2>
<section itemprop="abstract"><h2>Abstract</h2>
<aside>Translated from <span itemprop="translatedLanguage">Chinese</span></aside><div itemprop="content" html>
<abstract lang="EN">{pair("本发明公开了一种", "invention")}{pair("试剂盒。", "kit.")}</abstract></div></section>
<section itemprop="claims"><h2>Claims (2)</h2><div itemprop="content"><claims lang="EN">
<claim num="1"><claim-text>{pair("1.一种试剂盒，<br/>包括：", "kit")}
<claim-text>{pair("引物。", "primer")}</claim-text></claim-text></claim>
<claim num="2"><claim-text>{pair("2.根据权利要求1。", "of claim 1")}</claim-text></claim></claims></div></section>
<section itemprop="description"><h2>Description</h2><div itemprop="content"><description>
<technical-field><p num="0001">{pair("本发明属于生物技术。", "field")}</p></technical-field>
<p>[0002] {pair("检测BRCA1 exon 2。", "exon")}</p></description></div></section></article></body></html>"""
RENDERED = """<!-- saved from url=(0048)https://patents.google.com/patent/CN905611940A/zh -->
<html><head><link rel="canonical" href="https://patents.google.com/patent/CN905611940A/zh"></head><body>
<search-app class="style-scope"><patent-result><h2 id="pubnum" class="style-scope patent-result">CN905611940A</h2>
<h1 id="title" class="scroll-target style-scope patent-result">一种试剂盒</h1>
<section id="abstract" class="style-scope patent-result"><h3>Abstract</h3><patent-text name="abstract">
<div class="layout style-scope patent-text"><section class="style-scope patent-text">
<div class="abstract style-scope patent-text">本发明公开了一种试剂盒。</div></section></div></patent-text></section>
<section id="text"><section id="description"><h3>Description</h3><patent-text name="description">
<div class="description style-scope patent-text">
<div class="description-paragraph style-scope patent-text">第一段。</div>
<div class="description-paragraph style-scope patent-text">第二段。</div></div></patent-text></section>
<section id="claims"><h3>Claims (<span>1</span>)</h3><patent-text name="claims">
<div class="claims style-scope patent-text">
<div class="claim style-scope patent-text">
<div class="claim-text style-scope patent-text">1.一种试剂盒。</div></div></div>
</patent-text></section></section><button>Download PDF</button></patent-result></search-app></body></html>"""


def read(path, text, **options):
    """(documents without their source, reasons) of one file."""
    data = text if isinstance(text, bytes) else text.encode("utf-8")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    bad = []
    found = list(read_documents([path], bad=bad, **options))
    assert all(document.source.startswith(str(path)) for document in found)
    return [clear(document) for document in found], bad


def clear(document):
    values = {name: getattr(document, name) for name in PatentDocument.__dataclass_fields__}
    return PatentDocument(**{**values, "source": ""})


def read_one(path, text, **options):
    found, bad = read(path, text, **options)
    assert (len(found), bad) == (1, [])
    return found[0]


def fail(path, text, words):
    """One file of which nothing is read; the reason is in the error at the end too."""
    bad = []
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    with pytest.raises(InputError, match="no patent in 1 file.*expected saved Google Patents pages") as caught:
        list(read_documents([path], bad=bad))
    assert [fault.source for fault in bad] == [str(path)]
    assert re.search(words, bad[0].reason), bad[0].reason
    assert bad[0].reason in str(caught.value)


# Pages


@pytest.mark.parametrize("name", ["page.html", "page.HTM", "page.html.gz"])
def test_served_page(tmp_path, name):
    assert read_one(tmp_path / name, SERVED) == EXPECTED


def test_translated_page_gives_the_original_and_no_translated_title(tmp_path):
    assert read_one(tmp_path / "page.html", TRANSLATED) == PatentDocument(
        number="CN905611940A",
        abstract="本发明公开了一种试剂盒。",
        claims="1.一种试剂盒，包括：引物。\n2.根据权利要求1。",
        description="本发明属于生物技术。\n[0002] 检测BRCA1 exon 2。",
    )


def test_translation_beside_its_original_without_a_wrapper(tmp_path):
    page = SERVED.replace("第一行<br>", '<span class="google-src-text style-scope">第一行</span>The first line ')
    assert "第一行" in read_one(tmp_path / "page.html", page).description
    assert "first" not in read_one(tmp_path / "page.html", page).description


def test_rendered_page(tmp_path):
    assert read_one(tmp_path / "一种试剂盒 - Google Patents.html", RENDERED) == PatentDocument(
        number="CN905611940A",
        title="一种试剂盒",
        abstract="本发明公开了一种试剂盒。",
        claims="1.一种试剂盒。",
        description="第一段。\n第二段。",
    )


@pytest.mark.parametrize(
    "mark",
    [
        '<dd itemprop="publicationNumber">CN 905611940 A</dd>',
        '<meta name="citation_patent_publication_number" content="CN:905611940:A">',
        '<meta name="citation_patent_number" content="CN905611940A">',
        '<link rel="canonical" href="https://patents.google.com/patent/CN905611940A/zh?oq=x">',
        '<meta property="og:url" content="https://patents.google.com/patent/CN905611940A/en">',
        '<h2 id="pubnum">CN905611940A</h2>',
        "<!-- saved from url=(0048)https://patents.google.com/patent/CN905611940A/zh -->",
        "<title>CN905611940A - 检测CN1234567A - Google Patents</title>",
    ],
)
def test_number_of_a_page(tmp_path, mark):
    page = f'{mark}<body>{CITATIONS}<div class="description">本发明</div></body>'
    assert read_one(tmp_path / "x.html", page) == PatentDocument(number="CN905611940A", description="本发明")


def test_a_page_without_number_takes_its_name(tmp_path):
    page = '<section itemprop="description"><h2>Description</h2><p>本发明</p></section>'
    assert read_one(tmp_path / "CN-905611940-A.html", page).number == "CN905611940A"


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        ('<time itemprop="publicationDate" datetime="2016-05-25"></time>', 20160525),
        ('<dd itemprop="publicationDate">2016-05-25</dd>', 20160525),
        ('<meta name="DC.date" content="2016-05-25">', 20160525),
        ('<meta name="DC.date" content="2016-05-25" scheme="issue">', 20160525),
        ('<meta name="DC.date" content="2016-05-25" scheme="dateSubmitted">', None),
        ('<table><tr><td itemprop="publicationDate">2016-05-25</td></tr></table>', None),
    ],
)
def test_date_of_a_page(tmp_path, mark, expected):
    page = f'<h2 id="pubnum">CN905611940A</h2>{mark}<div class="description">本发明</div>'
    assert read_one(tmp_path / "x.html", page).date == expected


def test_preformatted_text_keeps_its_lines_and_white_space_is_collapsed(tmp_path):
    body = "<pre>atgc 60\natgc 120</pre><p>the\n breast \t cancer</p><p>乳\n腺 癌</p><ul><li>一</li><li>二</li></ul>"
    page = f'<h2 id="pubnum">CN905611940A</h2><div class="description">{body}</div>'
    expected = "atgc 60\natgc 120\nthe breast cancer\n乳腺 癌\n一\n二"
    assert read_one(tmp_path / "x.html", page).description == expected


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "gb2312", "utf-8-sig", "utf-16"])
def test_encodings_of_pages(tmp_path, encoding):
    page = SERVED.replace('charset="utf-8"', f'charset="{encoding}"')
    assert read_one(tmp_path / "page.html", page.encode(encoding)) == EXPECTED


def test_utf8_behind_a_wrong_declaration_and_gb18030_behind_none(tmp_path):
    page = SERVED.replace('charset="utf-8"', 'charset="gb2312"')
    assert read_one(tmp_path / "page.html", page) == EXPECTED
    page = SERVED.replace('charset="utf-8"', 'charset="no-such-thing"')
    assert read_one(tmp_path / "page.html", page.encode("gb18030")) == EXPECTED


def test_xml_declaration_and_null_characters(tmp_path):
    page = '<?xml version="1.0" encoding="utf-8"?>\n' + SERVED.replace("技术领域", "技术\x00领域")
    assert read_one(tmp_path / "page.html", page) == EXPECTED


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("<html><body><p>新闻</p></body></html>", "no patent: found neither a publication number"),
        ('<html><body><div class="description">一个商品的描述</div></body></html>', "no patent"),
        ('<link rel="canonical" href="https://x.org/CN905611940A"><div class="description">博客</div>', "no patent"),
        ("新闻，没有标记", "no patent"),
        ('<html><dd itemprop="publicationNumber">CN905611940A</dd></html>', "page of CN905611940A without text"),
        ("<!-- -->", "no patent|no HTML"),
        ("", "empty"),
        ("  \n", "empty"),
    ],
)
def test_pages_that_are_no_patents(tmp_path, page, words):
    fail(tmp_path / "page.html", page, words)


def test_deep_nesting(tmp_path):
    page = SERVED.replace("第二行", "<span>" * 5000 + "第二行" + "</span>" * 5000)
    assert read_one(tmp_path / "page.html", page).description.startswith("技术领域")


# Plain text


@pytest.mark.parametrize(
    ("name", "number", "day"),
    [
        ("2016-05-25-CN905611940A-plain.txt", "CN905611940A", 20160525),
        ("10_2015-12-30-CN905209881A-plain.txt", "CN905209881A", 20151230),
        ("HG-1-2017-12-22-CN907496939A-plain.txt", "CN907496939A", 20171222),
        ("HG-12-2017-08-04-CN907012206B-plain.txt.gz", "CN907012206B", 20170804),
        ("CN905611940A.txt", "CN905611940A", None),
        ("cn-905611940-a plain.TXT", "CN905611940A", None),
        ("notes on genes.txt", "notes on genes", None),
        ("2016-13-25-CN905611940A-plain.txt", "CN905611940A", None),
    ],
)
def test_plain_file_names(tmp_path, name, number, day):
    found = read_one(tmp_path / name, "本发明涉及基因。\n")
    assert found == PatentDocument(number=number, date=day, description="本发明涉及基因。")


@pytest.mark.parametrize(
    "headings",
    [
        ("Abstract", "Claims", "Description"),
        ("ABSTRACT:", "claims ", "Descrptions"),
        ("摘要", "权利要求书", "说明书"),
        ("【摘 要】", "权 利 要 求 书", "说　明　书："),
        ("说明书摘要", "权利要求", "说明书"),
    ],
)
def test_plain_text_is_split_at_its_headings(tmp_path, headings):
    text = "{}\n一种试剂盒。\n{}\n1.一种\n2.根据\n{}\n技术领域\n\n本发明\n".format(*headings)
    expected = PatentDocument(
        number="x", abstract="一种试剂盒。", claims="1.一种\n2.根据", description="技术领域\n\n本发明"
    )
    assert read_one(tmp_path / "x.txt", text) == expected
    assert read_one(tmp_path / "x.txt", text.replace("\n", "\r\n")) == expected
    assert read_one(tmp_path / "x.txt", "一种试剂盒\n" + text).title == "一种试剂盒"


def test_headings_come_again_on_every_page(tmp_path):
    text = "权利要求书\n1.一种\n权利要求书\n2.根据\n说明书\n第一页\n说明书\n第二页"
    found = read_one(tmp_path / "x.txt", text)
    assert (found.claims, found.description) == ("1.一种\n2.根据", "第一页\n第二页")


def test_text_without_headings_is_description_whole(tmp_path):
    text = "一种试剂盒\n\n如说明书所述的摘要。\nClaims of others"
    assert read_one(tmp_path / "x.txt", text).description == text
    assert read_one(tmp_path / "x.txt", f"{text}\n说明书\n本发明").description == f"{text}\n本发明"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_encodings_of_plain_text(tmp_path, encoding):
    assert read_one(tmp_path / "x.txt", "乳腺癌β𠀀α".encode(encoding)).description == "乳腺癌β𠀀α"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        ("\ufeff \n\n".encode(), "no text in it"),
        (b"Abstract\nClaims\n", "no text in it"),
        ("乳腺癌".encode() * 50 + b"\xe4\xb9", r"damaged UTF-8 \(1 places, first byte 0xe4 at 450\)"),
        ("naïve café à la carte".encode("latin-1"), "neither UTF-8 nor gb18030"),
        (bytes(range(256)) * 4, "neither UTF-8 nor gb18030"),
        (b"\xff\xfe\x00", "neither UTF-8 nor utf-16"),
    ],
)
def test_bad_plain_text(tmp_path, data, words):
    fail(tmp_path / "x.txt", data, words)


def test_a_file_too_large_for_one_patent(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MAX_BYTES", 10)
    fail(tmp_path / "x.txt", "乳腺癌的基因", "over 0 MiB; expected a patent a file")


def test_broken_gzip(tmp_path):
    fail(tmp_path / "x.txt.gz", b"no gzip at all", "cannot be read")
    fail(tmp_path / "y.txt.gz", gzip.compress("乳腺癌".encode() * 99)[:-9], "cannot be read")


# JSON lines


row_reader = records.RowReader


def lines(*rows):
    return "".join((row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n" for row in rows)


@pytest.mark.parametrize("name", ["x.jsonl", "x.ndjson", "x.json", "x.jsonl.gz"])
def test_json_lines(tmp_path, name):
    row = {"publication_number": "CN-905611940-A", "publication_date": "20160525", "text": "本发明", "family_id": "7"}
    other = {"text": "基因\n疾病", "publication_date": 20170101, "publication_number": "CN1234567", "family_id": "-1"}
    found, bad = read(tmp_path / name, lines(row, "", other))
    assert found == [
        PatentDocument(number="CN905611940A", date=20160525, description="本发明", family="7"),
        PatentDocument(number="CN1234567", date=20170101, description="基因\n疾病"),
    ]
    assert bad == []


def test_source_names_file_and_line(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(lines({"id": "a", "text": "一"}, "", {"id": "b", "text": "二"}))
    assert [document.source for document in read_documents([path])] == [f"{path}:1", f"{path}:3"]


def localized(*texts):
    return [{"text": text, "language": language, "truncated": False} for text, language in texts]


BIGQUERY = {
    "publication_number": "CN-905611940-A",
    "country_code": "CN",
    "family_id": "56019847",
    "publication_date": 20160525,
    "title_localized": localized(("A kit", "en"), ("一种试剂盒", "zh")),
    "abstract_localized": localized(("本发明", "zh-CN"), ("The invention", "en")),
    "claims_localized": [],
    "description_localized": localized(("Only English", "en")),
}
FROM_BIGQUERY = PatentDocument(
    number="CN905611940A",
    date=20160525,
    title="一种试剂盒",
    abstract="本发明",
    description="Only English",
    family="56019847",
)


def test_localized_fields_give_the_chinese_text(tmp_path):
    assert read_one(tmp_path / "x.jsonl", lines(BIGQUERY)) == FROM_BIGQUERY


def test_a_list_of_texts_and_one_localized_text(tmp_path):
    row = {"id": "a", "claims": ["1.一种", "2.根据", None], "abstract": {"text": "摘", "language": "zh"}}
    assert read_one(tmp_path / "x.jsonl", lines(row)) == PatentDocument("a", claims="1.一种\n2.根据\n", abstract="摘")


def test_fields_by_other_names(tmp_path):
    row = {"nr": 17, "day": "2016-05-25", "body text": "本发明", "t": "题", "text": "不是这个", "g": 5}
    fields = Fields(id="nr", date="day", text="body text", title="t", family="g")
    found = read_one(tmp_path / "x.jsonl", lines(row), fields=fields)
    assert found == PatentDocument("17", 20160525, title="题", description="本发明", family="5")


def test_a_named_text_is_the_text_whatever_else_has_a_usual_name(tmp_path):
    row = {"id": "a", "body2": "本发明", "description": "述", "abstract": "摘", "title": "题"}
    found = read_one(tmp_path / "x.jsonl", lines(row), fields=Fields(text="body2", abstract="abstract"))
    assert found == PatentDocument("a", title="题", abstract="摘", description="本发明")


def test_one_field_in_two_roles(tmp_path):
    row = {"id": "a", "description": "本发明"}
    fields = Fields(text="description", claims="description")
    assert read_one(tmp_path / "x.jsonl", lines(row), fields=fields) == PatentDocument("a", description="本发明")
    path = write_parquet(tmp_path / "x.parquet", [row])
    assert clear(*read_documents([path], fields)) == PatentDocument("a", description="本发明")


def test_ever_other_fields_do_not_pile_up(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "MAX_KINDS", 3)
    readers = []
    monkeypatch.setattr(records, "RowReader", lambda *args: readers.append(row_reader(*args)) or readers[0])
    rows = [{"id": str(number), f"x{number}": 1, "text": "本发明"} for number in range(200)]
    found, bad = read(tmp_path / "x.jsonl", lines(*rows))
    assert (len(found), bad) == (200, [])
    assert len(readers[0].roles) == 3 and len(readers[0].names) == 5


def test_usual_names_in_other_spellings(tmp_path):
    row = {"Publication Number": "CN905611940A", "Pub-Date": "2016.05.25", "摘要": "本发明", "权利要求书": "1.一种"}
    found = read_one(tmp_path / "x.jsonl", lines(row))
    assert found == PatentDocument("CN905611940A", 20160525, abstract="本发明", claims="1.一种")


def test_no_text_twice(tmp_path):
    text = "Abstract\n本发明公开了试剂盒。\nClaims\n1.一种试剂盒。\nDescription\n技术领域"
    row = {"id": "a", "text": text, "abstract": "本发明公开了试剂盒。", "title": "试剂盒的名称", "claims": "3.另一种"}
    found = read_one(tmp_path / "x.jsonl", lines(row))
    assert found.title == "试剂盒的名称"
    assert found.abstract == "本发明公开了试剂盒。"
    assert found.claims == "3.另一种\n1.一种试剂盒。"
    assert found.description == "技术领域"


def test_fields_that_a_row_leaves_out(tmp_path):
    """BigQuery's JSON leaves out what is null."""
    rows = {"id": "a", "title": "题", "abstract": "摘"}, {"id": "b", "description": "述"}, {"id": "c", "title": "题"}
    found, bad = read(tmp_path / "x.jsonl", lines(*rows))
    assert [document.number for document in found] == ["a", "b"]
    assert bad == [BadInput(f"{tmp_path / 'x.jsonl'}:3", "no text field among id, title")]


GOOD = {"id": "CN905611940A", "date": "2016-05-25", "text": "本发明"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"id": "a", "text": "本', "broken JSON .Unterminated string.*column"),
        ("not JSON", "broken JSON"),
        ('{"id": "a"} {"id": "b"}', "broken JSON .Extra data"),
        ("[1]", "the line holds a list; expected an object"),
        ("3", "the line holds a number"),
        ("null", "the line holds null"),
        ("[" * 100_000, "broken JSON"),
        ('{"id": "a", "text": ' + "9" * 5000 + "}", "broken JSON"),
        ({**GOOD, "text": 5}, "text is a number; expected text"),
        ({**GOOD, "text": [["a", 1]]}, "text is a number"),
        ({**GOOD, "text": {"a": "b"}}, "text is an object"),
        ({**GOOD, "text": ""}, "no text in text"),
        ({**GOOD, "text": " \n"}, "no text in text"),
        ({**GOOD, "text": None}, "no text in text"),
        ({**GOOD, "id": None}, "id is null; expected a publication number"),
        ({**GOOD, "id": " "}, "id is empty"),
        ({**GOOD, "id": True}, "id is true or false"),
        ({**GOOD, "id": ["CN905611940A"]}, "id is a list"),
        ({**GOOD, "date": "last May"}, "date is 'last May'; expected a date such as 20160525"),
        ({**GOOD, "date": 20161332}, "date is '20161332'"),
        ({**GOOD, "date": [2016]}, "date is '.2016.'"),
        ({**GOOD, "family": 1.5}, "family is a number"),
    ],
)
def test_bad_lines_are_skipped_and_named(tmp_path, line, words):
    path = tmp_path / "x.jsonl"
    found, bad = read(path, lines(GOOD, line, GOOD))
    assert len(found) == 2
    assert [fault.source for fault in bad] == [f"{path}:2"]
    assert re.search(words, bad[0].reason), bad[0].reason


def test_lines_in_another_encoding(tmp_path):
    path = tmp_path / "x.jsonl"
    data = lines(GOOD).encode() + lines(GOOD).encode("gb18030") + lines(GOOD).encode("utf-8-sig")
    found, bad = read(path, data)
    assert len(found) == 2
    assert bad == [BadInput(f"{path}:2", f"no UTF-8 (byte 0xb1 at {lines(GOOD).index('本')})")]


@pytest.mark.parametrize("day", [None, "", 0, "0"])
def test_no_date(tmp_path, day):
    assert read_one(tmp_path / "x.jsonl", lines({**GOOD, "date": day})).date is None


def test_json_that_is_not_lines(tmp_path):
    words = "an array, or objects over several lines; expected an object a line"
    fail(tmp_path / "a.json", json.dumps([GOOD, GOOD]), words)
    fail(tmp_path / "b.json", json.dumps(GOOD, indent=1), words)
    fail(tmp_path / "c.json", "\n" + json.dumps([GOOD], indent=1), words)


def test_a_line_too_long(tmp_path, monkeypatch):
    path = tmp_path / "x.jsonl"
    monkeypatch.setattr(records, "MAX_LINE", 100)
    found, bad = read(path, lines(GOOD, {**GOOD, "text": "x" * 350}, GOOD))
    assert len(found) == 2
    assert [fault.source for fault in bad] == [f"{path}:2"]
    assert "a line of over 0 MiB" in bad[0].reason


def test_gzip_that_breaks_off(tmp_path):
    path = tmp_path / "x.jsonl.gz"
    rows = [{**GOOD, "text": f"{number * 7919 % 10007}" * 20} for number in range(2000)]
    path.write_bytes(gzip.compress(lines(*rows).encode())[:-2000])
    bad = []
    found = list(read_documents([path], bad=bad))
    assert 0 < len(found) < 2000
    assert [fault.source for fault in bad] == [f"{path}:{len(found) + 1}"]
    assert "cannot be read on" in bad[0].reason


def test_no_text_field_in_the_whole_file(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(lines({"id": "a", "titel": "b"}, {"id": "a", "inhalt": "b"}))
    with pytest.raises(
        InputError, match=r"x.jsonl: no field with the text; the fields are id, titel, inhalt; expected "
    ):
        list(read_documents([path]))
    path.write_text(lines(*[{"id": "a", "inhalt": "b"}] * 100) + lines(GOOD))
    with pytest.raises(InputError, match="no field with the text; .*--text-field NAME"):
        list(read_documents([path]))


def test_no_id_field_in_the_whole_file(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(lines({"nr": "a", "text": "b"}))
    with pytest.raises(InputError, match="no field with the publication number; the fields are nr, text"):
        list(read_documents([path]))


def test_a_named_field_that_is_nowhere(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(lines(GOOD))
    with pytest.raises(
        InputError, match="no field 'pub_day', which was to hold the date; the fields are id, date, text"
    ):
        list(read_documents([path], Fields(date="pub_day")))


# Parquet


def write_parquet(path, rows, **options):
    pq.write_table(pa.Table.from_pylist(rows), path, **options)
    return path


def test_parquet(tmp_path):
    rows = [
        BIGQUERY,
        {**BIGQUERY, "publication_number": "CN-1234567-B", "description_localized": localized(("述", "zh"))},
    ]
    path, bad = write_parquet(tmp_path / "x.parquet", rows), []
    found = list(read_documents([path], bad=bad))
    assert [clear(document) for document in found[:1]] == [FROM_BIGQUERY]
    assert [(document.number, document.description, document.source) for document in found[1:]] == [
        ("CN1234567B", "述", f"{path}:2")
    ]
    assert bad == []


def test_parquet_with_lists_wrapped_as_bigquery_does(tmp_path):
    wrapped = {"list": [{"element": each} for each in BIGQUERY["title_localized"]]}
    path = write_parquet(tmp_path / "x.parquet", [{"id": "a", "title_localized": wrapped, "text": "本发明"}])
    assert clear(*read_documents([path])) == PatentDocument("a", title="一种试剂盒", description="本发明")


@pytest.mark.parametrize("day", [date(2016, 5, 25), datetime(2016, 5, 25, 7, 30), 20160525, 20160525.0, "2016-05-25"])
def test_dates_in_parquet(tmp_path, day):
    path = write_parquet(tmp_path / "x.parquet", [{"id": "a", "date": day, "text": "b"}])
    assert [document.date for document in read_documents([path])] == [20160525]


def test_text_as_bytes_and_bad_rows_in_parquet(tmp_path):
    rows = [{"id": "a", "text": "本发明".encode()}, {"id": "b", "text": b"\xff"}, {"id": None, "text": b"x"}]
    path, bad = write_parquet(tmp_path / "x.parquet", rows), []
    assert [document.description for document in read_documents([path], bad=bad)] == ["本发明"]
    assert [fault.source for fault in bad] == [f"{path}:2", f"{path}:3"]
    assert "utf-8" in bad[0].reason and "id is null" in bad[1].reason


def test_parquet_without_the_fields_it_needs(tmp_path):
    path = write_parquet(tmp_path / "x.parquet", [{"id": "a", "inhalt": "b"}])
    with pytest.raises(InputError, match="no field with the text; the fields are id, inhalt"):
        list(read_documents([path]))
    with pytest.raises(InputError, match="no field 'body', which was to hold the text"):
        list(read_documents([path], Fields(text="body")))
    assert [document.description for document in read_documents([path], Fields(text="inhalt"))] == ["b"]


@pytest.mark.parametrize("size", [0, 3, 4, 100, -1, -100])
def test_truncated_parquet(tmp_path, size):
    whole = write_parquet(tmp_path / "whole.parquet", [GOOD] * 50).read_bytes()
    words = "empty|no whole Parquet file .*; it may have been cut off: get it again"
    fail(tmp_path / "x.parquet", whole[:size], words)


def test_parquet_with_a_damaged_page_keeps_the_rows_before_it(tmp_path):
    rows = [{"id": f"CN9{number:08}A", "text": f"第{number}件" * 50} for number in range(256)]
    options = {"row_group_size": 128, "compression": "none", "use_dictionary": False, "write_page_checksum": True}
    path = write_parquet(tmp_path / "x.parquet", rows, **options)
    data, bad = bytearray(path.read_bytes()), []
    data[data.find("第200件".encode())] ^= 1
    path.write_bytes(data)
    found = list(read_documents([path], bad=bad))
    assert [document.number for document in found] == [row["id"] for row in rows[: len(found)]]
    assert 128 <= len(found) < 200
    assert [fault.source for fault in bad] == [str(path)]
    assert f"cannot be read on after row {len(found)}" in bad[0].reason


def test_memory_stays_far_below_a_row_group(tmp_path):
    """20 MB of text in one row group; Arrow's and Python's own memory, each far below that."""
    rows = [{"id": f"CN9{number:08}A", "text": "乳腺癌基因" * 1300 + str(number)} for number in range(1000)]
    options = {"row_group_size": 1000, "data_page_size": 1 << 18, "write_batch_size": 8, "use_dictionary": False}
    path = write_parquet(tmp_path / "x.parquet", rows, compression="none", **options)
    size = path.stat().st_size
    del rows
    before, peak = pa.total_allocated_bytes(), 0
    tracemalloc.start()
    for _ in read_documents([path]):
        peak = max(peak, pa.total_allocated_bytes() - before)
    _, python_peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 19e6
    assert peak < size / 2
    assert python_peak < size / 8


# Files and folders


def test_folders_are_read_in_sorted_order_without_hidden_and_companion_files(tmp_path):
    for name in ("b.txt", "a/z.txt", "a/c/y.txt", ".hidden/x.txt", "a/.x.txt", "p_files/x.txt", "q_files/x.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "p.html").write_text(SERVED)
    bad = []
    found = [Path(document.source).relative_to(tmp_path) for document in read_documents(tmp_path, bad=bad)]
    assert [str(path) for path in found] == ["a/c/y.txt", "a/z.txt", "b.txt", "p.html", "q_files/x.txt"]
    assert bad == []


def test_paths_are_read_in_their_order(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(name)
    found = read_documents([str(tmp_path / "b.txt"), tmp_path])
    assert [document.description for document in found] == ["b", "a", "b"]


def test_unknown_formats_are_reported_once_each(tmp_path):
    for name in ("a.txt", "b.pdf", "c.pdf", "d.PDF", "e", "f.parquet.gz"):
        (tmp_path / name).write_text("x")
    bad = []
    assert len(list(read_documents([tmp_path], bad=bad))) == 1
    assert [fault.source for fault in bad] == [str(tmp_path / name) for name in ("b.pdf", "e", "f.parquet.gz")]
    assert bad[0].reason.startswith("unknown format (.pdf, as have 2 other file(s)); expected saved Google Patents")
    assert bad[1].reason.startswith("unknown format (no suffix); expected")


def test_faults_go_to_a_callable_or_nowhere(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "b.html").write_text("x")
    seen = []
    assert len(list(read_documents([tmp_path], bad=lambda fault: seen.append(fault.source)))) == 1
    assert seen == [str(tmp_path / "b.html")]
    assert len(list(read_documents([tmp_path]))) == 1


def test_a_path_that_does_not_exist_is_an_error_before_anything_is_read(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError, match="nowhere: no such file or folder; expected saved Google Patents pages"):
        read_documents([tmp_path, tmp_path / "nowhere"])


def test_a_folder_without_anything_to_read_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no file of a known format among 0; expected"):
        read_documents([tmp_path])
    (tmp_path / "b.pdf").write_text("x")
    with pytest.raises(InputError, match="no file of a known format among 1; expected"):
        read_documents([tmp_path])


def test_a_file_that_cannot_be_opened_is_skipped(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "b.txt").symlink_to(tmp_path / "gone.txt")
    bad = []
    assert len(list(read_documents([tmp_path], bad=bad))) == 1
    assert "cannot be read" in bad[0].reason


def test_documents_come_as_they_are_read(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(lines(GOOD, "broken"))
    bad = []
    found = read_documents([path], bad=bad)
    next(found)
    assert bad == []
    assert list(found) == [] and len(bad) == 1


# Numbers, dates, the document


@pytest.mark.parametrize(
    "text", ["CN905611940A", "CN-905611940-A", "CN:905611940:A", "CN 905 611 940 A", " cn905611940a "]
)
def test_spellings_of_a_number(text):
    assert parse_number(text) == ("CN", "905611940", "A")
    assert normalize_number(text) == "CN905611940A"
    assert find_numbers(f"见{text}和WO 2013/132376 A1。") == ["CN905611940A", "WO2013132376A1"]


@pytest.mark.parametrize("text", ["", "BRCA1基因", "12345678", "doc-17", "CN", "CN9056A1940A"])
def test_what_is_no_number_stays(text):
    assert parse_number(text) is None
    assert normalize_number(f" {text}\n") == text


def test_numbers_in_text():
    text = "10_2015-12-30-CN905209881A-plain.txt HG-1-2017-12-22-CN907496939A IL-12 US7,650,331B1 CN1234567 EGFR1234567"
    assert find_numbers(text) == ["CN905209881A", "CN907496939A", "US7650331B1", "CN1234567"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (20160525, 20160525),
        ("20160525", 20160525),
        ("2016-05-25", 20160525),
        ("2016-5-25T00:00:00Z", 20160525),
        ("2016年5月25日", 20160525),
        ("2016.05.25", 20160525),
        (20160525.0, 20160525),
        (date(2016, 5, 25), 20160525),
        (datetime(2016, 5, 25, 1), 20160525),
        ("20160231", None),
        ("2016-05-251", None),
        ("2016", None),
        (20160525.5, None),
        (True, None),
        (None, None),
        ("", None),
        ("00010101", None),
    ],
)
def test_dates(value, expected):
    assert parse_date(value) == expected


def test_text_is_the_parts_in_reading_order():
    assert PatentDocument("a", title="t", abstract="\na\n", description="d\n\ne").text == "t\na\nd\n\ne"
    assert PatentDocument("a").text == ""


def test_gold_numbers():
    numbers = load_gold_numbers()
    assert len(numbers) == len(set(numbers)) == 21
    assert [normalize_number(number) for number in numbers] == numbers
    assert all(number.startswith("CN") for number in numbers)


@needs_gold
def test_gold_numbers_are_those_of_the_info_files():
    for path in GOLD.glob("*/train_test_split.info"):
        assert sorted(find_numbers(path.read_text(encoding="utf-8"))) == load_gold_numbers()
