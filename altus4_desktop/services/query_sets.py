"""Query sets: queries whose answers somebody has judged, and how searches did on them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.audit import AuditEvent, SubjectKind
from altus4_desktop.domain.errors import InputError, NotFoundError
from altus4_desktop.domain.evaluation import Evaluation, JudgedQuery, Judgements
from altus4_desktop.domain.query_sets import (
    GRADES,
    EvaluationRun,
    Imported,
    Judged,
    JudgedRow,
    Judgement,
    PastQuery,
    QuerySet,
    QuerySetDraft,
    SetContents,
    SetQuery,
    SetQueryDraft,
    SetQueryPage,
)
from altus4_desktop.domain.search_drafts import MAX_QUERY_LENGTH
from altus4_desktop.domain.searching import SearchHit
from altus4_desktop.services.audit import build_event
from altus4_desktop.services.permissions import Permissions, Right
from altus4_desktop.services.row_names import RowNames, judged_row

if TYPE_CHECKING:
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.storage.store import Store

_NAME_LIMIT = 255
_DESCRIPTION_LIMIT = 1000
_QUERY_NAME_LIMIT = 512
_ROW_LIMIT = 512
MOST_SETS = 500
"""How many one user may keep."""
MOST_QUERIES = 5000
MOST_JUDGEMENTS = 100_000
"""How many one set holds."""
MOST_RUNS = 500
"""How many are kept of one set."""
_LIMITS = (MOST_QUERIES, MOST_JUDGEMENTS)
_PAGE = 500


class QuerySetsService:
    """Query sets belong to a user and are nobody else's business, not even an admin's.

    A set is named by its id or its name. Every method raises AccessError, StoreError, and
    NotFoundError for a set, a query or a run that is not the actor's.
    """

    def __init__(self, metadata: MetadataService, permissions: Permissions) -> None:
        self._metadata = metadata
        self._permissions = permissions

    def list_(self, actor: Actor) -> list[QuerySet]:
        """The actor's sets by name."""
        actor = self._permissions.check(actor, Right.SEARCH)
        return self._store.query_sets.list_(actor.user_id)

    def get_(self, actor: Actor, id_or_name: str) -> QuerySet:
        """One by id or name."""
        return self._own(self._permissions.check(actor, Right.SEARCH), id_or_name)

    def create_(self, actor: Actor, draft: QuerySetDraft) -> QuerySet:
        """Begin a set; raises InputError (name, description), ConflictError
        (``query_set.name_taken``, ``query_set.too_many``)."""
        actor = self._permissions.check(actor, Right.MANAGE)
        checked = check_set(draft)
        record = QuerySet(str(uuid.uuid4()), actor.user_id, checked)
        event = _event(actor, "query_set.created", record, after=_told(checked))
        return self._store.query_sets.create_(record, MOST_SETS, [event])

    def update_(self, actor: Actor, seen: QuerySet, draft: QuerySetDraft) -> QuerySet:
        """Give a set another name and description; ``seen`` is what was edited.

        Raises InputError as `create_`, ConflictError (``query_set.changed``,
        ``query_set.name_taken``).
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        self._own(actor, seen.id)
        checked = check_set(draft)
        event = _event(
            actor, "query_set.changed", seen, before=_told(seen.draft), after=_told(checked)
        )
        return self._store.query_sets.update_(seen, checked, [event])

    def delete_(self, actor: Actor, set_ids: Sequence[str]) -> list[QuerySet]:
        """Delete sets with queries, judgements and runs; returns what they were."""
        actor = self._permissions.check(actor, Right.MANAGE)
        chosen = [self._own(actor, set_id) for set_id in dict.fromkeys(set_ids)]
        events = [
            _event(
                actor,
                "query_set.deleted",
                one,
                before={
                    **_told(one.draft),
                    "queries": one.queries,
                    "judgements": one.judgements,
                },
            )
            for one in chosen
        ]
        if chosen:
            self._store.query_sets.delete_([one.id for one in chosen], events)
        return chosen

    def list_queries_(
        self, actor: Actor, set_id: str, *, text: str = "", limit: int = 100, offset: int = 0
    ) -> SetQueryPage:
        """Some of a set's queries in their order, at most 500 at once; with ``text`` those that
        have it somewhere in them or in their names."""
        actor = self._permissions.check(actor, Right.SEARCH)
        own = self._own(actor, set_id)
        return self._store.query_sets.list_queries_(
            own.id, text=text.strip(), limit=min(limit, _PAGE), offset=offset
        )

    def add_queries_(self, actor: Actor, set_id: str, drafts: Sequence[SetQueryDraft]) -> int:
        """Add queries at the end, all or none; those whose text is in the set are left out.

        Returns how many were added. Raises InputError (text, name, note), ConflictError
        (``query_set.query_name``, ``query_set.too_many_queries``).
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        own = self._own(actor, set_id)
        checked = [(str(uuid.uuid4()), check_query(draft)) for draft in drafts]
        if not checked:
            return 0
        event = _event(actor, "query_set.queries_added", own, queries=len(checked))
        return self._store.query_sets.add_queries_(own.id, checked, MOST_QUERIES, [event])

    def update_query_(self, actor: Actor, seen: SetQuery, draft: SetQueryDraft) -> SetQuery:
        """Give a query another text, name and note; its judgements stay. ``seen`` was edited.

        Raises InputError (text, name, note), ConflictError (``query_set.changed``,
        ``query_set.query_name``).
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        own, before = self._own_query(actor, seen.id)
        if not draft.name.strip():
            draft = replace(draft, name=before.draft.name)
        checked = check_query(draft)
        event = _event(actor, "query_set.query_changed", own, query=seen.id)
        return self._store.query_sets.update_query_(
            replace(seen, set_id=before.set_id), checked, [event]
        )

    def delete_queries_(self, actor: Actor, set_id: str, query_ids: Sequence[str]) -> int:
        """Delete queries of a set with their judgements; returns how many there were."""
        actor = self._permissions.check(actor, Right.MANAGE)
        own = self._own(actor, set_id)
        ids = list(dict.fromkeys(query_ids))
        event = _event(actor, "query_set.queries_deleted", own, queries=len(ids))
        return self._store.query_sets.delete_queries_(own.id, ids, [event])

    def judge_(
        self, actor: Actor, set_id: str, text: str, hit: SearchHit, grade: int | None
    ) -> Judged:
        """Say how well ``hit`` answers the query ``text``, 0 to 3; None withdraws it.

        The query is added to the set when it is not there. Raises InputError (text, grade, row: a
        row without a key), ConflictError (``query_set.too_many_queries``,
        ``query_set.too_many_judgements``).
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        own = self._own(actor, set_id)
        draft = check_query(SetQueryDraft(text))
        if grade is not None and grade not in GRADES:
            raise InputError("grade", "A grade is a number from 0 to 3.")
        row = _checked_row(judged_row(hit))
        names = self._names(actor)
        name = names.name(row)
        query = self._store.query_sets.find_query_of_text_(own.id, draft.text)
        query_id = str(uuid.uuid4()) if query is None else query.id
        # One row may have been imported under a name and judged under an id.
        same = [
            one
            for one in ([] if query is None else self._store.judgements.list_(query.id))
            if names.name(one.row) == name
        ]
        event = _event(
            actor,
            "query_set.judged",
            own,
            before={"grade": same[0].grade if same else None},
            after={"grade": grade},
            query=query_id,
        )
        self._store.judgements.judge_(
            own.id,
            (query_id, draft),
            row,
            grade,
            [one.row for one in same if one.row != row],
            _LIMITS,
            [event],
        )
        query = self._store.query_sets.find_query_of_text_(own.id, draft.text) or query
        return Judged(
            query or SetQuery(query_id, own.id, draft, 0),
            name,
            grade,
            same[0].grade if same else None,
        )

    def grades_(self, actor: Actor, set_id: str, text: str) -> Mapping[str, int]:
        """The grades of the query ``text`` by the names of rows (`row_names.row_name`); none for a
        query that is not in the set."""
        actor = self._permissions.check(actor, Right.SEARCH)
        own = self._own(actor, set_id)
        query = self._store.query_sets.find_query_of_text_(own.id, text.strip())
        if query is None:
            return {}
        names = self._names(actor)
        return {names.name(one.row): one.grade for one in self._store.judgements.list_(query.id)}

    def list_judgements_(self, actor: Actor, query_id: str) -> list[Judgement]:
        """The judgements of a query with the names that rows have now, best first."""
        actor = self._permissions.check(actor, Right.SEARCH)
        _, query = self._own_query(actor, query_id)
        names = self._names(actor)
        return [
            replace(one, name=names.name(one.row)) for one in self._store.judgements.list_(query.id)
        ]

    def contents_(self, actor: Actor, set_id: str) -> SetContents:
        """All of a set by names, as it is evaluated and exported."""
        actor = self._permissions.check(actor, Right.SEARCH)
        own = self._own(actor, set_id)
        queries = self._store.query_sets.list_queries_(own.id).queries
        names = self._names(actor)
        graded: dict[str, dict[str, int]] = {query.draft.name: {} for query in queries}
        by_id = {query.id: graded[query.draft.name] for query in queries}
        former: dict[str, str] = {}
        for one in self._store.judgements.list_of_set_(own.id):
            # A query added since the other statement is not part of this.
            by_id.get(one.query_id, {})[names.name(one.row)] = one.grade
            was, now = one.row.connection_name, names.renamed(one.row).connection_name
            # Another connection may have taken the name over.
            if was != now and not names.has(was):
                former[was] = now
        return SetContents(
            tuple(query.as_judged() for query in queries),
            {name: rows for name, rows in graded.items() if rows},
            {query.draft.name: query.draft.note for query in queries if query.draft.note},
            former,
        )

    def import_(
        self,
        actor: Actor,
        set_id: str,
        queries: Sequence[JudgedQuery],
        judgements: Judgements,
        notes: Mapping[str, str] | None = None,
    ) -> Imported:
        """Add queries and judgements by names, all or nothing; grades of rows that are judged
        already are replaced, and grades below 0 are 0.

        A query of the same name and text is the same. Raises InputError (queries, qrels),
        ConflictError (``query_set.other_query`` and as `judge_`).
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        own = self._own(actor, set_id)
        notes = notes or {}
        checked = [
            (
                str(uuid.uuid4()),
                check_query(SetQueryDraft(query.text, query.id, notes.get(query.id, ""))),
            )
            for query in queries
        ]
        wanted = {draft.name for _, draft in checked}
        names = self._names(actor)
        # A row whose connection is gone is found by its name alone.
        known = {
            names.name(one.row): names.renamed(one.row)
            for one in self._store.judgements.list_of_set_(own.id)
        }
        graded = {
            name: {
                _checked_row(known.get(document) or names.row(document)): _checked_grade(
                    grade, document
                )
                for document, grade in rows.items()
            }
            for name, rows in judgements.items()
            if name in wanted
        }
        before = own.queries
        count = sum(len(rows) for rows in graded.values())
        event = _event(actor, "query_set.imported", own, queries=len(checked), judgements=count)
        self._store.judgements.import_(own.id, checked, graded, _LIMITS, [event])
        added = self._own(actor, own.id).queries - before
        return Imported(
            queries=added,
            known=len(checked) - added,
            judgements=count,
            left_out=sum(len(rows) for name, rows in judgements.items() if name not in wanted),
        )

    def list_past_(
        self, actor: Actor, *, fruitless: bool = False, limit: int = 50
    ) -> list[PastQuery]:
        """Queries of the actor's history for a set, the most frequent first, at most 500;
        ``fruitless``: those that never found anything."""
        actor = self._permissions.check(actor, Right.SEARCH)
        return self._store.searches.list_frequent_(
            actor.user_id, fruitless=fruitless, limit=min(limit, _PAGE)
        )

    def keep_run_(
        self, actor: Actor, set_id: str, evaluations: Sequence[Evaluation]
    ) -> EvaluationRun:
        """Keep one evaluation of the set, or two that were compared.

        Raises InputError (run), ConflictError (``query_set.too_many_runs``).
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        own = self._own(actor, set_id)
        if not 1 <= len(evaluations) <= 2:
            raise InputError("run", "One evaluation is kept, or two that were compared.")
        record = EvaluationRun(
            str(uuid.uuid4()), own.id, tuple(evaluations), len(evaluations[-1].results)
        )
        event = _event(
            actor,
            "query_set.run_kept",
            own,
            run=record.id,
            ndcg=[evaluation.ndcg for evaluation in evaluations],
        )
        return self._store.evaluation_runs.create_(record, MOST_RUNS, [event])

    def list_runs_(
        self, actor: Actor, set_id: str, *, limit: int = 100, offset: int = 0
    ) -> list[EvaluationRun]:
        """Runs of a set without their results, newest first, at most 500 at once."""
        actor = self._permissions.check(actor, Right.SEARCH)
        own = self._own(actor, set_id)
        return self._store.evaluation_runs.list_(own.id, min(limit, _PAGE), offset)

    def get_run_(self, actor: Actor, run_id: str) -> EvaluationRun:
        """One run with its results."""
        return self._own_run(self._permissions.check(actor, Right.SEARCH), run_id)[1]

    def delete_runs_(self, actor: Actor, run_ids: Sequence[str]) -> int:
        """Delete runs; returns how many."""
        actor = self._permissions.check(actor, Right.MANAGE)
        chosen = [self._own_run(actor, run_id) for run_id in dict.fromkeys(run_ids)]
        events = [_event(actor, "query_set.run_deleted", own, run=run.id) for own, run in chosen]
        if chosen:
            self._store.evaluation_runs.delete_([run.id for _, run in chosen], events)
        return len(chosen)

    @property
    def _store(self) -> Store:
        return self._metadata.store

    def _find(self, actor: Actor, id_or_name: str) -> QuerySet | None:
        return self._store.query_sets.find_(actor.user_id, id_or_name)

    def _own(self, actor: Actor, id_or_name: str) -> QuerySet:
        found = self._find(actor, id_or_name)
        if found is None:
            raise NotFoundError(
                "There is no query set “{name}”.",
                hint="It may have been deleted or renamed meanwhile.",
                details={"name": id_or_name},
            )
        return found

    def _own_query(self, actor: Actor, query_id: str) -> tuple[QuerySet, SetQuery]:
        query = self._store.query_sets.find_query_(query_id)
        own = None if query is None else self._find(actor, query.set_id)
        if query is None or own is None:
            raise NotFoundError(
                "There is no such query in your sets.", hint="It may have been deleted meanwhile."
            )
        return own, query

    def _own_run(self, actor: Actor, run_id: str) -> tuple[QuerySet, EvaluationRun]:
        run = self._store.evaluation_runs.find_(run_id)
        own = None if run is None else self._find(actor, run.set_id)
        if run is None or own is None:
            raise NotFoundError("There is no such run.", hint="It may have been deleted meanwhile.")
        return own, run

    def _names(self, actor: Actor) -> RowNames:
        """By every connection that the actor may search, their own first."""
        owner = None if self._permissions.owns(actor, "") else actor.user_id
        connections = self._store.connections.list_(owner, active_only=False)
        return RowNames(sorted(connections, key=lambda one: one.user_id != actor.user_id))


def check_set(draft: QuerySetDraft) -> QuerySetDraft:
    """The draft as it is kept, spaces around its fields gone; raises InputError."""
    name, description = draft.name.strip(), draft.description.strip()
    if not name:
        raise InputError("name", "A query set needs a name.")
    _check_text("name", name, _NAME_LIMIT)
    if not name.isprintable():
        raise InputError("name", "There is a character in it that cannot be shown.")
    _check_text("description", description, _DESCRIPTION_LIMIT)
    return QuerySetDraft(name, description)


def check_query(draft: SetQueryDraft) -> SetQueryDraft:
    """The draft as it is kept, spaces around its fields gone; raises InputError."""
    text, name, note = draft.text.strip(), draft.name.strip(), draft.note.strip()
    if not text:
        raise InputError("text", "The query is empty.")
    _check_text("text", text, MAX_QUERY_LENGTH)
    _check_text("name", name, _QUERY_NAME_LIMIT)
    if name and (len(name.split()) != 1 or not name.isprintable()):
        raise InputError("name", "An id has no spaces in it, and nothing that cannot be shown.")
    _check_text("note", note, _DESCRIPTION_LIMIT)
    return SetQueryDraft(text, name, note)


def _check_text(field: str, text: str, limit: int) -> None:
    if len(text) > limit:
        raise InputError(field, "At most {limit} characters fit here.", limit=limit)
    if any("\ud800" <= character <= "\udfff" or character == "\0" for character in text):
        raise InputError(field, "There is a character in it that cannot be kept.")


def _checked_row(row: JudgedRow) -> JudgedRow:
    if len(row.document) > _ROW_LIMIT:
        raise InputError(
            "row",
            "The name of the row is longer than {limit} characters; it cannot be judged.",
            limit=_ROW_LIMIT,
        )
    return row


def _checked_grade(grade: int, document: str) -> int:
    if grade > GRADES[-1]:
        raise InputError(
            "qrels",
            "“{document}” is graded {grade}; a query set keeps grades from 0 to {most}.",
            hint="“evaluate --qrels” reads such files as they are.",
            document=document,
            grade=grade,
            most=GRADES[-1],
        )
    return max(0, grade)


def _event(actor: Actor, action: str, own: QuerySet, **details: Any) -> AuditEvent:
    return build_event(actor, action, SubjectKind.QUERY_SET, own.id, own.draft.name, **details)


def _told(draft: QuerySetDraft) -> dict[str, Any]:
    """What the audit log is told; queries and rows are the business of their owner."""
    return {"name": draft.name}
