"""Boolean queries: the grammar, where an error is shown, and what DuckDB finds."""

import re

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbpner.base.errors import InputError
from cbpner.corpora.query import MAX_DEPTH, QuerySyntaxError, build_pattern, compile_query

CONNECTION = duckdb.connect()


def finds(query, text):
    """Whether DuckDB finds the query in the text."""
    sql, parameters = compile_query(query)
    return CONNECTION.execute(f"SELECT {sql} FROM (SELECT ?::VARCHAR AS text)", [*parameters, text]).fetchone()[0]


@pytest.mark.parametrize(("query", "terms"), [
    ("a aNd nOt b oR (c)AND(d)", ["a", "b", "c", "d"]),
    ("（人类\u3000ＡＮＤ\u3000基因） or 酶", ["人类", "基因", "酶"]),
    ('"乳腺癌 标记物"', ["乳腺癌 标记物"]), ("“a b” AND 「c d」 AND 『e』 AND \"and\"", ["a b", "c d", "e", "and"]),
    ("android AND NOTCH1 AND ORAI1", ["android", "NOTCH1", "ORAI1"]), ('「a (b) " AND」', ['a (b) " AND']),
    ("miR-21-5p AND 5'端 AND CD8+", ["miR-21-5p", "5'端", "CD8+"]),
])  # fmt: skip
def test_terms(query, terms):
    assert compile_query(query)[1] == list(map(build_pattern, terms))


@pytest.mark.parametrize(("query", "position", "word"), [
    ("", 0, "the end"), ("人类 AND ", 7, "the end"), ("人类 基因", 3, "基因"), ('人类"基因"', 2, "'基因'"),
    ("AND 基因", 0, "AND"), ("a OR OR b", 5, "OR"), ("a NOT b", 2, "A AND NOT B"),
    ("（人类 AND 基因", 10, "the end"), ("人类）", 2, "no parenthesis"), ("（人类）or酶", 4, "or酶"),
    ("()", 1, r"\)"), ('人类 AND "基因', 7, '"'), ("“基因", 0, "”"), ('a AND ""', 6, "empty"), ("“ ”", 0, "empty"),
    ("a 」", 2, "」"), ("(" * (MAX_DEPTH + 1) + "a", MAX_DEPTH, "100"),
    ("NOT " * 100_000 + "a", 4 * MAX_DEPTH, "100"),
])  # fmt: skip
@pytest.mark.slow
def test_errors_name_the_place(query, position, word):
    with pytest.raises(QuerySyntaxError, match=word) as caught:
        compile_query(query)
    assert caught.value.position == position and isinstance(caught.value, InputError)
    assert f"character {position + 1}:" in str(caught.value)


def test_caret_counts_columns_of_full_width_characters():
    with pytest.raises(QuerySyntaxError) as caught:
        compile_query("人类\u3000AND 基因\n酶")
    # white space is shown as one space; then 人类 4 columns, space 1, AND 3, space 1, 基因 4, space 1
    assert str(caught.value).split("\n")[1:] == ["  人类 AND 基因 酶", "  " + " " * 14 + "^"]


@pytest.mark.parametrize(("query", "found", "missed"), [
    ("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH, ["a"], ["b"]), ("NOT " * MAX_DEPTH + "a", ["a"], ["b"]),
    (" AND ".join(["(a OR b)"] * 500), ["xb"], ["x"]),
    ("人类 AND 基因", ["人类基因", "本发明公开了人 类的\n基因。"], ["人类", "基因", ""]),
    ("NOT (人类 AND 基因)", ["人类", "基因", ""], ["人类基因"]), ("NOT a OR a", ["b", "a"], []),
    ("a OR b AND c", ["a", "bc"], ["b", "c"]), ("NOT a AND b", ["b"], ["ab", ""]),
    ("(a OR b) AND c", ["ac"], ["a"]),
    ("HER2", ["抗HER2抗体"], ["HER 2"]),
    # case and width
    ("Brca1", ["brca1", "BRCA1", "ＢＲＣＡ１", "Ｂrｃa1"], ["BRCA2"]), ("ｂｒｃａ1", ["brca1", "ＢＲＣＡ１"], []),
    ('"(α)"', ["（α）"], ["（Α）"]), ("é", ["é"], ["É"]), ("基因", ["基因"], ["基囙"]),
    ("CD8+", ["ＣＤ８＋"], ["CD88"]), ('"[0001]"', ["［０００１］"], ["0"]), ("a.c", ["A．C"], ["abc"]),
    # white space counts for nothing next to Chinese, and is white space between other characters
    ('"乳腺癌 标记物"', ["乳腺癌标记物", "乳腺癌 标记物", "乳 腺\n癌\u3000标记 \u200b物"], ["乳腺癌的标记物"]),
    ("乳腺癌标记物", ["乳腺癌标记物", "乳 腺\n癌\u3000标记 \u200b物"], []), ("BRCA1基因", ["BRCA1 基因"], []),
    ('"BRCA1 基因"', ["BRCA1基因"], []), ('"breast cancer"', ["Breast \n Cancer"], ["breastcancer"]),
    ("breastcancer", ["breastcancer"], ["breast cancer"]), ('" breast  cancer "', ["(breast\u3000cancer)"], []),
])  # fmt: skip
def test_matching(query, found, missed):
    assert [text for text in (*found, *missed) if finds(query, text)] == found


CHARACTERS = "aAzＡＺｚ1１α基因癌（）()[]\\^-+*.?|&~#_'，、。 \u3000\n\t\u200b𠀀é"
terms = st.text(CHARACTERS, min_size=1, max_size=4).filter(lambda text: text.strip(" \u3000\n\t\u200b"))
trees = st.recursive(
    terms,
    lambda parts: (
        st.tuples(st.just("NOT"), parts)
        | st.tuples(st.sampled_from(["AND", "OR"]), parts, parts)
        | st.tuples(st.sampled_from(["AND", "OR"]), parts, parts, parts)
    ),
    max_leaves=6,
)
texts = st.text(CHARACTERS, max_size=12)


def write_query(tree):
    if isinstance(tree, str):
        return f"「{tree}」"
    operator, *parts = tree
    parts = [f"({write_query(part)})" for part in parts]
    return f"NOT {parts[0]}" if operator == "NOT" else f" {operator} ".join(parts)


def evaluate(tree, text):
    """The oracle: the tree evaluated by Python."""
    if isinstance(tree, str):
        return re.search(build_pattern(tree), text) is not None
    operator, *parts = tree
    found = [evaluate(part, text) for part in parts]
    return not found[0] if operator == "NOT" else any(found) if operator == "OR" else all(found)


@settings(max_examples=200)
@given(trees, texts)
@pytest.mark.slow
def test_duckdb_agrees_with_an_evaluation_in_python(tree, text):
    assert finds(write_query(tree), text) is evaluate(tree, text)


@settings(max_examples=300)
@given(st.text(CHARACTERS + '"“”「」『』', max_size=15) | st.text(max_size=15))
@pytest.mark.slow
def test_any_text_is_a_query_or_a_syntax_error(text):
    try:
        compile_query(text)
    except QuerySyntaxError as error:
        assert 0 <= error.position <= len(text)
    else:
        assert finds(text, text) in (True, False)
