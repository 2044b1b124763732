"""The table ``evaluation_runs``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.audit import AuditEvent
from altus4_desktop.domain.errors import ConflictError, InputError, NotFoundError
from altus4_desktop.domain.evaluation import (
    Configuration,
    Evaluation,
    JudgedQuery,
    QueryResult,
)
from altus4_desktop.domain.query_sets import EvaluationRun
from altus4_desktop.storage.repositories.query_sets import lock_set
from altus4_desktop.storage.tables import evaluation_runs
from altus4_desktop.storage.transactions import Transactions

c = evaluation_runs.c
_SUMMARY = (c.id, c.set_id, c.configurations, c.measures, c.created_at)
_DOCUMENTS = 10
# A server takes no statement larger than max_allowed_packet, 16 MB by default.
_LARGEST = 8_000_000


class EvaluationRunRepository:
    """Evaluations that were kept. Every method raises StoreError when the store fails."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def list_(self, set_id: str, limit: int, offset: int = 0) -> list[EvaluationRun]:
        """The runs of a set without their results, newest first."""
        statement = (
            sa.select(*_SUMMARY)
            .where(c.set_id == set_id)
            .order_by(c.created_at.desc(), c.id.desc())
            .limit(limit)
            .offset(offset)
        )
        return self._transactions.read(
            lambda connection: [_run(row, ()) for row in connection.execute(statement).mappings()]
        )

    def find_(self, run_id: str) -> EvaluationRun | None:
        """The run with this id, with its results."""
        statement = sa.select(*_SUMMARY, c.results).where(c.id == run_id)
        row = self._transactions.read(
            lambda connection: connection.execute(statement).mappings().first()
        )
        return None if row is None else _run(row, row[c.results])

    def create_(
        self, record: EvaluationRun, most: int, events: Sequence[AuditEvent] = ()
    ) -> EvaluationRun:
        """Insert ``record`` and return it as stored; repeating it with the same id does nothing.

        Raises ConflictError (``query_set.too_many_runs``) beyond ``most``, InputError for one that
        is too large, and NotFoundError.
        """
        results = [_results(evaluation.results) for evaluation in record.evaluations]
        if len(json.dumps(results)) > _LARGEST:
            raise InputError("run", "What this run has found is too much to be kept.")
        values: dict[str, Any] = {
            "id": record.id,
            "set_id": record.set_id,
            "configurations": [
                evaluation.configuration and evaluation.configuration.as_document()
                for evaluation in record.evaluations
            ],
            "measures": [
                _measures(evaluation) | {"queries": record.queries}
                for evaluation in record.evaluations
            ],
            "results": results,
        }

        def work(connection: sa.Connection) -> None:
            lock_set(connection, record.set_id)
            statement = sa.select(sa.func.count()).where(c.set_id == record.set_id)
            if connection.execute(statement).scalar_one() >= most:
                raise ConflictError(
                    "{most} runs of this query set are kept, as many as there may be.",
                    hint="Delete some that you do not need any more.",
                    code="query_set.too_many_runs",
                    details={"most": most},
                )
            connection.execute(sa.insert(evaluation_runs).values(**values))

        def settled(connection: sa.Connection) -> bool:
            found = connection.execute(sa.select(c.set_id).where(c.id == record.id)).scalar()
            return found == record.set_id

        self._transactions.write(work, settled=settled, repeatable=True, events=events)
        found = self.find_(record.id)
        if found is None:
            raise NotFoundError("There is no such run.", hint="It may have been deleted meanwhile.")
        return found

    def delete_(self, run_ids: Sequence[str], events: Sequence[AuditEvent] = ()) -> None:
        """Delete runs; those that are gone already are left out."""
        chosen = c.id.in_(run_ids)

        def work(connection: sa.Connection) -> bool:
            return connection.execute(sa.delete(evaluation_runs).where(chosen)).rowcount > 0

        def gone(connection: sa.Connection) -> bool:
            return connection.execute(sa.select(c.id).where(chosen)).first() is None

        self._transactions.write(work, settled=gone, events=events)


def _measures(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "ndcg": evaluation.ndcg,
        "precision": evaluation.precision,
        "reciprocal_rank": evaluation.reciprocal_rank,
        "zero_results": evaluation.zero_results,
        "judged": evaluation.judged,
        "failed": evaluation.failed,
    }


def _results(results: Iterable[QueryResult]) -> list[list[Any]]:
    return [
        [
            result.query.id,
            result.query.text,
            list(result.documents[:_DOCUMENTS]),
            result.ndcg,
            result.precision,
            result.reciprocal_rank,
            result.judged,
            result.failure,
        ]
        for result in results
    ]


def _run(row: Mapping[Any, Any], results: Sequence[Any]) -> EvaluationRun:
    evaluations = []
    queries = 0
    for number, (asked, measures) in enumerate(
        zip(row[c.configurations], row[c.measures], strict=True)
    ):
        queries = measures["queries"]
        found = results[number] if results else ()
        evaluations.append(
            Evaluation(
                configuration=Configuration.from_document(asked),
                results=tuple(_result(one) for one in found),
                ndcg=measures["ndcg"],
                precision=measures["precision"],
                reciprocal_rank=measures["reciprocal_rank"],
                zero_results=measures["zero_results"],
                judged=measures["judged"],
                failed=measures["failed"],
            )
        )
    return EvaluationRun(row[c.id], row[c.set_id], tuple(evaluations), queries, row[c.created_at])


def _result(kept: Sequence[Any]) -> QueryResult:
    name, text, documents, ndcg, precision, reciprocal_rank, judged, failure = kept
    return QueryResult(
        query=JudgedQuery(name, text),
        documents=tuple(documents),
        ndcg=ndcg,
        precision=precision,
        reciprocal_rank=reciprocal_rank,
        judged=judged,
        failure=failure,
    )
