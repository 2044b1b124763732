"""What becomes of each word, and the sentences about it."""

from __future__ import annotations

import pytest

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.schema import FulltextSettings, TableInfo
from altus4_desktop.domain.searching import SourceRef, SourceState
from altus4_desktop.search.explain import SourceFacts, TableGap, explain
from altus4_desktop.search.terms import Fate, IndexRules, index_rules, read_terms
from altus4_desktop.search.words import Folding

SETTINGS = FulltextSettings(
    innodb_stopwords=frozenset({"the", "of"}), myisam_stopwords=frozenset({"however"})
)
RULES = IndexRules(3, 10, frozenset({"the", "of"}), 0, Folding.CASE_AND_ACCENTS, True)


def fates(query: str, rules: IndexRules = RULES, *, boolean: bool = False) -> dict[str, Fate]:
    return {
        word.text: word.fate
        for term in read_terms(query, rules, boolean=boolean)
        for word in term.words
    }


def codes(
    query: str,
    *,
    boolean: bool = False,
    rows: int = 0,
    rules: IndexRules | None = RULES,
    state: SourceState = SourceState.OK,
    gaps: tuple[TableGap, ...] = (),
) -> list[str]:
    facts = SourceFacts(SourceRef("shop", "t", "i"), state, rows, rules)
    found = explain(query, boolean=boolean, sources=[facts], gaps=gaps, row_count=rows)
    for notice in found:
        assert notice.message[0].isupper() or notice.message[0] in "“N"
        assert notice.message.endswith(".")
    return [notice.code for notice in found]


def test_each_word_has_its_fate() -> None:
    assert fates("The boundary of a supersonically") == {
        "The": Fate.STOP_WORD,
        "boundary": Fate.INDEXED,
        "of": Fate.STOP_WORD,
        "a": Fate.TOO_SHORT,
        "supersonically": Fate.TOO_LONG,
    }
    assert fates("a* the*", boolean=True) == {"a": Fate.INDEXED, "the": Fate.STOP_WORD}
    assert fates("全文 全文検索") == {"全文": Fate.NEEDS_NGRAM, "全文検索": Fate.INDEXED}


def test_the_engine_and_the_parser_decide_the_rules() -> None:
    def rules(engine: str, flavour: Flavour = Flavour.MYSQL, parser: str = "") -> IndexRules:
        table = TableInfo("t", engine, (), (), (), None, None, "utf8mb4_bin")
        return index_rules(table, SETTINGS, flavour, parser)

    innodb, aria = rules("InnoDB"), rules("Aria", Flavour.MARIADB)
    assert (innodb.min_length, innodb.folding) == (3, Folding.EXACT)
    assert (aria.min_length, aria.stop_words) == (4, frozenset({"however"}))
    assert not aria.reads_phrases
    assert rules("InnoDB", parser="ngram").fate("全文") is Fate.INDEXED
    assert rules("InnoDB", parser="ngram").fate("x") is Fate.TOO_SHORT
    assert rules("InnoDB", Flavour.MARIADB, "ngram").ngram_size == 0


def test_operators_reach_the_terms() -> None:
    terms = read_terms('+a1b -(c2d e3f) "g h"@2 +(i4j)', RULES, boolean=True)
    assert [(t.text, t.required, t.excluded, t.phrase, t.distance) for t in terms] == [
        ("a1b", True, False, False, False),
        ("c2d", False, True, False, False),
        ("e3f", False, True, False, False),
        ("g h", False, False, True, True),
        ("i4j", False, False, False, False),
    ]


@pytest.mark.parametrize(
    ("query", "boolean", "expected"),
    [
        ("the", False, ["search.all_ignored.stop_word"]),
        ("the of a", True, ["search.all_ignored"]),
        ("a1", False, ["search.all_ignored.too_short"]),
        ("supersonically", False, ["search.all_ignored.too_long"]),
        ("+the +boundary", True, ["search.required_ignored"]),
        ("+ab boundary", True, ["search.required_ignored"]),
        ('+"the" boundary', True, ["search.required_ignored"]),
        ("+supersonically boundary", True, ["search.ignored.too_long", "search.none"]),
        ("-only", True, ["search.only_excluded"]),
        ("-(only this)", True, ["search.only_excluded"]),
        ("全文検索", False, ["search.needs_ngram"]),
        ("😀 ...", False, ["search.no_words"]),
        ("*", False, ["search.no_words"]),
        ("boundary", False, ["search.none"]),
        ("the boundary", False, ["search.ignored.stop_word", "search.none"]),
        ("boundary-layer", True, ["search.none", "search.hyphen"]),
        ("node.js", True, ["search.ignored.too_short", "search.none", "search.split"]),
        ('"unclosed', True, ["search.none", "search.open_quote"]),
    ],
)
def test_finding_nothing_has_a_cause(query: str, boolean: bool, expected: list[str]) -> None:
    assert codes(query, boolean=boolean) == expected


def test_with_rows_only_what_was_ignored_is_said() -> None:
    assert codes("boundary", rows=3) == []
    assert codes("the boundary a", rows=3) == [
        "search.ignored.stop_word",
        "search.ignored.too_short",
    ]
    assert codes('"the boundary"', rows=3, boolean=True) == []


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (SourceState.FAILED, "search.source_failed"),
        (SourceState.TIMED_OUT, "search.source_timed_out"),
        (SourceState.CANCELLED, "search.source_cancelled"),
    ],
)
def test_a_lost_source_is_a_cause_of_its_own(state: SourceState, code: str) -> None:
    assert codes("boundary", state=state, rules=None) == [code]


def test_tables_without_an_index_are_said() -> None:
    assert codes("boundary", rules=None, gaps=(TableGap("shop"),)) == ["search.no_index"]
    assert codes("boundary", gaps=(TableGap("shop", "logs"),), rows=1) == ["search.no_index"]


def test_where_rules_differ_the_place_is_named() -> None:
    other = IndexRules(4, 10, frozenset(), 0, Folding.CASE_AND_ACCENTS, True)
    facts = [
        SourceFacts(SourceRef("inno", "t", "i"), SourceState.OK, 5, RULES),
        SourceFacts(SourceRef("aria", "t", "i"), SourceState.OK, 5, other),
    ]
    found = explain("the fox layer", boolean=False, sources=facts, row_count=10)
    assert [notice.message for notice in found] == [
        "“the” was ignored on “inno”: a stop word.",
        "“the” and “fox” were ignored on “aria”: shorter than 4 characters.",
    ]
