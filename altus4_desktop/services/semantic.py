"""Semantic search: what the sources of one search share, and what is said about its ranking."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import ModelError, TenantError, TenantFailure
from altus4_desktop.domain.searching import Notice, SearchRequest, SourceRef
from altus4_desktop.search.plan import PlannedSource
from altus4_desktop.search.ranking.choice import choose_terms
from altus4_desktop.search.ranking.question import Question, read_question
from altus4_desktop.search.ranking.ranker import Ranker
from altus4_desktop.search.ranking.records import Degraded, Lack, Ranking, SourceCandidates
from altus4_desktop.search.stemming import (
    LANGUAGES,
    detect_language,
    get_stemmer,
)
from altus4_desktop.search.terms import IndexRules
from altus4_desktop.search.weights import column_weights, place_weight
from altus4_desktop.services.language_model import LanguageModel
from altus4_desktop.services.semantic_source import (
    CANDIDATES,
    MOST_CANDIDATES,
    ask_source,
    candidate_search,
    row_count,
)
from altus4_desktop.services.table_samples import searched_columns
from altus4_desktop.services.term_statistics import TermStatisticsCache

if TYPE_CHECKING:
    from altus4_desktop.mysql.fulltext import IndexRow
    from altus4_desktop.mysql.session import TenantSession

_LOG = logging.getLogger(__name__)

_PROBED_ROWS = 30
_PROBED_CHARS = 600
_PROBE_S = 0.5
_NAMED_WORDS = 6

LANGUAGE_NAMES: Mapping[str, str] = {
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "hu": "Hungarian",
    "it": "Italian",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sv": "Swedish",
    "tr": "Turkish",
}


def is_language(code: str) -> bool:
    """Whether word forms of the language ``code`` (ISO 639-1) are known."""
    return code in LANGUAGES


class SemanticSearch:
    """One search in semantic mode: its question, language, model and ranking.

    ``text`` is what is asked, the request's query with synonyms.
    The language is the chosen one, else the question's, else the one that the texts of the same
    places were in before (``known_language``), else that of the first source's rows. `ask` is for
    the sources' threads, `rank` and what follows it for the search's own.
    """

    def __init__(
        self,
        request: SearchRequest,
        text: str,
        search_id: str,
        statistics: TermStatisticsCache,
        known_language: str,
        model: LanguageModel,
        token: CancelToken,
    ) -> None:
        self.search_id = search_id
        self.language_of_texts = ""
        # Every page ranks the same candidates, or a row could stand on two of them.
        self.wanted = CANDIDATES if request.limit <= CANDIDATES else MOST_CANDIDATES
        self._text = text
        self._chosen = request.language
        self._weights = request.weights
        self._statistics = statistics
        self._lock = threading.Lock()
        self._question: Question | None = None
        self._ranker: Ranker[IndexRow] | None = None
        self._statements: dict[SourceRef, str] = {}
        self._problems: list[Notice] = []
        self._degraded: tuple[Degraded, ...] = ()
        language = request.language or detect_language(self._text) or known_language
        if language:
            self._read_question(language)
        self._model = model
        self._token = token
        # The model loads while the sources are asked.
        model.start()

    @property
    def question(self) -> Question:
        """What is looked for; without any word forms as long as no source has told a language."""
        with self._lock:
            known = self._question
        return known or read_question(self._text, get_stemmer("").stem)

    def ask(
        self,
        session: TenantSession,
        planned: PlannedSource,
        rules: IndexRules,
        ref: SourceRef,
        *,
        deadline: float,
        cell_limit: int,
    ) -> SourceCandidates[IndexRow]:
        """The candidates of one source; raises `TenantError` and `Cancelled`."""
        from altus4_desktop.mysql.fulltext import statement_text

        with self._lock:
            question = self._question
        if question is None:
            question = self._read_question(self._probe(session, planned, deadline), probed=True)
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
        )
        choice = choose_terms(question, rules, row_count(answer.statistics))
        if choice.query:
            search = candidate_search(
                session.target.database, planned, choice, self.search_id, self.wanted, cell_limit
            )
            with self._lock:
                self._statements[ref] = statement_text(search)
        weight = place_weight(self._weights, ref.connection_id, ref.table)
        return replace(answer, weight=weight)

    def rank(self, sources: Sequence[SourceCandidates[IndexRow]]) -> Ranking[IndexRow]:
        """Everything found so far, best first; raises `ModelError` when nothing can be computed."""
        ranking = self._get_ranker().rank(sources)
        self._degraded = ranking.degraded
        return ranking

    @property
    def ranker(self) -> Ranker[IndexRow]:
        """The ranker of this search."""
        return self._get_ranker()

    def statements(self) -> Mapping[SourceRef, str]:
        """What each source was asked for its candidates, with the values."""
        with self._lock:
            return dict(self._statements)

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
        said.append(
            Notice(
                "search.semantic",
                self._about_ranking(),
                # Without a language, forms of a word are missed.
                warns=not self.question.language,
            )
        )
        return tuple(said)

    def _about_ranking(self) -> str:
        code = self.question.language
        if not code:
            return (
                "Ranked by the built-in offline re-ranker; the language was not recognised, so "
                "forms of a word count as different words."
            )
        how = "chosen" if self._chosen else "detected"
        return (
            f"Ranked by the built-in offline re-ranker; language: {LANGUAGE_NAMES[code]} ({how})."
        )

    def _get_ranker(self) -> Ranker[IndexRow]:
        if self._ranker is None:
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
                self._ranker = Ranker(self.question, None)
            else:
                self._ranker = Ranker(self.question, embedder)
        return self._ranker

    def _read_question(self, language: str, *, probed: bool = False) -> Question:
        """The question in ``language``, unless another source was quicker."""
        try:
            question = read_question(self._text, get_stemmer(language).stem, language)
        except ImportError:
            # The stemmer's library is missing: say so, and compare words as they are.
            question = read_question(self._text, get_stemmer("").stem)
            problem = Notice(
                "search.no_stems",
                "The library of word forms is missing: forms of a word count as different words.",
                "Install Altus 4 Desktop again.",
            )
            with self._lock:
                if problem not in self._problems:
                    self._problems.append(problem)
        with self._lock:
            if self._question is None:
                self._question = question
                self.language_of_texts = question.language if probed else ""
            return self._question

    def _probe(self, session: TenantSession, planned: PlannedSource, deadline: float) -> str:
        """The language that rows of a table are in; "" when they do not tell."""
        from altus4_desktop.mysql.candidates import read_sample

        try:
            rows = read_sample(
                session,
                planned.table,
                searched_columns(planned.table),
                start=None,
                limit=_PROBED_ROWS,
                cell_limit=_PROBED_CHARS,
                timeout_s=max(0.0, min(_PROBE_S, deadline - time.monotonic())),
                tag=self.search_id,
            )
        except TenantError as error:
            if error.failure is not TenantFailure.TIMEOUT or session.broken:
                raise
            _LOG.info("language of a table not read: %s", error.code)
            return ""
        return detect_language("\n".join(cell for row in rows for cell in row.cells))
