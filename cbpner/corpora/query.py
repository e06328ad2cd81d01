"""Boolean queries over a text: AND, OR, NOT, parentheses, phrases.

    人类 AND 基因
    乳腺癌 AND (生物标记物 OR "biomarker") AND NOT "实验 动物"

Operators may be in any case and stand alone; a term that reads like one is quoted. NOT binds tightest, then AND, then
OR. A term is whatever stands between white space, parentheses and quotes; a phrase is quoted with "", “”, 「」 or 『』,
and may hold all of these but its own closing quote. Two terms side by side are an error: which operator was meant is
for the user to say. Full-width parentheses and white space count as theirs.

A term is found wherever the text has its characters, also inside a longer word. The letters A to Z match in either
case, and full-width forms of ASCII their ASCII; other characters match themselves. White space beside a Chinese
character counts for nothing, in the query as in the text (`乳腺癌 标记物` finds `乳腺癌标记物`, `BRCA1基因` finds
`BRCA1 基因`, and both find their characters over a line break); between other characters of a phrase it matches any
white space.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property

from cbpner.base.errors import InputError
from cbpner.text.characters import CHINESE, SPACE

MAX_DEPTH = 100
QUOTES = {'"': '"”“＂', "“": '”"“＂', "”": '”"“＂', "＂": '＂"”“', "「": "」", "『": "』"}  # opening: closing
WRITTEN_QUOTES = ('""', "「」", "『』")
PARENTHESES = {"(": "(", "（": "(", ")": ")", "）": ")"}
OPERATORS = ("AND", "OR", "NOT")
TERM = re.compile(f"[^{SPACE}{re.escape(''.join(QUOTES))}{re.escape(''.join(PARENTHESES))}」』]+")
SPACES = re.compile(f"[{SPACE}]+")
CHINESE_CHARACTER = re.compile(f"[{CHINESE}]")
TO_ASCII = {code + 0xFEE0: code for code in range(0x21, 0x7F)}
IN_CLASS = frozenset("\\]^-[")  # what has a meaning between brackets
WANTED = 'a term, a "phrase", NOT or ('


class QuerySyntaxError(InputError):
    """A query that cannot be read; the message shows where.

    position: of the character at fault, from 0; the query's length where something is missing at its end.
    """

    def __init__(self, query, position, problem):
        shown = SPACES.sub(lambda match: " " * len(match[0]), query)
        caret = " " * sum(map(measure_width, shown[:position])) + "^"
        super().__init__(f"query, character {position + 1}: {problem}\n  {shown}\n  {caret}")
        self.position = position


def measure_width(character):
    """Columns that a character takes in a terminal."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


@dataclass(frozen=True)
class Term:
    """A term or a phrase, as it was written, without its quotes."""

    text: str

    @cached_property
    def pattern(self):
        """The regular expression that finds it, in Python's dialect and RE2's alike."""
        return build_pattern(self.text)

    @cached_property
    def compiled(self):
        return re.compile(self.pattern)

    def matches(self, text):
        return self.text in text or self.compiled.search(text) is not None

    def to_sql(self, column):
        return f"(contains({column}, ?) OR regexp_matches({column}, ?))", [self.text, self.pattern]

    def __str__(self):
        plain = TERM.fullmatch(self.text) and read_operator(self.text) is None
        if plain:
            return self.text
        left, right = next(quotes for quotes in WRITTEN_QUOTES if not set(QUOTES[quotes[0]]) & set(self.text))
        return f"{left}{self.text}{right}"


@dataclass(frozen=True)
class Not:
    part: object

    def matches(self, text):
        return not self.part.matches(text)

    def to_sql(self, column):
        sql, parameters = self.part.to_sql(column)
        return f"(NOT {sql})", parameters

    def __str__(self):
        return f"NOT {bracket(self.part, (And, Or))}"


@dataclass(frozen=True)
class And:
    """All of two or more parts."""

    parts: tuple

    def matches(self, text):
        return all(part.matches(text) for part in self.parts)

    def to_sql(self, column):
        return join_sql(" AND ", self.parts, column)

    def __str__(self):
        return " AND ".join(bracket(part, (And, Or)) for part in self.parts)


@dataclass(frozen=True)
class Or:
    """At least one of two or more parts."""

    parts: tuple

    def matches(self, text):
        return any(part.matches(text) for part in self.parts)

    def to_sql(self, column):
        return join_sql(" OR ", self.parts, column)

    def __str__(self):
        return " OR ".join(bracket(part, (Or,)) for part in self.parts)


@dataclass(frozen=True)
class Query:
    """A query that was read; `str` writes it in its plainest form."""

    root: Term | Not | And | Or

    def matches(self, text):
        """Is the text one that the query asks for?"""
        return self.root.matches(text)

    def to_sql(self, column):
        """(condition, parameters): the same for DuckDB, with a `?` a parameter; NULL counts as an empty text.

        column: a column's name or another SQL expression, which is written into the condition as it stands.
        """
        return self.root.to_sql(f"coalesce({column}, '')")

    def __str__(self):
        return str(self.root)


def parse_query(text):
    """The Query that a text asks for; QuerySyntaxError where it is none."""
    return Parser(text).parse()


def bracket(part, kinds):
    return f"({part})" if isinstance(part, kinds) else str(part)


def join_sql(operator, parts, column):
    written = [part.to_sql(column) for part in parts]
    parameters = [value for _, values in written for value in values]
    return f"({operator.join(sql for sql, _ in written)})", parameters


def build_pattern(text):
    """A term's regular expression: each character in all its forms, white space as the module's text says."""
    pieces, before = [], ""
    for part in SPACES.split(text):
        for place, character in enumerate(part):
            is_free = bool(CHINESE_CHARACTER.match(before) or CHINESE_CHARACTER.match(character))
            if before and is_free:
                pieces.append(f"[{SPACE}]*")
            elif before and place == 0:
                pieces.append(f"[{SPACE}]+")
            pieces.append(match_character(character))
            before = character
    return "".join(pieces)


def match_character(character):
    """A regular expression for a character: in either case and width where it is ASCII, else itself."""
    folded = character.translate(TO_ASCII)
    if not folded.isascii():
        return folded
    forms = dict.fromkeys((folded.lower(), folded.upper()))
    wide = "".join(chr(ord(form) + 0xFEE0) for form in forms if ord(form) + 0xFEE0 in TO_ASCII)
    return f"[{''.join(chr(92) + form if form in IN_CLASS else form for form in forms)}{wide}]"


def read_operator(word):
    """AND, OR or NOT where the word is that, in whatever case and width; else None."""
    name = word.translate(TO_ASCII).upper()
    return name if name in OPERATORS else None


def read_tokens(query):
    """[(kind, text, position), ...]; kind: '(', ')', AND, OR, NOT, 'term', 'phrase', at last 'end'."""
    tokens, place = [], 0
    while place < len(query):
        character = query[place]
        if space := SPACES.match(query, place):
            place = space.end()
        elif character in PARENTHESES:
            tokens.append((PARENTHESES[character], character, place))
            place += 1
        elif character in QUOTES:
            phrase = read_phrase(query, place)
            tokens.append(("phrase", phrase, place))
            place += len(phrase) + 2
        elif term := TERM.match(query, place):
            tokens.append((read_operator(term[0]) or "term", term[0], place))
            place = term.end()
        else:
            raise QuerySyntaxError(query, place, f"found a closing {character} without its opening; expected {WANTED}")
    return [*tokens, ("end", "", len(query))]


def read_phrase(query, start):
    """The text between the quote at `start` and the next that closes it."""
    closing = QUOTES[query[start]]
    end = next((place for place in range(start + 1, len(query)) if query[place] in closing), None)
    if end is None:
        raise QuerySyntaxError(query, start, f"found no end to this phrase; expected a closing {closing[0]}")
    phrase = query[start + 1 : end]
    if not SPACES.sub("", phrase):
        raise QuerySyntaxError(query, start, "found an empty phrase; expected text between the quotes")
    return phrase


class Parser:
    """Recursive descent over the tokens; `depth` counts open parentheses and NOTs."""

    def __init__(self, query):
        self.query, self.tokens, self.place, self.depth = query, read_tokens(query), 0, 0

    @property
    def kind(self):
        return self.tokens[self.place][0]

    def parse(self):
        root = self.parse_or()
        if self.kind != "end":
            hints = {")": "; no parenthesis is open", "NOT": " (A without B is A AND NOT B)"}
            hint = hints.get(self.kind, "; words that belong together go in quotes")
            self.fail(f"AND, OR or the end{hint}")
        return Query(root)

    def parse_or(self):
        return self.parse_list("OR", Or, self.parse_and)

    def parse_and(self):
        return self.parse_list("AND", And, self.parse_not)

    def parse_list(self, operator, kind, parse_part):
        parts = [parse_part()]
        while self.kind == operator:
            self.place += 1
            parts.append(parse_part())
        return parts[0] if len(parts) == 1 else kind(tuple(parts))

    def parse_not(self):
        if self.kind != "NOT":
            return self.parse_atom()
        self.open()
        part = self.parse_not()
        self.depth -= 1
        return Not(part)

    def parse_atom(self):
        kind, text, _ = self.tokens[self.place]
        if kind in ("term", "phrase"):
            self.place += 1
            return Term(text)
        if kind != "(":
            self.fail(WANTED)
        self.open()
        part = self.parse_or()
        if self.kind != ")":
            self.fail("AND, OR or )")
        self.place += 1
        self.depth -= 1
        return part

    def open(self):
        self.place += 1
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"at most {MAX_DEPTH} parentheses and NOTs in one another")

    def fail(self, expected):
        kind, text, position = self.tokens[self.place]
        found = {"end": "the end", "phrase": f"the phrase {text!r}"}.get(kind, text)
        raise QuerySyntaxError(self.query, position, f"found {found}; expected {expected}")
