"""What becomes of each word of a query on each source, before it is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from altus4_desktop.domain.query_reading import QuickFix, WordAnswer, WordReading, WordState
from altus4_desktop.domain.searching import SourceRef
from altus4_desktop.search.boolean import Phrase, Reading, Word, clean_query, read_boolean, walk
from altus4_desktop.search.lint_sources import QuerySource
from altus4_desktop.search.repairs import cut, drop_operator, quoted, remove_node, word_start
from altus4_desktop.search.terms import Fate, IndexRules
from altus4_desktop.search.words import has_cjk, split_words

_NATURAL = re.compile(r'"[^"\n]*"|[^\s"]+')


@dataclass(frozen=True, slots=True)
class _Leaf:
    text: str
    start: int
    end: int
    phrase: bool = False
    prefix: bool = False
    node: Word | Phrase | None = None


def read_tokens(
    text: str, *, boolean: bool, sources: Sequence[QuerySource]
) -> tuple[WordReading, ...]:
    """Each word and phrase in the order of the text; sources with the same answer are put together.

    Natural words that stand there twice are told once.
    """
    text = clean_query(text)
    return tokens_of_reading(text, read_boolean(text) if boolean else None, sources)


def tokens_of_reading(
    text: str, reading: Reading | None, sources: Sequence[QuerySource]
) -> tuple[WordReading, ...]:
    """`read_tokens` of clean text that has been read; without a reading it is natural text."""
    leaves = _natural_leaves(text) if reading is None else _boolean_leaves(reading)
    by_rules: dict[IndexRules, list[SourceRef]] = {}
    for source in sources:
        by_rules.setdefault(source.rules, []).append(source.ref)
    return tuple(
        WordReading(
            leaf.text,
            leaf.start,
            leaf.end,
            answers,
            () if _is_well(answers) else tuple(_repairs(text, reading, leaf)),
        )
        for leaf in leaves
        if (answers := _answers(leaf, by_rules))
    )


def _is_well(answers: Sequence[WordAnswer]) -> bool:
    return all(answer.state is WordState.INDEXED for answer in answers)


def _boolean_leaves(reading: Reading) -> Iterator[_Leaf]:
    for node in walk(reading.nodes):
        if not isinstance(node, Word | Phrase):
            continue
        yield _Leaf(
            node.text,
            node.start,
            node.end,
            phrase=isinstance(node, Phrase),
            prefix=isinstance(node, Word) and node.prefix,
            node=node,
        )


def _natural_leaves(text: str) -> Iterator[_Leaf]:
    seen: set[str] = set()
    for found in _NATURAL.finditer(text):
        start, end = found.span()
        phrase = found.group().startswith('"')
        word = found.group()[1:-1] if phrase else found.group()
        if word in seen:
            continue
        seen.add(word)
        yield _Leaf(word, start, end, phrase=phrase)


def _repairs(text: str, reading: Reading | None, leaf: _Leaf) -> Iterator[QuickFix]:
    node = leaf.node
    if reading is None or node is None:
        shown = text[leaf.start : leaf.end]
        yield QuickFix(f"Remove {shown}", (cut(text, leaf.start, leaf.end),))
        return
    start = word_start(text, node)
    shown = text[start : node.end]
    if node.operator == "+":
        yield drop_operator(text, node, f"Drop the “+”: {shown}")
    if isinstance(node, Word) and len(split_words(node.text)) > 1:
        fix = quoted(reading, start, node.end, "Search side by side: {text}")
        if fix is not None:
            yield fix
    yield remove_node(text, node, f"Remove {shown}")


def _answers(leaf: _Leaf, by_rules: dict[IndexRules, list[SourceRef]]) -> tuple[WordAnswer, ...]:
    parts = tuple(split_words(leaf.text))
    if not parts:
        return ()
    grouped: dict[tuple[WordState, str], list[SourceRef]] = {}
    for rules, refs in by_rules.items():
        grouped.setdefault(_judge(leaf, parts, rules), []).extend(refs)
    if len(grouped) == 1:
        ((state, reason),) = grouped
        return (WordAnswer(state, parts, reason),)
    return tuple(
        WordAnswer(state, parts, reason, tuple(refs)) for (state, reason), refs in grouped.items()
    )


def _judge(leaf: _Leaf, parts: Sequence[str], rules: IndexRules) -> tuple[WordState, str]:
    fates = [rules.fate(part) for part in parts]
    if leaf.prefix and fates[-1] is Fate.TOO_SHORT:
        # A beginning may be shorter than the words it begins.
        fates[-1] = Fate.INDEXED
    left_out = [(p, f) for p, f in zip(parts, fates, strict=True) if f is not Fate.INDEXED]
    if leaf.phrase and len(left_out) < len(parts):
        return WordState.INDEXED, "Searched as a phrase."
    if not left_out:
        if len(parts) == 1:
            if has_cjk(leaf.text) and not rules.ngram_size and not leaf.prefix:
                return (
                    WordState.NEEDS_NGRAM,
                    "Only whole runs of these characters are found: the index has no ngram parser.",
                )
            return WordState.INDEXED, "In the index."
        return WordState.SPLIT, f"Searched as {_listed(parts)}."
    if len(left_out) < len(parts):
        kept = [p for p, f in zip(parts, fates, strict=True) if f is Fate.INDEXED]
        why = "; ".join(f"“{part}” is {rules.reason(fate)}" for part, fate in left_out)
        return WordState.SPLIT, f"Searched as {_listed(kept)}; {why}."
    fate = left_out[0][1]
    return WordState(fate.value), f"Left out: {rules.reason(fate)}."


def _listed(words: Sequence[str]) -> str:
    quoted_words = [f"“{word}”" for word in words]
    if len(quoted_words) < 2:
        return "".join(quoted_words)
    return ", ".join(quoted_words[:-1]) + " and " + quoted_words[-1]
