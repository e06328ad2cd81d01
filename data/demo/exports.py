"""Invented patents in the forms that users have: saved pages, plain text, JSON lines and Parquet, with their pitfalls.

The text is that of `documents.py`; the functions `plan_...` say what each patent tests. Their numbers begin with 9,
which no patent office has reached.
"""

import io
import json
import random
import re
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from documents import write_patent
from lexicon import TOPICS

from cbpner.base.files import atomic_open, write_text

SEED = "cbp-demo-exports-1"
FIRST, MORE = 200, 105  # number of the first patent, and how far on a further part of a long one is: the same topic
COLUMNS, LINES = 76, 32  # of a printed page
SECTIONS = {0: "技术领域", 1: "背景技术", 7: "发明内容", 14: "具体实施方式"}  # heading before paragraph
HUMAN_GENES = "本文所述的基因均来源于人类，其序列可由公开的数据库获得。"
BREAST_MARKERS = "所述生物标记物也可用于乳腺癌的早期诊断、分型以及疗效监测。"
SPACED = "[0098]优 选 地 ， 所 述 样 本 为 血 清 ， 采 用 ELISA 测 定 。"
PRIMERS = "上游引物为CTGAAGGTGAAGAGTGTTCG，下游引物为GGTAACCTTAGCATCGATCG。"
TABLE = (("组别", "例数", "阳性率", "P值"), ("实验组", "40", "0.725", "<0.001"), ("对照组", "38", "0.105", ""))
NO_PATENT = """<!DOCTYPE html>
<html lang="zh"><head><meta charset="utf-8"><title>检索结果</title></head>
<body><h1>检索结果</h1><div class="description">没有找到与“人类基因”相符的文献，请更换检索词后重试。</div></body></html>
"""
BROKEN_LINE = '{"publication_number": "CN-900000099-A", "publication_date": 20150401, "text": "本发明公开了一种'
ENGLISH = """Abstract
The present invention provides an isolated antibody that binds HER2, and its use in treating breast cancer.
Claims
1. An isolated antibody that specifically binds HER2, wherein its dissociation constant is at most 3 nM.
2. The antibody of claim 1 for use in treating HER2-positive breast cancer in a human subject.
Description
The invention relates to the field of biotechnology, in particular to antibodies against breast tumours.
[0001] HER2 is overexpressed in about one fifth of invasive breast cancers.
[0002] There is a need for antibodies with higher affinity and fewer adverse reactions."""
TRADITIONAL = """摘要
本發明公開了一種用於檢測乳腺癌的生物標記物組合，並公開了檢測該組合的試劑盒及其應用。
權利要求
1.一種用於檢測人類乳腺癌的試劑盒，其特徵在於，包含檢測HER2基因與TP53基因的試劑。
說明書
本發明屬於生物技術領域，尤其涉及乳腺腫瘤的檢測與干預。
[0001]乳腺癌是臨床上常見的疾病，其發病機制至今尚未完全闡明，因此需要靈敏度更高的檢測手段。
[0002]在一個實施方案中，所述蛋白質從血清中測得，其濃度顯著高於健康對照者。"""


@dataclass(frozen=True)
class Patent:
    """description: paragraphs as text, tables as tuples of rows."""

    number: str
    date: int
    family: str
    title: str
    abstract: str
    claims: tuple
    description: tuple


def make_patent(place, date, human=True, breast=False, extras=(), number=None, family=None):
    """The patent at this place of the plan. human, breast: does it match the query for HG, for BC?"""
    sentences = [sentence.chars for sentence in write_patent(FIRST + place, SEED)]
    claims, start = sentences.index("Claims"), sentences.index("Description")
    text = list_paragraphs(FIRST + place)
    if place % 3 == 0:
        text += list_paragraphs(FIRST + MORE + place)[1:]
    text[2:2] = [HUMAN_GENES] * human + [BREAST_MARKERS] * breast
    return Patent(
        number=number or f"CN{900000001 + place}A",
        date=date,
        family=family or str(90000001 + place),
        title=f"一种用于{TOPICS[(FIRST + place) % len(TOPICS)].area}的检测试剂及其应用",
        abstract=sentences[1],
        claims=tuple(sentences[claims + 1 : start]),
        description=(*number_paragraphs(text), *extras),
    )


def list_paragraphs(number):
    """The paragraphs of a patent's description, without their numbers."""
    sentences = [sentence.chars for sentence in write_patent(number, SEED)]
    return [re.sub(r"^\[\d{4}\]", "", sentence) for sentence in sentences[sentences.index("Description") + 1 : -1]]


def number_paragraphs(texts):
    """The paragraphs with their numbers, headings between them."""
    for place, text in enumerate(texts):
        if place in SECTIONS:
            yield SECTIONS[place]
        yield f"[{place + 1:04}]{text}"


def draw_sequence(rng, size):
    """Nucleotides in groups of ten, six groups and the count a line, as in a sequence listing."""
    letters = "".join(rng.choices("acgt", k=size))
    for start in range(0, size, 60):
        line = letters[start : start + 60]
        yield " ".join(line[at : at + 10] for at in range(0, len(line), 10)) + f" {start + len(line)}"


def list_sequences(seed, sizes):
    """The lines of a sequence listing (WIPO Standard ST.25)."""
    rng, lines = random.Random(seed), [f"<160> {len(sizes)}"]
    for number, size in enumerate(sizes, 1):
        lines += [f"<210> {number}", f"<211> {size}", "<212> DNA", "<213> 人工序列", f"<400> {number}"]
        lines += draw_sequence(rng, size)
    return tuple(lines)


def flatten(description):
    """The lines of a description; a table's rows have tabs between their cells."""
    for part in description:
        yield from [part] if isinstance(part, str) else map("\t".join, part)


def write_whole(patent):
    """The text of a patent with headings, without its title."""
    parts = ("Abstract", patent.abstract, "Claims", *patent.claims, "Description", *flatten(patent.description))
    return "\n".join(parts)


def format_day(patent):
    return f"{patent.date // 10000}-{patent.date // 100 % 100:02}-{patent.date % 100:02}"


# Pages


def render_page(patent, regions, translated=False):
    """A page as the server sends it. regions: HTML of abstract, claims and description."""
    shown = "A detection reagent and its use" if translated else patent.title
    day = format_day(patent)
    note = '<aside>Translated from <span itemprop="translatedLanguage">Chinese</span></aside>' if translated else ""
    sections = "\n".join(
        f'<section itemprop="{name}" itemscope><h2>{name.capitalize()}</h2>{note}\n'
        f'<div itemprop="content" html>{region}</div></section>'
        for name, region in regions.items()
    )
    return f"""<!DOCTYPE html>
<html lang="{"en" if translated else "zh"}"><head><meta charset="utf-8">
<title>{patent.number} - {shown} - Google Patents</title>
<link rel="canonical" href="https://patents.google.com/patent/{patent.number}/{"en" if translated else "zh"}">
<meta name="DC.title" content="{shown}"><meta name="DC.date" content="{day}" scheme="issue"></head>
<body><article itemscope><h1 itemprop="pageTitle">{patent.number} - {shown} - Google Patents</h1>
<span itemprop="title">{shown}</span>
<dl><dt>Publication number</dt><dd itemprop="publicationNumber">{patent.number}</dd>
<dt>Publication date</dt><dd><time itemprop="publicationDate" datetime="{day}">{day}</time></dd></dl>
<section itemprop="family" itemscope><h1>Family</h1><h2>ID={patent.family}</h2></section>
{sections}
<table><tr itemprop="similarDocuments"><td><span itemprop="publicationNumber">CN999999999A</span></td>
<td><time itemprop="publicationDate" datetime="2020-01-01">2020-01-01</time></td>
<td itemprop="title">相似文献</td></tr></table></article></body></html>
"""


def render_served(patent):
    claims = "\n".join(
        f'<div class="claim"><div num="{number:05}" class="claim"><div class="claim-text">{claim}</div></div></div>'
        for number, claim in enumerate(map(escape, patent.claims), 1)
    )
    regions = {
        "abstract": f'<div class="abstract">{escape(patent.abstract)}</div>',
        "claims": f'<div class="claims">{claims}</div>',
        "description": f'<div class="description">{render_paragraphs(patent.description)}</div>',
    }
    return render_page(patent, regions)


def render_translated(patent):
    """The page in English: each original precedes its machine translation."""

    def pair(text, number=0):
        english = f"Machine translation of passage {number}."
        return f'<span class="notranslate"> <span class="google-src-text">{escape(text)}</span> {english}</span>'

    claims = "\n".join(
        f'<claim num="{number}"><claim-text>{pair(claim, number)}</claim-text></claim>'
        for number, claim in enumerate(patent.claims, 1)
    )
    description = "\n".join(
        f"<p>{pair(line, number)}</p>" for number, line in enumerate(flatten(patent.description), 1)
    )
    regions = {
        "abstract": f'<abstract lang="EN">{pair(patent.abstract)}</abstract>',
        "claims": f'<claims lang="EN">{claims}</claims>',
        "description": f'<description lang="EN">{description}</description>',
    }
    return render_page(patent, regions, translated=True)


def render_saved(patent):
    """The rendered page as a browser saves it: without itemprop, with the number only in links."""
    style, link = "style-scope patent-text", f"https://patents.google.com/patent/{patent.number}/zh"
    claims = "\n".join(
        f'<div class="claim {style}"><div class="claim-text {style}">{escape(claim)}</div></div>'
        for claim in patent.claims
    )
    regions = {
        "abstract": f'<div class="abstract {style}">{escape(patent.abstract)}</div>',
        "description": f'<div class="description {style}">{render_paragraphs(patent.description)}</div>',
        "claims": f'<div class="claims {style}">{claims}</div>',
    }
    sections = "\n".join(
        f'<section id="{name}"><h3>{name.capitalize()}</h3><patent-text name="{name}">{region}</patent-text></section>'
        for name, region in regions.items()
    )
    return f"""<!DOCTYPE html>
<!-- saved from url=({len(link):04}){link} -->
<html><head><meta charset="utf-8"><meta name="DC.date" content="{format_day(patent)}" scheme="issue">
<link rel="canonical" href="{link}"></head><body><search-app><patent-result>
<h1 id="title">{patent.title}</h1><h2 id="pubnum">{patent.number}</h2><h4>ID={patent.family}</h4>
{sections}
</patent-result></search-app></body></html>
"""


def render_paragraphs(description):
    pieces = []
    for part in description:
        if not isinstance(part, str):
            rows = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in part)
            pieces.append(f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>")
        elif part in SECTIONS.values():
            pieces.append(f"<heading>{part}</heading>")
        else:
            pieces.append(f'<div class="description-paragraph">{escape(part)}</div>')
    return "\n".join(pieces)


# Plain text


def wrap(text):
    """The lines of a paragraph as a page prints it: Chinese characters take two columns, Latin words stay whole."""
    if "\t" in text:
        return [text]
    lines, size = [""], 0
    for word in re.findall(r"[!-~]+| |.", text):
        width = len(word) if word.isascii() else 2
        if size and size + width > COLUMNS:
            lines, size = [*lines, ""], 0
        lines[-1], size = lines[-1] + word, size + width
    return lines


def print_pages(patent):
    """The text as extracted from printed pages: lines of a page's width, a header on each page."""
    lines = ["摘要", *wrap(patent.abstract), "权利要求书"]
    lines += [line for claim in patent.claims for line in wrap(claim)]
    body = [line for paragraph in flatten(patent.description) for line in wrap(paragraph)]
    pages = [body[start : start + LINES] for start in range(0, len(body), LINES)]
    number = f"CN {patent.number[2:-1]} {patent.number[-1]}"
    for place, page in enumerate(pages, 1):
        lines += [
            f"{number}    说　明　书    {place}/{len(pages)} 页",
            *(["说明书"] * (place == 1)),
            *page,
            f" {place + 2}",
        ]
    return "\n".join(lines) + "\n"


def name_plain(patent, prefix=""):
    """The name of a text file, as the gold patents have it."""
    return f"{prefix}{format_day(patent)}-{patent.number}-plain.txt"


# Rows


def make_row(patent):
    """A row of the JSON lines: the whole text in one field."""
    return {
        "publication_number": f"{patent.number[:2]}-{patent.number[2:-1]}-{patent.number[-1]}",
        "publication_date": patent.date,
        "family_id": patent.family,
        "title": patent.title,
        "text": write_whole(patent),
    }


def make_localized_row(patent):
    """A row with the columns of BigQuery's public table, and with the texts that the table itself lacks."""
    row = {**make_row(patent), "country_code": patent.number[:2]}
    del row["title"], row["text"]
    return row | {
        "title_localized": [{"text": "A detection reagent", "language": "en"}, localize(patent.title)],
        "abstract_localized": [localize(patent.abstract)],
        "claims_localized": [localize("\n".join(patent.claims))],
        "description_localized": [localize("\n".join(flatten(patent.description)))],
    }


def localize(text):
    return {"text": text, "language": "zh"}


def pack_parquet(rows):
    """The bytes of a Parquet file; nothing in them depends on the machine."""
    sink = io.BytesIO()
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, sink, version="2.6", compression="none", use_dictionary=False, store_schema=False)
    return sink.getvalue()


# The plan


def plan_pages():
    """{file name: HTML} of the saved pages."""
    sequences = ("序列表", *list_sequences("pages", (20, 180)))
    pages = {
        0: render_served(make_patent(0, 20110316, extras=("表1 检测结果", TABLE))),
        1: render_served(make_patent(1, 20120801)),
        2: render_served(make_patent(2, 20140723, breast=True, extras=sequences)),
        3: render_translated(make_patent(3, 20150610, breast=True)),
        4: render_translated(make_patent(4, 20130911)),
        5: render_translated(make_patent(5, 20190702)),  # after both windows
        6: render_saved(make_patent(6, 20160518, extras=("表1 检测结果", TABLE))),
        7: render_served(make_patent(7, 20170405, human=False)),
    }
    named = {f"CN{900000001 + place}A.html": page for place, page in pages.items()}
    return named | {"search.html": NO_PATENT}


def plan_plain():
    """{file name: bytes} of the text files."""
    sequences = ("序列表", *list_sequences("plain", (24, 240)))
    patents = [
        make_patent(8, 20100127, extras=(TABLE, f"[0099]{PRIMERS}")),
        make_patent(9, 20130612, breast=True),
        make_patent(10, 20140108, extras=sequences),
        make_patent(11, 20080220),  # before both windows
        make_patent(12, 20160914, human=False, extras=(SPACED,)),
        make_patent(13, 20180328, breast=True),
    ]
    files = {name_plain(patent): print_pages(patent).encode("utf-8") for patent in patents}
    prefixed, other = make_patent(14, 20171219), make_patent(15, 20150930, breast=True)
    files[name_plain(prefixed, "HG-1-")] = (write_whole(prefixed) + "\n").encode("utf-8")
    files[name_plain(other)] = print_pages(other).encode("gb18030")
    return files


def plan_lines():
    """The lines of the JSON file; one is truncated."""
    patents = [make_patent(place, 20090415 + 10000 * (place - 16)) for place in range(16, 24)]
    patents += [make_patent(24, 20170823, breast=True), make_patent(25, 20140416, human=False, breast=True)]
    twin = replace(patents[0], number="CN900000027A", date=20100505, family="90000027")  # exact duplicate of the first
    near = make_patent(17, 20120215, number="CN900000028A", family="90000028", extras=("[0090]以上仅为优选的实施例。",))
    again = make_patent(0, 20110316, extras=("表1 检测结果", TABLE))  # the first page once more
    rows = [make_row(patent) for patent in (*patents, twin, near, again)]
    rows.append(make_foreign("US-9900001-B2", "90000041", "Antibodies against HER2", ENGLISH))
    rows.append(make_foreign("TW-999900001-A", "90000042", "檢測乳腺癌的試劑盒", TRADITIONAL))
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    return [*lines[:6], BROKEN_LINE, *lines[6:]]


def make_foreign(number, family, title, text):
    return dict(publication_number=number, publication_date=20150401, family_id=family, title=title, text=text)


def plan_rows():
    """The rows of the Parquet file."""
    patents = [make_patent(place, 20100714 + 10000 * (place - 28)) for place in range(28, 36)]
    patents[1] = replace(patents[1], family="90000002")  # of one family with the second page
    patents += [make_patent(36, 20130109, breast=True), make_patent(37, 20141112, human=False)]
    granted = make_patent(9, 20151118, breast=True, number="CN900000010B", family="90000010")  # of the second text file
    granted = replace(granted, claims=granted.claims[:3])
    return [make_localized_row(patent) for patent in (*patents, granted)]


def write_exports(folder):
    """Write the exports into `folder`, over an earlier build."""
    folder = Path(folder)
    for name, page in plan_pages().items():
        write_text(folder / "pages" / name, page)
    for name, data in plan_plain().items():
        write_bytes(folder / "plain" / name, data)
    write_text(folder / "export.jsonl", "".join(f"{line}\n" for line in plan_lines()))
    write_bytes(folder / "export.parquet", pack_parquet(plan_rows()))


def write_bytes(path, data):
    with atomic_open(path, "wb") as file:
        file.write(data)
