"""Natural text: only what a server refuses is taken out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.search.natural import natural_phrases, safe_natural


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("plain words", "plain words"),
        ("c++ (node) foo@bar.com -only ~x", "c++ (node) foo@bar.com -only ~x"),
        ("*", " "),
        ("* *", "   "),
        ("apple *", "apple *"),
        ("apple * *", "apple *  "),
        ("* apple", "* apple"),
        ("apple * * pear", "apple * * pear"),
        ('*"a b"', ' "a b"'),
        ('"a b" *', '"a b"  '),
        ("%*", "% "),
        ("**", "**"),
        ("two\nlines\x00", "two lines "),
        ('"' + "w " * 129 + '" x', " " + "w " * 129 + "  x"),
    ],
)
def test_signs_that_belong_to_nothing_are_taken_out(text: str, sent: str) -> None:
    assert safe_natural(text) == sent


@given(st.text(alphabet='ab *"%\n', max_size=30))
def test_places_stay_and_twice_is_once(text: str) -> None:
    sent = safe_natural(text)
    assert len(sent) == len(text)
    assert safe_natural(sent) == sent


def test_phrases_are_taken_apart_from_the_words() -> None:
    phrases, rest = natural_phrases('red "big apple" blue ""')
    assert phrases == ["big apple", ""]
    assert rest.split() == ["red", "blue"]
