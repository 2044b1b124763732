"""Words that are known: completing, correcting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import Cancelled
from altus4_desktop.search import vocabulary
from altus4_desktop.search.vocabulary import MOST_CORRECTED, Vocabulary, complete, correct
from altus4_desktop.search.words import word_spans


def words(*texts: str) -> Vocabulary:
    known = Vocabulary()
    known.add(texts)
    return known


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("invoise", "invoice"),
        ("INVOICS", "invoice"),
        ("nivoice", "invoice"),
        ("invoce", "invoice"),
        ("fiel", "file"),
        ("temprorary", "temporary"),
    ],
)
def test_a_letter_wrong_missing_surplus_or_swapped_is_mended(mistyped: str, meant: str) -> None:
    correction = correct(mistyped, [words("An Invoice", "a file", "temporary")], ())
    assert correction is not None
    assert correction.query == meant


@pytest.mark.parametrize("word", ["invoice", "Invoice", "fle", "bile", "3333", "xylophone", "é"])
def test_words_that_are_known_short_far_or_numbers_stay(word: str) -> None:
    assert correct(word, [words("invoice file 1333 filed")], {"bile"}) is None


def test_only_the_words_change() -> None:
    query = '+invoise -invoise invoi* "tax  (invoise)" @3'
    correction = correct(query, [words("invoice tax")], (), boolean=True)
    assert correction is not None
    assert correction.query == '+invoice -invoise invoi* "tax  (invoice)" @3'
    assert [query[c.start : c.end] for c in correction.changes] == ["invoise", "invoise"]


def test_a_group_that_is_excluded_stays_whole() -> None:
    known = [words("green red")]
    assert correct("-(old grean)", known, (), boolean=True) is None
    correction = correct("-(old grean) +grean", known, (), boolean=True)
    assert correction is not None
    assert correction.query == "-(old grean) +green"


def test_so_many_words_and_no_more_are_looked_at_and_stopping_is_heard() -> None:
    known = [words("invoice")]
    query = " ".join(f"zzqq{number}" for number in range(MOST_CORRECTED)) + " invoise"
    assert correct(query, known, ()) is None
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        correct("invoise", known, (), token=token)


def test_the_nearer_word_wins_then_the_commoner_then_the_alphabet() -> None:
    near, far = words("cart " * 9), words("cars cars carp")
    assert correct("carq", [near, far], ()).query == "cart"  # type: ignore[union-attr]  # found
    assert correct("carq", [far], ()).query == "cars"  # type: ignore[union-attr]  # found
    assert correct("invoicess", [words("invoices", "invoice " * 9)], ()).query == "invoices"  # type: ignore[union-attr]  # found


def test_a_word_that_any_vocabulary_knows_stays() -> None:
    assert correct("carp", [words("cart"), words("carp")], ()) is None


def test_the_last_word_is_completed_the_commonest_first() -> None:
    known = [words("temporary temporal tempo"), words("temporal Temperature")]
    assert complete("a tem", known, 9) == [
        "a temporal",
        "a temperature",
        "a tempo",
        "a temporary",
    ]
    assert complete("a tem", known, 1) == ["a temporal"]
    assert complete("+tempo", known, 9) == ["+temporal", "+temporary"]
    for text in ("", "t", "tem ", "tem*", "xyz", "temporary"):
        assert complete(text, known, 9) == []


def test_a_full_vocabulary_only_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "MAX_WORDS", 2)
    known = words("alpha beta gamma beta")
    assert len(known) == 2
    assert "gamma" not in known
    assert known.completions("be") == {"beta": 2}


@given(st.text(max_size=60), st.lists(st.text(max_size=40), max_size=4))
def test_whatever_is_typed_the_rest_of_the_text_stays(query: str, texts: list[str]) -> None:
    known = words(*texts)
    correction = correct(query, [known], ())
    if correction is not None:
        at = 0
        for change in correction.changes:
            assert (change.start, change.end) in set(word_spans(query))
            assert change.word in known
            assert change.start >= at
            at = change.end
        kept = [query[: correction.changes[0].start], query[at:]]
        assert correction.query.startswith(kept[0])
        assert correction.query.endswith(kept[1])
    for completed in complete(query, [known], 5):
        assert completed != query
