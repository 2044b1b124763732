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
from enum import StrEnum

from altus4_desktop.domain.errors import QuerySyntaxError
from altus4_desktop.domain.query_reading import Mark, Span
from altus4_desktop.search.words import word_spans

MAX_GROUPS = 32
MAX_PHRASE_WORDS = 128

_OPERATORS = "+-<>~"
_SIGNS = _OPERATORS + "*"

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
_GAP = re.compile(r"[ \t]+|[^ \t]+")


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


class Fault(StrEnum):
    """Why a server refuses the text; the values are the numbers of the rules."""

    GROUP = "FT002"
    TRAILING = "FT003"
    AT_SIGN = "FT004"
    ALONE = "FT005"
    TWO_OPERATORS = "FT006"
    LIMIT = "FT018"


@dataclass(frozen=True, slots=True)
class Problem:
    """A place that a server refuses; the sentence is the error's."""

    fault: Fault
    start: int
    end: int
    error: QuerySyntaxError


@dataclass(frozen=True, slots=True)
class Reading:
    """The whole text as read: with problems, ``nodes`` is what is left when their places are
    skipped and open groups are closed at the end. ``spans`` cover every character once."""

    text: str
    nodes: tuple[Node, ...]
    problems: tuple[Problem, ...]
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


class _Level:
    """One open group while reading: how it began and what it holds so far."""

    __slots__ = ("items", "operator", "paren", "start")

    def __init__(self, operator: str, start: int, paren: int) -> None:
        self.operator = operator
        self.start = start
        self.paren = paren
        self.items: list[Node] = []


def parse_boolean(text: str) -> tuple[Node, ...]:
    """The syntax tree of ``text``.

    Positions are indices into ``text``. Raises `QuerySyntaxError` where InnoDB would answer with
    error 1064 or with one of its limits.
    """
    reading = read_boolean(text)
    if reading.problems:
        raise reading.problems[0].error
    return reading.nodes


def read_boolean(text: str) -> Reading:
    """``text`` with every problem in it, the first to be met first."""
    return _Reader(text).read()


class _Reader:
    """Reads one text from left to right, without recursion: depth is the user's to choose."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0
        self._problems: list[Problem] = []
        self._marks: dict[int, Span] = {}

    def read(self) -> Reading:
        levels = [_Level("", 0, 0)]
        groups = 0
        while (token := self._next()) is not None:
            operator, start = "", token.start
            if token.kind == "operator" and token.text in _OPERATORS:
                self._mark(token, Mark.OPERATOR)
                operand = self._operand_of(token, alone=not levels[-1].items)
                if operand is None:
                    continue
                operator, start, token = operand
            if token.kind == "phrase":
                levels[-1].items.append(self._phrase(token, operator, start))
            elif token.kind == "term":
                levels[-1].items.append(self._word(token, operator, start))
            elif token.text == "*":
                starred = self._starred(token, alone=not levels[-1].items)
                if starred is not None:
                    levels[-1].items.append(self._word(starred, operator, start))
            elif token.text == "(":
                groups += 1
                self._mark(token, Mark.GROUP)
                if groups == MAX_GROUPS + 1:
                    self._too_many_groups(start)
                levels.append(_Level(operator, start, token.start))
            elif token.text == ")":
                if len(levels) == 1:
                    self._stray_parenthesis(token)
                    continue
                self._mark(token, Mark.GROUP)
                level = levels.pop()
                levels[-1].items.append(
                    Group(tuple(level.items), level.start, token.end, level.operator)
                )
            else:
                self._stray_at_sign(token)
        self._close(levels)
        return Reading(
            self._text, tuple(levels[0].items), tuple(self._problems), tuple(self._spans())
        )

    def _close(self, levels: list[_Level]) -> None:
        while len(levels) > 1:
            self._never_closed(levels[-1])
            level = levels.pop()
            levels[-1].items.append(
                Group(tuple(level.items), level.start, len(self._text), level.operator)
            )

    def _next(self) -> _Token | None:
        if self._at == len(self._tokens):
            return None
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _mark(self, token: _Token, mark: Mark) -> None:
        self._marks[token.start] = Span(mark, token.start, token.end)

    def _refuse(self, fault: Fault, error: QuerySyntaxError, *tokens: _Token) -> None:
        for token in tokens:
            self._mark(token, Mark.ERROR)
        first = tokens[0].start if tokens else error.position
        last = tokens[-1].end if tokens else error.position + error.length
        self._problems.append(Problem(fault, first, last, error))

    def _spans(self) -> Iterator[Span]:
        at = 0
        for start in sorted(self._marks):
            yield from self._between(at, start)
            yield self._marks[start]
            at = self._marks[start].end
        yield from self._between(at, len(self._text))

    def _between(self, start: int, end: int) -> Iterator[Span]:
        for found in _GAP.finditer(self._text, start, end):
            blank = found.group()[0] in " \t"
            yield Span(Mark.BLANK if blank else Mark.SKIPPED, *found.span())

    def _operand_of(self, operator: _Token, *, alone: bool) -> tuple[str, int, _Token] | None:
        """What the operator stands before, with the operator that counts; None without any."""
        run = [operator]
        token = self._next()
        while token is not None and token.kind == "operator" and token.text in _SIGNS:
            if token.text == "*":
                stars = self._vain_stars(token)
                if not stars:
                    break
                run.extend(stars)
            else:
                run.append(token)
            token = self._next()
        blocked = (
            token is None
            or run[-1].text == "*"
            or (token.kind == "operator" and token.text in ")@")
        )
        if len(run) == 1 and not blocked and token is not None:
            return operator.text, operator.start, token
        error = _misplaced(operator, run[1] if len(run) > 1 else token)
        if not blocked and token is not None:
            self._refuse(Fault.TWO_OPERATORS, error, *run[:-1])
            self._mark(run[-1], Mark.OPERATOR)
            # Which of them is meant is for the user to say.
            return "", token.start, token
        self._refuse(Fault.ALONE if alone else Fault.TRAILING, error, *run)
        if token is not None:
            self._at -= 1
        return None

    def _vain_stars(self, star: _Token) -> list[_Token]:
        """The ``*`` from ``star`` on, the last one taken, unless a word follows them."""
        end = self._at
        while end < len(self._tokens) and self._tokens[end].text == "*":
            end += 1
        if end < len(self._tokens) and self._tokens[end].kind == "term":
            return []
        stars = [star, *self._tokens[self._at : end]]
        self._at = end
        return stars

    def _starred(self, star: _Token, *, alone: bool) -> _Token | None:
        stars = [star]
        token = self._next()
        while token is not None and token.text == "*" and token.kind == "operator":
            stars.append(token)
            token = self._next()
        if token is not None and token.kind == "term":
            for one in stars:
                self._mark(one, Mark.SKIPPED)
            return token
        self._refuse(Fault.ALONE if alone else Fault.TRAILING, _vain_star(star), *stars)
        if token is not None:
            self._at -= 1
        return None

    def _word(self, token: _Token, operator: str, start: int) -> Word:
        self._mark(token, Mark.WORD)
        following = self._peek()
        if following is not None and following.kind == "operator" and following.text == "*":
            self._at += 1
            self._mark(following, Mark.PREFIX)
            return Word(token.text, start, following.end, operator, prefix=True)
        return Word(token.text, start, token.end, operator)

    def _phrase(self, token: _Token, operator: str, start: int) -> Phrase:
        inner = token.text[1:-1]
        self._mark(token, Mark.PHRASE)
        if sum(1 for _ in word_spans(inner)) > MAX_PHRASE_WORDS:
            error = QuerySyntaxError(
                "A phrase may have at most {limit} words.",
                position=token.start,
                length=token.end - token.start,
                hint="Shorten the phrase, or leave out the double quotes.",
                limit=MAX_PHRASE_WORDS,
            )
            self._refuse(Fault.LIMIT, error, token)
        following = self._peek()
        if following is None or following.kind != "operator" or following.text != "@":
            return Phrase(inner, start, token.end, operator)
        self._at += 1
        number = self._peek()
        if number is None or not _is_number(number):
            error = QuerySyntaxError(
                'After “@” there must be a number of words, as in "two words" @3.',
                position=following.start,
                hint="Write the number, or remove the “@”.",
            )
            self._refuse(Fault.AT_SIGN, error, following)
            return Phrase(inner, start, token.end, operator)
        self._at += 1
        self._mark(following, Mark.DISTANCE)
        self._mark(number, Mark.DISTANCE)
        return Phrase(inner, start, number.end, operator, distance=int(number.text[:9]))

    def _too_many_groups(self, start: int) -> None:
        error = QuerySyntaxError(
            "There are more than {limit} pairs of parentheses.",
            position=start,
            hint="Leave some out.",
            limit=MAX_GROUPS,
        )
        self._refuse(Fault.LIMIT, error)

    def _stray_parenthesis(self, token: _Token) -> None:
        error = QuerySyntaxError(
            "There is no “(” for this “)”.",
            position=token.start,
            hint="Remove it, or put the text in double quotes.",
        )
        self._refuse(Fault.GROUP, error, token)

    def _never_closed(self, level: _Level) -> None:
        error = QuerySyntaxError(
            "The “(” is never closed.",
            position=level.start,
            hint="Add a “)”, or put the text in double quotes.",
        )
        self._marks[level.paren] = Span(Mark.ERROR, level.paren, level.paren + 1)
        self._problems.append(Problem(Fault.GROUP, level.paren, level.paren + 1, error))

    def _stray_at_sign(self, token: _Token) -> None:
        error = QuerySyntaxError(
            '“@” may only follow a phrase, as in "two words" @3.',
            position=token.start,
            hint="Put an address such as “name@example.com” in double quotes.",
        )
        self._refuse(Fault.AT_SIGN, error, token)


def _misplaced(operator: _Token, following: _Token | None) -> QuerySyntaxError:
    if following is None:
        return QuerySyntaxError(
            "The operator “{operator}” at the end has nothing to work on.",
            position=operator.start,
            hint="Remove it, or put the word in double quotes.",
            operator=operator.text,
        )
    if following.text == "*":
        return _vain_star(following)
    return QuerySyntaxError(
        "The operator “{operator}” must stand before a word, a phrase or a “(”; "
        "here “{found}” follows.",
        position=operator.start,
        length=following.end - operator.start,
        hint="Keep one operator before each word, or put the word in double quotes.",
        operator=operator.text,
        found=following.text,
    )


def _vain_star(star: _Token) -> QuerySyntaxError:
    return QuerySyntaxError(
        "The “*” belongs to no word.",
        position=star.start,
        hint="Write it once, directly after the beginning of a word: “flow*”.",
    )


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
