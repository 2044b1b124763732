"""The status bar: the metadata store, the pools, what runs in the background, who is signed in."""

from __future__ import annotations

import time
from functools import partial

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.connections import PoolStats
from altus4_desktop.tasks.runner import TaskHandle, TaskRunner
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Divider, Icon, IconButton, Label, Spinner

_SHOWN_AFTER_S = 0.3
_REFRESH_MS = 200
_ANNOUNCED_MS = 6000
_CROWDED_BELOW = 1100
_ROOMY_FROM = 1500
_ROOMY = 200
_BRIEF = 140


class TaskRow(QWidget):
    """One running task: what it does, how far it is, and a way to stop it."""

    def __init__(self, handle: TaskHandle, *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.handle = handle
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(Spinner(13))
        self._text = Label(role="caption")
        row.addWidget(self._text)
        self._bar = QProgressBar()
        self._bar.setFixedWidth(60)
        self._bar.setRange(0, 1000)
        self._bar.setAccessibleName(handle.title)
        row.addWidget(self._bar)
        self._cancel = IconButton(
            "close", self.tr("Cancel: {title}").format(title=handle.title), name=name, size=13
        )
        self._cancel.clicked.connect(handle.cancel)
        row.addWidget(self._cancel)
        self.refresh()

    def refresh(self, room: int = _ROOMY) -> None:
        """Show how far it is; the text may be ``room`` pixels wide."""
        handle = self.handle
        progress = handle.progress
        text = handle.title
        if handle.is_cancelling:
            text = self.tr("Stopping: {title}").format(title=handle.title)
        elif progress is not None and progress.message:
            text = f"{handle.title}: {progress.message}"
        fraction = progress.fraction if progress is not None else None
        metrics = self._text.fontMetrics()
        self._text.setText(metrics.elidedText(text, Qt.TextElideMode.ElideRight, room))
        self._text.setToolTip(plain_tool_tip(text))
        self._bar.setHidden(fraction is None)
        if fraction is not None:
            self._bar.setValue(round(fraction * 1000))
        self._cancel.setEnabled(not handle.is_cancelling)


class TaskStrip(QWidget):
    """The running tasks that have a title and last longer than a blink."""

    def __init__(self, runner: TaskRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runner = runner
        self._most, self._room = 2, _ROOMY
        self._since: dict[TaskHandle, float] = {}
        self._rows: dict[TaskHandle, TaskRow] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(Space.M)
        self._more = Label(role="caption")
        self._row.addWidget(self._more)
        self._more.hide()
        self._clock = QTimer(self)
        self._clock.setInterval(_REFRESH_MS)
        self._clock.timeout.connect(self._refresh)
        runner.started.connect(self._add)
        runner.finished.connect(self._remove)
        for handle in runner.running:
            self._add(handle)

    @property
    def shown(self) -> list[TaskHandle]:
        """The tasks on display."""
        return list(self._rows)

    def set_room(self, most: int, room: int) -> None:
        """Show at most ``most`` tasks, with texts of ``room`` pixels."""
        if (most, room) != (self._most, self._room):
            self._most, self._room = most, room
            self._refresh()

    @Slot(object)
    def _add(self, handle: TaskHandle) -> None:
        if handle.title:
            self._since[handle] = time.monotonic()
            self._clock.start()

    @Slot(object)
    def _remove(self, handle: TaskHandle) -> None:
        if self._since.pop(handle, None) is not None:
            self._refresh()
        if not self._since:
            self._clock.stop()

    @Slot()
    def _refresh(self) -> None:
        now = time.monotonic()
        lasting = [handle for handle, since in self._since.items() if now - since >= _SHOWN_AFTER_S]
        shown = lasting[: self._most]
        for handle in [handle for handle in self._rows if handle not in shown]:
            row = self._rows.pop(handle)
            row.hide()
            row.deleteLater()
        for handle in shown:
            if handle not in self._rows:
                name = f"status.task{len(self._rows) + 1}.cancel"
                self._rows[handle] = TaskRow(handle, name=name, parent=self)
                self._row.insertWidget(len(self._rows) - 1, self._rows[handle])
            self._rows[handle].refresh(self._room)
        hidden = len(lasting) - len(shown)
        self._more.setHidden(hidden <= 0)
        self._more.setText(self.tr("and {count} more").format(count=hidden))
        self._more.setToolTip(plain_tool_tip("\n".join(it.title for it in lasting[self._most :])))


class StatusBar(QFrame):
    """The line at the bottom of the window."""

    def __init__(self, runner: TaskRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("status")
        self.setAccessibleName(self.tr("Status"))
        self.setProperty("surface", "status")
        self.setFixedHeight(32)
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.M, 0, Space.M, 0)
        row.setSpacing(Space.S)
        self._store = _Fact("database", "status.store")
        self._pools = _Fact("plug", "status.pools")
        self._user = _Fact("user", "status.user", _BRIEF)
        self._vault = _Fact("key", "status.vault")
        row.addWidget(self._store)
        row.addWidget(_line())
        row.addWidget(self._pools)
        self._vault_line = _line()
        row.addWidget(self._vault_line)
        row.addWidget(self._vault)
        self.set_vault("", "")
        self._announcement = ElidedLabel(role="caption")
        self._announcement.setObjectName("status.announcement")
        row.addSpacing(Space.M)
        row.addWidget(self._announcement, 1)
        self._strip = TaskStrip(runner, self)
        row.addWidget(self._strip)
        row.addSpacing(Space.S)
        row.addWidget(self._user)
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_ANNOUNCED_MS)
        self._quiet.timeout.connect(partial(self._announcement.setText, ""))
        self.set_pools(0, PoolStats(0, 0, 0, 0))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In small windows facts are icons with a tool tip, and one task is shown."""
        super().resizeEvent(event)
        width = event.size().width()
        is_crowded = width < _CROWDED_BELOW
        for fact in (self._pools, self._vault, self._user):
            fact.set_brief(brief=is_crowded)
        self._strip.set_room(2 if width >= _ROOMY_FROM else 1, _BRIEF if is_crowded else _ROOMY)

    def set_store(self, text: str, tool_tip: str) -> None:
        """Say where the metadata is kept."""
        self._store.set(text, tool_tip)

    def set_user(self, text: str, tool_tip: str) -> None:
        """Say who is signed in."""
        self._user.set(text, tool_tip)

    def set_vault(self, text: str, tool_tip: str) -> None:
        """Say how long passwords are kept, where that is not for good; empty: say nothing."""
        self._vault.set(text, tool_tip)
        self._vault.setVisible(bool(text))
        self._vault_line.setVisible(bool(text))

    def set_pools(self, pools: int, stats: PoolStats) -> None:
        """Show the sum over ``pools`` open pools."""
        if not stats.total:
            text = self.tr("No open sessions")
        elif stats.active:
            text = self.tr("{active} of {total} sessions busy").format(
                active=stats.active, total=stats.total
            )
        else:
            text = (
                self.tr("1 session idle")
                if stats.total == 1
                else self.tr("{total} sessions idle").format(total=stats.total)
            )
        if stats.connecting:
            text += self.tr(", {connecting} connecting").format(connecting=stats.connecting)
        if stats.queued:
            text += self.tr(", {queued} waiting").format(queued=stats.queued)
        self._pools.set(
            text,
            self.tr(
                "{pools} pools: {active} busy, {idle} idle, {connecting} connecting, "
                "{queued} waiting"
            ).format(
                pools=pools,
                active=stats.active,
                idle=stats.idle,
                connecting=stats.connecting,
                queued=stats.queued,
            ),
        )

    @Slot(str)
    def announce(self, text: str) -> None:
        """Say something for a few seconds."""
        self._announcement.setText(text)
        self._quiet.start()


class _Fact(QWidget):
    def __init__(self, icon_name: str, name: str, room: int = _ROOMY) -> None:
        super().__init__()
        self._room = room
        self.setObjectName(name)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(Icon(icon_name, 14))
        self._text = Label(role="caption")
        row.addWidget(self._text)
        self._words = ""
        self._tool_tip = ""

    def set(self, text: str, tool_tip: str) -> None:
        self._words = text
        self.setAccessibleName(text)
        metrics = self._text.fontMetrics()
        self._text.setText(metrics.elidedText(text, Qt.TextElideMode.ElideRight, self._room))
        self._tool_tip = tool_tip
        self._show_tool_tip()

    def set_brief(self, *, brief: bool) -> None:
        """Show only the icon; the tool tip then says the words too."""
        self._text.setHidden(brief)
        self._show_tool_tip()

    def _show_tool_tip(self) -> None:
        words = f"{self._words}\n" if self._text.isHidden() else ""
        self.setToolTip(plain_tool_tip(words + self._tool_tip))


def _line() -> QWidget:
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(Space.XS, 9, Space.XS, 9)
    column.addWidget(Divider(vertical=True))
    return holder
