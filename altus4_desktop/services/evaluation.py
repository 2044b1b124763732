"""Measuring searches: judged queries are run again, and two ways to search compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.evaluation import (
    Change,
    Comparison,
    Configuration,
    Evaluation,
    JudgedQuery,
    Judgements,
    QueryResult,
)
from altus4_desktop.domain.progress import Progress, ProgressSink, ignore_progress
from altus4_desktop.domain.query_sets import SetContents
from altus4_desktop.domain.searching import (
    SearchHit,
    SearchOutcome,
    SourceState,
)
from altus4_desktop.search.metrics import DEPTH, Quality, mean_quality, measure, sign_test
from altus4_desktop.services.permissions import Permissions, Right
from altus4_desktop.services.row_names import key_name, quoted

if TYPE_CHECKING:
    from altus4_desktop.services.keys import KeysService
    from altus4_desktop.services.search import SearchService

# A server is asked no more at once than by a few people.
PARALLEL = 4
MOST_HITS = 1000
# What lists are read by: as many as a page holds, each as much as a line does.
_TITLED, _TITLE_LENGTH = 20, 160


class EvaluationService:
    """Runs queries with known answers, and says how good what was found is."""

    def __init__(self, search: SearchService, keys: KeysService, permissions: Permissions) -> None:
        self._search = search
        self._keys = keys
        self._permissions = permissions

    def run_(
        self,
        actor: Actor,
        queries: Sequence[JudgedQuery],
        judgements: Judgements,
        configuration: Configuration,
        progress: ProgressSink = ignore_progress,
        token: CancelToken | None = None,
    ) -> Evaluation:
        """Search for every query, at most `PARALLEL` at once, and measure the lists.

        Blocks: for a worker thread. The searches are not kept in the history. A query whose search
        fails counts with what it found nonetheless, and says so. Rows are named
        ``connection/table/key``, each percent-encoded where it must be, or by ``id_column``; where
        one table was searched and the judgements do not name it, by the key alone. Raises
        AccessError, Cancelled, InputError and NotFoundError for what cannot be asked.
        """
        actor = self._permissions.check(actor, Right.SEARCH)
        if not queries:
            raise InputError("queries", "There are no queries to run.")
        if not DEPTH <= configuration.limit <= MOST_HITS:
            raise InputError(
                "limit",
                "Between {least} and {most} hits of each query are measured.",
                least=DEPTH,
                most=MOST_HITS,
            )
        token = token or CancelToken()
        found: dict[str, _Found] = {}
        what = f"Searching, {configuration.mode.value} mode"
        for query, answer in self._answers(actor, queries, configuration, token):
            found[query.id] = answer
            progress(Progress(f"{what}: {len(found)} of {len(queries)}", len(found) / len(queries)))
        names = _Names(configuration, list(found.values()), judgements)
        return _evaluation(
            configuration,
            [
                _result(
                    query,
                    tuple(names.name(row) for row in found[query.id].rows),
                    names.grades(judgements.get(query.id, {})),
                    found[query.id].failure,
                    tuple(row.title for row in found[query.id].rows[:_TITLED]),
                )
                for query in queries
            ],
        )

    @staticmethod
    def measure(
        queries: Sequence[JudgedQuery], judgements: Judgements, lists: Mapping[str, Sequence[str]]
    ) -> Evaluation:
        """The measures of ``lists`` that were found before: the documents of each query's id.

        Raises InputError for lists of other queries.
        """
        if not any(query.id in lists for query in queries):
            raise InputError(
                "run",
                "The run has none of the queries.",
                hint="Look whether both files are of the same collection.",
            )
        return _evaluation(
            None,
            [
                _result(query, tuple(lists.get(query.id, ())), judgements.get(query.id, {}))
                for query in queries
            ],
        )

    @staticmethod
    def regrade(kept: Evaluation, contents: SetContents) -> Evaluation:
        """A run of a query set that was kept, measured by the grades of ``contents``.

        Of each query ten documents are kept: the reciprocal rank is that of `look_at_ten`.
        """
        names = _KeptNames(kept, contents)
        return _evaluation(
            kept.configuration,
            [
                _result(
                    result.query,
                    tuple(map(names.name, result.documents[:DEPTH])),
                    names.grades(contents.judgements.get(result.query.id, {})),
                    result.failure,
                    result.titles,
                )
                for result in kept.results
            ],
        )

    @staticmethod
    def look_at_ten(evaluation: Evaluation) -> Evaluation:
        """The evaluation as if of each query ten documents were known: a first relevant one that
        stands further down counts in no reciprocal rank."""
        return _evaluation(
            evaluation.configuration,
            [
                replace(result, reciprocal_rank=0.0)
                if result.reciprocal_rank < 1 / DEPTH
                else result
                for result in evaluation.results
            ],
        )

    @staticmethod
    def compare(first: Evaluation, second: Evaluation) -> Comparison:
        """How ``second`` does against ``first`` in the judged queries of both."""
        before = {result.query.id: result for result in first.results if result.judged}
        pairs = [
            Change(result.query, before[result.query.id].ndcg, result.ndcg)
            for result in second.results
            if result.judged and result.query.id in before
        ]
        test = sign_test([pair.before for pair in pairs], [pair.after for pair in pairs])
        changed = [pair for pair in pairs if pair.gain]
        changed.sort(key=lambda pair: -pair.gain)
        return Comparison(test.wins, test.losses, test.ties, test.p_value, tuple(changed))

    def _answers(
        self,
        actor: Actor,
        queries: Sequence[JudgedQuery],
        configuration: Configuration,
        token: CancelToken,
    ) -> Iterator[tuple[JudgedQuery, _Found]]:
        """Every query with its answer, as they come; the first failure of all stops the others."""
        stop = CancelToken()
        waiting: dict[Future[_Found], JudgedQuery] = {}
        left = iter(queries)
        began = False
        with (
            ThreadPoolExecutor(PARALLEL, thread_name_prefix="altus4-evaluate") as threads,
            token.on_cancel(stop.cancel),
        ):
            try:
                while True:
                    while len(waiting) < PARALLEL and (query := next(left, None)) is not None:
                        stop.raise_if_cancelled()
                        # Who acts by a key has used it once when they were let in.
                        if began:
                            self._keys.spend_(actor)
                        began = True
                        future = threads.submit(self._answer, actor, query, configuration, stop)
                        waiting[future] = query
                    if not waiting:
                        return
                    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield waiting.pop(future), future.result()
                    stop.raise_if_cancelled()
            finally:
                stop.cancel()

    def _answer(
        self, actor: Actor, query: JudgedQuery, configuration: Configuration, token: CancelToken
    ) -> _Found:
        request = configuration.build_request(query.text)
        try:
            outcome = self._search.run(actor, request, None, token, kept=False)
        except InputError as error:
            # Of this query alone: what is wrong with the rest is wrong with every query.
            if error.field != "query":
                raise
            return _Found(failure=error.message)
        return _Found(
            tables=frozenset((r.source.connection, r.source.table) for r in outcome.sources),
            rows=tuple(
                _row(hit, configuration.id_column, titled=place < _TITLED)
                for place, hit in enumerate(outcome.hits)
            ),
            failure=_failure(outcome),
        )


@dataclass(frozen=True, slots=True)
class _Row:
    connection: str
    table: str
    key: str
    """The values of the key with commas between, or of the chosen column."""
    title: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    tables: frozenset[tuple[str, str]] = frozenset()
    rows: tuple[_Row, ...] = ()
    failure: str = ""


class _Names:
    """What rows are called, which is decided once for all of them."""

    def __init__(
        self, configuration: Configuration, found: Sequence[_Found], judgements: Judgements
    ) -> None:
        tables = {table for one in found for table in one.tables if table[1]}
        if configuration.id_column and len(tables) > 1:
            raise InputError(
                "id_column",
                "Rows are named by a column only where one table is searched, not {count}.",
                hint="Choose one connection and one table.",
                count=len(tables),
            )
        beginnings = tuple(f"{quoted(name)}/{quoted(table)}/" for name, table in tables)
        judged = {document for grades in judgements.values() for document in grades}
        whole = {document for document in judged if document.startswith(beginnings)}
        self._plain = bool(configuration.id_column) or (len(tables) == 1 and not whole)
        self._beginning = beginnings[0] if len(tables) == 1 and not self._plain else ""

    def name(self, row: _Row) -> str:
        """The name of one row."""
        if self._plain:
            return row.key
        return f"{quoted(row.connection)}/{quoted(row.table)}/{row.key}"

    def grades(self, grades: Mapping[str, int]) -> Mapping[str, int]:
        """The grades by the names that rows have here.

        Rows of a collection that came with keys alone may have been judged by their names since;
        what was said by the name goes before.
        """
        if not self._beginning:
            return grades
        named = {name: grade for name, grade in grades.items() if self._is_whole(name)}
        keyed = {
            self._beginning + key: grade for key, grade in grades.items() if not self._is_whole(key)
        }
        return keyed | named

    def _is_whole(self, name: str) -> bool:
        return name.startswith(self._beginning)


class _KeptNames:
    """What rows of a run that was kept are called by the judgements of now: connections may have
    other names, and rows of one table, named by keys alone then, may have been judged by whole
    names since."""

    def __init__(self, kept: Evaluation, contents: SetContents) -> None:
        self._former = {quoted(was): quoted(now) for was, now in contents.former_names.items()}
        self._beginning = ""
        configuration = kept.configuration
        if configuration is None or configuration.id_column or len(configuration.tables) > 1:
            return
        found = {self.name(document) for result in kept.results for document in result.documents}
        beginnings = {_beginning(name) for name in found} - {""}
        if not beginnings:
            tables = {quoted(choice.table) for choice in configuration.tables}
            judged = {name for grades in contents.judgements.values() for name in grades}
            beginnings = {
                beginning
                for beginning in {_beginning(name) for name in judged} - {""}
                if not tables or beginning.split("/")[1] in tables
            }
        if len(beginnings) == 1:
            self._beginning = beginnings.pop()

    def name(self, document: str) -> str:
        """What a document that was kept is called now."""
        connection, slash, rest = document.partition("/")
        if not slash:
            return self._beginning + document
        return self._former.get(connection, connection) + slash + rest

    def grades(self, grades: Mapping[str, int]) -> Mapping[str, int]:
        """The grades by these names; what was said by the whole name goes before."""
        keyed = {self._beginning + name: grade for name, grade in grades.items() if "/" not in name}
        return keyed | {name: grade for name, grade in grades.items() if "/" in name}


def _beginning(name: str) -> str:
    """Connection and table of a row's whole name; empty for another."""
    beginning, _, _ = name.rpartition("/")
    return f"{beginning}/" if beginning.count("/") == 1 else ""


def _row(hit: SearchHit, id_column: str, *, titled: bool = True) -> _Row:
    if id_column:
        if id_column not in hit.columns:
            raise InputError(
                "id_column",
                "“{table}” has no column “{column}”.",
                table=hit.source.table,
                column=id_column,
            )
        key = quoted(hit.columns[id_column])
    else:
        key = key_name(hit)
    return _Row(hit.source.connection, hit.source.table, key, _title(hit) if titled else "")


def _title(hit: SearchHit) -> str:
    value = hit.columns.get(hit.title_column)
    text = value if isinstance(value, str) and value.strip() else hit.snippet
    return " ".join(text[: 4 * _TITLE_LENGTH].split())[:_TITLE_LENGTH]


def _failure(outcome: SearchOutcome) -> str:
    for report in outcome.sources:
        if report.error is not None:
            return report.error.message
        if report.state is not SourceState.OK:
            return f"“{report.source.connection}” did not answer."
    return ""


def _result(
    query: JudgedQuery,
    documents: tuple[str, ...],
    grades: Mapping[str, int],
    failure: str = "",
    titles: tuple[str, ...] = (),
) -> QueryResult:
    quality = measure(documents, grades)
    return QueryResult(
        query=query,
        documents=documents,
        ndcg=quality.ndcg,
        precision=quality.precision,
        reciprocal_rank=quality.reciprocal_rank,
        judged=any(grade > 0 for grade in grades.values()),
        failure=failure,
        titles=titles,
        graded=bool(grades),
    )


def _evaluation(configuration: Configuration | None, results: Sequence[QueryResult]) -> Evaluation:
    judged = [result for result in results if result.judged]
    means = mean_quality(
        [Quality(result.ndcg, result.precision, result.reciprocal_rank) for result in judged]
    )
    empty = sum(not result.documents and not result.failure for result in results)
    return Evaluation(
        configuration=configuration,
        results=tuple(results),
        ndcg=means.ndcg,
        precision=means.precision,
        reciprocal_rank=means.reciprocal_rank,
        zero_results=empty / len(results),
        judged=len(judged),
        failed=sum(bool(result.failure) for result in results),
    )
