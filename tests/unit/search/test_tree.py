"""The tree printed, and changed with everything else of the text kept."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from altus4_desktop.domain.errors import QuerySyntaxError
from altus4_desktop.domain.query_reading import TextEdit, apply_edits
from altus4_desktop.search.boolean import Group, Node, Phrase, Word, clean_query, parse_boolean
from altus4_desktop.search.tree import (
    add_term,
    add_to_group,
    change_operator,
    print_tree,
    remove,
    replace,
    same_tree,
    wrap_in_group,
)

SIGNS = st.sampled_from(["", "+", "-", "~", "<", ">"])
WORDS = st.sampled_from(["flow", "layer", "node.js", "3", "café", "中文"])
LEAVES: st.SearchStrategy[Node] = st.one_of(
    st.builds(Word, WORDS, st.just(0), st.just(0), SIGNS, st.booleans()),
    st.builds(
        Phrase,
        st.sampled_from(["two words", "", "+ (", "x"]),
        st.just(0),
        st.just(0),
        SIGNS,
        st.one_of(st.none(), st.integers(0, 99)),
    ),
)
NODES: st.SearchStrategy[Node] = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        Group, st.lists(inner, max_size=4).map(tuple), st.just(0), st.just(0), SIGNS
    ),
    max_leaves=12,
)
TYPED = st.lists(
    st.sampled_from(
        ["a", "b1", "flow*", "*", '"two words"', '"x y"@3', "@2", "(", ")", " ", "+", "-", "~", "%"]
    ),
    max_size=14,
).map("".join)


# Much of what can be typed is no query, and is not what these are about.
typed = settings(suppress_health_check=[HealthCheck.filter_too_much])


def parsed(text: str) -> tuple[Node, ...]:
    try:
        return parse_boolean(clean_query(text))
    except QuerySyntaxError:
        assume(False)
        raise


@given(st.lists(NODES, max_size=5))
def test_a_printed_tree_reads_as_itself(nodes: list[Node]) -> None:
    assert same_tree(parse_boolean(print_tree(nodes)), nodes)


@typed
@given(TYPED)
def test_typed_text_printed_reads_alike(text: str) -> None:
    nodes = parsed(text)
    assert same_tree(parse_boolean(print_tree(nodes)), nodes)


@typed
@given(TYPED, NODES)
def test_a_term_more_leaves_the_others(text: str, node: Node) -> None:
    nodes = parsed(text)
    assume(text.count('"') % 2 == 0)
    after = apply_edits(text, [add_term(text, node)])
    assert after.startswith(text)
    assert same_tree(parse_boolean(after), [*nodes, node])


@typed
@given(TYPED, SIGNS, st.data())
def test_another_operator_leaves_the_others(text: str, sign: str, data: st.DataObject) -> None:
    nodes = parsed(text)
    assume(nodes)
    at = data.draw(st.integers(0, len(nodes) - 1))
    after = parse_boolean(apply_edits(text, [change_operator(text, nodes[at], sign)]))
    assert same_tree(after[:at], nodes[:at])
    assert same_tree(after[at + 1 :], nodes[at + 1 :])
    assert after[at].operator == sign


@typed
@given(TYPED, st.data())
def test_a_removed_node_leaves_the_others(text: str, data: st.DataObject) -> None:
    nodes = parsed(text)
    assume(nodes)
    at = data.draw(st.integers(0, len(nodes) - 1))
    after = parse_boolean(apply_edits(text, [remove(text, nodes[at])]))
    assert same_tree(after, [*nodes[:at], *nodes[at + 1 :]])


@typed
@given(TYPED, NODES, st.data())
def test_a_replaced_node_leaves_the_others(text: str, new: Node, data: st.DataObject) -> None:
    nodes = parsed(text)
    assume(nodes)
    at = data.draw(st.integers(0, len(nodes) - 1))
    after = parse_boolean(apply_edits(text, [replace(text, nodes[at], new)]))
    assert same_tree(after, [*nodes[:at], new, *nodes[at + 1 :]])


@typed
@given(TYPED, SIGNS, st.data())
def test_a_group_around_neighbours(text: str, sign: str, data: st.DataObject) -> None:
    nodes = parsed(text)
    assume(nodes)
    first = data.draw(st.integers(0, len(nodes) - 1))
    last = data.draw(st.integers(first, len(nodes) - 1))
    edits = wrap_in_group(text, nodes[first], nodes[last], sign)
    after = parse_boolean(apply_edits(text, edits))
    group = after[first]
    assert isinstance(group, Group)
    assert group.operator == sign
    assert same_tree(group.items, nodes[first : last + 1])
    assert same_tree(after[first + 1 :], nodes[last + 1 :])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("(a  b)", "(a  b +c)"), ("x ()", "x (+c)"), ("(a )", "(a +c)")],
)
def test_a_term_more_in_a_group(text: str, expected: str) -> None:
    group = parse_boolean(text)[-1]
    assert isinstance(group, Group)
    edit = add_to_group(text, group, Word("c", 0, 0, "+"))
    assert apply_edits(text, [edit]) == expected


def test_what_was_typed_stays_as_it_was() -> None:
    text = "flow   % (the  layer)  -*x"
    group = parse_boolean(text)[1]
    assert apply_edits(text, [change_operator(text, group, "+")]) == ("flow   % +(the  layer)  -*x")
    assert change_operator(text, group, "") == TextEdit(group.start, group.start, "")
