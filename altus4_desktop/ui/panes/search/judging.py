"""Judging hits while they are read: which set they are judged into, and what is being written."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QLineEdit, QWidget

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.query_sets import QuerySet, QuerySetDraft
from altus4_desktop.domain.searching import SearchHit
from altus4_desktop.services.query_sets import QuerySetsService
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.form_dialog import FormDialog
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.widgets import FormRow

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A grade that somebody gives: ``name`` is the row's, ``before`` the grade it had; None is no
    grade."""

    set_id: str
    query: str
    hit: SearchHit
    name: str
    grade: int | None
    before: int | None

    @property
    def about(self) -> tuple[str, str]:
        """The set and the query."""
        return self.set_id, self.query

    def as_undone(self) -> Verdict:
        """What takes it back."""
        return Verdict(
            self.set_id, self.query, self.hit, self.name, grade=self.before, before=self.grade
        )


class JudgingBook(QObject):
    """Whether hits are judged and into which set, the same in every tab and at the next start.

    ``changed``: that, or the sets that there are. Verdicts are written one after the other, in the
    order in which they were given: ``written`` and ``refused`` (with the error) tell of each.
    """

    changed = Signal()
    failed = Signal(object)
    written = Signal(object)
    refused = Signal(object, object)

    def __init__(self, session: Session, memory: PaneMemory, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._memory = memory
        self.is_on = memory.value("judging") is True
        kept = memory.value("judging_set")
        self._set_id = kept if isinstance(kept, str) else ""
        self.sets: tuple[QuerySet, ...] = ()
        self.is_read = False
        self._waiting: deque[Verdict] = deque()
        self._reading = LatestTask(session.runner, Lane.METADATA, self)
        self._reading.succeeded.connect(self._take_sets)
        self._reading.failed.connect(self.failed)

    @property
    def chosen(self) -> QuerySet | None:
        """The set that is judged into."""
        return next((one for one in self.sets if one.id == self._set_id), None)

    @property
    def waiting(self) -> Sequence[Verdict]:
        """The verdicts that are not written yet."""
        return tuple(self._waiting)

    @Slot()
    def toggle(self) -> None:
        """Begin to judge, or end it."""
        self.is_on = not self.is_on
        self._memory.keep("judging", self.is_on)
        self.changed.emit()
        self.read()

    @Slot()
    def read(self) -> None:
        """Read which sets there are, if hits are judged."""
        if not self.is_on:
            return
        service, actor = self._session.services.query_sets, self._session.actor

        def work(_: TaskContext) -> list[QuerySet]:
            return service.list_(actor)

        self._reading.start(work)

    def choose(self, set_id: str) -> None:
        """Judge into another set."""
        if set_id != self._set_id:
            self._set_id = set_id
            self._memory.keep("judging_set", set_id)
            self.changed.emit()

    def take_made(self, made: QuerySet) -> None:
        """Judge into a set that was made just now."""
        self._reading.drop()
        self.sets = (*self.sets, made)
        self.choose(made.id)
        self.read()

    def write(self, verdict: Verdict) -> None:
        """Write ``verdict`` after those that are waiting."""
        self._waiting.append(verdict)
        if len(self._waiting) == 1:
            self._write_first()

    def close(self) -> None:
        """Hear nothing more; what is waiting behind the verdict under way is still written."""
        self._reading.drop()
        left = [*self._waiting][1:]
        self._waiting.clear()
        if left:
            service, actor = self._session.services.query_sets, self._session.actor

            def work(_: TaskContext) -> None:
                _judge_all(service, actor, left)

            self._session.runner.submit(Lane.METADATA, work)

    def _write_first(self) -> None:
        service, actor = self._session.services.query_sets, self._session.actor
        verdict = self._waiting[0]

        def work(_: TaskContext) -> None:
            _judge(service, actor, verdict)

        handle = self._session.runner.submit(Lane.METADATA, work)
        handle.succeeded.connect(self._take_written)
        handle.failed.connect(self._take_refused)

    @Slot()
    def _take_written(self) -> None:
        if self._waiting:
            self.written.emit(self._end_first())

    @Slot(object)
    def _take_refused(self, error: object) -> None:
        if self._waiting:
            self.refused.emit(self._end_first(), error)

    def _end_first(self) -> Verdict:
        verdict = self._waiting.popleft()
        if self._waiting:
            self._write_first()
        return verdict

    @Slot(object)
    def _take_sets(self, sets: list[QuerySet]) -> None:
        self.sets = tuple(sets)
        self.is_read = True
        if self.chosen is None and self.sets:
            self._set_id = self.sets[0].id
        self.changed.emit()


def _judge(service: QuerySetsService, actor: Actor, verdict: Verdict) -> None:
    try:
        service.judge_(actor, verdict.set_id, verdict.query, verdict.hit, verdict.grade)
    except AltusError as error:
        # Who was reading may have gone meanwhile, and is told of it nowhere else.
        _LOG.warning("a grade was not kept: %s (%s)", error.message, error.code)
        raise


def _judge_all(service: QuerySetsService, actor: Actor, verdicts: Sequence[Verdict]) -> None:
    """Try each, whatever becomes of the others."""
    for verdict in verdicts:
        with suppress(AltusError):
            _judge(service, actor, verdict)


class NewSetDialog(FormDialog):
    """Begins a query set; ``made`` carries it."""

    made = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, name="search.judging.new", parent=parent)
        self.entitle(self.tr("New query set"), self.tr("Create"))
        self._name = QLineEdit()
        self._name.setObjectName("search.judging.new.name")
        self._name.setMaxLength(255)
        self.add_row(
            "name",
            FormRow(
                self.tr("Name"),
                self._name,
                hint=self.tr("Queries and what you judge of their hits are kept in it."),
            ),
        )
        self.column.addStretch(1)
        self._name.setFocus()

    def send(self) -> None:
        """Create it."""
        service, actor = self.session.services.query_sets, self.session.actor
        draft = QuerySetDraft(self._name.text())

        def work(_: TaskContext) -> QuerySet:
            return service.create_(actor, draft)

        self.run(work, self._take)

    @Slot(object)
    def _take(self, made: QuerySet) -> None:
        self.accept()
        self.made.emit(made)
