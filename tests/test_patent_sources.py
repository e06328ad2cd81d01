"""Patents from pages, plain text, JSON, CSV and Parquet; numbers and dates; and every kind of bad input."""

import gzip
import json
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import GOLD, needs_gold
from lxml import html as lxml_html

from cbpner.base.errors import Fault, InputError
from cbpner.corpora import document as documents
from cbpner.corpora import sources
from cbpner.corpora.document import PatentDocument, find_numbers, load_gold_numbers, normalize_number, parse_number
from cbpner.corpora.html import extract_text
from cbpner.corpora.sources import read_patents

PAGES = Path(__file__).parent / "data" / "patent_pages"
NAMES = ("served", "translated", "rendered")
SERVED, TRANSLATED, RENDERED = ((PAGES / f"{name}.html").read_text(encoding="utf-8") for name in NAMES)
EXPONENTS = {  # as the page has it: as it is read
    "10<sup>6</sup>个": "10^6个", "10<sup>-6</sup>M": "10^-6M", "10<sup><b>n</b></sup>": "10^n",
    "CD4<sup>+</sup>": "CD4+", "Ca<sup>2+</sup>": "Ca2+", "m<sup>2</sup>": "m2", "2<sup>nd</sup>": "2nd",
}  # fmt: skip
CITATIONS = """<table><tr itemprop="backwardReferences"><td><span itemprop="publicationNumber">CN1234567A</span></td>
<td itemprop="publicationDate">2001-01-01</td><td itemprop="title">别的专利</td></tr></table>"""
EXPECTED = PatentDocument(
    "CN905611940A", 20160525, "一种试剂盒", "本发明公开了一种试剂盒。", family="56019847",
    claims="1.一种试剂盒，包括：(1)引物；(2)probe set。\n2.根据权利要求1所述。",
    description="技术领域\n[0001] 检测 CO2 与 A < B 的 BRCA1基因。\n组别\t例数\n对照\t40\n第一行\n第二行",
)  # fmt: skip


def read(path, data=None, fields=None):
    """(patents without their source, faults) of one file with this content."""
    if data is not None:
        data = data if isinstance(data, bytes) else data.encode("utf-8")
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    found = list(read_patents([path], fields))
    patents = [each for each in found if not isinstance(each, Fault)]
    assert all(patent.source.startswith(str(path)) for patent in patents)
    return [replace(patent, source="") for patent in patents], [each for each in found if isinstance(each, Fault)]


def read_one(path, data=None, fields=None):
    found, faults = read(path, data, fields)
    assert (len(found), faults) == (1, [])
    return found[0]


def fail(path, data, found=""):
    """A file of which nothing is read: one fault, which the error at the end repeats."""
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
    patents = read_patents([path])
    fault = next(patents)
    assert (fault.path, isinstance(fault, Fault), found in fault.found) == (str(path), True, True), fault
    with pytest.raises(InputError) as caught:
        next(patents)
    assert str(fault) in str(caught.value)


def test_translated_and_rendered_pages(tmp_path):
    expected = PatentDocument(number="CN905611940A", abstract="本发明公开了一种试剂盒。")
    claims = "1.一种试剂盒，包括：引物。\n2.根据权利要求1。"
    description = "本发明属于生物技术。\n[0002] 检测BRCA1 exon 2。"
    found = read_one(tmp_path / "page.html", TRANSLATED)  # the original, and no translated title
    assert found == replace(expected, claims=claims, description=description)
    found = read_one(tmp_path / "一种试剂盒 - Google Patents.html", RENDERED)
    assert found == replace(expected, title="一种试剂盒", claims="1.一种试剂盒。", description="第一段。\n第二段。")
    page = SERVED.replace("第一行<br>", '<span class="google-src-text style-scope">第一行</span>The first line ')
    found = read_one(tmp_path / "page.html", page).description
    assert "第一行" in found and "first" not in found


def test_text_of_a_page(tmp_path):
    """Preformatted lines stay, white space is collapsed; null characters, deep nesting, a number in the file's name."""
    body = "<pre>atgc 60\natgc 120</pre><p>the\n breast \t cancer</p><p>乳\n腺 癌</p><ul><li>一</li><li>二</li></ul>"
    page = f'<section itemprop="description"><h2>Description</h2>{body}</section>'
    expected = PatentDocument("CN905611940A", description="atgc 60\natgc 120\nthe breast cancer\n乳腺 癌\n一\n二")
    assert read_one(tmp_path / "CN-905611940-A.html", page) == expected
    page = '<?xml version="1.0" encoding="utf-8"?>\n' + SERVED.replace("技术领域", "技术\x00领域")
    assert read_one(tmp_path / "page.html", page) == EXPECTED
    page = SERVED.replace("第二行", "<span>" * 5000 + "第二行" + "</span>" * 5000)
    assert read_one(tmp_path / "page.html", page).description.startswith("技术领域")


NUMBER = '<h2 id="pubnum">CN905611940A</h2>'


@pytest.mark.parametrize(("mark", "has_date"), [
    ('<dd itemprop="publicationNumber">CN 905611940 A</dd>', False),
    ('<meta name="citation_patent_publication_number" content="CN:905611940:A">', False),
    ('<meta name="citation_patent_number" content="CN905611940A">', False), (NUMBER, False),
    ('<link rel="canonical" href="https://patents.google.com/patent/CN905611940A/zh?oq=x">', False),
    ('<meta property="og:url" content="https://patents.google.com/patent/CN905611940A/en">', False),
    ("<!-- saved from url=(0048)https://patents.google.com/patent/CN905611940A/zh -->", False),
    ("<title>CN905611940A - 检测CN1234567A - Google Patents</title>", False),
    (NUMBER + '<time itemprop="publicationDate" datetime="2016-05-25"></time>', True),
    (NUMBER + '<dd itemprop="publicationDate">2016-05-25</dd>', True),
    (NUMBER + '<meta name="DC.date" content="2016-05-25">', True),
    (NUMBER + '<meta name="DC.date" content="2016-05-25" scheme="issue">', True),
    (NUMBER + '<meta name="DC.date" content="2016-05-25" scheme="dateSubmitted">', False),
])  # fmt: skip
def test_number_and_date_of_a_page_beside_those_that_it_cites(tmp_path, mark, has_date):
    page = f'{mark}<body>{CITATIONS}<div class="description">本发明</div></body>'
    expected = PatentDocument("CN905611940A", 20160525 if has_date else None, description="本发明")
    assert read_one(tmp_path / "x.html", page) == expected


@pytest.mark.parametrize(("name", "declared", "encoding"), [
    ("page.html", "utf-8", "utf-8"), ("page.HTM", "gbk", "gbk"), ("page.html.gz", "utf-8", "utf-8-sig"),
    ("page.html", "utf-16", "utf-16"), ("page.html", "gb2312", "utf-8"), ("page.html", "no-such-thing", "gb18030"),
])  # fmt: skip
def test_names_and_encodings_of_pages(tmp_path, name, declared, encoding):
    page = SERVED.replace('charset="utf-8"', f'charset="{declared}"')
    assert read_one(tmp_path / name, page.encode(encoding)) == EXPECTED


@pytest.mark.parametrize(("page", "found"), [
    ("<html><body><p>新闻</p></body></html>", "publication number"),
    ('<html><body><div class="description">一个商品的描述</div></body></html>', "publication number"),
    ('<link rel="canonical" href="https://x.org/CN905611940A"><div class="description">博客</div>', "publication"),
    ("新闻，没有标记", "publication number"),
    ('<html><dd itemprop="publicationNumber">CN905611940A</dd></html>', "description of CN905611940A"),
    ("<!-- -->", ""), ("", "empty"), ("  \n", "empty"),
])  # fmt: skip
def test_pages_that_are_no_patents(tmp_path, page, found):
    fail(tmp_path / "page.html", page, found)


@pytest.mark.parametrize(("name", "number", "day"), [
    ("2016-05-25-CN905611940A-plain.txt", "CN905611940A", 20160525),
    ("HG-12-2017-08-04-CN907012206B-plain.txt.gz", "CN907012206B", 20170804),
    ("CN905611940A.txt", "CN905611940A", None), ("cn-905611940-a plain.TXT", "CN905611940A", None),
    ("notes on genes.txt", "notes on genes", None), ("2016-13-25-CN905611940A-plain.txt", "CN905611940A", None),
])  # fmt: skip
def test_plain_file_names(tmp_path, name, number, day):
    found = read_one(tmp_path / name, "本发明涉及基因。\n")
    assert found == PatentDocument(number=number, date=day, description="本发明涉及基因。")


@pytest.mark.parametrize(("headings", "encoding"), [
    (("Abstract", "Claims", "Description"), "utf-8"), (("ABSTRACT:", "claims ", "Descrptions"), "utf-8-sig"),
    (("摘要", "权利要求书", "说明书"), "gb18030"), (("【摘 要】", "权 利 要 求 书", "说　明　书："), "utf-16"),
    (("说明书摘要", "权利要求", "说明书"), "utf-8"),
])  # fmt: skip
def test_plain_text_is_split_at_its_headings(tmp_path, headings, encoding):
    text = "{}\n一种试剂盒。\n{}\n1.一种\n2.根据\n{}\n技术领域\n\n乳腺癌β𠀀α".format(*headings)
    parts = {"abstract": "一种试剂盒。", "claims": "1.一种\n2.根据", "description": "技术领域\n\n乳腺癌β𠀀α"}
    for spelt, title in ((text, ""), (text.replace("\n", "\r\n"), ""), ("一种试剂盒\n" + text, "一种试剂盒")):
        assert read_one(tmp_path / "x.txt", spelt.encode(encoding)) == PatentDocument("x", title=title, **parts)


@pytest.mark.parametrize(("data", "found"), [
    (b"", "empty"), ("\ufeff \n\n".encode(), "no text"), (b"Abstract\nClaims\n", "no text"),
    ("乳腺癌".encode() * 50 + b"\xe4\xb9", "1 places, first byte 0xe4 at 450"),
    ("naïve café à la carte".encode("latin-1"), "gb18030"), (bytes(range(256)) * 4, "gb18030"),
    (b"\xff\xfe\x00", "utf-16"),
])  # fmt: skip
def test_bad_plain_text(tmp_path, data, found):
    fail(tmp_path / "x.txt", data, found)


def test_broken_gzip_an_object_over_lines_and_a_file_too_large_for_one_patent(tmp_path, monkeypatch):
    fail(tmp_path / "b.json", json.dumps(GOOD, indent=1), "several lines")
    fail(tmp_path / "x.txt.gz", b"no gzip at all")
    fail(tmp_path / "y.txt.gz", gzip.compress("乳腺癌".encode() * 99)[:-9])
    monkeypatch.setattr(sources, "MAX_BYTES", 10)
    fail(tmp_path / "x.txt", "乳腺癌的基因", "MiB")


def to_lines(*rows):
    return "".join((row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n" for row in rows)


def write_parquet(path, *rows, **options):
    pq.write_table(pa.Table.from_pylist(list(rows)), path, **options)
    return path


TWO_ROWS = [
    {"publication_number": "CN-905611940-A", "publication_date": "20160525", "text": "本发明", "family_id": "7"},
    {"publication_number": "CN1234567", "publication_date": "2017-01-01", "text": "基因\n疾病", "family_id": "-1"},
]
TWO_PATENTS = [
    PatentDocument(number="CN905611940A", date=20160525, description="本发明", family="7"),
    PatentDocument(number="CN1234567", date=20170101, description="基因\n疾病"),
]


@pytest.mark.parametrize("name", ["x.jsonl", "x.ndjson", "x.json", "x.jsonl.gz"])
def test_json_csv_and_parquet(tmp_path, name):
    assert read(tmp_path / name, to_lines(TWO_ROWS[0], "", TWO_ROWS[1])) == (TWO_PATENTS, [])
    assert read(tmp_path / name, json.dumps(TWO_ROWS, indent=1)) == (TWO_PATENTS, [])
    table = "publication_number,publication_date,text,family_id\nCN-905611940-A,20160525,本发明,7\n"
    assert read(tmp_path / "x.csv", table + 'CN1234567,2017-01-01,"基因\n疾病",\n') == (TWO_PATENTS, [])
    assert read(write_parquet(tmp_path / "x.parquet", *TWO_ROWS)) == (TWO_PATENTS, [])


def localized(*texts):
    return [{"text": text, "language": language, "truncated": False} for text, language in texts]


def test_localized_fields_give_the_chinese_text(tmp_path):
    title = localized(("A kit", "en"), ("一种试剂盒", "zh"))
    row = {
        "publication_number": "CN-905611940-A", "country_code": "CN", "family_id": "56019847",
        "publication_date": 20160525, "title_localized": title, "claims_localized": [],
        "abstract_localized": localized(("本发明", "zh-CN"), ("The invention", "en")),
        "description_localized": localized(("Only English", "en")),
    }  # fmt: skip
    expected = PatentDocument("CN905611940A", 20160525, "一种试剂盒", "本发明", "", "Only English", "56019847")
    assert read_one(tmp_path / "x.jsonl", to_lines(row)) == expected
    assert read_one(write_parquet(tmp_path / "x.parquet", row)) == expected
    wrapped = {"list": [{"element": each} for each in title]}
    path = write_parquet(tmp_path / "x.parquet", {"id": "a", "title_localized": wrapped, "text": "本发明"})
    assert read_one(path) == PatentDocument("a", title="一种试剂盒", description="本发明")


@pytest.mark.parametrize(("row", "fields", "expected"), [
    # lists of texts, one localized text; all fields named; a named text is the whole text; one field in two roles;
    (
        {"id": "a", "claims": ["1.一种", "2.根据", None], "abstract": {"text": "摘", "language": "zh"}}, {},
        {"claims": "1.一种\n2.根据\n", "abstract": "摘"},
    ),
    (
        {"nr": "a", "day": "2016-05-25", "body text": "本发明", "t": "题", "text": "不是这个", "g": 5},
        {"id": "nr", "date": "day", "text": "body text", "title": "t", "family": "g"},
        {"date": 20160525, "title": "题", "description": "本发明", "family": "5"},
    ),
    (
        {"id": "a", "body2": "本发明", "description": "述", "abstract": "摘", "title": "题"},
        {"text": "body2", "abstract": "abstract"}, {"title": "题", "abstract": "摘", "description": "本发明"},
    ),
    ({"id": "a", "description": "发明"}, {"text": "description", "claims": "description"}, {"description": "发明"}),
    (  # other spellings of the usual names; no text twice
        {"Publication Number": "a", "Pub-Date": "2016.05.25", "摘要": "本发明", "权利要求书": "1.一种"}, {},
        {"date": 20160525, "abstract": "本发明", "claims": "1.一种"},
    ),
    (
        {
            "id": "a", "text": "Abstract\n本发明公开了试剂盒。\nClaims\n1.一种试剂盒。\nDescription\n技术领域",
            "abstract": "本发明公开了试剂盒。", "title": "名称", "claims": "3.另一种",
        }, {},
        {
            "title": "名称", "abstract": "本发明公开了试剂盒。", "claims": "3.另一种\n1.一种试剂盒。",
            "description": "技术领域",
        },
    ),
])  # fmt: skip
def test_fields(tmp_path, row, fields, expected):
    expected = PatentDocument("a", **expected)
    assert read_one(tmp_path / "x.jsonl", to_lines(row), fields) == expected
    assert read_one(write_parquet(tmp_path / "x.parquet", row), fields=fields) == expected


GOOD = {"id": "CN905611940A", "date": "2016-05-25", "text": "本发明"}


@pytest.mark.parametrize(("line", "found"), [
    ('{"id": "a", "text": "本', "JSON"), ("[1]", "[1]"),
    ({"text": 5}, "5 in the field 'text'"), ({"text": [["a", 1]]}, "1 in the field 'text'"),
    ({"text": {"a": "b"}}, "in the field 'text'"), ({"text": ""}, "no text in the fields 'text'"),
    ({"text": " \n"}, "no text"), ({"text": None}, "no text"), ({"id": None}, "null as an id"),
    ({"id": " "}, '" " as an id'), ({"id": True}, "true as an id"), ({"id": ["CN905611940A"]}, "as an id"),
    ({"date": "last May"}, "last May"), ({"date": 20161332}, "20161332"), ({"date": [2016]}, "[2016] as a date"),
    ({"family": 1.5}, "1.5 as a family"),
])  # fmt: skip
def test_bad_lines_are_skipped_and_named(tmp_path, line, found):
    path = tmp_path / "x.jsonl"
    line = line if isinstance(line, str) else GOOD | line
    patents, faults = read(path, to_lines(GOOD, line, GOOD))
    assert len(patents) == 2
    assert [(fault.path, fault.line) for fault in faults] == [(str(path), 2)]
    assert found in faults[0].found
    found, _ = read(path, to_lines(*({**GOOD, "date": day, "family": 7.0} for day in (None, "", 0, "0"))))
    assert [(document.date, document.family) for document in found] == [(None, "7")] * 4


@pytest.mark.parametrize(("rows", "fields", "words"), [
    ([{"id": "a", "titel": "b"}, {"id": "a", "inhalt": "b"}], {}, ["'id', 'titel', 'inhalt'", "--text-field"]),
    ([{"id": "a", "inhalt": "b"}] * 100 + [GOOD], {}, ["'id', 'inhalt'"]),
    ([{"nr": "a", "text": "b"}], {}, ["'nr', 'text'", "--id-field"]),
    ([GOOD], {"date": "pub_day"}, ["'pub_day'", "'id', 'date', 'text'"]),
])  # fmt: skip
def test_a_file_without_the_fields_it_needs(tmp_path, rows, fields, words):
    (tmp_path / "x.jsonl").write_text(to_lines(*rows))
    with pytest.raises(InputError, match="x.jsonl") as caught:
        list(read_patents(tmp_path / "x.jsonl", fields))
    assert all(word in str(caught.value) for word in words)
    with pytest.raises(InputError, match="x.parquet"):
        list(read_patents(write_parquet(tmp_path / "x.parquet", rows[0]), fields))


def test_bad_rows_and_a_damaged_page_of_parquet_cost_no_other_rows(tmp_path):
    """Text may be bytes; of a damaged page the rows before it stay."""
    rows = {"id": "a", "text": "本发明".encode()}, {"id": "b", "text": b"\xff"}, {"id": None, "text": b"x"}
    found, faults = read(path := write_parquet(tmp_path / "x.parquet", *rows))
    assert [document.description for document in found] == ["本发明"]
    assert [fault.line for fault in faults] == [2, 3]
    rows = [{"id": f"CN9{number:08}A", "text": f"第{number}件" * 50} for number in range(256)]
    options = {"row_group_size": 128, "compression": "none", "use_dictionary": False, "write_page_checksum": True}
    data = bytearray(write_parquet(path, *rows, **options).read_bytes())
    data[data.find("第200件".encode())] ^= 1
    found, faults = read(path, bytes(data))
    assert [document.number for document in found] == [row["id"] for row in rows[: len(found)]]
    assert 128 <= len(found) < 200 and [fault.line for fault in faults] == [len(found) + 1]


@pytest.mark.slow
def test_memory_stays_far_below_a_row_group(tmp_path):
    """20 MB of text in one row group."""
    rows = [{"id": f"CN9{number:08}A", "text": "乳腺癌基因" * 1300 + str(number)} for number in range(1000)]
    options = {"row_group_size": 1000, "data_page_size": 1 << 18, "write_batch_size": 8, "use_dictionary": False}
    path = write_parquet(tmp_path / "x.parquet", *rows, compression="none", **options)
    before = pa.total_allocated_bytes()
    peak = max(pa.total_allocated_bytes() for _ in read_patents([path])) - before
    assert path.stat().st_size > 19e6 and peak < path.stat().st_size / 2


def test_folders_are_read_in_sorted_order_without_hidden_and_companion_files(tmp_path):
    for name in ("b.txt", "a/z.txt", "a/c/y.txt", ".hidden/x.txt", "a/.x.txt", "p_files/x.txt", "q_files/x.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "p.html").write_text(SERVED)
    found = [str(Path(document.source).relative_to(tmp_path)) for document in read_patents(tmp_path)]
    assert found == ["a/c/y.txt", "a/z.txt", "b.txt", "p.html", "q_files/x.txt"]
    found = read_patents([str(tmp_path / "b.txt"), tmp_path / "a"])
    assert [document.description for document in found] == ["b.txt", "a/c/y.txt", "a/z.txt"]


def test_files_that_cannot_be_read_are_reported_and_paths_without_any_are_errors_at_once(tmp_path):
    names = ["b.pdf", "c.pdf", "d.PDF", "e", "f.parquet.gz", "g.txt"]
    for name in ("a.txt", *names[:-1]):
        (tmp_path / name).write_text("x")
    (tmp_path / "g.txt").symlink_to(tmp_path / "gone.txt")
    found = list(read_patents([tmp_path]))
    assert [Path(each.path).name for each in found if isinstance(each, Fault)] == names and len(found) == 7
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "b.pdf").rename(tmp_path / "other" / "b.pdf")
    for name in ("nowhere", "empty", "other"):
        with pytest.raises(InputError, match=name):
            next(read_patents([tmp_path / "a.txt", tmp_path / name]))


SPELLINGS = ("CN905611940A", "CN-905611940-A", "CN:905611940:A", "CN 905 611 940 A", " cn905611940a ")


@pytest.mark.parametrize("text", SPELLINGS)
def test_spellings_of_a_number(text):
    assert parse_number("BRCA1基因") is parse_number("12345678") is None and normalize_number(" doc-17\n") == "doc-17"
    assert parse_number(text) == ("CN", "905611940", "A")
    assert normalize_number(text) == "CN905611940A"
    assert find_numbers(f"见{text}和WO 2013/132376 A1。") == ["CN905611940A", "WO2013132376A1"]
    assert find_numbers(f"HG-1-2017-12-22 IL-12 US7,650,331B1 EGFR1234567 {text}") == ["US7650331B1", "CN905611940A"]


DAY = 20160525


@pytest.mark.parametrize(("value", "expected"), [
    (DAY, DAY), ("20160525", DAY), ("2016-05-25", DAY), ("2016-5-25T00:00:00Z", DAY), ("2016年5月25日", DAY),
    ("2016.05.25", DAY), (20160525.0, DAY), (date(2016, 5, 25), DAY), (datetime(2016, 5, 25, 1), DAY),
    ("20160231", None), ("2016-05-251", None), ("2016", None), (20160525.5, None), (True, None), (None, None),
    ("", None), ("00010101", None), ("20160525.0", DAY), (1464134400000, DAY), ("1464134400000.0", DAY),
    (500000000000, 19851105), ("201605251200", None), ("20160525120000", None), (10**400, None),
])  # fmt: skip
def test_dates(value, expected):
    assert documents.parse_date(value) == expected


@needs_gold
def test_gold_numbers_are_those_of_the_info_files():
    assert len(set(load_gold_numbers())) == 21
    for path in GOLD.glob("*/train_test_split.info"):
        assert sorted(find_numbers(path.read_text(encoding="utf-8"))) == load_gold_numbers()


@pytest.mark.parametrize("marked", EXPONENTS)
def test_exponents_are_told_from_what_is_merely_raised(marked):
    assert extract_text(lxml_html.fragment_fromstring(marked, create_parent="div")) == EXPONENTS[marked]
