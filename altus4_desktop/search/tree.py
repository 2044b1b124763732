"""The syntax tree as text, and changes of the tree that leave the rest of the text as typed."""

from __future__ import annotations

from collections.abc import Sequence

from altus4_desktop.domain.query_reading import TextEdit
from altus4_desktop.search.boolean import Group, Node, Phrase, Word
from altus4_desktop.search.repairs import cut


def print_tree(nodes: Sequence[Node]) -> str:
    """Text that reads as ``nodes``, one blank between neighbours; positions do not count."""
    parts: list[str] = []
    waiting: list[Node | str] = list(reversed(_spaced(nodes)))
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            parts.append(node)
        elif isinstance(node, Group):
            parts.append(f"{node.operator}(")
            waiting.append(")")
            waiting.extend(reversed(_spaced(node.items)))
        else:
            parts.append(_leaf(node))
    return "".join(parts)


def _spaced(nodes: Sequence[Node]) -> list[Node | str]:
    spaced: list[Node | str] = []
    for node in nodes:
        if spaced:
            spaced.append(" ")
        spaced.append(node)
    return spaced


def _leaf(node: Word | Phrase) -> str:
    if isinstance(node, Word):
        return f"{node.operator}{node.text}{'*' if node.prefix else ''}"
    distance = "" if node.distance is None else f"@{node.distance}"
    return f'{node.operator}"{node.text}"{distance}'


def same_tree(left: Sequence[Node], right: Sequence[Node]) -> bool:
    """Whether two trees say the same, wherever their words stand."""
    waiting = [(tuple(left), tuple(right))]
    while waiting:
        one, other = waiting.pop()
        if len(one) != len(other):
            return False
        for a, b in zip(one, other, strict=True):
            if isinstance(a, Group) and isinstance(b, Group):
                if a.operator != b.operator:
                    return False
                waiting.append((a.items, b.items))
            elif isinstance(a, Group) or isinstance(b, Group) or _leaf(a) != _leaf(b):
                return False
    return True


def add_term(text: str, node: Node) -> TextEdit:
    """Writes one more node at the end."""
    gap = " " if text and not text[-1].isspace() else ""
    return TextEdit(len(text), len(text), gap + print_tree([node]))


def add_to_group(text: str, group: Group, node: Node) -> TextEdit:
    """Writes one more node at the end of a closed group."""
    at = group.end - 1
    gap = "" if text[at - 1] == "(" or text[at - 1].isspace() else " "
    return TextEdit(at, at, gap + print_tree([node]))


def change_operator(text: str, node: Node, operator: str) -> TextEdit:
    """Puts another sign ("" for none) before a node."""
    if not operator:
        return cut(text, node.start, node.start + 1) if node.operator else _nothing(node)
    if node.operator:
        return TextEdit(node.start, node.start + 1, operator)
    return TextEdit(node.start, node.start, _apart(text, node.start) + operator)


def wrap_in_group(text: str, first: Node, last: Node, operator: str = "") -> tuple[TextEdit, ...]:
    """Puts neighbours of one level, from ``first`` to ``last``, in parentheses."""
    opened = f"{_apart(text, first.start)}{operator}("
    return TextEdit(first.start, first.start, opened), TextEdit(last.end, last.end, ")")


def remove(text: str, node: Node) -> TextEdit:
    """Takes a node out with its sign, and a ``*`` before the next word, where it means nothing: it
    would become the sign of the word before."""
    rest = text[node.end :]
    stars = len(rest) - len(rest.lstrip(" *")) if rest.lstrip().startswith("*") else 0
    return cut(text, node.start, node.end + stars)


def replace(text: str, node: Node, new: Node) -> TextEdit:
    """Writes another node where one stands."""
    after = " " if node.end < len(text) and not text[node.end].isspace() else ""
    after = "" if text[node.end : node.end + 1] == ")" else after
    return TextEdit(node.start, node.end, _apart(text, node.start) + print_tree([new]) + after)


def _apart(text: str, at: int) -> str:
    return " " if at and not text[at - 1].isspace() and text[at - 1] != "(" else ""


def _nothing(node: Node) -> TextEdit:
    return TextEdit(node.start, node.start, "")
