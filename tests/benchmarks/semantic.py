"""What the benchmarks of ranking share: one question to sources of one database, ranked."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.mysql.introspect import read_schema
from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.mysql.session import TenantSession
from altus4_desktop.search.embedding import Embedder, load_embedder
from altus4_desktop.search.plan import plan_search
from altus4_desktop.search.ranking.question import Question, read_question
from altus4_desktop.search.ranking.ranker import Ranker
from altus4_desktop.search.ranking.records import Ranking, SourceCandidates
from altus4_desktop.search.stemming import get_stemmer
from altus4_desktop.search.terms import index_rules
from altus4_desktop.services.semantic_source import ask_source
from altus4_desktop.services.term_statistics import TermStatisticsCache
from tests.servers import DatabaseServer

if TYPE_CHECKING:
    from altus4_desktop.domain.schema import DatabaseSchema

SEARCH_S = 30.0


def english(text: str) -> Question:
    """The question as an English one."""
    return read_question(text, get_stemmer("en").stem, "en")


class SemanticSearch:
    """Semantic search over every index of one database, as a search does it, on one thread."""

    def __init__(self, session: TenantSession) -> None:
        self.session = session
        self.schema: DatabaseSchema = read_schema(session)
        self.statistics = TermStatisticsCache()
        self.embedder: Embedder | None = load_embedder()

    def ask(self, question: Question) -> list[SourceCandidates[Any]]:
        """What each index contributes."""
        answers: list[SourceCandidates[Any]] = []
        for planned in plan_search(self.schema, ()).sources:
            rules = index_rules(planned.table, self.schema.fulltext, self.schema.flavour)
            answers.append(
                ask_source(
                    self.session,
                    planned,
                    rules,
                    question,
                    self.statistics,
                    table_id=(planned.table.name,),
                    deadline=time.monotonic() + SEARCH_S,
                    search_id="bench",
                )
            )
        return answers

    def rank(self, question: Question, answers: Sequence[SourceCandidates[Any]]) -> Ranking[Any]:
        """The answers in order."""
        return Ranker(question, self.embedder).rank(answers)


@contextlib.contextmanager
def semantic_search(server: DatabaseServer, database: str) -> Iterator[SemanticSearch]:
    """A semantic search of ``database`` through a pooled session."""
    account = server.create_search_account(database)
    pools = TenantPools()
    target = server.target(database, account)
    try:
        with pools.borrow(target, CancelToken()) as session:
            yield SemanticSearch(session)
    finally:
        pools.close()
