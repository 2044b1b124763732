"""Matches and snippets."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.schema import ColumnInfo, TableInfo
from altus4_desktop.search.snippets import (
    MAX_MATCHES_PER_COLUMN,
    SNIPPET_CHARS,
    Highlighter,
    title_column,
)
from altus4_desktop.search.terms import IndexRules, read_terms
from altus4_desktop.search.words import Folding, fold_word

STOP_WORDS = frozenset({"the", "of", "for"})


def rules(
    folding: Folding = Folding.CASE_AND_ACCENTS, ngram: int = 0, *, innodb: bool = True
) -> IndexRules:
    return IndexRules(3, 84, STOP_WORDS, ngram, folding, innodb)


def highlighter(query: str, *, boolean: bool = False, on: IndexRules | None = None) -> Highlighter:
    on = on or rules()
    return Highlighter(read_terms(query, on, boolean=boolean), on, boolean=boolean)


def marked(
    query: str, text: str, *, boolean: bool = False, on: IndexRules | None = None
) -> list[str]:
    spans = highlighter(query, boolean=boolean, on=on).spans(text)
    return [text[start:end] for start, end in spans]


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("flow", "Flow, reflow, flows and FLOW.", ["Flow", "FLOW"]),
        ("cafe", "Café, cafés, cafe\u0301 CAFE", ["Café", "cafe\u0301", "CAFE"]),
        ("strasse", "Die Straße.", ["Straße"]),
        ("snake", "snake_case snake", ["snake"]),
        ("neil", "o'neil's", ["neil"]),
        ("the flow of", "the flow of", ["flow"]),
        ("node.js", "node.js and node", ["node", "node"]),
        ("flow", "😀flow😀", ["flow"]),
        ("flow", "Это reflow flows flow", ["flow"]),
        ("поток", "Поток, потоки, это поток", ["Поток", "поток"]),
        ("中文", "中文 x 中文字", []),
        ("日本語", "これは 日本語 です", ["日本語"]),
        ('"big apple"', "big, apple; big green apple", ["big, apple"]),
        ('"the big apple"', "a big apple", ["big apple"]),
        ("a b", "a b", []),
    ],
)
def test_natural_marks_what_the_server_found(query: str, text: str, found: list[str]) -> None:
    assert marked(query, text) == found


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("flow*", "Flow flows reflow flo", ["Flow", "flows"]),
        ("поток*", "Поток, потоки, непоток", ["Поток", "потоки"]),
        ("fl* -flood", "flood flow", ["flood", "flow"]),
        ("+apple -pear", "apple pear", ["apple"]),
        ("apple -(pear fig)", "apple pear fig", ["apple"]),
        ('"big apple"', "big apple, apple", ["big apple"]),
        ('"big apple"@9', "big red apple", ["big", "apple"]),
        ('"big apple" apple', "big apple, apple", ["big apple", "apple"]),
        ("~apple >pear", "apple pear", ["apple", "pear"]),
    ],
)
def test_boolean_marks_what_the_server_found(query: str, text: str, found: list[str]) -> None:
    assert marked(query, text, boolean=True) == found


def test_a_binary_collation_tells_case_and_accents_apart() -> None:
    text = "Flow flow café cafe"
    assert marked("flow", text, on=rules(Folding.EXACT)) == ["flow"]
    assert marked("cafe", text, on=rules(Folding.CASE)) == ["cafe"]


def test_the_ngram_parser_finds_pieces() -> None:
    on = rules(ngram=2)
    assert marked("全文検索", "全文も検索も", on=on) == ["全文", "検索"]
    assert marked("全文検索", "この全文検索は", on=on) == ["全文検索"]
    assert marked("全文検索", "全文も全文検索も", boolean=True, on=on) == ["全文検索"]


def test_a_phrase_with_words_the_server_skips_still_shows_them() -> None:
    shown = highlighter('"king of spain"', boolean=True).snippet(
        {"t": "king for spain"}, ("t",), ""
    )
    assert [shown.text[start:end] for start, end in shown.snippet_matches] == ["king", "spain"]


def test_many_words_find_the_same_as_few() -> None:
    words = ["flow", "layer", "wing", "café"]
    text = "Flow of the layer, wings and CAFE; the wing"
    many = " ".join([*words, *(f"filler{number}" for number in range(100))])
    assert marked(many, text) == marked(" ".join(words), text) == ["Flow", "layer", "CAFE", "wing"]
    assert marked(many + " win*", text, boolean=True) == ["Flow", "layer", "wings", "CAFE", "wing"]


def test_the_snippet_is_cut_around_the_matches() -> None:
    text = "filler " * 200 + "one flow\n\tand   another flow here " + "filler " * 200
    shown = highlighter("flow").snippet({"title": "", "body": text}, ("title", "body"), "title")
    assert len(shown.text) <= SNIPPET_CHARS + 2
    assert shown.text.startswith("…")
    assert shown.text.endswith("…")
    assert "one flow and another flow here" in shown.text
    assert [shown.text[start:end] for start, end in shown.snippet_matches] == ["flow", "flow"]
    assert [text[m.start : m.end] for m in shown.matches] == ["flow", "flow"]
    assert {match.column for match in shown.matches} == {"body"}


def test_the_title_is_not_repeated_where_there_is_other_text() -> None:
    row = {"title": "flow of flow", "body": "nothing of it"}
    shown = highlighter("flow").snippet(row, ("title", "body"), "title")
    assert shown.text == "nothing of it"
    assert [match.column for match in shown.matches] == ["title", "title"]
    shown = highlighter("flow").snippet({"title": "flow", "body": None}, ("title", "body"), "title")
    assert shown.text == "flow"


def test_marks_end_somewhere() -> None:
    shown = highlighter("flow").snippet({"t": "flow " * 5000}, ("t",), "")
    assert len(shown.matches) == MAX_MATCHES_PER_COLUMN


texts = st.text(alphabet=st.sampled_from("abcé ß\n\t.'_中😀\u0301İ"), max_size=120)


@given(texts, st.text(alphabet='abcé ß*"+-', max_size=20), st.booleans(), st.sampled_from(Folding))
def test_spans_are_always_inside_and_apart(
    text: str,
    query: str,
    boolean: bool,
    folding: Folding,
) -> None:
    on = IndexRules(1, 84, frozenset(), 0, folding, reads_phrases=True)
    shown = highlighter(query, boolean=boolean, on=on).snippet({"t": text}, ("t",), "")
    last = 0
    for match in shown.matches:
        assert last <= match.start < match.end <= len(text)
        last = match.end
    last = 0
    for start, end in shown.snippet_matches:
        assert last <= start < end <= len(shown.text)
        last = end
    assert "\n" not in shown.text


# A surrogate alone is no text, yet a driver may pass one on.
anything = st.text(st.characters(), max_size=400)
found_words = st.sampled_from(["flow", "Flow", "FLÖW", "flo\u0308w", "ﬂow", "😀flow", "flows", "x"])


@given(
    st.lists(st.one_of(anything, found_words), max_size=30),
    st.sampled_from([" ", "", "\n\n", "\x00", "\u2028", "…"]),
    st.sampled_from(Folding),
)
def test_what_is_marked_is_the_word_and_the_snippet_is_short(
    pieces: list[str], gap: str, folding: Folding
) -> None:
    text = gap.join(pieces)
    shown = highlighter("flow", on=rules(folding)).snippet({"t": text}, ("t",), "")
    wanted = fold_word("flow", folding)
    assert len(shown.matches) <= MAX_MATCHES_PER_COLUMN
    for match in shown.matches:
        assert fold_word(text[match.start : match.end], folding) == wanted
    assert len(shown.text) <= SNIPPET_CHARS + 2
    assert len(shown.text.splitlines()) <= 1
    for start, end in shown.snippet_matches:
        assert fold_word(shown.text[start:end], folding) == wanted
    assert bool(shown.snippet_matches) == bool(shown.matches)


@given(st.integers(1, 600), st.integers(0, 600), st.integers(0, 300))
def test_a_match_longer_than_the_snippet_is_cut(length: int, before: int, after: int) -> None:
    text = "x" * before + " " + "w" * length + " " + "y " * after
    on = IndexRules(1, 1_000, frozenset(), 0, Folding.CASE, reads_phrases=True)
    shown = highlighter("w" * length, on=on).snippet({"t": text}, ("t",), "")
    assert len(shown.text) <= SNIPPET_CHARS + 2
    for start, end in shown.snippet_matches:
        assert set(shown.text[start:end]) == {"w"}


@given(st.lists(st.sampled_from(["flow", "flows", "Flow", "x", "over"]), max_size=200))
def test_a_window_of_a_long_text_holds_a_match_when_there_is_one(words: list[str]) -> None:
    text = " filler ".join(words)
    shown = highlighter("flow").snippet({"t": text}, ("t",), "")
    has_match = any(word.lower() == "flow" for word in words)
    assert bool(shown.snippet_matches) == has_match
    for start, end in shown.snippet_matches:
        assert shown.text[start:end].lower() == "flow"


@pytest.mark.parametrize("piece", ["a", "flow", "flow ", "é", "x'", "ab "])
@pytest.mark.parametrize("query", ["a flow ab", "a* flow*", '"flow flow flow flowx"'])
def test_time_is_linear_in_the_text(piece: str, query: str) -> None:
    on = IndexRules(1, 84, frozenset(), 0, Folding.CASE_AND_ACCENTS, reads_phrases=True)
    finder = highlighter(query, boolean=True, on=on)

    def seconds(length: int) -> float:
        text = piece * (length // len(piece))
        began = time.perf_counter()
        finder.spans(text)
        return time.perf_counter() - began

    few = min(seconds(20_000) for _ in range(3))
    many = min(seconds(400_000) for _ in range(3))
    assert many < 60 * few + 0.1


def column(name: str, type_: str) -> ColumnInfo:
    return ColumnInfo(name, type_, type_.partition("(")[0], nullable=True)


@pytest.mark.parametrize(
    ("columns", "title"),
    [
        ([("id", "int"), ("body", "text"), ("Title", "varchar(200)")], "Title"),
        ([("id", "int"), ("book_name", "varchar(9)"), ("body", "text")], "book_name"),
        ([("id", "int"), ("code", "varchar(20)"), ("body", "text")], "code"),
        ([("id", "int"), ("body", "text")], ""),
        ([("name", "int"), ("url", "varchar(2000)")], ""),
    ],
)
def test_the_column_that_reads_like_a_title(columns: list[tuple[str, str]], title: str) -> None:
    infos = tuple(column(name, type_) for name, type_ in columns)
    table = TableInfo("t", "InnoDB", infos, ("id",), (), None, None)
    assert title_column(table) == title
