"""What is wrong with a query, or means something else than it looks like: rules FT001 to FT022.

Rules about the text alone are here; those that need to know the servers' settings are in
`lint_sources`. Every quick fix takes its finding away and makes no new error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from altus4_desktop.domain.query_reading import Finding, QuickFix, Severity, TextEdit
from altus4_desktop.search.boolean import (
    Fault,
    Group,
    Node,
    Phrase,
    Problem,
    Reading,
    Word,
    clean_query,
    plain_text,
    read_boolean,
    walk,
)
from altus4_desktop.search.lint_sources import (
    QuerySource,
    UnsearchedTable,
    lint_for_sources,
    lint_natural_for_sources,
)
from altus4_desktop.search.repairs import (
    as_plain_text,
    chunk,
    cut,
    lone_quote,
    quoted,
    word_start,
)
from altus4_desktop.search.words import split_words

_JOINED_SIGNS = {"-": "without", "+": "and the required", "~": "with less weight for"}


def lint(
    text: str,
    *,
    boolean: bool,
    sources: Sequence[QuerySource] = (),
    unsearched: Sequence[UnsearchedTable] = (),
) -> tuple[Finding, ...]:
    """Every finding, in the order of their places; those about the whole query come last."""
    text = clean_query(text)
    return lint_reading(text, read_boolean(text) if boolean else None, sources, unsearched)


def lint_reading(
    text: str,
    reading: Reading | None,
    sources: Sequence[QuerySource],
    unsearched: Sequence[UnsearchedTable],
) -> tuple[Finding, ...]:
    """`lint` of clean text that has been read; without a reading it is natural text."""
    if reading is not None:
        findings = [
            *_refused(reading),
            *_unclosed_quote(reading),
            *_only_excluded(reading),
            *_leading_stars(reading),
            *_split_words(reading),
            *_joined_signs(reading),
            *lint_for_sources(reading, sources, unsearched),
        ]
    else:
        findings = [
            *_natural_quote(text),
            *lint_natural_for_sources(text, sources, unsearched),
        ]
    return tuple(sorted(findings, key=lambda f: (f.start == f.end, f.start, f.rule)))


def plain_text_fix(text: str) -> QuickFix | None:
    """The way out of every finding: the words without operators; None where nothing changes."""
    return as_plain_text(clean_query(text))


# -- what a server refuses -----------------------------------------------------------------------


def _refused(reading: Reading) -> Iterator[Finding]:
    for problem in reading.problems:
        yield Finding(
            problem.fault.value,
            Severity.ERROR,
            problem.start,
            problem.end,
            problem.error.message,
            problem.error.hint,
            fixes=tuple(_fixes(reading, problem)),
        )


def _fixes(reading: Reading, problem: Problem) -> Iterator[QuickFix]:
    text, start, end = reading.text, problem.start, problem.end
    if problem.fault is Fault.GROUP:
        if text[start] == "(":
            yield QuickFix("Close the group at the end", (TextEdit(len(text), len(text), ")"),))
        else:
            yield QuickFix("Remove “)”", (cut(text, start, end),))
        return
    if problem.fault is Fault.LIMIT:
        yield from _shorten(reading, problem)
        return
    around = chunk(text, start, end)
    apart = problem.fault is not Fault.TWO_OPERATORS or around[1] == end + 1
    if around[0] < start and apart:
        fix = quoted(reading, *around, "Put it in double quotes: {text}", problem.fault)
        if fix is not None:
            yield fix
    following = text[end:].lstrip()
    if problem.fault in (Fault.TRAILING, Fault.ALONE) and following.startswith("@"):
        # Alone it might become the distance of a phrase before.
        end = len(text) - len(following.lstrip("@ "))
    signs = " ".join(text[start:end].split())
    if problem.fault is Fault.TWO_OPERATORS:
        kept = text[end:].lstrip()[:1]
        yield QuickFix(f"Keep only “{kept}”", (TextEdit(start, end, ""),))
    else:
        yield QuickFix(f"Remove “{signs}”", (cut(text, start, end),))


def _shorten(reading: Reading, problem: Problem) -> Iterator[QuickFix]:
    for node in walk(reading.nodes):
        if isinstance(node, Phrase) and word_start(reading.text, node) == problem.start:
            words = f" {plain_text(node.text)} "
            yield QuickFix("Search the words, not the phrase", (_over(node, words),))


def _over(node: Node, text: str) -> TextEdit:
    return TextEdit(node.start + len(node.operator), node.end, text)


# -- what is read otherwise than it looks --------------------------------------------------------


def _unclosed_quote(reading: Reading) -> Iterator[Finding]:
    at = lone_quote(reading)
    if at is None:
        return
    text = reading.text
    fixes = []
    end = len(text.rstrip(" )")) if text[at + 1 :].strip(" )") else at + 1
    if end > at + 1:
        closed = QuickFix("Close it", (TextEdit(end, end, '"'),))
        known = {problem.fault for problem in reading.problems}
        after = read_boolean(closed.apply(text)).problems
        if len(after) <= len(reading.problems) and {p.fault for p in after} <= known:
            fixes.append(closed)
    fixes.append(QuickFix("Remove the double quote", (cut(text, at, at + 1),)))
    yield Finding(
        "FT001",
        Severity.WARNING,
        at,
        at + 1,
        "This double quote is never closed: InnoDB leaves it out, MyISAM and Aria read all that "
        "follows as a phrase.",
        "Close it to search for the exact phrase.",
        fixes=tuple(fixes),
    )


def _natural_quote(text: str) -> Iterator[Finding]:
    if text.count('"') % 2 == 0:
        return
    at = text.rindex('"')
    yield Finding(
        "FT001",
        Severity.HINT,
        at,
        at + 1,
        "This double quote is never closed and is left out.",
        "Close it to search for the exact phrase (InnoDB only).",
        fixes=(QuickFix("Remove the double quote", (cut(text, at, at + 1),)),),
    )


def _only_excluded(reading: Reading) -> Iterator[Finding]:
    signs: list[Node] = []
    first: list[Node] = []
    waiting: list[tuple[Node, tuple[Node, ...]]] = [(node, ()) for node in reversed(reading.nodes)]
    while waiting:
        node, above = waiting.pop()
        path = (*above, node) if node.operator == "-" else above
        if isinstance(node, Group):
            waiting.extend((item, path) for item in reversed(node.items))
        elif not path:
            return
        else:
            signs.append(node)
            first = first or list(path)
    if not signs:
        return
    text = reading.text
    named = text[first[-1].start : first[-1].end]
    yield Finding(
        "FT010",
        Severity.WARNING,
        0,
        0,
        "The query only says what to leave out, so there is nothing to find.",
        "Add a word that should be found, for example: word -other.",
        fixes=(
            QuickFix(
                f"Search for it: {named[1:].strip()}",
                tuple(cut(text, node.start, node.start + 1) for node in first),
            ),
        ),
    )


def _leading_stars(reading: Reading) -> Iterator[Finding]:
    for node in walk(reading.nodes):
        if not isinstance(node, Word):
            continue
        begin = node.start + len(node.operator)
        own = word_start(reading.text, node)
        star = reading.text.find("*", begin, own)
        if star < 0:
            continue
        yield Finding(
            "FT011",
            Severity.HINT,
            star,
            own,
            f"“*” before a word means nothing: only beginnings can be searched, as “{node.text}*”.",
            "Write the “*” after the beginning of a word.",
            fixes=(QuickFix("Remove “*”", (cut(reading.text, star, own),)),),
        )


def _split_words(reading: Reading) -> Iterator[Finding]:
    for node in walk(reading.nodes):
        if not isinstance(node, Word):
            continue
        parts = split_words(node.text)
        if len(parts) < 2:
            continue
        start = word_start(reading.text, node)
        fix = quoted(reading, start, node.end, "Search them side by side: {text}")
        listed = ", ".join(f"“{part}”" for part in parts[:-1]) + f" and “{parts[-1]}”"
        yield Finding(
            "FT012",
            Severity.HINT,
            start,
            node.end,
            f"“{node.text}” is searched as {listed}.",
            f'Put it in double quotes to find them side by side: "{node.text}".',
            fixes=(fix,) if fix else (),
        )


def _joined_signs(reading: Reading) -> Iterator[Finding]:
    text = reading.text
    for before, node in pairwise(walk(reading.nodes)):
        if not isinstance(before, Word) or not isinstance(node, Word):
            continue
        if before.prefix or not node.operator or before.end != node.start:
            continue
        start = word_start(text, before)
        joined = text[start : node.end]
        link = _JOINED_SIGNS.get(node.operator, "and")
        fix = quoted(reading, *_whole(text, start, node.end), "Search them side by side: {text}")
        yield Finding(
            "FT012",
            Severity.WARNING,
            start,
            node.end,
            f"“{joined}” means “{before.text}” {link} “{node.text}” on InnoDB; MyISAM and Aria "
            "search both words.",
            f'Put it in double quotes to search for both: "{joined}".',
            fixes=(fix,) if fix else (),
        )


def _whole(text: str, start: int, end: int) -> tuple[int, int]:
    """The whole of a-b-c, whose parts are read one by one; never more where it is broken."""
    first, last = chunk(text, start, end)
    while text[last - 1] in "+-<>~":
        last -= 1
    return (first, last) if not set(text[first:last]) & set("*@") else (start, end)
