"""Boolean queries: the grammar, where an error is shown, and that DuckDB and Python find the same."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbpner.base.errors import InputError
from cbpner.corpora.query import MAX_DEPTH, And, Not, Or, Query, QuerySyntaxError, Term, parse_query

CONNECTION = duckdb.connect()


def find_in_duckdb(query, text):
    condition, parameters = query.to_sql("text")
    return CONNECTION.execute(f"SELECT {condition} FROM (SELECT ?::VARCHAR AS text)", [*parameters, text]).fetchone()[0]


def finds(query, text):
    """What both engines say."""
    query = parse_query(query)
    assert find_in_duckdb(query, text) is query.matches(text)
    return query.matches(text)


@pytest.mark.parametrize(
    ("query", "root"),
    [
        ("基因", Term("基因")),
        ("人类 AND 基因", And((Term("人类"), Term("基因")))),
        ("a AND b AND c", And((Term("a"), Term("b"), Term("c")))),
        ("a OR b AND c", Or((Term("a"), And((Term("b"), Term("c")))))),
        ("a AND b OR c", Or((And((Term("a"), Term("b"))), Term("c")))),
        ("(a OR b) AND c", And((Or((Term("a"), Term("b"))), Term("c")))),
        ("NOT a AND b", And((Not(Term("a")), Term("b")))),
        ("NOT (a AND b)", Not(And((Term("a"), Term("b"))))),
        ("not NOT a", Not(Not(Term("a")))),
        ("a aNd nOt b oR c", Or((And((Term("a"), Not(Term("b")))), Term("c")))),
        ("（人类\u3000ＡＮＤ\u3000基因） or 酶", Or((And((Term("人类"), Term("基因"))), Term("酶")))),
        ("(a)AND(b)", And((Term("a"), Term("b")))),
        ('"乳腺癌 标记物"', Term("乳腺癌 标记物")),
        ("“a b” AND 「c d」 AND 『e』", And((Term("a b"), Term("c d"), Term("e")))),
        ('"and"', Term("and")),
        ("android AND NOTCH1 AND ORAI1", And((Term("android"), Term("NOTCH1"), Term("ORAI1")))),
        ("miR-21-5p AND 5'端 AND CD8+", And((Term("miR-21-5p"), Term("5'端"), Term("CD8+")))),
        ('「a (b) " AND」', Term('a (b) " AND')),
    ],
)
def test_grammar(query, root):
    assert parse_query(query) == Query(root)


@pytest.mark.parametrize(
    ("query", "position", "words"),
    [
        ("", 0, "found the end; expected a term"),
        ("  ", 2, "found the end"),
        ("人类 AND", 6, "found the end; expected a term"),
        ("人类 AND ", 7, "found the end; expected a term"),
        ("人类 基因", 3, "found 基因; expected AND, OR or the end; words that belong together go in quotes"),
        ('人类"基因"', 2, "found the phrase '基因'; expected AND, OR or the end"),
        ("AND 基因", 0, "found AND; expected a term"),
        ("a OR OR b", 5, "found OR; expected a term"),
        ("a NOT b", 2, "A AND NOT B"),
        ("a AND NOT", 9, "found the end"),
        ("（人类 AND 基因", 10, r"found the end; expected AND, OR or \)"),
        ("人类）", 2, "no parenthesis is open"),
        ("（人类）or酶", 4, "found or酶; expected AND, OR or the end"),
        ("()", 1, r"found \); expected a term"),
        ('人类 AND "基因', 7, 'no end to this phrase; expected a closing "'),
        ("“基因", 0, "expected a closing ”"),
        ('a AND ""', 6, "empty phrase"),
        ("“ ”", 0, "empty phrase"),
        ("a 」", 2, "found a closing 」 without its opening"),
        ("(" * (MAX_DEPTH + 1) + "a", MAX_DEPTH + 1, "at most 100"),
        ("NOT " * 100_000 + "a", 4 * (MAX_DEPTH + 1), "at most 100"),
    ],
)
def test_errors_name_the_place(query, position, words):
    with pytest.raises(QuerySyntaxError, match=words) as caught:
        parse_query(query)
    assert caught.value.position == position
    assert isinstance(caught.value, InputError)
    assert f"character {position + 1}:" in str(caught.value)


def test_caret_counts_columns_of_full_width_characters():
    with pytest.raises(QuerySyntaxError) as caught:
        parse_query("人类\u3000AND 基因\n酶")
    # white space is shown as one space; then 人类 4 columns, space 1, AND 3, space 1, 基因 4, space 1
    assert str(caught.value).split("\n")[1:] == ["  人类 AND 基因 酶", "  " + " " * 14 + "^"]


def test_nesting_up_to_the_limit_is_read():
    query = parse_query("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH)
    assert query == Query(Term("a"))
    chain = parse_query(" AND ".join(["(a OR b)"] * 3000))
    assert chain.matches("xb")


def test_operators():
    for text, expected in (("人类基因", True), ("人类", False), ("基因", False), ("", False)):
        assert finds("人类 AND 基因", text) is expected
        assert finds("NOT (人类 AND 基因)", text) is not expected
    assert finds("人类 OR 基因", "基因")
    assert finds("人类 AND NOT 基因", "人类")
    assert not finds("人类 AND NOT 基因", "人类基因")
    assert finds("NOT a OR a", "b")


def test_case_and_width():
    for text in ("brca1", "BRCA1", "ＢＲＣＡ１", "Ｂrｃa1"):
        assert finds("Brca1", text)
        assert finds("ｂｒｃａ1", text)
    assert finds('"(α)"', "（α）")
    assert not finds("α", "Α")
    assert not finds("é", "É")
    assert not finds("基因", "基囙")
    assert finds("CD8+", "ＣＤ８＋")
    assert finds('"[0001]"', "［０００１］")
    assert finds("a.c", "A．C")
    assert not finds("a.c", "abc")


def test_white_space_beside_chinese_counts_for_nothing():
    for text in ("乳腺癌标记物", "乳腺癌 标记物", "乳 腺\n癌\u3000标记 \u200b物"):
        assert finds('"乳腺癌 标记物"', text)
        assert finds("乳腺癌标记物", text)
    assert not finds('"乳腺癌 标记物"', "乳腺癌的标记物")
    assert finds("BRCA1基因", "BRCA1 基因")
    assert finds('"BRCA1 基因"', "BRCA1基因")


def test_white_space_between_other_characters_is_white_space():
    assert finds('"breast cancer"', "Breast \n Cancer")
    assert not finds('"breast cancer"', "breastcancer")
    assert not finds("breastcancer", "breast cancer")
    assert finds('" breast  cancer "', "(breast\u3000cancer)")


def test_a_term_is_found_inside_longer_words():
    assert finds("HER2", "抗HER2抗体")
    assert finds("癌", "乳腺癌")


def test_null_is_an_empty_text():
    for query in ("a", "NOT a", "a OR NOT b"):
        assert find_in_duckdb(parse_query(query), None) is parse_query(query).matches("")


def test_the_papers_queries():
    text = "本发明公开了人 类乳腺癌的生物\n标记物及其基因。"
    assert finds("人类 AND 基因", text)
    assert finds("乳腺癌 AND 生物标记物", text)


CHARACTERS = "aAzＡＺｚ1１α基因癌（）()[]\\^-+*.?|&~#_'，、。 \u3000\n\t\u200b𠀀é"
words = st.text(CHARACTERS, min_size=1, max_size=4)
terms = words.filter(lambda text: text.strip(" \u3000\n\t\u200b")).map(Term)
roots = st.recursive(
    terms,
    lambda parts: (
        parts.map(Not)
        | st.lists(parts, min_size=2, max_size=3).map(lambda found: And(tuple(found)))
        | st.lists(parts, min_size=2, max_size=3).map(lambda found: Or(tuple(found)))
    ),
    max_leaves=6,
)
texts = st.text(CHARACTERS, max_size=12)


@settings(max_examples=200)
@given(roots, texts)
def test_duckdb_and_python_agree(root, text):
    assert find_in_duckdb(Query(root), text) is Query(root).matches(text)


def swap_case(text):
    """The other case of ASCII letters; what else there is matches itself alone."""
    return "".join(character.swapcase() if character.isascii() else character for character in text)


@settings(max_examples=200)
@given(terms, texts, texts)
def test_a_term_is_found_where_its_characters_stand(term, before, after):
    assert Query(term).matches(before + term.text + after)
    assert find_in_duckdb(Query(term), before + swap_case(term.text) + after)


@settings(max_examples=200)
@given(roots)
def test_what_is_written_is_read_again(root):
    assert parse_query(str(Query(root))) == Query(root)


@settings(max_examples=300)
@given(st.text(CHARACTERS + '"“”「」『』', max_size=15) | st.text(max_size=15))
def test_any_text_is_a_query_or_a_syntax_error(text):
    try:
        query = parse_query(text)
    except QuerySyntaxError as error:
        assert 0 <= error.position <= len(text)
    else:
        assert parse_query(str(query)) == query
        assert find_in_duckdb(query, text) is query.matches(text)
