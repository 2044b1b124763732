"""What means the same to whoever is signed in: a line for each group of terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from altus4_desktop.domain.accounts import User, UserDraft
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, FormRow, Label
from altus4_desktop.ui.working import WorkingWidget

_LINES = 6


class SynonymsCard(WorkingWidget):
    """The text as it is stored, edited as a whole; nothing is lost when it is refused."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(
            session.runner, session.report_crash, name="settings.synonyms", parent=parent
        )
        self._session = session
        self._kept = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        column.addWidget(
            Label(
                self.tr(
                    "Terms that mean the same to you, a line each. A search for one of them also "
                    "looks for the others, and says so."
                ),
                "muted",
                wrap=True,
            )
        )
        self.text = QPlainTextEdit()
        self.text.setObjectName("settings.synonyms.text")
        self.text.setPlaceholderText(self.tr("invoice, bill\ncar, automobile, motor vehicle"))
        self.text.setProperty("kind", "field")
        self.text.setTabChangesFocus(True)
        self.text.setFixedHeight(self.text.fontMetrics().lineSpacing() * _LINES + Space.L)
        row = FormRow(
            self.tr("Synonyms"),
            self.text,
            hint=self.tr("Commas between the terms; a term may have several words."),
        )
        self.fields["synonyms"] = row
        column.addWidget(row)
        column.addWidget(self.message)
        buttons = QHBoxLayout()
        self.save_button = Button(self.tr("Save"), "primary", name="settings.synonyms.save")
        self.save_button.clicked.connect(self._save)
        self.save_button.setEnabled(False)
        buttons.addStretch(1)
        buttons.addWidget(self.save_button)
        column.addLayout(buttons)
        self.text.textChanged.connect(self._allow_save)

    def look(self) -> None:
        """Show what is stored, unless something else is being written."""
        if self.save_button.isEnabled():
            return
        self._kept = _as_text(self._session.actor.choices.synonyms)
        self.text.setPlainText(self._kept)
        demo = self._session.actor.is_demo
        self.text.setReadOnly(demo)
        if demo:
            self.fields["synonyms"].set_hint(self.tr("The demo account keeps none."))

    @Slot()
    def _allow_save(self) -> None:
        self.save_button.setEnabled(self.text.toPlainText().strip() != self._kept.strip())

    @Slot()
    def _save(self) -> None:
        accounts, actor = self._session.services.accounts, self._session.actor
        groups = _as_groups(self.text.toPlainText())

        def save(_: TaskContext) -> User:
            draft = UserDraft.of(accounts.get_profile(actor))
            draft = replace(draft, choices=replace(draft.choices, synonyms=groups))
            return accounts.update_profile(actor, draft)

        self.fields["synonyms"].clear_error()
        self.submit(Lane.METADATA, save, self._take_saved)

    @Slot(object)
    def _take_saved(self, user: User) -> None:
        self._session.set_actor(user.as_actor())
        self._kept = _as_text(user.choices.synonyms)
        self.text.setPlainText(self._kept)
        self._session.announced.emit(self.tr("Synonyms saved"))


def _as_groups(text: str) -> tuple[tuple[str, ...], ...]:
    lines = (
        dict.fromkeys(" ".join(term.split()) for term in line.split(","))
        for line in text.splitlines()
    )
    return tuple(tuple(term for term in terms if term) for terms in lines if any(terms))


def _as_text(groups: Sequence[Sequence[str]]) -> str:
    return "\n".join(", ".join(terms) for terms in groups)
