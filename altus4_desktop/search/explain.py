"""Why words were ignored and why nothing was found, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from altus4_desktop.domain.searching import Notice, SourceRef, SourceState
from altus4_desktop.search.boolean import Group, Word, parse_boolean, walk
from altus4_desktop.search.terms import Fate, IndexRules, Term, read_terms
from altus4_desktop.search.words import has_cjk, split_words

_MANY_WORDS = 6


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """How one source ended; ``rules`` is None where its index never became known."""

    source: SourceRef
    state: SourceState
    hits: int
    rules: IndexRules | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TableGap:
    """What could not be searched at all: a chosen table without FULLTEXT index, or (``table`` "")
    a database in which no table has one."""

    connection: str
    table: str = ""


def explain(
    query: str,
    *,
    boolean: bool,
    sources: Sequence[SourceFacts],
    gaps: Sequence[TableGap] = (),
    row_count: int,
) -> tuple[Notice, ...]:
    """What a person should know about a finished search, the most telling first.

    ``row_count`` is the number of rows found in all sources.
    """
    answered = [facts for facts in sources if facts.state is SourceState.OK and facts.rules]
    notices = [*_about_gaps(gaps)]
    readings = _readings(query, answered, boolean=boolean)
    if row_count == 0:
        notices += _about_nothing(query, readings, sources, boolean=boolean)
    if row_count:
        notices += _about_ignored(readings)
    if boolean:
        notices += _about_typing(query)
    if row_count:
        notices += _about_lost(sources)
    return tuple({notice.code + notice.message: notice for notice in notices}.values())


@dataclass(frozen=True, slots=True)
class _Reading:
    """The query as the indexes with the same rules read it; ``where`` is "" for all of them."""

    rules: IndexRules
    terms: tuple[Term, ...]
    where: str

    @property
    def place(self) -> str:
        return f" on {self.where}" if self.where else ""


def _readings(
    query: str, answered: Sequence[SourceFacts], *, boolean: bool
) -> tuple[_Reading, ...]:
    by_rules: dict[IndexRules, dict[str, None]] = {}
    for facts in answered:
        if facts.rules is not None:
            name = f"“{facts.source.connection}”"
            by_rules.setdefault(facts.rules, {})[name] = None
    alone = len(by_rules) == 1
    return tuple(
        _Reading(rules, read_terms(query, rules, boolean=boolean), "" if alone else _listed(names))
        for rules, names in by_rules.items()
    )


def _about_gaps(gaps: Sequence[TableGap]) -> Iterator[Notice]:
    for gap in gaps:
        if gap.table:
            yield Notice(
                "search.no_index",
                f"“{gap.table}” on “{gap.connection}” has no FULLTEXT index and was not searched.",
                "Ask for one: CREATE FULLTEXT INDEX on the columns to search.",
            )
        else:
            yield Notice(
                "search.no_index",
                f"No table of “{gap.connection}” has a FULLTEXT index.",
                "Ask for one: CREATE FULLTEXT INDEX on the columns to search.",
            )


def _about_nothing(
    query: str,
    readings: Sequence[_Reading],
    sources: Sequence[SourceFacts],
    *,
    boolean: bool,
) -> Iterator[Notice]:
    yield from _about_lost(sources)
    if not readings:
        return
    if not split_words(query):
        yield Notice(
            "search.no_words",
            "The query has no letters or digits; a FULLTEXT index holds nothing else.",
            "Type a word. Signs and emoji cannot be searched.",
        )
        return
    causes = [cause for reading in readings for cause in _cause(reading, boolean=boolean)]
    yield from causes or _about_ignored(readings)
    if not causes:
        words = _listed([f"“{word}”" for word in _found_words(readings)])
        where = "in the searched tables"
        yield Notice(
            "search.none",
            f"No row {where} matches {words}." if words else f"No row {where} matches.",
            "Check the spelling, use fewer words, or search the beginning of a word in boolean "
            "mode: flow*.",
        )
        for reading in readings:
            if not boolean and not reading.rules.reads_phrases:
                yield Notice(
                    "search.too_common",
                    "In natural mode MyISAM and Aria tables ignore words that are in half of the "
                    f"rows or more{reading.place}.",
                    "Search in boolean mode.",
                )


def _cause(reading: _Reading, *, boolean: bool) -> Iterator[Notice]:
    """Why this reading can find nothing, whatever the rows say."""
    terms = reading.terms
    wanted = [term for term in terms if not term.excluded]
    if boolean and terms and not wanted:
        yield Notice(
            "search.only_excluded",
            "The query only says what to leave out, so there is nothing to find.",
            "Add a word that should be found, for example: word -other.",
        )
        return
    if any(word.fate is Fate.NEEDS_NGRAM for term in wanted for word in term.words) or (
        not reading.rules.ngram_size and any(has_cjk(term.text) for term in wanted)
    ):
        yield Notice(
            "search.needs_ngram",
            "Chinese, Japanese and Korean text has no blanks between words; without the ngram "
            f"parser only whole runs of characters are found{reading.place}.",
            "On MySQL create the index WITH PARSER ngram; MariaDB has no such parser.",
        )
        return
    for term in wanted:
        if term.required and not _keeps_result(term):
            why = reading.rules.reason(term.words[0].fate) if term.words else "it has no letters"
            yield Notice(
                "search.required_ignored",
                f"“+{term.text}” empties the result{reading.place}: the word is required but not "
                f"in the index ({why}).",
                f"Drop the “+”: {term.text}.",
            )
            return
    if wanted and not any(term.indexed for term in wanted):
        fates = {word.fate for term in wanted for word in term.words}
        yield Notice(
            "search.all_ignored" + (f".{fates.pop().value}" if len(fates) == 1 else ""),
            f"None of the words is in the index{reading.place}: {_reasons(wanted, reading.rules)}.",
            "Add a longer or less common word.",
        )


def _keeps_result(term: Term) -> bool:
    # Too long a word is dropped without a trace, and so are signs.
    return not term.words or term.indexed or all(word.fate is Fate.TOO_LONG for word in term.words)


def _about_ignored(readings: Sequence[_Reading]) -> Iterator[Notice]:
    for reading in readings:
        ignored: dict[Fate, dict[str, None]] = {}
        for term in reading.terms:
            if term.excluded or (term.phrase and term.indexed):
                continue
            for word in term.words:
                if word.fate is not Fate.INDEXED:
                    ignored.setdefault(word.fate, {})[f"“{word.text}”"] = None
        if not ignored or not any(term.indexed for term in reading.terms):
            continue
        for fate, words in ignored.items():
            verb = "was" if len(words) == 1 else "were"
            yield Notice(
                f"search.ignored.{fate.value}",
                f"{_listed(words)} {verb} ignored{reading.place}: {reading.rules.reason(fate)}.",
            )


def _about_typing(query: str) -> Iterator[Notice]:
    """Boolean text that means something else than it looks like."""
    if query.count('"') % 2:
        yield Notice(
            "search.open_quote",
            "A double quote is never closed; the words after it were searched without it.",
            "Close it to search for the exact phrase.",
        )
    nodes = list(walk(parse_boolean(query)))
    for before, node in pairwise(nodes):
        if node.operator != "-" or isinstance(node, Group):
            continue
        if not isinstance(before, Word) or before.end != node.start:
            continue
        joined = query[before.start : node.end]
        yield Notice(
            "search.hyphen",
            f"“{joined}” means “{before.text}” without “{node.text}”.",
            f'Put it in double quotes to search for both: "{joined}".',
        )
    for node in nodes:
        if isinstance(node, Word):
            parts = split_words(node.text)
            if len(parts) > 1:
                yield Notice(
                    "search.split",
                    f"“{node.text}” is searched as {_listed([f'“{part}”' for part in parts])}.",
                    f'Put it in double quotes to find them side by side: "{node.text}".',
                )


def _about_lost(sources: Sequence[SourceFacts]) -> Iterator[Notice]:
    sentences: list[tuple[SourceState, str, Callable[[str], str], str]] = [
        (
            SourceState.FAILED,
            "search.source_failed",
            lambda names: f"{names} failed and could not be searched.",
            "Its state above says why.",
        ),
        (
            SourceState.TIMED_OUT,
            "search.source_timed_out",
            lambda names: f"{names} did not answer in time.",
            "Search it alone, or allow more time.",
        ),
        (
            SourceState.CANCELLED,
            "search.source_cancelled",
            lambda names: f"{names} was stopped before it had answered.",
            "",
        ),
    ]
    for state, code, sentence, hint in sentences:
        names = _listed(
            dict.fromkeys(
                f"“{facts.source.connection}”" for facts in sources if facts.state is state
            )
        )
        if names:
            yield Notice(code, sentence(names), hint)


def _reasons(terms: Sequence[Term], rules: IndexRules) -> str:
    reasons: dict[str, dict[str, None]] = {}
    for term in terms:
        for word in term.words:
            if word.fate is not Fate.INDEXED:
                reasons.setdefault(rules.reason(word.fate), {})[f"“{word.text}”"] = None
    return "; ".join(f"{_listed(words)} ({why})" for why, words in reasons.items())


def _found_words(readings: Sequence[_Reading]) -> list[str]:
    return list(
        dict.fromkeys(
            word.text
            for reading in readings
            for term in reading.terms
            if not term.excluded
            for word in term.words
            if word.fate is Fate.INDEXED
        )
    )


def _listed(names: Sequence[str] | dict[str, None]) -> str:
    shown = list(names)
    if len(shown) > _MANY_WORDS:
        shown = [*shown[:_MANY_WORDS], f"{len(shown) - _MANY_WORDS} more"]
    if len(shown) < 2:
        return "".join(shown)
    return ", ".join(shown[:-1]) + " and " + shown[-1]
