"""Semantic search: what the sources of one search share, and what is said about its ranking."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import ModelError
from altus4_desktop.domain.languages import LANGUAGE_NAMES
from altus4_desktop.domain.searching import Notice, SearchRequest, SourceRef
from altus4_desktop.search.plan import PlannedSource
from altus4_desktop.search.ranking.question import Question, read_question
from altus4_desktop.search.ranking.ranker import Ranker
from altus4_desktop.search.ranking.records import Degraded, Lack, Ranking, SourceCandidates
from altus4_desktop.search.stemming import detect_language, get_stemmer
from altus4_desktop.search.terms import IndexRules
from altus4_desktop.search.weights import column_weights, place_weight
from altus4_desktop.services.language_model import LanguageModel
from altus4_desktop.services.semantic_source import (
    CANDIDATES,
    MOST_CANDIDATES,
    ask_source,
)
from altus4_desktop.services.table_languages import TableLanguages
from altus4_desktop.services.term_statistics import TermStatisticsCache

if TYPE_CHECKING:
    from altus4_desktop.mysql.fulltext import IndexRow, IndexSearch
    from altus4_desktop.mysql.session import TenantSession

_NAMED_WORDS = 6
_NO_STEMS = "search.no_stems"


class _By(StrEnum):
    """Who told a language."""

    CHOICE = "chosen"
    CONNECTION = "set for the connection"
    TEXTS = "detected"


class _Told(NamedTuple):
    """The language of a source, "" when nothing tells it."""

    language: str
    by: _By


class SemanticSearch:
    """One search in semantic mode: its question, language, model and ranking.

    ``text`` is what is asked, the request's query with synonyms. Each source reads it in the
    language of its table: the one chosen for the search, else for the connection, else the one that
    rows of the table tell, else the question's own. `ask` is for the sources' threads, `rank` and
    what follows it for the search's own.
    """

    def __init__(
        self,
        request: SearchRequest,
        text: str,
        search_id: str,
        statistics: TermStatisticsCache,
        languages: TableLanguages,
        model: LanguageModel,
        token: CancelToken,
    ) -> None:
        self.search_id = search_id
        # Every page ranks the same candidates, or a row could stand on two of them.
        self.wanted = CANDIDATES if request.limit <= CANDIDATES else MOST_CANDIDATES
        self._text = text
        self._chosen = request.language
        self._weights = request.weights
        self._set_languages = dict(request.languages)
        self._statistics = statistics
        self._languages = languages
        self._lock = threading.Lock()
        self._questions: dict[str, Question] = {}
        self._told: dict[SourceRef, _Told] = {}
        self._ranker: Ranker[IndexRow] | None = None
        self._ranked: tuple[tuple[SourceCandidates[IndexRow], ...], Ranking[IndexRow]] | None = None
        self._problems: list[Notice] = []
        self._degraded: tuple[Degraded, ...] = ()
        self._model = model
        self._token = token
        # The model loads while the sources are asked.
        model.start()

    def ask(
        self,
        session: TenantSession,
        planned: PlannedSource,
        rules: IndexRules,
        ref: SourceRef,
        *,
        deadline: float,
        cell_limit: int,
        on_sent: Callable[[IndexSearch], None] | None = None,
    ) -> SourceCandidates[IndexRow]:
        """The candidates of one source, and to ``on_sent`` what gave them; raises `TenantError`
        and `Cancelled`."""
        told = self._tell(session, planned, ref, deadline)
        question = self._read_question(told.language)
        answer = ask_source(
            session,
            planned,
            rules,
            question,
            self._statistics,
            table_id=(ref.connection, ref.connection_id, ref.table),
            deadline=deadline,
            search_id=self.search_id,
            wanted=self.wanted,
            cell_limit=cell_limit,
            weights=column_weights(self._weights, ref.connection_id, ref.table),
            on_sent=on_sent,
        )
        with self._lock:
            self._told[ref] = told
        weight = place_weight(self._weights, ref.connection_id, ref.table)
        return replace(answer, weight=weight)

    def rank(self, sources: Sequence[SourceCandidates[IndexRow]]) -> Ranking[IndexRow]:
        """Everything found so far, best first; raises `ModelError` when nothing can be computed."""
        known = self._ranked
        # When the last source fails or is stopped, the ones before are ranked already.
        if known is not None and [*map(id, known[0])] == [*map(id, sources)]:
            return known[1]
        ranking = self._get_ranker().rank(sources)
        self._ranked = tuple(sources), ranking
        self._degraded = ranking.degraded
        return ranking

    @property
    def ranker(self) -> Ranker[IndexRow]:
        """The ranker of this search."""
        return self._get_ranker()

    def notices(self) -> tuple[Notice, ...]:
        """What the ranking lacks, then what it is."""
        lacks = {degraded.lack for degraded in self._degraded}
        said = list(self._problems)
        if Lack.TIME_SHORT in lacks:
            said.append(
                Notice(
                    "search.time_short",
                    "The time was short: of some sources only the first rows were ranked.",
                    "Allow more time, or choose fewer tables.",
                )
            )
        left_out = dict.fromkeys(word for lack in self._degraded for word in lack.words)
        if Lack.TERMS_LEFT_OUT in lacks:
            named = ", ".join(f"“{word}”" for word in list(left_out)[:_NAMED_WORDS])
            more = ", …" if len(left_out) > _NAMED_WORDS else ""
            said.append(
                Notice(
                    "search.terms_left_out",
                    f"Rows were looked up by the rarer words; only ranked by: {named}{more}.",
                )
            )
        if Lack.CANDIDATES_CUT in lacks:
            said.append(
                Notice(
                    "search.candidates_cut",
                    f"There are more rows: the server's best {self.wanted} of each source were "
                    "ranked.",
                    "Use more words to find fewer rows.",
                )
            )
        if Lack.STATISTICS_ESTIMATED in lacks:
            said.append(
                Notice(
                    "search.statistics_estimated",
                    "How rare frequent words are was estimated from a sample of a large table.",
                )
            )
        said.append(self._about_ranking())
        return tuple(said)

    def _about_ranking(self) -> Notice:
        by = "Ranked by the built-in offline re-ranker"
        with self._lock:
            told = list(self._told.items())
        if any(problem.code == _NO_STEMS for problem in self._problems):
            return Notice("search.semantic", f"{by}.", warns=False)
        unknown = sorted({ref.table for ref, one in told if not one.language})
        how: dict[str, set[_By]] = {}
        for _, one in told:
            if one.language:
                how.setdefault(one.language, set()).add(one.by)
        if not how:
            return Notice(
                "search.semantic",
                f"{by}; the language was not recognised, so forms of a word count as different "
                "words.",
            )
        languages = ", ".join(
            f"{LANGUAGE_NAMES[code]} ({', '.join(sorted(ways))})"
            for code, ways in sorted(how.items(), key=lambda item: LANGUAGE_NAMES[item[0]])
        )
        sentence = f"{by}; language: {languages}."
        if unknown:
            named = ", ".join(f"“{table}”" for table in unknown[:_NAMED_WORDS])
            more = ", …" if len(unknown) > _NAMED_WORDS else ""
            sentence += (
                f" That of {named}{more} was not recognised: forms of a word count as different "
                "words there."
            )
        # Without a language, forms of a word are missed.
        return Notice("search.semantic", sentence, warns=bool(unknown))

    def _get_ranker(self) -> Ranker[IndexRow]:
        if self._ranker is None:
            # Every source has read the question in its own language.
            plain = read_question(self._text, get_stemmer("").stem)
            try:
                embedder = self._model.get(self._token)
            except ModelError as error:
                self._problems.append(
                    Notice(
                        "search.no_model",
                        f"{error.message} Rows are ranked by their words alone.",
                        error.hint,
                    )
                )
                self._ranker = Ranker(plain, None)
            else:
                self._ranker = Ranker(plain, embedder)
        return self._ranker

    def _tell(
        self, session: TenantSession, planned: PlannedSource, ref: SourceRef, deadline: float
    ) -> _Told:
        """The language of a source."""
        if self._chosen:
            return _Told(self._chosen, _By.CHOICE)
        kept = self._set_languages.get(ref.connection_id, "")
        if kept:
            return _Told(kept, _By.CONNECTION)
        found = self._languages.find(
            session, planned.table, deadline=deadline, tag=self.search_id
        ) or detect_language(self._text)
        return _Told(found, _By.TEXTS)

    def _read_question(self, language: str) -> Question:
        """The question in ``language``."""
        with self._lock:
            known = self._questions.get(language)
        if known is not None:
            return known
        try:
            question = read_question(self._text, get_stemmer(language).stem, language)
        except ImportError:
            # The stemmer's library is missing: say so, and compare words as they are.
            question = read_question(self._text, get_stemmer("").stem)
            problem = Notice(
                _NO_STEMS,
                "The library of word forms is missing: forms of a word count as different words.",
                "Install Altus 4 Desktop again.",
            )
            with self._lock:
                if problem not in self._problems:
                    self._problems.append(problem)
        with self._lock:
            return self._questions.setdefault(language, question)
