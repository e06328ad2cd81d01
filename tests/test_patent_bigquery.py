"""data/patents/*.sql, run by DuckDB on a small table with the columns of BigQuery's, in DuckDB's words for the same."""

import re

import duckdb
import pytest
from conftest import ROOT

FOLDER = ROOT / "data" / "patents"
TABLE = "`patents-public-data.patents.publications`"
COLUMNS = """
CREATE TABLE publications (
    publication_number VARCHAR, country_code VARCHAR, kind_code VARCHAR, publication_date BIGINT, family_id VARCHAR,
    title_localized STRUCT(text VARCHAR, language VARCHAR)[],
    abstract_localized STRUCT(text VARCHAR, language VARCHAR)[],
    ipc STRUCT(code VARCHAR)[], cpc STRUCT(code VARCHAR)[]
)"""


def translate(sql):
    """BigQuery's SQL in DuckDB's dialect: raw strings, the name of an unnested element, of the table, of a function."""
    sql = sql.replace(TABLE, "publications").replace("REGEXP_CONTAINS", "regexp_matches")
    sql = re.sub(r"\br'", "'", sql)
    return re.sub(r"UNNEST\((\w+)\) AS (\w+)", r"UNNEST(\1) AS unnested(\2)", sql)


def make_row(title="一种装置", abstract=None, ipc=(), cpc=(), country="CN", kind="A", day=20150101, number="1"):
    return [
        f"{country}-{number}-{kind}", country, kind, day, "77",
        [{"text": "English title", "language": "en"}, {"text": title, "language": "zh"}],
        [{"text": abstract, "language": "en"}] if abstract else [],
        [{"code": code} for code in ipc], [{"code": code} for code in cpc],
    ]  # fmt: skip


def find(name, *rows):
    """What the query lists of the rows."""
    connection = duckdb.connect()
    connection.execute(COLUMNS)
    connection.executemany("INSERT INTO publications VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [*rows])
    sql = (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    assert TABLE in sql
    return connection.execute(translate(sql)).fetchall()


@pytest.mark.parametrize(("name", "options", "found"), [
    ("hg", {"ipc": ["A01H1/00", "C12N15/09"]}, True), ("hg", {"ipc": ["C12Q1/68"]}, True),
    ("hg", {"cpc": ["C12Q1/6886"]}, True), ("hg", {"ipc": ["C07K14/705"]}, True),
    ("hg", {"ipc": ["A61K31/7088"]}, True), ("hg", {"title": "一种基因芯片"}, True),
    ("hg", {"abstract": "The Gene is"}, True), ("bc", {"title": "乳腺癌的标记物"}, True),
    ("bc", {"abstract": "for Breast Cancer"}, True), ("bc", {"abstract": "a breast tumor"}, True),
    ("bc", {"ipc": ["G01N33/574"]}, True), ("bc", {"cpc": ["C12Q1/6886"]}, True), ("hg", {}, False),
    ("hg", {"ipc": ["C12N1/20", "C12Q1/02", "C07K5/00", "A61K31/40"]}, False),
    ("hg", {"abstract": "a general generator of hydrogen"}, False),
    ("hg", {"title": "基因", "country": "US"}, False), ("hg", {"title": "基因", "kind": "U"}, False),
    ("hg", {"title": "基因", "day": 20081231}, False), ("hg", {"title": "基因", "day": 20190102}, False),
    ("hg", {"title": "基因", "day": 20190101}, True), ("bc", {"title": "乳腺癌", "day": 20121201}, True),
    ("bc", {"abstract": "a breast pump"}, False), ("bc", {"title": "乳腺癌", "day": 20121130}, False),
    ("bc", {"ipc": ["G01N33/53", "C12Q1/68"]}, False),
])  # fmt: skip
def test_candidates(name, options, found):
    day, title, codes = options.get("day", 20150101), options.get("title", "一种装置"), " ".join(options.get("ipc", ()))
    assert find(name, make_row(**options)) == [("CN-1-A", day, "77", title, codes)] * found
