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
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from cbpner.base.errors import InputError
from cbpner.text.characters import CHINESE, SPACE

MAX_DEPTH = 100
QUOTES = {'"': '"”“＂', "“": '”"“＂', "”": '”"“＂', "＂": '＂"”“', "「": "」", "『": "』"}  # opening: closing
PARENTHESES = {"(": "(", "（": "(", ")": ")", "）": ")"}
OPERATORS = ("AND", "OR", "NOT")
TERM = re.compile(f"[^{SPACE}{re.escape(''.join(QUOTES))}{re.escape(''.join(PARENTHESES))}」』]+")
SPACES = re.compile(f"[{SPACE}]+")
CHINESE_CHARACTER = re.compile(f"[{CHINESE}]")
TO_ASCII = {code + 0xFEE0: code for code in range(0x21, 0x7F)}
TERM_START = 'a term, a "phrase", NOT or ('


class Condition(NamedTuple):
    """A DuckDB condition on a column `text`, with a `?` for each parameter (a regular expression)."""

    sql: str
    parameters: list[str]


class Token(NamedTuple):
    """kind: `(`, `)`, `AND`, `OR`, `NOT`, `term`, `phrase` or, last, `end`. position: of its first character."""

    kind: str
    text: str
    position: int


class QuerySyntaxError(InputError):
    """A malformed query; `position` is the index of the offending character, or the query's length at its end."""

    def __init__(self, query: str, position: int, problem: str):
        shown = SPACES.sub(lambda match: " " * len(match[0]), query)
        columns = [1 + (unicodedata.east_asian_width(character) in "WF") for character in shown[:position]]
        super().__init__(f"query, character {position + 1}: {problem}\n  {shown}\n  {' ' * sum(columns)}^")
        self.position = position


def compile_query(query: str) -> Condition:
    """Compile a query to a DuckDB condition; raise QuerySyntaxError where it is malformed."""
    return _Parser(query).parse()


def build_pattern(term: str) -> str:
    """Build the regular expression of a term or phrase, valid for Python and for DuckDB's RE2."""
    pieces, before = [], ""
    for part in SPACES.split(term):
        for place, character in enumerate(part):
            if before and (CHINESE_CHARACTER.match(before) or CHINESE_CHARACTER.match(character)):
                pieces.append(f"[{SPACE}]*")
            elif before and place == 0:
                pieces.append(f"[{SPACE}]+")
            pieces.append(_match_character(character))
            before = character
    return "".join(pieces)


def _match_character(character: str) -> str:
    """A regular expression for a character: in either case and width where it is ASCII, else itself."""
    folded = character.translate(TO_ASCII)
    if not folded.isascii():
        return folded
    forms = dict.fromkeys((folded.lower(), folded.upper()))
    wide = "".join(chr(ord(form) + 0xFEE0) for form in forms if ord(form) + 0xFEE0 in TO_ASCII)
    return f"[{''.join(chr(92) + form if form in '^-[' + chr(92) + ']' else form for form in forms)}{wide}]"


def _read_tokens(query: str) -> list[Token]:
    tokens, place = [], 0
    while place < len(query):
        character = query[place]
        if space := SPACES.match(query, place):
            place = space.end()
        elif character in PARENTHESES:
            tokens.append(Token(PARENTHESES[character], character, place))
            place += 1
        elif character in QUOTES:
            end = next((end for end in range(place + 1, len(query)) if query[end] in QUOTES[character]), None)
            if end is None:
                problem = f"found no end to this phrase; expected a closing {QUOTES[character][0]}"
                raise QuerySyntaxError(query, place, problem)
            tokens.append(Token("phrase", query[place + 1 : end], place))
            if not SPACES.sub("", tokens[-1].text):
                raise QuerySyntaxError(query, place, "found an empty phrase; expected text between the quotes")
            place = end + 1
        elif term := TERM.match(query, place):
            word = term[0].translate(TO_ASCII).upper()
            tokens.append(Token(word if word in OPERATORS else "term", term[0], place))
            place = term.end()
        else:
            problem = f"found a closing {character} without its opening; expected {TERM_START}"
            raise QuerySyntaxError(query, place, problem)
    return [*tokens, Token("end", "", len(query))]


class _Parser:
    """Recursive descent over the tokens to SQL; `depth` counts open parentheses and NOTs."""

    def __init__(self, query: str):
        self.query, self.tokens, self.place, self.depth = query, _read_tokens(query), 0, 0
        self.patterns: list[str] = []

    @property
    def kind(self) -> str:
        return self.tokens[self.place].kind

    def parse(self) -> Condition:
        sql = self.parse_or()
        if self.kind != "end":
            hints = {")": "; no parenthesis is open", "NOT": " (A without B is A AND NOT B)"}
            self.fail(f"AND, OR or the end{hints.get(self.kind, '; quote words that belong together')}")
        return Condition(sql, self.patterns)

    def parse_or(self) -> str:
        return self.parse_list("OR", lambda: self.parse_list("AND", self.parse_not))

    def parse_list(self, operator: str, parse_part: Callable[[], str]) -> str:
        parts = [parse_part()]
        while self.kind == operator:
            self.place += 1
            parts.append(parse_part())
        return parts[0] if len(parts) == 1 else f"({f' {operator} '.join(parts)})"

    def parse_not(self) -> str:
        if self.kind != "NOT":
            return self.parse_atom()
        self.open()
        part = self.parse_not()
        self.depth -= 1
        return f"(NOT {part})"

    def parse_atom(self) -> str:
        token = self.tokens[self.place]
        if token.kind in ("term", "phrase"):
            self.place += 1
            self.patterns.append(build_pattern(token.text))
            return "regexp_matches(text, ?)"
        if token.kind != "(":
            self.fail(TERM_START)
        self.open()
        part = self.parse_or()
        if self.kind != ")":
            self.fail("AND, OR or )")
        self.place += 1
        self.depth -= 1
        return part

    def open(self) -> None:
        self.place += 1
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"at most {MAX_DEPTH} nested parentheses and NOTs")

    def fail(self, expected: str) -> NoReturn:
        kind, text, position = self.tokens[self.place]
        found = {"end": "the end", "phrase": f"the phrase {text!r}"}.get(kind, text)
        raise QuerySyntaxError(self.query, position, f"found {found}; expected {expected}")
