"""Ranking: BM25, meaning, feedback, many sources as one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from altus4_desktop.search.ranking import vectors
from altus4_desktop.search.ranking.choice import MOST_POSTINGS, choose_terms, search_text
from altus4_desktop.search.ranking.question import Question, read_question
from altus4_desktop.search.ranking.ranker import K1, B, Ranker
from altus4_desktop.search.ranking.records import (
    Candidate,
    Degraded,
    Lack,
    Ranked,
    SourceCandidates,
    TermStatistics,
)
from altus4_desktop.search.terms import IndexRules
from altus4_desktop.search.weights import weighted_counts
from altus4_desktop.search.words import Folding

WORDS = ("flow", "layer", "wing", "shock", "heat", "plate", "mach")


def strip_s(word: str) -> str:
    return word.removesuffix("s") if len(word) > 3 else word


def ask(text: str) -> Question:
    return read_question(text, strip_s, "en")


def candidate(question: Question, key: int, **cells: str) -> Candidate[int]:
    stems = question.analyser.counts("\n".join(cells.values()))
    return Candidate((key,), cells, stems, max(1, stems.total()), key)


def source(
    question: Question, texts: dict[int, str], table: str = "articles", index: str = "ft"
) -> SourceCandidates[int]:
    """A small table read whole."""
    found = [candidate(question, key, body=text) for key, text in texts.items()]
    df: Counter[str] = Counter()
    for one in found:
        df.update(one.stems.keys())
    statistics = TermStatistics(
        rows=len(found),
        average_length=sum(one.length for one in found) / max(1, len(found)),
        counted={},
        sampled=dict(df),
        sample_rows=len(found),
    )
    return SourceCandidates((table,), index, found, statistics)


def keys(ranker: Ranker[int], *sources: SourceCandidates[int]) -> list[int]:
    return [ranked.candidate.row for ranked in ranker.rank(sources).rows]


class Letters:
    """Texts with like letters mean the like."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += texts
        counts = np.array(
            [[text.count(chr(97 + at)) for at in range(26)] for text in texts], dtype=np.float32
        )
        lengths = np.linalg.norm(counts, axis=1, keepdims=True)
        np.divide(counts, lengths, out=counts, where=lengths > 0)
        return counts


def rules(**changes: object) -> IndexRules:
    values: dict[str, object] = {
        "min_length": 3,
        "max_length": 84,
        "stop_words": frozenset({"the"}),
        "ngram_size": 0,
        "folding": Folding.CASE_AND_ACCENTS,
        "reads_phrases": True,
    }
    return IndexRules(**{**values, **changes})  # type: ignore[arg-type]  # checked by use


class TestQuestion:
    def test_forms_of_one_word_are_one_term(self) -> None:
        terms = ask("The flows of a flow").terms
        assert [(term.stem, term.words, term.count, term.prefix) for term in terms] == [
            ("flow", ("flows", "flow"), 2, "flow")
        ]

    def test_stop_words_count_where_there_is_nothing_else(self) -> None:
        question = ask("who is that")
        assert [term.stem for term in question.terms] == ["who", "is", "that"]
        assert question.analyser.counts("who are you") == {"who": 1}

    def test_function_words_do_not_count(self) -> None:
        question = read_question("does it flow", strip_s, "en")
        assert [term.stem for term in question.terms] == ["flow"]
        assert question.analyser.stems("does flow does") == ["flow"]

    def test_a_stem_that_is_no_beginning_leaves_what_is_common(self) -> None:
        question = read_question("happy", lambda word: word.replace("y", "i"))
        assert question.terms[0].prefix == "happ"

    def test_chinese_is_compared_by_pairs(self) -> None:
        question = ask("全文检索")
        assert [term.stem for term in question.terms] == ["全文", "文检", "检索"]
        assert question.analyser.counts("检索全文 flows") == {
            "检索": 1,
            "索全": 1,
            "全文": 1,
            "flow": 1,
        }

    @settings(deadline=None)  # machines of tests are busy
    @given(st.text())
    def test_any_text_can_be_asked_and_read(self, text: str) -> None:
        question = ask(text)
        assert all(term.stem and term.words and term.count > 0 for term in question.terms)
        assert question.analyser.counts(text).total() >= 0


class TestChoice:
    def test_the_rarest_words_come_first_and_the_rest_is_told(self) -> None:
        question = ask("flow layer wing")
        rows = {"flow": MOST_POSTINGS * 10.0, "layer": 5.0, "wing": 10.0}
        choice = choose_terms(question, rules(), lambda term: rows[term.stem])
        assert choice.query == "layer* wing*"
        assert choice.boolean
        assert [term.stem for term in choice.left_out] == ["flow"]

    def test_one_word_is_asked_however_frequent_it_is(self) -> None:
        choice = choose_terms(ask("flow"), rules(), lambda _: 1e9)
        assert (choice.query, choice.left_out) == ("flow*", ())

    def test_words_that_the_index_does_not_hold_are_not_asked(self) -> None:
        custom = rules(stop_words=frozenset({"flow"}), max_length=10)
        assert choose_terms(ask("flow ai supercalifragil"), custom, lambda _: 1).query == ""

    def test_an_ngram_index_is_asked_in_natural_mode(self) -> None:
        choice = choose_terms(ask("全文检索 索"), rules(ngram_size=2), lambda _: 1)
        assert (choice.query, choice.boolean) == ("全文检索", False)

    @settings(deadline=None)  # machines of tests are busy
    @given(st.text())
    def test_no_operator_leaves_a_question(self, text: str) -> None:
        for term in ask(text).terms:
            assert not set(search_text(term, rules()).rstrip("*")) & set('+-<>()~*"@%')


class TestRanker:
    def test_bm25_is_the_formula_of_the_book(self) -> None:
        question = ask("wing")
        one = source(question, {1: "wing wing layer", 2: "flow", 3: "heat plate"})
        ranking = Ranker[int](question, None).rank([one])
        idf = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
        expected = idf * 2 * (K1 + 1) / (2 + K1 * (1 - B + B * 3 / 2))
        assert ranking.rows[0].lexical == pytest.approx(expected)

    def test_the_explanation_adds_up_to_the_score(self) -> None:
        question = ask("wing flow")
        found = candidate(question, 1, title="wings", body="a wing in a flow")
        other = candidate(question, 2, title="heat", body="plate flow")
        statistics = TermStatistics(50, 3, {"wing": 7, "flow": 9}, estimated=True)
        one = SourceCandidates(("t",), "ft", [found, other], statistics)
        ranker = Ranker[int](question, None)
        best = ranker.rank([one]).rows[0]
        told = ranker.explain(best, [one])
        assert sum(term.contribution for term in told.terms) == pytest.approx(best.lexical)
        wing = next(term for term in told.terms if term.stem == "wing")
        assert (wing.columns, wing.df, wing.rows) == ({"title": 1, "body": 1}, 7, 50)
        assert told.estimated

    def test_parts_add_up_and_order_the_rows(self) -> None:
        question = ask("wing flow")
        texts = {at: " ".join(WORDS[at % 7 :] * (1 + at % 3)) for at in range(150)}
        rows = Ranker[int](question, Letters()).rank([source(question, texts)]).rows
        assert len(rows) == 150
        assert [row.score for row in rows] == sorted((row.score for row in rows), reverse=True)
        for row in rows:
            parts = row.words_part + row.meaning_part + row.feedback_part
            assert parts == pytest.approx(row.score)

    def test_meaning_decides_between_equal_words(self) -> None:
        question = ask("wing flyers")
        texts = {1: "wing zzz", 2: "wing flyer", 3: "zzz"}
        texts |= {4: "wing flier"}
        ranked = keys(Ranker[int](question, Letters()), source(question, texts))
        assert ranked.index(4) < ranked.index(1)

    def test_the_best_rows_widen_the_question(self) -> None:
        question = ask("wing")
        texts = {1: "wing lift", 2: "wing lift", 3: "wing heat", 4: "wing lift"}
        texts |= dict.fromkeys(range(5, 20), "mach plate")
        ranking = Ranker[int](question, None).rank([source(question, texts)])
        assert "lift" in ranking.added_words
        assert [row.candidate.row for row in ranking.rows[:4]] == [1, 2, 4, 3]

    def test_without_a_model_it_says_so(self) -> None:
        question = ask("wing")
        ranking = Ranker[int](question, None).rank([source(question, {1: "wing"})])
        assert ranking.degraded == (Degraded(Lack.NO_MODEL),)
        assert ranking.rows[0].meaning is None

    def test_a_row_of_two_indexes_stands_once(self) -> None:
        question = ask("wing")
        first = source(question, {1: "wing", 2: "wing flow"}, index="a")
        second = source(question, {2: "wing flow"}, index="b")
        assert sorted(keys(Ranker[int](question, None), first, second)) == [1, 2]

    def test_the_model_reads_each_row_once(self) -> None:
        question = ask("wing")
        first = source(question, {1: "wing", 2: "wing flow"}, "a")
        second = source(question, {3: "wing heat"}, "b")
        model = Letters()
        ranker = Ranker[int](question, model)
        ranker.rank([first])
        ranker.rank([first, second])
        assert Counter(model.texts) == Counter(["wing", "wing flow", "wing heat"])

    def test_another_search_knows_the_rows_of_the_last(self) -> None:
        model = Letters()
        for text in ("wing", "flow"):
            question = ask(text)
            Ranker[int](question, model).rank([source(question, {1: "wing flow"})])
        assert model.texts == ["wing flow", "wing", "flow"]

    def test_kept_vectors_are_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(vectors, "MOST_VECTORS", 2)
        model, kept = Letters(), vectors.KeptVectors()
        assert len(kept.embed(model, ["a", "b", "c", "c"])) == 4
        kept.embed(model, ["c", "b", "a"])
        assert model.texts == ["a", "b", "c", "a"]

    def test_a_model_that_makes_no_numbers_breaks_nothing(self) -> None:
        class Nothing(Letters):
            def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
                return np.full((len(texts), 3), np.nan, dtype=np.float32)

        question = ask("wing")
        rows = Ranker[int](question, Nothing()).rank([source(question, {1: "wing", 2: ""})]).rows
        assert [row.candidate.row for row in rows] == [1, 2]

    def test_nothing_found_is_nothing(self) -> None:
        question = ask("")
        assert Ranker[int](question, Letters()).rank([]).rows == ()
        assert Ranker[int](question, Letters()).rank([source(question, {})]).rows == ()

    @settings(deadline=None)  # machines of tests are busy
    @given(
        st.lists(st.lists(st.sampled_from(WORDS), max_size=12), min_size=1, max_size=40),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=4),
        st.integers(1, 8),
    )
    def test_a_collection_split_over_tables_ranks_as_the_whole(
        self, rows: list[list[str]], asked: list[str], parts: int
    ) -> None:
        question = ask(" ".join(asked))
        texts = {at: " ".join(row) for at, row in enumerate(rows)}
        whole = Ranker[int](question, Letters()).rank([source(question, texts)])
        split = Ranker[int](question, Letters()).rank(
            [
                source(question, {k: t for k, t in texts.items() if k % parts == part}, f"t{part}")
                for part in range(parts)
            ]
        )
        scores = {row.candidate.row: row.lexical for row in whole.rows}
        assert {row.candidate.row for row in split.rows} == set(scores)
        for row in split.rows:
            assert row.lexical == pytest.approx(scores[row.candidate.row])

    @settings(deadline=None)  # machines of tests are busy
    @given(st.lists(st.text(max_size=30), max_size=15), st.text(max_size=20))
    def test_no_row_breaks_it(self, rows: list[str], asked: str) -> None:
        question = ask(asked)
        ranking = Ranker[int](question, Letters()).rank([source(question, dict(enumerate(rows)))])
        assert len(ranking.rows) == len(rows)
        assert all(math.isfinite(row.score) for row in ranking.rows)


rows_of_words = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=12), min_size=1, max_size=130
)
some_weight = st.floats(0.1, 10.0)


class TestWeights:
    @staticmethod
    def ranked(rows: list[list[str]], *weights: float) -> list[Ranked[int]]:
        """Rows dealt out to as many tables as there are weights, for the same question."""
        question = ask("wing flow")
        texts = {at: " ".join(row) for at, row in enumerate(rows)}
        count = len(weights)
        sources = [
            replace(
                source(question, {k: t for k, t in texts.items() if k % count == part}, f"t{part}"),
                weight=weight,
            )
            for part, weight in enumerate(weights)
        ]
        return list(Ranker[int](question, Letters()).rank(sources).rows)

    @settings(deadline=None)  # machines of tests are busy
    @given(rows_of_words, some_weight, some_weight, some_weight)
    def test_more_weight_never_puts_a_row_of_its_table_further_down(
        self, rows: list[list[str]], one: float, other: float, second: float
    ) -> None:
        def places(weight: float) -> dict[int, int]:
            ranked = self.ranked(rows, weight, second, 1.0)
            return {row.candidate.row: at for at, row in enumerate(ranked)}

        less, more = places(min(one, other)), places(max(one, other))
        for key, place in more.items():
            assert place <= less[key] if key % 3 == 0 else place >= less[key]

    @settings(deadline=None)  # machines of tests are busy
    @given(rows_of_words, st.lists(some_weight, min_size=2, max_size=4))
    def test_a_table_keeps_its_own_order_and_the_parts_add_up(
        self, rows: list[list[str]], weights: list[float]
    ) -> None:
        plain, weighed = self.ranked(rows, *[1.0] * len(weights)), self.ranked(rows, *weights)
        scores = [row.score for row in weighed]
        assert scores == sorted(scores, reverse=True)
        for part, weight in enumerate(weights):
            own = [
                [row.candidate.row for row in ranked if row.candidate.row % len(weights) == part]
                for ranked in (plain, weighed)
            ]
            assert own[0] == own[1]
            for row in weighed:
                if row.candidate.row % len(weights) == part:
                    parts = row.words_part + row.meaning_part + row.feedback_part
                    assert row.weight_part == math.log(weight)
                    assert parts + row.weight_part == pytest.approx(row.score)

    def test_weights_of_one_change_nothing(self) -> None:
        rows = [list(WORDS[at % 7 :] * (1 + at % 3)) for at in range(150)]
        for row in self.ranked(rows, 1.0, 1.0):
            assert row.weight_part == 0
            assert row.words_part + row.meaning_part + row.feedback_part == pytest.approx(row.score)

    def test_a_prior_is_no_more_than_it_says(self) -> None:
        rows = [["wing", "flow"], ["heat"]] * 10
        first = self.ranked(rows, 1.0, 2.0)[0]
        assert first.candidate.row % 2 == 0  # what says nothing of it is not raised to the top

    def test_words_in_a_heavy_column_count_more(self) -> None:
        question = ask("wing")
        heavy = [
            Candidate(
                (at,),
                {name: "wing"},
                weighted_counts({name: "wing"}, {"title": 3.0}, question.analyser.counts),
                1,
                at,
            )
            for at, name in enumerate(("title", "body"))
        ]
        statistics = TermStatistics(50, 1, {"wing": 7})
        one = SourceCandidates(("t",), "ft", heavy, statistics)
        first, second = Ranker[int](question, None).rank([one]).rows
        assert first.candidate.row == 0
        idf = math.log(1 + (50 - 7 + 0.5) / (7 + 0.5))
        assert first.lexical == pytest.approx(idf * 3 * (K1 + 1) / (3 + K1))
        assert second.lexical == pytest.approx(idf)


def in_language(text: str, language: str) -> Question:
    """``text`` where a word is its own stem, as in a language without endings."""
    return read_question(text, str.lower, language)


def test_each_source_is_compared_in_its_own_language() -> None:
    english, other = ask("wing flows"), in_language("wing flows", "xx")
    one = source(english, {1: "wings in the flow", 2: "heat"}, "english")
    two = source(other, {3: "wing flows", 4: "wings flow"}, "other")
    sources = [replace(one, question=english), replace(two, question=other)]
    ranker: Ranker[int] = Ranker(in_language("wing flows", ""), None)
    lexical = {ranked.candidate.row: ranked.lexical for ranked in ranker.rank(sources).rows}
    assert lexical[1] > 0
    assert lexical[3] > 0
    assert lexical[2] == lexical[4] == 0


def test_a_word_is_as_rare_as_in_all_languages_together() -> None:
    english, other = ask("wings"), in_language("wings", "xx")
    one = source(english, {1: "wing", 2: "wings", 3: "heat"}, "english")
    two = source(other, {4: "wings", 5: "wing", 6: "heat"}, "other")
    sources = [replace(one, question=english), replace(two, question=other)]
    ranker: Ranker[int] = Ranker(english, None)
    found = {row.candidate.row: row for row in ranker.rank(sources).rows}
    for key in (1, 4):
        [match] = ranker.explain(found[key], sources).terms
        assert (match.df, match.rows) == (3, 6)
    assert found[1].lexical == pytest.approx(found[4].lexical)


def test_feedback_reaches_rows_of_every_language() -> None:
    english, other = ask("wings"), in_language("wings", "xx")
    texts = dict.fromkeys(range(9), "wing shock")
    one = source(english, texts, "english")
    two = source(other, {20: "wings heat", 21: "wings shock"}, "other")
    sources = [replace(one, question=english), replace(two, question=other)]
    ranking = Ranker[int](english, None).rank(sources)
    order = [ranked.candidate.row for ranked in ranking.rows]
    assert order.index(21) < order.index(20)
    assert "shock" in ranking.added_words


@given(st.lists(st.text("abs ", max_size=12), min_size=1, max_size=8), st.integers(0, 7))
@settings(deadline=None)
def test_sources_that_name_the_same_language_rank_as_one_without(texts: list[str], at: int) -> None:
    question = ask("as bas sab")
    first = source(question, dict(enumerate(texts[: at + 1])), "a")
    second = source(question, dict(enumerate(texts[at + 1 :], 100)), "b")
    named = [replace(one, question=ask("as bas sab")) for one in (first, second)]
    ranker: Ranker[int] = Ranker(question, Letters())
    plain = [(row.candidate.row, row.score) for row in ranker.rank([first, second]).rows]
    assert [(row.candidate.row, row.score) for row in ranker.rank(named).rows] == plain


@settings(deadline=None)  # machines of tests are busy
@given(st.lists(st.tuples(st.sampled_from(["en", "xx", ""]), rows_of_words), max_size=4))
def test_any_mixture_of_languages_is_ranked_whole(
    parts: list[tuple[str, list[list[str]]]],
) -> None:
    sources = []
    for number, (language, rows) in enumerate(parts):
        question = ask("wings flow") if language == "en" else in_language("wings flow", language)
        texts = {1000 * number + at: " ".join(row) for at, row in enumerate(rows)}
        sources.append(replace(source(question, texts, f"t{number}"), question=question))
    ranking = Ranker[int](in_language("wings flow", ""), Letters()).rank(sources)
    scores = [row.score for row in ranking.rows]
    assert scores == sorted(scores, reverse=True)
    assert len({row.candidate.row for row in ranking.rows}) == sum(len(rows) for _, rows in parts)
    for row in ranking.rows:
        assert row.words_part + row.meaning_part + row.feedback_part == pytest.approx(row.score)
        assert math.isfinite(row.score)


def test_a_ranker_forgets_sources_that_it_ranked_before() -> None:
    question = ask("wing")
    few, many = {1: "wing", 2: "heat"}, dict.fromkeys(range(10, 30), "wing")
    ranker: Ranker[int] = Ranker(question, None)
    for texts in (few, many, few):
        one = source(question, texts)
        found = ranker.rank([one]).rows[0]
        [match] = ranker.explain(found, [one]).terms
        assert match.rows == len(texts)
        assert found.lexical == pytest.approx(match.contribution)


@pytest.mark.parametrize("first", ["ft_title", "ft"])
def test_a_stem_is_as_frequent_as_the_widest_index_of_its_table_says(first: str) -> None:
    question = ask("wing heat")
    [row] = source(question, {1: "wing heat"}).candidates
    counts = {"ft_title": {"wing": 2.0, "heat": 1.0}, "ft": {"wing": 7.0}}
    names = sorted(counts, key=lambda name: name != first)
    sources = [
        SourceCandidates(("t",), name, [row], TermStatistics(50, 2, counts[name])) for name in names
    ]
    ranker: Ranker[int] = Ranker(question, None)
    [found] = ranker.rank(sources).rows
    told = {match.stem: (match.df, match.rows) for match in ranker.explain(found, sources).terms}
    assert told == {"wing": (7, 50), "heat": (1, 50)}
