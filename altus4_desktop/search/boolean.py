"""The boolean query language as InnoDB reads it: what a server would refuse never leaves here.

InnoDB's reader is the strict one (MyISAM and Aria take any text), and MySQL and MariaDB share it.
Facts established against MySQL 9.7 and MariaDB 10.11, and kept true by a differential test:

* Characters are read greedily: blanks; one of ``* ( ) + - < > ~ @``; a number; a word (anything up
  to a blank, a double quote, ``%`` or one of those operators); a phrase in double quotes on one
  line. A double quote without partner, ``%`` and line breaks are skipped.
* ``+ - ~ < >`` stand before a word, phrase or group, one at a time, blanks allowed between.
* ``*`` may stand before a word, where it means nothing, or once after it, where it means prefix.
* ``@number`` follows a phrase only.
* Each group also deepens what stands left of it. More than 32 levels, or more than 128 words in a
  phrase, is an error on MySQL; on MariaDB some thousand groups end the whole server process.
* Aria answers a required word together with two or more word beginnings (``+a b* c*``) with a loop
  that neither a time limit nor KILL ends (MariaDB 10.11).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from altus4_desktop.domain.errors import QuerySyntaxError
from altus4_desktop.search.words import word_spans

MAX_GROUPS = 32
MAX_PHRASE_WORDS = 128

_OPERATORS = "+-<>~"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_GROWING = str.maketrans("ȺȾ", "ⱥⱦ")
_TOKEN = re.compile(
    r"""
      (?P<phrase>"[^"\n]*")
    | (?P<operator>[*()+\-<>~@])
    | (?P<blank>[\t ]*[ ][\t ]*)
    | (?P<term>[^" \n*()+\-<>~@%]+)
    | (?P<skipped>["%\n])
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Word:
    """A word as typed: ``operator`` is the sign before it or "", ``prefix`` says ``*`` follows."""

    text: str
    start: int
    end: int
    operator: str = ""
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """The text between two double quotes; ``distance`` is the number after ``@``."""

    text: str
    start: int
    end: int
    operator: str = ""
    distance: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """What stands in one pair of parentheses."""

    items: tuple[Node, ...]
    start: int
    end: int
    operator: str = ""


Node = Word | Phrase | Group


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


class _Level:
    """One open group while reading: how it began and what it holds so far."""

    __slots__ = ("items", "operator", "start")

    def __init__(self, operator: str, start: int) -> None:
        self.operator = operator
        self.start = start
        self.items: list[Node] = []


def parse_boolean(text: str) -> tuple[Node, ...]:
    """The syntax tree of ``text``.

    Positions are indices into ``text``. Raises `QuerySyntaxError` where InnoDB would answer with
    error 1064 or with one of its limits.
    """
    return _Reader(text).read()


class _Reader:
    """Reads one text from left to right, without recursion: depth is the user's to choose."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0

    def read(self) -> tuple[Node, ...]:
        levels = [_Level("", 0)]
        groups = 0
        while (token := self._next()) is not None:
            operator, start = "", token.start
            if token.text in _OPERATORS and token.kind == "operator":
                operator = token.text
                token = self._operand_of(token)
            if token.kind == "phrase":
                levels[-1].items.append(self._phrase(token, operator, start))
            elif token.kind == "term":
                levels[-1].items.append(self._word(token, operator, start))
            elif token.text == "*":
                levels[-1].items.append(self._word(self._starred(token), operator, start))
            elif token.text == "(":
                groups += 1
                if groups > MAX_GROUPS:
                    raise QuerySyntaxError(
                        "There are more than {limit} pairs of parentheses.",
                        position=start,
                        hint="Leave some out.",
                        limit=MAX_GROUPS,
                    )
                levels.append(_Level(operator, start))
            elif token.text == ")":
                if len(levels) == 1:
                    raise QuerySyntaxError(
                        "There is no “(” for this “)”.",
                        position=token.start,
                        hint="Remove it, or put the text in double quotes.",
                    )
                level = levels.pop()
                levels[-1].items.append(
                    Group(tuple(level.items), level.start, token.end, level.operator)
                )
            else:
                raise QuerySyntaxError(
                    '“@” may only follow a phrase, as in "two words" @3.',
                    position=token.start,
                    hint="Put an address such as “name@example.com” in double quotes.",
                )
        if len(levels) > 1:
            raise QuerySyntaxError(
                "The “(” is never closed.",
                position=levels[-1].start,
                hint="Add a “)”, or put the text in double quotes.",
            )
        return tuple(levels[0].items)

    def _next(self) -> _Token | None:
        if self._at == len(self._tokens):
            return None
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _operand_of(self, operator: _Token) -> _Token:
        token = self._next()
        if token is None:
            raise QuerySyntaxError(
                "The operator “{operator}” at the end has nothing to work on.",
                position=operator.start,
                hint="Remove it, or put the word in double quotes.",
                operator=operator.text,
            )
        if token.kind == "operator" and token.text not in "*(":
            raise QuerySyntaxError(
                "The operator “{operator}” must stand before a word, a phrase or a “(”; "
                "here “{found}” follows.",
                position=operator.start,
                length=token.end - operator.start,
                hint="Keep one operator before each word, or put the word in double quotes.",
                operator=operator.text,
                found=token.text,
            )
        return token

    def _starred(self, star: _Token) -> _Token:
        token: _Token | None = star
        while token is not None and token.text == "*" and token.kind == "operator":
            token = self._next()
        if token is None or token.kind != "term":
            raise QuerySyntaxError(
                "The “*” belongs to no word.",
                position=star.start,
                hint="Write it once, directly after the beginning of a word: “flow*”.",
            )
        return token

    def _word(self, token: _Token, operator: str, start: int) -> Word:
        following = self._peek()
        if following is not None and following.kind == "operator" and following.text == "*":
            self._at += 1
            return Word(token.text, start, following.end, operator, prefix=True)
        return Word(token.text, start, token.end, operator)

    def _phrase(self, token: _Token, operator: str, start: int) -> Phrase:
        inner = token.text[1:-1]
        if sum(1 for _ in word_spans(inner)) > MAX_PHRASE_WORDS:
            raise QuerySyntaxError(
                "A phrase may have at most {limit} words.",
                position=token.start,
                length=token.end - token.start,
                hint="Shorten the phrase, or leave out the double quotes.",
                limit=MAX_PHRASE_WORDS,
            )
        following = self._peek()
        if following is None or following.kind != "operator" or following.text != "@":
            return Phrase(inner, start, token.end, operator)
        self._at += 1
        number = self._next()
        if number is None or not _is_number(number):
            raise QuerySyntaxError(
                'After “@” there must be a number of words, as in "two words" @3.',
                position=following.start,
                hint="Write the number, or remove the “@”.",
            )
        return Phrase(inner, start, number.end, operator, distance=int(number.text[:9]))


def _is_number(token: _Token) -> bool:
    return token.kind == "term" and token.text.isascii() and token.text.isdigit()


def _tokens(text: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup or ""
        if kind in {"blank", "skipped"}:
            continue
        if kind == "term" and not found.group().strip("\t"):
            continue
        yield _Token(kind, found.group(), found.start(), found.end())


def clean_query(text: str) -> str:
    """``text`` with every control character turned into a blank, position for position.

    A NUL ends a query half-way on the server, a line break inside a phrase undoes the phrase, and
    MySQL drops all that follows one of the two letters that grow when it makes them small.
    """
    return _CONTROL.sub(" ", text).translate(_GROWING)


def hangs_aria(nodes: Sequence[Node]) -> bool:
    """Whether an Aria table would never come back from this query."""
    required = beginnings = 0
    for node in walk(nodes):
        required += node.operator == "+"
        beginnings += isinstance(node, Word) and node.prefix
    return required > 0 and beginnings > 1


def walk(nodes: Sequence[Node]) -> Iterator[Node]:
    """Every node, each group before what it holds."""
    waiting = list(reversed(nodes))
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, Group):
            waiting.extend(reversed(node.items))


def plain_text(text: str) -> str:
    """The same words without operators: what “search as plain text” puts in the box."""
    return " ".join(re.sub(r"[\s*()+\-<>~@%\"]+", " ", text).split())
