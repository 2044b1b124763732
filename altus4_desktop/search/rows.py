"""A boolean query as rows to build it by, each change of a row as an edit of the text."""

from __future__ import annotations

from altus4_desktop.domain.query_reading import BuilderRow, RowKind, TextEdit, apply_edits
from altus4_desktop.search.boolean import (
    Group,
    Node,
    Phrase,
    Word,
    clean_query,
    plain_text,
    read_boolean,
)
from altus4_desktop.search.repairs import lone_quote
from altus4_desktop.search.tree import add_term, remove, replace

_SIGNS = ("", "+", "-", "~", "<", ">")
_MOST_DISTANCE = 999


def read_rows(text: str) -> tuple[BuilderRow, ...] | None:
    """A row for each part of ``text`` outside of groups; None while a server would refuse it."""
    text = clean_query(text)
    reading = read_boolean(text)
    if reading.problems:
        return None
    return tuple(_row(text, node) for node in reading.nodes)


def change_row(text: str, place: int, row: BuilderRow) -> str:
    """``text`` with the part at ``place`` as ``row`` says; without words it goes."""
    text = _without_lone_quote(text)
    node = _node_at(text, place)
    made = _node(row)
    cleaned = clean_query(text)
    edit = remove(cleaned, node) if made is None else replace(cleaned, node, made)
    return apply_edits(text, [edit])


def add_row(text: str, row: BuilderRow) -> str:
    """``text`` with one more part at its end; a double quote without partner is left out."""
    made = _node(row)
    if made is None:
        return text
    text = _without_lone_quote(text)
    return apply_edits(text, [add_term(text, made)])


def remove_row(text: str, place: int) -> str:
    """``text`` without the part at ``place``."""
    return apply_edits(text, [remove(clean_query(text), _node_at(text, place))])


def _without_lone_quote(text: str) -> str:
    # It means nothing, and would pair with the first one of what is written after it.
    lone = lone_quote(read_boolean(clean_query(text)))
    return text if lone is None else apply_edits(text, [TextEdit(lone, lone + 1, " ")])


def _node_at(text: str, place: int) -> Node:
    return read_boolean(clean_query(text)).nodes[place]


def _row(text: str, node: Node) -> BuilderRow:
    if isinstance(node, Group):
        inner = text[text.index("(", node.start) + 1 : node.end - 1]
        return BuilderRow(RowKind.GROUP, inner.strip(), node.operator)
    if isinstance(node, Word):
        kind = RowKind.PREFIX if node.prefix else RowKind.WORD
        return BuilderRow(kind, node.text, node.operator)
    if node.distance is None:
        return BuilderRow(RowKind.PHRASE, node.text, node.operator)
    return BuilderRow(RowKind.NEAR, node.text, node.operator, node.distance)


def _node(row: BuilderRow) -> Node | None:
    """The part that a row stands for; several words without a group become a phrase."""
    sign = row.sign if row.sign in _SIGNS else ""
    text = clean_query(row.text).strip()
    if row.kind is RowKind.GROUP:
        reading = read_boolean(text)
        nodes = reading.nodes if not reading.problems else read_boolean(plain_text(text)).nodes
        return Group(nodes, 0, 0, sign) if nodes else None
    if row.kind in (RowKind.WORD, RowKind.PREFIX):
        words = plain_text(text)
        if not words:
            return None
        if " " in words:
            return Phrase(words, 0, 0, sign)
        return Word(words, 0, 0, sign, prefix=row.kind is RowKind.PREFIX)
    words = text.replace('"', " ").strip()
    if not words:
        return None
    near = row.kind is RowKind.NEAR
    distance = max(1, min(row.distance, _MOST_DISTANCE)) if near else None
    return Phrase(words, 0, 0, sign, distance)
