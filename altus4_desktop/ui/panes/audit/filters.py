"""What narrows the audit log down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from altus4_desktop.domain.audit import AuditOutcome, AuditQuery
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.panes.audit.wording import (
    action_words,
    group_words,
    outcome_look,
    outcome_words,
)
from altus4_desktop.ui.panes.paged_filters import ChoiceBox, PagedFilters
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import midnight
from altus4_desktop.ui.widgets import Label, SearchField, refresh_style

_LETTERS = 8
_DAYS = "days"


class AuditFilters(PagedFilters):
    """Text, person, time, action and outcome."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = SearchField(self.tr("Any text"), name="audit.text")
        self.person = SearchField(self.tr("Who: part of an e-mail"), name="audit.person")
        self.period = ChoiceBox("audit.period", self.tr("When"), _LETTERS)
        for title, key in (
            (self.tr("Any time"), ""),
            (self.tr("The last 24 hours"), "1"),
            (self.tr("The last 7 days"), "7"),
            (self.tr("The last 30 days"), "30"),
            (self.tr("From day to day…"), _DAYS),
        ):
            self.period.addItem(title, key)
        self.action = ChoiceBox("audit.action", self.tr("What"), _LETTERS)
        self.set_actions(())
        self.outcome = ChoiceBox("audit.outcome", self.tr("Outcome"), _LETTERS)
        self.outcome.addItem(self.tr("Any outcome"), "")
        for outcome in (AuditOutcome.DONE, AuditOutcome.REFUSED, AuditOutcome.FAILED):
            self.outcome.addItem(
                icon(*outcome_look(outcome)), outcome_words(outcome), outcome.value
            )
        self.from_day = _day("audit.from", self.tr("From"), self.tr("From, as 2026-01-31"))
        self.to_day = _day("audit.to", self.tr("To"), self.tr("To (included)"))
        self._days = QWidget()
        self._lay_out()
        self._listen(self.text, self.person, self.period, self.action, self.outcome)
        for day in (self.from_day, self.to_day):
            day.textChanged.connect(self._take_day)

    @property
    def is_set(self) -> bool:
        """Whether anything narrows the log down."""
        return self.query() != AuditQuery()

    def query(self, now: datetime | None = None) -> AuditQuery:
        """What is asked for; a day that is none yet does not count."""
        chosen = str(self.period.currentData())
        from_at = to_at = None
        if chosen == _DAYS:
            first, last = read_day(self.from_day.text()), read_day(self.to_day.text())
            from_at = midnight(first) if first else None
            to_at = midnight(last + timedelta(days=1)) if last else None
        elif chosen:
            # In whole minutes: two questions soon after each other are the same question.
            minute = (now or datetime.now(UTC)).replace(second=0, microsecond=0)
            from_at = minute - timedelta(days=int(chosen))
        outcome = str(self.outcome.currentData())
        return AuditQuery(
            from_at=from_at,
            to_at=to_at,
            person=self.person.text().strip(),
            action=str(self.action.currentData()),
            outcome=AuditOutcome(outcome) if outcome else None,
            text=self.text.text().strip(),
        )

    def set_actions(self, actions: Sequence[str]) -> None:
        """Offer these, those of one kind together; what is chosen stays chosen."""
        chosen = self.action.currentData()
        self.action.blockSignals(True)
        self.action.clear()
        self.action.addItem(self.tr("Anything"), "")
        kinds: dict[str, list[str]] = {}
        for action in actions:
            kinds.setdefault(action.partition(".")[0], []).append(action)
        for kind, of_kind in kinds.items():
            if len(of_kind) > 1:
                self.action.addItem(group_words(kind), kind)
            for action in of_kind:
                self.action.addItem(action_words(action), action)
        self.action.setCurrentIndex(max(0, self.action.findData(chosen)))
        self.action.blockSignals(False)

    @Slot()
    def clear(self) -> None:
        """Show everything again."""
        for box in (self.period, self.action, self.outcome):
            box.setCurrentIndex(0)
        for field in (self.text, self.person, self.from_day, self.to_day):
            field.clear()

    def _lay_out(self) -> None:
        days = QHBoxLayout(self._days)
        days.setContentsMargins(0, 0, 0, 0)
        days.setSpacing(Space.S)
        days.addWidget(self.from_day)
        days.addWidget(Label("–", "muted"))
        days.addWidget(self.to_day)
        days.addStretch(1)
        self._days.hide()
        fields = QHBoxLayout()
        fields.setSpacing(Space.S)
        fields.addWidget(self.text, 3)
        fields.addWidget(self.person, 2)
        choices = QHBoxLayout()
        choices.setSpacing(Space.S)
        for box in (self.period, self.action, self.outcome):
            choices.addWidget(box, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addLayout(fields)
        column.addLayout(choices)
        column.addWidget(self._days)

    @Slot()
    def _take_choice(self) -> None:
        self._days.setVisible(self.period.currentData() == _DAYS)
        super()._take_choice()

    @Slot()
    def _take_day(self) -> None:
        for field in (self.from_day, self.to_day):
            text = field.text().strip()
            wrong = bool(text) and read_day(text) is None
            field.setProperty("invalid", "true" if wrong else "false")
            field.setAccessibleDescription(self.tr("Write it as 2026-01-31.") if wrong else "")
            refresh_style(field)
        self._typing.start()


def read_day(text: str) -> date | None:
    """``2026-01-31`` as a day; None for anything else."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _day(name: str, label: str, placeholder: str) -> QLineEdit:
    field = QLineEdit()
    field.setObjectName(name)
    field.setAccessibleName(label)
    field.setPlaceholderText(placeholder)
    field.setMaximumWidth(190)
    return field
