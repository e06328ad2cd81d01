"""Boolean queries over a text, compiled to DuckDB conditions: AND, OR, NOT, parentheses, phrases.

    人类 AND 基因
    乳腺癌 AND (生物标记物 OR "biomarker") AND NOT "实验 动物"

Operators are words of their own, in any case; quote a term that reads like one. NOT binds tightest, then AND, then OR.
A term is a run of characters without white space, parentheses or quotes. A phrase is quoted with "", “”, 「」 or
『』 and may contain anything but its own closing quote. Two adjacent terms without an operator are an error.
Full-width parentheses and white space are equivalent to ASCII ones.

A term matches wherever the text contains its characters, also inside a longer word. ASCII letters and signs match in
either case and either width; other characters match themselves. White space next to a Chinese character is ignored,
in the query and in the text (`乳腺癌 标记物` matches `乳腺癌标记物`, `BRCA1基因` matches `BRCA1 基因`, both also
across a line break); between other characters of a phrase it matches any white space.
"""

import re
import unicodedata
from collections.abc import Iterator

from cbpner.base.errors import InputError
from cbpner.text.characters import CHINESE, SPACE, TO_ASCII

MAX_DEPTH = 100
TOKEN = re.compile(
    rf"""[{SPACE}]+|(?P<open>[(（])|(?P<close>[)）])|["“”＂](?P<double>[^"“”＂]*)["“”＂]|「(?P<single>[^」]*)」|"""
    rf"""『(?P<white>[^』]*)』|(?P<term>[^{SPACE}()（）"“”＂「」『』]+)"""
)
CLOSING = {"“": "”", "「": "」", "『": "』"}
SPACES = re.compile(f"[{SPACE}]+")
CHINESE_CHARACTER = re.compile(f"[{CHINESE}]")
TERM_START = 'a term, a "phrase", NOT or ('


class QuerySyntaxError(InputError):
    """A malformed query; `position` is the index of the offending character, or the query's length at its end."""

    def __init__(self, query: str, position: int, problem: str):
        shown = SPACES.sub(lambda match: " " * len(match[0]), query)
        columns = [1 + (unicodedata.east_asian_width(character) in "WF") for character in shown[:position]]
        super().__init__(f"query, character {position + 1}: {problem}\n  {shown}\n  {' ' * sum(columns)}^")
        self.position = position


def compile_query(query: str) -> tuple[str, list[str]]:
    """Compile a query; raise QuerySyntaxError where it is malformed.

    Returns a DuckDB condition on a column `text`, with a `?` for each parameter, and these: regular expressions.

    SQL's operators have the same names and precedence, so the tokens are translated one by one, in an order that is
    checked: where an operand begins a term, NOT or an opening parenthesis, behind it AND, OR or a closing one.
    """
    words: list[str] = []
    patterns: list[str] = []
    depth, negations, is_behind = 0, 0, False  # open parentheses; NOTs in a row; whether an operand has just ended
    for kind, text, position in _read_tokens(query):
        is_wrong_end = kind == (")" if not depth else "end")
        if is_behind != (kind in ("AND", "OR", ")", "end")) or is_wrong_end:
            hints = {")": "; no parenthesis is open", "NOT": " (A without B is A AND NOT B)"}
            other = ")" if depth else f"the end{hints.get(kind, '; quote words that belong together')}"
            found = {"end": "the end", "phrase": f"the phrase {text!r}"}.get(kind, text)
            expected = f"AND, OR or {other}" if is_behind else TERM_START
            raise QuerySyntaxError(query, position, f"found {found}; expected {expected}")
        is_behind = kind in ("term", "phrase", ")")
        depth += (kind == "(") - (kind == ")")
        negations = negations + 1 if kind == "NOT" else 0
        if depth + negations > MAX_DEPTH:
            raise QuerySyntaxError(query, position, f"expected at most {MAX_DEPTH} nested parentheses and NOTs")
        if kind in ("term", "phrase"):
            patterns.append(build_pattern(text))
        words.append("regexp_matches(text, ?)" if kind in ("term", "phrase") else kind.removesuffix("end"))
    return f"({' '.join(words).strip()})", patterns


def _read_tokens(query: str) -> Iterator[tuple[str, str, int]]:
    """Yield (kind, text, position) of each token: `(`, `)`, `AND`, `OR`, `NOT`, `term`, `phrase` and last `end`."""
    place = 0
    while place < len(query):
        match = TOKEN.match(query, place)
        if not match and query[place] in CLOSING.values():
            problem = f"found a closing {query[place]} without its opening; expected {TERM_START}"
            raise QuerySyntaxError(query, place, problem)
        if not match:
            closing = CLOSING.get(query[place], query[place])
            raise QuerySyntaxError(query, place, f"found no end to this phrase; expected a closing {closing}")
        kind, text = match.lastgroup, match[match.lastgroup or 0]
        if kind in ("double", "single", "white"):
            if not SPACES.sub("", text):
                raise QuerySyntaxError(query, place, "found an empty phrase; expected text between the quotes")
            yield "phrase", text, place
        elif kind:
            word = text.translate(TO_ASCII).upper()
            yield word if word in ("(", ")", "AND", "OR", "NOT") else "term", text, place
        place = match.end()
    yield "end", "", place


def build_pattern(term: str) -> str:
    """Build the regular expression of a term or phrase, valid for Python and for DuckDB's RE2."""
    pieces, before = [], ""
    for part in SPACES.split(term):
        for place, character in enumerate(part):
            if before and (CHINESE_CHARACTER.match(before) or CHINESE_CHARACTER.match(character)):
                pieces.append(f"[{SPACE}]*")
            elif before and place == 0:
                pieces.append(f"[{SPACE}]+")
            before, folded = character, character.translate(TO_ASCII)
            forms = dict.fromkeys((folded.lower(), folded.upper()) if folded.isascii() else ())
            wide = "".join(chr(ord(form) + 0xFEE0) for form in forms if ord(form) + 0xFEE0 in TO_ASCII)
            own = "".join(chr(92) + form if form in "^-[" + chr(92) + "]" else form for form in forms)
            pieces.append(f"[{own}{wide}]" if forms else folded)
    return "".join(pieces)
