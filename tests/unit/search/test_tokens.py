"""What each source does with each word, put together where the answer is the same."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.query_reading import WordReading, WordState
from altus4_desktop.search.boolean import clean_query, read_boolean
from altus4_desktop.search.tokens import read_tokens
from tests.unit.search.test_lint import ALL, BOOLEAN_TEXT, INNODB, MYISAM, NGRAMS


def one(text: str, *, boolean: bool = True) -> WordReading:
    (word,) = read_tokens(text, boolean=boolean, sources=[INNODB])
    return word


@pytest.mark.parametrize(
    ("text", "state", "reason", "repairs"),
    [
        ("flow", WordState.INDEXED, "In the index.", []),
        ("+the", WordState.STOP_WORD, "Left out: a stop word.", ["the", ""]),
        ("+ab", WordState.TOO_SHORT, "Left out: shorter than 3 characters.", ["ab", ""]),
        ("+ab*", WordState.INDEXED, "In the index.", []),
        ("elevenchars", WordState.TOO_LONG, "Left out: longer than 10 characters.", [""]),
        ("node.home", WordState.SPLIT, "Searched as “node” and “home”.", ['"node.home"', ""]),
        ("node.js", WordState.SPLIT, "Searched as “node”; “js” is shorter than 3 characters.", 0),
        ('"the flow"', WordState.INDEXED, "Searched as a phrase.", []),
    ],
)
def test_what_becomes_of_a_word(
    text: str, state: WordState, reason: str, repairs: list[str] | int
) -> None:
    word = one(text)
    (answer,) = word.answers
    assert (answer.state, answer.reason, answer.sources) == (state, reason, ())
    assert word.is_well == (state is WordState.INDEXED)
    if repairs != 0:
        assert [fix.apply(text) for fix in word.repairs] == repairs


def test_sources_with_the_same_answer_are_put_together() -> None:
    (word,) = read_tokens("the", boolean=True, sources=ALL)
    states = {answer.state: [ref.connection for ref in answer.sources] for answer in word.answers}
    assert states == {
        WordState.STOP_WORD: ["shop"],
        WordState.INDEXED: ["asia"],
        WordState.TOO_SHORT: ["old", "older"],
    }


def test_script_without_blanks_needs_an_index_of_its_own() -> None:
    (word,) = read_tokens("中文全文", boolean=False, sources=[NGRAMS, MYISAM])
    assert [(answer.state, len(answer.sources)) for answer in word.answers] == [
        (WordState.INDEXED, 1),
        (WordState.NEEDS_NGRAM, 1),
    ]


def test_natural_words_are_told_once() -> None:
    words = read_tokens('flow "two words" flow - layer', boolean=False, sources=[INNODB])
    assert [word.text for word in words] == ["flow", "two words", "layer"]


@given(BOOLEAN_TEXT)
def test_every_repair_makes_no_new_problem(text: str) -> None:
    problems = len(read_boolean(clean_query(text)).problems)
    for word in read_tokens(text, boolean=True, sources=ALL):
        assert word.text in clean_query(text)[word.start : word.end]
        for fix in word.repairs:
            assert len(read_boolean(clean_query(fix.apply(text))).problems) <= problems


@given(st.text(max_size=40))
def test_any_natural_text_is_read(text: str) -> None:
    for word in read_tokens(text, boolean=False, sources=ALL):
        for fix in word.repairs:
            assert len(fix.apply(text)) <= len(text)


def test_two_hundred_words_are_read_at_once() -> None:
    text = " ".join(f"+word{n} the" for n in range(100))
    began = time.perf_counter()
    read_tokens(text, boolean=True, sources=ALL)
    assert time.perf_counter() - began < 0.1
