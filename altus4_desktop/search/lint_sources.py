"""What a query runs into on some of its sources: rules that need the servers' settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from altus4_desktop.domain.query_reading import Finding, QuickFix, Severity, TextEdit
from altus4_desktop.domain.searching import SourceRef
from altus4_desktop.search.boolean import (
    Phrase,
    Reading,
    Word,
    hangs_aria,
    walk,
)
from altus4_desktop.search.lint_order import beginnings_after_phrases, signs_before_groups
from altus4_desktop.search.repairs import cut, drop_operator, remove_node, word_start
from altus4_desktop.search.terms import Fate, IndexRules
from altus4_desktop.search.words import Folding, has_cjk, split_words, word_spans


@dataclass(frozen=True, slots=True)
class QuerySource:
    """One index that the query will ask; ``engine`` is the server's name of it."""

    ref: SourceRef
    rules: IndexRules
    engine: str
    mariadb: bool = False

    @property
    def innodb(self) -> bool:
        """Whether InnoDB reads the query; MyISAM and Aria read it alike, and otherwise."""
        return self.engine.lower() == "innodb"


@dataclass(frozen=True, slots=True)
class UnsearchedTable:
    """A chosen table that no search can ask: it has no FULLTEXT index."""

    ref: SourceRef
    partitioned: bool = False


def lint_for_sources(
    reading: Reading, sources: Sequence[QuerySource], unsearched: Sequence[UnsearchedTable]
) -> Iterator[Finding]:
    """The findings of boolean text."""
    others = [source for source in sources if not source.innodb]
    yield from _required(reading, sources)
    for node in walk(reading.nodes):
        if isinstance(node, Word | Phrase):
            yield from _words(
                reading.text,
                node.text,
                word_start(reading.text, node) + isinstance(node, Phrase),
                sources,
                node,
            )
    if not reading.problems:
        if others:
            yield from _read_otherwise(reading, others, sources)
        yield from _in_order(reading, sources)
    yield from _of_tables(sources, unsearched)


def lint_natural_for_sources(
    text: str, sources: Sequence[QuerySource], unsearched: Sequence[UnsearchedTable]
) -> Iterator[Finding]:
    """The findings of natural text."""
    yield from _words(text, text, 0, sources, None)
    others = [source for source in sources if not source.innodb]
    if others and split_words(text):
        yield Finding(
            "FT020",
            Severity.HINT,
            0,
            0,
            "In natural mode MyISAM and Aria tables ignore words that are in half of the rows or "
            "more.",
            "Boolean mode has no such limit.",
            _where(others, sources),
        )
    yield from _of_tables(sources, unsearched)


def _where(held: Sequence[QuerySource], all_: Sequence[QuerySource]) -> tuple[SourceRef, ...]:
    return () if len(held) == len(all_) else tuple(source.ref for source in held)


def _by_rules(
    sources: Sequence[QuerySource], holds: Callable[[IndexRules], bool]
) -> list[QuerySource]:
    judged: dict[IndexRules, bool] = {}
    held = []
    for source in sources:
        if source.rules not in judged:
            judged[source.rules] = holds(source.rules)
        if judged[source.rules]:
            held.append(source)
    return held


def _required(reading: Reading, sources: Sequence[QuerySource]) -> Iterator[Finding]:
    """A required word that no row can have; MyISAM and Aria leave the word out instead."""
    innodb = [source for source in sources if source.innodb]
    text = reading.text
    for node in walk(reading.nodes):
        if node.operator != "+" or not isinstance(node, Word | Phrase):
            continue
        words = split_words(node.text)
        if not words:
            continue
        prefix = isinstance(node, Word) and node.prefix
        for fate, rule, why in (
            (Fate.STOP_WORD, "FT007", "a stop word"),
            (Fate.TOO_SHORT, "FT008", "too short"),
        ):

            def empties(
                rules: IndexRules,
                fate: Fate = fate,
                words: list[str] = words,
                prefix: bool = prefix,
            ) -> bool:
                fates = [rules.fate(word) for word in words]
                if prefix and fates[-1] is Fate.TOO_SHORT:
                    fates[-1] = Fate.INDEXED
                return Fate.INDEXED not in fates and fates[0] is fate

            held = _by_rules(innodb, empties)
            if not held:
                continue
            shown = text[node.start + 1 : node.end].strip()
            fixes = [drop_operator(text, node, f"Drop the “+”: {shown}")]
            if rule == "FT008" and isinstance(node, Word) and not prefix and len(words) == 1:
                fixes.append(
                    QuickFix(
                        f"Search words that begin with it: +{shown}*",
                        (TextEdit(node.end, node.end, "*"),),
                    )
                )
            fixes.append(remove_node(text, node, f"Remove “+{shown}”"))
            yield Finding(
                rule,
                Severity.WARNING,
                node.start,
                node.end,
                f"“+{shown}” empties the result: the word is required but {why} for the index.",
                f"Drop the “+”: {shown}.",
                _where(held, sources),
                tuple(fixes),
            )


def _words(
    text: str,
    part: str,
    offset: int,
    sources: Sequence[QuerySource],
    node: Word | Phrase | None,
) -> Iterator[Finding]:
    """Words that are too long for an index, or need one made for their script."""
    prefix = isinstance(node, Word) and node.prefix
    for start, end in word_spans(part):
        word = part[start:end]
        at = (offset + start, offset + end)
        if len(word) > _SHORTEST_LIMIT:
            held = _by_rules(sources, partial(_is_too_long, word))
            if held:
                limit = min(source.rules.max_length for source in held)
                whole = (node.start, node.end) if isinstance(node, Word) else at
                yield Finding(
                    "FT009",
                    Severity.WARNING,
                    *at,
                    f"The word has {len(word)} characters; the index leaves out words with more "
                    f"than {limit}.",
                    "Search for another word of the text.",
                    _where(held, sources),
                    (QuickFix("Remove the word", (cut(text, *whole),)),),
                )
        if has_cjk(word) and not prefix:
            held = _by_rules(sources, lambda rules: not rules.ngram_size)
            if held:
                fixes: tuple[QuickFix, ...] = ()
                if isinstance(node, Word) and offset + end == node.end:
                    fixes = (
                        QuickFix(
                            f"Search runs that begin with it: {word}*",
                            (TextEdit(node.end, node.end, "*"),),
                        ),
                    )
                yield Finding(
                    "FT013",
                    Severity.WARNING,
                    *at,
                    "Chinese, Japanese and Korean text has no blanks between words; without the "
                    "ngram parser only whole runs of characters are found.",
                    "On MySQL create the index WITH PARSER ngram; MariaDB has no such parser.",
                    _where(held, sources),
                    fixes,
                )


def _is_too_long(word: str, rules: IndexRules) -> bool:
    return rules.fate(word) is Fate.TOO_LONG


# The smallest value a server takes for the longest word of an index.
_SHORTEST_LIMIT = 10


def _in_order(reading: Reading, sources: Sequence[QuerySource]) -> Iterator[Finding]:
    innodb = [source for source in sources if source.innodb]
    if innodb:
        yield from beginnings_after_phrases(reading, _where(innodb, sources))
    mariadb = [source for source in innodb if source.mariadb]
    if mariadb:
        yield from signs_before_groups(reading, _where(mariadb, sources))


def _read_otherwise(
    reading: Reading, others: Sequence[QuerySource], sources: Sequence[QuerySource]
) -> Iterator[Finding]:
    text = reading.text
    where = _where(others, sources)
    for node in walk(reading.nodes):
        if isinstance(node, Phrase) and node.distance is not None:
            quote = text.index('"', text.index('"', node.start) + 1) + 1
            yield Finding(
                "FT020",
                Severity.WARNING,
                quote,
                node.end,
                "MyISAM and Aria know no distance: they search the exact phrase.",
                "Only InnoDB finds words near each other.",
                where,
                (QuickFix("Remove the distance", (cut(text, quote, node.end),)),),
            )
        if node.operator and text[node.start + 1 : node.start + 2].isspace():
            end = node.start + 1
            gap = len(text[end:]) - len(text[end:].lstrip())
            yield Finding(
                "FT020",
                Severity.WARNING,
                node.start,
                end,
                f"MyISAM and Aria leave out “{node.operator}” before a blank.",
                "Write the operator directly before the word.",
                where,
                (QuickFix("Remove the blank", (TextEdit(end, end + gap, ""),)),),
            )
    aria = [source for source in others if source.engine.lower() == "aria"]
    if aria and hangs_aria(reading.nodes):
        required = next(node for node in walk(reading.nodes) if node.operator == "+")
        plus = [node for node in walk(reading.nodes) if node.operator == "+"]
        yield Finding(
            "FT019",
            Severity.WARNING,
            required.start,
            required.end,
            "Aria tables are not asked: a required word (+) together with two word beginnings (*) "
            "would occupy their server for ever.",
            "Leave out the “+”, or all but one “*”.",
            _where(aria, sources),
            (
                QuickFix(
                    "Drop the “+”",
                    tuple(cut(text, node.start, node.start + 1) for node in plus),
                ),
            ),
        )
    if any(node.operator != "-" for node in reading.nodes):
        yield Finding(
            "FT017",
            Severity.HINT,
            0,
            0,
            "In boolean mode MyISAM and Aria score how many of the words a row has, not how rare "
            "they are: rows with equal scores come in the order of their keys.",
            "Natural mode ranks rare words first.",
            where,
        )


def _of_tables(
    sources: Sequence[QuerySource], unsearched: Sequence[UnsearchedTable]
) -> Iterator[Finding]:
    whole = tuple(table.ref for table in unsearched if not table.partitioned)
    parts = tuple(table.ref for table in unsearched if table.partitioned)
    if whole:
        yield Finding(
            "FT014",
            Severity.WARNING,
            0,
            0,
            f"{_named(whole)} without a FULLTEXT index on the columns to search is left out.",
            "Ask for one: CREATE FULLTEXT INDEX on exactly the columns to search.",
            whole,
        )
    if parts:
        yield Finding(
            "FT015",
            Severity.WARNING,
            0,
            0,
            f"{_named(parts)} is partitioned and left out: servers make no FULLTEXT index on a "
            "partitioned table.",
            "Copy the text to search into a table without partitions.",
            parts,
        )
    strict = [source for source in sources if source.rules.folding is Folding.EXACT]
    loose = [source for source in sources if source.rules.folding is not Folding.EXACT]
    if strict and loose:
        yield Finding(
            "FT016",
            Severity.HINT,
            0,
            0,
            "The collations differ: here capitals and accents count, in the other sources they do "
            "not.",
            "Write the words as they stand in the rows.",
            tuple(source.ref for source in strict),
        )


def _named(refs: Sequence[SourceRef]) -> str:
    names = [f"“{ref.table}”" for ref in refs[:3]]
    more = len(refs) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")
