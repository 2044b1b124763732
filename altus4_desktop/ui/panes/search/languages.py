"""In which language the texts of each connection are, for searches that choose none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QComboBox, QWidget

from altus4_desktop.domain.accounts import User, UserDraft
from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.languages import LANGUAGE_NAMES
from altus4_desktop.tasks.runner import TaskContext
from altus4_desktop.ui.form_dialog import FormDialog
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.widgets import FormRow, Label

_NAME_LENGTH = 40


def fill_languages(box: QComboBox, undecided: str) -> None:
    """Offer every language whose word forms are known, and ``undecided`` before them."""
    box.addItem(undecided, "")
    for code, name in sorted(LANGUAGE_NAMES.items(), key=lambda item: item[1]):
        box.addItem(name, code)


def _short(name: str) -> str:
    return name if len(name) <= _NAME_LENGTH else name[: _NAME_LENGTH - 1] + "…"


class LanguagesDialog(FormDialog):
    """One row for each connection; what is chosen is kept among the person's preferences."""

    def __init__(
        self, session: Session, connections: Sequence[Connection], parent: QWidget | None = None
    ) -> None:
        super().__init__(session, name="search.languages", parent=parent)
        self.entitle(self.tr("Languages of connections"), self.tr("Save"))
        self.column.addWidget(
            Label(
                self.tr(
                    "Semantic mode takes the forms of a word in this language for the same word. "
                    "A language chosen for a search comes first."
                ),
                "caption",
                wrap=True,
            )
        )
        self._boxes: dict[str, QComboBox] = {}
        kept = dict(session.actor.choices.languages)
        for connection in connections:
            box = QComboBox()
            box.setObjectName("search.languages.choice")
            fill_languages(box, self.tr("Detected from its rows"))
            box.setCurrentIndex(max(box.findData(kept.get(connection.id, "")), 0))
            self._boxes[connection.id] = box
            box.setToolTip(plain_tool_tip(connection.name))
            self.column.addWidget(FormRow(_short(connection.name), box))
        self.column.addStretch(1)
        for box in self._boxes.values():
            box.setFocus()
            break

    @property
    def languages(self) -> dict[str, str]:
        """The language chosen for each connection; "" detects it."""
        return {key: str(box.currentData()) for key, box in self._boxes.items()}

    def send(self) -> None:
        """Save what was chosen."""
        accounts, actor, chosen = (
            self.session.services.accounts,
            self.session.actor,
            self.languages,
        )

        def save(_: TaskContext) -> User:
            draft = UserDraft.of(accounts.get_profile(actor))
            # Those of connections that are not listed stay.
            languages = dict(draft.choices.languages) | chosen
            kept = tuple(sorted((key, code) for key, code in languages.items() if code))
            return accounts.update_profile(
                actor, replace(draft, choices=replace(draft.choices, languages=kept))
            )

        self.run(save, self._take_saved)

    @Slot(object)
    def _take_saved(self, user: User) -> None:
        self.session.set_actor(user.as_actor())
        self.session.announced.emit(self.tr("Languages saved"))
        self.accept()
