"""The boolean language: what is read, what is refused and where."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.errors import QuerySyntaxError
from altus4_desktop.search.boolean import (
    Group,
    Phrase,
    Word,
    clean_query,
    hangs_aria,
    parse_boolean,
    plain_text,
    walk,
)


def test_every_operator_is_read_with_its_place() -> None:
    nodes = parse_boolean('+apple -"green pear"@4 ~(fig* <plum) >*kiwi')
    assert nodes == (
        Word("apple", 0, 6, "+"),
        Phrase("green pear", 7, 22, "-", distance=4),
        Group((Word("fig", 25, 29, "", prefix=True), Word("plum", 30, 35, "<")), 23, 36, "~"),
        Word("kiwi", 37, 43, ">"),
    )


@pytest.mark.parametrize(
    ("text", "position", "length"),
    [
        ("+", 0, 1),
        ("apple -", 6, 1),
        ("c++", 1, 2),
        ("--apple", 0, 2),
        ("+-apple", 0, 2),
        ("+)", 0, 2),
        ("+@3", 0, 2),
        ("+(apple +)", 8, 2),
        ("*", 0, 1),
        ("apple **", 7, 1),
        ("apple* *", 7, 1),
        ('*"a b"', 0, 1),
        ('"a b"*', 5, 1),
        ("(apple)*", 7, 1),
        ("+*", 1, 1),
        ("(apple", 0, 1),
        ("apple (pear (fig)", 6, 1),
        ("apple)", 5, 1),
        ("@", 0, 1),
        ("foo@bar.com", 3, 1),
        ('"a b"@', 5, 1),
        ('"a b"@x', 5, 1),
        ('"a b"@3x', 5, 1),
        ('"a b"@-3', 5, 1),
        ('"a b"@3@4', 7, 1),
        ("(" * 33 + "a" + ")" * 33, 32, 1),
        ("(a) " * 33, 128, 1),
        ('"' + "word " * 129 + '"', 0, 647),
    ],
)
def test_what_a_server_refuses_is_refused_with_its_place(
    text: str, position: int, length: int
) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse_boolean(text)
    assert (caught.value.position, caught.value.length) == (position, length)
    assert caught.value.message.endswith(".")
    assert "{" not in caught.value.message + caught.value.hint
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "()",
        "+()",
        "%",
        '"',
        '""',
        '"unclosed',
        'apple"pear"fig',
        "**apple",
        "apple * pear",
        "apple%pear",
        '"a b" @ 3',
        '"a b"@99999999999999999999',
        "- apple",
        "\\",
        "'",
        "a&b|c:d",
        "(" * 32 + "a" + ")" * 32,
        "(a) " * 32,
        '"' + "word " * 128 + '"',
        "+" + " +".join(f"w{n}" for n in range(1000)),
    ],
)
def test_what_a_server_takes_is_taken(text: str) -> None:
    parse_boolean(text)


@given(st.text(alphabet='ab1 +-<>~*()@"%\t', max_size=30))
def test_reading_ends_with_a_tree_or_a_place_in_the_text(text: str) -> None:
    try:
        nodes = parse_boolean(text)
    except QuerySyntaxError as error:
        refusal: QuerySyntaxError | None = error
    else:
        refusal = None
    if refusal is not None:
        assert 0 <= refusal.position < len(text)
        assert refusal.position + refusal.length <= len(text)
        return
    for node in walk(nodes):
        assert 0 <= node.start < node.end <= len(text)
        if not isinstance(node, Group):
            assert node.text in text[node.start : node.end]


@given(st.text(max_size=60))
def test_plain_text_is_always_accepted_and_keeps_the_words(text: str) -> None:
    plain = plain_text(text)
    parse_boolean(clean_query(plain))
    for kept in plain.split():
        assert kept in text


def test_plain_text_of_the_usual_suspects() -> None:
    assert plain_text('c++ (node.js) +foo@bar.com -only "two words"@3') == (
        "c node.js foo bar.com only two words 3"
    )
    assert plain_text("+-*") == ""


def test_control_characters_become_blanks_and_positions_stay() -> None:
    assert clean_query('"two\nwords"\x00+a\tb\u2028cȺ') == '"two words" +a b cⱥ'


@pytest.mark.parametrize(
    ("text", "hangs"),
    [
        ("+a b* c*", True),
        ("(+a) (b* (c*))", True),
        ('+"a b" c* -d*', True),
        ("a* b* c*", False),
        ("+a b*", False),
        ("-a b* c*", False),
    ],
)
def test_queries_that_never_end_on_aria_are_known(text: str, hangs: bool) -> None:
    assert hangs_aria(parse_boolean(text)) is hangs


def test_time_is_linear_in_the_text() -> None:
    def seconds(text: str) -> float:
        began = time.perf_counter()
        parse_boolean(text)
        return time.perf_counter() - began

    for piece in ("word ", '"', '+"a b" ', "%", "w* "):
        few = min(seconds(piece * 2_000) for _ in range(3))
        many = min(seconds(piece * 20_000) for _ in range(3))
        assert many < 40 * few + 0.05
