"""Queries whose parts InnoDB takes in an order that loses or adds rows.

Found by comparing rows with MySQL 9.7 and MariaDB 10.11: parts without sign come first, then the
required ones, then the excluded ones. After a phrase no beginning of a word is found unless it is
required; on MariaDB a group takes what stands left of it as done, so that signs there do not hold
for its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from altus4_desktop.domain.query_reading import Finding, QuickFix, Severity, TextEdit
from altus4_desktop.domain.searching import SourceRef
from altus4_desktop.search.boolean import Group, Node, Phrase, Reading, Word
from altus4_desktop.search.repairs import cut, lone_quote

_PASSES = {"+": 1, "-": 2}

_Turn = tuple[tuple[int, int], ...]


def beginnings_after_phrases(reading: Reading, sources: tuple[SourceRef, ...]) -> Iterator[Finding]:
    """FT021, for InnoDB sources."""
    turns = list(_turns(reading.nodes))
    phrases = [turn for turn, node in turns if isinstance(node, Phrase) and node.text]
    if not phrases:
        return
    first = min(phrases)
    for turn, node in turns:
        if not isinstance(node, Word) or not node.prefix or node.operator == "+" or turn < first:
            continue
        shown = reading.text[node.start : node.end]
        movable = len(turn) == 1 and node.operator != "-"
        yield Finding(
            "FT021",
            Severity.WARNING,
            node.start,
            node.end,
            f"After a phrase InnoDB finds no beginnings of words that are not required: “{shown}” "
            "is left out.",
            "Write beginnings of words before the first phrase.",
            sources,
            tuple(_to_the_front(reading, node)) if movable else (),
        )


def signs_before_groups(reading: Reading, sources: tuple[SourceRef, ...]) -> Iterator[Finding]:
    """FT022, for InnoDB sources on MariaDB."""
    waiting: list[tuple[Sequence[Node], bool]] = [(reading.nodes, True)]
    while waiting:
        nodes, outermost = waiting.pop()
        sign = ""
        for node in nodes:
            if isinstance(node, Group):
                waiting.append((node.items, False))
                if sign and node.items and node.operator in ("", "<", ">"):
                    kept = "lack the required words" if sign == "+" else "have the excluded words"
                    yield Finding(
                        "FT022",
                        Severity.WARNING,
                        node.start,
                        node.end,
                        "MariaDB adds the rows of this group to the others, even those that "
                        f"{kept} left of it.",
                        "Write the group before the words with a sign.",
                        sources,
                        tuple(_to_the_front(reading, node)) if outermost else (),
                    )
            if node.operator in _PASSES and sign != "+":
                sign = node.operator


def _to_the_front(reading: Reading, node: Node) -> Iterator[QuickFix]:
    if lone_quote(reading) is not None:
        # It might be moved to where it pairs with another one.
        return
    text = reading.text
    shown = text[node.start : node.end]
    yield QuickFix(
        f"Write {shown} first", (TextEdit(0, 0, f"{shown} "), cut(text, node.start, node.end))
    )


def _turns(nodes: Sequence[Node]) -> Iterator[tuple[_Turn, Node]]:
    """Each word and phrase with when its turn comes."""
    waiting: list[tuple[_Turn, Node]] = [
        (((_PASSES.get(node.operator, 0), at),), node) for at, node in enumerate(nodes)
    ]
    while waiting:
        turn, node = waiting.pop()
        if isinstance(node, Group):
            waiting.extend(
                ((*turn, (_PASSES.get(item.operator, 0), at)), item)
                for at, item in enumerate(node.items)
            )
        else:
            yield turn, node
