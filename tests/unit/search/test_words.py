"""Words and folding."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.search.words import (
    Folding,
    collation_folding,
    fold,
    has_cjk,
    split_words,
    word_pattern,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("isn't o'neil", ["isn", "t", "o", "neil"]),
        ("snake_case __init__", ["snake_case", "__init__"]),
        ("node.js C++ a-b", ["node", "js", "C", "a", "b"]),
        ("café 中文 हिन्दी", ["café", "中文", "हिन्दी"]),
        ("e\u0301clair", ["e\u0301clair"]),
        ("😀emoji\U00010400x", ["emoji", "x"]),
        ("½ ² ٣", ["½", "²", "٣"]),
        ("", []),
    ],
)
def test_words_are_split_as_the_servers_split_them(text: str, words: list[str]) -> None:
    assert split_words(text) == words


def test_for_ascii_the_servers_and_python_agree() -> None:
    for code in range(128):
        char = chr(code)
        assert bool(word_pattern().match(char)) == (char.isalnum() or char == "_")


@pytest.mark.parametrize(
    ("collation", "folding"),
    [
        ("utf8mb4_0900_ai_ci", Folding.CASE_AND_ACCENTS),
        ("utf8mb4_general_ci", Folding.CASE_AND_ACCENTS),
        ("utf8mb4_0900_as_ci", Folding.CASE),
        ("utf8mb4_0900_as_cs", Folding.EXACT),
        ("utf8mb4_bin", Folding.EXACT),
        ("latin1_swedish_ci", Folding.CASE_AND_ACCENTS),
        ("", Folding.CASE_AND_ACCENTS),
    ],
)
def test_collations_say_what_is_the_same(collation: str, folding: Folding) -> None:
    assert collation_folding(collation) is folding


@given(st.text(max_size=40), st.sampled_from(Folding))
def test_folded_text_knows_where_it_comes_from(text: str, folding: Folding) -> None:
    folded, origins = fold(text, folding)
    if origins is None:
        assert len(folded) == len(text)
        return
    assert len(origins) == len(folded) + 1
    assert origins == sorted(origins)
    assert all(0 <= index <= len(text) for index in origins)


def test_folding_forgets_case_and_accents() -> None:
    assert (
        fold("STRASSE", Folding.CASE_AND_ACCENTS)[0] == fold("Straße", Folding.CASE_AND_ACCENTS)[0]
    )
    assert fold("Éclair", Folding.CASE_AND_ACCENTS)[0] == "eclair"
    assert fold("Éclair", Folding.CASE)[0] == "éclair"
    assert fold("Éclair", Folding.EXACT)[0] == "Éclair"


def test_scripts_without_blanks_are_seen() -> None:
    assert has_cjk("全文 search")
    assert has_cjk("한국어")
    assert has_cjk("カタカナ")
    assert not has_cjk("naïve €")
