"""The statements of one revision, both ways, and the ways to go there."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QWidget

from altus4_desktop.domain.revisions import MigrationStatus, Revision, RevisionState
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.migrations.tables import state_words
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import duration, full
from altus4_desktop.ui.widgets import Button, Card, IconButton, Label, Segments

_UP, _DOWN = "up", "down"


class PreviewCard(Card):
    """What a revision does; ``go_requested`` (id) asks to bring the store to it, up or back."""

    go_requested = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(margin=Space.L, parent=parent)
        self._session = session
        self._revision: Revision | None = None
        self._status: MigrationStatus | None = None
        self._busy = False
        self._texts: dict[tuple[str, str], str] = {}
        self._task = LatestTask(session.runner, Lane.METADATA, self)
        self._task.succeeded.connect(self._show_text)
        self._task.failed.connect(self._show_failure)
        self._title = ElidedLabel("", "title")
        self.body.addWidget(self._title)
        self._facts = Label("", "caption", wrap=True, selectable=True)
        self.body.addWidget(self._facts)
        head = QHBoxLayout()
        head.setSpacing(Space.S)
        self._way = Segments(
            [(_UP, self.tr("Apply")), (_DOWN, self.tr("Undo"))],
            name="store.way",
            label=self.tr("Statements that"),
        )
        self._way.chosen.connect(self._read)
        head.addWidget(self._way)
        head.addStretch(1)
        self._copy = IconButton("copy", self.tr("Copy the statements"), name="store.sql.copy")
        self._copy.clicked.connect(self._copy_text)
        head.addWidget(self._copy)
        self.body.addLayout(head)
        self._sql = QPlainTextEdit()
        self._sql.setObjectName("store.sql")
        self._sql.setAccessibleName(self.tr("Statements"))
        self._sql.setProperty("kind", "code")
        self._sql.setReadOnly(True)
        self._sql.setTabChangesFocus(True)
        self._sql.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._sql.setMinimumHeight(90)
        self.body.addWidget(self._sql, 1)
        foot = QHBoxLayout()
        foot.setSpacing(Space.S)
        self._note = Label("", "caption", wrap=True)
        foot.addWidget(self._note)
        foot.addStretch(1)
        self._go = Button("", icon_name="arrow-right", name="store.go")
        self._go.clicked.connect(self._ask_to_go)
        foot.addWidget(self._go)
        self.body.addLayout(foot)

    def show_revision(self, revision: Revision | None, status: MigrationStatus | None) -> None:
        """Show what ``revision`` does in a store that stands as ``status`` says."""
        is_other = revision is None or self._revision is None or revision.id != self._revision.id
        self._revision, self._status = revision, status
        if revision is not None and is_other:
            self._way.set_key(_UP)
        self._draw()
        self._read()

    def set_busy(self, *, busy: bool) -> None:
        """Nobody goes anywhere while the store is under way."""
        self._busy = busy
        self._draw()

    def shut(self) -> None:
        """Hear nothing more of what was asked for."""
        self._task.drop()

    def _draw(self) -> None:
        revision, status = self._revision, self._status
        self._title.setText(f"{revision.id[:4]}  {revision.title}" if revision else "")
        self._facts.setText(self._fact_words(revision) if revision else "")
        text, note, possible = self._way_words(revision, status)
        self._go.setText(text)
        self._go.setAccessibleName(text)
        self._go.setVisible(bool(text))
        self._go.setEnabled(possible and not self._busy)
        self._note.setText(note)
        self._note.setVisible(bool(note))

    def _fact_words(self, revision: Revision) -> str:
        words = [state_words(revision)]
        if revision.applied_at is not None:
            words.append(full(revision.applied_at))
        if revision.duration_ms is not None:
            words.append(duration(revision.duration_ms))
        if revision.edited:
            words.append(
                self.tr("applied with the checksum {then}, the file has {now} now").format(
                    then=revision.recorded_checksum[:12], now=revision.checksum[:12]
                )
            )
        return " · ".join(words)

    def _way_words(
        self, revision: Revision | None, status: MigrationStatus | None
    ) -> tuple[str, str, bool]:
        """The button, what is said beside it, and whether it can be pressed."""
        if revision is None or status is None:
            return "", "", False
        if revision.state is RevisionState.UNKNOWN or status.newer:
            return "", self.tr("A newer program made this; update this one."), False
        if revision.id == status.current:
            return "", self.tr("The store is here."), False
        if revision.state is RevisionState.PENDING:
            return self.tr("Upgrade to here…"), "", True
        return self.tr("Go back to here…"), "", True

    @Slot()
    def _read(self) -> None:
        revision = self._revision
        if revision is None or revision.state is RevisionState.UNKNOWN:
            self._task.drop()
            self._set_text("")
            return
        key = (revision.id, self._way.key)
        if key in self._texts:
            self._task.drop()
            self._set_text(self._texts[key])
            return
        migrations = self._session.services.migrations

        def read(_: TaskContext) -> tuple[tuple[str, str], str]:
            return key, migrations.preview_(key[0], down=key[1] == _DOWN)

        self._set_text("")
        self._task.start(read)

    @Slot(object)
    def _show_text(self, found: tuple[tuple[str, str], str]) -> None:
        key, text = found
        self._texts[key] = text
        self._set_text(text)

    @Slot(object)
    def _show_failure(self, error: object) -> None:
        self._set_text(f"-- {error}")

    def _set_text(self, text: str) -> None:
        self._sql.setPlainText(text.strip())
        self._copy.setEnabled(bool(text))

    @Slot()
    def _copy_text(self) -> None:
        QGuiApplication.clipboard().setText(self._sql.toPlainText() + "\n")
        self._session.announced.emit(self.tr("Statements copied"))

    @Slot()
    def _ask_to_go(self) -> None:
        if self._revision is not None:
            self.go_requested.emit(self._revision.id)
