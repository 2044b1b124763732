"""What becomes of each word of a query in one index: looked up, or ignored and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import QuerySyntaxError
from altus4_desktop.domain.schema import FulltextSettings, TableInfo
from altus4_desktop.search.boolean import Group, Node, Phrase, Word, parse_boolean
from altus4_desktop.search.natural import natural_phrases
from altus4_desktop.search.words import Folding, collation_folding, has_cjk, split_words


class Fate(StrEnum):
    """What an index does with a word."""

    INDEXED = "indexed"
    STOP_WORD = "stop_word"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NEEDS_NGRAM = "needs_ngram"


@dataclass(frozen=True, slots=True)
class IndexRules:
    """Which words one index holds; ``ngram_size`` 0 means the built-in parser."""

    min_length: int
    max_length: int
    stop_words: frozenset[str]
    ngram_size: int
    folding: Folding
    reads_phrases: bool

    def fate(self, word: str) -> Fate:
        """What the index does with ``word``, which holds word characters only."""
        if self.ngram_size:
            return Fate.INDEXED if len(word) >= self.ngram_size else Fate.TOO_SHORT
        if word.lower() in self.stop_words:
            return Fate.STOP_WORD
        if len(word) > self.max_length:
            return Fate.TOO_LONG
        if len(word) < self.min_length:
            return Fate.NEEDS_NGRAM if has_cjk(word) else Fate.TOO_SHORT
        return Fate.INDEXED

    def reason(self, fate: Fate) -> str:
        """Why the index does not hold a word with this fate, as the end of a sentence."""
        if fate is Fate.STOP_WORD:
            return "a stop word"
        if fate is Fate.TOO_LONG:
            return f"longer than {self.max_length} characters"
        if fate is Fate.NEEDS_NGRAM:
            return "too short without the ngram parser"
        return f"shorter than {self.ngram_size or self.min_length} characters"


@dataclass(frozen=True, slots=True)
class JudgedWord:
    """One word of a term and what the index does with it."""

    text: str
    fate: Fate


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase of the query.

    ``required`` holds for ``+`` outside parentheses, ``excluded`` for ``-`` on the term or a group
    around it. A term that is no phrase may still have several words (``node.js``).
    """

    text: str
    words: tuple[JudgedWord, ...]
    required: bool = False
    excluded: bool = False
    prefix: bool = False
    phrase: bool = False
    distance: bool = False

    @property
    def indexed(self) -> bool:
        """Whether at least one of its words can be found."""
        return any(word.fate is Fate.INDEXED for word in self.words)


def index_rules(
    table: TableInfo,
    settings: FulltextSettings,
    flavour: Flavour,
    parser: str = "",
) -> IndexRules:
    """The rules of an index of ``table`` with ``parser`` ("" is the built-in one)."""
    innodb = table.engine.lower() == "innodb"
    ngram = parser == "ngram" and flavour is Flavour.MYSQL
    return _rules(
        settings.innodb_min_token_size if innodb else settings.myisam_min_word_len,
        settings.innodb_max_token_size if innodb else settings.myisam_max_word_len,
        settings.innodb_stopwords if innodb else settings.myisam_stopwords,
        settings.ngram_token_size if ngram else 0,
        collation_folding(table.collation),
        innodb,
    )


@cache
def _rules(
    min_length: int,
    max_length: int,
    stop_words: frozenset[str],
    ngram_size: int,
    folding: Folding,
    innodb: bool,
) -> IndexRules:
    return IndexRules(
        min_length=min_length,
        max_length=max_length,
        stop_words=frozenset(word.lower() for word in stop_words),
        ngram_size=ngram_size,
        folding=folding,
        reads_phrases=innodb,
    )


def read_terms(query: str, rules: IndexRules, *, boolean: bool) -> tuple[Term, ...]:
    """The terms of ``query`` in the order in which they stand there."""
    return tuple(_boolean_terms(query, rules) if boolean else _natural_terms(query, rules))


def _natural_terms(query: str, rules: IndexRules) -> Iterator[Term]:
    phrases: list[str] = []
    rest = query
    if rules.reads_phrases and '"' in query:
        phrases, rest = natural_phrases(query)
    for phrase in phrases:
        words = _judge(phrase, rules)
        if words:
            yield Term(phrase, words, phrase=True)
    for word in dict.fromkeys(split_words(rest)):
        yield Term(word, (JudgedWord(word, rules.fate(word)),))


def _boolean_terms(query: str, rules: IndexRules) -> Iterator[Term]:
    try:
        nodes = parse_boolean(query)
    except QuerySyntaxError:
        # Only asked for what was passed on, but a caller may ask while the user is typing.
        return
    yield from _terms_of(nodes, rules)


def _terms_of(nodes: Sequence[Node], rules: IndexRules) -> Iterator[Term]:
    waiting: list[tuple[Node, bool, bool]] = [(node, True, False) for node in reversed(nodes)]
    while waiting:
        node, outermost, excluded = waiting.pop()
        excluded = excluded or node.operator == "-"
        if isinstance(node, Group):
            waiting.extend((item, False, excluded) for item in reversed(node.items))
            continue
        yield Term(
            text=node.text,
            words=_judge(node.text, rules, prefix=isinstance(node, Word) and node.prefix),
            required=outermost and node.operator == "+",
            excluded=excluded,
            prefix=isinstance(node, Word) and node.prefix,
            phrase=isinstance(node, Phrase),
            distance=isinstance(node, Phrase) and node.distance is not None,
        )


def _judge(text: str, rules: IndexRules, *, prefix: bool = False) -> tuple[JudgedWord, ...]:
    words = split_words(text)
    judged = [JudgedWord(word, rules.fate(word)) for word in words]
    if prefix and judged and judged[-1].fate is Fate.TOO_SHORT:
        # A beginning may be shorter than the words it begins.
        judged[-1] = JudgedWord(words[-1], Fate.INDEXED)
    return tuple(judged)
